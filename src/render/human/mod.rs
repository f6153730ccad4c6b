//! The report for a tired engineer: the verdict, what to fix first and how, then everything
//! else by how much it matters.
//!
//! No cursor movement: the text has to read the same in a terminal and in a CI log. What is there
//! to be pasted is never wrapped.

pub(super) mod cases;
pub(super) mod details;
pub(super) mod explain;
mod finding;
pub(super) mod page;
#[cfg(test)]
mod tests;
pub(super) mod triage;
pub(super) mod who;

use self::finding::{finding, lead, listed};
use self::page::Page;
use super::ci::LogCommands;
use super::wording::chain::{Mark, sentence, steps};
use super::wording::{self, backend, in_order, who, why_skipped};
use super::{Style, Verbosity};
use crate::catalogue::Severity;
use crate::report::{Finding, Report, Status, Verdict};

/// The report as text, with the commands of the platform that shows it. There the details are
/// folded away, so they are told without `-v`: a failed job is seldom run again for them.
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
    page.first_line(mark, &outcome);
    match is_quiet {
        true => page.value(2, &backend(report)),
        false => page.chain(2, &wording::chain::chain(report)),
    }
    if is_healthy && !is_quiet {
        page.prose(2, "", &who(report));
    }
    for told in [wording::replayed(report), wording::recorded(report)].into_iter().flatten() {
        page.prose(2, "", &told);
    }
    let found = in_order(report);
    let (first, others) = match found.split_first() {
        Some(((index, first), others)) if wording::lead(report) == Some(*index) => {
            (Some(*first), others)
        }
        _ => (None, &found[..]),
    };
    let rest = first.map_or_else(Vec::new, |first| lead(&mut page, first));
    if is_quiet {
        return page.finish();
    }
    let (told, named): (Vec<_>, Vec<_>) = others
        .iter()
        .map(|(_, found)| *found)
        .partition(|f| verbosity == Verbosity::Verbose || f.severity > Severity::Info);
    for other in told {
        page.blank();
        match verbosity {
            Verbosity::Verbose => finding(&mut page, other),
            _ => listed(&mut page, other),
        }
    }
    if is_healthy && verbosity == Verbosity::Normal {
        if platform.is_some_and(|platform| platform.masks_claims) {
            details::parts(&mut page, report);
        }
        return page.finish();
    }
    match rest.is_empty() {
        true => page.blank(),
        false => page.heading("Evidence"),
    }
    page.rows(2, &rest);
    if let Some(first) = first {
        finding::links(&mut page, first);
    }
    if platform.is_some_and(|platform| platform.masks_claims) {
        details::parts(&mut page, report);
    }
    page.section("Checks");
    if verbosity == Verbosity::Verbose || platform.is_some() {
        each_check(&mut page, report);
        details::all(&mut page, report);
        return page.finish();
    }
    for (name, mark, checks) in steps(report) {
        page.step(mark, name, STEP, &sentence(report, mark, &checks));
    }
    for note in named {
        page.step(Mark::NotReached, "note", STEP, &format!("{} [{}]", note.title, note.code));
    }
    more(&mut page, report);
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
    findings(&mut page, report, style.verbosity);
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
    findings(&mut page, report, style.verbosity);
    page.finish()
}

/// Findings about a document, each with its place, or a line that there is none.
pub(super) fn lint(
    found: &[Finding],
    style: &Style,
    platform: Option<&'static LogCommands>,
) -> String {
    let mut page = Page::new(style, platform).unfolded();
    page.headline("lint: ", &wording::lint(found));
    for finding in found {
        page.blank();
        self::finding(&mut page, finding);
    }
    page.finish()
}

/// The findings of a command other than the diagnosis: what to act on first in full.
fn findings(page: &mut Page, report: &Report, verbosity: Verbosity) {
    let lead = wording::lead(report);
    for (index, found) in in_order(report) {
        let is_lead = lead == Some(index);
        page.blank();
        match (verbosity, found.severity) {
            (Verbosity::Verbose, _) => finding(page, found),
            _ if is_lead => finding(page, found),
            (Verbosity::Quiet, _) => {}
            (_, Severity::Info) => finding::named(page, found),
            _ => listed(page, found),
        }
    }
}

/// Where to learn more than fits here.
fn more(page: &mut Page, report: &Report) {
    let explain = report.root_cause.map_or_else(String::new, |code| {
        format!("`doctor explain {code}` has the causes on each platform; ")
    });
    page.blank();
    page.prose(0, "", &format!("{explain}--details shows every check and the token."));
}

/// Columns for the name of a step of the login.
const STEP: usize = "exchange".len();
/// Columns for the name of a check.
const CHECK: usize = "registration".len();

/// Every check, on a line of its own.
fn each_check(page: &mut Page, report: &Report) {
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
        page.step(mark, check.id.name(), CHECK, &text);
    }
}
