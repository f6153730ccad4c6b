//! Why a request got no answer: from the client's nested errors to one kind and one sentence.

use std::error::Error;
use std::io;

use url::Url;

use crate::evidence::FailureKind;
use crate::gather::guard::{Refused, host_of};
use crate::gather::tls::{self, Recorder};

/// The kind of a failure and the words for it.
pub(super) type Cause = (FailureKind, String);

/// What a reqwest error comes from. Types decide; error texts are only passed on.
pub(super) fn cause(
    error: &reqwest::Error,
    url: &Url,
    proxy: Option<&Url>,
    recorder: &Recorder,
) -> Cause {
    if let Some(refused) = find::<Refused>(error) {
        return (FailureKind::AddressRefused, refused.to_string());
    }
    let innermost = causes(error).last().map_or_else(String::new, ToString::to_string);
    if let Some(error) = find::<rustls::Error>(error) {
        return tls_cause(error, url, proxy, recorder);
    }
    if proxy.is_some() && error.is_connect() && !error.is_timeout() {
        let reached = !error.is_dns() && find::<io::Error>(error).is_none();
        let detail =
            if reached { format!("the proxy opened no tunnel ({innermost})") } else { innermost };
        return (FailureKind::Proxy, detail);
    }
    let kind = if error.is_dns() {
        FailureKind::Dns
    } else if error.is_timeout() {
        FailureKind::Timeout
    } else if error.is_builder() {
        FailureKind::BadUrl
    } else if error.is_connect() {
        // A peer that takes the connection and hangs up on the handshake is not an unreachable one.
        let hung_up = causes(error).any(|error| {
            error.downcast_ref::<io::Error>().map(io::Error::kind)
                == Some(io::ErrorKind::UnexpectedEof)
        });
        if hung_up { FailureKind::Tls } else { FailureKind::Connect }
    } else {
        FailureKind::Protocol
    };
    (kind, innermost)
}

fn tls_cause(error: &rustls::Error, url: &Url, proxy: Option<&Url>, recorder: &Recorder) -> Cause {
    let chain = recorder.chain(&host_of(url));
    // No certificate of the host was seen, but the proxy speaks TLS itself: it is the proxy's.
    if chain.is_none() && proxy.is_some_and(|proxy| proxy.scheme() == "https") {
        return (FailureKind::Proxy, format!("the proxy's own TLS: {error}"));
    }
    match error {
        rustls::Error::InvalidCertificate(error) => {
            let (problem, detail) = tls::explain(error, chain.as_ref());
            (FailureKind::Certificate { problem }, detail)
        }
        other => (FailureKind::Tls, tls_words(other)),
    }
}

/// What ended a handshake, where the library's words need an expert.
fn tls_words(error: &rustls::Error) -> String {
    use rustls::{AlertDescription as Alert, Error, InvalidMessage, PeerIncompatible as Peer};
    let words = match error {
        Error::AlertReceived(Alert::ProtocolVersion)
        | Error::PeerIncompatible(Peer::ServerDoesNotSupportTls12Or13) => {
            "the server speaks neither TLS 1.2 nor TLS 1.3"
        }
        Error::AlertReceived(Alert::CertificateRequired) => {
            "the server asks for a client certificate"
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "what the server says is not TLS"
        }
        other => return other.to_string(),
    };
    format!("{words} ({error})")
}

/// An error and everything under it. `io::Error::source` skips the error that it wraps, so those
/// are opened by hand.
fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &'a (dyn Error + 'static) = error;
    std::iter::successors(Some(first), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

fn find<T: Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    causes(error).find_map(|error| error.downcast_ref::<T>())
}
