//! The report for a tired engineer: the verdict, what to fix first and how, then everything
//! else by how much it matters.
//!
//! Only ASCII markers and no cursor movement: the text has to read the same in a terminal, in a
//! CI log and on a Windows code page. Values and commands are never cut or wrapped, so that they
//! can be copied.

pub(super) mod cases;
pub(super) mod details;
pub(super) mod explain;
pub(super) mod page;
#[cfg(test)]
mod tests;
pub(super) mod triage;
pub(super) mod who;

use colored::Color;

use self::page::{Page, Row};
use super::ci::LogCommands;
use super::wording::{self, backend, in_order, lead, who, why_skipped};
use super::{Style, Verbosity};
use crate::catalogue::{Category, Code, Severity};
use crate::evidence::SkipReason;
use crate::report::{CheckResult, Finding, Proof, Report, Status, Verdict};

/// The report as text, with the commands of the platform that shows it. There the details are
/// folded away, so they are told without `-v`: a failed job is seldom run again for them.
pub(super) fn render(
    report: &Report,
    style: &Style,
    platform: Option<&'static LogCommands>,
) -> String {
    let mut page = Page::new(style, platform);
    let verbosity = style.verbosity;
    let (mark, outcome) = wording::chain::outcome(report);
    page.first_line(mark, &outcome);
    if verbosity != Verbosity::Quiet {
        page.chain(2, &wording::chain::chain(report));
    }
    match verbosity {
        Verbosity::Quiet => page.value(2, &backend(report)),
        Verbosity::Normal => page.value(2, &who(report)),
        Verbosity::Verbose => {}
    }
    if let Some(recorded) = wording::recorded(report) {
        page.value(2, &recorded);
    }
    if verbosity != Verbosity::Quiet && report.verdict == Verdict::Inconclusive {
        not_checked(&mut page, report);
    }
    findings(&mut page, report, verbosity, verbosity == Verbosity::Verbose);
    if verbosity != Verbosity::Quiet && platform.is_some_and(|p| p.masks_claims) {
        details::parts(&mut page, report);
    }
    match verbosity {
        Verbosity::Quiet => {}
        Verbosity::Normal if report.verdict == Verdict::Healthy => {}
        Verbosity::Normal if platform.is_none() => {
            checks(&mut page, report, false);
            more(&mut page, report);
        }
        Verbosity::Normal | Verbosity::Verbose => {
            checks(&mut page, report, true);
            details::all(&mut page, report);
        }
    }
    page.finish()
}

/// What a policy document decides: the verdict, every entry, what to change.
pub(super) fn policy(
    report: &Report,
    style: &Style,
    platform: Option<&'static LogCommands>,
) -> String {
    let mut page = Page::new(style, platform).unfolded();
    let headline = wording::policy(report);
    page.headline("policy: ", &headline);
    page.value(2, &wording::asked_for(report));
    if style.verbosity != Verbosity::Quiet {
        details::policy(&mut page, report);
        // Why it is undecided, where no finding says it: the claims name no issuer.
        let skipped = report.checks.iter().find(|check| check.status == Status::Skip);
        if let Some(check) = skipped.filter(|_| headline.word == "undecided") {
            page.blank();
            page.value(2, &format!("not decided: {}", check.summary));
        }
    }
    findings(&mut page, report, style.verbosity, true);
    page.finish()
}

/// What a token says, and what is wrong with it.
pub(super) fn token(
    report: &Report,
    style: &Style,
    platform: Option<&'static LogCommands>,
) -> String {
    let mut page = Page::new(style, platform).unfolded();
    page.headline("token: ", &wording::token(report));
    if style.verbosity != Verbosity::Quiet {
        details::explained(&mut page, report);
        details::token(&mut page, report);
    }
    findings(&mut page, report, style.verbosity, style.verbosity == Verbosity::Verbose);
    page.finish()
}

