//! The doctor never suggests a rule with a claim's value that contains a wildcard.
//!
//! The tests search every text of a report and every form of `policy suggest` for such a rule. In
//! the controls, with an ordinary value, the rule is suggested and works.

use serde_json::{Map, Value, json};

use crate::policies::command::{policy, test_claims};
use crate::support::platforms::{
    AZURE_DEVOPS, AZURE_ENTRA, BITBUCKET, BUILDKITE, CIRCLECI, CIRCLECI_V2, GITHUB, GITLAB,
    HCP_TERRAFORM, KUBERNETES, PULUMI_DEPLOYMENTS, SPACELIFT,
};
use crate::support::{Platform, World, object};

const ISSUER: &str = "https://issuer.example/path";
const NONE: &str = "No other claim of this token is known to identify the job.";
const FORMS: [&str; 4] = ["all", "api", "yaml", "console"];

/// A platform's claims with some changed values.
fn claims(platform: &Platform, changed: Value) -> Value {
    let mut all = (platform.shape)(ISSUER).claims;
    all.extend(object(changed));
    Value::Object(all)
}

/// A policy document with these entries for the issuer.
fn document(entries: Value) -> String {
    json!({"organization": "acme", "issuers": [{"url": ISSUER, "policies": entries}]}).to_string()
}

fn entry(rules: Value) -> Value {
    json!({"decision": "allow", "tokenType": "organization", "authorizedPermissions": [],
        "rules": rules})
}

/// Runs `policy test` of the claims. Returns the finding with this code.
fn finding(code: &str, entries: Value, claims: &Value) -> Value {
    let (_, report) = test_claims(&document(entries), claims, &["--oidc-org", "acme"]);
    let all = report["findings"].as_array().unwrap();
    let found = all.iter().find(|finding| finding["code"] == code);
    found.unwrap_or_else(|| panic!("{code} is missing\n{report:#}")).clone()
}

fn texts<'a>(finding: &'a Value, pointer: &str) -> Vec<&'a str> {
    let all = finding.pointer(pointer).unwrap().as_array().unwrap();
    all.iter().map(|text| text.as_str().unwrap()).collect()
}

/// Asserts that a finding suggests no rule with the hostile value, says why, and contains
/// `instead`.
fn assert_no_rule(finding: &Value, claim: &str, value: &str, instead: &[&str]) {
    for command in texts(finding, "/remediation/commands") {
        assert!(!command.contains(['*', '?']), "{command}\n{finding:#}");
        assert!(!command.contains(value), "{command}\n{finding:#}");
    }
    let steps = texts(finding, "/remediation/steps");
    let reason = format!("The value of {claim} is ");
    assert!(steps.iter().any(|step| step.starts_with(&reason)), "{finding:#}");
    for step in steps.iter().filter(|step| !step.starts_with(&reason)) {
        let leads_to_a_rule = step.ends_with(':') && !step.starts_with("Request the token");
        assert!(!leads_to_a_rule, "{step}\n{finding:#}");
        assert!(value.len() < 3 || !step.contains(value), "{step}\n{finding:#}");
    }
    for option in finding["remediation"]["options"].as_array().unwrap() {
        for change in option["changes"].as_array().unwrap() {
            assert_ne!(change["target"], "policy", "{change}\n{finding:#}");
            assert!(!change["after"].to_string().contains(['*', '?']), "{change}\n{finding:#}");
        }
    }
    let summary = finding["remediation"]["summary"].as_str().unwrap();
    assert!(value.len() < 3 || !summary.contains(value), "{summary}");
    for words in ["Make the rule match", "Add a rule on sub", "Put the audience", "drop the rule"] {
        assert!(!summary.contains(words), "{summary}\n{finding:#}");
    }
    for proof in finding["evidence"].as_array().unwrap() {
        let place = proof["where"].as_str().unwrap();
        if proof["value"].as_str().unwrap().contains(value) {
            assert!(place.contains("token claim"), "{proof}");
        }
    }
    let all = steps.join("\n");
    for words in instead {
        assert!(all.contains(words), "{words}\n{finding:#}");
    }
}

