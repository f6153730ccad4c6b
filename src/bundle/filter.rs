//! Evidence as a bundle holds it: what [`super::allow_list`] lists of it, with other names where that is
//! asked for.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::allow_list::{ANSWER, Body, EVIDENCE, Field, MESSAGES, PROBE, RULE, USER};
use super::redact::names::{NAME, Names};
use super::redact::public;
use super::redact::text::Kind;
use crate::evidence::Evidence;
use crate::policy::claim_path::ClaimPath;
use crate::policy::rule_pattern::LEFT_OUT;
use crate::pulumi::duration;
use crate::text;
use Field::{
    Answer, Claim, Claims, Digest, Duration, Each, Known, Members, Message, Name, Plain, Presence,
    Probe, Rule, Scope, Version,
};

/// How many characters of an answer are kept: one more than is shown, so that a cut is visible.
const SHOWN: usize = 501;

/// The outline of one run's evidence.
pub(super) struct Outline<'a> {
    /// The claims that rules name.
    named: HashSet<Vec<String>>,
    names: Option<&'a Names>,
}

impl<'a> Outline<'a> {
    /// With `names`, names are replaced.
    pub(super) fn new(evidence: &Evidence, names: Option<&'a Names>) -> Self {
        let issuers = evidence.policy.document().into_iter().flat_map(|d| &d.issuers);
        let entries = issuers.flat_map(|issuer| issuer.policies.iter().flatten());
        let paths = entries.flat_map(|e| &e.rules).map(|rule| ClaimPath::parse(&rule.claim));
        Self { named: paths.flatten().map(|path| path.keys().to_vec()).collect(), names }
    }

    /// The evidence as the bundle holds it.
    pub(super) fn apply(&self, evidence: Value) -> Value {
        self.field(&EVIDENCE, evidence)
    }

    fn field(&self, field: &Field, value: Value) -> Value {
        match (field, value) {
            (_, Value::Null) => Value::Null,
            (Presence, Value::Object(_)) => json!({}),
            (Members(fields), Value::Object(members)) => self.members(fields, members).into(),
            (Each(field), Value::Array(items)) => {
                items.into_iter().map(|item| self.field(field, item)).collect()
            }
            (Claims, Value::Object(claims)) => self.claims(&mut Vec::new(), claims).into(),
            (Probe(answer), Value::Object(mut members)) => {
                let answer = members.remove("answer").map(|value| self.field(answer, value));
                self.with(&PROBE, members, "answer", answer)
            }
            (Answer(body), Value::Object(mut members)) => {
                let is_success = members.get("status").is_some_and(|status| *status == 200);
                let body = members.remove("body").map(|value| self.body(body, value, is_success));
                self.with(&ANSWER, members, "body", body)
            }
            (Rule, Value::Object(mut rule)) => {
                let pattern = rule.remove("pattern").map(|pattern| self.pattern(&rule, pattern));
                self.with(&RULE, rule, "pattern", pattern)
            }
            (_, value @ (Value::Object(_) | Value::Array(_))) => empty(&value),
            (Known(values), Value::String(text))
                if values.iter().any(|value| value.eq_ignore_ascii_case(&text)) =>
            {
                text.into()
            }
            (Duration, Value::String(text)) if duration::parse(&text).is_ok() => text.into(),
            (Name(label), Value::String(text)) => self.name(text, label).into(),
            (Field::Names | Known(_) | Duration, Value::String(text)) => {
                self.text(text, Kind::Names).into()
            }
            (Scope, Value::String(text)) => self.text(text, Kind::Scope).into(),
            (Version, Value::String(text)) => self.version(text).into(),
            (Message, Value::String(text)) => self.text(text, Kind::Message).into(),
            (Digest, Value::String(text)) => match self.names {
                Some(names) => names.digest(&text).into(),
                None => text.into(),
            },
            (Claim, Value::String(path)) => self.path(path).into(),
            (
                Plain
                | Field::Names
                | Name(_)
                | Known(_)
                | Scope
                | Duration
                | Version
                | Message
                | Digest
                | Claim,
                value,
            ) => value,
            (_, value) => empty(&value),
        }
    }

