//! Derives the claims of a job from an entry's rules, if no token is given.

use serde_json::{Map, Value, json};

use crate::limits::Work;
use crate::platform::kind::platform_of;
use crate::platform::subject;
use crate::policy::claim_path::ClaimPath;
use crate::policy::template::{Open, Template, Values, matching_values};
use crate::policy::{Entry, Rule};

/// An arbitrary text.
const ANY: Open = Open::new("any", "x", "");

/// The claims of a job that matches the entry's rules, with examples in place of wildcards.
pub(super) fn claims_of_entry(
    issuer: Option<&str>,
    entry: Option<&Entry>,
    work: &mut Work,
) -> Map<String, Value> {
    let mut claims = Map::new();
    if let Some(issuer) = issuer {
        claims.insert("iss".to_owned(), json!(issuer));
    }
    let rules = entry.map(|entry| entry.rules.as_slice()).unwrap_or_default();
    let rules = || rules.iter().filter(|rule| !rule.undetermined);
    for rule in rules().filter(|rule| rule.claim != "sub") {
        if let Some(text) = shortest_match(&rule.pattern, work) {
            insert_claim(&mut claims, &rule.claim, json!(text));
        }
    }
    let Some(rule) = rules().find(|rule| rule.claim == "sub") else { return claims };
    let text = matching_subject(issuer.unwrap_or_default(), rule, work);
    if let Some(text) = text.or_else(|| shortest_match(&rule.pattern, work)) {
        claims.insert("sub".to_owned(), json!(text));
        add_subject_claims(&mut claims, issuer.unwrap_or_default(), &text);
    }
    claims
}

/// The shortest text that a pattern matches.
fn shortest_match(pattern: &str, work: &mut Work) -> Option<String> {
    if !pattern.contains(['*', '?']) {
        return Some(pattern.to_owned());
    }
    let template = Template::default().open(ANY);
    let found = matching_values(pattern, &template, &Values::new(), work).ok()??;
    Some(template.fill(&found))
}

/// A subject of this issuer's forms that matches the rule. The forms for branches come first.
fn matching_subject(issuer: &str, rule: &Rule, work: &mut Work) -> Option<String> {
    if !rule.pattern.contains(['*', '?']) {
        return Some(rule.pattern.clone());
    }
    subject::templates(issuer).into_iter().find_map(|template| {
        let found = matching_values(&rule.pattern, &template, &Values::new(), work).ok()??;
        Some(template.fill(&found))
    })
}

/// Adds the claims that repeat parts of the subject.
fn add_subject_claims(claims: &mut Map<String, Value>, issuer: &str, text: &str) {
    let Some(platform) = platform_of(Some(issuer), claims) else { return };
    let Some(kinds) = &platform.kinds else { return };
    let Some(known) = subject::describe(issuer, text) else { return };
    for (part, claim, before) in kinds.parts {
        let Some(value) = known.part(part).filter(|value| !value.contains('@')) else { continue };
        let exists = ClaimPath::parse(claim).is_ok_and(|path| path.lookup(claims).is_some());
        if !exists {
            insert_claim(claims, claim, json!(format!("{before}{value}")));
        }
    }
}

/// Inserts a value at a path. Does nothing if the path leads through a value that is not an object.
pub(super) fn insert_claim(claims: &mut Map<String, Value>, path: &str, value: Value) {
    let Ok(path) = ClaimPath::parse(path) else { return };
    let Some((last, parents)) = path.keys().split_last() else { return };
    let mut object = claims;
    for key in parents {
        let next = object.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
        let Some(next) = next.as_object_mut() else { return };
        object = next;
    }
    object.insert(last.clone(), value);
}

/// Removes the value at a path.
pub(super) fn remove_claim(claims: &mut Map<String, Value>, path: &str) {
    let Ok(path) = ClaimPath::parse(path) else { return };
    let Some((last, parents)) = path.keys().split_last() else { return };
    let mut object = claims;
    for key in parents {
        let Some(next) = object.get_mut(key).and_then(Value::as_object_mut) else { return };
        object = next;
    }
    object.shift_remove(last);
}
