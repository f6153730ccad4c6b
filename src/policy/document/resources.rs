//! `OidcIssuer` and `Policy` resources, wherever they are written down: what a Pulumi program
//! (form 3) and a stack's state (form 4) have in common.
//!
//! The resource types are those of the pulumiservice provider: `pulumiservice:index:OidcIssuer`
//! with its policies inside, and `pulumiservice:api/auth:OidcIssuer` with a
//! `pulumiservice:api/auth:Policy` beside it that names the issuer by `issuerId`.

use std::collections::HashMap;

use super::reading::{Fault, Map, Read, object, seconds, text, texts};
use super::{entries, public_keys};
use crate::limits::IN_DOCUMENT;
use crate::policy::document::tree::{Kind, Node};
use crate::policy::{Document, Entry, Form, Place, Registration, Unresolved};

/// What a resource is to us.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Issuer,
    Policy,
}

/// The type behind a type token, in each of the spellings that Pulumi takes:
/// `pulumiservice:OidcIssuer`, `pulumiservice:index:OidcIssuer`,
/// `pulumiservice:index/oidcIssuer:OidcIssuer`.
pub(super) fn type_of(token: &str) -> Option<Type> {
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
        "OidcIssuer" if within("index") || within("api/auth") => Some(Type::Issuer),
        "Policy" if within("api/auth") => Some(Type::Policy),
        _ => None,
    }
}

/// A resource with its properties worked out as far as they can be.
pub(super) struct Resource {
    pub(super) kind: Type,
    /// What a `Policy` names an issuer by.
    pub(super) id: Option<String>,
    pub(super) properties: Node,
    /// The steps of the path to it, the innermost first.
    pub(super) path: Vec<String>,
}

/// The document that the resources make.
pub(super) fn document(form: Form, place: Place, resources: &[Resource]) -> Read<Document> {
    let of = |kind| resources.iter().filter(move |one| one.kind == kind);
    let mut document = Document { form, ..Document::default() };
    for resource in of(Type::Issuer) {
        match issuer(resource) {
            Ok(registration) => document.issuers.push(registration),
            Err(Fault { unresolved: Some(expression), place, .. }) => {
                document.unresolved.push(Unresolved::new(expression, place));
            }
            Err(fault) => return Err(fault.within(resource.path.clone())),
        }
    }
    let mut separate = Separate::default();
    for resource in of(Type::Policy) {
        separate.read(resource).map_err(|fault| fault.within(resource.path.clone()))?;
    }
    separate.hand_out(&mut document)?;
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
            let (entries, unresolved) = entries(node).map_err(|fault| fault.under(key))?;
            (Some(entries), unresolved)
        }
        // This resource has no policies.
        _ => (None, Vec::new()),
    };
    Ok(Registration {
        name: known(map.optional("name", text))?,
        id: resource.id.clone(),
        url,
        issuer,
        thumbprints: known(map.optional("thumbprints", texts))?.unwrap_or_default(),
        max_expiration: first(&map, &["maxExpiration", "maxExpirationSeconds"], seconds)?,
        jwks: known(map.optional("jwks", object))?.map(public_keys),
        last_used: None,
        organization: first(&map, &["organization", "orgName"], text)?,
        policies,
        unresolved,
        compared: None,
        place: resource.properties.place,
    })
}

/// What separate `Policy` resources hold.
#[derive(Default)]
struct Separate {
    /// By the id of the issuer that they are for.
    by_issuer: HashMap<String, (Vec<Entry>, Vec<Unresolved>)>,
    /// The first that may be for any issuer: one is enough to leave all of them open.
    of_any: Option<Place>,
}

impl Separate {
    fn read(&mut self, resource: &Resource) -> Read<()> {
        let map = Map::of(&resource.properties)?;
        let issuer = known(map.optional("issuerId", text))?;
        let Some((key, node)) = map.get("policies") else { return Ok(()) };
        let (entries, unresolved) = entries(node).map_err(|fault| fault.under(key))?;
        match issuer {
            Some(id) => {
                let known = self.by_issuer.entry(bare(&id).to_owned()).or_default();
                known.0.extend(entries);
                known.1.extend(unresolved);
            }
            None => {
                self.of_any.get_or_insert(resource.properties.place);
            }
        }
        Ok(())
    }

    fn hand_out(self, document: &mut Document) -> Read<()> {
        let mut left = IN_DOCUMENT;
        for registration in &mut document.issuers {
            let id = registration.id.as_deref().map(bare);
            if let Some((entries, unresolved)) = id.and_then(|id| self.by_issuer.get(id)) {
                // Many issuers may have the same id, and each gets a copy.
                left = left.checked_sub(entries.len() + unresolved.len()).ok_or_else(|| {
                    let message = format!("more than {IN_DOCUMENT} policy entries in the document");
                    Fault::new(registration.place, message)
                })?;
                registration.policies.get_or_insert_default().extend(entries.iter().cloned());
                registration.unresolved.extend(unresolved.iter().cloned());
            }
            if let Some(place) = self.of_any {
                registration.unresolved.push(Unresolved::new("issuerId", place));
            }
        }
        Ok(())
    }
}

/// A resource's id without the organization that may stand in front.
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// The first of these properties that is there.
fn first<T>(map: &Map, names: &[&str], read: impl Fn(&Node) -> Read<T>) -> Read<Option<T>> {
    for name in names {
        if let Some(value) = known(map.optional(name, &read))? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// An optional value that depends on an expression counts as absent.
fn known<T>(read: Read<Option<T>>) -> Read<Option<T>> {
    match read {
        Err(Fault { unresolved: Some(_), .. }) => Ok(None),
        other => other,
    }
}
