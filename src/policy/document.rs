//! Reading policy documents: text in, [`Document`] out (product contract, section 4).
//!
//! [`parse`] recognises the form by the keys at the top. A form is one function from a tree with
//! places to a document; the forms share the readers of an issuer and of an entry. The keys are
//! those of Pulumi Cloud's API (`OidcIssuerRegistrationResponse`, `AuthPolicyDefinition`).

use std::collections::HashMap;

use serde_json::Value;

use super::tree::{self, Key, Kind, Node};
use super::{Decision, Document, Entry, Form, Place, Registration, Rule, TokenType};
use crate::secret::Scrubber;

/// Why a policy document cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct DocumentError {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// What is wrong, with the path of the value that is. Secrets are taken out of what it
    /// quotes; making it harmless for a terminal is left to who prints it.
    pub message: String,
}

impl DocumentError {
    /// An error at a place.
    pub(super) fn new(place: Place, message: impl AsRef<str>) -> Self {
        // Somebody will give the token's file, or the credentials, for the policy's.
        let message = Scrubber::default().scrub(message.as_ref());
        Self { line: place.line, column: place.column, message }
    }
}

/// Reads a policy document, JSON or YAML, in any of its forms.
///
/// A byte order mark and CRLF line ends are tolerated.
///
/// # Errors
/// When it is neither JSON nor YAML, has none of the forms, or says something that its form does
/// not know; the first fault is named.
pub fn parse(text: &str) -> Result<Document, DocumentError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match tree::json(text) {
        Ok(tree) => read(&tree),
        // YAML in braces is no JSON but fine. Broken JSON is explained in JSON's terms.
        Err(error) => match tree::yaml(text).and_then(|tree| read(&tree)) {
            Err(_) if looks_like_json(text) => Err(error),
            outcome => outcome,
        },
    }
}

/// Whether somebody meant this as JSON: a bracket, and behind it what JSON may have there.
fn looks_like_json(text: &str) -> bool {
    let mut chars = text.chars().filter(|c| !c.is_whitespace());
    matches!(chars.next(), Some('{' | '['))
        && matches!(chars.next(), None | Some('"' | '{' | '[' | '}' | ']'))
}

fn read(tree: &Node) -> Result<Document, DocumentError> {
    unique_keys(tree).and_then(|()| recognise(tree)).map_err(Fault::into_error)
}

// ---------------------------------------------------------------------------------- forms

/// What makes a document one of the known forms.
const FORM_KEYS: [&str; 5] = ["issuers", "oidcIssuers", "policies", "url", "issuer"];
const OWN_KEYS: [&str; 2] = ["organization", "issuers"];
const ISSUER_KEYS: [&str; 7] =
    ["name", "url", "issuer", "thumbprints", "maxExpiration", "jwks", "policies"];
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
    let names_issuer = map.has("url") || map.has("issuer");
    if map.has("issuers") {
        own(&map)
    } else if map.has("oidcIssuers") {
        let issuers = map.list("oidcIssuers", Form::Registrations, registered)?;
        Ok(Document { form: Form::Registrations, organization: None, issuers })
    } else if map.has("policies") && !names_issuer {
        let policies =
            map.list("policies", Form::AuthPolicy, |node| entry(node, Form::AuthPolicy))?;
        Ok(auth_policy(tree.place, policies))
    } else if map.has("id") && names_issuer && !map.has("policies") {
        let issuers = vec![registered(tree)?];
        Ok(Document { form: Form::Registrations, organization: None, issuers })
    } else if names_issuer {
        Ok(Document { form: Form::Own, organization: None, issuers: vec![own_issuer(tree)?] })
    } else {
        let mut first_keys = map.entries.iter().map(|(key, _)| key).take(20);
        let near = first_keys.find_map(|key| Some((key, nearest(&key.text, &FORM_KEYS)?)));
        Err(match near {
            Some((key, near)) => {
                Fault::new(key.place, format!("unknown key; did you mean {near:?}?")).under(key)
            }
            None => unrecognised(tree.place, "none of the keys of a policy document is here"),
        })
    }
}

fn unrecognised(place: Place, what: &str) -> Fault {
    let expected = "expected the doctor's own form (\"issuers\"), or what Pulumi Cloud answers: a \
                    list of issuers (\"oidcIssuers\"), one issuer (\"id\" and \"url\") or a policy \
                    (\"policies\")";
    Fault::new(place, format!("{what}; {expected}"))
}

