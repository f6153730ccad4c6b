//! How a job can get a token with other claims: run on another branch, in an environment, or
//! request another audience.

use serde_json::{Map, Value};

use super::correction::TokenIdentity;
use crate::judge::policy::unwanted;
use crate::platform::subject::{Subject, describe};
use crate::platform::{Audience, Id};
use crate::policy::pattern;
use crate::pulumi::urn;
use crate::text;

/// A claim that the job's token should have, and how to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenChange {
    pub(crate) claim: String,
    pub(crate) value: String,
    /// The change to the job: "the job should run in environment prod".
    pub(crate) job: String,
    /// The line to add to the job's definition.
    pub(crate) pasted: Option<String>,
}

/// A name, and the phrase for a value of it.
type Phrase = (&'static str, fn(&str) -> String);

/// Parts of subjects that a job can choose.
const CHOOSABLE_PARTS: &[Phrase] = &[
    ("environment", |name| format!("in environment {name}")),
    ("branch", |name| format!("on branch {name}")),
    ("tag", |name| format!("for tag {name}")),
    ("ref", |name| format!("on {}", name.trim_start_matches("refs/heads/"))),
    ("kind of ref", |kind| format!("on a {kind}")),
    ("run phase", |phase| format!("in the {phase} phase")),
    ("run type", |kind| format!("as a {kind} run")),
    ("operation", |operation| format!("as {operation}")),
    ("scope", |scope| format!("with scope {scope}")),
];

/// Claims that a job can choose.
const CHOOSABLE_CLAIMS: &[Phrase] = &[
    ("environment", |name| format!("in environment {name}")),
    ("deployment_tier", |tier| format!("in an environment of tier {tier}")),
    ("ref", |name| format!("on {}", name.trim_start_matches("refs/heads/"))),
    ("ref_type", |kind| format!("on a {kind}")),
    ("ref_protected", |_| "on a protected branch".to_owned()),
    ("event_name", |event| format!("on the event {event}")),
    ("pipeline_source", |source| format!("in a pipeline of source {source}")),
    ("branchName", |name| format!("on branch {name}")),
    ("build_branch", |name| format!("on branch {name}")),
    ("build_tag", |name| format!("for tag {name}")),
    ("terraform_run_phase", |phase| format!("in the {phase} phase")),
    ("runType", |kind| format!("as a {kind} run")),
    ("operation", |operation| format!("as {operation}")),
    ("runner_environment", |kind| format!("on a {kind} runner")),
    ("\"oidc.circleci.com/vcs-ref\"", |name| {
        format!("on {}", name.trim_start_matches("refs/heads/"))
    }),
];

/// How the job can get a token that matches a rule. `None` if it cannot. `subject_rule`: the
/// pattern on `sub` that the token must still match.
pub(crate) fn token_change(
    identity: TokenIdentity,
    claim: &str,
    rule: &str,
    organization: Option<&str>,
    subject_rule: Option<&str>,
) -> Option<TokenChange> {
    if rule.contains(['*', '?']) || rule.is_empty() || rule.contains(char::is_control) {
        return None;
    }
    let change = |job: String| TokenChange {
        claim: claim.to_owned(),
        value: rule.to_owned(),
        job,
        pasted: environment_line(identity, claim, rule),
    };
    match claim {
        "aud" => can_request_audience(identity, rule, organization)
            .then(|| change(format!("the token should be requested for {rule}"))),
        "sub" => {
            how_to_run_as(identity, rule).map(|how| change(format!("the job should run {how}")))
        }
        _ => {
            let (_, how) = CHOOSABLE_CLAIMS.iter().find(|(name, _)| *name == claim)?;
            if !can_have_value(identity, claim, rule) {
                return None;
            }
            let changed = claims_with_value(identity.claims, claim, rule);
            let matches_subject = subject_rule.is_none_or(|pattern| {
                let subject = changed.get("sub").and_then(Value::as_str).unwrap_or_default();
                pattern::matches(pattern, subject)
            });
            let is_wanted = unwanted::kind_of_job(&changed).is_none();
            (matches_subject && is_wanted)
                .then(|| change(format!("the job should run {}", how(rule))))
        }
    }
}

/// Platforms whose jobs set their environment in one line.
const ONE_LINE_ENVIRONMENT: [Id; 2] = [Id::GitHubActions, Id::GitLab];

/// The line that sets the environment of a job to that of a rule.
fn environment_line(identity: TokenIdentity, claim: &str, rule: &str) -> Option<String> {
    identity.platform().filter(|id| ONE_LINE_ENVIRONMENT.contains(id))?;
    let name = match claim {
        "environment" => rule.to_owned(),
        "sub" => describe(identity.issuer, rule)?.part("environment")?,
        _ => return None,
    };
    Some(format!("environment: {}", text::yaml(&name)))
}

/// Whether the issuer's tokens can have this value.
fn can_have_value(identity: TokenIdentity, claim: &str, value: &str) -> bool {
    let Some(known) = identity.platform().map(|id| &id.platform().claims) else { return false };
    // Only some platforms use full refs.
    let is_full = value.starts_with("refs/");
    let has_full = identity.claim_texts(claim).iter().any(|present| present.starts_with("refs/"));
    if is_full && !has_full {
        return false;
    }
    let values = known.values.iter().find(|(name, _)| *name == claim);
    known.documented.contains(&claim) && values.is_none_or(|(_, values)| values.contains(&value))
}

/// Whether a job can request a token for this audience: its platform lets it choose, and the
/// audience is not that of another organization or service.
pub(crate) fn can_request_audience(
    identity: TokenIdentity,
    audience: &str,
    organization: Option<&str>,
) -> bool {
    let is_fixed = match identity.platform().map(|id| &id.platform().audience) {
        Some(Audience::Chosen { .. }) => false,
        Some(Audience::Fixed(_)) => true,
        Some(Audience::Unknown) => true,
        // For unknown issuers, only a Pulumi audience is suggested.
        None => urn::organization_of(audience).is_none(),
    };
    let named = urn::organization_of(audience);
    let is_ours = match (named, organization) {
        (Some(named), Some(asked)) => named == asked,
        (Some(_), None) => true,
        (None, _) => !unwanted::is_for_other_service(audience),
    };
    !is_fixed && is_ours && !audience.contains(['*', '?'])
}

/// How this job must run to get the subject of a rule. `None` if the rule is for another project or
/// an unwanted kind of job.
fn how_to_run_as(identity: TokenIdentity, rule: &str) -> Option<String> {
    let has = describe(identity.issuer, identity.subject()?)?;
    let wanted = describe(identity.issuer, rule)?;
    let wanted_claims = claims_with_subject(identity.claims, rule);
    if has.platform != wanted.platform
        || !is_same_project(&has, &wanted)
        || unwanted::kind_of_job(&wanted_claims).is_some()
    {
        return None;
    }
    let how: Vec<String> = wanted
        .parts
        .iter()
        .filter(|part| !has.parts.contains(part))
        .filter_map(|(name, value)| {
            CHOOSABLE_PARTS.iter().find(|(known, _)| known == name).map(|(_, how)| how(value))
        })
        .collect();
    (!how.is_empty()).then(|| how.join(" "))
}

/// Whether two subjects differ only in parts that a job can choose. It cannot choose parts that
/// vary from run to run.
fn is_same_project(has: &Subject, wanted: &Subject) -> bool {
    let fixed = |subject: &Subject| -> Vec<(&'static str, String)> {
        let is_fixed = |name: &str| {
            !CHOOSABLE_PARTS.iter().any(|(part, _)| *part == name) && name != "context"
        };
        subject.parts.iter().filter(|(name, _)| is_fixed(name)).cloned().collect()
    };
    fixed(has) == fixed(wanted)
}

/// The claims of a job with this subject: issuer, audience and subject only.
fn claims_with_subject(claims: &Map<String, Value>, subject: &str) -> Map<String, Value> {
    let mut changed = Map::new();
    for key in ["iss", "aud"] {
        if let Some(value) = claims.get(key) {
            changed.insert(key.to_owned(), value.clone());
        }
    }
    changed.insert("sub".to_owned(), subject.into());
    changed
}

/// The claims of a job with this value, and with the subject that results from it.
fn claims_with_value(claims: &Map<String, Value>, claim: &str, value: &str) -> Map<String, Value> {
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    let mut changed =
        claims_with_subject(claims, &subject_with_value(issuer, subject, claims, claim, value));
    changed.insert(claim.to_owned(), value.into());
    changed
}

/// The subject after a claim changed to this value.
fn subject_with_value(
    issuer: &str,
    subject: &str,
    claims: &Map<String, Value>,
    claim: &str,
    value: &str,
) -> String {
    let Some(known) = describe(issuer, subject) else { return subject.to_owned() };
    if known.platform == Id::GitHubActions
        && claim == "environment"
        && let Some((repository, _)) = subject.strip_prefix("repo:").and_then(|s| s.split_once(':'))
    {
        return format!("repo:{repository}:environment:{value}");
    }
    let bare = |text: &str| text.trim_start_matches("refs/heads/").to_owned();
    let present = claims.get(claim).and_then(Value::as_str).map(bare);
    match present.filter(|old| !old.is_empty()) {
        Some(old) if subject.ends_with(&old) => {
            format!("{}{}", subject.strip_suffix(&old).unwrap_or_default(), bare(value))
        }
        Some(old) => subject.replacen(&format!(":{old}:"), &format!(":{}:", bare(value)), 1),
        None => subject.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    const GITHUB: &str = "https://token.actions.githubusercontent.com";

    fn job(claims: &Value, claim: &str, rule: &str, subject_rule: Option<&str>) -> Option<String> {
        let claims = claims.as_object().unwrap();
        let identity = TokenIdentity { issuer: claims["iss"].as_str().unwrap(), claims };
        token_change(identity, claim, rule, Some("acme"), subject_rule).map(|change| change.job)
    }

    #[test]
    fn job_can_change_within_its_project() {
        let main = json!({"iss": GITHUB, "aud": "https://github.com/acme",
            "sub": "repo:acme/web:ref:refs/heads/dev", "ref": "refs/heads/dev"});
        for (claim, rule, expected) in [
            (
                "sub",
                "repo:acme/web:environment:prod",
                Some("the job should run in environment prod"),
            ),
            ("sub", "repo:acme/web:ref:refs/heads/main", Some("the job should run on branch main")),
            ("sub", "repo:acme/other:ref:refs/heads/main", None),
            ("sub", "repo:acme/web:pull_request", None),
            ("sub", "repo:acme/web:environment:*", None),
            ("environment", "prod", Some("the job should run in environment prod")),
            ("ref", "refs/heads/main", Some("the job should run on main")),
            ("repository", "acme/other", None),
            (
                "aud",
                "urn:pulumi:org:acme",
                Some("the token should be requested for urn:pulumi:org:acme"),
            ),
            ("aud", "urn:pulumi:org:globex", None),
            ("aud", "urn:pulumi:org:*", None),
            ("aud", "sts.amazonaws.com", None),
        ] {
            assert_eq!(job(&main, claim, rule, None).as_deref(), expected, "{claim} {rule}");
        }
    }

    #[test]
    fn subject_rule_must_still_match() {
        let main = json!({"iss": GITHUB, "sub": "repo:acme/web:ref:refs/heads/main",
            "ref": "refs/heads/main"});
        let rule = Some("repo:acme/web:ref:refs/heads/main");
        assert_eq!(job(&main, "ref", "refs/heads/dev", rule), None);
        assert_eq!(job(&main, "environment", "prod", rule), None);
        assert!(job(&main, "environment", "prod", Some("repo:acme/web:*")).is_some());
    }

    #[test]
    fn fixed_audience_cannot_be_requested() {
        let azure = json!({"iss": "https://vstoken.dev.azure.com/0b1c",
            "aud": "api://AzureADTokenExchange", "sub": "sc://acme/web/x"});
        assert_eq!(job(&azure, "aud", "urn:pulumi:org:acme", None), None);
    }
}
