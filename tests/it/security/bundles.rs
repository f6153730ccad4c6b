//! Bundles contain no raw text that reports must not contain, and reading a bundle returns the same
//! evidence.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::harmless::assert_harmless;
use crate::support::{Doctor, EXCHANGE, Response, Run, World, platforms};

/// One character of each kind, and the commands of the Azure agent in any case.
const RAW: &[&str] = &[
    "##vso[task.complete]",
    "##VsO[x]",
    "##[error]",
    "###[",
    "\u{1b}[2J",
    "\0",
    "\u{7}\u{8}",
    "\r\n\t",
    "\u{7f}",
    "\u{85}\u{9b}",
    "\u{2028}\u{2029}",
    "\u{202e}\u{2066}\u{2069}",
    "\u{200b}\u{200d}\u{2060}\u{feff}",
    "\u{ad}\u{fff9}",
    "\u{e0041}",
];

/// Text that looks already escaped.
const ESCAPED: &[&str] = &[
    "\\u202e",
    "\\\\u001b",
    "#\\u0023vso[",
    "\\",
    "\"",
    "\\\"##[",
    "##\"[",
    "\\n",
    "&#x1b;",
    "%1b%0a##vso[",
];

/// The texts with a word before and after.
fn texts() -> impl Iterator<Item = String> {
    RAW.iter().chain(ESCAPED).map(|text| format!("web{text}app"))
}

/// A run with a bundle, where a text is in claims and their names, in a rule, in the header, in a
/// server's answer and its members, and in an option.
fn run_with_bundle(text: &str, redact: bool) -> Run {
    let mut world = World::new(&platforms::GITHUB);
    world.shape.claims["sub"] = json!(text);
    world.shape.claims.insert(text.to_owned(), json!({(text): [text]}));
    world.shape.claims.insert("list".to_owned(), json!([text, {(text): text}]));
    world.shape.header.insert("kid".to_owned(), json!(text));
    world.shape.entry["rules"]["sub"] = json!(format!("{text}x"));
    world.shape.entry["rules"]["list"] = json!(text);
    let body = json!({"message": text, "error": {(text): text}, "errors": [text]});
    world.cloud.answer(EXCHANGE, Response::json(403, &body));
    let text = text.replace('\0', "");
    let doctor = world.doctor().args(["--oidc-team", &text, "--bundle", "b.json"]);
    doctor.args(redact.then_some("--redact")).json()
}

#[test]
fn bundle_has_no_raw_characters() {
    for text in texts() {
        for redact in [false, true] {
            let run = run_with_bundle(&text, redact);
            let bundle = run.file("b.json");
            assert_harmless(&bundle, &text);
            assert!(!bundle.contains('\r'), "{text:?}");

            let again = replay(&bundle).json();
            assert_eq!((again.status, again.codes()), (run.status, run.codes()), "{text:?}");
        }
    }
}

/// The controls are harmless words, which are written unchanged.
#[test]
fn bundle_keeps_text() {
    for text in texts().chain(["webapp".to_owned(), "web \u{e9}\u{4e16}\u{1f600} app".to_owned()]) {
        let run = run_with_bundle(&text, false);
        let bundle: Value = serde_json::from_str(&run.file("b.json")).unwrap();
        let evidence = &bundle["evidence"];
        let token = &evidence["token"];
        assert_eq!(token["claims"]["sub"], text);
        assert_eq!(token["header"]["kid"], text);
        assert_eq!(token["claims"]["list"], json!([text, {(text.as_str()): text}]));
        assert!(token["claims"].get(&text).is_some(), "the name of a claim: {text:?}");
        let rules = &evidence["policy"]["document"]["issuers"][0]["policies"][0]["rules"];
        assert!(rules.as_array().unwrap().iter().any(|rule| rule["pattern"] == text));
        assert_eq!(evidence["login"]["team"], text.replace('\0', ""));
        let body = &evidence["cloud"]["exchange"]["answer"]["answer"]["body"]["content"];
        assert_eq!(body["message"], text);
        assert_eq!(body["error"][&text], text);
        if text.starts_with("web \u{e9}") || text == "webapp" {
            assert!(run.file("b.json").contains(&text));
        }

        // A bundle that is written again is the same, byte by byte.
        let bundle = run.file("b.json");
        let again = replay(&bundle).args(["--bundle", "again.json"]).json();
        assert_eq!(again.file("again.json"), bundle);
        assert_eq!(again.report["findings"].to_string(), run.report["findings"].to_string());
    }
}

/// A bundle that was edited by hand may have raw characters; reports and bundles made from it have
/// not.
#[test]
fn replay_of_edited_bundle_is_harmless() {
    let plain = run_with_bundle("webapp", false).file("b.json");
    for text in RAW.iter().filter(|text| !text.chars().any(|c| c < ' ')) {
        let hostile = plain.replace("webapp", &format!("web{text}app"));
        assert_ne!(hostile, plain);
        for format in ["human", "json", "markdown", "html", "junit"] {
            let run = replay(&hostile).args(["--bundle", "again.json", "--format", format]).run();
            assert_eq!(run.status, 1, "{}", run.stderr);
            assert_harmless(&run.stdout, text);
            assert_harmless(&run.file("again.json"), text);
        }
    }
}

fn replay(bundle: &str) -> Doctor {
    Doctor::bare().file("b.json", bundle).args(["replay", "b.json"])
}

/// Only one function, which escapes, writes the JSON of reports, bundles and answers.
#[test]
fn json_has_one_writer() {
    let others = ["serde_json::to_string", "serde_json::to_writer", "serde_json::to_vec"];
    let mut sources = Vec::new();
    collect_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    assert!(sources.len() > 100);
    let mut writes = 0;
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        let program = source.split("#[cfg(test)]").next().unwrap();
        writes += program.matches("text::json(").count() + program.matches("json_line(").count();
        for other in others {
            assert!(!program.contains(other), "{other} in {}", path.display());
        }
    }
    assert!(writes > 5, "{writes}");
}

fn collect_sources(directory: &Path, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_sources(&path, sources);
        } else if path.extension().is_some_and(|end| end == "rs")
            && path.file_name().is_some_and(|name| name != "tests.rs")
        {
            sources.push(path);
        }
    }
}
