//! The patterns of rules and team names.
//!
//! `*` stands for any number of characters, `?` for at most one, and `.` for exactly one. All other
//! characters are literal. A pattern must match the whole text (Pulumi documentation, "OIDC
//! issuers", section on policies). Matching is assumed to be case-sensitive. There are no escapes.
//! A character is a Unicode scalar value.
//!
//! Pattern and text may both be hostile, so nothing here backtracks, and every function has a time
//! bound for all inputs.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::limits;
use crate::limits::Work;

/// A pattern that contains one of these is probably meant as a regular expression.
pub const REGULAR_EXPRESSION: &[&str] = &[".*", ".+", "\\", "[", "(", "^", "$", "|"];

/// Whether the pattern matches the whole text. Takes time proportional to the product of both
/// lengths divided by 64.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    matches_within(pattern, std::iter::once(text), &mut Work::unlimited()).unwrap_or_default()
}

/// Whether the pattern matches one of the texts. `None` if the work budget is used up.
pub(crate) fn matches_within<T: AsRef<str>>(
    pattern: &str,
    texts: impl Iterator<Item = T>,
    work: &mut Work,
) -> Option<bool> {
    let parsed = parse_elements(pattern);
    for text in texts {
        if walk(&parsed, text.as_ref(), work)?.matched {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether the pattern matches every text, including the empty one.
#[must_use]
pub fn is_universal(pattern: &str) -> bool {
    parse_elements(pattern) == [Element::Many]
}

/// Whether the pattern has no wildcard, so that it matches only itself.
#[must_use]
pub fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '.'])
}

/// The positions of single `.` and `?`, in characters. They look literal, while several in a row
/// are plainly wildcards.
#[must_use]
pub fn lone_wildcards(pattern: &str) -> Vec<usize> {
    let chars: Vec<char> = pattern.chars().collect();
    let is_wild =
        |i: Option<usize>| i.and_then(|i| chars.get(i)).is_some_and(|c| matches!(c, '.' | '?'));
    (0..chars.len())
        .filter(|&i| is_wild(Some(i)) && !is_wild(i.checked_sub(1)) && !is_wild(Some(i + 1)))
        .collect()
}

/// The length, in characters, of the longest prefix of the text that can be completed to a match.
/// The first difference follows it. The whole length means that the text matches or ends too early.
#[must_use]
pub fn divergence(pattern: &str, text: &str) -> usize {
    walk(&parse_elements(pattern), text, &mut Work::unlimited()).map_or(0, |walk| walk.furthest)
}

/// The smallest number of characters to insert, remove or replace in the text so that the pattern
/// matches it. 0 exactly if it matches. For very long inputs it is only a lower bound.
#[must_use]
pub fn distance(pattern: &str, text: &str) -> usize {
    let found = distance_within(pattern, text, &mut Work::new(limits::CLOSEST));
    found.unwrap_or_else(|| {
        length_gap(&parse_elements(pattern), text.chars().count())
            .max(usize::from(!matches(pattern, text)))
    })
}

/// A `.` or `?` that matched something else than itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surprise {
    /// The position in the pattern, in characters from 0.
    pub position: usize,
    /// The wildcard: `.` or `?`.
    pub wildcard: char,
    /// The character that it matched. `None` if a `?` matched nothing.
    pub stood_for: Option<char>,
}

/// The fewest `.` and `?` that must match something else than themselves for the pattern to match
/// the text, in the pattern's order. Empty if the pattern also matches with both taken literally,
/// if it does not match, or if the inputs are too long.
#[must_use]
pub fn surprises(pattern: &str, text: &str) -> Vec<Surprise> {
    surprises_within(pattern, text, &mut Work::new(limits::SURPRISES))
}

