//! Check `exchange`: does Pulumi Cloud accept the token?
//!
//! The service's refusal messages are not documented. They are shown; only `invalid organization`
//! and their subject (`pulumi/refusal.rs`) are interpreted.

use crate::catalogue::{Category, Code, Severity};
use crate::evidence::log::host_of;
use crate::evidence::{Answer, Body, CheckId, Exchange, FailureKind, Probe, SkipReason};
use crate::judge::advice::change;
use crate::judge::answer::{add_answer, messages, parse_identity};
use crate::judge::context::Context;
use crate::judge::finding::human_duration;
use crate::judge::network::failure::network_failure;
use crate::judge::outcome::CheckOutcome;
use crate::policy::Decision;
use crate::policy::evaluate::Evaluation;
use crate::pulumi::refusal::{self, Subject};
use crate::report::{Finding, RemedyOption};

/// The evidence's label for the category that a refusal indicates.
pub(crate) const REFUSAL_CATEGORY: &str = "points to";

/// Statuses about the request's address or size. Without a JSON body they are not Pulumi Cloud's.
const ADDRESS_STATUSES: [u16; 3] = [404, 405, 413];

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let cloud = &context.evidence.cloud;
    match &cloud.exchange {
        Probe::NotRun => {
            let because =
                cloud.exchange_skipped.unwrap_or_else(|| context.blocked_by(CheckId::Token));
            let summary = match because {
                SkipReason::CloudUrl => format!("not made: {}", context.untrusted_backend()),
                _ => "not made".to_owned(),
            };
            CheckOutcome::skip(because, summary)
        }
        Probe::Failed { .. } if context.failed(CheckId::Cloud) => {
            CheckOutcome::skip(CheckId::Cloud, "not made: the backend gave no answer")
        }
        Probe::Failed { failure, .. } if failure.kind == FailureKind::TooLarge => {
            CheckOutcome::found(
                "not a token response",
                vec![network_failure(Code::ExchangeMalformed, failure)],
            )
        }
        Probe::Failed { failure, .. } => CheckOutcome::found(
            "no answer",
            vec![network_failure(Code::BackendUnreachable, failure)],
        ),
        Probe::Answered { answer, .. } => match answer {
            Exchange::Minted { expires_in, .. } => minted(context, *expires_in),
            Exchange::Malformed { reason, answer, .. } => {
                let finding = Finding::new(
                    Code::ExchangeMalformed,
                    format!("Status {}, but {reason}.", answer.status),
                );
                CheckOutcome::found("not a token response", vec![add_answer(finding, answer)])
            }
            Exchange::Refused { answer, .. } => CheckOutcome::found(
                format!("refused with status {}", answer.status),
                refused(context, answer),
            ),
        },
    }
}

fn minted(context: &Context, expires_in: Option<i64>) -> CheckOutcome {
    let life =
        expires_in.map_or_else(String::new, |s| format!(", valid for {}", human_duration(s)));
    let summary = format!("an access token was issued{life}");
    let denies = context.evaluation.as_ref().is_some_and(|e| e.decision() == Some(Decision::Deny));
    let mut findings = Vec::new();
    if expires_in.is_none() {
        findings.push(
            Finding::new(
                Code::ExchangeMalformed,
                "The answer has no expires_in. `pulumi login` says `Logged in` all the same, but the \
                 stored account counts as expired: the next command is not logged in.",
            )
            .severity(Severity::Warning)
            .proof("expires_in", "(absent)", "token exchange"),
        );
    }
    if !denies {
        return CheckOutcome::found(summary, findings);
    }
    let finding = Finding::new(
        Code::ExchangeContradictsPolicy,
        format!("Pulumi Cloud lets the token in; by {} it would not.", context.policy_source()),
    )
    .proof(context.policy_source(), "deny", "policy check")
    .proof("Pulumi Cloud", "access token issued", "token exchange");
    findings.push(finding);
    CheckOutcome::found(summary, findings)
}

fn refused(context: &Context, answer: &Answer) -> Vec<Finding> {
    let messages = messages(answer);
    let status = answer.status;
    let has_message = |text: &str| messages.iter().any(|m| m.to_lowercase().contains(text));
    let finding = if let Some(target) = redirect_host(answer) {
        redirected(answer, target)
    } else if status == 429 {
        let wait = answer.retry_after.as_deref().map_or_else(String::new, |after| {
            format!(
                " It asks to wait {after}{}.",
                if after.bytes().all(|b| b.is_ascii_digit()) { " s" } else { "" }
            )
        });
        Finding::new(Code::ExchangeRateLimited, format!("Status 429.{wait}"))
    } else if status >= 500 {
        Finding::new(Code::ExchangeServerError, format!("Status {status}."))
            .step("Many jobs exchanging at the same moment have been seen to cause this: retry with a pause.")
    } else if has_message("invalid organization") {
        unknown_organization(context)
    } else {
        return rejected(context, answer, refusal_category(answer, &messages));
    };
    vec![add_answer(finding, answer)]
}

