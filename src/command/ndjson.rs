//! `--ndjson`: many tokens, one per line, each answered with one line of JSON.
//!
//! The shared evidence is gathered once. Then each line is judged like a single token.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::cli::args::FailOn;
use crate::cli::values::FormatChoice;
use crate::command::diagnose::working_directory;
use crate::command::exit::{complain, delivery_status};
use crate::command::output::{Failure, Output};
use crate::console::progress::Bar;
use crate::console::streams::{Stdout, Streams, write};
use crate::evidence::{Evidence, Source};
use crate::gather::environment::Environment;
use crate::gather::files::problem::file_problem;
use crate::gather::many::SharedEvidence;
use crate::gather::ndjson;
use crate::gather::token;
use crate::gather::token::TokenLocation;
use crate::gather::{Plan, ProcessContext};
use crate::render::Format;
use crate::report::Report;
use crate::{limits, text};

/// The longest line, in bytes: twice a token, to allow for any quoting.
const LONGEST_LINE: usize = 2 * limits::TOKEN;

/// How to judge each token.
pub(super) struct Job {
    /// What to gather, without the tokens.
    pub(super) plan: Plan,
    /// Whether bare claims count as a token.
    pub(super) bare_claims: bool,
    /// Finds a reason why no token can be judged, with its exit status.
    pub(super) obstacle: fn(&Evidence) -> Option<(String, u8)>,
    /// Judges a token. The flag is `--strict`.
    pub(super) judge: fn(&Evidence, bool) -> Report,
    /// The status of a token.
    pub(super) status: fn(&Evidence, &Report) -> u8,
    /// All statuses of tokens with their meanings, the most severe first.
    pub(super) meanings: &'static [(u8, &'static str)],
    /// `--fail-on`.
    pub(super) fail_on: Option<FailOn>,
}

/// A line of the output.
#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    /// The `id` in the input line.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    #[serde(flatten)]
    report: &'a Report,
}

/// Why not all tokens were answered.
enum Problem {
    /// The input cannot be used, as a sentence.
    Input(String),
    /// No token can be judged: a sentence, and the exit status.
    Obstacle(String, u8),
    /// The answers cannot be delivered.
    Output(Failure),
}

/// The `id` of a line that is a JSON object.
fn line_id(line: &[u8]) -> Option<Value> {
    let is_object = line.first() == Some(&b'{');
    let item = is_object.then(|| serde_json::from_slice(line).ok()).flatten()?;
    ndjson::item_id(&item)
}

/// Returns 0 if every line was answered, unless `--fail-on` applies, and 2 if the lines cannot be
/// read.
pub(super) fn run(
    job: Job,
    token: &str,
    environment: Environment,
    format: FormatChoice,
    output: &Output,
    mut streams: Streams,
) -> u8 {
    if !matches!(format.0, None | Some(Format::Json)) {
        return complain(streams.stderr, "--ndjson: its answers are JSON; leave --format out");
    }
    let (meanings, fail_on) = (job.meanings, job.fail_on);
    let counts = match answer_lines(job, token, environment, output, &mut streams) {
        Ok(counts) => counts,
        Err(Problem::Input(problem)) => return complain(streams.stderr, &problem),
        Err(Problem::Obstacle(problem, status)) => {
            complain(streams.stderr, &problem);
            return status;
        }
        Err(Problem::Output(failure)) => return delivery_status(Err(failure), 0, streams.stderr),
    };
    let seen = meanings.iter().zip(counts).filter(|(_, count)| *count > 0);
    let (statuses, words): (Vec<u8>, Vec<String>) =
        seen.map(|((status, meaning), count)| (*status, format!("{count} {meaning}"))).unzip();
    if statuses.is_empty() {
        return complain(streams.stderr, &format!("{}: it contains no token", source_name(token)));
    }
    output.summarize(streams.stderr, &words.join(", "));
    let failing: &[u8] = match fail_on {
        None => &[],
        Some(FailOn::Unhealthy) => &[1],
        Some(FailOn::Inconclusive) => &[1, 3],
    };
    failing.iter().copied().find(|status| statuses.contains(status)).unwrap_or(0)
}

/// Answers every line, and counts how many tokens have each of the job's statuses.
fn answer_lines(
    job: Job,
    token: &str,
    environment: Environment,
    output: &Output,
    streams: &mut Streams,
) -> Result<Vec<u64>, Problem> {
    let Job { plan, bare_claims, obstacle, judge, status, meanings, .. } = job;
    let directory = working_directory().map_err(Problem::Input)?;
    let stdin = std::mem::replace(&mut streams.stdin, Box::new(std::io::empty()));
    let (tokens, source, size) = open_tokens(token, &directory, stdin).map_err(Problem::Input)?;
    let plan = Plan { token: TokenLocation::Lines(source), ..plan };
    let process = ProcessContext {
        environment,
        directory,
        stdin: Box::new(std::io::empty()),
        terminal: false,
        progress: false,
    };
    let shared = SharedEvidence::gather(plan, process, bare_claims)
        .map_err(|error| Problem::Input(error.to_string()))?;
    if let Some((problem, status)) = obstacle(shared.evidence()) {
        return Err(Problem::Obstacle(problem, status));
    }
    let worker = || {
        let mut evidence = shared.evidence().clone();
        output.choose_shell(&mut evidence);
        let shared = &shared;
        move |line, token: &[u8]| {
            shared.replace_token(&mut evidence, token);
            let report = judge(&evidence, output.strict);
            let text = text::json_line(&Line { line, id: line_id(token), report: &report });
            (text, status(&evidence, &report))
        }
    };
    // On one terminal, answers and the bar would mix.
    let mut bar =
        (output.progress && streams.stdout_is != Stdout::Terminal).then(|| Bar::start(size));
    let mut counts = vec![0; meanings.len()];
    let (mut bytes, mut number) = (0, 0);
    ndjson::process_lines(tokens, LONGEST_LINE, worker, |answered| {
        let mut text = String::new();
        for (line, status) in answered.answers {
            text.push_str(&line);
            number += 1;
            let index = meanings.iter().position(|(known, _)| *known == status);
            if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
                *count += 1;
            }
        }
        bytes += answered.bytes;
        if let Some(bar) = &mut bar {
            bar.set(bytes, number);
        }
        write(streams.stdout, &text)
    })
    .map_err(|error| match error {
        ndjson::Error::Source(error) => Problem::Input(unreadable(token, &error)),
        ndjson::Error::Sink(error) => Problem::Output(Failure::Stdout(error)),
    })?;
    Ok(counts)
}

/// The tokens, their source, and their size in bytes if known.
type Tokens = (Box<dyn Read + Send>, Source, Option<u64>);

fn open_tokens(
    token: &str,
    directory: &Path,
    stdin: Box<dyn Read + Send>,
) -> Result<Tokens, String> {
    if token == "-" {
        return Ok((stdin, Source::Stdin, None));
    }
    let Some(path) = token.strip_prefix("file://") else {
        return Err("--ndjson: the tokens come from file://PATH or from -".to_owned());
    };
    let absolute = directory.join(path);
    let file = File::open(&absolute).map_err(|error| unreadable(token, &error))?;
    let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
    Ok((Box::new(file), token::file_source(path, &absolute), size))
}

fn unreadable(token: &str, error: &std::io::Error) -> String {
    format!("{}: {}", source_name(token), file_problem(error))
}

fn source_name(token: &str) -> &str {
    if token == "-" { "standard input" } else { token }
}
