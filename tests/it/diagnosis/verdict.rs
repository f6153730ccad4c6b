//! The result of all findings together: root cause, verdict, exit status and report.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::platforms::{ALL, GITHUB};
use crate::support::{Authority, Doctor, EXCHANGE, Response, Run, WHOAMI, World, program};

const CHECKS: [&str; 14] = [
    "input",
    "login",
    "cli",
    "backend",
    "cloud",
    "token",
    "registration",
    "issuer",
    "keys",
    "signature",
    "thumbprints",
    "policy",
    "exchange",
    "whoami",
];

/// A world in which several things can be broken.
struct Broken {
    world: World,
    token: fn(String) -> String,
    options: Vec<(&'static str, &'static str)>,
    organization: &'static str,
    strict: bool,
}

/// A failure for each step of the root-cause order, and how to cause it.
type Failure = (&'static str, fn(&mut Broken));
const STEPS: [Failure; 10] = [
    // An error inside CI.
    ("token-wrapped", |broken| broken.token = |token| format!("Bearer {token}")),
    ("expiration-invalid", |broken| broken.options.push(("--oidc-expiration", "1d"))),
    ("backend-scheme-unknown", |broken| broken.options.push(("--cloud-url", "htps://cloud.test"))),
    ("token-claim-missing", |broken| drop(broken.world.shape.claims.remove("exp"))),
    ("issuer-wrong-organization", |broken| broken.organization = "globex"),
    ("discovery-not-found", |Broken { world, .. }| {
        world.issuer.answer(&world.issuer.discovery_path(), Response::new(404, "text/plain", ""));
    }),
    ("audience-mismatch", |broken| broken.world.shape.entry["rules"]["aud"] = "else".into()),
    ("subject-mismatch", |broken| broken.world.shape.entry["rules"]["sub"] = "else".into()),
    ("exchange-server-error", |Broken { world, .. }| {
        world.cloud.answer(EXCHANGE, Response::json(500, &json!({})));
    }),
    ("whoami-forbidden", |Broken { world, .. }| {
        let token = json!({"access_token": world.cloud.access_token()});
        world.cloud.answer(EXCHANGE, Response::json(200, &token));
        world.cloud.answer(WHOAMI, Response::json(403, &json!({})));
    }),
];

impl Broken {
    fn run(self) -> Run {
        let token = (self.token)(self.world.token());
        let doctor = self.world.doctor_for(&token).env("GITLAB_CI", "true");
        let doctor = if self.strict { doctor.arg("--strict") } else { doctor };
        let mut policy = self.world.policy();
        policy["organization"] = self.organization.into();
        let doctor = doctor.file("policy.json", policy.to_string());
        let with = |doctor: Doctor, (name, value): &(&str, &str)| doctor.option(name, *value);
        self.options.iter().fold(doctor, with).json()
    }
}

fn run_with_failures(failures: &[Failure]) -> Run {
    let authority = Authority::new().unwrap();
    let identity = authority.issue(&["127.0.0.1"]).unwrap();
    let world = World::with_identity(&GITHUB, authority, identity, "ES256");
    let mut broken = Broken {
        world,
        token: |token| token,
        options: Vec::new(),
        organization: "acme",
        strict: false,
    };
    failures.iter().for_each(|(_, fail)| fail(&mut broken));
    broken.run()
}

/// Asserts that the failure of the earlier step is the root cause and that both are reported.
fn assert_order(earlier: usize, later: impl IntoIterator<Item = usize>) {
    for later in later {
        let (first, second) = (STEPS[earlier], STEPS[later]);
        let run = run_with_failures(&[first, second]);
        let pair = (first.0, second.0, run.codes());
        assert_eq!(run.root_cause(), Some(first.0), "{pair:?}");
        assert_eq!(run.codes()[0], first.0, "{pair:?}");
        assert_eq!(run.finding(second.0)["severity"], "error", "{pair:?}");
        assert_eq!(run.status, 1, "{pair:?}");
    }
}

// After an error of input, login or backend there is no exchange. An issued access token proves
// that the token, the issuer and the policy are right.
#[test]
fn input_precedes_all_steps() {
    assert_order(0, 1..8);
}

#[test]
fn login_precedes_later_steps() {
    assert_order(1, 2..8);
}

#[test]
fn backend_precedes_later_steps() {
    assert_order(2, 3..8);
}

#[test]
fn token_precedes_later_steps() {
    assert_order(3, 4..9);
}

#[test]
fn registration_precedes_later_steps() {
    assert_order(4, 5..9);
}

#[test]
fn issuer_precedes_later_steps() {
    assert_order(5, 6..9);
}

#[test]
fn audience_precedes_policy() {
    assert_order(6, 7..9);
    assert_order(7, 8..9);
}

#[test]
fn issued_token_proves_earlier_steps() {
    for proven in &STEPS[3..8] {
        let run = run_with_failures(&[*proven, STEPS[9]]);
        run.assert_root_cause("whoami-forbidden", "whoami", "whoami");
        assert_eq!(run.finding(proven.0)["severity"], "warning", "{}", proven.0);
        run.assert_finding_contains(proven.0, &["Pulumi Cloud issued an access token"]);
    }
}

#[test]
fn catalogue_order_decides_within_step() {
    let world = World::new(&GITHUB);
    let conflict = world.doctor().option("--oidc-org", "globex");
    let run = conflict.args(["--oidc-expiration", "1d"]).json();
    run.assert_root_cause("organization-conflict", "login", "login");
    assert!(run.codes().contains(&"expiration-invalid"), "{:?}", run.codes());
    let run = world.doctor().env("GITLAB_CI", "true").env("PULUMI_ACCESS_TOKEN", "pul-x");
    let run = run.args(["--oidc-team", "a", "--oidc-user", "b"]).json();
    assert_eq!(run.root_cause(), Some("access-token-set"));
    assert!(run.codes().contains(&"team-and-user"), "{:?}", run.codes());
}

#[test]
fn pasted_token_expiry_ranks_last() {
    let mut world = World::new(&GITHUB);
    world.shape.shift(-90_000);
    world.shape.entry["rules"]["sub"] = "else".into();
    let run = world.doctor().json();
    assert_eq!(run.codes(), ["subject-mismatch", "token-expired"]);
    let ambient = world
        .doctor_without_token()
        .env("THE_TOKEN", world.token())
        .args(["--token-env", "THE_TOKEN"]);
    let run = ambient.json();
    assert_eq!(run.codes(), ["token-expired", "subject-mismatch"]);
    let run = world.doctor().env("GITLAB_CI", "true").json();
    assert_eq!(run.root_cause(), Some("token-expired"), "inside CI it is ambient");
}

#[test]
fn working_login_makes_failures_warnings() {
    let failures: [Failure; 6] = [
        ("issuer-not-registered", |broken| {
            broken.world.cloud.change_registration(|r| r["issuer"] = "https://else.test".into());
        }),
        ("issuer-wrong-organization", STEPS[4].1),
        ("discovery-not-found", STEPS[5].1),
        ("signing-key-not-found", |Broken { world, .. }| {
            let mut keys = world.issuer.jwks();
            keys["keys"][0]["kid"] = "rotated".into();
            world.issuer.answer(&world.issuer.jwks_path(), Response::json(200, &keys));
        }),
        ("audience-mismatch", STEPS[6].1),
        ("subject-mismatch", STEPS[7].1),
    ];
    for failure in failures {
        let works: Failure = ("", |Broken { world, .. }| {
            let token = json!({"access_token": world.cloud.access_token()});
            world.cloud.answer(EXCHANGE, Response::json(200, &token));
            world.cloud.answer(WHOAMI, Response::json(200, &json!({"githubLogin": "ada"})));
        });
        let run = run_with_failures(&[failure, works]);
        run.assert_healthy();
        assert_eq!(run.finding(failure.0)["severity"], "warning");
        run.assert_finding_contains(failure.0, &["the login works"]);

        let strict: Failure = ("", |broken| broken.strict = true);
        let run = run_with_failures(&[failure, works, strict]);
        assert_eq!((run.status, &run.report["verdict"]), (1, &json!("unhealthy")));
        assert_eq!(run.root_cause(), Some(failure.0), "{:?}", run.codes());
        assert_eq!(run.finding(failure.0)["severity"], "warning");
    }
}

#[test]
fn strict_makes_warnings_count() {
    let mut world = World::new(&GITHUB);
    world.shape.entry["rules"] = json!({"aud": "urn:pulumi:org:acme"});
    world.doctor().json().assert_healthy();
    let run = world.doctor().arg("--strict").json();
    assert_eq!((run.status, run.root_cause()), (1, Some("policy-too-broad")));
    assert_eq!(run.codes()[0], "policy-too-broad");
    assert_eq!(run.finding("policy-too-broad")["severity"], "warning");
    assert_eq!(run.check("policy")["status"], "warn");
    World::new(&GITHUB).doctor().arg("--strict").json().assert_healthy();
}

#[test]
fn every_platform_login_is_healthy() {
    for platform in ALL {
        let run = World::new(platform).doctor().json();
        run.assert_healthy();
        for check in CHECKS {
            assert_eq!(run.check(check)["status"], "pass", "{}: {check}", platform.name);
        }
    }
}

#[test]
fn unknown_decision_is_inconclusive() {
    let world = World::new(&GITHUB);
    for option in ["--offline", "--no-exchange"] {
        let run = world.doctor_without_policy().arg(option).json();
        assert_eq!((run.status, run.root_cause()), (3, None));
        assert_eq!(run.report["verdict"], "inconclusive");
        assert_eq!(run.codes(), ["policy-unknown"]);
        world.doctor().arg(option).json().assert_healthy();
    }
    let page = world.doctor_without_policy().arg("--offline").human().stdout;
    assert!(page.contains("policy    not checked: needs --policy\n"), "{page}");
    assert!(!page.contains("off by --policy") && !page.contains("checked: --policy"), "{page}");
    // Registrations without policies decide nothing.
    let registrations = json!({"oidcIssuers": [world.cloud.first_registration()]}).to_string();
    let run = world.doctor().file("policy.json", registrations).arg("--offline").json();
    assert_eq!((run.status, &run.report["verdict"]), (3, &json!("inconclusive")));
    // A failure still makes the verdict unhealthy.
    let run = world.doctor_without_policy().args(["--offline", "--oidc-expiration", "1d"]).json();
    run.assert_root_cause("expiration-invalid", "login", "login");
}

#[test]
fn offline_run_makes_no_request() {
    let mut world = World::new(&GITHUB);
    world.doctor().arg("--offline").json().assert_healthy();
    world.shape.entry["rules"]["sub"] = "else".into();
    let run = world.doctor().arg("--offline").json();
    run.assert_root_cause("subject-mismatch", "policy", "policy");
    for check in ["cloud", "issuer", "exchange", "whoami"] {
        assert_eq!(run.skipped_because(check), Some("--offline"), "{check}");
    }
    assert!(world.cloud.requests().is_empty() && world.issuer.requests().is_empty());
}

#[test]
fn report_has_every_check_once() {
    let world = World::new(&GITHUB);
    let runs = [
        world.doctor().json(),
        world.doctor_without_token().json(),
        world.doctor().arg("--offline").json(),
        world.doctor_without_policy().option("--cloud-url", "htps://x.test").json(),
        Doctor::bare().args(["--offline", "null"]).json(),
        Doctor::bare().args(["--offline", "not.a.jwt"]).json(),
    ];
    for run in runs {
        let checks = run.report["checks"].as_array().unwrap();
        let ids: Vec<&str> = checks.iter().map(|check| check["id"].as_str().unwrap()).collect();
        assert_eq!(ids, CHECKS);
        for check in checks {
            let because = run.skipped_because(check["id"].as_str().unwrap());
            let known = |because: &str| CHECKS.contains(&because) || because.starts_with("--");
            assert!(because.is_none_or(known), "{check}");
            assert!(check["durationMs"].is_u64() && check["summary"].is_string(), "{check}");
            // The first cause, not the last check in the chain.
            let cause = because.and_then(|b| checks.iter().find(|c| c["id"] == b));
            assert!(cause.is_none_or(|cause| cause["status"] != "skip"), "{check}: {cause:?}");
        }
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn json_report_has_documented_keys() {
    let mut world = World::new(&GITHUB);
    world.shape.entry["rules"]["sub"] = "else".into();
    let bare = Doctor::bare().args(["--offline", "null"]).json();
    let full = world.doctor().json();
    let top = [
        "schemaVersion",
        "doctorVersion",
        "startedAt",
        "durationMs",
        "verdict",
        "rootCause",
        "checks",
        "findings",
        "token",
        "request",
        "policy",
        "identity",
    ];
    for run in [&bare, &full] {
        assert!(keys(&run.report).is_superset(&top.into()), "{}", run.stdout);
        assert_eq!(run.report["schemaVersion"], 1);
        assert!(run.report["startedAt"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        assert!(run.report["durationMs"].is_u64());
    }
    assert_eq!((&bare.report["token"], &bare.report["identity"]), (&Value::Null, &Value::Null));
    let parts: [(&Value, &[&str]); 8] = [
        (
            &full.report["checks"][0],
            &["id", "category", "status", "summary", "durationMs", "skippedBecause"],
        ),
        (
            &full.report["findings"][0],
            &[
                "code",
                "category",
                "severity",
                "check",
                "title",
                "detail",
                "retryable",
                "evidence",
                "remediation",
            ],
        ),
        (&full.report["findings"][0]["evidence"][0], &["what", "value", "where"]),
        (
            &full.report["findings"][0]["remediation"],
            &["summary", "steps", "commands", "links", "options"],
        ),
        (&full.report["token"], &["source", "header", "claims", "fingerprint"]),
        (
            &full.report["request"],
            &["organization", "tokenType", "scope", "expirationSeconds", "backend"],
        ),
        (&full.report["request"]["backend"], &["url", "source"]),
        (&full.report["policy"], &["source", "issuer", "decision", "closest", "rules", "entries"]),
    ];
    for (value, expected) in parts {
        assert!(keys(value).is_superset(&expected.iter().copied().collect()), "{value}");
    }
    let fingerprint = full.report["token"]["fingerprint"].as_str().unwrap();
    assert!(fingerprint.starts_with("sha256:"), "{fingerprint}");
    assert_eq!(full.report["token"]["claims"]["sub"], world.shape.claims["sub"]);
    for finding in full.report["findings"].as_array().unwrap() {
        let link = finding["remediation"]["links"][0].as_str().unwrap();
        assert!(link.starts_with("https://"), "{finding}");
        for proof in finding["evidence"].as_array().unwrap() {
            assert!(proof["value"].is_string(), "{proof}");
        }
    }
}

#[test]
fn status_is_same_in_every_format() {
    let world = World::new(&GITHUB);
    type Change = fn(Doctor) -> Doctor;
    let cases: [(Change, i32); 4] = [
        (|doctor| doctor, 0),
        (|doctor| doctor.args(["--oidc-expiration", "1d"]), 1),
        (|doctor| doctor.option("--policy", "nothing.json"), 2),
        (|doctor| doctor.without("--policy").arg("--offline"), 3),
    ];
    for (change, status) in cases {
        assert_eq!(change(world.doctor()).json().status, status);
        assert_eq!(change(world.doctor()).human().status, status);
        assert_eq!(change(world.doctor()).run().status, status);
        assert_eq!(change(world.doctor()).arg("-q").run().status, status);
        assert_eq!(change(world.doctor()).arg("-v").run().status, status);
    }
}

#[test]
fn report_is_written_to_file() {
    let world = World::new(&GITHUB);
    let run = world.doctor().args(["--output", "report.json", "--format", "json"]).run();
    assert_eq!((run.status, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    let report: Value = serde_json::from_str(&run.file("report.json")).unwrap();
    assert_eq!(report["verdict"], "healthy");
    let run = world.doctor().args(["--output", "no/such/directory/report.json"]).run();
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("--output no/such/directory/report.json"), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1);
}

#[cfg(unix)]
#[test]
fn report_file_is_private_and_atomic() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(&GITHUB);
    for (old, link) in [(None, false), (Some("old and longer than nothing"), false), (None, true)] {
        let directory = tempfile::tempdir().unwrap();
        let (path, target) = (directory.path().join("report"), directory.path().join("target"));
        std::fs::write(&target, "precious").unwrap();
        if let Some(old) = old {
            std::fs::write(&path, old).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        }
        if link {
            std::os::unix::fs::symlink(&target, &path).unwrap();
        }
        let output = ["--format", "json", "--output", path.to_str().unwrap()];
        assert_eq!(world.doctor().args(output).run().status, 0);
        let report = std::fs::read(&path).unwrap();
        let report: Value = serde_json::from_slice(&report).unwrap();
        assert_eq!(report["verdict"], "healthy");
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        assert!(metadata.is_file());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left over");
    }
}

#[cfg(unix)]
#[test]
fn closed_pipe_ends_quietly() {
    use std::os::unix::process::ExitStatusExt;
    const SIGPIPE: i32 = 13;
    for arguments in [["--offline", "null"], ["demo", "--list"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = std::process::Command::new(program());
        let command = command.args(arguments).env_clear().stdin(std::process::Stdio::null());
        let output = command.stdout(writer).output().unwrap();
        let status = output.status;
        let quietly = status.code() == Some(128 + SIGPIPE) || status.signal() == Some(SIGPIPE);
        assert!(quietly, "{status}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}
