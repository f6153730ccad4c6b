//! Adapts the spelling of a pattern to a claim's value. Keeps its wildcards.

use crate::limits::Work;
use crate::policy::rule_pattern::{Piece, RulePattern};

/// A respelled pattern.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Respelled {
    pub(crate) pattern: RulePattern,
    /// The number of edits, without changes of case.
    pub(crate) edits: usize,
    /// The positions in the value that the pattern spelled differently, in characters.
    pub(crate) changed: Vec<usize>,
}

/// The last step of the cheapest path to a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Start,
    /// A wildcard matches no further character.
    Skip,
    /// A `*` matches a character and may match more.
    Take,
    /// A `?` or `.` matches its one character.
    One,
    /// A literal character is kept or replaced.
    Both,
    /// A character is added to the pattern.
    Insert,
    /// A character of the pattern is removed.
    Delete,
}

/// The largest table. Real subjects have at most a few hundred characters.
const MAX_CELLS: usize = 1 << 16;

/// The cost of a change of case, which is cheaper than any edit.
const CASE_COST: usize = 1;
const EDIT_COST: usize = 1_000;

/// Spells `pattern` like `value`, with at most `max_edits` edits. `None` if it needs more, or if
/// the value cannot be in a rule.
pub(crate) fn respell(
    claim: &str,
    pattern: &str,
    value: &str,
    max_edits: usize,
    work: &mut Work,
) -> Option<Respelled> {
    let written: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = value.chars().collect();
    let width = text.len() + 1;
    let cells = (written.len() + 1).saturating_mul(width);
    if cells > MAX_CELLS || !work.take(cells) {
        return None;
    }
    let mut cells = vec![(usize::MAX, Step::Start); cells];
    cells[0] = (0, Step::Start);
    for row in 0..=written.len() {
        for column in 0..width {
            let (cost, _) = cells[row * width + column];
            if cost > max_edits * EDIT_COST + EDIT_COST - 1 {
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
                    let cost = match a == b {
                        true => 0,
                        false if a.to_lowercase().eq(b.to_lowercase()) => CASE_COST,
                        false => EDIT_COST,
                    };
                    reach(row + 1, column + 1, cost, Step::Both);
                    reach(row + 1, column, EDIT_COST, Step::Delete);
                    reach(row, column + 1, EDIT_COST, Step::Insert);
                }
                (Some(_), None) => reach(row + 1, column, EDIT_COST, Step::Delete),
                (None, Some(_)) => reach(row, column + 1, EDIT_COST, Step::Insert),
                (None, None) => {}
            }
        }
    }
    let (cost, _) = *cells.last()?;
    (cost != usize::MAX && cost / EDIT_COST <= max_edits)
        .then(|| trace(claim, &written, &text, &cells))?
}

fn trace(
    claim: &str,
    written: &[char],
    text: &[char],
    cells: &[(usize, Step)],
) -> Option<Respelled> {
    let width = text.len() + 1;
    let (mut row, mut column) = (written.len(), text.len());
    // The characters in reverse, each with whether it is a wildcard of the rule.
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
    Some(Respelled { pattern, edits: total / EDIT_COST, changed })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::policy::pattern::matches;

    fn spelled(pattern: &str, value: &str, max_edits: usize) -> Option<(String, usize)> {
        let found = respell("sub", pattern, value, max_edits, &mut Work::unlimited())?;
        Some((found.pattern.as_str().to_owned(), found.edits))
    }

    #[test]
    fn wildcards_are_kept() {
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
            pattern in "[abA*?.:]{0,8}", value in "[abA:]{0,8}", max_edits in 0..4_usize,
        ) {
            let wild = |text: &str| text.chars().filter(|c| "*?.".contains(*c)).collect::<String>();
            if let Some((found, edits)) = spelled(&pattern, &value, max_edits) {
                prop_assert!(edits <= max_edits);
                prop_assert!(matches(&found, &value), "{pattern} {value} {found}");
                prop_assert_eq!(wild(&found), wild(&pattern));
            } else {
                // A pattern of wildcards only cannot be a rule.
                let is_rule = pattern.contains(|c| !"*?.".contains(c));
                prop_assert!(!matches(&pattern, &value) || !is_rule);
            }
        }
    }
}
