//! Audience and policy: whether Pulumi Cloud lets the token in, and the smallest change if not.

use serde_json::{Value, json};

use crate::support::platforms::{
    AZURE_DEVOPS, AZURE_ENTRA, BITBUCKET, BUILDKITE, CIRCLECI, GITHUB, KUBERNETES,
};
use crate::support::{Platform, World};

const AZURE_ID: &str = "fb60f99c-7a34-4190-8149-302f77469936";
const AZURE_NAME: &str = "api://AzureADTokenExchange";

/// A world whose policy entry has this pattern for a claim.
fn with_rule(platform: &Platform, claim: &str, pattern: &str) -> World {
    let mut world = World::new(platform);
    world.shape.entry["rules"][claim] = pattern.into();
    world
}

/// The platform's entry with some keys replaced.
fn entry(world: &World, changes: Value) -> Value {
    let mut entry = world.shape.entry.clone();
    for (key, value) in changes.as_object().unwrap() {
        entry[key] = value.clone();
    }
    entry
}

#[test]
fn audience_difference_is_explained() {
    let same = "the same audience, spelled two ways";
    let cases: [(&Platform, &str, Value, &[&str]); 9] = [
        (&AZURE_ENTRA, AZURE_NAME, json!(AZURE_ID), &[same, "Entra tokens always carry its id"]),
        (&AZURE_DEVOPS, AZURE_ID, json!(AZURE_NAME), &[same, "carry its name"]),
        (
            &GITHUB,
            "urn:pulumi:org:globex",
            json!("urn:pulumi:org:acme"),
            &["for the organization acme", "the rule for globex"],
        ),
        (
            &GITHUB,
            "urn:pulumi:org:acme",
            json!("https://github.com/octo-corp"),
            &["GitHub's default audience", "octo-corp", "audience=urn:pulumi:org:acme"],
        ),
        (
            &GITHUB,
            "urn:pulumi:org:ACME",
            json!("urn:pulumi:org:acme"),
            &["upper and lower case only"],
        ),
        (&CIRCLECI, "some-audience ", json!("some-audience"), &["white space"]),
        (&CIRCLECI, "https://a.test/", json!("https://a.test"), &["slash at the end"]),
        (
            &BITBUCKET,
            "urn:pulumi:org:acme",
            json!(["ari:one", "urn:pulumi:org:globex"]),
            &["ari:one", "urn:pulumi:org:globex"],
        ),
        (&CIRCLECI, "mine", json!("theirs"), &["request the token for the audience mine"]),
    ];
    for (platform, rule, actual, telling) in cases {
        let mut world = with_rule(platform, "aud", rule);
        world.shape.claims["aud"] = actual.clone();
        let run = world.doctor().json();
        run.assert_root_cause("audience-mismatch", "audience", "policy");
        run.assert_finding_contains("audience-mismatch", telling);
        let shown = actual.as_str().map_or_else(|| actual.to_string(), str::to_owned);
        // Of a list, the element for Pulumi is compared.
        let nearest = if actual.is_array() { actual[1].clone() } else { actual };
        run.assert_finding_contains("audience-mismatch", &[rule, &shown, "policy 1, rule aud"]);
        let options = &run.finding("audience-mismatch")["remediation"]["options"];
        let offered = format!("\"aud\":{nearest}");
        let is_own = nearest == "https://github.com/octo-corp";
        let whole = options.to_string();
        assert_eq!(
            whole.contains(&offered) || whole.contains(&format!("\"after\":{nearest}")),
            !is_own,
            "{whole}"
        );
    }
}

#[test]
fn several_failing_rules_are_counted() {
    let mut world = with_rule(&GITHUB, "aud", "urn:pulumi:org:globex");
    world.shape.entry["rules"]["sub"] = json!("repo:globex/other:ref:refs/heads/main");
    let run = world.doctor().json();
    for code in ["audience-mismatch", "subject-mismatch"] {
        let options = run.finding(code)["remediation"]["options"].as_array().unwrap();
        assert_eq!(options.len(), 1, "{options:?}");
        assert_eq!(options[0]["changes"][0]["path"], "/policies/-", "one entry is for both");
    }
    run.assert_finding_contains("audience-mismatch", &["2 rules of this policy fail"]);
    run.assert_finding_contains("subject-mismatch", &["Make the change of audience-mismatch"]);
}

