//! Where a report goes and how it looks there, decided once; and the writing of it.
//!
//! The format does not depend on `--output`: a file holds what the log would have shown.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bundle::Bundle;
use crate::cli::{BundleArgs, ColorArg, FormatArg, OutputArgs};
use crate::gather::environment::Environment;
use crate::render::{self, Format, Style, Verbosity};
use crate::report::{Finding, Report};

/// Width of the report where there is no terminal, in columns.
const WIDTH: usize = 100;

/// The place of a report.
pub(crate) struct Output {
    format: Format,
    style: Style,
    file: Option<PathBuf>,
    /// Where a bundle goes, and whether names in it are replaced.
    bundle: Option<(PathBuf, bool)>,
    /// Azure's directory for files that live as long as the job.
    agent_directory: Option<PathBuf>,
    /// The file that GitHub shows as the step's summary.
    step_summary: Option<PathBuf>,
    /// `--strict`.
    pub(crate) strict: bool,
    /// Whether a person waits for it at a terminal, and wants to see that something happens.
    pub(crate) progress: bool,
}

/// Which streams are terminals.
#[derive(Clone, Copy)]
pub(crate) struct Terminals {
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
}

impl Output {
    /// By the options first, then by the environment.
    pub(crate) fn new(
        arguments: &OutputArgs,
        environment: &Environment,
        terminals: Terminals,
    ) -> Self {
        let path = |name: &str| environment.get(name).map(PathBuf::from);
        let verbosity = arguments.verbosity();
        let style = match arguments.output {
            Some(_) => style(ColorArg::Never, environment, false),
            None => style(arguments.color, environment, terminals.stdout),
        };
        Self {
            format: format(arguments.format, environment),
            style: Style { verbosity, ..style },
            file: arguments.output.clone(),
            bundle: None,
            agent_directory: path("AGENT_TEMPDIRECTORY"),
            step_summary: path("GITHUB_STEP_SUMMARY"),
            strict: arguments.strict,
            progress: terminals.stderr
                && verbosity != Verbosity::Quiet
                && !environment.setting().is_pipeline(),
        }
    }

    /// The same, with a place for a bundle.
    pub(crate) fn with_bundle(self, arguments: &BundleArgs) -> Self {
        let bundle = arguments.bundle.clone().map(|path| (path, arguments.redact));
        Self { bundle, ..self }
    }

    /// Why nothing can be delivered, whatever there is: report and bundle are one file.
    pub(crate) fn conflict(&self) -> Option<String> {
        let (report, (bundle, _)) = (self.file.as_ref()?, self.bundle.as_ref()?);
        let place = |path: &Path| {
            let directory = directory_of(path).canonicalize().ok()?;
            Some(directory.join(path.file_name()?))
        };
        let same = report == bundle || place(report).is_some_and(|p| place(bundle) == Some(p));
        same.then(|| {
            let path = bundle.display();
            format!("--bundle {path}: --output names the same file; give the bundle its own")
        })
    }

    /// Writes the bundle, where one is asked for.
    ///
    /// # Errors
    /// A sentence for standard error.
    pub(crate) fn keep_bundle(&self, bundle: &Bundle) -> Result<(), String> {
        let Some((path, redact)) = &self.bundle else { return Ok(()) };
        let text = bundle.write(*redact).map_err(|error| error.to_string());
        text.and_then(|text| write_file(path, &text).map_err(|error| error.to_string()))
            .map_err(|problem| format!("--bundle {}: {problem}", path.display()))
    }

    /// Prints or writes the report.
    ///
    /// # Errors
    /// A sentence for standard error where the file of `--output` cannot be written; the error
    /// itself where it is standard output.
    pub(crate) fn deliver(
        &self,
        report: &Report,
        stdout: &mut dyn Write,
        note: impl FnOnce(&str),
    ) -> Result<(), Failure> {
        let mut text = render::render(report, self.format, &self.style);
        match self.summary(report) {
            Ok(command) => text.push_str(&command),
            // The platform's page is an extra: without it the report is as good and the status
            // the same.
            Err(problem) => note(&format!("no summary: {problem}")),
        }
        self.put(&text, stdout)
    }

    /// Prints or writes what a document decides on a token.
    ///
    /// # Errors
    /// As [`Self::deliver`].
    pub(crate) fn deliver_policy(
        &self,
        report: &Report,
        stdout: &mut dyn Write,
    ) -> Result<(), Failure> {
        self.put(&render::policy(report, self.format, &self.style), stdout)
    }

    /// Prints or writes what a token says.
    ///
    /// # Errors
    /// As [`Self::deliver`].
    pub(crate) fn deliver_token(
        &self,
        report: &Report,
        stdout: &mut dyn Write,
    ) -> Result<(), Failure> {
        self.put(&render::token(report, self.format, &self.style), stdout)
    }

