//! Numbers names: `org-1`, `repo-2`. One counter numbers all values in order of appearance, so a
//! number stands for one value in the whole bundle.
//!
//! Case is kept, because rules depend on it: names that differ only in case get the same number
//! (`org-1`, `Org-1`, `ORG-1`).
//!
//! If a pattern has a wildcard inside a name (`web-*`), every name is cut at that piece: `web-app`
//! becomes `repo-1-repo-2`, and the pattern `repo-1-*` still matches it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use crate::text::is_unseen;

/// The names of one bundle and their numbers.
#[derive(Default)]
pub(crate) struct Names {
    /// The number and label of each name, by the name in lower case.
    numbers: RefCell<HashMap<String, (usize, &'static str)>>,
    /// The certain names, in lower case.
    certain: HashSet<String>,
    /// The certain names of several words, in lower case.
    multi_word: Vec<String>,
    pieces: Pieces,
}

/// The pieces of names that patterns have before and after a wildcard, in lower case.
#[derive(Default)]
struct Pieces {
    before: HashSet<String>,
    after: HashSet<String>,
}

/// More pieces are ignored: no policy that people write has so many.
const MAX_PIECES: usize = 64;

/// The labels for the names in a path: in `acme/web` the last is a repository, the other its owner.
#[derive(Clone, Copy)]
pub(crate) struct PathLabel {
    last: &'static str,
    others: &'static str,
}

/// The label for the value of a claim or part of a subject whose name contains a word; the first
/// match counts.
const LABELS: &[(&str, &str)] = &[
    ("owner", "org"),
    ("org", "org"),
    ("enterprise", "org"),
    ("namespace", "org"),
    ("workspace", "workspace"),
    ("project", "repo"),
    ("repo", "repo"),
    ("actor", "user"),
    ("user", "user"),
    ("team", "team"),
    ("environment", "env"),
    ("branch", "branch"),
    ("tag", "tag"),
    ("workflow", "pipeline"),
    ("pipeline", "pipeline"),
    ("connection", "connection"),
];

impl PathLabel {
    /// The labels for the values of a claim, or of a part of a subject.
    pub(crate) fn for_field(field: &str) -> Self {
        let found = LABELS.iter().find(|(word, _)| field.contains(word));
        let last = found.map_or(NAME, |(_, label)| label);
        Self { last, others: if last == "repo" { "org" } else { last } }
    }
}

/// The label for a name of unknown kind.
pub(crate) const NAME: &str = "name";
/// The label for a part of a host name.
pub(crate) const HOST: &str = "host";

/// Whether a character can be part of a name. `…`, which marks a removed part of a URL, cannot.
pub(crate) fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_') || !c.is_ascii() && !is_unseen(c) && c != '…'
}

impl Names {
    /// Adds a certain name, or a path of certain names.
    pub(crate) fn add(&mut self, value: &str, label: PathLabel) {
        let value = value.to_lowercase();
        let parts: Vec<&str> = value.split('/').collect();
        for (index, part) in parts.iter().enumerate() {
            let label = if index + 1 == parts.len() { label.last } else { label.others };
            for core in part.split(|c| !is_name_char(c)).map(core).filter(|core| !core.is_empty()) {
                self.number(core, label);
                self.certain.insert(core.to_owned());
            }
        }
        if value.contains(' ') && !self.multi_word.contains(&value) {
            self.multi_word.push(value);
        }
    }

    /// Adds the pieces of names that a pattern has beside its wildcards.
    pub(crate) fn add_pattern(&mut self, pattern: &str) {
        let is_wildcard = |c: char| matches!(c, '*' | '?');
        let pattern = pattern.to_lowercase();
        for run in pattern.split(|c| !is_name_char(c) && !is_wildcard(c)) {
            let (Some(first), Some(last)) = (run.find(is_wildcard), run.rfind(is_wildcard)) else {
                continue;
            };
            let pieces_beside_wildcards = [
                (&mut self.pieces.before, &run[..first]),
                (&mut self.pieces.after, &run[last + 1..]),
            ];
            for (pieces, piece) in pieces_beside_wildcards {
                if !core(piece).is_empty() && pieces.len() < MAX_PIECES {
                    pieces.insert(piece.to_owned());
                }
            }
        }
    }

    /// Whether a word is a certain name.
    pub(crate) fn is_certain(&self, name: &str) -> bool {
        self.certain.contains(&core(name).to_lowercase())
    }

    /// The length in bytes of the certain name of several words at the beginning of a text.
    pub(crate) fn multi_word_length(&self, text: &str) -> Option<usize> {
        let starts_text = |name: &&String| {
            text.get(..name.len()).is_some_and(|start| start.to_lowercase() == **name)
                && !text[name.len()..].starts_with(is_name_char)
        };
        self.multi_word.iter().find(starts_text).map(String::len)
    }

