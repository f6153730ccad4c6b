//! What was read in logs: the evidence of `doctor triage`. `gather::log` fills it and
//! `judge::triage` reads it. Texts in it are scrubbed of secrets and short; how many there can be
//! does not depend on how long the logs are.

use jiff::Timestamp;

use crate::catalogue::Code;
use crate::evidence::{BackendCandidate, BackendSource, InputProblem, Login};
use crate::known_messages::{Message, Trouble};
use crate::platform;

/// What several logs hold.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// The files that were read, members of archives one by one.
    pub files: Vec<File>,
    /// The known messages, in the order in which they were first met.
    pub matches: Vec<LogMatch>,
    /// How many more messages there were than are kept here.
    pub left_out: u64,
    /// What the logs tell of the login.
    pub context: Context,
    /// Where secrets stand.
    pub secrets: Vec<Leak>,
}

/// A log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name; of a member of an archive, the archive's and its own.
    pub name: String,
    /// It came on standard input, not within an archive.
    pub is_stdin: bool,
    /// How many lines it has.
    pub lines: u64,
    /// After how many unpacked bytes reading it was stopped, because it unpacks to far more than it
    /// is packed ([`crate::limits::UNPACKED_RATIO`]).
    pub stopped_after: Option<u64>,
}

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as an index into [`Log::files`].
    pub file: usize,
    /// The job, where the log of several is in one file: counted from 0.
    pub job: usize,
    /// The line, from 1.
    pub line: u64,
}

impl Place {
    /// Whether both are in the log of the same job.
    pub fn is_beside(&self, other: &Self) -> bool {
        (self.file, self.job) == (other.file, other.job)
    }
}

/// A known message that was met.
#[derive(Debug, Clone)]
pub struct LogMatch {
    /// Which.
    pub message: &'static Message,
    /// The line's text, from the message on, with the lines that belong to it.
    pub text: String,
    /// The values of its template, by name.
    pub values: Vec<(&'static str, String)>,
    /// The code, where the line itself decided that.
    pub decided: Option<Decided>,
    /// It begins where messages begin, rather than in the middle of a sentence or a quotation.
    pub begins: bool,
    /// It begins where messages begin, and no command or step before it tells whose message it is.
    pub bare: bool,
    /// Every line that holds it is a warning.
    pub warned: bool,
    /// Where it was met, at most [`PLACES`] of them.
    pub places: Vec<Place>,
    /// How often it was met.
    pub count: u64,
    /// What the log says of the time when it was first met.
    pub at: Option<Timestamp>,
    /// The login before it, as an index into [`Context::logins`].
    pub login: Option<usize>,
}

/// A text of so many lines is one that somebody pasted, or cut out of a log: a message in it counts
/// although nothing tells whose it is.
pub(crate) const SHORT: u64 = 20;

/// How many places of one message are kept.
pub(crate) const PLACES: usize = 100;

/// What a line alone decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// What was passed as the token.
    Token {
        code: Code,
        /// What it is, in words.
        what: String,
        /// Why it is not a token, if it is none.
        problem: Option<InputProblem>,
    },
    /// Who could not be reached or trusted, or refused.
    Party(Party),
}

/// Whom a request went to.
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
    /// The text does not show it.
    Unnamed,
}

impl Context {
    /// The hosts of the issuers whose claims the log shows.
    pub fn issuer_hosts(&self) -> impl Iterator<Item = &str> {
        let issuers = self.claims.iter().filter_map(|told| told.value.get("iss")?.as_str());
        issuers.filter_map(host_of)
    }

    /// Keeps the host of a URL that is a backend's, or such a host.
    pub fn name_backend(&mut self, url: &str) {
        let host = host_of(url).unwrap_or(url);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let is_host = (host.contains('.') || host == "localhost") && host.chars().all(is_name);
        if is_host
            && self.backend_hosts.len() < BACKENDS
            && !self.backend_hosts.iter().any(|known| known == host)
        {
            self.backend_hosts.push(host.to_owned());
        }
    }

