//! The issuer: its address, certificate, discovery document and `jwks_uri`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use aws_lc_rs::digest;
use doctor::evidence::{
    Answer, Body, CertificateProblem, Chain, Evidence, Failure, FailureKind, Probe,
};
use doctor::gather;
use doctor::gather::pulumi::credential_helper::HelperFlags;
use doctor::gather::token::TokenLocation;
use doctor::gather::{Plan, ProcessContext};
use doctor::judge;
use serde_json::{Value, json};

use crate::support::{Authority, Identity, ORGANIZATION, Response, Run, World, platforms};

pub fn world() -> World {
    World::with_algorithm(&platforms::GITLAB, "ES256")
}

/// A world whose token and registration name another issuer.
pub fn world_with_issuer(iss: &str) -> World {
    let mut world = world();
    world.shape.claims.insert("iss".to_owned(), json!(iss));
    world.cloud.change_registration(|registration| {
        registration["issuer"] = json!(iss);
        registration["url"] = json!(iss);
    });
    world
}

/// Asserts that the root cause is this error of the issuer, found by this check.
pub fn assert_error(run: &Run, code: &str, check: &str, words: &[&str]) {
    assert_eq!((run.root_cause(), run.status), (Some(code), 1), "{words:?} {:?}", run.codes());
    let finding = run.finding(code);
    let kind = (&finding["category"], &finding["severity"], &finding["check"]);
    assert_eq!(kind, (&json!("issuer"), &json!("error"), &json!(check)), "{words:?}");
    run.assert_finding_contains(code, words);
    let links = finding["remediation"]["links"].as_array().unwrap();
    assert!(links.iter().any(|link| link.as_str().unwrap().starts_with("https://")), "{code}");
}

// ------------------------------------------------------------------------------ the address

#[test]
fn unusable_issuer_urls_fail() {
    let cases = [
        ("http://127.0.0.1:1", "not https"),
        ("https://127.0.0.1:1?x=1", "query"),
        ("https://127.0.0.1:1#x", "fragment"),
        ("https://user:word@127.0.0.1:1", "credentials"),
        ("127.0.0.1:1", "not a URL"),
        ("somebody", "not a URL"),
        ("", "not a URL"),
    ];
    for (iss, word) in cases {
        let run = world_with_issuer(iss).doctor().arg("--no-exchange").json();
        let shown = iss.replace("?x=1", "?x=…").replace("#x", "#…").replace("user:word", "…");
        assert_error(&run, "issuer-url-invalid", "issuer", &[word, &shown]);
        run.assert_check("keys", "skip", Some("issuer"));
        run.assert_check("signature", "skip", Some("issuer"));
    }
}

#[test]
fn silent_issuer_is_unreachable() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = world_with_issuer(&format!("https://{closed}")).doctor().arg("--no-exchange").json();
    let accepts = format!("accepts connections at {closed}");
    let curl = format!("https://{closed}/.well-known/openid-configuration");
    assert_error(&run, "issuer-unreachable", "issuer", &[&accepts, &curl, "curl -v", "jwks"]);
    run.assert_check("keys", "skip", Some("issuer"));
    run.assert_check("signature", "skip", Some("issuer"));

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let iss = format!("https://{}", silent.local_addr().unwrap());
    let run = world_with_issuer(&iss).doctor().args(["--no-exchange", "--timeout", "1s"]).json();
    assert_error(&run, "issuer-unreachable", "issuer", &["no answer in time"]);
    assert!(run.elapsed < Duration::from_secs(3), "{:?}", run.elapsed);

    let run = world_with_issuer("https://issuer.invalid").doctor().arg("--no-exchange").json();
    assert_error(&run, "issuer-unreachable", "issuer", &["issuer.invalid", "cannot be resolved"]);
}

#[test]
fn working_login_makes_failures_warnings() {
    let world = world_with_issuer("https://127.0.0.1:1");
    let run = world.doctor().json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("issuer-unreachable")["severity"], "warning");
    run.assert_finding_contains("issuer-unreachable", &["the login works"]);
}

/// A world whose issuer answers every request with these bytes.
fn world_answering_bytes(bytes: &'static [u8]) -> World {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = world_with_issuer(&format!("https://{}", listener.local_addr().unwrap()));
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            // Reads everything first: closing with unread data would reset the connection.
            let _ = client.read(&mut [0; 16 << 10]).and_then(|_| client.write_all(bytes));
        }
    });
    world
}

