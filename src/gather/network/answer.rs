//! Turns a server's answer into evidence: classifies the body and removes secrets.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{AGE, CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER};
use serde_json::Value;
use url::Url;

use crate::evidence::{Answer, Body};
use crate::text;
use crate::text::secret::{REDACTED, Scrubber};

/// How much of a body that is neither JSON nor HTML is kept, in characters.
const MAX_TEXT: usize = 500;
/// How much of a header or a title is kept, in characters.
const MAX_LINE: usize = 1000;
/// The most values that a JSON body may have. In memory each takes up to a hundred times its size
/// in a body of `[],[],…`. A key set of 1 MiB has fewer values.
const MAX_VALUES: usize = 25_000;
/// Describes a body with more values.
pub(crate) const TOO_MANY_VALUES: &str = "more than 25000 JSON values";
/// Members of a JSON object whose text is a credential, whatever it looks like (RFC 6749
/// section 5.1, RFC 8693 section 2.2.1, OpenID Connect Core section 3.1.3.3).
const CREDENTIALS: &[&str] =
    &["access_token", "accessToken", "refresh_token", "refreshToken", "id_token", "client_secret"];

/// The evidence of an answer. `None`: its body is JSON with too many values.
pub(crate) fn answer_evidence(
    url: &Url,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    scrubber: &Scrubber,
) -> Option<Answer> {
    if has_too_many_values(body) {
        return None;
    }
    let line = |text: &str| text::prefix(&scrubber.scrub(text), MAX_LINE).to_owned();
    let header = |name: &str| {
        headers.get(name).map(|value| line(&String::from_utf8_lossy(value.as_bytes())))
    };
    let content_type = header(CONTENT_TYPE.as_str());
    let is_html = content_type.as_deref().is_some_and(|t| t.to_ascii_lowercase().contains("html"));
    Some(Answer {
        url: line(&text::url(url.as_str())),
        status,
        // Redirects to login pages carry session ids and codes.
        location: header(LOCATION.as_str()).map(|location| text::url(&location).into_owned()),
        retry_after: header(RETRY_AFTER.as_str()),
        request_id: header("x-pulumi-request-id"),
        route: Box::default(),
        clock_offset_seconds: clock_offset(headers, Timestamp::now()),
        body: classify_body(body, is_html, scrubber),
        content_type,
        attempts: 1,
    })
}

/// Counts an upper bound without parsing: every value is first, or follows a comma or a bracket.
/// Commas and brackets in strings count too.
fn has_too_many_values(body: &[u8]) -> bool {
    // Skips a byte order mark.
    let first = body.iter().find(|byte| byte.is_ascii() && !byte.is_ascii_whitespace());
    matches!(first, Some(b'[' | b'{'))
        && body.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() >= MAX_VALUES
}

/// The server's clock minus ours, in seconds. A cache sends the `Date` of the original answer, and
/// `Age` says how old that is (RFC 9111 section 5.1).
fn clock_offset(headers: &HeaderMap, now: Timestamp) -> Option<i64> {
    let date = headers.get(DATE)?.as_bytes();
    let date = DateTimeParser::new().parse_timestamp(date).ok()?.as_second();
    let age = headers
        .get(AGE)
        .and_then(|age| age.to_str().ok()?.trim().parse::<u32>().ok())
        .unwrap_or_default();
    Some(date + i64::from(age) - now.as_second())
}

/// Classifies a body and removes secrets. `is_html`: the content type is HTML.
pub fn classify_body(body: &[u8], is_html: bool, scrubber: &Scrubber) -> Body {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    // JSON has no byte order mark (RFC 8259 section 8.1), and Go's parser rejects one. The CLI and
    // Pulumi Cloud could not read such a body, so it is not read here either.
    let bare = text.trim_start_matches('\u{feff}').trim_start();
    if bare.is_empty() {
        return Body::Empty;
    }
    if let Ok(mut value) = serde_json::from_str::<Value>(text) {
        redact_members(&mut value);
        return Body::Json(scrubber.scrub_json(value));
    }
    let cut = |text: &str, most| text::prefix(&scrubber.scrub(text), most).to_owned();
    let start = text::prefix(bare, 20).to_ascii_lowercase();
    if is_html || start.starts_with("<!doctype html") || start.starts_with("<html") {
        return Body::Html(title(text).map(|title| cut(&title, MAX_LINE)));
    }
    // A broken token response: the end of the credential cannot be found.
    if CREDENTIALS.iter().any(|name| is_assigned(text, name)) {
        return Body::Text(REDACTED.into());
    }
    // Scrub before cutting: a part of a secret might not be recognised.
    Body::Text(cut(text, MAX_TEXT))
}

/// Whether a member of this name seems to have a value, in JSON or in a form. The bare word in a
/// sentence does not count.
fn is_assigned(text: &str, name: &str) -> bool {
    text.split(name).skip(1).any(|rest| rest.starts_with(['"', '\'', '\\', '=']))
}

