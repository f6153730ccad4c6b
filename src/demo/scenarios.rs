//! The demo's scenarios.

use serde_json::{Value, json};

use super::issuer::{AUDIENCE, SUBJECT};
use crate::catalogue::Code;
use crate::text::nearest;

/// A login, and the issuer and Pulumi Cloud that it meets. The default is a healthy login.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The name on the command line.
    pub name: &'static str,
    /// A description in one line.
    pub title: &'static str,
    /// The root cause that the diagnosis must find; none if the login works.
    pub expected_root_cause: Option<Code>,
    /// The text that the registered URL has behind the issuer's.
    pub(super) registered_suffix: &'static str,
    /// The policy's entries, in the API's form.
    pub(super) policies: Value,
    /// How long ago the token was issued, in seconds.
    pub(super) issued_ago: i64,
    /// Whether the issuer has replaced the key that signed the token.
    pub(super) key_rotated: bool,
    /// The value of `--pulumi-version`.
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
            expected_root_cause: None,
            registered_suffix: "",
            policies: json!([allow(AUDIENCE, SUBJECT)]),
            issued_ago: 5,
            key_rotated: false,
            pulumi_version: "3.259.0",
            arguments: &["--cloud-url", "{cloud}"],
            environment: &[],
        }
    }
}

/// Finds a scenario by its name.
pub fn find(name: &str) -> Option<Scenario> {
    scenarios().into_iter().find(|scenario| scenario.name == name)
}

/// The name of a scenario that a misspelt name probably means.
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
            expected_root_cause: Some(Code::BackendEmpty),
            pulumi_version: "3.214.0",
            arguments: &[],
            ..Scenario::default()
        },
        Scenario {
            name: "backend-without-scheme",
            title: "PULUMI_BACKEND_URL names the host without https://",
            expected_root_cause: Some(Code::BackendSchemeMissing),
            arguments: &[],
            environment: &[("PULUMI_BACKEND_URL", "{cloud-address}")],
            ..Scenario::default()
        },
        Scenario {
            name: "invalid-issuer",
            title: "The issuer is registered with a slash at its end that tokens do not have",
            expected_root_cause: Some(Code::IssuerNotRegistered),
            registered_suffix: "/",
            ..Scenario::default()
        },
        Scenario {
            name: "rotated-key",
            title: "The issuer has replaced the key that signed the token",
            expected_root_cause: Some(Code::SigningKeyNotFound),
            key_rotated: true,
            ..Scenario::default()
        },
        Scenario {
            name: "audience-mismatch",
            title: "The policy says api://AzureADTokenExchange where the token has that audience's GUID",
            expected_root_cause: Some(Code::AudienceMismatch),
            policies: json!([allow("api://AzureADTokenExchange", SUBJECT)]),
            ..Scenario::default()
        },
        Scenario {
            name: "denied-by-decision",
            title: "One policy entry allows the token, another denies it",
            expected_root_cause: Some(Code::PolicyDenied),
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
            expected_root_cause: Some(Code::TokenTypeNotAllowed),
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
            expected_root_cause: Some(Code::AdminNotPermitted),
            arguments: &["--cloud-url", "{cloud}", "--scope", "admin"],
            ..Scenario::default()
        },
        Scenario {
            name: "denied-by-subject",
            title: "The policy still names the service connection as Azure DevOps' old issuer did",
            expected_root_cause: Some(Code::SubjectMismatch),
            policies: json!([allow(AUDIENCE, "sc://acme/web-shop/pulumi-production")]),
            ..Scenario::default()
        },
        Scenario {
            name: "expired-token",
            title: "The token was issued two days ago",
            expected_root_cause: Some(Code::TokenExpired),
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
