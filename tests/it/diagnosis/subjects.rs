//! Subjects that do not match, explained in the terms of their platforms.

use serde_json::json;

use crate::support::platforms::{AZURE_DEVOPS, AZURE_ENTRA, GITHUB, GITHUB_IMMUTABLE, GITLAB};
use crate::support::{Platform, Run, World};

/// A run with this rule on `sub` and this subject in the token.
fn run(platform: &Platform, rule: &str, subject: &str) -> Run {
    let mut world = World::new(platform);
    world.shape.entry["rules"]["sub"] = rule.into();
    world.shape.claims["sub"] = subject.into();
    world.doctor().json()
}

const MAIN: &str = "repo:acme/web-shop:ref:refs/heads/main";
const ENVIRONMENT: &str = "repo:acme/web-shop:environment:production";
const PULL_REQUEST: &str = "repo:acme/web-shop:pull_request";
const IMMUTABLE: &str = "repo:acme@1042/web-shop@778899:ref:refs/heads/main";
const PRODUCTION: &str = "sc://acme/web-shop/pulumi-production";

#[test]
fn differing_subjects_are_explained() {
    let gitlab = "project_path:acme/web-shop:ref_type:branch:ref:main";
    // The platform, the rule, the subject and texts of the finding.
    let cases: [(&Platform, &str, &str, &[&str]); 21] = [
        (
            &GITHUB,
            MAIN,
            ENVIRONMENT,
            &["the branch main", "the environment production", "not the branch"],
        ),
        (&GITHUB, ENVIRONMENT, MAIN, &["the environment production", "the branch main"]),
        (&GITHUB, MAIN, PULL_REQUEST, &["the branch main", "pull request"]),
        (&GITHUB, PULL_REQUEST, MAIN, &["pull requests", "the branch main"]),
        (
            &GITHUB,
            "repo:acme/web-shop:ref:refs/heads/*",
            "repo:acme/web-shop:ref:refs/tags/v1",
            &["the tag v1"],
        ),
        (
            &GITHUB,
            "repo:acme/shop:*",
            MAIN,
            &["The repository differs", "acme/shop", "acme/web-shop"],
        ),
        (&GITHUB, "repo:Acme/web-shop:*", MAIN, &["upper and lower case only"]),
        (&GITHUB, "repo:acme/web-shop:ref:main", MAIN, &["refs/heads/", "only the token has it"]),
        (&GITHUB, "repo:acme/web-shop:", MAIN, &["whole value", "no * at its end"]),
        (&GITHUB, "^repo:acme/.*$", MAIN, &["regular expression", "* (any characters)"]),
        (&GITHUB, "repo:acme/(web|shop):.*", MAIN, &["regular expression"]),
        (
            &GITHUB_IMMUTABLE,
            "repo:acme/web-shop:*",
            IMMUTABLE,
            &["immutable subject", "15 July 2026", "begin it with repo:acme@1042/web-shop@778899:"],
        ),
        (
            &GITHUB_IMMUTABLE,
            MAIN,
            IMMUTABLE,
            &["immutable subject", "can never match", "repo:acme@1042/web-shop@778899:"],
        ),
        (
            &GITLAB,
            "project_path:acme/web-shop:ref_type:branch:ref:refs/heads/main",
            gitlab,
            &["refs/heads/", "only the rule has it"],
        ),
        (
            &AZURE_DEVOPS,
            "sc://acme/web-shop/pulumi-test",
            PRODUCTION,
            &["service connection differs", "pulumi-test", "pulumi-production"],
        ),
        (&AZURE_DEVOPS, "sc://acme/shop/pulumi-production", PRODUCTION, &["The project differs"]),
        (
            &AZURE_DEVOPS,
            "sc://globex/web-shop/*",
            PRODUCTION,
            &["The organization differs", "globex"],
        ),
        (
            &AZURE_DEVOPS,
            "p://acme/web-shop/deploy",
            PRODUCTION,
            &["pipeline's own token (p://)", "service connection's (sc://)"],
        ),
        (
            &AZURE_DEVOPS,
            PRODUCTION,
            "p://acme/web-shop/deploy",
            &["without a service connection id"],
        ),
        (
            &AZURE_DEVOPS,
            "sc://ACME/web-shop/pulumi-production",
            PRODUCTION,
            &["upper and lower case"],
        ),
        (
            &AZURE_DEVOPS,
            "p://acme/web-shop/one",
            "p://acme/web-shop/two",
            &["The pipeline differs"],
        ),
    ];
    for (platform, rule, subject, telling) in cases {
        let run = run(platform, rule, subject);
        run.assert_root_cause("subject-mismatch", "policy", "policy");
        run.assert_finding_contains("subject-mismatch", telling);
        // The wildcard of a rule in GitHub's old form is kept.
        let offered = match (rule, subject) {
            ("repo:acme/web-shop:*", IMMUTABLE) => "repo:acme@1042/web-shop@778899:*",
            ("repo:Acme/web-shop:*", MAIN) => "repo:acme/web-shop:*",
            _ => subject,
        };
        let would_pass = format!("\"sub\": {}", json!(offered));
        run.assert_finding_contains("subject-mismatch", &[rule, subject, &would_pass]);
    }
}

