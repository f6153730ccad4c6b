//! Why the policy is not known: a note, never the verdict.

use crate::evidence::{AccessTokenSource, Asked, Gap, GapReason, PolicySource};
use crate::judge::answer::{add_answer, messages};
use crate::judge::context::Context;
use crate::report::Finding;

impl Asked {
    /// In a sentence.
    fn name(self) -> &'static str {
        match self {
            Self::Issuers => "the organization's issuers",
            Self::Policies => "the issuer's policies",
        }
    }

    /// The permission that reading it needs (facts of the API: organization admins have it).
    fn permission(self) -> &'static str {
        match self {
            Self::Issuers => "oidc_issuers:read",
            Self::Policies => "auth_policies:read",
        }
    }
}

/// One line: what could not be read.
pub(crate) fn summary(gap: &Gap) -> String {
    let what = gap.asked.name();
    match &gap.reason {
        GapReason::Failed { failure } => format!("{what} could not be read: {}", failure.detail),
        GapReason::Refused { answer } => {
            format!("{what} could not be read: status {}", answer.status)
        }
        GapReason::NotUnderstood { problem } => format!("{what} could not be read: {problem}"),
    }
}

/// Adds to a finding why the policy is not known, and what to do about that.
pub(crate) fn explain(context: &Context, finding: Finding) -> Finding {
    match &context.evidence.policy {
        PolicySource::Live { gap: Some(gap), .. } | PolicySource::Unavailable { gap } => {
            told(context, finding, gap)
        }
        PolicySource::None if !context.evidence.options.offline => {
            finding.step(how_to_read_it(context))
        }
        PolicySource::File { document, .. } if context.evidence.registration().is_none() => {
            // One of these may be the token's issuer.
            document.unresolved.iter().fold(finding, |finding, open| {
                let place = context.policy_place(open.place.line, "an OidcIssuer's url");
                finding.proof("not resolved", &open.expression, place)
            })
        }
        PolicySource::None | PolicySource::File { .. } | PolicySource::Live { .. } => finding,
    }
}

/// How to let the doctor know the policy.
fn how_to_read_it(context: &Context) -> String {
    let to = if context.evidence.backend_is_found() {
        // It goes only to a backend that the user names (product contract, section 7).
        let source = context.backend.source.label();
        format!(" and name the backend with --cloud-url ({source} does not count)")
    } else {
        String::new()
    };
    if context.is_plain_http() {
        return "Pass the policy as a file with --policy: the doctor sends no access token over \
                plain http, so it cannot read the policy from Pulumi Cloud."
            .to_owned();
    }
    format!(
        "To let the doctor read the policy from Pulumi Cloud, set DOCTOR_ACCESS_TOKEN to an \
         organization admin's access token{to}; or pass a file with --policy."
    )
}

fn told(context: &Context, finding: Finding, gap: &Gap) -> Finding {
    let with = match &gap.access_token {
        AccessTokenSource::Environment { name } => name.clone(),
        AccessTokenSource::Stored { path, .. } => format!("the token stored in {path}"),
        AccessTokenSource::Exchange | AccessTokenSource::None => "an access token".to_owned(),
    };
    let organization = context.request.organization.as_deref().unwrap_or_default();
    let finding = finding.proof("asked with", &with, gap.asked.name());
    match &gap.reason {
        GapReason::Failed { failure } => {
            finding.proof("no answer", &failure.detail, &failure.host).attempts(failure.attempts)
        }
        GapReason::NotUnderstood { problem } => {
            finding.proof("not understood", problem, gap.asked.name())
        }
        GapReason::Refused { answer } => {
            let step = match answer.status {
                401 => format!("{with} is not valid there, or has expired."),
                403 => format!(
                    "{with} lacks the permission {}, which organization admins have.",
                    gap.asked.permission()
                ),
                404 => format!(
                    "Pulumi Cloud knows no organization {organization}, or {with} may not see it."
                ),
                _ => format!("Pulumi Cloud answered: {}.", messages(answer).join(": ")),
            };
            add_answer(finding, answer).step(step)
        }
    }
}
