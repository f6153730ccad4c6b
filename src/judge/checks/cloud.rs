//! Check `cloud`: does a Pulumi Cloud answer at the backend's URL?

use crate::catalogue::Code;
use crate::evidence::{
    Answer, BackendSource, Body, CheckId, Failure, FailureKind, Probe, SkipReason,
};
use crate::judge::advice::backend_url::correct;
use crate::judge::advice::found_backend;
use crate::judge::context::Context;
use crate::judge::finding::again;
use crate::judge::network::certificate::{signed_by, with_chain};
use crate::judge::network::failure::network_failure;
use crate::judge::network::proxy;
use crate::judge::outcome::Outcome;
use crate::pulumi::backend_url::PULUMI_CLOUD;
use crate::report::Finding;
use crate::text;

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
            "answers, but not as a Pulumi Cloud",
            vec![network_failure(Code::BackendNotPulumi, failure)],
        ),
        Probe::Failed { failure, .. } => {
            Outcome::found("no answer", vec![unreachable(context, failure)])
        }
        Probe::Answered { answer, .. } => match not_pulumi(answer) {
            None => Outcome::pass(format!(
                "answers as a Pulumi Cloud{}{}",
                proxy::through(&answer.route),
                again(answer.attempts)
            )),
            Some(looks_like) => Outcome::found(
                format!("answers, but not as a Pulumi Cloud{}", proxy::through(&answer.route)),
                vec![not_pulumi_finding(context, answer, &looks_like)],
            ),
        },
    }
}

fn unreachable(context: &Context, failure: &Failure) -> Finding {
    let FailureKind::Certificate { .. } = failure.kind else {
        let asked = format!("{}/api/capabilities", context.backend.url.trim_end_matches('/'));
        return network_failure(Code::BackendUnreachable, failure)
            .command(format!("curl -v {}", text::shell(&asked)));
    };
    let finding = network_failure(Code::BackendTlsUntrusted, failure);
    let chain = context.evidence.cloud.chain.as_ref();
    with_chain(signed_by(finding, failure, chain), chain)
        .announce(
            "Put the certificate of the authority that signed it into a PEM file and name it:",
        )
        .command("export SSL_CERT_FILE=/path/to/authority.pem")
        .step(
            "If the authority is a company's proxy, ask for its root certificate; Pulumi itself \
             is signed by a public one.",
        )
}

/// What the answer looks like, if it is not a Pulumi Cloud's: `AppCapabilitiesResponse` is a JSON
/// object with a list `capabilities`.
fn not_pulumi(answer: &Answer) -> Option<String> {
    if let Body::Json(value) = &answer.body
        && value.get("capabilities").is_some_and(serde_json::Value::is_array)
    {
        return None;
    }
    // A service that is failing or limiting requests says nothing of what it is.
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
        _ => correct(finding, &context.backend.source, &context.job(), PULUMI_CLOUD),
    }
}
