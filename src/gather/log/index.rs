//! The texts that are searched for, and what each is there for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

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
    /// Finds the next text in a block, as fast as can be.
    rough: Option<AhoCorasick>,
    /// Finds all texts of a line.
    exact: Option<AhoCorasick>,
    uses: Vec<(String, Vec<Use>)>,
    /// The text that is in every URL.
    url: PatternID,
    /// Which texts only count at the end of a flag's name, by their index.
    is_flag: Vec<bool>,
    /// The known messages, the specific before the general.
    pub(super) messages: Vec<(&'static Message, Template)>,
    /// The facts and how they are told.
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
        let flags: BTreeSet<String> = secrets::flags().collect();
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
        let automaton = |matches, kind| {
            let needles = uses.iter().map(|(needle, _)| needle);
            AhoCorasickBuilder::new().match_kind(matches).kind(Some(kind)).build(needles).ok()
        };
        let url = uses.iter().position(|(needle, _)| needle == secrets::URL).unwrap_or_default();
        let is_only_flag = |(needle, all): &(String, Vec<Use>)| {
            flags.contains(needle) && all.iter().all(|one| matches!(one, Use::Secret))
        };
        Self {
            url: PatternID::new_unchecked(url),
            is_flag: uses.iter().map(is_only_flag).collect(),
            rough: automaton(MatchKind::LeftmostLongest, AhoCorasickKind::DFA),
            exact: automaton(MatchKind::Standard, AhoCorasickKind::ContiguousNFA),
            uses,
            messages,
            facts,
        }
    }

    /// The texts that are searched for.
    pub(super) fn needles(&self) -> impl Iterator<Item = &str> {
        self.uses.iter().map(|(needle, _)| needle.as_str())
    }

    /// Where the next text begins that is worth a closer look, from a byte on.
    pub(super) fn next(&self, block: &[u8], mut from: usize) -> Option<usize> {
        loop {
            let hit = self.rough.as_ref()?.find(&block[from..])?;
            let (start, end) = (from + hit.start(), from + hit.end());
            // Logs are full of URLs, and speak of tokens.
            let is_worth_it = if hit.pattern() == self.url {
                secrets::may_hold_credentials(&block[end..])
            } else {
                !self.is_flag[hit.pattern()] || secrets::is_flag(&block[..start])
            };
            if is_worth_it {
                return Some(start);
            }
            // Another text may begin within this one.
            from = start + 1;
        }
    }

    /// What of all that is searched for is in the text; a message once.
    pub(super) fn hits(&self, text: &str) -> Vec<Use> {
        let Some(exact) = &self.exact else { return Vec::new() };
        let mut patterns: Vec<usize> =
            exact.find_overlapping_iter(text).map(|hit| hit.pattern().as_usize()).collect();
        patterns.sort_unstable();
        patterns.dedup();
        patterns.iter().flat_map(|pattern| &self.uses[*pattern].1).copied().collect()
    }
}
