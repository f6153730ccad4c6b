//! `doctor explain` for a person: a code on one screen, or all of them as a list.

use super::page::Page;
use super::{severity_color, title};
use crate::catalogue::{CATALOGUE, Entry, Severity};
use crate::render::Style;

/// Columns for the name of a platform.
const PLATFORM: usize = 21;
/// Columns for the name of a code.
const NAME: usize = 32;

pub(in crate::render) fn one(entry: &Entry, style: &Style) -> String {
    let mut page = Page::new(style, None);
    title(&mut page, entry.severity, entry.code, entry.title);
    page.prose(2, "", entry.meaning);
    page.heading("How it is found");
    page.prose(2, "", entry.detection);
    page.heading("Likely causes");
    let mut platform = None;
    for cause in entry.causes {
        let name = if platform == Some(cause.platform) { "" } else { cause.platform.name() };
        page.prose(2, &format!("{name:<PLATFORM$}"), cause.text);
        platform = Some(cause.platform);
    }
    page.heading("Fix");
    page.prose(2, "", entry.fix);
    for (name, snippet) in [("before", entry.example.before), ("after", entry.example.after)] {
        page.value(2, &format!("{name}:"));
        page.snippet(4, snippet);
    }
    page.heading("By hand");
    page.prose(2, "", entry.by_hand.words);
    page.snippet(4, entry.by_hand.command);
    page.blank();
    let related = entry.related.iter().map(|code| code.name()).collect::<Vec<_>>();
    if !related.is_empty() {
        page.prose(0, "Related: ", &related.join(", "));
    }
    page.value(0, &format!("See {}", entry.link));
    page.finish()
}

pub(in crate::render) fn all(style: &Style) -> String {
    let mut page = Page::new(style, None);
    for group in CATALOGUE.chunk_by(|a, b| a.category == b.category) {
        let Some(first) = group.first() else { continue };
        page.heading(&format!("{}: {}", first.category.name(), first.category.title()));
        for entry in group {
            let word = match entry.severity {
                Severity::Warning => "warn",
                severity => severity.name(),
            };
            let name = format!("{:<NAME$}", entry.code.name());
            page.item(2, word, severity_color(entry.severity), &name, entry.title);
        }
    }
    page.heading("`doctor explain CODE` explains one of them.");
    page.finish().trim_start_matches('\n').to_owned()
}
