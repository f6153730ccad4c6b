//! Renders reports. Each format has a module, whose functions turn a report into text; nothing here
//! reads the environment or writes to a file.

mod ci;
mod html;
mod human;
mod json;
mod junit;
mod markdown;
#[cfg(test)]
mod samples;
mod wording;

use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;

use self::ci::{azure, github};
use crate::catalogue::Code;
use crate::report::cases::CaseResult;
use crate::report::triage::Triage;
use crate::report::who::Who;
use crate::report::{Finding, Report};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// For programs
    Json,
    /// For a ticket or a pull request
    Markdown,
    /// One file for a browser, with the support bundle inside
    Html,
    /// For the test results of a CI platform (JUnit XML)
    Junit,
    /// For the log of an Azure pipeline: issues, groups, a summary page
    Azure,
    /// For the log of a GitHub workflow: annotations, groups, a step summary
    Github,
}

type Renderer<T> = fn(&T, &Style) -> String;

/// A kind of report: a renderer for each of its formats, the human one first.
pub struct View<T: ?Sized + 'static>(&'static [(Format, Renderer<T>)]);

impl<T: ?Sized> View<T> {
    pub fn formats(&self) -> impl Iterator<Item = Format> {
        self.0.iter().map(|(format, _)| *format)
    }

    /// Renders as text that ends with a line break. Formats that the view lacks become the human
    /// one.
    pub fn render(&self, value: &T, format: Format, style: &Style) -> String {
        let renderer = self.0.iter().find(|(known, _)| *known == format).or(self.0.first());
        renderer.map_or_else(String::new, |(_, render)| render(value, style))
    }
}

/// The diagnosis.
pub static DIAGNOSIS: View<Report> = View(&[
    (Format::Human, |report, style| human::render(report, style, None)),
    (Format::Json, |report, _| json::render(report)),
    (Format::Markdown, |report, _| markdown::render_folded(report)),
    (Format::Html, |report, _| html::render(report, None)),
    (Format::Junit, |report, _| junit::render(report)),
    (Format::Azure, |report, style| human::render(report, style, Some(&azure::PLATFORM))),
    (Format::Github, |report, style| human::render(report, style, Some(&github::PLATFORM))),
]);

/// `doctor policy test`: the policy's decision on a token, rule by rule.
pub static POLICY: View<Report> = View(&[
    (Format::Human, |report, style| human::policy(report, style, None)),
    (Format::Json, |report, _| json::render(report)),
    (Format::Markdown, |report, _| markdown::policy(report)),
    (Format::Junit, |report, _| junit::policy(report)),
    (Format::Azure, |report, style| human::policy(report, style, Some(&azure::PLATFORM))),
    (Format::Github, |report, style| human::policy(report, style, Some(&github::PLATFORM))),
]);

/// `doctor decode`: a token's header and claims.
pub static TOKEN: View<Report> = View(&[
    (Format::Human, |report, style| human::token(report, style, None)),
    (Format::Json, |report, _| json::render(report)),
    (Format::Markdown, |report, _| markdown::token(report)),
    (Format::Junit, |report, _| junit::token(report)),
    (Format::Azure, |report, style| human::token(report, style, Some(&azure::PLATFORM))),
    (Format::Github, |report, style| human::token(report, style, Some(&github::PLATFORM))),
]);

/// `doctor policy lint`: findings about a policy document.
pub static LINT: View<[Finding]> = View(&[
    (Format::Human, |found, style| human::lint(found, style, None)),
    (Format::Json, |found, _| json::lint(found)),
    (Format::Markdown, |found, _| markdown::lint(found)),
    (Format::Junit, |found, _| junit::lint(found)),
    (Format::Azure, |found, style| human::lint(found, style, Some(&azure::PLATFORM))),
    (Format::Github, |found, style| human::lint(found, style, Some(&github::PLATFORM))),
]);

/// `doctor policy who`: the kinds of job that a policy lets in.
pub static WHO: View<Who> = View(&[
    (Format::Human, |who, style| human::who::who(who, style, None)),
    (Format::Json, |who, _| value(who)),
    (Format::Junit, |who, _| junit::who::who(who)),
    (Format::Azure, |who, style| human::who::who(who, style, Some(&azure::PLATFORM))),
    (Format::Github, |who, style| human::who::who(who, style, Some(&github::PLATFORM))),
]);

/// The cases of a policy's regression test.
pub static CASES: View<[CaseResult]> = View(&[
    (Format::Human, human::cases::cases),
    (Format::Junit, |cases, _| junit::cases::cases(cases)),
]);

/// `doctor triage`: the failures in logs.
pub static TRIAGE: View<Triage> = View(&[
    (Format::Human, human::triage::triage),
    (Format::Json, |triage, _| value(triage)),
    (Format::Markdown, |triage, _| markdown::triage::triage(triage)),
]);

