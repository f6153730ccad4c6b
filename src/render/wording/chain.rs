//! The steps of a login, and the first line of a report (product contract, section 6).

use colored::Color;

use super::{count_by_severity, exchange_succeeded, why_skipped};
use crate::catalogue::Severity;
use crate::evidence::{CheckId, SkipReason};
use crate::report::{CheckResult, FoundBy, Report, Status, Verdict};

/// A step of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Token,
    Backend,
    Issuer,
    Policy,
    Exchange,
    Whoami,
}

const STEPS: [Step; 6] =
    [Step::Token, Step::Backend, Step::Issuer, Step::Policy, Step::Exchange, Step::Whoami];

impl Step {
    /// The step that a check belongs to.
    fn of_check(check: CheckId) -> Self {
        match check {
            CheckId::Input | CheckId::Token => Self::Token,
            CheckId::Login | CheckId::Cli | CheckId::Backend | CheckId::Cloud => Self::Backend,
            CheckId::Registration
            | CheckId::Issuer
            | CheckId::Keys
            | CheckId::Signature
            | CheckId::Thumbprints => Self::Issuer,
            CheckId::Policy => Self::Policy,
            CheckId::Exchange => Self::Exchange,
            CheckId::Whoami => Self::Whoami,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Backend => "backend",
            Self::Issuer => "issuer",
            Self::Policy => "policy",
            Self::Exchange => "exchange",
            Self::Whoami => "whoami",
        }
    }

    /// The step as the place of a failure.
    fn place(self) -> &'static str {
        match self {
            Self::Token => "at the token",
            Self::Backend => "at the backend",
            Self::Issuer => "at the issuer",
            Self::Policy => "at the policy",
            Self::Exchange => "at the exchange",
            Self::Whoami => "at whoami",
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum Mark {
    Passed,
    Warned,
    Failed,
    Unchecked,
    NotReached,
}

impl Mark {
    /// The character for the mark, in Unicode or in ASCII.
    pub(in crate::render) fn sign(self, unicode: bool) -> &'static str {
        let [sign, ascii] = match self {
            Self::Passed => ["✓", "ok"],
            Self::Warned => ["!", "!"],
            Self::Failed => ["✗", "x"],
            Self::Unchecked => ["?", "?"],
            Self::NotReached => ["·", "-"],
        };
        if unicode { sign } else { ascii }
    }

    pub(in crate::render) fn of_severity(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Failed,
            Severity::Warning => Self::Warned,
            Severity::Info => Self::NotReached,
        }
    }

    pub(in crate::render) fn color(self) -> Option<Color> {
        match self {
            Self::Passed => Some(Color::Green),
            Self::Warned | Self::Unchecked => Some(Color::Yellow),
            Self::Failed => Some(Color::Red),
            Self::NotReached => None,
        }
    }

    fn of_checks(checks: &[&CheckResult]) -> Self {
        let any_ended = |status| checks.iter().any(|check| check.status == status);
        let stopped_by_other_step = |check: &&CheckResult| {
            matches!(check.skipped_because, Some(SkipReason::Check(cause))
                if Step::of_check(cause) != Step::of_check(check.id))
        };
        if any_ended(Status::Fail) {
            Self::Failed
        } else if any_ended(Status::Warn) {
            Self::Warned
        } else if any_ended(Status::Pass) {
            Self::Passed
        } else if checks.iter().any(stopped_by_other_step) {
            Self::NotReached
        } else {
            Self::Unchecked
        }
    }
}

/// The steps with their marks, in order.
pub(in crate::render) fn chain(report: &Report) -> Vec<(&'static str, Mark)> {
    steps(report).map(|(name, mark, _)| (name, mark)).collect()
}

/// The steps with their marks and checks, in order.
pub(in crate::render) fn steps(
    report: &Report,
) -> impl Iterator<Item = (&'static str, Mark, Vec<&CheckResult>)> {
    STEPS.into_iter().map(|step| {
        let checks = report.checks.iter().filter(|check| Step::of_check(check.id) == step);
        let checks: Vec<&CheckResult> = checks.collect();
        (step.name(), Mark::of_checks(&checks), checks)
    })
}

/// What went wrong in a step; otherwise, what was seen and what was not checked.
pub(in crate::render) fn step_sentence(
    report: &Report,
    mark: Mark,
    checks: &[&CheckResult],
) -> String {
    let summaries = |statuses: &[Status]| {
        let ended = checks.iter().filter(|check| statuses.contains(&check.status));
        let texts = ended.map(|check| check.summary.clone()).filter(|text| !text.is_empty());
        texts.collect::<Vec<_>>()
    };
    let failures = summaries(&[Status::Fail, Status::Warn]);
    if !failures.is_empty() {
        return failures.join("; ");
    }
    let mut parts = summaries(&[Status::Pass]);
    let mut skipped: Vec<(String, Vec<&str>)> = Vec::new();
    for check in checks.iter().filter(|check| check.status == Status::Skip) {
        let why = why_skipped(report, check);
        match skipped.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) => names.push(check.id.name()),
            None => skipped.push((why, vec![check.id.name()])),
        }
    }
    let has_one_reason = parts.is_empty() && skipped.len() == 1;
    parts.extend(skipped.into_iter().map(|(why, names)| match has_one_reason {
        true if mark == Mark::NotReached => format!("not reached: {why}"),
        true => format!("not checked: {why}"),
        false => format!("{} not checked: {why}", names.join(", ")),
    }));
    parts.join("; ")
}

/// The first line of a report: its mark and the outcome.
pub(in crate::render) fn outcome(report: &Report) -> (Mark, String) {
    let login = match &report.request.organization {
        Some(organization) => format!("Login to {organization}"),
        None => "Login".to_owned(),
    };
    let code = || report.root_cause.map_or_else(String::new, |code| format!(" [{code}]"));
    let warnings = match count_by_severity(&report.findings).as_str() {
        "" => String::new(),
        numbers => format!(" ({numbers})"),
    };
    match report.verdict {
        Verdict::Healthy if exchange_succeeded(report) => {
            let user = report.identity.as_ref().map(|identity| format!(" as {}", identity.user));
            (Mark::Passed, format!("{login} works{}{warnings}", user.unwrap_or_default()))
        }
        Verdict::Healthy => {
            (Mark::Passed, format!("{login} should work (no exchange was made){warnings}"))
        }
        Verdict::Unhealthy if report.findings.iter().all(|f| f.severity != Severity::Error) => {
            let text =
                format!("{login} has warnings, and --strict counts them as errors{}", code());
            (Mark::Failed, text)
        }
        Verdict::Unhealthy => {
            let root = report.findings.first().filter(|f| Some(f.code) == report.root_cause);
            let place = match root.map(|finding| finding.check) {
                Some(FoundBy::Check(check)) => format!(" {}", Step::of_check(check).place()),
                Some(FoundBy::Triage) | None => String::new(),
            };
            (Mark::Failed, format!("{login} fails{place}{}", code()))
        }
        Verdict::Inconclusive => {
            (Mark::Unchecked, format!("{login} could not be checked [policy-unknown]"))
        }
    }
}
