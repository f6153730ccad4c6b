//! How far two issuers are apart, with a limit on the distance and on the work.

use super::TooMuch;
use crate::limits::Work;

/// The edits between two texts, if they are no more than `most` (Ukkonen's cut-off: further away from
/// the diagonal, there are more).
pub(super) fn edits(
    left: &str,
    right: &str,
    most: usize,
    work: &mut Work,
) -> Result<Option<usize>, TooMuch> {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let (mut left, mut right) = (left.as_slice(), right.as_slice());
    while let ([a, left_rest @ ..], [b, right_rest @ ..]) = (left, right)
        && a == b
    {
        (left, right) = (left_rest, right_rest);
    }
    while let ([left_rest @ .., a], [right_rest @ .., b]) = (left, right)
        && a == b
    {
        (left, right) = (left_rest, right_rest);
    }
    if left.len().abs_diff(right.len()) > most {
        return Ok(None);
    }
    let beyond = most + 1;
    let mut row: Vec<usize> = (0..=right.len()).map(|at| at.min(beyond)).collect();
    for (at, a) in left.iter().enumerate() {
        let from = (at + 1).saturating_sub(most);
        let to = (at + 1 + most).min(right.len());
        if !work.take(to + 1 - from) {
            return Err(TooMuch);
        }
        let mut diagonal = row[from.saturating_sub(1)];
        // Left of the band, there are more edits than count.
        let mut before = if from <= 1 { (at + 1).min(beyond) } else { beyond };
        if from <= 1 {
            row[0] = before;
        }
        let mut least = before;
        for index in from.max(1)..=to {
            let above = if index == at + 1 + most { beyond } else { row[index] };
            let changed = diagonal + usize::from(*a != right[index - 1]);
            before = changed.min(above + 1).min(before + 1).min(beyond);
            diagonal = row[index];
            row[index] = before;
            least = least.min(before);
        }
        if least == beyond {
            return Ok(None);
        }
    }
    Ok(Some(row[right.len()]).filter(|edits| *edits <= most))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn edits_are_levenshtein_s_up_to_a_limit(
            left in "[ab]{0,12}", right in "[ab]{0,12}", most in 0..14_usize,
        ) {
            let found = edits(&left, &right, most, &mut Work::unlimited()).ok().flatten();
            let expected = strsim::levenshtein(&left, &right);
            proptest::prop_assert_eq!(found, Some(expected).filter(|edits| *edits <= most));
        }
    }
}
