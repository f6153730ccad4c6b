//! Bad usage and unusable input files end with status 2 and without a report.

use crate::support::{Doctor, World, platforms};

/// The standard error of a run that must end with status 2 and without a report.
fn refused(doctor: Doctor) -> String {
    let case = doctor.arguments().join(" ");
    let run = doctor.run();
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{case}: {}", run.stderr);
    run.stderr
}

#[test]
fn wrong_arguments_are_refused() {
    for (arguments, words) in [
        (&["--nope"][..], "--nope"),
        (&["--oidc-token", "a", "b"], "--oidc-token"),
        (&["--oidc-token", "a", "--token-env", "b"], "--token-env"),
        (&["a", "--token-env", "b"], "--token-env"),
        (&["-q", "-v"], "--details"),
        (&["--scope", "admin", "--oidc-team", "ops"], "--scope"),
        (&["--now", "yesterday"], "RFC 3339"),
        (&["--now", ""], "RFC 3339"),
        (&["--timeout", "1d"], "did you mean 24h"),
        (&["--timeout", "15"], "did you mean 15s"),
        (&["--timeout", "0"], "greater than zero"),
        (&["--timeout=-1s"], "greater than zero"),
        (&["--pulumi-version", "3.2"], "three numbers"),
        (&["--pulumi-version", "latest"], "three numbers"),
        (&["--format", "xml"], "json"),
        (&["--color", "mauve"], "never"),
        (&["triage", "--format", "junit"], "[possible values: auto, human, json, markdown]"),
        (&["explain", "--format", "azure"], "[possible values: auto, human, json, markdown]"),
    ] {
        let text = refused(Doctor::bare().args(arguments.iter().copied()));
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
}

#[test]
fn misspelt_command_gets_tip() {
    let tip = "tip: did you mean `doctor decode`?";
    assert!(refused(Doctor::bare().args(["deocde", "x"])).contains(tip));
    assert!(!refused(Doctor::bare().args(["decode", "x", "y"])).contains("did you mean `doctor"));
    assert!(!refused(Doctor::bare().args(["eyJ", "x"])).contains("did you mean `doctor"));
}

#[test]
fn usage_error_hides_token() {
    let world = World::new(&platforms::GITHUB);
    let token = world.token();
    let signature = token.rsplit('.').next().unwrap();
    let pulumi = "pul-0123456789abcdef0123456789abcdef01234567";
    for arguments in [
        vec!["--oidc-org", "acme", "--nope", &token],
        vec![&token, &token],
        vec!["--timeout", &token],
        vec!["--now", pulumi],
        vec!["--policy", pulumi],
        vec!["--pulumi-version", signature],
        vec!["decode", &token, pulumi],
    ] {
        refused(Doctor::bare().args(arguments).secret(&token).secret(pulumi));
    }
    refused(Doctor::bare().arg(format!("--now={token}")).secret(&token));
    refused(Doctor::bare().arg(format!("--{token}")).secret(&token));
}

#[test]
fn unusable_input_files_are_refused() {
    let world = World::new(&platforms::GITHUB);
    let cases: &[(&str, Option<&str>, &str)] = &[
        ("--policy", None, "no such file"),
        ("--jwks", None, "no such file"),
        ("--ca-cert", None, "no such file"),
        ("--policy", Some("{\"issuers\": [}"), ": 1:14: "),
        ("--policy", Some("issuers:\n- url: 1\n"), ": 2:8: "),
        ("--jwks", Some("{"), "1:1: not JSON"),
        ("--ca-cert", Some("no certificate"), "certificate"),
    ];
    for (option, content, words) in cases {
        let doctor = world.doctor().option(option, "the file");
        let doctor = match content {
            Some(content) => doctor.file("the file", content),
            None => doctor,
        };
        let text = refused(doctor);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with(&format!("doctor: {option} the file")), "{text}");
        assert!(text.contains(words), "{option} {content:?}: {text}");
    }
    for option in ["--policy", "--jwks", "--ca-cert"] {
        let text = refused(world.doctor().option(option, "folder").file("folder/file", ""));
        assert!(text.contains("is a directory"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    assert!(world.cloud.requests().is_empty(), "files come first");
}

#[test]
fn environment_policy_is_named() {
    let world = World::new(&platforms::GITHUB);
    let doctor = world.doctor().without("--policy").env("DOCTOR_POLICY", "nowhere.yaml");
    let text = refused(doctor);
    assert!(text.contains("DOCTOR_POLICY nowhere.yaml: no such file"), "{text}");
}

#[test]
fn hostile_arguments_command_no_pipeline() {
    for argument in ["--##vso[task.setvariable variable=x]y", "--a\n::error::b", "--a\r##[error]b"]
    {
        let text = refused(Doctor::bare().arg(argument));
        assert!(
            !text.contains("##vso[") && !text.contains("##[") && !text.contains('\r'),
            "{text}"
        );
        assert!(!text.lines().any(|line| line.starts_with("::")), "{text}");
    }
}

#[test]
fn every_help_has_examples() {
    for words in [
        "--help",
        "-h",
        "login --help",
        "decode --help",
        "policy --help",
        "policy test -h",
        "policy suggest --help",
        "help policy lint",
        "triage --help",
        "demo --help",
    ] {
        let run = Doctor::bare().args(words.split(' ')).run();
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{words}");
        let (_, examples) = run.stdout.split_once("\nExamples:\n").expect(words);
        let command = words.split(' ').find(|word| !word.starts_with('-') && *word != "help");
        let start = format!("  doctor {}", command.unwrap_or_default());
        assert!(examples.lines().any(|line| line.starts_with(&start)), "{words}: {examples}");
    }
}

#[test]
fn bare_word_is_no_token() {
    let doctor = || Doctor::bare().file("job.log", "a log\n");
    for (word, expected) in [
        ("explan", "`doctor explain`"),
        ("token-expired", "`doctor explain token-expired`"),
        ("issuer-not-registred", "`doctor explain issuer-not-registered`"),
        ("job.log", "`doctor triage job.log`"),
        ("whatever", "`doctor --help`"),
    ] {
        let text = refused(doctor().arg(word));
        assert!(text.contains(expected), "{word}: {text}");
    }
    for value in ["null", "undefined", "None"] {
        let run = doctor().args([value, "--offline"]).json();
        assert_eq!(run.root_cause(), Some("token-not-a-token"), "{value}");
    }
}

#[test]
fn secret_is_no_bare_word() {
    for secret in ["ghs_16C7e42F292c6912E7710c838347Ae178B4a", "AbCd1234EfGh5678IjKl"] {
        let run = Doctor::bare().args([secret, "--offline"]).secret(secret).json();
        assert_eq!(run.status, 1, "{}", run.stderr);
    }
}
