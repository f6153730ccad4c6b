//! The backend and the request of a login, by the version of the CLI.

use serde_json::json;

use crate::support::{Doctor, Run, World, platforms};

const PULUMI_CLOUD: &str = "https://api.pulumi.com";

/// The versions of the CLI that changed something, the ones before, and `none` for an unknown
/// version, which means the newest rules.
const VERSIONS: [&str; 8] =
    ["3.208.0", "3.209.0", "3.215.9", "3.216.0", "3.217.0", "3.258.0", "3.259.0", "none"];

/// A configured source of the backend URL. Each names another backend.
#[derive(Clone, Copy)]
enum Part {
    Argument,
    Environment,
    Project,
    Credentials,
}
use Part::{Argument, Credentials, Environment, Project};

/// The configured sources, and the URL and the source that win in every version.
const CONFIGURED: [(&[Part], &str, &str); 9] = [
    (&[Argument], "https://argument.test", "--cloud-url"),
    (&[Environment], "https://environment.test", "PULUMI_BACKEND_URL"),
    (&[Project], "https://project.test", "Pulumi.yaml:4"),
    (&[Credentials], "https://credentials.test", ".pulumi/credentials.json:2"),
    (&[Argument, Environment, Project, Credentials], "https://argument.test", "--cloud-url"),
    (&[Environment, Project, Credentials], "https://environment.test", "PULUMI_BACKEND_URL"),
    (&[Project, Credentials], "https://project.test", "Pulumi.yaml:4"),
    (&[Argument, Credentials], "https://argument.test", "--cloud-url"),
    (&[Environment, Credentials], "https://environment.test", "PULUMI_BACKEND_URL"),
];

/// The version and the URL if nothing is configured.
const UNCONFIGURED: [(&str, &str); 8] = [
    ("3.208.0", PULUMI_CLOUD),
    ("3.209.0", ""),
    ("3.215.9", ""),
    ("3.216.0", PULUMI_CLOUD),
    ("3.217.0", PULUMI_CLOUD),
    ("3.258.0", PULUMI_CLOUD),
    ("3.259.0", PULUMI_CLOUD),
    ("none", PULUMI_CLOUD),
];

/// What a token of the organization acme asks for: the version, the scope claim, the flags;
/// organization, token type and scope.
type ProxyRequest =
    (&'static str, &'static str, &'static [&'static str], [Option<&'static str>; 3]);

const NOBODY: [Option<&str>; 3] = [None, Some("organization"), Some("")];
const ACME: [Option<&str>; 3] = [Some("acme"), Some("organization"), Some("")];
const OPS: [Option<&str>; 3] = [Some("acme"), Some("team"), Some("team:ops")];
const JANE: [Option<&str>; 3] = [Some("acme"), Some("personal"), Some("user:jane")];
const FLAGS: &[&str] = &["--oidc-org", "acme", "--oidc-team", "ops"];

const ASKED: [ProxyRequest; 25] = [
    ("3.208.0", "", &[], NOBODY),
    ("3.209.0", "", &[], NOBODY),
    ("3.215.9", "", &[], NOBODY),
    ("3.216.0", "", &[], NOBODY),
    ("3.217.0", "", &[], ACME),
    ("3.258.0", "", &[], ACME),
    ("3.259.0", "", &[], ACME),
    ("none", "", &[], ACME),
    ("3.209.0", "team:ops", &[], NOBODY),
    ("3.216.0", "team:ops", &[], NOBODY),
    ("3.217.0", "team:ops", &[], OPS),
    ("3.259.0", "openid team:ops", &[], OPS),
    ("none", "team:ops", &[], OPS),
    ("3.216.0", "user:jane", &[], NOBODY),
    ("3.217.0", "user:jane", &[], JANE),
    ("none", "user:jane", &[], JANE),
    ("3.217.0", "write", &[], ACME),
    ("3.209.0", "", FLAGS, OPS),
    ("3.216.0", "user:jane", FLAGS, OPS),
    ("3.217.0", "team:ops", FLAGS, OPS),
    ("none", "", FLAGS, OPS),
    ("3.209.0", "", &["--oidc-org", "acme", "--oidc-user", "jane"], JANE),
    ("3.259.0", "", &["--oidc-user", "jane"], JANE),
    ("3.216.0", "", &["--oidc-org", "acme"], ACME),
    ("3.259.0", "", &["--oidc-org", "acme"], ACME),
];

fn doctor(world: &World, version: &str) -> Doctor {
    let doctor = world.doctor().without("--cloud-url").arg("--offline");
    if version == "none" {
        doctor.without("--pulumi-version")
    } else {
        doctor.option("--pulumi-version", version)
    }
}

fn configure(doctor: Doctor, part: Part) -> Doctor {
    let stored = "{\n  \"current\": \"https://credentials.test\"\n}";
    match part {
        Argument => doctor.args(["--cloud-url", "https://argument.test"]),
        Environment => doctor.env("PULUMI_BACKEND_URL", "https://environment.test"),
        Project => doctor.file(
            "../Pulumi.yaml",
            "name: web\nruntime: nodejs\nbackend:\n  url: https://project.test\n",
        ),
        Credentials => doctor.file("../home/.pulumi/credentials.json", stored),
    }
}

#[test]
fn configured_backends_win_in_order() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for version in VERSIONS {
        for (parts, url, source) in CONFIGURED {
            let run = parts.iter().copied().fold(doctor(&world, version), configure).json();
            let backend = &run.report["request"]["backend"];
            assert_eq!(backend["url"], url, "{version}");
            let found = backend["source"].as_str().unwrap();
            assert!(found.ends_with(source), "{version} {url}: {found}");
            assert_eq!(run.codes().contains(&"backend-overridden"), parts.len() > 1, "{version}");
        }
    }
}

