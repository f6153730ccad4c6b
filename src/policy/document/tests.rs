//! Every form of a policy document, and every error.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod programs;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::*;

const OWN_YAML: &str = include_str!("../../../fixtures/policies/own-azure.yaml");
const OWN_JSON: &str = include_str!("../../../fixtures/policies/own-azure.json");
const API_ISSUERS: &str = include_str!("../../../fixtures/policies/api-issuers.json");
const API_POLICY: &str = include_str!("../../../fixtures/policies/api-auth-policy.json");

/// The document without places, which differ between JSON and YAML.
fn without_places(text: &str) -> Document {
    let mut document = parse(text).expect(text);
    for issuer in &mut document.issuers {
        issuer.place = Place::default();
        for entry in issuer.policies.iter_mut().flatten() {
            entry.place = Place::default();
            entry.rules.iter_mut().for_each(|rule| rule.place = Place::default());
        }
    }
    document
}

fn entries(document: &Document) -> &[Entry] {
    document.issuers[0].policies.as_deref().expect("entries")
}

fn error(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

/// One entry of form 1 in YAML. `rest`: its last lines.
fn own_entry(rest: &str) -> String {
    format!("url: https://a.example\npolicies:\n- decision: allow\n  tokenType: org\n{rest}")
}

#[test]
fn own_form_in_yaml() {
    let document = parse(OWN_YAML).unwrap();
    assert_eq!(document.form, Form::Own);
    assert_eq!(document.organization.as_deref(), Some("acme"));
    let [entra, old] = document.issuers.as_slice() else { panic!("two issuers") };
    assert_eq!(entra.max_expiration, Some(7200));
    assert_eq!(entra.issuer, None);
    assert_eq!(entra.place, Place { line: 5, column: 5 });
    let [allow, deny] = entra.policies.as_deref().unwrap() else { panic!("two entries") };
    assert_eq!(allow.authorized_permissions, ["admin"]);
    assert_eq!(allow.place, Place { line: 9, column: 9 });
    assert_eq!(allow.rules[0].claim, "aud");
    assert_eq!(allow.rules[0].place, Place { line: 14, column: 11 });
    assert!(allow.rules[1].pattern.starts_with("/eid1/c/pub/t/"));
    assert_eq!((deny.decision, deny.token_type), (Decision::Deny, TokenType::Organization));
    assert!(deny.authorized_permissions.is_empty());
    assert_eq!(old.thumbprints.len(), 1);
    assert_eq!(old.policies.as_ref().unwrap()[0].team_name.as_deref(), Some("deployers-*"));
}

#[test]
fn json_and_yaml_are_equivalent() {
    assert_eq!(without_places(OWN_YAML), without_places(OWN_JSON));
    let json = parse(OWN_JSON).unwrap();
    // A tab is one character.
    assert_eq!(json.issuers[0].place, Place { line: 4, column: 3 });
    assert_eq!(entries(&json)[0].rules[1].place, Place { line: 15, column: 7 });
}

#[test]
fn byte_order_mark_and_line_ends() {
    for text in [OWN_YAML, OWN_JSON] {
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(parse(&windows), parse(text));
    }
}

#[test]
fn saved_registrations() {
    let document = parse(API_ISSUERS).unwrap();
    assert_eq!(document.form, Form::Registrations);
    let [github, gitlab] = document.issuers.as_slice() else { panic!("two issuers") };
    assert_eq!(github.id.as_deref(), Some("3f1c9a52-7d0e-4b8a-9a55-2c6f1e0b7d31"));
    assert_eq!(github.last_used.as_deref(), Some("2026-08-28T06:44:10.001Z"));
    assert_eq!(github.max_expiration, Some(90_000));
    assert_eq!(github.policies, None);
    assert_eq!(gitlab.max_expiration, None);
    assert_eq!(gitlab.jwks.as_ref().unwrap()["keys"][0]["kid"], json!("gitlab-1"));
    assert_eq!(gitlab.identifier(), Some("https://gitlab.acme.example"));

    // The same, extracted with `jq .oidcIssuers` and `jq '.oidcIssuers[0]'`.
    let value: Value = serde_json::from_str(API_ISSUERS).unwrap();
    let list = &value["oidcIssuers"];
    assert_eq!(without_places(&list.to_string()), without_places(API_ISSUERS));
    assert_eq!(
        without_places(&list[0].to_string()).issuers,
        without_places(API_ISSUERS).issuers[..1]
    );
}

#[test]
fn saved_policy() {
    let document = parse(API_POLICY).unwrap();
    assert_eq!(document.form, Form::AuthPolicy);
    assert_eq!(document.issuers.len(), 1);
    assert_eq!(document.issuers[0].identifier(), None);
    let [organization, personal, runner] = entries(&document) else { panic!("three entries") };
    assert_eq!(organization.authorized_permissions, ["admin"]);
    assert_eq!(personal.user_login.as_deref(), Some("ada"));
    assert_eq!(personal.rules[1].claim, "\"kubernetes.io\".pod.name");
    assert_eq!(runner.token_type, TokenType::Runner);
    assert_eq!(runner.runner_id.as_deref(), Some("runner-17"));
    assert_eq!(runner.role_id.as_deref(), Some("role-2"));

    let value: Value = serde_json::from_str(API_POLICY).unwrap();
    assert_eq!(without_places(&value["policies"].to_string()), without_places(API_POLICY));
}

#[test]
fn forms_are_recognised() {
    let table = [
        ("issuers: []", Form::Own, 0),
        ("---\nissuers: []\n...\n", Form::Own, 0),
        ("{issuers: [], # YAML in braces\n}", Form::Own, 0),
        ("{'issuers': []}", Form::Own, 0),
        ("url: https://a.example\npolicies: []", Form::Own, 1),
        ("issuer: https://a.example\npolicies: []", Form::Own, 1),
        ("policies: []", Form::AuthPolicy, 1),
        (r#"{"id": "1", "version": 1, "policies": null, "new": {}}"#, Form::AuthPolicy, 1),
        (r#"{"oidcIssuers": null}"#, Form::Registrations, 0),
        (r#"{"id": "1", "url": "https://a.example", "new": 1}"#, Form::Registrations, 1),
        (r#"[{"id": "1", "issuer": "https://a.example"}]"#, Form::Registrations, 1),
        (r#"[{"decision":"deny","tokenType":"team","rules":null}]"#, Form::AuthPolicy, 1),
    ];
    for (text, form, issuers) in table {
        let document = parse(text).expect(text);
        assert_eq!((document.form, document.issuers.len()), (form, issuers), "{text}");
    }
}

#[test]
fn token_types_have_several_names() {
    let table = [
        ("organization", TokenType::Organization),
        ("org", TokenType::Organization),
        ("team", TokenType::Team),
        ("personal", TokenType::Personal),
        ("runner", TokenType::Runner),
        ("deployment-runner", TokenType::Runner),
    ];
    for (name, expected) in table {
        let text = format!("[{{decision: allow, tokenType: {name}, rules: {{}}}}]");
        assert_eq!(entries(&parse(&text).unwrap())[0].token_type, expected);
    }
}

#[test]
fn yaml_anchors_tags_and_merges_work() {
    let text = "\
x-unused: &rules {aud: urn:pulumi:org:acme}
policies:
- &first
  decision: allow
  tokenType: !!str team
  teamName: !custom core
  rules: {<<: *rules, sub: on}
- *first
";
    let document = parse(text).unwrap();
    let [first, second] = entries(&document) else { panic!("two entries") };
    assert_eq!(first, second);
    assert_eq!(first.team_name.as_deref(), Some("core"));
    let mut rules: Vec<_> = first.rules.iter().map(|r| (&*r.claim, &*r.pattern)).collect();
    rules.sort_unstable();
    assert_eq!(rules, [("aud", "urn:pulumi:org:acme"), ("sub", "on")]);
    // A merged rule has the place where it is written.
    let aud = first.rules.iter().find(|rule| rule.claim == "aud").unwrap();
    assert_eq!(aud.place, Place { line: 1, column: 19 });
}

#[test]
fn json_strings_have_places() {
    let text = "{\"organization\":\"\u{e4}\\\\\\\" ] } \\ud83d\\ude00\\/\" , \"issuers\" :[ { \
                \"url\":\"u\",\"jwks\":{\"n\":[-1,2.5,true,null,{}]},\"policies\":[ ] } ] }";
    let document = parse(text).unwrap();
    assert_eq!(document.organization.as_deref(), Some("\u{e4}\\\" ] } \u{1f600}/"));
    let issuer = &document.issuers[0];
    assert_eq!(issuer.jwks, Some(json!({"n": [-1, 2.5, true, null, {}]})));
    let column = text.chars().position(|c| c == '[').unwrap() as u64 + 3;
    assert_eq!(issuer.place, Place { line: 1, column });
}

#[test]
fn invalid_values_are_reported() {
    let entry = |rest: &str| format!("issuers: [{{url: u, policies: [{{{rest}}}]}}]");
    let table = [
        (
            "organization: a\nisuers: []".into(),
            "2:1: isuers: unknown key; did you mean \"issuers\"?",
        ),
        (
            "issuers: []\norganisation: a".into(),
            "2:1: organisation: unknown key; did you mean \"organization\"?",
        ),
        ("issuers: []\nzzz: a".into(), "2:1: zzz: unknown key; known here: organization, issuers"),
        (
            "issuers:\n- url: u\n  max_expiration: 1\n  policies: []".into(),
            "3:3: issuers[0].max_expiration: unknown key; did you mean \"maxExpiration\"?",
        ),
        (
            "issuers:\n- url: u\n  polices: []".into(),
            "3:3: issuers[0].polices: unknown key; did you mean \"policies\"?",
        ),
        ("issuers:\n- url: u".into(), "2:3: issuers[0]: the key \"policies\" is missing"),
        ("issuers:\n- policies: []".into(), "2:3: issuers[0]: the key \"url\" is missing"),
        (
            "issuers:\n- url: u\n  policies:".into(),
            "3:11: issuers[0].policies: must be a list, not null; [] is an empty one",
        ),
        ("issuers: {}".into(), "1:10: issuers: must be a list, not an object"),
        ("issuers: [u]".into(), "1:11: issuers[0]: must be an object, not a string"),
        (
            "issuers: []\norganization: 12".into(),
            "2:15: organization: must be a string, not the number 12; put it in quotes",
        ),
        (
            "{url: u, policies: [], maxExpiration: 2h}".into(),
            "1:39: maxExpiration: must be a whole number of seconds, not a string",
        ),
        (
            "{url: u, policies: [], maxExpiration: 1.5}".into(),
            "1:39: maxExpiration: must be a whole number of seconds, not the number 1.5",
        ),
        (
            "{url: u, policies: [], thumbprints: ab}".into(),
            "1:37: thumbprints: must be a list of strings, not a string",
        ),
        (
            "{url: u, policies: [], thumbprints: [ab, 12]}".into(),
            "1:42: thumbprints[1]: must be a string, not the number 12; put it in quotes",
        ),
        (
            "{url: u, policies: [], jwks: '{}'}".into(),
            "1:30: jwks: must be an object, not a string",
        ),
        (
            entry("decision: allow, tokenType: org"),
            "1:31: issuers[0].policies[0]: the key \"rules\" is missing",
        ),
        (
            entry("decision: allow, rules: {}"),
            "1:31: issuers[0].policies[0]: the key \"tokenType\" is missing",
        ),
        (
            entry("tokenType: org, rules: {}"),
            "1:31: issuers[0].policies[0]: the key \"decision\" is missing",
        ),
        (
            own_entry("  rules: {}\n  teamname: x"),
            "6:3: policies[0].teamname: unknown key; did you mean \"teamName\"?",
        ),
        (own_entry("  rules:"), "5:8: policies[0].rules: must be an object, not null"),
        (own_entry("  rules: []"), "5:10: policies[0].rules: must be an object, not a list"),
        (
            own_entry("  rules:\n    sub: true"),
            "6:10: policies[0].rules.sub: must be a string, not true; put it in quotes",
        ),
        (
            own_entry("  rules:\n    '\"a.b\".c': 1"),
            "6:16: policies[0].rules[\"\\\"a.b\\\".c\"]: must be a string, not the number 1; put it in quotes",
        ),
        (
            own_entry("  rules: {aud: [a]}"),
            "5:16: policies[0].rules.aud: must be a string, not a list",
        ),
        (own_entry("  rules: {aud: }"), "5:14: policies[0].rules.aud: must be a string, not null"),
        (
            "policies:\n- decision: Allow\n  tokenType: org\n  rules: {}".into(),
            "2:13: policies[0].decision: \"Allow\" is none of allow, deny; did you mean \"allow\"?",
        ),
        // A misspelled required key is suggested even if unknown keys are ignored.
        (
            "policies: [{decison: allow, tokenType: org, rules: {}}]".into(),
            "1:13: policies[0]: the key \"decision\" is missing; did you mean it by \"decison\"?",
        ),
        (
            "policies: [{decision: permit}]".into(),
            "1:23: policies[0].decision: \"permit\" is none of allow, deny",
        ),
        (
            "policies: [{decision: deny, tokenType: organisation}]".into(),
            "1:40: policies[0].tokenType: \"organisation\" is none of organization, org, team, \
             personal, runner, deployment-runner; did you mean \"organization\"?",
        ),
        (
            own_entry("  rules: {}\n  decision: deny"),
            "6:3: policies[0].decision: this key is already there in line 3",
        ),
        // Also below an ignored key.
        (
            "policies: []\nnew:\n- a: 1\n  a: 2".into(),
            "4:3: new[0].a: this key is already there in line 3",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(error(&text), expected, "{text}");
    }
}

#[test]
fn invalid_json_values_are_reported() {
    let table = [
        (
            "{\n\t\"issuers\": [\n\t\t{\"url\": \"\u{e4}\", \"polices\": []}\n\t]\n}",
            "3:16: issuers[0].polices: unknown key; did you mean \"policies\"?",
        ),
        (
            "{\"policies\": [\n  {\"decision\": \"alow\"}]}",
            "2:16: policies[0].decision: \"alow\" is none of allow, deny; did you mean \"allow\"?",
        ),
        (
            "{\"issuers\": [],\n \"issuers\": []}",
            "2:2: issuers: this key is already there in line 1",
        ),
        (
            r#"{"url": "u", "policies": [], "maxExpiration": 123456789012345678901234567890}"#,
            "1:47: maxExpiration: must be a whole number of seconds, not the number \
             1.2345678901234568e+29",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn unknown_forms_are_reported() {
    let table = [
        ("", "1:1: the document is empty"),
        ("# nothing\n", "2:1: the document is empty"),
        ("null", "1:1: the document is empty"),
        ("hello", "1:1: this is a string"),
        ("true", "1:1: this is true"),
        ("12", "1:1: this is the number 12"),
        ("a: 1", "1:1: none of the keys of a policy document is here"),
        ("[]", "1:1: this list holds neither policy entries nor saved registrations"),
        (
            "- url: u\n  policies: []",
            "1:1: this list holds neither policy entries nor saved registrations",
        ),
    ];
    for (text, expected) in table {
        let expected = format!(
            "{expected}; expected the doctor's own form (\"issuers\"), or what Pulumi Cloud \
             answers: a list of issuers (\"oidcIssuers\"), one issuer (\"id\" and \"url\") or \
             a policy (\"policies\"), or a Pulumi YAML program (\"resources\"), or what pulumi \
             stack export prints (\"deployment\")"
        );
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn syntax_errors_are_reported() {
    let table = [
        ("{\"issuers\": [}", "1:14: not valid JSON: expected value"),
        ("{\"issuers\": []\n \"a\": 1}", "2:2: not valid JSON: expected `,` or `}`"),
        ("{\"issuers\": [", "1:13: not valid JSON: EOF while parsing a list"),
        ("{\"\u{e4}\": \"\u{e4}\", \u{fc}}", "1:12: not valid JSON: key must be a string"),
        ("{\"issuers\": 1e999}", "1:17: not valid JSON: number out of range"),
        ("a: b: c", "1:5: not valid YAML: mapping values are not allowed in this context"),
        (
            "a:\n\tb: 1",
            "2:2: not valid YAML: tabs disallowed within this context (block indentation)",
        ),
        ("issuers: [\n", "1:10: not valid YAML: unclosed bracket '['"),
        ("issuers: *x", "1:10: not valid YAML: alias references unknown anchor"),
        ("issuers: &x [*x]", "1:14: an alias within its own anchor"),
        ("issuers: []\n~: 1", "2:1: a key must be a string, not null"),
        (
            "policies: []\nx: .inf",
            "2:4: not valid YAML: not a finite number; if it is text, put it in quotes",
        ),
        (
            "issuers: []\n---\nissuers: []\n",
            "3:1: more than one YAML document; keep one in the file",
        ),
        ("\0\u{1}\u{2}", "1:1: not valid YAML: unexpected character: `\\u{0}'"),
    ];
    for (text, expected) in table {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        "[".repeat(5_000_000),
        "{\"issuers\":".repeat(500_000),
        "{a: ".repeat(500_000),
        "- ".repeat(500_000),
        "? ".repeat(500_000),
        format!("issuers: {}", "[".repeat(5_000_000)),
        (0..500).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
    ] {
        let error = error(&text);
        assert!(error.ends_with(": nested too deeply for a policy document"), "{error}");
    }
}

#[test]
fn alias_bombs_are_refused() {
    let mut nested = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (from, to) in ('a'..'i').zip('b'..='i') {
        let aliases = vec![format!("*{from}"); 10].join(", ");
        nested += &format!("{to}: &{to} [{aliases}]\n");
    }
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1_000_000), "*a, ".repeat(10_000));
    for bomb in [nested, text] {
        let start = Instant::now();
        let error = error(&bomb);
        let expected = ": too many values or aliases for a policy document";
        assert!(error.contains(expected), "{error}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn anchor_may_be_used_often() {
    let entry = "- {decision: allow, tokenType: org, rules: {aud: *aud}}\n";
    let first = entry.replace("*aud", "&aud urn:pulumi:org:acme");
    let document = parse(&format!("policies:\n{first}{}", entry.repeat(300))).unwrap();
    assert_eq!(entries(&document).len(), 301);
    assert!(entries(&document).iter().all(|e| e.rules[0].pattern == "urn:pulumi:org:acme"));
}

#[test]
fn secrets_are_not_repeated() {
    let token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.c2lnbmF0dXJl";
    for text in [
        token.to_owned(),
        format!("policies: [{{decision: {token}}}]"),
        format!("{{\"issuers\": [], \"{token}\": 1}}"),
        format!("issuers: []\n{token}: &a [*a]"),
        format!("\"{token}"),
        format!("@{token}"),
    ] {
        let error = error(&text);
        assert!(!error.contains("c2lnbmF0dXJl"), "{error}");
    }
}

#[test]
fn quotes_are_short_and_escaped() {
    let long = "\u{202e}\u{1b}".repeat(5_000);
    let value = serde_json::to_string(&long).unwrap();
    let message = error(&format!("[{{\"decision\": {value}}}]"));
    assert!(message.len() < 700, "{message}");
    assert!(message.is_ascii() && !message.contains('\u{1b}'), "{message}");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}|[ \\n\\t\\[\\]{}:,\"'&*!|>%@#?<a0-]{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn damaged_documents_are_read_or_refused(
        which in 0..4usize, at in any::<prop::sample::Index>(), with in any::<char>(),
    ) {
        let mut text: Vec<char> = [OWN_YAML, OWN_JSON, API_ISSUERS, API_POLICY][which].chars().collect();
        let at = at.index(text.len());
        text[at] = with;
        if let Err(error) = parse(&text.iter().collect::<String>()) {
            prop_assert!(error.line >= 1 && error.column >= 1);
        }
    }

    #[test]
    fn json_tree_equals_serde_json_value(
        keys in prop::collection::btree_map("\\PC{0,8}", "\\PC{0,8}|[\\\\\"/\u{0}-\u{1f}]{0,8}", 0..6),
        numbers in prop::collection::vec(any::<i64>(), 0..4),
        pretty in any::<bool>(),
    ) {
        let value = json!({"keys": keys, "numbers": numbers, "none": null, "yes": true});
        let text = if pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        prop_assert_eq!(tree::json(&text).unwrap().to_json(), value);
    }
}

#[test]
fn private_keys_are_removed() {
    let text =
        r#"{"url": "u", "policies": [], "jwks": {"keys": [{"kty": "RSA", "n": "x", "d": "s"}]}}"#;
    let keys = parse(text).unwrap().issuers[0].jwks.clone().unwrap();
    assert_eq!(keys, json!({"keys": [{"kty": "RSA", "n": "x"}]}));
}
