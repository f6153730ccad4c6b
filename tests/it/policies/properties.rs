//! Property tests of policy matching, compared with the simple evaluator of [`crate::reference`].

use std::cell::Cell;
use std::collections::BTreeMap;

use doctor::policy::claim_path::ClaimPath;
use doctor::policy::evaluate::{Evaluation, PolicyOutcome, evaluate};
use doctor::policy::{Decision, Entry, Place, RequestedToken, Rule, TokenType, pattern};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::reference;

pub fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

/// Patterns of few characters, so that matches are frequent.
fn pattern_text() -> impl Strategy<Value = String> {
    "[ab*?.\u{e9}\u{1f600}]{0,10}"
}

/// Texts of the same characters. Wildcards are ordinary characters in them.
fn plain_text() -> impl Strategy<Value = String> {
    "[ab.?\u{e9}\u{1f600}]{0,10}"
}

/// A pattern and a text that exceed the matcher's blocks of 64 characters.
fn long_pattern_and_text() -> impl Strategy<Value = (String, String)> {
    let piece = prop_oneof![
        4 => "[ab]{1,40}".prop_map(|text| (text.clone(), text)),
        1 => "[ab]{0,70}".prop_map(|text| ("*".to_owned(), text)),
        1 => "[ab]{0,3}".prop_map(|text| ("???".to_owned(), text)),
        1 => "[ab]{2}".prop_map(|text| ("..".to_owned(), text)),
        1 => Just(("a".to_owned(), "b".to_owned())),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.into_iter().unzip())
}

proptest! {
    #![proptest_config(config(5000))]

    #[test]
    fn patterns_match_like_reference(pattern in pattern_text(), text in plain_text()) {
        prop_assert_eq!(
            pattern::matches(&pattern, &text),
            reference::pattern_matches(&pattern, &text)
        );
    }

    #[test]
    fn distance_is_zero_on_match(pattern in pattern_text(), text in plain_text()) {
        let distance = pattern::distance(&pattern, &text);
        prop_assert_eq!(distance == 0, reference::pattern_matches(&pattern, &text));
        prop_assert!(distance <= pattern.chars().count().max(text.chars().count()));
    }

    /// One edit of the text changes the distance by at most one, and some edit reduces it.
    #[test]
    fn distance_is_counted_in_edits(pattern in pattern_text(), text in plain_text()) {
        let distance = pattern::distance(&pattern, &text);
        let chars: Vec<char> = text.chars().collect();
        let alphabet = "ab*?.\u{e9}\u{1f600}";
        let mut closest = usize::MAX;
        for at in 0..=chars.len() {
            let (before, after) = chars.split_at(at);
            let mut edited: Vec<Vec<char>> =
                alphabet.chars().map(|c| [before, &[c], after].concat()).collect();
            if let Some((_, rest)) = after.split_first() {
                edited.push([before, rest].concat());
                edited.extend(alphabet.chars().map(|c| [before, &[c], rest].concat()));
            }
            for text in edited {
                let other = pattern::distance(&pattern, &text.iter().collect::<String>());
                prop_assert!(other.abs_diff(distance) <= 1);
                closest = closest.min(other);
            }
        }
        if distance > 0 {
            prop_assert_eq!(closest, distance - 1);
        }
    }

    #[test]
    fn divergence_is_longest_matchable_prefix(
        pattern in pattern_text(),
        text in plain_text(),
    ) {
        // A prefix of the text can be completed if and only if a prefix of the pattern matches it,
        // because the rest of a pattern always matches some text.
        let chars: Vec<char> = text.chars().collect();
        let elements: Vec<char> = pattern.chars().collect();
        let longest = (0..=chars.len())
            .rev()
            .find(|length| {
                let beginning: String = chars[..*length].iter().collect();
                (0..=elements.len()).any(|n| {
                    reference::pattern_matches(&elements[..n].iter().collect::<String>(), &beginning)
                })
            })
            .unwrap();
        prop_assert_eq!(pattern::divergence(&pattern, &text), longest);
    }

    /// With the surprising wildcards replaced by what they matched, the pattern still matches and
    /// has no surprises.
    #[test]
    fn surprises_explain_the_match(pattern in pattern_text(), text in plain_text()) {
        let surprises = pattern::surprises(&pattern, &text);
        if !reference::pattern_matches(&pattern, &text) {
            prop_assert!(surprises.is_empty());
            return Ok(());
        }
        let mut plain: Vec<String> = pattern.chars().map(String::from).collect();
        for surprise in &surprises {
            prop_assert!(matches!(surprise.wildcard, '.' | '?'));
            prop_assert_eq!(&plain[surprise.position], &surprise.wildcard.to_string());
            prop_assert_ne!(surprise.stood_for, Some(surprise.wildcard));
            plain[surprise.position] = surprise.stood_for.map(String::from).unwrap_or_default();
        }
        // A wildcard that matched `.` or `?` would be replaced by another wildcard.
        if surprises.iter().all(|s| !matches!(s.stood_for, Some('.' | '?'))) {
            let plain = plain.concat();
            prop_assert!(reference::pattern_matches(&plain, &text));
            prop_assert!(pattern::surprises(&plain, &text).is_empty());
        }
    }
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn long_patterns_match_like_reference((pattern, text) in long_pattern_and_text()) {
        prop_assert_eq!(
            pattern::matches(&pattern, &text),
            reference::pattern_matches(&pattern, &text)
        );
    }

    #[test]
    fn claim_paths_round_trip(path in "[a\".k\u{e9} ]{0,12}") {
        if let Ok(read) = ClaimPath::parse(&path) {
            prop_assert_eq!(ClaimPath::parse(&read.to_string()), Ok(read));
        }
    }
}