    fn members(
        &self,
        fields: &[(&str, Field)],
        mut members: Map<String, Value>,
    ) -> Map<String, Value> {
        let kept = fields.iter().filter_map(|(name, field)| {
            Some(((*name).to_owned(), self.field(field, members.remove(*name)?)))
        });
        kept.collect()
    }

    /// The members of an object, and one that is written in a way of its own.
    fn with(
        &self,
        fields: &Field,
        members: Map<String, Value>,
        name: &str,
        value: Option<Value>,
    ) -> Value {
        let mut kept = self.field(fields, members.into());
        if let (Some(value), Some(kept)) = (value, kept.as_object_mut()) {
            kept.insert(name.to_owned(), value);
        }
        kept
    }

    fn text(&self, text: String, kind: Kind) -> String {
        match self.names {
            Some(names) => names.text(&text, kind, NAME),
            None => text,
        }
    }

    fn name(&self, text: String, label: &'static str) -> String {
        match self.names {
            Some(names) => names.text(&text, Kind::Names, label),
            None => text,
        }
    }

    fn version(&self, text: String) -> String {
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        let parts = rest.split_inclusive(['-', '+', '.']).map(|part| {
            let word = part.trim_end_matches(['-', '+', '.']);
            let stays = VERSIONS.contains(&word) || word.bytes().all(|b| b.is_ascii_digit());
            if stays { part.to_owned() } else { self.text(part.to_owned(), Kind::Names) }
        });
        numbers.chars().chain(parts.collect::<String>().chars()).collect()
    }

    /// A rule's pattern.
    fn pattern(&self, rule: &Map<String, Value>, pattern: Value) -> Value {
        let claim = rule.get("claim").and_then(Value::as_str).unwrap_or_default();
        let path = ClaimPath::parse(claim).map(|path| path.keys().to_vec()).unwrap_or_default();
        match pattern {
            Value::String(text) => self.value(&path, text).into(),
            other => empty(&other),
        }
    }

    // ------------------------------------------------------------------------------ claims

    /// A text that a claim has, or may have.
    fn value(&self, path: &[String], text: String) -> String {
        match path.first().map(String::as_str) {
            _ if public::is_value(path, &text) => text,
            // A pattern for a claim that is a boolean.
            _ if ["true", "false"].contains(&&*text) => text,
            // A time in a string is judged as a number.
            Some("exp" | "nbf" | "iat") if text.parse::<f64>().is_ok() => text,
            Some("scope" | "scp") => self.text(text, Kind::Scope),
            _ => self.text(text, Kind::Names),
        }
    }

    fn claims(&self, path: &mut Vec<String>, claims: Map<String, Value>) -> Map<String, Value> {
        let mut kept = Map::new();
        for (name, value) in claims {
            path.push(name);
            let value = match value {
                value if self.named.contains(path.as_slice()) => self.claim(path, value),
                Value::Object(members) => self.claims(path, members).into(),
                Value::Null => Value::Null,
                value if public::is_claim(path, true) => self.claim(path, value),
                _ => LEFT_OUT.into(),
            };
            let name = self.key(path);
            path.pop();
            kept.insert(name, value);
        }
        kept
    }

