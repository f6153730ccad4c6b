//! Why a CI platform gave no token, and the change to the pipeline.

use serde_json::Value;

use super::job::Job;
use crate::catalogue::Code;
use crate::evidence::{
    Answer, Body, Candidate, FailureKind, Input, PlatformEnvironment, Refusal, Source,
};
use crate::judge::answer::{is_transient, messages};
use crate::judge::context::Context;
use crate::judge::finding::{format_instant, list};
use crate::judge::network::failure::network_failure;
use crate::platform::{
    Cause, Explanation, Id, Login, REFUSAL_MESSAGES, Refused, Remedy, Step, azure, github, gitlab,
};
use crate::report::Finding;
use crate::text;
use crate::text::command::{Command, CommandLine};

/// Longer messages of a platform are clipped, in characters.
const MAX_MESSAGE_CHARS: usize = 400;

/// The finding for a missing token that the platform's environment explains.
pub(crate) fn explain(input: &Input, context: &Context) -> Option<Finding> {
    let job = context.job();
    let explanation = match input.surroundings.as_ref()? {
        PlatformEnvironment::Other | PlatformEnvironment::Buildkite => return None,
        PlatformEnvironment::AzurePipelines(environment) => {
            azure::job::explain(environment, &login(&job, Id::AzurePipelines))?
        }
        PlatformEnvironment::GitHubActions(environment) => github::job::explain(environment)?,
        PlatformEnvironment::GitLab(environment) => {
            gitlab::explain(environment, &login(&job, Id::GitLab))
        }
    };
    Some(add_searched_places(finding_of_explanation(explanation), input, context))
}

/// The login that the platform's advice puts into a pipeline.
pub(crate) fn login(job: &Job, platform: Id) -> Login {
    let variable = platform.platform().variable.unwrap_or(job.variable);
    Login { command: job.login_in_step(variable).text().to_owned(), audience: job.audience() }
}

/// A platform's explanation as a finding.
pub(crate) fn finding_of_explanation(
    Explanation { cause, detail, remedy }: Explanation,
) -> Finding {
    let code = match cause {
        Cause::TokenNotExposed => Code::AdoTokenNotExposed,
        Cause::ConnectionNotFederated => Code::AdoConnectionNotFederated,
        Cause::SystemTokenUnmapped => Code::AdoSystemAccesstokenUnmapped,
        Cause::RequestFailed => Code::TokenRequestFailed,
        Cause::IdTokenPermission => Code::GithubIdTokenPermission,
        Cause::IdTokenMissing => Code::GitlabIdTokenMissing,
    };
    add_platform_remedy(Finding::new(code, detail), remedy)
}

/// Adds a platform's remedy.
pub(crate) fn add_platform_remedy(finding: Finding, remedy: Remedy) -> Finding {
    let finding = match remedy.fix {
        Some(fix) => finding.fix(fix),
        None => finding,
    };
    let finding = remedy
        .evidence
        .into_iter()
        .fold(finding, |finding, (what, value, place)| finding.proof(what, value, place));
    let finding = remedy.steps.into_iter().fold(finding, |finding, step| match step {
        Step::Plain(step) => finding.step(step),
        Step::Announcing(step) => finding.announce(step),
    });
    remedy.commands.into_iter().fold(finding, Finding::command)
}

/// Whether the doctor could request a token if it knew the organization.
pub(crate) fn lacks_organization(input: &Input, context: &Context) -> bool {
    let can_request = match &input.surroundings {
        Some(PlatformEnvironment::GitHubActions(environment)) => environment.missing.is_empty(),
        Some(PlatformEnvironment::Buildkite) => true,
        _ => false,
    };
    can_request && context.evidence.login.organization.is_none()
}

/// The general advice for this platform: a step, and the snippet to add to the pipeline.
pub(crate) fn pipeline_snippet(job: &Job) -> Option<(&'static str, String)> {
    let id = job.platform?;
    Some(id.platform().missing_token?(&login(job, id)))
}

/// Adds the advice of [`pipeline_snippet`].
pub(crate) fn add_snippet(finding: Finding, step: &str, snippet: String) -> Finding {
    finding.fix("Let the platform give the job a token.").announce(step).command(snippet)
}

/// Adds the places where no token was found, and unused variables that look like tokens.
pub(crate) fn add_searched_places(
    mut finding: Finding,
    input: &Input,
    context: &Context,
) -> Finding {
    for tried in &input.tried {
        finding = finding.proof("looked at", &tried.reason, &tried.source);
    }
    for name in &input.unused {
        finding = finding
            .proof("not used", "looks like a token", format!("env:{name}"))
            .command(diagnose_variable(name, context));
    }
    if !input.unused.is_empty() {
        finding = finding.step(format!(
            "If the login uses the token in {}, name that variable.",
            list(&input.unused)
        ));
    }
    finding
}

/// The command that diagnoses the token in a variable.
fn diagnose_variable(name: &str, context: &Context) -> CommandLine {
    let doctor = CommandLine::new("doctor");
    let doctor = match context.evidence.login.organization.as_deref() {
        Some(organization) => doctor.raw("--oidc-org").word(organization),
        None => doctor,
    };
    doctor.raw("--token-env").word(name)
}

