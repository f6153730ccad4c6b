//! A line of a log, without the prefixes that the platform added.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::Timestamp;

use crate::platform::ALL;

/// A line, or one part of a line that carriage returns overwrite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// What the program wrote.
    pub(super) text: &'a str,
    /// The time, if the platform prints one with a date.
    pub(super) at: Option<Timestamp>,
    /// It shows a command, not a command's output.
    pub(super) is_command: bool,
    /// The platform or the program marks it as a warning.
    pub(super) is_warning: bool,
}

/// The prefixes of commands that a shell traces.
const SHELLS: [&str; 2] = ["+ ", "++ "];
/// Prefixes of other lines. The first is a quotation in a mail or a ticket.
const OTHER_PREFIXES: [&str; 2] = ["> ", "[error]"];

/// The prefixes of commands, from shells and platforms.
static COMMANDS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    SHELLS
        .into_iter()
        .chain(ALL.iter().flat_map(|platform| platform.log.commands).copied())
        .collect()
});
/// The prefixes of other lines.
static PREFIXES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    let platforms = ALL.iter().flat_map(|platform| platform.log.prefixes).copied();
    OTHER_PREFIXES.into_iter().chain(platforms).collect()
});
/// Texts before a message that is quoted in source code, not printed.
const SOURCE_CODE: [&str; 15] = [
    "echo ", "grep ", "printf ", "Write-", " == ", "// ", "# ", "raise ", "throw ", "assert",
    "expect", "::test_", "title", "_test.", ".spec.",
];

impl<'a> Line<'a> {
    /// Reads a line. `in_script`: it is part of a step's script.
    pub(super) fn read(raw: &'a str, in_script: bool) -> Self {
        let mut text = raw.trim_end_matches('\n').trim_start_matches('\u{feff}');
        let mut at = None;
        if let Some(fields) = strip_job_and_step(text) {
            text = fields;
        }
        let mut is_command = in_script;
        let mut is_warning = false;
        loop {
            while let Some((time, rest)) = timestamp(text) {
                at = at.or(time);
                text = strip_stream_mark(rest);
            }
            let trimmed = text.trim_start_matches(' ');
            let command = COMMANDS.iter().find_map(|mark| trimmed.strip_prefix(mark));
            // List items are indented after their mark, traced commands are not.
            let command = command.filter(|command| !command.starts_with(' '));
            let marker = PREFIXES.iter().find_map(|mark| trimmed.strip_prefix(mark));
            is_command |= command.is_some();
            match command.or(marker).or_else(|| strip_logging_command(trimmed)) {
                Some(rest) => {
                    is_warning |= trimmed[..trimmed.len() - rest.len()].contains("warning");
                    text = rest;
                }
                None => {
                    is_warning |= ["warning: ", "Warning: "].iter().any(|w| text.starts_with(w));
                    return Self { text, at, is_command, is_warning };
                }
            }
        }
    }

    /// Whether a message may begin at this byte: at the start of the line or after a message that
    /// passes it on, but not in a quotation, a commit's subject, a test's name or source code.
    pub(super) fn may_begin(&self, at: usize) -> bool {
        let mut from = at.saturating_sub(LONGEST_LEAD);
        while !self.text.is_char_boundary(from) {
            from += 1;
        }
        let before = &self.text[from..at];
        let lead = before.trim_end();
        if lead.is_empty() {
            return true;
        }
        // Text between backticks is a quotation.
        let is_quoted = before.matches('`').count() % 2 == 1;
        let is_other = NO_FAILURES.iter().any(|start| self.text.trim_start().starts_with(start));
        if is_quoted
            || is_other
            || is_commit(self.text)
            || SOURCE_CODE.iter().any(|s| before.contains(s))
        {
            return false;
        }
        if let Some(label) = lead.strip_suffix(':') {
            return before.ends_with(' ') && is_frame(label) || is_logger(label);
        }
        let is_value = ["\"", "\\\""].iter().any(|quote| {
            let key = before.strip_suffix(quote).map(str::trim_end);
            key.is_some_and(|key| key.ends_with([':', '=']))
        });
        // Lines of a diff show a file.
        let is_change = self.text.starts_with(['+', '-']);
        is_value && !is_change
            || lead.ends_with(']')
            || before.ends_with("| ")
            || before.ends_with('\t')
            || matches!(lead, "*" | "-" | "Error" | "ERROR")
            || is_sentence_end(before)
    }
}