/// Asserts that `policy suggest` prints no policy in any form, ends with 3, and says why on one
/// line.
fn assert_no_suggestion(claims: &Value, more: &[&str], words: &[&str]) {
    for form in FORMS {
        let run = policy("suggest")
            .args(["--oidc-org", "acme", "--as", form])
            .args(more.iter().copied())
            .arg(claims.to_string())
            .run();
        assert_eq!((run.status, run.stdout.as_str()), (3, ""), "{form} {claims}\n{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        let start = "doctor: no safe rule can be written for this token. ";
        assert!(run.stderr.starts_with(start), "{}", run.stderr);
        for words in words {
            assert!(run.stderr.contains(words), "{words}\n{}", run.stderr);
        }
    }
}

/// A hostile subject of a platform, and the texts about what identifies the job instead.
struct Subject {
    platform: &'static Platform,
    /// Changes to the platform's claims. `sub` is hostile.
    changed: Value,
    instead: &'static [&'static str],
}

fn subjects() -> Vec<Subject> {
    let subject = |platform, changed, instead| Subject { platform, changed, instead };
    let environment = |name: &str| {
        json!({"sub": format!("repo:acme/web-shop:environment:{name}"), "environment": name,
            "environment_node_id": "EN_kwDOA1"})
    };
    let circle = "org/b9917b05-2c4f-4e0a-9c35-11ad4b6e7d20/project/";
    let entra = "/eid1/c/pub/t/TSw7jmAffkqbUsDU5vihsw/a/rISbSSETf0KqFyZ8ppdXmA/sc/5a1c9e7b/";
    let github_environment: &[&str] =
        &["repository_id (778899) and environment_node_id (EN_kwDOA1)", "as narrowly as sub"];
    let github: &[&str] = &["repository_id (778899) and ref (refs/heads/main)", "as narrowly as"];
    let gitlab: &[&str] = &["project_id (22), ref_type (branch) and ref (main)", "as narrowly as"];
    let circleci: &[&str] = &[
        "\"oidc.circleci.com/project-id\" (5d9a7c31-0e82-4b6f-a4d3-7f1c2e9b8a60)",
        "\"oidc.circleci.com/vcs-ref\" (refs/heads/main)",
    ];
    let kubernetes: &[&str] =
        &["\"kubernetes.io\".serviceaccount.uid (7c2e9d14-8f65-4a03-b1d7-e5a0c3f89b26)"];
    vec![
        subject(&GITHUB, environment("*"), github_environment),
        subject(&GITHUB, environment("prod?"), github_environment),
        // The branch of a job cannot replace its environment in a rule.
        subject(
            &GITHUB,
            json!({"sub": "repo:acme/web-shop:environment:*", "environment": "*"}),
            &["No other claims identify this job as narrowly", "repository_id (778899)", "part"],
        ),
        subject(&GITHUB, json!({"sub": "*"}), github),
        subject(&GITHUB, json!({"sub": "repo:acme/*:ref:refs/heads/main"}), github),
        subject(&GITHUB, json!({"sub": "repo:acme@1/*@2:ref:refs/heads/main"}), github),
        subject(&GITHUB, json!({"sub": "repository_owner:acme:run_id:1234567890:x:*"}), github),
        // The other claims are hostile too.
        subject(
            &GITHUB,
            json!({"sub": "*", "repository_id": "*", "repository": "*", "ref": "*",
                "job_workflow_ref": "?", "repository_owner_id": "*"}),
            &[NONE],
        ),
        subject(&GITLAB, json!({"sub": "project_path:acme/*:ref_type:branch:ref:main"}), gitlab),
        subject(
            &GITLAB,
            json!({"sub": "project_path:acme/web-shop:ref_type:branch:ref:*", "ref": "*"}),
            &["No other claims identify this job as narrowly", "project_id (22)"],
        ),
        subject(&AZURE_DEVOPS, json!({"sub": "sc://acme/web-shop/*"}), &[NONE]),
        subject(
            &AZURE_DEVOPS,
            json!({"sub": "p://acme/web-shop/de?loy", "org_id": "o1", "prj_id": "p2",
                "def_id": "34"}),
            &["org_id (o1), prj_id (p2) and def_id (34)", "as narrowly as sub"],
        ),
        subject(&AZURE_ENTRA, json!({"sub": format!("{entra}*")}), &[NONE]),
        subject(&AZURE_ENTRA, json!({"sub": "/eid1/*"}), &[NONE]),
        subject(&CIRCLECI, json!({"sub": format!("{circle}*/user/u")}), circleci),
        subject(
            &CIRCLECI_V2,
            json!({"sub": format!("{circle}p/user/u/vcs-origin/github.com/acme/*/vcs-ref/x")}),
            circleci,
        ),
        subject(&KUBERNETES, json!({"sub": "system:serviceaccount:ci:*"}), kubernetes),
        subject(&KUBERNETES, json!({"sub": "system:serviceaccount:?*:deployer"}), kubernetes),
        subject(
            &BITBUCKET,
            json!({"sub": "*:{9b1e4d70-5a2c-4f83-8d96-0c7e3f5a2b18}"}),
            &["repositoryUuid ({3c5f9a1e-72d4-4b08-9e6a-d1f2c8b7a450}) and branchName (main)"],
        ),
        subject(
            &BUILDKITE,
            json!({"sub": "organization:acme:pipeline:*:ref:refs/heads/main:commit:c:step:s"}),
            &["pipeline_slug (web-shop), build_branch (main) and step_key (deploy)"],
        ),
        subject(
            &HCP_TERRAFORM,
            json!({"sub": "organization:acme:project:*:workspace:production:run_phase:apply"}),
            &["terraform_workspace_name (production)"],
        ),
        subject(
            &SPACELIFT,
            json!({"sub": "space:*:stack:web-shop:run_type:TRACKED:scope:write"}),
            &["spaceId (production-01HQ), callerType (stack), callerId (web-shop)"],
        ),
        subject(
            &PULUMI_DEPLOYMENTS,
            json!({"sub":
                "pulumi:deploy:org:acme:project:*:stack:production:operation:update:scope:write"}),
            &["stack (production), operation (update) and scope (write)"],
        ),
    ]
}

