//! One run of the program: parse, gather, judge, render, exit status.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::{self, Cli, ColorArg, FormatArg, OutputArgs};
use crate::gather::environment::Environment;
use crate::gather::{self, Plan, Surroundings};
use crate::login_flags::{self, Login, LoginError};
use crate::render::{self, Format, Style};
use crate::secret::Scrubber;
use crate::{judge, text};

/// Bad usage, or an input file that cannot be used.
pub const USAGE: u8 = 2;
/// A defect of the program.
pub const INTERNAL_ERROR: u8 = 70;
/// The reader of standard output went away: 128 and the number of SIGPIPE.
const BROKEN_PIPE: u8 = 141;

/// Width of the report where there is no terminal, in columns.
const WIDTH: usize = 100;

/// The process's streams.
pub struct Streams<'a> {
    /// Standard input; read only when asked for.
    pub stdin: Box<dyn Read + Send>,
    /// Standard output: the report, and nothing else.
    pub stdout: &'a mut dyn Write,
    /// Standard error: notes and errors.
    pub stderr: &'a mut dyn Write,
    /// Whether a person sits at a terminal.
    pub terminal: bool,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
}

/// Runs the program; its exit status.
pub fn run(arguments: Vec<OsString>, environment: Environment, streams: Streams) -> u8 {
    if let Some(words) = login_flags::arguments(&arguments) {
        return login(&words, &arguments, environment, streams);
    }
    let cli = match Cli::read(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(error, &arguments, streams),
    };
    match cli.command {
        Some(cli::Command::Login) => login(&[], &arguments, environment, streams),
        None => {
            let (plan, output) = cli.diagnosis.plan();
            diagnose_here(plan, environment, &output, streams)
        }
        #[cfg(feature = "demo")]
        Some(cli::Command::Demo { list: true, .. }) => {
            finish(write(streams.stdout, &crate::demo::list()), 0)
        }
        #[cfg(feature = "demo")]
        Some(cli::Command::Demo { scenario, output, .. }) => {
            let style = style(&output, &environment, streams.stdout_is_terminal);
            demo(scenario.as_deref(), &output, &style, streams)
        }
    }
}

/// `doctor login`, with the arguments behind that word.
fn login(
    words: &[String],
    arguments: &[OsString],
    environment: Environment,
    streams: Streams,
) -> u8 {
    match login_flags::parse(words, &environment) {
        Ok(Login::Help(text)) => finish(write(streams.stdout, &text), 0),
        Ok(Login::Run(run)) => diagnose_here(run.0, environment, &run.1, streams),
        Err(LoginError::Clap(error)) => usage(error, arguments, streams),
        Err(error) => complain(streams.stderr, &format!("{error}; see `doctor login --help`")),
    }
}

/// The diagnosis where this process runs.
fn diagnose_here(
    plan: Plan,
    environment: Environment,
    output: &OutputArgs,
    streams: Streams,
) -> u8 {
    let style = style(output, &environment, streams.stdout_is_terminal);
    match std::env::current_dir() {
        Ok(directory) => diagnose(plan, environment, directory, output, &style, streams),
        Err(error) => complain(streams.stderr, &format!("working directory: {error}")),
    }
}

/// The diagnosis: gather, judge, render.
fn diagnose(
    plan: Plan,
    environment: Environment,
    directory: PathBuf,
    output: &OutputArgs,
    style: &Style,
    streams: Streams,
) -> u8 {
    let around =
        Surroundings { environment, directory, stdin: streams.stdin, terminal: streams.terminal };
    let evidence = match gather::gather(plan, around) {
        Ok(evidence) => evidence,
        Err(error) => return complain(streams.stderr, &error.to_string()),
    };
    let report = judge::judge(&evidence, output.strict);
    let format = match output.format {
        FormatArg::Auto | FormatArg::Human => Format::Human,
        FormatArg::Json => Format::Json,
    };
    let rendered = render::render(&report, format, style);
    let status = report.verdict.exit_status();
    match &output.output {
        None => finish(write(streams.stdout, &rendered), status),
        Some(path) => match write_file(path, &rendered) {
            Ok(()) => status,
            Err(error) => {
                complain(streams.stderr, &format!("--output {}: {error}", path.display()))
            }
        },
    }
}

