//! The parts of a code's page.
//!
//! A page has the title `# CODE: TITLE`, a line with severity and category, the six sections of
//! [`Section`], and at its end a line with related codes and a line with a link. Of `## Fix`, reports
//! quote the first paragraph. An item of `## Causes` begins with the platform on which it is likely.
//! Code spans are the only markup in prose, because the same text is shown in every format.

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
    fn of(self, code: Code) -> &'static str {
        let mut sections = code.page().split("\n## ");
        let text =
            sections.find_map(|text| text.strip_prefix(self.heading())?.strip_prefix("\n\n"));
        text.unwrap_or_default()
    }
}

/// What reports quote from the page. Each looks only for its own part.
impl Code {
    /// What the failure means.
    pub(crate) fn meaning(self) -> String {
        first_paragraph(Section::Meaning.of(self))
    }

    /// What to do, in one sentence.
    pub(crate) fn fix(self) -> String {
        first_paragraph(Section::Fix.of(self))
    }

    /// The public documentation that the code rests on.
    pub(crate) fn link(self) -> &'static str {
        let link = self.page().rsplit_once("\nSee <").and_then(|(_, link)| link.split_once('>'));
        link.map_or("", |(link, _)| link)
    }
}

/// A page, taken apart. Its JSON is what `doctor explain --format json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) code: Code,
    pub(crate) category: Category,
    pub(crate) severity: Severity,
    pub(crate) title: &'static str,
    /// Like `detection` and `fix`, one line per paragraph.
    pub(crate) meaning: String,
    pub(crate) detection: String,
    pub(crate) causes: Vec<Cause>,
    pub(crate) fix: String,
    pub(crate) example: Example,
    pub(crate) by_hand: ByHand,
    /// The names of codes; each of them names this one too.
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

/// A piece of a file or of a script, wrong and right.
#[derive(Debug, Serialize)]
pub(crate) struct Example {
    /// `sh`, `yaml` or `json`.
    pub(crate) language: &'static str,
    pub(crate) before: &'static str,
    pub(crate) after: &'static str,
}

/// A check without the doctor.
#[derive(Debug, Serialize)]
pub(crate) struct ByHand {
    /// What to do and what to look at.
    pub(crate) words: String,
    /// The command, for bash.
    pub(crate) command: &'static str,
}

impl Entry {
    /// Reads the code's page.
    pub(crate) fn of(code: Code) -> Self {
        let by_hand = Section::ByHand.of(code);
        let (language, before) = block(Section::Example.of(code), 0);
        Self {
            code,
            category: code.category(),
            severity: code.severity(),
            title: code.title(),
            meaning: prose(Section::Meaning.of(code)),
            detection: prose(Section::Detection.of(code)),
            causes: causes(Section::Causes.of(code)),
            fix: prose(Section::Fix.of(code)),
            example: Example { language, before, after: block(Section::Example.of(code), 1).1 },
            by_hand: ByHand { words: first_paragraph(by_hand), command: block(by_hand, 0).1 },
            related: related(by_hand),
            link: code.link(),
        }
    }
}

/// The paragraphs, one per line.
fn prose(section: &str) -> String {
    section.trim_end().split("\n\n").map(joined).collect::<Vec<_>>().join("\n")
}

fn first_paragraph(section: &str) -> String {
    section.split("\n\n").next().map(joined).unwrap_or_default()
}

/// A paragraph without its line breaks.
fn joined(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn causes(section: &'static str) -> Vec<Cause> {
    let items = section.strip_prefix("- ").unwrap_or_default().split("\n- ");
    let causes = items.filter_map(|item| item.split_once(": "));
    causes.map(|(platform, text)| Cause { platform, text: joined(text) }).collect()
}

/// A fenced block: the language and the text.
fn block(section: &'static str, index: usize) -> (&'static str, &'static str) {
    let block = section.split("```").nth(2 * index + 1).and_then(|block| block.split_once('\n'));
    block.map_or(("", ""), |(language, text)| (language, text.trim_end()))
}

fn related(section: &'static str) -> Vec<&'static str> {
    let links = section.split("](").skip(1).filter_map(|rest| rest.split_once(".md)"));
    links.map(|(name, _)| name).collect()
}
