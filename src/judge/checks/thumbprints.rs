//! Check `thumbprints`: is a registered thumbprint that of a served certificate?

use crate::catalogue::{Code, Severity};
use crate::evidence::{Chain, CheckId, PolicySource};
use crate::judge::advice::api_request::post_to_issuers;
use crate::judge::context::Context;
use crate::judge::network::certificate::{certificate_with_thumbprint, intercepting_authority};
use crate::judge::outcome::CheckOutcome;
use crate::platform::public_issuer;
use crate::policy::Registration;
use crate::report::{Change, Finding, RemedyOption, Target};

pub(crate) fn check(context: &Context) -> CheckOutcome {
    if context.evidence.token.is_none() {
        return CheckOutcome::skip(context.blocked_by(CheckId::Token), "there is no decoded token");
    }
    // A document with entries only has no registration.
    let Some(registration) = context.evidence.registration().filter(|r| r.identifier().is_some())
    else {
        return CheckOutcome::skip(
            context.blocked_by(CheckId::Registration),
            "there is no registration",
        );
    };
    if registration.thumbprints.is_empty() {
        let is_public = registration.identifier().and_then(public_issuer).is_some();
        let chain = context.evidence.issuer.chain.as_ref();
        let private = !is_public && chain.is_some_and(|chain| !chain.publicly_trusted);
        return CheckOutcome::pass(match private && registration.jwks.is_none() {
            // Pulumi Cloud may have computed a thumbprint itself. Only an exchange shows that.
            true => {
                "no thumbprint known; without a public authority's certificate Pulumi Cloud needs one"
            }
            false => "no thumbprint registered, none needed",
        });
    }
    if registration.jwks.is_some() {
        return CheckOutcome::pass("not used: the registration carries keys");
    }
    let Some(chain) = &context.evidence.issuer.chain else {
        return CheckOutcome::skip(context.blocked_by(CheckId::Issuer), "no certificate was seen");
    };
    let is_private = context.findings().any(|finding| {
        finding.code == Code::IssuerNotPublic && finding.severity == Severity::Error
    });
    if is_private {
        return CheckOutcome::skip(CheckId::Issuer, "Pulumi Cloud cannot connect to the issuer");
    }
    if let Some(certificate) = certificate_with_thumbprint(registration, chain) {
        return CheckOutcome::pass(format!(
            "a registered thumbprint is that of the served certificate {}",
            certificate.subject
        ));
    }
    let host = registration.identifier().and_then(|issuer| url::Url::parse(issuer).ok());
    let host = host.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
    if let Some(authority) = intercepting_authority(host, chain) {
        return CheckOutcome::skip(
            CheckId::Issuer,
            format!("a proxy that signs as {authority} hides the certificate that {host} serves"),
        );
    }
    CheckOutcome::found(
        "none matches a served certificate",
        vec![thumbprint_mismatch(context, registration, chain)],
    )
}

fn thumbprint_mismatch(context: &Context, registration: &Registration, chain: &Chain) -> Finding {
    let (severity, detail) = if chain.publicly_trusted {
        (
            Severity::Warning,
            "A public authority vouches for the issuer's certificate, so Pulumi Cloud does not \
             look at thumbprints: this does no harm now.",
        )
    } else {
        (
            Severity::Error,
            "No public authority vouches for the issuer's certificate, so Pulumi Cloud looks at \
             the thumbprints, and none is that of a served certificate.",
        )
    };
    let mut finding = Finding::new(Code::ThumbprintMismatch, detail).severity(severity);
    for registered in &registration.thumbprints {
        finding = finding.proof("registered", registered, "registration thumbprints");
    }
    for certificate in &chain.certificates {
        finding = finding
            .proof("served (SHA-256)", &certificate.sha256, &certificate.subject)
            .proof("served (SHA-1)", &certificate.sha1, &certificate.subject);
    }
    let organization = context.request.organization.as_deref().unwrap_or("ORG");
    let id = registration.id.as_deref().unwrap_or("ISSUER_ID");
    let path = format!("/{id}/regenerate-thumbprints");
    let url = context.job().url;
    let finding = finding.commands(url.map(|url| post_to_issuers(&url, organization, &path, None)));
    match replace_thumbprint(context, registration, chain) {
        Some(change) => finding.option(RemedyOption::only(change)),
        None => finding,
    }
}

/// Replaces the first registered thumbprint by that of the served certificate.
fn replace_thumbprint(
    context: &Context,
    registration: &Registration,
    chain: &Chain,
) -> Option<Change> {
    let served = &chain.certificates.first()?.sha256;
    let before = registration.thumbprints.first()?;
    let change = Change::new(Target::Registration, "/thumbprints/0")
        .for_issuer(registration.identifier())
        .before(before.clone())
        .after(served.clone());
    Some(match &context.evidence.policy {
        PolicySource::File { path, .. } => change.in_file(path, registration.place.line),
        PolicySource::None | PolicySource::Live { .. } | PolicySource::Unavailable { .. } => change,
    })
}
