//! The typed command line, and the process that the run takes place in.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use semver::Version;

use super::environment::Environment;
use super::pulumi::credential_helper::HelperFlags;
use super::token;
use crate::pulumi::versions;

/// What to gather: the command line, as typed values. Has no `Debug`: it may hold the token.
pub struct Plan {
    /// `doctor login`: the failing login runs in this environment.
    pub is_login: bool,
    /// Where to read the token.
    pub token: token::TokenLocation,
    /// `--oidc-org`.
    pub organization: Option<String>,
    /// `--oidc-team`.
    pub team: Option<String>,
    /// `--oidc-user`.
    pub user: Option<String>,
    /// `--oidc-expiration`.
    pub expiration: Option<String>,
    /// `--scope`.
    pub scope: Option<String>,
    /// The positional URL of `doctor login`.
    pub url: Option<String>,
    /// `--cloud-url`.
    pub cloud_url: Option<String>,
    /// `--local`. A flag that was given overrides its variable.
    pub local: Option<bool>,
    /// `--insecure`.
    pub insecure: Option<bool>,
    /// `--cwd`: where pulumi would run.
    pub directory: Option<PathBuf>,
    /// `--credential-helper` and its arguments.
    pub helper: HelperFlags,
    /// `--policy`.
    pub policy: Option<PathBuf>,
    /// `--jwks`.
    pub jwks: Option<PathBuf>,
    /// `--ca-cert`.
    pub ca_cert: Option<PathBuf>,
    /// `--pulumi-version`.
    pub pulumi_version: Option<Version>,
    /// `--offline`.
    pub offline: bool,
    /// `--no-exchange`.
    pub no_exchange: bool,
    /// `--now`.
    pub now: Option<Timestamp>,
    /// `--timeout`.
    pub timeout: Duration,
    /// `--allow-private-issuer`.
    pub allow_private_issuer: bool,
    /// For the policy commands: read only these registrations from Pulumi Cloud.
    pub policy_selection: Option<PolicySelection>,
}

/// Which of an organization's registered policies to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySelection {
    /// The policies of the token's issuer.
    TokenIssuer,
    /// The policies of this issuer.
    Issuer(String),
    /// The policies of all issuers.
    All,
}

impl Plan {
    /// The names on the command line. They are no secrets, even if a secret variable holds the same
    /// text.
    pub(super) fn command_line_names(&self) -> Vec<&str> {
        let names = [&self.organization, &self.team, &self.user, &self.url, &self.cloud_url];
        names.into_iter().flatten().map(String::as_str).collect()
    }

    /// A plan that examines a token without a network, under the newest CLI's rules.
    pub fn offline(token: token::TokenLocation) -> Self {
        Self {
            is_login: false,
            token,
            organization: None,
            team: None,
            user: None,
            expiration: None,
            scope: None,
            url: None,
            cloud_url: None,
            local: None,
            insecure: None,
            directory: None,
            helper: HelperFlags::default(),
            policy: None,
            jwks: None,
            ca_cert: None,
            // Nothing here depends on the installed version.
            pulumi_version: Some(versions::NEWEST),
            offline: true,
            no_exchange: true,
            now: None,
            timeout: Duration::from_secs(15),
            allow_private_issuer: false,
            policy_selection: None,
        }
    }
}

/// The process state that a run depends on. Tests and the demo replace it.
pub struct ProcessContext {
    /// The environment variables.
    pub environment: Environment,
    /// The working directory.
    pub directory: PathBuf,
    /// Standard input, read only if the token comes from there.
    pub stdin: Box<dyn Read + Send>,
    /// Whether a person runs the program at a terminal.
    pub terminal: bool,
    /// Whether to draw a progress line on standard error. Requires a terminal there.
    pub progress: bool,
}

/// An input file that cannot be used. It ends the run with status 2.
#[derive(Debug, thiserror::Error)]
#[error("{option} {path}: {problem}")]
pub struct InputError {
    /// The option that named the file.
    pub option: &'static str,
    /// The file as it was given.
    pub path: String,
    /// What is wrong with it, and where.
    pub problem: String,
}
