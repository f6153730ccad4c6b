//! The address guard: a pasted token must not make this machine connect to private addresses.

use serde_json::{Value, json};

use crate::support::{Doctor, Response, Run, World, platforms};

/// A world whose issuer's URL has this host instead of 127.0.0.1.
fn world(host: &str) -> World {
    let mut world = World::with_algorithm(&platforms::GITLAB, "ES256");
    let iss = issuer_url_at(&world, host);
    world.shape.claims.insert("iss".to_owned(), json!(iss));
    world.cloud.change_registration(|registration| {
        registration["issuer"] = json!(iss);
        registration["url"] = json!(iss);
    });
    let mut document = world.issuer.discovery();
    document["issuer"] = json!(iss);
    document["jwks_uri"] = json!(format!("{iss}/keys"));
    world.issuer.answer(&world.issuer.discovery_path(), Response::json(200, &document));
    world
}

/// The issuer's URL with another host.
fn issuer_url_at(world: &World, host: &str) -> String {
    world.issuer.url().replace("127.0.0.1", host)
}

/// A policy document without an issuer, which opens no host.
fn policy_without_issuer(world: &World) -> Value {
    json!({"id": "policy-1", "version": 1, "policies": [world.shape.entry]})
}

fn guarded(world: &World, doctor: Doctor) -> Doctor {
    doctor
        .without("--allow-private-issuer")
        .file("policy.json", policy_without_issuer(world).to_string())
}

fn assert_refused(world: &World, run: &Run, name: &str) {
    assert!(world.issuer.requests().is_empty(), "{name}: connected");
    let finding = run.finding("issuer-address-refused");
    let kind = (&finding["category"], &finding["severity"], &finding["check"]);
    assert_eq!(kind, (&json!("issuer"), &json!("warning"), &json!("issuer")), "{name}");
    run.assert_check("keys", "skip", Some("issuer"));
    run.assert_check("signature", "skip", Some("issuer"));
}

/// Spellings of addresses, and how the report names each.
const REFUSED: [(&str, &str); 14] = [
    ("127.0.0.1", "127.0.0.1 (loopback)"),
    ("127.1", "127.0.0.1 (loopback)"),
    ("localhost", "127.0.0.1 (loopback)"),
    ("localhost.", "127.0.0.1 (loopback)"),
    ("LOCALHOST", "127.0.0.1 (loopback)"),
    ("2130706433", "127.0.0.1 (loopback)"),
    ("0x7f.1", "127.0.0.1 (loopback)"),
    ("[::1]", "::1 (loopback)"),
    ("[::ffff:127.0.0.1]", "(loopback)"),
    ("10.20.30.40", "10.20.30.40 (private)"),
    ("192.168.1.1", "192.168.1.1 (private)"),
    ("169.254.1.1", "169.254.1.1 (link-local)"),
    ("169.254.169.254", "169.254.169.254 (a metadata service)"),
    ("0.0.0.0", "0.0.0.0"),
];

#[test]
fn pasted_token_reaches_no_private_address() {
    for (host, address) in REFUSED {
        let world = world(host);
        let run = guarded(&world, world.doctor()).json();
        assert_refused(&world, &run, host);
        run.assert_finding_contains(
            "issuer-address-refused",
            &[address, &issuer_url_at(&world, host)],
        );
        // The login itself works, and decides the verdict.
        assert_eq!((run.root_cause(), run.status), (None, 0), "{host}");
        let is_not_public = address.ends_with("(private)") || address.ends_with("(link-local)");
        let codes = ["issuer-address-refused", "issuer-not-public"];
        assert_eq!(run.codes(), codes[..1 + usize::from(is_not_public)], "{host}");
        run.assert_check("exchange", "pass", None);
    }
}

