//! `doctor triage`: finds known messages in logs.

use std::path::Path;

use crate::cli::commands::Triage;
use crate::command::exit::{USAGE, complain, print};
use crate::command::output;
use crate::console::streams::Streams;
use crate::gather::environment::Environment;
use crate::gather::log::{Source, read};
use crate::judge;
use crate::render::{Format, Style, TRIAGE, Verbosity};

/// Returns 0 if nothing known was found, 1 if something was, 2 if a log cannot be read.
pub(crate) fn run(arguments: &Triage, environment: &Environment, mut streams: Streams) -> u8 {
    if arguments.files.is_empty() && streams.terminal {
        let usage = "triage: name the logs, as in `doctor triage job.log`, or pipe one in: \
                     `doctor triage < job.log`. For a pasted error run `doctor triage -`, paste it, \
                     and end with Ctrl-D (on Windows Ctrl-Z and Enter)";
        return complain(streams.stderr, usage);
    }
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
    // If nothing could be read, "no known failure" would be misleading.
    if log.files.iter().all(|file| file.lines == 0) && !unreadable.is_empty() {
        return USAGE;
    }
    let mut triage = judge::triage(&log);
    let shell = arguments.shell.chosen().unwrap_or_else(|| environment.shell());
    triage.findings.iter_mut().for_each(|found| found.finding.remediation.select_shell(shell));
    let verbosity = match (arguments.quiet, arguments.details) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let format = arguments.format.0.unwrap_or(Format::Human);
    let style = output::style(arguments.color, environment, streams.stdout_is);
    let text = TRIAGE.render(&triage, format, &Style { verbosity, ..style });
    let status = match unreadable.is_empty() {
        true => u8::from(triage.root_cause.is_some()),
        false => USAGE,
    };
    print(&mut streams, &text, status)
}
