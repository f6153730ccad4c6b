//! Connections and reports of runs with a project's backend.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    CODE, ELSEWHERE, NOTHING, assert_withheld, logins, plain, received, with_credentials, world,
    yaml,
};
use crate::support::{Doctor, PlainCloud, Run};

/// Not even a request without a credential goes to a private address that a project file names.
#[test]
fn project_backend_is_guarded() {
    let world = world();
    let cloud = world.cloud.url().to_owned();
    let network = PlainCloud::start(world.cloud.access_token());
    for (url, address) in [
        (cloud.clone(), "127.0.0.1 (loopback)"),
        (cloud.replace("127.0.0.1", "localhost"), "127.0.0.1 (loopback)"),
        (network.url(), "127.0.0.1 (loopback)"),
        ("https://10.20.30.40".into(), "10.20.30.40 (private)"),
        ("http://192.168.1.1:8080".into(), "192.168.1.1 (private)"),
        ("http://169.254.1.1".into(), "169.254.1.1 (link-local)"),
        ("http://169.254.169.254".into(), "169.254.169.254 (a metadata service)"),
    ] {
        let run = plain(&world, &url).without("--allow-private-issuer");
        // The issuer's address is refused as well, which does not matter here.
        let run = run.env("HTTP_PROXY", network.url()).json();
        assert_withheld(&run, &url);
        run.assert_check("cloud", "skip", Some("--cloud-url"));
        run.assert_finding_contains(CODE, &[address]);
        assert_eq!((run.status, run.root_cause()), (0, None), "{url}: {:?}", run.codes());
    }
    assert!(world.cloud.requests().is_empty() && network.requests().is_empty());

    // The option allows loopback, but never a metadata service.
    let run = plain(&world, &cloud).json();
    run.assert_check("cloud", "pass", None);
    assert_eq!(received(&world), NOTHING);
    let run = plain(&world, "http://169.254.169.254").json();
    run.assert_check("cloud", "skip", Some("--cloud-url"));
}

#[test]
fn login_reaches_private_backend_not_metadata() {
    let world = world();
    let cloud = world.cloud.url().to_owned();
    let login = |url: &str| {
        let (_, doctor) = logins(&world).pop().unwrap();
        let doctor = with_credentials(&world, doctor, ELSEWHERE).unset("PULUMI_ACCESS_TOKEN");
        doctor.without("--allow-private-issuer").file("Pulumi.yaml", yaml(url)).json()
    };
    assert_eq!(login(&cloud).status, 0);
    let run = login("http://169.254.169.254");
    assert_eq!(run.root_cause(), Some("backend-unreachable"));
    run.assert_finding_contains("backend-unreachable", &["169.254.169.254 (a metadata service)"]);
    run.assert_check("exchange", "skip", Some("cloud"));
}

#[test]
fn reports_show_backend_and_source() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let shown = format!("backend {url} (");
    for arguments in [&["-q"][..], &[], &["-v"]] {
        let run = plain(&world, &url).args(arguments.iter().copied()).human();
        let text = &run.stdout;
        let is_shown =
            if arguments == ["-v"] { text.contains(&url) } else { text.contains(&shown) };
        assert!(is_shown && text.contains("Pulumi.yaml:4"), "{arguments:?}: {text}");
    }
    let quiet = world.doctor().arg("-q").human();
    assert!(quiet.stdout.contains(&format!("{shown}--cloud-url)")), "{}", quiet.stdout);
}

/// The option in the remedy, added to the same command, makes the login work.
#[test]
fn remedy_makes_login_work() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let doctor = || {
        let doctor = with_credentials(&world, world.doctor(), ELSEWHERE);
        doctor.file("Pulumi.yaml", yaml(&url)).unset("PULUMI_ACCESS_TOKEN")
    };
    let run = doctor().json();
    let command = run.finding(CODE)["remediation"]["commands"][0].as_str().unwrap().to_owned();
    let again = doctor().args(command.split(' ')).json();
    assert_eq!((again.status, again.codes()), (0, vec![]));
    again.assert_check("whoami", "pass", None);
}

/// The commands of a report.
fn commands(run: &Run) -> Vec<String> {
    let findings = run.report["findings"].as_array().unwrap().iter();
    let commands = findings.flat_map(|f| f["remediation"]["commands"].as_array().unwrap());
    commands.map(|command| command.as_str().unwrap().to_owned()).collect()
}

