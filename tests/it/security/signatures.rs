//! Keys and signatures (RFC 7515, RFC 7517) are judged as by Go's libraries.
//!
//! `fixtures/go` holds tokens, keys and times with the verdicts of these libraries.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Doctor, KID, Response, Run, SigningKey, World, platforms};

/// Part of the sentence about the assumption that Pulumi Cloud uses Go's libraries.
const ASSUMES_GO: &str = "this assumes Go's";

fn world(algorithm: &str) -> World {
    World::with_algorithm(&platforms::GITLAB, algorithm)
}

/// The issuer's own key with changed members; null removes one.
fn own_key(world: &World, changes: &[(&str, Value)]) -> Value {
    let mut key = world.issuer.jwks()["keys"][0].take();
    for (member, value) in changes {
        key[*member] = value.clone();
    }
    key.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    key
}

fn other_key(algorithm: &str, kid: &str) -> Value {
    SigningKey::generate(algorithm).unwrap().jwk(kid).unwrap()
}

/// Prepares a diagnosis where the issuer publishes these keys.
fn with_keys(world: &World, keys: &[Value]) -> Doctor {
    world.issuer.answer(&world.issuer.jwks_path(), Response::json(200, &json!({ "keys": keys })));
    world.doctor().arg("--no-exchange")
}

/// Adds bytes before a number in base64url.
fn prefixed(bytes: &[u8], number: &Value) -> Value {
    let number = URL_SAFE_NO_PAD.decode(number.as_str().unwrap()).unwrap();
    json!(URL_SAFE_NO_PAD.encode([bytes, &number].concat()))
}

