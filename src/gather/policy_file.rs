//! Reads policy documents, their regression cases, and key sets.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::environment::Environment;
use super::files::named::read_named_file;
use super::plan::InputError;
use crate::evidence::{KeySet, PolicySource};
use crate::limits;
use crate::limits::json::JsonError;
use crate::oidc::signature;
use crate::policy::Document;
use crate::policy::document::cases;
use crate::policy::document::cases::Case;
use crate::text::secret::{Scrubber, argument};

/// Reads the document that `--policy` or `DOCTOR_POLICY` names.
///
/// # Errors
/// The file cannot be read or is not a policy document; with line and column.
pub(super) fn read_policy(
    option: Option<&Path>,
    environment: &Environment,
    directory: &Path,
    limit: Duration,
) -> Result<PolicySource, InputError> {
    let (name, path) = match (option, environment.get("DOCTOR_POLICY")) {
        (Some(path), _) => ("--policy", path),
        (None, Some(path)) => ("DOCTOR_POLICY", Path::new(path)),
        (None, None) => return Ok(PolicySource::None),
    };
    let document = read_document(name, path, directory, limit)?;
    let path = argument(path);
    Ok(PolicySource::File { path, document })
}

/// Reads a policy document.
///
/// # Errors
/// As [`read_policy`].
pub(super) fn read_document(
    name: &'static str,
    path: &Path,
    directory: &Path,
    limit: Duration,
) -> Result<Document, InputError> {
    let shown = argument(path);
    let bytes = read_named_file(name, path, directory, limit)?;
    let error = |problem: String| InputError { option: name, path: shown.clone(), problem };
    let text = String::from_utf8(bytes).map_err(|e| {
        error(format!("not UTF-8 text (byte {})", e.utf8_error().valid_up_to() + 1))
    })?;
    let document = crate::policy::document::parse(&text).map_err(|e| error(e.to_string()))?;
    Ok(without_secrets(document, &text))
}

/// Reads a policy document from a file, or a pipe for a few seconds.
///
/// # Errors
/// It cannot be read or is not a policy document; with line and column.
pub fn policy_document(path: &Path) -> Result<Document, InputError> {
    let mut document = read_document("FILE", path, Path::new(""), Duration::from_secs(10))?;
    document.hide_url_parts(None);
    Ok(document)
}

/// The text of a policy document, for editing.
///
/// # Errors
/// It cannot be read.
pub fn policy_text(path: &Path) -> Result<String, InputError> {
    let option = "--policy";
    let bytes = read_named_file(option, path, Path::new(""), Duration::from_secs(10))?;
    String::from_utf8(bytes).map_err(|e| InputError {
        option,
        path: argument(path),
        problem: format!("not UTF-8 text (byte {})", e.utf8_error().valid_up_to() + 1),
    })
}

/// Reads the cases of a policy's regression test from a file, or a pipe for a few seconds.
///
/// # Errors
/// It cannot be read or is not a list of cases; with line and column.
pub fn policy_cases(path: &Path) -> Result<Vec<Case>, InputError> {
    let option = "--cases";
    let error = |problem: String| InputError { option, path: argument(path), problem };
    let bytes = read_named_file(option, path, Path::new(""), Duration::from_secs(10))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        error(format!("not UTF-8 text (byte {})", e.utf8_error().valid_up_to() + 1))
    })?;
    let mut cases = cases::parse(&text).map_err(|e| error(e.to_string()))?;
    let scrubber = Scrubber::default();
    for case in &mut cases {
        case.name = scrubber.scrub(&case.name);
    }
    Ok(cases)
}

/// Removes tokens that somebody pasted into the document. The parsed values are scrubbed, not the
/// text, because there a token may be escaped.
fn without_secrets(document: Document, text: &str) -> Document {
    let scrubber = Scrubber::default();
    if scrubber.scrub(text) == text {
        return document;
    }
    let clean = serde_json::to_value(&document)
        .and_then(|value| serde_json::from_str(&scrubber.scrub_json(value).to_string()));
    clean.unwrap_or(document)
}

/// Reads the key set that `--jwks` names.
///
/// # Errors
/// The file cannot be read or is not a JSON key set.
pub(super) fn read_key_set(
    path: &Path,
    directory: &Path,
    limit: Duration,
) -> Result<Value, InputError> {
    let bytes = read_named_file("--jwks", path, directory, limit)?;
    let error = |problem| InputError { option: "--jwks", path: argument(path), problem };
    let broken = |line, column, what| error(format!("{line}:{column}: {what}; {WANTED_KEYS}"));
    limits::json::check(&bytes, limits::VALUES).map_err(|refused| match refused {
        JsonError::Invalid(e) => broken(e.line(), e.column(), "not JSON"),
        JsonError::TooManyValues { line, column } => broken(line, column, "too many values"),
    })?;
    let keys =
        serde_json::from_slice(&bytes).map_err(|e| broken(e.line(), e.column(), "not JSON"))?;
    match signature::outline_key_set(&keys) {
        KeySet::Keys { .. } => Ok(keys),
        KeySet::Invalid { reason } => Err(error(format!("not a key set: {reason}; {WANTED_KEYS}"))),
    }
}

const WANTED_KEYS: &str = "save what the issuer serves at its jwks_uri";
