//! Words that are names for certain: those of the fields, claims and parts of subjects that hold
//! nothing else. They are names wherever they stand, be they also words of a message or of a
//! platform (an organization `cloud`, a repository `openid`).

use std::collections::HashSet;

use serde_json::Value;

use crate::bundle::allow_list::{Body, EVIDENCE, Field, RULE, USER};
use crate::platform::{ALL, subject};
use crate::pulumi::urn;

/// What stands before a person's name in a path.
const HOMES: [&str; 3] = ["/home/", "/Users/", ":\\Users\\"];

/// The words, and the names of several words as well, in lower case.
pub(crate) fn collect(evidence: &Value) -> HashSet<String> {
    let mut names = Collected::default();
    names.field(&EVIDENCE, evidence);
    names.0
}

/// Whether a claim is a name as a whole.
fn is_name(claim: &str) -> bool {
    ALL.iter().any(|platform| platform.claims.names.contains(&claim))
}

#[derive(Default)]
struct Collected(HashSet<String>);

impl Collected {
    fn field(&mut self, field: &Field, value: &Value) {
        match (field, value) {
            (Field::Name, Value::String(name)) => self.add(name),
            (Field::Names, Value::String(text)) => self.text(text),
            (Field::Members(fields), Value::Object(members)) => {
                for (name, field) in *fields {
                    self.field(field, members.get(*name).unwrap_or(&Value::Null));
                }
            }
            (Field::Each(field), Value::Array(items)) => {
                items.iter().for_each(|item| self.field(field, item));
            }
            (Field::Rule, Value::Object(rule)) => {
                let claim = rule.get("claim").and_then(Value::as_str).unwrap_or_default();
                self.claim(claim, rule.get("pattern").unwrap_or(&Value::Null));
                self.field(&RULE, value);
            }
            (Field::Claims, Value::Object(claims)) => {
                claims.iter().for_each(|(name, value)| self.claim(name, value));
            }
            (Field::Probe(answer), Value::Object(members)) => {
                self.field(answer, members.get("answer").unwrap_or(&Value::Null));
            }
            (Field::Answer(Body::Said(_)), answer) => {
                self.field(&USER, answer.pointer("/body/content").unwrap_or(&Value::Null));
            }
            _ => {}
        }
    }

    fn claim(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) if is_name(name) => self.add(text),
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().for_each(|item| self.claim(name, item)),
            _ => {}
        }
    }

    /// The names in a text whose shape says where they are.
    fn text(&mut self, text: &str) {
        if let Some(organization) = urn::organization_of(text) {
            self.add(organization);
        }
        for home in HOMES {
            if let Some((_, rest)) = text.split_once(home) {
                self.add(rest.split(['/', '\\']).next().unwrap_or_default());
            }
        }
        if let Some(subject) = subject::describe("", text) {
            let is_name = |part: &&(&str, String)| !subject.words.contains(&part.0);
            subject.parts.iter().filter(is_name).for_each(|(_, value)| self.add(value));
        }
    }

    fn add(&mut self, name: &str) {
        let name = name.to_lowercase();
        let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 1);
        self.0.extend(words.map(str::to_owned));
        self.0.insert(name);
    }
}
