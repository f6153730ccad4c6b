//! Removes the layers that people and programs wrap around a token.

use base64::Engine as _;
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    LENIENT_BASE64URL, Wiped, count_whole_tokens, has_token_shape, holds_token, is_token_text,
    opens_object,
};
use crate::evidence::Wrapping;

/// The most layers to remove. Nobody adds more by accident.
const DEPTH: usize = 8;

/// Decodes bytes as UTF-8 or UTF-16, which is recognised by a byte order mark or its zero bytes.
/// `None`: they are not text.
pub(super) fn to_text(raw: &[u8], wrapped: &mut Vec<Wrapping>) -> Option<Wiped> {
    type Unit = fn([u8; 2]) -> u16;
    let (units, unit): (&[u8], Unit) = match raw {
        [0xFF, 0xFE, rest @ ..] => (rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => (rest, u16::from_be_bytes),
        _ if raw.len() >= 4 && every_second_is_zero(raw, 1) => (raw, u16::from_le_bytes),
        _ if raw.len() >= 4 && every_second_is_zero(raw, 0) => (raw, u16::from_be_bytes),
        _ => return str::from_utf8(raw).ok().map(|text| Zeroizing::new(text.to_owned())),
    };
    wrapped.push(Wrapping::Utf16);
    let units = units.as_chunks().0.iter().map(|pair| unit(*pair));
    let mut text = Zeroizing::new(String::with_capacity(raw.len()));
    text.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    Some(text)
}

/// Whether every pair of bytes has one zero, as ASCII in UTF-16 does.
fn every_second_is_zero(raw: &[u8], zero: usize) -> bool {
    raw.as_chunks::<2>().0.iter().all(|pair| pair[zero] == 0 && pair[1 - zero] != 0)
}

/// Removes layers until the rest is a token or has no known layer. Adds the removed layers to
/// `wrapped`, outermost first.
pub(super) fn remove_layers(text: &str, wrapped: &mut Vec<Wrapping>) -> Wiped {
    remove_up_to(text, wrapped, DEPTH)
}

fn remove_up_to(text: &str, wrapped: &mut Vec<Wrapping>, depth: usize) -> Wiped {
    let text = text.trim();
    if depth == 0 || has_token_shape(text) {
        return Zeroizing::new(text.to_owned());
    }
    for (wrapping, layer) in CERTAIN {
        if let Some(inner) = layer(text) {
            wrapped.push(wrapping);
            return remove_up_to(&inner, wrapped, depth - 1);
        }
    }
    for (wrapping, layer) in TENTATIVE {
        let before = wrapped.len();
        wrapped.push(wrapping);
        if let Some(inner) = layer(text).and_then(|bytes| to_text(&bytes, wrapped)) {
            let found = remove_up_to(&inner, wrapped, depth - 1);
            if has_token_shape(&found) {
                return found;
            }
        }
        wrapped.truncate(before);
    }
    if let Some(joined) = join_broken_token(text) {
        wrapped.push(Wrapping::InnerWhitespace);
        return joined;
    }
    Zeroizing::new(text.to_owned())
}

/// Removes one kind of layer, if it is there.
type Layer<Inner> = fn(&str) -> Option<Inner>;

/// Layers that are recognised by their own form.
const CERTAIN: [(Wrapping, Layer<Wiped>); 5] = [
    (Wrapping::ByteOrderMark, byte_order_mark),
    (Wrapping::Bearer, bearer),
    (Wrapping::Json, json_string),
    (Wrapping::Quotes, quotes),
    (Wrapping::Json, json),
];

/// Encodings that ordinary text can look like. They count only if a token is inside.
const TENTATIVE: [(Wrapping, Layer<Zeroizing<Vec<u8>>>); 2] =
    [(Wrapping::UrlEncoding, decode_percent), (Wrapping::Base64, decode_base64)];

/// Removes a byte order mark, or its three bytes decoded as Latin-1.
fn byte_order_mark(text: &str) -> Option<Wiped> {
    let rest = text.strip_prefix('\u{FEFF}').or_else(|| text.strip_prefix("\u{EF}\u{BB}\u{BF}"))?;
    Some(Zeroizing::new(rest.to_owned()))
}

/// Decodes a JSON string that has escapes.
fn json_string(text: &str) -> Option<Wiped> {
    if !text.starts_with('"') || !text.contains('\\') {
        return None;
    }
    serde_json::from_str(text).ok().map(Zeroizing::new)
}

const QUOTES: [char; 7] = ['"', '\'', '`', '\u{201C}', '\u{201D}', '\u{2018}', '\u{2019}'];

/// Removes quotes on either side, including escaped ones (`\"`) and Python's `b'…'`.
fn quotes(text: &str) -> Option<Wiped> {
    let inner = ["", "\\", "b"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix)?.strip_prefix(QUOTES))
        .unwrap_or(text);
    let inner = match inner.strip_suffix(QUOTES) {
        Some(rest) => rest.strip_suffix('\\').unwrap_or(rest),
        None => inner,
    };
    (inner.len() < text.len()).then(|| Zeroizing::new(inner.to_owned()))
}

