//! Scans the relevant lines of a log.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memrchr};

use super::facts::Fact;
use super::files::StoppedAfter;
use super::index::{Index, Purpose};
use super::line::Line;
use super::line_texts::texts_in_line;
use super::recognise::{Continuation, LineContext, Recognised, continue_message, recognise};
use super::step::{Mark, Step, is_harmless};
use super::{block, secrets, step};
use crate::evidence::log::{File, LeakedSecret, Log, LogMatch, MAX_PLACES, Place, SecretKind};
use crate::known_messages::Template;

/// The most different messages to keep. Further ones are only counted.
const MAX_MATCHES: usize = 400;
/// The most different texts to keep of one message.
const MAX_VARIANTS: usize = 20;
/// The most lines that may continue a line.
const MAX_CONTINUATION: usize = 8;
/// The claim that identifies a claims set in a log.
const ISSUER: &str = "\"iss\"";
/// Above this size, in bytes, the faster automaton is worth building.
const LONG: usize = 1 << 20;

/// Scans logs one after the other.
pub(super) struct Scanner {
    index: &'static Index,
    collected: Collected,
}

/// The findings so far.
#[derive(Default)]
struct Collected {
    log: Log,
    /// The index of each match, by its identity.
    known: HashMap<u64, usize>,
    /// The number of different texts of each message, by the message's index.
    variants: HashMap<usize, usize>,
    leaks: BTreeMap<SecretKind, LeakedSecret>,
    /// How many bytes were read.
    bytes: usize,
}

/// The state of the log that is being scanned.
struct LogState {
    file: usize,
    job: usize,
    /// The job's name, if lines begin with it.
    name: String,
    line: u64,
    step: Step,
    /// The index of a message that may continue, and in how many more lines.
    open: Option<(usize, usize)>,
}

impl LogState {
    fn new(file: usize) -> Self {
        let step = Step::default();
        Self { file, job: 0, name: String::new(), line: 1, step, open: None }
    }

    /// Starts a new job if the line begins with another job's name.
    fn enter_job(&mut self, line: &str) {
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

    pub(super) fn needles(&self) -> impl Iterator<Item = &str> {
        self.index.needles()
    }

    /// Scans a log.
    pub(super) fn read_log(
        &mut self,
        name: &str,
        is_stdin: bool,
        reader: &mut dyn Read,
        stopped_after: StoppedAfter,
    ) -> io::Result<()> {
        let file = self.collected.log.files.len();
        self.collected.log.files.push(File {
            name: name.to_owned(),
            is_stdin,
            lines: 0,
            stopped_after: None,
        });
        let mut state = LogState::new(file);
        let mut ends_open = false;
        let read = block::blocks(reader, |block| {
            self.collected.scan_block(self.index, block, &mut state);
            ends_open = !block.ends_with(b"\n");
        });
        if let Some(file) = self.collected.log.files.last_mut() {
            file.lines = state.line - 1 + u64::from(ends_open);
            file.stopped_after = stopped_after();
        }
        read
    }

    pub(super) fn finish(mut self) -> Log {
        self.collected.log.secrets = self.collected.leaks.into_values().collect();
        self.collected.log
    }
}

impl Collected {
    fn scan_block(&mut self, index: &Index, block: &[u8], state: &mut LogState) {
        self.continue_message(block, state);
        self.bytes = self.bytes.saturating_add(block.len());
        let is_long = self.bytes > LONG;
        let mut counted = 0;
        let mut from = 0;
        while let Some(at) = index.next_hit(block, from, is_long) {
            let start = memrchr(b'\n', &block[..at]).map_or(0, |at| at + 1);
            let end = memchr(b'\n', &block[at..]).map_or(block.len(), |length| at + length);
            state.line += count_lines(&block[counted..start]);
            counted = start;
            let next = block.get(end + 1..).unwrap_or_default();
            self.scan_line(index, &block[start..end], (&block[..start], next), state);
            self.continue_message(next, state);
            from = end;
        }
        state.line += count_lines(&block[counted..]);
    }

    /// Adds lines to the message that may continue.
    fn continue_message(&mut self, block: &[u8], state: &mut LogState) {
        let Some((index, mut left)) = state.open.take() else { return };
        let Some(log_match) = self.log.matches.get_mut(index) else { return };
        let mut lines = block.split(|b| *b == b'\n');
        while left > 0 {
            let Some(raw) = lines.next() else { break };
            // The block ended, not the message.
            if raw.is_empty() && lines.clone().next().is_none() {
                state.open = Some((index, left));
                return;
            }
            match continue_message(log_match, &String::from_utf8_lossy(raw)) {
                Continuation::Added => left -= 1,
                Continuation::Blank => {}
                Continuation::Ended => return,
            }
        }
    }

