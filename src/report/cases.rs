//! The cases of a policy's regression test (`doctor policy test --cases`).

use crate::policy::Decision;

/// A case, and what came of it.
#[derive(Debug, Clone)]
pub struct CaseResult {
    /// What the file calls it.
    pub name: String,
    /// Its line in the file.
    pub line: u64,
    /// What it expects.
    pub expected: Decision,
    /// What the policy decides; `None` where it does not.
    pub decision: Option<Decision>,
    /// Why, in one sentence.
    pub why: String,
}

impl CaseResult {
    /// Whether the policy decides what the case expects.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.decision == Some(self.expected)
    }

    /// The decision in a word.
    pub(crate) fn decided(&self) -> &'static str {
        self.decision.map_or("undecided", Decision::name)
    }
}
