#![allow(clippy::unwrap_used)]

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::oidc::jwt;

/// A token, a key set, and the result of Go's libraries (`fixtures/go/main.go`).
#[derive(Deserialize)]
struct Case {
    name: String,
    token: String,
    keys: Value,
    signature: String,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../fixtures/go/signatures.json")).unwrap()
}

fn outcome(case: &Case) -> Signature {
    let token = jwt::read(case.token.as_bytes(), false).unwrap();
    verify(&token.compact, &token.token, &case.keys)
}

fn named(name: &str) -> Signature {
    outcome(cases().iter().find(|case| case.name == name).unwrap())
}

/// The cases where the result differs from Go's on purpose, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("RSA 1024 RS384", "aws-lc does not verify it"),
    ("RSA 1024 PS256", "aws-lc does not verify it"),
    ("RSA 4104", "go-jose verified it up to 4.1.5: a warning"),
    ("alg of encryption", "go-oidc passes the key over, go-jose alone does not: a warning"),
    ("alg Ed25519 in the key", "as before"),
    ("beside a point not on the curve", "RFC 7517 section 5: broken keys are passed over"),
    ("beside a key without kty", "as before"),
    ("beside RSA without n", "as before"),
    ("beside a numeric kid", "as before"),
    ("crit empty", "RFC 7515 section 4.1.11 forbids it"),
    ("crit null", "as before"),
    ("crit b64 false, signed so", "RFC 7797 section 7 forbids it in a JWT"),
];

#[test]
fn go_verifies_the_same_signatures() {
    let cases = cases();
    assert!(cases.len() > 100, "{} cases", cases.len());
    for case in &cases {
        let found = outcome(case);
        let verified = matches!(found, Signature::Verified { .. });
        let go = case.signature.is_empty();
        let meant = DIFFERENT.iter().any(|(name, _)| *name == case.name);
        assert!((verified == go) != meant, "{}: {found:?}, Go: {:?}", case.name, case.signature);
    }
}

