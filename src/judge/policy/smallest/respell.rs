//! A rule's pattern with the spelling of a claim's value. Its wildcards stay as they are.

use crate::limits::Work;
use crate::policy::rule_pattern::{Piece, RulePattern};

/// A respelled pattern, and in how many characters more than upper and lower case it differs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Respelled {
    pub(crate) pattern: RulePattern,
    pub(crate) edits: usize,
    /// The places in the value, in characters, that were spelled otherwise.
    pub(crate) changed: Vec<usize>,
}

/// Where a cell's cheapest way comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Start,
    /// A wildcard that takes nothing more.
    Skip,
    /// A wildcard that takes a character, and stays for the next.
    Take,
    /// A wildcard that takes its one character.
    One,
    /// A literal character for a character.
    Both,
    /// A character that the pattern lacks.
    Insert,
    /// A character that only the pattern has.
    Delete,
}

/// No subject that people write is longer than a few hundred characters.
const MOST_CELLS: usize = 1 << 16;

/// Costs: another spelling is cheaper than any edit.
const CASE: usize = 1;
const EDIT: usize = 1_000;

/// Spells `pattern` as `value` is spelled, with at most `most` edits. `None` where it takes more, or
/// where the value cannot be in a rule.
pub(crate) fn respell(
    claim: &str,
    pattern: &str,
    value: &str,
    most: usize,
    work: &mut Work,
) -> Option<Respelled> {
    let written: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = value.chars().collect();
    let width = text.len() + 1;
    let cells = (written.len() + 1).saturating_mul(width);
    if cells > MOST_CELLS || !work.take(cells) {
        return None;
    }
    let mut cells = vec![(usize::MAX, Step::Start); cells];
    cells[0] = (0, Step::Start);
    for row in 0..=written.len() {
        for column in 0..width {
            let (cost, _) = cells[row * width + column];
            if cost > most * EDIT + EDIT - 1 {
                continue;
            }
            let mut reach = |row: usize, column: usize, more: usize, step: Step| {
                if let Some(cell) = cells.get_mut(row * width + column)
                    && cost + more < cell.0
                {
                    *cell = (cost + more, step);
                }
            };
            let next = text.get(column);
            match (written.get(row), next) {
                (Some('*'), Some(_)) => {
                    reach(row + 1, column, 0, Step::Skip);
                    reach(row, column + 1, 0, Step::Take);
                }
                (Some('*'), None) => reach(row + 1, column, 0, Step::Skip),
                (Some('?'), Some(_)) => {
                    reach(row + 1, column + 1, 0, Step::One);
                    reach(row + 1, column, 0, Step::Skip);
                }
                (Some('?'), None) => reach(row + 1, column, 0, Step::Skip),
                (Some('.'), Some(_)) => reach(row + 1, column + 1, 0, Step::One),
                (Some(a), Some(b)) => {
                    let differ = match a == b {
                        true => 0,
                        false if a.to_lowercase().eq(b.to_lowercase()) => CASE,
                        false => EDIT,
                    };
                    reach(row + 1, column + 1, differ, Step::Both);
                    reach(row + 1, column, EDIT, Step::Delete);
                    reach(row, column + 1, EDIT, Step::Insert);
                }
                (Some(_), None) => reach(row + 1, column, EDIT, Step::Delete),
                (None, Some(_)) => reach(row, column + 1, EDIT, Step::Insert),
                (None, None) => {}
            }
        }
    }
    let (cost, _) = *cells.last()?;
    (cost != usize::MAX && cost / EDIT <= most).then(|| trace(claim, &written, &text, &cells))?
}

fn trace(
    claim: &str,
    written: &[char],
    text: &[char],
    cells: &[(usize, Step)],
) -> Option<Respelled> {
    let width = text.len() + 1;
    let (mut row, mut column) = (written.len(), text.len());
    // The characters backwards, each with whether it is a wildcard of the rule's.
    let mut spelled: Vec<(bool, char)> = Vec::new();
    let mut changed = Vec::new();
    let total = cells.last()?.0;
    loop {
        let (_, step) = cells[row * width + column];
        let wildcard = |at: usize| written.get(at).copied().unwrap_or_default();
        match step {
            Step::Start => break,
            Step::Skip => {
                row -= 1;
                spelled.push((true, wildcard(row)));
            }
            Step::Take => column -= 1,
            Step::One => {
                (row, column) = (row - 1, column - 1);
                spelled.push((true, wildcard(row)));
            }
            Step::Both => {
                (row, column) = (row - 1, column - 1);
                spelled.push((false, text[column]));
                if written[row] != text[column] {
                    changed.push(column);
                }
            }
            Step::Insert => {
                column -= 1;
                spelled.push((false, text[column]));
                changed.push(column);
            }
            Step::Delete => {
                row -= 1;
                changed.push(column);
            }
        }
    }
    spelled.reverse();
    changed.reverse();
    let runs: Vec<(bool, String)> = spelled
        .chunk_by(|(left, _), (right, _)| left == right)
        .map(|run| (run[0].0, run.iter().map(|(_, c)| c).collect()))
        .collect();
    let pieces: Vec<Piece> = runs
        .iter()
        .map(|(is_wild, text)| if *is_wild { Piece::OfRule(text) } else { Piece::Value(text) })
        .collect();
    let pattern = RulePattern::new(claim, &pieces).ok()?;
    Some(Respelled { pattern, edits: total / EDIT, changed })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::policy::pattern::matches;

    fn spelled(pattern: &str, value: &str, most: usize) -> Option<(String, usize)> {
        let found = respell("sub", pattern, value, most, &mut Work::unlimited())?;
        Some((found.pattern.as_str().to_owned(), found.edits))
    }

    #[test]
    fn wildcards_stay() {
        let cases = [
            ("repo:Acme/web:*", "repo:acme/web:ref:x", "repo:acme/web:*", 0),
            (
                "repo:acme/web:pull-request",
                "repo:acme/web:pull_request",
                "repo:acme/web:pull_request",
                1,
            ),
            ("*:enviroment:prod", "repo:a/b:environment:prod", "*:environment:prod", 1),
            ("a?c", "ac", "a?c", 0),
            ("a.c", "axd", "a.d", 1),
        ];
        for (pattern, value, expected, edits) in cases {
            assert_eq!(spelled(pattern, value, 2), Some((expected.to_owned(), edits)), "{pattern}");
        }
        assert_eq!(spelled("repo:other/web:*", "repo:acme/web:x", 2), None);
        assert_eq!(spelled("a", "*", 2), None);
    }

    proptest! {
        #[test]
        fn respelled_pattern_matches_and_gains_no_wildcard(
            pattern in "[abA*?.:]{0,8}", value in "[abA:]{0,8}", most in 0..4_usize,
        ) {
            let wild = |text: &str| text.chars().filter(|c| "*?.".contains(*c)).collect::<String>();
            if let Some((found, edits)) = spelled(&pattern, &value, most) {
                prop_assert!(edits <= most);
                prop_assert!(matches(&found, &value), "{pattern} {value} {found}");
                prop_assert_eq!(wild(&found), wild(&pattern));
            } else {
                // A pattern of wildcards alone is no rule.
                let is_rule = pattern.contains(|c| !"*?.".contains(c));
                prop_assert!(!matches(&pattern, &value) || !is_rule);
            }
        }
    }
}