    /// Prints or writes a text.
    ///
    /// # Errors
    /// As [`Self::deliver`].
    pub(crate) fn put(&self, text: &str, stdout: &mut dyn Write) -> Result<(), Failure> {
        match &self.file {
            None => stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush())
                .map_err(Failure::Stdout),
            Some(path) => write_file(path, text)
                .map_err(|error| Failure::File(format!("--output {}: {error}", path.display()))),
        }
    }

    /// Findings about a document, for a person.
    pub(crate) fn findings(&self, findings: &[Finding]) -> String {
        render::findings(findings, &self.style)
    }

    /// Whether it is for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Hands the summary to the platform; what the log has to say for it.
    fn summary(&self, report: &Report) -> Result<String, String> {
        match (self.format, &self.step_summary) {
            (Format::Azure, _) => {
                let path = self.keep(&render::summary(report)).map_err(|e| e.to_string())?;
                render::upload_summary(&path)
                    .ok_or_else(|| "the temporary directory's name is not plain text".to_owned())
            }
            (Format::Github, Some(path)) => append(path, &render::summary(report))
                .map(|()| String::new())
                .map_err(|error| format!("GITHUB_STEP_SUMMARY: {error}")),
            _ => Ok(String::new()),
        }
    }

    /// Writes a file that the agent finds when the program is gone.
    fn keep(&self, text: &str) -> io::Result<PathBuf> {
        let own = self.agent_directory.as_deref().filter(|d| d.is_absolute() && d.is_dir());
        let mut file = tempfile::Builder::new()
            .prefix("doctor-")
            .suffix(".md")
            .tempfile_in(own.unwrap_or(&std::env::temp_dir()))?;
        file.write_all(text.as_bytes())?;
        let (_, path) = file.keep().map_err(|error| error.error)?;
        Ok(path)
    }
}

/// Why a report could not be delivered.
pub(crate) enum Failure {
    /// Standard output cannot be written.
    Stdout(io::Error),
    /// The file cannot be written: which, and why.
    File(String),
}

/// `auto` is the platform's own format, where there is one.
fn format(argument: FormatArg, environment: &Environment) -> Format {
    match argument {
        FormatArg::Human => Format::Human,
        FormatArg::Json => Format::Json,
        FormatArg::Markdown => Format::Markdown,
        FormatArg::Junit => Format::Junit,
        FormatArg::Azure => Format::Azure,
        FormatArg::Github => Format::Github,
        FormatArg::Auto if environment.is_on("TF_BUILD") => Format::Azure,
        FormatArg::Auto if environment.is_on("GITHUB_ACTIONS") => Format::Github,
        FormatArg::Auto => Format::Human,
    }
}

/// How a text for a person looks on standard output.
pub(crate) fn style(argument: ColorArg, environment: &Environment, terminal: bool) -> Style {
    let color = match argument {
        ColorArg::Always => true,
        ColorArg::Never => false,
        ColorArg::Auto => color(environment, terminal),
    };
    colored::control::set_override(color);
    let width = if terminal {
        terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0))
    } else {
        WIDTH
    };
    Style { color, width, verbosity: Verbosity::Normal }
}

/// no-color.org, bixense.com/clicolors, and terminals that know no colour.
fn color(environment: &Environment, terminal: bool) -> bool {
    let set = |name: &str| environment.get(name);
    if set("NO_COLOR").is_some() {
        return false;
    }
    if set("CLICOLOR_FORCE").is_some_and(|v| v != "0") {
        return true;
    }
    terminal && set("CLICOLOR") != Some("0") && set("TERM") != Some("dumb")
}

/// How a process's own streams are called; redirected to a file, they are still no file to replace.
const STREAMS: [&str; 4] = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"];
/// How long a pipe's reader may be away.
const READER: Duration = Duration::from_millis(300);

/// Replaces the file whole or not at all. A new file can be read by its owner only, and a
/// symbolic link in its place is replaced rather than followed. What is no file (/dev/stdout,
/// /dev/null, a named pipe) is written to: root could replace those too.
fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let is_stream = STREAMS.iter().any(|stream| path.starts_with(stream));
    if is_stream || path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return open_stream(path)?.write_all(text.as_bytes());
    }
    let mut file = tempfile::NamedTempFile::new_in(directory_of(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Opening a pipe waits for its reader, who may never come: the run must not.
fn open_stream(path: &Path) -> io::Result<fs::File> {
    let (sender, opened) = std::sync::mpsc::channel();
    let path = path.to_owned();
    std::thread::spawn(move || sender.send(OpenOptions::new().append(true).open(path)));
    opened.recv_timeout(READER).unwrap_or_else(|_| Err(io::Error::other("nobody reads this pipe")))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Adds to a file that other programs of the step write as well. Opening anything else, a pipe
/// say, could take forever.
fn append(path: &Path, text: &str) -> io::Result<()> {
    let known = fs::metadata(path);
    if known.is_ok_and(|known| !known.is_file()) {
        return Err(io::Error::other("not a file"));
    }
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    // Another program's last line may have no end.
    file.write_all(format!("\n\n{text}").as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_report_replaces_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report");
        for text in ["first", "second"] {
            write_file(&path, text).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert!(write_file(directory.path(), "text").is_err());
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_without_a_reader_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let begin = std::time::Instant::now();
        assert!(write_file(&pipe, "text").is_err());
        assert!(begin.elapsed() < READER * 10);
    }

    #[test]
    #[cfg(unix)]
    fn a_report_does_not_replace_a_device() {
        use std::os::unix::fs::FileTypeExt as _;
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("null");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        write_file(&link, "text").unwrap();
        assert!(link.metadata().unwrap().file_type().is_char_device());
    }
}
