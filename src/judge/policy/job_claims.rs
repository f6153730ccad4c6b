//! Finds claims that identify a job when its subject cannot be a rule.
//!
//! Only documented claims that stay the same from run to run qualify (not `run_id`, `sha` or
//! `jti`). Entra has none: `tid`, `azp` and `oid` are the same for every service connection of a
//! tenant.

use serde_json::{Map, Value};

use super::suggest::{NoSafeRule, claim_text, suggest};
use crate::platform::{ALL, JobClaims};
use crate::policy::RequestedToken;
use crate::policy::claim_path::ClaimPath;
use crate::policy::rule_pattern::{RefusedValue, RulePattern, Unsafe};
use crate::text::{clip, list};

/// Claims of this token whose values can be rules.
#[derive(Debug, PartialEq, Eq)]
enum IdentifyingClaims {
    /// They identify the job as narrowly as its subject does.
    Job(Vec<&'static str>),
    /// They identify only a part of it, such as its repository.
    Part(Vec<&'static str>),
    Nothing,
}

fn identifying_claims(claims: &Map<String, Value>, refused: &str) -> IdentifyingClaims {
    // The ref of a pull request is only valid for that pull request.
    let is_stable = |text: &str| !text.contains("refs/pull/");
    let usable = |path: &&str| {
        **path != *refused
            && claim_text(claims, path)
                .is_some_and(|text| is_stable(&text) && RulePattern::of_value(path, &text).is_ok())
    };
    // `suggest` fails if the rules need the refused claim too (CircleCI's branch is not in its
    // subject).
    if refused != "sub" && suggest(claims, &RequestedToken::default()).is_ok() {
        return IdentifyingClaims::Job(vec!["sub"]);
    }
    let has_marks = |job: &&JobClaims| {
        job.marks
            .iter()
            .all(|path| ClaimPath::parse(path).is_ok_and(|path| path.lookup(claims).is_some()))
    };
    let mut known = ALL.iter().filter_map(|platform| platform.claims.job.as_ref());
    let Some(job) = known.find(has_marks) else { return IdentifyingClaims::Nothing };
    let mut ways = job.ways.iter().filter(|way| (way.applies)(claims));
    if let Some(way) = ways.find(|way| way.claims.iter().all(&usable)) {
        return IdentifyingClaims::Job(way.claims.to_vec());
    }
    let parts: Vec<&str> = job.parts.iter().copied().filter(usable).collect();
    if parts.is_empty() { IdentifyingClaims::Nothing } else { IdentifyingClaims::Part(parts) }
}

/// What to do instead if a value cannot be a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// One sentence.
    pub summary: String,
    /// Says which other claims of the token identify the job, or that none does.
    pub claims: String,
}

/// Explains on one line why no rule can be written, and which claims identify the job instead.
#[must_use]
pub fn explain_no_safe_rule(none: &NoSafeRule, claims: &Map<String, Value>) -> String {
    let mut message = "no safe rule can be written for this token.".to_owned();
    for refused in &none.refused {
        let instead = alternative_to(claims, refused);
        message.push_str(&format!(" {refused} {} {}", instead.claims, instead.summary));
    }
    message
}

/// The alternative to a rule with this value of the token.
#[must_use]
pub fn alternative_to(claims: &Map<String, Value>, refused: &RefusedValue) -> Alternative {
    let RefusedValue { claim, .. } = refused;
    let without = refused.what_to_avoid();
    match claim.as_str() {
        "aud" => {
            return Alternative {
                summary: format!("Request the token for an audience {without}."),
                claims: "No other claim can replace the audience. Pulumi's usual audience is \
                         urn:pulumi:org:ORG."
                    .to_owned(),
            };
        }
        "iss" => {
            return Alternative {
                summary: "Use an issuer whose URL holds no wildcard.".to_owned(),
                claims: "No other claim can replace the issuer.".to_owned(),
            };
        }
        "teamName" | "userLogin" | "runnerID" => {
            return Alternative {
                summary: format!("Name the {} that the login asks for.", entry_key_noun(claim)),
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
            .filter_map(|path| Some(format!("{path} ({})", clip(&claim_text(claims, path)?, 100))));
        list(&each.collect::<Vec<_>>())
    };
    match identifying_claims(claims, claim) {
        IdentifyingClaims::Job(paths) => {
            let names: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            let narrow = if claim == "sub" { " as narrowly as sub would" } else { "" };
            Alternative {
                summary: format!("Identify the job by {}, not by {claim}.", list(&names)),
                claims: format!(
                    "{} can identify this job{narrow}. Write rules on {}, beside aud.",
                    values(&paths),
                    if paths.len() == 1 { "this claim" } else { "all of these claims" }
                ),
            }
        }
        IdentifyingClaims::Part(paths) => Alternative {
            summary: format!("{change}."),
            claims: format!(
                "No other claims identify this job as narrowly. {} can identify only a part of it: \
                 a rule on this part also lets in other jobs.",
                values(&paths)
            ),
        },
        IdentifyingClaims::Nothing => Alternative {
            summary: format!("{change}."),
            claims: "No other claim of this token is known to identify the job.".to_owned(),
        },
    }
}

/// The noun for a key of an entry.
fn entry_key_noun(key: &str) -> &'static str {
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

    fn identifying(claims: Value) -> IdentifyingClaims {
        identifying_claims(claims.as_object().unwrap(), "sub")
    }

    #[test]
    fn github_jobs_are_identified_by_ids() {
        let base = |more: Value| {
            let mut all = json!({"repository_id": "74", "repository_owner": "acme"});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        let main = json!({"ref": "refs/heads/main"});
        assert_eq!(identifying(base(main)), IdentifyingClaims::Job(vec!["repository_id", "ref"]));
        let environment =
            json!({"ref": "refs/heads/main", "environment": "*", "environment_node_id": "EN_1"});
        let both = vec!["repository_id", "environment_node_id"];
        assert_eq!(identifying(base(environment)), IdentifyingClaims::Job(both));
        // The branch does not replace the environment.
        let environment = json!({"ref": "refs/heads/main", "environment": "*"});
        assert_eq!(identifying(base(environment)), IdentifyingClaims::Part(vec!["repository_id"]));
        let pull = json!({"ref": "refs/pull/3/merge", "event_name": "pull_request"});
        assert_eq!(identifying(base(pull)), IdentifyingClaims::Part(vec!["repository_id"]));
        let queue = json!({"ref": "refs/heads/gh-readonly-queue/main/pr-1-c0ffee"});
        assert!(matches!(identifying(base(queue)), IdentifyingClaims::Part(_)));
    }

    #[test]
    fn unsafe_values_do_not_identify() {
        let claims = json!({"repository_id": "7?", "repository_owner": "*", "ref": "refs/heads/*"});
        assert_eq!(identifying(claims), IdentifyingClaims::Nothing);
        assert_eq!(identifying(json!({"repository_id": 1})), IdentifyingClaims::Nothing);
        assert_eq!(
            identifying(json!({"oid": "x", "tid": "y", "azp": "z"})),
            IdentifyingClaims::Nothing
        );
    }

    #[test]
    fn safe_subject_identifies_job() {
        let claims = json!({"sub": "job:web", "workflow": "*"});
        assert_eq!(
            identifying_claims(claims.as_object().unwrap(), "workflow"),
            IdentifyingClaims::Job(vec!["sub"])
        );
        let both = json!({"sub": "*", "workflow": "*"});
        assert_eq!(
            identifying_claims(both.as_object().unwrap(), "workflow"),
            IdentifyingClaims::Nothing
        );
    }
}
