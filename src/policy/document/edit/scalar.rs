//! Replaces a scalar and keeps its quoting style.

use super::source::{Kind, SourceNode, Style};
use crate::text;

/// The replacement of a scalar or an alias. `None` if the value cannot be written safely.
pub(super) fn replacement(
    document: &str,
    scalar: &SourceNode,
    value: &str,
    is_flow: bool,
) -> Option<String> {
    match &scalar.kind {
        Kind::Alias => Some(plain_or_quoted(value, is_flow)),
        Kind::Scalar { style: Style::Json, .. } => Some(text::json_string(value)),
        Kind::Scalar { style: Style::Plain, .. } => Some(plain_or_quoted(value, is_flow)),
        Kind::Scalar { style: Style::Single, .. } => Some(single_quoted(value)),
        Kind::Scalar { style: Style::Double, .. } => Some(double_quoted(value)),
        Kind::Scalar { value: before, style: Style::Block } => {
            block_line(document.get(scalar.span.clone())?, before, value)
        }
        Kind::Map { .. } | Kind::List { .. } => None,
    }
}

/// A text as a new scalar, plain if possible.
pub(super) fn plain_or_quoted(value: &str, is_flow: bool) -> String {
    if is_plain(value, is_flow) { value.to_owned() } else { single_quoted(value) }
}

/// Whether a text surely needs no quotes (YAML 1.2.2 section 7.3.3).
fn is_plain(value: &str, is_flow: bool) -> bool {
    let begins = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_./:@*?+=-".contains(c);
    let is_word = value.chars().all(|c| c.is_ascii_alphabetic());
    begins
        && value.chars().all(allowed)
        && !value.ends_with(':')
        // In a flow collection some readers end a scalar at a colon.
        && !(is_flow && value.contains(':'))
        && (!is_word || text::yaml(value) == value)
}

fn single_quoted(value: &str) -> String {
    match value.chars().any(text::is_unseen) || text::inert(value) != value {
        true => double_quoted(value),
        false => format!("'{}'", value.replace('\'', "''")),
    }
}

fn double_quoted(value: &str) -> String {
    let quoted = text::yaml(value);
    if quoted.starts_with('"') { quoted } else { format!("\"{quoted}\"") }
}

/// Replaces the content of a block scalar with one line. Its header is not part of `source`.
fn block_line(source: &str, before: &str, value: &str) -> Option<String> {
    let is_line = |text: &str| !text.contains(['\n', '\r']) && text::inert(text) == text;
    let old = before.trim_end_matches('\n');
    if !is_line(old) || !is_line(value) || value.starts_with(' ') || value.is_empty() {
        return None;
    }
    let mut lines = source.split_inclusive('\n');
    let content = lines.next()?;
    if content.trim() != old || lines.any(|line| !line.trim().is_empty()) {
        return None;
    }
    let rest = source.get(content.len()..)?;
    Some(content.replacen(old, value, 1) + rest)
}
