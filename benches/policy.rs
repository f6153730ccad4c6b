//! Measures the evaluation of policies: `cargo bench --bench policy`.
//!
//! Every benchmark counts rules, so that their `item/s` can be compared: a large policy, and
//! patterns that make a backtracking matcher slow, on claims of the same length. The table at the
//! end has the time per rule.

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

/// The length of the claim that the patterns are matched with, in characters.
const LENGTH: usize = 200;

/// A row of the table: a name, the entries, the claims.
type Case = (&'static str, Vec<Entry>, Map<String, Value>);

fn main() -> io::Result<()> {
    divan::main();
    // `cargo test` also runs each benchmark once; then no table is printed.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "\ntime per rule")?;
    let mut times = Vec::new();
    for (name, entries, claims) in PATTERNS.map(slow_case) {
        let took = time_per_rule(&entries, &claims).as_nanos();
        writeln!(out, "  {name:<28}{took:>6} ns")?;
        times.push(took as f64);
    }
    let large = time_per_rule(&large_policy(), &claims(20, SUBJECT)).as_nanos() as f64;
    drop(out);
    let literal = times[0];
    let slowest = times.iter().copied().fold(0.0, f64::max);
    let ns = |nanoseconds: f64| format!("{:.1} \u{b5}s", nanoseconds / 1e3);
    let of = "a literal of 200 characters";
    row("a rule of 200,000 in one policy", &ns(large), large / literal, of);
    row("the slowest pattern of 200 characters", &ns(slowest), slowest / literal, of);
    Ok(())
}

/// The time per rule, of the shortest of a few runs: other processes can only make a run longer.
fn time_per_rule(entries: &[Entry], claims: &Map<String, Value>) -> Duration {
    let rules: usize = entries.iter().map(|entry| entry.rules.len()).sum();
    let run = |_| {
        let started = Instant::now();
        divan::black_box(evaluate_within(
            entries,
            claims,
            &RequestedToken::default(),
            &mut Work::unlimited(),
        ));
        started.elapsed()
    };
    let shortest = (0..10).map(run).min().unwrap_or_default();
    shortest / u32::try_from(rules).unwrap_or(u32::MAX)
}

/// A policy with this many entries, each with this many rules that have the pattern on different
/// claims.
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

/// The names of the patterns. The claim is 200 times `a`, so the patterns that end in `b` do not
/// match.
const PATTERNS: [&str; 5] = ["literal", "star", "stars", "optional", "any"];

/// 2,020 rules with one of the patterns.
fn slow_case(name: &'static str) -> Case {
    let pattern = match name {
        "literal" => "a".repeat(LENGTH),
        "star" => "a*b".to_owned(),
        "stars" => "*a".repeat(LENGTH / 4) + "*b",
        "optional" => "?".repeat(LENGTH) + "b",
        _ => ".".repeat(LENGTH - 1) + "b",
    };
    // The last entry allows, so that no edit distances are computed.
    let mut entries = policy(100, 20, &pattern);
    entries.extend(policy(1, 20, "*"));
    (name, entries, claims(20, &"a".repeat(LENGTH)))
}

#[divan::bench(args = PATTERNS, sample_count = 20)]
fn patterns(bencher: Bencher, name: &'static str) {
    let (_, entries, claims) = slow_case(name);
    bencher.counter(ItemsCount::new(2_020_usize)).bench(|| {
        evaluate_within(&entries, &claims, &RequestedToken::default(), &mut Work::unlimited())
    });
}
