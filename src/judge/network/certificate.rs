//! Certificates that are not trusted: what was served, and who signed it.

use crate::evidence::{Certificate, CertificateProblem, Chain, Failure, FailureKind};
use crate::judge::advice::clock::set_clock;
use crate::platform::at_host;
use crate::policy::Registration;
use crate::report::Finding;

/// Who signed anew what this host serves: the authority of a proxy in between, since public
/// authorities sign the certificates of public issuers. `None` where the chain is the host's own,
/// or may be.
pub(crate) fn resigned<'a>(host: &str, chain: &'a Chain) -> Option<&'a str> {
    let top = chain.certificates.last()?;
    (at_host(host).is_some() && !chain.publicly_trusted).then_some(&*top.issuer)
}

/// A thumbprint is SHA-256 (as documented) or SHA-1 (as the API says), in hex with or without
/// colons, of any certificate of the served chain.
pub(crate) fn matching<'a>(
    registration: &Registration,
    chain: &'a Chain,
) -> Option<&'a Certificate> {
    registration.thumbprints.iter().find_map(|thumbprint| {
        let bare = bare(thumbprint);
        chain.certificates.iter().find(|c| c.sha256 == bare || c.sha1 == bare)
    })
}

fn bare(thumbprint: &str) -> String {
    let digits = thumbprint.chars().filter(|c| *c != ':' && !c.is_whitespace());
    digits.flat_map(char::to_lowercase).collect()
}

/// Who signed a certificate that is not trusted: a proxy in between, or an authority of one's own.
pub(crate) fn signed_by(finding: Finding, failure: &Failure, chain: Option<&Chain>) -> Finding {
    let FailureKind::Certificate {
        problem: CertificateProblem::UnknownIssuer | CertificateProblem::SelfSigned,
    } = failure.kind
    else {
        return finding;
    };
    let Some((chain, top)) = chain.and_then(|chain| Some((chain, chain.certificates.last()?)))
    else {
        return finding;
    };
    let who = match (resigned(&failure.host, chain), &failure.route.proxy) {
        (Some(authority), _) => format!(
            "{} has a certificate of a public authority. This one is signed by {authority}: a proxy \
             between this machine and it opens the connection and signs anew.",
            failure.host
        ),
        (None, Some(proxy)) => format!(
            "The certificate is signed by {}: the proxy {proxy}, which may open connections and sign anew, or \
             an authority of your own.",
            top.issuer
        ),
        (None, None) => format!("The certificate is signed by {}.", top.issuer),
    };
    let is_alone = chain.certificates.len() == 1 && top.issuer != top.subject;
    // Browsers fetch what is missing, so that a server may go on like this for long.
    let alone = if is_alone && resigned(&failure.host, chain).is_none() {
        " The server sends that certificate alone: where the authority is an intermediate one, it \
         has to send the authority's certificate too."
    } else {
        ""
    };
    let detail = format!("{} {who}{alone}", finding.detail);
    Finding { detail, ..finding }
}

/// Whether the authority that signed a certificate is what is wrong with it. Trusting one cures
/// neither an expired certificate nor one for another host.
pub(crate) fn lacks_trust(failure: &Failure) -> bool {
    use CertificateProblem::{Expired, NotYetValid, WrongHost};
    !matches!(failure.kind, FailureKind::Certificate { problem: Expired | NotYetValid | WrongHost })
}

/// The remedy for a certificate that is out of date, or for another host.
pub(crate) fn renewed(finding: Finding, failure: &Failure) -> Finding {
    let host = &failure.host;
    match failure.kind {
        FailureKind::Certificate { problem: CertificateProblem::Expired } => finding
            .fix(format!("Renew the certificate of {host}."))
            .announce(
                "If the certificate is still valid by the right time, set this machine's clock:",
            )
            .command(set_clock()),
        FailureKind::Certificate { problem: CertificateProblem::NotYetValid } => finding
            .fix("Set this machine's clock: it is behind the start of the certificate's validity.")
            .step(format!(
                "If the clock is right, {host} has a certificate with a wrong start date: have it \
                 issued again."
            ))
            .command(set_clock()),
        FailureKind::Certificate { problem: CertificateProblem::WrongHost } => finding.fix(format!(
            "Use a host name that the certificate is for, or have a certificate issued for {host}."
        )),
        _ => finding,
    }
}

/// Adds the served certificates, leaf first, each with its thumbprints.
pub(crate) fn with_chain(mut finding: Finding, chain: Option<&Chain>) -> Finding {
    for certificate in chain.iter().flat_map(|c| &c.certificates) {
        let until = certificate.not_after.map_or_else(String::new, |t| format!(", until {t}"));
        finding = finding
            .proof(
                "certificate",
                format!("{} signed by {}{until}", certificate.subject, certificate.issuer),
                "TLS handshake",
            )
            .proof("SHA-256", &certificate.sha256, &certificate.subject)
            .proof("SHA-1", &certificate.sha1, &certificate.subject);
    }
    finding
}