fn redact_members(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(redact_members),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if member.is_string() && CREDENTIALS.contains(&name.as_str()) {
                    *member = REDACTED.into();
                } else {
                    redact_members(member);
                }
            }
        }
        _ => {}
    }
}

/// The text of the first `title` element, white space collapsed.
fn title(page: &str) -> Option<String> {
    // Lower-casing ASCII keeps byte positions valid for the page itself.
    let folded = page.to_ascii_lowercase();
    let open = folded.find("<title")?;
    let begin = open + folded[open..].find('>')? + 1;
    let end = begin + folded[begin..].find("</title")?;
    let title = page[begin..end].split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn body(text: &str) -> Body {
        classify_body(text.as_bytes(), false, &Scrubber::default())
    }

    #[test]
    fn body_kind_is_recognised() {
        assert_eq!(body(" \n"), Body::Empty);
        assert_eq!(body("\u{feff}"), Body::Empty);
        assert_eq!(body("{\"a\":1}\n"), Body::Json(json!({"a": 1})));
        assert_eq!(body("\u{feff}{\"a\":1}"), Body::Text("\u{feff}{\"a\":1}".into()));
        assert_eq!(body("\u{feff} <html>"), Body::Html(None));
        assert_eq!(
            body("<!DOCTYPE html><HTML><Title lang=en>\n Sign  in </TITLE>"),
            Body::Html(Some("Sign in".into()))
        );
        assert_eq!(body("<html>no end <title>x"), Body::Html(None));
        assert_eq!(
            body("<?xml version='1.0'?><Error/>"),
            Body::Text("<?xml version='1.0'?><Error/>".into())
        );
        assert_eq!(classify_body(b"plain", true, &Scrubber::default()), Body::Html(None));
        assert_eq!(body(&"\u{e9}".repeat(600)), Body::Text("\u{e9}".repeat(500)));
        assert_eq!(
            classify_body(b"\xff\xfe", false, &Scrubber::default()),
            Body::Text("\u{fffd}\u{fffd}".into())
        );
        assert!(matches!(body(&"[".repeat(1 << 20)), Body::Text(_)), "deep nesting is no crash");
    }

    #[test]
    fn json_values_are_counted_before_parsing() {
        let of = |values: usize| format!("\u{feff} [{}0]", "[],".repeat(values / 2 - 1));
        assert!(!has_too_many_values(of(MAX_VALUES - 1).as_bytes()));
        assert!(has_too_many_values(of(MAX_VALUES + 2).as_bytes()));
        let text = "words, ".repeat(MAX_VALUES);
        assert!(!has_too_many_values(text.as_bytes()), "no JSON");
    }

    #[test]
    fn credentials_are_redacted() {
        assert_eq!(
            body(r#"{"a":[{"access_token":"opaque"}],"id_token":"x","tokenInfo":{"name":"n"}}"#),
            Body::Json(json!({
                "a": [{"access_token": REDACTED}], "id_token": REDACTED, "tokenInfo": {"name": "n"}
            }))
        );
        assert_eq!(body(r#"{"access_token":"opaque"#), Body::Text(REDACTED.into()));
        assert_eq!(body("x=1&access_token=opaque"), Body::Text(REDACTED.into()));
        assert_eq!(body("no id_token given"), Body::Text("no id_token given".into()));
        let scrubber = Scrubber::default();
        scrubber.add("very-secret-value");
        let long = format!("{}very-secret-value", "x ".repeat(MAX_TEXT / 2 - 4));
        let Body::Text(text) = classify_body(long.as_bytes(), false, &scrubber) else { panic!() };
        assert!(!text.contains("very"), "the cut falls into the secret");
    }

    #[test]
    fn clock_offset_respects_age() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let offset = |date: &'static str, age: &'static str| {
            let headers = [(DATE, date.parse().unwrap()), (AGE, age.parse().unwrap())];
            clock_offset(&HeaderMap::from_iter(headers), now)
        };
        assert_eq!(offset("Fri, 02 Jan 2026 03:04:05 GMT", ""), Some(0));
        assert_eq!(offset("Fri, 02 Jan 2026 03:14:05 GMT", "x"), Some(600));
        assert_eq!(offset("Fri, 02 Jan 2026 03:00:00 GMT", "245"), Some(0));
        assert_eq!(offset("yesterday", "0"), None);
        assert_eq!(clock_offset(&HeaderMap::new(), now), None);
    }

    proptest! {
        #[test]
        fn any_body_is_classified(bytes: Vec<u8>, is_html: bool) {
            let _ = classify_body(&bytes, is_html, &Scrubber::default());
        }

        #[test]
        fn any_title_is_read(inner in "\\PC{0,40}") {
            title(&format!("<title>{inner}</title>"));
            title(&format!("<title {inner}"));
        }
    }
}
