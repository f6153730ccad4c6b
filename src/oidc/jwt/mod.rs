//! Decodes tokens: turns the bytes that somebody passed as a token into the token, or into the
//! reason why they are none.
//!
//! Follows the CLI (`getTokenValue` in pkg/backend/httpstate/backend.go, which parses with
//! golang-jwt), RFC 7515 (compact form) and RFC 4648 section 5 (base64url). Verifies nothing.

pub(crate) mod cli_parser;
pub(crate) mod header;
mod json;
mod not_a_token;
#[cfg(test)]
mod tests;
mod wrapping;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::evidence::{CliParser, InputProblem, LooksLike, Token, Wrapping};
use crate::limits;
use crate::text::secret::Secret;

/// A decoded token.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The decoded parts, which may become evidence.
    pub token: Token,
    /// The bare token, for the exchange and the signature check.
    pub compact: Secret,
    /// The layers that were removed, outermost first.
    pub wrapped: Vec<Wrapping>,
    /// The value with line breaks, if the CLI accepts and sends it like that.
    pub(crate) with_line_breaks: Option<Secret>,
}

impl Decoded {
    /// Keeps the given value if the CLI would send it unchanged.
    pub(crate) fn with_cli_value(self, value: &str) -> Self {
        let is_sent =
            value != self.compact.reveal() && cli_parser::parse(value) == CliParser::Accepts;
        Self { with_line_breaks: is_sent.then(|| Secret::new(value.to_owned())), ..self }
    }

    /// The token as the CLI sends it in the exchange.
    pub(crate) fn token_as_sent(&self) -> &Secret {
        self.with_line_breaks.as_ref().unwrap_or(&self.compact)
    }
}

/// Unwraps, recognises and decodes a raw value. `trimmed`: surrounding white space is harmless, as
/// in files, which the CLI trims.
///
/// # Errors
/// Why there is no token, and the layers that were removed.
pub fn read(raw: &[u8], trimmed: bool) -> Result<Decoded, (InputProblem, Vec<Wrapping>)> {
    let mut wrapped = Vec::new();
    match read_into(raw, trimmed, &mut wrapped) {
        Ok((token, compact)) => Ok(Decoded { token, compact, wrapped, with_line_breaks: None }),
        Err(problem) => Err((problem, wrapped)),
    }
}

/// Encodes claims as an unsigned token (RFC 7519 section 6.1), for commands that only judge claims.
pub fn unsigned_token(claims: &Map<String, Value>) -> String {
    let part =
        |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(serde_json::json!({"alg": "none"}));
    format!("{header}.{}.", part(Value::Object(claims.clone())))
}

fn read_into(
    raw: &[u8],
    trimmed: bool,
    wrapped: &mut Vec<Wrapping>,
) -> Result<(Token, Secret), InputProblem> {
    if raw.len() > limits::TOKEN {
        return Err(InputProblem::TooLarge { bytes: raw.len() as u64 });
    }
    let text = wrapping::to_text(raw, wrapped)
        .ok_or_else(|| not_a_token("binary data, not text", None))?;
    let bare = text.trim();
    // Inside another wrapping, white space belongs to that one.
    if !trimmed && wrapped.is_empty() && !bare.is_empty() && bare.len() < text.len() {
        wrapped.push(Wrapping::OuterWhitespace);
    }
    let bare = wrapping::remove_layers(bare, wrapped);
    if let Some(problem) = not_a_token::describe_non_token(&bare) {
        return Err(problem);
    }
    let token = decode(&bare)?;
    Ok((token, Secret::new(bare.as_str().to_owned())))
}

