//! A run that lacks file descriptors says so.
#![cfg(unix)]

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{Doctor, World, platforms, program};

/// Limits with which runs may fail; the last is enough for every run.
const LIMITS: [u32; 17] = [3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 24, 32, 40, 48, 51, 56, 64];

/// Runs the program with a limit of file descriptors, which includes the three standard streams.
fn run_limited(limit: u32, doctor: &Doctor, environment: &[(&str, &str)]) -> Output {
    Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("ulimit -n {limit}; exec \"$0\" \"$@\""))
        .arg(program())
        .args(doctor.arguments())
        .env_clear()
        .envs(environment.iter().copied())
        .current_dir(doctor.path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Whether the system's loader failed to load the program.
fn failed_to_load(output: &Output) -> bool {
    output.status.code() == Some(127)
        && String::from_utf8_lossy(&output.stderr).contains("while loading shared libraries")
}

/// Asserts for every limit that the run ends with its usual status, or with 70 and one line that
/// names the cause. Returns the number of limits that were enough.
fn assert_shortage_is_named(doctor: impl Fn() -> Doctor, usual: i32) -> usize {
    let mut enough = 0;
    for limit in LIMITS {
        let doctor = doctor();
        let path = doctor.path("../bin");
        let output = run_limited(limit, &doctor, &[("PATH", path.to_str().unwrap())]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let name = format!("{:?} with {limit}: {:?} {stderr}", doctor.arguments(), output.status);
        if output.status.code() == Some(usual) {
            enough += 1;
            assert!(!stderr.contains("ulimit"), "{name}");
            let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            for finding in report["findings"].as_array().into_iter().flatten() {
                assert_ne!(finding["severity"], "error", "{name}");
            }
        } else if !failed_to_load(&output) {
            assert_eq!(output.status.code(), Some(70), "{name}");
            assert_eq!(stderr.lines().count(), 1, "{name}");
            assert!(stderr.contains("too few files") && stderr.contains("ulimit -n"), "{name}");
            assert!(output.stdout.is_empty(), "{name}");
            assert_eq!(enough, 0, "{name}: fewer were enough");
        }
    }
    enough
}

#[test]
fn diagnosis_names_too_few_descriptors() {
    let world = World::with_algorithm(&platforms::GITLAB, "ES256");
    let doctor = || world.doctor().args(["--format", "json", "--bundle", "bundle.json"]);
    assert!((1..LIMITS.len()).contains(&assert_shortage_is_named(doctor, 0)));

    // With a pulumi on PATH and a project file.
    let doctor = || {
        let doctor = world.doctor().without("--pulumi-version").args(["--format", "json"]);
        doctor.program("pulumi", "echo v3.276.0").file("Pulumi.yaml", "name: a\n")
    };
    assert!((1..LIMITS.len()).contains(&assert_shortage_is_named(doctor, 0)));
}

#[test]
fn failing_login_keeps_its_status() {
    let mut world = World::with_algorithm(&platforms::GITLAB, "ES256");
    world.shape.entry["rules"]["sub"] = json!("another");
    let enough = LIMITS.into_iter().filter(|limit| {
        let doctor = world.doctor().args(["--format", "json"]);
        let output = run_limited(*limit, &doctor, &[]);
        if output.status.code() != Some(1) {
            assert!(failed_to_load(&output) || output.status.code() == Some(70), "{output:?}");
            return false;
        }
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["rootCause"], "subject-mismatch", "{limit}");
        true
    });
    assert!((1..LIMITS.len()).contains(&enough.count()));
}

#[test]
fn other_commands_name_too_few_descriptors() {
    let world = World::with_algorithm(&platforms::GITLAB, "ES256");
    let token = world.token();
    let commands: [(&[&str], i32); 5] = [
        (&["decode", "file://t.jwt", "--format", "json"], 0),
        (&["triage", "log.txt", "folder"], 0),
        (&["policy", "lint", "policy.json"], 0),
        (&["policy", "test", "file://t.jwt", "--policy", "policy.json", "--oidc-org", "acme"], 0),
        (&["decode", "--ndjson", "file://t.jwt"], 0),
    ];
    for (command, usual) in commands {
        let doctor = || {
            Doctor::bare()
                .file("t.jwt", &token)
                .file("log.txt", "all is well\n")
                .file("folder/log.txt", "here too\n")
                .file("policy.json", world.policy().to_string())
                .args(command.iter().copied())
        };
        assert!(
            (1..LIMITS.len()).contains(&assert_shortage_is_named(doctor, usual)),
            "{command:?}"
        );
    }
}

#[test]
fn printing_needs_no_descriptors() {
    for arguments in [&["--version"][..], &["--help"], &["explain", "token-expired"]] {
        let doctor = Doctor::bare().args(arguments.iter().copied());
        for limit in LIMITS {
            let output = run_limited(limit, &doctor, &[]);
            let started = !failed_to_load(&output);
            assert!(!started || output.status.success(), "{arguments:?} {limit}: {output:?}");
            assert!(started || limit < 6, "{limit}");
        }
    }
}

#[test]
fn closed_standard_error_is_no_shortage() {
    let output = Command::new("/bin/sh")
        .args(["-c", "exec 2>&-; exec \"$0\" explain token-expired"])
        .arg(program())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = Command::new("/bin/sh")
        .args(["-c", "exec 2>&-; exec \"$0\" --offline eyJhbGciOiJub25lIn0.e30."])
        .arg(program())
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}
