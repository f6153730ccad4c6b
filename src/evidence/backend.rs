//! Every source of a backend URL, as found.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Every source of a backend URL, as found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// The sources that name a URL, in the CLI's order of precedence.
    pub candidates: Vec<BackendCandidate>,
    /// `PULUMI_API`: where a login without an OIDC token goes when no source names a URL.
    pub without_token: Option<BackendCandidate>,
    /// `--local`.
    pub local: bool,
    /// Two URLs were given on the command line (or one in `PULUMI_OPTION_CLOUD_URL`).
    pub given_twice: Option<(BackendCandidate, BackendCandidate)>,
    /// The project file.
    pub project: ProjectFile,
    /// The credentials file.
    pub credentials: CredentialsFile,
    /// What keeps the CLI from using its folder.
    #[serde(default, skip_serializing_if = "CliFolder::is_fine")]
    pub folder: CliFolder,
}

impl Backend {
    /// Whether no source names anything.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
            && self.without_token.is_none()
            && self.given_twice.is_none()
            && matches!(self.project, ProjectFile::NotFound)
            && matches!(self.credentials, CredentialsFile::NotFound)
            && self.folder.is_fine()
    }
}

/// A URL and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendCandidate {
    /// The URL without the parts that are not shown ([`crate::text::url`]).
    pub url: String,
    /// Its place.
    pub source: BackendSource,
    /// What is wrong in a part that is not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<HiddenFault>,
}

impl BackendCandidate {
    /// A URL with all of its parts, and its place.
    pub fn new(url: impl Into<String>, source: BackendSource) -> Self {
        Self { url: url.into(), source, hidden: None }
    }
}

/// What is wrong in a part of a URL that is not shown. The rest of the URL tells every other fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum HiddenFault {
    /// It makes the URL too long.
    Long {
        /// The length of the whole URL, in bytes.
        bytes: u64,
    },
    /// It holds a variable reference.
    Unexpanded,
    /// It holds a character that no URL holds.
    Foreign {
        /// What a person calls the character: `a space`.
        what: String,
    },
}

/// The place of a backend URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum BackendSource {
    /// The positional argument URL of `doctor login`.
    Argument,
    /// `-c` / `--cloud-url`.
    Flag,
    /// `-l` / `--local`.
    Local,
    /// An environment variable (`PULUMI_OPTION_CLOUD_URL`, `PULUMI_BACKEND_URL`).
    Environment {
        /// The variable's name.
        name: String,
    },
    /// `backend.url` in the project file.
    Project {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: u64,
    },
    /// `current` in the credentials file.
    Credentials {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: u64,
    },
    /// Nothing configured: the CLI's default.
    Default,
}

impl BackendSource {
    /// The source as the report names it.
    pub fn label(&self) -> String {
        match self {
            Self::Argument => "argument".into(),
            Self::Flag => "--cloud-url".into(),
            Self::Local => "--local".into(),
            Self::Environment { name } => name.clone(),
            // A log shows only the file.
            Self::Project { path, line: 0 } => path.clone(),
            Self::Project { path, line } | Self::Credentials { path, line } => {
                format!("{path}:{line}")
            }
            Self::Default => "default".into(),
        }
    }
}

/// The project file that the CLI would read: the first of Pulumi.json, Pulumi.yaml, Pulumi.yml
/// from the working directory upwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum ProjectFile {
    /// None.
    #[default]
    NotFound,
    /// Read; a `backend.url` in it is among the candidates.
    Read {
        path: String,
        /// It has no `runtime`, which older CLIs ask for.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        lacks_runtime: bool,
    },
    /// The CLI stops here.
    Invalid {
        path: String,
        /// Where, from 1; absent when the whole file is meant.
        line: Option<u64>,
        /// Column, from 1.
        column: Option<u64>,
        /// What is wrong.
        reason: String,
        /// The CLI's own error, where it is known to the letter.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
}

/// The credentials file, without any credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum CredentialsFile {
    /// None, or empty.
    #[default]
    NotFound,
    Read {
        path: String,
        /// The accounts that hold a token, by URL.
        accounts: Vec<StoredAccount>,
        /// The line of an `accessTokens` that the CLIs cannot read that still look at it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bad_access_tokens: Option<u64>,
    },
    /// An encrypted envelope (`$pulumiSecureStore`).
    Encrypted {
        path: String,
        /// The version of the envelope, where the CLIs that are known cannot read it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        newer_version: Option<i64>,
        /// The store that keeps its key, where only another operating system has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        other_system: Option<String>,
    },
    /// Not readable as credentials.
    Invalid {
        path: String,
        /// Line, from 1.
        line: Option<u64>,
        /// Column, from 1.
        column: Option<u64>,
        /// What is wrong.
        reason: String,
        /// The CLI's own error, where it is known to the letter.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
}

/// What keeps the CLI from using the folder of its files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CliFolder {
    /// Why it is not there and cannot be made, or cannot be written to.
    pub unusable: Option<UnusableFolder>,
    /// Why PULUMI_CREDENTIAL_STORE cannot be followed.
    pub store: Option<StoreProblem>,
    /// What is wrong with config.json in it.
    pub config: Option<BrokenConfig>,
}

impl CliFolder {
    pub(crate) fn is_fine(&self) -> bool {
        *self == Self::default()
    }
}

/// A folder that the CLI cannot use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnusableFolder {
    /// The folder.
    pub path: String,
    /// What names it: a variable, or the user's home.
    pub named_by: String,
    pub operation: FolderOperation,
    /// The path that it tries this with.
    pub obstacle: String,
    /// The system's words for why not.
    pub reason: String,
}

/// The system call of the CLI that fails in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FolderOperation {
    Mkdir,
    /// For writing.
    Open,
}

/// A value of PULUMI_CREDENTIAL_STORE that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum StoreProblem {
    /// The CLI has no such store.
    Unknown {
        /// The value.
        value: String,
    },
    /// `os`, and nothing here can keep a key.
    NoKeyStore,
}

/// A config.json that ends the login after the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokenConfig {
    /// Its path.
    pub path: String,
    /// What Go says of it.
    pub cause: String,
}

/// An account in the credentials file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredAccount {
    /// The backend's URL without the parts that are not shown.
    pub url: String,
    /// The user's login name.
    pub username: Option<String>,
    /// When its token expires, if the CLI wrote that down.
    pub expires_at: Option<Timestamp>,
    /// The organization that the token is for.
    pub organization: Option<String>,
    /// The team that the token is for.
    pub team: Option<String>,
    /// It is in `accessTokens` only, which newer CLIs do not read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_access_tokens: bool,
}
