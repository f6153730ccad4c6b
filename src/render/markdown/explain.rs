//! The list of the failure codes as Markdown: `docs/codes/README.md`.

use super::Page;
use super::quote::{code, prose};
use crate::catalogue::Code;

const INTRODUCTION: &str = "\
Every code that a report can contain. Within a category, the first code is the one to fix first. The
severity is the usual one: a report may raise or lower it. `doctor explain CODE` prints a page in a
terminal.

In the examples the organization is `acme`, and the backend is `https://api.pulumi.com` or
`https://pulumi.acme.test`. Use your own names and the URL of your own backend. Commands are for
bash, with `curl` 7.55, `jq` 1.6 and `openssl`. They put no token on a command line and print none.

<!-- Written by `doctor explain --format markdown > docs/codes/README.md` -->";

pub(in crate::render) fn all_codes() -> String {
    let mut page = Page::default();
    page.heading(1, "Failure codes");
    page.blank();
    for line in INTRODUCTION.lines() {
        page.line(line);
    }
    for group in Code::ALL.chunk_by(|a, b| a.category() == b.category()) {
        let Some(first) = group.first() else { continue };
        page.heading(2, &format!("{}: {}", first.category().name(), first.category().title()));
        page.table(
            ["code", "severity", "title"],
            group.iter().map(|code| {
                [reference(*code), code.severity().name().to_owned(), prose(code.title())]
            }),
        );
    }
    page.0
}

/// A link to a code's page.
fn reference(to: Code) -> String {
    format!("[{}]({to}.md)", code(to.name()))
}
