//! Tests of `doctor policy test` and `doctor policy lint`.

use serde_json::{Value, json};

use crate::support::platforms::{AZURE_ENTRA, GITHUB};
use crate::support::{Doctor, Run, World};

pub fn policy(command: &str) -> Doctor {
    Doctor::bare().args(["policy", command])
}

/// Runs `doctor policy test` for bare claims; returns the status and the report.
pub fn test_claims(document: &str, claims: &Value, more: &[&str]) -> (i32, Value) {
    let run = policy("test")
        .args(["--policy", "p.yaml", "--format", "json"])
        .args(more.iter().copied())
        .arg(claims.to_string())
        .file("p.yaml", document)
        .run();
    let report = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|_| panic!("{}\n{}", run.stdout, run.stderr));
    (run.status, report)
}

// -------------------------------------------------------------------------------------- test

#[test]
fn token_is_tested_against_rules() {
    let mut world = World::new(&AZURE_ENTRA);
    let allowed = world.token();
    let document = world.policy().to_string();
    let run = |token: &str| {
        policy("test")
            .args(["--policy", "p.json", "--oidc-org", "acme"])
            .arg(token)
            .secret(token)
            .file("p.json", &document)
            .run()
    };
    let ok = run(&allowed);
    assert_eq!((ok.status, ok.stderr.as_str()), (0, ""));
    assert!(ok.stdout.starts_with("policy: allowed - "), "{}", ok.stdout);
    assert!(ok.stdout.contains("policy 1 (allow, organization token, p.json:"), "{}", ok.stdout);

    world.shape.claims["aud"] = json!("api://AzureADTokenExchange");
    let denied = run(&world.token());
    assert_eq!((denied.status, denied.stderr.as_str()), (1, ""));
    for words in ["policy: denied - ", "audience-mismatch", "spelled two ways", "p.json:1"] {
        assert!(denied.stdout.contains(words), "{words}\n{}", denied.stdout);
    }
}

#[test]
fn policy_ignores_times_and_signature() {
    let mut world = World::new(&GITHUB);
    world.shape.claims["exp"] = json!(1);
    let token = world.token();
    let bare = token.rsplit_once('.').unwrap().0.to_owned();
    for token in [token, bare] {
        let run = policy("test")
            .args(["--policy", "p.json", "--oidc-org", "acme", "file://token.jwt"])
            .file("p.json", world.policy().to_string())
            .file("token.jwt", token)
            .run();
        assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    }
}

const OWN: &str = "url: https://ci.example\npolicies:\n- decision: allow\n  tokenType: team\n  \
                   teamName: core-*\n  rules: {sub: 'job:*'}\n";

#[test]
fn every_source_may_hold_claims() {
    let claims = json!({"iss": "https://ci.example", "sub": "job:web"}).to_string();
    let args = ["--policy", "p.yaml", "--oidc-team", "core-infra"];
    let ready = || policy("test").args(args).file("p.yaml", OWN).file("c.json", &claims);
    assert_eq!(ready().arg(&claims).run().status, 0);
    assert_eq!(ready().arg("file://c.json").run().status, 0);
    assert_eq!(ready().arg("-").stdin(claims.as_bytes()).run().status, 0);
    assert_eq!(ready().env("DOCTOR_POLICY", "p.yaml").arg(&claims).run().status, 0);
}

