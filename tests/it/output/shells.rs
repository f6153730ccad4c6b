//! `--shell`: commands are written for one shell.

use serde_json::Value;

use crate::support::{Doctor, World, platforms};

fn commands<'a>(report: &'a Value, code: &str) -> Vec<&'a str> {
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["code"] == code).unwrap();
    let commands = finding["remediation"]["commands"].as_array().unwrap();
    commands.iter().map(|command| command.as_str().unwrap()).collect()
}

/// A login that is refused because of an access token.
fn refused() -> Doctor {
    World::new(&platforms::GITHUB).doctor().arg("--offline").env("PULUMI_ACCESS_TOKEN", "pul-x")
}

#[test]
fn commands_are_written_for_the_chosen_shell() {
    for (option, variable, expected) in [
        (None, None, "unset PULUMI_ACCESS_TOKEN"),
        (None, Some("C:\\Modules"), "Remove-Item Env:PULUMI_ACCESS_TOKEN"),
        (Some("pwsh"), None, "Remove-Item Env:PULUMI_ACCESS_TOKEN"),
        (Some("bash"), Some("C:\\Modules"), "unset PULUMI_ACCESS_TOKEN"),
        (Some("auto"), None, "unset PULUMI_ACCESS_TOKEN"),
    ] {
        let doctor =
            option.into_iter().fold(refused(), |doctor, shell| doctor.option("--shell", shell));
        let doctor = variable
            .into_iter()
            .fold(doctor, |doctor, folders| doctor.env("PSModulePath", folders));
        let run = doctor.json();
        assert_eq!(
            commands(&run.report, "access-token-set"),
            [expected],
            "{option:?} {variable:?}"
        );
    }
}

#[test]
fn login_is_quoted_for_power_shell() {
    let login = |organization: &str| {
        let doctor = Doctor::bare().command("login").args(["--shell", "pwsh", "--offline"]);
        let doctor = doctor.args(["--oidc-token", "$(idToken)", "--oidc-org", organization]);
        let run = doctor.args(["--cloud-url", "api.pulumi.com"]).json();
        assert_eq!(run.root_cause(), Some("token-variable-unexpanded"));
        commands(&run.report, "backend-scheme-missing").join("\n")
    };
    assert!(
        login("acme").contains(
            "pulumi login https://api.pulumi.com --oidc-token \"$env:TOKEN\" --oidc-org acme"
        ),
        "{}",
        login("acme")
    );
    assert!(login("a b").contains("--oidc-org 'a b'"));
    // Windows PowerShell cannot pass a quotation mark on.
    assert_eq!(login("a\"b"), "");
}

#[test]
fn log_is_answered_for_the_chosen_shell() {
    let log = "+ pulumi login --oidc-token *** --oidc-org acme\n\
               error: problem logging in: cannot perform token exchange when an access token is \
               set as environment variable\n";
    let run = Doctor::bare()
        .command("triage")
        .args(["--shell", "pwsh", "--format", "json"])
        .stdin(log)
        .run();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        commands(&report, "access-token-set"),
        ["Remove-Item Env:PULUMI_ACCESS_TOKEN"],
        "{}",
        run.stdout
    );
}

#[test]
fn ci_logs_are_coloured() {
    let report = |variables: &[(&str, &str)]| {
        let doctor = refused().args(["--format", "human"]);
        variables.iter().fold(doctor, |doctor, (name, value)| doctor.env(name, *value)).run().stdout
    };
    for (variables, coloured) in [
        (&[][..], false),
        (&[("GITHUB_ACTIONS", "true")], true),
        (&[("GITLAB_CI", "true")], true),
        (&[("CIRCLECI", "true")], true),
        (&[("TF_BUILD", "True")], false),
        (&[("FORCE_COLOR", "1")], true),
        (&[("FORCE_COLOR", "0")], false),
        (&[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], false),
        (&[("FORCE_COLOR", "1"), ("TERM", "dumb")], true),
        (&[("GITHUB_ACTIONS", "true"), ("TERM", "dumb")], false),
        (&[("GITHUB_ACTIONS", "true"), ("NO_COLOR", "")], true),
    ] {
        assert_eq!(report(variables).contains("\u{1b}["), coloured, "{variables:?}");
    }
}
