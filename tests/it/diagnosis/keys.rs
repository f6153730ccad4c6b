//! The key set, which may be fetched, registered or from a file, and the signature.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{KID, Response, Run, SigningKey, World, platforms};

fn world() -> World {
    World::with_algorithm(&platforms::GITLAB, "ES256")
}

/// A key that did not sign the token.
fn foreign_key(algorithm: &str, kid: &str) -> Value {
    SigningKey::generate(algorithm).unwrap().jwk(kid).unwrap()
}

/// The issuer's key with changed members; null removes one.
fn issuer_key(world: &World, changes: &[(&str, Value)]) -> Value {
    let mut key = world.issuer.jwks()["keys"][0].take();
    for (member, value) in changes {
        key[*member] = value.clone();
    }
    key.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    key
}

fn serve(world: &World, keys: &[Value]) {
    let set = json!({"keys": keys});
    world.issuer.answer(&world.issuer.jwks_path(), Response::json(200, &set));
}

/// The number of requests for the issuer's keys.
fn fetches(world: &World) -> usize {
    let requests = world.issuer.requests();
    requests.iter().filter(|request| request.path() == world.issuer.jwks_path()).count()
}

/// Asserts an error of the check `signature`, which also explains Pulumi Cloud's refusal.
fn assert_signature(run: &Run, code: &str, words: &[&str]) {
    assert_eq!((run.root_cause(), run.status), (Some(code), 1), "{words:?}");
    assert_eq!(run.codes(), [code], "{words:?}");
    let finding = run.finding(code);
    let kind = (&finding["category"], &finding["severity"], &finding["check"]);
    assert_eq!(kind, (&json!("issuer"), &json!("error"), &json!("signature")));
    run.assert_finding_contains(code, words);
    run.assert_finding_contains(code, &["Pulumi Cloud says"]);
    run.assert_check("keys", "pass", None);
}

// --------------------------------------------------------------------------------- verifies

#[test]
fn every_algorithm_verifies() {
    for algorithm in doctor::loopback::ALGORITHMS {
        let world = World::with_algorithm(&platforms::GITLAB, algorithm);
        let run = world.doctor().json();
        assert_eq!((run.root_cause(), run.status), (None, 0), "{algorithm}");
        assert_eq!(run.codes(), [""; 0], "{algorithm}");
        run.assert_check("signature", "pass", None);
        let run = world.doctor_for(&token_with_altered_claim(&world)).json();
        assert_eq!(run.root_cause(), Some("signature-invalid"), "{algorithm}");
    }
}

/// The world's token with a claim changed after it was signed.
fn token_with_altered_claim(world: &World) -> String {
    let token = world.token();
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims = world.shape.claims.clone();
    claims.insert("ref".to_owned(), json!("other"));
    let payload = URL_SAFE_NO_PAD.encode(json!(claims).to_string());
    format!("{}.{payload}.{}", parts[0], parts[2])
}

#[test]
fn matching_key_is_found() {
    let world = world();
    let bare = [("alg", Value::Null), ("use", Value::Null)];
    let sets = [
        vec![foreign_key("ES256", "a"), issuer_key(&world, &[])],
        vec![foreign_key("ES256", KID), issuer_key(&world, &[])],
        vec![foreign_key("RS256", KID), issuer_key(&world, &bare)],
        vec![json!({"kty": "unheard of", "kid": "x"}), issuer_key(&world, &[])],
        vec![json!({"kid": "no kty"}), issuer_key(&world, &[])],
        vec![json!({"kty": "RSA", "kid": "x"}), issuer_key(&world, &[])],
    ];
    for set in sets {
        serve(&world, &set);
        let run = world.doctor().arg("--no-exchange").json();
        assert_eq!((run.root_cause(), run.codes()), (None, vec![]), "{set:?}");
        run.assert_check("signature", "pass", None);
    }
}