#[test]
fn default_backend_exists_since_3_216() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for (version, url) in UNCONFIGURED {
        let run = doctor(&world, version).json();
        let expected = json!({"url": url, "source": "default"});
        assert_eq!(run.report["request"]["backend"], expected, "{version}");
        assert_eq!(run.codes().contains(&"backend-empty"), url.is_empty(), "{version}");
    }
}

#[test]
fn claims_are_read_since_3_217() {
    let mut world = World::new(&platforms::GITHUB);
    for (version, scope, flags, [organization, token_type, asked]) in ASKED {
        world.shape.claims.insert("scope".to_owned(), json!(scope));
        let run = doctor(&world, version).without("--oidc-org").args(flags.iter().copied()).json();
        let request = &run.report["request"];
        let case = format!("{version} {scope:?} {flags:?}");
        assert_eq!(request["organization"], json!(organization), "{case}");
        assert_eq!(request["tokenType"], json!(token_type), "{case}");
        assert_eq!(request["scope"], json!(asked), "{case}");
    }
}

// ------------------------------------------------------- predictions of pulumi's own errors

/// `doctor login` with the rules of this CLI version.
fn login(world: &World, version: &str) -> Doctor {
    let token = world.token();
    ["--cloud-url", "--oidc-org"]
        .into_iter()
        .fold(world.doctor_without_token().command("login"), Doctor::without)
        .option("--pulumi-version", version)
        .args([world.cloud.url(), "--oidc-org", "acme", "--oidc-token"])
        .arg(&token)
        .secret(&token)
}

/// The CLI's own first error: its code, its message (empty where it succeeds), its exit status.
fn cli(run: &Run) -> (Option<&str>, &str, i64) {
    let cli = &run.report["request"]["cli"];
    let message = cli["message"].as_str().unwrap_or_default();
    (cli["code"].as_str(), message, cli["exitStatus"].as_i64().unwrap())
}

#[test]
fn credential_helpers_are_refused_since_3_274() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let helped = |version: &str| {
        login(&world, version)
            .program("pulumi-credential-helper", "exit 9")
            .env("PULUMI_CREDENTIAL_HELPER", "pulumi-credential-helper")
    };
    let run = helped("3.273.0").json();
    assert_eq!((run.status, cli(&run)), (0, (None, "", 0)));
    let run = helped("3.274.0").json();
    assert_eq!((run.status, run.root_cause()), (1, Some("credential-helper-active")));
    let (code, message, status) = cli(&run);
    assert_eq!((code, status), (Some("credential-helper-active"), 1));
    assert!(message.starts_with("--oidc-token cannot be used with a credentials helper"));
    run.assert_finding_contains(
        "credential-helper-active",
        &["PULUMI_CREDENTIAL_HELPER", "PULUMI_CREDENTIAL_HELPER=none"],
    );
    // The remedy works.
    let run = helped("3.274.0").env("PULUMI_CREDENTIAL_HELPER", "none").json();
    assert_eq!((run.status, run.codes()), (0, vec![]));

    let run = helped("3.274.0").env("PULUMI_CREDENTIAL_HELPER_ARGS", "--profile ci").json();
    assert_eq!(run.root_cause(), Some("credential-helper-invalid"));
    run.assert_finding_contains("credential-helper-invalid", &["JSON array of strings"]);
    let run = login(&world, "3.273.0").arg("--credential-helper=x").json();
    assert_eq!(run.root_cause(), Some("cli-too-old"));
    assert_eq!(cli(&run).1, "unknown flag: --credential-helper");
}

#[test]
fn one_slash_is_trimmed_since_3_274() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let slash = |version: &str| {
        let url = format!("{}/", world.cloud.url());
        login(&world, version).without(world.cloud.url()).arg(url)
    };
    let run = slash("3.274.0").json();
    assert_eq!((run.status, run.codes()), (0, vec![]));
    let run = slash("3.260.0").json();
    assert!(run.codes().contains(&"backend-path-suspicious"), "{:?}", run.codes());
    run.assert_finding_contains(
        "backend-path-suspicious",
        &["Logged in", "next command is not logged in"],
    );
}

