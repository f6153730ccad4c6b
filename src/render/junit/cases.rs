//! The cases of a policy's regression test, as test results.

use super::{Case, CaseOutcome, add_case_if_empty, document};
use crate::render::POLICY_TEST;
use crate::render::wording::cases::headline;
use crate::report::cases::CaseResult;

pub(in crate::render) fn cases(results: &[CaseResult]) -> String {
    let mut cases: Vec<Case> = results
        .iter()
        .map(|case| {
            let outcome = match case.passed() {
                true => CaseOutcome::Output(case.why.clone()),
                false => CaseOutcome::Failure {
                    code: "unexpected",
                    message: format!(
                        "expected {}, decided {}",
                        case.expected.name(),
                        case.decision_name()
                    ),
                    text: case.why.clone(),
                },
            };
            Case { category: "policy", name: &case.name, duration_ms: 0, outcome }
        })
        .collect();
    let headline = headline(results);
    add_case_if_empty(&mut cases, "cases", &headline);
    document(POLICY_TEST, &headline, None, &cases)
}
