//! The texts that are searched for, and what each is there for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind, PatternID};

use super::facts::{Fact, facts};
use super::secrets;
use super::step::{Mark, marks};
use crate::known_messages::{Message, Template, messages};

/// What a text that is searched for is there for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    /// The message of that index.
    Message(usize),
    /// The fact of that index.
    Fact(usize),
    /// The mark.
    Mark(Mark),
    /// What a secret is known by.
    Secret,
}

/// Finds all that is searched for at once.
pub(super) struct Index {
    /// Finds all texts, overlapping ones too.
    all: Option<AhoCorasick>,
    /// Finds the next text much faster, and takes longer to build than a short log to read.
    fast: OnceLock<Option<AhoCorasick>>,
    uses: Vec<(String, Vec<Use>)>,
    /// The text that is in every URL.
    url: PatternID,
    /// Which texts only count where they may be given a value, by their index.
    is_stem: Vec<bool>,
    /// The known messages, the specific before the general.
    pub(super) messages: Vec<(&'static Message, Template)>,
    /// The facts and their templates.
    pub(super) facts: Vec<(Fact, Template)>,
}

impl Index {
    /// The one index: it is the same for all logs.
    pub(super) fn get() -> &'static Self {
        static INDEX: LazyLock<Index> = LazyLock::new(Index::new);
        &INDEX
    }

    fn new() -> Self {
        let messages: Vec<_> = messages().map(|m| (m, Template::parse(m.text))).collect();
        let facts: Vec<_> = facts().map(|(fact, text)| (fact, Template::parse(text))).collect();
        let secrets: Vec<String> = secrets::needles().collect();
        let stems: BTreeSet<String> = secrets::stems().collect();
        let mut uses: BTreeMap<&str, Vec<Use>> = BTreeMap::new();
        let mut add = |needle, one| uses.entry(needle).or_default().push(one);
        for (index, (_, template)) in messages.iter().enumerate() {
            add(template.needle(), Use::Message(index));
        }
        for (index, (_, template)) in facts.iter().enumerate() {
            add(template.needle(), Use::Fact(index));
        }
        for (mark, needle) in marks() {
            add(needle, Use::Mark(*mark));
        }
        for needle in &secrets {
            add(needle, Use::Secret);
        }
        let uses: Vec<(String, Vec<Use>)> =
            uses.into_iter().map(|(needle, uses)| (needle.to_owned(), uses)).collect();
        let url = uses.iter().position(|(needle, _)| needle == secrets::URL).unwrap_or_default();
        let is_stem = |(needle, all): &(String, Vec<Use>)| {
            stems.contains(needle) && all.iter().all(|one| matches!(one, Use::Secret))
        };
        Self {
            url: PatternID::new_unchecked(url),
            is_stem: uses.iter().map(is_stem).collect(),
            all: automaton(&uses, MatchKind::Standard, AhoCorasickKind::ContiguousNFA),
            fast: OnceLock::new(),
            uses,
            messages,
            facts,
        }
    }

    /// The texts that are searched for.
    pub(super) fn needles(&self) -> impl Iterator<Item = &str> {
        self.uses.iter().map(|(needle, _)| needle.as_str())
    }

    /// Where the next text begins that is worth a closer look, from a byte on. `is_long`: there is
    /// enough to read for the faster automaton.
    pub(super) fn next(&self, block: &[u8], from: usize, is_long: bool) -> Option<usize> {
        if !is_long && self.fast.get().is_none() {
            let hits = self.all.as_ref()?.find_overlapping_iter(&block[from..]);
            let mut hits = hits.map(|hit| (hit.pattern(), from + hit.start()..from + hit.end()));
            return hits
                .find(|(text, at)| self.is_worth_it(*text, block, at))
                .map(|(_, at)| at.start);
        }
        let build = || automaton(&self.uses, MatchKind::LeftmostLongest, AhoCorasickKind::DFA);
        let fast = self.fast.get_or_init(build).as_ref()?;
        let mut from = from;
        loop {
            let hit = fast.find(&block[from..])?;
            let at = from + hit.start()..from + hit.end();
            if self.is_worth_it(hit.pattern(), block, &at) {
                return Some(at.start);
            }
            // Another text may begin within this one.
            from = at.start + 1;
        }
    }

    /// Logs are full of URLs, and speak of tokens: most of them say nothing.
    fn is_worth_it(&self, text: PatternID, block: &[u8], at: &Range<usize>) -> bool {
        if text == self.url {
            secrets::may_hold_credentials(&block[at.end..])
        } else {
            !self.is_stem[text] || secrets::may_assign(&block[..at.start], &block[at.end..])
        }
    }

    /// What of all that is searched for is in the text; a message once.
    pub(super) fn hits(&self, text: &str) -> Vec<Use> {
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
        patterns.iter().flat_map(|pattern| &self.uses[*pattern].1).copied().collect()
    }
}

fn automaton(
    uses: &[(String, Vec<Use>)],
    matches: MatchKind,
    kind: AhoCorasickKind,
) -> Option<AhoCorasick> {
    let needles = uses.iter().map(|(needle, _)| needle);
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
                let stops_at = |index: &Index, is_long| index.next(line, 0, is_long).is_some();
                let line = String::from_utf8_lossy(line);
                assert_eq!(stops_at(&short, false), stops_at(&long, true), "{path:?}: {line}");
                stops += usize::from(stops_at(&short, false));
            }
        }
        assert!(stops > 100, "{stops}");
    }
}
