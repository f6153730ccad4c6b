//! Finding the lines of interest, and reading them.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind, PatternID};
use memchr::{memchr, memchr_iter, memrchr};

use super::facts::{FACTS, Fact};
use super::line::Line;
use super::step::{MARKS, Mark, Step, is_harmless};
use super::{block, secrets};
use crate::evidence::InputProblem;
use crate::jwt;
use crate::log::{Decided, File, Leak, Log, PLACES, Place, SecretKind, Sighting};
use crate::signatures::{Found, Means, Message, Template, messages};
use crate::{judge, text};

/// How many different messages are kept; of further ones only the number is.
const SIGHTINGS: usize = 400;
/// How many different texts of one message are kept.
const VARIANTS: usize = 20;
/// How much of a line is shown, in characters.
const LONGEST_TEXT: usize = 400;
/// How many lines behind one may continue it.
const CONTINUATION: usize = 8;

/// What a text that is searched for is there for.
#[derive(Debug, Clone, Copy)]
enum Use {
    /// The message of that index.
    Message(usize),
    /// The fact of that index.
    Fact(usize),
    Mark(Mark),
    Secret,
}

/// Reads logs one after the other.
pub(super) struct Scanner {
    /// Finds the next text in a block, as fast as can be.
    rough: Option<AhoCorasick>,
    /// Finds all texts of a line.
    exact: Option<AhoCorasick>,
    uses: Vec<(String, Vec<Use>)>,
    /// The text that is in every URL.
    url: PatternID,
    messages: Vec<(&'static Message, Template)>,
    facts: Vec<(Fact, Template)>,
    log: Log,
    /// The sightings by message and values, as indexes.
    known: HashMap<(usize, Vec<String>), usize>,
    /// How many texts of a message there are.
    variants: HashMap<usize, usize>,
    leaks: BTreeMap<SecretKind, Leak>,
}

/// The state of the log that is being read.
struct Reading {
    file: usize,
    line: u64,
    step: Step,
    /// A message that goes on in the next lines: its index, and how many of them.
    open: Option<(usize, usize)>,
}

impl Scanner {
    pub(super) fn new() -> Self {
        let messages: Vec<_> = messages().map(|m| (m, Template::parse(m.text))).collect();
        let facts: Vec<_> =
            FACTS.iter().map(|(fact, text)| (*fact, Template::parse(text))).collect();
        let mut uses: BTreeMap<&str, Vec<Use>> = BTreeMap::new();
        let mut add = |needle, one| uses.entry(needle).or_default().push(one);
        for (index, (_, template)) in messages.iter().enumerate() {
            add(template.needle(), Use::Message(index));
        }
        for (index, (_, template)) in facts.iter().enumerate() {
            add(template.needle(), Use::Fact(index));
        }
        for (mark, needle) in MARKS {
            add(needle, Use::Mark(*mark));
        }
        for needle in secrets::needles() {
            add(needle, Use::Secret);
        }
        let uses: Vec<(String, Vec<Use>)> =
            uses.into_iter().map(|(needle, uses)| (needle.to_owned(), uses)).collect();
        let automaton = |matches, kind| {
            let needles = uses.iter().map(|(needle, _)| needle);
            AhoCorasickBuilder::new().match_kind(matches).kind(Some(kind)).build(needles).ok()
        };
        let url = uses.iter().position(|(needle, _)| needle == secrets::URL).unwrap_or_default();
        Self {
            url: PatternID::new_unchecked(url),
            rough: automaton(MatchKind::LeftmostFirst, AhoCorasickKind::DFA),
            exact: automaton(MatchKind::Standard, AhoCorasickKind::ContiguousNFA),
            uses,
            messages,
            facts,
            log: Log::default(),
            known: HashMap::new(),
            variants: HashMap::new(),
            leaks: BTreeMap::new(),
        }
    }

    /// The texts that are searched for.
    pub(super) fn needles(&self) -> impl Iterator<Item = &str> {
        self.uses.iter().map(|(needle, _)| needle.as_str())
    }

    /// Reads a log.
    pub(super) fn log(&mut self, name: &str, reader: &mut dyn Read) -> io::Result<()> {
        let file = self.log.files.len();
        self.log.files.push(File { name: name.to_owned(), lines: 0 });
        let mut reading = Reading { file, line: 1, step: Step::default(), open: None };
        let mut ends_open = false;
        let read = block::blocks(reader, |block| {
            self.block(block, &mut reading);
            ends_open = !block.ends_with(b"\n");
        });
        if let Some(file) = self.log.files.last_mut() {
            file.lines = reading.line - 1 + u64::from(ends_open);
        }
        read
    }

