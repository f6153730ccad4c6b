//! What is fuzzed: one function for every kind of input that strangers write. Each feeds the bytes
//! to the program's own functions and asserts what has to hold of any outcome; nothing in here
//! may panic otherwise. `tests/corpora.rs` calls the same functions with what fuzzing found.

#[path = "../../tests/it/support/harmless.rs"]
mod harmless;
#[path = "../../tests/it/reference.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod reference;

use std::io::Cursor;
use std::sync::LazyLock;

use doctor::bundle;
use doctor::bundle::Bundle;
use doctor::evidence::{Answer, Body, Evidence, KeySet, Probe, Signature};
use doctor::gather::log;
use doctor::gather::network::client;
use doctor::judge;
use doctor::oidc::{jwt, signature};
use doctor::policy::claim_path;
use doctor::policy::claim_path::ClaimPath;
use doctor::policy::evaluate::evaluate_registration;
use doctor::policy::{Document, RequestedToken, document, pattern};
use doctor::render::{DIAGNOSIS, Format, Style, TRIAGE, Verbosity};
use doctor::report::Report;
use doctor::text::secret::{REDACTED, Scrubber};
use harmless::assert_harmless;
use serde_json::{Map, Value, json};

/// Feeds bytes to the program.
pub type Target = fn(&[u8]);

/// Every target with its name.
pub const TARGETS: [(&str, Target); 11] = [
    ("answer", answer),
    ("bundle", bundle),
    ("claim_path", claim_path),
    ("claims", claims),
    ("discovery", discovery),
    ("keys", keys),
    ("log", log),
    ("pattern", pattern),
    ("policy", policy),
    ("secrets", secrets),
    ("token", token),
];

/// A token as somebody passes it: decoded, or the reason why not.
pub fn token(data: &[u8]) {
    let Ok(decoded) = jwt::read(data, false) else { return };
    let bare = decoded.compact.reveal().as_bytes();
    let Ok(again) = jwt::read(bare, false) else { panic!("a bare token is none") };
    assert!(again.wrapped.is_empty(), "there is still something around it");
    assert_eq!(again.token.header, decoded.token.header);
    assert_eq!(again.token.claims, decoded.token.claims);
}

/// The claims of a token that decodes, through the whole diagnosis and every format.
pub fn claims(data: &[u8]) {
    let Ok(Value::Object(claims)) = serde_json::from_slice(data) else { return };
    let Ok(decoded) = jwt::read(jwt::unsigned_token(&claims).as_bytes(), false) else {
        panic!("claims make no token")
    };
    let evidence = Evidence { token: Some(decoded.token), ..login() };
    assert_shown_harmless(&judge::judge(&evidence, false), data);
}

/// A policy document in any form, and what it decides.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let document = match document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            // YAML ends a line at a lone carriage return too (section 5.4).
            let lines = text.split(['\n', '\r']).count() as u64;
            assert!((1..=lines + 1).contains(&error.line), "line {} of {lines}", error.line);
            assert!(error.column >= 1);
            return;
        }
    };
    let kept: Document = through_json(&document);
    assert_eq!(kept, document);
    let claims = &LOGIN.evidence.token.as_ref().map(|t| t.claims.clone()).unwrap_or_default();
    for registration in &document.issuers {
        let _ = evaluate_registration(registration, claims, &RequestedToken::default());
    }
    let _ = judge::lint(&document, "policy.json");
}

/// A rule's name for a claim, a line break, and claims.
pub fn claim_path(data: &[u8]) {
    let Some((path, claims)) = two_texts(data) else { return };
    let claims: Map<String, Value> = serde_json::from_str(claims).unwrap_or_default();
    if let Ok(parsed) = ClaimPath::parse(path) {
        assert_eq!(ClaimPath::parse(&parsed.to_string()).as_ref(), Ok(&parsed), "written again");
        let matches = reference::rule_matches(&claims, path, &json!("*"));
        let is_text = |value: &Value| !value.is_object() && !value.is_null();
        match parsed.lookup(&claims) {
            Some(Value::Array(items)) => {
                let texts = |value: &Value| is_text(value) && !value.is_array();
                assert_eq!(matches, items.iter().any(texts));
            }
            found => assert_eq!(matches, found.is_some_and(is_text)),
        }
    }
    for near in claim_path::nearest(path, &claims) {
        let found = ClaimPath::parse(&near).ok().and_then(|p| p.lookup(&claims).cloned());
        assert!(found.is_some(), "{near} is no claim");
    }
}

/// A pattern, a line break, and the text that it may match.
pub fn pattern(data: &[u8]) {
    // The reference tries everything.
    const LONGEST: usize = 80;
    let Some((pattern, text)) = two_texts(data) else { return };
    if pattern.len() > LONGEST || text.len() > LONGEST {
        return;
    }
    let matches = pattern::matches(pattern, text);
    assert_eq!(matches, reference::pattern_matches(pattern, text));
    assert_eq!(matches, pattern::distance(pattern, text) == 0);
    let length = text.chars().count();
    let reached = pattern::divergence(pattern, text);
    assert!(if matches { reached == length } else { reached <= length });
    if pattern::is_universal(pattern) {
        assert!(matches);
    }
    if pattern::is_literal(pattern) {
        assert_eq!(matches, pattern == text);
    }
    let surprises = pattern::surprises(pattern, text);
    assert!(matches || surprises.is_empty());
    for surprise in surprises {
        assert_eq!(pattern.chars().nth(surprise.position), Some(surprise.wildcard));
        assert_ne!(surprise.stood_for, Some(surprise.wildcard));
    }
}

