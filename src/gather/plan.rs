//! What to gather, and the surroundings of the run.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use semver::Version;

use super::environment::Environment;
use super::pulumi::credential_helper::Flags;
use super::token;
use crate::pulumi::versions;

/// What to gather: the command line, as typed values. Has no `Debug`: it may hold the token.
pub struct Plan {
    /// `doctor login`: the failing login runs in this environment.
    pub is_login: bool,
    /// Where the token is.
    pub token: token::Choice,
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
    /// `--local`; as every flag, it takes the place of its variable where it was given.
    pub local: Option<bool>,
    /// `--insecure`.
    pub insecure: Option<bool>,
    /// `--cwd`: where pulumi would run.
    pub directory: Option<PathBuf>,
    /// `--credential-helper` and its arguments.
    pub helper: Flags,
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
    /// For the policy commands: of Pulumi Cloud, only what is registered is read.
    pub reads: Option<Registered>,
}

/// Which of an organization's registered policies are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// Those of the token's issuer.
    OfToken,
    /// Those of this issuer.
    Of(String),
    /// All of them.
    All,
}

impl Plan {
    /// What the command line names: no value that is written there is a secret because a variable
    /// holds it too.
    pub(super) fn names(&self) -> Vec<&str> {
        let names = [&self.organization, &self.team, &self.user, &self.url, &self.cloud_url];
        names.into_iter().flatten().map(String::as_str).collect()
    }

    /// To look at a token without a network, by the newest rules.
    pub fn offline(token: token::Choice) -> Self {
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
            helper: Flags::default(),
            policy: None,
            jwks: None,
            ca_cert: None,
            // Not asking the installed one: nothing here depends on it.
            pulumi_version: Some(versions::NEWEST),
            offline: true,
            no_exchange: true,
            now: None,
            timeout: Duration::from_secs(15),
            allow_private_issuer: false,
            reads: None,
        }
    }
}

/// The surroundings of a run, which tests and the demo replace.
pub struct ProcessContext {
    /// The environment variables.
    pub environment: Environment,
    /// The working directory.
    pub directory: PathBuf,
    /// Standard input; read only when asked for.
    pub stdin: Box<dyn Read + Send>,
    /// Whether a person sits at a terminal.
    pub terminal: bool,
    /// Whether to draw a progress line on standard error, which then is a terminal.
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
