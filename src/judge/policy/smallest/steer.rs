//! What a job can do to get another claim: run on another branch, in an environment, or ask for
//! another audience.

use serde_json::{Map, Value};

use super::correction::Identity;
use crate::judge::policy::unwanted;
use crate::platform::subject::{Subject, describe};
use crate::platform::{Audience, Id};
use crate::policy::pattern;
use crate::pulumi::urn;
use crate::text;

/// A claim that a job can get, and what it has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Steered {
    pub(crate) claim: String,
    pub(crate) value: String,
    /// "the job should run in environment prod".
    pub(crate) job: String,
    /// What the job's definition gets for that.
    pub(crate) pasted: Option<String>,
}

/// A name, and what a sentence says of a value of it.
type Named = (&'static str, fn(&str) -> String);

/// Parts of subjects that a job can choose, and how a sentence names them.
const PARTS: &[Named] = &[
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
const CLAIMS: &[Named] = &[
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

/// What a job has to do for its token to match a rule, if a job of this identity can do it.
/// `subject_rule`: the pattern on `sub` that the token matches, and that it must go on matching.
pub(crate) fn steer(
    identity: Identity,
    claim: &str,
    rule: &str,
    organization: Option<&str>,
    subject_rule: Option<&str>,
) -> Option<Steered> {
    if rule.contains(['*', '?']) || rule.is_empty() || rule.contains(char::is_control) {
        return None;
    }
    let steered = |job: String| Steered {
        claim: claim.to_owned(),
        value: rule.to_owned(),
        job,
        pasted: environment(identity, claim, rule),
    };
    match claim {
        "aud" => can_ask(identity, rule, organization)
            .then(|| steered(format!("the token should be requested for {rule}"))),
        "sub" => run_as(identity, rule).map(|how| steered(format!("the job should run {how}"))),
        _ => {
            let (_, how) = CLAIMS.iter().find(|(name, _)| *name == claim)?;
            if !has_value(identity, claim, rule) {
                return None;
            }
            let moved = with_claim(identity.claims, claim, rule);
            let goes_on = subject_rule.is_none_or(|pattern| {
                let subject = moved.get("sub").and_then(Value::as_str).unwrap_or_default();
                pattern::matches(pattern, subject)
            });
            let is_wanted = unwanted::kind_of_job(&moved).is_none();
            (goes_on && is_wanted).then(|| steered(format!("the job should run {}", how(rule))))
        }
    }
}

/// Platforms on which a job names its environment in one line.
const ONE_LINE: [Id; 2] = [Id::GitHubActions, Id::GitLab];

/// The line that gives a job the environment of a rule.
fn environment(identity: Identity, claim: &str, rule: &str) -> Option<String> {
    identity.platform().filter(|id| ONE_LINE.contains(id))?;
    let name = match claim {
        "environment" => rule.to_owned(),
        "sub" => describe(identity.issuer, rule)?.part("environment")?,
        _ => return None,
    };
    Some(format!("environment: {}", text::yaml(&name)))
}

/// Whether the issuer's tokens can have this value.
fn has_value(identity: Identity, claim: &str, value: &str) -> bool {
    let Some(known) = identity.platform().map(|id| &id.platform().claims) else { return false };
    // Only some platforms write a ref whole.
    let is_whole = value.starts_with("refs/");
    let has_whole = identity.texts(claim).iter().any(|now| now.starts_with("refs/"));
    if is_whole && !has_whole {
        return false;
    }
    let values = known.values.iter().find(|(name, _)| *name == claim);
    known.documented.contains(&claim) && values.is_none_or(|(_, values)| values.contains(&value))
}

/// Whether a job can request a token for this audience: its platform lets it choose, and the audience
/// names no other organization than the login asks for.
pub(crate) fn can_ask(identity: Identity, audience: &str, organization: Option<&str>) -> bool {
    let is_fixed = match identity.platform().map(|id| &id.platform().audience) {
        Some(Audience::Chosen { .. }) => false,
        Some(Audience::Fixed(_)) => true,
        Some(Audience::Unknown) => true,
        // Of other issuers it is not known: an audience of Pulumi's is worth asking for.
        None => urn::organization_of(audience).is_none(),
    };
    let named = urn::organization_of(audience);
    let is_ours = match (named, organization) {
        (Some(named), Some(asked)) => named == asked,
        (Some(_), None) => true,
        (None, _) => !unwanted::is_others(audience),
    };
    !is_fixed && is_ours && !audience.contains(['*', '?'])
}

/// How this job would run to have the subject of a rule; `None` where the rule is for another project,
/// or for a kind of job that is unwanted.
fn run_as(identity: Identity, rule: &str) -> Option<String> {
    let has = describe(identity.issuer, identity.subject()?)?;
    let wanted = describe(identity.issuer, rule)?;
    let wanted_claims = with_subject(identity.claims, rule);
    if has.platform != wanted.platform
        || !same_project(&has, &wanted)
        || unwanted::kind_of_job(&wanted_claims).is_some()
    {
        return None;
    }
    let how: Vec<String> = wanted
        .parts
        .iter()
        .filter(|part| !has.parts.contains(part))
        .filter_map(|(name, value)| {
            PARTS.iter().find(|(known, _)| known == name).map(|(_, how)| how(value))
        })
        .collect();
    (!how.is_empty()).then(|| how.join(" "))
}

/// Whether two subjects are the same but for what a job can choose. What varies from run to run cannot
/// be chosen.
fn same_project(has: &Subject, wanted: &Subject) -> bool {
    let fixed = |subject: &Subject| -> Vec<(&'static str, String)> {
        let is_fixed =
            |name: &str| !PARTS.iter().any(|(part, _)| *part == name) && name != "context";
        subject.parts.iter().filter(|(name, _)| is_fixed(name)).cloned().collect()
    };
    fixed(has) == fixed(wanted)
}

/// The claims of a job with this subject, as far as that tells.
fn with_subject(claims: &Map<String, Value>, subject: &str) -> Map<String, Value> {
    let mut moved = Map::new();
    for key in ["iss", "aud"] {
        if let Some(value) = claims.get(key) {
            moved.insert(key.to_owned(), value.clone());
        }
    }
    moved.insert("sub".to_owned(), subject.into());
    moved
}

/// The claims of a job with this value, and the subject that it then has.
fn with_claim(claims: &Map<String, Value>, claim: &str, value: &str) -> Map<String, Value> {
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    let mut moved = with_subject(claims, &moved_subject(issuer, subject, claims, claim, value));
    moved.insert(claim.to_owned(), value.into());
    moved
}

fn moved_subject(
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
    match present.filter(|now| !now.is_empty()) {
        // What the value is called stands at the end of its part.
        Some(now) if subject.ends_with(&now) => {
            format!("{}{}", subject.strip_suffix(&now).unwrap_or_default(), bare(value))
        }
        Some(now) => subject.replacen(&format!(":{now}:"), &format!(":{}:", bare(value)), 1),
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
        let identity = Identity { issuer: claims["iss"].as_str().unwrap(), claims };
        steer(identity, claim, rule, Some("acme"), subject_rule).map(|steered| steered.job)
    }

    #[test]
    fn jobs_can_run_elsewhere_in_their_project() {
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
    fn other_rules_must_go_on_matching() {
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
