//! The expected code for each fault at each place, written by hand.
//!
//! If the login works nonetheless, a fault of the issuer, its keys or the capabilities is only a
//! warning.

/// A request of the program, which meets the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The issuer's discovery document, in a login that works.
    Discovery,
    /// The issuer's discovery document, without an exchange.
    DiscoveryAlone,
    /// The issuer's keys on a separate host, in a login that works.
    Keys,
    /// The issuer's keys on a separate host, without an exchange.
    KeysAlone,
    Capabilities,
    Exchange,
    Whoami,
    /// The organization's registrations, in a login that works.
    Issuers,
    /// The registered policies, in a login that works.
    Policies,
    /// A job's request for a token from GitHub Actions.
    TokenRequest,
}

use Place::{
    Capabilities, Discovery, DiscoveryAlone, Exchange, Issuers, Keys, KeysAlone, Policies,
    TokenRequest, Whoami,
};

/// The result of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Status 0 and no finding.
    Healthy,
    /// Status 1, with this root cause.
    Error(&'static str),
    /// Status 0, with this warning.
    Warning(&'static str),
    /// Status 0, with this note.
    Info(&'static str),
    /// The fault cannot occur here, for this reason.
    Never(&'static str),
}

use Outcome::{Error, Healthy, Info, Never, Warning};

pub const PLACES: [Place; 10] = [
    Discovery,
    DiscoveryAlone,
    Keys,
    KeysAlone,
    Capabilities,
    Exchange,
    Whoami,
    Issuers,
    Policies,
    TokenRequest,
];

/// Kinds of faults with the same code at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The host does not answer at all: no connection, no TLS or no HTTP/2.
    Host,
    /// The host's certificate is not accepted.
    Certificate,
    /// The connection breaks, or time runs out, before the answer is complete.
    NoAnswer,
    /// An answer that is too large or has too many values.
    TooLarge,
    /// 200 with a body that is not JSON.
    NotJson,
    /// 200 with unexpected JSON.
    OtherJson,
    /// 200 without a body.
    Empty,
    /// 200 with a web page.
    Page,
    /// A redirect that never ends.
    Redirect,
    /// A redirect to another host.
    Elsewhere,
    /// 429.
    Limited,
    /// 503.
    Unavailable,
}

/// The kind of every fault.
pub const KINDS: &[(&str, Kind)] = &[
    ("refused", Kind::Host),
    ("reset on connect", Kind::Host),
    ("silent", Kind::Host),
    ("TLS stalls", Kind::Host),
    ("plain HTTP", Kind::Host),
    ("expired", Kind::Certificate),
    ("other host", Kind::Certificate),
    ("self-signed", Kind::Certificate),
    ("unknown authority", Kind::Certificate),
    ("no intermediate", Kind::Certificate),
    ("h2 resets", Kind::Host),
    ("h2 goes away", Kind::Host),
    ("h2 settings flood", Kind::Host),
    ("h2 ping flood", Kind::Host),
    ("h2 endless headers", Kind::Host),
    ("h2 1xx storm", Kind::Host),
    ("reset when asked", Kind::NoAnswer),
    ("silent when asked", Kind::NoAnswer),
    ("malformed", Kind::NoAnswer),
    ("drips its head", Kind::NoAnswer),
    ("endless headers", Kind::NoAnswer),
    ("1xx storm", Kind::NoAnswer),
    ("drips its body", Kind::NoAnswer),
    ("endless body", Kind::TooLarge),
    ("gzip bomb", Kind::TooLarge),
    ("over 1 MiB", Kind::TooLarge),
    ("deep JSON", Kind::NotJson),
    ("wide JSON", Kind::TooLarge),
    ("many objects", Kind::OtherJson),
    ("length too long", Kind::NoAnswer),
    ("length too short", Kind::NotJson),
    ("ends in its body", Kind::NoAnswer),
    ("redirect loop", Kind::Redirect),
    ("redirect away", Kind::Elsewhere),
    ("429", Kind::Limited),
    ("429, try in 1 s", Kind::Limited),
    ("503", Kind::Unavailable),
    ("503, try in 0 s", Kind::Unavailable),
    ("503, try in 1 h", Kind::Unavailable),
    ("login page", Kind::Page),
    ("empty", Kind::Empty),
    ("invalid UTF-8", Kind::NotJson),
];

/// The backend is one host, so a fault of its connections already affects its first request.
const SAME_HOST: Outcome =
    Never("the backend's host answers all of its questions: see Capabilities");

/// The result of a run with a fault of this kind at this place.
pub fn expected(place: Place, kind: Kind) -> Outcome {
    let code = match place {
        Discovery | DiscoveryAlone => match kind {
            Kind::Host | Kind::NoAnswer => "issuer-unreachable",
            Kind::Certificate => "issuer-tls-untrusted",
            Kind::TooLarge | Kind::NotJson | Kind::OtherJson | Kind::Empty => "discovery-invalid",
            Kind::Page | Kind::Redirect | Kind::Elsewhere | Kind::Limited | Kind::Unavailable => {
                "discovery-not-found"
            }
        },
        Keys | KeysAlone => match kind {
            Kind::TooLarge | Kind::NotJson | Kind::OtherJson | Kind::Empty | Kind::Page => {
                "jwks-invalid"
            }
            Kind::Host
            | Kind::Certificate
            | Kind::NoAnswer
            | Kind::Redirect
            | Kind::Elsewhere
            | Kind::Limited
            | Kind::Unavailable => "jwks-unreachable",
        },
        Capabilities => match kind {
            // The whole backend is affected.
            Kind::Host => return Error("backend-unreachable"),
            Kind::Certificate => return Error("backend-tls-untrusted"),
            Kind::NoAnswer => "backend-unreachable",
            // These answers do not show that the server is no Pulumi Cloud.
            Kind::Limited | Kind::Unavailable => return Healthy,
            Kind::TooLarge
            | Kind::NotJson
            | Kind::OtherJson
            | Kind::Empty
            | Kind::Page
            | Kind::Redirect
            | Kind::Elsewhere => "backend-not-pulumi",
        },
        Exchange => match kind {
            Kind::Host | Kind::Certificate => return SAME_HOST,
            Kind::NoAnswer => "backend-unreachable",
            Kind::TooLarge | Kind::NotJson | Kind::OtherJson | Kind::Empty | Kind::Page => {
                "exchange-malformed"
            }
            Kind::Redirect => "exchange-rejected",
            Kind::Elsewhere => "exchange-redirected",
            Kind::Limited => "exchange-rate-limited",
            Kind::Unavailable => "exchange-server-error",
        },
        Whoami => match kind {
            Kind::Host | Kind::Certificate => return SAME_HOST,
            Kind::NoAnswer
            | Kind::Redirect
            | Kind::Elsewhere
            | Kind::Limited
            | Kind::Unavailable => "whoami-failed",
            Kind::TooLarge | Kind::NotJson | Kind::OtherJson | Kind::Empty | Kind::Page => {
                "whoami-malformed"
            }
        },
        Issuers | Policies => match kind {
            Kind::Host | Kind::Certificate => return SAME_HOST,
            _ => "policy-unknown",
        },
        TokenRequest => "token-request-failed",
    };
    match place {
        Discovery | Keys | Capabilities => Warning(code),
        Issuers | Policies => Info(code),
        DiscoveryAlone | KeysAlone | Exchange | Whoami | TokenRequest => Error(code),
    }
}
