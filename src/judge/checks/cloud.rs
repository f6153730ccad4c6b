//! Check `cloud`: does Pulumi Cloud answer at the backend URL?

use url::Url;

use crate::catalogue::Code;
use crate::evidence::{
    Answer, BackendSource, Body, CertificateProblem, CheckId, Failure, FailureKind, Probe,
    SkipReason,
};
use crate::judge::advice::backend_url::correct_url;
use crate::judge::advice::change::MachinePart;
use crate::judge::advice::{change, project_backend};
use crate::judge::context::Context;
use crate::judge::finding::retry_suffix;
use crate::judge::network::certificate::{
    add_chain, add_renewal_advice, add_signer, is_authority_untrusted,
};
use crate::judge::network::failure::network_failure;
use crate::judge::network::proxy;
use crate::judge::outcome::CheckOutcome;
use crate::pulumi::backend_url;
use crate::pulumi::backend_url::PULUMI_CLOUD;
use crate::report::{Finding, RemedyOption};
use crate::text::command::{Command, CommandLine};

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let cloud = &context.evidence.cloud;
    match &cloud.capabilities {
        Probe::NotRun if context.evidence.options.offline => {
            CheckOutcome::skip(SkipReason::Offline, "not asked")
        }
        Probe::NotRun => {
            CheckOutcome::skip(context.blocked_by(CheckId::Backend), "there is no URL to ask")
        }
        Probe::Failed { failure, .. }
            if failure.kind == FailureKind::AddressRefused
                && let Some(outcome) = project_backend::address_refused(context) =>
        {
            outcome
        }
        Probe::Failed { failure, .. } if failure.kind == FailureKind::TooLarge => {
            CheckOutcome::found(
                "answers, but not as Pulumi Cloud",
                vec![network_failure(Code::BackendNotPulumi, failure)],
            )
        }
        Probe::Failed { failure, .. } => {
            CheckOutcome::found("no answer", vec![unreachable(context, failure)])
        }
        Probe::Answered { answer, .. } => match foreign_answer(answer) {
            None => CheckOutcome::pass(format!(
                "answers as Pulumi Cloud{}{}",
                proxy::proxy_suffix(&answer.route),
                retry_suffix(answer.attempts)
            )),
            Some(looks_like) => CheckOutcome::found(
                format!("answers, but not as Pulumi Cloud{}", proxy::proxy_suffix(&answer.route)),
                vec![backend_not_pulumi(context, answer, &looks_like)],
            ),
        },
    }
}

fn unreachable(context: &Context, failure: &Failure) -> Finding {
    let FailureKind::Certificate { problem } = &failure.kind else {
        let asked = format!("{}/api/capabilities", context.backend.url.trim_end_matches('/'));
        return network_failure(Code::BackendUnreachable, failure)
            .command(CommandLine::new("curl").raw("-v").word(&asked))
            .option(RemedyOption::only(change::fix_machine(unreachable_fault(failure))));
    };
    let finding = network_failure(Code::BackendTlsUntrusted, failure);
    let finding = match certificate_fault(*problem) {
        Some(fault) => finding.option(RemedyOption::only(change::fix_machine(fault))),
        None => finding,
    };
    let chain = context.evidence.cloud.chain.as_ref();
    let finding = add_chain(add_signer(finding, failure, chain), chain);
    if !is_authority_untrusted(failure) {
        return add_renewal_advice(finding, failure);
    }
    finding
        .announce(
            "Put the certificate of the authority that signed it into a PEM file and name it:",
        )
        .command(Command::set("SSL_CERT_FILE", "/path/to/authority.pem"))
        .step(
            "If the authority is a company's proxy, ask for its root certificate; Pulumi itself \
             is signed by a public one.",
        )
}

/// The part of the machine that prevents requests to the backend.
fn unreachable_fault(failure: &Failure) -> MachinePart {
    match failure.kind {
        FailureKind::Proxy { .. } => MachinePart::Proxy,
        _ => MachinePart::Network,
    }
}

/// The part of the machine that makes it distrust the backend's certificate. `None` if the
/// certificate itself is at fault: it has expired, or is for another host.
fn certificate_fault(problem: CertificateProblem) -> Option<MachinePart> {
    match problem {
        CertificateProblem::UnknownIssuer | CertificateProblem::SelfSigned => {
            Some(MachinePart::TrustStore)
        }
        CertificateProblem::NotYetValid => Some(MachinePart::Clock),
        CertificateProblem::Expired | CertificateProblem::WrongHost | CertificateProblem::Other => {
            None
        }
    }
}

/// Describes an answer that is not Pulumi Cloud's. Pulumi's `AppCapabilitiesResponse` is a JSON
/// object with a list `capabilities`.
fn foreign_answer(answer: &Answer) -> Option<String> {
    if let Body::Json(value) = &answer.body
        && value.get("capabilities").is_some_and(serde_json::Value::is_array)
    {
        return None;
    }
    // Pulumi Cloud too can answer 429 or 5xx.
    if answer.status == 429 || answer.status >= 500 {
        return None;
    }
    Some(match &answer.body {
        Body::Html(Some(title)) => format!("a web page titled \"{title}\""),
        Body::Html(None) => "a web page".to_owned(),
        Body::Text(text) if text.contains("<Error>") => "a storage service".to_owned(),
        Body::Json(_) => "another JSON API".to_owned(),
        Body::Text(_) => "plain text".to_owned(),
        Body::Empty => match &answer.location {
            Some(location) => format!("a redirect to {location}"),
            None => "an empty answer".to_owned(),
        },
    })
}

/// The probable backend URL on the same host: its bare origin, or its redirect to itself. The API
/// of Pulumi's website is on another host.
fn likely_url_on_same_host(context: &Context, answer: &Answer) -> Option<String> {
    let asked = Url::parse(&context.backend.url).ok()?;
    if backend_url::is_pulumi_host(&context.backend.url) {
        return Some(PULUMI_CLOUD.to_owned());
    }
    let origin = |url: &Url| url.origin().ascii_serialization();
    let target = answer.location.as_deref().and_then(|to| asked.join(to).ok());
    let target = target.filter(|to| to.host_str() == asked.host_str());
    let likely = target.as_ref().map_or_else(|| origin(&asked), origin);
    (likely != context.backend.url.trim_end_matches('/')).then_some(likely)
}

fn backend_not_pulumi(context: &Context, answer: &Answer, looks_like: &str) -> Finding {
    let finding = Finding::new(
        Code::BackendNotPulumi,
        format!("GET {} is answered with status {} and {looks_like}.", answer.url, answer.status),
    )
    .proof("status", answer.status.to_string(), &answer.url)
    .proof("looks like", looks_like, &answer.url)
    .attempts(answer.attempts);
    let finding = match &answer.location {
        Some(location) => finding.proof("redirects to", location, &answer.url),
        None => finding,
    };
    let finding = finding.step(
        "If a login page or a proxy answers in its place, let requests to Pulumi Cloud through \
         without it.",
    );
    let finding = match &answer.route.proxy {
        Some(proxy) => {
            let variable = answer.route.proxy_variable.as_deref().unwrap_or("HTTPS_PROXY");
            finding.proof("through the proxy", proxy, variable)
        }
        None => finding,
    };
    match context.backend.source {
        BackendSource::Default => finding,
        _ => match likely_url_on_same_host(context, answer) {
            Some(url) => correct_url(finding, &context.backend, &context.job(), &url),
            None => finding,
        },
    }
}
