//! Probes of the network, their failures and their answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ProxyFault, Route};

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
    /// An answer came, with any status.
    Answered {
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
    Connect {
        /// The system says that nothing listens.
        #[serde(default)]
        refused: bool,
    },
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
    /// Self-signed.
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
    pub body: Body,
    /// How often it was asked, of which this is the last.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub attempts: u32,
}

impl Answer {
    /// Whether it has a status of success, all of which the CLI treats alike in whoami.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A body, by its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "content")]
pub enum Body {
    /// Nothing.
    Empty,
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
