//! The ways to let a token in that fails some rules of the closest entry, the preferred one first.

use serde_json::{Map, Value};

use super::correction::{Correction, Identity, correction};
use super::steer::{Steered, can_ask, steer};
use crate::judge::policy::suggest::{NoSafeRule, Suggestion, suggest};
use crate::judge::policy::unwanted::{self, Unwanted};
use crate::limits::Work;
use crate::platform::Id;
use crate::platform::subject::describe;
use crate::policy::rule_pattern::RefusedValue;
use crate::policy::{Ask, Entry};
use crate::pulumi::urn;

/// One complete way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// The intent for which it is right, as a sentence without its full stop.
    pub(crate) intent: String,
    pub(crate) only_if_meant: bool,
    pub(crate) edits: Vec<Edit>,
}

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edit {
    /// A rule of the entry with this index.
    Rule { entry: usize, claim: String, before: String, correction: Correction },
    /// Another entry.
    Add(Box<Suggestion>),
    /// A claim of the token.
    Token(Steered),
}

/// What is known of the login beside the token.
pub(crate) struct Wanted<'a> {
    pub(crate) ask: &'a Ask,
    pub(crate) organization: Option<&'a str>,
}

/// A rule of the closest entry that fails.
pub(crate) struct Failing<'a> {
    pub(crate) claim: &'a str,
    pub(crate) pattern: &'a str,
}

/// The ways for an entry of which these rules fail, and why no entry can be added where none can.
pub(crate) fn ways(
    identity: Identity,
    index: usize,
    entry: &Entry,
    failing: &[Failing],
    wanted: &Wanted,
    work: &mut Work,
) -> (Vec<Way>, Vec<RefusedValue>) {
    let is_failing = |claim: &str| failing.iter().any(|rule| rule.claim == claim);
    let met = entry.rules.iter().find(|rule| rule.claim == "sub" && !is_failing("sub"));
    let met = met.map(|rule| rule.pattern.as_str());
    let corrections: Vec<Option<Correction>> = failing
        .iter()
        .map(|rule| {
            let is_this = met.is_some();
            correction(identity, rule.claim, rule.pattern, is_this, work)
        })
        .collect();
    let meant = failing.iter().zip(&corrections).find(|(rule, _)| rule.claim == "sub");
    let meant = meant.and_then(|(_, found)| found.as_ref()).map(|found| found.pattern.as_str());
    let subject_rule = met.or(meant);
    let steered: Vec<Option<Steered>> = failing
        .iter()
        .map(|rule| {
            let organization = wanted.organization;
            steer(identity, rule.claim, rule.pattern, organization, subject_rule)
        })
        .collect();
    let unwanted = unwanted::kind_of_job(identity.claims);
    let mut found = Vec::new();
    let is_corrected = corrections.iter().all(Option::is_some);
    if is_corrected {
        found.extend(corrected(index, failing, &corrections, unwanted.as_ref()));
    }
    if !is_corrected && let Some(way) = other_job(index, failing, &corrections, &steered) {
        found.push(way);
    }
    let mut refused = Vec::new();
    if !is_corrected {
        let is_asked_for = !found.is_empty() && failing.iter().all(|rule| rule.claim == "aud");
        for way in added(identity, wanted, unwanted.as_ref(), is_asked_for) {
            match way {
                Ok(way) => found.push(way),
                Err(none) => refused.extend(none.refused),
            }
        }
    }
    prefer(identity, failing, wanted, &mut found);
    (found, refused)
}

/// The ways for a policy that has no entry for this token at all.
pub(crate) fn new_entry(identity: Identity, wanted: &Wanted) -> (Vec<Way>, Vec<RefusedValue>) {
    let unwanted = unwanted::kind_of_job(identity.claims);
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for way in added(identity, wanted, unwanted.as_ref(), false) {
        match way {
            Ok(way) => found.push(way),
            Err(none) => refused.extend(none.refused),
        }
    }
    (found, refused)
}

