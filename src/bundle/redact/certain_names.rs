//! Collects certain names: the values of fields, claims and parts of subjects that hold only names.
//! They are replaced in every text, even if they are also a word of a message or of a platform (an
//! organization `cloud`, a repository `openid`).

use serde_json::Value;

use super::names::{Names, PathLabel};
use crate::bundle::allow_list::{Body, EVIDENCE, Field, RULE, USER};
use crate::platform::{ALL, subject};
use crate::pulumi::urn;

/// The folders that hold home directories.
const HOME_FOLDERS: [&str; 3] = ["/home/", "/Users/", ":\\Users\\"];

/// Adds all certain names in the evidence to `names`.
pub(crate) fn collect(evidence: &Value, names: &mut Names) {
    collect_field(&EVIDENCE, evidence, names);
}

fn collect_field(expected: &Field, value: &Value, names: &mut Names) {
    match (expected, value) {
        (Field::Name(label), Value::String(name)) => {
            names.add(name, PathLabel::for_field(label));
            // The name of a team may be a pattern.
            names.add_pattern(name);
        }
        (Field::Names, Value::String(text)) => collect_from_text(text, names),
        (Field::Members(fields), Value::Object(members)) => {
            for (name, expected) in *fields {
                collect_field(expected, members.get(*name).unwrap_or(&Value::Null), names);
            }
        }
        (Field::Each(expected), Value::Array(items)) => {
            items.iter().for_each(|item| collect_field(expected, item, names));
        }
        (Field::Rule, Value::Object(rule)) => {
            let path = rule.get("claim").and_then(Value::as_str).unwrap_or_default();
            let pattern = rule.get("pattern").unwrap_or(&Value::Null);
            names.add_pattern(pattern.as_str().unwrap_or_default());
            collect_claim(path, pattern, names);
            collect_field(&RULE, value, names);
        }
        (Field::Claims, Value::Object(claims)) => {
            claims.iter().for_each(|(name, value)| collect_claim(name, value, names));
        }
        (Field::Probe(answer), Value::Object(members)) => {
            collect_field(answer, members.get("answer").unwrap_or(&Value::Null), names);
        }
        (Field::Answer(Body::Message(_)), answer) => {
            collect_field(&USER, answer.pointer("/body/content").unwrap_or(&Value::Null), names);
        }
        _ => {}
    }
}

fn collect_claim(name: &str, value: &Value, names: &mut Names) {
    let is_name = || ALL.iter().any(|platform| platform.claims.names.contains(&name));
    match value {
        Value::String(text) if is_name() => names.add(text, PathLabel::for_field(name)),
        Value::String(text) => collect_from_text(text, names),
        Value::Array(items) => items.iter().for_each(|item| collect_claim(name, item, names)),
        _ => {}
    }
}

/// Adds the names in a URN, a home directory, or a subject of a known form.
fn collect_from_text(text: &str, names: &mut Names) {
    if let Some(organization) = urn::organization_of(text) {
        names.add(organization, PathLabel::for_field("organization"));
    }
    for home in HOME_FOLDERS {
        if let Some((_, rest)) = text.split_once(home) {
            let user = rest.split(['/', '\\']).next().unwrap_or_default();
            names.add(user, PathLabel::for_field("user"));
        }
    }
    if let Some(subject) = subject::describe("", text) {
        for (part, value) in &subject.parts {
            if !subject.words.contains(part) {
                names.add(value, PathLabel::for_field(part));
            }
        }
    }
}
