//! Reads typed values from a tree with places. Errors have the path and place of the value.

use std::collections::HashMap;

use serde_json::Value;

use super::super::{Form, Place};
use super::DocumentError;
use crate::policy::document::tree::{Key, Kind, Node};

pub(super) type Read<T> = Result<T, Fault>;

pub(super) fn text(node: &Node) -> Read<String> {
    match &node.kind {
        Kind::Text(text) => Ok(text.clone()),
        Kind::Bool(_) | Kind::Number(_) => {
            let message = format!("must be a string, not {}; put it in quotes", describe(node));
            Err(Fault::new(node.place, message))
        }
        _ => Err(wrong_type(node, "a string")),
    }
}

pub(super) fn texts(node: &Node) -> Read<Vec<String>> {
    match &node.kind {
        Kind::List(items) => read_items(items, text),
        _ => Err(wrong_type(node, "a list of strings")),
    }
}

pub(super) fn seconds(node: &Node) -> Read<i64> {
    let number = if let Kind::Number(number) = &node.kind { number.as_i64() } else { None };
    number.ok_or_else(|| wrong_type(node, "a whole number of seconds"))
}

pub(super) fn whole_number(node: &Node) -> Read<i64> {
    let number = if let Kind::Number(number) = &node.kind { number.as_i64() } else { None };
    number.ok_or_else(|| wrong_type(node, "a whole number"))
}

pub(super) fn object(node: &Node) -> Read<Value> {
    Map::of(node).map(|_| node.to_json())
}

pub(super) fn one_of<T: Copy>(node: &Node, table: &[(&str, T)]) -> Read<T> {
    let word = text(node)?;
    if let Some((_, value)) = table.iter().find(|(name, _)| *name == word) {
        return Ok(*value);
    }
    let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
    let near =
        nearest(&word, &names).map_or(String::new(), |near| format!("; did you mean {near:?}?"));
    let message = format!("{} is none of {}{near}", quote(&word), names.join(", "));
    Err(Fault::new(node.place, message))
}

pub(super) fn read_items<T>(items: &[Node], read: impl Fn(&Node) -> Read<T>) -> Read<Vec<T>> {
    let read = |(index, item)| read(item).map_err(|fault: Fault| fault.at_index(index));
    items.iter().enumerate().map(read).collect()
}

/// An object with access by key.
pub(super) struct Map<'a> {
    pub(super) place: Place,
    pub(super) entries: &'a [(Key, Node)],
}

