//! `doctor triage --ndjson`: many logs, one a line.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::cli::args::FailOn;
use crate::cli::commands::Triage;
use crate::command::exit::{complain, delivered};
use crate::command::output::Failure;
use crate::console::streams::{Streams, write};
use crate::gather::environment::Environment;
use crate::gather::files::problem::problem;
use crate::gather::log::{Source, read};
use crate::gather::ndjson;
use crate::judge;
use crate::report::triage;
use crate::text;
use crate::text::secret::argument;

/// What is read of a longer line is its beginning, in bytes.
const LONGEST_LINE: usize = 8 << 20;

/// A line of the answer.
#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    /// What the line itself says that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    #[serde(flatten)]
    triage: &'a triage::Triage,
}

/// Runs it: 0 if every line was answered, with `--fail-on` 1 if one of the logs has a failure; 2 if
/// the lines cannot be read.
pub(super) fn run(arguments: &Triage, environment: &Environment, mut streams: Streams) -> u8 {
    let stdin = std::mem::replace(&mut streams.stdin, Box::new(std::io::empty()));
    let source: Box<dyn Read + Send> = match &arguments.files[..] {
        [] => stdin,
        [file] if file == Path::new("-") => stdin,
        [file] => match File::open(file) {
            Ok(file) => Box::new(file),
            Err(error) => {
                let told = format!("triage {}: {}", argument(file), problem(&error));
                return complain(streams.stderr, &told);
            }
        },
        _ => return complain(streams.stderr, "triage: --ndjson takes one file, or -"),
    };
    let shell = arguments.shell.chosen().unwrap_or_else(|| environment.shell());
    let worker = || {
        move |line, item: &[u8]| {
            let (id, log) = item_of(item);
            let (log, _) = read(&[Source::Stdin], Box::new(Cursor::new(log)));
            let mut triage = judge::triage(&log);
            triage.findings.iter_mut().for_each(|found| found.finding.remediation.write_for(shell));
            (text::json_line(&Line { line, id, triage: &triage }), triage.root_cause.is_some())
        }
    };
    let (mut failures, mut all) = (0_u64, 0_u64);
    let answered = ndjson::answer(source, LONGEST_LINE, worker, |answers| {
        let (lines, failed): (Vec<String>, Vec<bool>) = answers.answers.into_iter().unzip();
        failures += failed.iter().filter(|failed| **failed).count() as u64;
        all += failed.len() as u64;
        write(streams.stdout, &lines.concat())
    });
    let fails = |on: FailOn| matches!(on, FailOn::Unhealthy | FailOn::Inconclusive) && failures > 0;
    match answered {
        Ok(()) => {
            if !arguments.quiet {
                let summary = format!("{failures} with a failure, {} without\n", all - failures);
                // The answers are as good without it.
                let _ = write(streams.stderr, &summary);
            }
            u8::from(arguments.many.fail_on.is_some_and(fails))
        }
        Err(ndjson::Error::Source(error)) => {
            complain(streams.stderr, &format!("triage: {}", problem(&error)))
        }
        Err(ndjson::Error::Sink(error)) => {
            delivered(Err(Failure::Stdout(error)), 0, streams.stderr)
        }
    }
}

/// The `id` of an item, and its log: a JSON string, the `log` of a JSON object, or the line itself.
fn item_of(line: &[u8]) -> (Option<Value>, Vec<u8>) {
    let parsed = match line.first() {
        Some(b'"' | b'{') => serde_json::from_slice(line).ok(),
        _ => None,
    };
    match parsed {
        Some(Value::String(log)) => (None, log.into_bytes()),
        Some(Value::Object(mut item)) => {
            let id = ndjson::id(&item);
            match item.remove("log") {
                Some(Value::String(log)) => (id, log.into_bytes()),
                _ => (id, line.to_vec()),
            }
        }
        _ => (None, line.to_vec()),
    }
}
