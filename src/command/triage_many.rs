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
    /// Why the line is no item. Its text is read all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
    #[serde(flatten)]
    triage: &'a triage::Triage,
}

/// Runs it: 0 if every line was answered, with `--fail-on` 1 if a log has a failure or a line is bad; 2
/// if the lines cannot be read.
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
            let Item { id, log, problem } = item_of(item);
            let (log, _) = read(&[Source::Stdin], Box::new(Cursor::new(log)));
            let mut triage = judge::triage(&log);
            triage
                .findings
                .iter_mut()
                .for_each(|found| found.finding.remediation.select_shell(shell));
            let outcome = match (problem, triage.root_cause) {
                (Some(_), _) => Answered::BadLine,
                (None, Some(_)) => Answered::Failure,
                (None, None) => Answered::NoFailure,
            };
            (text::json_line(&Line { line, id, problem, triage: &triage }), outcome)
        }
    };
    let (mut failures, mut bad, mut all) = (0_u64, 0_u64, 0_u64);
    let answered = ndjson::answer(source, LONGEST_LINE, worker, |answers| {
        let (lines, outcomes): (Vec<String>, Vec<Answered>) = answers.answers.into_iter().unzip();
        let count = |wanted| outcomes.iter().filter(|one| **one == wanted).count() as u64;
        failures += count(Answered::Failure);
        bad += count(Answered::BadLine);
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

/// What became of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answered {
    Failure,
    NoFailure,
    BadLine,
}

/// A line, taken apart.
struct Item {
    id: Option<Value>,
    log: Vec<u8>,
    problem: Option<&'static str>,
}

/// A JSON string, a JSON object with a `log`, or a log of one line.
fn item_of(line: &[u8]) -> Item {
    let bad = |id, problem| Item { id, log: line.to_vec(), problem: Some(problem) };
    if !matches!(line.first(), Some(b'"' | b'{')) {
        return Item { id: None, log: line.to_vec(), problem: None };
    }
    match serde_json::from_slice(line) {
        Ok(Value::String(log)) => Item { id: None, log: log.into_bytes(), problem: None },
        Ok(Value::Object(mut item)) => {
            let id = ndjson::id(&item);
            match item.remove("log") {
                Some(Value::String(log)) => Item { id, log: log.into_bytes(), problem: None },
                _ => bad(id, "the object has no log that is a string"),
            }
        }
        _ => bad(None, "the line begins like JSON, but is not valid JSON"),
    }
}