#[test]
fn token_without_kid_tries_every_key() {
    let mut world = world();
    world.shape.header.insert("kid".to_owned(), Value::Null);
    serve(&world, &[foreign_key("RS256", "a"), foreign_key("ES256", "b"), issuer_key(&world, &[])]);
    let run = world.doctor().arg("--no-exchange").json();
    assert_eq!(run.codes(), [""; 0]);
    serve(&world, &[issuer_key(&world, &[("kid", Value::Null)])]);
    assert_eq!(world.doctor().arg("--no-exchange").json().codes(), [""; 0]);
    serve(&world, &[foreign_key("RS256", "a"), foreign_key("ES256", "b")]);
    assert_signature(&world.doctor().json(), "signature-invalid", &["(absent)"]);
}

// ------------------------------------------------------------------------------------ fails

#[test]
fn altered_tokens_do_not_verify() {
    let world = world();
    let run = world.doctor_for(&token_with_altered_claim(&world)).json();
    assert_signature(&run, "signature-invalid", &["the-key", "the issuer", "altered"]);
    run.assert_check("signature", "fail", None);

    let token = world.token();
    let (message, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode([0xa5; 64]));
    let run = world.doctor_for(&forged).json();
    assert_signature(&run, "signature-invalid", &["the-key"]);

    serve(&world, &[foreign_key("ES256", KID)]);
    assert_signature(&world.doctor().json(), "signature-invalid", &["the-key"]);
}

/// The length of an RSA signature depends on the key, so only the key reveals the cut.
#[test]
fn cut_signature_means_cut_token() {
    let world = World::new(&platforms::GITLAB);
    let token = world.token();
    let (message, _) = token.rsplit_once('.').unwrap();
    let cut = format!("{message}.{}", URL_SAFE_NO_PAD.encode([0xa5; 224]));
    let run = world.doctor_for(&cut).json();
    assert_eq!((run.root_cause(), run.status), (Some("token-truncated"), 1));
    assert_eq!(run.codes(), ["token-truncated"]);
    run.assert_finding_contains("token-truncated", &["224 bytes", "256"]);
    run.assert_check("signature", "skip", Some("token"));
}

#[test]
fn missing_key_is_reported() {
    let world = world();
    let cases = [
        (
            vec![foreign_key("ES256", "rotated-1"), foreign_key("RS256", "rotated-2")],
            "rotated-1 (ES256), rotated-2",
        ),
        (vec![issuer_key(&world, &[("kid", Value::Null)])], "(no kid) (ES256)"),
        (vec![issuer_key(&world, &[("kid", json!("The-Key"))])], "The-Key"),
    ];
    for (keys, has) in cases {
        serve(&world, &keys);
        assert_signature(&world.doctor().json(), "signing-key-not-found", &["the-key", has]);
    }
}

#[test]
fn key_of_wrong_type_is_not_used() {
    let rsa = World::new(&platforms::GITLAB);
    let ec = world();
    let cases = [
        (&rsa, foreign_key("ES256", KID), "RS256 needs a key of type RSA"),
        (&rsa, issuer_key(&rsa, &[("n", Value::Null)]), "modulus"),
        (&ec, foreign_key("ES384", KID), "ES256 needs the curve P-256"),
        (&ec, issuer_key(&ec, &[("x", Value::Null)]), "no `x`"),
        (&ec, issuer_key(&ec, &[("y", json!("***"))]), "base64url"),
    ];
    for (world, key, word) in cases {
        serve(world, &[key]);
        let run = world.doctor().arg("--no-exchange").json();
        assert_eq!(run.root_cause(), Some("signing-key-not-found"), "{word}");
        run.assert_finding_contains("signing-key-not-found", &[word, "the-key"]);
    }
}

// ----------------------------------------------------------------------------- other places

