//! Check `cloud`: does a Pulumi Cloud answer at the backend's URL?

use url::Url;

use crate::catalogue::Code;
use crate::evidence::{
    Answer, BackendSource, Body, CertificateProblem, CheckId, Failure, FailureKind, Probe,
    SkipReason,
};
use crate::judge::advice::backend_url::correct;
use crate::judge::advice::change::Machine;
use crate::judge::advice::{change, found_backend};
use crate::judge::context::Context;
use crate::judge::finding::again;
use crate::judge::network::certificate::{lacks_trust, renewed, signed_by, with_chain};
use crate::judge::network::failure::network_failure;
use crate::judge::network::proxy;
use crate::judge::outcome::Outcome;
use crate::pulumi::backend_url;
use crate::pulumi::backend_url::PULUMI_CLOUD;
use crate::report::{Finding, RemedyOption};
use crate::text::command::{Command, CommandLine};

pub(crate) fn check(context: &Context) -> Outcome {
    let cloud = &context.evidence.cloud;
    match &cloud.capabilities {
        Probe::NotRun if context.evidence.options.offline => {
            Outcome::skip(SkipReason::Offline, "not asked")
        }
        Probe::NotRun => Outcome::skip(context.cause(CheckId::Backend), "there is no URL to ask"),
        Probe::Failed { failure, .. }
            if failure.kind == FailureKind::AddressRefused
                && let Some(outcome) = found_backend::not_connected(context) =>
        {
            outcome
        }
        Probe::Failed { failure, .. } if failure.kind == FailureKind::TooLarge => Outcome::found(
            "answers, but not as Pulumi Cloud",
            vec![network_failure(Code::BackendNotPulumi, failure)],
        ),
        Probe::Failed { failure, .. } => {
            Outcome::found("no answer", vec![unreachable(context, failure)])
        }
        Probe::Answered { answer, .. } => match not_pulumi(answer) {
            None => Outcome::pass(format!(
                "answers as Pulumi Cloud{}{}",
                proxy::through(&answer.route),
                again(answer.attempts)
            )),
            Some(looks_like) => Outcome::found(
                format!("answers, but not as Pulumi Cloud{}", proxy::through(&answer.route)),
                vec![not_pulumi_finding(context, answer, &looks_like)],
            ),
        },
    }
}

fn unreachable(context: &Context, failure: &Failure) -> Finding {
    let FailureKind::Certificate { problem } = &failure.kind else {
        let asked = format!("{}/api/capabilities", context.backend.url.trim_end_matches('/'));
        return network_failure(Code::BackendUnreachable, failure)
            .command(CommandLine::new("curl").raw("-v").word(&asked))
            .option(RemedyOption::only(change::machine(way_out(failure))));
    };
    let finding = network_failure(Code::BackendTlsUntrusted, failure);
    let finding = match trust(*problem) {
        Some(what) => finding.option(RemedyOption::only(change::machine(what))),
        None => finding,
    };
    let chain = context.evidence.cloud.chain.as_ref();
    let finding = with_chain(signed_by(finding, failure, chain), chain);
    if !lacks_trust(failure) {
        return renewed(finding, failure);
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

/// What of the machine keeps requests from the backend.
fn way_out(failure: &Failure) -> Machine {
    match failure.kind {
        FailureKind::Proxy { .. } => Machine::Proxy,
        _ => Machine::Network,
    }
}

/// What of the machine makes it distrust the backend's certificate. An expired certificate, or one
/// for another host, is no fault of the machine.
fn trust(problem: CertificateProblem) -> Option<Machine> {
    match problem {
        CertificateProblem::UnknownIssuer | CertificateProblem::SelfSigned => {
            Some(Machine::TrustStore)
        }
        CertificateProblem::NotYetValid => Some(Machine::Clock),
        CertificateProblem::Expired | CertificateProblem::WrongHost | CertificateProblem::Other => {
            None
        }
    }
}

/// What the answer looks like, if it is not a Pulumi Cloud's: `AppCapabilitiesResponse` is a JSON
/// object with a list `capabilities`.
fn not_pulumi(answer: &Answer) -> Option<String> {
    if let Body::Json(value) = &answer.body
        && value.get("capabilities").is_some_and(serde_json::Value::is_array)
    {
        return None;
    }
    // An answer of 429 or 5xx does not show whether this is a Pulumi Cloud.
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

/// Where a Pulumi Cloud may be on the host that was asked: its bare origin, or where it redirects to
/// itself. Pulumi's own website has its API on another host.
fn same_host(context: &Context, answer: &Answer) -> Option<String> {
    let asked = Url::parse(&context.backend.url).ok()?;
    if backend_url::is_pulumi_host(&context.backend.url) {
        return Some(PULUMI_CLOUD.to_owned());
    }
    let origin = |url: &Url| url.origin().ascii_serialization();
    let target = answer.location.as_deref().and_then(|to| asked.join(to).ok());
    let target = target.filter(|to| to.host_str() == asked.host_str());
    let meant = target.as_ref().map_or_else(|| origin(&asked), origin);
    (meant != context.backend.url.trim_end_matches('/')).then_some(meant)
}

fn not_pulumi_finding(context: &Context, answer: &Answer, looks_like: &str) -> Finding {
    let finding = Finding::new(
        Code::BackendNotPulumi,
        format!("GET {} is answered with status {} and {looks_like}.", answer.url, answer.status),
    )
    .proof("status", answer.status.to_string(), &answer.url)
    .proof("looks like", looks_like, &answer.url)
    .asked(answer.attempts);
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
        _ => match same_host(context, answer) {
            Some(url) => correct(finding, &context.backend, &context.job(), &url),
            None => finding,
        },
    }
}
