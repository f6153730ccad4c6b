//! Verifies a token's signature with a key set (RFC 7515 section 5.2, RFC 7517, RFC 7518 section 3,
//! RFC 8037).
//!
//! The choice of keys follows go-oidc and go-jose, which Pulumi Cloud presumably uses.
//! `fixtures/go` has their results for many tokens and keys.
//!
//! The result is evidence. The signature itself never leaves this module.

mod key;
#[cfg(test)]
mod tests;

use base64::Engine;
use serde_json::{Map, Value};

use self::key::{Scheme, Unusable};
use crate::evidence::{KeyOutline, KeySet, Signature, Token};
use crate::oidc::jwt::{LENIENT_BASE64URL, header};
use crate::text::secret::Secret;

/// The most keys to try on one token. A key set may hold thousands without ids, and every try
/// hashes the whole token.
const MOST_TRIED: usize = 64;

/// Outlines a key set. Skips keys of an unknown form (RFC 7517 section 5).
pub fn outline_key_set(key_set: &Value) -> KeySet {
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

/// Verifies the signature of `compact` with the keys of `key_set`.
pub fn verify(compact: &Secret, token: &Token, key_set: &Value) -> Signature {
    let algorithm = token.algorithm().unwrap_or_default();
    let Some(scheme) = Scheme::of(algorithm) else { return Signature::UnsupportedAlgorithm };
    if header::fault(&token.header).is_some() {
        return Signature::UnsupportedAlgorithm;
    }
    let Some((message, signature)) = compact.reveal().rsplit_once('.') else {
        return Signature::NotChecked;
    };
    let Ok(signature) = LENIENT_BASE64URL.decode(signature) else { return Signature::NotChecked };
    let kid = token.key_id();
    let keys: Vec<&Map<String, Value>> = key_set
        .get("keys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter(|key| kid.is_none() || key_id(key) == kid)
        .collect();
    // If several keys have the id, or there is no id, one key that verifies is enough.
    let mut best = Signature::KeyNotFound;
    let mut tried = 0;
    for key in keys {
        let result = match key::check_type(key, algorithm, scheme) {
            Err(reason) => Signature::KeyUnusable { reason, assumes_go: false },
            Ok(()) if tried == MOST_TRIED => Signature::NotVerifiable {
                reason: format!("none of the first {MOST_TRIED} keys that fit verifies it"),
            },
            Ok(()) => {
                tried += 1;
                verify_with_key(key, algorithm, scheme, message.as_bytes(), &signature)
            }
        };
        if matches!(result, Signature::Verified { .. }) {
            return result;
        }
        if priority(&result) > priority(&best) {
            best = result;
        }
    }
    best
}

/// Verifies the signature with one key.
fn verify_with_key(
    key: &Map<String, Value>,
    algorithm: &str,
    scheme: Scheme,
    message: &[u8],
    signature: &[u8],
) -> Signature {
    let kid = key_id(key).map(str::to_owned);
    let usable = match key::parse_key(key, algorithm, scheme) {
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
        // A longer signature is not truncated: another key made it.
        Some(expected) if signature.len() < expected => Signature::WrongLength { expected },
        _ if usable.key.verify_sig(message, signature).is_ok() => {
            Signature::Verified { key: kid, unusual: usable.unusual }
        }
        _ => Signature::Invalid { key: kid },
    }
}

/// The key's id. An empty id counts as absent, as in go-jose.
fn key_id(key: &Map<String, Value>) -> Option<&str> {
    key.get("kid").and_then(Value::as_str).filter(|id| !id.is_empty())
}

/// The priority of a result among those of several keys. A key that could not be tried leaves the
/// answer open, whatever the others say.
fn priority(result: &Signature) -> u8 {
    match result {
        Signature::NotVerifiable { .. } => 4,
        Signature::Invalid { .. } => 3,
        Signature::WrongLength { .. } => 2,
        Signature::KeyUnusable { .. } => 1,
        _ => 0,
    }
}
