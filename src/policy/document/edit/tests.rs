//! Edits of documents in every layout. Only the intended lines change.

#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn entry() -> Map<String, Value> {
    let entry = json!({
        "decision": "allow", "tokenType": "organization", "authorizedPermissions": [],
        "rules": {"aud": "urn:pulumi:org:acme", "sub": "repo:acme/web:ref:refs/heads/main"},
    });
    entry.as_object().unwrap().clone()
}

fn add() -> [Edit; 1] {
    [Edit::Add { registration: 0, entry: entry() }]
}

fn pattern(pattern: &str) -> [Edit; 1] {
    [Edit::Pattern { registration: 0, entry: 0, rule: 0, pattern: pattern.to_owned() }]
}

/// The lines that only one of the texts has, with their line ends.
fn changed_lines(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let diff = similar::TextDiff::from_lines(before, after);
    let of = |tag: similar::ChangeTag| {
        diff.iter_all_changes()
            .filter(|change| change.tag() == tag)
            .map(|change| change.value().to_owned())
            .collect()
    };
    (of(similar::ChangeTag::Delete), of(similar::ChangeTag::Insert))
}

/// Documents with at least one entry: name, number of existing lines that an added entry changes,
/// text.
const LAYOUTS: &[(&str, usize, &str)] = &[
    (
        "block",
        0,
        "issuers:\n  - url: u # here\n    policies:\n      - decision: allow\n        tokenType: org\n        rules:\n          sub: a # the job\n\n  # the next\n  - url: v\n    policies: []\n",
    ),
    (
        "block without indentation",
        0,
        "url: u\npolicies:\n- decision: allow\n  tokenType: org\n  rules:\n    sub: a\nname: n\n",
    ),
    (
        "no line break at the end",
        1,
        "url: u\npolicies:\n- decision: allow\n  tokenType: org\n  rules: {sub: a}",
    ),
    (
        "flow items in a block list",
        0,
        "url: u\npolicies:\n  - {decision: allow, tokenType: org, rules: {sub: a}}\n  # end\n",
    ),
    (
        "flow list",
        1,
        "url: u\npolicies: [{decision: allow, tokenType: org, rules: {sub: a}}] # x\nname: n\n",
    ),
    (
        "flow list on lines",
        1,
        "url: u\npolicies: [\n    {decision: allow, tokenType: org, rules: {sub: a}} # x\n  ]\n",
    ),
    (
        "flow list with a comma",
        0,
        "url: u\npolicies: [\n    {decision: allow, tokenType: org, rules: {sub: a}},\n  ]\n",
    ),
    (
        "json",
        0,
        "{\n  \"url\": \"u\",\n  \"policies\": [\n    {\n      \"decision\": \"allow\",\n      \"tokenType\": \"org\",\n      \"rules\": {\n        \"sub\": \"a\"\n      }\n    }\n  ]\n}\n",
    ),
    (
        "json with tabs",
        0,
        "{\n\t\"url\": \"u\",\n\t\"policies\": [\n\t\t{\n\t\t\t\"decision\": \"allow\",\n\t\t\t\"tokenType\": \"org\",\n\t\t\t\"rules\": {\"sub\": \"a\"}\n\t\t}\n\t]\n}",
    ),
    (
        "json on one line",
        1,
        "{\"url\": \"u\", \"policies\": [{\"decision\": \"allow\", \"tokenType\": \"org\", \"rules\": {\"sub\": \"a\"}}]}",
    ),
    (
        "json, an entry a line",
        1,
        "{\"policies\": [\n  {\"decision\": \"allow\", \"tokenType\": \"org\", \"rules\": {\"sub\": \"a\"}}\n]}\n",
    ),
    ("a bare list", 0, "- decision: allow\n  tokenType: org\n  rules:\n    sub: a\n"),
    (
        "block string at the end",
        0,
        "url: u\npolicies:\n  - decision: allow\n    tokenType: org\n    rules:\n      sub: |-\n        a\n\nname: n\n",
    ),
    (
        "an anchor that is used later",
        0,
        "url: u\npolicies:\n  - decision: allow\n    tokenType: org\n    rules: &r\n      sub: a\n  - decision: deny\n    tokenType: team\n    teamName: t\n    rules: *r\n",
    ),
    (
        "program",
        0,
        "name: x\nruntime: yaml\nresources:\n  a:\n    type: pulumiservice:index:OidcIssuer\n    properties:\n      url: u\n      policies:\n        - decision: allow\n          tokenType: organization\n          rules:\n            sub: a\n  b:\n    type: other:x:Y\n",
    ),
    (
        "program with a policy of its own",
        0,
        "resources:\n  a:\n    type: pulumiservice:api/auth:OidcIssuer\n    properties:\n      url: u\n  p:\n    type: pulumiservice:api/auth:Policy\n    properties:\n      issuerId: ${a.id}\n      policies:\n      - decision: allow\n        tokenType: organization\n        rules:\n          sub: a\n",
    ),
    (
        "comments between",
        0,
        "url: u\npolicies:\n  # first\n  - decision: allow\n    tokenType: org\n    # the rules\n    rules:\n      # the subject\n      sub: a\n    # end\n# end of all\n",
    ),
    (
        "quoted keys",
        0,
        "\"url\": u\n'policies':\n  - \"decision\": allow\n    tokenType: \"org\"\n    rules:\n      \"sub\": 'a'\n",
    ),
];

