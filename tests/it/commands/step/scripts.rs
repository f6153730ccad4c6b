//! Runs the scripts of steps as jobs of their platforms do.

use std::process::Output;

use serde_json::Value;

use super::{HOSTILE, SCRIPTS, script, step};
use crate::support::job::{self, AZURE, REQUEST_TOKEN, interpreter, run_script, with_installers};
use crate::support::{Doctor, World, platforms};

/// Runs a platform's script against the world.
fn run(world: &World, platform: &str, vars: &[(&str, &str)]) -> Output {
    let (_, pointer) = SCRIPTS.into_iter().find(|(name, _)| *name == platform).unwrap();
    let script = script(&step(&[platform, "--oidc-org", "acme"]), pointer);
    job::run(world, platform, &script, vars).0
}

#[track_caller]
fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Asserts that the run reports this root cause, and that the token came from this source.
#[track_caller]
fn assert_finds(output: &Output, code: &str, source: &str) {
    let report = report(output);
    assert_eq!(report["rootCause"], code, "{:#}", report["findings"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["token"]["source"], source);
    assert_eq!(report["request"]["organization"], "acme");
}

/// Gives the policy another audience than the token's.
fn break_audience(world: &mut World) {
    world.shape.entry["rules"]["aud"] = "api://AzureADTokenExchange".into();
}

fn azure(world: &World) -> Output {
    let token = world.token();
    let added = [
        ("servicePrincipalId", "1b9d7c53-0e64-4f2a-8a3d-7c5e6f1b2d90"),
        ("tenantId", "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3"),
        ("idToken", &token),
    ];
    run(world, "azure", &[&AZURE[..], &added].concat())
}

#[test]
fn azure_script_finds_cause() {
    let mut world = World::new(&platforms::AZURE_ENTRA);
    assert_eq!(report(&azure(&world))["verdict"], "healthy");
    break_audience(&mut world);
    assert_finds(&azure(&world), "audience-mismatch", "env:idToken");
}

#[test]
fn azure_script_reports_missing_token() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let output = run(&world, "azure", &AZURE);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report(&output)["rootCause"], "ado-token-not-exposed");
}

fn github(world: &World, has_permission: bool) -> Output {
    let endpoint = job::token_endpoint(world);
    let url = format!("{}/idtoken/1/2?api-version=2.0", endpoint.url());
    let mut vars = vec![
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_JOB", "deploy"),
        ("GITHUB_REPOSITORY", "acme/web-shop"),
    ];
    if has_permission {
        vars.push(("ACTIONS_ID_TOKEN_REQUEST_URL", &url));
        vars.push(("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN));
    }
    let output = run(world, "github", &vars);
    let requests = endpoint.requests();
    assert_eq!(requests.len(), usize::from(has_permission));
    for request in requests {
        let query = "&audience=urn%3Apulumi%3Aorg%3Aacme";
        assert!(request.target.ends_with(query), "{}", request.target);
    }
    output
}

#[test]
fn github_script_finds_cause() {
    let mut world = World::new(&platforms::GITHUB);
    assert_eq!(report(&github(&world, true))["verdict"], "healthy");
    break_audience(&mut world);
    assert_finds(&github(&world, true), "audience-mismatch", "github-actions");
}

#[test]
fn github_script_reports_missing_permission() {
    let report = report(&github(&World::new(&platforms::GITHUB), false));
    assert_eq!(report["rootCause"], "github-id-token-permission");
}

fn gitlab(world: &World, status: &str) -> Output {
    let vars = [
        ("CI", "true"),
        ("GITLAB_CI", "true"),
        ("CI_SERVER_URL", world.issuer.url()),
        ("CI_JOB_NAME", "login"),
        ("CI_JOB_STATUS", status),
        ("LOGIN_TOKEN", &world.token()),
    ];
    run(world, "gitlab", &vars)
}

#[test]
fn gitlab_script_finds_cause() {
    let mut world = World::new(&platforms::GITLAB);
    assert_eq!(report(&gitlab(&world, "failed"))["verdict"], "healthy");
    break_audience(&mut world);
    for status in ["failed", "running", ""] {
        assert_finds(&gitlab(&world, status), "audience-mismatch", "env:LOGIN_TOKEN");
    }
}

#[test]
fn gitlab_step_skips_successful_job() {
    let world = World::new(&platforms::GITLAB);
    let output = gitlab(&world, "success");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{output:?}");
    assert!(world.cloud.requests().is_empty());
}

fn circleci(world: &World) -> Output {
    let token = world.token();
    // CircleCI's own tokens are for another audience.
    let vars = [("CI", "true"), ("CIRCLECI", "true"), ("CIRCLE_TEST_TOKEN", &token)];
    run(world, "circleci", &vars)
}

#[test]
fn circleci_script_finds_cause() {
    let mut world = World::new(&platforms::CIRCLECI_V2);
    assert_eq!(report(&circleci(&world))["verdict"], "healthy");
    break_audience(&mut world);
    assert_finds(&circleci(&world), "audience-mismatch", "env:PULUMI_TOKEN");
}

#[test]
fn failed_installation_ends_step() {
    for (platform, pointer) in SCRIPTS {
        let script = script(&step(&[platform, "--oidc-org", "acme"]), pointer);
        let doctor = with_installers(Doctor::bare(), "echo started");
        let doctor = doctor.program("pipx", "exit 1").program("python3", "exit 1");
        let output = run_script(interpreter(platform), &script, &doctor, &[]);
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]), "{script}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn hostile_organization_stays_one_word() {
    for name in HOSTILE {
        for (platform, pointer) in SCRIPTS {
            let script = script(&step(&[platform, &format!("--oidc-org={name}")]), pointer);
            let installed = "for last do :; done\nprintf '%s' \"$last\"";
            let doctor = with_installers(Doctor::bare(), installed);
            let doctor = doctor.program("touch", "echo pwned >&2");
            let output = run_script(&["bash"], &script, &doctor, &[]);
            assert!(output.status.success(), "{platform} {name:?}: {output:?}");
            assert_eq!(String::from_utf8(output.stdout).unwrap(), name, "{platform}: {script}");
            assert!(output.stderr.is_empty(), "{platform} {name:?}: {script}");
        }
    }
}
