//! Tests of `doctor policy fix` on every form of document, on generated policies, and on the live
//! policy.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::policies::command::policy;
use crate::support::harmless::assert_harmless;
use crate::support::platforms::{ALL, AZURE_ENTRA, GITHUB};
use crate::support::{Doctor, Run, World, object};

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const AUD: &str = "urn:pulumi:org:acme";

fn main_branch() -> Value {
    json!({"iss": ISSUER, "aud": AUD, "sub": "repo:acme/web:ref:refs/heads/main",
        "repository": "acme/web", "repository_owner": "acme", "ref": "refs/heads/main",
        "ref_type": "branch", "ref_protected": "true", "event_name": "push"})
}

fn fix(document: &str, claims: &Value) -> Doctor {
    policy("fix").args(["--policy", "p"]).file("p", document).arg(claims.to_string())
}

/// Applies a unified diff to a text without carriage returns.
fn apply_diff(before: &str, diff: &str) -> String {
    let before: Vec<&str> = before.lines().collect();
    let (mut at, mut after) = (0, Vec::new());
    for line in diff.lines().skip(2) {
        if let Some(hunk) = line.strip_prefix("@@ -") {
            let start: usize = hunk.split([',', ' ']).next().unwrap().parse().unwrap();
            let from = start.saturating_sub(1);
            after.extend_from_slice(&before[at..from.max(at)]);
            at = at.max(from);
        } else if let Some(line) = line.strip_prefix('+') {
            after.push(line);
        } else if line.starts_with('\\') {
            // No line break at the end.
        } else {
            assert_eq!(before[at], &line[1..], "{diff}");
            if line.starts_with(' ') {
                after.push(before[at]);
            }
            at += 1;
        }
    }
    after.extend_from_slice(&before[at..]);
    after.join("\n")
}

fn lines(text: &str) -> String {
    text.trim_start_matches('\u{feff}').lines().collect::<Vec<_>>().join("\n")
}

/// The kinds of job that get in or may.
fn admitted(document: &str, claims: &Value) -> BTreeSet<String> {
    let run =
        policy("who").args(["--policy", "p"]).file("p", document).arg(claims.to_string()).json();
    let rows = run.report["kinds"].as_array().unwrap();
    let inside = rows.iter().filter(|row| row["decision"] != "deny" && row["kind"] != "this");
    // A kind whose tokens have the same claims cannot be kept out.
    let differs = |row: &&Value| {
        let other = object(row["claims"].clone());
        object(claims.clone()).iter().any(|(name, value)| other.get(name) != Some(value))
    };
    inside.filter(differs).map(|row| row["kind"].as_str().unwrap().to_owned()).collect()
}

/// Asserts everything that a fix must do, and returns the new text.
fn assert_fixed(document: &str, claims: &Value, more: &[&str]) -> String {
    let run = |write: &[&str]| {
        fix(document, claims).args(more.iter().copied()).args(write.iter().copied()).run()
    };
    let before = admitted(document, claims);
    let shown = run(&[]);
    assert_eq!(shown.status, 1, "{}\n{document}", shown.stderr);
    assert_eq!(shown.file("p"), document, "nothing is written");
    let run = run(&["--write"]);
    assert_eq!((run.status, &run.stdout), (0, &shown.stdout), "{}", run.stderr);
    let after = run.file("p");
    assert_eq!(
        apply_diff(&lines(document), &run.stdout.replace('\u{feff}', "")),
        lines(&after),
        "{}",
        run.stdout
    );
    let test = policy("test")
        .args(["--policy", "p"])
        .args(more.iter().copied().filter(|option| *option != "--if-meant"))
        .file("p", &after)
        .arg(claims.to_string())
        .run();
    assert_eq!(test.status, 0, "{}\n{after}", test.stdout);
    let now = admitted(&after, claims);
    assert!(now.is_subset(&before), "{now:?} {before:?}\n{after}");
    // A second fix changes nothing.
    let again = fix(&after, claims).args(more.iter().copied()).run();
    assert_eq!((again.status, again.stdout.as_str()), (0, ""), "{}", again.stderr);
    assert!(again.stderr.contains("nothing to change"), "{}", again.stderr);
    after
}