#[test]
fn handshake_failures_are_distinguished() {
    let cases: [(&[u8], &str); 4] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what the server says is not TLS"),
        // Fatal alerts (RFC 8446 section 6).
        (b"\x15\x03\x03\x00\x02\x02\x46", "neither TLS 1.2 nor TLS 1.3"),
        (b"\x15\x03\x03\x00\x02\x02\x74", "asks for a client certificate"),
        (b"\x15\x03\x03\x00\x02\x02\x70", "UnrecognisedName"),
    ];
    for (bytes, word) in cases {
        let run = world_answering_bytes(bytes).doctor().arg("--no-exchange").json();
        assert_error(&run, "issuer-unreachable", "issuer", &["TLS handshake", word]);
    }
}

// -------------------------------------------------------------------------- the certificate

fn with_identity(make: impl Fn(&Authority) -> Identity) -> World {
    let authority = Authority::new().unwrap();
    let identity = make(&authority);
    World::with_identity(&platforms::GITLAB, authority, identity, "ES256")
}

#[test]
fn untrusted_certificates_are_explained() {
    const NAMES: &[&str] = &["127.0.0.1"];
    type Make = fn(&Authority) -> Identity;
    let cases: [(&str, Make); 5] = [
        ("has to send the authority's certificate too", |authority| {
            authority.subordinate().unwrap().issue(NAMES).unwrap()
        }),
        ("authority that is trusted here", |_| Authority::new().unwrap().issue(NAMES).unwrap()),
        ("signed by itself", |_| Identity::self_signed(NAMES).unwrap()),
        ("Renew the certificate", |authority| authority.issue_expired(NAMES).unwrap()),
        ("not for 127.0.0.1", |authority| authority.issue(&["elsewhere.test"]).unwrap()),
    ];
    for (index, (word, make)) in cases.into_iter().enumerate() {
        let world = with_identity(make);
        let run = world.doctor().arg("--no-exchange").json();
        assert_error(&run, "issuer-tls-untrusted", "issuer", &[word, "doctor loopback"]);
        let trusts = run.finding_text("issuer-tls-untrusted").contains("--ca-cert");
        assert_eq!(trusts, index < 3, "trust cures an unknown authority only");
        run.assert_check("signature", "skip", Some("issuer"));
    }
}

