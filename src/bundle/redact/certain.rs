//! Values that are names because of where they stand: the fields, claims and parts of subjects that
//! hold nothing else. They are names in every text, even where they are also a word of a message or
//! of a platform (an organization `cloud`, a repository `openid`).

use serde_json::Value;

use super::names::{Names, PathLabel};
use crate::bundle::allow_list::{Body, EVIDENCE, Field, RULE, USER};
use crate::platform::{ALL, subject};
use crate::pulumi::urn;

/// The folders of home directories.
const HOMES: [&str; 3] = ["/home/", "/Users/", ":\\Users\\"];

/// Adds all such names of the evidence.
pub(crate) fn collect(evidence: &Value, names: &mut Names) {
    field(&EVIDENCE, evidence, names);
}

fn field(expected: &Field, value: &Value, names: &mut Names) {
    match (expected, value) {
        (Field::Name(label), Value::String(name)) => {
            names.add(name, PathLabel::of(label));
            // A team's name may be a pattern.
            names.add_pieces(name);
        }
        (Field::Names, Value::String(text)) => add_from_text(text, names),
        (Field::Members(fields), Value::Object(members)) => {
            for (name, expected) in *fields {
                field(expected, members.get(*name).unwrap_or(&Value::Null), names);
            }
        }
        (Field::Each(expected), Value::Array(items)) => {
            items.iter().for_each(|item| field(expected, item, names));
        }
        (Field::Rule, Value::Object(rule)) => {
            let path = rule.get("claim").and_then(Value::as_str).unwrap_or_default();
            let pattern = rule.get("pattern").unwrap_or(&Value::Null);
            names.add_pieces(pattern.as_str().unwrap_or_default());
            claim(path, pattern, names);
            field(&RULE, value, names);
        }
        (Field::Claims, Value::Object(claims)) => {
            claims.iter().for_each(|(name, value)| claim(name, value, names));
        }
        (Field::Probe(answer), Value::Object(members)) => {
            field(answer, members.get("answer").unwrap_or(&Value::Null), names);
        }
        (Field::Answer(Body::Said(_)), answer) => {
            field(&USER, answer.pointer("/body/content").unwrap_or(&Value::Null), names);
        }
        _ => {}
    }
}

fn claim(name: &str, value: &Value, names: &mut Names) {
    let is_name = || ALL.iter().any(|platform| platform.claims.names.contains(&name));
    match value {
        Value::String(text) if is_name() => names.add(text, PathLabel::of(name)),
        Value::String(text) => add_from_text(text, names),
        Value::Array(items) => items.iter().for_each(|item| claim(name, item, names)),
        _ => {}
    }
}

/// The names in a text whose shape says where they are.
fn add_from_text(text: &str, names: &mut Names) {
    if let Some(organization) = urn::organization_of(text) {
        names.add(organization, PathLabel::of("organization"));
    }
    for home in HOMES {
        if let Some((_, rest)) = text.split_once(home) {
            let user = rest.split(['/', '\\']).next().unwrap_or_default();
            names.add(user, PathLabel::of("user"));
        }
    }
    if let Some(subject) = subject::describe("", text) {
        for (part, value) in &subject.parts {
            if !subject.words.contains(part) {
                names.add(value, PathLabel::of(part));
            }
        }
    }
}
