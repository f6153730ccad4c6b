//! Names under numbers: `org-1`, `repo-2`. One counter numbers everything in the order in which it
//! is met, so a number stands for one value in the whole bundle.
//!
//! Case is kept, because rules depend on it: what differs from another name only in case has the
//! same number (`org-1`, `Org-1`, `ORG-1`).
//!
//! Where a pattern has a wildcard inside a name (`web-*`), all names are cut there: `web-app` is
//! `repo-1-repo-2`, and the pattern `repo-1-*` still matches it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use crate::text::is_unseen;

/// The numbers of one bundle.
#[derive(Default)]
pub(crate) struct Names {
    /// The number of a value and what it names, by the value in lower case.
    known: RefCell<HashMap<String, (usize, &'static str)>>,
    /// Names that are certain, in lower case.
    certain: HashSet<String>,
    /// Those of several words.
    of_words: Vec<String>,
    pieces: Pieces,
}

/// What patterns have before and behind a wildcard inside a name, in lower case.
#[derive(Default)]
struct Pieces {
    before: HashSet<String>,
    behind: HashSet<String>,
}

/// More pieces are not looked for: no policy that people write has them.
const MOST_PIECES: usize = 64;

/// What the names of a path are called: `acme/web` is an organization's repository.
#[derive(Clone, Copy)]
pub(crate) struct PathLabel {
    last: &'static str,
    others: &'static str,
}

/// What a claim or a part of a subject names, by a word of its own name. The first that fits counts.
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
    /// For values of a claim, or of a part of a subject, that is called that.
    pub(crate) fn of(place: &str) -> Self {
        let found = LABELS.iter().find(|(word, _)| place.contains(word));
        let last = found.map_or(NAME, |(_, label)| label);
        Self { last, others: if last == "repo" { "org" } else { last } }
    }
}

/// A name of which nothing else is known.
pub(crate) const NAME: &str = "name";
/// A part of a host's name.
pub(crate) const HOST: &str = "host";

/// Whether a character can be part of a name. `…` marks a removed part of a URL.
pub(crate) fn is_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_') || !c.is_ascii() && !is_unseen(c) && c != '…'
}

impl Names {
    /// Adds a value that is a name as a whole, or a path of names.
    pub(crate) fn add(&mut self, value: &str, label: PathLabel) {
        let value = value.to_lowercase();
        let parts: Vec<&str> = value.split('/').collect();
        for (index, part) in parts.iter().enumerate() {
            let label = if index + 1 == parts.len() { label.last } else { label.others };
            for core in part.split(|c| !is_part(c)).map(core).filter(|core| !core.is_empty()) {
                self.number(core, label);
                self.certain.insert(core.to_owned());
            }
        }
        if value.contains(' ') && !self.of_words.contains(&value) {
            self.of_words.push(value);
        }
    }

    /// Adds what a pattern has beside its wildcards.
    pub(crate) fn add_pieces(&mut self, pattern: &str) {
        let is_wildcard = |c: char| matches!(c, '*' | '?');
        let pattern = pattern.to_lowercase();
        for run in pattern.split(|c| !is_part(c) && !is_wildcard(c)) {
            let (Some(first), Some(last)) = (run.find(is_wildcard), run.rfind(is_wildcard)) else {
                continue;
            };
            let kept = [
                (&mut self.pieces.before, &run[..first]),
                (&mut self.pieces.behind, &run[last + 1..]),
            ];
            for (pieces, piece) in kept {
                if !core(piece).is_empty() && pieces.len() < MOST_PIECES {
                    pieces.insert(piece.to_owned());
                }
            }
        }
    }

    /// Whether a name is certain to be one.
    pub(crate) fn is_certain(&self, name: &str) -> bool {
        self.certain.contains(&core(name).to_lowercase())
    }

    /// The length of the certain name of several words that a text begins with.
    pub(crate) fn words(&self, text: &str) -> Option<usize> {
        let begins = |name: &&String| {
            text.get(..name.len()).is_some_and(|start| start.to_lowercase() == **name)
                && !text[name.len()..].starts_with(is_part)
        };
        self.of_words.iter().find(begins).map(String::len)
    }

    /// The number of a value, and what it names. The first place decides.
    pub(crate) fn number(&self, value: &str, label: &'static str) -> (usize, &'static str) {
        let mut known = self.known.borrow_mut();
        let next = known.len() + 1;
        *known.entry(value.to_lowercase()).or_insert((next, label))
    }

    /// What stands for a name of several words: each of them is replaced.
    pub(crate) fn replace_words(&self, name: &str, label: &'static str) -> String {
        let words = name.split_inclusive(|c| !is_part(c)).map(|word| {
            let end = word.find(|c| !is_part(c)).unwrap_or(word.len());
            self.replace(&word[..end], label) + &word[end..]
        });
        words.collect()
    }

    /// What stands for a piece of a name that a pattern's wildcard continues.
    pub(crate) fn replace_piece(&self, piece: &str, label: &'static str) -> String {
        self.numbered(piece, label)
    }

    /// What stands for a name.
    pub(crate) fn replace(&self, name: &str, label: &'static str) -> String {
        let mut rest = name;
        let lower = name.to_lowercase();
        // A character may take more bytes in lower case; such a name is not cut.
        let is_cuttable = lower.len() == name.len();
        let longest = |pieces: &HashSet<String>, fits: &dyn Fn(&str) -> bool| {
            let fitting = pieces.iter().map(String::as_str).filter(|piece| fits(piece));
            fitting.map(str::len).max().filter(|length| is_cuttable && *length < name.len())
        };
        let before = longest(&self.pieces.before, &|piece| lower.starts_with(piece)).unwrap_or(0);
        let behind = longest(&self.pieces.behind, &|piece| lower.ends_with(piece))
            .filter(|length| before + length <= name.len())
            .unwrap_or(0);
        let mut parts = Vec::new();
        if let Some((part, others)) = rest.split_at_checked(before) {
            parts.push(part);
            rest = others;
        }
        if let Some((others, part)) = rest.split_at_checked(rest.len() - behind) {
            parts.extend([others, part]);
        }
        parts.into_iter().map(|part| self.numbered(part, label)).collect()
    }

    /// A name that is not cut. What stands around it stays.
    fn numbered(&self, name: &str, label: &'static str) -> String {
        let core = core(name);
        if core.is_empty() {
            return name.to_owned();
        }
        let key = core.to_lowercase();
        let (number, label) = self.number(&key, label);
        // `web*` matches `web-app` and not `web2`: 1 and 12 begin alike.
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

/// A name without what can only stand around one.
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
    fn labels_follow_the_place() {
        let mut names = Names::default();
        names.add("acme/web", PathLabel::of("repository"));
        names.add("main", PathLabel::of("branch"));
        let replaced = ["acme", "web", "main", "other"].map(|name| names.replace(name, NAME));
        assert_eq!(replaced, ["org-1", "repo-2", "branch-3", "name-4"]);
    }

    #[test]
    fn case_is_kept() {
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
            names.add_pieces(&pattern);
            for value in values.iter().filter(|value| !core(value).is_empty()) {
                let [replaced, other] =
                    [&pattern, value].map(|text| names.text(text, Kind::Names, NAME));
                prop_assert_eq!(
                    pattern::matches(&replaced, &other), pattern::matches(&pattern, value),
                    "{} {} as {} {}", pattern, value, replaced, other
                );
            }
        }
    }
}
