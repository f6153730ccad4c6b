//! Findings for requests that got no answer.

use super::proxy;
use crate::catalogue::Code;
use crate::evidence::{CertificateProblem, Failure, FailureKind};
use crate::judge::finding::capitalize;
use crate::report::Finding;

/// A finding that names the step that failed, with host, port and proxy.
pub(crate) fn network_failure(code: Code, failure: &Failure) -> Finding {
    let Failure { host, port, detail, kind, attempts, .. } = failure;
    let what = match kind {
        FailureKind::Dns => format!("the name {host} cannot be resolved"),
        FailureKind::Connect { .. } => format!("nothing accepts connections at {host}:{port}"),
        FailureKind::Timeout => format!("there was no answer in time from {host}:{port}"),
        FailureKind::Proxy { fault } => proxy::describe_fault(fault, failure),
        FailureKind::Certificate { problem } => {
            use CertificateProblem as P;
            match problem {
                P::UnknownIssuer => {
                    format!("no authority that is trusted here signed the certificate of {host}")
                }
                P::SelfSigned => format!("the certificate of {host} is signed by itself"),
                P::Expired => format!("the certificate of {host} has expired"),
                P::NotYetValid => format!("the certificate of {host} is not valid yet"),
                P::WrongHost => format!("the certificate is not for {host}"),
                P::Other => format!("the certificate of {host} is not accepted"),
            }
        }
        FailureKind::Tls => format!("the TLS handshake with {host}:{port} failed"),
        FailureKind::Protocol => {
            format!("the server at {host}:{port} broke off or does not speak HTTP")
        }
        FailureKind::TooLarge => format!("the answer of {host} is too large: {detail}"),
        FailureKind::AddressRefused => format!("doctor does not connect to the address of {host}"),
        FailureKind::BadUrl => "the URL cannot be requested".to_owned(),
    };
    let finding = Finding::new(code, format!("{}.", capitalize(&what)))
        .proof("host", format!("{host}:{port}"), "request")
        .proof("error", detail, "network")
        .attempts(*attempts);
    proxy::add_route(finding, failure)
}
