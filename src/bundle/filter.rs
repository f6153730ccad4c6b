//! Reduces evidence to what a bundle may hold ([`super::allow_list`]), and replaces names if asked
//! to.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::allow_list::{ANSWER, Body, EVIDENCE, Field, MESSAGE_MEMBERS, PROBE, RULE, USER};
use super::redact::names::{NAME, Names};
use super::redact::public;
use super::redact::text::Kind;
use crate::evidence::Evidence;
use crate::policy::claim_path::ClaimPath;
use crate::policy::rule_pattern::LEFT_OUT;
use crate::pulumi::duration;
use crate::text;
use Field::{
    Answer, Claims, Digest, Duration, Each, Known, Members, Message, Name, Plain, Presence, Probe,
    Rule, Scope, Version,
};

/// How many characters of an answer are kept: one more than reports show, so that they mark the
/// cut.
const MAX_MESSAGE_LENGTH: usize = 501;

/// Filters the evidence of one run.
pub(super) struct EvidenceFilter<'a> {
    /// The paths of the claims that rules name.
    rule_claims: HashSet<Vec<String>>,
    names: Option<&'a Names>,
}

impl<'a> EvidenceFilter<'a> {
    /// With `names`, the filter also replaces names.
    pub(super) fn new(evidence: &Evidence, names: Option<&'a Names>) -> Self {
        let issuers = evidence.policy.document().into_iter().flat_map(|d| &d.issuers);
        let entries = issuers.flat_map(|issuer| issuer.policies.iter().flatten());
        let paths = entries.flat_map(|e| &e.rules).map(|rule| ClaimPath::parse(&rule.claim));
        Self { rule_claims: paths.flatten().map(|path| path.keys().to_vec()).collect(), names }
    }

    /// Returns the evidence as the bundle holds it.
    pub(super) fn apply(&self, evidence: Value) -> Value {
        self.filter_field(&EVIDENCE, evidence)
    }