/// [`surprises`] with a work budget, which several calls may share. Empty if it is used up. Each
/// cell of the table is a step.
pub(crate) fn surprises_within(pattern: &str, text: &str, work: &mut Work) -> Vec<Surprise> {
    let cells = |pattern: usize, text: usize| (pattern + 1).saturating_mul(text + 1);
    // Bytes are an upper bound for characters.
    if !work.take(cells(pattern.len(), text.len())) {
        return Vec::new();
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let width = text.len() + 1;

    // cost[i * width + j]: the fewest surprises with which the first i characters of the pattern
    // match the first j of the text.
    const IMPOSSIBLE: u32 = u32::MAX;
    let mut cost = vec![IMPOSSIBLE; (pattern.len() + 1) * width];
    cost[0] = 0;
    for (i, &wanted) in pattern.iter().enumerate() {
        let (above, row) = cost[i * width..(i + 2) * width].split_at_mut(width);
        for j in 0..width {
            let skipped = match wanted {
                '*' => above[j],
                '?' => above[j].saturating_add(1),
                _ => IMPOSSIBLE,
            };
            let consumed = match j.checked_sub(1) {
                None => IMPOSSIBLE,
                Some(before) if wanted == '*' => row[before],
                Some(before) if wanted == text[before] => above[before],
                Some(before) if matches!(wanted, '.' | '?') => above[before].saturating_add(1),
                Some(_) => IMPOSSIBLE,
            };
            row[j] = skipped.min(consumed);
        }
    }

    let mut found = Vec::new();
    let (mut i, mut j) = (pattern.len(), text.len());
    if cost[i * width + j] == IMPOSSIBLE {
        return found;
    }
    while i > 0 {
        let here = cost[i * width + j];
        let above = cost[(i - 1) * width + j];
        let (position, wildcard) = (i - 1, pattern[i - 1]);
        match wildcard {
            '*' if above == here => i -= 1,
            '*' => j -= 1,
            '?' if above.checked_add(1) == Some(here) => {
                found.push(Surprise { position, wildcard, stood_for: None });
                i -= 1;
            }
            _ => {
                if text[j - 1] != wildcard {
                    found.push(Surprise { position, wildcard, stood_for: Some(text[j - 1]) });
                }
                i -= 1;
                j -= 1;
            }
        }
    }
    found.reverse();
    found
}

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// This character.
    Char(char),
    /// Any one character.
    One,
    /// Any one character, or none.
    Optional,
    /// Any number of characters.
    Many,
}

/// Parses a pattern. Normalizes adjacent wildcards, so that at most one of them is
/// [`Element::Many`]: the required characters come first, then either one `*`, which includes every
/// `?`, or the `?`.
pub(super) fn parse_elements(pattern: &str) -> Vec<Element> {
    fn flush(elements: &mut Vec<Element>, optional: &mut usize, many: &mut bool) {
        if std::mem::take(many) {
            *optional = 0;
            elements.push(Element::Many);
        }
        elements.extend(std::iter::repeat_n(Element::Optional, std::mem::take(optional)));
    }

    let mut elements = Vec::with_capacity(pattern.len());
    let (mut optional, mut many) = (0, false);
    for c in pattern.chars() {
        match c {
            '*' => many = true,
            '?' => optional += 1,
            '.' => elements.push(Element::One),
            c => {
                flush(&mut elements, &mut optional, &mut many);
                elements.push(Element::Char(c));
            }
        }
    }
    flush(&mut elements, &mut optional, &mut many);
    elements
}

/// The fixed cost of a [`walk`], in steps.
const WALK_STEPS: usize = 16;

/// The result of matching a text.
struct Walk {
    matched: bool,
    /// The last position in the text that any part of the pattern reached, in characters.
    furthest: usize,
}

