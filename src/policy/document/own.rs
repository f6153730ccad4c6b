//! Writes a policy document in the doctor's own form (form 1), for `policy pull`.
//!
//! Sorts issuers and rules, so that the same policies give the same text. Keeps the service's order
//! of entries.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::policy::{Document, Entry, Registration};
use crate::text;

/// The document as JSON or YAML. `versions`: the id and version of each issuer's policy, by issuer
/// id.
#[must_use]
pub fn write(
    document: &Document,
    versions: &BTreeMap<String, (String, i64)>,
    is_yaml: bool,
) -> String {
    let mut issuers: Vec<&Registration> = document.issuers.iter().collect();
    issuers.sort_by_key(|one| (one.identifier(), &one.url, &one.name, &one.id));
    let issuers: Vec<Value> = issuers.into_iter().map(|one| issuer(one, versions)).collect();
    let mut all = Map::new();
    if let Some(organization) = &document.organization {
        all.insert("organization".to_owned(), json!(organization));
    }
    all.insert("issuers".to_owned(), Value::Array(issuers));
    match is_yaml {
        true => yaml(&Value::Object(all)),
        false => text::json(&all) + "\n",
    }
}

fn issuer(one: &Registration, versions: &BTreeMap<String, (String, i64)>) -> Value {
    let mut fields = Map::new();
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(key.to_owned(), value);
        }
    };
    let version = one.id.as_ref().and_then(|id| versions.get(id));
    add("name", one.name.as_ref().map(|name| json!(name)));
    add("id", one.id.as_ref().map(|id| json!(id)));
    add("url", one.url.as_ref().map(|url| json!(url)));
    add("issuer", one.issuer.as_ref().map(|issuer| json!(issuer)));
    add("thumbprints", (!one.thumbprints.is_empty()).then(|| json!(one.thumbprints)));
    add("maxExpiration", one.max_expiration.map(|seconds| json!(seconds)));
    add("jwks", one.jwks.clone());
    add("policyId", version.map(|(id, _)| json!(id)));
    add("version", version.map(|(_, version)| json!(version)));
    let entries = one.policies.iter().flatten().map(entry).collect();
    add("policies", Some(Value::Array(entries)));
    Value::Object(fields)
}

/// An entry in the API's JSON form (`AuthPolicyDefinition`).
pub(crate) fn entry(one: &Entry) -> Value {
    let mut fields = Map::new();
    fields.insert("decision".to_owned(), json!(one.decision.name()));
    fields.insert("tokenType".to_owned(), json!(one.token_type.name()));
    let names = [
        ("teamName", &one.team_name),
        ("userLogin", &one.user_login),
        ("runnerID", &one.runner_id),
        ("roleID", &one.role_id),
    ];
    for (key, name) in names {
        if let Some(name) = name {
            fields.insert(key.to_owned(), json!(name));
        }
    }
    fields.insert("authorizedPermissions".to_owned(), json!(one.authorized_permissions));
    let mut rules: Vec<_> = one.rules.iter().collect();
    rules.sort_by_key(|rule| &rule.claim);
    let rules = rules.into_iter().map(|rule| (rule.claim.clone(), json!(rule.pattern))).collect();
    fields.insert("rules".to_owned(), Value::Object(rules));
    Value::Object(fields)
}

/// A value as a YAML document.
fn yaml(value: &Value) -> String {
    let mut lines = Vec::new();
    block(value, &mut lines);
    lines.iter().map(|line| text::guard(line) + "\n").collect()
}

/// Adds the lines of an object or array.
fn block(value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                nested(&format!("{}:", text::yaml(key)), value, lines);
            }
        }
        Value::Array(items) => {
            for item in items {
                let from = lines.len();
                match scalar(item) {
                    Some(scalar) => lines.push(scalar),
                    None => block(item, lines),
                }
                for (index, line) in lines.iter_mut().skip(from).enumerate() {
                    let lead = if index == 0 { "- " } else { "  " };
                    *line = format!("{lead}{line}");
                }
            }
        }
        other => lines.extend(scalar(other)),
    }
}

/// Adds a key with its value, on one line if the value is a scalar or empty.
fn nested(key: &str, value: &Value, lines: &mut Vec<String>) {
    if let Some(scalar) = scalar(value) {
        lines.push(format!("{key} {scalar}"));
        return;
    }
    lines.push(key.to_owned());
    let from = lines.len();
    block(value, lines);
    lines.iter_mut().skip(from).for_each(|line| *line = format!("  {line}"));
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text::yaml(text)),
        Value::Array(items) if items.is_empty() => Some("[]".to_owned()),
        Value::Object(fields) if fields.is_empty() => Some("{}".to_owned()),
        Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::policy::document::parse;

    const OWN: &str = include_str!("../../../fixtures/policies/own-azure.json");

    #[test]
    fn written_document_reads_back() {
        let mut document = parse(OWN).unwrap();
        document.issuers[0].id = Some("issuer-1".to_owned());
        let versions = BTreeMap::from([("issuer-1".to_owned(), ("policy-1".to_owned(), 7))]);
        for is_yaml in [false, true] {
            let text = write(&document, &versions, is_yaml);
            let read = parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(read.organization, document.organization);
            assert_eq!(read.issuers.len(), document.issuers.len());
            assert_eq!(write(&read, &versions, is_yaml), text);
            assert!(text.contains("policy-1") && text.contains("issuer-1"), "{text}");
        }
    }

    #[test]
    fn hostile_names_stay_text() {
        let mut document = parse(OWN).unwrap();
        let hostile = "a: [*x]\n##vso[task.complete]\u{202e} - # 'q' \"";
        document.issuers[0].name = Some(hostile.to_owned());
        for is_yaml in [false, true] {
            let text = write(&document, &BTreeMap::new(), is_yaml);
            assert!(!text.contains("##vso[") && !text.contains('\u{202e}'), "{text}");
            let names: Vec<_> = parse(&text).unwrap().issuers.into_iter().map(|i| i.name).collect();
            assert!(names.contains(&Some(hostile.to_owned())), "{text}");
        }
    }
}
