//! The category and the severity of failures.

use serde::Serialize;

/// What a failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Category {
    /// Where the token came from.
    Input,
    /// What the CLI would refuse before any request.
    Login,
    /// Which Pulumi Cloud the login uses.
    Backend,
    /// The content of the token.
    Token,
    /// Whether Pulumi Cloud can verify the token.
    Issuer,
    /// Whether the token is meant for Pulumi Cloud.
    Audience,
    /// Whether Pulumi Cloud lets the token in.
    Policy,
    /// The token exchange.
    Exchange,
    /// The new access token.
    Whoami,
}

impl Category {
    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Login => "login",
            Self::Backend => "backend",
            Self::Token => "token",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Policy => "policy",
            Self::Exchange => "exchange",
            Self::Whoami => "whoami",
        }
    }

    /// What it is about, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Input => "how doctor got the token",
            Self::Login => "what pulumi itself would refuse",
            Self::Backend => "which Pulumi Cloud the login uses",
            Self::Token => "what the token says",
            Self::Issuer => "whether Pulumi Cloud can verify the token",
            Self::Audience => "whether the token is meant for Pulumi Cloud",
            Self::Policy => "whether Pulumi Cloud lets the token in",
            Self::Exchange => "what the token exchange says",
            Self::Whoami => "what the service says about the new access token",
        }
    }
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Useful to know.
    Info,
    /// Does not prevent a login, or only in some cases.
    Warning,
    /// Prevents a login.
    Error,
}

impl Severity {
    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}