impl<'a> Map<'a> {
    pub(super) fn of(node: &'a Node) -> Read<Self> {
        match &node.kind {
            Kind::Map(entries) => Ok(Self { place: node.place, entries }),
            _ => Err(wrong_type(node, "an object")),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a (Key, Node)> {
        self.entries.iter().find(|(key, _)| key.text == name)
    }

    pub(super) fn has_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The error for a missing required key. Suggests a similar key, since some forms ignore
    /// unknown keys.
    pub(super) fn missing(&self, name: &str) -> Fault {
        let similar = |(key, _): &&(Key, Node)| nearest(&key.text, &[name]).is_some();
        match self.entries.iter().take(MAX_COMPARED_KEYS).find(similar) {
            Some((key, _)) => Fault::new(
                key.place,
                format!("the key {name:?} is missing; did you mean it by {}?", quote(&key.text)),
            ),
            None => Fault::new(self.place, format!("the key {name:?} is missing")),
        }
    }

    /// Refuses unknown keys.
    pub(super) fn allow_keys(&self, known: &[&str]) -> Read<()> {
        self.allow_keys_or(known, &[])
    }

    /// Refuses unknown keys. `others` are allowed too, but not suggested for a misspelled key.
    pub(super) fn allow_keys_or(&self, known: &[&str], others: &[&str]) -> Read<()> {
        let is_known = |key: &str| known.contains(&key) || others.contains(&key);
        let Some((key, _)) = self.entries.iter().find(|(key, _)| !is_known(&key.text)) else {
            return Ok(());
        };
        let hint = match nearest(&key.text, known) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("known here: {}", known.join(", ")),
        };
        Err(Fault::new(key.place, format!("unknown key; {hint}")).within_key(key))
    }

    pub(super) fn required<T>(&self, name: &str, read: impl Fn(&Node) -> Read<T>) -> Read<T> {
        let (key, node) = self.get(name).ok_or_else(|| self.missing(name))?;
        read(node).map_err(|fault| fault.within_key(key))
    }

    /// Reads an optional key. `null` counts as absent.
    pub(super) fn optional<T>(
        &self,
        name: &str,
        read: impl Fn(&Node) -> Read<T>,
    ) -> Read<Option<T>> {
        match self.get(name) {
            Some((_, node)) if node.kind != Kind::Null => self.required(name, read).map(Some),
            _ => Ok(None),
        }
    }

    /// Reads a required list. `null` is an empty list in an answer of the service, which is written
    /// in Go, but an error in a file written by hand.
    pub(super) fn list<T>(
        &self,
        name: &str,
        form: Form,
        read: impl Fn(&Node) -> Read<T>,
    ) -> Read<Vec<T>> {
        self.required(name, |node| match &node.kind {
            Kind::List(items) => read_items(items, &read),
            Kind::Null if form != Form::Own => Ok(Vec::new()),
            Kind::Null => {
                Err(Fault::new(node.place, "must be a list, not null; [] is an empty one"))
            }
            _ => Err(wrong_type(node, "a list")),
        })
    }
}

// --------------------------------------------------------------------------------- faults

/// An error to which every level of the tree adds its part of the path.
pub(super) struct Fault {
    pub(super) place: Place,
    /// The innermost part first.
    path: Vec<String>,
    message: String,
    /// The expression on which the value depends, if that is the only problem.
    pub(super) unresolved: Option<String>,
}

impl Fault {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, path: Vec::new(), message: message.into(), unresolved: None }
    }

    pub(super) fn within_key(self, key: &Key) -> Self {
        self.within([path_step(&key.text)])
    }

    /// Adds outer steps of the path, the innermost first.
    pub(super) fn within(mut self, steps: impl IntoIterator<Item = String>) -> Self {
        self.path.extend(steps);
        self
    }

    pub(super) fn at_index(mut self, index: usize) -> Self {
        self.path.push(format!("[{index}]"));
        self
    }

    pub(super) fn into_error(self) -> DocumentError {
        let path: String = self.path.into_iter().rev().collect();
        match path.trim_start_matches('.') {
            "" => DocumentError::new(self.place, self.message),
            path => DocumentError::new(self.place, format!("{path}: {}", self.message)),
        }
    }
}

/// The step of a path for a key.
pub(super) fn path_step(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    match !key.is_empty() && key.len() <= MAX_SHOWN_CHARS && key.chars().all(plain) {
        true => format!(".{key}"),
        false => format!("[{}]", quote(key)),
    }
}

pub(super) fn wrong_type(node: &Node, expected: &str) -> Fault {
    let fault = Fault::new(node.place, format!("must be {expected}, not {}", describe(node)));
    match &node.kind {
        Kind::Unresolved(expression) => Fault { unresolved: Some(expression.clone()), ..fault },
        _ => fault,
    }
}

pub(super) fn describe(node: &Node) -> String {
    match &node.kind {
        Kind::Null => "null".into(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(value) => format!("the number {value}"),
        Kind::Text(_) => "a string".into(),
        Kind::List(_) => "a list".into(),
        Kind::Map(_) => "an object".into(),
        Kind::Unresolved(expression) => format!("the expression {}", quote(expression)),
    }
}

/// Longer values are clipped in messages, in characters.
const MAX_SHOWN_CHARS: usize = 60;

/// Text from the document, quoted, escaped and clipped.
pub(super) fn quote(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// At most so many keys are compared with a missing one.
const MAX_COMPARED_KEYS: usize = 50;

/// The most similar known word.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.len() > MAX_SHOWN_CHARS {
        return None;
    }
    let fold = |word: &str| word.replace(['_', '-'], "").to_ascii_lowercase();
    let word = fold(word);
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(&word, &fold(name)), *name))
        .filter(|(similarity, _)| *similarity >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Refuses a key that occurs twice, anywhere in the document.
pub(super) fn unique_keys(node: &Node) -> Read<()> {
    match &node.kind {
        Kind::Map(entries) => {
            let mut seen = HashMap::new();
            for (key, value) in entries {
                if let Some(first) = seen.insert(key.text.as_str(), key.place) {
                    let message = format!("this key is already there in line {}", first.line);
                    return Err(Fault::new(key.place, message).within_key(key));
                }
                unique_keys(value).map_err(|fault| fault.within_key(key))?;
            }
            Ok(())
        }
        Kind::List(items) => read_items(items, unique_keys).map(|_| ()),
        _ => Ok(()),
    }
}
