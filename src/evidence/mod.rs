//! The evidence: everything a verdict may rest on, as one plain serialisable value.
//!
//! `gather` fills it, `judge` reads it, nothing else passes between the two. What is in here may
//! be written to a file and shown to a stranger, so it holds no secret: no token, no signature,
//! no access token, no password. Text that came from a token, a file or a server is kept as it
//! was (less the secrets, and less the parts of URLs that [`crate::text::url`] removes, see
//! [`Evidence::hide_url_parts`]); making it harmless for a terminal or a log is the renderers' work
//! ([`crate::text`]).

pub mod address;
mod cli;
pub mod log;
mod route;
mod url_parts;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use self::cli::{CliParser, CredentialHelper, HelperProblem, HelperSource};
pub use self::route::{PassedOver, ProxyFault, Route};

use crate::policy::{Document, Registration};

/// One run's evidence.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// When the run began, by this machine's clock.
    pub started_at: Timestamp,
    /// The instant that time claims are judged by: `started_at`, or `--now`.
    pub now: Timestamp,
    /// How long gathering took, in milliseconds.
    pub duration_ms: u64,
    /// What of the command line and its surroundings the judge has to know.
    pub options: Options,
    /// How the token came here.
    pub input: Input,
    /// The decoded token; absent when there was none or it could not be decoded.
    pub token: Option<Token>,
    /// What the login asks for.
    pub login: Login,
    /// Where the backend URL may come from.
    pub backend: Backend,
    /// The policy document.
    pub policy: PolicySource,
    /// What the issuer serves.
    pub issuer: Issuer,
    /// What Pulumi Cloud answers.
    pub cloud: Cloud,
}

impl Evidence {
    /// Whether the token is the one that the login itself used, rather than one that was pasted,
    /// piped or read from a file: given in any way inside a CI platform, by `--token-env`, or
    /// found in the surroundings.
    #[must_use]
    pub fn token_is_ambient(&self) -> bool {
        self.options.setting.is_pipeline()
            || self.input.surroundings.is_some()
            || self.input.by_variable
    }

    /// The registration that decides on this token, where the policy document has one.
    #[must_use]
    pub fn registration(&self) -> Option<&Registration> {
        let document = self.policy.document()?;
        let token = self.token.as_ref()?;
        let issuer = match token.text("iss") {
            Some(issuer) => issuer,
            None if document.names_issuers() => return None,
            None => "",
        };
        document.deciding(issuer, self.request().organization.as_deref())
    }
}

/// The options of the run that change what is judged.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// Whose environment is judged.
    pub setting: Setting,
    /// `--offline`.
    pub offline: bool,
    /// `--no-exchange`.
    pub no_exchange: bool,
    /// `--now` was given: it switches the exchange off.
    pub now_given: bool,
    /// `--allow-private-issuer`.
    pub allow_private_issuer: bool,
    /// `--insecure`.
    pub insecure: bool,
}

/// Whose environment is judged (product contract: "Whose environment is judged").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Setting {
    /// A person looks at a token from elsewhere: this environment is not the failing one.
    Person,
    /// A job on a CI platform: this environment is the one that fails.
    Pipeline {
        /// The platform's name as people know it (`GitHub Actions`).
        platform: String,
    },
    /// `doctor login` in the place of `pulumi login`: wherever that is, this environment is the
    /// one that fails.
    Login {
        /// The CI platform, if it is one.
        platform: Option<String>,
    },
}

impl Setting {
    /// Whether this environment is the one that fails.
    #[must_use]
    pub fn is_pipeline(&self) -> bool {
        matches!(self, Self::Pipeline { .. } | Self::Login { .. })
    }

    /// The CI platform around, by its name as people know it.
    #[must_use]
    pub fn platform(&self) -> Option<&str> {
        match self {
            Self::Person => None,
            Self::Pipeline { platform } => Some(platform),
            Self::Login { platform } => platform.as_deref(),
        }
    }

    /// Whether it is `doctor login`: the command line is that of the failing step.
    #[must_use]
    pub fn is_login(&self) -> bool {
        matches!(self, Self::Login { .. })
    }
}

