//! Reading a log line by line, as far as its lines are of interest.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memrchr};

use super::facts::Fact;
use super::index::{Index, Use};
use super::line::Line;
use super::parts::parts;
use super::recognise::{Continuation, LineContext, Recognised, go_on, recognise};
use super::source::Stopped;
use super::step::{Mark, Step, is_harmless};
use super::{block, secrets, step};
use crate::evidence::log::{File, Leak, Log, LogMatch, PLACES, Place, SecretKind};
use crate::known_messages::Template;

/// How many different messages are kept; of further ones only the number is.
const SIGHTINGS: usize = 400;
/// How many different texts of one message are kept.
const VARIANTS: usize = 20;
/// How many lines behind one may continue it.
const CONTINUATION: usize = 8;
/// The claim by which a claims set in a log is known.
const ISSUER: &str = "\"iss\"";
/// Above this size, in bytes, building the faster automaton pays.
const LONG: usize = 1 << 20;

/// Reads logs one after the other.
pub(super) struct Scanner {
    index: &'static Index,
    collected: Collected,
}

/// What was found so far.
#[derive(Default)]
struct Collected {
    log: Log,
    /// The matches by their identity, as indexes.
    known: HashMap<u64, usize>,
    /// How many texts of a message there are.
    variants: HashMap<usize, usize>,
    leaks: BTreeMap<SecretKind, Leak>,
    /// How many bytes were read.
    bytes: usize,
}

/// The state of the log that is being read.
struct Reading {
    file: usize,
    job: usize,
    /// The job's name, where lines begin with it.
    name: String,
    line: u64,
    step: Step,
    /// A message that goes on in the next lines: its index, and how many of them.
    open: Option<(usize, usize)>,
}

impl Reading {
    fn new(file: usize) -> Self {
        let step = Step::default();
        Self { file, job: 0, name: String::new(), line: 1, step, open: None }
    }

    /// A line of another job begins with another name.
    fn enter(&mut self, line: &str) {
        if let Some(name) = job_of(line)
            && name != self.name
        {
            self.job += usize::from(!self.name.is_empty());
            name.clone_into(&mut self.name);
            self.step = Step::default();
        }
    }
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self { index: Index::get(), collected: Collected::default() }
    }

    /// The texts that are searched for.
    pub(super) fn needles(&self) -> impl Iterator<Item = &str> {
        self.index.needles()
    }

    /// Reads a log.
    pub(super) fn log(
        &mut self,
        name: &str,
        is_stdin: bool,
        reader: &mut dyn Read,
        stopped: Stopped,
    ) -> io::Result<()> {
        let file = self.collected.log.files.len();
        self.collected.log.files.push(File {
            name: name.to_owned(),
            is_stdin,
            lines: 0,
            stopped_after: None,
        });
        let mut reading = Reading::new(file);
        let mut ends_open = false;
        let read = block::blocks(reader, |block| {
            self.collected.block(self.index, block, &mut reading);
            ends_open = !block.ends_with(b"\n");
        });
        if let Some(file) = self.collected.log.files.last_mut() {
            file.lines = reading.line - 1 + u64::from(ends_open);
            file.stopped_after = stopped();
        }
        read
    }

    /// What was read.
    pub(super) fn finish(mut self) -> Log {
        self.collected.log.secrets = self.collected.leaks.into_values().collect();
        self.collected.log
    }
}

impl Collected {
    fn block(&mut self, index: &Index, block: &[u8], reading: &mut Reading) {
        self.go_on(block, reading);
        self.bytes = self.bytes.saturating_add(block.len());
        let is_long = self.bytes > LONG;
        let mut counted = 0;
        let mut from = 0;
        while let Some(at) = index.next(block, from, is_long) {
            let start = memrchr(b'\n', &block[..at]).map_or(0, |at| at + 1);
            let end = memchr(b'\n', &block[at..]).map_or(block.len(), |length| at + length);
            reading.line += count_lines(&block[counted..start]);
            counted = start;
            let next = block.get(end + 1..).unwrap_or_default();
            self.line(index, &block[start..end], (&block[..start], next), reading);
            self.go_on(next, reading);
            from = end;
        }
        reading.line += count_lines(&block[counted..]);
    }

    /// Gives an open message the lines that belong to it.
    fn go_on(&mut self, block: &[u8], reading: &mut Reading) {
        let Some((index, mut left)) = reading.open.take() else { return };
        let Some(log_match) = self.log.matches.get_mut(index) else { return };
        let mut lines = block.split(|b| *b == b'\n');
        while left > 0 {
            let Some(raw) = lines.next() else { break };
            // The end of the block, not of a line.
            if raw.is_empty() && lines.clone().next().is_none() {
                reading.open = Some((index, left));
                return;
            }
            match go_on(log_match, &String::from_utf8_lossy(raw)) {
                Continuation::Added => left -= 1,
                Continuation::Blank => {}
                Continuation::Over => return,
            }
        }
    }

