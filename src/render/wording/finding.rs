//! The parts of a finding in reports for people: the values that differ, the fix, the rest of the
//! evidence. No value is shown twice.

use std::ops::Range;

use crate::report::{Finding, Proof, Remediation, Step};
use crate::text::{inert, json_string, prefix};

/// How many proofs come before the fix: the two values that differ.
const BEFORE_FIX: usize = 2;

/// Splits the evidence into what comes before the fix and what comes after.
pub(in crate::render) fn split_evidence(finding: &Finding) -> (Vec<&Proof>, Vec<&Proof>) {
    // The result of a comparison is marked in the values instead.
    let mut all = finding.evidence.iter().filter(|proof| !proof.is_comparison);
    let values: Vec<&Proof> = all.by_ref().take(BEFORE_FIX).collect();
    let others = all.filter(|proof| !values.iter().any(|shown| shown.value == proof.value));
    let others = others.collect();
    (values, others)
}

/// A value as reports show it: inert, and quoted if its end would be invisible.
pub(in crate::render) fn visible(value: &str) -> String {
    if value.is_empty() || value.ends_with(' ') { json_string(value) } else { inert(value) }
}

/// The ranges of characters in which the first two values differ, as shown; each is not empty.
pub(in crate::render) fn differing_ranges(finding: &Finding) -> Option<[Range<usize>; 2]> {
    let from = finding.difference?.from;
    let (values, _) = split_evidence(finding);
    let [left, right] = values[..] else { return None };
    let shown = [left, right].map(|proof| visible(&proof.value).chars().collect::<Vec<char>>());
    let [left, right] = &shown;
    let common = left.iter().zip(right).take_while(|(l, r)| l == r).count();
    // A wildcard of the pattern can match more of the token's value than their common prefix.
    let matched = from.map(|from| inert(prefix(&values[1].value, from)).chars().count());
    let start = [common, matched.unwrap_or(common).max(common).min(right.len())];
    let rest = (left.len() - start[0]).min(right.len() - start[1]);
    let suffix = left.iter().rev().zip(right.iter().rev()).take(rest);
    let suffix = suffix.take_while(|(l, r)| l == r).count();
    let range = |at: usize| start[at]..(shown[at].len() - suffix).max(start[at] + 1);
    Some([range(0), range(1)])
}

/// The parts of a fix.
pub(in crate::render) struct Fix<'a> {
    pub(in crate::render) first_line: String,
    /// The step that `first_line` is from. It is not among `steps`.
    pub(in crate::render) first_step: Option<&'a Step>,
    pub(in crate::render) steps: Vec<&'a Step>,
    pub(in crate::render) notes: Vec<&'a Step>,
}

/// Splits a remediation into its parts. If there is one step, it may replace the summary.
pub(in crate::render) fn split_fix(remediation: &Remediation) -> Fix<'_> {
    let Remediation { summary, steps, options, .. } = remediation;
    let (notes, steps): (Vec<&Step>, Vec<&Step>) = steps.iter().partition(|step| step.is_note);
    if let ([only], 1) = (&steps[..], options.len())
        && (only.is_diff || only.introduces_commands)
    {
        let first_line = only.split_snippet().0.to_owned();
        return Fix { first_line, first_step: Some(only), steps: Vec::new(), notes };
    }
    let mut intents = options.iter().map(|option| option.when.as_deref().unwrap_or(summary));
    let steps_name_intents = intents.all(|intent| {
        summary.contains(intent) && remediation.steps.iter().any(|step| step.text.contains(intent))
    });
    let first_line = match options.len() {
        2 if steps_name_intents => "Two ways, depending on what is meant:",
        3.. if steps_name_intents => "Several ways, depending on what is meant:",
        _ => summary,
    };
    Fix { first_line: first_line.to_owned(), first_step: None, steps, notes }
}

/// Whether a step of the fix already names this place.
pub(in crate::render) fn is_named_in_fix(finding: &Finding, place: &str) -> bool {
    let place = place.split(", rule ").next().unwrap_or(place);
    finding.remediation.steps.iter().any(|step| step.text.contains(&inert(place)))
}
