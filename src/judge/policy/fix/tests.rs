//! Plans for tokens and policies of all platforms.

#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;
use crate::policy::document::parse;

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const AUD: &str = "urn:pulumi:org:acme";

fn document(issuer: &str, rules: &[Value]) -> Document {
    let entries: Vec<Value> = rules
        .iter()
        .map(|rules| json!({"decision": "allow", "tokenType": "organization", "rules": rules}))
        .collect();
    parse(&json!({"url": issuer, "policies": entries}).to_string()).unwrap()
}

fn plan_fix(issuer: &str, rules: &[Value], claims: &Value, if_meant: bool) -> Plan {
    let mut claims = claims.as_object().unwrap().clone();
    claims.insert("iss".to_owned(), json!(issuer));
    plan(&document(issuer, rules), &claims, &RequestedToken::default(), None, if_meant)
}

/// The new patterns and claims of the first way. Empty if it adds an entry.
fn changed_lines(issuer: &str, rules: Value, claims: &Value) -> Vec<String> {
    let Plan::Change { ways, .. } = plan_fix(issuer, &[rules], claims, false) else {
        return vec![];
    };
    let edit = |edit: &Edit| match edit {
        Edit::Pattern { pattern, .. } => Some(pattern.clone()),
        Edit::Claim { claim, .. } => Some(claim.clone()),
        Edit::Add { .. } => None,
    };
    ways[0].iter().filter_map(edit).collect()
}

fn github(sub: &str) -> Value {
    json!({"aud": AUD, "sub": sub, "repository": "acme/web", "repository_id": "74",
        "repository_owner": "acme", "repository_owner_id": "65", "ref": "refs/heads/main",
        "ref_type": "branch", "ref_protected": "true", "event_name": "push"})
}

#[test]
fn dead_patterns_are_replaced() {
    let main = github("repo:acme/web:ref:refs/heads/main");
    let immutable = github("repo:acme@65/web@74:ref:refs/heads/main");
    let entra = "https://login.microsoftonline.com/8e3b/v2.0";
    let sub = "/eid1/c/pub/t/TSw7jmAffkqbUsDU5vihsw/a/rISbSSETf0KqFyZ8ppdXmA/sc/5a1c/c3f0";
    let connection = json!({"aud": "fb60f99c-7a34-4190-8149-302f77469936", "sub": sub});
    let cases = [
        (
            GITHUB,
            json!({"aud": AUD, "sub": "repo:Acme/web:ref:refs/heads/main"}),
            &main,
            "repo:acme/web:ref:refs/heads/main",
        ),
        (
            GITHUB,
            json!({"aud": AUD, "sub": "repo:acme/web:refs/heads/main"}),
            &main,
            "repo:acme/web:ref:refs/heads/main",
        ),
        (
            GITHUB,
            json!({"aud": AUD, "sub": "repo:acme/web:ref:heads/main"}),
            &main,
            "repo:acme/web:ref:refs/heads/main",
        ),
        (
            GITHUB,
            json!({"aud": AUD, "sub": "rep:acme/web:ref:refs/heads/main"}),
            &main,
            "repo:acme/web:ref:refs/heads/main",
        ),
        (
            GITHUB,
            json!({"aud": AUD, "sub": "repo:acme/web:ref:refs/heads/main"}),
            &immutable,
            "repo:acme@65/web@74:ref:refs/heads/main",
        ),
        (
            GITHUB,
            json!({"aud": AUD, "iss": "https://github.com", "sub": main["sub"]}),
            &main,
            GITHUB,
        ),
        (
            GITHUB,
            json!({"aud": AUD, "repositry": "acme/web", "sub": main["sub"]}),
            &main,
            "repository",
        ),
        (
            entra,
            json!({"aud": "api://AzureADTokenExchange", "sub": sub}),
            &connection,
            "fb60f99c-7a34-4190-8149-302f77469936",
        ),
        (
            entra,
            json!({"aud": connection["aud"], "sub": "sc://acme/web/production"}),
            &connection,
            sub,
        ),
        (
            "https://gitlab.com",
            json!({"aud": AUD, "sub": "project_path:acme/web:ref_type:branch:ref:refs/heads/main"}),
            &json!({"aud": AUD, "sub": "project_path:acme/web:ref_type:branch:ref:main"}),
            "project_path:acme/web:ref_type:branch:ref:main",
        ),
        (
            "https://oidc.eks.eu-west-1.amazonaws.com/id/E",
            json!({"aud": AUD, "sub": "system:serviceaccount:ci:up", "kubernetes.io.namespace": "ci"}),
            &json!({"aud": [AUD], "sub": "system:serviceaccount:ci:up", "kubernetes.io": {"namespace": "ci"}}),
            "\"kubernetes.io\".namespace",
        ),
    ];
    for (issuer, rules, claims, expected) in cases {
        assert_eq!(changed_lines(issuer, rules.clone(), claims), [expected], "{rules}");
    }
}