/// Simulates all paths through the pattern at once, for 64 positions of the text at a time.
///
/// Within a block, `reached` is the set of positions (as bits) up to which the elements so far can
/// match the text. Each element turns the set of its predecessor into its own. One bit per element
/// is carried over to the next block. A step is a character of the text, or an element in a block.
/// `None` if the work budget is used up.
fn walk(elements: &[Element], text: &str, work: &mut Work) -> Option<Walk> {
    if !work.take(WALK_STEPS) {
        return None;
    }
    let mut carries = vec![false; elements.len()];
    // The positions of each character in a block. Most claims are ASCII, and hashing every
    // character would dominate the cost.
    let mut ascii = [0_u64; 128];
    let mut others: HashMap<char, u64> = HashMap::new();
    let mut chars = text.chars();
    let mut walk = Walk { matched: false, furthest: 0 };
    let mut start = 0;
    loop {
        if !work.take(64 + elements.len()) {
            work.exhaust();
            return None;
        }
        ascii.fill(0);
        others.clear();
        let mut filled = 0;
        for c in chars.by_ref().take(64) {
            match ascii.get_mut(c as usize) {
                Some(set) => *set |= 1 << filled,
                None => *others.entry(c).or_default() |= 1 << filled,
            }
            filled += 1;
        }
        // If the text ends in this block, the block has one more position than characters.
        let last = filled < 64;
        let inside = if last { (1 << filled) - 1 } else { u64::MAX };
        let positions = if last { inside << 1 | 1 } else { u64::MAX };

        let mut reached = u64::from(start == 0);
        let mut seen = reached;
        for (element, carry) in elements.iter().zip(&mut carries) {
            let carried = u64::from(*carry);
            if *element == Element::Many {
                reached |= carried;
                if reached != 0 {
                    reached = u64::MAX << reached.trailing_zeros() & positions;
                    *carry = true;
                }
            } else {
                let allowed = match element {
                    // Most sets are empty, which saves the look-up.
                    _ if reached == 0 => 0,
                    Element::Char(c) => ascii
                        .get(*c as usize)
                        .or_else(|| others.get(c))
                        .copied()
                        .unwrap_or_default(),
                    _ => inside,
                };
                let stepping = reached & allowed;
                let skipping = if *element == Element::Optional { reached } else { 0 };
                *carry = stepping >> 63 == 1;
                reached = skipping | stepping << 1 | carried;
            }
            seen |= reached;
        }

        if let Some(highest) = seen.checked_ilog2() {
            walk.furthest = start + highest as usize;
        }
        if last {
            walk.matched = reached >> filled & 1 == 1;
            return Some(walk);
        }
        if !carries.contains(&true) {
            return Some(walk);
        }
        start += 64;
    }
}

/// [`distance`] with a work budget, which several calls may share. `None` if it is used up. Each
/// cell of the table is a step.
pub(crate) fn distance_within(pattern: &str, text: &str, work: &mut Work) -> Option<usize> {
    if !work.take(pattern.len() + text.len()) {
        return None;
    }
    let elements = parse_elements(pattern);
    let chars: Vec<char> = text.chars().collect();
    let (mut elements, mut rest) = (elements.as_slice(), chars.as_slice());
    // A common literal prefix or suffix does not change the distance.
    while let ([Element::Char(wanted), after @ ..], [found, rest_after @ ..]) = (elements, rest)
        && wanted == found
    {
        (elements, rest) = (after, rest_after);
    }
    while let ([before @ .., Element::Char(wanted)], [rest_before @ .., found]) = (elements, rest)
        && wanted == found
    {
        (elements, rest) = (before, rest_before);
    }
    let cells = (elements.len() + 1).saturating_mul(rest.len() + 1);
    work.take(cells).then(|| edit_distance(elements, rest))
}

/// Computes the exact distance row by row (P. H. Sellers, "The theory and computation of
/// evolutionary distances", 1980, with pattern elements instead of characters). `row[j]` is the
/// distance between the elements so far and the first j characters.
fn edit_distance(elements: &[Element], text: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=text.len()).collect();
    for element in elements {
        let mut diagonal = row[0];
        if matches!(element, Element::Char(_) | Element::One) {
            row[0] += 1;
        }
        for (j, found) in text.iter().enumerate() {
            let (above, left) = (row[j + 1], row[j]);
            let best = match element {
                Element::Char(wanted) if wanted != found => diagonal.min(above).min(left) + 1,
                Element::Char(_) | Element::One => diagonal.min(above + 1).min(left + 1),
                Element::Optional => diagonal.min(above).min(left + 1),
                Element::Many => above.min(left),
            };
            diagonal = above;
            row[j + 1] = best;
        }
    }
    row[text.len()]
}

/// The number of characters by which a text of this length is too short or too long to match.
fn length_gap(elements: &[Element], length: usize) -> usize {
    let optional = elements.iter().filter(|e| **e == Element::Optional).count();
    let many = elements.iter().filter(|e| **e == Element::Many).count();
    let shortest = elements.len() - optional - many;
    let longest = if many == 0 { shortest + optional } else { usize::MAX };
    shortest.saturating_sub(length).max(length.saturating_sub(longest))
}
