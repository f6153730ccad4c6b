//! `doctor triage --ndjson`: many logs, one per line.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::cli::args::FailOn;
use crate::cli::commands::Triage;
use crate::command::exit::{complain, delivery_status};
use crate::command::output::Failure;
use crate::console::streams::{Streams, write};
use crate::gather::environment::Environment;
use crate::gather::files::problem::file_problem;
use crate::gather::log::{Source, read};
use crate::gather::ndjson;
use crate::judge;
use crate::report::triage;
use crate::text;
use crate::text::secret::argument;

/// Longer lines are cut off here, in bytes.
const LONGEST_LINE: usize = 8 << 20;

/// A line of the output.
#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    /// The `id` in the input line.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    /// Why the line is no valid item. Its text is examined anyway.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
    #[serde(flatten)]
    triage: &'a triage::Triage,
}

/// Returns 0 if every line was answered, 2 if the lines cannot be read. With `--fail-on`, returns 1
/// if a log has a failure or a line is invalid.
pub(super) fn run(arguments: &Triage, environment: &Environment, mut streams: Streams) -> u8 {
    let stdin = std::mem::replace(&mut streams.stdin, Box::new(std::io::empty()));
    let source: Box<dyn Read + Send> = match &arguments.files[..] {
        [] => stdin,
        [file] if file == Path::new("-") => stdin,
        [file] => match File::open(file) {
            Ok(file) => Box::new(file),
            Err(error) => {
                let message = format!("triage {}: {}", argument(file), file_problem(&error));
                return complain(streams.stderr, &message);
            }
        },
        _ => return complain(streams.stderr, "triage: --ndjson takes one file, or -"),
    };
    let shell = arguments.shell.chosen().unwrap_or_else(|| environment.shell());
    let worker = || {
        move |line, item: &[u8]| {
            let Item { id, log, problem } = parse_item(item);
            let (log, _) = read(&[Source::Stdin], Box::new(Cursor::new(log)));
            let mut triage = judge::triage(&log);
            triage
                .findings
                .iter_mut()
                .for_each(|found| found.finding.remediation.select_shell(shell));
            let outcome = match (problem, triage.root_cause) {
                (Some(_), _) => LineResult::BadLine,
                (None, Some(_)) => LineResult::Failure,
                (None, None) => LineResult::NoFailure,
            };
            (text::json_line(&Line { line, id, problem, triage: &triage }), outcome)
        }
    };
    let (mut failures, mut bad, mut all) = (0_u64, 0_u64, 0_u64);
    let answered = ndjson::process_lines(source, LONGEST_LINE, worker, |answers| {
        let (lines, outcomes): (Vec<String>, Vec<LineResult>) = answers.answers.into_iter().unzip();
        let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count() as u64;
        failures += count(LineResult::Failure);
        bad += count(LineResult::BadLine);
        all += outcomes.len() as u64;
        write(streams.stdout, &lines.concat())
    });
    let is_unhealthy = failures + bad > 0;
    let fails = |on: FailOn| matches!(on, FailOn::Unhealthy | FailOn::Inconclusive) && is_unhealthy;
    match answered {
        Ok(()) => {
            if !arguments.quiet {
                let without = all - failures - bad;
                let bad = if bad > 0 { format!(", {bad} bad") } else { String::new() };
                let summary = format!("{failures} with a failure, {without} without{bad}\n");
                // Ignore errors: the answers are complete without it.
                let _ = write(streams.stderr, &summary);
            }
            u8::from(arguments.many.fail_on.is_some_and(fails))
        }
        Err(ndjson::Error::Source(error)) => {
            complain(streams.stderr, &format!("triage: {}", file_problem(&error)))
        }
        Err(ndjson::Error::Sink(error)) => {
            delivery_status(Err(Failure::Stdout(error)), 0, streams.stderr)
        }
    }
}

/// The result of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineResult {
    Failure,
    NoFailure,
    BadLine,
}

/// A parsed line.
struct Item {
    id: Option<Value>,
    log: Vec<u8>,
    problem: Option<&'static str>,
}

/// Parses a line: a JSON string, a JSON object with a `log`, or a log of one line.
fn parse_item(line: &[u8]) -> Item {
    let bad = |id, problem| Item { id, log: line.to_vec(), problem: Some(problem) };
    if !matches!(line.first(), Some(b'"' | b'{')) {
        return Item { id: None, log: line.to_vec(), problem: None };
    }
    match serde_json::from_slice(line) {
        Ok(Value::String(log)) => Item { id: None, log: log.into_bytes(), problem: None },
        Ok(Value::Object(mut item)) => {
            let id = ndjson::item_id(&item);
            match item.remove("log") {
                Some(Value::String(log)) => Item { id, log: log.into_bytes(), problem: None },
                _ => bad(id, "the object has no log that is a string"),
            }
        }
        _ => bad(None, "the line begins like JSON, but is not valid JSON"),
    }
}
