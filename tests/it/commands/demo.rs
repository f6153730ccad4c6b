//! The demo shows the promised root cause, in any environment.

use std::fs;

use doctor::demo::{DEFAULT, scenarios};

use crate::support::{Doctor, Run};

fn demo(name: &str) -> Doctor {
    Doctor::bare().args(["demo", name])
}

fn assert_root_cause(run: &Run, name: &str, expected: Option<&str>) {
    assert_eq!(run.root_cause(), expected, "{name}: {}", run.stdout);
    assert_eq!(run.status, i32::from(expected.is_some()), "{name}");
    let verdict = if expected.is_some() { "unhealthy" } else { "healthy" };
    assert_eq!(run.report["verdict"], verdict, "{name}");
}

#[test]
fn scenarios_have_promised_root_cause() {
    for scenario in scenarios() {
        let expected = scenario.expected_root_cause.map(|code| code.name());
        let run = demo(scenario.name).json();
        assert_root_cause(&run, scenario.name, expected);
        assert!(run.stderr.contains(scenario.title), "{}", run.stderr);
    }
}

#[test]
fn demo_defaults_to_commonest_mistake() {
    let run = Doctor::bare().arg("demo").json();
    assert_root_cause(&run, DEFAULT, Some("audience-mismatch"));
}

#[test]
fn list_has_every_scenario() {
    let run = Doctor::bare().args(["demo", "--list"]).run();
    assert_eq!((run.status, run.stdout.lines().count()), (0, scenarios().len()));
    for scenario in scenarios() {
        let line = run.stdout.lines().find(|line| line.starts_with(scenario.name)).unwrap();
        assert!(line.ends_with(scenario.title), "{line}");
    }
}

#[test]
fn unknown_scenario_names_nearest() {
    for (name, nearest) in [("audience-mismach", "audience-mismatch"), ("helthy", "healthy")] {
        let run = demo(name).run();
        assert_eq!((run.status, &*run.stdout), (2, ""), "{name}");
        assert!(run.stderr.contains(nearest) && run.stderr.contains("--list"), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
    let run = demo("nothing like any of them").run();
    assert!(run.stderr.contains("--list") && !run.stderr.contains("mean"), "{}", run.stderr);
}

/// Neither variables nor files of the user change the demo.
#[test]
fn environment_does_not_change_demo() {
    for name in ["healthy", "backend-without-scheme", "expired-token", "denied-by-subject"] {
        let expected =
            doctor::demo::find(name).unwrap().expected_root_cause.map(|code| code.name());
        let run = demo(name)
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .env("https_proxy", "http://127.0.0.1:9")
            .env("SSL_CERT_FILE", "/nonexistent/ca.pem")
            .env("PULUMI_ACCESS_TOKEN", "pul-0123456789abcdef0123456789abcdef01234567")
            .secret("pul-0123456789abcdef0123456789abcdef01234567")
            .env("PULUMI_BACKEND_URL", "api.pulumi.com")
            .env("PULUMI_OPTION_OIDC_ORG", "somebody-else")
            .env("DOCTOR_POLICY", "/nonexistent/policy.json")
            .env("CI", "true")
            .env("TF_BUILD", "True")
            .file("Pulumi.yaml", "not: [a project")
            .file("../home/.pulumi/credentials.json", "not JSON")
            .json();
        assert_root_cause(&run, name, expected);
    }
}

#[test]
fn demo_leaves_no_files() {
    for name in ["healthy", DEFAULT] {
        let scratch = tempfile::tempdir().unwrap();
        let run = demo(name).env("TMPDIR", scratch.path().to_str().unwrap()).human();
        assert!(run.status <= 1, "{}", run.stderr);
        let left: Vec<_> = fs::read_dir(scratch.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The demo's report is that of an ordinary diagnosis, so it has the same options.
#[test]
fn demo_accepts_report_options() {
    let quiet = demo(DEFAULT).arg("-q").human();
    let verbose = demo(DEFAULT).arg("-v").human();
    assert!(quiet.stdout.lines().count() < verbose.stdout.lines().count());
    assert_eq!((quiet.status, verbose.status), (1, 1));
    let written = demo(DEFAULT).args(["--output", "report.json", "--format", "json"]).run();
    assert_eq!((written.status, &*written.stdout), (1, ""));
    assert!(written.file("report.json").contains("\"audience-mismatch\""));
}

/// The demo replaces the environment for the diagnosis, but not for the colours of the report.
#[test]
fn environment_still_sets_colours() {
    let forced = demo(DEFAULT).env("CLICOLOR_FORCE", "1").run();
    assert!(forced.stdout.contains('\u{1b}'));
    let plain = demo(DEFAULT).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").run();
    assert!(!plain.stdout.contains('\u{1b}'));
}
