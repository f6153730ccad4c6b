//! Reads policy documents (product contract, section 4).
//!
//! [`parse`] recognises the form by the top-level keys. Each form has one function that turns a
//! tree with places into a document. The forms share the readers of issuers and entries. The keys
//! are those of Pulumi Cloud's API (`OidcIssuerRegistrationResponse`, `AuthPolicyDefinition`).

mod caps;
pub mod cases;
pub(crate) mod edit;
pub mod own;
mod program;
mod reading;
mod resources;
mod stack;
#[cfg(test)]
mod tests;
pub(crate) mod tree;

use serde_json::Value;

use super::document::tree::{Key, Kind, Node};
use super::{Decision, Document, Entry, Form, Place, Registration, Rule, TokenType, Unresolved};
use crate::text::secret::Scrubber;
use reading::{
    Fault, Map, Read, describe, nearest, object, one_of, read_items, seconds, text, texts,
    unique_keys, whole_number, wrong_type,
};

/// An error in a policy document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct DocumentError {
    /// From 1.
    pub line: u64,
    /// In characters, from 1.
    pub column: u64,
    /// The problem, with the path of the value. Quoted secrets are removed. The caller must make it
    /// inert for a terminal.
    pub message: String,
}

impl DocumentError {
    pub(super) fn new(place: Place, message: impl AsRef<str>) -> Self {
        // Users may pass the token's file or credentials.json by mistake.
        let message = Scrubber::default().scrub(message.as_ref());
        Self { line: place.line, column: place.column, message }
    }
}

/// Reads a policy document in any form, as JSON or YAML. Accepts a byte order mark and CRLF.
///
/// # Errors
/// The first error: the text is neither JSON nor YAML, has no known form or an unknown key, or
/// exceeds one of the [`crate::limits`].
pub fn parse(text: &str) -> Result<Document, DocumentError> {
    let document = parse_answer(text)?;
    caps::check(&document)?;
    Ok(document)
}

/// [`parse`] for an answer of Pulumi Cloud. Accepts rules of any length and number: the evaluation
/// leaves those above a limit undetermined.
///
/// # Errors
/// As [`parse`], without the limits on rules, entries and issuers.
pub fn parse_answer(text: &str) -> Result<Document, DocumentError> {
    parse_tree(text, read)
}

/// Reads a text as JSON or else as YAML.
fn parse_tree<T>(
    text: &str,
    read: impl Fn(&Node) -> Result<T, DocumentError>,
) -> Result<T, DocumentError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match tree::json(text) {
        Ok(tree) => read(&tree),
        Err(error) if error.message == tree::TOO_MANY => Err(error),
        // A YAML flow mapping is accepted. For broken JSON, the JSON error is more helpful.
        Err(error) => match tree::yaml(text).and_then(|tree| read(&tree)) {
            Err(_) if looks_like_json(text) => Err(error),
            outcome => outcome,
        },
    }
}

/// Whether the text was meant as JSON: it begins with a bracket and a token that JSON allows after
/// it.
fn looks_like_json(text: &str) -> bool {
    let mut chars = text.chars().filter(|c| !c.is_whitespace());
    matches!(chars.next(), Some('{' | '['))
        && matches!(chars.next(), None | Some('"' | '{' | '[' | '}' | ']'))
}

fn read(tree: &Node) -> Result<Document, DocumentError> {
    unique_keys(tree).and_then(|()| recognise(tree)).map_err(Fault::into_error)
}

// ---------------------------------------------------------------------------------- forms

/// The keys by which forms are recognised.
const FORM_KEYS: [&str; 7] =
    ["issuers", "oidcIssuers", "policies", "url", "issuer", "resources", "deployment"];
const OWN_KEYS: [&str; 2] = ["organization", "issuers"];
const ISSUER_KEYS: [&str; 7] =
    ["name", "url", "issuer", "thumbprints", "maxExpiration", "jwks", "policies"];

/// Additional keys that `policy pull` writes: the registration's id, and the id and version of its
/// policy.
const PULLED_KEYS: [&str; 3] = ["id", "policyId", "version"];
const ENTRY_KEYS: [&str; 8] = [
    "decision",
    "tokenType",
    "teamName",
    "userLogin",
    "runnerID",
    "roleID",
    "authorizedPermissions",
    "rules",
];

