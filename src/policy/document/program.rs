//! Form 3: a Pulumi YAML program.
//!
//! Resolves `${…}` only from values that are certain in the program itself: variables that are
//! plain strings, and properties of other resources. Configuration, functions and provider outputs
//! are unresolved: they are known only when the program runs.

use std::cell::Cell;

use super::reading::{Map, Read, path_step, text};
use super::resources::{self, Resource, ResourceType, type_of};
use crate::policy::document::tree::{Kind, Node};
use crate::policy::{Document, Form};

/// References to references are followed to this depth. This also ends cycles.
const MAX_DEPTH: usize = 16;

/// At most so many references are followed in total, since references to references can multiply.
const MAX_REFERENCES: usize = 10_000;

/// The longest interpolated text, in bytes. Patterns and URLs are shorter.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// The total length of all interpolated texts, in bytes: a long text can be referred to often.
const MAX_TOTAL_BYTES: usize = 4 << 20;

pub(super) fn read(map: &Map<'_>) -> Read<Document> {
    let node = |name| map.get(name).map(|(_, node)| node);
    let program = Program {
        references_left: Cell::new(MAX_REFERENCES),
        bytes_left: Cell::new(MAX_TOTAL_BYTES),
        variables: node("variables"),
        resources: node("resources"),
    };
    let found = map.required("resources", |node| {
        let mut found = Vec::new();
        for (key, resource) in Map::of(node)?.entries {
            let resource = Map::of(resource).map_err(|fault| fault.within_key(key))?;
            let kind = resource.optional("type", text).map_err(|fault| fault.within_key(key))?;
            let Some(kind) = kind.as_deref().and_then(type_of) else { continue };
            // A resource that is only looked up (`get`) has no properties here.
            let Some((_, properties)) = resource.get("properties") else { continue };
            let id = Some(key.text.clone());
            let path =
                vec![".properties".to_owned(), path_step(&key.text), ".resources".to_owned()];
            let properties = program.properties(kind, properties);
            found.push(Resource { kind, id, properties, path });
        }
        Ok(found)
    })?;
    resources::document(Form::Program, map.place, &found)
}

struct Program<'a> {
    /// The number of references that may still be followed.
    references_left: Cell<usize>,
    /// The number of bytes that references may still add.
    bytes_left: Cell<usize>,
    variables: Option<&'a Node>,
    resources: Option<&'a Node>,
}

impl Program<'_> {
    fn properties(&self, kind: ResourceType, properties: &Node) -> Node {
        let mut resolved = self.resolve(properties, 0);
        // A policy refers to its issuer by the issuer's resource name.
        if kind == ResourceType::Policy
            && let Some(issuer) = referenced_issuer(properties)
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

    /// Replaces references in a text, and `$${` by `${`. If one reference is unresolved, the whole
    /// text is: part of a pattern is useless.
    fn interpolate(&self, text: &str, depth: usize) -> Kind {
        let unresolved = || Kind::Unresolved(text.to_owned());
        let (mut result, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                result.push_str(before);
                result.push_str("${");
                rest = after;
                continue;
            }
            result.push_str(before);
            let Some((reference, after)) = after.split_once('}') else { return unresolved() };
            let Some(value) = self.referenced_text(reference, depth) else { return unresolved() };
            result.push_str(&value);
            if result.len() > MAX_TEXT_BYTES {
                return unresolved();
            }
            rest = after;
        }
        result.push_str(rest);
        Kind::Text(result)
    }

    /// The text that a reference stands for, if it is certain.
    fn referenced_text(&self, reference: &str, depth: usize) -> Option<String> {
        if depth >= MAX_DEPTH {
            return None;
        }
        self.references_left.set(self.references_left.get().checked_sub(1)?);
        let node = match reference.split_once('.') {
            None => get(self.variables?, reference)?,
            Some((name, property)) => {
                get(get(get(self.resources?, name)?, "properties")?, property)?
            }
        };
        // Only strings can be interpolated.
        let Kind::Text(text) = &node.kind else { return None };
        let Kind::Text(text) = self.interpolate(text, depth + 1) else { return None };
        self.bytes_left.set(self.bytes_left.get().checked_sub(text.len())?);
        Some(text)
    }
}

fn get<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Kind::Map(entries) = &node.kind else { return None };
    entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node)
}

/// The resource name in `issuerId: ${NAME.id}` or `issuerId: ${NAME.issuerId}`.
fn referenced_issuer(properties: &Node) -> Option<String> {
    let Kind::Text(text) = &get(properties, "issuerId")?.kind else { return None };
    let (name, property) = text.strip_prefix("${")?.strip_suffix('}')?.split_once('.')?;
    ["id", "issuerId"].contains(&property).then(|| name.to_owned())
}