    /// Notes that a step failed there.
    pub fn note_failure(&mut self, place: Place) {
        if let Some(last) = self.failures.iter_mut().find(|known| known.is_beside(&place)) {
            *last = place;
        } else if self.failures.len() < SUCCESSES {
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
    pub fn at(&self, place: Place) -> String {
        let file = self.files.get(place.file).map_or("", |file| file.name.as_str());
        format!("{file}:{}", place.line)
    }
}

impl Party {
    /// The code for trouble on the way to it.
    pub fn trouble(self, trouble: Trouble) -> Code {
        match (self, trouble) {
            (Self::Platform, _) => Code::TokenRequestFailed,
            (Self::Backend | Self::Exchange | Self::Unnamed, Trouble::Unreachable) => {
                Code::BackendUnreachable
            }
            (Self::Backend | Self::Exchange | Self::Unnamed, Trouble::Untrusted) => {
                Code::BackendTlsUntrusted
            }
            (Self::Issuer | Self::Keys, Trouble::Untrusted) => Code::IssuerTlsUntrusted,
            (Self::Issuer, Trouble::Unreachable) => Code::IssuerUnreachable,
            (Self::Keys, Trouble::Unreachable) => Code::JwksUnreachable,
        }
    }
}

/// What logs tell of the login that failed.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// `pulumi login` as it was called, at most [`LOGINS`] of them.
    pub logins: Vec<LoginLine>,
    /// The CLI's version.
    pub version: Option<Located<semver::Version>>,
    /// The backend's URL.
    pub backend: Option<Located<String>>,
    /// Its source, if the CLI printed it.
    pub backend_source: Option<BackendSource>,
    /// Claims sets that were printed, as claims or within a token.
    pub claims: Vec<Located<serde_json::Map<String, serde_json::Value>>>,
    /// Logins that succeeded, at most [`SUCCESSES`] of them.
    pub successes: Vec<Success>,
    /// The hosts of the backends that the log names, at most [`BACKENDS`] of them.
    pub backend_hosts: Vec<String>,
    /// Of each job, where its platform last said that a step failed.
    pub failures: Vec<Place>,
    /// The CI platform.
    pub platform: Option<platform::Id>,
}

/// How many logins are kept.
pub(crate) const LOGINS: usize = 16;
/// How many successes are kept.
pub(crate) const SUCCESSES: usize = 64;
/// How many hosts of backends are kept.
pub(crate) const BACKENDS: usize = 16;
/// How many claims sets are kept.
pub(crate) const CLAIMS: usize = 8;

/// A login that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Success {
    /// Its place.
    pub place: Place,
    /// The time, if the log has one.
    pub at: Option<Timestamp>,
    /// So far only its exchange is known to have worked; `Logged in to …` may follow.
    pub is_exchange: bool,
}

/// A value and where it was found.
#[derive(Debug, Clone)]
pub struct Located<T> {
    pub value: T,
    /// Its place.
    pub place: Place,
}

/// A call of `pulumi login`.
#[derive(Debug, Clone)]
pub struct LoginLine {
    /// The call, without secrets.
    pub text: String,
    /// The value of `--oidc-token`: `$idToken`.
    pub token: Option<String>,
    /// What it asks for.
    pub login: Login,
    /// The backend that it names.
    pub url: Option<BackendCandidate>,
    /// `--local`.
    pub local: bool,
    /// Its place.
    pub place: Place,
}

/// A secret in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// What it is.
    pub kind: SecretKind,
    /// Its places, at most [`PLACES`] of them.
    pub places: Vec<Place>,
    /// On how many lines.
    pub count: u64,
}

/// The kinds of secrets that are distinguished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretKind {
    /// A JWT, also in another layer of base64.
    Jwt,
    /// A Pulumi access token (`pul-…`).
    PulumiAccessToken,
    /// The value of an Authorization header.
    Bearer,
    /// Another system's token, known by its prefix.
    Opaque,
    /// A password in a URL.
    UrlCredentials,
}