#[test]
fn default_github_audience_is_not_suggested() {
    let mut world = World::new(&GITHUB);
    world.shape.claims["aud"] = json!("https://github.com/octo-corp");
    let run = world.doctor().json();
    let said = run.finding_text("audience-mismatch");
    assert!(said.contains("Request the token for the audience urn:pulumi:org:acme"), "{said}");
    assert!(!said.contains("\"aud\": \"https"), "{said}");
}

#[test]
fn one_audience_of_several_is_enough() {
    let mut world = World::new(&KUBERNETES);
    world.shape.claims["aud"] = json!(["https://kubernetes.default.svc", "urn:pulumi:org:acme"]);
    world.doctor().json().assert_healthy();
}

#[test]
fn rules_for_other_tokens_are_explained() {
    // The code, the platform, the rule, its pattern and texts of the finding.
    let cases: [(&str, &Platform, &str, &str, &[&str]); 6] = [
        (
            "claim-mismatch",
            &GITHUB,
            "repository_owner",
            "globex",
            &[
                "globex",
                "acme",
                "policy 1, rule repository_owner",
                "\"sub\": \"repo:acme/web-shop:ref:refs/heads/main\"",
            ],
        ),
        // The number differs in every run.
        ("claim-mismatch", &BUILDKITE, "build_number", "43", &["43", "add this policy"]),
        (
            "claim-absent",
            &KUBERNETES,
            "kubernetes.io.serviceaccount.name",
            "deployer",
            &[
                "which the token does not have",
                "in double quotes",
                r#""\"kubernetes.io\".serviceaccount.name": "deployer""#,
            ],
        ),
        (
            "claim-absent",
            &GITHUB,
            "repositry",
            "acme/web-shop",
            &["\"repository\": \"acme/web-shop\""],
        ),
        ("claim-absent", &GITHUB, "Event-Name", "push", &["\"event_name\": \"push\""]),
        ("claim-absent", &GITHUB, "zzz", "x", &["zzz: x", "(absent)"]),
    ];
    for (code, platform, claim, pattern, telling) in cases {
        let run = with_rule(platform, claim, pattern).doctor().json();
        run.assert_root_cause(code, "policy", "policy");
        run.assert_finding_contains(code, telling);
    }
}

#[test]
fn misquoted_claim_path_is_reported() {
    let run = with_rule(&GITHUB, "zzz", "x").doctor().json();
    assert!(!run.finding_text("claim-absent").contains("nearest"), "nothing comes near");
    // A claim that is null never matches.
    let mut world = with_rule(&GITHUB, "environment", "*");
    world.shape.claims.insert("environment".to_owned(), Value::Null);
    world.doctor().json().assert_root_cause("claim-absent", "policy", "policy");
}

#[test]
fn entry_applies_to_its_requests_only() {
    // The code, the entry's keys, the login's options and texts of the finding.
    let cases: [(&str, Value, &[&str], &[&str]); 9] = [
        (
            "token-type-not-allowed",
            json!({"tokenType": "team", "teamName": "o'ps"}),
            &[],
            &["type organization", "for team", r"--oidc-team 'o'\''ps'"],
        ),
        (
            "token-type-not-allowed",
            json!({"tokenType": "personal", "userLogin": "ada"}),
            &[],
            &["for personal", "--oidc-user ada"],
        ),
        (
            "token-type-not-allowed",
            json!({"tokenType": "runner", "runnerID": "r1"}),
            &[],
            &["for runner", "cannot be asked for with pulumi login"],
        ),
        (
            "token-type-not-allowed",
            json!({}),
            &["--oidc-team", "ops"],
            &["type team", "for organization", "leave --oidc-team and --oidc-user out"],
        ),
        (
            "team-not-allowed",
            json!({"tokenType": "team", "teamName": "ops-*"}),
            &["--oidc-team", "dev"],
            &["team dev", "ops-*"],
        ),
        (
            "team-not-allowed",
            json!({"tokenType": "team"}),
            &["--oidc-team", "dev"],
            &["team dev", "never matches"],
        ),
        (
            "user-not-allowed",
            json!({"tokenType": "personal", "userLogin": "ada"}),
            &["--oidc-user", "grace"],
            &["user grace", "ada"],
        ),
        (
            "runner-not-allowed",
            json!({"tokenType": "runner", "runnerID": "r1"}),
            &["--scope", "runner:r2"],
            &["runner r2", "r1", "not documented"],
        ),
        (
            "admin-not-permitted",
            json!({}),
            &["--scope", "admin"],
            &["policy 1", "scope=admin", "authorizedPermissions"],
        ),
    ];
    for (code, has, asks, telling) in cases {
        let world = World::new(&GITHUB);
        let run =
            world.doctor_with_entries(&[entry(&world, has)]).args(asks.iter().copied()).json();
        run.assert_root_cause(code, "policy", "policy");
        run.assert_finding_contains(code, telling);
        assert_eq!(run.report["policy"]["decision"], "deny");
        let none_applies = code != "admin-not-permitted";
        assert_eq!(run.report["policy"]["closest"].is_null(), none_applies, "{code}");
        assert_eq!(run.report["policy"]["entries"][0]["applies"], !none_applies, "{code}");
    }
}

