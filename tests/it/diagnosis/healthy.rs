//! Logins that work have no findings and a short report. A false alarm would make people change
//! what was right.

use doctor::platform::Id;
use serde_json::json;

use crate::support::{
    Authority, Doctor, Identity, ORGANIZATION, Platform, Response, Run, SigningKey, World, object,
    platforms,
};

/// The variable with the token, if that is not an argument.
const VARIABLE: &str = "ID_TOKEN";

fn with_token_variable(world: &World) -> Doctor {
    let token = world.token();
    world.doctor_without_token().secret(&token).env(VARIABLE, token).args(["--token-env", VARIABLE])
}

/// Asserts that nothing was found and that only the checks in `skipped` did not run.
fn assert_healthy(run: &Run, skipped: &[&str], about: &str) {
    let report = &run.report;
    assert_eq!(run.status, 0, "{about}: {}{}", run.stdout, run.stderr);
    assert_eq!(report["verdict"], "healthy", "{about}");
    assert_eq!(run.root_cause(), None, "{about}");
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(finding["severity"], "info", "{about}: {finding:#}");
    }
    for check in report["checks"].as_array().unwrap() {
        let is_skipped = skipped.contains(&check["id"].as_str().unwrap());
        let expected = if is_skipped { "skip" } else { "pass" };
        assert_eq!(check["status"], expected, "{about}: {check:#}");
    }
}

fn assert_logged_in(run: &Run, about: &str) {
    assert_healthy(run, &[], about);
    assert_eq!(run.report["identity"]["user"], "ci-bot", "{about}");
    assert_eq!(run.report["identity"]["organizations"], json!([ORGANIZATION]), "{about}");
    assert_eq!(run.report["policy"]["decision"], "allow", "{about}");
    assert_eq!(run.report["request"]["organization"], ORGANIZATION, "{about}");
}

#[test]
fn every_platform_with_tokens_is_tested() {
    for id in Id::with_tokens() {
        assert!(platforms::ALL.iter().any(|tested| tested.id == id), "{id:?} has no token here");
    }
}

#[test]
fn every_platform_token_logs_in() {
    for platform in platforms::ALL {
        let world = World::new(platform);
        assert_logged_in(&world.doctor().json(), platform.name);
        assert_logged_in(&with_token_variable(&world).json(), platform.name);
        assert_eq!(world.cloud.exchanges().len(), 2, "{}", platform.name);
    }
}

#[test]
fn healthy_report_is_short() {
    for platform in platforms::ALL {
        let run = World::new(platform).doctor().human();
        assert_eq!((run.status, &*run.stderr), (0, ""), "{}", platform.name);
        assert!(run.stdout.starts_with("ok Login to "), "{}", run.stdout);
        assert!(run.stdout.contains("ci-bot") && run.stdout.contains(ORGANIZATION));
        assert!(run.stdout.lines().count() <= 6, "{}", run.stdout);
    }
}

#[test]
fn quiet_and_details_differ() {
    let world = World::new(&platforms::GITHUB);
    let quiet = world.doctor().arg("-q").human();
    assert_eq!((quiet.status, quiet.stdout.lines().count()), (0, 2), "{}", quiet.stdout);
    let verbose = world.doctor().arg("-v").human();
    let checks = world.doctor().json().report["checks"].clone();
    for check in checks.as_array().unwrap() {
        let id = check["id"].as_str().unwrap();
        assert!(verbose.stdout.contains(id), "{id}: {}", verbose.stdout);
    }
}

#[test]
fn strict_healthy_run_stays_healthy() {
    let world = World::new(&platforms::GITLAB);
    assert_logged_in(&world.doctor().arg("--strict").json(), "--strict");
}

#[test]
fn bare_policy_skips_registration() {
    let world = World::new(&platforms::GITHUB);
    let policy = json!({"id": "p", "version": 3, "policies": [world.shape.entry]});
    let run = world.doctor().file("policy.json", policy.to_string()).json();
    assert_healthy(&run, &["registration", "thumbprints"], "AuthPolicy");
    assert_eq!(run.check("registration")["skippedBecause"], "--policy");
    assert_eq!(run.report["policy"]["decision"], "allow");
    assert_eq!(run.report["identity"]["user"], "ci-bot");
}

