//! Text that can be no Markdown (CommonMark 0.31 with GitHub's tables and autolinks) and no HTML.
//!
//! Words of letters stand as they are, everything else in code spans, which hold no construct,
//! no link and no mention. So a sentence stays readable and a value stays whole.

use crate::render::wording::finding::visible;
use crate::text::{clip, inert};

/// How much of a value is shown, in characters. GitHub refuses a summary of more than 1 MiB.
const LONGEST: usize = 4096;

/// A sentence. What stands between two backticks is code already.
pub(super) fn prose(text: &str) -> String {
    let text = inert(&clip(text, LONGEST));
    let mut line = Line::default();
    if text.matches('`').count() % 2 == 1 {
        line.words(&text);
        return line.0;
    }
    for (index, piece) in text.split('`').enumerate() {
        if index % 2 == 0 {
            line.words(piece);
        } else if !piece.is_empty() {
            line.push(&span(piece));
        }
    }
    line.0
}

/// A value, as code.
pub(super) fn code(value: &str) -> String {
    span(&visible(&clip(value, LONGEST)))
}

/// The text of a table cell, which a `|` would end even inside code.
pub(super) fn cell(quoted: &str) -> String {
    quoted.replace('|', "\\u007c")
}

/// Lines to copy, moved to the right alike, between fences that none of them can end.
pub(super) fn block(language: &str, text: &str, indent: usize) -> Vec<String> {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    let lines = text.lines().map(inert);
    std::iter::once(format!("{fence}{language}"))
        .chain(lines)
        .chain([fence])
        .map(|line| format!("{:indent$}{line}", ""))
        .collect()
}

/// A link, where it is one that can stand between angle brackets; else code.
pub(super) fn link(url: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/?#=&%:+,".contains(c);
    match url.strip_prefix("https://") {
        Some(rest) if !rest.is_empty() && rest.chars().all(plain) => format!("<{url}>"),
        _ => code(url),
    }
}

/// A code span (CommonMark section 6.1).
fn span(text: &str) -> String {
    let ticks = "`".repeat(longest_run(text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// A paragraph in the making.
#[derive(Default)]
struct Line(String);

impl Line {
    fn push(&mut self, text: &str) {
        // Two code spans side by side would be one.
        if self.0.ends_with('`') && text.starts_with('`') {
            self.0.push(' ');
        }
        self.0.push_str(text);
    }

    fn words(&mut self, text: &str) {
        if text.starts_with(' ') {
            self.space();
        }
        for (index, word) in text.split(' ').filter(|word| !word.is_empty()).enumerate() {
            if index > 0 {
                self.space();
            }
            self.word(word);
        }
        if text.ends_with(' ') {
            self.space();
        }
    }

    fn space(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with(' ') {
            self.0.push(' ');
        }
    }

    fn word(&mut self, word: &str) {
        let core = word.trim_start_matches(['(', '"', '\'']);
        let before = &word[..word.len() - core.len()];
        let core = core.trim_end_matches(['.', ',', ';', ':', '?', ')', '"', '\'']);
        let after = &word[before.len() + core.len()..];
        self.push(before);
        match core {
            "" => {}
            "-" => self.push("\\-"),
            // At the beginning of a line `1.` and `1)` are a list.
            _ if core.bytes().all(|b| b.is_ascii_digit()) && after.starts_with(['.', ')']) => {
                self.push(core);
                self.push("\\");
            }
            _ if is_plain(core) => self.push(core),
            _ => self.push(&span(core)),
        }
        self.push(after);
    }
}

/// Letters, with `'` and `-` between them, or digits alone: nothing that a renderer takes for
/// more, be it a link, a mention, a commit or an issue.
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
    fn sentences_stay_readable() {
        let cases = [
            ("The token's audience is wrong.", "The token's audience is wrong."),
            (
                "policies[0] wants api://AzureADTokenExchange, not x@y.example.",
                "`policies[0]` wants `api://AzureADTokenExchange`, not `x@y.example`.",
            ),
            ("A job with `environment: x` has it", "A job with `environment: x` has it"),
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
    fn values_are_whole() {
        assert_eq!(code("a|b"), "`a|b`");
        assert_eq!(cell(&code("a|b")), "`a\\u007cb`");
        assert_eq!(code("``a`"), "``` ``a` ```");
        assert_eq!(code(""), "`\"\"`");
        assert_eq!(code("end\\"), "`end\\`");
    }

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(block("", "a\n```\nb", 3), ["   ````", "   a", "   ```", "   b", "   ````"]);
    }

    #[test]
    fn only_plain_links_are_links() {
        assert_eq!(link("https://www.pulumi.com/docs/"), "<https://www.pulumi.com/docs/>");
        assert_eq!(link("https://x/>[a](b)"), "`https://x/>[a](b)`");
        assert_eq!(link("javascript:alert(1)"), "`javascript:alert(1)`");
    }
}
