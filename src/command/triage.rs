//! `doctor triage`: which known messages logs hold.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::{ColorArg, PageFormat};
use crate::command::output;
use crate::command::run::{Streams, USAGE, complain, print};
use crate::gather::environment::Environment;
use crate::gather::log::{Source, read};
use crate::judge;
use crate::render;
use crate::render::{Style, Verbosity};

/// Find the known failures in logs, or in an error that was pasted
///
/// Exit status: 0 nothing known was found, 1 something was, 2 a log cannot be read.
#[derive(Debug, Args)]
pub struct Triage {
    /// Logs: plain, gzip, zip archives, folders of them; - or nothing for standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The format
    #[arg(long, value_enum, default_value_t)]
    format: PageFormat,
    /// When to use colour
    #[arg(long, value_enum, default_value_t)]
    color: ColorArg,
    /// Only the most likely root cause
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// All that is to be done for every finding, not only for the first
    #[arg(short, long)]
    verbose: bool,
}

/// Runs it: 0 nothing known found, 1 something found, 2 unreadable.
pub(crate) fn run(arguments: &Triage, environment: &Environment, mut streams: Streams) -> u8 {
    let sources: Vec<Source> = match arguments.files[..] {
        [] => vec![Source::Stdin],
        ref files => files
            .iter()
            .map(|file| if file == Path::new("-") { Source::Stdin } else { Source::Path(file) })
            .collect(),
    };
    let stdin = std::mem::replace(&mut streams.stdin, Box::new(std::io::empty()));
    let (log, unreadable) = read(&sources, stdin);
    for problem in &unreadable {
        complain(streams.stderr, &format!("triage: {problem}"));
    }
    // With nothing to judge, "nothing known was found" would be no more than a guess.
    if log.files.iter().all(|file| file.lines == 0) && !unreadable.is_empty() {
        return USAGE;
    }
    let triage = judge::triage(&log);
    let verbosity = match (arguments.quiet, arguments.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let style = output::style(arguments.color, environment, streams.stdout_is_terminal);
    let text = render::triage(&triage, arguments.format, &Style { verbosity, ..style });
    let status = match unreadable.is_empty() {
        true => u8::from(!triage.findings.is_empty()),
        false => USAGE,
    };
    print(&mut streams, &text, status)
}