/// Lower-case hex.
fn thumbprint(algorithm: &'static digest::Algorithm, der: &[u8]) -> String {
    let digest = digest::digest(algorithm, der);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn spellings(der: &[u8]) -> Vec<String> {
    let sha256 = thumbprint(&digest::SHA256, der);
    let sha1 = thumbprint(&digest::SHA1_FOR_LEGACY_USE_ONLY, der);
    let pairs: Vec<&str> =
        sha256.as_bytes().chunks(2).map(|p| str::from_utf8(p).unwrap()).collect();
    vec![pairs.join(":"), pairs.join(":").to_uppercase(), sha256.to_uppercase(), sha256, sha1]
}

#[test]
fn registered_thumbprint_trusts_certificate() {
    let stranger = Authority::new().unwrap().issue(&["127.0.0.1"]).unwrap();
    let spellings = spellings(stranger.der());
    let world =
        World::with_identity(&platforms::GITLAB, Authority::new().unwrap(), stranger, "ES256");
    for spelling in spellings {
        world
            .cloud
            .change_registration(|registration| registration["thumbprints"] = json!([spelling]));
        let run = world.doctor().arg("--no-exchange").json();
        assert_eq!((run.root_cause(), run.status), (None, 0), "{spelling}");
        assert_eq!(run.finding("issuer-tls-untrusted")["severity"], "warning");
        run.assert_finding_contains("issuer-tls-untrusted", &["thumbprint", "--ca-cert"]);
        run.assert_check("thumbprints", "pass", None);
    }
}

#[test]
fn foreign_thumbprints_fail() {
    let own = Authority::new().unwrap();
    let identity = own.issue(&["127.0.0.1"]).unwrap();
    let served = [&digest::SHA256, &digest::SHA1_FOR_LEGACY_USE_ONLY]
        .map(|algorithm| thumbprint(algorithm, identity.der()));
    let world = World::with_identity(&platforms::GITLAB, own, identity, "ES256");
    for (registered, served) in ["ab".repeat(32), "cd".repeat(20)].iter().zip(served) {
        world
            .cloud
            .change_registration(|registration| registration["thumbprints"] = json!([registered]));
        let run = world.doctor().arg("--no-exchange").json();
        let url = "/api/orgs/acme/oidc/issuers/";
        let words = [registered, &*served, "No public authority", "regenerate-thumbprints", url];
        assert_error(&run, "thumbprint-mismatch", "thumbprints", &words);
    }
    world.cloud.change_registration(|registration| registration["jwks"] = world.issuer.jwks());
    assert_eq!(world.doctor().json().codes(), [""; 0], "keys are registered: nothing is fetched");
}

// -------------------------------------------------------------------- the discovery document

#[test]
fn missing_discovery_documents_fail() {
    let page = "<html><title>Sign in to Corp</title></html>";
    let cases = [
        (
            Response::new(404, "text/plain", "not here"),
            vec!["404", "text/plain", "Publish the document"],
        ),
        (
            Response::new(500, "application/json", "{}"),
            vec!["500", "application/json", "Run the job again"],
        ),
        (Response::new(429, "text/plain", ""), vec!["429", "limits how often it is asked"]),
        (
            Response::new(403, "text/html", page),
            vec!["403", "Sign in to Corp", "login page", "Let anybody read the discovery document"],
        ),
        (Response::new(511, "text/html", page), vec!["511", "Sign in to the network"]),
        (
            Response::new(200, "text/html", page),
            vec!["status 200 and a web page", "Sign in to Corp", "login page"],
        ),
        (
            Response::new(302, "text/plain", "").header("location", "https://sso.corp.test/login"),
            vec!["302", "https://sso.corp.test/login", "another host"],
        ),
    ];
    for (response, words) in cases {
        let world = world();
        world.issuer.answer(&world.issuer.discovery_path(), response);
        let run = world.doctor().json();
        assert_error(&run, "discovery-not-found", "issuer", &words);
        assert_eq!(run.codes(), ["discovery-not-found"], "Pulumi Cloud's refusal is the echo");
        run.assert_check("keys", "skip", Some("issuer"));
        run.assert_check("signature", "skip", Some("issuer"));
    }
}

/// The discovery document with changed members; null removes one.
fn document(world: &World, changes: &[(&str, Value)]) -> Response {
    let mut document = world.issuer.discovery();
    for (member, value) in changes {
        document[*member] = value.clone();
    }
    document.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    Response::json(200, &document)
}

#[test]
fn unusable_discovery_documents_fail() {
    let world = world();
    let large = format!("{{\"padding\":\"{}\"}}", "x".repeat(2 << 20));
    let cases = [
        (Response::new(200, "application/json", "{\"issuer\":"), "not JSON"),
        (Response::new(200, "application/json", "\u{feff}{}"), "byte order mark"),
        (Response::new(200, "application/json", "[]"), "not an object"),
        (Response::new(200, "application/json", ""), "empty"),
        (Response::new(200, "application/json", large), "1 MiB"),
        (document(&world, &[("issuer", Value::Null)]), "no issuer"),
        (document(&world, &[("issuer", json!(1))]), "no issuer"),
        (document(&world, &[("jwks_uri", Value::Null)]), "no jwks_uri"),
    ];
    for (response, word) in cases {
        world.issuer.answer(&world.issuer.discovery_path(), response);
        let run = world.doctor().arg("--no-exchange").json();
        assert_error(&run, "discovery-invalid", "issuer", &[word]);
    }
    let url = world.issuer.url();
    for uri in [url.replace("https", "http"), "ftp://x/keys".to_owned(), "keys".to_owned()] {
        let response = document(&world, &[("jwks_uri", json!(uri))]);
        world.issuer.answer(&world.issuer.discovery_path(), response);
        let run = world.doctor().arg("--no-exchange").json();
        assert_eq!((run.root_cause(), run.status), (Some("discovery-invalid"), 1));
        run.assert_finding_contains("discovery-invalid", &["jwks_uri", "https", &uri]);
        run.assert_check("signature", "skip", Some("keys"));
    }
}

#[test]
fn foreign_discovery_documents_show_difference() {
    let world = world();
    let url = world.issuer.url();
    let cases = [
        (format!("{url}/"), "the slash at the end of the document's issuer"),
        (url.replace("https", "HTTPS"), "upper and lower case"),
        (url.replace("https", "http"), "scheme"),
        (format!("{url}/{{tenantid}}/v2.0"), "template for many tenants"),
        ("https://gitlab.com".to_owned(), "different issuers"),
    ];
    for (says, word) in cases {
        let response = document(&world, &[("issuer", json!(says))]);
        world.issuer.answer(&world.issuer.discovery_path(), response);
        let run = world.doctor().arg("--no-exchange").json();
        let words = [word, &*says, world.issuer.url()];
        assert_error(&run, "discovery-issuer-mismatch", "issuer", &words);
        // The keys are still checked.
        run.assert_check("signature", "pass", None);
    }
}

// -------------------------------------------------------------------------------- the keys

#[test]
fn unreachable_keys_fail() {
    let world = world();
    let page = "<html><title>Sign in to Corp</title></html>";
    let cases = [
        (Response::new(404, "text/plain", ""), vec!["404", "/keys"]),
        (Response::new(503, "text/html", page), vec!["503", "Sign in to Corp"]),
    ];
    for (response, words) in cases {
        world.issuer.answer(&world.issuer.jwks_path(), response);
        let run = world.doctor().json();
        assert_error(&run, "jwks-unreachable", "keys", &words);
        assert_eq!(run.codes(), ["jwks-unreachable"]);
        run.assert_check("issuer", "pass", None);
        run.assert_check("signature", "skip", Some("keys"));
    }
    for (uri, word) in [
        ("https://127.0.0.1:1/keys", "accepts connections at 127.0.0.1:1"),
        ("https://keys.invalid/keys", "keys.invalid cannot be resolved"),
    ] {
        let response = document(&world, &[("jwks_uri", json!(uri))]);
        world.issuer.answer(&world.issuer.discovery_path(), response);
        let run = world.doctor().arg("--no-exchange").json();
        assert_error(&run, "jwks-unreachable", "keys", &[word]);
        let evidence = run.finding("jwks-unreachable")["evidence"].to_string();
        assert!(!evidence.contains("certificate"), "the issuer's has nothing to do with it");
    }
}

#[test]
fn invalid_key_sets_fail() {
    let world = world();
    let page = "<html><title>Sign in to Corp</title></html>";
    let large = format!("{{\"keys\":[\"{}\"]}}", "x".repeat(2 << 20));
    let cases = [
        (Response::new(200, "text/html", page), "Sign in to Corp"),
        (Response::new(200, "application/json", "{"), "not a JSON object"),
        (Response::new(200, "application/json", "[]"), "not a JSON object"),
        (Response::new(200, "application/json", "{}"), "no `keys`"),
        (Response::new(200, "application/json", "{\"keys\":{}}"), "not a list"),
        (Response::new(200, "application/json", "{\"keys\":[]}"), "empty"),
        (Response::new(200, "application/json", large), "1 MiB"),
    ];
    for (response, word) in cases {
        world.issuer.answer(&world.issuer.jwks_path(), response);
        let run = world.doctor().json();
        assert_error(&run, "jwks-invalid", "keys", &[word]);
        assert_eq!(run.codes(), ["jwks-invalid"]);
        run.assert_check("signature", "skip", Some("keys"));
    }
}

#[test]
fn keys_may_be_on_another_host() {
    let world = world();
    let uri = format!("{}/keys", world.issuer.url().replace("127.0.0.1", "localhost"));
    let response = document(&world, &[("jwks_uri", json!(uri))]);
    world.issuer.answer(&world.issuer.discovery_path(), response);
    assert_eq!(world.doctor().arg("--no-exchange").json().codes(), [""; 0]);
}

// ------------------------------------------------------------------- reachable from the cloud

/// The evidence of an offline run for the world's token with this backend.
pub fn gathered_evidence(world: &World, backend: &str, policy: &Value) -> Evidence {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("policy.json");
    std::fs::write(&file, policy.to_string()).unwrap();
    let plan = Plan {
        token: TokenLocation::Argument(world.token()),
        organization: Some(ORGANIZATION.to_owned()),
        team: None,
        user: None,
        expiration: None,
        scope: None,
        cloud_url: Some(backend.to_owned()),
        local: None,
        insecure: None,
        directory: None,
        helper: HelperFlags::default(),
        is_login: false,
        url: None,
        policy: Some(file),
        jwks: None,
        ca_cert: None,
        pulumi_version: None,
        offline: true,
        no_exchange: false,
        now: None,
        timeout: Duration::from_secs(5),
        allow_private_issuer: false,
        policy_selection: None,
    };
    let around = ProcessContext {
        environment: [].into_iter().collect(),
        directory: directory.path().to_owned(),
        stdin: Box::new(std::io::empty()),
        terminal: false,
        progress: false,
    };
    gather::gather(plan, around).unwrap()
}

/// Gives an issuer that answers these addresses.
pub fn with_answering_addresses(
    world: &World,
    mut evidence: Evidence,
    addresses: &[&str],
) -> Evidence {
    evidence.options.offline = false;
    evidence.issuer.addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
    let answer = Answer {
        url: format!("{}/.well-known/openid-configuration", world.issuer.url()),
        status: 200,
        content_type: None,
        location: None,
        retry_after: None,
        request_id: None,
        route: Box::default(),
        clock_offset_seconds: None,
        attempts: 1,
        body: Body::Json(world.issuer.discovery()),
    };
    evidence.issuer.discovery = Probe::Answered { answer, elapsed_ms: 1 };
    evidence
}

#[test]
fn private_issuer_is_reported() {
    let (hosted, own) = ("https://api.pulumi.com", "https://pulumi.corp.test");
    let cases: [(&[&str], &str, Option<&str>); 13] = [
        (&["10.1.2.3"], hosted, Some("error")),
        (&["10.1.2.3"], "https://api.eu.pulumi.com", Some("error")),
        (&["10.1.2.3"], "https://notpulumi.com", Some("warning")),
        (&["10.1.2.3"], own, Some("warning")),
        (&["fd12::1"], hosted, Some("error")),
        (&["169.254.7.7"], hosted, Some("error")),
        (&["169.254.7.7"], own, Some("warning")),
        (&["127.0.0.1"], hosted, Some("error")),
        (&["127.0.0.1"], own, None),
        (&["8.8.8.8"], hosted, None),
        (&["10.1.2.3", "8.8.8.8"], hosted, None),
        // The URL has a loopback address.
        (&[], hosted, Some("error")),
        (&[], own, None),
    ];
    let world = world();
    for (addresses, backend, severity) in cases {
        let evidence = with_answering_addresses(
            &world,
            gathered_evidence(&world, backend, &world.policy()),
            addresses,
        );
        let report = serde_json::to_value(judge::judge(&evidence, false)).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["code"] == "issuer-not-public");
        let name = format!("{addresses:?} {backend}");
        assert_eq!(found.map(|f| f["severity"].as_str().unwrap()), severity, "{name}");
        let Some(found) = found else { continue };
        assert_eq!((&found["category"], &found["check"]), (&json!("issuer"), &json!("issuer")));
        assert!(
            found.to_string().contains(addresses.first().unwrap_or(&"127.0.0.1"))
                && found.to_string().contains("jwks")
        );
        let is_root = report["rootCause"] == "issuer-not-public";
        assert_eq!(is_root, severity == Some("error"), "{name}");
    }
}

