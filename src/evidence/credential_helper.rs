//! The CLI's credential helper.
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
    /// The CLI would use this program.
    Found { source: HelperSource, path: String },
    /// The CLI stops with an error.
    Invalid {
        source: HelperSource,
        /// The program as named; empty if only arguments are given.
        path: String,
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
    Environment { name: String },
    /// `credentialHelper` in this credentials file.
    Credentials { path: String },
    /// A program of the helper's name in the CLI's folder.
    BesideCli,
    /// A program of the helper's name on `PATH`.
    Path,
}

impl HelperSource {
    /// The source's name in the report.
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
    NotOnPath,
    NoSuchFile,
    Directory,
    NotExecutable,
    /// It was found through a relative entry of `PATH`.
    RelativeOnPath,
    /// `PULUMI_CREDENTIAL_HELPER_ARGS` is not a JSON array of strings.
    Arguments,
    /// `--credential-helper-arg` without `--credential-helper`.
    ArgumentsAlone,
}
