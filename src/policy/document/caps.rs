//! Checks the limits of a policy file after reading it ([`crate::limits`]). Answers of Pulumi Cloud
//! are not checked, but evaluated within a budget.

use super::DocumentError;
use super::reading::quote;
use crate::limits::{ENTRIES, IN_DOCUMENT, PATTERN, REGISTRATIONS, RULES, RULES_IN_POLICY};
use crate::policy::{Document, Entry, Place, Rule};

/// Refuses a document that exceeds a limit, with the place where it does.
pub(super) fn check(document: &Document) -> Result<(), DocumentError> {
    let places = document.issuers.iter().map(|issuer| issuer.place);
    at_most(REGISTRATIONS, places, "issuers in the document")?;
    let places = document.unresolved.iter().map(|unresolved| unresolved.place);
    at_most(REGISTRATIONS, places, "issuers with an open URL in the document")?;
    for issuer in &document.issuers {
        let entries = issuer.policies.iter().flatten();
        at_most(ENTRIES, entries.map(|entry| entry.place), "entries in one policy")?;
        let rules = issuer.policies.iter().flatten().flat_map(|entry| &entry.rules);
        at_most(RULES_IN_POLICY, rules.map(|rule| rule.place), "rules in one policy")?;
        let unresolved = issuer.unresolved.iter().map(|entry| entry.place);
        at_most(ENTRIES, unresolved, "open entries in one policy")?;
    }
    let entries = || document.issuers.iter().flat_map(|issuer| issuer.policies.iter().flatten());
    at_most(IN_DOCUMENT, entries().map(|entry| entry.place), "policy entries in the document")?;
    for entry in entries() {
        at_most(RULES, entry.rules.iter().map(|rule| rule.place), "rules in one policy entry")?;
        check_pattern_lengths(entry)?;
    }
    let rules = entries().flat_map(|entry| &entry.rules).map(|rule| rule.place);
    at_most(IN_DOCUMENT, rules, "rules in the document")
}

fn at_most(
    most: usize,
    mut places: impl Iterator<Item = Place>,
    what: &str,
) -> Result<(), DocumentError> {
    match places.nth(most) {
        None => Ok(()),
        Some(place) => {
            let message = format!("more than {most} {what}, the most that the doctor reads");
            Err(DocumentError::new(place, message))
        }
    }
}

fn check_pattern_lengths(entry: &Entry) -> Result<(), DocumentError> {
    let fits = |pattern: &str, place: Place, what: String| match pattern.len() {
        ..=PATTERN => Ok(()),
        bytes => {
            let message = format!(
                "{what}: the pattern has {bytes} bytes, more than the {PATTERN} that a pattern may \
                 have"
            );
            Err(DocumentError::new(place, message))
        }
    };
    if let Some(team) = &entry.team_name {
        fits(team, entry.place, "teamName".to_owned())?;
    }
    entry.rules.iter().try_for_each(|Rule { claim, pattern, place, .. }| {
        fits(pattern, *place, format!("rule on {}", quote(claim)))
    })
}