/// `doctor explain CODE`.
pub static CODE: View<Code> = View(&[
    (Format::Human, |code, style| human::explain::code(*code, style)),
    (Format::Json, |code, _| json::code(*code)),
    (Format::Markdown, |code, _| code.page().to_owned()),
]);

/// `doctor explain`: all failure codes.
pub static CODES: View<[Code]> = View(&[
    (Format::Human, |_, style| human::explain::all_codes(style)),
    (Format::Json, |codes, _| json::codes(codes)),
    (Format::Markdown, |_, _| markdown::explain::all_codes()),
]);

/// The commands that reports other than the diagnosis name.
const DECODE: &str = "doctor decode";
const POLICY_TEST: &str = "doctor policy test";
const POLICY_LINT: &str = "doctor policy lint";

/// How much the human report shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// `-q`: the verdict and the root cause.
    Quiet,
    /// What is needed to act.
    Normal,
    /// `-v`: everything.
    Verbose,
}

/// How the human report looks. Formats for programs do not depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether to use colors. The caller must also pass this to `colored::control::set_override`;
    /// otherwise `colored` decides by its own rules.
    pub color: bool,
    /// The terminal's width in columns, 80 without a terminal; limited to between 60 and 120.
    pub width: usize,
    pub verbosity: Verbosity,
    /// Whether the terminal can show more than ASCII.
    pub unicode: bool,
}

/// Serializes as JSON that is harmless in a log, with a final line break.
pub fn value(value: &impl Serialize) -> String {
    crate::text::json(value) + "\n"
}

/// The report as a Markdown page, which platforms show next to the log.
pub fn summary(report: &Report) -> String {
    markdown::render(report)
}

/// The report as an HTML page with its support bundle.
pub(crate) fn html_page(report: &Report, bundle: &str) -> String {
    html::render(report, Some(bundle))
}

/// Extracts the support bundle from an HTML page.
pub(crate) fn bundle_of_html(page: &str) -> Option<String> {
    html::extract_bundle(page)
}

/// The line that makes the Azure agent show the Markdown file at this absolute path; `None` if the
/// path cannot be written into a log.
pub fn upload_summary(path: &Path) -> Option<String> {
    azure::upload_summary(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    const STYLE: Style =
        Style { color: false, width: 80, verbosity: Verbosity::Normal, unicode: false };

    fn texts<T: ?Sized>(view: &View<T>, value: &T) -> Vec<(Format, String)> {
        view.formats().map(|format| (format, view.render(value, format, &STYLE))).collect()
    }

    fn assert_distinct<T: ?Sized>(view: &View<T>, value: &T, command: &str) {
        let texts = texts(view, value);
        for (index, (format, text)) in texts.iter().enumerate() {
            assert!(text.ends_with('\n'), "{command} {format:?}");
            let equal = texts[..index].iter().find(|(_, other)| other == text);
            assert!(equal.is_none(), "{command}: {format:?} equals {equal:?}");
            match format {
                Format::Junit => {
                    let suites = format!("<testsuites name=\"{command}\"");
                    let suite = format!("<testsuite name=\"{command}: ");
                    assert!(text.contains(&suites) && text.contains(&suite), "{text}");
                }
                Format::Markdown => {
                    let start = match command {
                        "doctor" => "## ✗ Login to ".to_owned(),
                        _ => format!("## {command}: "),
                    };
                    assert!(text.starts_with(&start), "{text}");
                }
                Format::Azure => assert!(text.contains("\n##vso[task.logissue "), "{text}"),
                Format::Github => assert!(text.contains("\n::error title="), "{text}"),
                Format::Human | Format::Json | Format::Html => {}
            }
        }
    }

    #[test]
    fn view_formats_differ() {
        let report = samples::several_errors();
        assert_distinct(&DIAGNOSIS, &report, "doctor");
        assert_distinct(&POLICY, &report, "doctor policy test");
        assert_distinct(&TOKEN, &report, "doctor decode");
        assert_distinct(&LINT, &report.findings[..], "doctor policy lint");
    }

    #[test]
    fn clean_lint_is_passed_test() {
        let xml = LINT.render(&[], Format::Junit, &STYLE);
        assert!(xml.contains("tests=\"1\" failures=\"0\""), "{xml}");
        assert!(xml.contains("doctor policy lint: clean - nothing loose was found"), "{xml}");
    }

    #[test]
    fn unavailable_format_falls_back_to_human() {
        let code = &Code::AudienceMismatch;
        let human = CODE.render(code, Format::Human, &STYLE);
        assert_eq!(CODE.render(code, Format::Azure, &STYLE), human);
    }
}
