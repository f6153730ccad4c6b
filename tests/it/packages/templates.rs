//! action.yml and templates/: their scripts in a job of their platform, against a Pulumi Cloud that
//! refuses the token.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::support::job::{self, AZURE, REQUEST_TOKEN};
use crate::support::{Doctor, World, platforms};

fn read(name: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap().replace("\r\n", "\n")
}

/// The last document of a YAML file: what a GitLab component is, without its inputs.
fn document(name: &str) -> Value {
    let text = read(name);
    let last = text.rsplit("\n---\n").next().unwrap();
    serde_saphyr::from_str(last).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[track_caller]
fn text<'a>(document: &'a Value, pointer: &str) -> &'a str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}"))
}

/// A world whose policy has another audience than the token.
fn world(platform: &'static platforms::Platform) -> World {
    let mut world = World::new(platform);
    world.shape.entry["rules"]["aud"] = "api://AzureADTokenExchange".into();
    world
}

/// The script ended well although the login fails, and the doctor said why.
#[track_caller]
fn explains(output: &Output) {
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(printed.contains("\"rootCause\": \"audience-mismatch\""), "{output:?}");
}

/// The report has the code and a bundle with it, and no name of the job.
#[track_caller]
fn is_redacted(html: &str) {
    assert!(html.contains("audience-mismatch"), "{html}");
    assert!(!html.contains("acme"), "{html}");
}

#[test]
fn azure_template_explains_and_keeps_report() {
    let world = world(&platforms::AZURE_ENTRA);
    let template = document("templates/azure/doctor.yml");
    let task = &template["steps"][0];
    assert_eq!(task["condition"], "failed()");
    let script = text(task, "/inputs/${{ if eq(parameters.shell, 'bash') }}/inlineScript");
    let token = world.token();
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().to_str().unwrap();
    let vars = [
        ("idToken", token.as_str()),
        ("AGENT_TEMPDIRECTORY", folder),
        ("DOCTOR_VERSION", env!("CARGO_PKG_VERSION")),
        ("DOCTOR_ORGANIZATION", "acme"),
        ("DOCTOR_CLOUD_URL", ""),
        ("DOCTOR_ARTIFACT", "pulumi-login"),
    ];
    let (output, _) = job::run(&world, "azure", script, &[&AZURE[..], &vars].concat());
    explains(&output);
    let report = format!("{folder}/pulumi-login.html");
    is_redacted(&fs::read_to_string(&report).unwrap());
    let command = format!(
        "\n##vso[artifact.upload containerfolder=pulumi-login;artifactname=pulumi-login]{report}\n"
    );
    assert!(String::from_utf8(output.stdout).unwrap().ends_with(&command));

    // Without an artifact's name, and where nothing could be installed, there is no command.
    let vars: Vec<_> = [&AZURE[..], &vars[..5], &[("DOCTOR_ARTIFACT", "")]].concat();
    let (output, _) = job::run(&world, "azure", script, &vars);
    assert!(!String::from_utf8(output.stdout).unwrap().contains("##vso[artifact"));
}

#[test]
fn gitlab_template_explains_and_keeps_report() {
    let world = world(&platforms::GITLAB);
    let template = document("templates/gitlab/doctor.yml");
    let job = &template[".pulumi-oidc-doctor"];
    let script = text(job, "/after_script/0");
    let token = world.token();
    let run = |status| {
        let vars = [
            ("CI", "true"),
            ("GITLAB_CI", "true"),
            ("CI_SERVER_URL", world.issuer.url()),
            ("CI_JOB_STATUS", status),
            ("LOGIN_TOKEN", &token),
            ("DOCTOR_VERSION", env!("CARGO_PKG_VERSION")),
            ("DOCTOR_ORGANIZATION", "acme"),
            ("DOCTOR_CLOUD_URL", ""),
        ];
        job::run(&world, "gitlab", script, &vars)
    };
    let (output, files) = run("failed");
    // GitLab ignores the status of after_script.
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("audience-mismatch"), "{output:?}");
    let kept = text(job, "/artifacts/paths/0");
    is_redacted(&fs::read_to_string(files.path(kept)).unwrap());
    assert_eq!(job["artifacts"]["when"], "on_failure");

    let (output, files) = run("success");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{output:?}");
    assert!(!files.path(kept).exists());
}

#[test]
fn circleci_template_explains_and_keeps_report() {
    let world = world(&platforms::CIRCLECI_V2);
    let template = document("templates/circleci/doctor.yml");
    let steps = &template["commands"]["pulumi-oidc-doctor"]["steps"];
    assert_eq!(steps[0]["run"]["when"], "on_fail");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("report");
    // The folder is the same in the script and in the step that keeps it.
    let kept = text(steps, "/1/store_artifacts/path");
    let script = text(steps, "/0/run/command").replace(kept, folder.to_str().unwrap());
    let token = world.token();
    let vars = [
        ("CI", "true"),
        ("CIRCLECI", "true"),
        ("CIRCLE_TEST_TOKEN", token.as_str()),
        ("DOCTOR_VERSION", env!("CARGO_PKG_VERSION")),
        ("DOCTOR_ORGANIZATION", "acme"),
        ("DOCTOR_CLOUD_URL", ""),
    ];
    let (output, _) = job::run(&world, "circleci", &script, &vars);
    // The step runs only in a job that has failed already.
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("audience-mismatch"), "{output:?}");
    is_redacted(&fs::read_to_string(folder.join("report.html")).unwrap());
}