#[test]
fn other_checks_decide_verdict() {
    let mut world = world("127.0.0.1");
    let run = guarded(&world, world.doctor()).arg("--no-exchange").json();
    assert_eq!((run.status, &run.report["verdict"]), (0, &json!("healthy")), "by the policy");
    run.assert_finding_contains("issuer-address-refused", &["--allow-private-issuer", "--jwks"]);

    let run = guarded(&world, world.doctor()).without("--policy").arg("--no-exchange").json();
    assert_eq!((run.status, &run.report["verdict"]), (3, &json!("inconclusive")), "by nothing");
    assert_refused(&world, &run, "no policy");

    world.shape.entry["rules"]["sub"] = json!("somebody else");
    let run = guarded(&world, world.doctor()).json();
    assert_eq!((run.root_cause(), run.status), (Some("subject-mismatch"), 1));
    assert_refused(&world, &run, "subject");
}

#[test]
fn policy_of_other_issuer_opens_nothing() {
    let world = world("127.0.0.1");
    let mut other = world.policy();
    other["issuers"][0]["issuer"] = json!("https://gitlab.com");
    other["issuers"][0]["url"] = json!("https://gitlab.com");
    let run = guarded(&world, world.doctor()).file("policy.json", other.to_string());
    let run = run.arg("--no-exchange").json();
    assert_eq!((run.root_cause(), run.status), (Some("issuer-not-registered"), 1));
    assert_refused(&world, &run, "another issuer");
}

#[test]
fn every_token_source_is_guarded() {
    let world = world("localhost");
    let token = world.token();
    let piped = guarded(&world, world.doctor_without_token()).arg("-").stdin(token.clone());
    let file =
        guarded(&world, world.doctor_without_token()).file("t.jwt", &token).arg("file://t.jwt");
    let flag = guarded(&world, world.doctor_without_token()).args(["--oidc-token", &token]);
    for (name, doctor) in [("piped", piped), ("file", file), ("flag", flag)] {
        assert_refused(&world, &doctor.secret(&token).json(), name);
        world.cloud.begin_run();
    }
}

fn assert_connected(world: &World, run: &Run, name: &str) {
    assert_eq!((run.root_cause(), run.codes()), (None, vec![]), "{name}");
    run.assert_check("signature", "pass", None);
    assert_eq!(world.issuer.requests().len(), 2, "{name}");
}

#[test]
fn private_address_needs_permission() {
    type Prepare = fn(&World) -> Doctor;
    let allowed: Prepare =
        |world| world.doctor().file("policy.json", policy_without_issuer(world).to_string());
    let known: Prepare = |world| world.doctor().without("--allow-private-issuer");
    let variable: Prepare = |world| {
        let token = world.token();
        guarded(world, world.doctor_without_token())
            .env("T", &token)
            .args(["--token-env", "T"])
            .secret(&token)
    };
    let in_ci: Prepare = |world| guarded(world, world.doctor()).env("TF_BUILD", "True");
    let permissions: [(&str, Prepare); 4] = [
        ("--allow-private-issuer", allowed),
        ("--policy", known),
        ("--token-env", variable),
        ("CI", in_ci),
    ];
    for host in ["127.0.0.1", "localhost"] {
        for (name, prepare) in permissions {
            let world = world(host);
            assert_connected(&world, &prepare(&world).arg("--no-exchange").json(), name);
        }
    }
}

#[test]
fn metadata_service_is_never_contacted() {
    for host in ["169.254.169.254", "2852039166", "[::ffff:a9fe:a9fe]", "168.63.129.16"] {
        let world = world(host);
        for run in [world.doctor().json(), guarded(&world, world.doctor()).json()] {
            assert_refused(&world, &run, host);
            run.assert_finding_contains(
                "issuer-address-refused",
                &["a metadata service", "--jwks"],
            );
            let advice = &run.finding("issuer-address-refused")["remediation"].to_string();
            assert!(!advice.contains("--allow-private-issuer"), "it would not help: {advice}");
        }
    }
    let world = world("169.254.169.254");
    let run = world.doctor().env("TF_BUILD", "True").json();
    assert_refused(&world, &run, "the job's own token");
}