// ---------------------------------------------------------------------------------- input

/// How the token came here and what was wrong with its form.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// The source that was used, or that was named and gave nothing.
    pub source: Source,
    /// Why there is no decoded token.
    pub problem: Option<InputProblem>,
    /// What was wrapped around the token and has been taken off, outermost first.
    pub wrapped: Vec<Wrapping>,
    /// Given as an argument on a terminal: it is now in the shell's history.
    pub typed_on_terminal: bool,
    /// The sources that were looked at and gave nothing, with the reason.
    pub tried: Vec<Tried>,
    /// An environment variable was named as the source (it may have named a file in turn).
    #[serde(default)]
    pub by_variable: bool,
    /// No source was named, or the named one is empty: what the surroundings show.
    pub surroundings: Option<PlatformEnvironment>,
    /// The environment variable that holds this very token, by name, however it came here.
    #[serde(default)]
    pub held_by: Option<String>,
    /// Environment variables that look like tokens and were not chosen, by name.
    pub unused: Vec<String>,
    /// What the Azure pipeline around says that its tokens are about.
    #[serde(default)]
    pub azure: Option<AzureIds>,
}

/// Ids that Azure Pipelines sets and that a service connection's token repeats in its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureIds {
    /// `SYSTEM_COLLECTIONID`: the organization.
    pub organization: Option<String>,
    /// `AZURESUBSCRIPTION_SERVICE_CONNECTION_ID`: the connection of the task.
    pub connection: Option<String>,
}

/// Where a token came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Source {
    /// The positional argument TOKEN.
    Argument,
    /// `--oidc-token`.
    OidcTokenFlag,
    /// `-`: standard input.
    Stdin,
    /// `file://PATH`.
    File {
        /// The path as it was given.
        path: String,
        /// The same path made absolute against the working directory.
        absolute: String,
    },
    /// An environment variable: one named with `--token-env`, `PULUMI_OPTION_OIDC_TOKEN`, or one
    /// that a CI platform sets.
    Environment {
        /// The variable's name.
        name: String,
    },
    /// The CI platform was asked for it.
    Request {
        /// How the report names the source (`azure-pipelines`, `buildkite-agent`).
        id: String,
        /// The platform's name as people know it.
        platform: String,
    },
    /// Nothing named a source, and none that was looked at gave a token.
    None,
}

impl Source {
    /// The source as the report names it (`argument`, `--oidc-token`, `stdin`, `file://PATH`,
    /// `env:NAME`, `azure-pipelines`, `github-actions`, `buildkite-agent`, `none`).
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Argument => "argument".into(),
            Self::OidcTokenFlag => "--oidc-token".into(),
            Self::Stdin => "stdin".into(),
            Self::File { path, .. } => format!("file://{path}"),
            Self::Environment { name } => format!("env:{name}"),
            Self::Request { id, .. } => id.clone(),
            Self::None => "none".into(),
        }
    }
}

/// A source that gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// The source's label.
    pub source: String,
    /// Why it gave nothing.
    pub reason: String,
}

/// What a CI platform's environment shows that may explain why there is no token. Of secrets it
/// says only whether they are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum PlatformEnvironment {
    /// A platform of which nothing more has to be known, or none.
    #[default]
    Other,
    /// Azure Pipelines.
    AzurePipelines {
        /// `servicePrincipalKey` is set: AzureCLI does that for a connection with a secret.
        has_client_secret: bool,
        /// An `AZURESUBSCRIPTION_*` variable is set: AzureCLI and AzurePowerShell do that for a
        /// federated connection.
        is_federated: bool,
        /// `SYSTEM_OIDCREQUESTURI` is set.
        has_request_uri: bool,
        /// `SYSTEM_ACCESSTOKEN`.
        system_token: SystemToken,
        /// The service connection's id.
        connection: Option<String>,
    },
    /// GitHub Actions.
    GitHubActions {
        /// The variables for requesting a token that are not set.
        missing: Vec<String>,
        /// `GITHUB_EVENT_NAME`.
        event: Option<String>,
        /// The repository that the pull request comes from, where that is a fork.
        fork: Option<String>,
        /// `GITHUB_JOB`.
        job: Option<String>,
    },
    /// Buildkite: its agent can be asked.
    Buildkite,
    /// GitLab CI.
    GitLab {
        /// `CI_SERVER_URL`.
        server: Option<String>,
        /// `CI_JOB_NAME`.
        job: Option<String>,
        /// Variables with a token of another issuer: the variable, then the issuer.
        others: Vec<(String, String)>,
    },
}

