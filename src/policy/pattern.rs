//! Patterns: what a rule's value and an entry's team name are written in.
//!
//! `*` stands for zero or more characters, `?` for zero or one, `.` for exactly one; everything
//! else for itself. A pattern has to match the whole text and tells upper from lower case (Pulumi
//! documentation, "OIDC issuers", section on policies; that case counts is an assumption). There
//! is no way to take a wildcard literally. A character is a Unicode scalar value.
//!
//! Both sides may be hostile, so nothing in here backtracks: every function has a bound on its
//! time that holds for all inputs.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::limits;
use crate::limits::Work;

/// What in a pattern makes it look like a regular expression.
pub const REGULAR_EXPRESSION: &[&str] = &[".*", ".+", "\\", "[", "(", "^", "$", "|"];

/// Whether the pattern matches the whole text. Takes time in proportion to the product of both
/// lengths, divided by 64.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    matches_within(pattern, std::iter::once(text), &mut Work::unlimited()).unwrap_or_default()
}

/// Whether the pattern matches one of the texts; `None` where the work does not suffice to tell.
pub(crate) fn matches_within<T: AsRef<str>>(
    pattern: &str,
    texts: impl Iterator<Item = T>,
    work: &mut Work,
) -> Option<bool> {
    let parsed = elements(pattern);
    for text in texts {
        if walk(&parsed, text.as_ref(), work)?.matched {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether the pattern matches every text, the empty one included.
#[must_use]
pub fn is_universal(pattern: &str) -> bool {
    elements(pattern) == [Element::Many]
}

/// Whether the pattern holds no wildcard, so that it matches one text alone: itself.
#[must_use]
pub fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '.'])
}

/// The places, in characters, of every `.` and `?` that stands alone: it looks as if it were meant
/// literally, while several in a row are plainly wildcards.
#[must_use]
pub fn lone_wildcards(pattern: &str) -> Vec<usize> {
    let chars: Vec<char> = pattern.chars().collect();
    let is_wild =
        |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| matches!(c, '.' | '?'));
    (0..chars.len())
        .filter(|&at| is_wild(Some(at)) && !is_wild(at.checked_sub(1)) && !is_wild(Some(at + 1)))
        .collect()
}

/// How many characters the text shares with what the pattern can match: the length of its longest
/// beginning, in characters, that could still be completed to a match. The first difference
/// stands right after it; the whole length means that the text ends too early, or matches.
#[must_use]
pub fn divergence(pattern: &str, text: &str) -> usize {
    walk(&elements(pattern), text, &mut Work::unlimited()).map_or(0, |walk| walk.furthest)
}

/// The smallest number of characters that have to be inserted, removed or replaced in the text for
/// the pattern to match it; 0 exactly where it matches. Where both are so long that the exact
/// number would take too much time, it is a lower bound instead.
#[must_use]
pub fn distance(pattern: &str, text: &str) -> usize {
    let found = distance_within(pattern, text, &mut Work::new(limits::CLOSEST));
    found.unwrap_or_else(|| {
        length_gap(&elements(pattern), text.chars().count())
            .max(usize::from(!matches(pattern, text)))
    })
}

/// A `.` or `?` that did not stand for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surprise {
    /// Its place in the pattern, in characters from 0.
    pub at: usize,
    /// The wildcard: `.` or `?`.
    pub wildcard: char,
    /// The character of the text that it stood for; `None` where a `?` stood for nothing.
    pub stood_for: Option<char>,
}

/// The `.` and `?` that had to stand for something else than themselves for the pattern to match
/// this text, in the pattern's order: as few as possible, so none where the pattern also matches
/// with both taken literally. Empty too where the pattern does not match, and where both sides
/// are so long that finding out would take too much time.
#[must_use]
pub fn surprises(pattern: &str, text: &str) -> Vec<Surprise> {
    surprises_within(pattern, text, &mut Work::new(limits::SURPRISES))
}

