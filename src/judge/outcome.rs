//! The outcome of a check.
use crate::catalogue::Severity;
use crate::evidence::SkipReason;
use crate::report::{Finding, Status};

pub(crate) struct CheckOutcome {
    /// What was seen, on one line.
    pub(crate) summary: String,
    pub(crate) skipped: Option<SkipReason>,
    pub(crate) findings: Vec<Finding>,
    /// The check failed, and its finding became evidence of an earlier one.
    pub(crate) failed: bool,
}

impl CheckOutcome {
    /// The check ran and found nothing.
    pub(crate) fn pass(summary: impl Into<String>) -> Self {
        Self::found(summary, Vec::new())
    }

    /// The check ran. The most severe finding determines its status.
    pub(crate) fn found(summary: impl Into<String>, findings: Vec<Finding>) -> Self {
        Self { summary: summary.into(), skipped: None, findings, failed: false }
    }

    /// The check could not run because of another check or an option.
    pub(crate) fn skip(because: impl Into<SkipReason>, summary: impl Into<String>) -> Self {
        Self { skipped: Some(because.into()), ..Self::pass(summary) }
    }

    pub(crate) fn with_findings(mut self, findings: Vec<Finding>) -> Self {
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
