//! Edits a policy document in place: only the necessary lines change.
//!
//! Edits the text at the places where the reader found entries and rules, then reads the result
//! again. The result must equal the old document except for the edit. Otherwise the edit is
//! refused, as it is if other parts of the document would change too (YAML anchors, merge keys,
//! expressions of a Pulumi program).

mod insert;
mod scalar;
mod source;
#[cfg(test)]
mod tests;

use std::ops::Range;

use serde_json::{Map, Value};

use self::source::{Kind, SourceNode};
use super::{Document, parse};
use crate::policy::{Form, Place, Registration};

/// A change to a policy document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Edit {
    /// Replaces the pattern of a rule.
    Pattern { registration: usize, entry: usize, rule: usize, pattern: String },
    /// Replaces the claim of a rule.
    Claim { registration: usize, entry: usize, rule: usize, claim: String },
    /// Appends an entry.
    Add { registration: usize, entry: Map<String, Value> },
}

/// The reason for refusing an edit, as the end of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotSafe(pub(crate) &'static str);

/// Replaces a span of the text.
struct Change {
    span: Range<usize>,
    text: String,
}

/// The text after the edits.
///
/// # Errors
/// An edit could affect other parts of the document.
pub(crate) fn apply(text: &str, edits: &[Edit]) -> Result<String, NotSafe> {
    let (mark, bare) = match text.strip_prefix('\u{feff}') {
        Some(bare) => ("\u{feff}", bare),
        None => ("", text),
    };
    let before = parse(bare).map_err(|_| NotSafe("it cannot be read"))?;
    if before.form == Form::Stack {
        return Err(NotSafe("it is the state of a stack: change the program"));
    }
    let (source, is_json) =
        SourceNode::read(bare).ok_or(NotSafe("its layout is not understood"))?;
    let target = Target { text: bare, source: &source, is_json, document: &before };
    let mut changes = Vec::new();
    for edit in edits {
        changes.extend(target.changes(edit)?);
    }
    // Applied from the end, so that earlier positions stay valid.
    changes.sort_by_key(|change| (change.span.start, change.span.end));
    let mut after = bare.to_owned();
    for change in changes.iter().rev() {
        after.replace_range(change.span.clone(), &change.text);
    }
    let expected = edits.iter().fold(without_places(before.clone()), edited);
    let read = parse(&after).map_err(|_| NotSafe("its layout is not understood"))?;
    match without_places(read) == expected {
        true => Ok(format!("{mark}{after}")),
        false => Err(NotSafe("its layout is not understood")),
    }
}

/// A document without places.
fn without_places(mut document: Document) -> Document {
    for registration in &mut document.issuers {
        registration.place = Place::default();
        for entry in registration.policies.iter_mut().flatten() {
            entry.place = Place::default();
            entry.rules.iter_mut().for_each(|rule| rule.place = Place::default());
        }
        registration.unresolved.iter_mut().for_each(|entry| entry.place = Place::default());
    }
    document.unresolved.iter_mut().for_each(|issuer| issuer.place = Place::default());
    document
}

/// Applies an edit to a parsed document.
pub(crate) fn edited(mut document: Document, edit: &Edit) -> Document {
    match edit {
        Edit::Pattern { registration, entry, rule, pattern } => {
            if let Some(rule) = rule_mut(&mut document, *registration, *entry, *rule) {
                rule.pattern.clone_from(pattern);
            }
        }
        Edit::Claim { registration, entry, rule, claim } => {
            if let Some(rule) = rule_mut(&mut document, *registration, *entry, *rule) {
                rule.claim.clone_from(claim);
            }
        }
        Edit::Add { registration, entry } => {
            let text = Value::Array(vec![Value::Object(entry.clone())]).to_string();
            let added = parse(&text).ok().and_then(|added| added.issuers.into_iter().next());
            let added =
                added.and_then(|one| registration_without_places(one).policies).unwrap_or_default();
            if let Some(registration) = document.issuers.get_mut(*registration) {
                registration.policies.get_or_insert_default().extend(added);
            }
        }
    }
    document
}

fn registration_without_places(registration: Registration) -> Registration {
    let mut document = Document { issuers: vec![registration], ..Document::default() };
    document = without_places(document);
    document.issuers.pop().unwrap_or_default()
}

fn rule_mut(
    document: &mut Document,
    registration: usize,
    entry: usize,
    rule: usize,
) -> Option<&mut crate::policy::Rule> {
    let entries = document.issuers.get_mut(registration)?.policies.as_mut()?;
    entries.get_mut(entry)?.rules.get_mut(rule)
}

/// The document to edit, as text, as source tree and as parsed.
struct Target<'a> {
    text: &'a str,
    source: &'a SourceNode,
    is_json: bool,
    document: &'a Document,
}

const REPEATED: NotSafe = NotSafe("other parts of it repeat what would change");
const NOT_FOUND: NotSafe = NotSafe("the entry is not written in one place");
const EXPRESSION: NotSafe = NotSafe("the value is an expression");

