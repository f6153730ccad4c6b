//! The evidence of `doctor triage`: what logs show. `gather::log` fills it and `judge::triage`
//! reads it. Its texts are short and hold no secrets; their number is limited, however long the
//! logs are.

use jiff::Timestamp;

use crate::catalogue::Code;
use crate::evidence::{BackendCandidate, BackendSource, InputProblem, Login};
use crate::known_messages::{Message, ServerFailure};
use crate::platform;

/// What one or several logs show.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// The files that were read; each member of an archive is one.
    pub files: Vec<File>,
    /// The known messages, in the order of their first occurrences.
    pub matches: Vec<LogMatch>,
    /// How many different messages were dropped because of the limit.
    pub left_out: u64,
    /// What the logs show about the login.
    pub context: Context,
    pub secrets: Vec<LeakedSecret>,
}

/// A log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The file's name. A member of an archive has the archive's name and its own.
    pub name: String,
    /// Whether it was standard input, and not a member of an archive there.
    pub is_stdin: bool,
    /// The number of lines.
    pub lines: u64,
    /// The number of unpacked bytes after which reading stopped, because the file exceeds
    /// [`crate::limits::UNPACKED_RATIO`].
    pub stopped_after: Option<u64>,
}

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as an index into [`Log::files`].
    pub file: usize,
    /// The index of the job, if one file has the logs of several.
    pub job: usize,
    /// The line, from 1.
    pub line: u64,
}

impl Place {
    pub fn is_in_same_job(&self, other: &Self) -> bool {
        (self.file, self.job) == (other.file, other.job)
    }
}

/// A known message in a log.
#[derive(Debug, Clone)]
pub struct LogMatch {
    pub message: &'static Message,
    /// The line from the message on, and the following lines that belong to it.
    pub text: String,
    /// The values of the message's template, by name.
    pub values: Vec<(&'static str, String)>,
    /// What the line alone determines.
    pub decided: Option<Decided>,
    /// Whether it begins where messages begin, not within a sentence or a quotation.
    pub begins: bool,
    /// Whether it begins where messages begin, and no command or step before it shows which program
    /// printed it.
    pub bare: bool,
    /// Whether every line with it is a warning.
    pub warned: bool,
    /// Where it is, up to [`MAX_PLACES`].
    pub places: Vec<Place>,
    /// The number of its occurrences.
    pub count: u64,
    /// The log's time of its first occurrence.
    pub at: Option<Timestamp>,
    /// The login before it, as an index into [`Context::logins`].
    pub login: Option<usize>,
}

/// A text of at most this many lines is an excerpt that somebody pasted. A message in it counts
/// even if nothing shows which program printed it.
pub(crate) const MAX_EXCERPT_LINES: u64 = 20;

/// The limit for the places of one message.
pub(crate) const MAX_PLACES: usize = 100;

/// What a line alone determines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// What was passed as the token.
    Token {
        code: Code,
        /// What it is, in words.
        what: String,
        /// Why it is no token.
        problem: Option<InputProblem>,
    },
    /// Which party could not be reached, was not trusted, or refused.
    Party(Party),
}

/// The receiver of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Pulumi Cloud.
    Backend,
    /// Pulumi Cloud's token exchange.
    Exchange,
    /// An issuer, for its discovery document.
    Issuer,
    /// An issuer, for its keys.
    Keys,
    /// A CI platform, for a token.
    Platform,
    /// The text does not name it.
    Unnamed,
}

impl Context {
    /// The hosts of the issuers whose claims the log shows.
    pub fn issuer_hosts(&self) -> impl Iterator<Item = &str> {
        let issuers = self.claims.iter().filter_map(|claims| claims.value.get("iss")?.as_str());
        issuers.filter_map(host_of)
    }

    /// Adds the host of a backend, given as a host or a URL.
    pub fn add_backend_host(&mut self, url: &str) {
        let host = host_of(url).unwrap_or(url);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let is_host = (host.contains('.') || host == "localhost") && host.chars().all(is_name);
        if is_host
            && self.backend_hosts.len() < MAX_BACKEND_HOSTS
            && !self.backend_hosts.iter().any(|known| known == host)
        {
            self.backend_hosts.push(host.to_owned());
        }
    }

