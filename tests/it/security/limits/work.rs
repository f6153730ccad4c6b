//! The work for a policy and a token is limited: beyond the budget, rules are undetermined.

use serde_json::{Value, json};

use super::{ISSUER, TIMEOUT, entry, in_time, judged, policy, rule, token};
use crate::support::{Doctor, ORGANIZATION, Response, Run, World, platforms};

fn assert_undecided(run: &Run) {
    assert_eq!(run.status, 3, "{}", run.stderr);
    assert_eq!(run.report["policy"]["decision"], "unknown");
    run.assert_check("policy", "skip", Some("--policy"));
    run.assert_finding_contains("policy-unknown", &["not evaluated", "the work for a policy"]);
    let rules = run.report["policy"]["entries"].as_array().unwrap().iter();
    let mut rules = rules.flat_map(|entry| entry["rules"].as_array().unwrap());
    assert!(rules.any(|rule| rule["limit"] == "work" && rule["undetermined"] == true));
}

/// The slowest patterns, each of just under 4 KiB.
fn slow(decision: &str, count: usize) -> Vec<Value> {
    let pattern = |number| format!("{}*b{number}", "*a".repeat(2_000));
    (0..count).map(|number| rule(decision, "sub", &pattern(number))).collect()
}

#[test]
fn long_patterns_on_long_claim() {
    let token = token(&json!({"sub": "a".repeat(90 << 10)}));
    let run = |entries: &[Value]| in_time(|| judged(&token, &policy(entries)), Doctor::json);
    assert_undecided(&run(&slow("allow", 300)));
    // One of the entries that are not evaluated could deny.
    assert_undecided(&run(&[vec![rule("allow", "aud", "a")], slow("deny", 300)].concat()));
    // If no other entry can change the decision, it is known, and the report mentions the others.
    let certain = run(&[vec![rule("deny", "aud", "a")], slow("allow", 300)].concat());
    assert_eq!(certain.report["policy"]["decision"], "deny");
    let certain = run(&[vec![rule("allow", "aud", "a")], slow("allow", 300)].concat());
    assert_eq!(certain.report["policy"]["decision"], "allow");
    let summary = certain.check("policy")["summary"].as_str().unwrap();
    assert!(summary.contains("299 rules were not evaluated"), "{summary}");
    let human = in_time(|| judged(&token, &policy(&slow("allow", 300))), Doctor::human);
    assert!(human.stdout.contains("not evaluated"), "{}", human.stdout);
    // Control: many entries with realistic patterns and a realistic claim.
    let short = super::token(&json!({"sub": "repo:acme/web-shop:ref:refs/heads/main"}));
    let mut entries = vec![rule("allow", "sub", "repo:acme/*:environment:prod"); 900];
    entries.push(rule("allow", "sub", "repo:acme/*:ref:refs/heads/main"));
    let run = in_time(|| judged(&short, &policy(&entries)), Doctor::json);
    assert_eq!(run.report["policy"]["closest"], 900);
    run.assert_healthy();
}

#[test]
fn many_rules_on_long_audience() {
    let audience: Vec<String> = (0..9_000).map(|number| format!("a{number}")).collect();
    let token = token(&json!({"aud": audience}));
    for pattern in ["*b", &"z".repeat(4_000)] {
        let entries: Vec<Value> =
            (0..400).map(|number| rule("allow", "aud", &format!("{pattern}{number}"))).collect();
        assert_undecided(&in_time(|| judged(&token, &policy(&entries)), Doctor::json));
    }
    let run = in_time(|| judged(&token, &policy(&[rule("allow", "aud", "a8999")])), Doctor::json);
    run.assert_healthy();
}

