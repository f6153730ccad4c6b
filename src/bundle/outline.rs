//! What a bundle may hold: the evidence, field by field, and what of each is a name.
//!
//! This is an allow-list. A field of the evidence that is not in here is not written; of a value
//! of another kind than is expected, only its JSON type is. A replay fails without a field that
//! the judge needs, so a forgotten one shows in the tests; a secret or a name that was forgotten
//! would not.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::pseudonym::{Kind, Pseudonyms};
use super::public;
use crate::address::{self, AddressClass};
use crate::evidence::Evidence;
use crate::policy::claim_path::ClaimPath;

/// What of a value is written.
enum Field {
    /// As it is: numbers, switches, instants, and words that are the program's own.
    Plain,
    /// A text that is made of names.
    Names,
    /// A message, which may hold names.
    Message,
    /// A digest in hexadecimal.
    Digest,
    /// An IP address.
    Address,
    /// That it is there.
    Presence,
    /// These members of an object.
    Members(&'static [(&'static str, Field)]),
    /// Every element of a list.
    Each(&'static Field),
    /// A token's claims: public ones and those that a policy's rules name, of the others the names.
    Claims,
    /// The path of a claim, as a rule has it.
    Claim,
    /// A [`crate::evidence::Probe`] with answers of this kind.
    Probe(&'static Field),
    /// A [`crate::evidence::Answer`] with a body of this kind.
    Answer(&'static Body),
}

/// What of an answer's body is written.
enum Body {
    /// These members of a JSON object: what the judge reads. Of a text only whether a storage
    /// service wrote it, which it looks for.
    Read(&'static Field),
    /// What it says about a refusal, which findings repeat: the members with a message and those
    /// that these JSON pointers lead to; where there are none, the whole, as far as it is shown.
    Said(&'static [&'static str]),
}

use Field::{
    Address, Answer, Claim, Claims, Digest, Each, Members, Message, Names, Plain, Presence, Probe,
};

const EVIDENCE: Field = Members(&[
    ("startedAt", Plain),
    ("now", Plain),
    ("durationMs", Plain),
    ("options", OPTIONS),
    ("input", INPUT),
    ("token", TOKEN),
    ("login", LOGIN),
    ("backend", BACKEND),
    ("policy", POLICY),
    ("issuer", ISSUER),
    ("cloud", CLOUD),
]);

const OPTIONS: Field = Members(&[
    ("setting", Members(&[("kind", Plain), ("platform", Plain)])),
    ("offline", Plain),
    ("noExchange", Plain),
    ("nowGiven", Plain),
    ("allowPrivateIssuer", Plain),
    ("insecure", Plain),
]);

const INPUT: Field = Members(&[
    (
        "source",
        Members(&[
            ("kind", Plain),
            ("path", Names),
            ("absolute", Names),
            ("name", Names),
            ("id", Plain),
            ("platform", Plain),
        ]),
    ),
    ("problem", PROBLEM),
    ("wrapped", Each(&Plain)),
    ("typedOnTerminal", Plain),
    ("tried", Each(&Members(&[("source", Names), ("reason", Message)]))),
    ("byVariable", Plain),
    ("surroundings", SURROUNDINGS),
    ("heldBy", Names),
    ("unused", Each(&Names)),
    ("azure", Members(&[("organization", Names), ("connection", Names)])),
]);

const PROBLEM: Field = Members(&[
    ("kind", Plain),
    ("names", Each(&Names)),
    (
        "refusal",
        Members(&[
            ("kind", Plain),
            ("failure", FAILURE),
            ("answer", Answer(&Body::Said(&PLATFORM_MESSAGES))),
            ("reason", Message),
            ("said", Message),
        ]),
    ),
    ("what", Message),
    ("shown", Message),
    ("text", Names),
    ("syntax", Plain),
    ("name", Names),
    ("how", Message),
    ("reason", Message),
    ("part", Plain),
    ("bytes", Plain),
]);

/// Where CI platforms put the message of a refusal.
const PLATFORM_MESSAGES: [&str; 4] = ["/value", "/value/Message", "/Message", "/error/message"];

const SURROUNDINGS: Field = Members(&[
    ("kind", Plain),
    ("hasClientSecret", Plain),
    ("isFederated", Plain),
    ("hasRequestUri", Plain),
    ("systemToken", Plain),
    ("connection", Names),
    ("missing", Each(&Plain)),
    ("event", Plain),
    ("fork", Names),
    ("job", Names),
    ("server", Names),
    ("others", Each(&Each(&Names))),
]);

const TOKEN: Field = Members(&[
    // RFC 7515 section 4.1.
    (
        "header",
        Members(&[("alg", Plain), ("cty", Plain), ("kid", Names), ("typ", Plain), ("x5t", Names)]),
    ),
    ("claims", Claims),
    ("duplicates", Each(&Claim)),
    ("fingerprint", Digest),
    ("signatureBytes", Plain),
    ("truncated", Message),
]);

const LOGIN: Field = Members(&[
    ("tokenNamed", Plain),
    ("organization", Names),
    ("team", Names),
    ("user", Names),
    ("expiration", Plain),
    ("scope", Names),
    ("accessTokenInEnvironment", Plain),
    ("cli", Members(&[("kind", Plain), ("version", Plain), ("path", Names), ("reason", Message)])),
]);

const CANDIDATE: Field = Members(&[
    ("url", Names),
    ("source", Members(&[("kind", Plain), ("name", Names), ("path", Names), ("line", Plain)])),
]);

const BACKEND: Field = Members(&[
    ("candidates", Each(&CANDIDATE)),
    ("withoutToken", CANDIDATE),
    ("local", Plain),
    ("givenTwice", Each(&CANDIDATE)),
    ("project", LOCAL_FILE),
    ("credentials", LOCAL_FILE),
]);

const LOCAL_FILE: Field = Members(&[
    ("kind", Plain),
    ("path", Names),
    ("accounts", Each(&Members(&[("url", Names), ("username", Names)]))),
    ("line", Plain),
    ("column", Plain),
    ("reason", Message),
]);

const POLICY: Field = Members(&[
    ("kind", Plain),
    ("path", Names),
    (
        "document",
        Members(&[
            ("form", Plain),
            ("organization", Names),
            ("issuers", Each(&REGISTRATION)),
            ("unresolved", Each(&UNRESOLVED)),
        ]),
    ),
    (
        "gap",
        Members(&[
            ("asked", Plain),
            ("accessToken", ACCESS_TOKEN),
            (
                "reason",
                Members(&[
                    ("kind", Plain),
                    ("failure", FAILURE),
                    ("answer", Answer(&Body::Said(&[]))),
                    ("problem", Message),
                ]),
            ),
        ]),
    ),
]);

const PLACE: Field = Members(&[("line", Plain), ("column", Plain)]);

const UNRESOLVED: Field =
    Members(&[("expression", Names), ("decision", Plain), ("tokenType", Plain), ("place", PLACE)]);

const REGISTRATION: Field = Members(&[
    ("name", Names),
    ("id", Names),
    ("url", Names),
    ("issuer", Names),
    ("thumbprints", Each(&Digest)),
    ("maxExpiration", Plain),
    ("jwks", Presence),
    ("lastUsed", Plain),
    (
        "policies",
        Each(&Members(&[
            ("decision", Plain),
            ("tokenType", Plain),
            ("teamName", Names),
            ("userLogin", Names),
            ("runnerId", Names),
            ("authorizedPermissions", Each(&Names)),
            (
                "rules",
                Each(&Members(&[
                    ("claim", Claim),
                    ("pattern", Names),
                    ("undetermined", Plain),
                    ("place", PLACE),
                ])),
            ),
            ("place", PLACE),
        ])),
    ),
    ("organization", Names),
    ("unresolved", Each(&UNRESOLVED)),
    ("place", PLACE),
]);

const FAILURE: Field = Members(&[
    ("kind", Members(&[("kind", Plain), ("problem", Plain)])),
    ("host", Names),
    ("port", Plain),
    ("proxy", Names),
    ("detail", Message),
]);

/// [`Answer`] less its body.
const ANSWER: Field = Members(&[
    ("url", Names),
    ("status", Plain),
    ("contentType", Message),
    ("location", Names),
    ("retryAfter", Message),
    ("requestId", Names),
    ("clockOffsetSeconds", Plain),
]);

/// [`Probe`] less its answer.
const PROBE: Field = Members(&[("outcome", Plain), ("failure", FAILURE), ("elapsedMs", Plain)]);

const CHAIN: Field = Members(&[
    (
        "certificates",
        Each(&Members(&[
            ("subject", Names),
            ("issuer", Names),
            ("names", Each(&Names)),
            ("notAfter", Plain),
            ("sha256", Digest),
            ("sha1", Digest),
        ])),
    ),
    ("publiclyTrusted", Plain),
]);

const ISSUER: Field = Members(&[
    ("addresses", Each(&Address)),
    (
        "discovery",
        Probe(&Answer(&Body::Read(&Members(&[
            ("issuer", Names),
            ("jwks_uri", Names),
            ("id_token_signing_alg_values_supported", Each(&Plain)),
        ])))),
    ),
    ("jwks", Probe(&Answer(&Body::Read(&Members(&[]))))),
    ("keySource", Members(&[("kind", Plain), ("path", Names)])),
    (
        "keys",
        Members(&[
            ("kind", Plain),
            (
                "keys",
                Each(&Members(&[
                    ("id", Names),
                    ("keyType", Plain),
                    ("algorithm", Plain),
                    ("usage", Plain),
                    ("curve", Plain),
                ])),
            ),
            ("reason", Message),
        ]),
    ),
    (
        "signature",
        Members(&[("kind", Plain), ("key", Names), ("reason", Message), ("expected", Plain)]),
    ),
    ("chain", CHAIN),
]);

const ACCESS_TOKEN: Field =
    Members(&[("kind", Plain), ("name", Names), ("path", Names), ("expiresAt", Plain)]);

const CLOUD: Field = Members(&[
    (
        "capabilities",
        Probe(&Answer(&Body::Read(&Members(&[("capabilities", Each(&Members(&[])))])))),
    ),
    ("chain", CHAIN),
    (
        "exchange",
        Probe(&Members(&[
            ("kind", Plain),
            ("issuedTokenType", Names),
            ("expiresIn", Plain),
            ("scope", Names),
            ("clockOffsetSeconds", Plain),
            ("reason", Message),
            ("answer", Answer(&Body::Said(&[]))),
        ])),
    ),
    ("exchangeSkipped", Plain),
    ("accessToken", ACCESS_TOKEN),
    ("whoami", Probe(&Answer(&Body::Said(&[])))),
]);

/// What of `GET /api/user` is written where it names somebody.
const USER: Field = Members(&[
    ("githubLogin", Names),
    ("organizations", Each(&Members(&[("githubLogin", Names)]))),
    ("tokenInfo", Members(&[("name", Names), ("organization", Names), ("team", Names)])),
]);

/// What stands in the place of a claim that nothing is known of.
const WITHHELD: &str = "(left out of the bundle)";

/// More of what an answer says is not shown, in characters; one more tells that it was cut.
const SHOWN: usize = 501;

/// The outline of one run's evidence.
pub(super) struct Outline<'a> {
    /// The claims that rules name.
    named: HashSet<Vec<String>>,
    names: Option<&'a Pseudonyms>,
}

impl<'a> Outline<'a> {
    /// With `names`, names are replaced.
    pub(super) fn new(evidence: &Evidence, names: Option<&'a Pseudonyms>) -> Self {
        let issuers = evidence.policy.document().into_iter().flat_map(|d| &d.issuers);
        let entries = issuers.flat_map(|issuer| issuer.policies.iter().flatten());
        let paths = entries.flat_map(|e| &e.rules).map(|rule| ClaimPath::parse(&rule.claim));
        Self { named: paths.flatten().map(|path| path.keys().to_vec()).collect(), names }
    }

    /// What of the evidence is written.
    pub(super) fn apply(&self, evidence: Value) -> Value {
        self.field(&EVIDENCE, evidence)
    }

    fn field(&self, field: &Field, value: Value) -> Value {
        match (field, value) {
            (_, Value::Null) => Value::Null,
            (Presence, Value::Object(_)) => json!({}),
            (Members(fields), Value::Object(members)) => self.members(fields, members).into(),
            (Each(field), Value::Array(items)) => {
                items.into_iter().map(|item| self.field(field, item)).collect()
            }
            (Claims, Value::Object(claims)) => self.claims(&mut Vec::new(), claims).into(),
            (Probe(answer), Value::Object(mut members)) => {
                let answer = members.remove("answer").map(|value| self.field(answer, value));
                self.with(&PROBE, members, "answer", answer)
            }
            (Answer(body), Value::Object(mut members)) => {
                let is_success = members.get("status").is_some_and(|status| *status == 200);
                let body = members.remove("body").map(|value| self.body(body, value, is_success));
                self.with(&ANSWER, members, "body", body)
            }
            (_, value @ (Value::Object(_) | Value::Array(_))) => empty(&value),
            (Names, Value::String(text)) => self.text(text, Kind::Names).into(),
            (Message, Value::String(text)) => self.text(text, Kind::Message).into(),
            (Digest, Value::String(text)) => match self.names {
                Some(names) => names.digest(&text).into(),
                None => text.into(),
            },
            (Claim, Value::String(path)) => self.path(path).into(),
            (Address, Value::String(text)) if self.names.is_some() => representative(&text).into(),
            (Plain | Names | Message | Digest | Claim | Address, value) => value,
            (_, value) => empty(&value),
        }
    }

    fn members(
        &self,
        fields: &[(&str, Field)],
        mut members: Map<String, Value>,
    ) -> Map<String, Value> {
        let kept = fields.iter().filter_map(|(name, field)| {
            Some(((*name).to_owned(), self.field(field, members.remove(*name)?)))
        });
        kept.collect()
    }

    /// The members of an object, and one that is written in a way of its own.
    fn with(
        &self,
        fields: &Field,
        members: Map<String, Value>,
        name: &str,
        value: Option<Value>,
    ) -> Value {
        let mut kept = self.field(fields, members.into());
        if let (Some(value), Some(kept)) = (value, kept.as_object_mut()) {
            kept.insert(name.to_owned(), value);
        }
        kept
    }

    fn text(&self, text: String, kind: Kind) -> String {
        match self.names {
            Some(names) => names.text(&text, kind),
            None => text,
        }
    }

    // ------------------------------------------------------------------------------ claims

    fn claims(&self, path: &mut Vec<String>, claims: Map<String, Value>) -> Map<String, Value> {
        let mut kept = Map::new();
        for (name, value) in claims {
            path.push(name);
            let value = match value {
                value if self.is_kept(path) => self.claim(path, value),
                Value::Object(members) => self.claims(path, members).into(),
                Value::Null => Value::Null,
                _ => WITHHELD.into(),
            };
            let name = self.key(path);
            path.pop();
            kept.insert(name, value);
        }
        kept
    }

    /// Whether a claim's value is written.
    fn is_kept(&self, path: &[String]) -> bool {
        is_public(path) || self.named.contains(path)
    }

    /// A claim's value, whatever it is made of.
    fn claim(&self, path: &[String], value: Value) -> Value {
        match value {
            Value::String(text) => self.text(text, Kind::Names).into(),
            // A number may be somebody's id. Of these the judge reads the numbers.
            Value::Number(number) if self.names.is_some() && !is_required(path) => {
                self.text(number.to_string(), Kind::Names).into()
            }
            Value::Array(items) => items.into_iter().map(|item| self.claim(path, item)).collect(),
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| {
                    let inner = [path, &[name]].concat();
                    let value = self.claim(&inner, value);
                    (self.key(&inner), value)
                });
                Value::Object(members.collect())
            }
            other => other,
        }
    }

    /// The last name of a path.
    fn key(&self, path: &[String]) -> String {
        let name = path.last().cloned().unwrap_or_default();
        if is_public(path) { name } else { self.text(name, Kind::Names) }
    }

    /// A path with its names replaced.
    fn path(&self, path: String) -> String {
        let Ok(parsed) = ClaimPath::parse(&path) else { return self.text(path, Kind::Names) };
        if is_public(parsed.keys()) || self.names.is_none() {
            return path;
        }
        let keys = (1..=parsed.keys().len()).map(|end| self.key(&parsed.keys()[..end]));
        ClaimPath::of_keys(keys.collect()).to_string()
    }

    // ------------------------------------------------------------------------------ bodies

    fn body(&self, body: &Body, value: Value, is_success: bool) -> Value {
        let kind = value.get("kind").cloned().unwrap_or_default();
        let content = value.get("content").cloned();
        let content = match (kind.as_str(), content) {
            (Some("json"), Some(content)) => match body {
                Body::Read(field) => self.field(field, content),
                Body::Said(pointers) => return self.said(pointers, content, is_success),
            },
            (Some("text"), Some(Value::String(text))) => match body {
                Body::Read(_) => if text.contains(STORAGE) { STORAGE } else { "" }.into(),
                Body::Said(_) => self.text(text, Kind::Message).into(),
            },
            (_, Some(content)) => self.field(&Message, content),
            (_, None) => return json!({ "kind": kind }),
        };
        json!({ "kind": kind, "content": content })
    }

    /// A JSON body that says why something was refused, or whose access token it is.
    fn said(&self, pointers: &[&str], content: Value, is_success: bool) -> Value {
        let login = content.get("githubLogin").and_then(Value::as_str).unwrap_or_default();
        let is_user = is_success && !login.is_empty();
        let content = match content {
            content if is_user => self.field(&USER, content),
            Value::Object(members) if speaks(&members, pointers) => {
                let known = |name: &str| {
                    MESSAGES.contains(&name)
                        || pointers.iter().any(|pointer| pointer.split('/').nth(1) == Some(name))
                };
                let members = members.into_iter().filter_map(|(name, value)| {
                    if known(&name) {
                        return Some((name, self.whole(value)));
                    }
                    // Of what a platform answered, the names are shown.
                    let name = self.text(name, Kind::Message);
                    (!pointers.is_empty()).then(|| (name, WITHHELD.into()))
                });
                Value::Object(members.collect())
            }
            // What is shown of it is all of it, as far as it goes.
            content if pointers.is_empty() => {
                let text = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
                let text: String = text.chars().take(SHOWN).collect();
                return json!({ "kind": "text", "content": self.text(text, Kind::Message) });
            }
            content => self.whole(content),
        };
        json!({ "kind": "json", "content": content })
    }

    /// A message, whatever it is made of.
    fn whole(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.text(text, Kind::Message).into(),
            Value::Array(items) => items.into_iter().map(|item| self.whole(item)).collect(),
            Value::Object(members) => {
                let members = members
                    .into_iter()
                    .map(|(name, value)| (self.text(name, Kind::Message), self.whole(value)));
                Value::Object(members.collect())
            }
            other => other,
        }
    }
}