    /// What was read.
    pub(super) fn finish(mut self) -> Log {
        self.log.secrets = self.leaks.into_values().collect();
        self.log
    }

    fn block(&mut self, block: &[u8], reading: &mut Reading) {
        // Taken out for the time of the search, which changes what is around it.
        let Some(rough) = self.rough.take() else { return };
        self.go_on(block, reading);
        let mut counted = 0;
        let mut from = 0;
        while let Some(hit) = rough.find(&block[from..]) {
            let at = from + hit.start();
            if hit.pattern() == self.url
                && !secrets::may_hold_credentials(&block[from + hit.end()..])
            {
                from += hit.end();
                continue;
            }
            let start = memrchr(b'\n', &block[..at]).map_or(0, |at| at + 1);
            let end = memchr(b'\n', &block[at..]).map_or(block.len(), |length| at + length);
            reading.line += count_lines(&block[counted..start]);
            counted = start;
            let next = block.get(end + 1..).unwrap_or_default();
            self.line(&block[start..end], next, reading);
            self.go_on(next, reading);
            from = end;
        }
        reading.line += count_lines(&block[counted..]);
        self.rough = Some(rough);
    }

    /// Gives an open message the lines that belong to it.
    fn go_on(&mut self, block: &[u8], reading: &mut Reading) {
        let Some((index, mut left)) = reading.open.take() else { return };
        let mut lines = block.split(|b| *b == b'\n');
        while left > 0 {
            let Some(line) = lines.next() else { break };
            // The end of the block, not of a line.
            if line.is_empty() && lines.clone().next().is_none() {
                reading.open = Some((index, left));
                return;
            }
            left -= 1;
            let line = String::from_utf8_lossy(line);
            let is_mark = ["##[", "section_"].iter().any(|mark| line.contains(mark));
            let line = Line::read(line.trim_end_matches('\r'), false);
            let shown = line.text.trim();
            if line.is_command || is_mark {
                return;
            }
            if let Some(sighting) = self.log.sightings.get_mut(index)
                && !shown.is_empty()
            {
                let text = format!("{} {}", sighting.text, secrets::redact(shown));
                sighting.text = text::clip(&text, LONGEST_TEXT);
            }
        }
    }

    fn line(&mut self, raw: &[u8], next: &[u8], reading: &mut Reading) {
        let raw = String::from_utf8_lossy(raw);
        let next = || next.split(|b| *b == b'\n').take(CONTINUATION).map(String::from_utf8_lossy);
        let number = reading.line;
        let place = Place { file: reading.file, line: number };
        // A carriage return begins the line anew: each part is one that was shown.
        for part in raw.split('\r').filter(|part| !part.is_empty()) {
            // Within JSON, which programs log in, quotes are escaped.
            let plain = part.contains("\\\"").then(|| part.replace("\\\"", "\""));
            let part = plain.as_deref().unwrap_or(part);
            let hits = self.hits(part);
            let in_script = reading.step.in_script(number);
            let line = Line::read(part, in_script);
            let marks: Vec<Mark> = hits
                .iter()
                .filter_map(|hit| match hit {
                    Use::Mark(mark) => Some(*mark),
                    _ => None,
                })
                .collect();
            reading.step.mark(&marks, number, line.is_command.then_some(line.text));
            if hits.iter().any(|hit| matches!(hit, Use::Secret)) {
                self.leaks(part, place);
            }
            for hit in &hits {
                if let Use::Fact(index) = hit {
                    let (fact, template) = &self.facts[*index];
                    self.log.context.learn(*fact, template, &line, next(), place);
                }
            }
            if !line.is_command && !is_harmless(&line) {
                self.message(&line, &hits, &marks, place, reading);
            }
        }
    }

    /// What of all that is searched for is in the text; a message once.
    fn hits(&self, text: &str) -> Vec<Use> {
        let Some(exact) = &self.exact else { return Vec::new() };
        let mut patterns: Vec<usize> =
            exact.find_overlapping_iter(text).map(|hit| hit.pattern().as_usize()).collect();
        patterns.sort_unstable();
        patterns.dedup();
        patterns.iter().flat_map(|pattern| &self.uses[*pattern].1).copied().collect()
    }

    fn leaks(&mut self, text: &str, place: Place) {
        for (_, kind) in secrets::find(text) {
            let leak =
                self.leaks.entry(kind).or_insert(Leak { kind, places: Vec::new(), count: 0 });
            note(&mut leak.places, &mut leak.count, place);
        }
    }