    /// A claim's value of any JSON type.
    fn claim(&self, path: &[String], value: Value) -> Value {
        match value {
            Value::String(text) => self.value(path, text).into(),
            // A number may be somebody's id.
            Value::Number(number)
                if self.names.is_some() && !NUMBERS.iter().any(|name| path == [*name]) =>
            {
                self.text(number.to_string(), Kind::Names).into()
            }
            Value::Array(items) => items.into_iter().map(|item| self.claim(path, item)).collect(),
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| {
                    let inner = [path, &[name]].concat();
                    let value = self.claim(&inner, value);
                    (self.key(&inner), value)
                });
                Value::Object(members.collect())
            }
            other => other,
        }
    }

    /// The last name of a path.
    fn key(&self, path: &[String]) -> String {
        let name = path.last().cloned().unwrap_or_default();
        if public::is_claim(path, false) { name } else { self.text(name, Kind::Names) }
    }

    /// A path with its names replaced.
    fn path(&self, path: String) -> String {
        let Ok(parsed) = ClaimPath::parse(&path) else { return self.text(path, Kind::Names) };
        if public::is_claim(parsed.keys(), false) || self.names.is_none() {
            return path;
        }
        let keys = (1..=parsed.keys().len()).map(|end| self.key(&parsed.keys()[..end]));
        ClaimPath::of_keys(keys.collect()).to_string()
    }

    // ------------------------------------------------------------------------------ bodies

    fn body(&self, body: &Body, value: Value, is_success: bool) -> Value {
        let kind = value.get("kind").cloned().unwrap_or_default();
        let content = value.get("content").cloned();
        let content = match (kind.as_str(), content) {
            (Some("json"), Some(content)) => match body {
                Body::Read(field) => self.field(field, content),
                Body::Said(pointers) => return self.said(pointers, content, is_success),
            },
            (Some("text"), Some(Value::String(text))) => match body {
                Body::Read(_) => telling(&text).into(),
                Body::Said(_) => self.text(text, Kind::Message).into(),
            },
            (_, Some(content)) => self.field(&Message, content),
            (_, None) => return json!({ "kind": kind }),
        };
        json!({ "kind": kind, "content": content })
    }

    /// A JSON body with the reason of a refusal, or with the owner of the access token.
    fn said(&self, pointers: &[&str], content: Value, is_success: bool) -> Value {
        let login = content.get("githubLogin").and_then(Value::as_str).unwrap_or_default();
        let is_user = is_success && !login.is_empty();
        let content = match content {
            content if is_user => self.field(&USER, content),
            Value::Object(members) if speaks(&members, pointers) => {
                let known = |name: &str| {
                    MESSAGES.contains(&name)
                        || pointers.iter().any(|pointer| pointer.split('/').nth(1) == Some(name))
                };
                let members = members.into_iter().filter_map(|(name, value)| {
                    if known(&name) {
                        return Some((name, self.whole(value)));
                    }
                    // Of what a platform answered, the names are shown.
                    let name = self.text(name, Kind::Message);
                    (!pointers.is_empty()).then(|| (name, LEFT_OUT.into()))
                });
                Value::Object(members.collect())
            }
            // What is shown of it is all of it, as far as it goes.
            content if pointers.is_empty() => {
                let text = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
                let text = text::prefix(&text, SHOWN).to_owned();
                return json!({ "kind": "text", "content": self.text(text, Kind::Message) });
            }
            content => self.whole(content),
        };
        json!({ "kind": "json", "content": content })
    }

    /// A message of any JSON type.
    fn whole(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.text(text, Kind::Message).into(),
            Value::Array(items) => items.into_iter().map(|item| self.whole(item)).collect(),
            Value::Object(members) => {
                let members = members
                    .into_iter()
                    .map(|(name, value)| (self.text(name, Kind::Message), self.whole(value)));
                Value::Object(members.collect())
            }
            other => other,
        }
    }
}

/// What is read of a text that should be JSON: that it begins with a byte order mark, or is an XML
/// error of a storage service.
fn telling(text: &str) -> &'static str {
    if text.starts_with('\u{feff}') {
        "\u{feff}"
    } else if text.contains("<Error>") {
        "<Error>"
    } else {
        ""
    }
}

/// Whether findings repeat a message of this body rather than the whole of it.
fn speaks(members: &Map<String, Value>, pointers: &[&str]) -> bool {
    let mut messages = MESSAGES.iter().filter_map(|name| members.get(*name));
    let body = Value::Object(members.clone());
    messages.any(|value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()))
        || pointers.iter().any(|at| body.pointer(at).is_some_and(Value::is_string))
}

/// What a version may say behind its numbers.
const VERSIONS: [&str; 6] = ["", "alpha", "beta", "dev", "dirty", "rc"];

/// The claims of which the judge reads type and number.
const NUMBERS: [&str; 7] = ["iss", "aud", "sub", "exp", "iat", "nbf", "auth_time"];

/// A value of the same JSON type that says nothing.
fn empty(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => false.into(),
        Value::Number(_) => 0.into(),
        Value::String(_) => "".into(),
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({}),
    }
}