#[test]
fn entra_subject_is_decoded() {
    let world = World::new(&AZURE_ENTRA);
    let subject = world.shape.claims["sub"].as_str().unwrap();
    let (start, _) = subject.rsplit_once('/').unwrap();
    let parts = [
        "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3",
        "499b84ac-1321-427f-aa17-267ca6975798",
        "5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815",
        "c3f0b8d6-71a2-4e95-8d04-6b2e5f19a7c8",
    ];
    let cases = [
        (format!("{start}/00000000-0000-0000-0000-000000000000"), "The service connection differs"),
        (subject.replace("TSw7jmAffkqbUsDU5vihsw", "rISbSSETf0KqFyZ8ppdXmA"), "The tenant differs"),
        (PRODUCTION.to_owned(), "the token has the subject of Entra's"),
    ];
    for (rule, telling) in cases {
        let run = run(&AZURE_ENTRA, &rule, subject);
        run.assert_root_cause("subject-mismatch", "policy", "policy");
        run.assert_finding_contains("subject-mismatch", &[telling]);
        run.assert_finding_contains("subject-mismatch", &parts);
    }
}

#[test]
fn unconverted_azure_connection_is_explained() {
    let entra = World::new(&AZURE_ENTRA).shape.claims["sub"].as_str().unwrap().to_owned();
    let run = run(&AZURE_DEVOPS, &entra, PRODUCTION);
    run.assert_root_cause("subject-mismatch", "policy", "policy");
    run.assert_finding_contains("subject-mismatch", &["has not been converted", PRODUCTION]);
}

#[test]
fn first_subject_difference_is_marked() {
    let run = run(&GITHUB, "repo:acme/web-shop:ref:refs/heads/mail", MAIN);
    let evidence = &run.finding("subject-mismatch")["evidence"];
    let proof = |what: &str| {
        let proofs = evidence.as_array().unwrap();
        proofs.iter().find(|proof| proof["what"] == what).unwrap()["value"].clone()
    };
    assert_eq!(proof("expected"), "repo:acme/web-shop:ref:refs/heads/mail");
    assert_eq!(proof("actual"), MAIN);
    assert_eq!(proof("same up to"), "repo:acme/web-shop:ref:refs/heads/mai");
    assert_eq!(proof("differs from"), "n");
}

#[test]
fn hostile_subjects_stay_quoted() {
    let subject = "repo:x\"}##vso[task.setvariable]'; $(id)\u{202e}[31m";
    let run = run(&GITHUB, MAIN, subject);
    run.assert_root_cause("subject-mismatch", "policy", "policy");
    let finding = run.finding("subject-mismatch");
    let command = finding["remediation"]["commands"][0].as_str().unwrap();
    let pasted: serde_json::Value = serde_json::from_str(command).unwrap();
    assert_eq!(pasted["rules"]["sub"], subject);
    assert!(!run.stdout.contains("##vso["), "the JSON report");

    // Rules with control characters are invalid.
    let subject = "repo:x\"}\n##vso[task.setvariable]'; $(id)\u{202e}\u{1b}[31m";
    let refused = self::run(&GITHUB, MAIN, subject);
    let commands = &refused.finding("subject-mismatch")["remediation"]["commands"];
    assert_eq!(commands, &serde_json::json!([]));
    let mut world = World::new(&GITHUB);
    world.shape.claims["sub"] = subject.into();
    let run = world.doctor().human();
    assert_eq!(run.status, 1);
    for sign in ["##vso[", "\u{1b}", "\u{202e}"] {
        assert!(!run.stdout.contains(sign), "{sign:?} in {}", run.stdout);
    }
}

