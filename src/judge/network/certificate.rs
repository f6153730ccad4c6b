//! Untrusted certificates: the served chain and its signer.

use crate::evidence::{Certificate, CertificateProblem, Chain, Failure, FailureKind};
use crate::judge::advice::clock::set_clock;
use crate::platform::at_host;
use crate::policy::Registration;
use crate::report::Finding;

/// The authority of a proxy that intercepts TLS to this host. Public authorities sign the
/// certificates of public issuers, so another one means a proxy. `None` if the chain may be the
/// host's own.
pub(crate) fn intercepting_authority<'a>(host: &str, chain: &'a Chain) -> Option<&'a str> {
    let top = chain.certificates.last()?;
    (at_host(host).is_some() && !chain.publicly_trusted).then_some(&*top.issuer)
}

/// The served certificate that has a registered thumbprint. A thumbprint is SHA-256 (Pulumi's
/// documentation) or SHA-1 (API), in hex with or without colons, of any certificate of the chain.
pub(crate) fn certificate_with_thumbprint<'a>(
    registration: &Registration,
    chain: &'a Chain,
) -> Option<&'a Certificate> {
    registration.thumbprints.iter().find_map(|thumbprint| {
        let bare = normalized(thumbprint);
        chain.certificates.iter().find(|c| c.sha256 == bare || c.sha1 == bare)
    })
}

fn normalized(thumbprint: &str) -> String {
    let digits = thumbprint.chars().filter(|c| *c != ':' && !c.is_whitespace());
    digits.flat_map(char::to_lowercase).collect()
}

/// Adds who signed an untrusted certificate: an intercepting proxy or a private authority.
pub(crate) fn add_signer(finding: Finding, failure: &Failure, chain: Option<&Chain>) -> Finding {
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
    let who = match (intercepting_authority(&failure.host, chain), &failure.route.proxy) {
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
    let lacks_intermediate = chain.certificates.len() == 1 && top.issuer != top.subject;
    // Browsers fetch missing intermediates, so such a misconfiguration may go unnoticed.
    let hint = if lacks_intermediate && intercepting_authority(&failure.host, chain).is_none() {
        " The server sends that certificate alone: where the authority is an intermediate one, it \
         has to send the authority's certificate too."
    } else {
        ""
    };
    let detail = format!("{} {who}{hint}", finding.detail);
    Finding { detail, ..finding }
}

/// Whether trusting the signing authority would help. It does not for an expired certificate or one
/// for another host.
pub(crate) fn is_authority_untrusted(failure: &Failure) -> bool {
    use CertificateProblem::{Expired, NotYetValid, WrongHost};
    !matches!(failure.kind, FailureKind::Certificate { problem: Expired | NotYetValid | WrongHost })
}

/// Adds the remedy for a certificate that is out of date or for another host.
pub(crate) fn add_renewal_advice(finding: Finding, failure: &Failure) -> Finding {
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

/// Adds the served certificates with their thumbprints, leaf first.
pub(crate) fn add_chain(mut finding: Finding, chain: Option<&Chain>) -> Finding {
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
