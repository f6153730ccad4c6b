//! One run of the program: parse, gather, judge, render, exit status.

use std::ffi::OsString;
use std::io::{self, Read, Write};
#[cfg(feature = "demo")]
use std::path::Path;
use std::path::PathBuf;

#[cfg(feature = "demo")]
use clap::Parser;
use clap::error::ErrorKind;

use crate::bundle::Bundle;
use crate::cli;
use crate::cli::{BundleArgs, Cli, OutputArgs};
use crate::command::output::{Failure, Output, Terminals};
use crate::command::step::step;
use crate::console::{descriptors, signals};
use crate::gather;
use crate::gather::environment::Environment;
use crate::gather::{Plan, Surroundings};
use crate::pulumi::login_flags;
use crate::pulumi::login_flags::{Login, LoginError};
#[cfg(feature = "demo")]
use crate::text::secret::argument;
use crate::text::secret::looks_random;
use crate::{command, judge, text};

/// Bad usage, or an input file that cannot be used.
pub const USAGE: u8 = 2;
/// A defect of the program, or too few file descriptors for it.
pub const INTERNAL_ERROR: u8 = 70;
/// The reader of standard output went away: 128 and the number of SIGPIPE.
const BROKEN_PIPE: u8 = 141;

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
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
}

impl Streams<'_> {
    /// Which of them are terminals.
    pub(crate) fn terminals(&self) -> Terminals {
        Terminals { stdout: self.stdout_is_terminal, stderr: self.stderr_is_terminal }
    }
}

/// Runs the program; its exit status.
pub fn run(arguments: Vec<OsString>, environment: Environment, streams: Streams) -> u8 {
    let status = dispatch(arguments, environment, streams);
    if descriptors::ran_out() { INTERNAL_ERROR } else { status }
}

fn dispatch(arguments: Vec<OsString>, environment: Environment, mut streams: Streams) -> u8 {
    if let Some(words) = login_flags::arguments(&arguments) {
        return login(&words, &arguments, environment, streams);
    }
    let cli = match Cli::read(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(error, &arguments, streams),
    };
    let prints_only = matches!(
        cli.command,
        Some(
            cli::Command::Step { .. }
                | cli::Command::Completions { .. }
                | cli::Command::Man
                | cli::Command::Explain(_)
        )
    );
    if !prints_only && !descriptors::suffice() {
        return complain(streams.stderr, "too many open files");
    }
    match cli.command {
        Some(cli::Command::Login) => login(&[], &arguments, environment, streams),
        None => {
            let (plan, output, bundle) = cli.diagnosis.plan();
            diagnose_here(plan, environment, &output, &bundle, streams)
        }
        Some(cli::Command::Step { platform, oidc_org }) => {
            let name = oidc_org.unwrap_or_default();
            // A step is pasted into a repository.
            if environment.scrubber(&[], &[]).scrub(&name) != name {
                let problem = "step: --oidc-org holds a secret; it is the organization's name";
                return complain(streams.stderr, problem);
            }
            print(&mut streams, &step(platform, Some(&name)), 0)
        }
        Some(cli::Command::Completions { shell }) => {
            print(&mut streams, &command::completions::text(shell), 0)
        }
        Some(cli::Command::Man) => print(&mut streams, &command::man::text(), 0),
        Some(cli::Command::Triage(arguments)) => {
            command::triage::run(&arguments, &environment, streams)
        }
        Some(cli::Command::Explain(arguments)) => {
            command::explain::run(&arguments, &environment, streams)
        }
        #[cfg(feature = "generate")]
        Some(cli::Command::Generate { document }) => {
            print(&mut streams, &command::generate::text(document), 0)
        }
        Some(cli::Command::Decode(arguments)) => {
            command::decode::run(arguments, environment, streams)
        }
        Some(cli::Command::Replay(arguments)) => {
            command::replay::run(arguments, &environment, streams)
        }
        Some(cli::Command::Policy { command }) => {
            command::policy::run(command, environment, streams)
        }
        #[cfg(feature = "demo")]
        Some(cli::Command::Demo(arguments)) if arguments.list => {
            print(&mut streams, &crate::demo::list(), 0)
        }
        #[cfg(feature = "demo")]
        Some(cli::Command::Demo(cli::DemoArgs { scenario, output, bundle, .. })) => {
            let place =
                Output::new(&output, &environment, streams.terminals()).with_bundle(&bundle);
            demo(scenario.as_deref(), &place, streams)
        }
        #[cfg(not(feature = "demo"))]
        Some(cli::Command::Demo { .. }) => complain(
            streams.stderr,
            "demo: this build leaves it out, as those for pipelines do; `cargo run -- demo` in the \
             sources has it",
        ),
    }
}

