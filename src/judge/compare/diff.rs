//! Marks the difference between two texts.

use crate::limits::Work;

/// Longer issuers are clipped before they are compared, in characters.
pub(crate) const MAX_ISSUER_CHARS: usize = 512;

pub(crate) fn clip_issuer(text: &str) -> String {
    text.chars().take(MAX_ISSUER_CHARS).collect()
}

/// Merges two texts, with the differences in brackets: `https://gitlab.[com -> example]`.
pub(crate) fn mark_difference(registered: &str, token: &str) -> String {
    let (left, right): (Vec<char>, Vec<char>) =
        (clip_issuer(registered).chars().collect(), clip_issuer(token).chars().collect());
    let common = common_positions(&left, &right);
    let (mut text, mut next) = (String::new(), (0, 0));
    let ends = std::iter::once((left.len(), right.len()));
    for (l, r) in common.into_iter().chain(ends) {
        let part = |chars: &[char], from: usize, to: usize| -> String {
            chars.get(from..to).unwrap_or_default().iter().collect()
        };
        let (before, now) = (part(&left, next.0, l), part(&right, next.1, r));
        if !(before.is_empty() && now.is_empty()) {
            let named = |part: String| if part.is_empty() { "nothing".to_owned() } else { part };
            text.push_str(&format!("[{} -> {}]", named(before), named(now)));
        }
        text.extend(left.get(l));
        next = (l + 1, r + 1);
    }
    text
}

/// The positions of common characters, in the prefix, the suffix and runs of at least four. Shorter
/// runs agree by chance and would fragment the difference.
fn common_positions(left: &[char], right: &[char]) -> Vec<(usize, usize)> {
    let prefix = left.iter().zip(right).take_while(|(l, r)| l == r).count();
    let rest = left.len().min(right.len()) - prefix;
    let suffix = left.iter().rev().zip(right.iter().rev()).take(rest).take_while(|(l, r)| l == r);
    let suffix = suffix.count();
    let (from, to) = (prefix, (left.len() - suffix, right.len() - suffix));
    let mut positions: Vec<(usize, usize)> = (0..prefix).map(|i| (i, i)).collect();
    add_common_runs(left, right, (from, from), to, &mut positions, &mut Work::new(MAX_STEPS));
    positions.extend((0..suffix).map(|i| (to.0 + i, to.1 + i)));
    positions
}

/// At most so many pairs of characters are compared.
const MAX_STEPS: u64 = 1_000_000;

/// Shorter runs do not count, in characters.
const MIN_RUN: usize = 4;

/// Adds the longest common run between `from` and `to`, and recursively those on both sides of it.
fn add_common_runs(
    left: &[char],
    right: &[char],
    from: (usize, usize),
    to: (usize, usize),
    positions: &mut Vec<(usize, usize)>,
    work: &mut Work,
) {
    if !work.take((to.0 - from.0) * (to.1 - from.1)) {
        return;
    }
    let (mut best, mut before) = ((0, 0, 0), vec![0; to.1.saturating_sub(from.1) + 1]);
    for l in from.0..to.0 {
        let mut now = vec![0; before.len()];
        for r in from.1..to.1 {
            if left.get(l) == right.get(r) {
                let length = before.get(r - from.1).copied().unwrap_or_default() + 1;
                if let Some(cell) = now.get_mut(r - from.1 + 1) {
                    *cell = length;
                }
                if length > best.0 {
                    best = (length, l + 1 - length, r + 1 - length);
                }
            }
        }
        before = now;
    }
    let (length, l, r) = best;
    if length < MIN_RUN {
        positions.extend(positions_equal_except_case(left, right, from, to));
        return;
    }
    add_common_runs(left, right, from, (l, r), positions, work);
    positions.extend((0..length).map(|i| (l + i, r + i)));
    add_common_runs(left, right, (l + length, r + length), to, positions, work);
}

/// The positions of equal characters, if the texts differ only in upper and lower case.
fn positions_equal_except_case(
    left: &[char],
    right: &[char],
    from: (usize, usize),
    to: (usize, usize),
) -> Vec<(usize, usize)> {
    let (l, r) = (&left[from.0..to.0], &right[from.1..to.1]);
    let same = l.len() == r.len() && l.iter().zip(r).all(|(l, r)| l.eq_ignore_ascii_case(r));
    let equal = (0..l.len()).filter(|at| same && l.get(*at) == r.get(*at));
    equal.map(|at| (from.0 + at, from.1 + at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_marked() {
        let cases = [
            ("https://gitlab.com/", "https://gitlab.com", "https://gitlab.com[/ -> nothing]"),
            ("http://gitlab.com", "https://gitlab.com", "http[nothing -> s]://gitlab.com"),
            ("https://gitlab.con", "https://gitlab.com", "https://gitlab.co[n -> m]"),
            (
                "https://GitLab.com/",
                "https://gitlab.com",
                "https://[G -> g]it[L -> l]ab.com[/ -> nothing]",
            ),
            ("a", "b", "[a -> b]"),
            ("", "", ""),
        ];
        for (registered, token, expected) in cases {
            assert_eq!(mark_difference(registered, token), expected);
        }
    }

    proptest::proptest! {
        /// One side of every bracket, with the text between, is the original text.
        #[test]
        fn both_texts_can_be_recovered(left in "[ab/.]{0,24}", right in "[ab/.]{0,24}") {
            let side = |index: usize| -> String {
                mark_difference(&left, &right)
                    .split(['[', ']'])
                    .enumerate()
                    .map(|(position, part)| match position % 2 {
                        0 => part.to_owned(),
                        _ => part.split(" -> ").nth(index).unwrap_or_default().replace("nothing", ""),
                    })
                    .collect()
            };
            proptest::prop_assert_eq!(side(0), left.clone());
            proptest::prop_assert_eq!(side(1), right.clone());
        }
    }
}
