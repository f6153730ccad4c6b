//! The issuer: its address, its certificate, its discovery document, its registration.

use std::net::TcpListener;
use std::time::Duration;

use aws_lc_rs::digest;
use serde_json::{Value, json};

use crate::support::{Authority, Doctor, Identity, ORGANIZATION, Response, Run, World, platforms};

fn world() -> World {
    World::signed(&platforms::GITLAB, "ES256")
}

/// A world in which token and registration agree on another issuer.
fn moved(iss: &str) -> World {
    let mut world = world();
    world.shape.claims.insert("iss".to_owned(), json!(iss));
    world.cloud.registration(|registration| {
        registration["issuer"] = json!(iss);
        registration["url"] = json!(iss);
    });
    world
}

/// The root cause, an error of the issuer found by this check, with these words.
fn assert_error(run: &Run, code: &str, check: &str, words: &[&str]) {
    assert_eq!((run.root_cause(), run.status), (Some(code), 1), "{words:?} {:?}", run.codes());
    let finding = run.finding(code);
    let kind = (&finding["category"], &finding["severity"], &finding["check"]);
    assert_eq!(kind, (&json!("issuer"), &json!("error"), &json!(check)), "{words:?}");
    run.tells(code, words);
    let links = finding["remediation"]["links"].as_array().unwrap();
    assert!(links.iter().any(|link| link.as_str().unwrap().starts_with("https://")), "{code}");
}

// ------------------------------------------------------------------------------ the address

#[test]
fn issuers_that_are_no_usable_url() {
    let cases = [
        ("http://127.0.0.1:1", "not https"),
        ("https://127.0.0.1:1?x=1", "query"),
        ("https://127.0.0.1:1#x", "fragment"),
        ("https://user:word@127.0.0.1:1", "credentials"),
        ("127.0.0.1:1", "no URL"),
        ("somebody", "no URL"),
        ("", "no URL"),
    ];
    for (iss, word) in cases {
        let run = moved(iss).doctor().arg("--no-exchange").json();
        assert_error(&run, "issuer-url-invalid", "issuer", &[word, iss]);
        run.ended("keys", "skip", Some("issuer"));
        run.ended("signature", "skip", Some("issuer"));
    }
}

#[test]
fn an_issuer_that_does_not_answer() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = moved(&format!("https://{closed}")).doctor().arg("--no-exchange").json();
    let accepts = format!("accepts connections at {closed}");
    let curl = format!("https://{closed}/.well-known/openid-configuration");
    assert_error(&run, "issuer-unreachable", "issuer", &[&accepts, &curl, "curl -v", "jwks"]);
    run.ended("keys", "skip", Some("issuer"));
    run.ended("signature", "skip", Some("issuer"));

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let iss = format!("https://{}", silent.local_addr().unwrap());
    let run = moved(&iss).doctor().args(["--no-exchange", "--timeout", "1s"]).json();
    assert_error(&run, "issuer-unreachable", "issuer", &["no answer in time"]);
    assert!(run.elapsed < Duration::from_secs(3), "{:?}", run.elapsed);

    let run = moved("https://issuer.invalid").doctor().arg("--no-exchange").json();
    assert_error(&run, "issuer-unreachable", "issuer", &["issuer.invalid", "cannot be resolved"]);
}

#[test]
fn a_login_that_works_is_the_proof() {
    let world = moved("https://127.0.0.1:1");
    let run = world.doctor().json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("issuer-unreachable")["severity"], "warning");
    run.tells("issuer-unreachable", &["the login works"]);
}

// -------------------------------------------------------------------------- the certificate

fn with_identity(make: impl Fn(&Authority) -> Identity) -> World {
    let authority = Authority::new().unwrap();
    let identity = make(&authority);
    World::with(&platforms::GITLAB, authority, identity, "ES256")
}