#[test]
fn hostile_subject_is_in_no_rule() {
    for Subject { platform, changed, instead } in subjects() {
        let claims = claims(platform, changed);
        let (sub, aud) = (claims["sub"].as_str().unwrap(), &claims["aud"]);
        let aud = aud.as_array().map_or(aud, |all| all.last().unwrap());
        let ordinary = (platform.shape)(ISSUER).claims["sub"].clone();
        let mismatch = json!([entry(json!({"aud": aud, "sub": ordinary}))]);
        assert_no_rule(&finding("subject-mismatch", mismatch, &claims), "sub", sub, instead);
        assert_no_rule(&finding("policy-default-deny", json!([]), &claims), "sub", sub, instead);
        let broad = json!([entry(json!({"aud": aud}))]);
        assert_no_rule(&finding("policy-too-broad", broad, &claims), "sub", sub, instead);
        assert_no_suggestion(&claims, &[], instead);
    }
}

#[test]
fn hostile_subject_is_never_suggested() {
    for Subject { platform, changed, instead } in subjects() {
        let mut world = World::new(platform);
        world.shape.claims.extend(object(changed));
        let run = world.doctor().without("--policy").arg("--no-exchange").json();
        let sub = world.shape.claims["sub"].as_str().unwrap();
        assert_no_rule(run.finding("policy-unknown"), "sub", sub, instead);
        // If Pulumi Cloud refuses the token, the finding about that has no such rule either.
        let run = world.doctor().without("--policy").json();
        for finding in run.report["findings"].as_array().unwrap() {
            let options = finding["remediation"]["options"].as_array().unwrap();
            let changes = options.iter().flat_map(|option| option["changes"].as_array().unwrap());
            let mut policy = changes.filter(|change| change["target"] == "policy");
            assert_eq!(policy.next(), None, "{finding:#}");
        }
    }
}

