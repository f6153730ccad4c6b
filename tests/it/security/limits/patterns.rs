//! Patterns are limited to 4 KiB. A longer one in a file is an error; one from Pulumi Cloud is not
//! evaluated.

use doctor::limits::PATTERN;
use serde_json::{Value, json};

use super::{ISSUER, TIMEOUT, assert_refused, in_time, judged, policy, rule, token};
use crate::support::{Doctor, ORGANIZATION, Response, Run, World, platforms};

const ADMIN: &str = "pul-4f0c9a7be1d25836904c7fa1b2e8d35c60f94a17";

/// The slowest pattern of this many bytes. It matches no text without a `b`.
fn slow(bytes: usize) -> String {
    "*a".repeat((bytes - 2) / 2) + "*b"
}

#[test]
fn too_long_pattern_in_file_is_refused() {
    for pattern in [slow(PATTERN) + "b", slow(400 << 10), slow(3 << 20)] {
        let place = r#"{"issuers":[{"url":"https://ci.example","policies":[{"decision":"allow","tokenType":"organization","rules":{"#;
        let expected = format!(
            "policy.json: 1:{}: rule on \"sub\": the pattern has {} bytes, more than the 4096",
            place.len() + 1,
            pattern.len()
        );
        assert_refused(&policy(&[rule("allow", "sub", &pattern)]), &[&expected]);
    }
    let yaml = format!(
        "url: {ISSUER}\npolicies:\n  - decision: allow\n    tokenType: team\n    teamName: '{}'\n    \
         rules: {{}}\n",
        slow(PATTERN + 2)
    );
    assert_refused(&yaml, &["policy.json: 3:5: teamName: the pattern has 4098 bytes"]);
    for command in [["policy", "lint"], ["policy", "test"]] {
        let doctor = || {
            let doctor = Doctor::bare().args(command).file("p", &yaml);
            match command[1] {
                "lint" => doctor.arg("p"),
                _ => doctor.args(["--policy", "p", "{\"iss\": \"x\"}"]),
            }
        };
        let run = in_time(doctor, Doctor::run);
        assert_eq!(run.status, 2);
        assert!(run.stderr.contains("p: 3:5: teamName"), "{}", run.stderr);
    }
}

#[test]
fn longest_pattern_and_claim_match() {
    let claim = "a".repeat(90 << 10);
    let longest = slow(PATTERN);
    assert_eq!(longest.len(), PATTERN);
    for (text, decision, status) in [(claim.clone(), "deny", 1), (claim + "b", "allow", 0)] {
        let entries = policy(&[rule("allow", "sub", &longest)]);
        let run = in_time(|| judged(&token(&json!({"sub": text})), &entries), Doctor::json);
        assert_eq!(run.status, status, "{}", run.stdout);
        assert_eq!(run.report["policy"]["decision"], decision);
        assert_eq!(run.report["policy"]["entries"][0]["rules"][0]["limit"], Value::Null);
    }
}

/// Runs a diagnosis with these entries as live policy.
fn live(world: &World, entries: &[Value]) -> Run {
    world.cloud.answer(
        "/api/orgs/acme/auth/policies/oidcissuers/issuer-0",
        Response::json(200, &json!({"id": "p", "version": 1, "policies": entries})),
    );
    world.cloud.accept_access_token(ADMIN, "ada", ORGANIZATION);
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
}

#[test]
fn overlong_live_pattern_is_undetermined() {
    let mut world = World::new(&platforms::GITHUB);
    let allowing = world.shape.entry.clone();
    world.shape.claims["sub"] = json!("a".repeat(80_000));
    let hostile = rule("allow", "sub", &slow(400 << 10));

    let run = live(&world, std::slice::from_ref(&hostile));
    assert_eq!(run.report["policy"]["decision"], "unknown", "{}", run.stdout);
    let rule = &run.report["policy"]["entries"][0]["rules"][0];
    assert_eq!((&rule["undetermined"], &rule["limit"]), (&json!(true), &json!("length")));
    run.assert_check("policy", "skip", Some("--policy"));
    run.assert_finding_contains(
        "policy-unknown",
        &["1 rule was not evaluated", "4096 bytes", "too long"],
    );

    // If another entry decides, the decision is known, and the report still mentions the rule.
    let mut certain = allowing;
    certain["rules"] = json!({"aud": "*"});
    let run = live(&world, &[hostile, certain]);
    assert_eq!(run.report["policy"]["decision"], "allow", "{}", run.stdout);
    let summary = run.check("policy")["summary"].as_str().unwrap();
    assert!(summary.contains("1 rule was not evaluated"), "{summary}");

    // A rule on an absent claim matches nothing, however long its pattern is.
    let run = live(&world, &[super::rule("allow", "gone", &slow(400 << 10))]);
    assert_eq!(run.report["policy"]["decision"], "deny", "{}", run.stdout);
}

#[test]
fn bundle_with_overlong_pattern_replays() {
    let claims = json!({"sub": "a".repeat(90 << 10)});
    let written = judged(&token(&claims), &policy(&[rule("allow", "sub", &slow(PATTERN))])).json();
    let mut bundle: Value = serde_json::from_str(&written.file("bundle.json")).unwrap();
    let replay = |bundle: &Value| {
        let text = bundle.to_string();
        let doctor = || Doctor::bare().args(["replay", "b.json"]).file("b.json", &text);
        in_time(doctor, Doctor::json)
    };
    let run = replay(&bundle);
    assert_eq!(run.report["policy"]["decision"], "deny");
    let path = "/evidence/policy/document/issuers/0/policies/0/rules/0/pattern";
    *bundle.pointer_mut(path).unwrap() = json!(slow(400 << 10));
    let run = replay(&bundle);
    assert_eq!(run.report["policy"]["decision"], "unknown");
    assert_eq!(run.report["policy"]["entries"][0]["rules"][0]["limit"], "length");
    // No token may be that large.
    bundle["evidence"]["token"]["claims"]["sub"] = json!("a".repeat(500 << 10));
    let run = replay(&bundle);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("131072 bytes of header and claims"), "{}", run.stderr);
}