#[cfg(feature = "demo")]
fn demo(scenario: Option<&str>, output: &OutputArgs, style: &Style, streams: Streams) -> u8 {
    let name = scenario.unwrap_or(crate::demo::DEFAULT);
    let Some(scenario) = crate::demo::find(name) else {
        let meant = crate::demo::nearest(name)
            .map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
        return complain(
            streams.stderr,
            &format!("demo {name}: no such scenario{meant} (`doctor demo --list` has them all)"),
        );
    };
    let title = scenario.title;
    let stage = match crate::demo::Stage::set(scenario) {
        Ok(stage) => stage,
        Err(error) => return complain(streams.stderr, &format!("demo {name}: {error}")),
    };
    let mut arguments = vec!["doctor".to_owned()];
    arguments.extend(stage.arguments());
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return complain(streams.stderr, &format!("demo {name}: {error}")),
    };
    let _ = writeln!(streams.stderr, "demo {name}: {title}\n");
    let environment = stage.environment().into_iter().collect();
    let directory = stage.directory().to_owned();
    diagnose(cli.diagnosis.plan().0, environment, directory, output, style, streams)
}

/// Colour and width, decided once.
fn style(output: &OutputArgs, environment: &Environment, terminal: bool) -> Style {
    let color = output.output.is_none()
        && match output.color {
            ColorArg::Always => true,
            ColorArg::Never => false,
            ColorArg::Auto => color(environment, terminal),
        };
    colored::control::set_override(color);
    let width = if terminal && output.output.is_none() {
        terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0))
    } else {
        WIDTH
    };
    Style { color, width, verbosity: output.verbosity() }
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

/// A longer argument may be a secret: usage errors do not repeat it.
const LONGEST_WORD: usize = 16;

/// clap's message, which quotes arguments: one of them may be a token in the wrong place.
fn usage(error: clap::Error, arguments: &[OsString], streams: Streams) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return finish(write(streams.stdout, &error.render().to_string()), 0);
    }
    // The same error once more, of arguments without line breaks: one in an argument must not
    // become one of the message.
    let arguments: Vec<String> =
        arguments.iter().map(|argument| text::inert(&argument.to_string_lossy())).collect();
    let error = complaint(&arguments).unwrap_or(error);
    let mut scrubber = Scrubber::default();
    for argument in arguments.iter().skip(1) {
        let value = argument.split_once('=').map_or("", |(_, value)| value);
        for part in [argument, value] {
            if part.chars().count() >= LONGEST_WORD && !part.starts_with("--") {
                scrubber.add(part);
            }
        }
    }
    let message = scrubber.scrub(&error.render().to_string());
    let lines = message.lines().map(|line| text::guard(&text::inert(line)) + "\n");
    finish(write(streams.stderr, &lines.collect::<String>()), USAGE)
}

/// What clap says against a command line.
fn complaint(arguments: &[String]) -> Option<clap::Error> {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let Some(words) = login_flags::arguments(&arguments) else {
        return Cli::read(&arguments).err();
    };
    match login_flags::parse(&words, &Environment::default()) {
        Err(LoginError::Clap(error)) => Some(error),
        _ => None,
    }
}

/// One line on standard error; status 2.
fn complain(stderr: &mut dyn Write, message: &str) -> u8 {
    let message = text::guard(&text::inert(&Scrubber::default().scrub(message)));
    finish(write(stderr, &format!("doctor: {message}\n")), USAGE)
}

fn write(stream: &mut dyn Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// The status, or that of a stream which cannot be written.
fn finish(result: io::Result<()>, status: u8) -> u8 {
    match result {
        Ok(()) => status,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => BROKEN_PIPE,
        Err(_) => USAGE,
    }
}

/// Replaces the file whole or not at all. A new file can be read by its owner only, and a
/// symbolic link in its place is replaced rather than followed. What is no file (/dev/stdout,
/// /dev/null, a named pipe) is written to: root could replace those too.
fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let is_stream = ["/dev", "/proc"].iter().any(|directory| path.starts_with(directory));
    if is_stream || path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return std::fs::OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes());
    }
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
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
    fn a_report_does_not_replace_a_device() {
        use std::os::unix::fs::FileTypeExt as _;
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("null");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        write_file(&link, "text").unwrap();
        assert!(link.metadata().unwrap().file_type().is_char_device());
    }
}