#[test]
fn matching_requests_are_allowed() {
    let cases: [(Value, &[&str], &str, &str); 4] = [
        (
            json!({"tokenType": "team", "teamName": "ops-*"}),
            &["--oidc-team", "ops-eu"],
            "team",
            "team:ops-eu",
        ),
        (
            json!({"tokenType": "personal", "userLogin": "ada"}),
            &["--oidc-user", "ada"],
            "personal",
            "user:ada",
        ),
        (
            json!({"tokenType": "deployment-runner", "runnerID": "r1"}),
            &["--scope", "runner:r1"],
            "runner",
            "runner:r1",
        ),
        (
            json!({"authorizedPermissions": ["admin"]}),
            &["--scope", "admin"],
            "organization",
            "admin",
        ),
    ];
    for (has, asks, token_type, scope) in cases {
        let world = World::new(&GITHUB);
        let run =
            world.doctor_with_entries(&[entry(&world, has)]).args(asks.iter().copied()).json();
        run.assert_healthy();
        assert_eq!(run.report["request"]["tokenType"], token_type);
        assert_eq!(run.report["request"]["scope"], scope);
        assert_eq!(run.report["policy"]["entries"][0]["tokenType"], token_type);
        assert_eq!(run.report["policy"]["closest"], 0);
    }
}

#[test]
fn missing_admin_and_rule_are_reported() {
    let world = with_rule(&GITHUB, "repository_owner", "globex");
    let run = world.doctor().args(["--scope", "admin"]).json();
    run.assert_root_cause("admin-not-permitted", "policy", "policy");
    assert!(run.codes().contains(&"claim-mismatch"), "{:?}", run.codes());
}

#[test]
fn empty_policy_denies() {
    let world = World::new(&GITHUB);
    let deny = entry(&world, json!({"decision": "deny", "rules": {"sub": "nobody"}}));
    for entries in [vec![], vec![deny]] {
        let run = world.doctor_with_entries(&entries).json();
        run.assert_root_cause("policy-default-deny", "policy", "policy");
        let sub = world.shape.claims["sub"].as_str().unwrap();
        run.assert_finding_contains("policy-default-deny", &[sub, "\"decision\": \"allow\""]);
        assert_eq!(run.report["policy"]["closest"], Value::Null);
        assert_eq!(run.report["policy"]["rules"], json!([]));
    }
}

#[test]
fn deny_overrides_allow_in_any_order() {
    let world = World::new(&GITHUB);
    let allow = world.shape.entry.clone();
    let deny = entry(&world, json!({"decision": "deny", "rules": {"ref": "refs/heads/*"}}));
    for (at, entries) in [(0, [deny.clone(), allow.clone()]), (1, [allow, deny])] {
        let run = world.doctor_with_entries(&entries).json();
        run.assert_root_cause("policy-denied", "policy", "policy");
        let name = format!("Policy {} denies", at + 1);
        run.assert_finding_contains("policy-denied", &[&name, "refs/heads/*", "refs/heads/main"]);
    }
    // An entry for another token type does not deny this token.
    let other = entry(&world, json!({"decision": "deny", "tokenType": "team", "rules": {}}));
    world.doctor_with_entries(&[other, world.shape.entry.clone()]).json().assert_healthy();
}

#[test]
fn closest_entry_has_fewest_failing_rules() {
    let world = World::new(&GITHUB);
    let aud = "urn:pulumi:org:acme";
    let with = |sub: &str, owner: &str| {
        entry(&world, json!({"rules": {"aud": aud, "sub": sub, "repository_owner": owner}}))
    };
    let good = world.shape.claims["sub"].as_str().unwrap();
    let near = good.replace("main", "mail");
    let entries = [
        entry(&world, json!({"tokenType": "team", "teamName": "ops"})),
        with(&near, "acmo"),
        with("repo:globex/elsewhere:environment:test", "acme"),
        with(&near, "acme"),
        with(&good.replace("main", "rain"), "acme"),
        with(&near, "acme"),
        entry(&world, json!({"decision": "deny", "rules": {"sub": "nobody"}})),
    ];
    let run = world.doctor_with_entries(&entries).json();
    run.assert_root_cause("subject-mismatch", "policy", "policy");
    assert_eq!(run.codes(), ["subject-mismatch"]);
    run.assert_finding_contains("subject-mismatch", &["policy 4, rule sub", &near]);
    let policy = &run.report["policy"];
    assert_eq!(policy["closest"], 3);
    assert_eq!(policy["rules"], policy["entries"][3]["rules"]);
    let applying: Vec<_> =
        policy["entries"].as_array().unwrap().iter().map(|e| e["applies"] == true).collect();
    assert_eq!(applying, [false, true, true, true, true, true, true]);
}