    /// The number and label of a name. A name keeps the label that it gets first.
    pub(crate) fn number(&self, value: &str, label: &'static str) -> (usize, &'static str) {
        let mut numbers = self.numbers.borrow_mut();
        let next = numbers.len() + 1;
        *numbers.entry(value.to_lowercase()).or_insert((next, label))
    }

    /// Replaces each word of a name of several words.
    pub(crate) fn replace_words(&self, name: &str, label: &'static str) -> String {
        let words = name.split_inclusive(|c| !is_name_char(c)).map(|word| {
            let end = word.find(|c| !is_name_char(c)).unwrap_or(word.len());
            self.replace(&word[..end], label) + &word[end..]
        });
        words.collect()
    }

    /// Replaces a name, cut into the pieces that patterns have.
    pub(crate) fn replace(&self, name: &str, label: &'static str) -> String {
        let mut rest = name;
        let lower = name.to_lowercase();
        // Some characters take more bytes in lower case; a name with one is not cut.
        let is_cuttable = lower.len() == name.len();
        let longest = |pieces: &HashSet<String>, fits: &dyn Fn(&str) -> bool| {
            let fitting = pieces.iter().map(String::as_str).filter(|piece| fits(piece));
            fitting.map(str::len).max().filter(|length| is_cuttable && *length < name.len())
        };
        let before = longest(&self.pieces.before, &|piece| lower.starts_with(piece)).unwrap_or(0);
        let after = longest(&self.pieces.after, &|piece| lower.ends_with(piece))
            .filter(|length| before + length <= name.len())
            .unwrap_or(0);
        let mut parts = Vec::new();
        if let Some((part, others)) = rest.split_at_checked(before) {
            parts.push(part);
            rest = others;
        }
        if let Some((others, part)) = rest.split_at_checked(rest.len() - after) {
            parts.extend([others, part]);
        }
        parts.into_iter().map(|part| self.replace_piece(part, label)).collect()
    }

    /// Replaces a name, or a piece of one, without cutting it. Hyphens and underscores around it
    /// stay.
    pub(crate) fn replace_piece(&self, name: &str, label: &'static str) -> String {
        let core = core(name);
        if core.is_empty() {
            return name.to_owned();
        }
        let key = core.to_lowercase();
        let (number, label) = self.number(&key, label);
        // Without the `x`, a pattern for name 1 would also match name 12, which begins alike.
        let end = if self.pieces.before.contains(&key) { "x" } else { "" };
        let number = format!("{label}-{number}{end}");
        let number = match (core.contains(char::is_uppercase), core.contains(char::is_lowercase)) {
            (false, _) => number,
            (true, false) => number.to_uppercase(),
            (true, true) => number[..1].to_uppercase() + &number[1..],
        };
        name.replacen(core, &number, 1)
    }
}

/// A name without the hyphens and underscores around it.
fn core(name: &str) -> &str {
    name.trim_matches(['-', '_'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::text::Kind;
    use super::*;
    use crate::policy::pattern;

    #[test]
    fn labels_follow_fields() {
        let mut names = Names::default();
        names.add("acme/web", PathLabel::for_field("repository"));
        names.add("main", PathLabel::for_field("branch"));
        let replaced = ["acme", "web", "main", "other"].map(|name| names.replace(name, NAME));
        assert_eq!(replaced, ["org-1", "repo-2", "branch-3", "name-4"]);
    }

    #[test]
    fn replacements_keep_case() {
        let names = Names::default();
        let replaced = ["acme", "Acme", "ACME", "--acme_"].map(|name| names.replace(name, "org"));
        assert_eq!(replaced, ["org-1", "Org-1", "ORG-1", "--org-1_"]);
    }

    proptest! {
        /// A pattern matches the replaced names that it matched before, and no others.
        #[test]
        fn wildcards_match_the_same_names(
            pattern in "[ab]{0,2}-?\\*-?[ab]{0,2}", values in prop::collection::vec("[ab-]{1,5}", 1..20),
        ) {
            let mut names = Names::default();
            names.add_pattern(&pattern);
            for value in values.iter().filter(|value| !core(value).is_empty()) {
                let [replaced, other] =
                    [&pattern, value].map(|text| names.replace_in_text(text, Kind::Names, NAME));
                prop_assert_eq!(
                    pattern::matches(&replaced, &other), pattern::matches(&pattern, value),
                    "{} {} as {} {}", pattern, value, replaced, other
                );
            }
        }
    }
}
