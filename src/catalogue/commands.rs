//! Commands that several codes are checked with by hand. No token stands on a command line, where
//! others see it, and none is printed.

/// The names of the environment variables that hold a token.
pub(super) const NAMES: &str = r#"env | grep -E '=eyJ[A-Za-z0-9_-]+\.' | cut -d= -f1"#;

/// A token's header.
pub(super) const HEADER: &str = "\
# token.jwt holds the token
cut -d. -f1 token.jwt | tr '_-' '/+' | jq -R '@base64d | fromjson'";

/// A token's claims.
pub(super) const CLAIMS: &str = "\
# token.jwt holds the token
cut -d. -f2 token.jwt | tr '_-' '/+' | jq -R '@base64d | fromjson'";

/// A token's times, beside this machine's.
pub(super) const TIMES: &str = "\
# token.jwt holds the token
cut -d. -f2 token.jwt | tr '_-' '/+' |
  jq -R '@base64d | fromjson | {now: now, iat, exp} | map_values(todate)'";

/// What an issuer's discovery document says.
pub(super) const DISCOVERY: &str = r#"ISSUER=https://gitlab.acme.test  # the token's iss
curl -sS "$ISSUER/.well-known/openid-configuration" | jq '{issuer, jwks_uri}'"#;

/// The keys of an issuer.
pub(super) const KEY_IDS: &str = r#"ISSUER=https://gitlab.acme.test  # the token's iss
curl -sS "$(curl -sS "$ISSUER/.well-known/openid-configuration" | jq -r .jwks_uri)" |
  jq '[.keys[] | {kid, kty, alg}]'"#;

/// The issuers of an organization.
pub(super) const ISSUERS: &str = r#"curl -sS -H @- https://api.pulumi.com/api/orgs/acme/oidc/issuers \
  <<<"Authorization: token $PULUMI_ACCESS_TOKEN" |
  jq '.oidcIssuers[] | {id, name, url, issuer, maxExpiration, lastUsed}'"#;

/// The policies of an issuer.
pub(super) const POLICIES: &str = r#"ISSUER_ID=ID  # GET /api/orgs/acme/oidc/issuers lists them
curl -sS -H @- "https://api.pulumi.com/api/orgs/acme/auth/policies/oidcissuers/$ISSUER_ID" \
  <<<"Authorization: token $PULUMI_ACCESS_TOKEN" | jq .policies"#;

/// Those that deny.
pub(super) const DENIES: &str = r#"ISSUER_ID=ID  # GET /api/orgs/acme/oidc/issuers lists them
curl -sS -H @- "https://api.pulumi.com/api/orgs/acme/auth/policies/oidcissuers/$ISSUER_ID" \
  <<<"Authorization: token $PULUMI_ACCESS_TOKEN" |
  jq '.policies[] | select(.decision == "deny")'"#;

/// Whose an access token is.
pub(super) const USER: &str = r#"curl -sS -H @- https://api.pulumi.com/api/user <<<"Authorization: token $PULUMI_ACCESS_TOKEN" |
  jq '{githubLogin, tokenInfo, organizations: [.organizations[].githubLogin]}'"#;

/// Whether an access token is accepted.
pub(super) const USER_STATUS: &str = r#"curl -sS -o /dev/null -w '%{http_code}\n' -H @- https://api.pulumi.com/api/user \
  <<<"Authorization: token $PULUMI_ACCESS_TOKEN""#;