/// A matcher that backtracks or keeps a table would need minutes or more.
#[test]
fn pathological_patterns_finish() {
    let text = "a".repeat(10_000);
    assert!(!pattern::matches(&format!("{}b", "*a".repeat(5_000)), &text));
    assert!(pattern::matches(&"*a".repeat(5_000), &text));
    assert!(!pattern::matches(&"*a".repeat(10_001), &text));
    assert!(pattern::matches(&"?".repeat(10_000), &text));
    assert!(!pattern::matches(&"?".repeat(9_999), &text));
    assert!(!pattern::matches(&format!("{}b", "?a".repeat(10_000)), &text));
    assert!(pattern::matches(&"*?".repeat(10_000), &text));
    assert_eq!(pattern::distance(&format!("{}b", "?".repeat(9_000)), &text), 999);
    assert_eq!(pattern::divergence(&format!("{}b", "*a".repeat(5_000)), &text), 10_000);
    assert!(pattern::surprises(&".".repeat(10_000), &text).is_empty());
}

// ------------------------------------------------------------------------------- evaluation

/// A generated policy entry, as input for both evaluators.
#[derive(Debug, Clone)]
pub struct Draft {
    decision: Decision,
    token_type: TokenType,
    name: Option<String>,
    admin: bool,
    rules: BTreeMap<String, String>,
}

impl Draft {
    fn entry(&self) -> Entry {
        let named = |token_type| self.name.clone().filter(|_| self.token_type == token_type);
        Entry {
            decision: self.decision,
            token_type: self.token_type,
            team_name: named(TokenType::Team),
            user_login: named(TokenType::Personal),
            runner_id: named(TokenType::Runner),
            role_id: None,
            authorized_permissions: if self.admin { vec!["admin".into()] } else { Vec::new() },
            rules: self
                .rules
                .iter()
                .map(|(claim, pattern)| Rule {
                    claim: claim.clone(),
                    pattern: pattern.clone(),
                    undetermined: false,
                    compared: None,
                    place: Place::default(),
                })
                .collect(),
            place: Place::default(),
        }
    }

    pub fn json(&self) -> Value {
        let (token_type, key) = match self.token_type {
            TokenType::Organization => ("organization", "roleID"),
            TokenType::Team => ("team", "teamName"),
            TokenType::Personal => ("personal", "userLogin"),
            TokenType::Runner => ("runner", "runnerID"),
        };
        let permissions: &[&str] = if self.admin { &["admin"] } else { &[] };
        let mut entry = json!({
            "decision": if self.decision == Decision::Allow { "allow" } else { "deny" },
            "tokenType": token_type,
            "authorizedPermissions": permissions,
            "rules": self.rules,
        });
        if let Some(name) = &self.name {
            entry[key] = json!(name);
        }
        entry
    }
}

fn token_type() -> impl Strategy<Value = TokenType> {
    prop_oneof![
        4 => Just(TokenType::Organization),
        2 => Just(TokenType::Team),
        1 => Just(TokenType::Personal),
        1 => Just(TokenType::Runner),
    ]
}

fn optional_name() -> impl Strategy<Value = Option<String>> {
    select(vec![None, Some("a"), Some("ab"), Some("a*"), Some("?"), Some("")])
        .prop_map(|name| name.map(String::from))
}

/// Claims of every JSON type, nested and with dots in their keys.
pub fn claims() -> impl Strategy<Value = Map<String, Value>> {
    let scalar = prop_oneof![
        4 => "[ab.]{0,3}".prop_map(Value::from),
        1 => (-1i64..12).prop_map(Value::from),
        1 => select(vec![json!(1.5), json!(1e300), json!(u64::MAX)]),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    let value = scalar.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((claim_key(), inner), 0..3)
                .prop_map(|pairs| Value::from(Map::from_iter(pairs))),
        ]
    });
    prop::collection::vec((claim_key(), value), 1..7).prop_map(Map::from_iter)
}

fn claim_key() -> impl Strategy<Value = String> {
    select(vec!["sub", "aud", "x", "x.y", "y", "kubernetes.io"]).prop_map(String::from)
}

