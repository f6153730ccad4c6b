//! Verifying a token's signature with a key set (RFC 7515 section 5.2, RFC 7517, RFC 7518
//! section 3, RFC 8037).
//!
//! Which keys are tried, and which of them are refused, follows go-oidc and go-jose: Pulumi Cloud
//! is assumed to verify with them. `fixtures/go` holds what they say of many tokens and keys.
//!
//! The result is evidence; the signature itself goes no further than this.

mod key;
#[cfg(test)]
mod tests;

use base64::Engine;
use serde_json::{Map, Value};

use self::key::{Scheme, Unusable};
use crate::evidence::{KeyOutline, KeySet, Signature, Token};
use crate::oidc::jwt::{LENIENT, header};
use crate::text::secret::Secret;

/// How many keys are tried on one token. A key set may hold thousands without ids, and each of
/// them reads the whole token again.
const MOST_TRIED: usize = 64;

/// Reads a key set. Keys of an unknown form are passed over (RFC 7517 section 5).
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
            id: text("kid").filter(|id| !id.is_empty()),
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
pub fn verify(compact: &Secret, token: &Token, key_set: &Value) -> Signature {
    let algorithm = token.algorithm().unwrap_or_default();
    let Some(scheme) = Scheme::of(algorithm) else { return Signature::UnsupportedAlgorithm };
    if header::fault(&token.header).is_some() {
        return Signature::UnsupportedAlgorithm;
    }
    let Some((message, signature)) = compact.reveal().rsplit_once('.') else {
        return Signature::NotChecked;
    };
    let Ok(signature) = LENIENT.decode(signature) else { return Signature::NotChecked };
    let kid = token.key_id();
    let keys: Vec<&Map<String, Value>> = key_set
        .get("keys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter(|key| kid.is_none() || id(key) == kid)
        .collect();
    // Without a kid, or with one that several keys share, one that verifies is enough.
    let mut best = Signature::KeyNotFound;
    let mut tried = 0;
    for key in keys {
        let result = match key::fits(key, algorithm, scheme) {
            Err(reason) => Signature::KeyUnusable { reason, assumes_go: false },
            Ok(()) if tried == MOST_TRIED => Signature::NotVerifiable {
                reason: format!("none of the first {MOST_TRIED} keys that fit verifies it"),
            },
            Ok(()) => {
                tried += 1;
                attempt(key, algorithm, scheme, message.as_bytes(), &signature)
            }
        };
        if matches!(result, Signature::Verified { .. }) {
            return result;
        }
        if weight(&result) > weight(&best) {
            best = result;
        }
    }
    best
}

/// What one key makes of the signature.
fn attempt(
    key: &Map<String, Value>,
    algorithm: &str,
    scheme: Scheme,
    message: &[u8],
    signature: &[u8],
) -> Signature {
    let kid = id(key).map(str::to_owned);
    let usable = match key::read(key, algorithm, scheme) {
        Ok(usable) => usable,
        Err(Unusable::Anywhere(reason)) => {
            return Signature::KeyUnusable { reason, assumes_go: false };
        }
        Err(Unusable::ByGo(reason)) => {
            return Signature::KeyUnusable { reason, assumes_go: true };
        }
        Err(Unusable::Here(reason)) => return Signature::NotVerifiable { reason },
    };
    match usable.signature_bytes {
        // A longer one is not cut off: another key made it.
        Some(expected) if signature.len() < expected => Signature::WrongLength { expected },
        _ if usable.key.verify_sig(message, signature).is_ok() => {
            Signature::Verified { key: kid, unusual: usable.unusual }
        }
        _ => Signature::Invalid { key: kid },
    }
}

/// The key's id. An empty id counts as absent, as in go-jose.
fn id(key: &Map<String, Value>) -> Option<&str> {
    key.get("kid").and_then(Value::as_str).filter(|id| !id.is_empty())
}

/// Which of several results is reported. One key that could not be tried leaves the answer open,
/// whatever the others say.
fn weight(result: &Signature) -> u8 {
    match result {
        Signature::NotVerifiable { .. } => 4,
        Signature::Invalid { .. } => 3,
        Signature::WrongLength { .. } => 2,
        Signature::KeyUnusable { .. } => 1,
        _ => 0,
    }
}
