#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn subjects_use_platform_words() {
    let entra = |connection: &str| {
        format!("/eid1/c/pub/t/rISbSSETf0KqFyZ8ppdXmA/a/rISbSSETf0KqFyZ8ppdXmA/sc/org/{connection}")
    };
    let cases = [
        ("repo:acme/App:*", "repo:acme/app:pull_request", "upper and lower case"),
        (
            "repo:acme/app:*",
            "repo:acme@12/app@34:ref:refs/heads/main",
            "begin it with repo:acme@12/app@34:",
        ),
        (
            "repo:acme/app:ref:refs/heads/main",
            "repo:acme/app:environment:prod",
            "the branch main, the token is from the environment prod. A job with",
        ),
        (
            "repo:acme/app:environment:prod",
            "repo:acme/app:pull_request",
            "the environment prod, the token is from pull requests",
        ),
        ("repo:acme/web:*", "repo:acme/app:pull_request", "The repository differs"),
        ("sc://o/p/prod", "sc://o/p/test", "The service connection differs"),
        ("p://o/p/x", "sc://o/p/x", "it was requested with a service connection id"),
        ("sc://o/p/x", &entra("c"), "the token has the subject of Entra's"),
        (&entra("one"), &entra("two"), "The service connection differs: the rule is for one"),
        (
            "project_path:g/p:ref_type:branch:ref:refs/heads/main",
            "project_path:g/p:ref_type:branch:ref:main",
            "Rule and token differ in refs/heads/: only the rule has it",
        ),
        ("repo:acme/app", "repo:acme/app:pull_request", "has no * at its end"),
        (
            "repo:globex/other:*",
            "repo:acme@1/app@2:pull_request",
            "The repository differs: the rule is for globex/other, the token is from acme@1/app@2",
        ),
        ("repo:acme@1/app@2:*", "repo:acme@1/app@3:pull_request", "the ids are not"),
        ("repo:acme@1/app@2:*", "repo:acme/app:pull_request", "begin the rule with repo:acme/app:"),
        (
            "repo:acme/web:ref:refs/heads/main",
            "repo:acme/app:environment:prod",
            "The repository differs: the rule is for acme/web, the token is from acme/app. The \
             rule is for the branch main",
        ),
        (
            "sc://o/a/b",
            "sc://o/c/d",
            "The project differs: the rule is for a, the token is from c. The service connection",
        ),
        (
            "sc://o/*",
            "sc://p/c/d",
            "Rule and token begin to differ in the organization: the token is from p",
        ),
        ("org/o/project/p/user/u", "org/o/project/p/user/v", "is whoever starts the run"),
        (
            "org/o/project/p/user/u/vcs-origin/a/vcs-ref/b",
            "org/o/project/p/user/u",
            "of CIRCLE_OIDC_TOKEN_V2, the token is CIRCLE_OIDC_TOKEN:",
        ),
        (
            "/eid1/c/pub/t/*/a/*/sc/other/*",
            &entra("two"),
            "The organization differs: the rule is for other, the token is from org.",
        ),
        (
            "/eid1/c/usg/t/499b84ac-1321-427f-aa17-267ca6975798/a/*",
            &entra("two"),
            "The cloud differs: the rule is for usg, the token is from pub. The rule has the \
             tenant as the id 499b84ac-1321-427f-aa17-267ca6975798; the subject has it encoded, \
             as rISbSSETf0KqFyZ8ppdXmA.",
        ),
        (
            "/eid1/c/pub/t/x/*",
            &entra("two"),
            "the rule has x, the token is from 499b84ac-1321-427f-aa17-267ca6975798, which is \
             rISbSSETf0KqFyZ8ppdXmA in the subject",
        ),
        ("^repo:acme/.*$", "repo:acme/app:pull_request", "regular expression"),
    ];
    for (rule, subject, expected) in cases {
        let all = explain("", rule, subject).join(" ");
        assert!(all.contains(expected), "{rule} / {subject}: {all}");
    }
}
#[test]
fn explanations_contain_no_false_claims() {
    let entra = "/eid1/c/pub/t/rISbSSETf0KqFyZ8ppdXmA/a/rISbSSETf0KqFyZ8ppdXmA/sc/org/c";
    let cases = [
        ("sc://acme/web/prod", entra, "cloud"),
        ("repo:globex/other:*", "repo:acme@1/app@2:pull_request", "immutable"),
        ("/eid1/c/pub/t/*/a/*/sc/other/*", entra, "connection differs"),
        ("sc://o/p", "sc://o/p/c", "differ"),
        ("job:*", "job2:x", "customised"),
    ];
    for (rule, subject, wrong) in cases {
        let all = explain("", rule, subject).join(" ");
        assert!(!all.contains(wrong), "{rule} / {subject}: {all}");
    }
}

#[test]
fn outdated_rule_keeps_wildcards() {
    let new = "repo:Northwind@320249603/gps@1291874641:ref:refs/heads/main";
    for (rule, subject, expected) in [
        ("repo:Northwind/gps:*", new, Some("repo:Northwind@320249603/gps@1291874641:*")),
        (
            "repo:Northwind/gps:ref:refs/heads/*",
            new,
            Some("repo:Northwind@320249603/gps@1291874641:ref:refs/heads/*"),
        ),
        // Of another branch, repository or owner.
        ("repo:Northwind/gps:ref:refs/tags/*", new, None),
        ("repo:Northwind/web:*", new, None),
        ("repo:ada/gps:*", new, None),
        ("repo:*/gps:*", new, None),
        ("repo:Northwind/gps:*", "repo:Northwind/gps:pull_request", None),
    ] {
        let renewed =
            update_outdated_rule(rule, subject).map(|renewed| renewed.unwrap().to_string());
        assert_eq!(renewed.as_deref(), expected, "{rule}");
    }
    // A branch's name may hold a wildcard; the rule does not take it.
    let hostile = update_outdated_rule("repo:acme/web:*", "repo:ac*@1/web@2:ref:refs/heads/x");
    assert!(hostile.is_none());
}
