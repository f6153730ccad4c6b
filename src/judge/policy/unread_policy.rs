//! Advice on one line if the live policy was not read.

use crate::evidence::{
    AccessTokenSource, Evidence, FailureKind, PolicyReadFailure, PolicyReadFailureReason,
    PolicyRequest,
};
use crate::judge::backend_usable;
use crate::pulumi::backend_url::is_plain_http;

/// The advice. `takes_file`: the command can read a file instead.
#[must_use]
pub fn unread_policy_advice(evidence: &Evidence, takes_file: bool) -> String {
    let otherwise = if takes_file { ", or pass a file with --policy" } else { "" };
    let backend = evidence.resolved_backend();
    let Some(gap) = evidence.policy.read_failure() else {
        let Some(_) = evidence.request().organization else {
            return format!("name the organization with --oidc-org to read its policy{otherwise}");
        };
        if !backend_usable(evidence) {
            return format!(
                "{} ({}) is no usable backend URL: name Pulumi Cloud with --cloud-url{otherwise}",
                backend.url,
                backend.source.label()
            );
        }
        if evidence.only_project_names_backend() {
            return format!(
                "{} names the backend, and no access token is sent there: name it with --cloud-url \
                 and set DOCTOR_ACCESS_TOKEN{otherwise}",
                backend.source.label()
            );
        }
        if is_plain_http(&backend.url) {
            return format!(
                "no access token is sent over plain http: use https for {}{otherwise}",
                backend.url
            );
        }
        return format!(
            "set DOCTOR_ACCESS_TOKEN to an organization admin's access token to read the live \
             policy{otherwise}"
        );
    };
    format!("{}{otherwise}", read_failure_advice(evidence, gap))
}

fn read_failure_advice(evidence: &Evidence, gap: &PolicyReadFailure) -> String {
    let credential = match &gap.access_token {
        AccessTokenSource::Environment { name } => name.clone(),
        AccessTokenSource::Stored { path, .. } => format!("the token stored in {path}"),
        AccessTokenSource::Exchange | AccessTokenSource::None => "the access token".to_owned(),
    };
    let (what, permission) = match gap.asked {
        PolicyRequest::Issuers => ("the organization's issuers", "oidc_issuers:read"),
        PolicyRequest::Policies => ("the issuers' policies", "auth_policies:read"),
    };
    let organization = evidence.request().organization.unwrap_or_default();
    match &gap.reason {
        PolicyReadFailureReason::Failed { failure } => {
            let then = match failure.kind {
                FailureKind::Timeout => "raise --timeout",
                _ => "try again",
            };
            format!("{what} could not be read from {}: {}; {then}", failure.host, failure.detail)
        }
        PolicyReadFailureReason::NotUnderstood { problem } => {
            format!("{what} could not be read: {problem}; check --cloud-url")
        }
        PolicyReadFailureReason::Refused { answer } => match answer.status {
            401 => {
                format!("{credential} is not valid there, or has expired (401): set another one")
            }
            403 => format!(
                "{credential} may not read {what} (403): use one with {permission}, which \
                 organization admins have"
            ),
            404 => format!(
                "there is no organization {organization}, or {credential} may not see it (404): \
                 correct --oidc-org"
            ),
            429 => {
                "Pulumi Cloud limits requests (429) for longer than --timeout: raise it".to_owned()
            }
            status => format!("Pulumi Cloud answered {status} for {what}: try again"),
        },
    }
}