/// The state of `SYSTEM_ACCESSTOKEN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SystemToken {
    /// Not set, or empty.
    Missing,
    /// It holds the text of a reference: `$(System.AccessToken)`.
    Unexpanded,
    /// Set.
    Set,
}

/// How asking a CI platform for a token failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Refusal {
    /// No answer.
    Unanswered {
        /// Why.
        failure: Failure,
    },
    /// An answer without a token in it.
    Answered {
        /// The answer.
        answer: Answer,
    },
    /// The platform's program did not give one.
    Program {
        /// Why, in words.
        reason: String,
        /// The end of what it wrote on standard error.
        said: String,
    },
}

/// Why no token could be decoded. Texts in here never hold a part of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum InputProblem {
    /// No source was named and none gave a token.
    Missing,
    /// A source was named and gave nothing but white space.
    Empty,
    /// Several candidates, and nothing to choose by.
    Ambiguous {
        /// What holds them.
        candidates: Vec<Candidate>,
    },
    /// The CI platform was asked for a token and gave none.
    Refused {
        /// How that went.
        refusal: Box<Refusal>,
    },
    /// `null`, `undefined`, a JSON error body, an HTML page, something else that is no token.
    NotAToken {
        /// What it is, in words (`the word null`, `an HTML page titled "Sign in"`).
        what: String,
        /// The part of it that may be shown: an error's message, a page's title. Never the raw
        /// value, which may be a secret of another kind.
        shown: Option<String>,
    },
    /// A variable reference that nothing expanded.
    Unexpanded {
        /// The text as it is: `$(idToken)`.
        text: String,
        /// The syntax it belongs to: `an Azure Pipelines macro`.
        syntax: String,
        /// The variable's bare name: `idToken`.
        name: String,
    },
    /// `***` or holding it: copied from a log that masks secrets.
    Masked,
    /// A Pulumi access token (`pul-…`).
    PulumiToken,
    /// Another system's token, known by its prefix (`ghs_` …); not a JWT at all.
    OpaqueToken {
        /// What it is: `a GitHub token`.
        what: String,
    },
    /// A JWE: five parts.
    Encrypted,
    /// Cut off.
    Truncated {
        /// How that shows: `it has two parts where a JWT has three`.
        how: String,
    },
    /// `file://PATH` that cannot be read.
    FileUnreadable {
        /// Why (`no such file`, `is a directory`, `permission denied`, `is empty`).
        reason: String,
    },
    /// A part is not base64url, not JSON, or not an object.
    Malformed {
        /// `header`, `payload` or `signature`.
        part: String,
        /// What is wrong, with the position.
        reason: String,
    },
    /// Larger than any token ([`crate::limits::TOKEN`]); nothing of it was looked at.
    TooLarge {
        /// Size in bytes, as far as it was read.
        bytes: u64,
    },
}

/// One of several tokens that may be meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The environment variable that holds it.
    pub name: String,
    /// Its audiences.
    pub audiences: Vec<String>,
    /// When it expires, in seconds since the epoch.
    pub expires: Option<i64>,
}

/// Something wrapped around a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wrapping {
    /// Single or double quotes, or backticks.
    Quotes,
    /// `Bearer `, in any case; also `Authorization: Bearer `.
    Bearer,
    /// A JSON object or string around it.
    Json,
    /// base64 of the JWT.
    Base64,
    /// Percent-encoding.
    UrlEncoding,
    /// A UTF-8 byte order mark.
    ByteOrderMark,
    /// UTF-16, as Windows PowerShell's `>` writes it.
    Utf16,
    /// White space or line breaks inside.
    InnerWhitespace,
    /// White space around a value that did not come from a file (the CLI trims files only).
    OuterWhitespace,
}

