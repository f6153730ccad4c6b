//! A tree for JSON and YAML with the place of each value.
//!
//! Duplicate keys are kept: [`crate::policy::document`] reports them with their path.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{DefaultMessageFormatter, Location, MessageFormatter as _, Spanned};

use super::DocumentError;
use crate::limits;
use crate::limits::json::JsonError;
use crate::policy::Place;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// The start of the value. For a YAML alias, that of the anchored value.
    pub place: Place,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// `null`, or an empty value in YAML.
    Null,
    /// `true` or `false`. In YAML 1.2, `yes` and `on` are strings.
    Bool(bool),
    /// A finite number.
    Number(Number),
    Text(String),
    /// An array or sequence.
    List(Vec<Node>),
    /// An object or mapping, in the document's order.
    Map(Vec<(Key, Node)>),
    /// An expression without a known value. The parsers do not produce it: the forms that know
    /// expressions insert it.
    Unresolved(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    /// The start of the key.
    pub place: Place,
    pub text: String,
}

impl Node {
    /// The value without places.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(value) => Value::Number(value.clone()),
            Kind::Text(value) | Kind::Unresolved(value) => Value::String(value.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Kind::Map(entries) => Value::Object(
                entries.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect(),
            ),
        }
    }
}

// ----------------------------------------------------------------------------------- JSON

/// Reads JSON (RFC 8259).
///
/// `serde_json` checks the grammar, since people know its messages. A second pass over the
/// well-formed text finds the places, which `serde_json` does not provide.
///
/// # Errors
/// The text is not JSON, is nested deeper than 127 levels (the limit of `serde_json`), or has more
/// values than [`limits::VALUES`].
pub(crate) fn json(text: &str) -> Result<Node, DocumentError> {
    limits::json::check(text.as_bytes(), limits::VALUES).map_err(|refused| match refused {
        JsonError::Invalid(error) => grammar_error(text, &error),
        JsonError::TooManyValues { line, column } => {
            DocumentError::new(place_in(text, line, column), TOO_MANY)
        }
    })?;
    JsonWalk { rest: text, place: Place { line: 1, column: 1 } }.value()
}

fn grammar_error(text: &str, error: &serde_json::Error) -> DocumentError {
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let suffix = format!(" at line {line} column {column}");
    let message = message.strip_suffix(&suffix).unwrap_or(&message);
    syntax_error(place_in(text, line, column), "JSON", message)
}

/// Converts a place of `serde_json`, which counts bytes, to characters.
fn place_in(text: &str, line: usize, bytes: usize) -> Place {
    let before = text.split('\n').nth(line.saturating_sub(1)).unwrap_or_default().bytes();
    let column = before.take(bytes).filter(|byte| byte & 0xC0 != 0x80).count().max(1);
    Place { line: line.max(1) as u64, column: column as u64 }
}

/// The error for a message of a parser. Both parsers use the same message for deep nesting.
fn syntax_error(place: Place, format: &str, message: &str) -> DocumentError {
    match message {
        "recursion limit exceeded" => DocumentError::new(place, TOO_DEEP),
        _ => DocumentError::new(place, format!("not valid {format}: {message}")),
    }
}

const TOO_DEEP: &str = "nested too deeply for a policy document";
pub(crate) const TOO_MANY: &str = "too many values or aliases for a policy document; keep only its \
                                   issuers and policies";

/// A pass over well-formed JSON.
struct JsonWalk<'a> {
    rest: &'a str,
    place: Place,
}

