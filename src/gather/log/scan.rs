//! Finding the lines of interest, and reading them.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind, PatternID};
use memchr::{memchr, memchr_iter, memrchr};

use super::facts::{FACTS, Fact};
use super::line::Line;
use super::parts::parts;
use super::step::{MARKS, Mark, Step, is_harmless};
use super::{block, secrets};
use crate::catalogue::Code;
use crate::evidence::InputProblem;
use crate::jwt;
use crate::log::{Decided, File, Leak, Log, PLACES, Place, SecretKind, Sighting};
use crate::secret::REDACTED;
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
        let mut reading = Reading::new(file);
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
            self.line(&block[start..end], &block[..start], next, reading);
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
            let Some(raw) = lines.next() else { break };
            // The end of the block, not of a line.
            if raw.is_empty() && lines.clone().next().is_none() {
                reading.open = Some((index, left));
                return;
            }
            let raw = String::from_utf8_lossy(raw);
            let line = Line::read(raw.trim_end_matches('\r'), false);
            let shown = line.text.trim();
            let Some(sighting) = self.log.sightings.get_mut(index) else { return };
            let is_other = OTHERS.iter().any(|mark| raw.contains(mark));
            if line.is_command || is_other || !goes_on(sighting) {
                return;
            }
            if shown.is_empty() {
                continue;
            }
            left -= 1;
            let text = format!("{} {}", sighting.text, secrets::redact(shown));
            sighting.text = text::clip(&text, LONGEST_TEXT);
        }
    }

    fn line(&mut self, raw: &[u8], before: &[u8], next: &[u8], reading: &mut Reading) {
        let raw = String::from_utf8_lossy(raw);
        let next = || -> Vec<_> {
            let lines = next.split(|b| *b == b'\n').take(CONTINUATION);
            lines.map(String::from_utf8_lossy).collect()
        };
        reading.enter(&raw);
        let place = Place { file: reading.file, job: reading.job, line: reading.line };
        let parts = parts(&raw, next);
        let is_whole = matches!(&parts[..], [part] if *part == raw);
        if !is_whole && self.hits(&raw).iter().any(|hit| matches!(hit, Use::Secret)) {
            self.leaks(&raw, place);
        }
        for part in parts {
            let hits = self.hits(&part);
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
                .collect();
            reading.step.mark(&marks, place.line);
            for hit in &hits {
                if let Use::Fact(index) = hit
                    && let (fact, template) = &self.facts[*index]
                    && *fact != Fact::Claims
                {
                    self.log.context.learn(*fact, template, &line, next, place);
                }
            }
            if !line.is_command && !is_harmless(&line) {
                self.message(&line, &hits, &marks, (place, before), reading);
            }
        }
        // A claims set is an object, of which the parts are its strings.
        let text = Line::read(&raw, true);
        if text.text.contains("\"iss\"") {
            let claims = Template::parse("\"iss\"");
            self.log.context.learn(Fact::Claims, &claims, &text, next, place);
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
        (place, before): (Place, &[u8]),
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
        // In the middle of a sentence, within a code fence or far from a login it may be no more than
        // a quotation: whether that counts is judged later.
        let is_fenced = is_fenced(before);
        let found = [true, false].into_iter().find_map(|begins| {
            candidates.iter().filter(|_| !(begins && is_fenced)).find_map(|index| {
                let (message, template) = &self.messages[*index];
                let found = template
                    .find(line.text, |at| !begins || message.anywhere || line.may_begin(at))?;
                let counts = reading.step.counts(message.scope, marks, place.line, before);
                let decided = decide(message, &found, line, (marks, before), &reading.step)?;
                (counts || !begins).then_some((*index, found, decided, begins))
            })
        });
        let Some((index, found, decided, begins)) = found else { return };
        let message = self.messages[index].0;
        let values: Vec<(&str, String)> =
            found.values.iter().map(|(name, value)| (*name, shown(message, name, value))).collect();
        let mut text = match message.means {
            Means::TokenValue => self.messages[index].1.fill(|_| Some("[redacted]'".to_owned())),
            // Whom a request went to stands in front.
            Means::Network(_) => last(&secrets::redact(&line.text[..found.end])),
            _ => secrets::redact(line.text[found.start..found.end].trim_end()),
        };
        text = text::clip(&text, LONGEST_TEXT);
        let login = self.log.context.logins.len().checked_sub(1);
        let mut key: Vec<String> = values.iter().map(|(_, value)| value.clone()).collect();
        key.push(format!("{decided:?}"));
        let key = (index, key);
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
            login,
        });
        if message.more > 0 {
            reading.open = Some((at, message.more));
        }
    }
}

/// What a line holds that belongs to nothing before it.
const OTHERS: [&str; 4] = ["##[", "section_", "error: ", "-----BEGIN"];

/// Whether a message goes on in the next line: an answer does while it is not whole. Behind a
/// secret there may be more of it.
fn goes_on(sighting: &Sighting) -> bool {
    let text = sighting.text.as_str();
    if text.ends_with(REDACTED) {
        return false;
    }
    if sighting.message.means != Means::ExchangeAnswer {
        return true;
    }
    let count = |c: char| text.chars().filter(|other| *other == c).count();
    let lower = text.to_ascii_lowercase();
    let in_page =
        (lower.contains("<html") || lower.contains("<!doctype")) && !lower.contains("</html");
    count('{') > count('}') || in_page
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

/// Whether the line before opens a block of code in a page.
fn is_fenced(before: &[u8]) -> bool {
    let before = before.strip_suffix(b"\n").unwrap_or(before);
    let start = memrchr(b'\n', before).map_or(0, |at| at + 1);
    let last = String::from_utf8_lossy(&before[start..]);
    Line::read(&last, false).text.trim_start().starts_with("```")
}

/// The job that a line of `gh run view --log` names first.
fn job_of(line: &str) -> Option<&str> {
    let (job, rest) = line.split_once('\t')?;
    let (_, rest) = rest.split_once('\t')?;
    let is_log = rest.trim_start_matches('\u{feff}').starts_with(|c: char| c.is_ascii_digit());
    (is_log && job.len() < 200).then_some(job)
}

/// The end of a text, from where a request begins if it is in there.
fn last(text: &str) -> String {
    let start = ["Post \"", "Get \"", "request to "].iter().find_map(|method| text.find(method));
    let text = &text[start.unwrap_or(0)..];
    let count = text.chars().count();
    text.chars().skip(count.saturating_sub(LONGEST_TEXT)).collect()
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
    (marks, before): (&[Mark], &[u8]),
    step: &Step,
) -> Option<Option<Decided>> {
    match message.means {
        Means::Network(_) | Means::Status => {
            let named = found.values.iter().find(|(name, _)| *name == "host");
            let host = named.map(|(_, host)| first_word(host)).or_else(|| url_host(line.text));
            step.party(marks, host, before).map(|party| Some(Decided::Party(party)))
        }
        Means::TokenValue => {
            let (_, value) = found.values.first()?;
            let (code, what, problem) = passed(value);
            Some(Some(Decided::Token { code, what, problem }))
        }
        _ => Some(None),
    }
}

/// What a value is that the CLI refused as a token, and quoted up to the end of the line.
fn passed(quoted: &str) -> (Code, String, Option<InputProblem>) {
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
    let (code, what) = judge::passed(problem.as_ref(), &wrapped, is_cut);
    (code, what, problem)
}

#[cfg(test)]
mod tests;
