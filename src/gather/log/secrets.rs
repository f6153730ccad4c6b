//! Finds secrets in a line, by their shape or by the name that they are assigned to.

mod assigned;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::evidence::log::SecretKind;
use crate::text;
use crate::text::secret::shapes;
use crate::text::secret::shapes::{HOOKS, OPAQUE};
use crate::text::secret::{REDACTED, Scrubber, is_reference};

pub(super) use self::assigned::may_assign;

/// The texts to search for. A line without any of them holds no secret.
pub(super) fn needles() -> impl Iterator<Item = String> {
    let shapes = ["eyJ", "ZXlK", "pul-", "earer ", "EARER ", "uthorization", "UTHORIZATION", URL];
    let prefixes = OPAQUE.iter().map(|shape| shape.prefix);
    let fixed = shapes
        .into_iter()
        .chain(SPACED_JSON_STARTS)
        .chain(HOOKS)
        .chain(prefixes)
        .map(str::to_owned);
    fixed.chain(assigned::needles())
}

/// The texts among [`needles`] that count only if [`may_assign`] says so.
pub(super) fn stems() -> impl Iterator<Item = String> {
    assigned::stems()
}

/// Shorter ones are names, placeholders or useless fragments.
const SHORTEST_JWT: usize = 40;
/// How the headers of JWTs begin: `{"typ":`, `{"alg":`, `{"kid":`, `{"x5t":`.
const JWT_STARTS: [&str; 4] = ["eyJ0eXAiOi", "eyJhbGciOi", "eyJraWQiOi", "eyJ4NXQiOi"];
/// How JSON objects with inner white space begin in base64url.
const SPACED_JSON_STARTS: [&str; 4] = ["eyAi", "ewog", "ewoJ", "ew0K"];
const SHORTEST_BASE64: usize = 64;
const SHORTEST_OPAQUE: usize = 20;
const SHORTEST_BEARER: usize = 16;
const SHORTEST_CREDENTIAL: usize = 8;

/// Follows the scheme of a URL. Logs are full of URLs: [`may_hold_credentials`] selects the
/// relevant ones.
pub(super) const URL: &str = "://";

/// Whether a URL may hold a password. `rest` is the text after `://`.
pub(super) fn may_hold_credentials(rest: &[u8]) -> bool {
    let end = |b: &u8| matches!(b, b'/' | b' ' | b'"' | b'\'' | b'\n' | b'@');
    rest.iter().take(512).find(|b| end(b)) == Some(&b'@')
}

/// The secrets in a line, in order, without overlaps.
pub(super) fn find(line: &str) -> Vec<(Range<usize>, SecretKind)> {
    let mut found = header_credentials(line);
    found.extend(url_credentials(line));
    let opaque = assigned::assigned_secrets(line).into_iter().chain(shapes::hooks(line));
    found.extend(opaque.map(|range| (range, SecretKind::Opaque)));
    for (at, word) in words(line) {
        if let Some((range, kind)) = by_shape(word) {
            found.push((at + range.start..at + range.end, kind));
        }
    }
    // A header's value may also be found by its shape, which tells more.
    found.sort_by_key(|(range, kind)| (range.start, *kind));
    let mut merged: Vec<(Range<usize>, SecretKind)> = Vec::new();
    for (range, kind) in found {
        match merged.last_mut() {
            Some((last, known)) if range.start < last.end => {
                last.end = last.end.max(range.end);
                *known = (*known).min(kind);
            }
            _ => merged.push((range, kind)),
        }
    }
    merged
}

/// The line without its secrets.
pub(super) fn redact(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut from = 0;
    for (range, _) in find(line) {
        out.push_str(&line[from..range.start]);
        out.push_str(REDACTED);
        from = range.end;
    }
    out.push_str(&line[from..]);
    redact_random(&text::urls_in(&Scrubber::default().scrub(&out)))
}

/// A part of a word with mixed characters and this length is no name, so it is not shown.
const SHORTEST_MIXED: usize = 32;

/// Redacts words that look random, such as keys and parts of signatures.
fn redact_random(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, word) in words(text) {
        let is_mixed = |part: &str| {
            let has = |is: fn(&u8) -> bool| part.as_bytes().iter().any(is);
            part.len() >= SHORTEST_MIXED
                && has(u8::is_ascii_lowercase)
                && has(u8::is_ascii_uppercase)
                && has(u8::is_ascii_digit)
        };
        if word.split(['/', '.', '%', '=']).any(is_mixed) {
            out.push_str(&text[from..at]);
            out.push_str(REDACTED);
            from = at + word.len();
        }
    }
    out + &text[from..]
}