// ---------------------------------------------------------------------------------- token

/// A decoded token, without its signature.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// The JOSE header (RFC 7515 section 4).
    pub header: Map<String, Value>,
    /// The claims set (RFC 7519 section 4).
    pub claims: Map<String, Value>,
    /// Keys that occur more than once in the header or the claims (the last one is kept).
    pub duplicates: Vec<String>,
    /// `sha256:` and the hex digest of the whole token: says that two reports speak of the same
    /// token without showing it.
    pub fingerprint: String,
    /// Length of the decoded signature in bytes.
    pub signature_bytes: usize,
    /// How its signature is cut off, if it is: the rest can be judged all the same.
    pub truncated: Option<String>,
}

impl Token {
    /// A claim that is a string.
    #[must_use]
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// A claim that is a number of seconds since the epoch; fractions are cut off (RFC 7519
    /// section 2 allows them in a NumericDate). A string that holds a JSON number counts as that
    /// number, as go-oidc reads it (`jsonTime`).
    #[must_use]
    pub fn seconds(&self, claim: &str) -> Option<i64> {
        let number = match self.claims.get(claim)? {
            Value::Number(number) => number.clone(),
            Value::String(text) if text.trim() == text => serde_json::from_str(text).ok()?,
            _ => return None,
        };
        #[allow(clippy::cast_possible_truncation)]
        number.as_i64().or_else(|| number.as_f64().map(|f| f.floor() as i64))
    }

    /// Every text in header and claims, at any depth.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
            match value {
                Value::String(text) => texts.push(text),
                Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
                Value::Object(members) => members.values().for_each(|item| collect(item, texts)),
                _ => {}
            }
        }
        let mut texts = Vec::new();
        let parts = [&self.header, &self.claims];
        parts.into_iter().flat_map(Map::values).for_each(|value| collect(value, &mut texts));
        texts
    }

    /// The `aud` claim as a list, whichever of its two forms it has.
    #[must_use]
    pub fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The key that the header names; an empty name is none, as for go-oidc.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str).filter(|kid| !kid.is_empty())
    }

    /// The signature algorithm that the header names.
    #[must_use]
    pub fn algorithm(&self) -> Option<&str> {
        self.header.get("alg").and_then(Value::as_str)
    }
}

// ---------------------------------------------------------------------------------- login

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
}

/// The Pulumi CLI whose rules apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Cli {
    /// `--pulumi-version`.
    Given {
        /// The version.
        version: semver::Version,
    },
    /// The `pulumi` on PATH said so.
    Installed {
        /// The version.
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
    #[must_use]
    pub fn version(&self) -> Option<&semver::Version> {
        match self {
            Self::Given { version } | Self::Installed { version, .. } => Some(version),
            Self::Unreadable { .. } | Self::NotFound => None,
        }
    }
}

// -------------------------------------------------------------------------------- backend

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
}

impl Backend {
    /// Whether no source names anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
            && self.without_token.is_none()
            && self.given_twice.is_none()
            && matches!(self.project, ProjectFile::NotFound)
            && matches!(self.credentials, CredentialsFile::NotFound)
    }
}

/// A URL and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendCandidate {
    /// The URL, less the parts that are not shown ([`crate::text::url`]).
    pub url: String,
    /// Where it stands.
    pub source: BackendSource,
    /// What is wrong in a part that is not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<HiddenFault>,
}

impl BackendCandidate {
    /// A URL, with all of its parts, and where it stands.
    #[must_use]
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

/// Where a backend URL stands.
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
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Argument => "argument".into(),
            Self::Flag => "--cloud-url".into(),
            Self::Local => "--local".into(),
            Self::Environment { name } => name.clone(),
            // A log tells the file only.
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
        /// Its path.
        path: String,
    },
    /// The CLI stops here.
    Invalid {
        /// Its path.
        path: String,
        /// Where, from 1; absent when the whole file is meant.
        line: Option<u64>,
        /// Column, from 1.
        column: Option<u64>,
        /// What is wrong.
        reason: String,
    },
}