/// How many bytes before a message are examined.
const LONGEST_LEAD: usize = 2_000;
/// The beginnings of lines that report commits or tests, not failures.
const NO_FAILURES: [&str; 11] = [
    "HEAD is now at",
    "Merge ",
    "commit ",
    "\u{2713}",
    "\u{2714}",
    "\u{221a}",
    "ok ",
    "not ok ",
    "PASS",
    "--- ",
    "=== ",
];
/// Words before a message that another program passes on, in lower case.
const FRAME_WORDS: [&str; 40] = [
    "az",
    "aws",
    "bash",
    "caused by",
    "cause",
    "claims",
    "cli",
    "cloud",
    "credentials",
    "curl",
    "description",
    "detail",
    "details",
    "err",
    "error_description",
    "fatal",
    "invalid-publisher",
    "invalid_client",
    "invalid_request",
    "invalididentitytoken",
    "access_denied",
    "message",
    "msg",
    "node",
    "npm",
    "oidc",
    "operation",
    "output",
    "panic",
    "pulumi",
    "reason",
    "request",
    "response",
    "service",
    "sh",
    "stderr",
    "stdout",
    "token",
    "unauthorized_client",
    "warning",
];

/// Whether the text before a colon passes a message on: a word for failure, a program's name, a
/// script line, or another error.
fn is_frame(label: &str) -> bool {
    let own = label.rsplit(": ").next().unwrap_or(label).trim();
    let lower = own.to_ascii_lowercase();
    let last = lower.rsplit([' ', '(', '[']).next().unwrap_or_default();
    let last = last.trim_matches(|c: char| !c.is_alphanumeric());
    let fails =
        |word: &str| ["error", "exception", "failed", "failure"].iter().any(|f| word.ends_with(f));
    let is_line =
        lower.strip_prefix("line ").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    let in_error = label.split(|c: char| !c.is_alphanumeric()).any(|word| {
        ["error", "failed", "fatal"].iter().any(|known| word.eq_ignore_ascii_case(known))
    });
    fails(last)
        || FRAME_WORDS.contains(&last)
        || is_line
        || in_error
        || own.ends_with(['"', '\'', ')', ']'])
}

/// `ERROR:deploy:`, as Python's logging writes it.
fn is_logger(label: &str) -> bool {
    let mut parts = label.split(':');
    let is_level =
        parts.next().is_some_and(|level| matches!(level, "ERROR" | "CRITICAL" | "WARNING"));
    is_level && parts.next().is_some_and(|name| !name.contains(' ')) && parts.next().is_none()
}

/// `87b61a6 fix: …`: git's short log.
fn is_commit(text: &str) -> bool {
    let word = text.trim_start().split(' ').next().unwrap_or_default();
    (7..=40).contains(&word.len())
        && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && word.bytes().any(|b| b.is_ascii_digit())
}

/// Whether a message may follow the end of another one.
fn is_sentence_end(before: &str) -> bool {
    before.ends_with(". ") && before.contains(": ")
}

/// Strips job and step, which `gh run view --log` puts in front with a tab after each.
fn strip_job_and_step(text: &str) -> Option<&str> {
    let (job, rest) = text.split_once('\t')?;
    let (step, rest) = rest.split_once('\t')?;
    let rest = rest.trim_start_matches('\u{feff}');
    (job.len() + step.len() < 400 && timestamp(rest).is_some()).then_some(rest)
}

/// A time at the start of the line, with or without date and brackets, and the rest of the line.
fn timestamp(text: &str) -> Option<(Option<Timestamp>, &str)> {
    let (text, bracket) = match text.strip_prefix('[') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let end = text.find(|c: char| !(c.is_ascii_digit() || "-:.,TZ+".contains(c)))?;
    let (date, rest) = match text[end..].strip_prefix(' ') {
        // A space instead of the T.
        Some(rest) if is_date(&text[..end]) && !bracket => {
            let end = rest.find(' ').unwrap_or(rest.len());
            (&text[..text.len() - rest.len() + end], &rest[end..])
        }
        _ => text.split_at(end),
    };
    let rest = if bracket { rest.strip_prefix(']')? } else { rest };
    let is_time =
        |text: &str| text.len() >= 8 && text.as_bytes()[2] == b':' && text.as_bytes()[5] == b':';
    let time = date.split_once(['T', ' ']).map_or(date, |(_, time)| time);
    if !is_time(time) || (date.len() > time.len() && !is_date(date.get(..10)?)) {
        return None;
    }
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    Some((date.parse().ok(), rest))
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, b)| match at {
            4 | 7 => *b == b'-',
            _ => b.is_ascii_digit(),
        })
}