/// `doctor login`, with the arguments behind that word.
fn login(
    words: &[String],
    arguments: &[OsString],
    environment: Environment,
    mut streams: Streams,
) -> u8 {
    match login_flags::parse(words, &environment) {
        Ok(Login::Help(text)) => print(&mut streams, &text, 0),
        Ok(Login::Run(_)) if !descriptors::suffice() => {
            complain(streams.stderr, "too many open files")
        }
        Ok(Login::Run(run)) => diagnose_here(run.0, environment, &run.1, &run.2, streams),
        Err(LoginError::Clap(error)) => usage(error, arguments, streams),
        Err(error) => complain(streams.stderr, &format!("{error}; see `doctor login --help`")),
    }
}

/// The diagnosis where this process runs.
fn diagnose_here(
    plan: Plan,
    environment: Environment,
    output: &OutputArgs,
    bundle: &BundleArgs,
    streams: Streams,
) -> u8 {
    let output = Output::new(output, &environment, streams.terminals()).with_bundle(bundle);
    match working_directory() {
        Ok(directory) => diagnose(plan, environment, directory, &output, streams),
        Err(problem) => complain(streams.stderr, &problem),
    }
}

/// The diagnosis: gather, judge, render.
fn diagnose(
    plan: Plan,
    environment: Environment,
    directory: PathBuf,
    output: &Output,
    mut streams: Streams,
) -> u8 {
    if let Some(problem) = output.conflict() {
        return complain(streams.stderr, &problem);
    }
    let around = Surroundings {
        environment,
        directory,
        stdin: std::mem::replace(&mut streams.stdin, Box::new(io::empty())),
        terminal: streams.terminal,
        progress: output.progress,
    };
    match gather::gather(plan, around) {
        Ok(evidence) => conclude(&Bundle { redacted: false, evidence }, output, streams),
        Err(error) => complain(streams.stderr, &error.to_string()),
    }
}

/// Judges evidence, prints the report and writes a bundle, where one is asked for; the status is
/// the diagnosis' unless one of them cannot be written.
pub(crate) fn conclude(bundle: &Bundle, output: &Output, streams: Streams) -> u8 {
    let report = judge::judge(&bundle.evidence, output.strict);
    let status = report.verdict.exit_status();
    // Whoever reads the report may stop reading.
    let bundled = output.keep_bundle(bundle);
    let mut note = |problem: &str| {
        complain(streams.stderr, problem);
    };
    let result = output.deliver(&report, streams.stdout, &mut note);
    let status = delivered(result, status, streams.stderr);
    match bundled {
        Ok(()) => status,
        Err(problem) => complain(streams.stderr, &problem),
    }
}

#[cfg(feature = "demo")]
fn demo(scenario: Option<&str>, output: &Output, streams: Streams) -> u8 {
    let name = scenario.unwrap_or(crate::demo::DEFAULT);
    let Some(scenario) = crate::demo::find(name) else {
        let name = argument(Path::new(name));
        let meant = crate::demo::nearest(&name)
            .map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
        return complain(
            streams.stderr,
            &format!("demo {name}: no such scenario{meant} (`doctor demo --list` has them all)"),
        );
    };
    let title = scenario.title;
    // The servers have threads of their own.
    signals::watch();
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
    diagnose(cli.diagnosis.plan().0, environment, directory, output, streams)
}

/// A longer argument may be a secret: usage errors do not repeat it.
const LONGEST_WORD: usize = 16;

