//! Verifying a token's signature with a key set (RFC 7515 section 5.2, RFC 7517, RFC 7518
//! section 3, RFC 8037).
//!
//! The result is evidence; the signature itself goes no further than this.

use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use crate::evidence::{KeyOutline, KeySet, Signature, Token};
use crate::secret::Secret;

/// The smallest RSA modulus that is accepted (RFC 7518 section 3.3), in bytes.
const SMALLEST_RSA: usize = 256;

/// How many keys are tried on one token. A key set may hold thousands without ids, and each of
/// them reads the whole token again.
const MOST_TRIED: usize = 64;

/// Reads a key set. Keys of an unknown form are passed over (RFC 7517 section 5).
#[must_use]
pub fn outline(key_set: &Value) -> KeySet {
    let invalid = |reason: &str| KeySet::Invalid { reason: reason.to_owned() };
    let Some(key_set) = key_set.as_object() else { return invalid("it is not a JSON object") };
    let Some(keys) = key_set.get("keys") else { return invalid("it has no `keys`") };
    let Some(keys) = keys.as_array() else { return invalid("its `keys` is not a list") };
    if keys.is_empty() {
        return invalid("its list of keys is empty");
    }
    let mut outlines = Vec::new();
    for key in keys {
        let text = |field: &str| key.get(field).and_then(Value::as_str).map(str::to_owned);
        let Some(key_type) = text("kty") else { continue };
        outlines.push(KeyOutline {
            id: text("kid"),
            key_type,
            algorithm: text("alg"),
            usage: text("use"),
            curve: text("crv"),
        });
    }
    if outlines.is_empty() {
        return invalid("none of its keys has a `kty`");
    }
    KeySet::Keys { keys: outlines }
}