// ------------------------------------------------------------------------- where it leads to

#[test]
fn key_set_url_is_guarded() {
    // The policy opens 127.0.0.1 and no other host.
    for host in [
        "localhost",
        "LocalHost.",
        "[::1]",
        "[64:ff9b::10.1.2.3]",
        "10.20.30.40",
        "169.254.169.254",
        "0251.0376.0251.0376",
    ] {
        let world = world("127.0.0.1");
        let mut document = world.issuer.discovery();
        document["jwks_uri"] = json!(format!("{}/keys", issuer_url_at(&world, host)));
        world.issuer.answer(&world.issuer.discovery_path(), Response::json(200, &document));
        let run = world.doctor().without("--allow-private-issuer").json();
        assert_eq!((run.root_cause(), run.status), (None, 0), "{host}");
        let finding = run.finding("issuer-address-refused");
        assert_eq!((&finding["severity"], &finding["check"]), (&json!("warning"), &json!("keys")));
        run.assert_finding_contains("issuer-address-refused", &["jwks_uri"]);
        run.assert_check("signature", "skip", Some("keys"));
        assert_eq!(world.issuer.requests().len(), 1, "{host}");
    }
}

/// RFC 6874: a zone names a network interface of this machine, so an issuer's URL cannot contain
/// one.
#[test]
fn address_with_zone_is_invalid() {
    for host in ["[fe80::1%25lo]", "[::1%lo]"] {
        let world = world("127.0.0.1");
        let mut document = world.issuer.discovery();
        document["jwks_uri"] = json!(format!("{}/keys", issuer_url_at(&world, host)));
        world.issuer.answer(&world.issuer.discovery_path(), Response::json(200, &document));
        let run = world.doctor().arg("--no-exchange").json();
        assert_eq!(run.root_cause(), Some("discovery-invalid"), "{host}");
        assert_eq!(world.issuer.requests().len(), 1);

        let run = self::world(host).doctor().arg("--no-exchange").json();
        assert_eq!(run.root_cause(), Some("issuer-url-invalid"), "{host}");
    }
}

#[test]
fn redirect_to_other_host_is_refused() {
    let elsewhere = World::with_algorithm(&platforms::GITLAB, "ES256");
    for host in ["https://169.254.169.254/latest", "https://localhost:1", elsewhere.issuer.url()] {
        let world = world("127.0.0.1");
        let redirect = Response::new(302, "text/plain", "").header("location", host);
        world.issuer.answer(&world.issuer.discovery_path(), redirect.clone());
        let run = world.doctor().json();
        assert_eq!(run.root_cause(), Some("discovery-not-found"), "{host}");
        run.assert_finding_contains("discovery-not-found", &["302", host]);

        let world = self::world("127.0.0.1");
        world.issuer.answer(&world.issuer.jwks_path(), redirect);
        let run = world.doctor().json();
        assert_eq!(run.root_cause(), Some("jwks-unreachable"), "{host}");
        run.assert_finding_contains("jwks-unreachable", &["302", host]);
    }
    assert!(elsewhere.issuer.requests().is_empty());
}

#[test]
fn redirect_on_same_host_is_followed() {
    let world = world("127.0.0.1");
    let path = world.issuer.discovery_path();
    world.issuer.answer(&path, Response::new(301, "text/plain", "").header("location", "/other"));
    world.issuer.answer("/other", Response::json(200, &world.issuer.discovery()));
    assert_eq!(world.doctor().arg("--no-exchange").json().codes(), [""; 0]);
}

#[test]
fn registered_keys_skip_issuer() {
    let world = world("10.20.30.40");
    world.cloud.change_registration(|registration| registration["jwks"] = world.issuer.jwks());
    let run = world.doctor().without("--allow-private-issuer").json();
    assert_eq!((run.root_cause(), run.codes()), (None, vec![]));
    run.assert_check("signature", "pass", None);
}
