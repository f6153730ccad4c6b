//! The catalogue as Markdown: `docs/codes.md`, and the part of it that is one code's.

use super::Page;
use super::quote::{code, link, prose};
use crate::catalogue::{CATALOGUE, Code, Entry};

/// What stands above the codes. `doctor generate codes` is a command of builds from source.
const INTRODUCTION: &str = "\
Every code that a report can hold, in the order in which failures are to be fixed within a category.
A code's severity is its usual one: a report says more or less of it where the run asks for that.
`doctor explain CODE` prints the same in a terminal.

In the examples the organization is `acme`. Commands are for bash, with `curl` 7.55, `jq` 1.6 and
`openssl`; they put no token on a command line and print none.

<!-- Generated from src/catalogue: cargo run -- generate codes > docs/codes.md -->";

pub(in crate::render) fn all() -> String {
    let mut page = Page::default();
    page.heading(1, "Failure codes");
    page.blank();
    for line in INTRODUCTION.lines() {
        page.line(line);
    }
    for group in CATALOGUE.chunk_by(|a, b| a.category == b.category) {
        let Some(first) = group.first() else { continue };
        page.heading(2, &format!("{}: {}", first.category.name(), first.category.title()));
        page.table(
            ["code", "severity", "title"],
            group.iter().map(|entry| {
                [reference(entry.code), entry.severity.name().to_owned(), prose(entry.title)]
            }),
        );
        for entry in group {
            section(&mut page, entry);
        }
    }
    page.0
}

pub(in crate::render) fn one(entry: &Entry) -> String {
    let mut page = Page::default();
    section(&mut page, entry);
    page.0
}

fn section(page: &mut Page, entry: &Entry) {
    page.heading(3, entry.code.name());
    page.paragraph(&format!("**{}: {}.**", entry.severity.name(), prose(entry.title)));
    page.paragraph(&prose(entry.meaning));
    page.paragraph(&format!("**How it is found:** {}", prose(entry.detection)));
    page.paragraph("**Likely causes:**");
    page.blank();
    for cause in entry.causes {
        page.line(&format!("- {}: {}", prose(cause.platform.name()), prose(cause.text)));
    }
    page.paragraph(&format!("**Fix:** {}", prose(entry.fix)));
    for (name, snippet) in [("Before:", entry.example.before), ("After:", entry.example.after)] {
        page.paragraph(name);
        page.code(entry.example.language.name(), snippet, 0);
    }
    page.paragraph(&format!("**By hand:** {}", prose(entry.by_hand.words)));
    page.code("sh", entry.by_hand.command, 0);
    if !entry.related.is_empty() {
        let related = entry.related.iter().copied().map(reference).collect::<Vec<_>>();
        page.paragraph(&format!("Related: {}", related.join(", ")));
    }
    page.paragraph(&format!("See {}", link(entry.link)));
}

/// A link to another code's section.
fn reference(to: Code) -> String {
    format!("[{}](#{to})", code(to.name()))
}