    fn scan_line(
        &mut self,
        index: &Index,
        raw: &[u8],
        (before, next): (&[u8], &[u8]),
        state: &mut LogState,
    ) {
        let raw = String::from_utf8_lossy(raw);
        let next = || -> Vec<_> {
            let lines = next.split(|b| *b == b'\n').take(MAX_CONTINUATION);
            lines.map(String::from_utf8_lossy).collect()
        };
        state.enter_job(&raw);
        let place = Place { file: state.file, job: state.job, line: state.line };
        let texts = texts_in_line(&raw, next);
        let is_whole = matches!(&texts[..], [text] if *text == raw);
        if !is_whole && index.hits(&raw).iter().any(|hit| matches!(hit, Purpose::Secret)) {
            self.record_leaks(&raw, place);
        }
        for text in texts {
            let hits = index.hits(&text);
            if hits.iter().any(|hit| matches!(hit, Purpose::Secret)) {
                self.record_leaks(&text, place);
            }
            let mut line = Line::read(&text, state.step.in_script(place.line));
            if line.is_command && line.text.starts_with("error: ") {
                state.step.end_script();
                line = Line::read(&text, false);
            }
            let marks: Vec<Mark> = hits
                .iter()
                .filter_map(|hit| match hit {
                    Purpose::Mark(mark) => Some(*mark),
                    _ => None,
                })
                .filter(|mark| step::is_whole_path_in(*mark, &text))
                .collect();
            if marks.contains(&Mark::Failed) {
                self.log.context.note_failure(place);
            }
            state.step.apply_marks(&marks, place.line);
            for hit in &hits {
                if let Purpose::Fact(fact) = hit
                    && let (fact, template) = &index.facts[*fact]
                    && *fact != Fact::Claims
                {
                    self.log.context.record_fact(*fact, template, &line, next, place);
                }
            }
            if !line.is_command && !is_harmless(&line) {
                let line_context = LineContext {
                    line: &line,
                    number: place.line,
                    marks: &marks,
                    step: &state.step,
                    before,
                    context: &self.log.context,
                };
                if let Some(recognised) = recognise(index, &hits, &line_context) {
                    state.open = self.record_match(recognised, place, &line).or(state.open);
                }
            }
        }
        // A claims set is a JSON object, whose strings were examined above one by one.
        if !raw.contains(ISSUER) {
            return;
        }
        let whole = Line::read(&raw, true);
        if whole.text.contains(ISSUER) {
            let claims = Template::parse(ISSUER);
            self.log.context.record_fact(Fact::Claims, &claims, &whole, next, place);
        }
    }

    fn record_leaks(&mut self, text: &str, place: Place) {
        for (_, kind) in secrets::find(text) {
            let leak = self.leaks.entry(kind).or_insert(LeakedSecret {
                kind,
                places: Vec::new(),
                count: 0,
            });
            add_place(&mut leak.places, &mut leak.count, place);
        }
    }

    /// Keeps a new message, or counts a known one. Returns its index and the number of lines that
    /// may continue it.
    fn record_match(
        &mut self,
        found: Recognised,
        place: Place,
        line: &Line,
    ) -> Option<(usize, usize)> {
        let key = found.identity(self.known.hasher());
        if let Some(log_match) = self.known.get(&key).map(|at| &mut self.log.matches[*at]) {
            add_place(&mut log_match.places, &mut log_match.count, place);
            log_match.begins |= found.begins;
            log_match.bare |= found.bare;
            log_match.warned &= line.is_warning;
            return None;
        }
        let variants = self.variants.entry(found.index).or_default();
        if *variants == MAX_VARIANTS || self.log.matches.len() == MAX_MATCHES {
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
        let more = self.log.matches[new].message.following_lines;
        (more > 0).then_some((new, more))
    }
}

/// The job at the start of a line from `gh run view --log`.
fn job_of(line: &str) -> Option<&str> {
    let (job, rest) = line.split_once('\t')?;
    let (_, rest) = rest.split_once('\t')?;
    let is_log = rest.trim_start_matches('\u{feff}').starts_with(|c: char| c.is_ascii_digit());
    (is_log && job.len() < 200).then_some(job)
}

fn count_lines(text: &[u8]) -> u64 {
    memchr_iter(b'\n', text).count() as u64
}

/// Adds a place. Each line counts once.
fn add_place(places: &mut Vec<Place>, count: &mut u64, place: Place) {
    if places.last() == Some(&place) {
        return;
    }
    *count += 1;
    if places.len() < MAX_PLACES {
        places.push(place);
    }
}
