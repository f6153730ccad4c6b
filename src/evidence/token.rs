//! The decoded token, without its signature.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A decoded token, without its signature.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// The JOSE header (RFC 7515 section 4).
    pub header: Map<String, Value>,
    /// The claims set (RFC 7519 section 4).
    pub claims: Map<String, Value>,
    /// Keys that occur more than once in the header or the claims; the last value is kept.
    pub duplicates: Vec<String>,
    /// `sha256:` and the hex digest of the whole token, which identifies it without showing it.
    pub fingerprint: String,
    /// The length of the decoded signature.
    pub signature_bytes: usize,
    /// How the signature is cut off, if it is. The rest is still judged.
    pub truncated: Option<String>,
}

impl Token {
    /// A token of which only the claims are known.
    pub fn of_claims(claims: Map<String, Value>) -> Self {
        Self {
            header: Map::new(),
            claims,
            duplicates: Vec::new(),
            fingerprint: String::new(),
            signature_bytes: 0,
            truncated: None,
        }
    }

    /// A claim that is a string.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// A claim that is a number of seconds since the epoch, rounded down (RFC 7519 section 2 allows
    /// fractions in a NumericDate). A string that holds a JSON number counts as that number, as in
    /// go-oidc (`jsonTime`).
    pub fn seconds(&self, claim: &str) -> Option<i64> {
        let number = match self.claims.get(claim)? {
            Value::Number(number) => number.clone(),
            Value::String(text) if text.trim() == text => serde_json::from_str(text).ok()?,
            _ => return None,
        };
        #[allow(clippy::cast_possible_truncation)]
        number.as_i64().or_else(|| number.as_f64().map(|f| f.floor() as i64))
    }

    /// Every string in the header and the claims, at any depth.
    pub fn texts(&self) -> Vec<&str> {
        fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
            match value {
                Value::String(text) => texts.push(text),
                Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
                Value::Object(members) => members.values().for_each(|item| collect(item, texts)),
                _ => {}
            }
        }
        let mut texts = Vec::new();
        let parts = [&self.header, &self.claims];
        parts.into_iter().flat_map(Map::values).for_each(|value| collect(value, &mut texts));
        texts
    }

    /// The `aud` claim as a list; it may be a string or an array.
    pub fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The key that the header names. An empty name counts as absent, as in go-oidc.
    pub fn key_id(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str).filter(|kid| !kid.is_empty())
    }

    /// The signature algorithm that the header names.
    pub fn algorithm(&self) -> Option<&str> {
        self.header.get("alg").and_then(Value::as_str)
    }
}
