//! Check `issuer`: its URL, its address, its discovery document.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;
use url::{Host, Url};

use crate::catalogue::{Code, Severity};
use crate::evidence::address::{AddressClass, classify, is_localhost};
use crate::evidence::{
    Answer, Body, CertificateProblem, Chain, CheckId, Failure, FailureKind, Issuer, Probe,
    SkipReason,
};
use crate::judge::answer::{add_web_page, is_transient};
use crate::judge::compare::issuer::{self, IssuerSource};
use crate::judge::context::Context;
use crate::judge::finding::retry_suffix;
use crate::judge::network::certificate::{
    add_chain, add_renewal_advice, add_signer, certificate_with_thumbprint, intercepting_authority,
    is_authority_untrusted,
};
use crate::judge::network::failure::network_failure;
use crate::judge::network::proxy;
use crate::judge::network::public_issuer::{Observation, downgrade_if_public};
use crate::judge::outcome::CheckOutcome;
use crate::limits::Work;
use crate::oidc::issuer_url;
use crate::platform::azure::entra;
use crate::platform::public_issuer;
use crate::policy::Registration;
use crate::pulumi::backend_url;
use crate::report::{Change, Finding, RemedyOption, Target};
use crate::text::command::CommandLine;

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let Some(token) = &context.evidence.token else {
        return CheckOutcome::skip(context.blocked_by(CheckId::Token), "there is no decoded token");
    };
    let Some(issuer) = token.text("iss") else {
        return CheckOutcome::skip(CheckId::Token, "the token names no issuer");
    };
    let url = match issuer_url::parse(issuer) {
        Ok(url) => url,
        Err(problem) => {
            let finding = Finding::new(
                Code::IssuerUrlInvalid,
                format!("iss cannot be an issuer's URL: {problem}."),
            )
            .proof("token iss", issuer, "token claim iss");
            return CheckOutcome::found("not a usable URL", vec![finding]);
        }
    };
    let evidence = &context.evidence.issuer;
    let private = not_public(context, &addresses(evidence, &url));
    match &evidence.discovery {
        _ if context.has_registered_keys() => CheckOutcome::pass(
            "not needed: the registration carries keys, so Pulumi Cloud fetches nothing",
        ),
        Probe::NotRun if private.is_some() => {
            CheckOutcome::found("not asked", private.into_iter().collect())
        }
        Probe::NotRun => CheckOutcome::skip(SkipReason::Offline, "not asked"),
        Probe::Failed { failure, .. } => {
            merge_private_address(no_answer(context, failure, issuer), private)
        }
        Probe::Answered { answer, .. } => {
            let mut findings: Vec<Finding> =
                check_document(answer, issuer, evidence.names_token).into_iter().collect();
            findings.extend(private);
            let how =
                format!("{}{}", proxy::proxy_suffix(&answer.route), retry_suffix(answer.attempts));
            CheckOutcome::found(format!("{issuer} answers{how}"), findings)
        }
    }
}

/// The addresses of the issuer's host. Literal addresses and names of loopback need no resolution.
fn addresses(issuer: &Issuer, url: &Url) -> Vec<IpAddr> {
    match url.host() {
        _ if !issuer.addresses.is_empty() => issuer.addresses.clone(),
        Some(Host::Ipv4(address)) => vec![address.into()],
        Some(Host::Ipv6(address)) => vec![address.into()],
        Some(Host::Domain(name)) if is_localhost(name) => vec![Ipv4Addr::LOCALHOST.into()],
        _ => Vec::new(),
    }
}

/// Adds the finding about a private address. If Pulumi Cloud cannot connect to the issuer, failures
/// of this machine become evidence of that: their remedies, such as a thumbprint, would not help.
fn merge_private_address(mut outcome: CheckOutcome, private: Option<Finding>) -> CheckOutcome {
    let Some(mut private) = private else { return outcome };
    if private.severity == Severity::Error {
        let (kept, failures) = outcome
            .findings
            .into_iter()
            .partition(|finding| finding.code == Code::IssuerAddressRefused);
        outcome.findings = kept;
        let failures: Vec<Finding> = failures;
        private.evidence.extend(failures.into_iter().flat_map(|failure| failure.evidence));
    }
    outcome.findings.push(private);
    outcome
}

fn no_answer(context: &Context, failure: &Failure, issuer: &str) -> CheckOutcome {
    let finding = match &failure.kind {
        FailureKind::AddressRefused => address_refused(
            context,
            failure,
            "The address is not public, and the token chose it. The doctor did not connect to the \
             issuer; the verdict rests on the other checks.",
        )
        .proof("token iss", issuer, "token claim iss"),
        FailureKind::Certificate { problem } => {
            return untrusted(context, failure, *problem, issuer);
        }
        FailureKind::TooLarge => Finding::new(
            Code::DiscoveryInvalid,
            format!(
                "The discovery document is too large ({}); no client reads that much.",
                failure.detail
            ),
        )
        .proof("token iss", issuer, "token claim iss"),
        FailureKind::Proxy { .. } => proxy::downgrade_if_proxy_failed(
            network_failure(Code::IssuerUnreachable, failure),
            failure,
        ),
        _ => {
            let finding = network_failure(Code::IssuerUnreachable, failure);
            let finding = match public_issuer(issuer) {
                Some(_) => downgrade_if_public(finding, issuer, Observation::Failure),
                None => finding.step(
                    "If the issuer is only reachable inside a private network, register its keys \
                     (jwks) with the issuer in Pulumi Cloud: then nothing is fetched.",
                ),
            };
            finding.command(
                CommandLine::new("curl").raw("-v").word(&issuer_url::discovery_url(issuer)),
            )
        }
    };
    CheckOutcome::found("no answer", vec![finding])
}