#[test]
fn printed_commands_avoid_project_backend() {
    let mut world = world();
    let unregistered = json!("https://127.0.0.1:1/nobody");
    let cloud = world.cloud.url().to_owned();
    type Change = fn(Doctor) -> Doctor;
    let failures: [(&str, Change); 4] = [
        // This version does not read the organization from the token.
        ("organization-missing", |doctor| {
            doctor.without("--oidc-org").option("--pulumi-version", "3.216.0")
        }),
        ("expiration-exceeds-maximum", |doctor| doctor.args(["--oidc-expiration", "100h"])),
        ("issuer-wrong-organization", |doctor| doctor.option("--oidc-org", "globex")),
        ("issuer-not-registered", |doctor| doctor),
    ];
    world.cloud.change_registration(|registration| registration["maxExpiration"] = json!(3600));
    let policy = world.policy();
    let claims = world.shape.claims.clone();
    let mut seen = BTreeSet::new();
    for (code, change) in failures {
        world.shape.claims = claims.clone();
        if code == "issuer-not-registered" {
            world.shape.claims["iss"] = unregistered.clone();
        }
        let sends_credential = |command: &String| {
            let words = ["--oidc-token", "pulumi login", "PULUMI_ACCESS_TOKEN"];
            command.contains(&cloud) && words.iter().any(|word| command.contains(word))
        };
        let prepared = |doctor: Doctor| change(doctor.file("policy.json", policy.to_string()));
        let run = prepared(plain(&world, &cloud)).json();
        let texts = run.finding_text(code);
        assert!(!commands(&run).iter().any(sends_credential), "{code}: {texts}");
        run.assert_finding_contains(code, &["Pulumi.yaml:4", "--cloud-url"]);
        // A step that ends with a colon must be followed by its content.
        let mut lines = texts.lines().zip(texts.lines().skip(1).chain([""]));
        let is_empty = |(line, next): (&str, &str)| line.ends_with(':') && !next.starts_with('{');
        assert!(!lines.any(is_empty), "announces nothing: {texts}");

        // If the user names the backend, and in CI, the command is printed; in CI with the source
        // of the backend.
        let run = prepared(plain(&world, &cloud).args(["--cloud-url", &cloud])).json();
        assert!(commands(&run).iter().any(sends_credential), "{code}: {}", run.finding_text(code));
        let run = prepared(plain(&world, &cloud).env("CI", "true")).json();
        assert!(commands(&run).iter().any(sends_credential), "{code}: {}", run.finding_text(code));
        run.assert_finding_contains(code, &["Pulumi.yaml:4 names the backend"]);
        seen.insert(code);
    }
    assert_eq!(seen.len(), failures.len());
}

/// Older versions sent credentials to a project's backend, so their bundles have the answers.
#[test]
fn older_bundles_with_answers_are_judged() {
    let text = include_str!("../../../../fixtures/bundles/v1/healthy.json");
    let mut bundle: Value = serde_json::from_str(text).unwrap();
    bundle["evidence"]["options"]["setting"] = json!({"kind": "person"});
    let source = json!({"kind": "project", "path": "/web/Pulumi.yaml", "line": 3});
    let candidate = json!({"url": "https://pulumi.acme.test", "source": source});
    bundle["evidence"]["backend"]["candidates"] = json!([candidate]);
    let replay = |bundle: &Value| {
        let doctor = Doctor::bare().file("b.json", bundle.to_string());
        doctor.args(["replay", "b.json"]).json()
    };
    let run = replay(&bundle);
    assert_eq!((run.status, run.codes().contains(&CODE)), (0, false), "{:?}", run.codes());
    run.assert_check("exchange", "pass", None);

    // A bundle of this version has no answers.
    let cloud = &mut bundle["evidence"]["cloud"];
    for probe in ["exchange", "whoami"] {
        cloud[probe] = json!({"outcome": "notRun"});
    }
    cloud["exchangeSkipped"] = json!("--cloud-url");
    cloud["accessToken"] = json!({"kind": "none"});
    let run = replay(&bundle);
    assert_eq!(run.classification(CODE)[1], "warning");
    assert_withheld(&run, "replay");
}
