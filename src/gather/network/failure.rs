//! Why a request got no answer: turns the client's nested errors into one kind and one sentence.

use std::error::Error;
use std::io;

use url::Url;

use crate::console::descriptors;
use crate::evidence::{FailureKind, ProxyFault};
use crate::gather::network::guard::{Refused, host_of};
use crate::gather::network::tls;
use crate::gather::network::tls::Recorder;

/// The kind of a failure and its description.
pub(crate) type Cause = (FailureKind, String);

/// Finds the cause of a reqwest error by the types of its sources. Error texts are only passed on.
pub(crate) fn failure_cause(
    error: &reqwest::Error,
    url: &Url,
    proxy: Option<&Url>,
    recorder: &Recorder,
) -> Cause {
    error_chain(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .for_each(descriptors::note);
    if let Some(refused) = find_in_chain::<Refused>(error) {
        return (FailureKind::AddressRefused, refused.to_string());
    }
    let innermost = error_chain(error).last().map_or_else(String::new, ToString::to_string);
    if let Some(error) = find_in_chain::<rustls::Error>(error) {
        return tls_cause(error, url, proxy, recorder);
    }
    if let Some(fault) = proxy.and_then(|proxy| proxy_fault(error, url, proxy)) {
        return (FailureKind::Proxy { fault }, innermost);
    }
    let kind = if error.is_dns() {
        FailureKind::Dns
    } else if error.is_timeout() {
        FailureKind::Timeout
    } else if error.is_builder() {
        FailureKind::BadUrl
    } else if error.is_connect() {
        let has_io_error = |kind| {
            error_chain(error)
                .filter_map(|error| error.downcast_ref::<io::Error>())
                .any(|error| error.kind() == kind)
        };
        // The peer is reachable: it accepted the connection and hung up during the handshake.
        if has_io_error(io::ErrorKind::UnexpectedEof) {
            FailureKind::Tls
        } else {
            FailureKind::Connect { refused: has_io_error(io::ErrorKind::ConnectionRefused) }
        }
    } else {
        FailureKind::Protocol
    };
    (kind, innermost)
}

/// The proxy's fault, if it caused the error. A plain http request connects to the proxy only.
fn proxy_fault(error: &reqwest::Error, url: &Url, proxy: &Url) -> Option<ProxyFault> {
    let is_plain = url.scheme() == "http";
    let io = find_in_chain::<io::Error>(error).map(io::Error::kind);
    match io {
        _ if error.is_timeout() => (is_plain || error.is_connect()).then_some(ProxyFault::Timeout),
        _ if error.is_dns() => Some(ProxyFault::Dns),
        _ if !error.is_connect() => is_plain.then_some(ProxyFault::Protocol),
        Some(io::ErrorKind::UnexpectedEof) if proxy.scheme() == "https" => Some(ProxyFault::Tls),
        // It accepted the connection and rejected the request.
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
            Some(ProxyFault::Closed)
        }
        Some(_) => Some(ProxyFault::Connect),
        None => Some(ProxyFault::Other),
    }
}

fn tls_cause(error: &rustls::Error, url: &Url, proxy: Option<&Url>, recorder: &Recorder) -> Cause {
    let chain = recorder.chain(&host_of(url));
    // The host showed no certificate, and the proxy itself uses TLS: the certificate is the
    // proxy's.
    if let Some(proxy) = proxy.filter(|proxy| chain.is_none() && proxy.scheme() == "https") {
        let detail = match error {
            rustls::Error::InvalidCertificate(error) => {
                tls::explain(error, recorder.chain(&host_of(proxy)).as_ref()).1
            }
            other => other.to_string(),
        };
        return (FailureKind::Proxy { fault: ProxyFault::Tls }, detail);
    }
    match error {
        rustls::Error::InvalidCertificate(error) => {
            let (problem, detail) = tls::explain(error, chain.as_ref());
            (FailureKind::Certificate { problem }, detail)
        }
        other => (FailureKind::Tls, describe_tls_error(other)),
    }
}

/// Explains TLS errors whose own text needs an expert.
fn describe_tls_error(error: &rustls::Error) -> String {
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

/// An error and all its sources. `io::Error::source` skips the error that it wraps, so this unwraps
/// it.
pub(crate) fn error_chain<'a>(
    error: &'a reqwest::Error,
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &'a (dyn Error + 'static) = error;
    std::iter::successors(Some(first), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

fn find_in_chain<T: Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    error_chain(error).find_map(|error| error.downcast_ref::<T>())
}