#[test]
fn subject_parts_of_platforms_are_named() {
    // The rule, the subject and texts of the finding.
    let cases: [(&str, &str, &[&str]); 9] = [
        (
            "system:serviceaccount:ci:deployer",
            "system:serviceaccount:prod:deployer",
            &["The namespace differs", "ci", "prod"],
        ),
        (
            "org/o/project/p/user/*",
            "org/o/project/q/user/u",
            &["The project differs: the rule is for p, the token is from q"],
        ),
        (
            "organization:o:pipeline:web:ref:refs/heads/main:commit:*:step:deploy",
            "organization:o:pipeline:web:ref:refs/heads/dev:commit:c0ffee:step:deploy",
            &["The ref differs", "refs/heads/main", "refs/heads/dev"],
        ),
        (
            "organization:o:project:p:workspace:w:run_phase:apply",
            "organization:o:project:p:workspace:w:run_phase:plan",
            &["The run phase differs", "apply", "only if that is meant", "run_phase:plan"],
        ),
        (
            "space:root:stack:web:run_type:TRACKED:scope:write",
            "space:root:stack:web:run_type:TRACKED:scope:read",
            &["The scope differs"],
        ),
        (
            "pulumi:deploy:org:acme:project:web:stack:prod:operation:update:scope:write",
            "pulumi:deploy:org:acme:project:web:stack:dev:operation:update:scope:write",
            &["The stack differs", "prod", "dev"],
        ),
        ("p://acme/web/deploy", "p://acme/web/build", &["The pipeline differs"]),
        ("sc://acme/web/prod", "sc://acme/shop/prod", &["The project differs"]),
        (
            "repo:acme/web-shop:*",
            "job_workflow_ref:acme/ci/.github/workflows/deploy.yml@refs/heads/main",
            &["begins with repo:", "with job_workflow_ref:", "choose the claims"],
        ),
    ];
    for (rule, subject, telling) in cases {
        let run = run(&GITLAB, rule, subject);
        run.assert_root_cause("subject-mismatch", "policy", "policy");
        run.assert_finding_contains("subject-mismatch", telling);
    }
}

#[test]
fn step_subjects_differ_in_every_run() {
    let mut world = World::new(&GITLAB);
    let issuer = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc";
    world.shape.claims["iss"] = json!(issuer);
    world.shape.claims["sub"] = json!("{repo}:{step-2}");
    world.cloud.change_registration(|one| one["issuer"] = json!(issuer));
    world.shape.entry["rules"] = json!({"sub": "{repo}:{step-1}"});
    let run = world.doctor().arg("--offline").json();
    run.assert_root_cause("subject-mismatch", "policy", "policy");
    run.assert_finding_contains(
        "subject-mismatch",
        &["changes in every run", "{repo}:*", "\"sub\": \"{repo}:*\""],
    );
}

#[test]
fn entra_subject_is_compared_with_pipeline() {
    use crate::support::platforms::AZURE_ENTRA;
    let mut world = World::new(&AZURE_ENTRA);
    let subject = world.shape.claims["sub"].as_str().unwrap().to_owned();
    let (rest, connection) = subject.rsplit_once('/').unwrap();
    let organization = rest.rsplit('/').next().unwrap().to_owned();
    world.shape.entry["rules"]["sub"] = json!("/eid1/c/pub/t/other/*");
    let run = |connection: &str| {
        world
            .doctor()
            .env("TF_BUILD", "True")
            .env("SYSTEM_COLLECTIONID", organization.as_str())
            .env("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", connection)
            .arg("--offline")
            .json()
    };
    let same = run(connection);
    same.assert_finding_contains(
        "subject-mismatch",
        &[
            "the same as this task's",
            "the same as this pipeline's",
            "the same as token claim tid; the same as token claim iss",
            connection,
        ],
    );
    let other = run("d41f0a27-5b68-4c93-8e1d-2a7c9f3b6e50");
    other.assert_finding_contains(
        "subject-mismatch",
        &["this task's is d41f0a27-5b68-4c93-8e1d-2a7c9f3b6e50: the token is from elsewhere"],
    );
}