#[test]
fn requested_token_affects_decision() {
    let claims = json!({"iss": "https://ci.example", "sub": "job:web"});
    let cases: [(&[&str], i32, Option<&str>); 4] = [
        (&["--oidc-team", "core-infra"], 0, None),
        (&["--oidc-team", "other"], 1, Some("team-not-allowed")),
        (&[], 1, Some("token-type-not-allowed")),
        (&["--oidc-user", "ada"], 1, Some("token-type-not-allowed")),
    ];
    for (more, status, code) in cases {
        let (got, report) = test_claims(OWN, &claims, more);
        assert_eq!((got, report["rootCause"].as_str()), (status, code), "{more:?}");
        let checks: Vec<&str> = report["checks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["id"].as_str().unwrap())
            .collect();
        assert_eq!(checks, ["registration", "policy"]);
        assert_eq!(report["policy"]["decision"], if status == 0 { "allow" } else { "deny" });
    }
    let other = json!({"iss": "https://ci.example/", "sub": "job:web"});
    let (status, report) = test_claims(&OWN.replace("url:", "issuer:"), &other, &[]);
    assert_eq!((status, &report["rootCause"]), (1, &json!("issuer-not-registered")));
}

#[test]
fn bare_policy_decides_bare_claims() {
    let bare = |sub: &str| {
        json!({"policies": [{"decision": "allow", "tokenType": "organization", "rules": {"sub": sub}}]})
            .to_string()
    };
    let claims = json!({"sub": "job:web"});
    for (sub, status) in [("job:*", 0), ("task:*", 1)] {
        assert_eq!(test_claims(&bare(sub), &claims, &[]).0, status, "{sub}");
    }
    let run = policy("test").args(["--policy", "p.json", r#"{"subject": "x"}"#]);
    let run = run.file("p.json", bare("x")).run();
    assert_eq!(run.status, 2);
    assert!(
        run.stderr.contains("Bare claims are a JSON object with iss, sub or aud."),
        "{}",
        run.stderr
    );
}

#[test]
fn deciding_entry_is_named() {
    let entry = |decision: &str, sub: &str| json!({"decision": decision, "tokenType": "organization", "rules": {"sub": sub}});
    let claims = json!({"sub": "job:web"});
    let cases = [
        ("allow", "job:*", "policy 1 (allow, organization token, p.json:1), which lets it in"),
        (
            "allow",
            "task:*",
            "policy 1 (allow, organization token, p.json:1), the closest to this token",
        ),
        ("deny", "job:*", "policy 1 (deny, organization token, p.json:1), which keeps it out"),
    ];
    for (decision, sub, words) in cases {
        let document = json!({"policies": [entry(decision, sub), entry("allow", "other")]});
        let run = policy("test").args(["--policy", "p.json"]).arg(claims.to_string());
        let run = run.file("p.json", document.to_string()).run();
        assert!(run.stdout.contains(words), "{words}\n{}", run.stdout);
        // The finding does not repeat it.
        assert!(!run.stdout.contains("Closest policy entry"), "{}", run.stdout);
    }
}

#[test]
fn undecided_document_ends_with_3() {
    let program = "resources:\n  a:\n    type: pulumiservice:OidcIssuer\n    properties:\n      url: \
                   https://ci.example\n      policies:\n      - decision: allow\n        tokenType: \
                   organization\n        rules: {sub: '${config.sub}'}\n";
    let claims = json!({"iss": "https://ci.example", "sub": "job:web"});
    let (status, report) = test_claims(program, &claims, &[]);
    assert_eq!((status, &report["policy"]["decision"]), (3, &json!("unknown")));
    let human = |document: &str, claims: &Value| {
        let run = policy("test").args(["--policy", "p.yaml"]).arg(claims.to_string());
        let run = run.file("p.yaml", document).run();
        assert_eq!(run.status, 3, "{}", run.stdout);
        run.stdout
    };
    let text = human(program, &claims);
    for words in ["open  sub    ${config.sub}", "not decided: what the policy leaves open"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    // Without an issuer, no registration can be chosen.
    let text = human(program, &json!({"sub": "job:web"}));
    assert!(text.contains("not decided: the token names no issuer"), "{text}");
}

#[test]
fn unusable_input_ends_with_one_line() {
    let claims = r#"{"sub": "x"}"#;
    let cases: [(Doctor, &[&str]); 4] = [
        (policy("test").args(["--policy", "none.yaml", claims]), &["none.yaml", "no such file"]),
        (
            policy("test").args(["--policy", "p.yaml", claims]).file("p.yaml", "issuers: {}"),
            &["p.yaml: 1:10: issuers: must be a list"],
        ),
        (
            policy("test").args(["--policy", "p.yaml", "hello"]).file("p.yaml", OWN),
            &["TOKEN: ", "[token-"],
        ),
        (
            policy("test").args(["--policy", "p.yaml", "file://gone"]).file("p.yaml", OWN),
            &["TOKEN: ", "token-file-unreadable"],
        ),
    ];
    for (doctor, telling) in cases {
        let run = doctor.run();
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        for words in telling {
            assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
        }
    }
}

#[test]
fn other_organization_document_denies() {
    let claims = json!({"iss": GITHUB_ISSUER, "aud": "urn:pulumi:org:acme", "sub": "repo:a/b:x"});
    let document = format!(
        "organization: globex\nissuers:\n- {}",
        entry(GITHUB_ISSUER, "rules: {sub: 'repo:a/b:x'}").trim_end().replace('\n', "\n  ")
    );
    let (status, report) = test_claims(&document, &claims, &[]);
    assert_eq!((status, &report["policy"]["decision"]), (1, &json!("deny")), "{report}");
    let run = policy("test")
        .args(["--policy", "p.yaml"])
        .arg(claims.to_string())
        .file("p.yaml", &document)
        .run();
    let text = "policy: denied - the document is for another organization";
    assert!(run.stdout.contains(text) && !run.stdout.contains("allowed"), "{}", run.stdout);
}

// -------------------------------------------------------------------------------------- lint

fn linted(document: &str, more: &[&str]) -> Run {
    policy("lint").arg("p.yaml").args(more.iter().copied()).file("p.yaml", document).run()
}

fn entry(issuer: &str, rest: &str) -> String {
    format!("url: {issuer}\npolicies:\n- decision: allow\n  tokenType: organization\n  {rest}\n")
}

const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

#[test]
fn clean_document_has_no_findings() {
    let rules = "rules: {aud: 'urn:pulumi:org:acme', iss: 'https://token.actions.githubusercontent.com', \
                 sub: 'repo:acme/web:ref:refs/heads/main'}";
    let run = linted(&entry(GITHUB_ISSUER, rules), &["--strict"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, "lint: clean - nothing loose was found\n"));
}

#[test]
fn correct_rules_raise_no_warning() {
    let uuid = "{3c5f9a1e-72d4-4b08-9e6a-d1f2c8b7a450}:{........-....-....-....-............}";
    let cases = [
        // The registration has a slash at the end, tokens have none.
        (
            "https://gitlab.com/",
            "iss: 'https://gitlab.com', sub: 'project_path:a/b:ref_type:branch:ref:x'",
        ),
        ("https://gitlab.com.example", "sub: 'job:1'"),
        (GITHUB_ISSUER, "sub: 'repository_owner_id:1:repository_id:2:environment:prod'"),
        (GITHUB_ISSUER, "sub: 'repo:acme/web:x', repo_property_tier: gold"),
        (
            "https://login.microsoftonline.com/8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3/v2.0",
            "sub: '2f7d6a10-94c3-4b58-a1e6-d05b8c3e7f42', xms_mirid: x",
        ),
        // Dots stand for ids here, not for a name.
        ("https://api.bitbucket.org/x", &format!("sub: '{uuid}'")),
    ];
    for (issuer, rules) in cases {
        let run = linted(&entry(issuer, &format!("rules: {{aud: a, {rules}}}")), &["--strict"]);
        assert_eq!(run.status, 0, "{issuer} {rules}\n{}", run.stdout);
    }
}

#[test]
fn lint_findings_name_their_places() {
    let entra = "https://login.microsoftonline.com/8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3/v2.0";
    let guid = "aud: fb60f99c-7a34-4190-8149-302f77469936";
    let sub = "aud: a, sub: 'repo:acme/web:x'";
    // The issuer, the rest of the entry, and texts in the output.
    let cases: [(&str, String, &[&str]); 19] = [
        (GITHUB_ISSUER, "rules: {aud: a}".into(), &["policy-too-broad", "p.yaml:3:3", "sub"]),
        (GITHUB_ISSUER, "rules: {aud: a, sub: '*'}".into(), &["policy-too-broad"]),
        (GITHUB_ISSUER, "rules: {sub: 'repo:acme/web:x'}".into(), &["no rule on aud"]),
        (
            GITHUB_ISSUER,
            "rules: {aud: '*', sub: 'repo:acme/web:x'}".into(),
            &["a rule on aud that every audience matches"],
        ),
        (
            GITHUB_ISSUER,
            "rules: {aud: a, ref: refs/heads/main}".into(),
            &["Policy 1 names no repository or owner: every repository on GitHub whose token \
                 matches ref refs/heads/main is let in."],
        ),
        (
            "https://gitlab.com",
            "rules: {aud: a, namespace_path: 'acme*'}".into(),
            &["names no project or group"],
        ),
        (
            GITHUB_ISSUER,
            "authorizedPermissions: [admin]\n  rules: {aud: a}".into(),
            &["policy-admin-granted", "to strangers"],
        ),
        (
            GITHUB_ISSUER,
            "rules: {aud: a, sub: 'repo:acme/web.shop:x'}".into(),
            &["policy-wildcard-surprise", "repo:acme/webXshop:x matches as well", "repository_id"],
        ),
        (GITHUB_ISSUER, "rules: {aud: a, sub: 'repo:acme/.*'}".into(), &["regular expression"]),
        (
            GITHUB_ISSUER,
            format!("rules: {{{sub}, repositry: acme/web}}"),
            &[
                "claim-absent",
                "GitHub Actions documents",
                "unless it is a new one",
                "\"repository\": \"acme/web\"",
            ],
        ),
        (
            "https://ci.example",
            "rules: {aud: a, sub: b, kubernetes.io.pod.name: web}".into(),
            &["claim-absent", "double quotes", "\\\"kubernetes.io\\\".pod.name"],
        ),
        (
            entra,
            "rules: {aud: 'api://AzureADTokenExchange', sub: '/eid1/x'}".into(),
            &["audience-mismatch", "fb60f99c-7a34-4190-8149-302f77469936"],
        ),
        (
            entra,
            format!("rules: {{{guid}, sub: 'sc://a/b/c'}}"),
            &["never matches", "No subject of Entra begins with sc://"],
        ),
        (
            "https://vstoken.dev.azure.com/5a1c",
            format!("rules: {{{guid}, sub: 'sc://a/b/c'}}"),
            &["audience-mismatch", "puts the name api://AzureADTokenExchange into the token"],
        ),
        (GITHUB_ISSUER, "rules: {aud: a, sub: 'rep:acme/*'}".into(), &["begin with repo:"]),
        (GITHUB_ISSUER, format!("rules: {{{sub}, 'a..b': x}}"), &["no path to a claim"]),
        (
            GITHUB_ISSUER,
            format!("rules: {{{sub}, iss: 'https://other.example'}}"),
            &["rule on iss does not match the issuer"],
        ),
        (
            GITHUB_ISSUER,
            format!(
                "rules: {{{sub}}}\n- decision: deny\n  tokenType: organization\n  rules: {{aud: a}}"
            ),
            &["Policy 1 never decides: policy 2 denies all"],
        ),
        (
            GITHUB_ISSUER,
            format!(
                "rules: {{{sub}}}\n- decision: allow\n  tokenType: organization\n  rules: {{{sub}}}"
            ),
            &["Policy 2 never decides: policy 1 decides the same"],
        ),
    ];
    for (issuer, rest, telling) in cases {
        let document = entry(issuer, &rest);
        let run = linted(&document, &["--strict"]);
        assert_eq!((run.status, run.stderr.as_str()), (1, ""), "{document}\n{}", run.stdout);
        // Prose is wrapped.
        let text = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in telling {
            assert!(text.contains(words), "{words}\n{}", run.stdout);
        }
        assert_eq!(linted(&document, &[]).status, 0, "a warning is one only with --strict");
        let json = linted(&document, &["--format", "json"]);
        let value: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(value["schemaVersion"], 1);
        let finding = &value["findings"][0];
        for key in ["code", "severity", "detail", "evidence", "remediation"] {
            assert!(!finding[key].is_null(), "{key}: {finding}");
        }
    }
    let nobody = "url: u\npolicies:\n- {decision: allow, tokenType: team, rules: {aud: a, sub: b}}";
    let run = linted(nobody, &["--strict"]);
    assert!(
        run.stdout.contains("is for nobody") && run.stdout.contains("teamName"),
        "{}",
        run.stdout
    );
}

#[test]
fn unreadable_policy_is_named() {
    let run = linted("issuers: [{url: u, polices: []}]", &[]);
    assert_eq!(run.status, 2);
    assert!(
        run.stderr.contains("p.yaml: 1:20: issuers[0].polices: unknown key; did you mean"),
        "{}",
        run.stderr
    );
}