/// A corrected rule may begin with parts of the subject.
#[test]
fn hostile_repository_begins_no_rule() {
    let claims = claims(&GITHUB, json!({"sub": "repo:acme@1/*@2:ref:refs/heads/main"}));
    for rule in ["repo:acme/web:*", "repo:acme/*:*", "repo:*/*:ref:refs/heads/dev"] {
        let entries = json!([entry(json!({"sub": rule}))]);
        let (status, report) = test_claims(&document(entries), &claims, &["--oidc-org", "acme"]);
        assert_eq!(status, 1, "{rule}");
        let text = report["findings"].to_string();
        assert!(!text.contains("begin it with") && !text.contains("begin the rule"), "{text}");
        assert!(!text.contains("repo:acme@1/*@2:\\\""), "{text}");
    }
    // Control: an ordinary repository.
    let claims = self::claims(&GITHUB, json!({"sub": "repo:acme@1/web@2:ref:refs/heads/main"}));
    let entries = json!([entry(json!({"sub": "repo:acme/web:*"}))]);
    let found = finding("subject-mismatch", entries, &claims).to_string();
    assert!(found.contains("begin it with repo:acme@1/web@2:"), "{found}");
}

#[test]
fn hostile_varying_part_is_not_offered() {
    // The project is `*` in the token. The rule has another user.
    let sub = "org/b9917b05-2c4f-4e0a-9c35-11ad4b6e7d20/project/*/user/u";
    let claims = claims(&CIRCLECI, json!({"sub": sub}));
    let rule = sub.replace("/project/*/user/u", "/project/*/user/other");
    let found = finding("subject-mismatch", json!([entry(json!({"sub": rule}))]), &claims);
    let text = found["remediation"].to_string() + found["detail"].as_str().unwrap();
    assert!(!text.contains("Write org/"), "{text}");
    // Control: an ordinary project.
    let (token, other) = (sub.replace('*', "p"), sub.replace("*/user/u", "p/user/other"));
    let claims = self::claims(&CIRCLECI, json!({"sub": token}));
    let found = finding("subject-mismatch", json!([entry(json!({"sub": other}))]), &claims);
    let write = format!("Write {}user/* instead.", token.strip_suffix("user/u").unwrap());
    assert!(found["detail"].as_str().unwrap().contains(&write), "{found:#}");
}

#[test]
fn hostile_audience_is_in_no_rule() {
    for platform in [&GITHUB, &GITLAB, &CIRCLECI, &KUBERNETES, &AZURE_ENTRA, &AZURE_DEVOPS] {
        for audience in ["*", "urn:pulumi:org:*", "urn:pulumi:org:acm?"] {
            for aud in [json!(audience), json!([audience]), json!(["*", audience, "?"])] {
                let claims = claims(platform, json!({"aud": aud}));
                let first = if aud[0] == "*" && audience.len() > 1 { "*" } else { audience };
                let sub = &claims["sub"];
                let instead = &["No other claim can replace the audience."];
                let mismatch = json!([entry(json!({"aud": "mine.example", "sub": sub}))]);
                let found = finding("audience-mismatch", mismatch, &claims);
                assert_no_rule(&found, "aud", first, instead);
                let found = finding("policy-default-deny", json!([]), &claims);
                assert_no_rule(&found, "aud", audience, instead);
                let words = ["The value of aud is ", "Request the token for an audience without"];
                assert_no_suggestion(&claims, &[], &words);
            }
        }
        let mut world = World::new(platform);
        world.shape.claims["aud"] = json!("urn:pulumi:org:*");
        let run = world.doctor().without("--policy").json();
        let found = run.finding("policy-unknown");
        assert_no_rule(found, "aud", "urn:pulumi:org:*", &["No other claim can replace"]);
    }
}

