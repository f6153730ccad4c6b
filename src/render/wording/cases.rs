//! Texts about the cases of a policy's regression test.

use colored::Color;

use super::Headline;
use crate::report::cases::CaseResult;

pub(in crate::render) fn headline(cases: &[CaseResult]) -> Headline {
    let failed = cases.iter().filter(|case| !case.passed()).count();
    let all = match cases.len() {
        1 => "1 case".to_owned(),
        all => format!("{all} cases"),
    };
    match failed {
        0 => Headline::new("passed", Color::Green, format!("{all} as expected")),
        _ => Headline::new("failed", Color::Red, format!("{failed} of {all} not as expected")),
    }
}
