//! Removes secrets from text.

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem;
use zeroize::Zeroizing;

use super::pieces::{self, Pieces};
use super::{REDACTED, letters, looks_random, shapes};

/// Removes known secrets, and text that looks like one, from foreign text before it becomes
/// evidence. A server may echo the request that it refuses, in any encoding.
///
/// Secrets can be added through a shared reference, for example when a token is minted.
#[derive(Default)]
pub struct Scrubber {
    known: RwLock<Known>,
}

#[derive(Clone, Default)]
struct Known {
    all: Vec<Zeroizing<String>>,
    /// Pieces of random secrets. A single piece gives one away.
    random: Pieces,
    /// Pieces of secrets that a person wrote. It takes several of their words to give one away.
    written: Pieces,
    /// The letters and digits of secrets too short for pieces, in every encoding.
    short: Vec<letters::Digits>,
    /// Secrets with hardly any letters and digits, unchanged.
    exact: Vec<Zeroizing<String>>,
}

/// Shorter values, in bytes, are ignored: no credential is that short, and placeholders (`dummy`)
/// would match ordinary words and names, which the judge compares.
const SHORTEST: usize = 8;
/// The same limit for a part of a value.
const SHORTEST_PART: usize = 12;
/// How many letters and digits of a written secret give it away. With separators they are 20
/// characters.
const WRITTEN: usize = 16;
/// This many characters of a random secret are never shown (product contract, section 7).
const LONGEST: usize = 20;

