//! Logins that the CLI refuses before any request, and the CLI's version.

use serde_json::{Value, json};

use crate::support::{Doctor, ORGANIZATION, Run, World, platforms};

/// Asserts that the run stopped at the login's arguments without any request.
fn assert_refused(run: &Run, world: &World, code: &str, case: &str) {
    assert_eq!((run.status, run.root_cause()), (1, Some(code)), "{case}: {:?}", run.codes());
    assert_eq!(run.classification(code), ["login", "error", "login"], "{case}");
    assert_eq!(run.check("login")["status"], "fail", "{case}");
    assert_eq!(run.skipped_because("exchange"), Some("login"), "{case}");
    assert_eq!(run.skipped_because("whoami"), Some("login"), "{case}");
    assert!(world.cloud.exchanges().is_empty(), "{case}");
}

// --------------------------------------------------------------------------- access token

#[test]
fn access_token_blocks_exchange() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let secret = "pul-0123456789abcdef0123456789abcdef01234567";
    let doctor = || world.doctor().env("PULUMI_ACCESS_TOKEN", secret).secret(secret);

    let run = doctor().env("TF_BUILD", "True").json();
    assert_eq!((run.status, run.root_cause()), (1, Some("access-token-set")));
    assert_eq!(run.classification("access-token-set"), ["login", "error", "login"]);
    run.assert_finding_contains(
        "access-token-set",
        &["unset PULUMI_ACCESS_TOKEN", "Pipeline variables"],
    );
    assert_eq!(run.skipped_because("exchange"), Some("login"));
    assert!(world.cloud.exchanges().is_empty());

    // With a pasted token, this shell is not the failing environment.
    let run = doctor().json();
    assert_eq!((run.status, run.codes()), (0, vec!["access-token-set"]));
    assert_eq!(run.classification("access-token-set"), ["login", "info", "login"]);
    assert_eq!(run.check("exchange")["status"], "pass");
}

#[test]
fn empty_access_token_is_ignored() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let doctor = world.doctor().env("PULUMI_ACCESS_TOKEN", "").env("CI", "true");
    let run = doctor.json();
    assert_eq!((run.status, run.codes()), (0, vec![]));
}

// --------------------------------------------------------------------------- organization

#[test]
fn missing_organization_is_refused() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let run = world.doctor().without("--oidc-org").json();
    assert_refused(&run, &world, "organization-missing", "no claim names it");
    let command = format!("pulumi login {} --oidc-token", world.cloud.url());
    let audience = world.shape.claims["aud"].as_str().unwrap();
    run.assert_finding_contains("organization-missing", &[&command, "--oidc-org acme", audience]);
    assert_eq!(run.report["request"]["organization"], Value::Null);
}

#[test]
fn newer_cli_reads_organization_from_audience() {
    let world = World::new(&platforms::GITHUB);
    let doctor = || world.doctor().without("--oidc-org");
    let run = doctor().json();
    assert_eq!((run.status, run.codes()), (0, vec![]));
    assert_eq!(run.report["request"]["organization"], ORGANIZATION);
    assert_eq!(world.cloud.exchanges().len(), 1);

    let run = doctor().option("--pulumi-version", "3.216.0").json();
    assert_eq!(run.root_cause(), Some("organization-missing"));
    run.assert_finding_contains("organization-missing", &["before 3.217.0", "--oidc-org acme"]);

    let doctor = world.doctor_without_token().without("--oidc-org").file("t.jwt", world.token());
    let run = doctor.args(["--oidc-token", "file://t.jwt"]).json();
    assert_eq!(run.root_cause(), Some("organization-missing"));
    run.assert_finding_contains("organization-missing", &["file://", "--oidc-org acme"]);
    assert_eq!(world.cloud.exchanges().len(), 1);
}

#[test]
fn audience_list_names_no_organization() {
    let mut world = World::new(&platforms::GITHUB);
    world.shape.claims["aud"] = json!(["urn:pulumi:org:acme"]);
    let run = world.doctor().without("--oidc-org").json();
    assert_refused(&run, &world, "organization-missing", "list");
}

// ------------------------------------------------------------------------------ conflicts

