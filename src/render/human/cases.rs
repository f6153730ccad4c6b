//! The report of `doctor policy test --cases` for people.

use super::page::Page;
use crate::render::wording::cases::headline;
use crate::render::{Style, Verbosity};
use crate::report::cases::CaseResult;

const HEADER: [&str; 5] = ["", "case", "expected", "decided", "why"];

/// A table of all cases; with `-q`, only of the failed ones.
pub(in crate::render) fn cases(cases: &[CaseResult], style: &Style) -> String {
    let mut page = Page::new(style, None).unfolded();
    page.headline("cases: ", &headline(cases));
    let is_quiet = style.verbosity == Verbosity::Quiet;
    let rows: Vec<Vec<String>> = cases
        .iter()
        .filter(|case| !is_quiet || !case.passed())
        .map(|case| {
            let mark = if case.passed() { "ok" } else { "fail" };
            let [expected, decided] = [case.expected.name(), case.decision_name()];
            [mark, &case.name, expected, decided, &case.why].map(str::to_owned).to_vec()
        })
        .collect();
    if !rows.is_empty() {
        page.blank();
        page.wrapped_table(2, &HEADER, &rows);
    }
    page.finish()
}