fn claim_path() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => select(vec!["sub", "aud", "x", "\"x\"", "y"]).prop_map(String::from),
        3 => select(vec!["x.y", "\"x.y\"", "\"kubernetes.io\".x", "y.\"x.y\".sub", "aud.sub"])
            .prop_map(String::from),
        1 => "[xy\".]{0,5}",
    ]
}

fn value_pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        3 => select(vec!["a*", "?", "*b", "..", "1*", "true", "t*e", "null", "-1", "1.5"])
            .prop_map(String::from),
        1 => "[ab*?.]{0,4}",
    ]
}

pub fn draft() -> impl Strategy<Value = Draft> {
    let decision = prop_oneof![3 => Just(Decision::Allow), 1 => Just(Decision::Deny)];
    // As in the API, an entry has at most one rule for a claim.
    let rules = prop::collection::btree_map(claim_path(), value_pattern(), 0..3);
    (decision, token_type(), optional_name(), any::<bool>(), rules).prop_map(
        |(decision, token_type, name, admin, rules)| Draft {
            decision,
            token_type,
            name,
            admin,
            rules,
        },
    )
}

pub fn requested_token() -> impl Strategy<Value = RequestedToken> {
    (token_type(), optional_name(), prop::bool::weighted(0.2)).prop_map(
        |(token_type, name, admin)| {
            let named = |wanted| name.clone().filter(|_| token_type == wanted);
            RequestedToken {
                token_type,
                team: named(TokenType::Team),
                user: named(TokenType::Personal),
                runner: named(TokenType::Runner),
                admin,
            }
        },
    )
}

/// Asserts that the parts of an evaluation agree with each other.
fn assert_consistent(
    evaluation: &Evaluation,
    drafts: &[Draft],
    ask: &RequestedToken,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(evaluation.entries.len(), drafts.len());
    let all_match = |entry: usize| evaluation.entries[entry].rules.iter().all(|rule| rule.matched);
    for (index, (result, draft)) in evaluation.entries.iter().zip(drafts).enumerate() {
        prop_assert_eq!(result.index, index);
        prop_assert_eq!(result.rules.len(), draft.rules.len());
    }
    if let Some(closest) = evaluation.closest {
        prop_assert!(evaluation.entries[closest].applies);
    }
    match evaluation.outcome {
        PolicyOutcome::Allowed { entry } => {
            prop_assert_eq!(evaluation.closest, Some(entry));
            prop_assert!(all_match(entry) && drafts[entry].decision == Decision::Allow);
        }
        PolicyOutcome::Denied { entry } => {
            prop_assert!(all_match(entry) && drafts[entry].decision == Decision::Deny);
            prop_assert!(evaluation.closest.is_some());
        }
        PolicyOutcome::Admin { entry } => {
            prop_assert_eq!(evaluation.closest, Some(entry));
            prop_assert!(ask.admin && all_match(entry) && !drafts[entry].admin);
        }
        PolicyOutcome::Rules { entry } => {
            prop_assert_eq!(evaluation.closest, Some(entry));
            prop_assert!(!all_match(entry));
        }
        PolicyOutcome::Undetermined => prop_assert!(false, "nothing is left open"),
        PolicyOutcome::NoAllowEntry
        | PolicyOutcome::TokenType
        | PolicyOutcome::Team
        | PolicyOutcome::User
        | PolicyOutcome::Runner => prop_assert_eq!(evaluation.closest, None),
    }
    Ok(())
}

#[test]
fn policies_decide_like_reference() {
    let (allowed, denied) = (Cell::new(0), Cell::new(0));
    let cases = 5000;
    TestRunner::new(config(cases))
        .run(
            &(prop::collection::vec(draft(), 0..6), claims(), requested_token()),
            |(drafts, claims, ask)| {
                let entries: Vec<Entry> = drafts.iter().map(Draft::entry).collect();
                let policies: Vec<Value> = drafts.iter().map(Draft::json).collect();
                let expected = reference::decide(
                    &policies,
                    &claims,
                    ask.token_type.name(),
                    ask.team.as_deref(),
                    ask.user.as_deref(),
                    ask.runner.as_deref(),
                    ask.admin,
                );
                let evaluation = evaluate(&entries, &claims, &ask);
                prop_assert_eq!(evaluation.decision() == Some(Decision::Allow), expected);
                assert_consistent(&evaluation, &drafts, &ask)?;
                match evaluation.outcome {
                    PolicyOutcome::Allowed { .. } => allowed.set(allowed.get() + 1),
                    PolicyOutcome::Denied { .. } => denied.set(denied.get() + 1),
                    _ => {}
                }
                Ok(())
            },
        )
        .unwrap();
    // Agreement means little if one of the results is rare.
    assert!(allowed.get() > cases / 20, "allowed: {} of {cases}", allowed.get());
    assert!(denied.get() > cases / 50, "denied: {} of {cases}", denied.get());
}