#[test]
fn closest_entry_reports_every_failing_rule() {
    let mut world = with_rule(&GITHUB, "aud", "urn:pulumi:org:globex");
    for claim in ["sub", "repository_owner", "absent"] {
        world.shape.entry["rules"][claim] = "else".into();
    }
    let run = world.doctor().json();
    run.assert_root_cause("audience-mismatch", "audience", "policy");
    let expected = ["audience-mismatch", "subject-mismatch", "claim-mismatch", "claim-absent"];
    assert_eq!(run.codes(), expected);
}

#[test]
fn report_holds_whole_policy() {
    let mut world = with_rule(&GITHUB, "sub", "repo:acme/*");
    world.shape.entry["rules"]["repository_owner"] = "acme".into();
    let deny = entry(&world, json!({"decision": "deny", "rules": {"zzz": "x"}}));
    let run = world.doctor_with_entries(&[deny, world.shape.entry.clone()]).json();
    run.assert_healthy();
    let rule = |claim: &str, pattern: &str, actual: Value, matched: bool| json!({"claim": claim, "pattern": pattern, "actual": actual, "matched": matched});
    let rules = json!([
        rule("aud", "urn:pulumi:org:acme", json!("urn:pulumi:org:acme"), true),
        rule("repository_owner", "acme", json!("acme"), true),
        rule("sub", "repo:acme/*", world.shape.claims["sub"].clone(), true),
    ]);
    let denying = json!([rule("zzz", "x", Value::Null, false)]);
    let of = |index: u8, decision: &str, rules: &Value| json!({"index": index, "decision": decision, "tokenType": "organization", "applies": true, "rules": rules});
    let mut policy = run.report["policy"].clone();
    let shown = policy["entries"][1]["rules"].as_array_mut().unwrap();
    shown.sort_by_key(|rule| rule["claim"].as_str().unwrap().to_owned());
    let shown = policy["rules"].as_array_mut().unwrap();
    shown.sort_by_key(|rule| rule["claim"].as_str().unwrap().to_owned());
    assert_eq!(
        policy,
        json!({
            "source": "file",
            "issuer": world.issuer.url(),
            "decision": "allow",
            "closest": 1,
            "rules": rules,
            "entries": [of(0, "deny", &denying), of(1, "allow", &rules)],
        })
    );
}

#[test]
fn report_without_policy_shows_needed_entry() {
    let mut world = World::new(&BITBUCKET);
    world.shape.entry["tokenType"] = "team".into();
    world.shape.entry["teamName"] = "ops".into();
    let run = world.doctor_without_policy().args(["--oidc-team", "ops"]).json();
    run.assert_healthy();
    assert_eq!(run.finding("policy-unknown")["severity"], "info");
    assert_eq!(run.skipped_because("policy"), Some("--policy"));
    assert_eq!(run.skipped_because("registration"), Some("--policy"));
    let policy = json!({"source": "none", "issuer": null, "decision": "unknown", "closest": null, "rules": [], "entries": []});
    assert_eq!(run.report["policy"], policy);
    let proposed = run.finding("policy-unknown")["remediation"]["commands"][0].as_str().unwrap();
    let proposed: Value = serde_json::from_str(proposed).unwrap();
    assert_eq!(proposed["decision"], "allow");
    assert_eq!((&proposed["tokenType"], &proposed["teamName"]), (&json!("team"), &json!("ops")));
    assert_eq!(proposed["rules"]["sub"], world.shape.claims["sub"]);
    // The suggested entry lets the token in.
    world.doctor_with_entries(&[proposed]).args(["--oidc-team", "ops"]).json().assert_healthy();
}