/// If one of several audiences is safe, it is suggested, but not another service's audience instead
/// of the organization's.
#[test]
fn safe_audience_of_several_is_offered() {
    let claims = claims(&KUBERNETES, json!({"aud": ["*", "urn:pulumi:org:acme"]}));
    let found = finding("audience-mismatch", json!([entry(json!({"aud": "x.y"}))]), &claims);
    assert_eq!(suggested_entry(&found)["rules"]["aud"], "urn:pulumi:org:acme");
    let run = policy("suggest").args(["--as", "api"]).arg(claims.to_string()).run();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(test_claims(&run.stdout, &claims, &[]).0, 0);
    let others = json!({"aud": ["urn:pulumi:org:*", "sts.amazonaws.com"]});
    assert_no_suggestion(&self::claims(&KUBERNETES, others), &[], &["urn:pulumi:org:*"]);
}

#[test]
fn hostile_value_of_any_claim_is_in_no_rule() {
    let pod = json!({"namespace": "ci", "pod": {"name": "deploy-*"}});
    let cases: [(&Platform, &str, Value, &str); 7] = [
        (&GITHUB, "workflow", json!({"workflow": "*"}), "*"),
        (&GITHUB, "environment", json!({"environment": "prod-?"}), "prod-?"),
        (&GITLAB, "user_login", json!({"user_login": "octo*"}), "octo*"),
        (&GITLAB, "groups_direct", json!({"groups_direct": ["acme/*"]}), "acme/*"),
        (
            &CIRCLECI,
            "\"oidc.circleci.com/vcs-ref\"",
            json!({"oidc.circleci.com/vcs-ref": "refs/heads/*"}),
            "refs/heads/*",
        ),
        (&KUBERNETES, "\"kubernetes.io\".pod.name", json!({"kubernetes.io": pod}), "deploy-*"),
        (&AZURE_ENTRA, "tid", json!({"tid": "????"}), "????"),
    ];
    for (platform, claim, changed, value) in cases {
        let claims = claims(platform, changed);
        let rules = json!({claim: "other-value"});
        let found = finding("claim-mismatch", json!([entry(rules)]), &claims);
        // CircleCI's subject lacks the branch, so it cannot replace the claim.
        if claim.contains("vcs-ref") {
            let instead =
                ["\"oidc.circleci.com/project-id\" (5d9a7c31", "can identify only a part of it"];
            assert_no_rule(&found, claim, value, &instead);
            continue;
        }
        // The subject identifies the job, so an entry for it needs no rule on the claim.
        let rules = &suggested_entry(&found)["rules"];
        assert_eq!(rules.get(claim), None, "{found:#}");
        assert!(rules["sub"].is_string() && !rules.to_string().contains(value), "{found:#}");
    }
    // Claims for what the subject lacks are needed in the rules.
    for changed in [
        json!({"oidc.circleci.com/vcs-ref": ""}),
        json!({"oidc.circleci.com/vcs-ref": ["refs/heads/main"]}),
        json!({"oidc.circleci.com/vcs-ref": "refs/heads/*"}),
        json!({"oidc.circleci.com/vcs-origin": "github.com/*"}),
    ] {
        assert_no_suggestion(&claims(&CIRCLECI, changed), &[], &["oidc.circleci.com/vcs-"]);
    }
    let custom = json!({"sub": "job_workflow_ref:acme/ci/up.yml@v1", "repository_id": "*"});
    assert_no_suggestion(&claims(&GITHUB, custom), &[], &["The value of repository_id is *."]);
}

#[test]
fn token_without_usable_subject_has_no_rule() {
    for (sub, words) in [
        (json!(""), "The value of sub is empty"),
        (json!(null), "The token has no usable sub"),
        (json!(["repo:acme/web-shop"]), "The token has no usable sub"),
        (json!("a\u{1b}[31m\nb"), "control characters"),
        (json!("a".repeat(4097)), "A pattern may have at most 4096"),
    ] {
        let claims = claims(&GITHUB, json!({"sub": sub}));
        assert_no_suggestion(&claims, &[], &[words, "repository_id (778899) and ref"]);
        let found = finding("policy-default-deny", json!([]), &claims);
        assert_eq!(texts(&found, "/remediation/commands"), [""; 0], "{found:#}");
        assert!(found.to_string().contains(words), "{found:#}");
    }
}