/// Documents of three forms in JSON and YAML, with both kinds of line ends.
fn documents() -> Vec<(&'static str, String)> {
    let entry = json!({"decision": "allow", "tokenType": "organization", "authorizedPermissions": [],
        "rules": {"aud": AUD, "sub": "repo:acme/web:ref:refs/heads/release"}});
    let own = json!({"organization": "acme", "issuers": [{"url": ISSUER, "policies": [entry]},
        {"url": "https://gitlab.com", "policies": []}]});
    let yaml = format!(
        "# Who gets in\norganization: acme\nissuers:\n  - url: {ISSUER} # GitHub\n    policies:\n      \
         - decision: allow # releases\n        tokenType: organization\n        rules:\n          \
         aud: &aud {AUD}\n          sub: 'repo:acme/web:ref:refs/heads/release'\n\n      # teams\n      \
         - {{decision: deny, tokenType: team, teamName: x, rules: {{aud: *aud}}}}\n  - url: \
         https://gitlab.com\n    policies: []\n"
    );
    let program = format!(
        "name: access\nruntime: yaml\nvariables:\n  aud: {AUD}\nresources:\n  github:\n    type: \
         pulumiservice:index:OidcIssuer\n    properties:\n      url: {ISSUER}\n      policies:\n        - \
         decision: allow\n          tokenType: organization\n          rules:\n            aud: ${{aud}}\n            \
         sub: |-\n              repo:acme/web:ref:refs/heads/release\n  other:\n    type: random:index:RandomPet\n"
    );
    let answer = json!({"id": "p", "version": 3, "policies": [entry]});
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    vec![
        ("own, JSON", pretty(&own) + "\n"),
        ("own, JSON on one line", own.to_string()),
        ("own, YAML", yaml.clone()),
        ("own, YAML with CRLF", yaml.replace('\n', "\r\n")),
        ("own, with a byte order mark", format!("\u{feff}{yaml}")),
        ("AuthPolicy", pretty(&answer)),
        ("AuthPolicy, the list alone", pretty(&json!([entry]))),
        ("program", program),
    ]
}

#[test]
fn every_form_is_edited_in_place() {
    for (form, document) in documents() {
        let after = assert_fixed(&document, &main_branch(), &[]);
        assert!(after.contains("refs/heads/release"), "{form}: what was there stays\n{after}");
        assert!(after.contains("refs/heads/main"), "{form}");
        assert_eq!(document.starts_with('\u{feff}'), after.starts_with('\u{feff}'), "{form}");
        if document.contains("\r\n") {
            assert!(!after.replace("\r\n", "").contains('\n'), "{form}: {after:?}");
        }
        let comments = |text: &str| text.matches('#').count();
        assert_eq!(comments(&document), comments(&after), "{form}");
    }
}

#[test]
fn impossible_pattern_is_replaced() {
    for (form, document) in documents() {
        let document = document
            .replace("repo:acme/web:ref:refs/heads/release", "repo:Acme/web:ref:refs/heads/main");
        let run = fix(&document, &main_branch()).run();
        let added = run.stdout.lines().filter(|line| line.starts_with('+')).count();
        assert_eq!((run.status, added), (1, 2), "{form}: {}{}", run.stdout, run.stderr);
        let after = assert_fixed(&document, &main_branch(), &[]);
        assert_eq!(lines(&after), lines(&document.replace("repo:Acme/", "repo:acme/")), "{form}");
    }
}

#[test]
fn every_platform_token_gets_admitted() {
    for platform in ALL {
        let issuer = match platform.name {
            "GitHub Actions" | "GitHub Actions (immutable subject)" => ISSUER.to_owned(),
            "GitLab" => "https://gitlab.com".to_owned(),
            _ => format!("https://issuer.example{}", platform.path),
        };
        let claims = Value::Object((platform.shape)(&issuer).claims);
        let other = json!({"decision": "allow", "tokenType": "team", "teamName": "x", "rules": {"sub": "y"}});
        let document =
            json!({"organization": "acme", "issuers": [{"url": issuer, "policies": [other]}]});
        let document = serde_json::to_string_pretty(&document).unwrap();
        let after = assert_fixed(&document, &claims, &["--oidc-org", "acme"]);
        assert!(!after.contains(claims["jti"].as_str().unwrap()), "{}: {after}", platform.name);
    }
}

