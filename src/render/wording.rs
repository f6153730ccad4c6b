//! Sentences about a report that more than one format prints.

pub(super) mod cases;
pub(super) mod chain;
pub(super) mod finding;
pub(super) mod kinds;

use std::cmp::Reverse;

use colored::Color;

use crate::catalogue::{Category, Code, Severity};
use crate::evidence::{CheckId, SkipReason};
use crate::report::{CheckResult, Finding, Report, Status, Verdict};
use crate::text::list;

/// The outcome in a word, and what it means.
pub(super) struct Headline {
    pub(super) word: String,
    pub(super) color: Color,
    pub(super) meaning: String,
}

impl Headline {
    pub(super) fn new(word: impl Into<String>, color: Color, meaning: impl Into<String>) -> Self {
        Self { word: word.into(), color, meaning: meaning.into() }
    }

    /// `word - meaning`, without colour.
    pub(super) fn plain(&self) -> String {
        match self.meaning.as_str() {
            "" => self.word.clone(),
            meaning => format!("{} - {meaning}", self.word),
        }
    }
}

/// What the diagnosis comes to.
pub(super) fn diagnosis(report: &Report) -> Headline {
    let numbers = numbers(&report.findings);
    match report.verdict {
        Verdict::Healthy if exchanged(report) => {
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

/// `1 error, 2 warnings`.
fn numbers(findings: &[Finding]) -> String {
    [(Severity::Error, "error"), (Severity::Warning, "warning")]
        .into_iter()
        .map(|(severity, word)| (findings.iter().filter(|f| f.severity == severity).count(), word))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}{}", if number == 1 { "" } else { "s" }))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What a policy document decides on a token.
pub(super) fn policy(report: &Report) -> Headline {
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
        // An issuer that is not registered has no policy to decide.
        _ if report.verdict == Verdict::Unhealthy => {
            ("denied", Color::Red, "the document does not let this token in")
        }
        _ => ("undecided", Color::Yellow, "the document does not tell whether it lets it in"),
    };
    Headline::new(word, color, meaning)
}

/// What a token is.
pub(super) fn token(report: &Report) -> Headline {
    if report.token.is_none() {
        return Headline::new("not decodable", Color::Red, "there is no token in it");
    }
    let meaning = match signature(report) {
        Some(Status::Pass | Status::Warn) => "the signature verifies",
        Some(Status::Fail) => "the signature does not verify",
        Some(Status::Skip) => "the signature cannot be checked",
        None => "the signature was not checked",
    };
    Headline::new("decoded", Color::Green, meaning)
}

/// How the check of the signature ended, where it belongs to the report.
fn signature(report: &Report) -> Option<Status> {
    report.checks.iter().find(|check| check.id == CheckId::Signature).map(|check| check.status)
}

/// What a policy document is.
pub(super) fn lint(findings: &[Finding]) -> Headline {
    let notes = match findings.iter().filter(|f| f.severity == Severity::Info).count() {
        0 => String::new(),
        1 => "1 note".to_owned(),
        more => format!("{more} notes"),
    };
    match numbers(findings).as_str() {
        "" if findings.is_empty() => {
            Headline::new("clean", Color::Green, "nothing loose was found")
        }
        "" => Headline::new("clean", Color::Green, notes),
        numbers if notes.is_empty() => Headline::new("loose", Color::Yellow, numbers),
        numbers => Headline::new("loose", Color::Yellow, format!("{numbers}, {notes}")),
    }
}

/// What a token was tested for.
pub(super) fn asked_for(report: &Report) -> String {
    let request = &report.request;
    let organization = request.organization.as_deref().unwrap_or("(none)");
    format!("asked for: {} token of {organization}", request.token_type)
}

/// Whether the login itself was made, which proves more than any check here.
fn exchanged(report: &Report) -> bool {
    report.checks.iter().any(|c| {
        c.category == Category::Exchange && matches!(c.status, Status::Pass | Status::Warn)
    })
}

/// Who logs in where, on one line.
pub(super) fn who(report: &Report) -> String {
    let request = &report.request;
    let mut parts = Vec::new();
    if let Some(identity) = report.identity.as_ref().filter(|_| exchanged(report)) {
        parts.push(format!("user {}", identity.user));
    }
    parts.push(match &request.organization {
        Some(name) => format!("organization {name}"),
        None => "no organization".to_owned(),
    });
    parts.push(backend(report));
    parts.join(", ")
}

pub(super) fn backend(report: &Report) -> String {
    let backend = &report.request.backend;
    if backend.url.is_empty() {
        "no backend".to_owned()
    } else {
        format!("backend {} ({})", backend.url, backend.source)
    }
}

/// The finding to act on: the root cause, or what made the verdict inconclusive.
pub(super) fn lead(report: &Report) -> Option<usize> {
    report.findings.iter().position(|finding| match report.verdict {
        Verdict::Inconclusive => finding.code == Code::PolicyUnknown,
        _ => report.root_cause == Some(finding.code),
    })
}

/// The findings with their indexes: what to act on first, then by severity.
pub(super) fn in_order(report: &Report) -> Vec<(usize, &Finding)> {
    let lead = lead(report);
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
        // A policy was given and does not decide.
        Some(SkipReason::Policy) | None => check.summary.clone(),
    }
}

fn is_offline(report: &Report) -> bool {
    report.checks.iter().any(|check| check.skipped_because == Some(SkipReason::Offline))
}

/// In a replay, whose run it is of.
pub(super) fn replayed(report: &Report) -> Option<String> {
    let run = report.replayed.as_ref()?;
    let at = run.at.strftime("%-d %b %Y %H:%M UTC");
    let platform = run.platform.map_or_else(String::new, |name| format!(" on {name}"));
    let names = if run.is_redacted { "; its names are pseudonyms" } else { "" };
    Some(format!("Replay of a run{platform}, {at}, doctor {}{names}.", run.doctor_version))
}

/// What the run found whose bundle this is, if its names made a difference.
pub(super) fn recorded(report: &Report) -> Option<String> {
    let recorded = report.other_codes()?;
    let codes = match recorded.codes.as_slice() {
        [] => "no failure".to_owned(),
        codes => list(codes),
    };
    Some(format!(
        "Names in this bundle were replaced. With the original names, the run found {codes}."
    ))
}