/// The script of the action's step with this id or name.
fn action(step: &str) -> Value {
    let action = document("action.yml");
    let steps = action["runs"]["steps"].as_array().unwrap().clone();
    let found = steps.into_iter().find(|one| one["id"] == step || one["name"] == step);
    found.unwrap_or_else(|| panic!("no step {step}"))
}

#[test]
fn action_explains_and_gives_outputs() {
    let world = world(&platforms::GITHUB);
    let endpoint = job::token_endpoint(&world);
    let temporary = tempfile::tempdir().unwrap();
    let path = |name: &str| temporary.path().join(name).to_str().unwrap().to_owned();
    let (url, folder, outputs) = (endpoint.url().to_owned(), path(""), path("outputs"));
    let vars = [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("RUNNER_TEMP", folder.as_str()),
        ("GITHUB_OUTPUT", outputs.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN),
        ("ORGANIZATION", "acme"),
        ("CLOUD_URL", ""),
        ("TEAM", ""),
        ("LOGIN_USER", ""),
    ];
    let step = action("diagnosis");
    let (output, _) = job::run(&world, "github", step["run"].as_str().unwrap(), &vars);
    explains(&output);
    let report = format!("{folder}/pulumi-login.html");
    let expected = format!("verdict=unhealthy\nroot-cause=audience-mismatch\nreport={report}\n");
    assert_eq!(fs::read_to_string(&outputs).unwrap(), expected);
    is_redacted(&fs::read_to_string(&report).unwrap());
    assert_eq!(endpoint.requests().len(), 1);
}

#[test]
fn action_without_program_has_no_outputs() {
    let temporary = tempfile::tempdir().unwrap();
    let path = |name: &str| temporary.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("pulumi-login.json"), "{\n  \"verdict\": \"healthy\",\n}\n").unwrap();
    let vars = [
        ("RUNNER_TEMP", path("")),
        ("GITHUB_OUTPUT", path("outputs")),
        ("ORGANIZATION", "acme".into()),
        ("CLOUD_URL", String::new()),
        ("TEAM", String::new()),
        ("LOGIN_USER", String::new()),
    ];
    let vars: Vec<_> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let doctor = Doctor::bare().program("rm", "exec /bin/rm \"$@\"");
    let step = action("diagnosis");
    let script = step["run"].as_str().unwrap();
    let output = job::run_script(job::interpreter("github"), script, &doctor, &vars);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!fs::exists(path("outputs")).unwrap(), "the report of an earlier run was read");
}

/// The action installs its own version, from the repository that Cargo.toml names.
#[test]
fn action_installs_its_own_release() {
    let step = action("Install doctor");
    let vars = [
        ("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR")),
        ("PATH", "/usr/bin:/bin"),
        // Nothing answers there.
        ("https_proxy", "http://127.0.0.1:9"),
    ];
    let address = concat!(env!("CARGO_PKG_REPOSITORY"), "/releases/download/v");
    for (version, wanted) in [("", env!("CARGO_PKG_VERSION")), ("9.9.9", "9.9.9")] {
        let vars = [&vars[..], &[("VERSION", version)]].concat();
        let script = step["run"].as_str().unwrap();
        let output = job::run_script(&["sh", "-e"], script, &Doctor::bare(), &vars);
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(&format!("cannot download {address}{wanted}/")), "{message}");
    }
}

#[test]
fn no_step_changes_the_result() {
    let action = document("action.yml");
    for step in action["runs"]["steps"].as_array().unwrap() {
        assert_eq!(step["continue-on-error"], true, "{step}");
    }
}

/// Values of inputs reach the scripts in the environment only: an expression in a script is a part of
/// it.
#[test]
fn scripts_hold_no_expressions() {
    let azure = document("templates/azure/doctor.yml");
    let inputs = &azure["steps"][0]["inputs"];
    let gitlab = document("templates/gitlab/doctor.yml");
    let circleci = document("templates/circleci/doctor.yml");
    let action = document("action.yml");
    let mut scripts = vec![
        text(inputs, "/${{ if eq(parameters.shell, 'bash') }}/inlineScript"),
        text(inputs, "/${{ if eq(parameters.shell, 'pwsh') }}/inlineScript"),
        text(&gitlab, "/.pulumi-oidc-doctor/after_script/0"),
        text(&circleci, "/commands/pulumi-oidc-doctor/steps/0/run/command"),
    ];
    scripts.extend(
        action["runs"]["steps"].as_array().unwrap().iter().filter_map(|s| s["run"].as_str()),
    );
    assert_eq!(scripts.len(), 7);
    for script in scripts {
        for sign in ["${{", "$[", "<<", "--oidc-token"] {
            assert!(!script.contains(sign), "{sign} in {script}");
        }
    }
}