/// Form 1: the doctor's own.
fn own(map: &Map<'_>) -> Read<Document> {
    map.only(&OWN_KEYS)?;
    Ok(Document {
        form: Form::Own,
        organization: map.optional("organization", text)?,
        issuers: map.list("issuers", Form::Own, own_issuer)?,
    })
}

/// An issuer in form 1.
fn own_issuer(node: &Node) -> Read<Registration> {
    let map = Map::of(node)?;
    map.only(&ISSUER_KEYS)?;
    let mut issuer = registration(&map)?;
    issuer.policies = Some(map.list("policies", Form::Own, |node| entry(node, Form::Own))?);
    Ok(issuer)
}

/// Form 2: one registration. Its policies are another answer.
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
    Document { form: Form::AuthPolicy, organization: None, issuers: vec![issuer] }
}

/// Form 2 less the object around the list: entries or registrations, as `jq` cuts them out.
fn list(place: Place, items: &[Node]) -> Read<Document> {
    let all = |fits: fn(&Map<'_>) -> bool| {
        !items.is_empty() && items.iter().all(|item| Map::of(item).is_ok_and(|map| fits(&map)))
    };
    if all(|map| map.has("decision") || map.has("tokenType")) {
        Ok(auth_policy(place, each(items, |node| entry(node, Form::AuthPolicy))?))
    } else if all(|map| map.has("id") && (map.has("url") || map.has("issuer"))) {
        let issuers = each(items, registered)?;
        Ok(Document { form: Form::Registrations, organization: None, issuers })
    } else {
        let what = "this list holds neither policy entries nor saved registrations";
        Err(unrecognised(place, what))
    }
}

/// What an issuer has in every form.
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
        jwks: map.optional("jwks", object)?,
        place: map.place,
        ..Registration::default()
    })
}

/// A policy entry (`AuthPolicyDefinition`).
fn entry(node: &Node, form: Form) -> Read<Entry> {
    let map = Map::of(node)?;
    if form == Form::Own {
        map.only(&ENTRY_KEYS)?;
    }
    Ok(Entry {
        decision: map.required("decision", |node| one_of(node, &DECISIONS))?,
        token_type: map.required("tokenType", |node| one_of(node, &TOKEN_TYPES))?,
        team_name: map.optional("teamName", text)?,
        user_login: map.optional("userLogin", text)?,
        runner_id: map.optional("runnerID", text)?,
        role_id: map.optional("roleID", text)?,
        authorized_permissions: map.optional("authorizedPermissions", texts)?.unwrap_or_default(),
        rules: map.required("rules", |node| rules(node, form))?,
        place: node.place,
    })
}

fn rules(node: &Node, form: Form) -> Read<Vec<Rule>> {
    if form != Form::Own && node.kind == Kind::Null {
        return Ok(Vec::new());
    }
    let read = |(key, value): &(Key, Node)| {
        let pattern = text(value).map_err(|fault| fault.under(key))?;
        Ok(Rule { claim: key.text.clone(), pattern, place: key.place })
    };
    Map::of(node)?.entries.iter().map(read).collect()
}

const DECISIONS: [(&str, Decision); 2] = [("allow", Decision::Allow), ("deny", Decision::Deny)];

/// The API's description says `org`, the guides `organization` and `deployment-runner`.
const TOKEN_TYPES: [(&str, TokenType); 6] = [
    ("organization", TokenType::Organization),
    ("org", TokenType::Organization),
    ("team", TokenType::Team),
    ("personal", TokenType::Personal),
    ("runner", TokenType::Runner),
    ("deployment-runner", TokenType::Runner),
];

// --------------------------------------------------------------------------------- values

type Read<T> = Result<T, Fault>;

fn text(node: &Node) -> Read<String> {
    match &node.kind {
        Kind::Text(text) => Ok(text.clone()),
        Kind::Bool(_) | Kind::Number(_) => {
            let message = format!("must be a string, not {}; put it in quotes", describe(node));
            Err(Fault::new(node.place, message))
        }
        _ => Err(wrong_type(node, "a string")),
    }
}

fn texts(node: &Node) -> Read<Vec<String>> {
    match &node.kind {
        Kind::List(items) => each(items, text),
        _ => Err(wrong_type(node, "a list of strings")),
    }
}