    /// The first known message of a line.
    fn message(
        &mut self,
        line: &Line,
        hits: &[Use],
        marks: &[Mark],
        place: Place,
        reading: &mut Reading,
    ) {
        let mut candidates: Vec<usize> = hits
            .iter()
            .filter_map(|hit| match hit {
                Use::Message(index) => Some(*index),
                _ => None,
            })
            .collect();
        candidates.sort_unstable();
        // In the middle of a sentence it may be a quotation: whether that counts is judged later.
        let found = [true, false].into_iter().find_map(|begins| {
            candidates.iter().find_map(|index| {
                let (message, template) = &self.messages[*index];
                let found = template
                    .find(line.text, |at| !begins || message.anywhere || line.may_begin(at))?;
                let decided = decide(message, &found, line, marks, place.line, &reading.step)?;
                Some((*index, found, decided, begins))
            })
        });
        let Some((index, found, decided, begins)) = found else { return };
        let message = self.messages[index].0;
        let values: Vec<(&str, String)> =
            found.values.iter().map(|(name, value)| (*name, shown(message, name, value))).collect();
        let mut text = match message.means {
            Means::TokenValue => self.messages[index].1.fill(|_| Some("[redacted]'".to_owned())),
            _ => secrets::redact(line.text[found.start..].trim_end()),
        };
        text = text::clip(&text, LONGEST_TEXT);
        let key = (index, values.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>());
        if let Some(sighting) = self.known.get(&key).map(|at| &mut self.log.sightings[*at]) {
            note(&mut sighting.places, &mut sighting.count, place);
            sighting.begins |= begins;
            return;
        }
        let variants = self.variants.entry(index).or_default();
        if *variants == VARIANTS || self.log.sightings.len() == SIGHTINGS {
            self.log.left_out += 1;
            return;
        }
        *variants += 1;
        let at = self.log.sightings.len();
        self.known.insert(key, at);
        self.log.sightings.push(Sighting {
            message,
            text,
            values,
            decided,
            begins,
            places: vec![place],
            count: 1,
            at: line.at,
            login: self.log.context.logins.len().checked_sub(1),
        });
        if message.more > 0 {
            reading.open = Some((at, message.more));
        }
    }
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

/// A value as it may be kept. What was passed as the token is told in words.
fn shown(message: &Message, name: &str, value: &str) -> String {
    match (message.means, name) {
        (Means::TokenValue, _) => passed(value).1,
        // Go names the resolver behind the host.
        (_, "host") => secrets::redact(first_word(value)),
        _ => text::clip(&secrets::redact(value), LONGEST_TEXT),
    }
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}

/// The host of the first URL in a line.
fn url_host(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(secrets::URL)?;
    rest.split(['/', ' ', '"', '\'', ':', '?']).next()
}

/// Whether the message counts in this line (`None`: it does not), and what the line decides.
#[allow(clippy::option_option)]
fn decide(
    message: &Message,
    found: &Found,
    line: &Line,
    marks: &[Mark],
    number: u64,
    step: &Step,
) -> Option<Option<Decided>> {
    if !step.counts(message.scope, marks, number) {
        return None;
    }
    match message.means {
        Means::Network(_) | Means::Status => {
            let named = found.values.iter().find(|(name, _)| *name == "host");
            let host = named.map(|(_, host)| first_word(host)).or_else(|| url_host(line.text));
            step.party(marks, number, host).map(|party| Some(Decided::Party(party)))
        }
        Means::TokenValue => {
            let (_, value) = found.values.first()?;
            let (code, what) = passed(value);
            Some(Some(Decided::Token { code, what }))
        }
        _ => Some(None),
    }
}

/// What a value is that the CLI refused as a token, and quoted up to the end of the line.
fn passed(quoted: &str) -> (crate::catalogue::Code, String) {
    let quoted = quoted.trim_end();
    // Where the quotation does not end, the value goes on in the next line.
    let (value, is_cut) = match quoted.strip_suffix('\'') {
        Some(value) => (value, false),
        None => (quoted, true),
    };
    let read = jwt::read(value.as_bytes(), false);
    let (problem, wrapped) = match read {
        Ok(decoded) => {
            let cut_off = decoded.token.truncated;
            (cut_off.map(|how| InputProblem::Truncated { how }), decoded.wrapped)
        }
        Err((problem, wrapped)) => (Some(problem), wrapped),
    };
    judge::passed(problem.as_ref(), &wrapped, is_cut)
}

#[cfg(test)]
mod tests;
