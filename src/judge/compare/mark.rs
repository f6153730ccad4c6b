//! Two texts in one, with what differs marked.

use crate::limits::Work;

/// How much of an issuer is compared, in characters: they are short.
pub(crate) const CLIP: usize = 512;

pub(crate) fn clip(text: &str) -> String {
    text.chars().take(CLIP).collect()
}

/// Both texts in one, with what differs in brackets: `https://gitlab.[com -> example]`.
pub(crate) fn marked(registered: &str, token: &str) -> String {
    let (left, right): (Vec<char>, Vec<char>) =
        (clip(registered).chars().collect(), clip(token).chars().collect());
    let common = common(&left, &right);
    let (mut text, mut at) = (String::new(), (0, 0));
    let ends = std::iter::once((left.len(), right.len()));
    for (l, r) in common.into_iter().chain(ends) {
        let part = |chars: &[char], from: usize, to: usize| -> String {
            chars.get(from..to).unwrap_or_default().iter().collect()
        };
        let (before, now) = (part(&left, at.0, l), part(&right, at.1, r));
        if !(before.is_empty() && now.is_empty()) {
            let named = |part: String| if part.is_empty() { "nothing".to_owned() } else { part };
            text.push_str(&format!("[{} -> {}]", named(before), named(now)));
        }
        text.extend(left.get(l));
        at = (l + 1, r + 1);
    }
    text
}

/// The places of what both have in common: runs of at least four characters, or the beginning or
/// the end, so that single letters which happen to agree do not chop a difference up.
fn common(left: &[char], right: &[char]) -> Vec<(usize, usize)> {
    let prefix = left.iter().zip(right).take_while(|(l, r)| l == r).count();
    let rest = left.len().min(right.len()) - prefix;
    let suffix = left.iter().rev().zip(right.iter().rev()).take(rest).take_while(|(l, r)| l == r);
    let suffix = suffix.count();
    let (from, to) = (prefix, (left.len() - suffix, right.len() - suffix));
    // The longest common run of the middle, and what is common on both sides of it.
    let mut places: Vec<(usize, usize)> = (0..prefix).map(|at| (at, at)).collect();
    runs(left, right, (from, from), to, &mut places, &mut Work::new(STEPS));
    places.extend((0..suffix).map(|at| (to.0 + at, to.1 + at)));
    places
}

/// How many pairs of characters are compared.
const STEPS: u64 = 1_000_000;

/// A run in common has to be so long to count as one.
const RUN: usize = 4;

fn runs(
    left: &[char],
    right: &[char],
    from: (usize, usize),
    to: (usize, usize),
    places: &mut Vec<(usize, usize)>,
    work: &mut Work,
) {
    // Texts that have little in common are not taken apart without end.
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
    if length < RUN {
        places.extend(but_for_case(left, right, from, to));
        return;
    }
    runs(left, right, from, (l, r), places, work);
    places.extend((0..length).map(|at| (l + at, r + at)));
    runs(left, right, (l + length, r + length), to, places, work);
}

/// Where upper and lower case is all that differs, every character for itself.
fn but_for_case(
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
    fn what_differs_is_marked() {
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
            assert_eq!(marked(registered, token), expected);
        }
    }

    proptest::proptest! {
        /// Taking one side of every bracket gives that side back.
        #[test]
        fn both_sides_are_in_the_mark(left in "[ab/.]{0,24}", right in "[ab/.]{0,24}") {
            let side = |index: usize| -> String {
                marked(&left, &right)
                    .split(['[', ']'])
                    .enumerate()
                    .map(|(at, part)| match at % 2 {
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