impl Scrubber {
    /// Remembers a secret. If it has dots, also its last part, which is a token's signature.
    pub fn add(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SHORTEST || is_placeholder(secret) {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.all.iter().any(|known| known.as_str() == secret) {
            return;
        }
        known.all.push(Zeroizing::new(secret.to_owned()));
        if let Some((signed, signature)) = secret.rsplit_once('.')
            && let Some(public) = public_text(signed)
        {
            // Header and claims are public. A claim may contain the encoded form of another.
            let mut shown = Pieces::default();
            shown.add_text(&public);
            known.random.add(signed.as_bytes(), &shown);
            known.add_random(signature);
            return;
        }
        known.add(secret);
        if let Some((_, part)) = secret.rsplit_once('.')
            && part.len() >= SHORTEST_PART
        {
            known.add(part);
        }
    }

    /// Remembers only the signature of a token. Enough if the token is never sent, since no answer
    /// can repeat it.
    pub fn add_signature(&self, token: &str) {
        if let Some((_, signature)) = token.trim().rsplit_once('.')
            && signature.len() >= SHORTEST_PART
        {
            self.known.write().unwrap_or_else(PoisonError::into_inner).add_random(signature);
        }
    }

    /// Removes secrets from a text.
    pub fn scrub(&self, text: &str) -> String {
        if text.len() < SHORTEST {
            return text.to_owned();
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let ranges = known.find(text);
        drop(known);
        if ranges.is_empty() {
            return scrub_shapes(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for Range { start, end } in ranges {
            out.push_str(&text[from..start]);
            out.push_str(REDACTED);
            from = end;
        }
        scrub_shapes(&(out + &text[from..]))
    }

    /// Removes secrets from every string in a JSON value, including keys.
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

impl Known {
    fn add(&mut self, secret: &str) {
        let digits = letters::plain_digits(secret.as_bytes());
        if digits.len() >= pieces::LENGTH && looks_random(secret) {
            self.add_random(secret);
        } else if digits.len() >= WRITTEN {
            self.written.add(secret.as_bytes(), &Pieces::default());
        } else if digits.len() >= SHORTEST {
            self.short.push(digits);
            let encodings = pieces::encodings(secret.as_bytes());
            self.short.extend(encodings.into_iter().map(|(digits, _)| digits));
        } else {
            self.exact.push(Zeroizing::new(secret.to_owned()));
        }
    }

    /// Adds a secret of which no [`LONGEST`] characters may be shown.
    fn add_random(&mut self, secret: &str) {
        self.random.add(secret.as_bytes(), &Pieces::default());
        // Parts with hardly any letters and digits have no piece.
        let is_sign = |b: &u8| usize::from(!b.is_ascii_alphanumeric());
        let bytes = secret.as_bytes();
        let mut signs = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let start = (at + 1).saturating_sub(LONGEST);
            signs += is_sign(byte);
            if at + 1 >= LONGEST && signs >= LONGEST - pieces::LENGTH {
                let part = String::from_utf8_lossy(&bytes[start..=at]).into_owned();
                self.exact.push(Zeroizing::new(part));
            }
            signs -= if at + 1 >= LONGEST { is_sign(&bytes[start]) } else { 0 };
        }
    }

    /// The ranges where a text repeats secrets, in order, without overlaps.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for decode in [false, true] {
            if decode && !letters::has_escapes(text) {
                break;
            }
            if text.len() >= pieces::LENGTH && !(self.random.is_empty() && self.written.is_empty())
            {
                let written = (&self.written, WRITTEN);
                found.extend(pieces::find(text, decode, &self.random, written));
            }
            if !self.short.is_empty() {
                let (digits, positions) = letters::digits_with_positions(text, decode);
                let matches = self.short.iter().flat_map(|secret| {
                    memmem::find_iter(&digits, secret.as_slice()).map(|at| at..at + secret.len())
                });
                found.extend(
                    matches.map(|found| positions[found.start].start..positions[found.end - 1].end),
                );
            }
        }
        for secret in &self.exact {
            let matches = text.match_indices(secret.as_str());
            found.extend(matches.map(|(at, _)| at..at + secret.len()));
        }
        found.iter_mut().for_each(|range| *range = word_around(text, range.clone()));
        found.sort_unstable_by_key(|range| range.start);
        found.dedup_by(|next, range| {
            let joins = next.start <= range.end
                || !text[range.end..next.start].contains(|c: char| c.is_ascii_alphanumeric());
            if joins {
                range.end = range.end.max(next.end);
            }
            joins
        });
        found
    }
}

/// Extends a range to whole words, which may hold the rest of a secret.
fn word_around(text: &str, range: Range<usize>) -> Range<usize> {
    // Bounds the search: a longer rest belongs to another word.
    const LONGEST: usize = 64;
    let is_rest = |b: &&u8| b.is_ascii_alphanumeric() || b"-_+".contains(b);
    let (before, after) = (&text.as_bytes()[..range.start], &text.as_bytes()[range.end..]);
    let before = before.iter().rev().take(LONGEST).take_while(is_rest).count();
    let rest = after.iter().take(LONGEST).take_while(is_rest).count();
    let padding = after[rest..].iter().take(2).take_while(|b| **b == b'=').count();
    range.start - before..range.end + rest + padding
}

/// Whether a value stands for a secret: a mask, or an unexpanded variable.
fn is_placeholder(value: &str) -> bool {
    let is_expression =
        |(start, end): (&str, &str)| value.starts_with(start) && value.ends_with(end);
    value.contains("***") || [("$(", ")"), ("${", "}"), ("<", ">")].into_iter().any(is_expression)
}

/// The decoded header and claims of a token, given without its signature. `None`: it is no token,
/// or encrypted.
fn public_text(signed: &str) -> Option<Zeroizing<Vec<u8>>> {
    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let (header, claims) = signed.split_once('.')?;
    let mut text = Zeroizing::new(BASE64.decode(header).ok()?);
    let claims = Zeroizing::new(BASE64.decode(claims).ok()?);
    let is_object = |bytes: &[u8]| bytes.trim_ascii_start().first() == Some(&b'{');
    if !is_object(&text) || !is_object(&claims) {
        return None;
    }
    text.extend_from_slice(&claims);
    Some(text)
}

impl Clone for Scrubber {
    /// An independent copy: later secrets are added to only one of them.
    fn clone(&self) -> Self {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Self { known: RwLock::new(known.clone()) }
    }
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Scrubber({} secrets)", known.all.len())
    }
}

/// A path from the command line, safe to show. A word that looks random and names no file is
/// treated as a misplaced secret.
pub(crate) fn argument(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_random = !text.contains(['/', '\\', '.']) && looks_random(&text) && !path.exists();
    if is_random { REDACTED.to_owned() } else { Scrubber::default().scrub(&text) }
}

/// Replaces words with the shape of a secret ([`shapes`]), and the paths of webhooks.
fn scrub_shapes(text: &str) -> String {
    if text.len() < shapes::SHORTEST {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for Range { start, end } in shapes::hooks(text) {
        if start >= from {
            out.push_str(&scrub_words(&text[from..start]));
            out.push_str(REDACTED);
            from = end;
        }
    }
    out + &scrub_words(&text[from..])
}

fn scrub_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_token_char) {
        let (before, word) = rest.split_at(start);
        out.push_str(before);
        let (word, after) = word.split_at(end_of_word(word));
        let is_secret = word.len() >= shapes::SHORTEST && shapes::in_word(word).is_some();
        out.push_str(if is_secret { REDACTED } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The end of the token characters at the start of a text. Dots may be percent-encoded.
fn end_of_word(text: &str) -> usize {
    let mut end = 0;
    loop {
        let rest = &text[end..];
        end += rest.find(|c: char| !is_token_char(c)).unwrap_or(rest.len());
        match text[end..].get(..3) {
            Some(dot) if dot.eq_ignore_ascii_case("%2e") => end += dot.len(),
            _ => return end,
        }
    }
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}
