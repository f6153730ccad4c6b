//! Texts about a report that several formats print.

pub(super) mod cases;
pub(super) mod chain;
pub(super) mod finding;
pub(super) mod who;

use std::cmp::Reverse;

use colored::Color;

use crate::catalogue::{Category, Code, Severity};
use crate::evidence::{CheckId, SkipReason};
use crate::report::{CheckResult, Finding, Report, Status, Verdict};
use crate::text::list;

/// The outcome in one word, and what it means.
pub(super) struct Headline {
    pub(super) word: String,
    pub(super) color: Color,
    pub(super) meaning: String,
}

impl Headline {
    pub(super) fn new(word: impl Into<String>, color: Color, meaning: impl Into<String>) -> Self {
        Self { word: word.into(), color, meaning: meaning.into() }
    }

    /// `word - meaning`, without color.
    pub(super) fn plain(&self) -> String {
        match self.meaning.as_str() {
            "" => self.word.clone(),
            meaning => format!("{} - {meaning}", self.word),
        }
    }
}

pub(super) fn diagnosis_headline(report: &Report) -> Headline {
    let numbers = count_by_severity(&report.findings);
    match report.verdict {
        Verdict::Healthy if exchange_succeeded(report) => {
            Headline::new("healthy", Color::Green, "this login works")
        }
        Verdict::Healthy => Headline::new(
            "healthy",
            Color::Green,
            "the policy allows this login; the login itself was not tried",
        ),
        Verdict::Unhealthy if report.findings.iter().any(|f| f.severity == Severity::Error) => {
            Headline::new("unhealthy", Color::Red, format!("this login fails ({numbers})"))
        }
        Verdict::Unhealthy => Headline::new(
            "unhealthy",
            Color::Red,
            format!("{numbers}; --strict counts warnings as errors"),
        ),
        Verdict::Inconclusive => Headline::new(
            "inconclusive",
            Color::Yellow,
            "nothing failed, but what decides this login was not checked",
        ),
    }
}

/// The number of errors and warnings: `1 error, 2 warnings`.
fn count_by_severity(findings: &[Finding]) -> String {
    [(Severity::Error, "error"), (Severity::Warning, "warning")]
        .into_iter()
        .map(|(severity, word)| (findings.iter().filter(|f| f.severity == severity).count(), word))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}{}", if number == 1 { "" } else { "s" }))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The policy document's decision on a token.
pub(super) fn policy_headline(report: &Report) -> Headline {
    let (word, color, meaning) = match report.policy.decision {
        "allow" if report.verdict == Verdict::Inconclusive => {
            ("undecided", Color::Yellow, "the document lets it in, if it is genuine")
        }
        "allow" if signature(report) == Some(Status::Fail) => {
            ("denied", Color::Red, "the document lets it in, but its signature does not verify")
        }
        "allow" => ("allowed", Color::Green, "the document lets this token in"),
        _ if report.root_cause == Some(Code::IssuerWrongOrganization) => {
            ("denied", Color::Red, "the document is for another organization")
        }
        // An unregistered issuer has no policy, and so no decision.
        _ if report.verdict == Verdict::Unhealthy => {
            ("denied", Color::Red, "the document does not let this token in")
        }
        _ => ("undecided", Color::Yellow, "the document does not tell whether it lets it in"),
    };
    Headline::new(word, color, meaning)
}

pub(super) fn token_headline(report: &Report) -> Headline {
    if report.token.is_none() {
        return Headline::new("not decodable", Color::Red, "it contains no token");
    }
    let meaning = match signature(report) {
        Some(Status::Pass | Status::Warn) => "the signature verifies",
        Some(Status::Fail) => "the signature does not verify",
        Some(Status::Skip) => "the signature cannot be checked",
        None => "the signature was not checked",
    };
    Headline::new("decoded", Color::Green, meaning)
}

/// The status of the signature check, if the report has it.
fn signature(report: &Report) -> Option<Status> {
    report.checks.iter().find(|check| check.id == CheckId::Signature).map(|check| check.status)
}

