//! The commands, one file each, and the dispatch to them. A command's `run` returns the exit
//! status.

pub(crate) mod completions;
mod decode;
#[cfg(feature = "demo")]
mod demo;
mod diagnose;
pub mod exit;
mod explain;
#[cfg(feature = "generate")]
mod generate;
pub(crate) mod man;
mod ndjson;
mod output;
mod policy;
mod replay;
mod step;
mod triage;
mod triage_many;

use std::ffi::OsString;
use std::path::Path;

use clap::error::ErrorKind;

use self::diagnose::diagnose_here;
use self::exit::{INTERNAL_ERROR, USAGE, complain, print};
use crate::cli::login::{Login, LoginError};
use crate::cli::stray_word;
use crate::cli::{self, Cli, Command};
use crate::console::descriptors;
use crate::console::streams::{Streams, write};
use crate::gather::environment::Environment;
use crate::gather::token::TokenLocation;
use crate::pulumi::login_flags;

/// Runs the program and returns its exit status.
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
        Err(error) => return print_clap_error(error, &arguments, streams),
    };
    let prints_only = matches!(
        cli.command,
        Some(Command::Step(_) | Command::Completions { .. } | Command::Man | Command::Explain(_))
    );
    if !prints_only && !descriptors::suffice() {
        return complain(streams.stderr, "too many open files");
    }
    let Some(command) = cli.command else {
        let (plan, output, bundle) = cli.diagnosis.into_plan();
        if let TokenLocation::Argument(argument) = &plan.token
            && let Some(problem) = stray_word::explain(argument, Path::new(argument).is_file())
        {
            return complain(streams.stderr, &problem);
        }
        return diagnose_here(plan, environment, &output, &bundle, streams);
    };
    match command {
        Command::Login => login(&[], &arguments, environment, streams),
        Command::Step(arguments) => match step::step(&arguments, &environment) {
            Ok(text) => print(&mut streams, &text, 0),
            Err(problem) => complain(streams.stderr, &format!("step: {problem}")),
        },
        Command::Completions { shell } => print(&mut streams, &completions::script(shell), 0),
        Command::Man => print(&mut streams, &man::page(), 0),
        Command::Triage(arguments) if arguments.many.ndjson => {
            triage_many::run(&arguments, &environment, streams)
        }
        Command::Triage(arguments) => triage::run(&arguments, &environment, streams),
        Command::Explain(arguments) => explain::run(&arguments, &environment, streams),
        #[cfg(feature = "generate")]
        Command::Generate { document } => print(&mut streams, &generate::document(document), 0),
        Command::Decode(arguments) => decode::run(arguments, environment, streams),
        Command::Replay(arguments) => replay::run(arguments, &environment, streams),
        Command::Policy { command } => policy::run(command, environment, streams),
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => demo::run(&arguments, &environment, streams),
        #[cfg(not(feature = "demo"))]
        Command::Demo { .. } => {
            complain(streams.stderr, "demo: this build was made without it (--no-default-features)")
        }
    }
}

/// Runs `doctor login` with the arguments after that word.
fn login(
    words: &[String],
    arguments: &[OsString],
    environment: Environment,
    mut streams: Streams,
) -> u8 {
    match cli::login::parse(words, &environment) {
        Ok(Login::Help(text)) => print(&mut streams, &text, 0),
        Ok(Login::Run(_)) if !descriptors::suffice() => {
            complain(streams.stderr, "too many open files")
        }
        Ok(Login::Run(run)) => diagnose_here(run.0, environment, &run.1, &run.2, streams),
        Err(LoginError::Clap(error)) => print_clap_error(error, arguments, streams),
        Err(error) => complain(streams.stderr, &format!("{error}; see `doctor login --help`")),
    }
}

/// Prints clap's help or error.
fn print_clap_error(error: clap::Error, arguments: &[OsString], mut streams: Streams) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return print(&mut streams, &error.render().to_string(), 0);
    }
    let _ = write(streams.stderr, &cli::usage::message(error, arguments));
    USAGE
}
