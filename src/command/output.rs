//! Decides once where a report goes and how it looks, and writes it.
//!
//! The format does not depend on `--output`: the file holds the text that the log would show.

use std::io::{self, Write};
use std::path::PathBuf;

use crate::bundle::{self, Bundle};
use crate::cli::args::{BundleArgs, ColorArg, OutputArgs};
use crate::cli::values::{FormatChoice, ReportFile};
use crate::console::file;
use crate::console::streams::{Stdout, Terminals, write};
use crate::evidence::Evidence;
use crate::gather::environment::Environment;
use crate::platform::Id;
use crate::render;
use crate::render::{DIAGNOSIS, Format, Style, Verbosity, View};
use crate::report::Report;
use crate::text::command::Shell;
use crate::text::secret::argument;

/// The width of a report without a terminal, in columns.
const WIDTH: usize = 100;

/// Where and how to write reports.
pub(crate) struct Output {
    format: Format,
    style: Style,
    /// The width of reports in files, in columns.
    file_width: usize,
    /// `--shell`, unless it is `auto`.
    shell: Option<Shell>,
    file: Option<PathBuf>,
    /// The bundle's file, and whether to replace names in it.
    bundle: Option<(PathBuf, bool)>,
    /// Whether to replace names in HTML reports.
    redact: bool,
    /// `--report`.
    reports: Vec<ReportFile>,
    /// Azure's directory for files that live as long as the job.
    agent_directory: Option<PathBuf>,
    /// The file that GitHub shows as the step's summary.
    step_summary: Option<PathBuf>,
    /// `--strict`.
    pub(crate) strict: bool,
    /// Whether to show progress to a person at a terminal.
    pub(crate) progress: bool,
}

impl Output {
    /// Reads the options first, then the environment.
    pub(crate) fn new(
        arguments: &OutputArgs,
        environment: &Environment,
        terminals: Terminals,
    ) -> Self {
        let path = |name: &str| environment.get(name).map(PathBuf::from);
        let verbosity = arguments.verbosity();
        let style = match arguments.output {
            Some(_) => style(ColorArg::Never, environment, Stdout::File),
            None => style(arguments.color, environment, terminals.stdout),
        };
        Self {
            format: format(arguments.format, environment),
            style: Style { verbosity, ..style },
            file_width: width(environment, Stdout::File),
            shell: arguments.shell.chosen(),
            file: arguments.output.clone(),
            bundle: None,
            redact: false,
            reports: Vec::new(),
            agent_directory: path("AGENT_TEMPDIRECTORY"),
            step_summary: path("GITHUB_STEP_SUMMARY"),
            strict: arguments.strict,
            progress: terminals.stderr
                && environment.get("TERM") != Some("dumb")
                && verbosity != Verbosity::Quiet
                && !environment.run_context().judges_environment(),
        }
    }

    /// Adds the options for bundles and reports.
    pub(crate) fn with_bundle(self, arguments: &BundleArgs) -> Self {
        let bundle = arguments.bundle.clone().map(|path| (path, arguments.redact));
        Self { bundle, redact: arguments.redact, reports: arguments.reports.clone(), ..self }
    }

    /// Applies `--shell` to the commands in the report.
    pub(crate) fn choose_shell(&self, evidence: &mut Evidence) {
        if let Some(shell) = self.shell {
            evidence.options.shell = shell;
        }
    }

    /// Why the report or the bundle cannot be written, as far as this shows before the run.
    pub(crate) fn conflict(&self) -> Option<String> {
        let is_html = |format| format == Format::Html;
        let has_names = self.bundle.is_some()
            || is_html(self.format)
            || self.reports.iter().any(|report| is_html(report.format));
        if self.redact && !has_names {
            return Some(
                "--redact: it replaces names in bundles and HTML reports; add --bundle FILE or \
                 --report FILE.html"
                    .to_owned(),
            );
        }
        let report = self.file.as_ref()?;
        if let Some(problem) = file::obstacle(report) {
            return Some(format!("--output {}: {problem}", argument(report)));
        }
        let (bundle, _) = self.bundle.as_ref()?;
        let place = file::resolve_directory(report);
        let same =
            report == bundle || place.is_some_and(|p| file::resolve_directory(bundle) == Some(p));
        same.then(|| {
            let path = argument(bundle);
            format!("--bundle {path}: --output names the same file; give the bundle its own")
        })
    }