/// Findings about a document, each with its place, or a line that there is none.
pub(super) fn lint(
    found: &[Finding],
    style: &Style,
    platform: Option<&'static LogCommands>,
) -> String {
    let mut page = Page::new(style, platform).unfolded();
    if found.is_empty() {
        page.headline("lint: ", &wording::lint(found));
    }
    for (index, finding) in found.iter().enumerate() {
        if index > 0 {
            page.blank();
        }
        one_finding(&mut page, finding, Depth::Everything);
    }
    page.finish()
}

/// What an inconclusive verdict is missing, and how to get it.
fn not_checked(page: &mut Page, report: &Report) {
    let rows = report
        .checks
        .iter()
        .filter(|c| matches!(c.category, Category::Policy | Category::Exchange))
        .filter(|c| c.status == Status::Skip)
        .map(|check| {
            let reason = match check.skipped_because {
                Some(SkipReason::Policy) if report.policy.source == "none" => {
                    "not known; pass it with --policy".to_owned()
                }
                Some(SkipReason::Policy | SkipReason::CloudUrl) => check.summary.clone(),
                Some(option @ (SkipReason::Offline | SkipReason::Now | SkipReason::NoExchange)) => {
                    format!("switched off by {}; run again without it", option.name())
                }
                Some(SkipReason::Check(_)) | None => why_skipped(report, check),
            };
            Row::new(check.id.name(), reason, "")
        })
        .collect::<Vec<_>>();
    if !rows.is_empty() {
        page.heading("Not checked");
        page.rows(2, &rows);
    }
}

// ------------------------------------------------------------------------------- findings

/// Findings that name a rule and the token's value.
const RULES: [Code; 4] =
    [Code::AudienceMismatch, Code::SubjectMismatch, Code::ClaimMismatch, Code::ClaimAbsent];
/// How much of the evidence stands before the fix: the two values that differ.
const BEFORE_FIX: usize = 2;

/// How much is said of a finding; each step holds the ones before it.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Depth {
    Title,
    Detail,
    Fix,
    Evidence,
    Everything,
}

/// `entries`: they stand on the page already, the closest among them.
fn findings(page: &mut Page, report: &Report, verbosity: Verbosity, entries: bool) {
    let lead = lead(report);
    let compact = verbosity == Verbosity::Quiet
        || (verbosity == Verbosity::Normal && report.verdict == Verdict::Healthy);
    // The finding about a rule has its values.
    let is_about_rule = lead.is_some_and(|index| RULES.contains(&report.findings[index].code));
    let mut closest = details::closest(report).filter(|_| !compact && !entries && !is_about_rule);
    let mut last = Depth::Everything;
    for (index, finding) in in_order(report) {
        let depth = match (verbosity, finding.severity) {
            (Verbosity::Verbose, _) => Depth::Everything,
            (Verbosity::Quiet, Severity::Error | Severity::Warning) if lead == Some(index) => {
                Depth::Detail
            }
            (Verbosity::Quiet, _) => continue,
            _ if lead == Some(index) => Depth::Everything,
            (_, Severity::Info) if compact => continue,
            (_, Severity::Info) => Depth::Title,
            _ if compact => Depth::Fix,
            _ => Depth::Evidence,
        };
        if !compact && last.max(depth) > Depth::Title {
            page.blank();
        }
        last = depth;
        one_finding(page, finding, depth);
        if matches!(finding.category, Category::Audience | Category::Policy)
            && let Some(entry) = closest.take_if(|_| finding.severity > Severity::Info)
        {
            page.blank();
            details::closest_entry(page, entry);
        }
    }
    if let Some(entry) = closest.filter(|_| report.policy.decision == "deny") {
        page.blank();
        details::closest_entry(page, entry);
    }
}