/// Checks the signature of `compact` with the keys of `key_set`.
#[must_use]
pub fn verify(compact: &Secret, token: &Token, key_set: &Value) -> Signature {
    let Some(scheme) = token.algorithm().and_then(scheme) else {
        return Signature::UnsupportedAlgorithm;
    };
    let Some((message, signature)) = compact.reveal().rsplit_once('.') else {
        return Signature::NotChecked;
    };
    let kid = token.header.get("kid").and_then(Value::as_str);
    let keys: Vec<&Map<String, Value>> = key_set
        .get("keys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter(|key| kid.is_none() || key.get("kid").and_then(Value::as_str) == kid)
        .collect();
    if keys.is_empty() {
        return Signature::KeyNotFound;
    }
    // Without a kid, or with one that several keys share, one that verifies is enough.
    let mut best = Signature::KeyNotFound;
    for key in keys.into_iter().take(MOST_TRIED) {
        let id = key.get("kid").and_then(Value::as_str).map(str::to_owned);
        let result = match usable(key, token.algorithm().unwrap_or_default(), scheme) {
            Err(reason) => Signature::KeyUnusable { reason },
            Ok(bytes) if bytes.is_some_and(|bytes| bytes != token.signature_bytes) => {
                Signature::WrongLength { expected: bytes.unwrap_or_default() }
            }
            Ok(_) => match check(key, scheme, message, signature) {
                Ok(true) => return Signature::Verified { key: id },
                Ok(false) => Signature::Invalid { key: id },
                Err(reason) => Signature::KeyUnusable { reason },
            },
        };
        if telling(&result) > telling(&best) {
            best = result;
        }
    }
    best
}

/// Of several keys that failed, the one that came furthest is told.
fn telling(result: &Signature) -> u8 {
    match result {
        Signature::Invalid { .. } => 3,
        Signature::WrongLength { .. } => 2,
        Signature::KeyUnusable { .. } => 1,
        _ => 0,
    }
}

/// How an algorithm verifies: with `jsonwebtoken`, which lacks ES512, or with P-521 directly.
#[derive(Clone, Copy)]
enum Scheme {
    Library { algorithm: Algorithm, key_type: &'static str, curve: Option<&'static str> },
    P521,
}

fn scheme(name: &str) -> Option<Scheme> {
    let library = |algorithm, key_type, curve| Scheme::Library { algorithm, key_type, curve };
    Some(match name {
        "RS256" => library(Algorithm::RS256, "RSA", None),
        "RS384" => library(Algorithm::RS384, "RSA", None),
        "RS512" => library(Algorithm::RS512, "RSA", None),
        "PS256" => library(Algorithm::PS256, "RSA", None),
        "PS384" => library(Algorithm::PS384, "RSA", None),
        "PS512" => library(Algorithm::PS512, "RSA", None),
        "ES256" => library(Algorithm::ES256, "EC", Some("P-256")),
        "ES384" => library(Algorithm::ES384, "EC", Some("P-384")),
        "ES512" => Scheme::P521,
        "EdDSA" | "Ed25519" => library(Algorithm::EdDSA, "OKP", Some("Ed25519")),
        _ => return None,
    })
}

/// Whether a key can have made signatures of this algorithm; the length of an RSA key's
/// signatures in bytes.
fn usable(
    key: &Map<String, Value>,
    algorithm: &str,
    scheme: Scheme,
) -> Result<Option<usize>, String> {
    let text = |field: &str| key.get(field).and_then(Value::as_str);
    let (key_type, curve) = match scheme {
        Scheme::Library { key_type, curve, .. } => (key_type, curve),
        Scheme::P521 => ("EC", Some("P-521")),
    };
    if text("kty") != Some(key_type) {
        return Err(format!("{algorithm} needs a key of type {key_type}"));
    }
    if let Some(curve) = curve
        && text("crv") != Some(curve)
    {
        return Err(format!("{algorithm} needs the curve {curve}"));
    }
    if let Some(other) = text("alg").filter(|a| *a != algorithm && !ed25519(a, algorithm)) {
        return Err(format!("the key is for {other}, the token says {algorithm}"));
    }
    if let Some(usage) = text("use").filter(|u| *u != "sig") {
        return Err(format!("the key's use is {usage}, not sig"));
    }
    if key_type != "RSA" {
        return Ok(None);
    }
    let modulus = text("n").and_then(|n| URL_SAFE_NO_PAD.decode(n.trim_end_matches('=')).ok());
    let modulus = modulus.ok_or("the key's modulus is not base64url")?;
    let bytes = modulus.iter().skip_while(|byte| **byte == 0).count();
    if bytes < SMALLEST_RSA {
        return Err("RSA keys of less than 2048 bits are not accepted".to_owned());
    }
    Ok(Some(bytes))
}

/// RFC 9864 names `Ed25519` what RFC 8037 calls `EdDSA` with that curve.
fn ed25519(a: &str, b: &str) -> bool {
    matches!((a, b), ("EdDSA", "Ed25519") | ("Ed25519", "EdDSA"))
}

fn check(
    key: &Map<String, Value>,
    scheme: Scheme,
    message: &str,
    signature: &str,
) -> Result<bool, String> {
    let part = |field: &str| {
        key.get(field)
            .and_then(Value::as_str)
            .map(|text| text.trim_end_matches('='))
            .ok_or(format!("the key has no `{field}`"))
    };
    let broken = |_| "the key's numbers are not base64url".to_owned();
    match scheme {
        Scheme::Library { algorithm, key_type, .. } => {
            let key = match key_type {
                "RSA" => DecodingKey::from_rsa_components(part("n")?, part("e")?),
                "EC" => DecodingKey::from_ec_components(part("x")?, part("y")?),
                _ => DecodingKey::from_ed_components(part("x")?),
            }
            .map_err(|_| "the key's numbers are not base64url".to_owned())?;
            // An error here is a key that the library cannot use, or a signature it cannot read:
            // either way it does not verify.
            Ok(jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, algorithm)
                .unwrap_or(false))
        }
        Scheme::P521 => {
            let mut point = vec![4];
            point.extend(URL_SAFE_NO_PAD.decode(part("x")?).map_err(broken)?);
            point.extend(URL_SAFE_NO_PAD.decode(part("y")?).map_err(broken)?);
            let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return Ok(false) };
            let key = UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point);
            Ok(key.verify(message.as_bytes(), &signature).is_ok())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_set_without_end_only_some_keys_are_tried() {
        let compact = Secret::new(format!("e30.e30.{}", "A".repeat(342)));
        let token = Token {
            header: json!({"alg": "RS256"}).as_object().cloned().unwrap_or_default(),
            claims: Map::new(),
            duplicates: Vec::new(),
            fingerprint: String::new(),
            signature_bytes: 256,
            truncated: None,
        };
        let tried = |before: usize| {
            let mut keys = vec![json!({"kty": "EC"}); before];
            keys.push(json!({"kty": "RSA", "n": format!("w{}", "A".repeat(341)), "e": "AQAB"}));
            verify(&compact, &token, &json!({ "keys": keys }))
        };
        assert_eq!(tried(MOST_TRIED - 1), Signature::Invalid { key: None });
        assert!(matches!(tried(MOST_TRIED), Signature::KeyUnusable { .. }));
    }
}
