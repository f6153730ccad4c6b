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

/// The root cause and all codes. Their order follows severity, which may rest on a name.
fn codes(report: &Report) -> RecordedCodes {
    let mut codes = RecordedCodes::from_report(report);
    codes.codes.sort_unstable();
    codes
}

/// Which entries are for the request, and which of their rules match.
fn matches(report: &Report) -> Vec<(bool, Vec<(bool, bool)>)> {
    let entries = report.policy.entries.iter().map(|entry| {
        let rules = entry.rules.iter().map(|rule| (rule.matched, rule.undetermined));
        (entry.applies, rules.collect())
    });
    entries.collect()
}

#[test]
fn wildcard_in_a_public_word_still_matches() {
    let bundle = bundle(&json!({"sub": "repo:acme/web:pull_request"}), "repo:acme/web:*request");
    let other = read(&bundle.write(true).unwrap()).unwrap();
    assert_eq!(codes(&report(&other)), codes(&report(&bundle)));
    assert_eq!(matches(&report(&other)), matches(&report(&bundle)));
}

/// A bundle whose codes depend on its names: a person edited it, or another version wrote it.
#[test]
fn replay_tells_recorded_codes() {
    let written = kept().write(true).unwrap();
    assert_eq!(read(&written).unwrap().judge(false).changed_codes(), None);
    let mut bundle = read(&written).unwrap();
    let recorded = bundle.recorded.as_mut().unwrap();
    assert_eq!(recorded.root_cause.as_deref(), Some("subject-mismatch"));
    recorded.codes.push("policy-denied".to_owned());
    let report = bundle.judge(false);
    assert_eq!(report.changed_codes().unwrap().codes.last().unwrap(), "policy-denied");
    // What is written of it again keeps them.
    let again = read(&bundle.write(true).unwrap()).unwrap();
    assert_eq!(again.recorded, bundle.recorded);
    // An old bundle has none.
    assert_eq!(kept().judge(false).recorded, None);
}

#[test]
fn claims_of_suggested_policies_are_kept() {
    for path in
        crate::platform::subject::id_claims().chain(crate::judge::policy::job_claims::paths())
    {
        let path = ClaimPath::parse(path).unwrap();
        assert!(crate::bundle::redact::public::is_claim(path.keys(), true), "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The findings of a replay are those of the run; with other names, the codes and what matched.
    #[test]
    fn replay_finds_the_same(
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

        let redacted = bundle.write(true).unwrap();
        let other = report(&read(&redacted).unwrap());
        prop_assert_eq!(codes(&other), codes(&original), "{}", pattern);
        prop_assert_eq!(matches(&other), matches(&original), "{}", pattern);
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