/// The address guard refused to connect. Offers `--allow-private-issuer` only if that allows the
/// address (product contract, section 6).
pub(crate) fn address_refused(context: &Context, failure: &Failure, detail: &str) -> Finding {
    let finding = Finding::new(Code::IssuerAddressRefused, detail).proof(
        "address",
        &failure.detail,
        "resolved here",
    );
    let literal = failure.host.parse().map(|address: IpAddr| vec![address]);
    let addresses = literal.as_ref().unwrap_or(&context.evidence.issuer.addresses);
    let can_be_allowed = addresses.iter().any(|address| {
        !matches!(classify(*address), AddressClass::Metadata | AddressClass::Special)
    });
    if context.evidence.options.allow_private_issuer || !can_be_allowed {
        return finding.fix(
            "No option allows this address. Check that you know this issuer, and pass its keys \
             with --jwks.",
        );
    }
    finding
        .step("Or pass the issuer's keys, which then are not fetched, with --jwks FILE.")
        .command("doctor --allow-private-issuer …")
}

/// An untrusted certificate stops Pulumi Cloud too, unless a served certificate has a registered
/// thumbprint.
fn untrusted(
    context: &Context,
    failure: &Failure,
    problem: CertificateProblem,
    issuer: &str,
) -> CheckOutcome {
    let chain = context.evidence.issuer.chain.as_ref();
    let finding = add_chain(network_failure(Code::IssuerTlsUntrusted, failure), chain);
    let finding = add_signer(finding, failure, chain);
    let is_authority_unknown =
        matches!(problem, CertificateProblem::UnknownIssuer | CertificateProblem::SelfSigned);
    let is_pinned = is_authority_unknown
        && context.evidence.registration().zip(chain).is_some_and(|(registration, chain)| {
            certificate_with_thumbprint(registration, chain).is_some()
        });
    let is_intercepted =
        chain.is_some_and(|chain| intercepting_authority(&failure.host, chain).is_some());
    let finding = if is_authority_unknown && is_intercepted {
        finding
            .severity(Severity::Warning)
            .fix(
                "Pulumi Cloud does not go through that proxy, so this is no obstacle to the login. \
                 To let the doctor look further, pass the proxy's authority with --ca-cert.",
            )
            .command("doctor --ca-cert authority.pem …")
    } else if is_pinned {
        finding
            .severity(Severity::Warning)
            .fix(
                "A registered thumbprint is that of a served certificate, so Pulumi Cloud accepts \
                 it. To let the doctor look further, pass the authority with --ca-cert.",
            )
            .command("doctor --ca-cert authority.pem …")
    } else if public_issuer(issuer).is_some() {
        downgrade_if_public(finding, issuer, Observation::Failure)
    } else if is_authority_untrusted(failure) {
        finding
            .announce(
                "If the authority is known to you, pass its certificate so that the doctor can \
                 look further (Pulumi Cloud still needs the thumbprint or the keys):",
            )
            .command("doctor --ca-cert authority.pem …")
    } else {
        add_renewal_advice(finding, failure)
    };
    let may_pin =
        is_authority_unknown && !is_intercepted && !is_pinned && public_issuer(issuer).is_none();
    let finding = match context.evidence.registration().zip(chain).filter(|_| may_pin) {
        Some((registration, chain)) => add_thumbprint_option(finding, registration, chain),
        None => finding,
    };
    CheckOutcome::found("certificate not trusted", vec![finding])
}

/// Offers to register the served certificate's thumbprint, which Pulumi Cloud checks if no public
/// authority vouches for the certificate.
fn add_thumbprint_option(finding: Finding, registration: &Registration, chain: &Chain) -> Finding {
    let Some(served) = chain.certificates.first() else { return finding };
    let change = Change::new(Target::Registration, "/thumbprints/-")
        .for_issuer(registration.identifier())
        .after(served.sha256.clone());
    let when = format!("the certificate {} is the issuer's own", served.subject);
    finding.option(RemedyOption::when(when, change))
}