/// The credentials file, without any credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum CredentialsFile {
    /// None, or empty.
    #[default]
    NotFound,
    /// Read.
    Read {
        /// Its path.
        path: String,
        /// The accounts that hold a token, by URL.
        accounts: Vec<StoredAccount>,
    },
    /// An encrypted envelope (`$pulumiSecureStore`).
    Encrypted {
        /// Its path.
        path: String,
    },
    /// Not readable as credentials.
    Invalid {
        /// Its path.
        path: String,
        /// Line, from 1.
        line: Option<u64>,
        /// Column, from 1.
        column: Option<u64>,
        /// What is wrong.
        reason: String,
    },
}

/// An account in the credentials file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredAccount {
    /// The backend's URL, less the parts that are not shown.
    pub url: String,
    /// The user's login name.
    pub username: Option<String>,
    /// When its token expires, if the CLI wrote that down.
    pub expires_at: Option<Timestamp>,
    /// The organization that the token is for.
    pub organization: Option<String>,
    /// The team that the token is for.
    pub team: Option<String>,
}

// --------------------------------------------------------------------------------- policy

/// Where the policy comes from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum PolicySource {
    /// None was given.
    #[default]
    None,
    /// `--policy`.
    File {
        /// The path as given.
        path: String,
        /// What it says.
        document: Document,
    },
    /// Pulumi Cloud, asked with an access token that was already there.
    Live {
        /// The organization's registrations; the one of the token's issuer has its policies.
        document: Document,
        /// Why that one has none.
        gap: Option<Gap>,
    },
    /// Pulumi Cloud was asked and did not say which issuers are registered.
    Withheld {
        /// Why not.
        gap: Gap,
    },
}

impl PolicySource {
    /// The document, if there is one.
    #[must_use]
    pub fn document(&self) -> Option<&Document> {
        match self {
            Self::None | Self::Withheld { .. } => None,
            Self::File { document, .. } | Self::Live { document, .. } => Some(document),
        }
    }

    /// What Pulumi Cloud was asked for and did not say.
    #[must_use]
    pub fn gap(&self) -> Option<&Gap> {
        match self {
            Self::None | Self::File { .. } => None,
            Self::Live { gap, .. } => gap.as_ref(),
            Self::Withheld { gap } => Some(gap),
        }
    }
}

/// Something that Pulumi Cloud was asked for and did not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// What it was asked for.
    pub asked: Asked,
    /// What it was asked with.
    pub access_token: AccessTokenSource,
    /// Why it did not say.
    pub reason: GapReason,
}

/// What Pulumi Cloud is asked for to learn what is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Asked {
    /// The organization's issuers (`GET /api/orgs/ORG/oidc/issuers`).
    Issuers,
    /// An issuer's policies (`GET /api/orgs/ORG/auth/policies/oidcissuers/ID`).
    Policies,
}

/// Why Pulumi Cloud did not say what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum GapReason {
    /// No answer.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// Another status than 200.
    Refused {
        /// The answer.
        answer: Answer,
    },
    /// 200, but not what the API answers.
    NotUnderstood {
        /// What is wrong with it.
        problem: String,
    },
}

// -------------------------------------------------------------------------------- network