/// `UPDATE=1 cargo test mismatches_match` rewrites the file.
#[test]
fn mismatches_match_snapshot() {
    let entra = |tenant: &str, organization: &str, connection: &str| {
        format!("/eid1/c/pub/t/{tenant}/a/rISbSSETf0KqFyZ8ppdXmA/sc/{organization}/{connection}")
    };
    let (tenant, organization, connection) = (
        "TSw7jmAffkqbUsDU5vihsw",
        "5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815",
        "c3f0b8d6-71a2-4e95-8d04-6b2e5f19a7c8",
    );
    let here = entra(tenant, organization, connection);
    let bitbucket = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc";
    let step = "{9b1e4d70-5a2c-4f83-8d96-0c7e3f5a2b18}";
    let other_step = step.replace('9', "8");
    let build = "organization:acme:pipeline:web:ref:refs/heads/main:commit:c0ffee:step:deploy";
    let hcp = "organization:acme:project:web:workspace:production:run_phase:apply";
    let circle = "org/o/project/p/user/u/vcs-origin/github.com/acme/web/vcs-ref/refs/heads/main";
    let gitlab = "project_path:acme/web:ref_type:branch:ref:main";
    let spacelift = "space:root:stack:web:run_type:TRACKED:scope:write";
    let deployment = "pulumi:deploy:org:acme:project:web:stack:prod:operation:update:scope:write";
    // The rule and the subject of the issuer above.
    let cases: Vec<(&str, String, String)> = [
        (MAIN, ENVIRONMENT),
        (ENVIRONMENT, PULL_REQUEST),
        (MAIN, "repo:acme/web-shop:ref:refs/tags/v1"),
        (MAIN, "repo:acme/shop:ref:refs/heads/main"),
        (MAIN, "repo:acme/shop:environment:production"),
        (MAIN, IMMUTABLE),
        (IMMUTABLE, MAIN),
        (IMMUTABLE, "repo:acme@1042/web-shop@1:ref:refs/heads/main"),
        ("repo:globex/web-shop:*", IMMUTABLE),
        ("repo:acme/*", "job_workflow_ref:acme/ci/up.yml@refs/heads/main"),
        ("sc://globex/shop/test", PRODUCTION),
        ("sc://globex/*", PRODUCTION),
        ("sc://acme/web-shop/pulumi-production", "p://acme/web-shop/pulumi-production"),
        (PRODUCTION, &here),
        (&here, PRODUCTION),
        (&entra(tenant, organization, "00000000-71a2-4e95-8d04-6b2e5f19a7c8"), &here),
        (&entra("rISbSSETf0KqFyZ8ppdXmA", "00000000-20f4-4d83-b6e1-9c47a0d2f815", "*"), &here),
        (&entra("8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3", organization, connection), &here),
        ("project_path:acme/shop:ref_type:tag:ref:main", gitlab),
        ("project_path:acme/shop*", gitlab),
        ("project_path:acme/web:ref_type:branch:ref:refs/heads/main", gitlab),
        ("system:serviceaccount:prod:default", "system:serviceaccount:ci:deployer"),
        ("org/o/project/q/user/*/vcs-origin/*/vcs-ref/refs/heads/dev", circle),
        ("org/o/project/p/user/u", circle),
        ("org/o/project/p/user/other", "org/o/project/p/user/u"),
        ("organization:acme:pipeline:shop:ref:refs/heads/dev:commit:*:step:deploy", build),
        (&build.replace("c0ffee", "facade"), build),
        ("organization:acme:project:web:workspace:test:run_phase:plan", hcp),
        ("space:root:stack:shop:run_type:PROPOSED:scope:read", spacelift),
        ("pulumi:deploy:org:acme:project:web:stack:dev:*", deployment),
    ]
    .map(|(rule, subject)| ("https://ci.example", rule.to_owned(), subject.to_owned()))
    .into_iter()
    .chain([
        (bitbucket, format!("{{repo}}:{other_step}"), format!("{{repo}}:{step}")),
        (bitbucket, "{other}:*".to_owned(), format!("{{repo}}:{step}")),
        (bitbucket, "{repo}:{env}:*".to_owned(), format!("{{repo}}:{{test}}:{step}")),
    ])
    .collect();
    let mut all = String::new();
    for (issuer, rule, subject) in cases {
        let document = json!({"policies": [{"decision": "allow", "tokenType": "organization",
            "rules": {"sub": rule}}]});
        let claims = json!({"iss": issuer, "sub": subject});
        let (_, report) =
            crate::policies::command::test_claims(&document.to_string(), &claims, &[]);
        assert_eq!(report["rootCause"], "subject-mismatch", "{rule} {subject}");
        let finding = &report["findings"][0];
        all.push_str(&format!("{rule}\n{subject}\n  {}\n", finding["detail"].as_str().unwrap()));
        for kind in ["steps", "commands"] {
            for line in finding["remediation"][kind].as_array().unwrap() {
                all.push_str(&format!("  {}\n", line.as_str().unwrap()));
            }
        }
        all.push('\n');
    }
    crate::support::assert_golden("subjects.txt", &all);
}
