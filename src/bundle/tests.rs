#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::policy::claim_path::ClaimPath;

/// A GitHub token that the policy does not let in.
const KEPT: &str = include_str!("../../fixtures/bundles/v1/github-subject-mismatch.json");

fn kept() -> Bundle {
    read(KEPT).unwrap()
}

/// The kept bundle with other claims and another rule on `sub`.
fn bundle(claims: &serde_json::Value, pattern: &str) -> Bundle {
    let mut bundle = kept();
    bundle.evidence.token.as_mut().unwrap().claims.extend(claims.as_object().unwrap().clone());
    if let crate::evidence::PolicySource::File { document, .. } = &mut bundle.evidence.policy {
        let rules = &mut document.issuers[0].policies.as_mut().unwrap()[0].rules;
        rules.iter_mut().find(|rule| rule.claim == "sub").unwrap().pattern = pattern.to_owned();
    }
    bundle
}

fn report(bundle: &Bundle) -> Report {
    judge::judge(&bundle.evidence, false)
}

fn findings(report: &Report) -> String {
    serde_json::to_string(&report.findings).unwrap()
}

#[test]
fn what_can_only_be_told_with_names_is_an_error() {
    // In the token the word is the program's own, and the rule's piece of it is not.
    let bundle = bundle(&json!({"sub": "repo:acme/web:pull_request"}), "repo:acme/web:*request");
    assert!(matches!(bundle.write(true), Err(WriteError::Diagnosis(Cause::Wildcard))));
    assert!(bundle.write(false).is_ok());
}

#[test]
fn a_claim_that_finds_its_way_into_a_suggested_policy_is_kept() {
    for path in
        crate::platform::subject::id_claims().chain(crate::judge::policy::job_claims::paths())
    {
        let path = ClaimPath::parse(path).unwrap();
        assert!(crate::bundle::redact::public::is_claim(path.keys(), true), "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the token says and a rule looks like, the findings are the same, and with other
    /// names the codes and what matched.
    #[test]
    fn a_replay_finds_the_same(
        owner in "[a-z]{1,9}(-[a-z]{1,5})?", repository in "[a-zA-Z]{2,9}", branch in "[a-z0-9]{1,12}",
        (from, to) in (5..20usize, 0..6usize), wildcard in "[*?]", name in "[a-z.\"]{1,8}",
        other in prop_oneof![Just(json!(null)), Just(json!(["a"])), Just(json!({"x": 1.1})), Just(json!("b"))],
    ) {
        let subject = format!("repo:{owner}/{repository}:ref:refs/heads/{branch}");
        let to = if wildcard == "?" { 1 } else { to };
        let mut pattern: Vec<char> = subject.chars().collect();
        // A wildcard in the middle of the names, not of what stands between them.
        let names = 5..6 + owner.len() + repository.len();
        let (from, to) = (from.min(names.end - 1), (from + to).min(names.end));
        if from < to {
            pattern.splice(from..to, wildcard.chars());
        }
        let pattern: String = pattern.into_iter().collect();
        let bundle = bundle(&json!({"sub": subject, name: other}), &pattern);
        let original = report(&bundle);

        let again = read(&bundle.write(false).unwrap()).unwrap();
        prop_assert_eq!(findings(&report(&again)), findings(&original));

        let other = report(&read(&bundle.write(true).unwrap()).unwrap());
        prop_assert!(codes(&other) == codes(&original), "{}", pattern);
        prop_assert!(details(&other) == details(&original), "{}", pattern);
    }

    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,80}", at in 0..KEPT.len(), byte in "\\PC") {
        let _ = read(&text);
        if KEPT.is_char_boundary(at) {
            let (head, tail) = KEPT.split_at(at);
            let _ = read(&format!("{head}{byte}{tail}"));
        }
    }
}
