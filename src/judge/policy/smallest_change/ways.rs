//! The ways to let a token in that fails rules of the closest entry. The preferred way comes first.

use serde_json::{Map, Value};

use super::correction::{Correction, TokenIdentity, correction};
use super::token_change::{TokenChange, can_request_audience, token_change};
use crate::judge::policy::suggest::{NoSafeRule, Suggestion, suggest};
use crate::judge::policy::unwanted::{self, Unwanted};
use crate::limits::Work;
use crate::platform::Id;
use crate::platform::subject::describe;
use crate::policy::rule_pattern::RefusedValue;
use crate::policy::{Entry, RequestedToken};
use crate::pulumi::urn;

/// A complete way to let a token in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// The intent for which this way is right, as a sentence without a full stop.
    pub(crate) intent: String,
    pub(crate) only_if_meant: bool,
    pub(crate) edits: Vec<Edit>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Corrects a rule of the entry with this index.
    Rule { entry: usize, claim: String, before: String, correction: Correction },
    /// Adds an entry.
    Add(Box<Suggestion>),
    /// Changes a claim of the token.
    Token(TokenChange),
}

/// What the login requests.
pub(crate) struct RequestedLogin<'a> {
    pub(crate) ask: &'a RequestedToken,
    pub(crate) organization: Option<&'a str>,
}

/// A failing rule of the closest entry.
pub(crate) struct FailingRule<'a> {
    pub(crate) claim: &'a str,
    pub(crate) pattern: &'a str,
}

/// The ways for an entry with these failing rules, and the values that prevent adding an entry.
pub(crate) fn ways(
    identity: TokenIdentity,
    index: usize,
    entry: &Entry,
    failing: &[FailingRule],
    login: &RequestedLogin,
    work: &mut Work,
) -> (Vec<Way>, Vec<RefusedValue>) {
    let is_failing = |claim: &str| failing.iter().any(|rule| rule.claim == claim);
    let matching = entry.rules.iter().find(|rule| rule.claim == "sub" && !is_failing("sub"));
    let matching = matching.map(|rule| rule.pattern.as_str());
    let corrections: Vec<Option<Correction>> = failing
        .iter()
        .map(|rule| {
            let is_this_subject = matching.is_some();
            correction(identity, rule.claim, rule.pattern, is_this_subject, work)
        })
        .collect();
    let corrected = failing.iter().zip(&corrections).find(|(rule, _)| rule.claim == "sub");
    let corrected =
        corrected.and_then(|(_, found)| found.as_ref()).map(|found| found.pattern.as_str());
    let subject_rule = matching.or(corrected);
    let token_changes: Vec<Option<TokenChange>> = failing
        .iter()
        .map(|rule| {
            let organization = login.organization;
            token_change(identity, rule.claim, rule.pattern, organization, subject_rule)
        })
        .collect();
    let unwanted = unwanted::kind_of_job(identity.claims);
    let mut found = Vec::new();
    let is_corrected = corrections.iter().all(Option::is_some);
    if is_corrected {
        found.extend(correction_ways(index, failing, &corrections, unwanted.as_ref()));
    }
    if !is_corrected
        && let Some(way) = changed_job_way(index, failing, &corrections, &token_changes)
    {
        found.push(way);
    }
    let mut refused = Vec::new();
    if !is_corrected {
        let is_requestable = !found.is_empty() && failing.iter().all(|rule| rule.claim == "aud");
        for way in added_entry_ways(identity, login, unwanted.as_ref(), is_requestable) {
            match way {
                Ok(way) => found.push(way),
                Err(none) => refused.extend(none.refused),
            }
        }
    }
    sort_by_preference(identity, failing, login, &mut found);
    (found, refused)
}

/// The ways for a policy without any entry for this token.
pub(crate) fn new_entry(
    identity: TokenIdentity,
    login: &RequestedLogin,
) -> (Vec<Way>, Vec<RefusedValue>) {
    let unwanted = unwanted::kind_of_job(identity.claims);
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for way in added_entry_ways(identity, login, unwanted.as_ref(), false) {
        match way {
            Ok(way) => found.push(way),
            Err(none) => refused.extend(none.refused),
        }
    }
    (found, refused)
}

/// Corrects every rule. A conversion that lets in more comes second.
fn correction_ways(
    index: usize,
    failing: &[FailingRule],
    corrections: &[Option<Correction>],
    unwanted: Option<&Unwanted>,
) -> Vec<Way> {
    let edits = |wider: bool| -> Vec<Edit> {
        let all = failing.iter().zip(corrections.iter().flatten());
        all.map(|(rule, found)| {
            let pattern = found.wider.clone().filter(|_| wider).unwrap_or(found.pattern.clone());
            Edit::Rule {
                entry: index,
                claim: rule.claim.to_owned(),
                before: rule.pattern.to_owned(),
                correction: Correction { pattern, ..found.clone() },
            }
        })
        .collect()
    };
    let intent = unwanted.map_or_else(
        || "only this job should be let in".to_owned(),
        |jobs| format!("{} should be let in", jobs.jobs()),
    );
    let mut found = vec![Way { intent, only_if_meant: unwanted.is_some(), edits: edits(false) }];
    if corrections.iter().flatten().any(|one| one.wider.is_some()) {
        found.push(Way {
            intent: "all that the regular expression means should be let in".to_owned(),
            only_if_meant: true,
            edits: edits(true),
        });
    }
    found
}