#[test]
fn loose_policy_warns() {
    let aud = "urn:pulumi:org:acme";
    let loose = [
        json!({"aud": aud}),
        json!({"aud": aud, "sub": "*"}),
        json!({}),
        json!({"aud": aud, "sub": "?*"}),
    ];
    for rules in loose {
        for permissions in [json!([]), json!(["admin"])] {
            let world = World::new(&GITHUB);
            let changes = json!({"rules": rules, "authorizedPermissions": permissions});
            let entries = [entry(&world, changes)];
            let run = world.doctor_with_entries(&entries).json();
            run.assert_healthy();
            let sub = format!("\"sub\": {}", world.shape.claims["sub"]);
            run.assert_finding_contains("policy-too-broad", &["policy 1", &sub]);
            let broad = run.finding("policy-too-broad");
            assert_eq!(
                (&broad["severity"], &broad["category"]),
                (&json!("warning"), &json!("policy"))
            );
            assert_eq!(run.check("policy")["status"], "warn");
            let admin = permissions[0] == "admin";
            assert_eq!(run.codes().contains(&"policy-admin-granted"), admin);
            if admin {
                assert_eq!(run.finding("policy-admin-granted")["severity"], "warning");
            }
        }
    }
}

#[test]
fn rules_on_identities_do_not_warn() {
    let rules = [json!({"repository": "acme/web-shop"}), json!({"sub": "repo:acme/*"})];
    for rules in rules {
        let world = World::new(&GITHUB);
        let changes = json!({"rules": rules, "authorizedPermissions": ["admin"]});
        let run = world.doctor_with_entries(&[entry(&world, changes)]).json();
        run.assert_healthy();
        assert!(!run.codes().contains(&"policy-too-broad"), "{rules}");
        assert!(!run.codes().contains(&"policy-admin-granted"), "{rules}");
    }
    // The tenant is the same for every service connection in it.
    let world = World::new(&AZURE_ENTRA);
    let tid = &world.shape.claims["tid"];
    let run = world
        .doctor_with_entries(&[entry(&world, json!({"rules": {"aud": AZURE_ID, "tid": tid}}))]);
    run.json().assert_finding_contains("policy-too-broad", &["policy 1"]);
}

#[test]
fn dot_matching_other_character_warns() {
    let sub = World::new(&GITHUB).shape.claims["sub"].as_str().unwrap().to_owned();
    // The pattern and the severity.
    let cases = [
        (sub.replace("web-shop", "web.shop"), Some("warning")),
        (sub.replace("web-shop", "web?shop"), Some("warning")),
        (sub.clone(), None),
    ];
    for (pattern, severity) in cases {
        let run = with_rule(&GITHUB, "sub", &pattern).doctor().json();
        run.assert_healthy();
        let Some(severity) = severity else {
            assert!(!run.codes().contains(&"policy-wildcard-surprise"), "{:?}", run.codes());
            continue;
        };
        assert_eq!(run.finding("policy-wildcard-surprise")["severity"], severity, "{pattern}");
        run.assert_finding_contains("policy-wildcard-surprise", &[&pattern, "policy 1"]);
    }
    let run =
        with_rule(&GITHUB, "job_workflow_ref", "*/.github/workflows/up.yml@*").doctor().json();
    run.assert_healthy();
    assert_eq!(run.finding("policy-wildcard-surprise")["severity"], "info", "meant, and so taken");
}

#[test]
fn dead_entry_is_reported() {
    let world = World::new(&GITHUB);
    let nobody = entry(&world, json!({"tokenType": "personal"}));
    let run = world.doctor_with_entries(&[world.shape.entry.clone(), nobody]).json();
    run.assert_healthy();
    assert_eq!(run.finding("policy-wildcard-surprise")["severity"], "info");
    run.assert_finding_contains(
        "policy-wildcard-surprise",
        &["can never match", "policy 2", "userLogin"],
    );
}

#[test]
fn unexpanded_claim_blames_token_request() {
    let cases = [
        ("aud", "${{AUDIENCE}}", "urn:pulumi:org:acme", "Request the token for the audience"),
        ("aud", "$(Audience)", "urn:pulumi:org:acme", "Request the token for the audience"),
        ("repository", "${REPOSITORY}", "acme/infra", "so that repository gets a value"),
    ];
    for (claim, value, rule, fix) in cases {
        let mut world = World::new(&GITHUB);
        world.shape.claims[claim] = value.into();
        world.shape.entry["rules"][claim] = rule.into();
        let run = world.doctor().json();
        run.assert_root_cause("claim-unexpanded", "token", "policy");
        run.assert_finding_contains("claim-unexpanded", &[value, rule, fix]);
        let commands = &run.finding("claim-unexpanded")["remediation"]["commands"];
        assert_eq!(commands, &serde_json::json!([]), "no rule with the variable");
    }
}