/// [`surprises`] with work that is shared between several calls; where it does not suffice, there
/// are none. Each cell of the table is a step.
pub(crate) fn surprises_within(pattern: &str, text: &str, work: &mut Work) -> Vec<Surprise> {
    let cells = |pattern: usize, text: usize| (pattern + 1).saturating_mul(text + 1);
    // No text has more characters than bytes.
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
        let (at, wildcard) = (i - 1, pattern[i - 1]);
        match wildcard {
            '*' if above == here => i -= 1,
            '*' => j -= 1,
            '?' if above.checked_add(1) == Some(here) => {
                found.push(Surprise { at, wildcard, stood_for: None });
                i -= 1;
            }
            _ => {
                if text[j - 1] != wildcard {
                    found.push(Surprise { at, wildcard, stood_for: Some(text[j - 1]) });
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

/// Reads a pattern. Wildcards that stand side by side are put into one form, which keeps the
/// meaning and leaves at most one [`Element::Many`] of them: what must be there first, then either
/// one `*`, which swallows every `?`, or the `?`.
pub(super) fn elements(pattern: &str) -> Vec<Element> {
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

/// What every [`walk`] costs beside its blocks, in steps.
const WALK: usize = 16;

/// What came of walking a text along a pattern.
struct Walk {
    matched: bool,
    /// The last position in the text, in characters, that any part of the pattern reached.
    furthest: usize,
}

/// Follows all ways through the pattern at once, 64 positions of the text at a time.
///
/// Within such a block, `reached` is the set of positions (as bits) up to which the elements so
/// far can match the text; each element turns the set of its predecessor into its own. What
/// crosses the block's end is one bit for each element. A step is a character of the text, or an
/// element in a block; `None` where the work does not suffice.
fn walk(elements: &[Element], text: &str, work: &mut Work) -> Option<Walk> {
    if !work.take(WALK) {
        return None;
    }
    let mut carries = vec![false; elements.len()];
    // Where each character stands in a block; claims are ASCII nearly always, and hashing every
    // character would be most of the work.
    let mut ascii = [0_u64; 128];
    let mut places: HashMap<char, u64> = HashMap::new();
    let mut chars = text.chars();
    let mut walk = Walk { matched: false, furthest: 0 };
    let mut start = 0;
    loop {
        if !work.take(64 + elements.len()) {
            work.exhaust();
            return None;
        }
        ascii.fill(0);
        places.clear();
        let mut filled = 0;
        for c in chars.by_ref().take(64) {
            match ascii.get_mut(c as usize) {
                Some(set) => *set |= 1 << filled,
                None => *places.entry(c).or_default() |= 1 << filled,
            }
            filled += 1;
        }
        // The text ends in this block: then the block has one position more than characters.
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
                    // Most sets are empty: looking the character up would be the costly part.
                    _ if reached == 0 => 0,
                    Element::Char(c) => ascii
                        .get(*c as usize)
                        .or_else(|| places.get(c))
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

/// [`distance`] with work that is shared between several calls; `None` where it does not suffice.
/// Each cell of the table is a step.
pub(crate) fn distance_within(pattern: &str, text: &str, work: &mut Work) -> Option<usize> {
    if !work.take(pattern.len() + text.len()) {
        return None;
    }
    let elements = elements(pattern);
    let chars: Vec<char> = text.chars().collect();
    let (mut elements, mut rest) = (elements.as_slice(), chars.as_slice());
    // A common literal beginning or end costs nothing and changes nothing.
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
    work.take(cells).then(|| edits(elements, rest))
}

/// The exact distance, row by row (P. H. Sellers, "The theory and computation of evolutionary
/// distances", 1980, with pattern elements in the place of characters): `row[j]` is the distance
/// between the elements so far and the first j characters.
fn edits(elements: &[Element], text: &[char]) -> usize {
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

/// By how many characters a text of this length is too short or too long for any match.
fn length_gap(elements: &[Element], length: usize) -> usize {
    let optional = elements.iter().filter(|e| **e == Element::Optional).count();
    let many = elements.iter().filter(|e| **e == Element::Many).count();
    let shortest = elements.len() - optional - many;
    let longest = if many == 0 { shortest + optional } else { usize::MAX };
    shortest.saturating_sub(length).max(length.saturating_sub(longest))
}
