//! What the login asks for.

use serde::{Deserialize, Serialize};

use super::CredentialHelper;

/// What the login asks for, as given; [`crate::pulumi::request`] works out what follows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// A source of the token was named: by a flag, an argument, or `PULUMI_OPTION_OIDC_TOKEN`. A
    /// `pulumi login` without one makes no exchange.
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
    /// `PULUMI_ACCESS_TOKEN` is set and not empty (its value is not kept).
    pub access_token_in_environment: bool,
    /// The `pulumi` this login runs with.
    pub cli: Cli,
    /// The credential helper that it would use.
    #[serde(default, skip_serializing_if = "CredentialHelper::is_none")]
    pub helper: CredentialHelper,
    /// `--credential-helper` or its variable is there, be it empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub helper_flag_given: bool,
    /// `--credential-helper` or `--credential-helper-arg` is on the command line. A CLI that does not
    /// know them refuses them there, and ignores their variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helper_on_command_line: Option<HelperFlag>,
    /// The environment is that of a coding agent, to the CLI.
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
    /// The `pulumi` on PATH said so.
    Installed {
        version: semver::Version,
        /// Where it was found.
        path: String,
    },
    /// There is a `pulumi` on PATH but it gave no version.
    Unreadable {
        /// Where it was found.
        path: String,
        /// Why not.
        reason: String,
    },
    /// No `pulumi` on PATH.
    #[default]
    NotFound,
}

impl Cli {
    /// The version whose rules apply; `None`: the newest rules.
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
    /// The flag as it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Helper => "--credential-helper",
            Self::Argument => "--credential-helper-arg",
        }
    }
}