/// Several different tokens. Tokens for the organization have precedence, so either all candidates
/// are for it or none is.
pub(crate) fn ambiguous(candidates: &[Candidate], context: &Context) -> Finding {
    let names: Vec<String> = candidates.iter().map(|candidate| candidate.name.clone()).collect();
    let which = match &context.evidence.login.organization {
        None => "no --oidc-org says which of them is meant".to_owned(),
        Some(organization) => {
            let wanted = crate::pulumi::urn::organization(organization);
            let fits = |candidate: &Candidate| candidate.audiences.contains(&wanted);
            let how_many = if candidates.iter().any(fits) { "all of them are" } else { "none is" };
            format!("{how_many} for {wanted}")
        }
    };
    let mut finding = Finding::new(
        Code::TokenAmbiguous,
        format!("{} hold different tokens, and {which}.", list(&names)),
    )
    .announce("Name the one that the login uses:");
    for Candidate { name, audiences, expires } in candidates {
        let expiry = expires
            .map_or_else(|| "no exp".to_owned(), |exp| format!("exp {}", format_instant(exp)));
        finding = finding
            .proof(
                "candidate",
                format!("aud {}, {expiry}", audiences.join(", ")),
                format!("env:{name}"),
            )
            .command(diagnose_variable(name, context));
    }
    finding
}

// -------------------------------------------------------------------------------- refusals

/// The platform refused the request for a token.
pub(crate) fn request_refused(refusal: &Refusal, input: &Input, context: &Context) -> Finding {
    let platform_id = match input.source {
        Source::Request { platform } => Some(platform),
        _ => None,
    };
    let (id, platform) = platform_id.map_or(("", "The platform"), |id| (id.key(), id.name()));
    let code = Code::TokenRequestFailed;
    match refusal {
        Refusal::Unanswered { failure } => {
            let is_transient = matches!(
                failure.kind,
                FailureKind::Timeout | FailureKind::Connect { .. } | FailureKind::Protocol
            );
            let finding = network_failure(code, failure).retryable(is_transient);
            match failure.kind {
                FailureKind::BadUrl | FailureKind::AddressRefused => finding.fix(format!(
                    "Leave the variables that {platform} sets as they are: the address in them is \
                     none that it would give."
                )),
                FailureKind::Certificate { .. } => finding
                    .fix("Name the authority that signed the certificate.")
                    .command(Command::set("SSL_CERT_FILE", "/path/to/authority.pem")),
                _ => finding.fix(format!("Let this job reach {platform} at {}.", failure.host)),
            }
        }
        Refusal::Program { reason, said } => {
            let finding = Finding::new(code, format!("{id} was asked for a token: {reason}."))
                .fix("Run the same request in the job and see what it says.");
            let finding =
                if said.is_empty() { finding } else { finding.proof("it says", said, id) };
            let audience = context.job().audience();
            let request = platform_id.and_then(|id| id.platform().audience.request(&audience));
            request.into_iter().fold(finding, Finding::command)
        }
        Refusal::Answered { answer } => {
            let message = refusal_message(answer);
            let finding = Finding::new(
                code,
                format!(
                    "{platform} answered the request for a token with status {} {}.",
                    answer.status,
                    describe_body(answer)
                ),
            )
            .retryable(is_transient(answer.status))
            .proof("status", answer.status.to_string(), id);
            let finding = match message.is_empty() {
                true => finding,
                false => finding.proof("it says", &message, id),
            };
            let finding = match &answer.location {
                Some(to) => finding.proof("redirects to", text::clip(to, MAX_MESSAGE_CHARS), id),
                None => finding,
            };
            add_advice(finding, answer, &message, input, context)
        }
    }
}

/// Describes an answer without a token.
fn describe_body(answer: &Answer) -> String {
    match &answer.body {
        _ if answer.location.is_some() => "and a redirect".to_owned(),
        Body::Empty => "and nothing else".to_owned(),
        Body::Html(Some(title)) => {
            format!("and a web page titled \"{}\"", text::clip(title, MAX_MESSAGE_CHARS))
        }
        Body::Html(None) => "and a web page".to_owned(),
        Body::Json(Value::Object(body)) if answer.status == 200 => {
            let names: Vec<String> = body.keys().take(8).map(|key| text::clip(key, 40)).collect();
            format!("and JSON without a token in it (it has {})", list(&names))
        }
        Body::Json(_) => "and JSON without a token in it".to_owned(),
        Body::Text(_) => "and a text".to_owned(),
    }
}

/// The message in an answer, from the fields that platforms use for it.
fn refusal_message(answer: &Answer) -> String {
    let known: Vec<String> = match &answer.body {
        Body::Json(body) => REFUSAL_MESSAGES
            .iter()
            .filter_map(|pointer| Some(body.pointer(pointer)?.as_str()?.to_owned()))
            .collect(),
        _ => Vec::new(),
    };
    let messages = match &answer.body {
        Body::Json(Value::Object(_)) | Body::Text(_) if known.is_empty() => messages(answer),
        _ => known,
    };
    text::clip(&messages.join(": "), MAX_MESSAGE_CHARS)
}

fn add_advice(
    finding: Finding,
    answer: &Answer,
    message: &str,
    input: &Input,
    context: &Context,
) -> Finding {
    if let Some(PlatformEnvironment::AzurePipelines(environment)) = &input.surroundings {
        let signs_in = answer.location.is_some() || matches!(answer.body, Body::Html(_));
        let refused = Refused { status: answer.status, said: message, signs_in };
        let login = login(&context.job(), Id::AzurePipelines);
        return add_platform_remedy(finding, azure::job::refused(environment, &refused, &login));
    }
    match answer.status {
        429 | 500.. => finding.fix("Try again; the platform's status page tells of outages."),
        _ => add_request_scope_note(finding),
    }
}

pub(crate) fn add_request_scope_note(finding: Finding) -> Finding {
    finding.step(
        "The request is valid only while the job runs, and only with the job's own variables.",
    )
}