#[test]
fn exchange_decides_without_policy() {
    let world = World::new(&platforms::GITHUB);
    let run = world.doctor().without("--policy").json();
    assert_healthy(&run, &["registration", "thumbprints", "policy"], "no policy");
    assert_eq!(run.report["policy"]["decision"], "unknown");
    assert_eq!(run.report["policy"]["source"], "none");
}

#[test]
fn policy_decides_without_exchange() {
    let world = World::new(&platforms::GITHUB);
    let run = world.doctor().arg("--no-exchange").json();
    assert_healthy(&run, &["exchange", "whoami"], "--no-exchange");
    assert_eq!(run.check("whoami")["skippedBecause"], "--no-exchange");
    assert!(world.cloud.exchanges().is_empty());
    let human = world.doctor().arg("--no-exchange").human().stdout;
    assert!(human.contains("should work (no exchange was made)"), "{human}");
}

#[test]
fn every_token_type_can_be_requested() {
    let cases = [
        ("organization", json!({}), vec![], "organization", ""),
        ("team", json!({"teamName": "web"}), vec!["--oidc-team", "web"], "team", "team:web"),
        (
            "personal",
            json!({"userLogin": "jane"}),
            vec!["--oidc-user", "jane"],
            "personal",
            "user:jane",
        ),
        (
            "organization",
            json!({"authorizedPermissions": ["admin"]}),
            vec!["--scope", "admin"],
            "organization",
            "admin",
        ),
        (
            "runner",
            json!({"runnerID": "r-1"}),
            vec!["--scope", "runner:r-1"],
            "runner",
            "runner:r-1",
        ),
    ];
    for (kind, more, arguments, sent, scope) in cases {
        let mut world = World::new(&platforms::GITHUB);
        let entry = world.shape.entry.as_object_mut().unwrap();
        entry.insert("tokenType".to_owned(), json!(kind));
        entry.extend(object(more));
        let run = world.doctor().args(arguments).json();
        assert_healthy(&run, &[], scope);
        assert_eq!(run.report["request"]["tokenType"], sent, "{scope}");
        assert_eq!(run.report["request"]["scope"], scope);
        assert_eq!(world.cloud.exchanges()[0]["scope"], scope);
    }
}