/// Changes the job to get another token, and corrects rules that no token can match.
fn changed_job_way(
    index: usize,
    failing: &[FailingRule],
    corrections: &[Option<Correction>],
    token_changes: &[Option<TokenChange>],
) -> Option<Way> {
    let mut edits = Vec::new();
    let mut intents: Vec<&str> = Vec::new();
    for ((rule, corrected), change) in failing.iter().zip(corrections).zip(token_changes) {
        match (corrected, change) {
            (Some(found), _) => edits.push(Edit::Rule {
                entry: index,
                claim: rule.claim.to_owned(),
                before: rule.pattern.to_owned(),
                correction: found.clone(),
            }),
            (None, Some(change)) => {
                // A change of `sub` may cover that of a claim in it.
                if !intents.iter().any(|intent| intent.contains(&change.job)) {
                    intents.push(&change.job);
                }
                edits.push(Edit::Token(change.clone()));
            }
            (None, None) => return None,
        }
    }
    let first = *intents.first()?;
    const RUN: &str = "the job should run ";
    let rest = intents.iter().skip(1).map(|intent| match intent.strip_prefix(RUN) {
        Some(how) if first.starts_with(RUN) => format!(" and {how}"),
        _ => format!(", and {intent}"),
    });
    let intent = std::iter::once(first.to_owned()).chain(rest).collect::<String>();
    Some(Way { intent, only_if_meant: false, edits })
}

/// Adds an entry for this token, or for a token with the login's own audience. `is_requestable`:
/// the job can request the audience of the closest entry, so no other audience is needed.
fn added_entry_ways(
    identity: TokenIdentity,
    login: &RequestedLogin,
    unwanted: Option<&Unwanted>,
    is_requestable: bool,
) -> Vec<Result<Way, NoSafeRule>> {
    let entry = |claims: &Map<String, Value>| suggest(claims, login.ask);
    let job = unwanted.map_or_else(|| describe_job(identity), Unwanted::jobs);
    let intent = format!("{job} should be let in too");
    let Some(other) = unwanted::other_service(identity.claims) else {
        return vec![entry(identity.claims).map(|made| Way {
            intent,
            only_if_meant: unwanted.is_some(),
            edits: vec![Edit::Add(Box::new(made))],
        })];
    };
    let mut found = Vec::new();
    let audience = login.organization.map(urn::organization);
    let can_request =
        |own: &String| !is_requestable && can_request_audience(identity, own, login.organization);
    if let Some(audience) = audience.filter(can_request) {
        let mut claims = identity.claims.clone();
        claims.insert("aud".to_owned(), audience.clone().into());
        found.push(entry(&claims).map(|made| {
            let token = TokenChange {
                claim: "aud".to_owned(),
                value: audience,
                job: String::new(),
                pasted: None,
            };
            Way {
                intent,
                only_if_meant: unwanted.is_some(),
                edits: vec![Edit::Token(token), Edit::Add(Box::new(made))],
            }
        }));
    }
    // The platform's default audience is the same for every service of the owner.
    let is_default = |one: &String| crate::platform::default_audience(one).is_some();
    if !unwanted::audiences(identity.claims).iter().any(is_default)
        || found.is_empty() && !is_requestable
    {
        found.push(entry(identity.claims).map(|made| Way {
            intent: format!("{} should be let in", other.jobs()),
            only_if_meant: true,
            edits: vec![Edit::Add(Box::new(made))],
        }));
    }
    found
}

/// Puts unwanted kinds of job last, and a request for another audience after other ways if the
/// token already has this organization's Pulumi audience.
fn sort_by_preference(
    identity: TokenIdentity,
    failing: &[FailingRule],
    login: &RequestedLogin,
    ways: &mut [Way],
) {
    let own = login.organization.map(urn::organization);
    let has_own = own.is_some_and(|own| unwanted::audiences(identity.claims).contains(&own));
    let asks_for_audience = |way: &Way| {
        way.edits.iter().any(|edit| matches!(edit, Edit::Token(change) if change.claim == "aud"))
    };
    let about_audience = failing.iter().any(|rule| rule.claim == "aud");
    ways.sort_by_key(|way| {
        (way.only_if_meant, about_audience && has_own && asks_for_audience(way))
    });
}