/// Every rule is corrected; a conversion that lets in more comes second.
fn corrected(
    index: usize,
    failing: &[Failing],
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

/// The job gets another token, and rules that no token can match are corrected.
fn other_job(
    index: usize,
    failing: &[Failing],
    corrections: &[Option<Correction>],
    steered: &[Option<Steered>],
) -> Option<Way> {
    let mut edits = Vec::new();
    let mut intents: Vec<&str> = Vec::new();
    for ((rule, corrected), steered) in failing.iter().zip(corrections).zip(steered) {
        match (corrected, steered) {
            (Some(found), _) => edits.push(Edit::Rule {
                entry: index,
                claim: rule.claim.to_owned(),
                before: rule.pattern.to_owned(),
                correction: found.clone(),
            }),
            (None, Some(steered)) => {
                // `sub` says more than the claim that it is made from.
                let told = || intents.iter().any(|intent| intent.contains(&steered.job));
                if !told() {
                    intents.push(&steered.job);
                }
                edits.push(Edit::Token(steered.clone()));
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

/// Another entry, for the token that there is or for one of the audience that belongs to the login.
/// `is_asked_for`: the job can ask for the audience of the present entry, and then needs no other.
fn added(
    identity: Identity,
    wanted: &Wanted,
    unwanted: Option<&Unwanted>,
    is_asked_for: bool,
) -> Vec<Result<Way, NoSafeRule>> {
    let entry = |claims: &Map<String, Value>| suggest(claims, wanted.ask);
    let job = job_in_words(identity);
    let way = |intent: String, only_if_meant: bool, edits: Vec<Edit>| Way {
        intent,
        only_if_meant,
        edits,
    };
    let intent = match unwanted {
        Some(kind) => format!("{} should be let in too", kind.jobs()),
        None => format!("{job} should be let in too"),
    };
    let plain = || {
        let made = entry(identity.claims)?;
        Ok(way(intent.clone(), unwanted.is_some(), vec![Edit::Add(Box::new(made))]))
    };
    let Some(other) = unwanted::other_service(identity.claims) else { return vec![plain()] };
    let mut found = Vec::new();
    let audience = wanted.organization.map(urn::organization);
    let can_ask = |own: &String| !is_asked_for && can_ask(identity, own, wanted.organization);
    if let Some(audience) = audience.filter(can_ask) {
        let mut claims = identity.claims.clone();
        claims.insert("aud".to_owned(), audience.clone().into());
        found.push(entry(&claims).map(|made| {
            let token = Steered {
                claim: "aud".to_owned(),
                value: audience,
                job: String::new(),
                pasted: None,
            };
            let edits = vec![Edit::Token(token), Edit::Add(Box::new(made))];
            way(intent, unwanted.is_some(), edits)
        }));
    }
    // Every service of the owner's gets the platform's own audience.
    let is_default = |one: &String| crate::platform::default_audience(one).is_some();
    if !unwanted::audiences(identity.claims).iter().any(is_default)
        || found.is_empty() && !is_asked_for
    {
        found.push(entry(identity.claims).map(|made| {
            let intent = format!("{} should be let in", other.jobs());
            way(intent, true, vec![Edit::Add(Box::new(made))])
        }));
    }
    found
}

/// A token of Pulumi's audience for this organization is right as it is, and a pull request's job
/// should rather run elsewhere.
fn prefer(identity: Identity, failing: &[Failing], wanted: &Wanted, ways: &mut [Way]) {
    let own = wanted.organization.map(urn::organization);
    let has_own = own.is_some_and(|own| unwanted::audiences(identity.claims).contains(&own));
    let asks_for_audience = |way: &Way| {
        way.edits.iter().any(|edit| matches!(edit, Edit::Token(steered) if steered.claim == "aud"))
    };
    let about_audience = failing.iter().any(|rule| rule.claim == "aud");
    ways.sort_by_key(|way| {
        (way.only_if_meant, about_audience && has_own && asks_for_audience(way))
    });
}

/// What the job is, for "… should be let in too".
pub(crate) fn job_in_words(identity: Identity) -> String {
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

    /// The intents of the ways for a token and an entry with these rules, of which these fail.
    fn intents(claims: &Value, rules: &Value, failing: &[&str]) -> Vec<(String, bool)> {
        let claims = claims.as_object().unwrap();
        let entry = json!({"policies": [{"decision": "allow", "tokenType": "organization",
            "rules": rules}]});
        let parsed = document::parse(&entry.to_string()).unwrap();
        let entry = &parsed.issuers[0].policies.as_ref().unwrap()[0];
        let failing: Vec<Failing> = failing
            .iter()
            .map(|claim| Failing { claim, pattern: rules[*claim].as_str().unwrap() })
            .collect();
        let wanted = Wanted { ask: &Ask::default(), organization: Some("acme") };
        let issuer = claims["iss"].as_str().unwrap();
        let work = &mut Work::unlimited();
        let (found, _) = ways(Identity { issuer, claims }, 0, entry, &failing, &wanted, work);
        found.into_iter().map(|way| (way.intent, way.only_if_meant)).collect()
    }

    fn github(audience: &str, context: &str, protected: &str) -> Value {
        json!({"iss": GITHUB, "aud": audience, "sub": format!("repo:acme/web:{context}"),
            "ref": "refs/heads/dev", "ref_protected": protected})
    }

    #[test]
    fn unwanted_side_is_named_last() {
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
    fn plan_never_widens_the_rule_for_apply() {
        let workspace = "organization:acme:project:p:workspace:w:run_phase:";
        let claims = json!({"iss": "https://app.terraform.io", "aud": "urn:pulumi:org:acme",
            "sub": format!("{workspace}plan"), "terraform_run_phase": "plan"});
        let rules = json!({"sub": format!("{workspace}apply")});
        let found = intents(&claims, &rules, &["sub"]);
        assert_eq!(found[0], ("the job should run in the apply phase".to_owned(), false));
        assert_eq!(found[1], ("speculative plans should be let in too".to_owned(), true));
    }
}