#[test]
fn unusable_keys_do_not_invalidate_signature() {
    let cases = [
        ("RSA 512", "512 bits", true),
        ("n with padding", "padding", true),
        ("n in standard base64", "base64url", false),
        ("n absent", "no modulus", false),
        ("n empty", "odd number", false),
        ("n even", "odd number", false),
        ("n a number", "not a string", false),
        ("e 0", "odd number above 1", false),
        ("e 1", "odd number above 1", false),
        ("e even", "odd number above 1", false),
        ("e of 32 bits", "31 bits", true),
        ("e of 40 bits", "31 bits", true),
        ("e of 65 bits", "31 bits", true),
        ("e of 256 bytes", "31 bits", true),
        ("point not on the curve", "not on the curve P-256", false),
        ("x short", "`x` has 31 bytes", true),
        ("x long", "`x` has 33 bytes", true),
        ("x empty", "`x` has 0 bytes", true),
        ("y absent", "no `y`", false),
        ("curve secp256k1", "curve P-256", false),
        ("curve absent", "curve P-256", false),
        ("curve P-384", "curve P-256", false),
        ("Ed25519 short", "31 bytes", false),
        ("Ed448", "curve Ed25519", false),
        ("use a number", "`use` is not a string", true),
        ("alg a number", "`alg` is not a string", true),
        ("kty in lower case", "type RSA", false),
    ];
    for (name, word, by_go) in cases {
        let found = named(name);
        assert!(
            matches!(&found, Signature::KeyUnusable { reason, assumes_go }
                if reason.contains(word) && *assumes_go == by_go),
            "{name}: {found:?}"
        );
    }
    for name in ["RSA 1024 RS384", "RSA 1024 PS256"] {
        let found = named(name);
        assert!(
            matches!(&found, Signature::NotVerifiable { reason } if reason.contains("1024 bits")),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn unusual_verifying_keys_name_their_oddity() {
    let cases = [
        ("RSA 1024 RS256", "1024 bits"),
        ("RSA 1024 RS512", "1024 bits"),
        ("RSA 4104", "4104 bits"),
        ("use enc", "use is enc"),
        ("key_ops encrypt", "key_ops"),
        ("key_ops empty", "key_ops"),
        ("alg another", "for RS512, the token says RS256"),
        ("alg of encryption", "for RSA-OAEP"),
        ("alg Ed25519 in the key", "for Ed25519"),
    ];
    for (name, word) in cases {
        let found = named(name);
        assert!(
            matches!(&found, Signature::Verified { unusual, .. }
                if matches!(unusual.as_slice(), [one] if one.contains(word))),
            "{name}: {found:?}"
        );
    }
    for name in [
        "RS256",
        "RSA 4096",
        "n with leading zeros",
        "e with leading zeros",
        "x of leading zero",
        "use sig",
        "key_ops verify",
        "alg the same",
        "alg empty",
    ] {
        let key = Some("k".to_owned());
        assert_eq!(named(name), Signature::Verified { key, unusual: Vec::new() }, "{name}");
    }
}

#[test]
fn key_lookup_follows_go_oidc() {
    for name in ["kid absent in the token", "kid empty in the token", "kid empty in both"] {
        assert!(matches!(named(name), Signature::Verified { .. }), "{name}");
    }
    for name in ["kid absent in the key", "kid empty in the key", "kid of another case"] {
        assert_eq!(named(name), Signature::KeyNotFound, "{name}");
    }
    assert_eq!(named("no kid, none"), Signature::Invalid { key: Some("k".to_owned()) });
    assert_eq!(named("kid a number in the token"), Signature::UnsupportedAlgorithm);
}

fn token(header: &Value, signature: usize) -> (Secret, Token) {
    let encode = |bytes: &[u8]| LENIENT_BASE64URL.encode(bytes);
    let header = encode(header.to_string().as_bytes());
    let compact = format!("{header}.e30.{}", encode(&vec![0; signature]));
    let read = jwt::read(compact.as_bytes(), false).unwrap();
    (read.compact, read.token)
}

/// A JWK with a modulus of this many bytes.
fn rsa(bytes: usize) -> Value {
    let mut modulus = vec![0xc5; bytes];
    modulus[bytes - 1] |= 1;
    json!({"kty": "RSA", "n": LENIENT_BASE64URL.encode(modulus), "e": "AQAB"})
}

#[test]
fn number_of_tried_keys_is_capped() {
    let (compact, token) = token(&json!({"alg": "RS256"}), 256);
    let tried = |key: Value, count: usize| {
        let mut keys = vec![key; count];
        keys.push(rsa(256));
        verify(&compact, &token, &json!({ "keys": keys }))
    };
    // Keys of another type are not tried at all.
    assert_eq!(tried(json!({"kty": "EC"}), 10 * MOST_TRIED), Signature::Invalid { key: None });
    assert_eq!(tried(rsa(256), MOST_TRIED - 1), Signature::Invalid { key: None });
    assert!(matches!(tried(rsa(256), MOST_TRIED), Signature::NotVerifiable { .. }));
}

#[test]
fn unsupported_key_leaves_result_open() {
    let (compact, token) = token(&json!({"alg": "RS256"}), 256);
    let verify_with = |keys: &[Value]| verify(&compact, &token, &json!({ "keys": keys }));
    assert!(matches!(verify_with(&[rsa(1025)]), Signature::NotVerifiable { .. }));
    assert!(matches!(verify_with(&[rsa(256), rsa(1025)]), Signature::NotVerifiable { .. }));
    // A key that no verifier can use does not leave it open.
    let broken = json!({"kty": "RSA", "n": "AA", "e": "AQAB"});
    assert_eq!(verify_with(&[broken, rsa(256)]), Signature::Invalid { key: None });
}

#[test]
fn only_shorter_signature_is_truncated() {
    let verify_with = |signature: usize| {
        let (compact, token) = token(&json!({"alg": "RS256"}), signature);
        verify(&compact, &token, &json!({"keys": [rsa(256)]}))
    };
    assert_eq!(verify_with(224), Signature::WrongLength { expected: 256 });
    assert_eq!(verify_with(256), Signature::Invalid { key: None });
    assert_eq!(verify_with(512), Signature::Invalid { key: None });
}
