//! What the login requests.
use serde::{Deserialize, Serialize};

use super::CredentialHelper;

/// What the login requests, as given; [`crate::pulumi::request`] derives the request from it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// Whether a flag, an argument or `PULUMI_OPTION_OIDC_TOKEN` named the token's source. Without
    /// that, `pulumi login` makes no exchange.
    #[serde(default)]
    pub token_named: bool,
    /// `--oidc-org`.
    pub organization: Option<String>,
    /// `--oidc-team`.
    pub team: Option<String>,
    /// `--oidc-user`.
    pub user: Option<String>,
    /// `--oidc-expiration`, as written.
    pub expiration: Option<String>,
    /// `--scope`.
    pub scope: Option<String>,
    /// Whether `PULUMI_ACCESS_TOKEN` is set and not empty.
    pub access_token_in_environment: bool,
    /// The `pulumi` of the login.
    pub cli: Cli,
    /// The credential helper that the login would use.
    #[serde(default, skip_serializing_if = "CredentialHelper::is_none")]
    pub helper: CredentialHelper,
    /// Whether `--credential-helper` or its variable is set, even to an empty value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub helper_flag_given: bool,
    /// The flag of credential helpers on the command line. CLIs that do not know it refuse it,
    /// while they ignore its variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helper_on_command_line: Option<HelperFlag>,
    /// Whether the CLI takes the environment for that of a coding agent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub coding_agent: bool,
}

impl Login {
    /// Whether one of the `--oidc-…` flags has a value.
    pub fn uses_oidc_flags(&self) -> bool {
        let others = [&self.organization, &self.team, &self.user, &self.expiration];
        self.token_named || others.into_iter().any(Option::is_some)
    }
}

/// The Pulumi CLI whose rules apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Cli {
    /// `--pulumi-version`.
    Given { version: semver::Version },
    /// The version of the `pulumi` on PATH.
    Installed { version: semver::Version, path: String },
    /// The `pulumi` on PATH gave no version.
    Unreadable { path: String, reason: String },
    /// No `pulumi` on PATH.
    #[default]
    NotFound,
}

impl Cli {
    /// The version whose rules apply; `None` for the newest rules.
    pub fn version(&self) -> Option<&semver::Version> {
        match self {
            Self::Given { version } | Self::Installed { version, .. } => Some(version),
            Self::Unreadable { .. } | Self::NotFound => None,
        }
    }
}

/// A flag of credential helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HelperFlag {
    Helper,
    Argument,
}

impl HelperFlag {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Helper => "--credential-helper",
            Self::Argument => "--credential-helper-arg",
        }
    }
}