/// What an XML error of a storage service holds.
const STORAGE: &str = "<Error>";

/// The members of a JSON body that hold a message: RFC 6749 section 5.2 and Pulumi's own.
const MESSAGES: [&str; 4] = ["error", "error_description", "message", "errors"];

/// Whether findings repeat a message of this body rather than the whole of it.
fn speaks(members: &Map<String, Value>, pointers: &[&str]) -> bool {
    let mut messages = MESSAGES.iter().filter_map(|name| members.get(*name));
    let body = Value::Object(members.clone());
    messages.any(|value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()))
        || pointers.iter().any(|at| body.pointer(at).is_some_and(Value::is_string))
}

fn is_public(path: &[String]) -> bool {
    path.first().is_some_and(|name| public::CLAIMS.contains(&name.as_str()))
}

/// The claims of which the judge reads type and number.
fn is_required(path: &[String]) -> bool {
    matches!(path, [name] if ["iss", "aud", "sub", "exp", "iat", "nbf", "auth_time"].contains(&name.as_str()))
}

/// A value of the same JSON type that says nothing.
fn empty(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => false.into(),
        Value::Number(_) => 0.into(),
        Value::String(_) => "".into(),
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({}),
    }
}

/// An address of the same kind: what is judged is only that.
fn representative(text: &str) -> &'static str {
    match text.parse().map_or(AddressClass::Special, address::classify) {
        AddressClass::Public => "1.1.1.1",
        AddressClass::Loopback => "127.0.0.1",
        AddressClass::LinkLocal => "169.254.1.1",
        AddressClass::Private => "10.0.0.1",
        AddressClass::Metadata => "169.254.169.254",
        AddressClass::Special => "0.0.0.0",
    }
}
