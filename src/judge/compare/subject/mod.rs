//! Explains why a subject does not match a rule, in the terms of its platform.

#[cfg(test)]
mod tests;

use crate::platform::subject::{Difference, Subject};
use crate::platform::{ALL, Renewed, subject};
use crate::policy::pattern;

/// Sentences that explain why `subject` does not match `rule`, the most specific first.
pub(crate) fn explain(issuer: &str, rule: &str, subject: &str) -> Vec<String> {
    let comparison = Comparison { issuer, rule, subject };
    let mismatches = ALL.iter().flat_map(|platform| platform.subjects.mismatches);
    let by_platform: Vec<String> =
        mismatches.filter_map(|mismatch| mismatch(rule, subject)).collect();
    let by_parts = if by_platform.is_empty() { explain_parts(&comparison) } else { None };
    let others = [explain_ref_prefix, explain_regular_expression, explain_missing_wildcard];
    explain_case(&comparison)
        .into_iter()
        .chain(by_platform)
        .chain(by_parts)
        .chain(others.iter().filter_map(|explanation| explanation(&comparison)))
        .collect()
}

/// The rule in the present form of the subject, if it has a form that the platform no longer
/// issues.
pub(crate) fn update_outdated_rule(rule: &str, subject: &str) -> Option<Renewed> {
    ALL.iter().filter_map(|platform| platform.subjects.renew).find_map(|renew| renew(rule, subject))
}

struct Comparison<'a> {
    /// The token's issuer. Some subjects are recognised only by their issuer.
    issuer: &'a str,
    rule: &'a str,
    subject: &'a str,
}

fn explain_case(comparison: &Comparison) -> Option<String> {
    pattern::matches(&comparison.rule.to_lowercase(), &comparison.subject.to_lowercase()).then(
        || {
            "Rule and token differ in upper and lower case only; matching is case-sensitive."
                .to_owned()
        },
    )
}

/// Explains the difference part by part.
fn explain_parts(comparison: &Comparison) -> Option<String> {
    let described = subject::describe(comparison.issuer, comparison.subject)?;
    let differences = subject::differences(comparison.issuer, comparison.rule, comparison.subject);
    explain_pinned_run(&described, &differences).or_else(|| {
        // The platform's own mismatches already name the parts.
        let is_covered = described.platform.platform().subjects.mismatches_name_parts;
        let parts = differences.iter().filter(|_| !is_covered);
        part_sentences(parts.map(|one| (one.name, one.wanted, one.has)))
    })
}

/// Explains a rule that names a value which differs in every run.
fn explain_pinned_run(described: &Subject, differences: &[Difference]) -> Option<String> {
    let varying = |one: &Difference| {
        described.varying.iter().find(|varying| one.wanted.is_some() && varying.name == one.name)
    };
    let first = varying(differences.first()?)?;
    differences.iter().all(|one| varying(one).is_some()).then(|| {
        let pattern = described.pattern.as_ref();
        let advice =
            pattern.map_or_else(|_| String::new(), |rule| format!(" Write {rule} instead."));
        format!(
            "The {} in sub {}: a rule that names one matches no other.{advice}",
            first.name, first.why
        )
    })
}

/// A sentence for each part. A part has a name, the value in the rule if known, and that in the
/// token.
fn part_sentences<'a>(
    parts: impl Iterator<Item = (&'a str, Option<&'a str>, &'a str)>,
) -> Option<String> {
    let sentences: Vec<String> = parts
        .map(|(name, wanted, has)| match wanted {
            Some(wanted) => {
                format!("The {name} differs: the rule is for {wanted}, the token is from {has}.")
            }
            None => {
                format!("Rule and token begin to differ in the {name}: the token is from {has}.")
            }
        })
        .collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn explain_ref_prefix(comparison: &Comparison) -> Option<String> {
    let Comparison { rule, subject, .. } = comparison;
    for prefix in ["refs/heads/", "refs/tags/"] {
        let without = |text: &str| text.replacen(prefix, "", 1);
        if rule.contains(prefix) != subject.contains(prefix)
            && pattern::matches(&without(rule), &without(subject))
        {
            let who = if subject.contains(prefix) { "the token has it" } else { "the rule has it" };
            return Some(format!("Rule and token differ in {prefix}: only {who}."));
        }
    }
    None
}

fn explain_regular_expression(comparison: &Comparison) -> Option<String> {
    let looks_like = pattern::REGULAR_EXPRESSION.iter().any(|sign| comparison.rule.contains(sign));
    looks_like.then(|| {
        "Patterns are not regular expressions: they know only * (any characters), ? (at most one) \
         and . (exactly one)."
            .to_owned()
    })
}

fn explain_missing_wildcard(comparison: &Comparison) -> Option<String> {
    let Comparison { rule, subject, .. } = comparison;
    (subject.starts_with(rule) && subject.len() > rule.len()).then(|| {
        "The rule is only the beginning of the subject: a rule has to match the whole value, and \
         has no * at its end."
            .to_owned()
    })
}
