//! The diagnosis: gather, judge, render.

use std::io;
use std::path::PathBuf;

use super::exit::{complain, delivery_status};
use super::output::Output;
use crate::bundle::Bundle;
use crate::cli::args::{BundleArgs, OutputArgs};
use crate::console::streams::Streams;
use crate::gather::environment::Environment;
use crate::gather::{self, Plan, ProcessContext};
use crate::limits;

/// Runs the diagnosis in the working directory.
pub(super) fn diagnose_here(
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

/// Runs the diagnosis: gather, judge, render.
pub(super) fn diagnose(
    plan: Plan,
    environment: Environment,
    directory: PathBuf,
    output: &Output,
    mut streams: Streams,
) -> u8 {
    if let Some(problem) = output.conflict() {
        return complain(streams.stderr, &problem);
    }
    let process = ProcessContext {
        environment,
        directory,
        stdin: streams.take_token_input(limits::TOKEN + 1),
        terminal: streams.terminal,
        progress: output.progress,
    };
    match gather::gather(plan, process) {
        Ok(evidence) => {
            let bundle =
                Bundle { doctor_version: String::new(), redacted: false, recorded: None, evidence };
            conclude(bundle, output, streams)
        }
        Err(error) => complain(streams.stderr, &error.to_string()),
    }
}

/// Judges evidence, prints the report, and writes the requested bundle and reports. Returns the
/// status of the diagnosis, unless one of them cannot be written.
pub(crate) fn conclude(mut bundle: Bundle, output: &Output, streams: Streams) -> u8 {
    output.choose_shell(&mut bundle.evidence);
    let report = bundle.judge(output.strict);
    let status = report.verdict.exit_status();
    // Write the bundle first: the reader of the report may close the pipe.
    let bundled = output.write_bundle(&bundle);
    let mut note = |problem: &str| {
        complain(streams.stderr, problem);
    };
    let result = output.deliver(&bundle, &report, streams.stdout, &mut note);
    let reported = output.write_reports(&bundle, &report);
    let status = delivery_status(result, status, streams.stderr);
    let problems = bundled.err().into_iter().chain(reported.err().unwrap_or_default());
    problems.fold(status, |_, problem| complain(streams.stderr, &problem))
}

/// The working directory.
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