/// The host of a redirect, if it differs from the requested one.
fn redirect_host(answer: &Answer) -> Option<&str> {
    let target = answer.location.as_deref().and_then(host_of)?;
    let is_redirect = (300..400).contains(&answer.status);
    (is_redirect && Some(target) != host_of(&answer.url)).then_some(target)
}

fn redirected(answer: &Answer, target: &str) -> Finding {
    let status = answer.status;
    let asked = host_of(&answer.url).unwrap_or_default();
    // Go's net/http keeps method and body only for 307 and 308.
    let consequence = match status {
        307 | 308 => "pulumi follows it and sends the token there",
        _ => "pulumi follows it with a GET, without the token",
    };
    let (relation, fix) = match last_two_labels(target) == last_two_labels(asked) {
        true => (
            format!("{target} is in the same domain as {asked}."),
            format!("If {target} is your Pulumi Cloud, use its URL as the backend."),
        ),
        false => (
            format!("{target} is in another domain than {asked}."),
            format!(
                "Send no token to {target}. Check the backend's URL, and what is in front of it."
            ),
        ),
    };
    Finding::new(
        Code::ExchangeRedirected,
        format!(
            "{asked} redirects the exchange to another host, {target} (status {status}). {consequence}; \
             the doctor does not. {relation}"
        ),
    )
    .fix(fix)
}

/// The last two labels of a host. Not always the registrable domain, but enough to word a hint.
fn last_two_labels(host: &str) -> Option<&str> {
    host.rmatch_indices('.').nth(1).map_or(Some(host), |(at, _)| host.get(at + 1..))
}

/// A refusal without a known reason.
fn rejected(context: &Context, answer: &Answer, hint: Option<Category>) -> Vec<Finding> {
    let is_other_service = hint == Some(Category::Backend);
    let status = answer.status;
    let detail = if is_other_service {
        format!(
            "The answer (status {status}) does not come from a token exchange and says nothing of the \
             token: the backend's URL leads somewhere else, or something in between answers."
        )
    } else {
        format!(
            "Pulumi Cloud refused the token (status {status}). It does not say why, and no check \
             here explains it."
        )
    };
    let mut finding = add_answer(Finding::new(Code::ExchangeRejected, detail), answer);
    if let Some(category) = hint {
        finding = finding.proof(REFUSAL_CATEGORY, category.name(), "the service's answer");
    }
    if let Some(used) = context.evidence.registration().and_then(|r| r.last_used.as_deref()) {
        // Distinguishes an exchange that stopped working from one that never did.
        finding = finding.proof("an exchange last worked", used, "registration lastUsed");
    }
    match context.evaluation.as_ref().and_then(Evaluation::decision) {
        Some(Decision::Allow) if !is_other_service => vec![finding, contradiction(context)],
        _ => vec![finding],
    }
}

/// The category that a refusal indicates.
fn refusal_category(answer: &Answer, messages: &[String]) -> Option<Category> {
    if is_from_other_service(answer) {
        return Some(Category::Backend);
    }
    refusal::find_subject(answer.status, messages).map(Subject::category)
}

/// Whether the answer is not from the token exchange. A web page or a redirect comes from a proxy
/// or another server.
pub(crate) fn is_from_other_service(answer: &Answer) -> bool {
    let is_other_body = match answer.body {
        Body::Html(_) => true,
        Body::Json(_) => false,
        Body::Text(_) | Body::Empty => ADDRESS_STATUSES.contains(&answer.status),
    };
    is_other_body || answer.location.is_some()
}

/// Names the undocumented assumptions of the evaluation, which the service may not share.
fn contradiction(context: &Context) -> Finding {
    Finding::new(
        Code::ExchangeContradictsPolicy,
        format!("Pulumi Cloud refuses the token; by {} it would be let in.", context.policy_source()),
    )
    .proof(context.policy_source(), "allow", "policy check")
    .proof("Pulumi Cloud", "refused", "token exchange")
    .step("Assumed and not documented: a token's iss has to equal the registration's issuer; patterns match whole values, case-sensitively; of a list of audiences one match is enough.")
}

/// At most so many organizations are offered as options.
const MAX_ORGANIZATIONS: usize = 5;

fn unknown_organization(context: &Context) -> Finding {
    let name = context.request.organization.as_deref().unwrap_or_default();
    let mut finding = Finding::new(
        Code::OrganizationUnknown,
        format!("Pulumi Cloud has no organization named {name}."),
    )
    .proof("asked for", name, "token exchange audience");
    let known = context.evidence.cloud.whoami.answer().and_then(parse_identity);
    if let Some(identity) = known.filter(|known| !known.organizations.is_empty()) {
        let organizations = identity.organizations.join(", ");
        finding = finding.proof("known organizations", organizations, "GET /api/user");
        let flag = context.evidence.login.organization.as_deref();
        for known in identity.organizations.iter().take(MAX_ORGANIZATIONS) {
            finding = finding.option(RemedyOption::when(
                format!("organization {known} is meant"),
                change::flag("--oidc-org", flag, Some(known)),
            ));
        }
    }
    finding.step(
        "In the console, the address of the organization's page is https://app.pulumi.com/NAME.",
    )
}
