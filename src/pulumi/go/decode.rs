//! What Go's `json.Unmarshal` says to a value that does not fit a struct (encoding/json/decode.go).

use serde_json::{Map, Value};

use super::json::syntax_error;

/// The types of the fields that are decoded.
#[derive(Clone, Copy)]
pub(crate) enum Type {
    Text,
    /// `int64`, or what else a whole number is called.
    Whole(&'static str),
    Switch,
    Texts,
    /// A text that is an instant; whether it is one is not looked at.
    Instant,
    Object(&'static Struct),
    List(&'static Struct),
    Map(&'static Struct),
}

/// A Go struct.
pub(crate) struct Struct {
    /// With its package.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [(&'static str, Type)],
}

/// `json.Unmarshal` into a struct.
pub(crate) fn decode(bytes: &[u8], into: &Struct) -> Result<Map<String, Value>, String> {
    if let Some(error) = syntax_error(bytes) {
        return Err(error);
    }
    // Go replaces what is not UTF-8.
    match serde_json::from_str(&String::from_utf8_lossy(bytes)) {
        Ok(Value::Object(object)) => match mismatch(&object, into, &mut Vec::new()) {
            None => Ok(object),
            Some(error) => Err(error),
        },
        // Go leaves the struct empty.
        Ok(Value::Null) => Ok(Map::new()),
        Ok(other) => Err(format!(
            "json: cannot unmarshal {} into Go value of type {}",
            kind(&other),
            into.name
        )),
        Err(error) => Err(error.to_string()),
    }
}

/// The first value of another type. Go names the innermost struct, and the path from the outermost.
fn mismatch(
    object: &Map<String, Value>,
    into: &Struct,
    path: &mut Vec<&'static str>,
) -> Option<String> {
    object.iter().find_map(|(key, value)| {
        let (name, wanted) = into.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        path.push(name);
        let found = wrong(value, *wanted, into, path);
        path.pop();
        found
    })
}

fn wrong(
    value: &Value,
    wanted: Type,
    into: &Struct,
    path: &mut Vec<&'static str>,
) -> Option<String> {
    let go_type = match (wanted, value) {
        (_, Value::Null)
        | (Type::Text | Type::Instant, Value::String(_))
        | (Type::Switch, Value::Bool(_)) => return None,
        (Type::Whole(_), Value::Number(number)) if number.is_i64() => return None,
        (Type::List(of), Value::Array(items)) => {
            return items.iter().find_map(|item| wrong(item, Type::Object(of), into, path));
        }
        (Type::Map(of), Value::Object(members)) => {
            return members.values().find_map(|item| wrong(item, Type::Object(of), into, path));
        }
        (Type::Texts, Value::Array(items)) => {
            return items.iter().find_map(|item| wrong(item, Type::Text, into, path));
        }
        (Type::Object(of), Value::Object(object)) => return mismatch(object, of, path),
        (Type::Text, _) => "string".to_owned(),
        (Type::Whole(name), _) => name.to_owned(),
        (Type::Switch, _) => "bool".to_owned(),
        (Type::Texts, _) => "[]string".to_owned(),
        (Type::Instant, _) => {
            return Some("Time.UnmarshalJSON: input is not a JSON string".to_owned());
        }
        (Type::Object(of), _) => of.name.to_owned(),
        (Type::List(of), _) => format!("[]{}", of.name),
        (Type::Map(of), _) => format!("map[string]{}", of.name),
    };
    let number = match (wanted, value) {
        (Type::Whole(_), Value::Number(number)) => format!(" {number}"),
        _ => String::new(),
    };
    let (_, name) = into.name.rsplit_once('.').unwrap_or(("", into.name));
    Some(format!(
        "json: cannot unmarshal {}{number} into Go struct field {name}.{} of type {go_type}",
        kind(value),
        path.join(".")
    ))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