/// A noun phrase for the job, for "… should be let in too".
pub(crate) fn describe_job(identity: TokenIdentity) -> String {
    let known = identity.subject().and_then(|subject| describe(identity.issuer, subject));
    let Some(known) = known else { return "this job".to_owned() };
    let part = |name: &str| {
        known.parts.iter().find(|(part, _)| *part == name).map(|(_, value)| value.as_str())
    };
    let named = [
        "environment",
        "branch",
        "tag",
        "service connection",
        "pipeline",
        "workspace",
        "service account",
        "stack",
        "module",
        "ref",
    ];
    let project = ["repository", "project", "organization"].iter().find_map(|name| part(name));
    let Some((name, value)) = named.iter().find_map(|name| Some((*name, part(name)?))) else {
        return project.map_or_else(|| "this job".to_owned(), |name| format!("a job of {name}"));
    };
    let phase =
        part("run phase").map_or_else(String::new, |phase| format!(" in its {phase} phase"));
    match (known.platform, project) {
        (Id::GitHubActions | Id::GitLab | Id::CircleCi, Some(project)) => {
            format!("{name} {value} of {project}")
        }
        _ => format!("{name} {value}{phase}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::policy::document;

    const GITHUB: &str = "https://token.actions.githubusercontent.com";

    /// The intents of the ways for a token and an entry with these rules and failing claims.
    fn intents(claims: &Value, rules: &Value, failing: &[&str]) -> Vec<(String, bool)> {
        let claims = claims.as_object().unwrap();
        let entry = json!({"policies": [{"decision": "allow", "tokenType": "organization",
            "rules": rules}]});
        let parsed = document::parse(&entry.to_string()).unwrap();
        let entry = &parsed.issuers[0].policies.as_ref().unwrap()[0];
        let failing: Vec<FailingRule> = failing
            .iter()
            .map(|claim| FailingRule { claim, pattern: rules[*claim].as_str().unwrap() })
            .collect();
        let login = RequestedLogin { ask: &RequestedToken::default(), organization: Some("acme") };
        let issuer = claims["iss"].as_str().unwrap();
        let work = &mut Work::unlimited();
        let (found, _) = ways(TokenIdentity { issuer, claims }, 0, entry, &failing, &login, work);
        found.into_iter().map(|way| (way.intent, way.only_if_meant)).collect()
    }

    fn github(audience: &str, context: &str, protected: &str) -> Value {
        json!({"iss": GITHUB, "aud": audience, "sub": format!("repo:acme/web:{context}"),
            "ref": "refs/heads/dev", "ref_protected": protected})
    }

    #[test]
    fn unwanted_way_comes_last() {
        let ours = "urn:pulumi:org:acme";
        let rules = json!({"aud": ours, "sub": "repo:acme/web:environment:prod"});
        let environment = ("the job should run in environment prod".to_owned(), false);
        for (context, protected, second) in [
            ("ref:refs/heads/dev", "true", ("branch dev of acme/web should be let in too", false)),
            (
                "ref:refs/heads/dev",
                "false",
                ("the unprotected ref refs/heads/dev should be let in too", true),
            ),
            ("pull_request", "true", ("pull requests should be let in too", true)),
        ] {
            let found = intents(&github(ours, context, protected), &rules, &["sub"]);
            let second = (second.0.to_owned(), second.1);
            assert_eq!(found, [environment.clone(), second], "{context} {protected}");
        }
    }

    #[test]
    fn pulumi_audience_is_requested_if_missing() {
        let ours = "urn:pulumi:org:acme";
        let ask = |audience: &str| format!("the token should be requested for {audience}");
        let branch = "ref:refs/heads/dev";
        let mismatch = |audience: &str, rule: &str| {
            let rules = json!({"aud": rule, "sub": format!("repo:acme/web:{branch}")});
            intents(&github(audience, branch, "true"), &rules, &["aud"])
        };
        assert_eq!(mismatch("https://github.com/acme", ours), [(ask(ours), false)]);
        let too = "branch dev of acme/web should be let in too".to_owned();
        assert_eq!(mismatch(ours, "pulumi"), [(too.clone(), false), (ask("pulumi"), false)]);
        assert_eq!(mismatch(ours, "urn:pulumi:org:globex"), [(too, false)]);
        let others =
            ("tokens that were made for sts.amazonaws.com should be let in".to_owned(), true);
        assert_eq!(mismatch("sts.amazonaws.com", ours), [(ask(ours), false), others]);
    }

    #[test]
    fn plan_never_widens_rule_for_apply() {
        let workspace = "organization:acme:project:p:workspace:w:run_phase:";
        let claims = json!({"iss": "https://app.terraform.io", "aud": "urn:pulumi:org:acme",
            "sub": format!("{workspace}plan"), "terraform_run_phase": "plan"});
        let rules = json!({"sub": format!("{workspace}apply")});
        let found = intents(&claims, &rules, &["sub"]);
        assert_eq!(found[0], ("the job should run in the apply phase".to_owned(), false));
        assert_eq!(found[1], ("speculative plans should be let in too".to_owned(), true));
    }
}