#[test]
fn entry_is_added_in_every_layout() {
    for (name, lines, text) in LAYOUTS {
        for text in [(*text).to_owned(), text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
            let after =
                apply(&text, &add()).unwrap_or_else(|why| panic!("{name}: {why:?}\n{text}"));
            let (removed, added) = changed_lines(&text, &after);
            assert_eq!(removed.len(), *lines, "{name}: {removed:?}\n{after}");
            assert!(added.len() > removed.len() || removed.len() == 1, "{name}: {after}");
            let read = parse(&after).unwrap();
            let last = read.issuers[0].policies.as_ref().unwrap().last().unwrap();
            assert_eq!(last.rules[1].pattern, "repo:acme/web:ref:refs/heads/main", "{name}");
            let crlf = text.contains("\r\n");
            assert!(
                after.lines().count() < 2 || crlf == after.contains("\r\n"),
                "{name}: {after:?}"
            );
            assert!(!crlf || !after.replace("\r\n", "").contains('\n'), "{name}: {after:?}");
            // A second entry follows the first one.
            let twice =
                apply(&after, &add()).unwrap_or_else(|why| panic!("{name}: {why:?}\n{after}"));
            let read = parse(&twice).unwrap();
            let entries = read.issuers[0].policies.as_ref().unwrap();
            assert_eq!(entries.last().unwrap().rules, {
                let mut rules = entries[entries.len() - 2].rules.clone();
                for (rule, of) in rules.iter_mut().zip(&entries.last().unwrap().rules) {
                    rule.place = of.place;
                }
                rules
            });
        }
    }
}

#[test]
fn entry_is_added_to_empty_list() {
    for text in [
        "url: u\npolicies: [] # none yet\nname: n\n",
        "issuers:\n- url: u\n  policies: []\n- url: v\n  policies: []\n",
        "issuers:\n- policies: []\n  url: u\n",
        "{url: u, policies: []}",
        "{\n  \"url\": \"u\",\n  \"policies\": []\n}\n",
        "{\n  \"url\": \"u\",\n  \"policies\": [],\n  \"name\": \"n\"\n}\n",
        "{\"url\": \"u\", \"policies\": []}",
        "url: u\npolicies: [\n]\n",
        "policies: []",
    ] {
        for text in [text.to_owned(), text.replace('\n', "\r\n")] {
            let after = apply(&text, &add()).unwrap_or_else(|why| panic!("{why:?}\n{text}"));
            let (removed, _) = changed_lines(&text, &after);
            assert!(removed.len() <= 2, "{after}");
            assert_eq!(parse(&after).unwrap().issuers[0].policies.as_ref().unwrap().len(), 1);
        }
    }
}

