//! Every failure has a test that triggers it, and is what the contract's catalogue says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use doctor::catalogue::{Code, Severity};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Tests that name codes without triggering them.
const NAMED_ONLY: [&str; 2] = ["catalogue.rs", "explain.rs"];

#[test]
fn every_code_is_tested() {
    let mut tests = String::new();
    let folders = ["diagnosis", "commands", "policies", "security"];
    let folders = folders.map(|folder| Path::new(ROOT).join("tests/it").join(folder));
    for entry in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        if path.is_file() && !NAMED_ONLY.iter().any(|name| path.ends_with(name)) {
            tests.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    // Those that only logs raise: `every_message_of_the_contract_is_known`.
    let messages = include_str!("../../../fixtures/contract/messages.tsv");
    let codes = messages.lines().filter_map(|line| line.rsplit_once('\t'));
    tests.extend(codes.flat_map(|(_, codes)| codes.split(',')).map(|code| format!("\"{code}\"")));
    let is_tested = |name: &&str| tests.contains(&format!("\"{name}\""));
    let missing: Vec<_> =
        Code::ALL.iter().map(|code| code.name()).filter(|name| !is_tested(name)).collect();
    assert!(missing.is_empty(), "codes without a test: {missing:#?}");
}

#[test]
fn codes_match_contract() {
    let rows = rows(include_str!("../../../fixtures/contract/codes.tsv"));
    assert!(rows.len() > 80, "{} rows", rows.len());
    let mut last = BTreeMap::new();
    for code in Code::ALL {
        // A code may be added where a real failure fits none.
        let Some((place, severity)) = rows.get(code.name()) else { continue };
        // The steps of the root-cause order are made of categories.
        let before = last.insert(code.category(), *place);
        assert!(before.is_none_or(|before| before < *place), "{code} stands too late");
        let named = match code.severity() {
            Severity::Error => 'E',
            Severity::Warning => 'W',
            Severity::Info => 'I',
        };
        let conditional = severity.starts_with('(') || severity.contains(" in ");
        assert!(
            severity.starts_with(named) || conditional && severity.contains(named),
            "{code}: {:?} here, {severity} there",
            code.severity()
        );
    }
}

/// Position and severity by code, from lines of a code, a tab and a severity (`E; W when …`).
fn rows(text: &str) -> BTreeMap<&str, (usize, &str)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let rows = lines.map(|line| line.split_once('\t').unwrap());
    rows.enumerate().map(|(place, (code, severity))| (code, (place, severity))).collect()
}