/// Decodes the compact serialisation of a JWS (RFC 7515 section 7.1).
fn decode(compact: &str) -> Result<Token, InputProblem> {
    let count = compact.matches('.').count() + 1;
    let mut parts = compact.splitn(4, '.');
    let (Some(header), Some(payload)) = (parts.next(), parts.next()) else {
        return Err(too_few_parts(compact));
    };
    let signature = parts.next();
    let mut duplicates = json::Duplicates::default();
    let header = Part::Header.parse_object(header, &mut duplicates)?;
    if signature.is_none() && !header.contains_key("alg") {
        return Err(too_few_parts(compact));
    }
    // RFC 7516 section 4.1.2: five parts with `enc` are a JWE.
    if count == 5 && header.contains_key("enc") {
        return Err(InputProblem::Encrypted);
    }
    if count > 3 {
        return Err(Part::Signature.malformed(format!(
            "another dot follows it: a token has three parts, this has {count}"
        )));
    }
    let claims = match Part::Payload.parse_object(payload, &mut duplicates) {
        // Of two parts the second ends early: the token was truncated there.
        Err(_) if signature.is_none() => return Err(too_few_parts(compact)),
        claims => claims?,
    };
    let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    // People rightly share tokens without the signature. The claims can still be judged.
    let (signature_bytes, truncated) = match signature {
        None => (0, Some("it has two parts where a token has three".to_owned())),
        Some(signature) => signature_length(signature, algorithm)?,
    };
    Ok(Token {
        fingerprint: fingerprint(compact),
        duplicates: duplicates.into_paths(),
        header,
        claims,
        signature_bytes,
        truncated,
    })
}

/// Describes a text that begins like a token but has one or two parts.
fn too_few_parts(compact: &str) -> InputProblem {
    let first = compact.split('.').next().unwrap_or_default();
    let first =
        Part::Header.parse_object(first, &mut json::Duplicates::default()).unwrap_or_default();
    let number = if compact.contains('.') { "two parts" } else { "one part" };
    if first.is_empty() || first.contains_key("alg") {
        truncated(format!("it has {number} where a token has three"))
    } else if first.contains_key("iss") || first.contains_key("sub") {
        truncated(format!("it has {number}, and the first holds the claims: the header is missing"))
    } else {
        not_a_token("base64 of a JSON object that holds no token", None)
    }
}

fn not_a_token(what: &str, shown: Option<String>) -> InputProblem {
    InputProblem::NotAToken { what: what.into(), shown, looks_like: LooksLike::Other }
}

fn truncated(how: String) -> InputProblem {
    InputProblem::Truncated { how }
}

/// The digest of the whole token.
fn fingerprint(compact: &str) -> String {
    let digest = digest::digest(&digest::SHA256, compact.as_bytes());
    digest.as_ref().iter().fold(String::from("sha256:"), |mut hex, byte| {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(nibble.into(), 16).unwrap_or('0'));
        }
        hex
    })
}

// ---------------------------------------------------------------------------------- parts

/// One of the three parts of a token.
#[derive(Clone, Copy)]
enum Part {
    Header,
    Payload,
    Signature,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        }
    }

    fn malformed(self, reason: String) -> InputProblem {
        InputProblem::Malformed { part: self.name().into(), reason }
    }

    fn parse_object(
        self,
        text: &str,
        duplicates: &mut json::Duplicates,
    ) -> Result<Map<String, Value>, InputProblem> {
        self.check_alphabet(text)?;
        if text.is_empty() {
            return Err(self.malformed("it is empty".into()));
        }
        if text.len() % 4 == 1 {
            return Err(self.malformed(format!(
                "it has {} characters, a number that base64url never has",
                text.len()
            )));
        }
        let bytes = LENIENT_BASE64URL
            .decode(text)
            .map_err(|_| self.malformed("it cannot be decoded as base64url".into()))?;
        json::parse_object(&bytes, duplicates).map_err(|fault| match fault {
            json::JsonFault::EndsEarly if matches!(self, Self::Payload) => truncated(format!(
                "the JSON of its payload ends early, after {} bytes",
                bytes.len()
            )),
            fault => self.malformed(fault.to_string()),
        })
    }

    /// Checks for base64url without padding (RFC 7515 section 2).
    fn check_alphabet(self, text: &str) -> Result<(), InputProblem> {
        let is_valid = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let Some(index) = text.as_bytes().iter().position(|b| !is_valid(b)) else {
            return Ok(());
        };
        // All characters before it are single bytes.
        let found = text[index..].chars().next().unwrap_or_default();
        let why = match found {
            '+' | '/' => "is of the standard base64 alphabet, where base64url has - and _",
            '=' => "is padding, which a token leaves off",
            c if c.is_whitespace() => "is white space",
            _ => "is not in the base64url alphabet",
        };
        Err(self.malformed(format!("character {} {why}", index + 1)))
    }
}

