//! Quotes text so that it is no Markdown (CommonMark 0.31 with GitHub's tables and autolinks) and
//! no HTML.
//!
//! Words of letters stay as they are. Everything else goes into code spans, which hold no
//! construct, link or mention. So sentences stay readable and values stay whole.

use crate::render::wording::finding::visible;
use crate::text::{clip, inert};

/// The most characters shown of a text. GitHub refuses a summary of more than 1 MiB.
const MAX_CHARS: usize = 4096;

/// Quotes a sentence. Text between two backticks becomes one code span.
pub(super) fn prose(text: &str) -> String {
    let text = inert(&clip(text, MAX_CHARS));
    let mut paragraph = Paragraph::default();
    if text.matches('`').count() % 2 == 1 {
        paragraph.push_words(&text);
        return paragraph.0;
    }
    for (index, piece) in text.split('`').enumerate() {
        if index % 2 == 0 {
            paragraph.push_words(piece);
        } else if !piece.is_empty() {
            paragraph.push(&code_span(piece));
        }
    }
    paragraph.0
}

/// Quotes a value as a code span.
pub(super) fn code(value: &str) -> String {
    code_span(&visible(&clip(value, MAX_CHARS)))
}

/// Escapes quoted text for a table cell, which a `|` would end even inside code.
pub(super) fn escape_cell(quoted: &str) -> String {
    quoted.replace('|', "\\u007c")
}

/// A fenced code block, indented. Its fence is longer than any run of backticks in the text.
pub(super) fn fenced_block(language: &str, text: &str, indent: usize) -> Vec<String> {
    let fence = "`".repeat(longest_backtick_run(text).max(2) + 1);
    let lines = text.lines().map(inert);
    std::iter::once(format!("{fence}{language}"))
        .chain(lines)
        .chain([fence])
        .map(|line| format!("{:indent$}{line}", ""))
        .collect()
}

/// An https link if the URL can stand between angle brackets, otherwise code.
pub(super) fn link(url: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/?#=&%:+,".contains(c);
    match url.strip_prefix("https://") {
        Some(rest) if !rest.is_empty() && rest.chars().all(is_plain) => format!("<{url}>"),
        _ => code(url),
    }
}

/// A code span (CommonMark section 6.1).
fn code_span(text: &str) -> String {
    let ticks = "`".repeat(longest_backtick_run(text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

fn longest_backtick_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// Builds a paragraph.
#[derive(Default)]
struct Paragraph(String);

impl Paragraph {
    fn push(&mut self, text: &str) {
        // Two adjacent code spans would become one.
        if self.0.ends_with('`') && text.starts_with('`') {
            self.0.push(' ');
        }
        self.0.push_str(text);
    }

    fn push_words(&mut self, text: &str) {
        if text.starts_with(' ') {
            self.push_space();
        }
        for (index, word) in text.split(' ').filter(|word| !word.is_empty()).enumerate() {
            if index > 0 {
                self.push_space();
            }
            self.push_word(word);
        }
        if text.ends_with(' ') {
            self.push_space();
        }
    }

    fn push_space(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with(' ') {
            self.0.push(' ');
        }
    }

    fn push_word(&mut self, word: &str) {
        let core = word.trim_start_matches(['(', '"', '\'']);
        let before = &word[..word.len() - core.len()];
        let core = core.trim_end_matches(['.', ',', ';', ':', '?', ')', '"', '\'']);
        let after = &word[before.len() + core.len()..];
        self.push(before);
        match core {
            // At the start of a line, `:` begins GitLab's description lists.
            "" if before.is_empty() && after.starts_with(':') => self.push("\\"),
            "" => {}
            "-" => self.push("\\-"),
            // At the start of a line, `1.` and `1)` begin a list.
            _ if core.bytes().all(|b| b.is_ascii_digit()) && after.starts_with(['.', ')']) => {
                self.push(core);
                self.push("\\");
            }
            _ if is_plain(core) => self.push(core),
            _ => self.push(&code_span(core)),
        }
        self.push(after);
    }
}

/// Whether a word is letters with `'` and `-` between them, or digits alone. No renderer takes such
/// a word for a link, a mention, a commit or an issue.
fn is_plain(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_digit())
        || word
            .split(['\'', '-'])
            .all(|part| !part.is_empty() && part.chars().all(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_quotes_only_special_words() {
        let cases = [
            ("The token's audience is wrong.", "The token's audience is wrong."),
            (
                "policies[0] wants api://AzureADTokenExchange, not x@y.example.",
                "`policies[0]` wants `api://AzureADTokenExchange`, not `x@y.example`.",
            ),
            ("A job with `environment: x` has it", "A job with `environment: x` has it"),
            (": begins a description", "\\: begins a description"),
            ("two`a``b`spans", "two`a` `b`spans"),
            ("one ` tick", "one `` ` `` tick"),
            ("a - b (case-sensitive)", "a \\- b (case-sensitive)"),
            ("1. no list", "1\\. no list"),
            ("- no list", "\\- no list"),
            ("# **no** <b>heading</b>", "`#` `**no**` `<b>heading</b>`"),
            ("    no code", "no code"),
            ("www.example.com @user #1 GH-1", "`www.example.com` `@user` `#1` `GH-1`"),
            ("&lt; a\nb", "`&lt`; `a\\nb`"),
        ];
        for (text, expected) in cases {
            assert_eq!(prose(text), expected);
        }
    }

    #[test]
    fn code_spans_keep_whole_value() {
        assert_eq!(code("a|b"), "`a|b`");
        assert_eq!(escape_cell(&code("a|b")), "`a\\u007cb`");
        assert_eq!(code("``a`"), "``` ``a` ```");
        assert_eq!(code(""), "`\"\"`");
        assert_eq!(code("end\\"), "`end\\`");
    }

    #[test]
    fn fences_exceed_backticks_in_text() {
        assert_eq!(
            fenced_block("", "a\n```\nb", 3),
            ["   ````", "   a", "   ```", "   b", "   ````"]
        );
    }

    #[test]
    fn only_plain_https_becomes_link() {
        assert_eq!(link("https://www.pulumi.com/docs/"), "<https://www.pulumi.com/docs/>");
        assert_eq!(link("https://x/>[a](b)"), "`https://x/>[a](b)`");
        assert_eq!(link("javascript:alert(1)"), "`javascript:alert(1)`");
    }
}