    fn line(
        &mut self,
        index: &Index,
        raw: &[u8],
        (before, next): (&[u8], &[u8]),
        reading: &mut Reading,
    ) {
        let raw = String::from_utf8_lossy(raw);
        let next = || -> Vec<_> {
            let lines = next.split(|b| *b == b'\n').take(CONTINUATION);
            lines.map(String::from_utf8_lossy).collect()
        };
        reading.enter(&raw);
        let place = Place { file: reading.file, job: reading.job, line: reading.line };
        let parts = parts(&raw, next);
        let is_whole = matches!(&parts[..], [part] if *part == raw);
        if !is_whole && index.hits(&raw).iter().any(|hit| matches!(hit, Use::Secret)) {
            self.leaks(&raw, place);
        }
        for part in parts {
            let hits = index.hits(&part);
            if hits.iter().any(|hit| matches!(hit, Use::Secret)) {
                self.leaks(&part, place);
            }
            let mut line = Line::read(&part, reading.step.in_script(place.line));
            if line.is_command && line.text.starts_with("error: ") {
                reading.step.end_script();
                line = Line::read(&part, false);
            }
            let marks: Vec<Mark> = hits
                .iter()
                .filter_map(|hit| match hit {
                    Use::Mark(mark) => Some(*mark),
                    _ => None,
                })
                .filter(|mark| step::is_in(*mark, &part))
                .collect();
            if marks.contains(&Mark::Failed) {
                self.log.context.note_failure(place);
            }
            reading.step.mark(&marks, place.line);
            for hit in &hits {
                if let Use::Fact(fact) = hit
                    && let (fact, template) = &index.facts[*fact]
                    && *fact != Fact::Claims
                {
                    self.log.context.learn(*fact, template, &line, next, place);
                }
            }
            if !line.is_command && !is_harmless(&line) {
                let around = LineContext {
                    line: &line,
                    number: place.line,
                    marks: &marks,
                    step: &reading.step,
                    before,
                    context: &self.log.context,
                };
                if let Some(recognised) = recognise(index, &hits, &around) {
                    reading.open = self.log_match(recognised, place, &line).or(reading.open);
                }
            }
        }
        // A claims set is an object, of which the parts are its strings.
        if !raw.contains(ISSUER) {
            return;
        }
        let text = Line::read(&raw, true);
        if text.text.contains(ISSUER) {
            let claims = Template::parse(ISSUER);
            self.log.context.learn(Fact::Claims, &claims, &text, next, place);
        }
    }

    fn leaks(&mut self, text: &str, place: Place) {
        for (_, kind) in secrets::find(text) {
            let leak =
                self.leaks.entry(kind).or_insert(Leak { kind, places: Vec::new(), count: 0 });
            note(&mut leak.places, &mut leak.count, place);
        }
    }

    /// Keeps a message, or counts it where it is known. What it says in the next lines belongs to
    /// the log_match of that index, so many of them.
    fn log_match(
        &mut self,
        found: Recognised,
        place: Place,
        line: &Line,
    ) -> Option<(usize, usize)> {
        let key = found.identity(self.known.hasher());
        if let Some(log_match) = self.known.get(&key).map(|at| &mut self.log.matches[*at]) {
            note(&mut log_match.places, &mut log_match.count, place);
            log_match.begins |= found.begins;
            log_match.bare |= found.bare;
            log_match.warned &= line.is_warning;
            return None;
        }
        let variants = self.variants.entry(found.index).or_default();
        if *variants == VARIANTS || self.log.matches.len() == SIGHTINGS {
            self.log.left_out += 1;
            return None;
        }
        *variants += 1;
        let new = self.log.matches.len();
        self.known.insert(key, new);
        self.log.matches.push(LogMatch {
            message: found.message,
            text: found.text(),
            values: found.values(),
            begins: found.begins,
            bare: found.bare,
            warned: line.is_warning,
            decided: found.decided,
            places: vec![place],
            count: 1,
            at: line.at,
            login: self.log.context.logins.len().checked_sub(1),
        });
        let more = self.log.matches[new].message.more;
        (more > 0).then_some((new, more))
    }
}

/// The job that a line of `gh run view --log` names first.
fn job_of(line: &str) -> Option<&str> {
    let (job, rest) = line.split_once('\t')?;
    let (_, rest) = rest.split_once('\t')?;
    let is_log = rest.trim_start_matches('\u{feff}').starts_with(|c: char| c.is_ascii_digit());
    (is_log && job.len() < 200).then_some(job)
}

fn count_lines(text: &[u8]) -> u64 {
    memchr_iter(b'\n', text).count() as u64
}

/// One place more; a line counts once.
fn note(places: &mut Vec<Place>, count: &mut u64, place: Place) {
    if places.last() == Some(&place) {
        return;
    }
    *count += 1;
    if places.len() < PLACES {
        places.push(place);
    }
}
