//! Whether the CLI accepts a value as a token. It checks the value before any request
//! (`isExpectedTokenFormat` in pkg/backend/httpstate/backend.go) with golang-jwt's parser
//! (parser.go, `ParseUnverified`).

use base64::Engine as _;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::LENIENT_BASE64URL;
use crate::evidence::CliParser;

/// The signature methods that golang-jwt registers, including `none`. Case-sensitive.
const METHODS: [&str; 14] = [
    "none", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA",
];

/// How the CLI's parser treats a value, as it was given.
pub(crate) fn parse(value: &str) -> CliParser {
    let parts: Vec<&str> = value.split('.').collect();
    let [header, claims, signature] = parts[..] else { return CliParser::Refuses };
    if !has_method(header) || !is_claims_set(claims) {
        return CliParser::Refuses;
    }
    match decode(signature) {
        Some(_) => CliParser::Accepts,
        None => CliParser::AcceptsWithoutSignature,
    }
}

/// Decodes like Go's `encoding/base64`, which skips line breaks anywhere.
fn decode(part: &str) -> Option<Vec<u8>> {
    LENIENT_BASE64URL.decode(part.replace(['\r', '\n'], "")).ok()
}

fn has_method(part: &str) -> bool {
    let Some(bytes) = decode(part) else { return false };
    // Go replaces invalid UTF-8.
    let header = serde_json::from_str::<Map<String, Value>>(&String::from_utf8_lossy(&bytes));
    header.is_ok_and(|header| {
        header.get("alg").and_then(Value::as_str).is_some_and(|alg| METHODS.contains(&alg))
    })
}

/// Whether a part decodes to an object, or to `null`, which Go accepts for a map.
fn is_claims_set(part: &str) -> bool {
    let Some(bytes) = decode(part) else { return false };
    let start = bytes.trim_ascii_start();
    (start.starts_with(b"{") || start.starts_with(b"null"))
        && serde_json::from_slice::<IgnoredAny>(&bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn token(header: &str, claims: &str, signature: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{signature}", part(header), part(claims))
    }

    #[test]
    fn headers_need_a_known_method() {
        let table = [
            (r#"{"alg":"RS256"}"#, CliParser::Accepts),
            (r#"{"alg":"none"}"#, CliParser::Accepts),
            (r#"{"alg":"x","alg":"EdDSA","crit":["b64"]}"#, CliParser::Accepts),
            (r#"{"alg":"Ed25519"}"#, CliParser::Refuses),
            (r#"{"alg":"rs256"}"#, CliParser::Refuses),
            (r#"{"alg":"ES256K"}"#, CliParser::Refuses),
            (r#"{"alg":256}"#, CliParser::Refuses),
            (r#"{"ALG":"RS256"}"#, CliParser::Refuses),
            ("{}", CliParser::Refuses),
            ("null", CliParser::Refuses),
            ("[]", CliParser::Refuses),
        ];
        for (header, expected) in table {
            assert_eq!(parse(&token(header, "{}", "AAAA")), expected, "{header}");
        }
    }

    #[test]
    fn claims_are_an_object_or_null() {
        let table = [
            (r#"{"a":1,"a":2}"#, CliParser::Accepts),
            (" null ", CliParser::Accepts),
            (r#"{"a":"\ud800"}"#, CliParser::Accepts),
            ("[]", CliParser::Refuses),
            ("7", CliParser::Refuses),
            (r#"{"a":"#, CliParser::Refuses),
            ("", CliParser::Refuses),
        ];
        for (claims, expected) in table {
            assert_eq!(parse(&token(r#"{"alg":"RS256"}"#, claims, "AAAA")), expected, "{claims}");
        }
    }

    #[test]
    fn line_breaks_are_skipped_but_not_blanks() {
        let whole = token(r#"{"alg":"RS256"}"#, "{}", "AAAA");
        let table = [
            (format!("{whole}\n"), CliParser::Accepts),
            (format!("{}\r\n{}", &whole[..9], &whole[9..]), CliParser::Accepts),
            (format!("{whole} "), CliParser::AcceptsWithoutSignature),
            (format!("{whole}***"), CliParser::AcceptsWithoutSignature),
            (format!("{whole}A"), CliParser::AcceptsWithoutSignature),
            (format!("{whole}="), CliParser::AcceptsWithoutSignature),
            (format!(" {whole}"), CliParser::Refuses),
            (format!("\"{whole}\""), CliParser::Refuses),
            (format!("Bearer {whole}"), CliParser::Refuses),
            (format!("{whole}.x"), CliParser::Refuses),
            (whole[..whole.len() - 5].to_owned(), CliParser::Refuses),
            (" ".to_owned(), CliParser::Refuses),
        ];
        for (value, expected) in table {
            assert_eq!(parse(&value), expected, "{value:?}");
        }
        let unsigned = token(r#"{"alg":"none"}"#, "{}", "");
        assert_eq!(parse(&unsigned), CliParser::Accepts);
    }
}