/// Pulumi Cloud cannot connect to a private address, so a thumbprint would not help.
#[test]
fn failing_private_issuer_is_not_public() {
    let world = world();
    let mut policy = world.policy();
    policy["issuers"][0]["thumbprints"] = json!(["ab".repeat(32)]);
    let certificate = FailureKind::Certificate { problem: CertificateProblem::SelfSigned };
    for (kind, code) in [
        (certificate, "issuer-tls-untrusted"),
        (FailureKind::Timeout, "issuer-unreachable"),
        (FailureKind::Connect { refused: true }, "issuer-unreachable"),
    ] {
        for (address, backend, both) in [
            ("10.1.2.3", "https://api.pulumi.com", false),
            ("10.1.2.3", "https://pulumi.corp.test", true),
            ("8.8.8.8", "https://api.pulumi.com", true),
        ] {
            let mut evidence = with_answering_addresses(
                &world,
                gathered_evidence(&world, backend, &policy),
                &[address],
            );
            let failure = Failure {
                kind: kind.clone(),
                host: "127.0.0.1".to_owned(),
                port: 443,
                route: Box::default(),
                detail: "what the network says".to_owned(),
                attempts: 1,
            };
            evidence.issuer.discovery = Probe::Failed { failure, elapsed_ms: 1 };
            evidence.issuer.chain = Some(Chain { certificates: vec![], publicly_trusted: false });
            let report = serde_json::to_value(judge::judge(&evidence, false)).unwrap();
            let name = format!("{code} {address} {backend}");
            let findings = report["findings"].as_array().unwrap();
            let find = |code: &str| findings.iter().find(|finding| finding["code"] == code);
            assert_eq!(find(code).is_some(), both, "{name}");
            let private = find("issuer-not-public");
            assert_eq!(private.is_some(), address == "10.1.2.3", "{name}");
            assert_eq!(find("thumbprint-mismatch").is_some(), both, "{name}");
            if !both {
                assert_eq!(report["rootCause"], "issuer-not-public", "{name}");
                assert!(private.unwrap().to_string().contains("what the network says"));
            }
        }
    }
}

#[test]
fn registered_keys_allow_private_issuer() {
    let world = world();
    let mut policy = world.policy();
    policy["issuers"][0]["jwks"] = world.issuer.jwks();
    let evidence = gathered_evidence(&world, "https://api.pulumi.com", &policy);
    let report = judge::judge(&with_answering_addresses(&world, evidence, &["10.1.2.3"]), false);
    let report = serde_json::to_value(report).unwrap();
    assert!(!report.to_string().contains("issuer-not-public"), "{report}");
}