#[test]
fn edited_pattern_keeps_quoting_style() {
    let wrapped = |rule: &str| {
        format!("url: u\npolicies:\n- decision: allow\n  tokenType: org\n  rules:\n    {rule}\n")
    };
    for (before, after) in [
        ("sub: a # x", "sub: repo:acme/web # x"),
        ("sub: \"a\"", "sub: \"repo:acme/web\""),
        ("sub: 'a'", "sub: 'repo:acme/web'"),
        ("sub:   a", "sub:   repo:acme/web"),
        ("sub: |-\n      a", "sub: |-\n      repo:acme/web"),
        ("sub: >-\n      a", "sub: >-\n      repo:acme/web"),
        ("? sub\n    : a", "? sub\n    : repo:acme/web"),
        ("sub: &x a", "sub: &x repo:acme/web"),
        ("sub: !!str a", "sub: !!str repo:acme/web"),
    ] {
        for end in ["\n", "\r\n"] {
            let (before, after) =
                (wrapped(before).replace('\n', end), wrapped(after).replace('\n', end));
            assert_eq!(
                apply(&before, &pattern("repo:acme/web")).as_deref(),
                Ok(&*after),
                "{before}"
            );
        }
    }
    let json = "{\"url\":\"u\",\"policies\":[{\"decision\":\"allow\",\"tokenType\":\"org\",\"rules\":{\"sub\":\"\\u0061\"}}]}";
    let after = apply(json, &pattern("repo:\"x\"\u{1f600}")).unwrap();
    assert_eq!(after, json.replace("\\u0061", "repo:\\\"x\\\"\u{1f600}"));
    // In a flow mapping a colon gets quotes.
    let flow = "policies: [{decision: allow, tokenType: org, rules: {sub: a, aud: b}}]\n";
    let after = apply(flow, &pattern("repo:a/b")).unwrap();
    assert_eq!(after, flow.replace("sub: a", "sub: 'repo:a/b'"));
}