#[test]
fn patterns_that_some_token_can_match_stay() {
    let main = github("repo:acme/web:ref:refs/heads/main");
    for sub in [
        "repo:acme/web:ref:refs/heads/release",
        "repo:acme/web:ref:refs/heads/Main",
        "repo:acme/wbe:ref:refs/heads/main",
        "repo:acme/web:environment:prod",
        "repo:acme/web:pull_request",
        "repo:globex/web:*",
    ] {
        let rules = json!({"aud": AUD, "sub": sub});
        assert_eq!(changed_lines(GITHUB, rules.clone(), &main), [""; 0], "{sub}");
        let Plan::Change { ways, entry } = plan_fix(GITHUB, &[rules], &main, false) else {
            panic!()
        };
        assert_eq!(ways.len(), 1);
        assert_eq!(entry["rules"]["sub"], main["sub"]);
    }
    for (rules, claims) in [
        // The job may have requested another audience.
        (json!({"aud": "urn:pulumi:org:globex", "sub": main["sub"]}), &main),
        // Other jobs could get in too.
        (
            json!({"aud": "api://AzureADTokenExchange", "sub": "/eid1/*"}),
            &json!({
            "aud": "fb60f99c-7a34-4190-8149-302f77469936",
            "sub": "/eid1/c/pub/t/TSw7jmAffkqbUsDU5vihsw/a/rISbSSETf0KqFyZ8ppdXmA/sc/5a1c/c3f0"}),
        ),
    ] {
        assert_eq!(
            changed_lines("https://login.microsoftonline.com/8e3b/v2.0", rules.clone(), claims),
            [""; 0],
            "{rules}"
        );
    }
}

#[test]
fn added_entry_admits_no_other_kind() {
    let hcp = "https://app.terraform.io";
    let apply = json!({"aud": AUD, "sub": "organization:acme:project:web:workspace:prod:run_phase:apply",
        "terraform_organization_name": "acme", "terraform_project_name": "web",
        "terraform_workspace_name": "prod", "terraform_run_phase": "apply"});
    let Plan::Change { entry, .. } = plan_fix(hcp, &[], &apply, false) else { panic!() };
    assert_eq!(entry["rules"]["sub"], apply["sub"], "no plan gets in");

    let mut environment = json!({"aud": AUD, "sub": "project_path:acme/web:ref_type:branch:ref:main",
        "project_path": "acme/web", "ref": "main", "ref_type": "branch", "ref_protected": "true"});
    environment["environment"] = json!("production");
    let Plan::Change { entry, .. } = plan_fix("https://gitlab.com", &[], &environment, false)
    else {
        panic!()
    };
    assert_eq!(entry["rules"]["environment"], "production", "no other environment gets in");

    let mut pull = github("repo:acme/web:pull_request");
    pull["event_name"] = json!("pull_request");
    pull["ref"] = json!("refs/pull/17/merge");
    pull["ref_protected"] = json!("false");
    let Plan::Change { entry, .. } = plan_fix(GITHUB, &[], &pull, true) else { panic!() };
    assert_eq!(entry["rules"]["event_name"], "pull_request", "no fork gets in");
    assert_eq!(entry["rules"].get("ref"), None, "the next pull request has another");
}

#[test]
fn unwanted_tokens_need_if_meant() {
    let with = |changes: Value| {
        let mut claims = github("repo:acme/web:ref:refs/heads/main");
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims
    };
    for changes in [
        json!({"event_name": "pull_request", "sub": "repo:acme/web:pull_request"}),
        json!({"event_name": "pull_request_target", "sub": "repo:acme/web:pull_request"}),
        json!({"ref_protected": "false"}),
        json!({"aud": "sts.amazonaws.com"}),
        json!({"aud": "https://github.com/acme"}),
    ] {
        let plan = plan_fix(GITHUB, &[], &with(changes.clone()), false);
        assert!(matches!(plan, Plan::Unwanted(_)), "{changes}: {plan:?}");
        let plan = plan_fix(GITHUB, &[], &with(changes.clone()), true);
        assert!(matches!(plan, Plan::Change { .. }), "{changes}: {plan:?}");
    }
}

#[test]
fn undecidable_policies_are_undecided() {
    let main = github("repo:acme/web:ref:refs/heads/main");
    let issuer = |document: &str, claims: &Value| {
        let mut claims = claims.as_object().unwrap().clone();
        claims.insert("iss".to_owned(), json!(GITHUB));
        match plan(&parse(document).unwrap(), &claims, &RequestedToken::default(), None, false) {
            Plan::Undecided(why) => why,
            other => format!("{other:?}"),
        }
    };
    let deny = json!({"decision": "deny", "tokenType": "organization", "rules": {"aud": AUD}});
    let of = |entries: Value| json!({"url": GITHUB, "policies": entries});
    let wildcard = github("repo:acme/*:ref:refs/heads/main");
    for (document, claims, words) in [
        (of(json!([deny])), &main, "policy 1 denies this token"),
        (json!({"url": "https://gitlab.com", "policies": []}), &main, "not registered"),
        (json!({"issuers": [of(json!([])), of(json!([]))]}), &main, "registered twice"),
        (
            json!({"oidcIssuers": [{"id": "i", "name": "n", "url": GITHUB, "issuer": GITHUB}]}),
            &main,
            "does not tell",
        ),
        (of(json!([])), &wildcard, "no safe rule"),
    ] {
        let why = issuer(&document.to_string(), claims);
        assert!(why.contains(words), "{words}: {why}");
    }
    let allowed = plan_fix(GITHUB, &[json!({"aud": AUD})], &main, false);
    assert_eq!(allowed, Plan::Allowed { entry: 0 });
}
