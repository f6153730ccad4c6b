#![allow(clippy::unwrap_used)]
use std::io::Cursor;

use super::*;
use crate::evidence::log::Decided;

fn read(text: &str) -> Log {
    let mut scanner = Scanner::new();
    scanner.read_log("a.log", false, &mut Cursor::new(text.as_bytes()), &|| None).unwrap();
    scanner.finish()
}

fn lines(log: &Log) -> Vec<(u64, &str)> {
    log.matches
        .iter()
        .flat_map(|s| s.places.iter().map(|place| (place.line, s.message.text)))
        .collect()
}

const ORGANIZATION: &str = "organization must be specified for token exchange";

#[test]
fn repeated_lines_are_counted() {
    let text = format!("one\ntwo\r\nerror: {ORGANIZATION}\n\nx\nerror: {ORGANIZATION}");
    let log = read(&text);
    assert_eq!(lines(&log), [(3, ORGANIZATION), (6, ORGANIZATION)]);
    assert_eq!(log.matches.len(), 1);
    assert_eq!(log.files[0].lines, 6);
    assert_eq!(read("a\nb\n").files[0].lines, 2);
    assert_eq!(read("").files[0].lines, 0);
}

#[test]
fn messages_survive_block_borders() {
    // The messages fall on the borders of blocks, whatever their size.
    let filler = "x".repeat(997);
    let mut text = String::new();
    for _ in 0..2_000 {
        text.push_str(&filler);
        text.push('\n');
        text.push_str("error: problem logging in: ");
        text.push_str(ORGANIZATION);
        text.push('\n');
    }
    let log = read(&text);
    assert_eq!(log.matches.len(), 1);
    assert_eq!(log.matches[0].count, 2_000);
    assert_eq!(log.matches[0].places.len(), MAX_PLACES);
    assert_eq!(log.matches[0].places[99].line, 200);
    assert_eq!(log.files[0].lines, 4_000);
}

#[test]
fn triage_memory_is_bounded() {
    let mut text = String::new();
    for number in 0..5_000 {
        text.push_str(&format!("error: reading token from file 'f{number}': no such file\n"));
        text.push_str(&format!("+ pulumi login https://{number}.test\n"));
    }
    let log = read(&text);
    assert_eq!(log.matches.len(), MAX_VARIANTS);
    assert_eq!(log.left_out, 5_000 - MAX_VARIANTS as u64);
    assert_eq!(log.context.logins.len(), crate::evidence::log::MAX_LOGINS);
}

#[test]
fn message_includes_its_continuation_lines() {
    let log = read(
        "Error: Failed to get ID Token. \n \n        Error Code : 403\n \n Error Message: no\n",
    );
    assert_eq!(log.matches[0].text, "Failed to get ID Token Error Code : 403 Error Message: no");
    let log = read("error: OIDC token exchange failed: {\n  \"code\": 404\n}\nlater\n");
    assert!(log.matches[0].text.contains("failed: { \"code\": 404 }"), "{:?}", log.matches[0].text);
}

#[test]
fn overwritten_line_parts_are_read() {
    let log = read(&format!("10%\r50%\rerror: {ORGANIZATION}\n"));
    assert_eq!(lines(&log), [(1, ORGANIZATION)]);
}

#[test]
fn logged_token_value_is_described() {
    let said = "error: Failed to read OIDC token: must be JWT or 'file://filepath'. Got ";
    let cases = [
        ("'$(idToken)'", "token-variable-unexpanded"),
        ("'null'", "token-not-a-token"),
        ("'***'", "token-masked"),
        ("'\"***\"'", "token-wrapped"),
        ("'Bearer ***'", "token-wrapped"),
        ("'./token.jwt'", "token-file-unreadable"),
        ("'pul-0123456789abcdef0123456789abcdef01234567'", "token-is-pulumi-token"),
        ("'Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJl'", "token-wrapped"),
        ("'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0", "token-wrapped"),
        ("'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0'", "token-truncated"),
    ];
    for (value, expected) in cases {
        let log = read(&format!("{said}{value}\n"));
        let Some(Decided::Token { code, .. }) = &log.matches[0].decided else { panic!("{value}") };
        assert_eq!(code.name(), expected, "{value}");
        let shown = format!("{:?}", log.matches);
        assert!(!shown.contains("eyJ") && !shown.contains("pul-0"), "{shown}");
    }
}
