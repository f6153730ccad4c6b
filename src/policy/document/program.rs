//! Form 3: a Pulumi YAML program.
//!
//! `${…}` is worked out from what the program itself says for certain: variables that are plain
//! strings, and properties of other resources. A stack's configuration may override a default, and
//! what a function or a provider gives is known only when the program runs: these are unresolved.

use std::cell::Cell;

use super::reading::{Map, Read, step, text};
use super::resources::{self, Resource, Type, type_of};
use crate::policy::document::tree::{Kind, Node};
use crate::policy::{Document, Form};

/// References that lead to references are followed so far; a circle ends here.
const DEEPEST: usize = 16;

/// So many references are followed in all: references to references can multiply.
const MOST: usize = 10_000;

/// What interpolations may make of one text, in bytes: more is no pattern and no URL.
const LONGEST: usize = 64 << 10;

/// What they may make in all, in bytes: what is long can be referred to often.
const LONGEST_IN_ALL: usize = 4 << 20;

/// Reads the program.
pub(super) fn read(map: &Map<'_>) -> Read<Document> {
    let node = |name| map.get(name).map(|(_, node)| node);
    let program = Program {
        left: Cell::new(MOST),
        bytes: Cell::new(LONGEST_IN_ALL),
        variables: node("variables"),
        resources: node("resources"),
    };
    let found = map.required("resources", |node| {
        let mut found = Vec::new();
        for (key, resource) in Map::of(node)?.entries {
            let resource = Map::of(resource).map_err(|fault| fault.under(key))?;
            let kind = resource.optional("type", text).map_err(|fault| fault.under(key))?;
            let Some(kind) = kind.as_deref().and_then(type_of) else { continue };
            // An existing resource that is only read (`get`) has no properties here.
            let Some((_, properties)) = resource.get("properties") else { continue };
            let id = Some(key.text.clone());
            let path = vec![".properties".to_owned(), step(&key.text), ".resources".to_owned()];
            let properties = program.properties(kind, properties);
            found.push(Resource { kind, id, properties, path });
        }
        Ok(found)
    })?;
    resources::document(Form::Program, map.place, &found)
}

struct Program<'a> {
    /// How many references may still be followed.
    left: Cell<usize>,
    /// How many bytes references may still stand for.
    bytes: Cell<usize>,
    variables: Option<&'a Node>,
    resources: Option<&'a Node>,
}

impl Program<'_> {
    fn properties(&self, kind: Type, properties: &Node) -> Node {
        let mut resolved = self.resolve(properties, 0);
        // A policy names its issuer by a reference, not by a value.
        if kind == Type::Policy
            && let Some(issuer) = issuer_of(properties)
            && let Kind::Map(entries) = &mut resolved.kind
            && let Some((_, node)) = entries.iter_mut().find(|(key, _)| key.text == "issuerId")
        {
            node.kind = Kind::Text(issuer);
        }
        resolved
    }

    fn resolve(&self, node: &Node, depth: usize) -> Node {
        let kind = match &node.kind {
            Kind::Text(text) => self.interpolate(text, depth),
            Kind::List(items) => {
                Kind::List(items.iter().map(|item| self.resolve(item, depth)).collect())
            }
            Kind::Map(entries) => match entries.as_slice() {
                [(key, _)] if key.text.to_ascii_lowercase().starts_with("fn::") => {
                    Kind::Unresolved(key.text.clone())
                }
                _ => Kind::Map(
                    entries
                        .iter()
                        .map(|(key, node)| (key.clone(), self.resolve(node, depth)))
                        .collect(),
                ),
            },
            other => other.clone(),
        };
        Node { place: node.place, kind }
    }

    /// `$${` stands for `${`. A text with one reference that cannot be worked out is unresolved as
    /// a whole: half a pattern is none.
    fn interpolate(&self, text: &str, depth: usize) -> Kind {
        let unresolved = || Kind::Unresolved(text.to_owned());
        let (mut result, mut rest) = (String::new(), text);
        while let Some((before, behind)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                result.push_str(before);
                result.push_str("${");
                rest = behind;
                continue;
            }
            result.push_str(before);
            let Some((reference, behind)) = behind.split_once('}') else { return unresolved() };
            let Some(value) = self.value(reference, depth) else { return unresolved() };
            result.push_str(&value);
            if result.len() > LONGEST {
                return unresolved();
            }
            rest = behind;
        }
        result.push_str(rest);
        Kind::Text(result)
    }

    /// What a reference stands for, where the program says it.
    fn value(&self, reference: &str, depth: usize) -> Option<String> {
        if depth >= DEEPEST {
            return None;
        }
        self.left.set(self.left.get().checked_sub(1)?);
        let node = match reference.split_once('.') {
            None => get(self.variables?, reference)?,
            Some((name, property)) => {
                get(get(get(self.resources?, name)?, "properties")?, property)?
            }
        };
        // A value of another kind than text is not what a text is made of.
        let Kind::Text(text) = &node.kind else { return None };
        let Kind::Text(text) = self.interpolate(text, depth + 1) else { return None };
        self.bytes.set(self.bytes.get().checked_sub(text.len())?);
        Some(text)
    }
}

fn get<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Kind::Map(entries) = &node.kind else { return None };
    entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node)
}

/// `issuerId: ${NAME.id}` or `${NAME.issuerId}`.
fn issuer_of(properties: &Node) -> Option<String> {
    let Kind::Text(text) = &get(properties, "issuerId")?.kind else { return None };
    let (name, property) = text.strip_prefix("${")?.strip_suffix('}')?.split_once('.')?;
    ["id", "issuerId"].contains(&property).then(|| name.to_owned())
}
