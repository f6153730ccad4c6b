//! Issuer registrations and their policies: what a document says, and what it decides.
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

/// A policy document, whichever form it had.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// Which form it had.
    pub form: Form,
    /// The organization that it is for.
    pub organization: Option<String>,
    /// The issuers, in the document's order. A bare `AuthPolicy` gives one without `url` and
    /// `issuer`.
    pub issuers: Vec<Registration>,
    /// Issuers that are left out because their URL depends on an expression.
    #[serde(default)]
    pub unresolved: Vec<Unresolved>,
}

impl Document {
    /// Whether it says anything about issuers: a bare `AuthPolicy` does not.
    #[must_use]
    pub fn names_issuers(&self) -> bool {
        self.form != Form::AuthPolicy
    }

    /// The registration that a token's `iss` finds. `issuer` decides where it is known [A2]; with
    /// only the URL that was typed, a slash at its end makes no difference (Pulumi's own guide
    /// registers `https://gitlab.com/` for tokens that say `https://gitlab.com`).
    #[must_use]
    pub fn registration_of(&self, issuer: &str) -> Option<&Registration> {
        let with = |likeness| self.issuers.iter().find(move |r| r.likeness(issuer) == likeness);
        with(Likeness::Same).or_else(|| with(Likeness::ButSlash))
    }

    /// The registration whose policies decide on a token: [`Self::registration_of`], in the
    /// organization that is asked for where there are several; or the only
    /// one of a document that names no issuer.
    #[must_use]
    pub fn deciding(&self, issuer: &str, organization: Option<&str>) -> Option<&Registration> {
        if !self.names_issuers() {
            return self.issuers.first();
        }
        // A program may register the same issuer in several organizations.
        let is_asked = |r: &&Registration| {
            r.organization.is_some() && r.organization.as_deref() == organization
        };
        let same = self.issuers.iter().filter(|r| r.likeness(issuer) == Likeness::Same);
        same.clone().find(is_asked).or_else(|| self.registration_of(issuer))
    }

    /// The registrations of an issuer in the organization that is asked for.
    pub(crate) fn registrations_of(
        &self,
        issuer: &str,
        organization: Option<&str>,
    ) -> Vec<&Registration> {
        let is_here = |r: &&Registration| {
            r.organization.is_none() || r.organization.as_deref() == organization
        };
        let same = self.issuers.iter().filter(|r| r.likeness(issuer) == Likeness::Same);
        same.filter(is_here).collect()
    }

    /// Whether an issuer whose URL the document leaves open can be this one.
    #[must_use]
    pub fn may_register(&self, issuer: &str) -> bool {
        let mut work = Work::new(limits::NEAR_MISS);
        self.unresolved.iter().any(|open| {
            let widest = widest(&open.expression);
            let found = pattern::matches_within(&widest, std::iter::once(issuer), &mut work);
            // What was not worked out is left open.
            found.unwrap_or(true)
        })
    }
}

/// The forms of a policy document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// The doctor's own: `{organization?, issuers}`, or one such issuer.
    #[default]
    Own,
    /// An `AuthPolicy` as the API answers it: entries without an issuer.
    AuthPolicy,
    /// A `ListOidcIssuersResponse`, or one issuer registration: issuers without entries.
    Registrations,
    /// A Pulumi YAML program with `OidcIssuer` resources.
    Program,
    /// What `pulumi stack export` prints, with such resources.
    Stack,
}

/// An issuer's registration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// Its display name.
    pub name: Option<String>,
    /// Its id in Pulumi Cloud.
    pub id: Option<String>,
    /// The URL that was typed at registration.
    pub url: Option<String>,
    /// The issuer identifier, from the discovery document.
    pub issuer: Option<String>,
    /// Certificate thumbprints, as written.
    pub thumbprints: Vec<String>,
    /// The longest life of an access token, in seconds.
    pub max_expiration: Option<i64>,
    /// Static keys (RFC 7517); then nothing is fetched.
    pub jwks: Option<Value>,
    /// When an exchange last worked, as written.
    pub last_used: Option<String>,
    /// The policy entries; `None` where the document does not say.
    pub policies: Option<Vec<Entry>>,
    /// The organization that it is in, where the document tells it for each.
    #[serde(default)]
    pub organization: Option<String>,
    /// Entries that are left out because their decision or token type depends on an expression.
    #[serde(default)]
    pub unresolved: Vec<Unresolved>,
    /// How it compared with the token's `iss` before parts of either URL were removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<Likeness>,
    /// Its place in the document.
    pub place: Place,
}

