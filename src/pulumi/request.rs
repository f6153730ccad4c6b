//! The request of a login: organization, token type, scope and expiration, from flags and (if the
//! CLI reads them) from the token's claims; and the form that the exchange sends.
//!
//! Sources: pkg/cmd/pulumi/auth/login.go (`extractOIDCDefaults`),
//! sdk/go/common/workspace/creds.go (`NewAuthContextForTokenExchange`) and
//! pkg/backend/httpstate/client/client.go (`ExchangeOidcToken`).

use std::fmt;

use semver::Version;

use crate::catalogue::Code;
use crate::evidence::{Evidence, Login, Source, Token};
use crate::policy::{RequestedToken, TokenType};
use crate::pulumi::duration;
use crate::pulumi::duration::DurationError;
use crate::pulumi::{urn, versions};

/// The lifetime that the CLI requests by default, in seconds.
pub(crate) const DEFAULT_EXPIRATION_SECONDS: i64 = 7200;

/// The access token that a login requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The organization, if one is named.
    pub organization: Option<String>,
    /// Where the organization's name comes from.
    pub organization_from: Option<Provenance>,
    /// The part of the request that policies decide on.
    pub ask: RequestedToken,
    /// The requested scope, as it is sent.
    pub scope: String,
    /// The requested expiration in whole seconds, which may be negative as in the CLI; or why
    /// `--oidc-expiration` is invalid.
    pub expiration_seconds: Result<i64, DurationError>,
    /// The conflicts at which the CLI stops, in its order. If a flag and a claim differ, the
    /// request holds the flag's value.
    pub conflicts: Vec<Conflict>,
}

/// Where a value of the request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// A flag of the login.
    Flag,
    /// The token's `aud` claim.
    AudienceClaim,
    /// The token's `scope` claim.
    ScopeClaim,
}

/// Two values of which the CLI accepts only one. It displays the CLI's own message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// `--oidc-org` and the `aud` claim name different organizations.
    Organization {
        /// The value of `--oidc-org`.
        flag: String,
        /// The organization in the claim.
        claim: String,
    },
    /// `--oidc-team` and the `scope` claim name different teams.
    Team {
        /// The value of `--oidc-team`.
        flag: String,
        /// The team in the claim.
        claim: String,
    },
    /// `--oidc-user` and the `scope` claim name different users.
    User {
        /// The value of `--oidc-user`.
        flag: String,
        /// The user in the claim.
        claim: String,
    },
    /// Both a team and a user.
    TeamAndUser {
        /// The team.
        team: String,
        /// Where the team comes from.
        team_from: Provenance,
        /// The user.
        user: String,
        /// Where the user comes from.
        user_from: Provenance,
    },
}

impl Conflict {
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Organization { .. } => Code::OrganizationConflict,
            Self::Team { .. } => Code::TeamConflict,
            Self::User { .. } => Code::UserConflict,
            Self::TeamAndUser { .. } => Code::TeamAndUser,
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (option, flag, place, claim) = match self {
            Self::Organization { flag, claim } => ("org", flag, "aud claim", claim),
            Self::Team { flag, claim } => ("team", flag, "scope", claim),
            Self::User { flag, claim } => ("user", flag, "scope", claim),
            Self::TeamAndUser { team, team_from, user, user_from } => {
                if *team_from != Provenance::Flag && *user_from != Provenance::Flag {
                    write!(f, "JWT scope contains both team '{team}' and user '{user}'. Only")?;
                } else {
                    f.write_str("only")?;
                }
                return f.write_str(" one of team or user may be specified for token exchange");
            }
        };
        let what = if option == "org" { "organization" } else { option };
        write!(
            f,
            "--oidc-{option} '{flag}' conflicts with JWT {place} {what} '{claim}'. \
             The JWT {place} takes precedence during token exchange. \
             Either omit --oidc-{option} to use the JWT value, or ensure they match"
        )
    }
}

impl Evidence {
    /// The request of this login. Outside the failing job the token counts even if the CLI would
    /// refuse it as it was given: text around it may come from copying it here.
    pub fn request(&self) -> Request {
        let counts = self.cli_accepts_token() || !self.options.run_context.judges_environment();
        let token = self.token.as_ref().filter(|_| counts);
        resolve(&self.login, self.rules(), token, &self.input.source)
    }
}

