//! Tests of `doctor policy who`, with a table of policies whose answers are known.

use serde_json::{Value, json};

use crate::policies::command::policy;
use crate::support::harmless::assert_harmless;
use crate::support::{Doctor, World, platforms};

const TABLE: &str = include_str!("../../../fixtures/who/table.json");
const GITHUB: &str = "https://token.actions.githubusercontent.com";

fn who(document: &Value, claims: Option<&Value>) -> Doctor {
    let doctor = policy("who").args(["--policy", "p.json"]).file("p.json", document.to_string());
    match claims {
        Some(claims) => doctor.arg(claims.to_string()),
        None => doctor,
    }
}

fn row<'a>(report: &'a Value, kind: &str) -> &'a Value {
    let rows = report["kinds"].as_array().unwrap();
    rows.iter().find(|row| row["kind"] == kind).unwrap_or_else(|| panic!("{kind}: {report:#}"))
}

/// The answers in the table were worked out by hand from the product contract.
#[test]
fn known_policies_match_expected_kinds() {
    let table: Value = serde_json::from_str(TABLE).unwrap();
    let cases = table["cases"].as_array().unwrap();
    assert!(cases.len() >= 60);
    let mut wrong = Vec::new();
    for case in cases {
        let mut claims = table["tokens"][case["platform"].as_str().unwrap()].clone();
        for (claim, value) in case["changes"].as_object().into_iter().flatten() {
            claims[claim] = value.clone();
        }
        let document = json!({"url": claims["iss"], "policies": case["policies"]});
        let claims = Some(&claims).filter(|_| case["withoutToken"] != true);
        let run = who(&document, claims).json();
        assert_eq!(run.status, 0, "{case}\n{}", run.stderr);
        let answer = |row: &Value| match row["decision"].as_str().unwrap() {
            "allow" => "yes",
            "deny" => "no",
            _ => "undetermined",
        };
        let rows = run.report["kinds"].as_array().unwrap();
        let got: Value = rows
            .iter()
            .map(|row| (row["kind"].as_str().unwrap().to_owned(), json!(answer(row))))
            .collect();
        if got != case["kinds"] {
            wrong.push(format!("{}\n  is  {got}\n  not {}", case["name"], case["kinds"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A document with GitHub's issuer and one entry.
fn github(rules: Value) -> Value {
    json!({"url": GITHUB, "name": "github", "policies": [
        {"decision": "allow", "tokenType": "team", "teamName": "core-*", "rules": rules},
    ]})
}

fn main_branch() -> Value {
    json!({"iss": GITHUB, "aud": "urn:pulumi:org:acme", "sub": "repo:acme/web:ref:refs/heads/main",
        "repository": "acme/web", "ref": "refs/heads/main"})
}

#[test]
fn who_json_has_claims_and_entries() {
    let document = github(json!({"aud": "urn:pulumi:org:acme", "sub": "repo:acme/web:*"}));
    let report = who(&document, Some(&main_branch())).json().report;
    let branch = row(&report, "branch");
    assert_eq!(branch["issuer"], GITHUB);
    assert_eq!(branch["decision"], "allow");
    assert_eq!(branch["entries"], json!([0]));
    assert_eq!(branch["tokenTypes"], json!(["team"]));
    assert_eq!(branch["claims"]["sub"], "repo:acme/web:ref:refs/heads/another-branch");
    assert_eq!(branch["claims"]["ref"], "refs/heads/another-branch");
    let stranger = row(&report, "stranger");
    assert_eq!((&stranger["decision"], &stranger["entries"]), (&json!("deny"), &json!([])));
    // `policy test` confirms that the policy lets these claims in.
    let tested = policy("test")
        .args(["--policy", "p.json", "--oidc-team", "core-x"])
        .arg(branch["claims"].to_string())
        .file("p.json", document.to_string())
        .run();
    assert_eq!(tested.status, 0, "{}", tested.stdout);
}

#[test]
fn forbidden_kinds_decide_the_status() {
    let rules = json!({"aud": "urn:pulumi:org:acme", "sub": "repo:acme/web:*", "run_id": "7"});
    let undetermined = github(rules);
    let open = github(json!({"aud": "urn:pulumi:org:acme", "sub": "repo:acme/web:*"}));
    let claims = json!({"iss": GITHUB, "aud": "urn:pulumi:org:acme", "run_id": "7",
        "sub": "repo:acme/web:ref:refs/heads/main"});
    for (document, forbid, status) in [
        (&open, &[][..], 0),
        (&open, &["stranger"], 0),
        (&open, &["stranger", "pull-request"], 1),
        (&undetermined, &["pull-request"], 3),
        (&undetermined, &["stranger"], 0),
        (&undetermined, &["this", "branch"], 1),
        // GitHub has no plans.
        (&open, &["plan"], 0),
    ] {
        let options = || forbid.iter().flat_map(|kind| ["--forbid", kind]);
        for format in ["human", "json", "junit", "azure", "github"] {
            let run = who(document, Some(&claims)).args(options()).args(["--format", format]).run();
            assert_eq!(run.status, status, "{forbid:?} {format}: {}{}", run.stdout, run.stderr);
            let annotations = match format {
                "azure" => "##vso[task.logissue type=",
                "github" => "::error title=A forbidden kind",
                "junit" => "<failure type=\"",
                _ => continue,
            };
            let breaches = run.stdout.matches(annotations).count() > 0;
            assert!(!breaches || run.stdout.contains("policy 1 (p.json:1)"), "{}", run.stdout);
            let warns = format == "github" && status == 3;
            assert_eq!(breaches, status != 0 && !warns, "{format}: {}", run.stdout);
        }
    }
    let run = policy("who").args(["--policy", "p.json", "--forbid", "everybody"]).run();
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("pull-request"), "{}", run.stderr);
    let run = who(&open, None).args(["--format", "markdown"]).run();
    assert_eq!(run.status, 2);
}

#[test]
fn human_table_respects_verbosity() {
    let document = github(json!({"aud": "urn:pulumi:org:acme", "sub": "repo:acme/web:*"}));
    let run = who(&document, Some(&main_branch())).args(["--forbid", "fork"]).env("COLUMNS", "80");
    let run = run.human();
    for words in ["who: forbidden - fork gets in and must not", "issuer github (https", "policies"]
    {
        assert!(run.stdout.contains(words), "{words}\n{}", run.stdout);
    }
    let line = run.stdout.lines().find(|line| line.trim_start().starts_with("stranger ")).unwrap();
    assert!(line.contains(" no "), "{line}");
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 100), "{}", run.stdout);
    let details = who(&document, Some(&main_branch())).arg("-v").human();
    assert!(details.stdout.contains("repo:acme/web:ref:refs/heads/another-branch"));
    let quiet = who(&document, Some(&main_branch())).arg("-q").human();
    assert_eq!(quiet.stdout.lines().count(), 1, "{}", quiet.stdout);
}

#[test]
fn every_document_form_is_judged() {
    let entry = json!({"decision": "allow", "tokenType": "organization",
        "authorizedPermissions": [], "rules": {"aud": "urn:pulumi:org:acme", "sub": "repo:acme/*"}});
    let program = |sub: &str| {
        format!(
            "resources:\n  a:\n    type: pulumiservice:OidcIssuer\n    properties:\n      url: \
             {GITHUB}\n      policies:\n      - decision: allow\n        tokenType: organization\n        \
             rules:\n          aud: urn:pulumi:org:acme\n          sub: {sub}\n"
        )
    };
    let stack = json!({"deployment": {"resources": [{"type": "pulumiservice:index:OidcIssuer",
        "outputs": {"url": GITHUB, "policies": [entry]}}]}});
    let registrations =
        json!({"oidcIssuers": [{"id": "i", "name": "n", "url": GITHUB, "issuer": GITHUB}]});
    let answers = |owner: &str, stranger: &str| [owner.to_owned(), stranger.to_owned()];
    for (form, text, expected) in [
        (
            "own",
            json!({"issuers": [{"url": GITHUB, "policies": [entry]}]}).to_string(),
            answers("allow", "deny"),
        ),
        (
            "AuthPolicy",
            json!({"id": "p", "version": 1, "policies": [entry]}).to_string(),
            answers("allow", "deny"),
        ),
        ("program", program("repo:acme/*"), answers("allow", "deny")),
        ("expression", program("repo:acme/${config.name}:*"), answers("unknown", "deny")),
        ("open", program("${config.sub}"), answers("unknown", "unknown")),
        ("stack", stack.to_string(), answers("allow", "deny")),
        ("registrations", registrations.to_string(), answers("unknown", "unknown")),
    ] {
        let run =
            policy("who").args(["--policy", "p"]).file("p", &text).arg(main_branch().to_string());
        let report = run.json().report;
        let got = ["owner", "stranger"]
            .map(|kind| row(&report, kind)["decision"].as_str().unwrap().to_owned());
        assert_eq!(got, expected, "{form}");
    }
    let other = json!({"url": "https://gitlab.com", "policies": []});
    let report = who(&other, Some(&main_branch())).json().report;
    assert_eq!(row(&report, "this")["decision"], "deny", "the issuer is not registered");
}

#[test]
fn disagreeing_registrations_are_undetermined() {
    let registration = |sub: &str| {
        json!({"url": GITHUB, "policies": [{"decision": "allow",
        "tokenType": "organization", "rules": {"aud": "urn:pulumi:org:acme", "sub": sub}}]})
    };
    let document =
        json!({"issuers": [registration("repo:acme/web:*"), registration("repo:acme/*")]});
    let report = who(&document, Some(&main_branch())).json().report;
    assert_eq!(row(&report, "branch")["decision"], "allow");
    assert_eq!(row(&report, "owner")["decision"], "unknown");
    assert_eq!(row(&report, "stranger")["decision"], "deny");
}

#[test]
fn hostile_names_are_harmless() {
    let hostile = "x##vso[task.complete]\n::error::y\u{202e}\u{1b}[31m<b>|`";
    let document = json!({"url": GITHUB, "name": hostile, "policies": [
        {"decision": "allow", "tokenType": "team", "teamName": hostile, "rules":
            {"aud": hostile, "sub": format!("repo:{hostile}/*")}},
    ]});
    let claims = json!({"iss": GITHUB, "aud": hostile, "sub": format!("repo:{hostile}/a:pull_request"),
        "repository": hostile, "actor": hostile});
    for format in ["human", "json", "junit", "azure", "github"] {
        for more in [&["-v"][..], &["--forbid", "pull-request", "--forbid", "this"]] {
            for claims in [None, Some(&claims)] {
                let run = who(&document, claims)
                    .args(["--format", format])
                    .args(more.iter().copied())
                    .run();
                let is_ours = |line: &&str| {
                    !line.starts_with("##vso[task.logissue type=")
                        && !line.starts_with("::error title=")
                };
                let lines: Vec<&str> = run.stdout.lines().filter(is_ours).collect();
                assert_harmless(&lines.join("\n"), format);
                for line in run.stdout.lines().filter(|line| !is_ours(line)) {
                    assert!(!line[2..].contains("##vso[") && !line.contains('\u{1b}'), "{line}");
                }
            }
        }
    }
}

#[test]
fn token_signature_is_not_shown() {
    let world = World::new(&platforms::GITHUB);
    let token = world.token();
    for format in ["human", "json", "junit"] {
        let run = policy("who")
            .args(["--policy", "p.json", "--format", format, "-v"])
            .file("p.json", world.policy().to_string())
            .arg(&token)
            .secret(&token)
            .run();
        assert_eq!(run.status, 0, "{}", run.stderr);
    }
}

#[test]
fn hostile_policy_is_judged_in_time() {
    let pattern = "*?.a".repeat(1_000);
    let entry = json!({"decision": "allow", "tokenType": "organization",
        "rules": {"sub": pattern, "ref": pattern, "repository": pattern}});
    let document = json!({"url": GITHUB, "policies": vec![entry; 300]});
    for claims in [None, Some(&main_branch())] {
        let run = who(&document, claims).json();
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert!(run.elapsed.as_secs() < 30, "{:?}", run.elapsed);
    }
}
