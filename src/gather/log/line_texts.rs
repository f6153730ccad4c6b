//! Splits a line of a log into the texts that it holds: parts that overwrite each other, the
//! strings of a JSON log line, an error that PowerShell wrapped over several lines.

use std::borrow::Cow;

use serde_json::Value;

use super::block;
use super::line::Line;

/// Shorter strings in a JSON line hold no message.
const SHORTEST: usize = 8;
/// The most strings to read from a JSON line.
const STRINGS: usize = 64;

/// The texts of a line. `next` returns the following lines.
pub(super) fn texts_in_line<'a>(
    raw: &'a str,
    next: impl Fn() -> Vec<Cow<'a, str>>,
) -> Vec<Cow<'a, str>> {
    let mut parts = Vec::new();
    // A carriage return restarts the line, so each part was once visible alone.
    for part in raw.split('\r').filter(|part| !part.is_empty()) {
        if let Some(strings) = json_strings(part) {
            parts.extend(strings.into_iter().map(Cow::from));
        } else if part.contains(" : error: ") {
            parts.push(repair(Cow::from(join_wrapped(part, &next()))));
        } else {
            parts.push(repair(Cow::from(part)));
        }
    }
    parts
}

/// The strings in a JSON log line, line by line, each with the platform's prefix.
fn json_strings(part: &str) -> Option<Vec<String>> {
    if !part.contains('{') {
        return None;
    }
    let text = Line::read(part, false).text.trim();
    if !text.starts_with('{') {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let prefix = &part[..part.find(text)?];
    let mut strings = Vec::new();
    collect_strings(&value, &mut strings);
    let lines = strings.iter().flat_map(|string| string.lines());
    Some(lines.map(|line| repair(Cow::from(format!("{prefix}{line}"))).into_owned()).collect())
}

fn collect_strings<'a>(value: &'a Value, strings: &mut Vec<&'a str>) {
    if strings.len() == STRINGS {
        return;
    }
    match value {
        Value::String(text) if text.len() >= SHORTEST => strings.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect_strings(item, strings)),
        Value::Object(map) => map.values().for_each(|item| collect_strings(item, strings)),
        _ => {}
    }
}

/// Joins an error that Windows PowerShell wrapped. It writes `NAME : TEXT`, breaks it at the
/// console width, even within words, and then writes `At PLACE`.
fn join_wrapped(part: &str, next: &[Cow<str>]) -> String {
    let mut text = part.to_owned();
    for line in next {
        let line = line.trim_end_matches('\r');
        let shown = Line::read(line, false).text;
        if shown.starts_with("At ") || shown.starts_with(['+', ' ']) && shown.trim().len() < 2 {
            break;
        }
        if shown.is_empty() || shown.starts_with("    + ") {
            break;
        }
        text.push_str(shown);
    }
    text
}

/// Undoes damage from copying and logging: escaped and typographic quotes, colours without their
/// escape character, a lost trailing space.
fn repair(text: Cow<str>) -> Cow<str> {
    let mut text = text;
    for (from, to) in [
        ("\\\"", "\""),
        ("&quot;", "\""),
        ("\u{201c}", "\""),
        ("\u{201d}", "\""),
        ("\u{2018}", "'"),
        ("\u{2019}", "'"),
        ("\\u001b", "\u{1b}"),
    ] {
        if text.contains(from) {
            text = Cow::from(text.replace(from, to));
        }
    }
    if text.contains('\u{1b}') {
        text = Cow::from(block::without_escapes(&text));
    }
    if let Some(plain) = without_bare_colours(&text) {
        text = Cow::from(plain);
    }
    if text.ends_with(':') {
        text = Cow::from(format!("{text} "));
    }
    text
}

/// Removes colours without their escape character: `[0m`, `[36;1m`. `None`: there are none.
fn without_bare_colours(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut from = 0;
    for (at, _) in text.match_indices('[') {
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
        if end > 0 && end < 8 && rest[end..].starts_with('m') && at >= from {
            out.push_str(&text[from..at]);
            from = at + 1 + end + 1;
        }
    }
    (from > 0).then(|| out + &text[from..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(raw: &str, next: &[&str]) -> Vec<String> {
        let next = || next.iter().map(|line| Cow::from((*line).to_owned())).collect();
        texts_in_line(raw, next).into_iter().map(Cow::into_owned).collect()
    }

    #[test]
    fn line_is_split_into_texts() {
        assert_eq!(texts("10%\r20%\rdone", &[]), ["10%", "20%", "done"]);
        let json = r#"2026-01-31T12:00:00Z {"log":"\u001b[31merror: a\nerror: b \"c\"\n","n":1,"k":["long enough"]}"#;
        let time = "2026-01-31T12:00:00Z ";
        assert_eq!(
            texts(json, &[]),
            ["error: a", "error: b \"c\"", "long enough"].map(|text| format!("{time}{text}"))
        );
        assert_eq!(texts("{\"not\": json", &[]), ["{\"not\": json"]);
    }

    #[test]
    fn wrapped_powershell_error_is_joined() {
        let next = [
            "Post \"/api/oauth/token\": unsupported protocol",
            " scheme \"\"\r",
            "At C:\\a.ps1:3 char:1",
        ];
        assert_eq!(
            texts("pulumi.exe : error: failed: ", &next),
            [
                "pulumi.exe : error: failed: Post \"/api/oauth/token\": unsupported protocol scheme \"\""
            ]
        );
    }

    #[test]
    fn copied_text_is_repaired() {
        assert_eq!(
            texts("error: [0m[0mno \u{201c}x\u{201d} &quot;y&quot;", &[]),
            ["error: no \"x\" \"y\""]
        );
        assert_eq!(texts("OIDC token exchange failed:", &[]), ["OIDC token exchange failed: "]);
        assert_eq!(texts("a[10] [m] [5;m", &[]).len(), 1);
    }
}