/// clap's message, which quotes arguments: one of them may be a token in the wrong place.
pub(crate) fn usage(error: clap::Error, arguments: &[OsString], mut streams: Streams) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return print(&mut streams, &error.render().to_string(), 0);
    }
    // The same error once more, of arguments without line breaks: one in an argument must not
    // become one of the message.
    let arguments: Vec<String> =
        arguments.iter().map(|argument| text::inert(&argument.to_string_lossy())).collect();
    let error = complaint(&arguments).unwrap_or(error);
    let scrubber = Environment::of_process().scrubber(&[], &[]);
    for argument in arguments.iter().skip(1) {
        let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
        for part in [argument, value] {
            if part.chars().count() >= LONGEST_WORD && !part.starts_with("--") {
                scrubber.add(part);
            }
        }
        // A flag is not drawn: the secret stands where its name belongs.
        let name = name.trim_start_matches('-');
        if looks_random(name) {
            scrubber.add(name);
        }
    }
    let mut message = error.render().to_string();
    // The first word was taken for a token, and the next for a command.
    if error.kind() == ErrorKind::ArgumentConflict
        && let Some(meant) = arguments.iter().skip(1).find_map(|word| command_meant(word))
    {
        message += &format!("\n  tip: did you mean `doctor {meant}`?\n");
    }
    let message = scrubber.scrub(&text::urls_in(&message));
    let lines = message.lines().map(|line| text::guard(&text::inert(line)) + "\n");
    let _ = write(streams.stderr, &lines.collect::<String>());
    USAGE
}

/// The command that a misspelt word is probably meant for.
fn command_meant(word: &str) -> Option<String> {
    // No command is half as long; comparing a token would be slow.
    const LONGEST: usize = 24;
    let commands = cli::bare_command();
    let names = commands.get_subcommands().filter(|c| !c.is_hide_set()).map(|c| c.get_name());
    names
        .filter(|name| word.len() <= LONGEST && *name != word)
        .map(|name| (strsim::normalized_damerau_levenshtein(name, word), name))
        .filter(|(likeness, _)| *likeness > 0.6)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name.to_owned())
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

/// One line on standard error; status 2, whether it can be read or not. Where there were too few
/// file descriptors, the line says so instead: whatever failed failed because of that.
pub(crate) fn complain(stderr: &mut dyn Write, message: &str) -> u8 {
    if descriptors::ran_out() {
        if let Some(message) = descriptors::message_once() {
            let _ = write(stderr, &format!("doctor: {message}\n"));
        }
        return INTERNAL_ERROR;
    }
    // Not only what looks like a secret: a value of a variable may stand where a file belongs.
    let scrubber = Environment::of_process().scrubber(&[], &[]);
    let message = text::guard(&text::inert(&scrubber.scrub(&text::urls_in(message))));
    let _ = write(stderr, &format!("doctor: {message}\n"));
    USAGE
}

/// Where the program runs.
///
/// # Errors
/// A sentence for standard error.
pub(crate) fn working_directory() -> Result<PathBuf, String> {
    std::env::current_dir().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            "working directory: it is gone; change to one that exists".to_owned()
        }
        kind => format!("working directory: {kind}; change to another one"),
    })
}

/// Prints a text on standard output; the status, unless that cannot be.
pub(crate) fn print(streams: &mut Streams, text: &str, status: u8) -> u8 {
    let result = write(streams.stdout, text).map_err(Failure::Stdout);
    delivered(result, status, streams.stderr)
}

pub(crate) fn write(stream: &mut dyn Write, text: &str) -> io::Result<()> {
    signals::pass();
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// The status, or that of a report which could not be delivered.
pub(crate) fn delivered(result: Result<(), Failure>, status: u8, stderr: &mut dyn Write) -> u8 {
    match result {
        Ok(()) => status,
        Err(Failure::Stdout(error)) if error.kind() == io::ErrorKind::BrokenPipe => BROKEN_PIPE,
        Err(Failure::Stdout(error)) => {
            let reason = error.kind();
            complain(stderr, &format!("standard output: {reason}; send it elsewhere"))
        }
        Err(Failure::File(problem)) => complain(stderr, &problem),
    }
}