#[test]
fn certificates_that_are_not_trusted() {
    const NAMES: &[&str] = &["127.0.0.1"];
    type Make = fn(&Authority) -> Identity;
    let cases: [(&str, Make); 4] = [
        ("authority that is trusted here", |_| Authority::new().unwrap().issue(NAMES).unwrap()),
        ("signed by itself", |_| Identity::self_signed(NAMES).unwrap()),
        ("has expired", |authority| authority.issue_expired(NAMES).unwrap()),
        ("not for 127.0.0.1", |authority| authority.issue(&["elsewhere.test"]).unwrap()),
    ];
    for (word, make) in cases {
        let world = with_identity(make);
        let run = world.doctor().arg("--no-exchange").json();
        assert_error(&run, "issuer-tls-untrusted", "issuer", &[word, "doctor loopback"]);
        run.ended("signature", "skip", Some("issuer"));
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
fn registered_thumbprints_vouch_for_a_certificate() {
    let stranger = Authority::new().unwrap().issue(&["127.0.0.1"]).unwrap();
    let spellings = spellings(stranger.der());
    let world = World::with(&platforms::GITLAB, Authority::new().unwrap(), stranger, "ES256");
    for spelling in spellings {
        world.cloud.registration(|registration| registration["thumbprints"] = json!([spelling]));
        let run = world.doctor().arg("--no-exchange").json();
        assert_eq!((run.root_cause(), run.status), (None, 0), "{spelling}");
        assert_eq!(run.finding("issuer-tls-untrusted")["severity"], "warning");
        run.tells("issuer-tls-untrusted", &["thumbprint", "--ca-cert"]);
        run.ended("thumbprints", "pass", None);
    }
}

#[test]
fn thumbprints_of_another_certificate() {
    let own = Authority::new().unwrap();
    let identity = own.issue(&["127.0.0.1"]).unwrap();
    let served = [&digest::SHA256, &digest::SHA1_FOR_LEGACY_USE_ONLY]
        .map(|algorithm| thumbprint(algorithm, identity.der()));
    let world = World::with(&platforms::GITLAB, own, identity, "ES256");
    for (registered, served) in ["ab".repeat(32), "cd".repeat(20)].iter().zip(served) {
        world.cloud.registration(|registration| registration["thumbprints"] = json!([registered]));
        let run = world.doctor().arg("--no-exchange").json();
        let url = "/api/orgs/acme/oidc/issuers/";
        let words = [registered, &*served, "No public authority", "regenerate-thumbprints", url];
        assert_error(&run, "thumbprint-mismatch", "thumbprints", &words);
    }
    world.cloud.registration(|registration| registration["jwks"] = world.issuer.jwks());
    assert_eq!(world.doctor().json().codes(), [""; 0], "keys are registered: nothing is fetched");
}

// -------------------------------------------------------------------- the discovery document

#[test]
fn documents_that_are_not_there() {
    let page = "<html><title>Sign in to Corp</title></html>";
    let cases = [
        (Response::new(404, "text/plain", "not here"), vec!["404", "text/plain"]),
        (Response::new(500, "application/json", "{}"), vec!["500", "application/json"]),
        (Response::new(403, "text/html", page), vec!["403", "Sign in to Corp", "login page"]),
        (Response::new(200, "text/html", page), vec!["web page", "Sign in to Corp", "login page"]),
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
        run.ended("keys", "skip", Some("issuer"));
        run.ended("signature", "skip", Some("issuer"));
    }
}

/// The document with other members; null takes one out.
fn document(world: &World, changes: &[(&str, Value)]) -> Response {
    let mut document = world.issuer.discovery();
    for (member, value) in changes {
        document[*member] = value.clone();
    }
    document.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    Response::json(200, &document)
}

#[test]
fn documents_that_are_not_usable() {
    let world = world();
    let large = format!("{{\"padding\":\"{}\"}}", "x".repeat(2 << 20));
    let cases = [
        (Response::new(200, "application/json", "{\"issuer\":"), "not JSON"),
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
        run.tells("discovery-invalid", &["jwks_uri", "https", &uri]);
        run.ended("signature", "skip", Some("keys"));
    }
}

#[test]
fn documents_of_another_issuer_say_what_differs() {
    let world = world();
    let url = world.issuer.url();
    let cases = [
        (format!("{url}/"), "slash at the end"),
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
        // The keys are looked at all the same.
        run.ended("signature", "pass", None);
    }
}

// -------------------------------------------------------------------------------- the keys

#[test]
fn keys_that_cannot_be_fetched() {
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
        run.ended("issuer", "pass", None);
        run.ended("signature", "skip", Some("keys"));
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
fn key_sets_that_are_none() {
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
        run.ended("signature", "skip", Some("keys"));
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

// ------------------------------------------------------------------------- the registration

/// An offline run of a token of one issuer, with another registered.
fn registered_as(registered: &str, iss: &str) -> Run {
    let mut world = world();
    world.shape.claims.insert("iss".to_owned(), json!(iss));
    world.cloud.registration(|registration| {
        registration["issuer"] = json!(registered);
        registration["url"] = json!(registered);
    });
    world.doctor().arg("--offline").json()
}

#[test]
fn near_misses_are_named() {
    const A: &str = "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3";
    const B: &str = "00000000-1f60-4a7e-9b52-c0d4e6f8a1b3";
    let entra = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
    let v1 = format!("https://sts.windows.net/{A}/");
    let old = format!("https://vstoken.dev.azure.com/{B}");
    let github = "https://token.actions.githubusercontent.com";
    let gitlab = "https://gitlab.com";
    let cases = [
        ("https://gitlab.com/", gitlab, "the slash at the end of the registered"),
        (gitlab, "https://gitlab.com/", "the slash at the end of the token's"),
        ("http://gitlab.com", gitlab, "http:// is registered, the token has https://"),
        ("https://GitLab.com", gitlab, "upper and lower case"),
        ("https://gitlab.com:8443", gitlab, "the port"),
        ("https://gitlab.com/group", gitlab, "the path"),
        ("https://gitlab.con", gitlab, "one character"),
        (&entra(B), &entra(A), "the tenant: 00000000"),
        (&v1, &entra(A), "the version: v1 is registered, the token is of v2.0"),
        (&entra(A), &v1, "the version: v2.0 is registered, the token is of v1"),
        (&old, &entra(A), "Azure DevOps' own is registered, the token is from Entra"),
        (&entra(A), &old, "Entra's is registered, the token is from Azure DevOps' own"),
        (github, &format!("{github}/acme"), "an enterprise slug"),
    ];
    for (registered, iss, word) in cases {
        let run = registered_as(registered, iss);
        assert_error(&run, "issuer-not-registered", "registration", &[word, registered, iss]);
        run.tells("issuer-not-registered", &["organization acme", "policy.json"]);
        run.ended("policy", "skip", Some("registration"));
    }
}

#[test]
fn registrations_that_are_far_off_are_shown_and_none_is_said() {
    let run = registered_as("https://token.actions.githubusercontent.com", "https://gitlab.com");
    let words = ["https://token.actions.githubusercontent.com", "https://gitlab.com"];
    assert_error(&run, "issuer-not-registered", "registration", &words);

    let none = json!({"organization": ORGANIZATION, "issuers": []}).to_string();
    let run = world().doctor().arg("--offline").file("policy.json", none).json();
    assert_error(&run, "issuer-not-registered", "registration", &["No issuer is registered"]);
}

#[test]
fn registration_comes_before_reachability() {
    let mut world = world();
    world.cloud.registration(|registration| registration["issuer"] = json!("https://other.test"));
    world.shape.claims.insert("iss".to_owned(), json!("https://127.0.0.1:1"));
    let run = world.doctor().json();
    assert_eq!(run.codes(), ["issuer-not-registered", "issuer-unreachable"]);
    run.tells("issuer-not-registered", &["Pulumi Cloud says", "unknown issuer"]);
}

#[test]
fn a_slash_in_the_url_alone_is_a_warning_where_the_issuer_is_not_known() {
    let world = world();
    let mut policy = world.policy();
    policy["issuers"][0]["url"] = json!(format!("{}/", world.issuer.url()));
    let run = world.doctor().file("policy.json", policy.to_string()).json();
    assert_eq!(run.codes(), [""; 0], "the issuer is known to match");

    policy["issuers"][0].as_object_mut().unwrap().shift_remove("issuer");
    let run = world.doctor().arg("--no-exchange").file("policy.json", policy.to_string()).json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("issuer-not-registered")["severity"], "warning");
    run.tells("issuer-not-registered", &["slash", world.issuer.url(), "assum"]);
}

#[test]
fn the_organization_of_the_registration() {
    // Its audience names no organization that --oidc-org could conflict with.
    let world = World::signed(&platforms::AZURE_ENTRA, "ES256");
    world.cloud.register("globex", &world.issuer);
    let run = world.doctor().option("--oidc-org", "globex").json();
    let words = ["globex", "acme", "--oidc-org acme"];
    assert_error(&run, "issuer-wrong-organization", "registration", &words);
    assert_eq!(run.codes(), ["issuer-wrong-organization"], "the refusal is its echo");

    let run = world.doctor().option("--oidc-org", "Acme").arg("--no-exchange").json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("issuer-wrong-organization")["severity"], "warning");
    run.tells("issuer-wrong-organization", &["case only", "not documented"]);
}

#[test]
fn azure_devops_own_issuer_goes_away() {
    let iss = "https://vstoken.dev.azure.com/5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815";
    let offline = |world: &World| -> Doctor { world.doctor().arg("--offline") };
    let mut world = moved(iss);
    world.shape.claims.insert("sub".to_owned(), json!("sc://acme/web-shop/pulumi-production"));
    world.shape.entry["rules"]["sub"] = json!("sc://acme/web-shop/*");
    for run in [offline(&world).json(), offline(&world).without("--policy").json()] {
        assert_eq!(run.root_cause(), None);
        assert_eq!(run.finding("azure-issuer-retiring")["severity"], "info");
        run.tells("azure-issuer-retiring", &["1 July 2027", "iss", "sub", "aud", "registration"]);
    }
    assert_eq!(offline(&world).json().status, 0);
    assert_eq!(offline(&self::world()).json().codes(), [""; 0]);
}

#[test]
fn a_longer_life_than_the_registration_allows() {
    let world = world();
    world.cloud.registration(|registration| registration["maxExpiration"] = json!(3600));
    let run = world.doctor().json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("expiration-exceeds-maximum")["severity"], "info");
    run.tells("expiration-exceeds-maximum", &["7200 s", "3600 s", "default"]);

    let run = world.doctor().args(["--oidc-expiration", "24h"]).json();
    assert_eq!((run.root_cause(), run.status), (None, 0));
    assert_eq!(run.finding("expiration-exceeds-maximum")["severity"], "warning");
    let words = ["86400 s", "3600 s", "--oidc-expiration 3600s", "not documented"];
    run.tells("expiration-exceeds-maximum", &words);
    run.ended("registration", "warn", None);

    let run = world.doctor().args(["--oidc-expiration", "1h"]).json();
    assert_eq!(run.codes(), [""; 0]);
}
