//! Child processes get a short list of variables and no credential. No program of the checkout is
//! started, and no child outlives the run.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{Doctor, Run, World, platforms, wait_until};

/// Credentials and settings of a job, which no child process gets.
const WITHHELD: &[&str] = &[
    "PULUMI_ACCESS_TOKEN",
    "DOCTOR_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_OPTION_OIDC_TOKEN",
    "PULUMI_OIDC_TOKEN",
    "idToken",
    "servicePrincipalKey",
    "SYSTEM_ACCESSTOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_RUNTIME_TOKEN",
    "CI_JOB_TOKEN",
    "GITHUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "ARM_CLIENT_SECRET",
    "MISE_GITHUB_TOKEN",
    "BASH_ENV",
    "ENV",
];

/// Writes the environment to a file in `HOME`. The shell adds some variables of its own.
const DUMP: &str = "/usr/bin/env > \"$HOME/environment\"";
const SHELL_VARIABLES: [&str; 4] = ["PWD", "OLDPWD", "SHLVL", "_"];

fn names(text: &str) -> BTreeSet<&str> {
    let names = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    names.filter(|name| !SHELL_VARIABLES.contains(name)).collect()
}

fn with_secrets(mut doctor: Doctor) -> Doctor {
    for name in WITHHELD {
        // The file must not exist, because a shell reads the file that ENV names.
        doctor = doctor.env(name, format!("/nonexistent/value-of-{name}"));
    }
    doctor
}

fn bare() -> Doctor {
    let world = World::new(&platforms::GITHUB);
    Doctor::bare().arg("--offline").arg(world.token())
}

/// Asserts that the program ran and printed this version.
#[track_caller]
fn assert_version(run: &Run, version: &str) {
    let summary = run.check("cli")["summary"].as_str().unwrap();
    assert!(summary.contains(version), "{version}: {summary}");
}

#[test]
fn pulumi_gets_no_credential() {
    let script = format!("{DUMP}; echo v3.250.0");
    let doctor = with_secrets(bare()).env("PULUMI_HOME", "home").env("LANG", "C.UTF-8");
    let run = doctor.program("pulumi", &script).json();
    assert_version(&run, "3.250.0");
    let environment = run.file("../home/environment");
    let expected = ["HOME", "LANG", "PATH", "PULUMI_HOME", "PULUMI_SKIP_UPDATE_CHECK"];
    assert_eq!(names(&environment), BTreeSet::from(expected));
    assert!(!environment.contains("value-of"), "{environment}");
}

#[test]
fn agent_gets_only_its_own_credential() {
    let world = World::new(&platforms::BUILDKITE);
    let token = world.token();
    let needed = [
        "BUILDKITE_AGENT_ACCESS_TOKEN",
        "BUILDKITE_AGENT_ENDPOINT",
        "BUILDKITE_AGENT_JOB_API_SOCKET",
        "BUILDKITE_AGENT_JOB_API_TOKEN",
        "BUILDKITE_JOB_ID",
        "BUILDKITE_OIDC_TOKEN_SUBJECT_CLAIM",
    ];
    let mut doctor = Doctor::bare().args(["--oidc-org", "acme", "--no-exchange"]);
    doctor = doctor.args(["--cloud-url", world.cloud.url(), "--pulumi-version", "3.250.0"]);
    // Variables that hold a token, or request one from another platform.
    let is_token = |name: &str| {
        name == "idToken" || name.ends_with("OIDC_TOKEN") || name.starts_with("ACTIONS_ID_TOKEN")
    };
    for name in WITHHELD.iter().filter(|name| !is_token(name)) {
        doctor = doctor.env(name, format!("/nonexistent/value-of-{name}"));
    }
    for name in needed {
        doctor = doctor.env(name, format!("needed-{name}"));
    }
    let doctor = doctor.env("BUILDKITE", "true").env("BUILDKITE_AGENT_TOKEN", "value-of-cluster");
    let script = format!("{DUMP}; echo {token}");
    let run = doctor.program("buildkite-agent", &script).json();
    assert_eq!(run.report["token"]["source"], "buildkite-agent", "{:?}", run.codes());
    let environment = run.file("../home/environment");
    let expected: BTreeSet<&str> = needed.into_iter().chain(["HOME", "PATH"]).collect();
    assert_eq!(names(&environment), expected);
    assert!(!environment.contains("value-of"), "{environment}");
}

