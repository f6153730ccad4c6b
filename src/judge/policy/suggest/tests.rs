#![allow(clippy::unwrap_used)]
use super::*;

/// The rules after `aud` and `iss`, each as `claim=pattern`, and the joined notes.
fn suggested(mut claims: Value) -> (Vec<String>, String) {
    claims["iss"] = claims.get("iss").cloned().unwrap_or_else(|| json!("i"));
    claims["aud"] = json!("a");
    let suggestion = suggest(claims.as_object().unwrap(), &RequestedToken::default()).unwrap();
    let rules = suggestion.rules.iter().skip(2).map(|(c, p)| format!("{c}={p}")).collect();
    (rules, suggestion.notes.join(" "))
}

#[test]
fn id_rule_excludes_similar_names() {
    let sub = "repo:acme/web.shop:ref:refs/heads/main";
    let (rules, notes) = suggested(json!({"sub": sub, "repository_id": "74"}));
    assert_eq!(rules, [format!("sub={sub}"), "repository_id=74".to_owned()]);
    assert!(notes.contains("keeps any other repository out whose name looks like acme/web.shop"));
    let plain = json!({"sub": "repo:acme/web:ref:refs/heads/main", "repository_id": "74"});
    let (rules, notes) = suggested(plain);
    assert_eq!((rules.len(), notes.as_str()), (1, ""));
}

#[test]
fn id_does_not_pin_dotted_branch() {
    let sub = "repo:acme/web:ref:refs/heads/release-1.2";
    let (rules, notes) = suggested(json!({"sub": sub, "repository_id": "74"}));
    assert_eq!(rules, [format!("sub={sub}")]);
    let note = "the branch in sub: in a pattern . stands for any one character. The rule also \
                matches values that differ from release-1.2 only there, such as release-1X2.";
    assert_eq!(notes, note);
}

#[test]
fn omitted_claims_get_rules() {
    let circleci = json!({"sub": "org/o/project/p/user/e4c1d7f2-6a3b-49d8-b05e-8c2f7a1d9e34",
            "oidc.circleci.com/vcs-ref": "refs/heads/main"});
    let expected = [
        "sub=org/o/project/p/user/........-....-....-....-............",
        "\"oidc.circleci.com/vcs-ref\"=refs/heads/main",
    ];
    assert_eq!(suggested(circleci).0, expected);
    let step = "{9b1e4d70-5a2c-4f83-8d96-0c7e3f5a2b18}";
    let bitbucket = json!({"iss": "https://api.bitbucket.org/2.0/workspaces/acme/x",
        "sub": format!("{{r}}:{step}"), "branchName": "main"});
    let expected = ["sub={r}:{........-....-....-....-............}", "branchName=main"];
    assert_eq!(suggested(bitbucket).0, expected);
    let github = json!({"sub": "job_workflow_ref:acme/ci@refs/heads/main", "ref": "refs/heads/dev",
        "repository": "acme/web", "repository_id": "74"});
    let expected =
        ["sub=job_workflow_ref:acme/ci@refs/heads/main", "repository_id=74", "ref=refs/heads/dev"];
    assert_eq!(suggested(github).0, expected);
    let environment = json!({"sub": "repository_id:74:environment:prod", "ref": "refs/heads/dev",
        "environment": "prod", "repository_id": "74"});
    assert_eq!(suggested(environment).0, ["sub=repository_id:74:environment:prod"]);
}

#[test]
fn run_id_in_custom_subject_is_wildcard() {
    let claims = json!({"sub": "repository_id:74:run_id:12:ref:refs/heads/main", "run_id": "12",
        "run_number": "1", "ref": "refs/heads/main", "repository_id": "74"});
    let (rules, notes) = suggested(claims);
    assert_eq!(rules, ["sub=repository_id:74:run_id:*:ref:refs/heads/main"]);
    assert!(notes.contains("run_id in sub (12)"), "{notes}");
}

#[test]
fn person_and_queued_change_are_open() {
    let claims = json!({"sub": "repository_id:74:actor:octocat:ref:refs/heads/main",
        "actor": "octocat", "ref": "refs/heads/main", "repository_id": "74"});
    let (rules, notes) = suggested(claims);
    assert_eq!(rules, ["sub=repository_id:74:actor:*:ref:refs/heads/main"]);
    assert!(notes.contains("actor in sub (octocat)"), "{notes}");
    let queue = "repo:acme/web:ref:refs/heads/gh-readonly-queue/main/pr-12-c0ffee";
    let (rules, notes) = suggested(json!({"sub": queue}));
    assert_eq!(rules, ["sub=repo:acme/web:ref:refs/heads/gh-readonly-queue/main/pr-*"]);
    assert!(notes.contains("queued change in sub (12-c0ffee)"), "{notes}");
}

#[test]
fn pulumi_audience_is_preferred() {
    let claims = json!({"aud": ["sts.example", "urn:pulumi:org:acme"], "sub": "job"});
    let rules = suggest(claims.as_object().unwrap(), &RequestedToken::default()).unwrap().rules;
    let rules: Vec<_> = rules.iter().map(|(c, p)| (c.as_str(), p.as_str())).collect();
    assert_eq!(rules, [("aud", "urn:pulumi:org:acme"), ("sub", "job")]);
}
