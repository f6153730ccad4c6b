//! What this machine makes of the login in the CLI's own steps.

use serde::{Deserialize, Serialize};

/// How the CLI's parser takes the token's value, as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum CliParser {
    /// A token.
    Accepts,
    /// A token to the CLIs that do not look at its signature part.
    AcceptsWithoutSignature,
    /// No token.
    Refuses,
}

/// The credential helper that the CLI would use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub(crate) enum CredentialHelper {
    /// None is configured, and none was found.
    #[default]
    None,
    /// `PULUMI_CREDENTIAL_HELPER=none`.
    Disabled,
    /// It would be used.
    Found {
        /// What names it.
        source: HelperSource,
        /// The program.
        path: String,
    },
    /// The CLI stops.
    Invalid {
        /// What names it.
        source: HelperSource,
        /// The program, as it is named; empty where only arguments are.
        path: String,
        /// What is wrong.
        problem: HelperProblem,
    },
}

/// What names a credential helper, in the CLI's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub(crate) enum HelperSource {
    /// `--credential-helper`.
    Flag,
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// `credentialHelper` in the credentials file.
    Credentials {
        /// The file.
        path: String,
    },
    /// A program of the helper's name beside the CLI.
    BesideCli,
    /// A program of the helper's name on `PATH`.
    Path,
}

impl HelperSource {
    /// The source as the report names it.
    pub(crate) fn label(&self) -> &str {
        match self {
            Self::Flag => "--credential-helper",
            Self::Environment { name } => name,
            Self::Credentials { path } => path,
            Self::BesideCli => "beside the CLI",
            Self::Path => "PATH",
        }
    }
}

/// What is wrong with a credential helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum HelperProblem {
    /// `PATH` has no such program.
    NotOnPath,
    /// The file does not exist.
    NoSuchFile,
    /// It is a directory.
    Directory,
    /// It is not executable.
    NotExecutable,
    /// `PATH` finds it by a relative entry.
    RelativeOnPath,
    /// `PULUMI_CREDENTIAL_HELPER_ARGS` is not a JSON array of strings.
    Arguments,
    /// `--credential-helper-arg` without `--credential-helper`.
    ArgumentsAlone,
}
