//! The report for people: the verdict, what to fix first and how, then everything else in order of
//! importance.
//!
//! The text must read the same in a terminal and in a CI log, so there is no cursor movement.
//! Snippets to paste are never wrapped.

pub(super) mod cases;
pub(super) mod details;
pub(super) mod explain;
mod finding;
pub(super) mod page;
#[cfg(test)]
mod tests;
pub(super) mod triage;
pub(super) mod who;

use self::finding::{full_finding, lead_finding, short_finding};
use self::page::Page;
use super::ci::LogCommands;
use super::wording::chain::{Mark, step_sentence, steps};
use super::wording::{self, backend_summary, findings_in_order, login_summary, why_skipped};
use super::{Style, Verbosity};
use crate::catalogue::Severity;
use crate::report::{Finding, Report, Status, Verdict};

/// The diagnosis as text, with the logging commands of the platform that shows it. A platform folds
/// details away, so they are written even without `-v`: a failed job is seldom run again for them.
pub(super) fn render(
    report: &Report,
    style: &Style,
    platform: Option<&'static LogCommands>,
) -> String {
    let mut page = Page::new(style, platform);
    let verbosity = style.verbosity;
    let is_quiet = verbosity == Verbosity::Quiet;
    let is_healthy = report.verdict == Verdict::Healthy;
    let (mark, outcome) = wording::chain::outcome(report);
    page.marked_prose(mark, &outcome);
    match is_quiet {
        true => page.unwrapped_line(2, &backend_summary(report)),
        false => page.chain(2, &wording::chain::chain(report)),
    }
    if is_healthy && !is_quiet {
        page.prose(2, "", &login_summary(report));
    }
    let notes = [wording::replay_note(report), wording::redaction_note(report)];
    for note in notes.into_iter().flatten() {
        page.prose(2, "", &note);
    }
    let found = findings_in_order(report);
    let (first, others) = match found.split_first() {
        Some(((index, first), others)) if wording::lead_index(report) == Some(*index) => {
            (Some(*first), others)
        }
        _ => (None, &found[..]),
    };
    let later_evidence = first.map_or_else(Vec::new, |first| lead_finding(&mut page, first));
    if is_quiet {
        return page.finish();
    }
    let (others, notes): (Vec<_>, Vec<_>) = others
        .iter()
        .map(|(_, found)| *found)
        .partition(|f| verbosity == Verbosity::Verbose || f.severity > Severity::Info);
    for other in others {
        page.blank();
        match verbosity {
            Verbosity::Verbose => full_finding(&mut page, other),
            _ => short_finding(&mut page, other),
        }
    }
    if is_healthy && verbosity == Verbosity::Normal {
        if platform.is_some_and(|platform| platform.masks_claims) {
            details::masked_claims(&mut page, report);
        }
        return page.finish();
    }
    match later_evidence.is_empty() {
        true => page.blank(),
        false => page.heading("Evidence"),
    }
    page.rows(2, &later_evidence);
    if let Some(first) = first {
        finding::links(&mut page, first);
    }
    if platform.is_some_and(|platform| platform.masks_claims) {
        details::masked_claims(&mut page, report);
    }
    page.section("Checks");
    if verbosity == Verbosity::Verbose || platform.is_some() {
        all_checks(&mut page, report);
        details::write_all(&mut page, report);
        return page.finish();
    }
    for (name, mark, checks) in steps(report) {
        page.step(mark, name, STEP_WIDTH, &step_sentence(report, mark, &checks));
    }
    for note in notes {
        page.step(Mark::NotReached, "note", STEP_WIDTH, &format!("{} [{}]", note.title, note.code));
    }
    write_hint(&mut page, report);
    page.finish()
}

/// The report of `doctor policy test`: the verdict, every entry, what to change.
pub(super) fn policy(
    report: &Report,
    style: &Style,
    platform: Option<&'static LogCommands>,
) -> String {
    let mut page = Page::new(style, platform).unfolded();
    let headline = wording::policy_headline(report);
    page.headline("policy: ", &headline);
    page.unwrapped_line(2, &wording::tested_request(report));
    if style.verbosity != Verbosity::Quiet {
        details::policy(&mut page, report);
        // If the claims name no issuer, no finding says why the policy does not decide.
        let skipped = report.checks.iter().find(|check| check.status == Status::Skip);
        if let Some(check) = skipped.filter(|_| headline.word == "undecided") {
            page.blank();
            page.unwrapped_line(2, &format!("not decided: {}", check.summary));
        }
    }
    findings(&mut page, report, style.verbosity);
    page.finish()
}

/// The report of `doctor decode`: what a token says, and what is wrong with it.
pub(super) fn token(
    report: &Report,
    style: &Style,
    platform: Option<&'static LogCommands>,
) -> String {
    let mut page = Page::new(style, platform).unfolded();
    page.headline("token: ", &wording::token_headline(report));
    if style.verbosity != Verbosity::Quiet {
        details::subject_section(&mut page, report);
        details::token(&mut page, report);
    }
    findings(&mut page, report, style.verbosity);
    page.finish()
}

/// The report of `doctor policy lint`: each finding with its place.
pub(super) fn lint(
    found: &[Finding],
    style: &Style,
    platform: Option<&'static LogCommands>,
) -> String {
    let mut page = Page::new(style, platform).unfolded();
    page.headline("lint: ", &wording::lint_headline(found));
    for finding in found {
        page.blank();
        full_finding(&mut page, finding);
    }
    page.finish()
}

/// Writes the findings of a command other than the diagnosis, the one to act on first in full.
fn findings(page: &mut Page, report: &Report, verbosity: Verbosity) {
    let lead = wording::lead_index(report);
    for (index, found) in findings_in_order(report) {
        let is_lead = lead == Some(index);
        page.blank();
        match (verbosity, found.severity) {
            (Verbosity::Verbose, _) => full_finding(page, found),
            _ if is_lead => full_finding(page, found),
            (Verbosity::Quiet, _) => {}
            (_, Severity::Info) => finding::finding_title(page, found),
            _ => short_finding(page, found),
        }
    }
}

/// Names the commands and options that show more.
fn write_hint(page: &mut Page, report: &Report) {
    let explain = report.root_cause.map_or_else(String::new, |code| {
        format!("`doctor explain {code}` has the causes on each platform; ")
    });
    page.blank();
    page.prose(0, "", &format!("{explain}--details shows every check and the token."));
}

/// The columns for the name of a step.
const STEP_WIDTH: usize = "exchange".len();
/// The columns for the name of a check.
const CHECK_WIDTH: usize = "registration".len();

/// Writes each check on its own line.
fn all_checks(page: &mut Page, report: &Report) {
    for check in &report.checks {
        let mark = match check.status {
            Status::Pass => Mark::Passed,
            Status::Warn => Mark::Warned,
            Status::Fail => Mark::Failed,
            Status::Skip => Mark::Unchecked,
        };
        let mut text = match check.status {
            Status::Skip => format!("not checked: {}", why_skipped(report, check)),
            _ => check.summary.clone(),
        };
        if check.duration_ms > 0 {
            text.push_str(&format!(" ({} ms)", check.duration_ms));
        }
        page.step(mark, check.id.name(), CHECK_WIDTH, &text);
    }
}