#[test]
fn many_team_patterns_on_long_name() {
    let entries: Vec<Value> = (0..900)
        .map(|number| {
            json!({"decision": "allow", "tokenType": "team", "rules": {"aud": "urn:pulumi:org:acme"},
                   "teamName": format!("{}b{number}", "*a".repeat(1_000))})
        })
        .collect();
    let run = |team: &str| {
        let token = token(&json!({"aud": "urn:pulumi:org:acme"}));
        in_time(|| judged(&token, &policy(&entries)).args(["--oidc-team", team]), Doctor::json)
    };
    let hostile = run(&"a".repeat(80_000));
    assert_eq!(hostile.report["policy"]["decision"], "unknown");
    assert!(hostile.finding_text("policy-unknown").contains("not evaluated"));
    let control = run("aab");
    assert_eq!(control.root_cause(), Some("team-not-allowed"));
}

#[test]
fn explanations_are_bounded() {
    // Each failing rule is explained by its claim, and absent claims by similar names.
    let long: Vec<String> = (0..99).map(|number| format!("claim{number}")).collect();
    let claims: serde_json::Map<String, Value> =
        long.iter().map(|name| (name.clone(), json!("b".repeat(900)))).collect();
    let rules = long.iter().map(|name| (name.clone(), "*c".repeat(2_000)));
    let run = in_time(
        || {
            judged(
                &token(&Value::Object(claims.clone())),
                &policy(&[entry("allow", rules.clone())]),
            )
        },
        Doctor::json,
    );
    assert_eq!(run.codes().iter().filter(|code| **code == "claim-mismatch").count(), 99);

    let name = |number: usize, end: &str| format!("c{number}{}{end}", "z".repeat(240));
    let claims: serde_json::Map<String, Value> =
        (0..350).map(|number| (name(number, ""), json!("b"))).collect();
    let rules: Vec<_> = (0..99).map(|number| (name(number, "y"), "b".to_owned())).collect();
    let run = in_time(
        || {
            judged(
                &token(&Value::Object(claims.clone())),
                &policy(&[entry("allow", rules.clone())]),
            )
        },
        Doctor::json,
    );
    assert_eq!(run.codes().iter().filter(|code| **code == "claim-absent").count(), 99);
    assert!(run.finding_text("claim-absent").contains("nearest in the token"));

    // A very long subject is not repeated for every entry.
    let broad = vec![rule("allow", "aud", "*"); 900];
    let claims = json!({"sub": format!("repo:{}", "a".repeat(80_000))});
    let run = in_time(|| judged(&token(&claims), &policy(&broad)), Doctor::json);
    assert!(run.stdout.len() < 4 << 20, "{}", run.stdout.len());
}

/// Issuers similar to the token's, each of which must be compared with it.
fn similar(count: usize, length: usize) -> Vec<Value> {
    let issuer = |number| {
        let url = format!("{ISSUER}/{number:05}{}", "x".repeat(length));
        json!({"id": format!("i{number}"), "url": url, "issuer": url})
    };
    (0..count).map(issuer).collect()
}

#[test]
fn similar_issuers_in_file() {
    let mut issuers = similar(2_000, 480);
    for issuer in &mut issuers {
        issuer.as_object_mut().unwrap().remove("id");
        issuer["policies"] = json!([]);
    }
    let policy = json!({"issuers": issuers}).to_string();
    let iss = format!("{ISSUER}/0000y{}", "x".repeat(480));
    let run = in_time(|| judged(&token(&json!({"iss": iss})), &policy), Doctor::json);
    run.assert_root_cause("issuer-not-registered", "issuer", "registration");
    run.assert_finding_contains(
        "issuer-not-registered",
        &["The nearest registration differs in the path"],
    );
}