#[test]
fn no_program_of_checkout_is_started() {
    let evil = "echo > \"$HOME/started\"; echo v3.0.1";
    let in_checkout = |name: &str| bare().program(name, evil);
    for path in ["", ".", ":", "./bin:tools", "tools/../tools:"] {
        let doctor = in_checkout("../work/pulumi").program("../work/tools/pulumi", evil);
        let started = doctor.path("../home/started");
        let run = doctor.unset("PATH").env("PATH", path).json();
        assert!(!started.exists(), "{path:?}");
        assert!(run.codes().contains(&"cli-not-found"), "{path:?}: {:?}", run.codes());
    }
    // Control: the same program in an absolute entry.
    let doctor = in_checkout("../work/pulumi");
    let directory = doctor.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let run = doctor.unset("PATH").env("PATH", format!(".:{directory}")).json();
    assert_version(&run, "3.0.1");
}

/// A script with `#!/usr/bin/env` searches `PATH` too, and a version manager reads the directory.
#[test]
fn version_shim_ignores_checkout() {
    let shim = "cat_version; [ -e .tool-versions ] && echo v3.0.2; echo v3.250.0";
    let doctor = |doctor: Doctor| {
        let doctor = doctor
            .file(".tool-versions", "pulumi path:./evil")
            .program("../work/cat_version", "echo > \"$HOME/started\"")
            .program("pulumi", shim);
        let bin = doctor.path("../bin").to_str().unwrap().to_owned();
        doctor.unset("PATH").env("PATH", format!(".:{bin}"))
    };
    let plain = doctor(bare());
    let started = plain.path("../home/started");
    let run = plain.json();
    assert!(!started.exists());
    assert_version(&run, "3.250.0");
    // Control: in a job, the shim starts the same program as for the login.
    let run = doctor(bare()).env("CI", "true").json();
    assert_version(&run, "3.0.2");
}

#[test]
fn standard_input_is_closed() {
    let script = "if read -r line; then echo v3.0.3; else echo v3.250.0; fi";
    let run = bare().program("pulumi", script).json();
    assert_version(&run, "3.250.0");
}

#[test]
fn output_is_bounded() {
    let script = "while :; do echo filler filler filler filler; done";
    let run = bare().args(["--timeout", "2s"]).program("pulumi", script).json();
    assert!(run.elapsed < Duration::from_secs(4), "{:?}", run.elapsed);
    if let Some(peak) = run.peak_memory {
        assert!(peak < 64 << 20, "{peak}");
    }
}

/// Whether a process exists and is no zombie.
fn is_running(id: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

#[cfg(target_os = "linux")]
#[test]
fn child_processes_end_in_time() {
    for script in [
        // The child waits for the grandchild, or ends before it, which keeps the pipe open.
        "/bin/sleep 300 & echo $! > \"$HOME/id\"; wait",
        "/bin/sleep 300 & echo $! > \"$HOME/id\"; exit 0",
    ] {
        let run = bare().args(["--timeout", "1s"]).program("pulumi", script).json();
        let id = run.file("../home/id");
        wait_until("the grandchild is gone", || !is_running(id.trim()));
    }
    // Control: the output of a child that ends in time counts, and its detached child is not
    // killed.
    let script = "/bin/sleep 20 >/dev/null 2>&1 & echo $! > \"$HOME/id\"; echo v3.250.0";
    let run = bare().program("pulumi", script).json();
    assert_version(&run, "3.250.0");
    let id = run.file("../home/id");
    assert!(is_running(id.trim()));
    let id = rustix::process::Pid::from_raw(id.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn signal_ends_children_too() {
    let script = "/bin/sleep 300 & echo $! > \"$HOME/id\"; wait";
    let doctor = bare().args(["--timeout", "60s"]).program("pulumi", script);
    let file = doctor.path("../home/id");
    let mut running = doctor.start();
    let id = || std::fs::read_to_string(&file).unwrap_or_default().trim().to_owned();
    wait_until("pulumi version", || !id().is_empty());
    let id = id();
    assert!(is_running(&id));
    running.process.signal(rustix::process::Signal::TERM);
    wait_until("the grandchild is gone", || !is_running(&id));
}
