//! The cases of a policy's regression test, as test results.

use super::{Case, Outcome, document};
use crate::render::POLICY_TEST;
use crate::render::wording::cases::headline;
use crate::report::cases::CaseResult;

pub(in crate::render) fn cases(results: &[CaseResult]) -> String {
    let mut cases: Vec<Case> = results
        .iter()
        .map(|case| {
            let outcome = match case.is_met() {
                true => Outcome::Output(case.why.clone()),
                false => Outcome::Failure {
                    code: "unexpected",
                    message: format!(
                        "expected {}, decided {}",
                        case.expected.name(),
                        case.decided()
                    ),
                    text: case.why.clone(),
                },
            };
            Case { category: "policy", name: &case.name, duration_ms: 0, outcome }
        })
        .collect();
    let headline = headline(results);
    // A platform takes a suite without a case for a run that did not happen.
    if cases.is_empty() {
        let outcome = Outcome::Output(headline.meaning.clone());
        cases.push(Case { category: "policy", name: "cases", duration_ms: 0, outcome });
    }
    document(POLICY_TEST, &headline, None, &cases)
}
