//! Issuer registrations and their policies: documents, patterns, claim paths and evaluation.
//!
//! The types mirror Pulumi Cloud's API (`AuthPolicyDefinition`, `OidcIssuerRegistrationResponse`).

pub mod claim_path;
pub mod document;
pub mod evaluate;
pub mod pattern;
pub mod rule_pattern;
pub(crate) mod template;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits;
use crate::limits::Work;

/// A policy document, independent of its form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    pub form: Form,
    pub organization: Option<String>,
    /// The issuers, in the document's order. A bare `AuthPolicy` has one without `url` and
    /// `issuer`.
    pub issuers: Vec<Registration>,
    /// Issuers whose URL depends on an expression.
    #[serde(default)]
    pub unresolved: Vec<Unresolved>,
}

impl Document {
    /// Whether the document names issuers. A bare `AuthPolicy` does not.
    #[must_use]
    pub fn names_issuers(&self) -> bool {
        self.form != Form::AuthPolicy
    }

    /// The registration for a token's `iss`. Compares with `issuer` if it is known (assumed). If only
    /// the URL is known, ignores a slash at its end: Pulumi's own guide registers
    /// `https://gitlab.com/` for tokens with the issuer `https://gitlab.com`.
    #[must_use]
    pub fn registration_of(&self, issuer: &str) -> Option<&Registration> {
        let first_with =
            |likeness| self.issuers.iter().find(move |r| r.likeness(issuer) == likeness);
        first_with(Likeness::Same).or_else(|| first_with(Likeness::ButSlash))
    }

    /// The registration whose policies decide on a token: [`Self::registration_of`], preferably in
    /// the requested organization, or the only one of a document without issuers.
    #[must_use]
    pub fn deciding_registration(
        &self,
        issuer: &str,
        organization: Option<&str>,
    ) -> Option<&Registration> {
        if !self.names_issuers() {
            return self.issuers.first();
        }
        // A program may register the same issuer in several organizations.
        let is_requested = |r: &&Registration| {
            r.organization.is_some() && r.organization.as_deref() == organization
        };
        let same = self.issuers.iter().filter(|r| r.likeness(issuer) == Likeness::Same);
        same.clone().find(is_requested).or_else(|| self.registration_of(issuer))
    }

    /// The registrations of an issuer in the requested organization.
    pub(crate) fn registrations_of(
        &self,
        issuer: &str,
        organization: Option<&str>,
    ) -> Vec<&Registration> {
        let is_in_organization = |r: &&Registration| {
            r.organization.is_none() || r.organization.as_deref() == organization
        };
        let same = self.issuers.iter().filter(|r| r.likeness(issuer) == Likeness::Same);
        same.filter(is_in_organization).collect()
    }

    /// Whether an unresolved URL of the document may be this issuer.
    #[must_use]
    pub fn may_register(&self, issuer: &str) -> bool {
        let mut work = Work::new(limits::NEAR_MISS);
        self.unresolved.iter().any(|unresolved| {
            let widest = widest_pattern(&unresolved.expression);
            let found = pattern::matches_within(&widest, std::iter::once(issuer), &mut work);
            // If the budget is used up, it may.
            found.unwrap_or(true)
        })
    }
}

/// The forms of a policy document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// The doctor's own form: `{organization?, issuers}`, or one such issuer.
    #[default]
    Own,
    /// An `AuthPolicy` from the API: entries without an issuer.
    AuthPolicy,
    /// A `ListOidcIssuersResponse`, or one issuer registration: issuers without entries.
    Registrations,
    /// A Pulumi YAML program with `OidcIssuer` resources.
    Program,
    /// The output of `pulumi stack export`, with such resources.
    Stack,
}

/// An issuer's registration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// The display name.
    pub name: Option<String>,
    /// The id in Pulumi Cloud.
    pub id: Option<String>,
    /// The URL as entered at registration.
    pub url: Option<String>,
    /// The issuer identifier, from the discovery document.
    pub issuer: Option<String>,
    /// Certificate thumbprints, as written.
    pub thumbprints: Vec<String>,
    /// The longest lifetime of an access token, in seconds.
    pub max_expiration: Option<i64>,
    /// Static keys (RFC 7517). With them, Pulumi Cloud fetches none.
    pub jwks: Option<Value>,
    /// The time of the last successful exchange, as written.
    pub last_used: Option<String>,
    /// The policy entries. `None` if the document does not contain them.
    pub policies: Option<Vec<Entry>>,
    /// The organization, if the document names one for each issuer.
    #[serde(default)]
    pub organization: Option<String>,
    /// Entries whose decision or token type depends on an expression.
    #[serde(default)]
    pub unresolved: Vec<Unresolved>,
    /// The comparison with the token's `iss`, made before parts of either URL were removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<Likeness>,
    pub place: Place,
}

