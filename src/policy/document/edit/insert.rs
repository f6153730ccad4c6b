//! Adds an entry to the end of a list of policies.

use serde_json::{Map, Value};

use super::Change;
use super::scalar::plain_or_quoted;
use super::source::{Kind, SourceNode};
use crate::text;

/// The changes that add an entry to this list. `None` if that is not safe. `key`: the key of the
/// list, if it has one.
pub(super) fn insert_entry(
    document: &str,
    key: Option<&SourceNode>,
    list: &SourceNode,
    is_json: bool,
    entry: &Map<String, Value>,
) -> Option<Vec<Change>> {
    let Kind::List { items, is_flow } = &list.kind else { return None };
    match (items.last(), is_flow) {
        (Some(last), false) => append_to_block(document, list, last, entry),
        (Some(last), true) => append_to_flow(document, list, last, is_json, entry),
        (None, _) => fill_empty(document, key, list, is_json, entry),
    }
}

/// The line ending at this position: `\r\n` or `\n`.
pub(super) fn line_end(document: &str, at: usize) -> &'static str {
    let before = document.get(..at).unwrap_or_default();
    let after = document.get(at..).unwrap_or_default();
    let is_crlf = match after.find('\n') {
        Some(end) => after.as_bytes().get(end.wrapping_sub(1)) == Some(&b'\r'),
        None => before.contains("\r\n"),
    };
    if is_crlf { "\r\n" } else { "\n" }
}

/// The position after the line break that follows this position.
fn after_line(document: &str, at: usize) -> usize {
    document.get(at..).and_then(|rest| rest.find('\n')).map_or(document.len(), |end| at + end + 1)
}

/// The text before this position on its line.
fn before_on_line(document: &str, at: usize) -> &str {
    let before = document.get(..at).unwrap_or_default();
    before.rsplit('\n').next().unwrap_or_default()
}

/// The white space at the start of a line.
fn indentation(line: &str) -> &str {
    line.get(..line.len() - line.trim_start().len()).unwrap_or_default()
}

/// Inserts lines after the line of a position. That may be the last line, without a line break.
fn lines_after(document: &str, at: usize, lines: &[String]) -> Change {
    let end = line_end(document, at);
    let at = after_line(document, at);
    let is_ended = document.get(..at).is_some_and(|before| before.ends_with('\n'));
    let text = match is_ended || at == 0 {
        true => lines.iter().map(|line| format!("{line}{end}")).collect(),
        false => format!("{end}{}", lines.join(end)),
    };
    Change { span: at..at, text }
}

/// The end of a value, without the blank lines after a block scalar.
fn written_end(document: &str, value: &SourceNode) -> usize {
    let source = document.get(value.span.clone()).unwrap_or_default();
    value.span.start + source.trim_end().len()
}

/// Appends to a block list, with the indentation of the last item.
fn append_to_block(
    document: &str,
    list: &SourceNode,
    last: &SourceNode,
    entry: &Map<String, Value>,
) -> Option<Vec<Change>> {
    let dash = |start| before_on_line(document, start).trim_end().strip_suffix('-');
    // An item with an anchor begins below its dash. Then the start of the list has the indentation.
    let indent = dash(last.span.start).unwrap_or(before_on_line(document, list.span.start));
    if !indent.trim().is_empty() {
        return None;
    }
    let lines: Vec<String> =
        yaml_lines(entry).into_iter().map(|line| format!("{indent}{line}")).collect();
    Some(vec![lines_after(document, written_end(document, last).saturating_sub(1), &lines)])
}

/// The lines of an entry as an item of a block list.
fn yaml_lines(entry: &Map<String, Value>) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, value) in entry {
        let lead = if lines.is_empty() { "- " } else { "  " };
        match value {
            Value::Object(rules) if !rules.is_empty() => {
                lines.push(format!("{lead}{key}:"));
                for (claim, pattern) in rules {
                    let pattern = plain_or_quoted(pattern.as_str().unwrap_or_default(), false);
                    lines.push(format!("    {}: {pattern}", plain_or_quoted(claim, false)));
                }
            }
            Value::String(text) => {
                lines.push(format!("{lead}{key}: {}", plain_or_quoted(text, false)))
            }
            other => lines.push(format!("{lead}{key}: {}", json_inline(other))),
        }
    }
    lines
}

