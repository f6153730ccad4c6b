//! The results of a policy's regression test (`doctor policy test --cases`).

use crate::policy::Decision;

/// A case and its result.
#[derive(Debug, Clone)]
pub struct CaseResult {
    pub name: String,
    /// Its line in the file of cases.
    pub line: u64,
    pub expected: Decision,
    /// The policy's decision; `None` if it cannot be evaluated.
    pub decision: Option<Decision>,
    /// The reason, in one sentence.
    pub why: String,
}

impl CaseResult {
    #[must_use]
    pub fn passed(&self) -> bool {
        self.decision == Some(self.expected)
    }

    /// The decision in one word.
    pub(crate) fn decision_name(&self) -> &'static str {
        self.decision.map_or("undecided", Decision::name)
    }
}
