#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;
use crate::policy::document;

/// Each kind with its decision and entries.
fn answers(policies: &Value, issuer: &str, token: Option<&Value>) -> Vec<String> {
    let document = json!({"url": issuer, "policies": policies}).to_string();
    let document = document::parse(&document).unwrap();
    let token = token.map(|token| token.as_object().unwrap());
    let found = who(&document, token, None).kinds;
    found
        .iter()
        .map(|row| format!("{} {} {:?}", row.kind.name(), row.decision, row.entries))
        .collect()
}

const GITHUB: &str = "https://token.actions.githubusercontent.com";

fn allow(rules: Value) -> Value {
    json!({"decision": "allow", "tokenType": "organization", "rules": rules})
}

#[test]
fn conflicting_rules_leave_kind_undetermined() {
    let token = json!({"iss": GITHUB, "aud": "a", "sub": "repo:acme/web:ref:refs/heads/main",
        "repository": "acme/web", "ref": "refs/heads/main"});
    let of = |branches: [&str; 2]| {
        let rules = json!({"aud": "a", "sub": format!("repo:acme/web:ref:refs/heads/{}", branches[0]),
            "ref": format!("refs/heads/{}", branches[1])});
        let found = answers(&json!([allow(rules)]), GITHUB, Some(&token));
        found.into_iter().find(|answer| answer.starts_with("branch ")).unwrap()
    };
    assert_eq!(of(["*", "rel-*"]), "branch allow [0]");
    assert_eq!(of(["rel-?", "rel-*"]), "branch allow [0]");
    assert_eq!(of(["main", "*"]), "branch deny []");
    // `dev` and `prod` are two branches; whether one has both in its name was not found out.
    assert_eq!(of(["*dev*", "*prod*"]), "branch unknown [0]");
}

#[test]
fn denying_entries_are_listed() {
    let deny = json!({"decision": "deny", "tokenType": "organization", "rules": {"sub": "*:pull_request"}});
    let policies = json!([allow(json!({"aud": "a", "sub": "repo:acme/web:*"})), deny]);
    let found = answers(&policies, GITHUB, None);
    assert!(found.contains(&"pull-request deny [1]".to_owned()), "{found:?}");
    assert!(found.contains(&"branch allow [0]".to_owned()), "{found:?}");
}

#[test]
fn issuer_without_entries_admits_nobody() {
    let found = answers(&json!([]), GITHUB, None);
    assert!(found.iter().all(|answer| answer.contains(" deny ")), "{found:?}");
}

#[test]
fn large_policy_stays_within_budget() {
    let entries: Vec<Value> = (0..300)
        .map(|n| {
            allow(json!({"aud": "urn:pulumi:org:acme", "repository_owner": "acme",
                "sub": format!("repo:acme/web-{n}:ref:refs/heads/main")}))
        })
        .collect();
    for token in [
        None,
        Some(json!({"iss": GITHUB, "aud": "urn:pulumi:org:acme",
        "sub": "repo:acme/web-299:ref:refs/heads/main", "repository_owner": "acme"})),
    ] {
        let found = answers(&json!(entries), GITHUB, token.as_ref());
        assert!(!found.iter().any(|answer| answer.contains("unknown")), "{found:?}");
    }
}
