//! Parses JSON objects and finds duplicate keys. RFC 7519 section 4 lets a parser refuse them or
//! keep the last. Parsers that keep different ones disagree about the token's claims.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};

/// The paths of keys that occur more than once. A key with a dot is quoted, as in policy rules
/// (`sub`, `"kubernetes.io".pod`).
#[derive(Default)]
pub(super) struct Duplicates {
    paths: Vec<String>,
    seen: usize,
}

/// The most duplicates to record: a hostile token may repeat keys a hundred thousand times.
const MOST_DUPLICATES: usize = 64;

impl Duplicates {
    fn add(&mut self, path: &[String]) {
        self.seen += 1;
        if self.seen > MOST_DUPLICATES {
            return;
        }
        let path = path.join(".");
        if !self.paths.contains(&path) {
            self.paths.push(path);
        }
    }

    pub(super) fn into_paths(self) -> Vec<String> {
        self.paths
    }
}

fn quoted(key: &str) -> String {
    if key.contains('.') { format!("\"{key}\"") } else { key.to_owned() }
}

/// Why bytes are not a JSON object. The messages quote none of the bytes.
#[derive(Debug, thiserror::Error)]
pub(super) enum JsonFault {
    #[error("its JSON ends early")]
    EndsEarly,
    /// Not JSON, with serde_json's message, which names the position.
    #[error("it is not JSON: {0}")]
    NotJson(String),
    /// JSON of another type.
    #[error("it is JSON, but {0} where an object belongs")]
    NotAnObject(&'static str),
}

/// Parses an object. The last value of a duplicate key is kept.
pub(super) fn parse_object(
    bytes: &[u8],
    duplicates: &mut Duplicates,
) -> Result<Map<String, Value>, JsonFault> {
    let mut input = serde_json::Deserializer::from_slice(bytes);
    let mut path = Vec::new();
    let value = Node { path: &mut path, duplicates }
        .deserialize(&mut input)
        .and_then(|value| input.end().map(|()| value))
        .map_err(|error| match error.classify() {
            Category::Eof => JsonFault::EndsEarly,
            // Only messages of this category never quote the input.
            Category::Syntax => JsonFault::NotJson(error.to_string()),
            Category::Data | Category::Io => {
                JsonFault::NotJson(format!("line {} column {}", error.line(), error.column()))
            }
        })?;
    Err(JsonFault::NotAnObject(match value {
        Value::Object(map) => return Ok(map),
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
    }))
}

/// Deserializes the value at a path.
struct Node<'a> {
    path: &'a mut Vec<String>,
    duplicates: &'a mut Duplicates,
}

impl Node<'_> {
    fn child(&mut self) -> Node<'_> {
        Node { path: self.path, duplicates: self.duplicates }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.child())? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.path.push(quoted(&key));
            if map.contains_key(&key) {
                self.duplicates.add(self.path);
            }
            let value = entries.next_value_seed(self.child())?;
            self.path.pop();
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn duplicates(text: &str) -> (Map<String, Value>, Vec<String>) {
        let mut duplicates = Duplicates::default();
        let map = parse_object(text.as_bytes(), &mut duplicates).unwrap();
        (map, duplicates.into_paths())
    }

    #[test]
    fn duplicates_have_paths_and_last_value() {
        let text =
            r#"{"sub":"a","x.y":{"b":1,"c":[{"d":1,"d":2}],"b":2},"sub":"z","n":1,"sub":"q"}"#;
        let (map, paths) = duplicates(text);
        assert_eq!(paths, [r#""x.y".c.d"#, r#""x.y".b"#, "sub"]);
        assert_eq!(map["sub"], "q");
        assert_eq!(map["x.y"]["b"], 2);
    }

    #[test]
    fn key_order_and_numbers_are_kept() {
        let text = r#"{"z":18446744073709551615,"a":-9007199254740993,"m":1.5}"#;
        let (map, paths) = duplicates(text);
        assert_eq!(serde_json::to_string(&map).unwrap(), text);
        assert!(paths.is_empty());
    }

    #[test]
    fn escaped_keys_are_the_same_key() {
        assert_eq!(duplicates(r#"{"sub":1,"\u0073ub":2}"#).1, ["sub"]);
    }

    #[test]
    fn many_duplicates_are_bounded() {
        let entries: Vec<String> =
            (0..50_000).flat_map(|i| vec![format!("\"{i}\":0"); 2]).collect();
        let (map, paths) = duplicates(&format!("{{{}}}", entries.join(",")));
        assert_eq!(map.len(), 50_000);
        assert_eq!(paths.len(), MOST_DUPLICATES);
    }

    #[test]
    fn faults_quote_no_input() {
        for (text, expected) in [
            ("{\"a\":1", "its JSON ends early"),
            ("", "its JSON ends early"),
            ("{\"a\" 1}", "it is not JSON: expected `:` at line 1 column 6"),
            ("{}x", "it is not JSON: trailing characters at line 1 column 3"),
            ("[1]", "it is JSON, but an array where an object belongs"),
            ("\"secret\"", "it is JSON, but a string where an object belongs"),
            ("null", "it is JSON, but null where an object belongs"),
        ] {
            let fault = parse_object(text.as_bytes(), &mut Duplicates::default()).unwrap_err();
            assert_eq!(fault.to_string(), expected, "{text}");
        }
        let deep = "{\"a\":".repeat(100_000);
        let fault = parse_object(deep.as_bytes(), &mut Duplicates::default()).unwrap_err();
        assert!(fault.to_string().contains("recursion limit exceeded"), "{fault}");
    }
}
