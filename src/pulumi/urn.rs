//! The URNs of Pulumi's token exchange (pkg/backend/httpstate/client/client.go,
//! `ExchangeOidcToken`; Pulumi documentation, "OIDC issuers").

use crate::policy::TokenType;

/// The prefix of an organization's URN.
pub(crate) const ORGANIZATION: &str = "urn:pulumi:org:";
/// The prefix of the URN of any token type.
pub(crate) const TOKEN_TYPE: &str = "urn:pulumi:token-type:";
/// The prefix of the URN of an access token's type; the kind of token follows.
pub(crate) const ACCESS_TOKEN: &str = "urn:pulumi:token-type:access_token:";

/// The URN of an organization, which is the audience of tokens for it.
pub(crate) fn organization(name: &str) -> String {
    format!("{ORGANIZATION}{name}")
}

/// The organization that an audience names.
pub(crate) fn organization_of(audience: &str) -> Option<&str> {
    audience.strip_prefix(ORGANIZATION)
}

/// The URN of an access token's type.
pub(crate) fn access_token(kind: TokenType) -> String {
    format!("{ACCESS_TOKEN}{}", kind.name())
}
