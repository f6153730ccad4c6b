//! Tests the tests' own Pulumi Cloud with Pulumi's client of the REST API.
//!
//! The client is generated from the service's API. So answers that it reads are like the service's,
//! and the service accepts requests like those that it sends.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::peer::Peer;
use crate::support::platforms::GITHUB;
use crate::support::{Doctor, ORGANIZATION, World, object};
use crate::{Test, tests};

pub fn tests() -> Vec<Test> {
    tests![
        registered_issuers_match_sdk_models,
        unknown_access_token_is_refused,
        tokens_of_every_type_are_exchanged,
        suggested_policy_admits_token,
    ]
}

/// An administrator's access token.
const ADMIN: &str = "pul-0123456789abcdef0123456789abcdef01234567";

/// Runs the client. Returns its report, or the last line of its error.
fn run_client(
    world: &World,
    access_token: &str,
    arguments: &[&str],
    input: &Value,
) -> Result<Value, String> {
    world.cloud.accept_any_client();
    let directory = tempfile::tempdir().unwrap();
    let authority = directory.path().join("ca.pem");
    std::fs::write(&authority, world.authority.pem()).unwrap();
    let mut command = Peer::Python.command();
    command.args(["-c", include_str!("python/client.py"), world.cloud.url(), ORGANIZATION]);
    command.args(arguments).env("SSL_CERT_FILE", authority);
    command.env("PULUMI_ACCESS_TOKEN", access_token);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(stderr.lines().last().unwrap_or_default().to_owned());
    }
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["disagreements"], json!([]), "{report:#}");
    Ok(report)
}

fn registered_issuers_match_sdk_models() {
    let world = World::new(&GITHUB);
    world.cloud.accept_access_token(ADMIN, "octocat", ORGANIZATION);
    world.cloud.change_registration(|registration| {
        registration["thumbprints"] = json!(["ab".repeat(32)]);
        registration["maxExpiration"] = json!(7200);
        registration["lastUsed"] = json!("2026-11-02T10:00:00Z");
    });
    world.cloud.set_policies(vec![
        world.shape.entry.clone(),
        json!({"decision": "deny", "tokenType": "team", "teamName": "ops",
               "authorizedPermissions": [], "rules": {"sub": "*"}}),
        json!({"decision": "allow", "tokenType": "personal", "userLogin": "octocat",
               "authorizedPermissions": [], "rules": {"sub": "*"}}),
        json!({"decision": "allow", "tokenType": "runner", "runnerID": "runner-1",
               "authorizedPermissions": [], "rules": {"sub": "*"}}),
    ]);
    let report = run_client(&world, ADMIN, &["read"], &Value::Null).unwrap();
    assert_eq!(report["login"], "octocat");
    assert_eq!(report["get_oidc_issuer"], world.cloud.first_registration());
    let entries = &report["get_auth_policy"]["policies"];
    assert_eq!(entries.as_array().map(Vec::len), Some(4));
    assert_eq!(entries[0], world.shape.entry);
}

fn unknown_access_token_is_refused() {
    let world = World::new(&GITHUB);
    let error = run_client(&world, ADMIN, &["read"], &Value::Null).unwrap_err();
    assert!(error.contains("401"), "{error}");
}

fn tokens_of_every_type_are_exchanged() {
    let types = [
        ("organization", "", json!({})),
        ("team", "team:ops", json!({"teamName": "ops"})),
        ("personal", "user:octocat", json!({"userLogin": "octocat"})),
    ];
    for (token_type, scope, named) in types {
        let mut world = World::new(&GITHUB);
        let entry = world.shape.entry.as_object_mut().unwrap();
        entry.insert("tokenType".to_owned(), json!(token_type));
        entry.extend(object(named));
        world.cloud.set_policies(vec![world.shape.entry.clone()]);
        let fields = json!({
            "audience": format!("urn:pulumi:org:{ORGANIZATION}"),
            "expiration": "3600",
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "requested_token_type": format!("urn:pulumi:token-type:access_token:{token_type}"),
            "scope": scope,
            "subject_token": world.token(),
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        });
        let report = run_client(&world, "", &["exchange"], &fields).unwrap();
        assert_eq!(report["token"]["expires_in"], 3600, "{token_type}");
        let login = if token_type == "personal" { "octocat" } else { "ci-bot" };
        assert_eq!(report["login"], login, "{token_type}");
    }
}

/// The API accepts the JSON of `policy suggest --as api` unchanged.
fn suggested_policy_admits_token() {
    let world = World::new(&GITHUB);
    let token = world.token();
    let policy = |entries: &[Value]| {
        let doctor = world.doctor_for(&token).without("--policy");
        world.cloud.set_policies(entries.to_vec());
        doctor.env("DOCTOR_ACCESS_TOKEN", ADMIN).json()
    };
    world.cloud.accept_access_token(ADMIN, "octocat", ORGANIZATION);
    let other = json!({"decision": "allow", "tokenType": "organization",
        "authorizedPermissions": [], "rules": {"sub": "repo:acme/other:*"}});
    policy(&[other]).assert_root_cause("subject-mismatch", "policy", "policy");

    let suggest = Doctor::bare().args(["--oidc-org", ORGANIZATION, "--as", "api", &token]);
    let run = suggest.command("suggest").command("policy").run();
    let suggested: Value = serde_json::from_str(&run.stdout).unwrap();
    let update = ["update", "policy-issuer-0"];
    let report = run_client(&world, ADMIN, &update, &suggested["policies"]).unwrap();
    let entries = &report["update_auth_policy"];
    assert_eq!(entries["version"], 2);
    assert_eq!(entries["policies"], suggested["policies"]);
    policy(entries["policies"].as_array().unwrap()).assert_healthy();

    let error = run_client(&world, ADMIN, &update, &json!([])).unwrap_err();
    assert!(error.contains("400"), "{error}");
}
