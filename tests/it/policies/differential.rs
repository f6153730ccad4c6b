//! `doctor policy test` and an independent evaluator ([`crate::reference`]) agree on every decision
//! and every rule of a policy document.

use std::cell::Cell;
use std::time::{Duration, Instant};

use doctor::policy::evaluate::evaluate_registration;
use doctor::policy::{Decision, RequestedToken, document};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{TestRng, TestRunner};
use serde_json::{Map, Value, json};

use crate::policies::properties::{Draft, claims, config, draft, requested_token};
use crate::reference;
use crate::support::Doctor;

/// The number of generated policies for the library and for the built program.
const LIBRARY_CASES: u32 = 30_000;
const PROGRAM_CASES: usize = 150;

fn policies_claims_and_request()
-> impl Strategy<Value = (Vec<Draft>, Map<String, Value>, RequestedToken)> {
    (prop::collection::vec(draft(), 0..6), claims(), requested_token())
}

fn reference_allows(policies: &[Value], claims: &Map<String, Value>, ask: &RequestedToken) -> bool {
    reference::decide(
        policies,
        claims,
        ask.token_type.name(),
        ask.team.as_deref(),
        ask.user.as_deref(),
        ask.runner.as_deref(),
        ask.admin,
    )
}

#[test]
fn library_agrees_with_reference() {
    let (allowed, matched, unmatched) = (Cell::new(0), Cell::new(0), Cell::new(0));
    TestRunner::new(config(LIBRARY_CASES))
        .run(&policies_claims_and_request(), |(drafts, claims, ask)| {
            let policies: Vec<Value> = drafts.iter().map(Draft::json).collect();
            let text = json!({"policies": policies}).to_string();
            let document = document::parse(&text).unwrap();
            let evaluation = evaluate_registration(&document.issuers[0], &claims, &ask).unwrap();
            let is_allowed = evaluation.decision() == Some(Decision::Allow);
            prop_assert_eq!(
                is_allowed,
                reference_allows(&policies, &claims, &ask),
                "{}\n{:?}",
                text,
                claims
            );
            allowed.set(allowed.get() + u32::from(is_allowed));
            for (entry, policy) in evaluation.entries.iter().zip(&policies) {
                for rule in &entry.rules {
                    let pattern = &policy["rules"][&rule.claim];
                    let matches = reference::rule_matches(&claims, &rule.claim, pattern);
                    prop_assert_eq!(
                        rule.matched,
                        matches,
                        "{} {} {:?}",
                        rule.claim,
                        pattern,
                        claims
                    );
                    let count = if matches { &matched } else { &unmatched };
                    count.set(count.get() + 1);
                }
            }
            Ok(())
        })
        .unwrap();
    // Agreement means little if one of the results is rare.
    assert!(allowed.get() > LIBRARY_CASES / 20, "allowed: {} of {LIBRARY_CASES}", allowed.get());
    let (matched, unmatched) = (matched.get(), unmatched.get());
    assert!(
        matched > LIBRARY_CASES / 10 && unmatched > LIBRARY_CASES / 10,
        "{matched} and {unmatched} rules"
    );
}

#[test]
fn program_agrees_with_reference() {
    let rng = TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config(1), rng);
    let mut allowed = 0;
    for _ in 0..PROGRAM_CASES {
        let (drafts, mut claims, ask) =
            policies_claims_and_request().new_tree(&mut runner).unwrap().current();
        claims.insert("iss".to_owned(), json!("https://ci.example"));
        let policies: Vec<Value> = drafts.iter().map(Draft::json).collect();
        let mut doctor = Doctor::bare()
            .args(["policy", "test", "--policy", "p.json", "--oidc-org", "acme"])
            .args(["--format", "json"])
            .file("p.json", json!({"policies": policies}).to_string())
            .arg(Value::Object(claims.clone()).to_string());
        // The command line cannot request an empty name, or a type without a name.
        let names = [&ask.team, &ask.user, &ask.runner];
        if names.iter().any(|name| name.as_deref() == Some(""))
            || ask.token_type.name() != "organization" && names.iter().all(|name| name.is_none())
        {
            continue;
        }
        let scope = match (&ask.team, &ask.user, &ask.runner, ask.admin) {
            (Some(team), ..) => Some(format!("team:{team}")),
            (_, Some(user), ..) => Some(format!("user:{user}")),
            (_, _, Some(runner), _) => Some(format!("runner:{runner}")),
            (.., true) => Some("admin".to_owned()),
            _ => None,
        };
        // Only organization tokens can request admin.
        let asked = RequestedToken { admin: scope.as_deref() == Some("admin"), ..ask };
        if let Some(scope) = scope {
            doctor = doctor.args(["--scope", &scope]);
        }
        let run = doctor.run();
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        let expected = reference_allows(&policies, &claims, &asked);
        assert_eq!(
            run.status,
            i32::from(!expected),
            "{policies:?}\n{claims:?}\n{asked:?}\n{report}"
        );
        assert_eq!(report["policy"]["decision"], if expected { "allow" } else { "deny" });
        for entry in report["policy"]["entries"].as_array().unwrap() {
            let policy = &policies[usize::try_from(entry["index"].as_u64().unwrap()).unwrap()];
            for rule in entry["rules"].as_array().unwrap() {
                let path = rule["claim"].as_str().unwrap();
                let matches = reference::rule_matches(&claims, path, &policy["rules"][path]);
                assert_eq!(rule["matched"], matches, "{rule}");
            }
        }
        allowed += u32::from(expected);
    }
    assert!(allowed >= 5, "allowed: {allowed} of {PROGRAM_CASES}");
}

/// A backtracking matcher would not finish.
#[test]
fn pathological_policies_are_evaluated_in_time() {
    const LENGTH: usize = 1_000;
    let half = LENGTH / 2;
    let patterns = [
        "*a".repeat(half) + "*b",
        "?".repeat(LENGTH) + "b",
        "?a".repeat(half) + "b",
        "a?*.".repeat(LENGTH / 4) + "b",
        ".".repeat(LENGTH - 1) + "b",
        "*".repeat(LENGTH) + "b",
    ];
    let rules = |pattern: &String| {
        json!({"decision": "allow", "tokenType": "organization",
        "rules": {"sub": pattern}})
    };
    let policies: Vec<Value> = patterns.iter().map(rules).collect();
    let document = document::parse(&json!({"policies": policies}).to_string()).unwrap();
    let claims = json!({"sub": "a".repeat(LENGTH)});
    let claims = claims.as_object().unwrap();
    let begun = Instant::now();
    let evaluation =
        evaluate_registration(&document.issuers[0], claims, &RequestedToken::default()).unwrap();
    assert_eq!(evaluation.decision(), Some(Decision::Deny));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}