/// Strips the stream mark of GitLab's runner since 17: two digits, `O` or `E`, a space or a `+`.
fn strip_stream_mark(text: &str) -> &str {
    match text.as_bytes() {
        [a, b, b'O' | b'E', b' ' | b'+', ..] if a.is_ascii_digit() && b.is_ascii_digit() => {
            &text[4..]
        }
        _ => text,
    }
}

/// Strips `##vso[task.logissue type=error]` or `::error file=x::`.
fn strip_logging_command(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix("##vso[") {
        return rest.split_once(']').map(|(_, rest)| rest);
    }
    let rest = text.strip_prefix("::error ").or_else(|| text.strip_prefix("::warning "))?;
    rest.split_once("::").map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn platform_prefixes_are_stripped() {
        let cases = [
            ("error: no", "error: no"),
            ("2026-01-31T12:00:00.1234567Z error: no", "error: no"),
            ("\u{feff}2026-01-31T12:00:00.1234567Z ##[error]no", "no"),
            ("2026-01-31T12:00:00.1234567Z ##[error]error: no", "error: no"),
            ("2026-01-31 12:00:00 no", "no"),
            ("2026-01-31 12:00:00,123 no", "no"),
            ("[2026-01-31T12:00:00Z] no", "no"),
            ("[12:00:00] no", "no"),
            ("12:00:00.123 no", "no"),
            ("2026-01-31T12:00:00.123456Z 01E no", "no"),
            ("2026-01-31T12:00:00.123456Z 00O+no", "no"),
            ("job\tstep name\t2026-01-31T12:00:00.1234567Z no", "no"),
            ("a\tb\tc", "a\tb\tc"),
            ("##vso[task.logissue type=error]no", "no"),
            ("::error file=a.js,line=1::no", "no"),
            ("10:20 no", "10:20 no"),
            ("2026 no", "2026 no"),
            ("", ""),
        ];
        for (raw, expected) in cases {
            assert_eq!(Line::read(raw, false).text, expected, "{raw}");
        }
        let line = Line::read("2026-01-31T12:00:00.5Z x", false);
        assert_eq!(line.at, Some("2026-01-31T12:00:00.5Z".parse().unwrap()));
    }

    #[test]
    fn commands_differ_from_output() {
        for raw in
            ["+ pulumi login", "##[command]/usr/bin/bash x.sh", "$ pulumi login", "[command]az"]
        {
            assert!(Line::read(raw, false).is_command, "{raw}");
        }
        assert!(!Line::read("error: + 1", false).is_command);
        assert!(Line::read("error: no", true).is_command);
    }

    #[test]
    fn quoted_messages_do_not_begin() {
        for raw in [
            "MARK",
            "error: MARK",
            "##[error]Error: MARK",
            "{\"level\":\"error\",\"msg\":\"MARK",
            "{\"msg\": \"MARK",
            "\"{\\\"error\\\":\\\"MARK",
            "app-1  | MARK",
            "* MARK",
            "[cause]: MARK",
            "Failed with error: ERROR: MARK",
            "ERROR:deploy:MARK",
            "/scripts/step: line 212: MARK",
            "error: could not log in to the state backend \"https://a\": MARK",
        ] {
            let line = Line::read(raw, false);
            assert!(line.may_begin(line.text.find("MARK").unwrap()), "{raw}");
        }
        for raw in [
            "if you see `MARK",
            "> `error: MARK`",
            "the words MARK",
            "grep -q \"MARK",
            "echo \"error: MARK",
            "docs/a.md:12:the message \"MARK",
            "if [[ $out == *\"error: MARK",
            "HEAD is now at 87b61a6 fix: MARK",
            "87b61a6 error: MARK",
            "\u{2713} prints error: MARK",
            "ok 12 - error: MARK",
            "login_test.go:88: got: MARK",
            "raise LoginError(\"error: MARK",
            "* login: MARK",
            "  expected: \"MARK",
            "# error: MARK",
        ] {
            let line = Line::read(raw, false);
            assert!(!line.may_begin(line.text.find("MARK").unwrap()), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(raw in "[0-9T:Z\\[\\] .\t#+-]{0,40}|.{0,40}") {
            let line = Line::read(&raw, false);
            for (at, _) in line.text.char_indices() {
                let _ = line.may_begin(at);
            }
        }
    }
}