/// Removes the HTTP header's name and scheme (RFC 6750 section 2.1), both case-insensitive.
fn bearer(text: &str) -> Option<Wiped> {
    let value = strip_word(text, "authorization", |c| c == ':');
    let scheme = value.unwrap_or(text).trim_start();
    let credentials = strip_word(scheme, "bearer", |c| c == ':' || c.is_whitespace());
    credentials.or(value).map(|rest| Zeroizing::new(rest.to_owned()))
}

/// The text after a word, if the word ends there.
fn strip_word<'a>(text: &'a str, word: &str, is_end: fn(char) -> bool) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    let ends = rest.is_empty() || rest.starts_with(is_end);
    (start.eq_ignore_ascii_case(word) && ends).then(|| rest.trim_start_matches(is_end))
}

/// The fields that hold tokens in answers of token endpoints, identity tokens first: Azure DevOps,
/// GitHub, RFC 6749 and OpenID Connect, Kubernetes, az, gcloud.
const FIELDS: [&str; 10] = [
    "oidcToken",
    "oidc_token",
    "id_token",
    "idToken",
    "identity_token",
    "token",
    "value",
    "jwt",
    "access_token",
    "accessToken",
];

/// The only token in a JSON object or array, or the text of a field that should hold one.
fn json(text: &str) -> Option<Wiped> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    // Copying from a terminal may add line breaks, which JSON does not allow in strings.
    let mut value: Value = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&without_white_space(text)))
        .ok()?;
    let mut tokens = Vec::new();
    collect_tokens(&value, &mut tokens);
    tokens.sort_unstable();
    tokens.dedup();
    let field = |wanted: fn(&str) -> bool| {
        FIELDS.iter().filter_map(|name| value.get(name)?.as_str()).find(|text| wanted(text))
    };
    let found = match tokens.as_slice() {
        [one] => Some(*one),
        [] if value.get("error").is_some() => None,
        // Keep a message in place of a token: it says what went wrong.
        [] => field(|text| text.split_whitespace().nth(2).is_none() || holds_token(text)),
        _ => field(|text| has_token_shape(text.trim())),
    };
    let found = found.map(|token| Zeroizing::new(token.to_owned()));
    wipe(&mut value);
    found
}

/// Collects the strings that look like tokens, at any depth.
fn collect_tokens<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if has_token_shape(text.trim()) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect_tokens(item, found)),
        Value::Object(map) => map.values().for_each(|item| collect_tokens(item, found)),
        _ => {}
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        _ => {}
    }
}

/// Decodes percent-encoding (RFC 3986 section 2.1), if there is any.
fn decode_percent(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = without_white_space(text);
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%'
            && let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else {
            out.push(*first);
        }
    }
    (out.len() < text.len()).then_some(out)
}

/// Decodes base64 in either alphabet, with or without padding and line breaks.
fn decode_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut text = without_white_space(text);
    if text.contains('.') {
        return None;
    }
    let length = text.trim_end_matches('=').len();
    text.truncate(length);
    // Truncated base64 still shows what it encodes.
    if text.len() % 4 == 1 {
        text.pop();
    }
    let text = Zeroizing::new(text.replace('+', "-").replace('/', "_"));
    LENIENT_BASE64URL.decode(text.as_str()).ok().map(Zeroizing::new)
}

/// Removes white space inside a token. Does not join two tokens.
fn join_broken_token(text: &str) -> Option<Wiped> {
    let plain = without_white_space(text);
    let is_token = opens_object(&plain) && is_token_text(&plain);
    (is_token && plain.len() < text.len() && count_whole_tokens(text) <= 1).then_some(plain)
}

/// Removes white space, control and invisible characters, and escaped line breaks (`\n`).
fn without_white_space(text: &str) -> Wiped {
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let is_escape = c == '\\' && rest.as_str().starts_with(['n', 'r', 't']);
        if is_escape {
            rest.next();
        } else if !(c.is_whitespace() || c.is_control() || is_invisible(c)) {
            plain.push(c);
        }
    }
    plain
}

/// Characters of no width: soft hyphen, joiners, direction marks, byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}