#[test]
fn similar_issuers_from_pulumi_cloud() {
    const ADMIN: &str = "pul-4f0c9a7be1d25836904c7fa1b2e8d35c60f94a17";
    let mut world = World::new(&platforms::GITHUB);
    world.cloud.accept_access_token(ADMIN, "ada", ORGANIZATION);
    let list = |count| Response::json(200, &json!({"oidcIssuers": similar(count, 20)}));
    let mut run = |count: usize, iss: &str| {
        world.cloud.answer("/api/orgs/acme/oidc/issuers", list(count));
        world.shape.claims["iss"] = json!(iss);
        let token = world.token();
        let doctor = || {
            world
                .doctor_without_token()
                .without("--policy")
                .env("DOCTOR_ACCESS_TOKEN", ADMIN)
                .secret(ADMIN)
                .file("t", &token)
                .args(["--no-exchange", "--timeout", TIMEOUT, "--bundle", "b.json", "file://t"])
        };
        in_time(doctor, Doctor::json)
    };
    let near = format!("{ISSUER}/0000y{}", "x".repeat(20));
    let hostile = run(6_000, &format!("{ISSUER}/{}", "y".repeat(80_000)));
    hostile.classification("issuer-not-registered");
    run(6_000, &near).assert_finding_contains("issuer-not-registered", &["differs in the path"]);
}

#[test]
fn lint_stops_at_work_limit() {
    let lint = |entries: &[Value]| {
        let policy = policy(entries);
        in_time(|| Doctor::bare().args(["policy", "lint", "p"]).file("p", &policy), Doctor::json)
    };
    let found = |run: &Run, words: &str| {
        let findings = run.report["findings"].as_array().unwrap();
        findings.iter().any(|f| f["detail"].as_str().unwrap().contains(words))
    };
    let text = "b".repeat(1_000);
    let hostile: Vec<Value> = (0..1_000)
        .map(|number| match number % 2 {
            0 => rule("allow", "sub", &format!("{}c", "*b".repeat(400))),
            _ => rule("allow", "sub", &format!("{text}{number}")),
        })
        .collect();
    let run = lint(&hostile);
    assert!(found(&run, "were not compared with the others"), "{}", run.stdout);
    // Control: a long policy with a redundant last entry.
    let mut entries: Vec<Value> = (0..300)
        .map(|number| {
            entry(
                "allow",
                [
                    ("aud".to_owned(), "urn:pulumi:org:acme".to_owned()),
                    ("sub".to_owned(), format!("repo:acme/web-{number}:*")),
                ],
            )
        })
        .collect();
    entries.push(entries[17].clone());
    let run = lint(&entries);
    assert!(found(&run, "Policy 301 never decides: policy 18"), "{}", run.stdout);
    assert!(!found(&run, "were not compared"));
}

#[test]
fn replacing_names_takes_little_time() {
    let redacted = |policy: &str| {
        let token = token(&json!({"sub": "deployer", "aud": "pulumi"}));
        let doctor = || judged(&token, policy).arg("--redact");
        in_time(doctor, Doctor::run)
    };
    let named = |length| {
        json!({"issuers": [{"name": "x".repeat(length), "url": ISSUER,
                            "policies": [rule("allow", "sub", "deployer")]}]})
        .to_string()
    };
    for length in [50_000, 2 << 20] {
        let run = redacted(&named(length));
        assert_eq!((run.status, run.stderr.as_str()), (0, ""));
        assert!(!run.file("bundle.json").contains("xxxx"));
    }
}

#[test]
fn long_names_have_no_suggestion() {
    let long = "x".repeat(100_000);
    for words in [
        vec!["explain", &long],
        vec!["demo", &long],
        vec!["login", "--cloud-url", &long],
        vec!["--cloud-url", &long, "--offline", "a.b.c"],
    ] {
        in_time(|| Doctor::bare().args(words.clone()), Doctor::run);
    }
    let flag = format!("--{long}");
    for words in [vec!["login", &flag], vec![&*flag]] {
        let run = in_time(|| Doctor::bare().args(words.clone()), Doctor::run);
        assert_eq!(run.status, 2);
    }
    let no_proxy = "a.example,".repeat(12_000);
    let rules = policy(&[rule("allow", "sub", "s")]);
    in_time(
        || {
            judged(&token(&json!({})), &rules)
                .without("--offline")
                .env("HTTPS_PROXY", "http://127.0.0.1:9")
                .env("NO_PROXY", &no_proxy)
                .arg("--no-exchange")
        },
        Doctor::json,
    );
}