fn seconds(node: &Node) -> Read<i64> {
    let number = if let Kind::Number(number) = &node.kind { number.as_i64() } else { None };
    number.ok_or_else(|| wrong_type(node, "a whole number of seconds"))
}

fn object(node: &Node) -> Read<Value> {
    Map::of(node).map(|_| node.to_json())
}

fn one_of<T: Copy>(node: &Node, table: &[(&str, T)]) -> Read<T> {
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

fn each<T>(items: &[Node], read: impl Fn(&Node) -> Read<T>) -> Read<Vec<T>> {
    let read = |(index, item)| read(item).map_err(|fault: Fault| fault.at(index));
    items.iter().enumerate().map(read).collect()
}

/// An object, by its keys.
struct Map<'a> {
    place: Place,
    entries: &'a [(Key, Node)],
}

impl<'a> Map<'a> {
    fn of(node: &'a Node) -> Read<Self> {
        match &node.kind {
            Kind::Map(entries) => Ok(Self { place: node.place, entries }),
            _ => Err(wrong_type(node, "an object")),
        }
    }

    fn get(&self, name: &str) -> Option<&'a (Key, Node)> {
        self.entries.iter().find(|(key, _)| key.text == name)
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn missing(&self, name: &str) -> Fault {
        Fault::new(self.place, format!("the key {name:?} is missing"))
    }

    /// Refuses keys that are not among the known ones.
    fn only(&self, known: &[&str]) -> Read<()> {
        let Some((key, _)) = self.entries.iter().find(|(key, _)| !known.contains(&&*key.text))
        else {
            return Ok(());
        };
        let hint = match nearest(&key.text, known) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("known here: {}", known.join(", ")),
        };
        Err(Fault::new(key.place, format!("unknown key; {hint}")).under(key))
    }

    fn required<T>(&self, name: &str, read: impl Fn(&Node) -> Read<T>) -> Read<T> {
        let (key, node) = self.get(name).ok_or_else(|| self.missing(name))?;
        read(node).map_err(|fault| fault.under(key))
    }

    /// `null` is the same as an absent key.
    fn optional<T>(&self, name: &str, read: impl Fn(&Node) -> Read<T>) -> Read<Option<T>> {
        match self.get(name) {
            Some((_, node)) if node.kind != Kind::Null => self.required(name, read).map(Some),
            _ => Ok(None),
        }
    }

    /// A list that has to be there. A service written in Go answers `null` for an empty one; in
    /// a file that somebody wrote, it is a list that they forgot to fill.
    fn list<T>(&self, name: &str, form: Form, read: impl Fn(&Node) -> Read<T>) -> Read<Vec<T>> {
        self.required(name, |node| match &node.kind {
            Kind::List(items) => each(items, &read),
            Kind::Null if form != Form::Own => Ok(Vec::new()),
            Kind::Null => {
                Err(Fault::new(node.place, "must be a list, not null; [] is an empty one"))
            }
            _ => Err(wrong_type(node, "a list")),
        })
    }
}

// --------------------------------------------------------------------------------- faults

/// An error on its way up: every level adds its part of the path in front.
struct Fault {
    place: Place,
    /// From the inside out.
    path: Vec<String>,
    message: String,
}

impl Fault {
    fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, path: Vec::new(), message: message.into() }
    }

    fn under(mut self, key: &Key) -> Self {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        self.path.push(match key.text.as_str() {
            text if !text.is_empty() && text.len() <= SHOWN && text.chars().all(plain) => {
                format!(".{text}")
            }
            text => format!("[{}]", quote(text)),
        });
        self
    }

    fn at(mut self, index: usize) -> Self {
        self.path.push(format!("[{index}]"));
        self
    }

    fn into_error(self) -> DocumentError {
        let path: String = self.path.into_iter().rev().collect();
        match path.trim_start_matches('.') {
            "" => DocumentError::new(self.place, self.message),
            path => DocumentError::new(self.place, format!("{path}: {}", self.message)),
        }
    }
}

fn wrong_type(node: &Node, expected: &str) -> Fault {
    Fault::new(node.place, format!("must be {expected}, not {}", describe(node)))
}

