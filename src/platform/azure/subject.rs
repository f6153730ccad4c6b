//! Explains why a service connection's or a pipeline's subject does not match a rule.

use super::entra::{EntraSubject, decode_guid};
use crate::policy::pattern;

pub(super) fn schemes(rule: &str, subject: &str) -> Option<String> {
    let begins = |own: &str, other: &str| rule.starts_with(own) && subject.starts_with(other);
    let explanation = if begins("p://", "sc://") {
        "The rule is for a pipeline's own token (p://), the token is a service connection's \
         (sc://): it was requested with a service connection id."
    } else if begins("sc://", "p://") {
        "The rule is for a service connection's token (sc://), the token is the pipeline's own \
         (p://): it was requested without a service connection id."
    } else if begins("sc://", "/eid1/") {
        "The rule has the subject of Azure DevOps' own issuer, the token has the subject of Entra's: the \
         service connection was converted or recreated."
    } else if begins("/eid1/", "sc://") {
        "The rule has the subject of Entra's issuer, the token that of Azure DevOps' own: the \
         service connection has not been converted."
    } else {
        return None;
    };
    Some(explanation.to_owned())
}

/// The parts of Entra's subject, by the index of their segment after the first slash.
const ENTRA: [(usize, &str); 5] = [
    (2, "cloud"),
    (4, "tenant"),
    (6, "application"),
    (8, "organization"),
    (9, "service connection"),
];

/// Compares Entra's subject part by part. Tenant and application ids are encoded in it.
pub(super) fn entra_parts(rule: &str, subject: &str) -> Option<String> {
    EntraSubject::parse(subject)?;
    if !rule.starts_with("/eid1/") {
        return None;
    }
    let wanted: Vec<&str> = rule.split('/').skip(1).collect();
    let has: Vec<&str> = subject.split('/').skip(1).collect();
    let mut sentences = Vec::new();
    for (at, name) in ENTRA {
        let (Some(wanted), Some(has)) = (wanted.get(at), has.get(at)) else { break };
        if pattern::matches(wanted, has) {
            continue;
        }
        sentences.push(match (decode_guid(wanted), decode_guid(has)) {
            (_, Some(id)) if wanted.eq_ignore_ascii_case(&id) => format!(
                "The rule has the {name} as the id {id}; the subject has it encoded, as {has}."
            ),
            (Some(wanted), Some(has)) => {
                format!("The {name} differs: the rule is for {wanted}, the token is from {has}.")
            }
            (_, Some(id)) => format!(
                "The {name} differs: the rule has {wanted}, the token is from {id}, which is \
                 {has} in the subject."
            ),
            _ => format!("The {name} differs: the rule is for {wanted}, the token is from {has}."),
        });
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}
