//! The cases of a policy's regression test, for people.

use super::page::Page;
use crate::render::wording::cases::headline;
use crate::render::{Style, Verbosity};
use crate::report::cases::CaseResult;

const HEADER: [&str; 5] = ["", "case", "expected", "decided", "why"];

/// A table of all cases; with `-q`, of those that are not as expected.
pub(in crate::render) fn cases(cases: &[CaseResult], style: &Style) -> String {
    let mut page = Page::new(style, None).unfolded();
    page.headline("cases: ", &headline(cases));
    let is_quiet = style.verbosity == Verbosity::Quiet;
    let rows: Vec<Vec<String>> = cases
        .iter()
        .filter(|case| !is_quiet || !case.is_met())
        .map(|case| {
            let mark = if case.is_met() { "ok" } else { "fail" };
            let [expected, decided] = [case.expected.name(), case.decided()];
            [mark, &case.name, expected, decided, &case.why].map(str::to_owned).to_vec()
        })
        .collect();
    if !rows.is_empty() {
        page.blank();
        page.grid(2, &HEADER, &rows);
    }
    page.finish()
}
