//! Form 4: the output of `pulumi stack export`.

use std::collections::HashSet;

use super::reading::{Map, Read, text, wrong_type};
use super::resources::{self, Resource, type_of};
use crate::policy::document::tree::{Key, Kind, Node};
use crate::policy::{Document, Form};

/// The key that marks a special value, usually a secret (`sdk/go/common/resource/sig` in
/// pulumi/pulumi).
const SIGNATURE: &str = "4dabf18193072939515e22adb298388d";

/// The placeholder for a text that is not known yet (`plugin.UnknownStringValue`).
const UNKNOWN_TEXT: &str = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

pub(super) fn read(map: &Map<'_>) -> Read<Document> {
    let found = map.required("deployment", |node| {
        Map::of(node)?.required("resources", |node| match &node.kind {
            Kind::List(items) => {
                items.iter().enumerate().map(|(index, node)| resource(index, node)).collect()
            }
            // The stack has no resources.
            Kind::Null => Ok(Vec::new()),
            _ => Err(wrong_type(node, "a list")),
        })
    })?;
    let found: Vec<Resource> = found.into_iter().flatten().collect();
    resources::document(Form::Stack, map.place, &found)
}

fn resource(index: usize, node: &Node) -> Read<Option<Resource>> {
    let map = Map::of(node).map_err(|fault| fault.at_index(index))?;
    let kind = map.optional("type", text).map_err(|fault| fault.at_index(index))?;
    let Some(kind) = kind.as_deref().and_then(type_of) else { return Ok(None) };
    // The resource was replaced and will be deleted.
    if map.get("delete").is_some_and(|(_, node)| node.kind == Kind::Bool(true)) {
        return Ok(None);
    }
    // Outputs have precedence over inputs.
    let mut properties: Vec<(Key, Node)> = Vec::new();
    let mut known = HashSet::new();
    for name in ["outputs", "inputs"] {
        let Some((_, Node { kind: Kind::Map(entries), .. })) = map.get(name) else { continue };
        for (key, node) in entries {
            if known.insert(key.text.as_str()) {
                properties.push((key.clone(), mark_unresolved(node)));
            }
        }
    }
    let properties = Node { place: node.place, kind: Kind::Map(properties) };
    let path = vec![format!("[{index}]"), ".resources".to_owned(), ".deployment".to_owned()];
    let id = map.optional("id", text).map_err(|fault| fault.at_index(index))?;
    Ok(Some(Resource { kind, id, properties, path }))
}

/// Replaces secret and unknown parts of a value by [`Kind::Unresolved`].
fn mark_unresolved(node: &Node) -> Node {
    let kind = match &node.kind {
        Kind::Map(entries) if entries.iter().any(|(key, _)| key.text == SIGNATURE) => {
            Kind::Unresolved("a secret".to_owned())
        }
        Kind::Map(entries) => Kind::Map(
            entries.iter().map(|(key, node)| (key.clone(), mark_unresolved(node))).collect(),
        ),
        Kind::List(items) => Kind::List(items.iter().map(mark_unresolved).collect()),
        Kind::Text(text) if text == UNKNOWN_TEXT => Kind::Unresolved("not known yet".to_owned()),
        other => other.clone(),
    };
    Node { place: node.place, kind }
}