/// A probe of the network: it did not run, failed on the way, or was answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "outcome")]
pub enum Probe<T> {
    /// Not made.
    #[default]
    NotRun,
    /// No answer.
    Failed {
        /// Why.
        failure: Failure,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// Answered, in whatever way.
    Answered {
        /// The answer.
        answer: T,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
}

impl<T> Probe<T> {
    /// The answer, if there is one.
    pub fn answer(&self) -> Option<&T> {
        match self {
            Self::Answered { answer, .. } => Some(answer),
            _ => None,
        }
    }

    /// The failure, if it failed.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// How long it took, in milliseconds; 0 when it did not run.
    pub fn elapsed_ms(&self) -> u64 {
        match self {
            Self::NotRun => 0,
            Self::Failed { elapsed_ms, .. } | Self::Answered { elapsed_ms, .. } => *elapsed_ms,
        }
    }
}

/// Why a request got no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Which kind.
    pub kind: FailureKind,
    /// The host that was asked.
    pub host: String,
    /// The port that was asked.
    pub port: u16,
    /// How it was asked.
    #[serde(flatten)]
    pub route: Box<Route>,
    /// The cause in words, from the innermost error that says something.
    pub detail: String,
    /// How often it was asked, of which this is the last.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub attempts: u32,
}

/// What is not written down was asked once.
fn once() -> u32 {
    1
}

fn is_once(attempts: &u32) -> bool {
    *attempts == once()
}

/// The kinds of failing on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum FailureKind {
    /// The name could not be resolved.
    Dns,
    /// Nothing listens, or a reset while connecting.
    Connect,
    /// No answer within the time.
    Timeout,
    /// The proxy refused or could not be reached.
    Proxy {
        /// What is wrong with it.
        #[serde(default)]
        fault: ProxyFault,
    },
    /// The certificate is not accepted.
    Certificate {
        /// Why.
        problem: CertificateProblem,
    },
    /// Another failure of the TLS handshake.
    Tls,
    /// The connection broke, or what came is not HTTP.
    Protocol,
    /// The answer is over the size cap.
    TooLarge,
    /// The address guard refused every address of the host.
    AddressRefused,
    /// The URL cannot be requested at all.
    BadUrl,
}

/// Why a certificate is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CertificateProblem {
    /// No trusted authority signed it.
    UnknownIssuer,
    /// Signed by itself.
    SelfSigned,
    /// Past its end.
    Expired,
    /// Before its beginning.
    NotYetValid,
    /// For another name.
    WrongHost,
    /// Anything else.
    Other,
}

/// An HTTP answer, bodies capped and secrets taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The URL that answered, after redirects.
    pub url: String,
    /// Status code.
    pub status: u16,
    /// Content-Type, as sent.
    pub content_type: Option<String>,
    /// `Location`, where the answer is a redirect that was not followed.
    pub location: Option<String>,
    /// `Retry-After`, as sent.
    pub retry_after: Option<String>,
    /// `X-Pulumi-Request-ID`.
    pub request_id: Option<String>,
    /// How it was asked.
    #[serde(flatten)]
    pub route: Box<Route>,
    /// The server's clock minus this machine's, in seconds, from the `Date` header.
    pub clock_offset_seconds: Option<i64>,
    /// The body.
    pub body: Body,
    /// How often it was asked, of which this is the last.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub attempts: u32,
}

/// A body, by what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "content")]
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Value),
    /// An HTML page, by its title.
    Html(Option<String>),
    /// Other text, its beginning (at most 500 characters).
    Text(String),
}

/// The certificates a server presented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// The chain as served, leaf first.
    pub certificates: Vec<Certificate>,
    /// Whether a public authority (Mozilla's list) vouches for it. Roots from `--ca-cert` and
    /// from this machine's own store are not public.
    pub publicly_trusted: bool,
}

/// One certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The subject's distinguished name.
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// The names it is for.
    pub names: Vec<String>,
    /// End of its validity.
    pub not_after: Option<Timestamp>,
    /// SHA-256 of the DER, lower-case hex.
    pub sha256: String,
    /// SHA-1 of the DER, lower-case hex.
    pub sha1: String,
}

// --------------------------------------------------------------------------------- issuer

/// What was learnt from the issuer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// The addresses its host has, as far as this machine resolved them.
    pub addresses: Vec<std::net::IpAddr>,
    /// The discovery document.
    pub discovery: Probe<Answer>,
    /// Whether the document named the token's `iss` before parts of either URL were removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names_token: Option<bool>,
    /// The key set, where it was fetched.
    pub jwks: Probe<Answer>,
    /// Where the keys that the signature was checked with come from.
    pub key_source: KeySource,
    /// The keys.
    pub keys: Option<KeySet>,
    /// The signature's check.
    pub signature: Signature,
    /// The certificates that the issuer's host served.
    pub chain: Option<Chain>,
}