fn recognise(tree: &Node) -> Read<Document> {
    let map = match &tree.kind {
        Kind::Null => return Err(unrecognised(tree.place, "the document is empty")),
        Kind::List(items) => return list(tree.place, items),
        Kind::Map(_) => Map::of(tree)?,
        _ => return Err(unrecognised(tree.place, &format!("this is {}", describe(tree)))),
    };
    let names_issuer = map.has_key("url") || map.has_key("issuer");
    if map.has_key("deployment") {
        stack::read(&map)
    } else if map.has_key("resources") {
        program::read(&map)
    } else if map.has_key("issuers") {
        own(&map)
    } else if map.has_key("oidcIssuers") {
        let issuers = map.list("oidcIssuers", Form::Registrations, registered)?;
        Ok(Document { form: Form::Registrations, issuers, ..Document::default() })
    } else if map.has_key("policies") && !names_issuer {
        let policies =
            map.list("policies", Form::AuthPolicy, |node| entry(node, Form::AuthPolicy))?;
        Ok(auth_policy(tree.place, policies))
    } else if map.has_key("id") && names_issuer && !map.has_key("policies") {
        let issuers = vec![registered(tree)?];
        Ok(Document { form: Form::Registrations, issuers, ..Document::default() })
    } else if names_issuer {
        Ok(Document { issuers: vec![own_issuer(tree)?], ..Document::default() })
    } else {
        let mut first_keys = map.entries.iter().map(|(key, _)| key).take(20);
        let near = first_keys.find_map(|key| Some((key, nearest(&key.text, &FORM_KEYS)?)));
        Err(match near {
            Some((key, near)) => {
                Fault::new(key.place, format!("unknown key; did you mean {near:?}?"))
                    .within_key(key)
            }
            None => unrecognised(tree.place, "none of the keys of a policy document is here"),
        })
    }
}

fn unrecognised(place: Place, what: &str) -> Fault {
    let expected = "expected the doctor's own form (\"issuers\"), or what Pulumi Cloud answers: a \
                    list of issuers (\"oidcIssuers\"), one issuer (\"id\" and \"url\") or a policy \
                    (\"policies\"), or a Pulumi YAML program (\"resources\"), or what pulumi stack \
                    export prints (\"deployment\")";
    Fault::new(place, format!("{what}; {expected}"))
}

/// Form 1: the doctor's own form.
fn own(map: &Map<'_>) -> Read<Document> {
    map.allow_keys(&OWN_KEYS)?;
    Ok(Document {
        form: Form::Own,
        organization: map.optional("organization", text)?,
        issuers: map.list("issuers", Form::Own, own_issuer)?,
        unresolved: Vec::new(),
    })
}

/// An issuer in form 1.
fn own_issuer(node: &Node) -> Read<Registration> {
    let map = Map::of(node)?;
    map.allow_keys_or(&ISSUER_KEYS, &PULLED_KEYS)?;
    let mut issuer = registration(&map)?;
    issuer.id = map.optional("id", text)?;
    map.optional("policyId", text)?;
    map.optional("version", whole_number)?;
    issuer.policies = Some(map.list("policies", Form::Own, |node| entry(node, Form::Own))?);
    Ok(issuer)
}

/// Form 2: one registration. The API returns its policies in another answer.
fn registered(node: &Node) -> Read<Registration> {
    let map = Map::of(node)?;
    Ok(Registration {
        id: map.optional("id", text)?,
        last_used: map.optional("lastUsed", text)?,
        ..registration(&map)?
    })
}

/// Form 2: entries without an issuer.
fn auth_policy(place: Place, policies: Vec<Entry>) -> Document {
    let issuer = Registration { policies: Some(policies), place, ..Registration::default() };
    Document { form: Form::AuthPolicy, issuers: vec![issuer], ..Document::default() }
}

/// Form 2 without the enclosing object: a list of entries or registrations, as `jq` extracts it.
fn list(place: Place, items: &[Node]) -> Read<Document> {
    let all = |fits: fn(&Map<'_>) -> bool| {
        !items.is_empty() && items.iter().all(|item| Map::of(item).is_ok_and(|map| fits(&map)))
    };
    if all(|map| map.has_key("decision") || map.has_key("tokenType")) {
        Ok(auth_policy(place, read_items(items, |node| entry(node, Form::AuthPolicy))?))
    } else if all(|map| map.has_key("id") && (map.has_key("url") || map.has_key("issuer"))) {
        let issuers = read_items(items, registered)?;
        Ok(Document { form: Form::Registrations, issuers, ..Document::default() })
    } else {
        let what = "this list holds neither policy entries nor saved registrations";
        Err(unrecognised(place, what))
    }
}

