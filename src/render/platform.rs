//! What a CI platform understands in a log besides text.

use crate::catalogue::Severity;
use crate::report::Finding;
use crate::text::{clip, inert};

/// How much of a finding's detail an annotation holds, in characters. The report has all of it.
const LONGEST_DETAIL: usize = 600;

/// A platform's commands. Each is a line of its own.
pub(super) struct Platform {
    /// The annotation of a finding, where it is worth one.
    pub(super) annotation: fn(&Finding) -> Option<String>,
    /// Opens a group of lines that is folded away.
    pub(super) group: fn(&'static str) -> String,
    /// Closes it.
    pub(super) end_group: &'static str,
    /// Whether the log masks issuer and subject of the token.
    pub(super) masks_claims: bool,
}

/// The platforms' word for a severity that deserves an annotation.
pub(super) fn level(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Error => Some("error"),
        Severity::Warning => Some("warning"),
        Severity::Info => None,
    }
}

/// What is wrong and what to do about it, on one inert line.
pub(super) fn message(finding: &Finding) -> String {
    let fix = match finding.remediation.summary.as_str() {
        "" => String::new(),
        summary => format!(" Fix: {}", clip(summary, LONGEST_DETAIL)),
    };
    inert(&format!("{}{fix}", clip(&finding.detail, LONGEST_DETAIL)))
}