impl Issuer {
    /// Whether the signature verifies.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        matches!(self.signature, Signature::Verified { .. })
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Where the keys come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum KeySource {
    /// There are none.
    #[default]
    None,
    /// `--jwks FILE`.
    File {
        /// The path as given.
        path: String,
    },
    /// The `jwks` of the registration in the policy document.
    Registration,
    /// The issuer's `jwks_uri`.
    Issuer,
}

/// A key set's outline, or why it is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum KeySet {
    /// The keys.
    Keys {
        /// Their outlines.
        keys: Vec<KeyOutline>,
    },
    /// Not a key set (RFC 7517 section 5).
    Invalid {
        /// Why.
        reason: String,
    },
}

/// A public key's outline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyOutline {
    /// `kid`.
    pub id: Option<String>,
    /// `kty`.
    pub key_type: String,
    /// `alg`.
    pub algorithm: Option<String>,
    /// `use`.
    pub usage: Option<String>,
    /// `crv`.
    pub curve: Option<String>,
}

/// How the signature's check ended. It is made while gathering, since the signature itself is
/// dropped there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Signature {
    /// Not made: there is no token or there are no keys.
    #[default]
    NotChecked,
    /// Verified.
    Verified {
        /// The key that did, by `kid`.
        key: Option<String>,
        /// What is unusual about that key, each a clause about it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unusual: Vec<String>,
    },
    /// The token's header keeps every verifier from it: by its algorithm, or by another parameter.
    UnsupportedAlgorithm,
    /// No key has the token's `kid`.
    KeyNotFound,
    /// There is such a key but it does not fit the algorithm, or no verifier can use it.
    KeyUnusable {
        /// Why.
        reason: String,
        /// It is Go's libraries that cannot use it; others may.
        #[serde(default, skip_serializing_if = "is_false")]
        assumes_go: bool,
    },
    /// A key may have made the signature, and this program could not check that.
    NotVerifiable {
        /// Why.
        reason: String,
    },
    /// The key is there, the signature's length is not what that key makes.
    WrongLength {
        /// In bytes.
        expected: usize,
    },
    /// The key is there and the signature does not verify.
    Invalid {
        /// The key, by `kid`.
        key: Option<String>,
    },
}

// ---------------------------------------------------------------------------------- cloud

/// What Pulumi Cloud answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cloud {
    /// `GET /api/capabilities`.
    pub capabilities: Probe<Answer>,
    /// The certificates that its host served.
    pub chain: Option<Chain>,
    /// `POST /api/oauth/token`.
    pub exchange: Probe<Exchange>,
    /// Why the exchange was not made, where that is a decision of the judge (the id of a check,
    /// or an option).
    pub exchange_skipped: Option<String>,
    /// Whose token whoami was asked with.
    pub access_token: AccessTokenSource,
    /// `GET /api/user`.
    pub whoami: Probe<Answer>,
}

/// The answer to the exchange, without the tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Exchange {
    /// An access token was minted (RFC 8693 section 2.2.1).
    Minted {
        /// `issued_token_type`.
        issued_token_type: Option<String>,
        /// `expires_in`, seconds.
        expires_in: Option<i64>,
        /// `scope`.
        scope: Option<String>,
        /// The server's clock minus this machine's, in seconds.
        clock_offset_seconds: Option<i64>,
    },
    /// 200, but no token response.
    Malformed {
        /// Why not.
        reason: String,
        /// The answer.
        answer: Answer,
    },
    /// Any other status.
    Refused {
        /// The answer.
        answer: Answer,
    },
}

/// Whose access token whoami was asked with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum AccessTokenSource {
    /// There is none.
    #[default]
    None,
    /// The one that this run minted.
    Exchange,
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// The stored credentials.
    Stored {
        /// The file.
        path: String,
        /// When it expires, if known.
        expires_at: Option<Timestamp>,
    },
}