fn describe(node: &Node) -> String {
    match &node.kind {
        Kind::Null => "null".into(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(value) => format!("the number {value}"),
        Kind::Text(_) => "a string".into(),
        Kind::List(_) => "a list".into(),
        Kind::Map(_) => "an object".into(),
    }
}

/// Characters that are shown of a value from the document.
const SHOWN: usize = 60;

/// Text from the document, in quotes and escaped.
fn quote(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// The known word that this one looks like.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.len() > SHOWN {
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
fn unique_keys(node: &Node) -> Read<()> {
    match &node.kind {
        Kind::Map(entries) => {
            let mut seen = HashMap::new();
            for (key, value) in entries {
                if let Some(first) = seen.insert(key.text.as_str(), key.place) {
                    let message = format!("this key is already there in line {}", first.line);
                    return Err(Fault::new(key.place, message).under(key));
                }
                unique_keys(value).map_err(|fault| fault.under(key))?;
            }
            Ok(())
        }
        Kind::List(items) => each(items, unique_keys).map(|_| ()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const OWN_YAML: &str = include_str!("../../fixtures/policies/own-azure.yaml");
    const OWN_JSON: &str = include_str!("../../fixtures/policies/own-azure.json");
    const API_ISSUERS: &str = include_str!("../../fixtures/policies/api-issuers.json");
    const API_POLICY: &str = include_str!("../../fixtures/policies/api-auth-policy.json");

    /// The document less everything that may differ between two spellings of it.
    fn without_places(text: &str) -> Document {
        let mut document = parse(text).expect(text);
        for issuer in &mut document.issuers {
            issuer.place = Place::default();
            for entry in issuer.policies.iter_mut().flatten() {
                entry.place = Place::default();
                entry.rules.iter_mut().for_each(|rule| rule.place = Place::default());
            }
        }
        document
    }

    fn entries(document: &Document) -> &[Entry] {
        document.issuers[0].policies.as_deref().expect("entries")
    }

    fn error(text: &str) -> String {
        parse(text).expect_err(text).to_string()
    }

    /// One entry of form 1, in YAML, with its last lines given.
    fn own_entry(rest: &str) -> String {
        format!("url: https://a.example\npolicies:\n- decision: allow\n  tokenType: org\n{rest}")
    }

    #[test]
    fn own_form_in_yaml() {
        let document = parse(OWN_YAML).unwrap();
        assert_eq!(document.form, Form::Own);
        assert_eq!(document.organization.as_deref(), Some("acme"));
        let [entra, old] = document.issuers.as_slice() else { panic!("two issuers") };
        assert_eq!(entra.max_expiration, Some(7200));
        assert_eq!(entra.issuer, None);
        assert_eq!(entra.place, Place { line: 5, column: 5 });
        let [allow, deny] = entra.policies.as_deref().unwrap() else { panic!("two entries") };
        assert_eq!(allow.authorized_permissions, ["admin"]);
        assert_eq!(allow.place, Place { line: 9, column: 9 });
        assert_eq!(allow.rules[0].claim, "aud");
        assert_eq!(allow.rules[0].place, Place { line: 14, column: 11 });
        assert!(allow.rules[1].pattern.starts_with("/eid1/c/pub/t/"));
        assert_eq!((deny.decision, deny.token_type), (Decision::Deny, TokenType::Organization));
        assert!(deny.authorized_permissions.is_empty());
        assert_eq!(old.thumbprints.len(), 1);
        assert_eq!(old.policies.as_ref().unwrap()[0].team_name.as_deref(), Some("deployers-*"));
    }

    #[test]
    fn json_and_yaml_say_the_same() {
        assert_eq!(without_places(OWN_YAML), without_places(OWN_JSON));
        let json = parse(OWN_JSON).unwrap();
        // A tab is one character.
        assert_eq!(json.issuers[0].place, Place { line: 4, column: 3 });
        assert_eq!(entries(&json)[0].rules[1].place, Place { line: 15, column: 7 });
    }

    #[test]
    fn byte_order_mark_and_line_ends() {
        for text in [OWN_YAML, OWN_JSON] {
            let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
            assert_eq!(parse(&windows), parse(text));
        }
    }

    #[test]
    fn saved_registrations() {
        let document = parse(API_ISSUERS).unwrap();
        assert_eq!(document.form, Form::Registrations);
        let [github, gitlab] = document.issuers.as_slice() else { panic!("two issuers") };
        assert_eq!(github.id.as_deref(), Some("3f1c9a52-7d0e-4b8a-9a55-2c6f1e0b7d31"));
        assert_eq!(github.last_used.as_deref(), Some("2026-08-28T06:44:10.001Z"));
        assert_eq!(github.max_expiration, Some(90_000));
        assert_eq!(github.policies, None);
        assert_eq!(gitlab.max_expiration, None);
        assert_eq!(gitlab.jwks.as_ref().unwrap()["keys"][0]["kid"], json!("gitlab-1"));
        assert_eq!(gitlab.identifier(), Some("https://gitlab.acme.example"));

        // The same, cut out with `jq .oidcIssuers` and `jq '.oidcIssuers[0]'`.
        let value: Value = serde_json::from_str(API_ISSUERS).unwrap();
        let list = &value["oidcIssuers"];
        assert_eq!(without_places(&list.to_string()), without_places(API_ISSUERS));
        assert_eq!(
            without_places(&list[0].to_string()).issuers,
            without_places(API_ISSUERS).issuers[..1]
        );
    }

    #[test]
    fn saved_policy() {
        let document = parse(API_POLICY).unwrap();
        assert_eq!(document.form, Form::AuthPolicy);
        assert_eq!(document.issuers.len(), 1);
        assert_eq!(document.issuers[0].identifier(), None);
        let [organization, personal, runner] = entries(&document) else { panic!("three entries") };
        assert_eq!(organization.authorized_permissions, ["admin"]);
        assert_eq!(personal.user_login.as_deref(), Some("ada"));
        assert_eq!(personal.rules[1].claim, "\"kubernetes.io\".pod.name");
        assert_eq!(runner.token_type, TokenType::Runner);
        assert_eq!(runner.runner_id.as_deref(), Some("runner-17"));
        assert_eq!(runner.role_id.as_deref(), Some("role-2"));

        let value: Value = serde_json::from_str(API_POLICY).unwrap();
        assert_eq!(without_places(&value["policies"].to_string()), without_places(API_POLICY));
    }

    #[test]
    fn forms_are_recognised() {
        let table = [
            ("issuers: []", Form::Own, 0),
            ("---\nissuers: []\n...\n", Form::Own, 0),
            ("{issuers: [], # YAML in braces\n}", Form::Own, 0),
            ("{'issuers': []}", Form::Own, 0),
            ("url: https://a.example\npolicies: []", Form::Own, 1),
            ("issuer: https://a.example\npolicies: []", Form::Own, 1),
            ("policies: []", Form::AuthPolicy, 1),
            (r#"{"id": "1", "version": 1, "policies": null, "new": {}}"#, Form::AuthPolicy, 1),
            (r#"{"oidcIssuers": null}"#, Form::Registrations, 0),
            (r#"{"id": "1", "url": "https://a.example", "new": 1}"#, Form::Registrations, 1),
            (r#"[{"id": "1", "issuer": "https://a.example"}]"#, Form::Registrations, 1),
            (r#"[{"decision":"deny","tokenType":"team","rules":null}]"#, Form::AuthPolicy, 1),
        ];
        for (text, form, issuers) in table {
            let document = parse(text).expect(text);
            assert_eq!((document.form, document.issuers.len()), (form, issuers), "{text}");
        }
    }

    #[test]
    fn token_types_by_every_name() {
        let table = [
            ("organization", TokenType::Organization),
            ("org", TokenType::Organization),
            ("team", TokenType::Team),
            ("personal", TokenType::Personal),
            ("runner", TokenType::Runner),
            ("deployment-runner", TokenType::Runner),
        ];
        for (name, expected) in table {
            let text = format!("[{{decision: allow, tokenType: {name}, rules: {{}}}}]");
            assert_eq!(entries(&parse(&text).unwrap())[0].token_type, expected);
        }
    }

    #[test]
    fn yaml_conveniences() {
        let text = "\
x-unused: &rules {aud: urn:pulumi:org:acme}
policies:
- &first
  decision: allow
  tokenType: !!str team
  teamName: !custom core
  rules: {<<: *rules, sub: on}
- *first
";
        let document = parse(text).unwrap();
        let [first, second] = entries(&document) else { panic!("two entries") };
        assert_eq!(first, second);
        assert_eq!(first.team_name.as_deref(), Some("core"));
        let mut rules: Vec<_> = first.rules.iter().map(|r| (&*r.claim, &*r.pattern)).collect();
        rules.sort_unstable();
        assert_eq!(rules, [("aud", "urn:pulumi:org:acme"), ("sub", "on")]);
        // The merged rule stands where it is written.
        let aud = first.rules.iter().find(|rule| rule.claim == "aud").unwrap();
        assert_eq!(aud.place, Place { line: 1, column: 19 });
    }

    #[test]
    fn json_strings_and_places() {
        let text = "{\"organization\":\"\u{e4}\\\\\\\" ] } \\ud83d\\ude00\\/\" , \"issuers\" :[ { \
                    \"url\":\"u\",\"jwks\":{\"n\":[-1,2.5,true,null,{}]},\"policies\":[ ] } ] }";
        let document = parse(text).unwrap();
        assert_eq!(document.organization.as_deref(), Some("\u{e4}\\\" ] } \u{1f600}/"));
        let issuer = &document.issuers[0];
        assert_eq!(issuer.jwks, Some(json!({"n": [-1, 2.5, true, null, {}]})));
        let column = text.chars().position(|c| c == '[').unwrap() as u64 + 3;
        assert_eq!(issuer.place, Place { line: 1, column });
    }

    #[test]
    fn faults_of_meaning() {
        let entry = |rest: &str| format!("issuers: [{{url: u, policies: [{{{rest}}}]}}]");
        let table = [
            (
                "organization: a\nisuers: []".into(),
                "2:1: isuers: unknown key; did you mean \"issuers\"?",
            ),
            (
                "issuers: []\norganisation: a".into(),
                "2:1: organisation: unknown key; did you mean \"organization\"?",
            ),
            (
                "issuers: []\nzzz: a".into(),
                "2:1: zzz: unknown key; known here: organization, issuers",
            ),
            (
                "issuers:\n- url: u\n  max_expiration: 1\n  policies: []".into(),
                "3:3: issuers[0].max_expiration: unknown key; did you mean \"maxExpiration\"?",
            ),
            (
                "issuers:\n- url: u\n  polices: []".into(),
                "3:3: issuers[0].polices: unknown key; did you mean \"policies\"?",
            ),
            ("issuers:\n- url: u".into(), "2:3: issuers[0]: the key \"policies\" is missing"),
            ("issuers:\n- policies: []".into(), "2:3: issuers[0]: the key \"url\" is missing"),
            (
                "issuers:\n- url: u\n  policies:".into(),
                "3:11: issuers[0].policies: must be a list, not null; [] is an empty one",
            ),
            ("issuers: {}".into(), "1:10: issuers: must be a list, not an object"),
            ("issuers: [u]".into(), "1:11: issuers[0]: must be an object, not a string"),
            (
                "issuers: []\norganization: 12".into(),
                "2:15: organization: must be a string, not the number 12; put it in quotes",
            ),
            (
                "{url: u, policies: [], maxExpiration: 2h}".into(),
                "1:39: maxExpiration: must be a whole number of seconds, not a string",
            ),
            (
                "{url: u, policies: [], maxExpiration: 1.5}".into(),
                "1:39: maxExpiration: must be a whole number of seconds, not the number 1.5",
            ),
            (
                "{url: u, policies: [], thumbprints: ab}".into(),
                "1:37: thumbprints: must be a list of strings, not a string",
            ),
            (
                "{url: u, policies: [], thumbprints: [ab, 12]}".into(),
                "1:42: thumbprints[1]: must be a string, not the number 12; put it in quotes",
            ),
            (
                "{url: u, policies: [], jwks: '{}'}".into(),
                "1:30: jwks: must be an object, not a string",
            ),
            (
                entry("decision: allow, tokenType: org"),
                "1:31: issuers[0].policies[0]: the key \"rules\" is missing",
            ),
            (
                entry("decision: allow, rules: {}"),
                "1:31: issuers[0].policies[0]: the key \"tokenType\" is missing",
            ),
            (
                entry("tokenType: org, rules: {}"),
                "1:31: issuers[0].policies[0]: the key \"decision\" is missing",
            ),
            (
                own_entry("  rules: {}\n  teamname: x"),
                "6:3: policies[0].teamname: unknown key; did you mean \"teamName\"?",
            ),
            (own_entry("  rules:"), "5:8: policies[0].rules: must be an object, not null"),
            (own_entry("  rules: []"), "5:10: policies[0].rules: must be an object, not a list"),
            (
                own_entry("  rules:\n    sub: true"),
                "6:10: policies[0].rules.sub: must be a string, not true; put it in quotes",
            ),
            (
                own_entry("  rules:\n    '\"a.b\".c': 1"),
                "6:16: policies[0].rules[\"\\\"a.b\\\".c\"]: must be a string, not the number 1; put it in quotes",
            ),
            (
                own_entry("  rules: {aud: [a]}"),
                "5:16: policies[0].rules.aud: must be a string, not a list",
            ),
            (
                own_entry("  rules: {aud: }"),
                "5:14: policies[0].rules.aud: must be a string, not null",
            ),
            (
                "policies:\n- decision: Allow\n  tokenType: org\n  rules: {}".into(),
                "2:13: policies[0].decision: \"Allow\" is none of allow, deny; did you mean \"allow\"?",
            ),
            (
                "policies: [{decision: permit}]".into(),
                "1:23: policies[0].decision: \"permit\" is none of allow, deny",
            ),
            (
                "policies: [{decision: deny, tokenType: organisation}]".into(),
                "1:40: policies[0].tokenType: \"organisation\" is none of organization, org, team, \
                 personal, runner, deployment-runner; did you mean \"organization\"?",
            ),
            (
                own_entry("  rules: {}\n  decision: deny"),
                "6:3: policies[0].decision: this key is already there in line 3",
            ),
            // Also where an unknown key is ignored.
            (
                "policies: []\nnew:\n- a: 1\n  a: 2".into(),
                "4:3: new[0].a: this key is already there in line 3",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(error(&text), expected, "{text}");
        }
    }

    #[test]
    fn faults_of_meaning_in_json() {
        let table = [
            (
                "{\n\t\"issuers\": [\n\t\t{\"url\": \"\u{e4}\", \"polices\": []}\n\t]\n}",
                "3:16: issuers[0].polices: unknown key; did you mean \"policies\"?",
            ),
            (
                "{\"policies\": [\n  {\"decision\": \"alow\"}]}",
                "2:16: policies[0].decision: \"alow\" is none of allow, deny; did you mean \"allow\"?",
            ),
            (
                "{\"issuers\": [],\n \"issuers\": []}",
                "2:2: issuers: this key is already there in line 1",
            ),
            (
                r#"{"url": "u", "policies": [], "maxExpiration": 123456789012345678901234567890}"#,
                "1:47: maxExpiration: must be a whole number of seconds, not the number \
                 1.2345678901234568e+29",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(error(text), expected, "{text}");
        }
    }

    #[test]
    fn faults_of_form() {
        let table = [
            ("", "1:1: the document is empty"),
            ("# nothing\n", "2:1: the document is empty"),
            ("null", "1:1: the document is empty"),
            ("hello", "1:1: this is a string"),
            ("true", "1:1: this is true"),
            ("12", "1:1: this is the number 12"),
            ("a: 1", "1:1: none of the keys of a policy document is here"),
            ("[]", "1:1: this list holds neither policy entries nor saved registrations"),
            (
                "- url: u\n  policies: []",
                "1:1: this list holds neither policy entries nor saved registrations",
            ),
        ];
        for (text, expected) in table {
            let expected = format!(
                "{expected}; expected the doctor's own form (\"issuers\"), or what Pulumi Cloud \
                 answers: a list of issuers (\"oidcIssuers\"), one issuer (\"id\" and \"url\") or \
                 a policy (\"policies\")"
            );
            assert_eq!(error(text), expected, "{text}");
        }
    }

    #[test]
    fn faults_of_grammar() {
        let table = [
            ("{\"issuers\": [}", "1:14: not valid JSON: expected value"),
            ("{\"issuers\": []\n \"a\": 1}", "2:2: not valid JSON: expected `,` or `}`"),
            ("{\"issuers\": [", "1:13: not valid JSON: EOF while parsing a list"),
            ("{\"\u{e4}\": \"\u{e4}\", \u{fc}}", "1:12: not valid JSON: key must be a string"),
            ("{\"issuers\": 1e999}", "1:17: not valid JSON: number out of range"),
            ("a: b: c", "1:5: not valid YAML: mapping values are not allowed in this context"),
            (
                "a:\n\tb: 1",
                "2:2: not valid YAML: tabs disallowed within this context (block indentation)",
            ),
            ("issuers: [\n", "1:10: not valid YAML: unclosed bracket '['"),
            ("issuers: *x", "1:10: not valid YAML: alias references unknown anchor"),
            ("issuers: &x [*x]", "1:14: an alias within its own anchor"),
            ("issuers: []\n~: 1", "2:1: a key must be a string, not null"),
            (
                "policies: []\nx: .inf",
                "2:4: not valid YAML: not a finite number; if it is text, put it in quotes",
            ),
            (
                "issuers: []\n---\nissuers: []\n",
                "3:1: more than one YAML document; keep one in the file",
            ),
            ("\0\u{1}\u{2}", "1:1: not valid YAML: unexpected character: `\\u{0}'"),
        ];
        for (text, expected) in table {
            assert_eq!(error(text), expected, "{text}");
        }
    }

    #[test]
    fn nesting_ends_with_one_error() {
        for text in [
            "[".repeat(5_000_000),
            "{\"issuers\":".repeat(500_000),
            "{a: ".repeat(500_000),
            "- ".repeat(500_000),
            "? ".repeat(500_000),
            format!("issuers: {}", "[".repeat(5_000_000)),
            (0..500).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
        ] {
            let error = error(&text);
            assert!(error.ends_with(": nested too deeply for a policy document"), "{error}");
        }
    }

    #[test]
    fn alias_bombs_end_with_one_error() {
        let mut nested = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
        for (from, to) in ('a'..'i').zip('b'..='i') {
            let aliases = vec![format!("*{from}"); 10].join(", ");
            nested += &format!("{to}: &{to} [{aliases}]\n");
        }
        let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1_000_000), "*a, ".repeat(10_000));
        for bomb in [nested, text] {
            let start = Instant::now();
            let error = error(&bomb);
            let expected = ": too many values or aliases for a policy document";
            assert!(error.ends_with(expected), "{error}");
            assert!(start.elapsed() < Duration::from_secs(10));
        }
    }

    #[test]
    fn one_anchor_may_serve_many_entries() {
        let entry = "- {decision: allow, tokenType: org, rules: {aud: *aud}}\n";
        let first = entry.replace("*aud", "&aud urn:pulumi:org:acme");
        let document = parse(&format!("policies:\n{first}{}", entry.repeat(300))).unwrap();
        assert_eq!(entries(&document).len(), 301);
        assert!(entries(&document).iter().all(|e| e.rules[0].pattern == "urn:pulumi:org:acme"));
    }

    #[test]
    fn secrets_are_not_repeated() {
        let token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.c2lnbmF0dXJl";
        for text in [
            token.to_owned(),
            format!("policies: [{{decision: {token}}}]"),
            format!("{{\"issuers\": [], \"{token}\": 1}}"),
            format!("issuers: []\n{token}: &a [*a]"),
            format!("\"{token}"),
            format!("@{token}"),
        ] {
            let error = error(&text);
            assert!(!error.contains("c2lnbmF0dXJl"), "{error}");
        }
    }

    #[test]
    fn quotes_are_short_and_escaped() {
        let long = "\u{202e}\u{1b}".repeat(5_000);
        let value = serde_json::to_string(&long).unwrap();
        let message = error(&format!("[{{\"decision\": {value}}}]"));
        assert!(message.len() < 700, "{message}");
        assert!(message.is_ascii() && !message.contains('\u{1b}'), "{message}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}|[ \\n\\t\\[\\]{}:,\"'&*!|>%@#?<a0-]{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn damaged_documents_are_read_or_refused(
            which in 0..4usize, at in any::<prop::sample::Index>(), with in any::<char>(),
        ) {
            let mut text: Vec<char> = [OWN_YAML, OWN_JSON, API_ISSUERS, API_POLICY][which].chars().collect();
            let at = at.index(text.len());
            text[at] = with;
            if let Err(error) = parse(&text.iter().collect::<String>()) {
                prop_assert!(error.line >= 1 && error.column >= 1);
            }
        }

        /// The walk that finds the places reads what serde_json reads.
        #[test]
        fn json_is_read_as_serde_json_reads_it(
            keys in prop::collection::btree_map("\\PC{0,8}", "\\PC{0,8}|[\\\\\"/\u{0}-\u{1f}]{0,8}", 0..6),
            numbers in prop::collection::vec(any::<i64>(), 0..4),
            pretty in any::<bool>(),
        ) {
            let value = json!({"keys": keys, "numbers": numbers, "none": null, "yes": true});
            let text = if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            prop_assert_eq!(tree::json(&text).unwrap().to_json(), value);
        }
    }
}
