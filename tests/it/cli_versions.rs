//! Which backend a login speaks to and what it asks for, by the version of the CLI.

use serde_json::json;

use crate::support::{Doctor, World, platforms};

const PULUMI_CLOUD: &str = "https://api.pulumi.com";

/// The CLI's versions at which something changed, the ones before, and `none`: not known, which
/// means the newest rules.
const VERSIONS: [&str; 8] =
    ["3.208.0", "3.209.0", "3.215.9", "3.216.0", "3.217.0", "3.258.0", "3.259.0", "none"];

/// What of a login is configured. Every part names a backend of its own.
#[derive(Clone, Copy)]
enum Part {
    Argument,
    Environment,
    Project,
    Credentials,
}
use Part::{Argument, Credentials, Environment, Project};

/// What is configured; the URL and the source that win, and that is so in every version.
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

/// With nothing configured: the version, the URL.
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
type Asked = (&'static str, &'static str, &'static [&'static str], [Option<&'static str>; 3]);

const NOBODY: [Option<&str>; 3] = [None, Some("organization"), Some("")];
const ACME: [Option<&str>; 3] = [Some("acme"), Some("organization"), Some("")];
const OPS: [Option<&str>; 3] = [Some("acme"), Some("team"), Some("team:ops")];
const JANE: [Option<&str>; 3] = [Some("acme"), Some("personal"), Some("user:jane")];
const FLAGS: &[&str] = &["--oidc-org", "acme", "--oidc-team", "ops"];

const ASKED: [Asked; 25] = [
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
fn what_is_configured_wins_in_order_in_every_version() {
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
fn the_default_backend_came_with_3_216() {
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