impl Target<'_> {
    fn changes(&self, edit: &Edit) -> Result<Vec<Change>, NotSafe> {
        match edit {
            Edit::Pattern { registration, entry, rule, pattern } => {
                let (_, value, known) = self.rule(*registration, *entry, *rule)?;
                let is_alias = matches!(value.kind, Kind::Alias);
                let is_as_read = |text: &str| self.unescape(text) == known.pattern;
                match &value.kind {
                    Kind::Scalar { value, .. } if !is_as_read(value) => return Err(EXPRESSION),
                    _ if !is_alias && self.source.is_shared_at(&value.span) => {
                        return Err(REPEATED);
                    }
                    _ => {}
                }
                self.replace(value, &self.escape(pattern))
            }
            Edit::Claim { registration, entry, rule, claim } => {
                let (key, _, _) = self.rule(*registration, *entry, *rule)?;
                if self.source.is_shared_at(&key.span) {
                    return Err(REPEATED);
                }
                self.replace(key, claim)
            }
            Edit::Add { registration, entry } => self.add(*registration, entry),
        }
    }

    /// A rule's key and value in the source, and the parsed rule.
    fn rule(
        &self,
        registration: usize,
        entry: usize,
        rule: usize,
    ) -> Result<(&SourceNode, &SourceNode, &crate::policy::Rule), NotSafe> {
        let entries = self.document.issuers.get(registration).and_then(|one| one.policies.as_ref());
        let entry = entries.and_then(|entries| entries.get(entry)).ok_or(NOT_FOUND)?;
        let known = entry.rules.get(rule).ok_or(NOT_FOUND)?;
        let written = self.source.map_at(entry.place).ok_or(NOT_FOUND)?;
        let (_, rules) = written.get("rules").ok_or(NOT_FOUND)?;
        let (key, value) = rules.get(&known.claim).ok_or(NOT_FOUND)?;
        if key.place != known.place {
            return Err(NOT_FOUND);
        }
        Ok((key, value, known))
    }

    fn replace(&self, scalar: &SourceNode, value: &str) -> Result<Vec<Change>, NotSafe> {
        let is_flow = self.is_in_flow(&scalar.span);
        let text = scalar::replacement(self.text, scalar, value, is_flow);
        let text = text.ok_or(NotSafe("the value is written over several lines"))?;
        Ok(vec![Change { span: scalar.span.clone(), text }])
    }

    fn is_in_flow(&self, span: &Range<usize>) -> bool {
        fn is_within_flow(source: &SourceNode, span: &Range<usize>) -> bool {
            let contains_span = source.span.start <= span.start && span.end <= source.span.end;
            contains_span
                && match &source.kind {
                    Kind::Map { is_flow: true, .. } | Kind::List { is_flow: true, .. } => true,
                    Kind::Map { items, .. } => items.iter().any(|(key, value)| {
                        is_within_flow(key, span) || is_within_flow(value, span)
                    }),
                    Kind::List { items, .. } => items.iter().any(|item| is_within_flow(item, span)),
                    Kind::Scalar { .. } | Kind::Alias => false,
                }
        }
        is_within_flow(self.source, span)
    }

    fn is_program(&self) -> bool {
        self.document.form == Form::Program
    }

    /// Escapes a text for the document's form: in a program, `${` begins an expression.
    fn escape(&self, text: &str) -> String {
        if self.is_program() { text.replace("${", "$${") } else { text.to_owned() }
    }

    /// Reverses [`Self::escape`]. The text must have no expression.
    fn unescape(&self, text: &str) -> String {
        if self.is_program() { text.replace("$${", "${") } else { text.to_owned() }
    }

    fn add(&self, index: usize, entry: &Map<String, Value>) -> Result<Vec<Change>, NotSafe> {
        let registration = self.document.issuers.get(index).ok_or(NOT_FOUND)?;
        let entry = match self.is_program() {
            true => self.escape_entry(entry),
            false => entry.clone(),
        };
        if matches!(self.source.kind, Kind::List { .. }) {
            return self.insert(None, self.source, &entry);
        }
        let own = self.source.map_at(registration.place).ok_or(NOT_FOUND)?;
        if let Some((key, list)) = own.get("policies") {
            return self.insert(Some(key), list, &entry);
        }
        let separate = registration.id.as_deref().and_then(|name| self.separate_policy(name));
        let (key, list) = separate.ok_or(NotSafe("it has no list of policies"))?;
        self.insert(Some(key), list, &entry)
    }

    fn insert(
        &self,
        key: Option<&SourceNode>,
        list: &SourceNode,
        entry: &Map<String, Value>,
    ) -> Result<Vec<Change>, NotSafe> {
        if matches!(list.kind, Kind::Alias) || self.source.is_shared_at(&list.span) {
            return Err(REPEATED);
        }
        insert::insert_entry(self.text, key, list, self.is_json, entry)
            .ok_or(NotSafe("its list of policies is not written as one"))
    }

    fn escape_entry(&self, entry: &Map<String, Value>) -> Map<String, Value> {
        let text = |value: &Value| match value {
            Value::String(text) => Value::String(self.escape(text)),
            other => other.clone(),
        };
        let field = |value: &Value| match value {
            // A key is never an expression.
            Value::Object(rules) => {
                Value::Object(rules.iter().map(|(key, value)| (key.clone(), text(value))).collect())
            }
            other => text(other),
        };
        entry.iter().map(|(key, value)| (key.clone(), field(value))).collect()
    }

    /// The policies of the separate resource for this issuer (`pulumiservice:api/auth:Policy`).
    fn separate_policy(&self, issuer: &str) -> Option<&(SourceNode, SourceNode)> {
        let (_, resources) = self.source.get("resources")?;
        let Kind::Map { items, .. } = &resources.kind else { return None };
        let names = [format!("${{{issuer}.id}}"), format!("${{{issuer}.issuerId}}")];
        let mut found = items.iter().filter_map(|(_, resource)| {
            let (_, properties) = resource.get("properties")?;
            let (_, id) = properties.get("issuerId")?;
            let is_it = matches!(&id.kind, Kind::Scalar { value, .. } if names.contains(value));
            properties.get("policies").filter(|_| is_it)
        });
        let first = found.next()?;
        // With several, the right one is unclear.
        found.next().is_none().then_some(first)
    }
}