    /// Prints a summary of many answers on standard error, unless `--quiet`.
    pub(crate) fn summarize(&self, stderr: &mut dyn Write, summary: &str) {
        if self.style.verbosity != Verbosity::Quiet {
            // Ignore errors: the answers are complete without it.
            let _ = write(stderr, &format!("{summary}\n"));
        }
    }

    /// Writes the bundle, if one was requested.
    ///
    /// # Errors
    /// A sentence for standard error.
    pub(crate) fn write_bundle(&self, bundle: &Bundle) -> Result<(), String> {
        let Some((path, redact)) = &self.bundle else { return Ok(()) };
        let text = bundle.write(*redact).map_err(|error| error.to_string());
        text.and_then(|text| file::replace(path, &text))
            .map_err(|problem| format!("--bundle {}: {problem}", argument(path)))
    }

    /// Writes the reports of `--report`.
    ///
    /// # Errors
    /// A sentence for each report that cannot be written, after writing the others.
    pub(crate) fn write_reports(
        &self,
        bundle: &Bundle,
        report: &Report,
    ) -> Result<(), Vec<String>> {
        let style = Style { color: false, width: self.file_width, ..self.style };
        let write = |ReportFile { path, format }: &ReportFile| {
            let text = match format {
                Format::Html => self.html(bundle, report),
                format => Ok(DIAGNOSIS.render(report, *format, &style)),
            };
            text.and_then(|text| file::replace(path, &text))
                .err()
                .map(|problem| format!("--report {}: {problem}", argument(path)))
        };
        let problems: Vec<String> = self.reports.iter().filter_map(write).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// The HTML page. With `--redact`, of the redacted bundle.
    fn html(&self, bundle: &Bundle, report: &Report) -> Result<String, String> {
        let text = bundle.write(self.redact).map_err(|error| error.to_string())?;
        if !self.redact {
            return Ok(render::html_page(report, &text));
        }
        let redacted = bundle::read(&text).map_err(|error| error.to_string())?;
        Ok(render::html_page(&redacted.judge(self.strict), &text))
    }

    /// Prints or writes the report.
    ///
    /// # Errors
    /// A sentence if the file of `--output` cannot be written, or the error of standard output.
    pub(crate) fn deliver(
        &self,
        bundle: &Bundle,
        report: &Report,
        stdout: &mut dyn Write,
        note: impl FnOnce(&str),
    ) -> Result<(), Failure> {
        let mut text = match self.format {
            Format::Html => self.html(bundle, report).map_err(Failure::File)?,
            format => DIAGNOSIS.render(report, format, &self.style),
        };
        match self.write_summary(report) {
            Ok(command) => text.push_str(&command),
            // The platform's summary is optional: without it, report and status stay the same.
            Err(problem) => note(&format!("no summary: {problem}")),
        }
        self.write_text(&text, stdout)
    }

    /// Prints or writes a result that is not a diagnosis.
    ///
    /// # Errors
    /// As [`Self::deliver`].
    pub(crate) fn deliver_view<T: ?Sized>(
        &self,
        view: &View<T>,
        value: &T,
        stdout: &mut dyn Write,
    ) -> Result<(), Failure> {
        self.write_text(&view.render(value, self.format, &self.style), stdout)
    }

    fn write_text(&self, text: &str, stdout: &mut dyn Write) -> Result<(), Failure> {
        match &self.file {
            None => write(stdout, text).map_err(Failure::Stdout),
            Some(path) => file::replace(path, text).map_err(|problem| {
                Failure::File(format!("--output {}: {problem}", argument(path)))
            }),
        }
    }

    /// Gives the summary to the platform. Returns the log command for it, if it needs one.
    fn write_summary(&self, report: &Report) -> Result<String, String> {
        match (self.format, &self.step_summary) {
            (Format::Azure, _) => {
                let own = self.agent_directory.as_deref();
                let path = file::write_lasting(own, &render::summary(report))?;
                render::upload_summary(&path)
                    .ok_or_else(|| "the temporary directory's name is not plain text".to_owned())
            }
            (Format::Github, Some(path)) => file::append(path, &render::summary(report))
                .map(|()| String::new())
                .map_err(|error| format!("GITHUB_STEP_SUMMARY: {error}")),
            _ => Ok(String::new()),
        }
    }
}

/// Why a report could not be delivered.
pub(crate) enum Failure {
    /// Standard output cannot be written.
    Stdout(io::Error),
    /// A file cannot be written, as a sentence.
    File(String),
}

/// Chooses the format. `auto` is the platform's own format, if it has one.
fn format(choice: FormatChoice, environment: &Environment) -> Format {
    let own = || match environment.platform().map(|platform| platform.id) {
        Some(Id::AzurePipelines) => Format::Azure,
        Some(Id::GitHubActions) => Format::Github,
        _ => Format::Human,
    };
    choice.0.unwrap_or_else(own)
}

/// The style of text for people on standard output.
pub(crate) fn style(argument: ColorArg, environment: &Environment, stdout: Stdout) -> Style {
    let color = match argument {
        ColorArg::Always => true,
        ColorArg::Never => false,
        ColorArg::Auto => uses_color(environment, stdout),
    };
    colored::control::set_override(color);
    let width = width(environment, stdout);
    Style { color, width, verbosity: Verbosity::Normal, unicode: shows_unicode(environment) }
}

/// The width of the report in columns (product contract, section 6).
fn width(environment: &Environment, stdout: Stdout) -> usize {
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let width = match stdout {
        Stdout::Terminal => terminal(),
        Stdout::File | Stdout::Other => {
            environment.get("COLUMNS").and_then(|columns| columns.parse().ok())
        }
    };
    width.unwrap_or(WIDTH)
}

/// Whether the output can show Unicode: the locale is UTF-8 (POSIX.1-2024, XBD section 8.2), or it
/// is the log of a CI system (all are UTF-8) or Windows Terminal.
fn shows_unicode(environment: &Environment) -> bool {
    let set = |name| environment.get(name).filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
    let is_utf8 = |locale: &str| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    };
    locale.is_some_and(is_utf8) || environment.platform().is_some() || set("WT_SESSION").is_some()
}

/// CI systems whose logs show colours.
const COLORED_LOGS: [Id; 4] = [Id::GitHubActions, Id::GitLab, Id::CircleCi, Id::Buildkite];

/// Whether to use colour, by no-color.org, force-color.org, bixense.com/clicolors, the terminal,
/// and the CI system (product contract, section 2).
fn uses_color(environment: &Environment, stdout: Stdout) -> bool {
    let is_set = |name: &str| environment.get(name).is_some_and(|value| !value.is_empty());
    let is_forced = |name: &str| is_set(name) && environment.is_on(name);
    if is_set("NO_COLOR") {
        return false;
    }
    if is_forced("FORCE_COLOR") || is_forced("CLICOLOR_FORCE") {
        return true;
    }
    if environment.get("TERM") == Some("dumb") {
        return false;
    }
    match stdout {
        Stdout::File => false,
        Stdout::Terminal => environment.get("CLICOLOR") != Some("0"),
        Stdout::Other => {
            environment.platform().is_some_and(|platform| COLORED_LOGS.contains(&platform.id))
        }
    }
}