impl<'a> JsonWalk<'a> {
    /// Consumes up to so many bytes and counts lines and columns.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        for c in taken.chars() {
            match c {
                '\n' => self.place = Place { line: self.place.line + 1, column: 1 },
                _ => self.place.column += 1,
            }
        }
        self.rest = rest;
        taken
    }

    /// The first byte of the next token. Separators can be skipped, since the JSON is well-formed.
    fn peek(&mut self) -> Option<u8> {
        let is_separator = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n' | ',' | ':');
        let token = self.rest.find(|c| !is_separator(c)).unwrap_or(self.rest.len());
        self.take(token);
        self.rest.bytes().next()
    }

    fn value(&mut self) -> Result<Node, DocumentError> {
        let first = self.peek();
        let place = self.place;
        let kind = match first {
            Some(b'{') => {
                let mut entries = Vec::new();
                self.take(1);
                while self.peek() != Some(b'}') {
                    let key = Key { place: self.place, text: self.scalar()? };
                    entries.push((key, self.value()?));
                }
                self.take(1);
                Kind::Map(entries)
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.take(1);
                while self.peek() != Some(b']') {
                    items.push(self.value()?);
                }
                self.take(1);
                Kind::List(items)
            }
            Some(b'"') => Kind::Text(self.scalar()?),
            _ => match self.scalar()? {
                Value::Bool(value) => Kind::Bool(value),
                Value::Number(value) => Kind::Number(value),
                _ => Kind::Null,
            },
        };
        Ok(Node { place, kind })
    }

    /// Reads the string, number or literal here.
    fn scalar<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T, DocumentError> {
        let place = self.place;
        let length = match self.rest.strip_prefix('"') {
            Some(inner) => 2 + string_length(inner),
            None => {
                let end = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n' | ',' | ']' | '}');
                self.rest.find(end).unwrap_or(self.rest.len())
            }
        };
        let token = self.take(length);
        serde_json::from_str(token)
            .map_err(|_| DocumentError::new(place, "not valid JSON: unexpected token"))
    }
}

/// The number of bytes before the closing quote of a string.
fn string_length(inner: &str) -> usize {
    let mut escaped = false;
    let end = inner.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(inner.len())
}

// ----------------------------------------------------------------------------------- YAML

/// Reads one YAML 1.2 document. Resolves anchors, aliases and merge keys, and ignores tags that are
/// not YAML's own.
///
/// # Errors
/// The text is not YAML, has several documents, or exceeds [`DEPTH`] or [`limits::VALUES`].
pub(crate) fn yaml(text: &str) -> Result<Node, DocumentError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            enforce_alias_anchor_ratio: false, // one audience in a hundred entries is legitimate
            max_depth: DEPTH,
            max_events: limits::VALUES,
            max_nodes: limits::VALUES,
            // Aliases may repeat content, but not without limit.
            max_total_scalar_bytes: 2 * limits::FILE as usize,
            max_recorded_anchor_events: limits::VALUES,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: limits::VALUES },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        ignore_binary_tag_for_string: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| yaml_error(&error))
}

/// The deepest nesting. An entry's rules are at level six. The YAML reader recurses, and an
/// unoptimised build takes about 40 KiB of stack per level.
const DEPTH: usize = 32;

fn yaml_error(error: &serde_saphyr::Error) -> DocumentError {
    use serde_saphyr::Error as E;
    use serde_saphyr::budget::BudgetBreach as Breach;
    let place = error.location().map_or(Place { line: 1, column: 1 }, place);
    let mut cause = error.without_snippet();
    while let E::AliasError { error, .. } = cause {
        cause = error.without_snippet();
    }
    let message = match cause {
        E::MultipleDocuments { .. } => "more than one YAML document; keep one in the file",
        E::Budget { breach: Breach::Depth { .. }, .. }
        | E::AliasReplayStackDepthExceeded { .. } => TOO_DEEP,
        E::Budget { .. } | E::AliasReplayLimitExceeded { .. } => TOO_MANY,
        E::RecursiveReferencesRequireWeakTypes { .. } => "an alias within its own anchor",
        E::NullIntoString { .. } => "a key must be a string, not null",
        other => {
            let message = DefaultMessageFormatter.format_message(other);
            return syntax_error(place, "YAML", &message);
        }
    };
    DocumentError::new(place, message)
}

fn place(location: Location) -> Place {
    Place { line: location.line().max(1), column: location.column().max(1) }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        Ok(Self { place: place(spanned.defined), kind: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Kind, E> {
        Number::from_f64(value)
            .map(Kind::Number)
            .ok_or_else(|| E::custom("not a finite number; if it is text, put it in quotes"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Kind, E> {
        Ok(Kind::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Kind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key::<Spanned<String>>()? {
            let key = Key { place: place(key.defined), text: key.value };
            entries.push((key, access.next_value()?));
        }
        Ok(Kind::Map(entries))
    }
}
