//! Go durations: an exact port of `time.ParseDuration`, suggestions for what it refuses, and a
//! formatter.
//!
//! `pulumi login` reads `--oidc-expiration` with `time.ParseDuration`
//! (sdk/go/common/workspace/creds.go, `NewAuthContextForTokenExchange`).

use std::fmt::Write as _;

use thiserror::Error;

/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// The units of Go's `time` package (`unitMap` in time/format.go). Both the micro sign and the
/// Greek letter are accepted.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND.unsigned_abs()),
    ("m", MINUTE.unsigned_abs()),
    ("h", HOUR.unsigned_abs()),
];

/// Why a text is not a Go duration. The messages are Go's own, which the CLI prints after
/// `could not parse expiration duration: `.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DurationError {
    /// The text does not have the form of a duration, or exceeds 64 bits of nanoseconds.
    #[error("time: invalid duration {}", quote(.text))]
    Invalid {
        /// The whole text.
        text: String,
    },
    /// A number without a unit.
    #[error("time: missing unit in duration {}", quote(.text))]
    MissingUnit {
        /// The whole text.
        text: String,
    },
    /// A unit that Go does not know.
    #[error("time: unknown unit {} in duration {}", quote(.unit), quote(.text))]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

/// Go's `time.quote`: bytes that are not printable ASCII become `\xNN`.
fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=0x7f => out.push(char::from(byte)),
            _ => {
                // Writing into a String cannot fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

/// The largest magnitude in Go's parser: 2^63.
const LIMIT: u64 = 1 << 63;

/// Parses a duration as Go's `time.ParseDuration` does. The result is in nanoseconds.
///
/// # Errors
/// Go refuses the text.
pub(crate) fn parse(text: &str) -> Result<i64, DurationError> {
    let invalid = || DurationError::Invalid { text: text.to_owned() };
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after_whole) = split_digits(rest);
        let (fraction, after) = match after_whole.strip_prefix('.') {
            Some(after_point) => split_digits(after_point),
            None => ("", after_whole),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let value = leading_integer(whole).ok_or_else(invalid)?;
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (name, next) = after.split_at(end);
        if name.is_empty() {
            return Err(DurationError::MissingUnit { text: text.to_owned() });
        }
        let Some(&(_, unit)) = UNITS.iter().find(|(known, _)| *known == name) else {
            let (unit, text) = (name.to_owned(), text.to_owned());
            return Err(DurationError::UnknownUnit { unit, text });
        };
        total = value
            .checked_mul(unit)
            .and_then(|v| v.checked_add(fraction_nanoseconds(fraction, unit)))
            .filter(|v| *v <= LIMIT)
            .and_then(|v| total.checked_add(v))
            .filter(|v| *v <= LIMIT)
            .ok_or_else(invalid)?;
        rest = next;
    }
    // The magnitude of a negative duration may be larger by one.
    if negative {
        0_i64.checked_sub_unsigned(total).ok_or_else(invalid)
    } else {
        i64::try_from(total).map_err(|_| invalid())
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// Go's `leadingInt`: up to 2^63.
fn leading_integer(digits: &str) -> Option<u64> {
    if digits.is_empty() {
        return Some(0);
    }
    digits.parse().ok().filter(|v| *v <= LIMIT)
}

/// Go's `leadingFraction` and the float arithmetic after it, in nanoseconds. Digits that do not fit
/// are dropped, and the product is truncated.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn fraction_nanoseconds(digits: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1_f64);
    for digit in digits.bytes() {
        let next = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0')));
        match next.filter(|v| *v <= LIMIT) {
            Some(next) if value <= (LIMIT - 1) / 10 => value = next,
            _ => break,
        }
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

/// Formats a duration as people write it: `2h`, `1h30m`, `90ms` (Go itself prints `2h0m0s`).
/// [`parse`] reads the text back.
pub(crate) fn format(nanoseconds: i64) -> String {
    if nanoseconds == 0 {
        return "0s".into();
    }
    let mut out = String::from(if nanoseconds < 0 { "-" } else { "" });
    let mut rest = nanoseconds.unsigned_abs();
    for name in ["h", "m", "s", "ms", "us", "ns"] {
        let Some(&(_, unit)) = UNITS.iter().find(|(known, _)| *known == name) else { continue };
        if rest >= unit {
            let _ = write!(out, "{}{name}", rest / unit);
            rest %= unit;
        }
    }
    out
}

/// Words for units, in lower case, with the factor and the Go unit that each stands for.
const UNIT_WORDS: [(&[&str], f64, &str); 6] = [
    (&["ms", "msec", "msecs", "millisecond", "milliseconds"], 1.0, "ms"),
    (&["", "s", "sec", "secs", "second", "seconds"], 1.0, "s"),
    (&["m", "min", "mins", "minute", "minutes"], 1.0, "m"),
    (&["h", "hr", "hrs", "hour", "hours"], 1.0, "h"),
    (&["d", "day", "days"], 24.0, "h"),
    (&["w", "wk", "wks", "week", "weeks"], 168.0, "h"),
];

/// The Go duration that a text most likely means: `24h` for `1d`, `3600s` for `3600`, `2h` for
/// `2 hours`, `15m` for `PT15M` (ISO 8601).
pub(crate) fn suggest(text: &str) -> Option<String> {
    let bare = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'));
    // No duration that a person writes is longer.
    if bare.len() > 64 {
        return None;
    }
    let lower = bare.to_lowercase();
    let parts = match lower.strip_prefix('p') {
        Some(iso) => parse_iso_8601(iso)?,
        None => split_amounts(&lower)?,
    };
    let mut written = String::new();
    for (amount, word) in &parts {
        let (_, factor, unit) = UNIT_WORDS.iter().find(|(names, ..)| names.contains(word))?;
        // Rounded so that 0.1 days become 2.4h, not 2.4000000000000004h.
        let _ = write!(written, "{}{unit}", (amount * factor * 1e6).round() / 1e6);
    }
    let nanoseconds = parse(&written).ok().filter(|n| *n > 0)?;
    Some(if parts.len() == 1 { written } else { format(nanoseconds) })
}

/// Parses an ISO 8601 duration in lower case, without its `p`. Years and months are refused: their
/// length is not fixed.
fn parse_iso_8601(text: &str) -> Option<Vec<(f64, &str)>> {
    let (date, time) = text.split_once('t').unwrap_or((text, ""));
    let (mut parts, time) = (split_amounts(date)?, split_amounts(time)?);
    let has_only =
        |parts: &[(f64, &str)], units: &[&str]| parts.iter().all(|(_, unit)| units.contains(unit));
    if !has_only(&parts, &["w", "d"]) || !has_only(&time, &["h", "m", "s"]) {
        return None;
    }
    parts.extend(time);
    Some(parts)
}

/// Splits `1 hour, 30min` into amounts and units.
fn split_amounts(text: &str) -> Option<Vec<(f64, &str)>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(rest.len());
        let amount = rest[..end].parse().ok()?;
        rest = rest[end..].trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        found.push((amount, &rest[..end]));
        rest = rest[end..].trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
    // A number without a unit means seconds only if it is the only one.
    let is_single = found.len() == 1;
    (is_single || found.iter().all(|(_, unit)| !unit.is_empty())).then_some(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn go_durations_are_parsed() {
        // From Go's time/time_test.go, parseDurationTests.
        let table: &[(&str, i64)] = &[
            ("0", 0),
            ("-0", 0),
            ("+0", 0),
            ("5s", 5 * SECOND),
            ("1478s", 1478 * SECOND),
            ("-5s", -5 * SECOND),
            ("+5s", 5 * SECOND),
            ("5.0s", 5 * SECOND),
            ("5.6s", 5_600_000_000),
            ("5.s", 5 * SECOND),
            (".5s", SECOND / 2),
            ("1.0040s", 1_004_000_000),
            ("100.00100s", 100_001_000_000),
            ("10ns", 10),
            ("12\u{b5}s", 12_000),
            ("12\u{3bc}s", 12_000),
            ("13ms", 13_000_000),
            ("3h30m", 3 * HOUR + 30 * MINUTE),
            ("10.5s4m", 4 * MINUTE + 10_500_000_000),
            ("-2m3.4s", -(2 * MINUTE + 3_400_000_000)),
            ("39h9m14.425s", 39 * HOUR + 9 * MINUTE + 14_425_000_000),
            ("52763797000ns", 52_763_797_000),
            ("0.3333333333333333333h", 20 * MINUTE),
            ("9007199254740993ns", (1 << 53) + 1),
            ("9223372036854775807ns", i64::MAX),
            ("9223372036854775.807us", i64::MAX),
            ("9223372036s854ms775us807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("-9223372036s854ms775us808ns", i64::MIN),
            ("0.100000000000000000000h", 6 * MINUTE),
            ("0.830103483285477580700h", 49 * MINUTE + 48_372_539_827),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), Ok(*expected), "{text}");
        }
    }

    #[test]
    fn refusals_use_go_wording() {
        let table = [
            ("", r#"time: invalid duration """#),
            ("3", r#"time: missing unit in duration "3""#),
            ("3600", r#"time: missing unit in duration "3600""#),
            ("-", r#"time: invalid duration "-""#),
            ("s", r#"time: invalid duration "s""#),
            (".", r#"time: invalid duration ".""#),
            (".s", r#"time: invalid duration ".s""#),
            ("1d", r#"time: unknown unit "d" in duration "1d""#),
            (" 1h", r#"time: invalid duration " 1h""#),
            ("1h ", r#"time: unknown unit "h " in duration "1h ""#),
            ("\u{fffd}", r#"time: invalid duration "\xef\xbf\xbd""#),
            ("\"x\\", r#"time: invalid duration "\"x\\""#),
            ("9223372036854775808ns", r#"time: invalid duration "9223372036854775808ns""#),
            ("9223372036854775810ns", r#"time: invalid duration "9223372036854775810ns""#),
            ("3000000h", r#"time: invalid duration "3000000h""#),
            ("-9223372036854775809ns", r#"time: invalid duration "-9223372036854775809ns""#),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).expect_err(text).to_string(), expected);
        }
    }

    #[test]
    fn likely_durations_are_suggested() {
        let table = [
            ("1d", Some("24h")),
            ("3600", Some("3600s")),
            ("2 hours", Some("2h")),
            ("1w", Some("168h")),
            ("90min", Some("90m")),
            ("0.1d", Some("2.4h")),
            ("45 min", Some("45m")),
            ("PT15M", Some("15m")),
            ("P1DT2H", Some("26h")),
            ("1H", Some("1h")),
            ("1.5d", Some("36h")),
            ("1 hour, 30 minutes", Some("1h30m")),
            ("'15m'", Some("15m")),
            ("1d12h", Some("36h")),
            ("P1M", None),
            ("1 2", None),
            ("soon", None),
            ("", None),
            ("-1d", None),
            ("999999999999w", None),
            ("1e9", None),
        ];
        for (text, expected) in table {
            assert_eq!(suggest(text).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn suggestions_for_any_text_parse(text in "\\PC{0,24}") {
            let _ = parse(&text);
            if let Some(better) = suggest(&text) {
                prop_assert!(parse(&better).is_ok(), "{better}");
            }
        }

        #[test]
        fn suggestions_for_near_durations_parse(text in "[-+]?([0-9.]{1,4}( )?(h|m|d|s|w|min|ms)){1,3}") {
            let _ = parse(&text);
            if let Some(better) = suggest(&text) {
                prop_assert!(parse(&better).is_ok(), "{better}");
            }
        }

        #[test]
        fn formatted_durations_parse_back(nanoseconds: i64) {
            prop_assert_eq!(parse(&format(nanoseconds)), Ok(nanoseconds));
        }
    }
}
