//! `doctor explain` for people: one code on one screen, or a list of all codes.

use colored::Color;

use super::page::Page;
use crate::catalogue::{Code, Entry, Section, Severity};
use crate::render::Style;
use crate::render::wording::chain::Mark;

/// The columns for the name of a platform.
const PLATFORM_WIDTH: usize = 21;
/// The columns for the name of a code.
const CODE_WIDTH: usize = 32;

pub(in crate::render) fn code(code: Code, style: &Style) -> String {
    let entry = Entry::parse(code);
    let mut page = Page::new(style, None);
    let color = Mark::of_severity(entry.severity).color().unwrap_or(Color::Cyan);
    let title = format!("[{}]: {}", entry.code, entry.title);
    page.line_with_colored_word("", entry.severity.name(), color, &title);
    paragraphs(&mut page, &entry.meaning);
    page.heading(Section::Detection.heading());
    paragraphs(&mut page, &entry.detection);
    page.heading(Section::Causes.heading());
    let mut platform = "";
    for cause in &entry.causes {
        let name = if platform == cause.platform { "" } else { cause.platform };
        page.prose(2, &format!("{name:<PLATFORM_WIDTH$}"), &cause.text);
        platform = cause.platform;
    }
    page.heading(Section::Fix.heading());
    paragraphs(&mut page, &entry.fix);
    page.heading(Section::Example.heading());
    for (name, snippet) in [("before", entry.example.before), ("after", entry.example.after)] {
        page.unwrapped_line(2, &format!("{name}:"));
        page.snippet(4, snippet);
    }
    page.heading(Section::ByHand.heading());
    page.prose(2, "", &entry.by_hand.words);
    page.snippet(4, entry.by_hand.command);
    page.blank();
    if !entry.related.is_empty() {
        page.prose(0, "Related: ", &entry.related.join(", "));
    }
    page.unwrapped_line(0, &format!("See {}", entry.link));
    page.finish()
}

fn paragraphs(page: &mut Page, text: &str) {
    for paragraph in text.lines() {
        page.prose(2, "", paragraph);
    }
}

pub(in crate::render) fn all_codes(style: &Style) -> String {
    let mut page = Page::new(style, None);
    for group in Code::ALL.chunk_by(|a, b| a.category() == b.category()) {
        let Some(first) = group.first() else { continue };
        page.heading(&format!("{}: {}", first.category().name(), first.category().title()));
        for code in group {
            let word = match code.severity() {
                Severity::Warning => "warn",
                severity => severity.name(),
            };
            let name = format!("{:<CODE_WIDTH$}", code.name());
            let color = Mark::of_severity(code.severity()).color().unwrap_or(Color::Cyan);
            page.item(2, word, color, &name, code.title());
        }
    }
    page.heading("`doctor explain CODE` explains one of them.");
    page.finish().trim_start_matches('\n').to_owned()
}
