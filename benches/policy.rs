//! What evaluating a policy costs: `cargo bench --bench policy`.
//!
//! Every benchmark counts rules, so that `item/s` compare: a large policy, and the patterns that
//! make a backtracking matcher slow, on claims of the same length. The table at the end turns that
//! round: the time that one rule takes.

mod support;

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::ItemsCount;
use doctor::limits::Work;
use doctor::policy::evaluate::evaluate_within;
use doctor::policy::{Decision, Entry, Place, RequestedToken, Rule, TokenType};
use serde_json::{Map, Value, json};
use support::row;

/// Characters of the claim that the patterns are matched with.
const LENGTH: usize = 200;

/// What is measured for the table: a name, the entries, the claims.
type Case = (&'static str, Vec<Entry>, Map<String, Value>);

fn main() -> io::Result<()> {
    divan::main();
    // `cargo test` runs benchmarks too, once each: there is nothing to tell then.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "\ntime per rule")?;
    let mut times = Vec::new();
    for (name, entries, claims) in PATTERNS.map(worst) {
        let took = per_rule(&entries, &claims).as_nanos();
        writeln!(out, "  {name:<28}{took:>6} ns")?;
        times.push(took as f64);
    }
    let large = per_rule(&large_policy(), &claims(20, SUBJECT)).as_nanos() as f64;
    drop(out);
    let literal = times[0];
    let slowest = times.iter().copied().fold(0.0, f64::max);
    let ns = |nanoseconds: f64| format!("{:.1} \u{b5}s", nanoseconds / 1e3);
    let of = "a literal of 200 characters";
    row("a rule of 200,000 in one policy", &ns(large), large / literal, of);
    row("the slowest pattern of 200 characters", &ns(slowest), slowest / literal, of);
    Ok(())
}

/// The shortest of a few runs: what disturbs one makes it longer only.
fn per_rule(entries: &[Entry], claims: &Map<String, Value>) -> Duration {
    let rules: usize = entries.iter().map(|entry| entry.rules.len()).sum();
    let run = |_| {
        let begun = Instant::now();
        divan::black_box(evaluate_within(
            entries,
            claims,
            &RequestedToken::default(),
            &mut Work::unlimited(),
        ));
        begun.elapsed()
    };
    let shortest = (0..10).map(run).min().unwrap_or_default();
    shortest / u32::try_from(rules).unwrap_or(u32::MAX)
}

/// A policy of so many entries with so many rules, each with this pattern on its own claim.
fn policy(entries: usize, rules: usize, pattern: &str) -> Vec<Entry> {
    let rule = |index: usize| Rule {
        claim: format!("claim_{index}"),
        pattern: pattern.to_owned(),
        undetermined: false,
        compared: None,
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

const SUBJECT: &str = "repo:acme/web-shop:ref:refs/heads/main";

/// A policy far larger than any that people write.
fn large_policy() -> Vec<Entry> {
    policy(10_000, 20, "repo:acme/*:ref:refs/heads/main")
}

#[divan::bench(sample_count = 10)]
fn ten_thousand_entries_of_twenty_rules(bencher: Bencher) {
    let (entries, claims) = (large_policy(), claims(20, SUBJECT));
    bencher.counter(ItemsCount::new(200_000_usize)).bench(|| {
        evaluate_within(&entries, &claims, &RequestedToken::default(), &mut Work::unlimited())
    });
}

/// The patterns, on a claim of 200 times `a` that none of those ending in `b` matches.
const PATTERNS: [&str; 5] = ["literal", "star", "stars", "optional", "any"];

/// 2,020 rules of one of the patterns.
fn worst(name: &'static str) -> Case {
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
    (name, entries, claims(20, &"a".repeat(LENGTH)))
}

#[divan::bench(args = PATTERNS, sample_count = 20)]
fn patterns(bencher: Bencher, name: &'static str) {
    let (_, entries, claims) = worst(name);
    bencher.counter(ItemsCount::new(2_020_usize)).bench(|| {
        evaluate_within(&entries, &claims, &RequestedToken::default(), &mut Work::unlimited())
    });
}
