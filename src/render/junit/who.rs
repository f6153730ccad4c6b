//! Who a policy lets in, as test results: a kind that must not get in and does is a failure.

use super::{Case, Outcome, document};
use crate::render::wording::kinds::{answer, headline, sentence, title};
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
            let outcome = match row.breach() {
                Some(decision) => Outcome::Failure {
                    code: if decision == "allow" { "forbidden" } else { "undetermined" },
                    message: title(row),
                    text: sentence(who, row),
                },
                None => Outcome::Output(format!("{}: {}", row.kind.meaning(), answer(row))),
            };
            Case { category: "policy", name, duration_ms: 0, outcome }
        })
        .collect();
    let headline = headline(who);
    // A platform takes a suite without a case for a run that did not happen.
    if cases.is_empty() {
        let outcome = Outcome::Output(headline.meaning.clone());
        cases.push(Case { category: "policy", name: "policy", duration_ms: 0, outcome });
    }
    document(COMMAND, &headline, None, &cases)
}
