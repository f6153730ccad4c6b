//! `doctor policy test --cases`: regression tests for policies.

use serde_json::{Value, json};

use crate::policies::command::policy;
use crate::support::Doctor;
use crate::support::harmless::assert_harmless;

const ISSUER: &str = "https://ci.example";

fn document() -> String {
    let entry = |decision: &str, token_type: &str, rules: Value| {
        json!({"decision": decision, "tokenType": token_type, "teamName": "core-*",
            "authorizedPermissions": [], "rules": rules})
    };
    json!({"organization": "acme", "issuers": [{"url": ISSUER, "policies": [
        entry("allow", "organization", json!({"aud": "a", "sub": "job:*"})),
        entry("deny", "organization", json!({"sub": "job:fork*"})),
        entry("allow", "team", json!({"sub": "job:web"})),
    ]}]})
    .to_string()
}

fn run_cases(cases: &str) -> Doctor {
    policy("test")
        .args(["--policy", "p.json", "--cases", "cases"])
        .file("p.json", document())
        .file("cases", cases)
}

fn case(name: &str, sub: &str, expect: &str) -> Value {
    json!({"name": name, "claims": {"iss": ISSUER, "aud": "a", "sub": sub}, "expect": expect})
}

#[test]
fn status_tells_whether_cases_passed() {
    let team = |expect: &str| {
        let mut case = case("team", "job:web", expect);
        case["tokenType"] = json!("team");
        case["teamName"] = json!("core-x");
        case
    };
    let good = json!([
        case("web", "job:web", "allow"),
        case("fork", "job:fork-1", "deny"),
        case("task", "task:web", "deny"),
        team("allow"),
        {"name": "elsewhere", "claims": {"iss": "https://other.example"}, "expect": "deny"},
        {"name": "nobody", "claims": {}, "expect": "deny"},
    ]);
    let run = run_cases(&good.to_string()).run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    assert!(run.stdout.starts_with("cases: passed - 6 cases as expected\n"), "{}", run.stdout);
    for words in [
        "policy 1 allows it",
        "policy 2 denies it",
        "policy 1 comes closest: sub differs",
        "the issuer is not registered",
        "the claims have no iss",
        "policy 3 allows it",
    ] {
        assert!(run.stdout.contains(words), "{words}\n{}", run.stdout);
    }

    let bad =
        json!([case("web", "job:web", "allow"), case("fork", "job:fork-1", "allow"), team("deny")]);
    let run = run_cases(&bad.to_string()).run();
    assert_eq!(run.status, 1, "{}", run.stdout);
    assert!(
        run.stdout.starts_with("cases: failed - 2 of 3 cases not as expected\n"),
        "{}",
        run.stdout
    );
    let quiet = run_cases(&bad.to_string()).arg("-q").run();
    assert!(!quiet.stdout.contains(" web "), "{}", quiet.stdout);
    assert!(quiet.stdout.contains("fork"), "{}", quiet.stdout);

    let run = run_cases(&bad.to_string()).args(["--format", "junit", "--output", "r.xml"]).run();
    assert_eq!((run.status, run.stdout.as_str()), (1, ""));
    let xml = run.file("r.xml");
    for part in [
        "<testsuites name=\"doctor policy test\" tests=\"3\" failures=\"2\" ",
        "name=\"fork\"",
        "<failure type=\"unexpected\" message=\"expected allow, decided deny\">policy 2 denies it",
    ] {
        assert!(xml.contains(part), "{part}\n{xml}");
    }
    assert_eq!(run_cases("[]").run().status, 0);
}

#[test]
fn undetermined_policy_fails_every_case() {
    let program = format!(
        "resources:\n  a:\n    type: pulumiservice:OidcIssuer\n    properties:\n      url: {ISSUER}\n      \
         policies:\n      - decision: allow\n        tokenType: organization\n        rules: {{sub: \
         '${{config.sub}}'}}\n"
    );
    for expect in ["allow", "deny"] {
        let text = json!([case("open", "job:web", expect)]).to_string();
        let run = run_cases(&text).file("p.json", &program).run();
        assert_eq!(run.status, 1, "{}", run.stdout);
        assert!(run.stdout.contains("undecided"), "{}", run.stdout);
    }
}

#[test]
fn bad_files_and_options_are_usage_errors() {
    for (text, words) in [
        ("- {name: x}", "--cases cases: 1:3: [0]: the key \"claims\" is missing"),
        ("x: y", "must be a list of cases"),
        ("- {name: x, claims: {}, expect: allow, expect: deny}", "already there"),
        ("{", "cases: "),
    ] {
        let run = run_cases(text).run();
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
    for (more, words) in [
        (&["--format", "json"][..], "--format is human or junit"),
        (&["--format", "azure"], "--format is human or junit"),
        (&["--ndjson"], "--ndjson"),
        (&["token"], "TOKEN"),
    ] {
        let run = run_cases("[]").args(more.iter().copied()).run();
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{more:?}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
    assert_eq!(policy("test").args(["--cases", "none"]).run().status, 2);
    // On a CI platform the table is what is printed.
    let run = run_cases("[]").env("GITHUB_ACTIONS", "true").run();
    assert_eq!(run.status, 0, "{}", run.stderr);
}

#[test]
fn hostile_names_are_harmless() {
    let hostile = "x##vso[task.complete]\n::error::y\u{202e}\u{1b}[31m<b>";
    let text = json!([case(hostile, "job:web", "deny"), {"name": hostile, "claims": {"iss": hostile},
        "expect": "allow"}]);
    for format in ["human", "junit", "auto"] {
        let run =
            run_cases(&text.to_string()).args(["--format", format]).env("TF_BUILD", "True").run();
        assert_eq!(run.status, 1, "{}", run.stderr);
        assert_harmless(&run.stdout, format);
    }
    let token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl";
    let text = json!([case(token, "job:web", "deny")]).to_string();
    assert_eq!(run_cases(&text).secret(token).run().status, 1);
}
