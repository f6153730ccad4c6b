//! How a check ended.

use crate::catalogue::Severity;
use crate::evidence::SkipReason;
use crate::report::{Finding, Status};

/// How a check ended.
pub(crate) struct Outcome {
    /// One line: what was seen.
    pub(crate) summary: String,
    pub(crate) skipped: Option<SkipReason>,
    pub(crate) findings: Vec<Finding>,
    /// It failed, and its finding has become evidence of an earlier one.
    pub(crate) failed: bool,
}

impl Outcome {
    /// It ran and found nothing.
    pub(crate) fn pass(summary: impl Into<String>) -> Self {
        Self::found(summary, Vec::new())
    }

    /// It ran; the worst of the findings is its status.
    pub(crate) fn found(summary: impl Into<String>, findings: Vec<Finding>) -> Self {
        Self { summary: summary.into(), skipped: None, findings, failed: false }
    }

    /// It could not run because of a check or an option.
    pub(crate) fn skip(because: impl Into<SkipReason>, summary: impl Into<String>) -> Self {
        Self { skipped: Some(because.into()), ..Self::pass(summary) }
    }

    pub(crate) fn with(mut self, findings: Vec<Finding>) -> Self {
        self.findings = findings;
        self
    }

    pub(crate) fn status(&self) -> Status {
        if self.skipped.is_some() {
            return Status::Skip;
        }
        if self.failed {
            return Status::Fail;
        }
        match self.findings.iter().map(|f| f.severity).max() {
            Some(Severity::Error) => Status::Fail,
            Some(Severity::Warning) => Status::Warn,
            Some(Severity::Info) | None => Status::Pass,
        }
    }
}