/// The comparison of a registration with a token's `iss`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Likeness {
    /// The identifier equals `iss`.
    Same,
    /// Only the URL is known, and it differs from `iss` in a slash at the end.
    ButSlash,
    /// The registration is for another issuer.
    Other,
}

impl Registration {
    /// The name, or else the identifier.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.name.as_deref().or_else(|| self.identifier())
    }

    /// The issuer identifier that a token's `iss` must equal: `issuer`, or else `url`.
    #[must_use]
    pub fn identifier(&self) -> Option<&str> {
        self.issuer.as_deref().or(self.url.as_deref())
    }

    /// Compares the registration with a token's `iss`.
    #[must_use]
    pub fn likeness(&self, issuer: &str) -> Likeness {
        let bare = |url: &str| url.strip_suffix('/').unwrap_or(url).to_owned();
        match (self.compared, &self.issuer, &self.url) {
            (Some(compared), ..) => compared,
            _ if self.identifier() == Some(issuer) => Likeness::Same,
            (_, None, Some(url)) if bare(url) == bare(issuer) => Likeness::ButSlash,
            _ => Likeness::Other,
        }
    }
}

/// A part of a document that depends on an expression without a known value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unresolved {
    /// The expression, such as `${config.org}`.
    pub expression: String,
    /// The decision, for an entry with a known one.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// The token type, for an entry with a known one.
    #[serde(default)]
    pub token_type: Option<TokenType>,
    pub place: Place,
}

impl Unresolved {
    /// A part of which only the expression is known.
    pub(crate) fn new(expression: impl Into<String>, place: Place) -> Self {
        Self { expression: expression.into(), decision: None, token_type: None, place }
    }
}

/// The widest pattern for an expression: `repo:*/web` for `repo:${x}/web`, and `*` for anything but
/// a text with references. A text that it does not match is not a value of the expression.
#[must_use]
pub fn widest_pattern(expression: &str) -> String {
    if !expression.contains("${") {
        return "*".to_owned();
    }
    let (mut pattern, mut rest) = (String::new(), expression);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((_, after)) = after.split_once('}') else { return "*".to_owned() };
        // `$${` is a literal `${`, but rare. A wildcard is wide enough for it too.
        pattern.push_str(before.trim_end_matches('$'));
        pattern.push('*');
        rest = after;
    }
    pattern + rest
}

/// A place in a document. Both numbers count from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub line: u64,
    /// In characters.
    pub column: u64,
}

/// An entry of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub decision: Decision,
    /// The entry applies to requests for this token type.
    pub token_type: TokenType,
    /// May have wildcards.
    pub team_name: Option<String>,
    pub user_login: Option<String>,
    /// The deployment runner.
    pub runner_id: Option<String>,
    /// The role of the issued token.
    pub role_id: Option<String>,
    /// `admin` permits `scope=admin`.
    pub authorized_permissions: Vec<String>,
    /// The rules, in the document's order.
    pub rules: Vec<Rule>,
    pub place: Place,
}

/// A rule: a claim path, and the pattern that the claim must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The claim path as written: `sub`, `"kubernetes.io".pod.name`.
    pub claim: String,
    /// The pattern as written.
    pub pattern: String,
    /// The pattern is an expression without a known value.
    #[serde(default)]
    pub undetermined: bool,
    /// Whether the rule matched the token, before parts of a URL were removed from pattern or
    /// claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<bool>,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    Allow,
    /// Overrides every allow.
    Deny,
}

impl Decision {
    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// The kinds of access token that Pulumi Cloud issues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenType {
    #[default]
    Organization,
    Team,
    /// For a user.
    Personal,
    /// For a deployment runner.
    Runner,
}

impl TokenType {
    /// The name in the API and in the request's URN.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Team => "team",
            Self::Personal => "personal",
            Self::Runner => "runner",
        }
    }
}

/// The access token that a login requests, as far as policies decide on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestedToken {
    pub token_type: TokenType,
    /// The team, for a team token.
    pub team: Option<String>,
    /// The user's login, for a personal token.
    pub user: Option<String>,
    /// The runner, for a runner token.
    pub runner: Option<String>,
    /// Whether the login requests `scope=admin`.
    pub admin: bool,
}
