//! Kinds of job against policies.

#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;
use crate::policy::document;

/// `kind: decision` of every kind, with the entries behind it.
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

#[test]
fn smoke() {
    let github = "https://token.actions.githubusercontent.com";
    let token = json!({"iss": github, "aud": "urn:pulumi:org:acme",
        "sub": "repo:acme/web:ref:refs/heads/main", "ref": "refs/heads/main",
        "repository": "acme/web", "repository_owner": "acme", "event_name": "push",
        "ref_type": "branch", "ref_protected": "true"});
    for rules in [
        json!({"aud": "urn:pulumi:org:acme", "sub": "repo:acme/web:ref:refs/heads/main"}),
        json!({"aud": "urn:pulumi:org:acme", "sub": "repo:acme/web:*"}),
        json!({"aud": "urn:pulumi:org:acme", "sub": "repo:acme/*"}),
        json!({"sub": "repo:*/web:*"}),
        json!({"aud": "urn:pulumi:org:acme", "repository_owner": "acme", "ref_protected": "true"}),
    ] {
        let policies = json!([{"decision": "allow", "tokenType": "organization", "rules": rules}]);
        println!(
            "{rules}\n  {:?}\n  {:?}",
            answers(&policies, github, Some(&token)),
            answers(&policies, github, None)
        );
    }
}
