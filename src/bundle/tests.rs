#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::policy::claim_path::ClaimPath;

/// A bundle with a GitHub token that the policy denies.
const STORED_BUNDLE: &str = include_str!("../../fixtures/bundles/v1/github-subject-mismatch.json");

fn stored_bundle() -> Bundle {
    read(STORED_BUNDLE).unwrap()
}

/// The stored bundle with these claims added and this pattern for `sub`.
fn bundle_with(claims: &serde_json::Value, pattern: &str) -> Bundle {
    let mut bundle = stored_bundle();
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

/// The root cause and all codes, sorted: their order follows severity, which may depend on a name.
fn sorted_codes(report: &Report) -> RecordedCodes {
    let mut codes = RecordedCodes::from_report(report);
    codes.codes.sort_unstable();
    codes
}

/// Which entries apply to the request, and which of their rules match.
fn matches(report: &Report) -> Vec<(bool, Vec<(bool, bool)>)> {
    let entries = report.policy.entries.iter().map(|entry| {
        let rules = entry.rules.iter().map(|rule| (rule.matched, rule.undetermined));
        (entry.applies, rules.collect())
    });
    entries.collect()
}

#[test]
fn wildcard_in_public_word_still_matches() {
    let bundle =
        bundle_with(&json!({"sub": "repo:acme/web:pull_request"}), "repo:acme/web:*request");
    let redacted = read(&bundle.write(true).unwrap()).unwrap();
    assert_eq!(sorted_codes(&report(&redacted)), sorted_codes(&report(&bundle)));
    assert_eq!(matches(&report(&redacted)), matches(&report(&bundle)));
}

/// The recorded codes differ from the replay's if the codes depend on names.
#[test]
fn replay_shows_other_recorded_codes() {
    let written = stored_bundle().write(true).unwrap();
    assert_eq!(read(&written).unwrap().judge(false).changed_codes(), None);
    let mut bundle = read(&written).unwrap();
    let recorded = bundle.recorded.as_mut().unwrap();
    assert_eq!(recorded.root_cause.as_deref(), Some("subject-mismatch"));
    recorded.codes.push("policy-denied".to_owned());
    let report = bundle.judge(false);
    assert_eq!(report.changed_codes().unwrap().codes.last().unwrap(), "policy-denied");
    // A bundle that is written again keeps the recorded codes.
    let again = read(&bundle.write(true).unwrap()).unwrap();
    assert_eq!(again.recorded, bundle.recorded);
    // An old bundle has no recorded codes.
    assert_eq!(stored_bundle().judge(false).recorded, None);
}

#[test]
fn claims_of_suggested_policies_are_kept() {
    for path in
        crate::platform::subject::id_claims().chain(crate::judge::policy::job_claims::paths())
    {
        let path = ClaimPath::parse(path).unwrap();
        assert!(redact::public::is_public_claim(path.keys()), "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A replay has the findings of the run; with names replaced, its codes and its matches.
    #[test]
    fn replay_agrees_with_run(
        owner in "[a-z]{1,9}(-[a-z]{1,5})?", repository in "[a-zA-Z]{2,9}", branch in "[a-z0-9]{1,12}",
        (from, to) in (5..20usize, 0..6usize), wildcard in "[*?]", name in "[a-z.\"]{1,8}",
        other in prop_oneof![Just(json!(null)), Just(json!(["a"])), Just(json!({"x": 1.1})), Just(json!("b"))],
    ) {
        let subject = format!("repo:{owner}/{repository}:ref:refs/heads/{branch}");
        let to = if wildcard == "?" { 1 } else { to };
        let mut pattern: Vec<char> = subject.chars().collect();
        // The wildcard replaces part of the names only, not the text around them.
        let names = 5..6 + owner.len() + repository.len();
        let (from, to) = (from.min(names.end - 1), (from + to).min(names.end));
        if from < to {
            pattern.splice(from..to, wildcard.chars());
        }
        let pattern: String = pattern.into_iter().collect();
        let bundle = bundle_with(&json!({"sub": subject, name: other}), &pattern);
        let original = report(&bundle);

        let again = read(&bundle.write(false).unwrap()).unwrap();
        prop_assert_eq!(findings(&report(&again)), findings(&original));

        let redacted = bundle.write(true).unwrap();
        let replayed = report(&read(&redacted).unwrap());
        prop_assert_eq!(sorted_codes(&replayed), sorted_codes(&original), "{}", pattern);
        prop_assert_eq!(matches(&replayed), matches(&original), "{}", pattern);
    }

    #[test]
    fn reading_never_panics(text in "\\PC{0,80}", at in 0..STORED_BUNDLE.len(), byte in "\\PC") {
        let _ = read(&text);
        if STORED_BUNDLE.is_char_boundary(at) {
            let (head, tail) = STORED_BUNDLE.split_at(at);
            let _ = read(&format!("{head}{byte}{tail}"));
        }
    }
}