#[test]
fn signature_parts_are_decoded_since_3_245() {
    let world = World::new(&platforms::GITHUB);
    let spoilt = |version: &str| {
        let token = world.token();
        login(&world, version).without(&token).arg(format!("{token} "))
    };
    let run = spoilt("3.243.0").json();
    assert_eq!(run.classification("token-wrapped"), ["input", "warning", "input"]);
    let run = spoilt("3.245.0").json();
    assert_eq!((run.status, run.root_cause()), (1, Some("token-wrapped")));
    assert!(cli(&run).1.contains("must be JWT or 'file://filepath'"), "{:?}", cli(&run));
}

#[test]
fn token_line_breaks_are_sent() {
    let world = World::new(&platforms::GITHUB);
    let token = world.token();
    let doctor = login(&world, "3.276.0").without(&token).arg(format!("{token}\n"));
    let run = doctor.json();
    assert_eq!(run.classification("token-wrapped"), ["input", "warning", "input"]);
    let sent = world.cloud.exchanges().pop().unwrap();
    assert_eq!(sent["subject_token"], format!("{token}\n"));
}

#[test]
fn project_runtime_is_required_before_3_243() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for (version, expected) in [("3.242.0", Some("project-file-invalid")), ("3.243.0", None)] {
        let run = login(&world, version).file("Pulumi.yaml", "name: web\n").json();
        assert_eq!(run.root_cause(), expected, "{version}");
        assert_eq!(cli(&run).0, expected, "{version}");
    }
}

#[test]
fn exit_status_was_255_before_3_226() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for (version, status) in [("3.225.1", 255), ("3.226.0", 1)] {
        let run = login(&world, version).env("PULUMI_ACCESS_TOKEN", "pul-x").json();
        let message = "problem logging in: cannot perform token exchange when an access token is \
                       set as environment variable";
        assert_eq!(cli(&run), (Some("access-token-set"), message, status), "{version}");
    }
    for (version, status) in [("3.225.1", 255), ("3.226.0", 3)] {
        let run = login(&world, version).option("--oidc-token", "").json();
        assert_eq!(run.root_cause(), Some("token-empty"));
        assert_eq!(cli(&run).2, status, "{version}");
    }
}

#[test]
fn failures_name_backend_since_3_259() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for (version, prefix) in [
        ("3.258.0", "problem logging in: OIDC token exchange failed: ".to_owned()),
        (
            "3.259.0",
            format!(
                "could not log in to the state backend \"{}\": OIDC token exchange failed: ",
                world.cloud.url()
            ),
        ),
    ] {
        let run = login(&world, version).option("--oidc-token", "file://missing").json();
        let (code, message, _) = cli(&run);
        assert_eq!(code, Some("token-file-unreadable"), "{version}");
        assert!(message.starts_with(&prefix), "{message}");
    }
}

#[test]
fn first_pulumi_error_is_shown() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let run = login(&world, "3.276.0").without("--oidc-org").option("--oidc-token", "null").json();
    assert_eq!(run.root_cause(), Some("token-not-a-token"));
    let message = "problem logging in: organization must be specified for token exchange";
    assert_eq!(cli(&run), (Some("organization-missing"), message, 1));
    run.assert_finding_contains("token-not-a-token", &["pulumi says first", message]);
}

#[test]
fn credentials_come_first_since_3_274() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let broken = |version: &str| {
        login(&world, version)
            .file("../home/.pulumi/credentials.json", "{")
            .env("PULUMI_ACCESS_TOKEN", "pul-x")
    };
    for (version, first) in
        [("3.260.0", "access-token-set"), ("3.274.0", "credentials-file-invalid")]
    {
        assert_eq!(cli(&broken(version).json()).0, Some(first), "{version}");
    }
    for (version, is_read) in [("3.257.0", false), ("3.258.0", true)] {
        let run = login(&world, version).env("PULUMI_CREDENTIAL_STORE", "keyring").json();
        let expected = Some("credentials-file-unwritable").filter(|_| is_read);
        assert_eq!(run.root_cause(), expected, "{version}");
    }
    let old = r#"{"accessTokens": "x"}"#;
    for (version, expected) in [("3.265.0", Some("credentials-file-invalid")), ("3.266.0", None)] {
        let run = login(&world, version).file("../home/.pulumi/credentials.json", old).json();
        assert_eq!(run.root_cause(), expected, "{version}");
    }
}

#[test]
fn environment_urls_are_checked_since_3_274() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let bare = |version: &str| {
        login(&world, version)
            .without(world.cloud.url())
            .env("PULUMI_BACKEND_URL", "api.pulumi.com")
            .arg("--offline")
    };
    let run = bare("3.274.0").json();
    assert!(cli(&run).1.starts_with("unknown backend cloudUrl format 'api.pulumi.com'"));
    let run = bare("3.260.0").json();
    assert!(cli(&run).1.contains("unsupported protocol scheme \"\""), "{:?}", cli(&run));
}