/// A case of `fixtures/go/signatures.json`.
fn case(name: &str) -> Value {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../fixtures/go/signatures.json")).unwrap();
    cases.into_iter().find(|case| case["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

/// The time at which the tokens of the fixtures are judged, in seconds since 1970.
const NOW: i64 = 1_790_000_000;

/// Runs `doctor decode` with the case's token and keys.
fn decode(case: &Value) -> Run {
    Doctor::bare()
        .file("keys.json", case["keys"].to_string())
        .args(["decode", "--jwks", "keys.json"])
        .arg(case["token"].as_str().unwrap())
        .json()
}

/// Diagnoses the case's token offline with its keys.
fn diagnose(case: &Value) -> Run {
    Doctor::bare()
        .file("keys.json", case["keys"].to_string())
        .args(["--offline", "--jwks", "keys.json", "--pulumi-version", "3.276.0"])
        .args(["--now", &NOW.to_string()])
        .arg(case["token"].as_str().unwrap())
        .json()
}

// ------------------------------------------------------------------------------------- keys

#[test]
fn leading_zeros_in_rsa_numbers_are_accepted() {
    let world = world("RS256");
    let key = own_key(&world, &[]);
    for (n, e) in [(&b""[..], &b""[..]), (b"\0", b""), (b"", b"\0"), (b"\0\0\0", b"\0\0")] {
        let key = own_key(&world, &[("n", prefixed(n, &key["n"])), ("e", prefixed(e, &key["e"]))]);
        let run = with_keys(&world, &[key]).json();
        assert_eq!((run.root_cause(), run.codes()), (None, vec![]), "{n:?} {e:?}");
        run.assert_check("signature", "pass", None);
    }
}

#[test]
fn unusable_keys_are_not_invalid() {
    let (rsa, ec, ed) = (world("RS256"), world("ES256"), world("EdDSA"));
    for world in [&rsa, &ec, &ed] {
        let run = with_keys(world, &[own_key(world, &[])]).json();
        assert_eq!((run.root_cause(), run.codes()), (None, vec![]));
    }
    let x = own_key(&ec, &[])["x"].clone();
    let number = |bytes: &[u8]| json!(URL_SAFE_NO_PAD.encode(bytes));
    let small = number(&[0xb7; 64]);
    let cases = [
        (&ec, own_key(&ec, &[("y", x.clone())]), "not on the curve P-256", false),
        (&ec, own_key(&ec, &[("x", prefixed(&[0], &x))]), "`x` has 33 bytes", true),
        (&ec, own_key(&ec, &[("y", number(&[7; 31]))]), "`y` has 31 bytes", true),
        (&ec, own_key(&ec, &[("crv", json!("secp256k1"))]), "needs the curve P-256", false),
        (&ec, own_key(&ec, &[("x", json!(7))]), "`x` is not a string", false),
        (&ed, own_key(&ed, &[("x", number(&[7; 31]))]), "31 bytes, and Ed25519 needs 32", false),
        (&rsa, own_key(&rsa, &[("n", small)]), "512 bits", true),
        (&rsa, own_key(&rsa, &[("e", number(&[1, 0, 0, 0, 1]))]), "more than 31 bits", true),
        (&rsa, own_key(&rsa, &[("e", number(&[0xff; 256]))]), "more than 31 bits", true),
        (&rsa, own_key(&rsa, &[("e", number(&[0]))]), "not an odd number", false),
        (&rsa, own_key(&rsa, &[("n", json!(""))]), "not an odd number", false),
        (&rsa, own_key(&rsa, &[("n", json!("***"))]), "not base64url", false),
    ];
    for (world, key, word, assumes_go) in cases {
        let run = with_keys(world, &[key]).json();
        assert_eq!(run.root_cause(), Some("signing-key-not-found"), "{word}");
        assert_eq!(run.codes(), ["signing-key-not-found"], "{word}");
        run.assert_finding_contains("signing-key-not-found", &[word, KID]);
        let detail = run.finding("signing-key-not-found")["detail"].as_str().unwrap();
        assert_eq!(detail.contains(ASSUMES_GO), assumes_go, "{detail}");
        run.assert_check("signature", "fail", None);
    }
}

/// A key that this program's library does not support may still work for the login.
#[test]
fn key_unsupported_here_is_not_failure() {
    let run = diagnose(&case("PS256"));
    assert_eq!(run.root_cause(), None);
    run.assert_check("signature", "pass", None);
    for name in ["RSA 1024 PS256", "RSA 1024 RS384"] {
        let run = diagnose(&case(name));
        assert_eq!(run.root_cause(), None, "{name}");
        run.assert_check("signature", "skip", Some("keys"));
        let summary = run.check("signature")["summary"].as_str().unwrap();
        assert!(summary.contains("cannot verify") && summary.contains("1024 bits"), "{summary}");
        assert_eq!(decode(&case(name)).status, 1, "not verified");
    }
}

#[test]
fn unusual_keys_that_verify_are_warnings() {
    let world = world("RS256");
    let usual = with_keys(&world, &[own_key(&world, &[("key_ops", json!(["verify"]))])]).json();
    assert_eq!((usual.status, usual.codes()), (0, vec![]));
    let cases = [
        ("use", json!("enc"), "use is enc"),
        ("key_ops", json!(["encrypt", "wrapKey"]), "key_ops do not include verify"),
        ("key_ops", json!([]), "key_ops do not include verify"),
        ("alg", json!("RS512"), "for RS512, the token says RS256"),
    ];
    for (member, value, word) in cases {
        let run = with_keys(&world, &[own_key(&world, &[(member, value)])]).json();
        assert_eq!((run.root_cause(), run.status), (None, 0), "{word}");
        assert_eq!(run.classification("key-not-recommended"), ["issuer", "warning", "signature"]);
        run.assert_finding_contains("key-not-recommended", &[word, ASSUMES_GO, KID]);
        run.assert_check("signature", "warn", None);
        let strict =
            with_keys(&world, &[own_key(&world, &[("use", json!("enc"))])]).arg("--strict");
        assert_eq!(strict.json().root_cause(), Some("key-not-recommended"));
    }
    for name in ["RSA 1024 RS256", "RSA 1024 RS512"] {
        let run = diagnose(&case(name));
        assert_eq!(run.root_cause(), None, "{name}");
        run.assert_finding_contains("key-not-recommended", &["1024 bits", "2048"]);
        run.assert_check("signature", "warn", None);
        assert_eq!(decode(&case(name)).status, 0, "verified");
    }
    // With such a key, an altered token still fails.
    let enc = own_key(&world, &[("use", json!("enc"))]);
    let (message, _) =
        world.token().rsplit_once('.').map(|(m, s)| (m.to_owned(), s.len())).unwrap();
    let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode([0xa5; 256]));
    let doctor = with_keys(&world, &[enc]);
    let run = doctor.without(&world.token()).arg(forged).json();
    assert_eq!(run.root_cause(), Some("signature-invalid"));
    assert!(!run.codes().contains(&"key-not-recommended"));
}

// -------------------------------------------------------------------------------------- kid

#[test]
fn empty_kid_counts_as_absent() {
    let mut world = world("ES256");
    let keys = |world: &World, kid: Value| {
        [other_key("RS256", "a"), other_key("ES256", "b"), own_key(world, &[("kid", kid)])]
    };
    for in_token in [json!("the-key"), json!(""), Value::Null] {
        world.shape.header.insert("kid".to_owned(), in_token.clone());
        let run = with_keys(&world, &keys(&world, json!("the-key"))).json();
        assert_eq!((run.root_cause(), run.codes()), (None, vec![]), "{in_token}");
        run.assert_check("signature", "pass", None);
    }
    // Without a kid in the token, every suitable key is tried.
    for in_key in [json!(""), Value::Null] {
        let run = with_keys(&world, &keys(&world, in_key)).json();
        assert_eq!(run.codes(), [""; 0]);
    }
    // With a kid in the token, a key without one does not match.
    world.shape.header.insert("kid".to_owned(), json!("the-key"));
    let run = with_keys(&world, &keys(&world, json!(""))).json();
    assert_eq!(run.root_cause(), Some("signing-key-not-found"));
    run.assert_finding_contains("signing-key-not-found", &["(no kid)"]);
}

#[test]
fn keys_sharing_kid_are_tried() {
    let world = world("ES256");
    let broken = own_key(&world, &[("y", own_key(&world, &[])["x"].clone())]);
    let others = [other_key("ES256", KID), other_key("RS256", KID), broken];
    for place in 0..=others.len() {
        let mut keys = others.to_vec();
        keys.insert(place, own_key(&world, &[]));
        let run = with_keys(&world, &keys).json();
        assert_eq!((run.root_cause(), run.codes()), (None, vec![]), "{place}");
    }
    let run = with_keys(&world, &others).json();
    assert_eq!(run.root_cause(), Some("signature-invalid"));
}

// ----------------------------------------------------------------------------------- header

/// Diagnoses a signed token with these header parameters.
fn diagnose_with_header(name: &str, value: Value, others: &[(&str, Value)]) -> (World, Run) {
    let mut world = world("ES256");
    world.shape.header.insert(name.to_owned(), value);
    for (name, value) in others {
        world.shape.header.insert((*name).to_owned(), value.clone());
    }
    let run = world.doctor().arg("--no-exchange").json();
    (world, run)
}

#[test]
fn malformed_header_parameters_are_refused() {
    let (_, run) = diagnose_with_header(
        "x5t",
        json!("AAAA"),
        &[("crit", json!(["b64"])), ("b64", json!(true))],
    );
    assert_eq!((run.root_cause(), run.codes()), (None, vec![]));
    for (name, value) in [
        ("kid", json!(5)),
        ("kid", json!(["the-key"])),
        ("kid", json!({})),
        ("kid", json!(true)),
        ("x5c", json!("MIIB")),
        ("crit", json!([])),
        ("crit", json!("exp")),
        ("crit", json!({"exp": 1})),
        ("crit", json!([1])),
    ] {
        let (_, run) = diagnose_with_header(name, value.clone(), &[]);
        assert_eq!((run.root_cause(), run.status), (Some("token-malformed"), 1), "{name} {value}");
        assert_eq!(run.classification("token-malformed"), ["token", "error", "token"]);
        run.assert_finding_contains("token-malformed", &["header", name]);
        run.assert_check("signature", "skip", Some("token"));
        assert!(run.report["token"]["claims"].is_object(), "the token is shown all the same");
    }
}

#[test]
fn unknown_critical_parameters_are_refused() {
    for (others, word) in [
        (vec![("crit", json!(["exp"])), ("exp", json!(1))], "understand exp"),
        (vec![("crit", json!(["b64", "x", "y"])), ("b64", json!(true))], "x and y"),
        (vec![("crit", json!(["x"]))], "understand x"),
        (vec![("crit", json!(["b64"])), ("b64", json!(false))], "b64: false"),
        (vec![("b64", json!(false))], "b64: false"),
    ] {
        let (_, run) = diagnose_with_header("typ", json!("JWT"), &others);
        assert_eq!(run.root_cause(), Some("algorithm-unsupported"), "{word}");
        run.assert_finding_contains("algorithm-unsupported", &[word]);
        run.assert_check("signature", "skip", Some("token"));
    }
}

#[test]
fn refused_algorithms_are_not_exchanged() {
    let world = world("EdDSA");
    let run = world.doctor().json();
    assert_eq!((run.root_cause(), run.status, run.codes()), (None, 0, vec![]));
    assert_eq!(world.cloud.exchanges().len(), 1);
    for (alg, word) in [
        (json!("Ed25519"), "knows EdDSA"),
        (json!("eddsa"), "it is EdDSA"),
        (json!("es256"), "it is ES256"),
        (json!("ES256K"), "ES256K"),
        (json!("RS1"), "RS1"),
        (json!("None"), "not signed"),
        (json!(""), "is an empty string"),
        (json!(5), "a number, not a string"),
        (json!(["EdDSA"]), "a list, not a string"),
        (Value::Null, "names no algorithm"),
    ] {
        let mut world = self::world("EdDSA");
        let mut header = json!({"alg": alg, "kid": KID});
        header.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        world.shape.header = header.as_object().unwrap().clone();
        let claims = json!(world.shape.claims).to_string();
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signature = URL_SAFE_NO_PAD.encode([0xa5; 64]);
        let token = format!("{}.{}.{signature}", part(&header.to_string()), part(&claims));
        let run = world.doctor_for(&token).json();
        assert_eq!(run.root_cause(), Some("algorithm-unsupported"), "{alg}");
        run.assert_finding_contains("algorithm-unsupported", &[word]);
        run.assert_check("exchange", "skip", Some("token"));
        assert!(world.cloud.exchanges().is_empty(), "{alg}");
    }
}

/// Compares with golang-jwt, the CLI's parser.
#[test]
fn cli_parser_agrees_on_algorithms() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../fixtures/go/signatures.json")).unwrap();
    let algorithm_cases = cases.iter().filter(|case| {
        let name = case["name"].as_str().unwrap();
        name.starts_with("alg ") && (name.ends_with('.') || name.ends_with("in the token"))
    });
    let mut refused = 0;
    for case in algorithm_cases {
        let run = diagnose(case);
        assert!(run.codes().contains(&"algorithm-unsupported"), "{}", case["name"]);
        if case["parser"] != "" {
            refused += 1;
            continue;
        }
        // The CLI sends tokens with a shared secret or without a signature, but the service refuses
        // them.
        let detail = run.finding("algorithm-unsupported")["detail"].as_str().unwrap();
        assert!(detail.contains("secret") || detail.contains("not signed"), "{detail}");
    }
    assert!(refused > 8, "{refused}");
}

// ------------------------------------------------------------------------------------ times

/// Diagnoses a token with this time claim at [`NOW`], without keys.
fn diagnose_time(claim: &str, value: &Value) -> Run {
    doctor_for_time(claim, value).json()
}

fn doctor_for_time(claim: &str, value: &Value) -> Doctor {
    let mut claims = json!({
        "iss": "https://ci.example", "sub": "job", "aud": "urn:pulumi:org:acme",
        "iat": NOW - 60, "exp": NOW + 3540,
    });
    claims[claim] = value.clone();
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let signature = URL_SAFE_NO_PAD.encode([0xa5; 64]);
    let header = json!({"alg": "ES256"}).to_string();
    let token = format!("{}.{}.{signature}", part(header), part(claims.to_string()));
    Doctor::bare().args([
        "--offline",
        "--pulumi-version",
        "3.276.0",
        "--now",
        &NOW.to_string(),
        &token,
    ])
}

/// A time that all of Go's libraries refuse is an error; one that none refuses is none. The product
/// contract adds that `exp` has no leeway and must be a number, and that `iat` must not be in the
/// future.
#[test]
fn unusual_times_are_judged_as_in_go() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../fixtures/go/times.json")).unwrap();
    assert!(cases.len() > 100, "{} cases", cases.len());
    for case in &cases {
        let (claim, value) = (case["claim"].as_str().unwrap(), &case["value"]);
        let refused = case["refusedBy"].as_array().unwrap().len();
        // The option prevents that every bundle is judged again, which would take minutes.
        let run = doctor_for_time(claim, value).args(["--bundle", "bundle.json"]).json();
        let codes = ["token-claim-missing", "token-expired", "token-not-yet-valid"];
        let fails = run.root_cause().is_some_and(|code| codes.contains(&code));
        let is_number = value.is_number();
        let is_reported = run.codes().iter().any(|code| codes.contains(code));
        let name = format!("{claim} {value}: {:?}", run.codes());
        match refused {
            0 if claim == "iat" || claim == "exp" => assert!(!fails || is_number, "{name}"),
            0 => assert!(!fails, "{name}"),
            4 => assert!(fails, "{name}"),
            // If the libraries differ, the report says so with any verdict.
            _ if !is_number => assert!(is_reported, "{name}"),
            _ => {}
        }
        if !is_number {
            let finding = run.finding("token-claim-missing");
            let detail = finding["detail"].as_str().unwrap();
            assert!(detail.contains(claim), "{detail}");
        }
    }
}