/// The name of a team in an entry is a pattern too, and may come from the token's scope.
#[test]
fn hostile_team_is_in_no_entry() {
    let ordinary = claims(&GITLAB, json!({}));
    assert_no_suggestion(
        &ordinary,
        &["--oidc-team", "core-*"],
        &["The value of teamName is core-*."],
    );
    let scoped = claims(&GITLAB, json!({"scope": "team:*"}));
    let (_, report) = test_claims(&document(json!([])), &scoped, &["--oidc-org", "acme"]);
    let commands = report["findings"][0]["remediation"]["commands"].to_string();
    assert!(!commands.contains('*'), "{commands}");
    let run = policy("suggest").args(["--as", "api", "--oidc-team", "core"]);
    let run = run.arg(ordinary.to_string()).run();
    assert!(run.status == 0 && run.stdout.contains("\"teamName\": \"core\""), "{}", run.stdout);
}

// ---------------------------------------------------------------------------------- controls

/// The entry that a finding suggests, or the changed first entry.
fn suggested_entry(finding: &Value) -> Value {
    let options = finding["remediation"]["options"].as_array().unwrap();
    let mut changes = options.iter().flat_map(|option| option["changes"].as_array().unwrap());
    let change = changes.find(|change| change["target"] == "policy");
    let change = change.unwrap_or_else(|| panic!("no change of the policy\n{finding:#}"));
    let after = &change["after"];
    match change["path"].as_str().unwrap().strip_prefix("/policies/0/rules/") {
        Some(claim) => entry(json!({claim: after})),
        None => after.clone(),
    }
}

/// Parses a snippet `"claim": "pattern"`.
fn parse_rule(snippet: &str) -> Map<String, Value> {
    serde_json::from_str(&format!("{{{snippet}}}")).unwrap_or_else(|_| panic!("{snippet}"))
}

#[test]
fn ordinary_values_are_suggested_and_work() {
    for platform in [&GITHUB, &GITLAB, &AZURE_ENTRA, &AZURE_DEVOPS, &CIRCLECI, &KUBERNETES] {
        let claims = claims(platform, json!({}));
        let assert_allowed = |entries: Value| {
            let (status, report) =
                test_claims(&document(entries), &claims, &["--oidc-org", "acme"]);
            assert_eq!(status, 0, "{}\n{report:#}", platform.name);
        };
        for (claim, code) in [("sub", "subject-mismatch"), ("aud", "audience-mismatch")] {
            let found = finding(code, json!([entry(json!({claim: "other-value"}))]), &claims);
            assert_allowed(json!([suggested_entry(&found)]));
        }
        let found = finding("policy-default-deny", json!([]), &claims);
        let commands = texts(&found, "/remediation/commands");
        assert_allowed(json!([serde_json::from_str::<Value>(commands.last().unwrap()).unwrap()]));
        let found = finding("policy-too-broad", json!([entry(json!({}))]), &claims);
        let commands = texts(&found, "/remediation/commands");
        assert_allowed(json!([entry(Value::Object(parse_rule(commands.last().unwrap())))]));

        let world = World::new(platform);
        let run = world.doctor().without("--policy").json();
        let commands = texts(run.finding("policy-unknown"), "/remediation/commands");
        let offered: Value = serde_json::from_str(commands.last().unwrap()).unwrap();
        let policies = json!({"policies": [offered]}).to_string();
        let signed = Value::Object(world.shape.claims.clone());
        assert_eq!(test_claims(&policies, &signed, &["--oidc-org", "acme"]).0, 0);
    }
}