/// A token whose claims name the organization acme and this scope.
fn scoped(scope: Value) -> World {
    let mut world = World::new(&platforms::GITHUB);
    world.shape.claims.insert("scope".to_owned(), scope);
    world
}

#[test]
fn flags_contradicting_claims_are_refused() {
    let cases: [(&str, &str, &[&str], &[&str]); 6] = [
        ("organization-conflict", "", &["--oidc-org", "other"], &["other", "acme", "claim aud"]),
        ("team-conflict", "team:ops", &["--oidc-team", "dev"], &["dev", "ops", "claim scope"]),
        ("user-conflict", "user:jane", &["--oidc-user", "joe"], &["joe", "jane", "claim scope"]),
        ("team-and-user", "team:ops user:jane", &[], &["ops", "jane", "token claim scope"]),
        ("team-and-user", "team:ops", &["--oidc-user", "joe"], &["ops", "joe", "--oidc-user"]),
        (
            "team-and-user",
            "",
            &["--oidc-team", "ops", "--oidc-user", "joe"],
            &["ops", "joe", "--oidc-team", "--oidc-user"],
        ),
    ];
    for (code, scope, flags, words) in cases {
        let world = scoped(json!(scope));
        let doctor = || {
            let doctor = world.doctor();
            let doctor =
                if flags.contains(&"--oidc-org") { doctor.without("--oidc-org") } else { doctor };
            doctor.args(flags.iter().copied())
        };
        let run = doctor().json();
        assert_refused(&run, &world, code, &format!("{scope} {flags:?}"));
        run.assert_finding_contains(code, words);
        let findings = run.report["findings"].as_array().unwrap();
        let of_login = findings.iter().filter(|finding| finding["category"] == "login");
        assert_eq!(of_login.count(), 1, "{:?}", run.codes());

        // Older CLIs do not read claims, but refuse two flags too.
        let run = doctor().option("--pulumi-version", "3.216.0").arg("--offline").json();
        let by_flags_alone = flags.len() == 4;
        assert_eq!(run.codes().contains(&code), by_flags_alone, "{code}: {:?}", run.codes());
    }
}

#[test]
fn token_file_claims_never_conflict() {
    let world = scoped(json!(["team:ops", "user:jane"]));
    let run = world.doctor().json();
    assert_refused(&run, &world, "team-and-user", "argument");
    let doctor =
        world.doctor_without_token().file("t.jwt", world.token()).option("--oidc-org", "other");
    let run = doctor.args(["--oidc-token", "file://t.jwt", "--offline"]).json();
    for code in ["team-and-user", "organization-conflict"] {
        assert!(!run.codes().contains(&code), "{:?}", run.codes());
    }
    assert_eq!(run.report["request"]["organization"], "other");
}

#[test]
fn agreeing_flags_do_not_conflict() {
    let world = scoped(json!("team:ops"));
    let run = world.doctor().args(["--oidc-team", "ops", "--offline"]).json();
    assert_eq!(run.report["request"]["scope"], "team:ops");
    assert_eq!(run.report["request"]["tokenType"], "team");
    assert_eq!(run.check("login")["status"], "pass");
}

// ----------------------------------------------------------------------------- expiration

#[test]
fn expirations_are_go_durations() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for (written, meant) in [
        ("1d", "24h"),
        ("3600", "3600s"),
        ("2 hours", "2h"),
        ("1w", "168h"),
        ("90min", "90m"),
        ("PT15M", "15m"),
        ("soon", "2h"),
    ] {
        let run = world.doctor().args(["--oidc-expiration", written]).json();
        assert_refused(&run, &world, "expiration-invalid", written);
        let flag = format!("--oidc-expiration {meant}");
        run.assert_finding_contains(
            "expiration-invalid",
            &[written, &flag, "could not parse expiration duration"],
        );
        assert_eq!(run.report["request"]["expirationSeconds"], Value::Null, "{written}");
    }
    for (written, seconds) in [("15m", 900), ("1h30m", 5400), ("24h", 86_400), ("1.5s", 1)] {
        let run = world.doctor().args(["--oidc-expiration", written]).json();
        assert_eq!(run.root_cause(), None, "{written}: {:?}", run.codes());
        assert_eq!(run.report["request"]["expirationSeconds"], seconds, "{written}");
        let sent = world.cloud.exchanges().pop().unwrap();
        assert_eq!(sent["expiration"], seconds.to_string());
    }
}

