//! Kinds of job that a policy should let in only on purpose (product contract, section 5.3): pull
//! requests, plans, unprotected refs, and tokens that were issued for another service.

use serde_json::{Map, Value};

use crate::platform::kind::{self, GivenJob, Kind, Kinds};
use crate::platform::subject::{self, Subject};
use crate::platform::{Audience, by_issuer, default_audience};
use crate::policy::claim_path::ClaimPath;
use crate::policy::evaluate::value_text;
use crate::pulumi::urn;

/// Why letting a job in is often unwanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unwanted {
    PullRequest,
    Plan,
    /// The ref as the token names it.
    UnprotectedRef(String),
    /// The audience of the token.
    OtherService(String),
}

impl Unwanted {
    /// The jobs, as a noun phrase: "pull requests".
    pub(crate) fn jobs(&self) -> String {
        match self {
            Self::PullRequest => "pull requests".to_owned(),
            Self::Plan => "speculative plans".to_owned(),
            Self::UnprotectedRef(name) => format!("the unprotected ref {name}"),
            Self::OtherService(audience) => format!("tokens that were made for {audience}"),
        }
    }
}

/// Why letting in a token with these claims is often unwanted.
pub(crate) fn unwanted_reason(claims: &Map<String, Value>) -> Option<Unwanted> {
    kind_of_job(claims).or_else(|| other_service(claims))
}

/// The kind of job with these claims, if that kind is often unwanted.
pub(crate) fn kind_of_token(claims: &Map<String, Value>) -> Option<Kind> {
    let issuer = claim_text(claims, "iss").unwrap_or_default();
    let kinds = kind::platform_of(Some(&issuer), claims)?.kinds.as_ref()?;
    let filled = add_subject_parts(claims, kinds, describe_subject(claims).as_ref());
    (kinds.unwanted)(&GivenJob { claims: &filled })
}

fn describe_subject(claims: &Map<String, Value>) -> Option<Subject> {
    let issuer = claim_text(claims, "iss").unwrap_or_default();
    subject::describe(&issuer, &claim_text(claims, "sub").unwrap_or_default())
}

/// Why this kind of job is often unwanted. Ignores the audience, which the job may be able to
/// choose.
pub(crate) fn kind_of_job(claims: &Map<String, Value>) -> Option<Unwanted> {
    match kind_of_token(claims)? {
        Kind::PullRequest | Kind::Fork => Some(Unwanted::PullRequest),
        Kind::Plan => Some(Unwanted::Plan),
        // Jobs with an environment need an approval, so the ref does not matter.
        _ if describe_subject(claims).is_some_and(|known| known.part("environment").is_some()) => {
            None
        }
        _ => Some(Unwanted::UnprotectedRef(
            claim_text(claims, "ref").unwrap_or_else(|| "of this job".to_owned()),
        )),
    }
}

/// The claims, completed with values that only the subject contains.
fn add_subject_parts(
    claims: &Map<String, Value>,
    kinds: &Kinds,
    known: Option<&Subject>,
) -> Map<String, Value> {
    let mut filled = claims.clone();
    for (part, claim, prefix) in kinds.parts {
        let value = known.and_then(|known| known.part(part));
        if let Some(value) = value.filter(|_| claim_text(claims, claim).is_none()) {
            filled.insert(claim.trim_matches('"').to_owned(), format!("{prefix}{value}").into());
        }
    }
    filled
}

/// The first audience, if all are those of other services. `None` for jobs that cannot choose their
/// audience.
pub(crate) fn other_service(claims: &Map<String, Value>) -> Option<Unwanted> {
    let issuer = claim_text(claims, "iss").unwrap_or_default();
    let is_fixed =
        by_issuer(&issuer).is_some_and(|platform| matches!(platform.audience, Audience::Fixed(_)));
    let audiences = audiences(claims);
    let is_ours = |one: &String| urn::organization_of(one).is_some() || !is_for_other_service(one);
    if is_fixed || audiences.iter().any(is_ours) {
        return None;
    }
    audiences.into_iter().next().map(Unwanted::OtherService)
}

/// Whether an audience is known to be that of another service.
pub(crate) fn is_for_other_service(audience: &str) -> bool {
    kind::is_of_another_service(audience) || default_audience(audience).is_some()
}

pub(crate) fn audiences(claims: &Map<String, Value>) -> Vec<String> {
    match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().map(value_text).collect(),
        Some(one) => vec![value_text(one)],
        None => Vec::new(),
    }
}

/// The text of the claim at a path.
fn claim_text(claims: &Map<String, Value>, path: &str) -> Option<String> {
    let value = ClaimPath::parse(path).ok()?.lookup(claims)?;
    (!value.is_object() && !value.is_array()).then(|| value_text(value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn kind(claims: Value) -> Option<Unwanted> {
        unwanted_reason(claims.as_object().unwrap())
    }

    const GITHUB: &str = "https://token.actions.githubusercontent.com";

    #[test]
    fn pull_requests_and_plans_are_unwanted() {
        for claims in [
            json!({"iss": GITHUB, "sub": "repo:acme/web:pull_request"}),
            json!({"iss": GITHUB, "sub": "x", "event_name": "pull_request_target"}),
            json!({"iss": "https://gitlab.com", "sub": "x", "pipeline_source": "merge_request_event"}),
            json!({"sub": "org/o/project/p/user/u/vcs-origin/r/vcs-ref/refs/pull/7/head"}),
        ] {
            assert_eq!(kind(claims.clone()), Some(Unwanted::PullRequest), "{claims}");
        }
        for claims in [
            json!({"sub": "organization:a:project:p:workspace:w:run_phase:plan"}),
            json!({"sub": "space:s:stack:t:run_type:PROPOSED:scope:read"}),
            json!({"sub": "pulumi:deploy:org:a:project:p:stack:s:operation:preview:scope:write"}),
        ] {
            assert_eq!(kind(claims.clone()), Some(Unwanted::Plan), "{claims}");
        }
    }

    #[test]
    fn environment_outweighs_unprotected_ref() {
        let open = json!({"sub": "project_path:a/b:ref_type:branch:ref:dev", "ref": "dev",
            "ref_protected": "false"});
        assert_eq!(kind(open), Some(Unwanted::UnprotectedRef("dev".to_owned())));
        let guarded = json!({"sub": "repo:a/b:environment:prod", "ref": "refs/heads/dev",
            "ref_protected": "false"});
        assert_eq!(kind(guarded), None);
    }

    #[test]
    fn chosen_foreign_audience_is_unwanted() {
        let other = |audience: &str| Some(Unwanted::OtherService(audience.to_owned()));
        for audience in ["sts.amazonaws.com", "https://vault.acme.test", "https://github.com/acme"]
        {
            assert_eq!(kind(json!({"sub": "s", "aud": audience})), other(audience));
        }
        for claims in [
            json!({"sub": "s", "aud": ["sts.amazonaws.com", "urn:pulumi:org:acme"]}),
            json!({"sub": "s", "aud": "pulumi"}),
            json!({"sub": "sc://a/b/c", "aud": "api://AzureADTokenExchange",
                "iss": "https://vstoken.dev.azure.com/0b1c"}),
        ] {
            assert_eq!(kind(claims.clone()), None, "{claims}");
        }
    }
}
