//! The report of `doctor policy who` as test results: a forbidden kind of job that gets in fails.

use super::{Case, CaseOutcome, add_case_if_empty, document};
use crate::render::wording::who::{answer, headline, sentence, title};
use crate::report::who::Who;

const COMMAND: &str = "doctor policy who";

pub(in crate::render) fn who(who: &Who) -> String {
    let names: Vec<String> =
        who.kinds.iter().map(|row| format!("{} ({})", row.kind.name(), row.name)).collect();
    let mut cases: Vec<Case> = who
        .kinds
        .iter()
        .zip(&names)
        .map(|(row, name)| {
            let outcome = match row.forbidden_decision() {
                Some(decision) => CaseOutcome::Failure {
                    code: if decision == "allow" { "forbidden" } else { "undetermined" },
                    message: title(row),
                    text: sentence(who, row),
                },
                None => CaseOutcome::Output(format!("{}: {}", row.kind.meaning(), answer(row))),
            };
            Case { category: "policy", name, duration_ms: 0, outcome }
        })
        .collect();
    let headline = headline(who);
    add_case_if_empty(&mut cases, "policy", &headline);
    document(COMMAND, &headline, None, &cases)
}