/// How a registration compares with a token's `iss`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Likeness {
    /// Its identifier equals `iss`.
    Same,
    /// Only its URL is known, and it differs from `iss` in a slash at the end.
    ButSlash,
    /// It is another issuer's.
    Other,
}

impl Registration {
    /// What people call it.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.name.as_deref().or_else(|| self.identifier())
    }

    /// The issuer identifier that a token's `iss` has to equal: `issuer`, else `url`.
    #[must_use]
    pub fn identifier(&self) -> Option<&str> {
        self.issuer.as_deref().or(self.url.as_deref())
    }

    /// How it compares with a token's `iss`.
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

/// A part of a document that cannot be told from the document alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unresolved {
    /// The expression that it depends on (`${config.org}`).
    pub expression: String,
    /// The decision, if it is an entry whose decision is known.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// The token type that it is for, likewise.
    #[serde(default)]
    pub token_type: Option<TokenType>,
    /// Where it stands.
    pub place: Place,
}

impl Unresolved {
    /// Something of which only the expression is known.
    pub(crate) fn new(expression: impl Into<String>, place: Place) -> Self {
        Self { expression: expression.into(), decision: None, token_type: None, place }
    }
}

/// The widest pattern that an expression can stand for: `repo:*/web` for `repo:${x}/web`, and `*`
/// for what is no text with references in it. What this does not match, the expression cannot.
#[must_use]
pub fn widest(expression: &str) -> String {
    if !expression.contains("${") {
        return "*".to_owned();
    }
    let (mut pattern, mut rest) = (String::new(), expression);
    while let Some((before, behind)) = rest.split_once("${") {
        let Some((_, behind)) = behind.split_once('}') else { return "*".to_owned() };
        // `$${` is a literal `${`, and rare enough to be left open too.
        pattern.push_str(before.trim_end_matches('$'));
        pattern.push('*');
        rest = behind;
    }
    pattern + rest
}

/// A place in a document, from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Line.
    pub line: u64,
    /// Column, in characters.
    pub column: u64,
}

/// One entry of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// What it decides.
    pub decision: Decision,
    /// The requested token type that it is for.
    pub token_type: TokenType,
    /// The team (wildcards allowed).
    pub team_name: Option<String>,
    /// The user's login.
    pub user_login: Option<String>,
    /// The deployment runner.
    pub runner_id: Option<String>,
    /// The role that the token gets.
    pub role_id: Option<String>,
    /// `admin` in here lets `scope=admin` through.
    pub authorized_permissions: Vec<String>,
    /// The rules, in the document's order.
    pub rules: Vec<Rule>,
    /// Its place in the document.
    pub place: Place,
}

/// A rule: a claim's path and the pattern its value has to match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The claim path as written: `sub`, `"kubernetes.io".pod.name`.
    pub claim: String,
    /// The pattern as written.
    pub pattern: String,
    /// The pattern is an expression whose value the document does not tell: never matched.
    #[serde(default)]
    pub undetermined: bool,
    /// Whether it matched the token before parts of a URL were removed from pattern or claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<bool>,
    /// Its place in the document.
    pub place: Place,
}

/// What an entry decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// Lets in.
    Allow,
    /// Keeps out; beats every allow.
    Deny,
}

impl Decision {
    /// The name as the API has it.
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
    /// For the organization.
    #[default]
    Organization,
    /// For a team.
    Team,
    /// For a user.
    Personal,
    /// For a deployment runner.
    Runner,
}

impl TokenType {
    /// The name as the API and the request's URN have it.
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

/// What a login asks for, as far as a policy decides on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    /// The requested token type.
    pub token_type: TokenType,
    /// The team, for a team token.
    pub team: Option<String>,
    /// The user's login, for a personal token.
    pub user: Option<String>,
    /// The runner, for a runner token.
    pub runner: Option<String>,
    /// Whether `scope=admin` is asked for.
    pub admin: bool,
}