#[test]
fn mistyped_time_is_reported() {
    for claim in ["nbf", "iat"] {
        let run = diagnose_time(claim, &json!(NOW - 60));
        assert!(!run.codes().iter().any(|code| code.starts_with("token-")), "{claim}");
        for value in [json!(true), json!("soon"), json!([NOW]), json!({}), json!("")] {
            let run = diagnose_time(claim, &value);
            assert_eq!(run.root_cause(), Some("token-claim-missing"), "{claim} {value}");
            run.assert_finding_contains(
                "token-claim-missing",
                &[claim, "not a number of seconds", ASSUMES_GO],
            );
        }
        // Go's libraries differ on these.
        for value in [Value::Null, json!((NOW - 60).to_string())] {
            let run = diagnose_time(claim, &value);
            assert_eq!(run.classification("token-claim-missing")[1], "warning", "{claim} {value}");
            run.assert_finding_contains("token-claim-missing", &[claim, "differ", ASSUMES_GO]);
            assert_ne!(run.root_cause(), Some("token-claim-missing"), "{claim} {value}");
        }
        let run = diagnose_time(claim, &json!((NOW + 600).to_string()));
        assert_eq!(run.root_cause(), Some("token-not-yet-valid"), "{claim}");
        run.assert_finding_contains("token-not-yet-valid", &[claim, "10 min in the future"]);
    }
    let run = diagnose_time("exp", &json!((NOW - 600).to_string()));
    assert_eq!(run.root_cause(), Some("token-claim-missing"));
    run.assert_finding_contains("token-expired", &["10 min ago"]);
}

#[test]
fn times_in_milliseconds_are_recognised() {
    for claim in ["nbf", "iat"] {
        let run = diagnose_time(claim, &json!(NOW * 1000 - 60_000));
        assert_eq!(run.root_cause(), Some("token-not-yet-valid"), "{claim}");
        let expected = ["milliseconds", "2026-09-21T14:12:20Z", "seconds (RFC 7519)"];
        run.assert_finding_contains("token-not-yet-valid", &expected);
        let run = diagnose_time(claim, &json!(NOW + 600));
        let detail = run.finding("token-not-yet-valid")["detail"].as_str().unwrap();
        assert!(!detail.contains("milliseconds"), "{detail}");
    }
}

#[test]
fn exp_beyond_go_range_has_expired() {
    assert!(!diagnose_time("exp", &json!(253_402_300_800_i64)).codes().contains(&"token-expired"));
    for exp in [json!(1e300), json!(1e19), json!(i64::MAX), json!(u64::MAX)] {
        let run = diagnose_time("exp", &exp);
        assert_eq!(run.root_cause(), Some("token-expired"), "{exp}");
        run.assert_finding_contains("token-expired", &["too large", ASSUMES_GO]);
    }
}