/// The words made of characters that occur in tokens, with their positions.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    // Forms percent-encode dots and slashes.
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.+/=%".contains(c);
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + line[rest..].find(is_part)?;
        let length = line[start..].find(|c| !is_part(c)).unwrap_or(line.len() - start);
        rest = start + length;
        Some((start, &line[start..rest]))
    })
}

fn by_shape(word: &str) -> Option<(Range<usize>, SecretKind)> {
    if word.len() < SHORTEST_JWT {
        return by_prefix(word);
    }
    let whole = |at: usize, kind| Some((at..word.len(), kind));
    if let Some(at) = word.find("eyJ")
        && word.len() - at >= SHORTEST_JWT
        && word[at..].contains('.')
    {
        return whole(at, SecretKind::Jwt);
    }
    if let Some(at) = SPACED_JSON_STARTS.iter().find_map(|start| word.find(start))
        && word.len() - at >= SHORTEST_JWT
        && word[at..].matches('.').count() >= 2
    {
        return whole(at, SecretKind::Jwt);
    }
    // The first line of a wrapped token has no dot.
    if let Some(at) = JWT_STARTS.iter().find_map(|header| word.find(header))
        && word.len() - at >= SHORTEST_JWT
    {
        return whole(at, SecretKind::Jwt);
    }
    if let Some(at) = word.find("ZXlK")
        && word.len() - at >= SHORTEST_BASE64
    {
        return whole(at, SecretKind::Jwt);
    }
    by_prefix(word)
}

fn by_prefix(word: &str) -> Option<(Range<usize>, SecretKind)> {
    let (at, kind) = shapes::prefixed(word)?;
    Some(match kind {
        shapes::Kind::Pulumi => {
            let digits = word[at + 4..].bytes().take_while(u8::is_ascii_hexdigit).count();
            (at..at + 4 + digits, SecretKind::PulumiAccessToken)
        }
        shapes::Kind::Jwt => (at..word.len(), SecretKind::Jwt),
        shapes::Kind::Opaque => (at..word.len(), SecretKind::Opaque),
    })
}

/// The values of `Authorization` headers with any scheme, and the words after `Bearer`.
fn header_credentials(line: &str) -> Vec<(Range<usize>, SecretKind)> {
    let lower = line.to_ascii_lowercase();
    let mut found = Vec::new();
    for (word, shortest) in [("authorization", SHORTEST_CREDENTIAL), ("bearer ", SHORTEST_BEARER)] {
        for (at, _) in lower.match_indices(word) {
            let mut start = at + word.len();
            let assigned = line[start..].trim_start_matches(['"', '\'', '\\']);
            if word != "bearer " && !assigned.starts_with([':', '=', '[', '%']) {
                continue;
            }
            start += if word == "bearer " { 0 } else { separator_length(&line[start..]) };
            // The scheme comes before the credential.
            for _ in 0..2 {
                let end = value_end(&line[start..]);
                let value = &line[start..start + end];
                let is_scheme = line[start + end..].starts_with([' ', '+'])
                    && value.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
                if value.len() >= shortest && !is_scheme && !is_reference(value) {
                    found.push((start..start + end, SecretKind::Bearer));
                    break;
                }
                let rest = line[start + end..].trim_start_matches([' ', '+']);
                if rest.len() + start + end == line.len() {
                    break;
                }
                start = line.len() - rest.len();
            }
        }
    }
    found
}

/// The length of the separators between a name and its value.
fn separator_length(text: &str) -> usize {
    let value = text.trim_start_matches([' ', ':', '=', '"', '\'', '[', '\\', '+', '%']);
    text.len() - value.len()
}

fn value_end(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || "\"'])}\\,&;<".contains(c)).unwrap_or(text.len())
}

/// `://USER:PASSWORD@`, and users without a password that are long enough to be a token.
fn url_credentials(line: &str) -> Vec<(Range<usize>, SecretKind)> {
    let mut found = Vec::new();
    for (at, mark) in line.match_indices(URL) {
        let start = at + mark.len();
        let authority = &line[start..];
        let end = authority.find(['/', ' ', '"', '\'', '?', '#', '\\']);
        let authority = &authority[..end.unwrap_or(authority.len())];
        let Some((user, _)) = authority.rsplit_once('@') else { continue };
        let (secret, shortest) = match user.split_once(':') {
            Some((_, password)) => (password, 1),
            None => (user, SHORTEST_OPAQUE),
        };
        if secret.len() >= shortest && !is_reference(secret) {
            found.push((start..start + user.len(), SecretKind::UrlCredentials));
        }
    }
    found
}
