//! Parsers for the values of options.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum as _;
use clap::builder::{PathBufValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use semver::Version;

use crate::pulumi::duration;
use crate::render::{Format, View};

/// The name of the format that depends on where the doctor runs.
pub(super) const AUTO: &str = "auto";

/// The value of `--format`; nothing for [`AUTO`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FormatChoice(pub(crate) Option<Format>);

/// Parses the name of a format that the view can be printed in.
pub(super) fn format<T: ?Sized>(
    view: &View<T>,
) -> impl TypedValueParser<Value = FormatChoice> + use<T> {
    let auto = PossibleValue::new(AUTO).help("Chosen by where the output goes");
    let formats = view.formats().filter_map(|format| format.to_possible_value());
    let names = PossibleValuesParser::new(std::iter::once(auto).chain(formats));
    names.map(|name| FormatChoice(Format::from_str(&name, false).ok()))
}

/// Parses `3.210.0`, with or without the `v` that `pulumi version` prints.
pub(super) fn version(text: &str) -> Result<Version, String> {
    Version::parse(text.trim_start_matches('v'))
        .map_err(|_| "a version has three numbers, as in 3.210.0".to_owned())
}

/// Parses the path of a bundle. `-` is refused: standard output is for the report.
pub(super) fn bundle_file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.as_os_str() == "-" {
        true => Err("it takes a file: standard output is the report's"),
        false => Ok(path),
    })
}

/// A file for a report, and the format that its extension names.
#[derive(Debug, Clone)]
pub(crate) struct ReportFile {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

pub(super) fn report_file(text: &str) -> Result<ReportFile, String> {
    let path = PathBuf::from(text);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let format = match extension.to_ascii_lowercase().as_str() {
        "html" => Format::Html,
        "json" => Format::Json,
        "md" => Format::Markdown,
        "xml" => Format::Junit,
        "txt" => Format::Human,
        _ => {
            return Err(
                "its extension names the format: .html, .json, .md, .xml or .txt".to_owned()
            );
        }
    };
    Ok(ReportFile { path, format })
}

/// Parses an organization's name. It must be ASCII: the encoding of the pipeline file is unknown.
pub(super) fn ascii(text: &str) -> Result<String, String> {
    match text.is_ascii() {
        true => Ok(text.to_owned()),
        false => Err("it takes ASCII only: the organization's name as in its URL".to_owned()),
    }
}

/// Parses the name of an environment variable. With a `$` before the name, the shell passes the
/// token instead; that is refused because names are printed.
pub(super) fn variable(text: &str) -> Result<String, String> {
    let expanded = text.strip_prefix('$').map(|name| name.trim_matches(['(', ')', '{', '}']));
    if let Some(name) = expanded.filter(|name| is_variable_name(name)) {
        return Err(format!("it takes the name of the variable alone: {name}"));
    }
    // The name is empty if the script's own variable for it is not set.
    match text.is_empty() || is_variable_name(text) {
        true => Ok(text.to_owned()),
        false => Err("it takes the name of the variable, not the token".to_owned()),
    }
}

/// Whether the text can name an environment variable: POSIX (XBD 8.1), and characters that other
/// systems allow. Tokens consist of these too, so the prefixes `eyJ` and `pul-` are refused.
fn is_variable_name(name: &str) -> bool {
    name.len() <= 128
        && !name.starts_with("eyJ")
        && !name.starts_with("pul-")
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.()".contains(c))
}

/// Parses an RFC 3339 time or seconds since the Unix epoch.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    let expected = "use RFC 3339 (2026-01-31T12:00:00Z) or Unix seconds";
    match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).map_err(|_| expected.to_owned()),
        Err(_) => text.parse().map_err(|_| expected.to_owned()),
    }
}

/// Parses a Go duration above zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let nanoseconds = duration::parse(text).map_err(|error| {
        duration::suggest(text)
            .map_or_else(|| error.to_string(), |meant| format!("{error}; did you mean {meant}?"))
    })?;
    match u64::try_from(nanoseconds) {
        Ok(0) | Err(_) => Err("it must be greater than zero".to_owned()),
        Ok(nanoseconds) => Ok(Duration::from_nanos(nanoseconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_parsed() {
        assert_eq!(instant("0"), Ok(Timestamp::UNIX_EPOCH));
        assert_eq!(instant("1970-01-01T00:00:00Z"), Ok(Timestamp::UNIX_EPOCH));
        assert!(instant("yesterday").is_err());
    }

    #[test]
    fn only_variable_names_are_accepted() {
        for name in ["idToken", "CI_JOB_JWT", "ProgramFiles(x86)", "a-b.c", ""] {
            assert_eq!(variable(name), Ok(name.to_owned()));
        }
        for text in ["$idToken", "$(idToken)", "${idToken}"] {
            assert!(variable(text).is_err_and(|e| e.ends_with("alone: idToken")), "{text}");
        }
        for token in
            ["eyJhbGciOiJSUzI1NiJ9", "pul-0123456789", "Bearer x", "$eyJhbGciOiJSUzI1NiJ9", "a/b="]
        {
            assert!(variable(token).is_err(), "{token}");
        }
    }

    #[test]
    fn only_positive_durations_are_accepted() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert!(duration("1d").is_err_and(|e| e.contains("24h")));
        assert!(duration("0").is_err());
        assert!(duration("-1s").is_err());
    }
}
