//! Every failure has a test that triggers it, and is what the contract's catalogue says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use doctor::catalogue::{CATALOGUE, Entry, Severity};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Tests that name codes without triggering them.
const NAMED_ONLY: [&str; 2] = ["catalogue.rs", "explain.rs"];

#[test]
fn every_code_has_a_test_that_triggers_it() {
    let mut tests = String::new();
    for entry in fs::read_dir(Path::new(ROOT).join("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !NAMED_ONLY.iter().any(|name| path.ends_with(name)) {
            tests.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    let is_tested = |entry: &&Entry| tests.contains(&format!("\"{}\"", entry.code.name()));
    let missing: Vec<_> =
        CATALOGUE.iter().filter(|entry| !is_tested(entry)).map(|entry| entry.code.name()).collect();
    assert!(missing.is_empty(), "codes without a test: {missing:#?}");
}

/// The contract's catalogue, as Markdown tables; it is not part of the repository.
#[test]
fn codes_stand_in_the_contract_s_order_with_its_severities() {
    let Ok(text) = fs::read_to_string(Path::new(ROOT).join("../shared/checks.md")) else { return };
    let rows = rows(&text);
    assert!(rows.len() > 80, "{} rows", rows.len());
    let mut last = BTreeMap::new();
    for entry in CATALOGUE {
        // A code may be added where a real failure fits none.
        let Some((place, severity)) = rows.get(entry.code.name()) else { continue };
        // The steps of the root-cause order are made of categories.
        let before = last.insert(entry.category, *place);
        assert!(
            before.is_none_or(|before| before < *place),
            "{} stands too late",
            entry.code.name()
        );
        let named = match entry.severity {
            Severity::Error => 'E',
            Severity::Warning => 'W',
            Severity::Info => 'I',
        };
        let conditional = severity.starts_with('(') || severity.contains(" in ");
        assert!(
            severity.starts_with(named) || conditional && severity.contains(named),
            "{}: {:?} here, {severity} there",
            entry.code.name(),
            entry.severity
        );
    }
}

/// Place and severity by code, of rows like `| code, code | E; W when … | … |`.
fn rows(text: &str) -> BTreeMap<&str, (usize, &str)> {
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (Some(codes), Some(severity)) = (cells.next(), cells.next()) else { continue };
        for code in codes.split(", ").filter(|code| code.contains('-') && !code.contains("--")) {
            let place = rows.len();
            rows.insert(code, (place, severity));
        }
    }
    rows
}
