//! Why the policy is unknown. This never decides the verdict.

use crate::evidence::{
    AccessTokenSource, PolicyReadFailure, PolicyReadFailureReason, PolicyRequest, PolicySource,
};
use crate::judge::answer::{add_answer, messages};
use crate::judge::context::Context;
use crate::report::Finding;

impl PolicyRequest {
    /// The requested data, as a noun phrase.
    fn name(self) -> &'static str {
        match self {
            Self::Issuers => "the organization's issuers",
            Self::Policies => "the issuer's policies",
        }
    }

    /// The API permission to read it, which organization admins have.
    fn permission(self) -> &'static str {
        match self {
            Self::Issuers => "oidc_issuers:read",
            Self::Policies => "auth_policies:read",
        }
    }
}

/// One line that says what could not be read.
pub(crate) fn summary(gap: &PolicyReadFailure) -> String {
    let what = gap.asked.name();
    match &gap.reason {
        PolicyReadFailureReason::Failed { failure } => {
            format!("{what} could not be read: {}", failure.detail)
        }
        PolicyReadFailureReason::Refused { answer } => {
            format!("{what} could not be read: status {}", answer.status)
        }
        PolicyReadFailureReason::NotUnderstood { problem } => {
            format!("{what} could not be read: {problem}")
        }
    }
}

/// Adds why the policy is unknown, and how to make it known.
pub(crate) fn add_reason(context: &Context, finding: Finding) -> Finding {
    match &context.evidence.policy {
        PolicySource::Live { gap: Some(gap), .. } | PolicySource::Unavailable { gap } => {
            add_read_failure(context, finding, gap)
        }
        PolicySource::None if !context.evidence.options.offline => {
            finding.step(how_to_read_policy(context))
        }
        PolicySource::File { document, .. } if context.evidence.registration().is_none() => {
            // An unresolved URL may be that of the token's issuer.
            document.unresolved.iter().fold(finding, |finding, unresolved| {
                let place = context.policy_place(unresolved.place.line, "an OidcIssuer's url");
                finding.proof("not resolved", &unresolved.expression, place)
            })
        }
        PolicySource::None | PolicySource::File { .. } | PolicySource::Live { .. } => finding,
    }
}

/// The step that lets the doctor read the policy.
fn how_to_read_policy(context: &Context) -> String {
    let backend = if context.evidence.only_project_names_backend() {
        // The access token is sent only to a backend that the user names (product contract, section
        // 7).
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
         organization admin's access token{backend}; or pass a file with --policy."
    )
}

fn add_read_failure(context: &Context, finding: Finding, gap: &PolicyReadFailure) -> Finding {
    let credential = match &gap.access_token {
        AccessTokenSource::Environment { name } => name.clone(),
        AccessTokenSource::Stored { path, .. } => format!("the token stored in {path}"),
        AccessTokenSource::Exchange | AccessTokenSource::None => "an access token".to_owned(),
    };
    let organization = context.request.organization.as_deref().unwrap_or_default();
    let finding = finding.proof("asked with", &credential, gap.asked.name());
    match &gap.reason {
        PolicyReadFailureReason::Failed { failure } => {
            finding.proof("no answer", &failure.detail, &failure.host).attempts(failure.attempts)
        }
        PolicyReadFailureReason::NotUnderstood { problem } => {
            finding.proof("not understood", problem, gap.asked.name())
        }
        PolicyReadFailureReason::Refused { answer } => {
            let step = match answer.status {
                401 => format!("{credential} is not valid there, or has expired."),
                403 => format!(
                    "{credential} lacks the permission {}, which organization admins have.",
                    gap.asked.permission()
                ),
                404 => format!(
                    "Pulumi Cloud knows no organization {organization}, or {credential} may not see \
                     it."
                ),
                _ => format!("Pulumi Cloud answered: {}.", messages(answer).join(": ")),
            };
            add_answer(finding, answer).step(step)
        }
    }
}
