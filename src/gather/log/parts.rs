//! The texts that one line of a log holds: what a terminal would show one after the other, the
//! strings of a program that logs in JSON, an error that PowerShell wrapped over several lines.

use std::borrow::Cow;

use serde_json::Value;

use super::block;
use super::line::Line;

/// A shorter string of a JSON line holds no message.
const SHORTEST: usize = 8;
/// How many strings of a JSON line are looked at.
const STRINGS: usize = 64;

/// The texts of a line. `next` gives the lines after it.
pub(super) fn parts<'a>(raw: &'a str, next: impl Fn() -> Vec<Cow<'a, str>>) -> Vec<Cow<'a, str>> {
    let mut parts = Vec::new();
    // A carriage return restarts the line: each part was shown as a line of its own.
    for part in raw.split('\r').filter(|part| !part.is_empty()) {
        if let Some(strings) = json(part) {
            parts.extend(strings.into_iter().map(Cow::from));
        } else if part.contains(" : error: ") {
            parts.push(normal(Cow::from(unwrapped(part, &next()))));
        } else {
            parts.push(normal(Cow::from(part)));
        }
    }
    parts
}

/// The strings of a line that is a JSON object behind what the platform wrote, line by line, each
/// with that in front.
fn json(part: &str) -> Option<Vec<String>> {
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
    collect(&value, &mut strings);
    let lines = strings.iter().flat_map(|string| string.lines());
    Some(lines.map(|line| normal(Cow::from(format!("{prefix}{line}"))).into_owned()).collect())
}

fn collect<'a>(value: &'a Value, strings: &mut Vec<&'a str>) {
    if strings.len() == STRINGS {
        return;
    }
    match value {
        Value::String(text) if text.len() >= SHORTEST => strings.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, strings)),
        Value::Object(map) => map.values().for_each(|item| collect(item, strings)),
        _ => {}
    }
}

/// Windows PowerShell writes a program's standard error as `NAME : TEXT`, wrapped at the width of
/// the console without regard for words, and then `At PLACE`.
fn unwrapped(part: &str, next: &[Cow<str>]) -> String {
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

/// What copying and logging did to a text undone: escaped and typographic quotes, colours that lost
/// their escape character, a trailing space that was cut off.
fn normal(text: Cow<str>) -> Cow<str> {
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
    if let Some(plain) = without_remnants(&text) {
        text = Cow::from(plain);
    }
    if text.ends_with(':') {
        text = Cow::from(format!("{text} "));
    }
    text
}

/// Removes `[0m` and `[36;1m`. `None` if there are none.
fn without_remnants(text: &str) -> Option<String> {
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

    fn of(raw: &str, next: &[&str]) -> Vec<String> {
        let next = || next.iter().map(|line| Cow::from((*line).to_owned())).collect();
        parts(raw, next).into_iter().map(Cow::into_owned).collect()
    }

    #[test]
    fn a_line_is_taken_apart() {
        assert_eq!(of("10%\r20%\rdone", &[]), ["10%", "20%", "done"]);
        let json = r#"2026-01-31T12:00:00Z {"log":"\u001b[31merror: a\nerror: b \"c\"\n","n":1,"k":["long enough"]}"#;
        let time = "2026-01-31T12:00:00Z ";
        assert_eq!(
            of(json, &[]),
            ["error: a", "error: b \"c\"", "long enough"].map(|text| format!("{time}{text}"))
        );
        assert_eq!(of("{\"not\": json", &[]), ["{\"not\": json"]);
    }

    #[test]
    fn what_powershell_wrapped_is_joined() {
        let next = [
            "Post \"/api/oauth/token\": unsupported protocol",
            " scheme \"\"\r",
            "At C:\\a.ps1:3 char:1",
        ];
        assert_eq!(
            of("pulumi.exe : error: failed: ", &next),
            [
                "pulumi.exe : error: failed: Post \"/api/oauth/token\": unsupported protocol scheme \"\""
            ]
        );
    }

    #[test]
    fn copies_are_made_whole() {
        assert_eq!(
            of("error: [0m[0mno \u{201c}x\u{201d} &quot;y&quot;", &[]),
            ["error: no \"x\" \"y\""]
        );
        assert_eq!(of("OIDC token exchange failed:", &[]), ["OIDC token exchange failed: "]);
        assert_eq!(of("a[10] [m] [5;m", &[]).len(), 1);
    }
}