/// Resolves the request of a login, by the rules of a CLI version (`None`: the newest).
pub(crate) fn resolve(
    login: &Login,
    version: Option<&Version>,
    token: Option<&Token>,
    source: &Source,
) -> Request {
    let mut claimed = ClaimedNames::from_token(version, token, source);
    let mut conflicts = Vec::new();
    let explicit_scope = non_empty(&login.scope);
    if explicit_scope.is_some() {
        // An explicit scope replaces team and user.
        (claimed.team, claimed.user) = (None, None);
    }
    if let (Some(team), Some(user)) = (&claimed.team, &claimed.user) {
        conflicts.push(Conflict::TeamAndUser {
            team: team.clone(),
            team_from: Provenance::ScopeClaim,
            user: user.clone(),
            user_from: Provenance::ScopeClaim,
        });
    }
    let organization = flag_or_claim(
        non_empty(&login.organization),
        claimed.organization.map(|claim| (claim, Provenance::AudienceClaim)),
        |flag, claim| conflicts.push(Conflict::Organization { flag, claim }),
    );
    let scope = explicit_scope.unwrap_or_else(|| {
        let from_scope = |name: Option<String>| name.map(|claim| (claim, Provenance::ScopeClaim));
        let team =
            flag_or_claim(non_empty(&login.team), from_scope(claimed.team), |flag, claim| {
                conflicts.push(Conflict::Team { flag, claim });
            });
        let user =
            flag_or_claim(non_empty(&login.user), from_scope(claimed.user), |flag, claim| {
                conflicts.push(Conflict::User { flag, claim });
            });
        match (team, user) {
            (Some((team, team_from)), Some((user, user_from))) => {
                let scope = format!("user:{user}");
                if [team_from, user_from].contains(&Provenance::Flag) {
                    conflicts.push(Conflict::TeamAndUser { team, team_from, user, user_from });
                }
                scope
            }
            (Some((team, _)), None) => format!("team:{team}"),
            (None, Some((user, _))) => format!("user:{user}"),
            (None, None) => String::new(),
        }
    });
    let (organization, organization_from) = organization.unzip();
    Request {
        organization,
        organization_from,
        ask: ask_for_scope(&scope),
        scope,
        expiration_seconds: parse_expiration(non_empty(&login.expiration).as_deref()),
        conflicts,
    }
}

type NameAndProvenance = (String, Provenance);

/// The flag if it is given, else the claim. Calls `on_conflict` with both if they differ.
fn flag_or_claim(
    flag: Option<String>,
    claim: Option<NameAndProvenance>,
    on_conflict: impl FnOnce(String, String),
) -> Option<NameAndProvenance> {
    let Some(flag) = flag else { return claim };
    if let Some((claim, _)) = claim
        && claim != flag
    {
        on_conflict(flag.clone(), claim);
    }
    Some((flag, Provenance::Flag))
}

impl Request {
    /// The form of the exchange in the order of Go's `url.Values.Encode` (sorted by key), without
    /// `subject_token`, which belongs before `subject_token_type`. An invalid `expiration` is left
    /// out: the CLI sends no request then.
    pub fn form(&self, organization: &str) -> Vec<(&'static str, String)> {
        let mut form = vec![("audience", urn::organization(organization))];
        if let Ok(seconds) = self.expiration_seconds {
            form.push(("expiration", seconds.to_string()));
        }
        form.extend([
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".to_owned()),
            ("requested_token_type", urn::access_token(self.ask.token_type)),
            ("scope", self.scope.clone()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token".to_owned()),
        ]);
        form
    }
}

/// The value of a flag. Go's flags do not distinguish between empty and not given.
fn non_empty(flag: &Option<String>) -> Option<String> {
    flag.clone().filter(|value| !value.is_empty())
}

/// Parses `--oidc-expiration`. Go's `int(expiration.Seconds())` goes through a float and truncates.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn parse_expiration(text: Option<&str>) -> Result<i64, DurationError> {
    let Some(text) = text else { return Ok(DEFAULT_EXPIRATION_SECONDS) };
    let nanoseconds = duration::parse(text)?;
    let (whole, rest) = (nanoseconds / duration::SECOND, nanoseconds % duration::SECOND);
    Ok((whole as f64 + rest as f64 / 1e9) as i64)
}

/// Derives the token type from the scope's prefix. The CLI has no flag for a runner.
fn ask_for_scope(scope: &str) -> RequestedToken {
    let named = |prefix| scope.strip_prefix(prefix).map(str::to_owned);
    let (team, user, runner) = (named("team:"), named("user:"), named("runner:"));
    let token_type = match (&team, &user, &runner) {
        (Some(_), ..) => TokenType::Team,
        (_, Some(_), _) => TokenType::Personal,
        (.., Some(_)) => TokenType::Runner,
        _ => TokenType::Organization,
    };
    RequestedToken { token_type, team, user, runner, admin: scope == "admin" }
}

