//! Reads `OidcIssuer` and `Policy` resources, for Pulumi programs (form 3) and stack states (form
//! 4).
//!
//! The resource types are those of the pulumiservice provider: `pulumiservice:index:OidcIssuer`,
//! which contains its policies, and `pulumiservice:api/auth:OidcIssuer` with a separate
//! `pulumiservice:api/auth:Policy`, which refers to the issuer by `issuerId`.

use std::collections::HashMap;

use super::reading::{Fault, Map, Read, object, seconds, text, texts};
use super::{entries, public_keys};
use crate::limits::IN_DOCUMENT;
use crate::policy::document::tree::{Kind, Node};
use crate::policy::{Document, Entry, Form, Place, Registration, Unresolved};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ResourceType {
    Issuer,
    Policy,
}

/// The type of a type token. Pulumi accepts the spellings `pulumiservice:OidcIssuer`,
/// `pulumiservice:index:OidcIssuer` and `pulumiservice:index/oidcIssuer:OidcIssuer`.
pub(super) fn type_of(token: &str) -> Option<ResourceType> {
    let parts: Vec<&str> = token.split(':').collect();
    let (module, name) = match parts.as_slice() {
        ["pulumiservice", name] => ("index", *name),
        ["pulumiservice", module, name] => (*module, *name),
        _ => return None,
    };
    let within = |wanted: &str| {
        module.strip_prefix(wanted).is_some_and(|rest| {
            rest.is_empty()
                || rest.strip_prefix('/').is_some_and(|file| file.eq_ignore_ascii_case(name))
        })
    };
    match name {
        "OidcIssuer" if within("index") || within("api/auth") => Some(ResourceType::Issuer),
        "Policy" if within("api/auth") => Some(ResourceType::Policy),
        _ => None,
    }
}

/// A resource with its properties resolved as far as possible.
pub(super) struct Resource {
    pub(super) kind: ResourceType,
    /// The id by which a `Policy` refers to an issuer.
    pub(super) id: Option<String>,
    pub(super) properties: Node,
    /// The steps of the path to the properties, the innermost first.
    pub(super) path: Vec<String>,
}

/// Builds the document from the resources.
pub(super) fn document(form: Form, place: Place, resources: &[Resource]) -> Read<Document> {
    let of = |kind| resources.iter().filter(move |one| one.kind == kind);
    let mut document = Document { form, ..Document::default() };
    for resource in of(ResourceType::Issuer) {
        match issuer(resource) {
            Ok(registration) => document.issuers.push(registration),
            Err(Fault { unresolved: Some(expression), place, .. }) => {
                document.unresolved.push(Unresolved::new(expression, place));
            }
            Err(fault) => return Err(fault.within(resource.path.clone())),
        }
    }
    let mut separate = SeparatePolicies::default();
    for resource in of(ResourceType::Policy) {
        separate.read(resource).map_err(|fault| fault.within(resource.path.clone()))?;
    }
    separate.assign_to(&mut document)?;
    if document.issuers.is_empty() && document.unresolved.is_empty() {
        return Err(Fault::new(
            place,
            "there is no OidcIssuer resource in it (pulumiservice:index:OidcIssuer or \
             pulumiservice:api/auth:OidcIssuer)",
        ));
    }
    Ok(document)
}

fn issuer(resource: &Resource) -> Read<Registration> {
    let map = Map::of(&resource.properties)?;
    let (url, issuer) = (map.optional("url", text)?, map.optional("issuer", text)?);
    if url.is_none() && issuer.is_none() {
        return Err(map.missing("url"));
    }
    let (policies, unresolved) = match map.get("policies") {
        Some((key, node)) if node.kind != Kind::Null => {
            let (entries, unresolved) = entries(node).map_err(|fault| fault.within_key(key))?;
            (Some(entries), unresolved)
        }
        _ => (None, Vec::new()),
    };
    Ok(Registration {
        name: ignore_unresolved(map.optional("name", text))?,
        id: resource.id.clone(),
        url,
        issuer,
        thumbprints: ignore_unresolved(map.optional("thumbprints", texts))?.unwrap_or_default(),
        max_expiration: first_property(&map, &["maxExpiration", "maxExpirationSeconds"], seconds)?,
        jwks: ignore_unresolved(map.optional("jwks", object))?.map(public_keys),
        last_used: None,
        organization: first_property(&map, &["organization", "orgName"], text)?,
        policies,
        unresolved,
        compared: None,
        place: resource.properties.place,
    })
}

/// The entries of separate `Policy` resources.
#[derive(Default)]
struct SeparatePolicies {
    /// Resolved and unresolved entries, by issuer id.
    by_issuer: HashMap<String, (Vec<Entry>, Vec<Unresolved>)>,
    /// The first resource without a known issuer. Its entries may belong to any issuer.
    for_any_issuer: Option<Place>,
}

impl SeparatePolicies {
    fn read(&mut self, resource: &Resource) -> Read<()> {
        let map = Map::of(&resource.properties)?;
        let issuer = ignore_unresolved(map.optional("issuerId", text))?;
        let Some((key, node)) = map.get("policies") else { return Ok(()) };
        let (entries, unresolved) = entries(node).map_err(|fault| fault.within_key(key))?;
        match issuer {
            Some(id) => {
                let known = self.by_issuer.entry(bare_id(&id).to_owned()).or_default();
                known.0.extend(entries);
                known.1.extend(unresolved);
            }
            None => {
                self.for_any_issuer.get_or_insert(resource.properties.place);
            }
        }
        Ok(())
    }

    fn assign_to(self, document: &mut Document) -> Read<()> {
        let mut left = IN_DOCUMENT;
        for registration in &mut document.issuers {
            let id = registration.id.as_deref().map(bare_id);
            if let Some((entries, unresolved)) = id.and_then(|id| self.by_issuer.get(id)) {
                // Limited, since each of many issuers with the same id gets a copy.
                left = left.checked_sub(entries.len() + unresolved.len()).ok_or_else(|| {
                    let message = format!("more than {IN_DOCUMENT} policy entries in the document");
                    Fault::new(registration.place, message)
                })?;
                registration.policies.get_or_insert_default().extend(entries.iter().cloned());
                registration.unresolved.extend(unresolved.iter().cloned());
            }
            if let Some(place) = self.for_any_issuer {
                registration.unresolved.push(Unresolved::new("issuerId", place));
            }
        }
        Ok(())
    }
}

/// A resource's id without the optional organization before it.
fn bare_id(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// The first of these properties that has a known value.
fn first_property<T>(
    map: &Map,
    names: &[&str],
    read: impl Fn(&Node) -> Read<T>,
) -> Read<Option<T>> {
    for name in names {
        if let Some(value) = ignore_unresolved(map.optional(name, &read))? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Treats an optional value that depends on an expression as absent.
fn ignore_unresolved<T>(read: Read<Option<T>>) -> Read<Option<T>> {
    match read {
        Err(Fault { unresolved: Some(_), .. }) => Ok(None),
        other => other,
    }
}
