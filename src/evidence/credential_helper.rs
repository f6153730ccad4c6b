//! The credential helper of the CLI.

use serde::{Deserialize, Serialize};

/// The credential helper that the CLI would use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum CredentialHelper {
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

impl CredentialHelper {
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// What names a credential helper, in the CLI's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum HelperSource {
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
    pub fn label(&self) -> &str {
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
pub enum HelperProblem {
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