    /// Records the last failure of a job's step.
    pub fn note_failure(&mut self, place: Place) {
        if let Some(last) = self.failures.iter_mut().find(|known| known.is_in_same_job(&place)) {
            *last = place;
        } else if self.failures.len() < MAX_SUCCESSES {
            self.failures.push(place);
        }
    }
}

/// The host of the first URL in a text.
pub(crate) fn host_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    rest.split(['/', ' ', '"', '\'', ':', '?', ')', ',']).next().filter(|host| !host.is_empty())
}

impl Log {
    /// `FILE:LINE`.
    pub fn location(&self, place: Place) -> String {
        let file = self.files.get(place.file).map_or("", |file| file.name.as_str());
        format!("{file}:{}", place.line)
    }
}

impl Party {
    /// The code for a network failure of a request to it.
    pub fn network_code(self, failure: ServerFailure) -> Code {
        match (self, failure) {
            (Self::Platform, _) => Code::TokenRequestFailed,
            (Self::Backend | Self::Exchange | Self::Unnamed, ServerFailure::Unreachable) => {
                Code::BackendUnreachable
            }
            (Self::Backend | Self::Exchange | Self::Unnamed, ServerFailure::Untrusted) => {
                Code::BackendTlsUntrusted
            }
            (Self::Issuer | Self::Keys, ServerFailure::Untrusted) => Code::IssuerTlsUntrusted,
            (Self::Issuer, ServerFailure::Unreachable) => Code::IssuerUnreachable,
            (Self::Keys, ServerFailure::Unreachable) => Code::JwksUnreachable,
        }
    }
}

/// What logs show about the login that failed.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The calls of `pulumi login`, up to [`MAX_LOGINS`].
    pub logins: Vec<LoginLine>,
    /// The CLI's version.
    pub version: Option<Located<semver::Version>>,
    /// The backend's URL.
    pub backend: Option<Located<String>>,
    /// The source of the backend's URL, if the CLI printed it.
    pub backend_source: Option<BackendSource>,
    /// The claims that the log shows, in plain text or in a token, up to [`MAX_CLAIMS`].
    pub claims: Vec<Located<serde_json::Map<String, serde_json::Value>>>,
    /// The logins that succeeded, up to [`MAX_SUCCESSES`].
    pub successes: Vec<Success>,
    /// The hosts of the backends that the log names, up to [`MAX_BACKEND_HOSTS`].
    pub backend_hosts: Vec<String>,
    /// The last step failure that the platform reported for each job.
    pub failures: Vec<Place>,
    /// The CI platform.
    pub platform: Option<platform::Id>,
}

pub(crate) const MAX_LOGINS: usize = 16;
pub(crate) const MAX_SUCCESSES: usize = 64;
pub(crate) const MAX_BACKEND_HOSTS: usize = 16;
pub(crate) const MAX_CLAIMS: usize = 8;

/// A login that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Success {
    pub place: Place,
    /// The time, if the log has one.
    pub at: Option<Timestamp>,
    /// Whether only its exchange is known to have succeeded; `Logged in to …` may follow.
    pub is_exchange: bool,
}

/// A value and its place in a log.
#[derive(Debug, Clone)]
pub struct Located<T> {
    pub value: T,
    pub place: Place,
}

/// A call of `pulumi login`.
#[derive(Debug, Clone)]
pub struct LoginLine {
    /// The call, without secrets.
    pub text: String,
    /// The value of `--oidc-token`: `$idToken`.
    pub token: Option<String>,
    /// What it requests.
    pub login: Login,
    /// The backend that it names.
    pub url: Option<BackendCandidate>,
    /// `--local`.
    pub local: bool,
    pub place: Place,
}

/// A secret in a log, by its kind and places only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeakedSecret {
    pub kind: SecretKind,
    /// Where it is, up to [`MAX_PLACES`].
    pub places: Vec<Place>,
    /// How many lines have it.
    pub count: u64,
}

/// The kinds of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretKind {
    /// A JWT, possibly encoded as base64 once more.
    Jwt,
    /// A Pulumi access token (`pul-…`).
    PulumiAccessToken,
    /// The value of an Authorization header.
    Bearer,
    /// Another system's token, recognized by its prefix.
    Opaque,
    /// A password in a URL.
    UrlCredentials,
}
