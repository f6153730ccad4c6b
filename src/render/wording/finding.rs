//! What reports for people show of a finding: the values that differ, the fix, then the rest of the
//! evidence, each once.

use std::ops::Range;

use crate::report::{Finding, Proof, Remediation, Step};
use crate::text::{inert, json_string, prefix};

/// How much of the evidence comes before the fix: the two values that differ.
const BEFORE_FIX: usize = 2;

/// The evidence that comes before the fix, and what comes after it.
pub(in crate::render) fn evidence(finding: &Finding) -> (Vec<&Proof>, Vec<&Proof>) {
    // What a comparison gives is marked in the values.
    let mut all = finding.evidence.iter().filter(|proof| !proof.is_comparison);
    let values: Vec<&Proof> = all.by_ref().take(BEFORE_FIX).collect();
    let others = all.filter(|proof| !values.iter().any(|shown| shown.value == proof.value));
    let others = others.collect();
    (values, others)
}

/// A value as it is shown: inert, and in quotes where its end could not be seen.
pub(in crate::render) fn visible(value: &str) -> String {
    if value.is_empty() || value.ends_with(' ') { json_string(value) } else { inert(value) }
}

/// The characters in which the first two values differ, as they are shown; at least one.
pub(in crate::render) fn difference(finding: &Finding) -> Option<[Range<usize>; 2]> {
    let from = finding.difference?.from;
    let (values, _) = evidence(finding);
    let [left, right] = values[..] else { return None };
    let shown = [left, right].map(|proof| visible(&proof.value).chars().collect::<Vec<char>>());
    let [left, right] = &shown;
    let same = left.iter().zip(right).take_while(|(l, r)| l == r).count();
    // A pattern matches the beginning of the token's value, though they are no equal texts.
    let matched = from.map(|from| inert(prefix(&values[1].value, from)).chars().count());
    let start = [same, matched.unwrap_or(same).max(same).min(right.len())];
    let rest = (left.len() - start[0]).min(right.len() - start[1]);
    let suffix = left.iter().rev().zip(right.iter().rev()).take(rest);
    let suffix = suffix.take_while(|(l, r)| l == r).count();
    let range = |at: usize| start[at]..(shown[at].len() - suffix).max(start[at] + 1);
    Some([range(0), range(1)])
}

/// The first line of a fix, and the step that it is; notes come later.
pub(in crate::render) fn fix(remediation: &Remediation) -> (String, Option<&Step>) {
    let Remediation { summary, steps, options, .. } = remediation;
    let mut acts = steps.iter().filter(|step| !step.is_note);
    if let (Some(only), None, 1) = (acts.next(), acts.next(), options.len())
        && (only.is_diff || only.announces)
    {
        return (only.parts().0.to_owned(), Some(only));
    }
    // Each step says for which intent it is.
    let mut intents = options.iter().map(|option| option.when.as_deref().unwrap_or(summary));
    let are_told = intents.all(|intent| {
        summary.contains(intent) && steps.iter().any(|step| step.text.contains(intent))
    });
    match options.len() {
        2 if are_told => ("Two ways, depending on what is meant:".to_owned(), None),
        3.. if are_told => ("Several ways, depending on what is meant:".to_owned(), None),
        _ => (summary.clone(), None),
    }
}

/// Whether a step of the fix names this place already.
pub(in crate::render) fn is_named_in_fix(finding: &Finding, place: &str) -> bool {
    let place = place.split(", rule ").next().unwrap_or(place);
    finding.remediation.steps.iter().any(|step| step.text.contains(&inert(place)))
}
