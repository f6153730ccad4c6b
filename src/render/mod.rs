//! Rendering: a report in one format. One file per format, each a function from the report to
//! text; nothing here reads the environment or writes anywhere.

mod ci;
mod human;
mod json;
mod junit;
mod markdown;
#[cfg(test)]
mod samples;

use crate::render::ci::azure;
use crate::render::ci::github;
use std::path::Path;

use serde::Serialize;

use crate::catalogue::Code;
use crate::cli::PageFormat;
use crate::report::triage::Triage;
use crate::report::{Finding, Report};

/// The formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person at a terminal or in front of a log.
    Human,
    /// For programs: the contract's object.
    Json,
    /// For the log of an Azure pipeline: the human report with the agent's logging commands.
    Azure,
    /// For the log of a GitHub workflow: the human report with the runner's workflow commands.
    Github,
    /// For a ticket or a pull request.
    Markdown,
    /// For the test results of a CI platform: JUnit XML.
    Junit,
}

/// How much a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// `-q`: the verdict and the root cause.
    Quiet,
    /// What has to be known to act.
    Normal,
    /// `-v`: everything.
    Verbose,
}

/// How the report looks to a person. Formats for programs do not depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether to colour. Who decides this hands it to `colored::control::set_override` as well:
    /// left alone, `colored` would decide again, by rules of its own.
    pub color: bool,
    /// The terminal's width in columns, 80 where there is none. Taken as no less than 60 and no
    /// more than 120.
    pub width: usize,
    /// How much to tell.
    pub verbosity: Verbosity,
}

/// The report in one format, ending with a line break.
#[must_use]
pub fn render(report: &Report, format: Format, style: &Style) -> String {
    match format {
        Format::Human => human::render(report, style, None),
        Format::Json => json::render(report),
        Format::Azure => human::render(report, style, Some(&azure::PLATFORM)),
        Format::Github => human::render(report, style, Some(&github::PLATFORM)),
        Format::Markdown => markdown::folded(report),
        Format::Junit => junit::render(report),
    }
}

/// What a policy document decides on a token: every entry, rule by rule.
#[must_use]
pub fn policy(report: &Report, format: Format, style: &Style) -> String {
    match format {
        Format::Json => json::render(report),
        Format::Human | Format::Azure | Format::Github => human::policy(report, style),
        Format::Markdown => markdown::folded(report),
        Format::Junit => junit::render(report),
    }
}

/// What a token says.
#[must_use]
pub fn token(report: &Report, format: Format, style: &Style) -> String {
    match format {
        Format::Json => json::render(report),
        Format::Human | Format::Azure | Format::Github => human::token(report, style),
        Format::Markdown => markdown::folded(report),
        Format::Junit => junit::render(report),
    }
}

/// Findings about a document alone, for a person.
#[must_use]
pub fn findings(findings: &[Finding], style: &Style) -> String {
    human::lint(findings, style)
}

/// Any value as JSON that is harmless in a log, with a line break.
#[must_use]
pub fn value(value: &impl Serialize) -> String {
    crate::text::json(value) + "\n"
}

/// What logs tell.
#[must_use]
pub fn triage(triage: &Triage, format: PageFormat, style: &Style) -> String {
    match format {
        PageFormat::Human => human::triage::triage(triage, style),
        PageFormat::Json => value(triage),
        PageFormat::Markdown => markdown::triage::triage(triage),
    }
}

/// A code's page, for a person.
#[must_use]
pub fn explanation(code: Code, style: &Style) -> String {
    human::explain::one(code, style)
}

/// The list of all codes, for a person.
#[must_use]
pub fn codes(style: &Style) -> String {
    human::explain::all(style)
}

/// The list of all codes with links to their pages: `docs/codes/README.md`.
#[must_use]
pub fn codes_page() -> String {
    markdown::explain::all()
}

/// The report as a Markdown page: what the platforms show beside the log.
#[must_use]
pub fn summary(report: &Report) -> String {
    markdown::render(report)
}

/// The line that makes the Azure agent show the Markdown file at this absolute path; none where
/// the path cannot stand in a log.
#[must_use]
pub fn upload_summary(path: &Path) -> Option<String> {
    azure::upload_summary(path)
}