#[test]
fn new_entry_matches_requested_token_type() {
    let document = json!({"url": ISSUER, "policies": []}).to_string();
    for (more, key, value) in [
        (&["--oidc-team", "ops"][..], "teamName", json!("ops")),
        (&["--oidc-user", "ada"], "userLogin", json!("ada")),
        (&["--scope", "runner:r1"], "runnerID", json!("r1")),
        (&["--scope", "admin"], "authorizedPermissions", json!(["admin"])),
    ] {
        let after = assert_fixed(&document, &main_branch(), more);
        let after: Value = serde_json::from_str(&after).unwrap();
        assert_eq!(after["policies"][0][key], value);
    }
}

/// Asserts status 3 and one line with `words`.
fn assert_undecided(run: &Run, words: &str) {
    assert_eq!(run.status, 3, "{words}: {}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn unwanted_kinds_need_if_meant() {
    let document = json!({"url": ISSUER, "policies": []}).to_string();
    let mut pull = main_branch();
    pull["sub"] = json!("repo:acme/web:pull_request");
    pull["event_name"] = json!("pull_request");
    pull["ref"] = json!("refs/pull/17/merge");
    pull["ref_protected"] = json!("false");
    let run = fix(&document, &pull).arg("--write").run();
    assert_undecided(
        &run,
        "this would let in pull requests: use --if-meant, only if that is meant",
    );
    assert_eq!((run.stdout.as_str(), run.file("p")), ("", document.clone()));
    let run = fix(&document, &pull).args(["--write", "--if-meant"]).run();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(!run.file("p").contains("refs/pull/17"), "{}", run.file("p"));
    let forks = policy("who").args(["--policy", "p", "--forbid", "fork"]).file("p", run.file("p"));
    assert_eq!(forks.arg(pull.to_string()).run().status, 0);
}

#[test]
fn uneditable_form_prints_entry() {
    let entry = json!({"decision": "allow", "tokenType": "organization", "authorizedPermissions": [],
        "rules": {"aud": AUD, "sub": "repo:acme/infra:*"}});
    let stack = json!({"deployment": {"resources": [{"type": "pulumiservice:index:OidcIssuer",
        "outputs": {"url": ISSUER, "policies": [entry]}}]}});
    let shared = format!(
        "issuers:\n- url: {ISSUER}\n  policies: &p\n  - decision: allow\n    tokenType: org\n    rules: {{sub: a}}\n- \
         url: https://gitlab.com\n  policies: *p\n"
    );
    for (document, words) in
        [(stack.to_string(), "the state of a stack"), (shared, "repeat what would change")]
    {
        for write in [&[][..], &["--write"]] {
            let run = fix(&document, &main_branch()).args(write.iter().copied()).run();
            assert_undecided(&run, words);
            assert!(run.stderr.contains("add this by hand"), "{}", run.stderr);
            let entry: Value = serde_json::from_str(&run.stdout).unwrap();
            assert_eq!(entry["rules"]["sub"], main_branch()["sub"]);
            assert_eq!(run.file("p"), document);
        }
    }
    let deny = json!({"url": ISSUER, "policies": [{"decision": "deny", "tokenType": "organization", "rules": {}}]});
    assert_undecided(&fix(&deny.to_string(), &main_branch()).run(), "policy 1 denies this token");
    let other = json!({"url": "https://gitlab.com", "policies": []});
    assert_undecided(&fix(&other.to_string(), &main_branch()).run(), "is not registered");
    let open = format!(
        "resources:\n  a:\n    type: pulumiservice:OidcIssuer\n    properties:\n      url: {ISSUER}\n      policies: \
         ${{x}}\n"
    );
    assert_undecided(&fix(&open, &main_branch()).run(), "leaves open");
    let mut wildcard = main_branch();
    wildcard["sub"] = json!("repo:acme/web:environment:*");
    let empty = json!({"url": ISSUER, "policies": []}).to_string();
    assert_undecided(&fix(&empty, &wildcard).run(), "no safe rule");
}

#[test]
#[cfg(unix)]
fn edited_file_keeps_permissions_and_link() {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    let document = json!({"url": ISSUER, "policies": []}).to_string();
    let doctor = policy("fix").args(["--policy", "link", "--write"]).file("real/p.json", &document);
    let doctor = doctor.arg(main_branch().to_string());
    let (real, link) = (doctor.path("real/p.json"), doctor.path("link"));
    fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
    symlink(&real, &link).unwrap();
    let mut running = doctor.start();
    let ended = running.end();
    assert!(ended.status.success(), "{}", ended.stderr);
    let text = fs::read_to_string(&real).unwrap();
    assert!(text.contains("refs/heads/main"), "{text}");
    assert_eq!(fs::metadata(&real).unwrap().mode() & 0o777, 0o644);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(running.list_directory("real"), ["p.json"], "nothing is left behind");

    // A file without write permission.
    let doctor = fix(&document, &main_branch()).arg("--write");
    fs::set_permissions(doctor.path("p"), fs::Permissions::from_mode(0o444)).unwrap();
    let run = doctor.run();
    assert_eq!(run.status, 2, "{}", run.stderr);
    assert!(run.stderr.contains("permission denied"), "{}", run.stderr);
}

#[test]
fn hostile_text_in_diff_is_harmless() {
    let hostile = "x##vso[task.complete]\u{202e}\u{1b}[31m";
    let yaml = format!(
        "# ::error::a ##vso[task.complete]\nurl: {ISSUER}\nname: \"x##[error]\" # \u{202e}\npolicies:\n\
         ::b: 1\n"
    )
    .replace("::b: 1\n", "- decision: allow\n  tokenType: org\n  rules: {sub: a} # ::error::b\n");
    let mut claims = main_branch();
    claims["repository"] = json!(hostile);
    let run = fix(&yaml, &claims).run();
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert_harmless(&run.stdout, "diff");
    claims["sub"] = json!(format!("repo:acme/{hostile}:ref:refs/heads/main"));
    let run = fix(&yaml, &claims).run();
    assert_harmless(&run.stdout, "diff");
    assert_harmless(&run.stderr, "stderr");
    let run = policy("fix").args(["--policy", "::error::x##vso[y]"]).arg(claims.to_string()).run();
    assert_harmless(&run.stderr, "stderr");
}

/// Neither the given token nor one that somebody pasted into the file.
#[test]
fn tokens_are_not_shown() {
    let world = World::new(&GITHUB);
    let (token, pasted) = (world.token(), World::new(&AZURE_ENTRA).token());
    let issuer = world.issuer.url();
    let yaml = format!("url: {issuer}\n# {pasted}\npolicies: []\n");
    let run = policy("fix")
        .args(["--policy", "p", "--oidc-org", "acme"])
        .file("p", yaml)
        .arg(&token)
        .secret(&token)
        .secret(&pasted)
        .run();
    assert_eq!(run.status, 1, "{}", run.stderr);
}

#[test]
fn live_policy_is_not_changed() {
    const ADMIN: &str = "pul-4f0c9a7be1d25836904c7fa1b2e8d35c60f94a17";
    let mut world = World::new(&GITHUB);
    world.use_public_issuer();
    world.cloud.accept_access_token(ADMIN, "ada", "acme");
    let live = || {
        policy("fix")
            .args(["--cloud-url", world.cloud.url(), "--ca-cert", "ca.pem", "--oidc-org", "acme"])
            .file("ca.pem", world.authority.pem())
            .env("DOCTOR_ACCESS_TOKEN", ADMIN)
            .secret(ADMIN)
            .arg(Value::Object(world.shape.claims.clone()).to_string())
    };
    let run = live().run();
    assert_eq!((run.status, run.stderr.as_str()), (1, ""), "{}", run.stdout);
    assert!(run.stdout.starts_with("--- Pulumi Cloud\n+++ Pulumi Cloud\n@@ "), "{}", run.stdout);
    assert!(
        run.stdout.contains("\n+") && run.stdout.contains("repo:acme/web-shop"),
        "{}",
        run.stdout
    );
    world.cloud.set_policies(vec![world.shape.entry.clone()]);
    let run = live().run();
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(world.cloud.requests().iter().all(|request| request.method == "GET"));
    let run = live().arg("--write").run();
    assert_eq!(run.status, 2, "{}", run.stderr);
    let run = live().unset("DOCTOR_ACCESS_TOKEN").run();
    assert_undecided(&run, "set DOCTOR_ACCESS_TOKEN");
}

/// Generates policies for jobs of a few owners and repositories.
fn generated_policies() -> impl Strategy<Value = Vec<Value>> {
    let sub = prop::sample::select(vec![
        "repo:acme/web:ref:refs/heads/main",
        "repo:acme/web:*",
        "repo:Acme/Web:ref:refs/heads/main",
        "repo:acme/web:refs/heads/main",
        "rep:acme/web:*",
        "repo:acme/*:environment:prod",
        "repo:globex/app:ref:refs/tags/*",
        "repo:acme/web:pull_request",
        "*",
    ]);
    let aud = prop::sample::select(vec![AUD, "urn:pulumi:org:globex", "sts.amazonaws.com", "*"]);
    let more = prop::sample::select(vec![
        None,
        Some(("repository_owner", "acme")),
        Some(("repositry", "acme/web")),
        Some(("ref_protected", "true")),
        Some(("iss", "https://github.com")),
        Some(("event_name", "push")),
    ]);
    let token_type = prop::sample::select(vec!["organization", "org", "team"]);
    let decision = prop::sample::select(vec!["allow", "allow", "allow", "allow", "deny"]);
    let entry = (sub, aud, more, token_type, decision).prop_map(
        |(sub, aud, more, token_type, decision)| {
            let mut entry = json!({"decision": decision, "tokenType": token_type,
            "authorizedPermissions": [], "rules": {"aud": aud, "sub": sub}});
            if token_type == "team" {
                entry["teamName"] = json!("ops");
            }
            if let Some((claim, pattern)) = more {
                entry["rules"][claim] = json!(pattern);
            }
            entry
        },
    );
    prop::collection::vec(entry, 0..4)
}

fn generated_claims() -> impl Strategy<Value = Value> {
    let sub = prop::sample::select(vec![
        ("repo:acme/web:ref:refs/heads/main", "refs/heads/main"),
        ("repo:acme@65/web@74:ref:refs/heads/main", "refs/heads/main"),
        ("repo:acme/web:environment:prod", "refs/heads/main"),
        ("repo:acme/web:ref:refs/tags/v1.0", "refs/tags/v1.0"),
        ("repo:acme/web.site:ref:refs/heads/main", "refs/heads/main"),
    ]);
    (sub, any::<bool>()).prop_map(|((sub, reference), is_list)| {
        let mut claims = main_branch();
        claims["sub"] = json!(sub);
        claims["ref"] = json!(reference);
        claims["repository_id"] = json!("74");
        claims["repository_owner_id"] = json!("65");
        if sub.contains(":environment:") {
            claims["environment"] = json!("prod");
        }
        if is_list {
            claims["aud"] = json!(["other", AUD]);
        }
        claims
    })
}

/// Writes a document with these entries in one of four layouts.
fn write_layout(entries: &[Value], layout: usize) -> String {
    let own = json!({"url": ISSUER, "policies": entries});
    match layout {
        0 => serde_json::to_string_pretty(&own).unwrap(),
        1 => own.to_string(),
        2 => serde_json::to_string_pretty(&json!({"policies": entries}))
            .unwrap()
            .replace('\n', "\r\n"),
        _ => {
            let mut text = format!(
                "# who gets in\nurl: {ISSUER}\npolicies:{}\n",
                if entries.is_empty() { " []" } else { "" }
            );
            for entry in entries {
                text += &format!(
                    "  - decision: {}\n    tokenType: {}\n",
                    entry["decision"].as_str().unwrap(),
                    entry["tokenType"].as_str().unwrap()
                );
                if entry["tokenType"] == "team" {
                    text += "    teamName: ops\n";
                }
                text += "    rules: # all of them\n";
                for (claim, pattern) in entry["rules"].as_object().unwrap() {
                    text += &format!("      {claim}: '{}'\n", pattern.as_str().unwrap());
                }
            }
            text + "# end\n"
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// A fix changes only the lines of its diff, and lets in the token but no other kind of job.
    #[test]
    fn fix_changes_only_what_it_shows(entries in generated_policies(), claims in generated_claims(), layout in 0..4_usize) {
        let document = write_layout(&entries, layout);
        let run = fix(&document, &claims).arg("--write").run();
        match run.status {
            0 if run.stdout.is_empty() => prop_assert_eq!(run.file("p"), document),
            0 => drop(assert_fixed(&document, &claims, &[])),
            status => {
                prop_assert_eq!(status, 3, "{}", run.stderr);
                prop_assert_eq!(&run.file("p"), &document);
                // These policies fail only because of a deny entry.
                prop_assert!(run.stderr.contains("denies this token"), "{}\n{}", run.stderr, document);
            }
        }
    }
}