/// A finding that suggests an inexact rule says what else it matches, and what is open in it.
#[test]
fn findings_warn_of_inexact_rules() {
    let claims = claims(
        &GITHUB,
        json!({"sub": "repo:acme/web:ref:refs/heads/release-1.2", "aud": "api.acme.example",
            "repository_id": null}),
    );
    let (sub, aud) = (json!({"sub": "other"}), json!({"aud": "other"}));
    let cases = [
        ("subject-mismatch", json!([entry(sub)]), "release-1X2"),
        ("audience-mismatch", json!([entry(aud)]), "apiXacme.example"),
        ("policy-default-deny", json!([]), "release-1X2"),
        ("policy-too-broad", json!([entry(json!({}))]), "release-1X2"),
    ];
    for (code, entries, similar) in cases {
        let found = finding(code, entries, &claims);
        let steps = texts(&found, "/remediation/steps").join("\n");
        for words in ["in a pattern . stands for any one character", similar] {
            assert!(steps.contains(words), "{code} {words}\n{steps}");
        }
    }
    let entries = json!([entry(json!({"job_workflow_ref": "other"}))]);
    let found = finding("claim-mismatch", entries, &claims);
    assert!(found["remediation"]["steps"].to_string().contains("release-1X2"), "{found:#}");
    // Controls: exact rules.
    let plain = json!({"sub": "repo:acme/web:ref:refs/heads/main"});
    let claims = self::claims(&GITHUB, plain);
    for (code, entries) in [
        ("subject-mismatch", json!([entry(json!({"sub": "other"}))])),
        ("policy-default-deny", json!([])),
    ] {
        let found = finding(code, entries, &claims).to_string();
        assert!(!found.contains("stands for any one character"), "{code} {found}");
    }
    // A varying part of the subject is open in the rule.
    let claims = self::claims(&CIRCLECI, json!({}));
    let found = finding("subject-mismatch", json!([entry(json!({"sub": "other"}))]), &claims);
    let steps = texts(&found, "/remediation/steps").join("\n");
    assert!(steps.contains("is whoever starts the run: it is open in the rule"), "{steps}");
}

/// A corrected rule keeps its own wildcards.
#[test]
fn corrected_claim_keeps_its_pattern() {
    let claims = claims(&GITHUB, json!({}));
    let found =
        finding("claim-absent", json!([entry(json!({"repositry": "acme/web-*"}))]), &claims);
    let steps = texts(&found, "/remediation/steps").join("\n");
    assert!(steps.contains("+ \"repository\": \"acme/web-*\""), "{steps}");
    let changes = &found["remediation"]["options"][0]["changes"];
    assert_eq!(changes[0]["path"], "/policies/0/rules/repositry");
    assert_eq!((&changes[0]["before"], &changes[0]["after"]), (&json!("acme/web-*"), &json!(null)));
    assert_eq!(changes[1]["path"], "/policies/0/rules/repository");
    assert_eq!((&changes[1]["before"], &changes[1]["after"]), (&json!(null), &json!("acme/web-*")));
    let added = steps.lines().find_map(|line| line.strip_prefix("+ ")).unwrap();
    let rules = Value::Object(parse_rule(added));
    assert_eq!(test_claims(&document(json!([entry(rules)])), &claims, &[]).0, 0);
}

#[test]
fn no_text_advises_dropping_rule() {
    let run = crate::support::Doctor::bare().args(["explain", "--format", "json"]).run();
    let mut catalogue = run.stdout;
    let pages = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/codes")).unwrap();
    for page in pages {
        let page = std::fs::read_to_string(page.unwrap().path()).unwrap();
        // Sentences may contain line breaks.
        catalogue += &page.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    assert!(catalogue.contains("claim-absent") && catalogue.contains("in the rule"));
    for words in ["drop the rule", "remove the rule", "delete the rule", "leave the rule out"] {
        assert!(!catalogue.to_lowercase().contains(words), "{words}");
    }
    let registered = json!({"issuers": [{"url": ISSUER, "issuer": ISSUER, "policies": [
        entry(json!({"iss": "https://other.example", "sub": "x", "aud": "y"}))]}]});
    let run = policy("lint").args(["p.json", "--format", "json"]);
    let run = run.file("p.json", registered.to_string()).run();
    let fix = "Put the registered issuer into the rule.";
    assert!(run.stdout.contains(fix), "{}{}", run.stdout, run.stderr);
}
