//! Which claims identify a job when its subject cannot be a rule.
//!
//! The claims are those that the platforms document for their tokens and that stay the same from
//! run to run (not `run_id`, `sha` or `jti`). Entra has none: `tid`, `azp` and `oid` are the same
//! for every service connection of a tenant.

use serde_json::{Map, Value};

use super::suggest::{NoSafeRule, suggest, text_at};
use crate::platform::{ALL, JobClaims};
use crate::policy::Ask;
use crate::policy::claim_path::ClaimPath;
use crate::policy::rule_pattern::{RefusedValue, RulePattern, Unsafe};
use crate::text::{clip, list};

/// Claims of this token with values that can be rules.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// They identify the job as narrowly as its subject does.
    Job(Vec<&'static str>),
    /// They identify only a part of it, such as its repository.
    Part(Vec<&'static str>),
    /// There are none.
    Nothing,
}

fn find(claims: &Map<String, Value>, refused: &str) -> Found {
    // The ref of a pull request is another one for the next.
    let lasts = |text: &str| !text.contains("refs/pull/");
    let usable = |path: &&str| {
        **path != *refused
            && text_at(claims, path)
                .is_some_and(|text| lasts(&text) && RulePattern::of_value(path, &text).is_ok())
    };
    // Where the subject leaves something out (CircleCI's branch), the refused claim is needed too.
    if refused != "sub" && suggest(claims, &Ask::default()).is_ok() {
        return Found::Job(vec!["sub"]);
    }
    let has_marks = |job: &&JobClaims| {
        job.marks
            .iter()
            .all(|path| ClaimPath::parse(path).is_ok_and(|path| path.lookup(claims).is_some()))
    };
    let mut known = ALL.iter().filter_map(|platform| platform.claims.job.as_ref());
    let Some(job) = known.find(has_marks) else { return Found::Nothing };
    let mut ways = job.ways.iter().filter(|way| (way.applies)(claims));
    if let Some(way) = ways.find(|way| way.claims.iter().all(&usable)) {
        return Found::Job(way.claims.to_vec());
    }
    let parts: Vec<&str> = job.parts.iter().copied().filter(usable).collect();
    if parts.is_empty() { Found::Nothing } else { Found::Part(parts) }
}

/// What to do where a value cannot be a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// In one sentence.
    pub summary: String,
    /// Which other claims of the token identify the job, or that none does.
    pub claims: String,
}

/// Why no rule can be written, and which claims of the token identify the job instead: on one line.
#[must_use]
pub fn no_safe_rule(none: &NoSafeRule, claims: &Map<String, Value>) -> String {
    let mut message = "no safe rule can be written for this token.".to_owned();
    for refused in &none.refused {
        let instead = instead(claims, refused);
        message.push_str(&format!(" {refused} {} {}", instead.claims, instead.summary));
    }
    message
}

/// What to do instead of making a rule from this value of the token.
#[must_use]
pub fn instead(claims: &Map<String, Value>, refused: &RefusedValue) -> Instead {
    let RefusedValue { claim, .. } = refused;
    let without = refused.what_to_avoid();
    match claim.as_str() {
        "aud" => {
            return Instead {
                summary: format!("Request the token for an audience {without}."),
                claims: "No other claim can replace the audience. Pulumi's usual audience is \
                         urn:pulumi:org:ORG."
                    .to_owned(),
            };
        }
        "iss" => {
            return Instead {
                summary: "Use an issuer whose URL holds no wildcard.".to_owned(),
                claims: "No other claim can replace the issuer.".to_owned(),
            };
        }
        "teamName" | "userLogin" | "runnerID" => {
            return Instead {
                summary: format!("Name the {} that the login asks for.", asked_for(claim)),
                claims: "No claim can replace what the login asks for.".to_owned(),
            };
        }
        _ => {}
    }
    let change = match refused.why {
        Unsafe::Missing => format!("Give the token one value for {claim}"),
        Unsafe::NotInBundle => format!("Read the value of {claim} in the token itself"),
        _ => format!("Change what {claim} is made from, to a value {without}"),
    };
    let values = |paths: &[&'static str]| {
        let each = paths
            .iter()
            .filter_map(|path| Some(format!("{path} ({})", clip(&text_at(claims, path)?, 100))));
        list(&each.collect::<Vec<_>>())
    };
    match find(claims, claim) {
        Found::Job(paths) => {
            let names: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            let narrow = if claim == "sub" { " as narrowly as sub would" } else { "" };
            Instead {
                summary: format!("Identify the job by {}, not by {claim}.", list(&names)),
                claims: format!(
                    "{} can identify this job{narrow}. Write rules on {}, beside aud.",
                    values(&paths),
                    if paths.len() == 1 { "this claim" } else { "all of these claims" }
                ),
            }
        }
        Found::Part(paths) => Instead {
            summary: format!("{change}."),
            claims: format!(
                "No other claims identify this job as narrowly. {} can identify only a part of it: \
                 a rule on this part also lets in other jobs.",
                values(&paths)
            ),
        },
        Found::Nothing => Instead {
            summary: format!("{change}."),
            claims: "No other claim of this token is known to identify the job.".to_owned(),
        },
    }
}

/// What a key of an entry names.
fn asked_for(key: &str) -> &'static str {
    match key {
        "teamName" => "team",
        "userLogin" => "user",
        _ => "runner",
    }
}

/// The paths of the claims that identify jobs.
#[cfg(test)]
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    let known = ALL.iter().filter_map(|platform| platform.claims.job.as_ref());
    known.flat_map(|job| job.ways.iter().flat_map(|way| way.claims).chain(job.parts).copied())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn found(claims: Value) -> Found {
        find(claims.as_object().unwrap(), "sub")
    }

    #[test]
    fn github_jobs_are_identified_by_ids() {
        let base = |more: Value| {
            let mut all = json!({"repository_id": "74", "repository_owner": "acme"});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        let main = json!({"ref": "refs/heads/main"});
        assert_eq!(found(base(main)), Found::Job(vec!["repository_id", "ref"]));
        let environment =
            json!({"ref": "refs/heads/main", "environment": "*", "environment_node_id": "EN_1"});
        let both = vec!["repository_id", "environment_node_id"];
        assert_eq!(found(base(environment)), Found::Job(both));
        // The branch does not replace the environment.
        let environment = json!({"ref": "refs/heads/main", "environment": "*"});
        assert_eq!(found(base(environment)), Found::Part(vec!["repository_id"]));
        let pull = json!({"ref": "refs/pull/3/merge", "event_name": "pull_request"});
        assert_eq!(found(base(pull)), Found::Part(vec!["repository_id"]));
        let queue = json!({"ref": "refs/heads/gh-readonly-queue/main/pr-1-c0ffee"});
        assert!(matches!(found(base(queue)), Found::Part(_)));
    }

    #[test]
    fn unsafe_values_do_not_identify() {
        let claims = json!({"repository_id": "7?", "repository_owner": "*", "ref": "refs/heads/*"});
        assert_eq!(found(claims), Found::Nothing);
        assert_eq!(found(json!({"repository_id": 1})), Found::Nothing);
        assert_eq!(found(json!({"oid": "x", "tid": "y", "azp": "z"})), Found::Nothing);
    }

    #[test]
    fn a_safe_subject_identifies_the_job() {
        let claims = json!({"sub": "job:web", "workflow": "*"});
        assert_eq!(find(claims.as_object().unwrap(), "workflow"), Found::Job(vec!["sub"]));
        let both = json!({"sub": "*", "workflow": "*"});
        assert_eq!(find(both.as_object().unwrap(), "workflow"), Found::Nothing);
    }
}
