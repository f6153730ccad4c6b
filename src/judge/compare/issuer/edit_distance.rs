//! Edit distance with a limit on the distance and on the work.

use super::BudgetExceeded;
use crate::limits::Work;

/// The Levenshtein distance of two texts. `None` if it exceeds `max_edits`. Computes only a band
/// around the diagonal (Ukkonen's cut-off).
pub(super) fn bounded_edit_distance(
    left: &str,
    right: &str,
    max_edits: usize,
    work: &mut Work,
) -> Result<Option<usize>, BudgetExceeded> {
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
    if left.len().abs_diff(right.len()) > max_edits {
        return Ok(None);
    }
    let beyond = max_edits + 1;
    let mut row: Vec<usize> = (0..=right.len()).map(|at| at.min(beyond)).collect();
    for (at, a) in left.iter().enumerate() {
        let from = (at + 1).saturating_sub(max_edits);
        let to = (at + 1 + max_edits).min(right.len());
        if !work.take(to + 1 - from) {
            return Err(BudgetExceeded);
        }
        let mut diagonal = row[from.saturating_sub(1)];
        // Cells left of the band exceed the limit.
        let mut before = if from <= 1 { (at + 1).min(beyond) } else { beyond };
        if from <= 1 {
            row[0] = before;
        }
        let mut least = before;
        for index in from.max(1)..=to {
            let above = if index == at + 1 + max_edits { beyond } else { row[index] };
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
    Ok(Some(row[right.len()]).filter(|edits| *edits <= max_edits))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn bounded_distance_equals_levenshtein(
            left in "[ab]{0,12}", right in "[ab]{0,12}", max_edits in 0..14_usize,
        ) {
            let found = bounded_edit_distance(&left, &right, max_edits, &mut Work::unlimited()).ok().flatten();
            let expected = strsim::levenshtein(&left, &right);
            proptest::prop_assert_eq!(found, Some(expected).filter(|edits| *edits <= max_edits));
        }
    }
}