#[test]
fn registered_keys_prevent_fetching() {
    let world = world();
    world.cloud.change_registration(|registration| registration["jwks"] = world.issuer.jwks());
    let run = world.doctor().json();
    assert_eq!((run.root_cause(), run.status, run.codes()), (None, 0, vec![]));
    run.assert_check("signature", "pass", None);
    assert!(world.issuer.requests().is_empty());

    let stale = json!({"keys": [foreign_key("ES256", "old")]});
    world.cloud.change_registration(|registration| registration["jwks"] = stale);
    let run = world.doctor().json();
    assert_signature(&run, "signing-key-not-found", &["old (ES256)", "the registration", "jwks"]);
    let option = &run.finding("signing-key-not-found")["remediation"]["options"][0];
    assert_eq!(option["when"], "Pulumi Cloud can reach the issuer");
    let change = &option["changes"][0];
    assert_eq!((&change["target"], &change["path"]), (&json!("registration"), &json!("/jwks")));
    assert_eq!(change["after"], Value::Null);
    assert!(world.issuer.requests().is_empty());
}

#[test]
fn invalid_registered_keys_are_reported() {
    let world = world();
    world.cloud.change_registration(|registration| registration["jwks"] = json!({"keys": []}));
    let run = world.doctor().json();
    assert_eq!((run.root_cause(), run.status), (Some("jwks-invalid"), 1));
    run.assert_finding_contains("jwks-invalid", &["empty", "registration"]);
    let fix = run.finding("jwks-invalid")["remediation"]["summary"].as_str().unwrap();
    assert!(fix.contains("registered"), "the issuer serves nothing here: {fix}");
    run.assert_check("signature", "skip", Some("keys"));
}

#[test]
fn keys_of_a_file_are_not_fetched() {
    let world = world();
    let doctor = || world.doctor().arg("--no-exchange").args(["--jwks", "keys.json"]);
    let run = doctor().file("keys.json", world.issuer.jwks().to_string()).json();
    assert_eq!((run.root_cause(), run.codes()), (None, vec![]));
    run.assert_check("issuer", "pass", None);
    run.assert_check("signature", "pass", None);

    let keys = json!({"keys": [foreign_key("ES256", "elsewhere")]}).to_string();
    let run = doctor().file("keys.json", &keys).json();
    assert_eq!(run.root_cause(), Some("signing-key-not-found"));
    run.assert_finding_contains("signing-key-not-found", &["elsewhere (ES256)", "keys.json"]);

    let run = doctor().arg("--offline").file("keys.json", world.issuer.jwks().to_string()).json();
    run.assert_check("signature", "pass", None);
    run.assert_check("issuer", "skip", Some("--offline"));
    assert_eq!(fetches(&world), 0);
}

#[test]
fn unusable_key_files_are_reported() {
    let world = world();
    let cases = [
        ("{\"keys\": [\n  nonsense\n]}", "2:4: not JSON"),
        ("", "keys.json"),
        ("[]", "not a JSON object"),
        ("{}", "has no `keys`"),
        (r#"{"keys": {}}"#, "not a list"),
        (r#"{"keys": []}"#, "empty"),
        (r#"{"keys": [{"kid": "the-key"}]}"#, "kty"),
    ];
    for (content, word) in cases {
        let run = world.doctor().args(["--jwks", "keys.json"]).file("keys.json", content).json();
        assert_eq!(run.status, 2, "{content}");
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        assert!(run.stderr.contains("--jwks") && run.stderr.contains(word), "{}", run.stderr);
    }
    let run = world.doctor().args(["--jwks", "absent.json"]).json();
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("absent.json") && run.stderr.contains("no such file"));
    assert!(world.cloud.requests().is_empty() && world.issuer.requests().is_empty());
}

#[test]
fn served_private_key_is_hidden() {
    let world = world();
    let private = "c2VjcmV0LXNjYWxhci10aGF0LXNpZ25zLWV2ZXJ5dGhpbmc";
    let key = issuer_key(&world, &[("d", json!(private))]);
    serve(&world, std::slice::from_ref(&key));
    let doctor = || world.doctor().secret(private).arg("-v");
    doctor().json().assert_check("signature", "pass", None);
    doctor().human();
    serve(&world, &[issuer_key(&world, &[("d", json!(private)), ("kid", json!("other"))])]);
    assert_eq!(doctor().json().root_cause(), Some("signing-key-not-found"));
    world.cloud.change_registration(|registration| registration["jwks"] = json!({"keys": [key]}));
    doctor().json().assert_check("signature", "pass", None);
}