    fn filter_field(&self, field: &Field, value: Value) -> Value {
        match (field, value) {
            (_, Value::Null) => Value::Null,
            (Presence, Value::Object(_)) => json!({}),
            (Members(fields), Value::Object(members)) => {
                self.filter_members(fields, members).into()
            }
            (Each(field), Value::Array(items)) => {
                items.into_iter().map(|item| self.filter_field(field, item)).collect()
            }
            (Claims, Value::Object(claims)) => self.filter_claims(&mut Vec::new(), claims).into(),
            (Probe(answer), Value::Object(mut members)) => {
                let answer = members.remove("answer").map(|value| self.filter_field(answer, value));
                self.insert_filtered(&PROBE, members, "answer", answer)
            }
            (Answer(body), Value::Object(mut members)) => {
                let is_success = members.get("status").is_some_and(|status| *status == 200);
                let body =
                    members.remove("body").map(|value| self.filter_body(body, value, is_success));
                self.insert_filtered(&ANSWER, members, "body", body)
            }
            (Rule, Value::Object(mut rule)) => {
                let pattern =
                    rule.remove("pattern").map(|pattern| self.filter_pattern(&rule, pattern));
                self.insert_filtered(&RULE, rule, "pattern", pattern)
            }
            (_, value @ (Value::Object(_) | Value::Array(_))) => empty_of_same_type(&value),
            (Known(values), Value::String(text))
                if values.iter().any(|value| value.eq_ignore_ascii_case(&text)) =>
            {
                text.into()
            }
            (Duration, Value::String(text)) if duration::parse(&text).is_ok() => text.into(),
            (Name(label), Value::String(text)) => self.replace_name(text, label).into(),
            (Field::Names | Known(_) | Duration, Value::String(text)) => {
                self.replace_names(text, Kind::Names).into()
            }
            (Scope, Value::String(text)) => self.replace_names(text, Kind::Scope).into(),
            (Version, Value::String(text)) => self.filter_version(text).into(),
            (Message, Value::String(text)) => self.replace_names(text, Kind::Message).into(),
            (Digest, Value::String(text)) => match self.names {
                Some(names) => names.replace_digest(&text).into(),
                None => text.into(),
            },
            (Field::ClaimPath, Value::String(path)) => self.filter_claim_path(path).into(),
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
                | Field::ClaimPath,
                value,
            ) => value,
            (_, value) => empty_of_same_type(&value),
        }
    }

    fn filter_members(
        &self,
        fields: &[(&str, Field)],
        mut members: Map<String, Value>,
    ) -> Map<String, Value> {
        let kept = fields.iter().filter_map(|(name, field)| {
            Some(((*name).to_owned(), self.filter_field(field, members.remove(*name)?)))
        });
        kept.collect()
    }

    /// Filters an object, and adds a member that is already filtered.
    fn insert_filtered(
        &self,
        fields: &Field,
        members: Map<String, Value>,
        name: &str,
        value: Option<Value>,
    ) -> Value {
        let mut kept = self.filter_field(fields, members.into());
        if let (Some(value), Some(kept)) = (value, kept.as_object_mut()) {
            kept.insert(name.to_owned(), value);
        }
        kept
    }

    fn replace_names(&self, text: String, kind: Kind) -> String {
        match self.names {
            Some(names) => names.replace_in_text(&text, kind, NAME),
            None => text,
        }
    }

    fn replace_name(&self, text: String, label: &'static str) -> String {
        match self.names {
            Some(names) => names.replace_in_text(&text, Kind::Names, label),
            None => text,
        }
    }

    fn filter_version(&self, text: String) -> String {
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        let parts = rest.split_inclusive(['-', '+', '.']).map(|part| {
            let word = part.trim_end_matches(['-', '+', '.']);
            let is_public =
                VERSION_WORDS.contains(&word) || word.bytes().all(|b| b.is_ascii_digit());
            if is_public {
                part.to_owned()
            } else {
                self.replace_names(part.to_owned(), Kind::Names)
            }
        });
        numbers.chars().chain(parts.collect::<String>().chars()).collect()
    }

    fn filter_pattern(&self, rule: &Map<String, Value>, pattern: Value) -> Value {
        let claim = rule.get("claim").and_then(Value::as_str).unwrap_or_default();
        let path = ClaimPath::parse(claim).map(|path| path.keys().to_vec()).unwrap_or_default();
        match pattern {
            Value::String(text) => self.filter_claim_text(&path, text).into(),
            other => empty_of_same_type(&other),
        }
    }

    // ------------------------------------------------------------------------------ claims

    /// Filters the text of a claim, or a rule's pattern for it.
    fn filter_claim_text(&self, path: &[String], text: String) -> String {
        match path.first().map(String::as_str) {
            _ if public::is_public_value(path, &text) => text,
            // Also the pattern for a boolean claim.
            _ if ["true", "false"].contains(&&*text) => text,
            // The checks read a time in a string as a number.
            Some("exp" | "nbf" | "iat") if text.parse::<f64>().is_ok() => text,
            Some("scope" | "scp") => self.replace_names(text, Kind::Scope),
            _ => self.replace_names(text, Kind::Names),
        }
    }

    fn filter_claims(
        &self,
        path: &mut Vec<String>,
        claims: Map<String, Value>,
    ) -> Map<String, Value> {
        let mut kept = Map::new();
        for (name, value) in claims {
            path.push(name);
            let value = match value {
                value if self.rule_claims.contains(path.as_slice()) => {
                    self.filter_claim_value(path, value)
                }
                Value::Object(members) => self.filter_claims(path, members).into(),
                Value::Null => Value::Null,
                value if public::is_public_claim(path) => self.filter_claim_value(path, value),
                _ => LEFT_OUT.into(),
            };
            let name = self.claim_name(path);
            path.pop();
            kept.insert(name, value);
        }
        kept
    }

    fn filter_claim_value(&self, path: &[String], value: Value) -> Value {
        match value {
            Value::String(text) => self.filter_claim_text(path, text).into(),
            // A number may be somebody's id.
            Value::Number(number)
                if self.names.is_some() && !CHECKED_CLAIMS.iter().any(|name| path == [*name]) =>
            {
                self.replace_names(number.to_string(), Kind::Names).into()
            }
            Value::Array(items) => {
                items.into_iter().map(|item| self.filter_claim_value(path, item)).collect()
            }
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| {
                    let inner = [path, &[name]].concat();
                    let value = self.filter_claim_value(&inner, value);
                    (self.claim_name(&inner), value)
                });
                Value::Object(members.collect())
            }
            other => other,
        }
    }

    /// The last name of a claim's path, replaced unless it is public.
    fn claim_name(&self, path: &[String]) -> String {
        let name = path.last().cloned().unwrap_or_default();
        if public::is_public_claim_name(path) {
            name
        } else {
            self.replace_names(name, Kind::Names)
        }
    }

    fn filter_claim_path(&self, path: String) -> String {
        let Ok(parsed) = ClaimPath::parse(&path) else {
            return self.replace_names(path, Kind::Names);
        };
        if public::is_public_claim_name(parsed.keys()) || self.names.is_none() {
            return path;
        }
        let keys = (1..=parsed.keys().len()).map(|end| self.claim_name(&parsed.keys()[..end]));
        ClaimPath::of_keys(keys.collect()).to_string()
    }

    // ------------------------------------------------------------------------------ bodies

    fn filter_body(&self, body: &Body, value: Value, is_success: bool) -> Value {
        let kind = value.get("kind").cloned().unwrap_or_default();
        let content = value.get("content").cloned();
        let content = match (kind.as_str(), content) {
            (Some("json"), Some(content)) => match body {
                Body::Checked(field) => self.filter_field(field, content),
                Body::Message(pointers) => {
                    return self.filter_message_body(pointers, content, is_success);
                }
            },
            (Some("text"), Some(Value::String(text))) => match body {
                Body::Checked(_) => checked_mark(&text).into(),
                Body::Message(_) => self.replace_names(text, Kind::Message).into(),
            },
            (_, Some(content)) => self.filter_field(&Message, content),
            (_, None) => return json!({ "kind": kind }),
        };
        json!({ "kind": kind, "content": content })
    }

    /// Filters a JSON body with the reason of a refusal, or with the owner of the access token.
    fn filter_message_body(&self, pointers: &[&str], content: Value, is_success: bool) -> Value {
        let login = content.get("githubLogin").and_then(Value::as_str).unwrap_or_default();
        let is_user = is_success && !login.is_empty();
        let content = match content {
            content if is_user => self.filter_field(&USER, content),
            Value::Object(members) if has_message(&members, pointers) => {
                let holds_message = |name: &str| {
                    MESSAGE_MEMBERS.contains(&name)
                        || pointers.iter().any(|pointer| pointer.split('/').nth(1) == Some(name))
                };
                let members = members.into_iter().filter_map(|(name, value)| {
                    if holds_message(&name) {
                        return Some((name, self.filter_message(value)));
                    }
                    // Reports list the names of the members of a platform's answer.
                    let name = self.replace_names(name, Kind::Message);
                    (!pointers.is_empty()).then(|| (name, LEFT_OUT.into()))
                });
                Value::Object(members.collect())
            }
            // Reports show such a body whole, up to a maximal length.
            content if pointers.is_empty() => {
                let text = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
                let text = text::prefix(&text, MAX_MESSAGE_LENGTH).to_owned();
                return json!({ "kind": "text", "content": self.replace_names(text, Kind::Message) });
            }
            content => self.filter_message(content),
        };
        json!({ "kind": "json", "content": content })
    }

    /// Replaces the names in a message of any JSON type.
    fn filter_message(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.replace_names(text, Kind::Message).into(),
            Value::Array(items) => {
                items.into_iter().map(|item| self.filter_message(item)).collect()
            }
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| {
                    (self.replace_names(name, Kind::Message), self.filter_message(value))
                });
                Value::Object(members.collect())
            }
            other => other,
        }
    }
}

/// What the checks look for in a text that should be JSON: a byte order mark at its beginning, or
/// an XML error of a storage service.
fn checked_mark(text: &str) -> &'static str {
    if text.starts_with('\u{feff}') {
        "\u{feff}"
    } else if text.contains("<Error>") {
        "<Error>"
    } else {
        ""
    }
}

/// Whether findings quote a message in this body rather than the whole body.
fn has_message(members: &Map<String, Value>, pointers: &[&str]) -> bool {
    let mut messages = MESSAGE_MEMBERS.iter().filter_map(|name| members.get(*name));
    let body = Value::Object(members.clone());
    messages.any(|value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()))
        || pointers.iter().any(|at| body.pointer(at).is_some_and(Value::is_string))
}

/// Words that any version may have behind its numbers.
const VERSION_WORDS: [&str; 6] = ["", "alpha", "beta", "dev", "dirty", "rc"];

/// The claims whose type or number the checks read.
const CHECKED_CLAIMS: [&str; 7] = ["iss", "aud", "sub", "exp", "iat", "nbf", "auth_time"];

fn empty_of_same_type(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => false.into(),
        Value::Number(_) => 0.into(),
        Value::String(_) => "".into(),
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({}),
    }
}