/// Tokens, issuers and registrations that are unusual but correct.
#[test]
fn unusual_valid_input_is_healthy() {
    type Change = fn(&mut World);
    let cases: [(&str, &Platform, Change); 10] = [
        ("nbf before iat", &platforms::KUBERNETES, |world| {
            let iat = world.shape.claims["iat"].as_i64().unwrap();
            world.shape.claims.insert("nbf".to_owned(), json!(iat - 600));
        }),
        ("no nbf and no iat", &platforms::KUBERNETES, |world| {
            world.shape.claims.remove("nbf");
            world.shape.claims.remove("iat");
        }),
        ("times with fractions", &platforms::KUBERNETES, |world| {
            for claim in ["iat", "nbf", "exp"] {
                let seconds = world.shape.claims[claim].as_f64().unwrap() + 0.25;
                world.shape.claims[claim] = json!(seconds);
            }
        }),
        ("several audiences", &platforms::GITLAB, |world| {
            world.shape.claims["aud"] = json!(["https://vault.test", "urn:pulumi:org:acme"]);
        }),
        ("claims that nobody knows", &platforms::GITHUB, |world| {
            world.shape.claims.extend(object(json!({
                "x": {"deep": [1, null, {"y": false}]}, "": "", "https://claims.test/z": 1.5,
            })));
        }),
        ("a header that nobody knows", &platforms::GITHUB, |world| {
            world.shape.header.extend(object(json!({"typ": "JWT", "x5t": "AAAA", "y": 1})));
        }),
        ("no typ in the header", &platforms::GITHUB, |world| {
            world.shape.header.insert("typ".to_owned(), json!(null));
        }),
        ("the registered URL ends with a slash", &platforms::GITHUB, |world| {
            let url = format!("{}/", world.issuer.url());
            world.cloud.change_registration(|registration| registration["url"] = json!(url));
        }),
        ("key types that nobody knows", &platforms::GITHUB, |world| {
            let mut keys = world.issuer.jwks();
            let list = keys["keys"].as_array_mut().unwrap();
            let other = SigningKey::generate("ES256").unwrap().jwk("other").unwrap();
            list.insert(0, other);
            list.insert(0, json!({"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "AA"}));
            list.push(json!({"kty": "OKP", "kid": "x", "crv": "X448", "x": "AA"}));
            let path = world.issuer.jwks_path();
            world.issuer.answer(&path, Response::json(200, &keys));
        }),
        ("discovery without algorithms", &platforms::AZURE_ENTRA, |world| {
            let mut document = world.issuer.discovery();
            let fields = document.as_object_mut().unwrap();
            fields.remove("id_token_signing_alg_values_supported");
            let path = world.issuer.discovery_path();
            world.issuer.answer(&path, Response::json(200, &document));
        }),
    ];
    for (about, platform, change) in cases {
        let mut world = World::new(platform);
        change(&mut world);
        assert_logged_in(&world.doctor().json(), about);
    }
}

#[test]
fn unrelated_entries_are_ignored() {
    let world = World::new(&platforms::GITHUB);
    let other = |decision: &str| {
        json!({
            "decision": decision, "tokenType": "organization", "authorizedPermissions": [],
            "rules": {"sub": "repo:acme/other:*"},
        })
    };
    let entries = json!([other("deny"), other("allow"), world.shape.entry]);
    let mut policy = world.policy();
    policy["issuers"][0]["policies"] = entries.clone();
    let doctor = world.doctor().file("policy.json", policy.to_string());
    world.cloud.set_policies(entries.as_array().unwrap().clone());
    let run = doctor.json();
    assert_logged_in(&run, "entries for others");
    assert_eq!(run.report["policy"]["closest"], 2);
}

#[test]
fn common_algorithms_are_healthy() {
    for algorithm in doctor::loopback::ALGORITHMS {
        let authority = Authority::new().unwrap();
        let identity: Identity = authority.issue(&["127.0.0.1"]).unwrap();
        let world = World::with_identity(&platforms::KUBERNETES, authority, identity, algorithm);
        assert_logged_in(&world.doctor().json(), algorithm);
    }
}

/// With URL and organization given, all CLIs since the first with OIDC flags behave alike.
#[test]
fn explicit_login_works_with_every_cli() {
    let world = World::new(&platforms::AZURE_DEVOPS);
    for version in ["3.209.0", "3.214.1", "3.216.0", "3.217.0", "v3.259.0"] {
        let run = world.doctor().option("--pulumi-version", version).json();
        assert_logged_in(&run, version);
    }
}

#[test]
fn token_may_name_organization() {
    let world = World::new(&platforms::GITHUB);
    assert_logged_in(&world.doctor().without("--oidc-org").json(), "aud");
}

#[test]
fn environment_may_name_self_hosted_backend() {
    let world = World::new(&platforms::GITLAB);
    let url = world.cloud.url().to_owned();
    let run = world.doctor().without("--cloud-url").env("PULUMI_BACKEND_URL", &url).json();
    assert_logged_in(&run, "PULUMI_BACKEND_URL");
    assert_eq!(run.report["request"]["backend"]["url"], url);
    let project = format!("name: web\nruntime: nodejs\nbackend:\n  url: {url}\n");
    let run = world.doctor().without("--cloud-url").file("Pulumi.yaml", project);
    assert_logged_in(&run.env("CI", "true").json(), "Pulumi.yaml");
}

#[test]
fn token_from_file_or_stdin_works() {
    let world = World::new(&platforms::GITHUB);
    let token = world.token();
    let file = world.doctor_without_token().secret(&token).file("t.jwt", format!("{token}\n"));
    // The CLI does not read claims from a token file, so the organization must be given.
    assert_logged_in(&file.arg("file://t.jwt").json(), "file");
    let piped = world.doctor_without_token().secret(&token).stdin(format!("{token}\r\n")).arg("-");
    assert_logged_in(&piped.json(), "stdin");
    let flag = world.doctor_without_token().secret(&token).args(["--oidc-token", &token]);
    assert_logged_in(&flag.json(), "--oidc-token");
}

#[test]
fn login_works_in_ci_too() {
    let platforms = [
        ("TF_BUILD", "True", &platforms::AZURE_ENTRA),
        ("GITHUB_ACTIONS", "true", &platforms::GITHUB),
        ("GITLAB_CI", "true", &platforms::GITLAB),
    ];
    for (variable, value, platform) in platforms {
        let world = World::new(platform);
        assert_logged_in(&with_token_variable(&world).env(variable, value).json(), variable);
    }
}