#[test]
fn claim_is_renamed() {
    let text = "policies:\n- decision: allow\n  tokenType: org\n  rules:\n    kubernetes.io.namespace: ci # n\n";
    let edit = Edit::Claim {
        registration: 0,
        entry: 0,
        rule: 0,
        claim: "\"kubernetes.io\".namespace".to_owned(),
    };
    let after = apply(text, std::slice::from_ref(&edit)).unwrap();
    assert_eq!(after, text.replace("kubernetes.io.namespace", "'\"kubernetes.io\".namespace'"));
    let json = "{\"policies\": [{\"decision\": \"allow\", \"tokenType\": \"org\", \"rules\": {\"kubernetes.io.namespace\": \"ci\"}}]}";
    let after = apply(json, &[edit]).unwrap();
    assert!(after.contains(r#""\"kubernetes.io\".namespace": "ci""#), "{after}");
}

#[test]
fn edited_yaml_alias_becomes_value() {
    let text = "policies:\n- decision: deny\n  tokenType: org\n  rules: {sub: &s a}\n- decision: allow\n  tokenType: org\n  rules:\n    sub: *s\n";
    let edit = [Edit::Pattern { registration: 0, entry: 1, rule: 0, pattern: "b:c".to_owned() }];
    assert_eq!(apply(text, &edit).as_deref(), Ok(&*text.replace("sub: *s", "sub: b:c")));
}

#[test]
fn edits_with_side_effects_are_refused() {
    let first = pattern("b");
    for (text, edit, why) in [
        (
            "policies:\n- decision: allow\n  tokenType: org\n  rules: {sub: &s a}\n- decision: deny\n  tokenType: org\n  rules: {sub: *s}\n",
            &first,
            "repeat",
        ),
        (
            "policies:\n- &e\n  decision: allow\n  tokenType: org\n  rules: {sub: a}\n- *e\n",
            &first,
            "repeat",
        ),
        (
            "issuers:\n- url: u\n  policies: &p\n  - decision: allow\n    tokenType: org\n    rules: {sub: a}\n- url: v\n  policies: *p\n",
            &add(),
            "repeat",
        ),
        (
            "issuers:\n- url: u\n  policies: &p\n  - decision: allow\n    tokenType: org\n    rules: {sub: a}\n- url: v\n  policies: *p\n",
            &[Edit::Add { registration: 1, entry: entry() }],
            "repeat",
        ),
        (
            "policies:\n- decision: allow\n  tokenType: org\n  rules:\n    sub: |\n      a\n      b\n",
            &first,
            "several lines",
        ),
        (
            "resources:\n  a:\n    type: pulumiservice:OidcIssuer\n    properties:\n      url: u\n      policies:\n      - decision: allow\n        tokenType: org\n        rules: {sub: '${x}'}\nvariables:\n  x: a\n",
            &first,
            "expression",
        ),
        (
            "resources:\n  a:\n    type: pulumiservice:api/auth:OidcIssuer\n    properties:\n      url: u\n",
            &add(),
            "no list",
        ),
        (
            "{\"deployment\": {\"resources\": [{\"type\": \"pulumiservice:index:OidcIssuer\", \"outputs\": {\"url\": \"u\", \"policies\": []}}]}}",
            &add(),
            "stack",
        ),
    ] {
        let refused = apply(text, edit).unwrap_err();
        assert!(refused.0.contains(why), "{text}\n{refused:?}");
    }
    // A rule from a merge key is not written in the entry.
    let merged = "x: &x {sub: a}\npolicies:\n- decision: allow\n  tokenType: org\n  rules:\n    <<: *x\n    aud: b\n";
    let rules = parse(merged).unwrap().issuers.remove(0).policies.unwrap().remove(0).rules;
    let at = rules.iter().position(|rule| rule.claim == "sub").unwrap();
    let edit = [Edit::Pattern { registration: 0, entry: 0, rule: at, pattern: "c".to_owned() }];
    assert!(apply(merged, &edit).is_err());
}

#[test]
fn pulumi_yaml_expressions_are_escaped() {
    let text = "resources:\n  a:\n    type: pulumiservice:OidcIssuer\n    properties:\n      url: u\n      policies: []\n";
    let mut entry = entry();
    entry["rules"]["sub"] = json!("repo:${x}:y");
    let after = apply(text, &[Edit::Add { registration: 0, entry }]).unwrap();
    assert!(after.contains("$${x}"), "{after}");
}

proptest! {
    /// For any values, the edited text has the intended content, or the edit is refused.
    #[test]
    fn edited_text_has_intended_content(
        layout in 0..LAYOUTS.len(),
        before in "[a-z:/*#'\"\\\\ {}\\[\\],&!|>%@`-]{1,12}",
        after in "[ -~]{1,12}|[\u{e9}\u{202e}\u{1f600}\\n\\t]{1,3}",
        crlf in any::<bool>(),
    ) {
        let quoted = serde_json::to_string(&before).unwrap();
        let text = LAYOUTS[layout].2
            .replace("sub: a", &format!("sub: {quoted}"))
            .replace("'a'", &format!("'{}'", before.replace('\'', "''")))
            .replace("\"a\"", &quoted);
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let Ok(document) = parse(&text) else { return Ok(()) };
        for edit in [pattern(&after), add()] {
            if let Ok(after_edit) = apply(&text, &edit) {
                let expected = edit.iter().fold(without_places(document.clone()), edited);
                prop_assert_eq!(without_places(parse(&after_edit).unwrap()), expected, "{}", after_edit);
                let (removed, _) = changed_lines(&text, &after_edit);
                prop_assert!(removed.len() <= 2, "{}", after_edit);
            } else {
                prop_assert!(edit == pattern(&after), "an entry can be added\n{}", text);
            }
        }
    }

    #[test]
    fn any_text_is_edited_or_refused(text in "\\PC{0,80}|[ \\n\\t\\[\\]{}:,\"'&*!|>%@#?<a0-]{0,80}") {
        let _ = apply(&format!("policies:\n{text}"), &add());
        let _ = apply(&text, &add());
    }
}
