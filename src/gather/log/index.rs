//! The automata that find all known texts in a log at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind, PatternID};

use super::facts::{Fact, facts};
use super::secrets;
use super::step::{Mark, marks};
use crate::known_messages::{Message, Template, messages};

/// The purpose of a text that is searched for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// Belongs to the message with this index.
    Message(usize),
    /// Belongs to the fact with this index.
    Fact(usize),
    Mark(Mark),
    /// May show a secret.
    Secret,
}

/// Finds all known texts at once.
pub(super) struct Index {
    /// Finds all texts, overlapping ones too.
    all: Option<AhoCorasick>,
    /// Finds the next text much faster, but takes longer to build than a short log takes to read.
    fast: OnceLock<Option<AhoCorasick>>,
    purposes: Vec<(String, Vec<Purpose>)>,
    /// The text that every URL contains.
    url: PatternID,
    /// Whether a text counts only if a value may be assigned to it, by the text's index.
    is_stem: Vec<bool>,
    /// The known messages, the specific ones first.
    pub(super) messages: Vec<(&'static Message, Template)>,
    /// The facts and their templates.
    pub(super) facts: Vec<(Fact, Template)>,
}

impl Index {
    /// The index, which is the same for all logs.
    pub(super) fn get() -> &'static Self {
        static INDEX: LazyLock<Index> = LazyLock::new(Index::new);
        &INDEX
    }

    fn new() -> Self {
        let messages: Vec<_> = messages().map(|m| (m, Template::parse(m.text))).collect();
        let facts: Vec<_> = facts().map(|(fact, text)| (fact, Template::parse(text))).collect();
        let secrets: Vec<String> = secrets::needles().collect();
        let stems: BTreeSet<String> = secrets::stems().collect();
        let mut purposes: BTreeMap<&str, Vec<Purpose>> = BTreeMap::new();
        let mut add = |needle, purpose| purposes.entry(needle).or_default().push(purpose);
        for (index, (_, template)) in messages.iter().enumerate() {
            add(template.needle(), Purpose::Message(index));
        }
        for (index, (_, template)) in facts.iter().enumerate() {
            add(template.needle(), Purpose::Fact(index));
        }
        for (mark, needle) in marks() {
            add(needle, Purpose::Mark(*mark));
        }
        for needle in &secrets {
            add(needle, Purpose::Secret);
        }
        let purposes: Vec<(String, Vec<Purpose>)> =
            purposes.into_iter().map(|(needle, purposes)| (needle.to_owned(), purposes)).collect();
        let url =
            purposes.iter().position(|(needle, _)| needle == secrets::URL).unwrap_or_default();
        let is_stem = |(needle, all): &(String, Vec<Purpose>)| {
            stems.contains(needle) && all.iter().all(|purpose| matches!(purpose, Purpose::Secret))
        };
        Self {
            url: PatternID::new_unchecked(url),
            is_stem: purposes.iter().map(is_stem).collect(),
            all: automaton(&purposes, MatchKind::Standard, AhoCorasickKind::ContiguousNFA),
            fast: OnceLock::new(),
            purposes,
            messages,
            facts,
        }
    }

    /// The texts that are searched for.
    pub(super) fn needles(&self) -> impl Iterator<Item = &str> {
        self.purposes.iter().map(|(needle, _)| needle.as_str())
    }

    /// The position of the next relevant text from byte `from` on. `is_long`: there is enough to
    /// read for the faster automaton to pay off.
    pub(super) fn next_hit(&self, block: &[u8], from: usize, is_long: bool) -> Option<usize> {
        if !is_long && self.fast.get().is_none() {
            let hits = self.all.as_ref()?.find_overlapping_iter(&block[from..]);
            let mut hits = hits.map(|hit| (hit.pattern(), from + hit.start()..from + hit.end()));
            return hits
                .find(|(text, at)| self.is_relevant(*text, block, at))
                .map(|(_, at)| at.start);
        }
        let build = || automaton(&self.purposes, MatchKind::LeftmostLongest, AhoCorasickKind::DFA);
        let fast = self.fast.get_or_init(build).as_ref()?;
        let mut from = from;
        loop {
            let hit = fast.find(&block[from..])?;
            let at = from + hit.start()..from + hit.end();
            if self.is_relevant(hit.pattern(), block, &at) {
                return Some(at.start);
            }
            // Another text may begin within this one.
            from = at.start + 1;
        }
    }

    /// Filters out the many URLs without credentials and mentions of tokens without a value.
    fn is_relevant(&self, text: PatternID, block: &[u8], at: &Range<usize>) -> bool {
        if text == self.url {
            secrets::may_hold_credentials(&block[at.end..])
        } else {
            !self.is_stem[text] || secrets::may_assign(&block[..at.start], &block[at.end..])
        }
    }

    /// The purposes of all known texts in `text`, each once.
    pub(super) fn hits(&self, text: &str) -> Vec<Purpose> {
        let Some(all) = &self.all else { return Vec::new() };
        let bytes = text.as_bytes();
        let mut patterns: Vec<usize> = all
            .find_overlapping_iter(text)
            .filter(|hit| {
                !self.is_stem[hit.pattern()]
                    || secrets::may_assign(&bytes[..hit.start()], &bytes[hit.end()..])
            })
            .map(|hit| hit.pattern().as_usize())
            .collect();
        patterns.sort_unstable();
        patterns.dedup();
        patterns.iter().flat_map(|pattern| &self.purposes[*pattern].1).copied().collect()
    }
}

fn automaton(
    purposes: &[(String, Vec<Purpose>)],
    matches: MatchKind,
    kind: AhoCorasickKind,
) -> Option<AhoCorasick> {
    let needles = purposes.iter().map(|(needle, _)| needle);
    AhoCorasickBuilder::new().match_kind(matches).kind(Some(kind)).build(needles).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn both_automata_stop_at_the_same_lines() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/logs");
        // Once an index has the faster automaton it uses no other.
        let (short, long) = (Index::new(), Index::new());
        let mut stops = 0;
        let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let logs = folders.filter(|path| path.is_dir()).flat_map(|path| path.read_dir().unwrap());
        for entry in logs {
            let path = entry.unwrap().path();
            let text = std::fs::read(&path).unwrap_or_default();
            for line in text.split(|b| *b == b'\n') {
                let stops_at = |index: &Index, is_long| index.next_hit(line, 0, is_long).is_some();
                let line = String::from_utf8_lossy(line);
                assert_eq!(stops_at(&short, false), stops_at(&long, true), "{path:?}: {line}");
                stops += usize::from(stops_at(&short, false));
            }
        }
        assert!(stops > 100, "{stops}");
    }
}