pub(super) fn lint_headline(findings: &[Finding]) -> Headline {
    let notes = match findings.iter().filter(|f| f.severity == Severity::Info).count() {
        0 => String::new(),
        1 => "1 note".to_owned(),
        more => format!("{more} notes"),
    };
    match count_by_severity(findings).as_str() {
        "" if findings.is_empty() => {
            Headline::new("clean", Color::Green, "nothing loose was found")
        }
        "" => Headline::new("clean", Color::Green, notes),
        numbers if notes.is_empty() => Headline::new("loose", Color::Yellow, numbers),
        numbers => Headline::new("loose", Color::Yellow, format!("{numbers}, {notes}")),
    }
}

/// The request that the policy was tested with.
pub(super) fn tested_request(report: &Report) -> String {
    let request = &report.request;
    let organization = request.organization.as_deref().unwrap_or("(none)");
    format!("asked for: {} token of {organization}", request.token_type)
}

/// Whether the exchange succeeded, which proves more than any other check.
fn exchange_succeeded(report: &Report) -> bool {
    report.checks.iter().any(|c| {
        c.category == Category::Exchange && matches!(c.status, Status::Pass | Status::Warn)
    })
}

/// The user, the organization and the backend, on one line.
pub(super) fn login_summary(report: &Report) -> String {
    let request = &report.request;
    let mut parts = Vec::new();
    if let Some(identity) = report.identity.as_ref().filter(|_| exchange_succeeded(report)) {
        parts.push(format!("user {}", identity.user));
    }
    parts.push(match &request.organization {
        Some(name) => format!("organization {name}"),
        None => "no organization".to_owned(),
    });
    parts.push(backend_summary(report));
    parts.join(", ")
}

pub(super) fn backend_summary(report: &Report) -> String {
    let backend = &report.request.backend;
    if backend.url.is_empty() {
        "no backend".to_owned()
    } else {
        format!("backend {} ({})", backend.url, backend.source)
    }
}

/// The index of the finding to act on first: the root cause, or what made the verdict inconclusive.
pub(super) fn lead_index(report: &Report) -> Option<usize> {
    report.findings.iter().position(|finding| match report.verdict {
        Verdict::Inconclusive => finding.code == Code::PolicyUnknown,
        _ => report.root_cause == Some(finding.code),
    })
}

/// The findings with their indexes: the one to act on first, then the others by severity.
pub(super) fn findings_in_order(report: &Report) -> Vec<(usize, &Finding)> {
    let lead = lead_index(report);
    let mut ordered = report.findings.iter().enumerate().collect::<Vec<_>>();
    ordered.sort_by_key(|(index, f)| (lead != Some(*index), Reverse(f.severity)));
    ordered
}

/// Why a check did not run.
pub(super) fn why_skipped(report: &Report, check: &CheckResult) -> String {
    match check.skipped_because {
        Some(SkipReason::Policy) if report.policy.source == "none" && is_offline(report) => {
            "needs --policy".to_owned()
        }
        Some(SkipReason::Policy) if report.policy.source == "none" => {
            "needs --policy, or an organization admin's token in DOCTOR_ACCESS_TOKEN".to_owned()
        }
        Some(SkipReason::CloudUrl) => {
            "needs --cloud-url, since only a project file names the backend".to_owned()
        }
        Some(option @ (SkipReason::Offline | SkipReason::Now | SkipReason::NoExchange)) => {
            format!("switched off by {}", option.name())
        }
        Some(SkipReason::Check(check)) => format!("stopped by {check}"),
        // A policy was given but does not decide.
        Some(SkipReason::Policy) | None => check.summary.clone(),
    }
}

fn is_offline(report: &Report) -> bool {
    report.checks.iter().any(|check| check.skipped_because == Some(SkipReason::Offline))
}

/// In a replay, which run is replayed.
pub(super) fn replay_note(report: &Report) -> Option<String> {
    let run = report.replayed.as_ref()?;
    let at = run.started_at.strftime("%-d %b %Y %H:%M UTC");
    let platform = run.platform.map_or_else(String::new, |name| format!(" on {name}"));
    let names = if run.is_redacted { "; its names are pseudonyms" } else { "" };
    Some(format!("Replay of a run{platform}, {at}, doctor {}{names}.", run.doctor_version))
}

/// In a replay, what the original run found, if the replaced names changed that.
pub(super) fn redaction_note(report: &Report) -> Option<String> {
    let recorded = report.changed_codes()?;
    let codes = match recorded.codes.as_slice() {
        [] => "no failure".to_owned(),
        codes => list(codes),
    };
    Some(format!(
        "Names in this bundle were replaced. With the original names, the run found {codes}."
    ))
}