/// base64url as golang-jwt and go-jose decode it: no padding, any trailing bits.
pub(crate) const LENIENT_BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Whether a text begins like base64 of a JSON object, as every token does. Such text is never
/// shown.
fn opens_object(text: &str) -> bool {
    let Some(Ok(bytes)) = text.get(..4).map(|start| LENIENT_BASE64URL.decode(start)) else {
        return false;
    };
    matches!(bytes.as_slice(), [b'{', b'"' | b' ' | b'\t' | b'\r' | b'\n', _])
}

/// Whether a text begins like a token and has only characters of tokens. [`decode`] decides whether
/// it is one.
fn has_token_shape(text: &str) -> bool {
    opens_object(text) && text.contains('.') && is_token_text(text)
}

/// Counts the words that have all three parts of a token.
fn count_whole_tokens(text: &str) -> usize {
    let is_whole =
        |word: &str| opens_object(word) && word.bytes().filter(|b| *b == b'.').count() == 2;
    // Fast path: most texts are one long word.
    if is_token_text(text) {
        return usize::from(is_whole(text));
    }
    text.split_whitespace().filter(|word| is_whole(word) && is_token_text(word)).count()
}

/// Whether a text contains a token, or the beginning of one.
fn holds_token(text: &str) -> bool {
    base64_runs(text).any(opens_object)
}

/// The runs of characters that may be a part of a token.
fn base64_runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_token_char(c) || matches!(c, '.' | '/' | '='))
}

/// Whether a text has only [`is_token_char`]. Checks bytes for speed, since tokens are long.
fn is_token_text(text: &str) -> bool {
    text.bytes().all(|b| is_token_char(char::from(b)))
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '=')
}

// ------------------------------------------------------------------------------ signature

/// The lengths of signatures in bytes (RFC 7518 sections 3.2 and 3.4, RFC 8037 section 3.1, RFC
/// 8812 section 3.2).
const SIGNATURE_BYTES: &[(&str, &[usize])] = &[
    ("ES256", &[64]),
    ("ES256K", &[64]),
    ("ES384", &[96]),
    ("ES512", &[132]),
    ("Ed25519", &[64]),
    ("EdDSA", &[64, 114]),
    ("HS256", &[32]),
    ("HS384", &[48]),
    ("HS512", &[64]),
];

/// The RSA algorithms. A signature is as long as the key's modulus: at least 1024 bits, a multiple
/// of 256.
const RSA: [&str; 6] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

/// The decoded length, and how the signature is truncated, if it is. Unknown algorithms may have
/// signatures of any length.
fn signature_length(text: &str, algorithm: &str) -> Result<(usize, Option<String>), InputProblem> {
    Part::Signature.check_alphabet(text)?;
    let bytes = text.len() / 4 * 3 + (text.len() % 4).saturating_sub(1);
    let known = SIGNATURE_BYTES.iter().find(|(name, _)| *name == algorithm);
    let how = if text.is_empty() && !algorithm.eq_ignore_ascii_case("none") {
        "its signature is missing".to_owned()
    } else if text.len() % 4 == 1 {
        format!("its signature has {} characters, a number that base64url never has", text.len())
    } else if let Some((name, lengths)) = known
        && !lengths.contains(&bytes)
    {
        let expected = lengths.first().copied().unwrap_or_default();
        format!("its signature has {bytes} bytes, one by {name} has {expected}")
    } else if RSA.contains(&algorithm) && (bytes < 128 || !bytes.is_multiple_of(32)) {
        format!(
            "its signature has {bytes} bytes, one by {algorithm} has the length of its key (256 \
             bytes for 2048 bits)"
        )
    } else {
        return Ok((bytes, None));
    };
    Ok((bytes, Some(how)))
}

/// Text that is wiped when it is dropped.
type Wiped = Zeroizing<String>;
