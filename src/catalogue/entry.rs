//! Parses a code's page.
//!
//! A page has the title `# CODE: TITLE`, a line with severity and category, the six sections of
//! [`Section`], a line with related codes and a line with a link. Reports quote the first paragraph
//! of `## Fix`. An item of `## Causes` begins with the platform on which the cause is likely. Code
//! spans are the only markup in prose, because every format shows the same text.

use serde::Serialize;

use super::{Category, Code, Severity};

/// A section of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Meaning,
    Detection,
    Causes,
    Fix,
    Example,
    ByHand,
}

impl Section {
    /// The heading, as on the page.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Meaning => "What it means",
            Self::Detection => "How it is detected",
            Self::Causes => "Causes",
            Self::Fix => "Fix",
            Self::Example => "Example",
            Self::ByHand => "By hand",
        }
    }

    /// The section's text on a page.
    fn text(self, code: Code) -> &'static str {
        let mut sections = code.page().split("\n## ");
        let text =
            sections.find_map(|text| text.strip_prefix(self.heading())?.strip_prefix("\n\n"));
        text.unwrap_or_default()
    }
}

/// What reports quote from the page, without parsing all of it.
impl Code {
    /// What the failure means.
    pub(crate) fn meaning(self) -> String {
        first_paragraph(Section::Meaning.text(self))
    }

    /// What to do, in one sentence.
    pub(crate) fn fix(self) -> String {
        first_paragraph(Section::Fix.text(self))
    }

    /// The public documentation that the code rests on.
    pub(crate) fn link(self) -> &'static str {
        let link = self.page().rsplit_once("\nSee <").and_then(|(_, link)| link.split_once('>'));
        link.map_or("", |(link, _)| link)
    }
}

/// A parsed page. `doctor explain --format json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) code: Code,
    pub(crate) category: Category,
    pub(crate) severity: Severity,
    pub(crate) title: &'static str,
    /// One line per paragraph, as in `detection` and `fix`.
    pub(crate) meaning: String,
    pub(crate) detection: String,
    pub(crate) causes: Vec<Cause>,
    pub(crate) fix: String,
    pub(crate) example: Example,
    pub(crate) by_hand: ByHand,
    /// The names of related codes, which name this one too.
    pub(crate) related: Vec<&'static str>,
    pub(crate) link: &'static str,
}

/// A likely cause.
#[derive(Debug, Serialize)]
pub(crate) struct Cause {
    /// The name of a CI platform, or `anywhere`.
    pub(crate) platform: &'static str,
    pub(crate) text: String,
}

/// A snippet of a file or script, wrong and right.
#[derive(Debug, Serialize)]
pub(crate) struct Example {
    /// `sh`, `yaml` or `json`.
    pub(crate) language: &'static str,
    pub(crate) before: &'static str,
    pub(crate) after: &'static str,
}

/// How to check for the failure by hand.
#[derive(Debug, Serialize)]
pub(crate) struct ByHand {
    /// What to do and what to look at.
    pub(crate) words: String,
    /// The command, for bash.
    pub(crate) command: &'static str,
}

impl Entry {
    /// Reads the code's page.
    pub(crate) fn parse(code: Code) -> Self {
        let by_hand = Section::ByHand.text(code);
        let (language, before) = fenced_block(Section::Example.text(code), 0);
        Self {
            code,
            category: code.category(),
            severity: code.severity(),
            title: code.title(),
            meaning: prose(Section::Meaning.text(code)),
            detection: prose(Section::Detection.text(code)),
            causes: parse_causes(Section::Causes.text(code)),
            fix: prose(Section::Fix.text(code)),
            example: Example {
                language,
                before,
                after: fenced_block(Section::Example.text(code), 1).1,
            },
            by_hand: ByHand {
                words: first_paragraph(by_hand),
                command: fenced_block(by_hand, 0).1,
            },
            related: linked_codes(by_hand),
            link: code.link(),
        }
    }
}

/// Joins each paragraph into one line.
fn prose(section: &str) -> String {
    section.trim_end().split("\n\n").map(join_lines).collect::<Vec<_>>().join("\n")
}

fn first_paragraph(section: &str) -> String {
    section.split("\n\n").next().map(join_lines).unwrap_or_default()
}

fn join_lines(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn parse_causes(section: &'static str) -> Vec<Cause> {
    let items = section.strip_prefix("- ").unwrap_or_default().split("\n- ");
    let causes = items.filter_map(|item| item.split_once(": "));
    causes.map(|(platform, text)| Cause { platform, text: join_lines(text) }).collect()
}

/// The language and the text of a fenced code block.
fn fenced_block(section: &'static str, index: usize) -> (&'static str, &'static str) {
    let block = section.split("```").nth(2 * index + 1).and_then(|block| block.split_once('\n'));
    block.map_or(("", ""), |(language, text)| (language, text.trim_end()))
}

fn linked_codes(section: &'static str) -> Vec<&'static str> {
    let links = section.split("](").skip(1).filter_map(|rest| rest.split_once(".md)"));
    links.map(|(name, _)| name).collect()
}
