//! Values that must never be shown: their `Debug` says nothing, and they are wiped when dropped.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// A bearer credential. There is no `Display`, no serialisation, and `Debug` hides it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the value over.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for the one place that sends or decodes it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

/// What stands in the place of a secret in text.
pub const REDACTED: &str = "[redacted]";

/// Takes known secrets, and whatever looks like one, out of text that a server or a file wrote
/// before it becomes evidence: a server may echo the request that it refuses.
#[derive(Clone, Default)]
pub struct Scrubber {
    known: Vec<Zeroizing<String>>,
}

/// Shorter values, in bytes, are not looked for: no credential is that short, and what stands in
/// for one (`dummy`) would hit ordinary words and names, which the judge compares.
const SHORTEST: usize = 8;
/// The same for a part of a value.
const SHORTEST_PART: usize = 12;

impl Scrubber {
    /// Remembers a secret; of a token with dots its signature (the last part) as well.
    pub fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.len() >= SHORTEST {
            self.known.push(Zeroizing::new(secret.to_owned()));
        }
        if let Some((_, signature)) = secret.rsplit_once('.')
            && signature.len() >= SHORTEST_PART
        {
            self.known.push(Zeroizing::new(signature.to_owned()));
        }
    }

    /// The text without secrets.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.known {
            if text.contains(secret.as_str()) {
                let clean = text.replace(secret.as_str(), REDACTED);
                text.zeroize();
                text = clean;
            }
        }
        scrub_shapes(&text)
    }

    /// [`Self::scrub`] for every string of a JSON value, keys included.
    #[must_use]
    pub fn scrub_json(&self, value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(s) => Value::String(self.scrub(&s)),
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|v| self.scrub_json(v)).collect())
            }
            Value::Object(map) => Value::Object(
                map.into_iter().map(|(k, v)| (self.scrub(&k), self.scrub_json(v))).collect(),
            ),
            other => other,
        }
    }
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubber({} secrets)", self.known.len())
    }
}

/// Replaces what looks like a JWT or a Pulumi access token.
fn scrub_shapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| is_token_char(c)) {
        let (before, word) = rest.split_at(start);
        out.push_str(before);
        let end = word.find(|c: char| !is_token_char(c)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        out.push_str(if looks_secret(word) { REDACTED } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// How many hex digits behind `pul-` make it an access token (40 in a whole one), and not the name
/// of a host or an organization that begins in the same way.
const SHORTEST_ID: usize = 12;

/// A JWT (its header begins with `{"`, which is `eyJ` in base64url), whatever stands in front of
/// it, or `pul-` and hex digits.
fn looks_secret(word: &str) -> bool {
    let jwt = word.find("eyJ").and_then(|start| word.get(start..));
    let jwt = jwt.is_some_and(|jwt| jwt.len() >= 32 && jwt.contains('.'));
    let pulumi = word
        .trim_start_matches(['-', '_', '.'])
        .strip_prefix("pul-")
        .is_some_and(|id| id.bytes().take_while(u8::is_ascii_hexdigit).count() >= SHORTEST_ID);
    jwt || pulumi
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_and_their_signature_go() {
        let mut scrubber = Scrubber::default();
        scrubber.add("aaa.bbb.signature-of-it");
        assert_eq!(scrubber.scrub("x aaa.bbb.signature-of-it y"), "x [redacted] y");
        assert_eq!(scrubber.scrub("only signature-of-it"), "only [redacted]");
    }

    #[test]
    fn shapes_go_and_words_stay() {
        let scrubber = Scrubber::default();
        let text =
            "got 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln', pul-0123456789abcdef, pulumi-cloud";
        assert_eq!(scrubber.scrub(text), "got '[redacted]', [redacted], pulumi-cloud");
        assert_eq!(scrubber.scrub("--eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln"), "[redacted]");
    }

    #[test]
    fn names_that_begin_like_an_access_token_stay() {
        let scrubber = Scrubber::default();
        for name in ["https://pul-production.corp.test/api", "pul-platform-team", "pul-1"] {
            assert_eq!(scrubber.scrub(name), name);
        }
        let digits = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(scrubber.scrub(&format!("pul-{digits}.")), "[redacted]");
        assert_eq!(scrubber.scrub(&format!("pul-{digits}-x")), "[redacted]");
    }

    #[test]
    fn debug_says_nothing() {
        assert_eq!(format!("{:?}", Secret::new("pul-123".into())), "(redacted)");
    }
}