/// Checks the discovery document. `names_token`: whether it names the token's issuer, if known.
fn check_document(answer: &Answer, issuer: &str, names_token: Option<bool>) -> Option<Finding> {
    let invalid = |detail: String| {
        Some(Finding::new(Code::DiscoveryInvalid, detail).proof(
            "document",
            &answer.url,
            "discovery document",
        ))
    };
    let not_found = || Some(downgrade_if_public(not_found(answer), issuer, Observation::Answer));
    if answer.status != 200 {
        return not_found();
    }
    let document = match &answer.body {
        Body::Json(Value::Object(document)) => document,
        Body::Html(_) => return not_found(),
        Body::Json(_) => return invalid("The document is JSON, but not an object.".to_owned()),
        Body::Empty => return invalid("The document is empty.".to_owned()),
        Body::Text(text) if text.starts_with('\u{feff}') => {
            return invalid(
                "The document begins with a byte order mark, which JSON must not have (RFC 8259 \
                 section 8.1): many clients cannot read it."
                    .to_owned(),
            );
        }
        Body::Text(_) => return invalid("The document is not JSON.".to_owned()),
    };
    let Some(named) = document.get("issuer").and_then(Value::as_str) else {
        return invalid("The document has no issuer.".to_owned());
    };
    if !names_token.unwrap_or(named == issuer) {
        return Some(issuer_mismatch(named, issuer, &answer.url));
    }
    match document.get("jwks_uri").and_then(Value::as_str) {
        Some(_) => None,
        None => invalid("The document has no jwks_uri.".to_owned()),
    }
}

fn not_found(answer: &Answer) -> Finding {
    let content_type = answer.content_type.as_deref().unwrap_or("no content type");
    let what = if matches!(answer.body, Body::Html(_)) { " and a web page" } else { "" };
    let mut finding = Finding::new(
        Code::DiscoveryNotFound,
        format!("GET {} is answered with status {}{what}.", answer.url, answer.status),
    )
    .retryable(is_transient(answer.status))
    .proof("status", answer.status.to_string(), &answer.url)
    .proof("content type", content_type, &answer.url)
    .attempts(answer.attempts);
    if let Some(fix) = advice_for_status(answer) {
        finding = finding.fix(fix);
    }
    if let Body::Html(title) = &answer.body {
        finding = add_web_page(finding, title.as_deref(), &answer.url);
    }
    match &answer.location {
        Some(location) => finding.proof("redirects to", location, &answer.url).step(
            "A redirect to another host is not followed: it may lead to a login page, and the \
                 issuer has to serve the document itself.",
        ),
        None => finding,
    }
}

/// The remedy for this status. `None`: the catalogue's advice applies.
fn advice_for_status(answer: &Answer) -> Option<&'static str> {
    Some(match answer.status {
        401 | 403 | 407 => {
            "Let anybody read the discovery document and the keys: Pulumi Cloud sends no credentials."
        }
        429 => "Run the job again: the issuer limits how often it is asked.",
        // RFC 6585, section 6: a captive portal.
        511 => "Sign in to the network of this machine: its login page answered, not the issuer.",
        500..=599 => {
            "Run the job again. If the status stays, repair the issuer's server: the document is not \
             what is missing."
        }
        _ => return None,
    })
}

fn issuer_mismatch(named: &str, issuer: &str, url: &str) -> Finding {
    let detail = if named.contains(entra::TENANT) {
        "The document is Entra's template for many tenants; a token names one. Use the address \
         with the tenant's id."
            .to_owned()
    } else {
        // Only one pair is compared.
        let work = &mut Work::unlimited();
        let near = issuer::compare(IssuerSource::Document, named, issuer, work).ok().flatten();
        near.map_or_else(
            || "The document and the token name different issuers.".to_owned(),
            |miss| format!("The document's issuer and the token's differ in {}.", miss.what),
        )
    };
    Finding::new(Code::DiscoveryIssuerMismatch, detail)
        .proof("token iss", issuer, "token claim iss")
        .proof("document issuer", named, url)
}

/// The issuer has a private address, to which Pulumi Cloud cannot connect. A self-hosted backend
/// may reach it: then it is a warning, and loopback is accepted.
fn not_public(context: &Context, addresses: &[IpAddr]) -> Option<Finding> {
    let hosted = backend_url::is_pulumi_host(&context.backend.url);
    let private = addresses.iter().find(|address| match classify(**address) {
        AddressClass::Private | AddressClass::LinkLocal => true,
        AddressClass::Loopback => hosted,
        AddressClass::Public | AddressClass::Metadata | AddressClass::Special => false,
    })?;
    // One public address is enough.
    if addresses.iter().any(|address| classify(*address) == AddressClass::Public) {
        return None;
    }
    let issuer = context.evidence.token.as_ref()?.text("iss")?;
    // Here the local network resolves a public issuer to a private address.
    if public_issuer(issuer).is_some() {
        return None;
    }
    Some(
        Finding::new(
            Code::IssuerNotPublic,
            format!("{issuer} has the address {private}, which Pulumi Cloud cannot reach from the internet."),
        )
        .severity(if hosted { Severity::Error } else { Severity::Warning })
        .proof("issuer address", private.to_string(), "token claim iss, or resolved here")
        .step(
            "Save the key set from the issuer's jwks_uri and register it as the issuer's jwks; \
             renew it when the issuer rotates its keys.",
        ),
    )
}