/// The names that the CLI reads from a token's claims.
#[derive(Default)]
struct ClaimedNames {
    organization: Option<String>,
    team: Option<String>,
    user: Option<String>,
}

impl ClaimedNames {
    /// Reads the claims. Nothing is read of a token in a file, because the CLI parses the literal
    /// `file://PATH` here, nor by a CLI before 3.217.0.
    fn from_token(version: Option<&Version>, token: Option<&Token>, source: &Source) -> Self {
        let Some(token) = token else { return Self::default() };
        if matches!(source, Source::File { .. }) || !versions::READS_CLAIMS.holds(version) {
            return Self::default();
        }
        let mut names = Self {
            // The CLI ignores an array, even of one audience.
            organization: token
                .text("aud")
                .and_then(urn::organization_of)
                .filter(|name| !name.is_empty() && !name.contains(':'))
                .map(str::to_owned),
            ..Self::default()
        };
        // A string is split at white space, elements of an array are not. The last team and user
        // win, even if empty.
        let scopes: Vec<&str> = match token.claims.get("scope") {
            Some(serde_json::Value::String(text)) => text.split_whitespace().collect(),
            Some(serde_json::Value::Array(items)) => {
                items.iter().filter_map(serde_json::Value::as_str).collect()
            }
            _ => Vec::new(),
        };
        let non_empty = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
        for scope in scopes {
            if let Some(team) = scope.strip_prefix("team:") {
                names.team = non_empty(team);
            } else if let Some(user) = scope.strip_prefix("user:") {
                names.user = non_empty(user);
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use serde_json::{Value, json};

    use super::*;
    use crate::evidence::Cli;

    fn token(claims: Value) -> Token {
        Token {
            header: serde_json::Map::new(),
            claims: claims.as_object().unwrap().clone(),
            duplicates: Vec::new(),
            fingerprint: String::new(),
            signature_bytes: 256,
            truncated: None,
        }
    }

    fn login(organization: &str, team: &str, user: &str) -> Login {
        Login {
            organization: Some(organization.to_owned()),
            team: Some(team.to_owned()),
            user: Some(user.to_owned()),
            ..Login::default()
        }
    }

    fn login_with_version(version: &str) -> Login {
        Login { cli: Cli::Given { version: version.parse().unwrap() }, ..login("", "", "") }
    }

    fn request(login: &Login, claims: Value) -> Request {
        resolve(login, login.cli.version(), Some(&token(claims)), &Source::OidcTokenFlag)
    }

    #[test]
    fn claims_are_read_by_version_and_source() {
        let claims = json!({"aud": "urn:pulumi:org:acme", "scope": "openid team:ops"});
        let table = [
            ("3.209.0", None, ""),
            ("3.216.0", None, ""),
            ("3.217.0", Some("acme"), "team:ops"),
            ("3.260.1", Some("acme"), "team:ops"),
        ];
        for (version, organization, scope) in table {
            let request = request(&login_with_version(version), claims.clone());
            assert_eq!(request.organization.as_deref(), organization, "{version}");
            assert_eq!(request.scope, scope, "{version}");
        }
        let newest = request(&Login::default(), claims.clone());
        assert_eq!(newest.organization.as_deref(), Some("acme"));
        assert_eq!(newest.organization_from, Some(Provenance::AudienceClaim));
        assert_eq!(newest.ask.token_type, TokenType::Team);
        assert_eq!(newest.ask.team.as_deref(), Some("ops"));

        let file = Source::File { path: "t".into(), absolute: "/t".into() };
        let from_file = resolve(&Login::default(), None, Some(&token(claims)), &file);
        assert_eq!((from_file.organization, from_file.scope.as_str()), (None, ""));
    }

    #[test]
    fn only_exact_audiences_name_an_organization() {
        let table = [
            (json!("urn:pulumi:org:acme"), Some("acme")),
            (json!(["urn:pulumi:org:acme"]), None),
            (json!("urn:pulumi:org:acme:x"), None),
            (json!("urn:pulumi:org:"), None),
            (json!("URN:pulumi:org:acme"), None),
            (json!(7), None),
        ];
        for (audience, expected) in table {
            let request = request(&Login::default(), json!({ "aud": audience }));
            assert_eq!(request.organization.as_deref(), expected, "{audience}");
        }
    }

    #[test]
    fn scope_claim_is_string_or_array() {
        let table = [
            (json!("user:jane"), "user:jane"),
            (json!(["team:a", 1, "team:b"]), "team:b"),
            (json!(["read team:a"]), ""),
            (json!("team:a team:"), ""),
            (json!("runner:r"), ""),
            (json!({}), ""),
        ];
        for (scope, expected) in table {
            assert_eq!(
                request(&Login::default(), json!({ "scope": scope })).scope,
                expected,
                "{scope}"
            );
        }
    }

    #[test]
    fn conflicts_use_cli_wording() {
        let claims = json!({"aud": "urn:pulumi:org:b", "scope": "team:b"});
        let texts = |login: &Login, claims: &Value| {
            request(login, claims.clone())
                .conflicts
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            texts(&login("a", "a", ""), &claims),
            [
                "--oidc-org 'a' conflicts with JWT aud claim organization 'b'. The JWT aud claim takes precedence during token exchange. Either omit --oidc-org to use the JWT value, or ensure they match",
                "--oidc-team 'a' conflicts with JWT scope team 'b'. The JWT scope takes precedence during token exchange. Either omit --oidc-team to use the JWT value, or ensure they match",
            ]
        );
        assert_eq!(
            texts(&login("b", "b", ""), &claims),
            Vec::<String>::new(),
            "equal values are no conflict"
        );
        assert_eq!(
            texts(&login("", "", "u"), &json!({"scope": "user:v"})),
            [
                "--oidc-user 'u' conflicts with JWT scope user 'v'. The JWT scope takes precedence during token exchange. Either omit --oidc-user to use the JWT value, or ensure they match"
            ]
        );
        assert_eq!(
            texts(&login("", "", ""), &json!({"scope": "team:t user:u"})),
            [
                "JWT scope contains both team 't' and user 'u'. Only one of team or user may be specified for token exchange"
            ]
        );
        let one_of = ["only one of team or user may be specified for token exchange"];
        assert_eq!(texts(&login("", "t", "u"), &json!({})), one_of);
        assert_eq!(texts(&login("", "t", ""), &json!({"scope": "user:u"})), one_of);
        let mixed = request(&login("", "t", ""), json!({"scope": "user:u"}));
        assert_eq!(
            mixed.conflicts,
            [Conflict::TeamAndUser {
                team: "t".into(),
                team_from: Provenance::Flag,
                user: "u".into(),
                user_from: Provenance::ScopeClaim,
            }]
        );
        assert_eq!(request(&login("a", "", ""), claims).organization.as_deref(), Some("a"));
    }

    #[test]
    fn explicit_scope_sets_token_type() {
        let table = [
            ("admin", TokenType::Organization, true),
            ("runner:build", TokenType::Runner, false),
            ("team:ops", TokenType::Team, false),
            ("user:jane", TokenType::Personal, false),
            ("admin openid", TokenType::Organization, false),
            ("", TokenType::Organization, false),
        ];
        for (scope, token_type, admin) in table {
            let login = Login { scope: Some(scope.into()), ..Login::default() };
            let request = resolve(&login, login.cli.version(), None, &Source::None);
            assert_eq!(request.ask.token_type, token_type, "{scope}");
            assert_eq!(request.ask.admin, admin, "{scope}");
            assert_eq!(request.scope, scope);
        }
        let login = Login { scope: Some("runner:build".into()), ..Login::default() };
        let request = resolve(&login, login.cli.version(), None, &Source::None);
        assert_eq!(request.ask.runner.as_deref(), Some("build"));
    }

    #[test]
    fn expirations_are_truncated_as_in_go() {
        let table = [
            ("", Some(7200)),
            ("15m", Some(900)),
            ("1.9s", Some(1)),
            ("-1.9s", Some(-1)),
            ("999ms", Some(0)),
            ("-1h", Some(-3600)),
            ("1d", None),
            ("3600", None),
        ];
        for (text, expected) in table {
            let login = Login { expiration: Some(text.into()), ..Login::default() };
            let request = resolve(&login, login.cli.version(), None, &Source::None);
            assert_eq!(request.expiration_seconds.ok(), expected, "{text}");
        }
    }

    #[test]
    fn exchange_form_equals_cli() {
        let request = resolve(&login("acme", "", "jane"), None, None, &Source::None);
        assert_eq!(
            request.form("acme"),
            [
                ("audience", "urn:pulumi:org:acme".to_owned()),
                ("expiration", "7200".to_owned()),
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".to_owned()),
                ("requested_token_type", "urn:pulumi:token-type:access_token:personal".to_owned()),
                ("scope", "user:jane".to_owned()),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token".to_owned()),
            ]
        );
    }
}
