//! What evaluating a policy costs: `cargo bench --bench policy`.
//!
//! Every benchmark counts rules, so that `item/s` compare: a large policy, and the patterns that
//! make a backtracking matcher slow, on claims of the same length.

use divan::Bencher;
use divan::counter::ItemsCount;
use doctor::policy::evaluate::evaluate;
use doctor::policy::{Ask, Decision, Entry, Place, Rule, TokenType};
use serde_json::{Map, Value, json};

/// Characters of the claim that the patterns are matched with.
const LENGTH: usize = 200;

fn main() {
    divan::main();
}

/// A policy of so many entries with so many rules, each with this pattern on its own claim.
fn policy(entries: usize, rules: usize, pattern: &str) -> Vec<Entry> {
    let rule = |index: usize| Rule {
        claim: format!("claim_{index}"),
        pattern: pattern.to_owned(),
        undetermined: false,
        place: Place::default(),
    };
    let entry = Entry {
        decision: Decision::Allow,
        token_type: TokenType::Organization,
        team_name: None,
        user_login: None,
        runner_id: None,
        role_id: None,
        authorized_permissions: Vec::new(),
        rules: (0..rules).map(rule).collect(),
        place: Place::default(),
    };
    vec![entry; entries]
}

fn claims(rules: usize, value: &str) -> Map<String, Value> {
    (0..rules).map(|index| (format!("claim_{index}"), json!(value))).collect()
}

/// 10,000 entries of 20 rules: a policy far larger than any that people write.
#[divan::bench(sample_count = 10)]
fn ten_thousand_entries_of_twenty_rules(bencher: Bencher) {
    let subject = "repo:acme/web-shop:ref:refs/heads/main";
    let entries = policy(10_000, 20, "repo:acme/*:ref:refs/heads/main");
    let claims = claims(20, subject);
    bencher
        .counter(ItemsCount::new(200_000_usize))
        .bench(|| evaluate(&entries, &claims, &Ask::default()));
}

/// The patterns, on a claim of 200 times `a` that none of those ending in `b` matches.
#[divan::bench(args = ["literal", "star", "stars", "optional", "any"], sample_count = 20)]
fn patterns(bencher: Bencher, name: &str) {
    let pattern = match name {
        "literal" => "a".repeat(LENGTH),
        "star" => "a*b".to_owned(),
        "stars" => "*a".repeat(LENGTH / 4) + "*b",
        "optional" => "?".repeat(LENGTH) + "b",
        _ => ".".repeat(LENGTH - 1) + "b",
    };
    // One entry that allows at the end, so that no edit distance is asked for.
    let mut entries = policy(100, 20, &pattern);
    entries.extend(policy(1, 20, "*"));
    let claims = claims(20, &"a".repeat(LENGTH));
    bencher
        .counter(ItemsCount::new(2_020_usize))
        .bench(|| evaluate(&entries, &claims, &Ask::default()));
}
