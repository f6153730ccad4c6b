//! The sources of the backend URL.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The sources of the backend URL, as found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// The sources that name a URL, in the CLI's order of precedence.
    pub candidates: Vec<BackendCandidate>,
    /// `PULUMI_API`, which a login without an OIDC token uses if no other source names a URL.
    pub without_token: Option<BackendCandidate>,
    /// `--local`.
    pub local: bool,
    /// Two URLs on the command line, or one there and one in `PULUMI_OPTION_CLOUD_URL`.
    pub given_twice: Option<(BackendCandidate, BackendCandidate)>,
    pub project: ProjectFile,
    pub credentials: CredentialsFile,
    /// What keeps the CLI from using its folder.
    #[serde(default, skip_serializing_if = "CliFolder::is_fine")]
    pub folder: CliFolder,
}

impl Backend {
    /// Whether no source names a URL or is faulty.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
            && self.without_token.is_none()
            && self.given_twice.is_none()
            && matches!(self.project, ProjectFile::NotFound)
            && matches!(self.credentials, CredentialsFile::NotFound)
            && self.folder.is_fine()
    }
}

/// A backend URL and its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendCandidate {
    /// The URL without the parts that are not shown ([`crate::text::url`]).
    pub url: String,
    pub source: BackendSource,
    /// A fault in a part that is not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<HiddenFault>,
}

impl BackendCandidate {
    /// Takes the URL with all of its parts.
    pub fn new(url: impl Into<String>, source: BackendSource) -> Self {
        Self { url: url.into(), source, hidden: None }
    }
}

/// A fault in a part of a URL that is not shown. All other faults are visible in the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum HiddenFault {
    /// The part makes the URL too long.
    Long {
        /// The length of the whole URL.
        bytes: u64,
    },
    /// The part holds a variable reference.
    Unexpanded,
    /// The part holds a character that is not allowed in URLs.
    Foreign {
        /// The character in words: `a space`.
        what: String,
    },
}

/// The source of a backend URL.
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
    /// The CLI's default.
    Default,
}

impl BackendSource {
    /// The source's name in the report.
    pub fn label(&self) -> String {
        match self {
            Self::Argument => "argument".into(),
            Self::Flag => "--cloud-url".into(),
            Self::Local => "--local".into(),
            Self::Environment { name } => name.clone(),
            // Logs do not show the line.
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
    #[default]
    NotFound,
    /// Read; its `backend.url` is among the candidates.
    Read {
        path: String,
        /// Whether it lacks `runtime`, which older CLIs require.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        lacks_runtime: bool,
    },
    /// The CLI stops with an error.
    Invalid {
        path: String,
        /// The line, from 1; absent if the whole file is invalid.
        line: Option<u64>,
        /// The column, from 1.
        column: Option<u64>,
        reason: String,
        /// The CLI's own error, if its exact text is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
}

/// The credentials file, without any credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum CredentialsFile {
    /// There is none, or it is empty.
    #[default]
    NotFound,
    Read {
        path: String,
        /// The accounts that have a token.
        accounts: Vec<StoredAccount>,
        /// Fields of the wrong type. A CLI fails at those that its version reads.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mistyped: Vec<MistypedField>,
    },
    /// An encrypted envelope (`$pulumiSecureStore`).
    Encrypted {
        path: String,
        /// The envelope's version, if it is newer than all known CLIs can read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        newer_version: Option<i64>,
        /// The store of its key, if only another operating system has that store.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        other_system: Option<String>,
    },
    Invalid {
        path: String,
        /// The line, from 1.
        line: Option<u64>,
        /// The column, from 1.
        column: Option<u64>,
        reason: String,
        /// The CLI's own error, if its exact text is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
}

/// A field of credentials.json whose value has the wrong type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MistypedField {
    pub field: CredentialsField,
    /// The line of the value, from 1.
    pub line: Option<u64>,
    /// The error of a CLI that reads the field.
    pub message: String,
}

/// The fields of credentials.json that some versions of the CLI do not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CredentialsField {
    Version,
    CredentialHelper,
    AccessTokens,
}

impl CredentialsField {
    /// The name in the file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::CredentialHelper => "credentialHelper",
            Self::AccessTokens => "accessTokens",
        }
    }
}

/// What keeps the CLI from using its folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CliFolder {
    /// Why the folder cannot be created or written to.
    pub unusable: Option<UnusableFolder>,
    /// What is wrong with PULUMI_CREDENTIAL_STORE.
    pub store: Option<StoreProblem>,
    /// What is wrong with the folder's config.json.
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
    /// What names the folder: a variable, or the user's home.
    pub named_by: String,
    pub operation: FolderOperation,
    /// The path on which the operation fails.
    pub obstacle: String,
    /// The system's error text.
    pub reason: String,
}

/// The CLI's system call that fails in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FolderOperation {
    Mkdir,
    /// Opening for writing.
    Open,
}

/// Why a value of PULUMI_CREDENTIAL_STORE cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum StoreProblem {
    /// The CLI has no such store.
    Unknown { value: String },
    /// `os`, but this system has no key store.
    NoKeyStore,
}

/// A config.json that ends the login after the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokenConfig {
    pub path: String,
    /// Go's error text.
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
    /// When its token expires, if the CLI recorded that.
    pub expires_at: Option<Timestamp>,
    /// The organization that the token is for.
    pub organization: Option<String>,
    /// The team that the token is for.
    pub team: Option<String>,
    /// Whether it is only in `accessTokens`, which newer CLIs do not read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_access_tokens: bool,
}
