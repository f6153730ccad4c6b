//! Subjects understood: what a `sub` says in its platform's own words, and why one does not match
//! a pattern.

#[cfg(test)]
mod tests;

use crate::platform::subject::{Difference, Subject};
use crate::platform::{ALL, Renewed, subject};
use crate::policy::pattern;

/// Why `subject` does not match `rule`: sentences, the most telling first.
pub(crate) fn explain(issuer: &str, rule: &str, subject: &str) -> Vec<String> {
    let both = Both { issuer, rule, subject };
    let mismatches = ALL.iter().flat_map(|platform| platform.subjects.mismatches);
    let told: Vec<String> = mismatches.filter_map(|mismatch| mismatch(rule, subject)).collect();
    let of_parts = if told.is_empty() { parts(&both) } else { None };
    let others = [refs_prefix, regular_expression, missing_wildcard];
    upper_and_lower_case(&both)
        .into_iter()
        .chain(told)
        .chain(of_parts)
        .chain(others.iter().filter_map(|explanation| explanation(&both)))
        .collect()
}

/// The rule in the subject's form, if it means this subject in a form that its platform no longer
/// gives it.
pub(crate) fn renewed(rule: &str, subject: &str) -> Option<Renewed> {
    ALL.iter().filter_map(|platform| platform.subjects.renew).find_map(|renew| renew(rule, subject))
}

/// What is compared.
struct Both<'a> {
    /// The token's issuer: some subjects are known by it alone.
    issuer: &'a str,
    rule: &'a str,
    subject: &'a str,
}

fn upper_and_lower_case(both: &Both) -> Option<String> {
    pattern::matches(&both.rule.to_lowercase(), &both.subject.to_lowercase()).then(|| {
        "Rule and token differ in upper and lower case only; matching is case-sensitive.".to_owned()
    })
}

/// Part by part, in the words of the subject's platform.
fn parts(both: &Both) -> Option<String> {
    let described = subject::describe(both.issuer, both.subject)?;
    let differences = subject::differences(both.issuer, both.rule, both.subject);
    one_run_only(&described, &differences).or_else(|| {
        // Of these the platform tells more.
        let is_told = described.platform.platform().subjects.mismatches_name_parts;
        let parts = differences.iter().filter(|_| !is_told);
        sentences(parts.map(|one| (one.name, one.wanted, one.has)))
    })
}

/// A rule that names what is another one in every run.
fn one_run_only(described: &Subject, differences: &[Difference]) -> Option<String> {
    let varying = |one: &Difference| {
        described.varying.iter().find(|varying| one.wanted.is_some() && varying.name == one.name)
    };
    let first = varying(differences.first()?)?;
    differences.iter().all(|one| varying(one).is_some()).then(|| {
        let write = described.pattern.as_ref();
        let write = write.map_or_else(|_| String::new(), |rule| format!(" Write {rule} instead."));
        format!(
            "The {} in sub {}: a rule that names one matches no other.{write}",
            first.name, first.why
        )
    })
}

/// A sentence for each part: its name, what the rule wants where that is known, what the token has.
fn sentences<'a>(
    parts: impl Iterator<Item = (&'a str, Option<&'a str>, &'a str)>,
) -> Option<String> {
    let told: Vec<String> = parts
        .map(|(name, wanted, has)| match wanted {
            Some(wanted) => {
                format!("The {name} differs: the rule is for {wanted}, the token is from {has}.")
            }
            None => {
                format!("Rule and token begin to differ in the {name}: the token is from {has}.")
            }
        })
        .collect();
    (!told.is_empty()).then(|| told.join(" "))
}

fn refs_prefix(both: &Both) -> Option<String> {
    let Both { rule, subject, .. } = both;
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

fn regular_expression(both: &Both) -> Option<String> {
    let looks_like = pattern::REGULAR_EXPRESSION.iter().any(|sign| both.rule.contains(sign));
    looks_like.then(|| {
        "Patterns are not regular expressions: they know only * (any characters), ? (at most one) \
         and . (exactly one)."
            .to_owned()
    })
}

fn missing_wildcard(both: &Both) -> Option<String> {
    let Both { rule, subject, .. } = both;
    (subject.starts_with(rule) && subject.len() > rule.len()).then(|| {
        "The rule is only the beginning of the subject: a rule has to match the whole value, and \
         has no * at its end."
            .to_owned()
    })
}