/// The body of a server's answer; the first byte says whether it is called a page.
pub fn answer(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    match client::classify_body(body, first % 2 == 1, &Scrubber::default()) {
        Body::Empty => {}
        Body::Json(value) => assert_no_credential(&value),
        Body::Html(title) => assert!(title.is_none_or(|title| !title.is_empty())),
        Body::Text(text) => assert!(text.chars().count() <= 500),
    }
}

fn assert_no_credential(value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(assert_no_credential),
        Value::Object(members) => {
            for (name, member) in members {
                if name == "access_token" || name == "id_token" {
                    assert!(member.as_str().is_none_or(|text| text == REDACTED), "{member}");
                }
                assert_no_credential(member);
            }
        }
        _ => {}
    }
}

/// A discovery document.
pub fn discovery(data: &[u8]) {
    let Ok(document) = serde_json::from_slice(data) else { return };
    let mut evidence = login();
    evidence.issuer.discovery = answered(Body::Json(document));
    assert_shown_harmless(&judge::judge(&evidence, false), data);
}

/// A token, a line break, and a key set.
pub fn keys(data: &[u8]) {
    let Some((token, keys)) = two_texts(data) else { return };
    let Ok(keys) = serde_json::from_str::<Value>(keys) else { return };
    if let KeySet::Invalid { reason } = signature::outline_key_set(&keys) {
        assert!(!reason.is_empty());
    }
    let Ok(decoded) = jwt::read(token.as_bytes(), false) else { return };
    if let Signature::Verified { key: Some(key), .. } =
        signature::verify(&decoded.compact, &decoded.token, &keys)
    {
        assert!(keys["keys"].as_array().is_some_and(|all| all.iter().any(|k| k["kid"] == key)));
    }
}

/// A log in any wrapping.
pub fn log(data: &[u8]) {
    let (log, _) = log::read(&[log::Source::Stdin], Box::new(Cursor::new(data.to_vec())));
    let triage = judge::triage(&log);
    let formats: Vec<_> = TRIAGE.formats().collect();
    let format = formats[data.len() % formats.len()];
    assert_harmless(&TRIAGE.render(&triage, format, &STYLE), "triage");
}

/// A line of a log, or an answer, around secrets.
pub fn secrets(data: &[u8]) {
    const SECRET: &str = "q7X2mlk9Fhd3vbZ8w4nCt6yrSj1gUape5i0QzxwV";
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut end = 0;
    for range in log::find_secrets(text) {
        assert!(end <= range.start && range.start < range.end, "{range:?}");
        assert!(text.get(range.clone()).is_some(), "{range:?} is no text");
        end = range.end;
    }
    let shown = log::without_secrets(&format!("{text} PASSWORD='{SECRET}'"));
    assert!(!shown.contains(SECRET), "{shown}");
    let scrubber = Scrubber::default();
    scrubber.add(SECRET);
    let at = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let (before, after) = text.split_at(at);
    for echoed in [SECRET.to_owned(), SECRET.to_ascii_uppercase()] {
        let shown = scrubber.scrub(&format!("{before}{echoed}{after}"));
        assert!(!shown.contains(&echoed), "{shown}");
    }
    // What is shown once is shown unchanged.
    let shown = scrubber.scrub(text);
    assert_eq!(scrubber.scrub(&shown), shown);
}

/// A support bundle.
pub fn bundle(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(read) = bundle::read(text) else { return };
    let report = judge::judge(&read.evidence, false);
    assert_shown_harmless(&report, data);
    let Ok(written) = read.write(false) else { panic!("what was read cannot be written") };
    let Ok(again) = bundle::read(&written) else { panic!("what was written cannot be read") };
    let again = judge::judge(&again.evidence, false);
    let codes = |report: &Report| report.findings.iter().map(|f| f.code).collect::<Vec<_>>();
    assert_eq!(codes(&again), codes(&report), "written and read, it is another diagnosis");
}

// ------------------------------------------------------------------------------------- common

const STYLE: Style =
    Style { color: false, width: 100, verbosity: Verbosity::Verbose, unicode: false };

/// A login that works, as evidence: what a target changes is all that is wrong with it.
static LOGIN: LazyLock<Bundle> = LazyLock::new(|| {
    let text = include_str!("../../fixtures/bundles/v1/healthy.json");
    bundle::read(text).unwrap_or_else(|error| panic!("healthy.json: {error}"))
});

fn login() -> Evidence {
    LOGIN.evidence.clone()
}

fn answered(body: Body) -> Probe<Answer> {
    let Probe::Answered { answer, .. } = login().issuer.discovery else {
        panic!("healthy.json has no discovery document")
    };
    Probe::Answered { answer: Answer { body, ..answer }, elapsed_ms: 1 }
}

/// Two texts with a line break between them.
fn two_texts(data: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(data).ok()?.split_once('\n')
}

fn through_json<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).unwrap_or_else(|error| panic!("no JSON: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("not read again: {error}"))
}

/// Holds one format to it: all of them for every input would be four times as slow.
fn assert_shown_harmless(report: &Report, data: &[u8]) {
    let formats = [Format::Human, Format::Json, Format::Markdown, Format::Junit];
    let format = formats[data.len() % formats.len()];
    assert_harmless(&DIAGNOSIS.render(report, format, &STYLE), "report");
}