/// A value as JSON on one line. This is YAML too.
fn json_inline(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| format!("{}: {}", text::json_string(key), json_inline(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(json_inline).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => text::json_string(text),
        other => other.to_string(),
    }
}

/// A value as JSON on several lines.
fn json_lines(value: &Value, indent: &str, unit: &str) -> String {
    let inner = format!("{indent}{unit}");
    match value {
        Value::Object(members) if !members.is_empty() => {
            let members = members.iter().map(|(key, value)| {
                format!("{inner}{}: {}", text::json_string(key), json_lines(value, &inner, unit))
            });
            format!("{{\n{}\n{indent}}}", members.collect::<Vec<_>>().join(",\n"))
        }
        other => json_inline(other),
    }
}

/// Appends to a list in brackets. The entry gets its own lines if the last one has its own.
fn append_to_flow(
    document: &str,
    list: &SourceNode,
    last: &SourceNode,
    is_json: bool,
    entry: &Map<String, Value>,
) -> Option<Vec<Change>> {
    let value = Value::Object(entry.clone());
    let rest = document.get(last.span.end..list.span.end)?;
    // YAML allows a trailing comma.
    let has_comma = !is_json && without_comments(rest).contains(',');
    let begin = before_on_line(document, last.span.start);
    let has_own_line = begin.trim().is_empty() && rest.contains('\n');
    if !has_own_line {
        let comma = if has_comma { "" } else { "," };
        let at = if has_comma { last.span.end + rest.find(',')? + 1 } else { last.span.end };
        return Some(vec![Change {
            span: at..at,
            text: format!("{comma} {}", json_inline(&value)),
        }]);
    }
    let closing = indentation(before_on_line(document, list.span.end));
    let unit = begin.strip_prefix(closing).filter(|unit| !unit.is_empty()).unwrap_or("  ");
    let is_compact = !document.get(last.span.clone())?.contains('\n');
    let added = match is_compact {
        true => json_inline(&value),
        false => json_lines(&value, begin, unit),
    };
    let added = format!("{begin}{added}{}", if has_comma { "," } else { "" });
    let lines: Vec<String> = added.split('\n').map(str::to_owned).collect();
    let mut changes = vec![lines_after(document, last.span.end, &lines)];
    if !has_comma {
        let at = last.span.end;
        changes.push(Change { span: at..at, text: ",".to_owned() });
    }
    Some(changes)
}

/// The lines without YAML comments, joined.
fn without_comments(text: &str) -> String {
    let line = |line: &str| line.split('#').next().unwrap_or_default().to_owned();
    text.lines().map(line).collect()
}

/// Adds the first entry to `[]`.
fn fill_empty(
    document: &str,
    key: Option<&SourceNode>,
    list: &SourceNode,
    is_json: bool,
    entry: &Map<String, Value>,
) -> Option<Vec<Change>> {
    let value = Value::Object(entry.clone());
    let span = list.span.clone();
    if without_comments(document.get(span.start + 1..span.end - 1)?).trim() != "" {
        return None;
    }
    let end = line_end(document, span.start);
    let line = before_on_line(document, span.start);
    let is_first = key.is_some_and(|key| {
        let before = before_on_line(document, key.span.start);
        // In `- policies: []` the key follows a dash.
        before.trim_start_matches([' ', '-']).is_empty()
    });
    let is_alone = document.get(span.end..).is_none_or(|rest| {
        let rest = rest.split('\n').next().unwrap_or_default().trim();
        rest.is_empty() || rest.starts_with('#') || is_json && rest == ","
    });
    if let (true, true, Some(key)) = (is_first, is_alone, key) {
        let column = before_on_line(document, key.span.start).chars().count();
        if is_json {
            let indent = indentation(line);
            let inner = format!("{indent}{}", if indent.contains('\t') { "\t" } else { "  " });
            let unit = inner.strip_prefix(indent).unwrap_or("  ");
            let added = json_lines(&value, &inner, unit).replace('\n', end);
            return Some(vec![Change {
                span,
                text: format!("[{end}{inner}{added}{end}{indent}]"),
            }]);
        }
        let is_block =
            document.get(key.span.end..span.start).is_some_and(|between| between.trim() == ":");
        if is_block && !line.contains('{') {
            let indent = " ".repeat(column);
            let lines: Vec<String> =
                yaml_lines(entry).into_iter().map(|line| format!("{indent}{line}")).collect();
            // Also removes the space before `[]`.
            let from = document.get(..span.start)?.trim_end_matches(' ').len();
            return Some(vec![
                lines_after(document, span.end, &lines),
                Change { span: from..span.end, text: String::new() },
            ]);
        }
    }
    Some(vec![Change { span, text: format!("[{}]", json_inline(&value)) }])
}