// --------------------------------------------------------------------------- url and flags

#[test]
fn second_backend_url_is_refused() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let run = world.doctor().arg("--local").json();
    assert_refused(&run, &world, "url-given-twice", "flags");
    run.assert_finding_contains("url-given-twice", &["--local", "--cloud-url", world.cloud.url()]);

    let doctor = world.doctor().env("CI", "true").env("PULUMI_OPTION_LOCAL", "true");
    let run = doctor.json();
    assert_refused(&run, &world, "url-given-twice", "environment");
    run.assert_finding_contains("url-given-twice", &["PULUMI_OPTION_LOCAL", "--cloud-url"]);

    // The variable is another form of the flag, which overrides it.
    let doctor = world.doctor().env("CI", "true");
    let run = doctor.env("PULUMI_OPTION_CLOUD_URL", world.cloud.url()).json();
    assert_eq!((run.status, run.codes()), (0, vec![]));
}

// ------------------------------------------------------------------------------------- cli

fn without_version(world: &World) -> Doctor {
    world.doctor().without("--pulumi-version")
}

#[test]
fn given_old_cli_always_fails() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for ci in ["", "true"] {
        let run = world.doctor().option("--pulumi-version", "3.208.0").env("CI", ci).json();
        assert_eq!((run.status, run.root_cause()), (1, Some("cli-too-old")), "CI={ci}");
        assert_eq!(run.classification("cli-too-old"), ["login", "error", "cli"]);
        run.assert_finding_contains(
            "cli-too-old",
            &["3.208.0", "3.209.0", "--pulumi-version", "get.pulumi.com"],
        );
        assert_eq!(run.skipped_because("exchange"), Some("cli"));
    }
}

#[cfg(unix)]
#[test]
fn installed_cli_is_judged_in_failing_job() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let old = || without_version(&world).program("pulumi", "echo v3.200.1");
    let run = old().env("GITHUB_ACTIONS", "true").json();
    assert_eq!((run.status, run.root_cause()), (1, Some("cli-too-old")));
    run.assert_finding_contains("cli-too-old", &["3.200.1", "/bin/pulumi"]);
    assert_eq!(run.skipped_because("exchange"), Some("cli"));

    let run = old().json();
    assert_eq!((run.status, run.codes()), (0, vec!["cli-too-old"]));
    assert_eq!(run.classification("cli-too-old"), ["login", "info", "cli"]);
    assert_eq!(run.check("exchange")["status"], "pass");

    let run = without_version(&world).program("pulumi", "echo v3.259.0").env("CI", "1").json();
    assert_eq!((run.status, run.codes()), (0, vec![]));
}

#[test]
fn missing_cli_is_info() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for ci in ["", "true"] {
        let run = without_version(&world).env("CI", ci).json();
        assert_eq!((run.status, run.codes()), (0, vec!["cli-not-found"]), "CI={ci}");
        assert_eq!(run.classification("cli-not-found"), ["login", "info", "cli"]);
        run.assert_finding_contains("cli-not-found", &["newest CLI", "--pulumi-version"]);
        assert_eq!(run.check("cli")["status"], "pass");
    }
}

#[cfg(unix)]
#[test]
fn misbehaving_cli_delays_nothing() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for (script, why) in [
        ("exec /bin/sleep 30", "no answer in time"),
        ("/bin/sleep 30 & echo v3.259.0; exit 0", "no answer in time"),
        ("printf '\\001\\377\\033[31m no version'", "no version"),
        (
            "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done",
            "gave no version",
        ),
        ("exit 3", "ended with an error"),
    ] {
        let run = without_version(&world).program("pulumi", script).json();
        assert_eq!((run.status, run.codes()), (0, vec!["cli-not-found"]), "{script}");
        assert_eq!(run.classification("cli-not-found"), ["login", "info", "cli"]);
        run.assert_finding_contains("cli-not-found", &[why, "/bin/pulumi", "newest CLI"]);
        assert!(run.elapsed.as_secs() < 10, "{script}: {:?}", run.elapsed);
    }
}
