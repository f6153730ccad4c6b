//! Network probes, their failures and their answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ProxyFault, Route};

/// A network request and its outcome.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "outcome")]
pub enum Probe<T> {
    #[default]
    NotRun,
    /// There was no answer.
    Failed { failure: Failure, elapsed_ms: u64 },
    /// There was an answer, with any status.
    Answered { answer: T, elapsed_ms: u64 },
}

impl<T> Probe<T> {
    pub fn answer(&self) -> Option<&T> {
        match self {
            Self::Answered { answer, .. } => Some(answer),
            _ => None,
        }
    }

    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// How long it took, in milliseconds; 0 if it did not run.
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
    pub kind: FailureKind,
    /// The requested host.
    pub host: String,
    /// The requested port.
    pub port: u16,
    /// The way of the request.
    #[serde(flatten)]
    pub route: Box<Route>,
    /// The cause in words, from the innermost error with a useful text.
    pub detail: String,
    /// The number of attempts; this is the last one's failure.
    #[serde(default = "single_attempt", skip_serializing_if = "is_single_attempt")]
    pub attempts: u32,
}

/// The default for bundles without the field.
fn single_attempt() -> u32 {
    1
}

fn is_single_attempt(attempts: &u32) -> bool {
    *attempts == single_attempt()
}

/// The kinds of network failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum FailureKind {
    /// The name could not be resolved.
    Dns,
    /// Nothing listens, or the connection was reset while connecting.
    Connect {
        /// Whether the system reports that nothing listens.
        #[serde(default)]
        refused: bool,
    },
    /// No answer within the time limit.
    Timeout,
    /// The proxy refused or could not be reached.
    Proxy {
        #[serde(default)]
        fault: ProxyFault,
    },
    /// The certificate is not accepted.
    Certificate { problem: CertificateProblem },
    /// Another failure of the TLS handshake.
    Tls,
    /// The connection broke, or the answer is not HTTP.
    Protocol,
    /// The answer exceeds the size limit.
    TooLarge,
    /// The address guard refused every address of the host.
    AddressRefused,
    /// The URL cannot be requested.
    BadUrl,
}

/// Why a certificate is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CertificateProblem {
    /// No trusted authority signed it.
    UnknownIssuer,
    SelfSigned,
    Expired,
    NotYetValid,
    /// It is for another name.
    WrongHost,
    Other,
}

/// An HTTP answer without secrets, its body limited in size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The URL that answered, after redirects.
    pub url: String,
    pub status: u16,
    /// `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// `Location`, if the answer is a redirect that was not followed.
    pub location: Option<String>,
    /// `Retry-After`, as sent.
    pub retry_after: Option<String>,
    /// `X-Pulumi-Request-ID`.
    pub request_id: Option<String>,
    /// The way of the request.
    #[serde(flatten)]
    pub route: Box<Route>,
    /// The server's clock minus this machine's, in seconds, from the `Date` header.
    pub clock_offset_seconds: Option<i64>,
    pub body: Body,
    /// The number of attempts; this is the last one's answer.
    #[serde(default = "single_attempt", skip_serializing_if = "is_single_attempt")]
    pub attempts: u32,
}

impl Answer {
    /// Whether the status is 2xx; the CLI treats all of these alike in whoami.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "content")]
pub enum Body {
    Empty,
    Json(Value),
    /// The title of an HTML page.
    Html(Option<String>),
    /// The first 500 characters of another text.
    Text(String),
}

/// The certificates that a server presented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// The chain as served, leaf first.
    pub certificates: Vec<Certificate>,
    /// Whether the chain ends at a public authority (Mozilla's list). Roots from `--ca-cert` and
    /// from this machine's store are not public.
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
    /// The names that it is for.
    pub names: Vec<String>,
    /// The end of its validity.
    pub not_after: Option<Timestamp>,
    /// SHA-256 of the DER, lower-case hex.
    pub sha256: String,
    /// SHA-1 of the DER, lower-case hex.
    pub sha1: String,
}
