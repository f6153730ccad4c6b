//! The evidence: everything that a verdict may rest on, as one serializable value.
//!
//! `gather` fills it and `judge` reads it; nothing else passes between the two. It may be written
//! to a file and shown to a stranger, so it holds no secret: no token, no signature, no access
//! token, no password. Text from a token, a file or a server is kept unchanged, except for secrets
//! and for the parts of URLs that [`crate::text::url`] removes ([`Evidence::hide_url_parts`]). The
//! renderers make it harmless for a terminal or a log ([`crate::text`]).

pub(crate) mod address;
mod backend;
mod check;
mod cloud;
mod credential_helper;
mod file_problem;
mod input;
mod issuer;
pub(crate) mod log;
mod login;
mod network;
mod policy;
mod route;
mod token;
pub(crate) mod url_faults;
mod url_parts;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::backend::{
    Backend, BackendCandidate, BackendSource, BrokenConfig, CliFolder, CredentialsField,
    CredentialsFile, FolderOperation, HiddenFault, MistypedField, ProjectFile, StoreProblem,
    StoredAccount, UnusableFolder,
};
pub use self::check::{CheckId, SkipReason};
pub use self::cloud::{AccessTokenSource, Cloud, Exchange};
pub use self::credential_helper::{CredentialHelper, HelperProblem, HelperSource};
pub use self::file_problem::FileProblem;
pub use self::input::{
    AzureIds, Candidate, CliParser, Input, InputProblem, LooksLike, PlatformEnvironment, Refusal,
    Source, Tried, Wrapping,
};
pub use self::issuer::{Issuer, KeyOutline, KeySet, KeySource, Signature};
pub use self::login::{Cli, HelperFlag, Login};
pub use self::network::{
    Answer, Body, Certificate, CertificateProblem, Chain, Failure, FailureKind, Probe,
};
pub use self::policy::{PolicyReadFailure, PolicyReadFailureReason, PolicyRequest, PolicySource};
pub use self::route::{PassedOver, ProxyFault, Route};
pub use self::token::Token;

use crate::platform;
use crate::policy::Registration;
use crate::text::command::Shell;

/// One run's evidence.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// When the run began, by this machine's clock.
    pub started_at: Timestamp,
    /// The instant for judging time claims: `started_at`, or `--now`.
    pub now: Timestamp,
    /// How long gathering took, in milliseconds.
    pub duration_ms: u64,
    /// The options and the context that the judge needs.
    pub options: Options,
    /// Where the token came from.
    pub input: Input,
    /// The decoded token; absent if there was none or it could not be decoded.
    pub token: Option<Token>,
    /// What the login requests.
    pub login: Login,
    /// Where the backend URL may come from.
    pub backend: Backend,
    /// The policy document.
    pub policy: PolicySource,
    /// What the issuer serves.
    pub issuer: Issuer,
    /// Pulumi Cloud's answers.
    pub cloud: Cloud,
}

impl Evidence {
    /// Whether the token is the one that the login itself used: given in any way inside a CI
    /// platform, by `--token-env`, or found in the environment. A token that was pasted, piped or
    /// read from a file may be another one.
    pub fn token_is_ambient(&self) -> bool {
        self.options.run_context.judges_environment()
            || self.input.surroundings.is_some()
            || self.input.by_variable
    }

    /// Fills in data that bundles of earlier versions have only as text.
    pub fn upgrade(&mut self) {
        self.input.problem.iter_mut().for_each(InputProblem::upgrade);
    }

    /// The registration that decides on this token, if the policy document has one.
    pub fn registration(&self) -> Option<&Registration> {
        let document = self.policy.document()?;
        let token = self.token.as_ref()?;
        let issuer = match token.text("iss") {
            Some(issuer) => issuer,
            None if document.names_issuers() => return None,
            None => "",
        };
        document.deciding_registration(issuer, self.request().organization.as_deref())
    }

    /// All registrations of the token's issuer in the requested organization.
    pub(crate) fn registrations(&self) -> Vec<&Registration> {
        let document = self.policy.document();
        let issuer = self.token.as_ref().and_then(|token| token.text("iss"));
        let (Some(document), Some(issuer)) = (document, issuer) else { return Vec::new() };
        let organization = self.request().organization;
        document.registrations_of(issuer, organization.as_deref())
    }
}

/// The options that change what is judged.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// Whose environment is judged.
    #[serde(rename = "setting")]
    pub run_context: RunContext,
    /// `--offline`.
    pub offline: bool,
    /// `--no-exchange`.
    pub no_exchange: bool,
    /// Whether `--now` was given, which switches the exchange off.
    pub now_given: bool,
    /// `--allow-private-issuer`.
    pub allow_private_issuer: bool,
    /// `--insecure`.
    pub insecure: bool,
    /// The shell that commands are for.
    #[serde(default)]
    pub shell: Shell,
}

/// Whose environment is judged (product contract: "Whose environment is judged").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum RunContext {
    /// A person inspects a token from elsewhere: this environment is not the failing one.
    #[serde(rename = "person")]
    Workstation,
    /// A job on a CI platform: this environment is the failing one.
    #[serde(rename = "pipeline")]
    CiJob {
        #[serde(with = "platform::by_name")]
        platform: platform::Id,
    },
    /// `doctor login` instead of `pulumi login`, anywhere: this environment is the failing one.
    #[serde(rename = "login")]
    LoginCommand {
        /// The CI platform, if the command runs on one.
        #[serde(with = "platform::by_name_if_any", default)]
        platform: Option<platform::Id>,
    },
}

impl RunContext {
    /// Whether this environment is the failing one.
    pub fn judges_environment(&self) -> bool {
        matches!(self, Self::CiJob { .. } | Self::LoginCommand { .. })
    }

    /// The CI platform that the program runs on.
    pub fn platform(&self) -> Option<platform::Id> {
        match self {
            Self::Workstation => None,
            Self::CiJob { platform } => Some(*platform),
            Self::LoginCommand { platform } => *platform,
        }
    }

    /// Whether this is `doctor login`, whose command line is the failing step's.
    pub fn is_login(&self) -> bool {
        matches!(self, Self::LoginCommand { .. })
    }
}
