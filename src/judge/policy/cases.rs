//! Runs regression tests of a policy.

use serde_json::Value;

use crate::policy::document::cases::Case;
use crate::policy::evaluate::{Evaluation, PolicyOutcome, evaluate_registration};
use crate::policy::{Decision, Document, Registration};
use crate::report::cases::CaseResult;
use crate::text::list;

#[must_use]
pub fn cases(document: &Document, cases: &[Case], organization: Option<&str>) -> Vec<CaseResult> {
    cases
        .iter()
        .map(|case| {
            let (decision, why) = decide(document, case, organization);
            CaseResult {
                name: case.name.clone(),
                line: case.line,
                expected: case.expect,
                decision,
                why,
            }
        })
        .collect()
}

fn decide(
    document: &Document,
    case: &Case,
    organization: Option<&str>,
) -> (Option<Decision>, String) {
    let issuer = case.claims.get("iss").and_then(Value::as_str);
    let found: Vec<&Registration> = match issuer {
        _ if !document.names_issuers() => document.issuers.first().into_iter().collect(),
        None => return (Some(Decision::Deny), "the claims have no iss".to_owned()),
        Some(issuer) => match document.registrations_of(issuer, organization) {
            all if !all.is_empty() => all,
            _ => document.deciding_registration(issuer, organization).into_iter().collect(),
        },
    };
    if found.is_empty() {
        return match issuer {
            Some(issuer) if document.may_register(issuer) => {
                (None, "a registration has a URL that the document leaves open".to_owned())
            }
            _ => (Some(Decision::Deny), "the issuer is not registered".to_owned()),
        };
    }
    let mut decided = found.iter().map(|registration| {
        match evaluate_registration(registration, &case.claims, &case.ask) {
            Some(evaluation) => (evaluation.decision(), reason(&evaluation)),
            None => (None, "the document does not tell the issuer's policies".to_owned()),
        }
    });
    let Some(first) = decided.next() else { return (None, String::new()) };
    match decided.all(|(decision, _)| decision == first.0) {
        true => first,
        false => (None, "two registrations of this issuer disagree".to_owned()),
    }
}

/// The reason for a decision. Counts policies from 1.
fn reason(evaluation: &Evaluation) -> String {
    let policy = |index: usize| format!("policy {}", index + 1);
    match evaluation.outcome {
        PolicyOutcome::Allowed { entry } => format!("{} allows it", policy(entry)),
        PolicyOutcome::Denied { entry } => format!("{} denies it", policy(entry)),
        PolicyOutcome::NoAllowEntry => "there is no allow policy".to_owned(),
        PolicyOutcome::TokenType => "no allow policy is for this token type".to_owned(),
        PolicyOutcome::Team => "no allow policy is for this team".to_owned(),
        PolicyOutcome::User => "no allow policy is for this user".to_owned(),
        PolicyOutcome::Runner => "no allow policy is for this runner".to_owned(),
        PolicyOutcome::Admin { entry } => format!("{} does not grant admin", policy(entry)),
        PolicyOutcome::Rules { entry } => {
            let rules = evaluation.entries.get(entry).map(|entry| entry.rules.as_slice());
            let failing = rules.unwrap_or_default().iter().filter(|rule| !rule.matched);
            let failing: Vec<String> = failing.map(|rule| rule.claim.clone()).collect();
            let verb = if failing.len() == 1 { "differs" } else { "differ" };
            format!("{} comes closest: {} {verb}", policy(entry), list(&failing))
        }
        PolicyOutcome::Undetermined => {
            "what the document leaves open could decide either way".to_owned()
        }
    }
}