/// Reads the keys that issuers have in every form.
fn registration(map: &Map<'_>) -> Read<Registration> {
    let (url, issuer) = (map.optional("url", text)?, map.optional("issuer", text)?);
    if url.is_none() && issuer.is_none() {
        return Err(map.missing("url"));
    }
    Ok(Registration {
        name: map.optional("name", text)?,
        url,
        issuer,
        thumbprints: map.optional("thumbprints", texts)?.unwrap_or_default(),
        max_expiration: map.optional("maxExpiration", seconds)?,
        jwks: map.optional("jwks", object)?.map(public_keys),
        place: map.place,
        ..Registration::default()
    })
}

/// The members of a JWK that are private or symmetric keys (RFC 7518 sections 6.2.2, 6.3.2, 6.4.1).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Removes private keys from a key set, in case the user saved whole key pairs.
fn public_keys(mut keys: Value) -> Value {
    let list = keys.get_mut("keys").and_then(Value::as_array_mut);
    for key in list.into_iter().flatten().filter_map(Value::as_object_mut) {
        key.retain(|name, _| !PRIVATE_MEMBERS.contains(&name.as_str()));
    }
    keys
}

/// The entries of a resource, and those that depend on expressions.
fn entries(node: &Node) -> Read<(Vec<Entry>, Vec<Unresolved>)> {
    let items = match &node.kind {
        Kind::List(items) => items.as_slice(),
        Kind::Null => &[],
        Kind::Unresolved(expression) => {
            return Ok((Vec::new(), vec![Unresolved::new(expression.clone(), node.place)]));
        }
        _ => return Err(wrong_type(node, "a list")),
    };
    let (mut entries, mut unresolved) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        match entry(item, Form::Program) {
            Ok(entry) => entries.push(entry),
            Err(Fault { unresolved: Some(expression), place, .. }) => {
                let known = Map::of(item).ok();
                let known = known.as_ref();
                unresolved.push(Unresolved {
                    decision: known.and_then(|map| {
                        map.required("decision", |node| one_of(node, &DECISIONS)).ok()
                    }),
                    token_type: known.and_then(|map| {
                        map.required("tokenType", |node| one_of(node, &TOKEN_TYPES)).ok()
                    }),
                    ..Unresolved::new(expression, place)
                });
            }
            Err(fault) => return Err(fault.at_index(index)),
        }
    }
    Ok((entries, unresolved))
}

/// A policy entry (`AuthPolicyDefinition`).
fn entry(node: &Node, form: Form) -> Read<Entry> {
    let map = Map::of(node)?;
    if form == Form::Own {
        map.allow_keys(&ENTRY_KEYS)?;
    }
    Ok(Entry {
        decision: map.required("decision", |node| one_of(node, &DECISIONS))?,
        token_type: map.required("tokenType", |node| one_of(node, &TOKEN_TYPES))?,
        team_name: map.optional("teamName", text)?,
        user_login: map.optional("userLogin", text)?,
        runner_id: map.optional("runnerID", text)?,
        role_id: map.optional("roleID", text)?,
        authorized_permissions: map.optional("authorizedPermissions", texts)?.unwrap_or_default(),
        // The provider accepts entries without rules.
        rules: match form {
            Form::Program => map.optional("rules", |node| rules(node, form))?.unwrap_or_default(),
            _ => map.required("rules", |node| rules(node, form))?,
        },
        place: node.place,
    })
}

fn rules(node: &Node, form: Form) -> Read<Vec<Rule>> {
    if form != Form::Own && node.kind == Kind::Null {
        return Ok(Vec::new());
    }
    let read = |(key, value): &(Key, Node)| {
        let rule = |pattern, undetermined| Rule {
            claim: key.text.clone(),
            pattern,
            undetermined,
            compared: None,
            place: key.place,
        };
        match text(value) {
            Ok(pattern) => Ok(rule(pattern, false)),
            // The entry's other rules may still decide.
            Err(Fault { unresolved: Some(expression), .. }) => Ok(rule(expression, true)),
            Err(fault) => Err(fault.within_key(key)),
        }
    };
    Map::of(node)?.entries.iter().map(read).collect()
}

const DECISIONS: [(&str, Decision); 2] = [("allow", Decision::Allow), ("deny", Decision::Deny)];

/// The API's description has `org`, the guides have `organization` and `deployment-runner`.
const TOKEN_TYPES: [(&str, TokenType); 6] = [
    ("organization", TokenType::Organization),
    ("org", TokenType::Organization),
    ("team", TokenType::Team),
    ("personal", TokenType::Personal),
    ("runner", TokenType::Runner),
    ("deployment-runner", TokenType::Runner),
];