fn one_finding(page: &mut Page, finding: &Finding, depth: Depth) {
    page.annotation(finding);
    title(page, finding.severity, finding.code, finding.title);
    if depth >= Depth::Detail {
        page.prose(2, "", &finding.detail);
    }
    let (values, others) = match depth {
        Depth::Everything => finding.evidence.split_at(finding.evidence.len().min(BEFORE_FIX)),
        _ => (&finding.evidence[..], &[][..]),
    };
    if depth >= Depth::Evidence {
        evidence(page, values, depth == Depth::Everything);
    }
    let fix = &finding.remediation;
    if depth == Depth::Everything {
        page.blank();
    }
    if depth >= Depth::Fix && !fix.summary.is_empty() {
        page.prose(2, "Fix: ", &fix.summary);
    }
    if depth < Depth::Everything {
        return;
    }
    let width = fix.steps.len().to_string().len();
    for (index, step) in fix.steps.iter().enumerate() {
        let number = format!("{:>width$}. ", index + 1);
        let lead = if fix.steps.len() > 1 { &number } else { "" };
        let (first, snippet) = step.text.split_once('\n').unwrap_or((&step.text, ""));
        page.prose(4, lead, first);
        page.snippet(4 + lead.len() + 2, snippet);
    }
    for command in &fix.commands {
        page.blank();
        page.snippet(4, command.text());
    }
    evidence(page, others, true);
    if !fix.links.is_empty() {
        page.blank();
    }
    for link in &fix.links {
        page.value(2, &format!("See {link}"));
    }
}

fn evidence(page: &mut Page, proofs: &[Proof], apart: bool) {
    if proofs.is_empty() {
        return;
    }
    if apart {
        page.blank();
    }
    let rows: Vec<Row> =
        proofs.iter().map(|proof| Row::new(&proof.what, &proof.value, &proof.place)).collect();
    page.rows(4, &rows);
}

/// `error[token-expired]: The token has expired`
fn title(page: &mut Page, severity: Severity, code: Code, title: &str) {
    page.marked("", severity.name(), severity_color(severity), &format!("[{code}]: {title}"));
}

fn severity_color(severity: Severity) -> Color {
    match severity {
        Severity::Error => Color::Red,
        Severity::Warning => Color::Yellow,
        Severity::Info => Color::Cyan,
    }
}

/// Where to learn more than fits here.
fn more(page: &mut Page, report: &Report) {
    let explain =
        report.root_cause.map_or_else(String::new, |code| format!("`doctor explain {code}`; "));
    page.blank();
    page.value(0, &format!("More: {explain}--details shows every check and the token."));
}

// --------------------------------------------------------------------------------- checks

fn checks(page: &mut Page, report: &Report, each: bool) {
    let mut groups: Vec<Vec<&CheckResult>> = Vec::new();
    for check in &report.checks {
        let same = |group: &&mut Vec<&CheckResult>| {
            let first = group[0];
            !each
                && matches!(check.status, Status::Pass | Status::Skip)
                && (first.category, first.status, first.skipped_because)
                    == (check.category, check.status, check.skipped_because)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(check),
            None => groups.push(vec![check]),
        }
    }
    page.section("Checks");
    for group in groups {
        let first = group[0];
        let (word, color) = match first.status {
            Status::Pass => ("ok", Color::Green),
            Status::Warn => ("warn", Color::Yellow),
            Status::Fail => ("fail", Color::Red),
            Status::Skip => ("skip", Color::Cyan),
        };
        let name = first.category.name();
        let ids = |checks: &[&CheckResult]| {
            checks.iter().map(|check| check.id.name()).collect::<Vec<_>>().join(", ")
        };
        // A category's main check has its name, which stands on the line already.
        let (has_main, others) = (first.id.name() == name, group.get(1..).unwrap_or_default());
        let mut text = match first.status {
            Status::Skip if has_main && others.is_empty() => {
                format!("not checked: {}", why_skipped(report, first))
            }
            Status::Skip => format!("{} not checked: {}", ids(&group), why_skipped(report, first)),
            _ if has_main && others.is_empty() => first.summary.clone(),
            _ if has_main => format!("{}; {}", first.summary, ids(others)),
            _ if others.is_empty() => format!("{}: {}", first.id, first.summary),
            _ => ids(&group),
        };
        if each && first.duration_ms > 0 {
            text.push_str(&format!(" ({} ms)", first.duration_ms));
        }
        page.item(2, word, color, &format!("{name:<8}  "), &text);
    }
}
