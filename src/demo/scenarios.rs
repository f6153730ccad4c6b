//! The scenarios, as data.

use serde_json::{Value, json};

use super::issuer::{AUDIENCE, SUBJECT};
use crate::catalogue::Code;
use crate::text::nearest;

/// A login and the world around it. What a scenario does not say is as in the healthy one.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about, in one line.
    pub title: &'static str,
    /// The root cause that the diagnosis has to find; none where the login works.
    pub expect: Option<Code>,
    /// What the registration's URL has after the issuer's.
    pub(super) registered_with: &'static str,
    /// The policy's entries, as in the API.
    pub(super) policies: Value,
    /// How long ago the token was issued, in seconds.
    pub(super) issued_ago: i64,
    /// Whether the issuer has replaced the key that signed the token.
    pub(super) key_rotated: bool,
    /// `--pulumi-version`.
    pub(super) pulumi_version: &'static str,
    /// Further arguments; `{cloud}` stands for Pulumi Cloud's URL.
    pub(super) arguments: &'static [&'static str],
    /// Environment variables; `{cloud-address}` stands for Pulumi Cloud's URL without its scheme.
    pub(super) environment: &'static [(&'static str, &'static str)],
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "healthy",
            title: "The login works: an Azure DevOps service connection logs in to acme",
            expect: None,
            registered_with: "",
            policies: json!([allow(AUDIENCE, SUBJECT)]),
            issued_ago: 5,
            key_rotated: false,
            pulumi_version: "3.259.0",
            arguments: &["--cloud-url", "{cloud}"],
            environment: &[],
        }
    }
}

/// The scenario of this name.
pub fn find(name: &str) -> Option<Scenario> {
    scenarios().into_iter().find(|scenario| scenario.name == name)
}

/// The name of the scenario that a misspelt name is probably meant for.
pub fn nearest(name: &str) -> Option<&'static str> {
    nearest::most_alike(name, scenarios().into_iter().map(|scenario| scenario.name))
}

/// Every scenario, the healthy one first.
pub fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::default(),
        Scenario {
            name: "empty-scheme",
            title: "unsupported protocol scheme \"\": no backend is configured, and pulumi 3.214.0 has no default",
            expect: Some(Code::BackendEmpty),
            pulumi_version: "3.214.0",
            arguments: &[],
            ..Scenario::default()
        },
        Scenario {
            name: "backend-without-scheme",
            title: "PULUMI_BACKEND_URL names the host without https://",
            expect: Some(Code::BackendSchemeMissing),
            arguments: &[],
            environment: &[("PULUMI_BACKEND_URL", "{cloud-address}")],
            ..Scenario::default()
        },
        Scenario {
            name: "invalid-issuer",
            title: "The issuer is registered with a slash at its end that tokens do not have",
            expect: Some(Code::IssuerNotRegistered),
            registered_with: "/",
            ..Scenario::default()
        },
        Scenario {
            name: "rotated-key",
            title: "The issuer has replaced the key that signed the token",
            expect: Some(Code::SigningKeyNotFound),
            key_rotated: true,
            ..Scenario::default()
        },
        Scenario {
            name: "audience-mismatch",
            title: "The policy says api://AzureADTokenExchange where the token has that audience's GUID",
            expect: Some(Code::AudienceMismatch),
            policies: json!([allow("api://AzureADTokenExchange", SUBJECT)]),
            ..Scenario::default()
        },
        Scenario {
            name: "denied-by-decision",
            title: "One policy entry allows the token, another denies it",
            expect: Some(Code::PolicyDenied),
            policies: json!([allow(AUDIENCE, SUBJECT), {
                "decision": "deny",
                "tokenType": "organization",
                "authorizedPermissions": [],
                "rules": {"sub": "/eid1/*"},
            }]),
            ..Scenario::default()
        },
        Scenario {
            name: "denied-by-token-type",
            title: "The policy lets the token in for a team, the login asks for the organization",
            expect: Some(Code::TokenTypeNotAllowed),
            policies: json!([{
                "decision": "allow",
                "tokenType": "team",
                "teamName": "platform",
                "authorizedPermissions": [],
                "rules": {"aud": AUDIENCE, "sub": SUBJECT},
            }]),
            ..Scenario::default()
        },
        Scenario {
            name: "denied-by-role",
            title: "The login asks for scope=admin, which the policy does not grant",
            expect: Some(Code::AdminNotPermitted),
            arguments: &["--cloud-url", "{cloud}", "--scope", "admin"],
            ..Scenario::default()
        },
        Scenario {
            name: "denied-by-subject",
            title: "The policy still names the service connection as Azure DevOps' old issuer did",
            expect: Some(Code::SubjectMismatch),
            policies: json!([allow(AUDIENCE, "sc://acme/web-shop/pulumi-production")]),
            ..Scenario::default()
        },
        Scenario {
            name: "expired-token",
            title: "The token was issued two days ago",
            expect: Some(Code::TokenExpired),
            issued_ago: 2 * 24 * 60 * 60,
            ..Scenario::default()
        },
    ]
}

fn allow(audience: &str, subject: &str) -> Value {
    json!({
        "decision": "allow",
        "tokenType": "organization",
        "authorizedPermissions": [],
        "roleID": "b9d5b6a0-3b7f-4c52-9a55-0f2f1b8a6f3e",
        "rules": {"aud": audience, "sub": subject},
    })
}
