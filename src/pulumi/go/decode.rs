//! Decodes JSON with the errors of Go's `json.Unmarshal` (encoding/json/decode.go).

use serde_json::{Map, Value};

use super::json::syntax_error;

/// The type of a Go struct's field.
#[derive(Clone, Copy)]
pub(crate) enum Type {
    Text,
    /// An integer, with the name of its Go type: `int64`.
    Integer(&'static str),
    Boolean,
    TextList,
    TextMap,
    /// A time as a string. The string itself is not checked.
    Time,
    Object(&'static Struct),
    List(&'static Struct),
    Map(&'static Struct),
}

/// A Go struct.
pub(crate) struct Struct {
    /// The name with its package.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [(&'static str, Type)],
}

/// Decodes an object as `json.Unmarshal` does into a struct. The error is Go's text.
pub(crate) fn decode(bytes: &[u8], into: &Struct) -> Result<Map<String, Value>, String> {
    if let Some(error) = syntax_error(bytes) {
        return Err(error);
    }
    // Go replaces invalid UTF-8.
    match serde_json::from_str(&String::from_utf8_lossy(bytes)) {
        Ok(Value::Object(object)) => match object_error(&object, into, &mut Vec::new()) {
            None => Ok(object),
            Some(error) => Err(error),
        },
        // Go leaves the struct empty.
        Ok(Value::Null) => Ok(Map::new()),
        Ok(other) => Err(format!(
            "json: cannot unmarshal {} into Go value of type {}",
            json_type(&other),
            into.name
        )),
        Err(error) => Err(error.to_string()),
    }
}

/// The error for the first member of another type than its field. Go names the innermost struct,
/// and the path from the outermost.
fn object_error(
    object: &Map<String, Value>,
    into: &Struct,
    path: &mut Vec<&'static str>,
) -> Option<String> {
    object.iter().find_map(|(key, value)| {
        let (name, expected) =
            into.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        path.push(name);
        let error = value_error(value, *expected, into, path);
        path.pop();
        error
    })
}

fn value_error(
    value: &Value,
    expected: Type,
    into: &Struct,
    path: &mut Vec<&'static str>,
) -> Option<String> {
    let go_type = match (expected, value) {
        (_, Value::Null)
        | (Type::Text | Type::Time, Value::String(_))
        | (Type::Boolean, Value::Bool(_)) => return None,
        (Type::Integer(_), Value::Number(number)) if number.is_i64() => return None,
        (Type::List(element), Value::Array(items)) => {
            return items
                .iter()
                .find_map(|item| value_error(item, Type::Object(element), into, path));
        }
        (Type::Map(element), Value::Object(members)) => {
            return members
                .values()
                .find_map(|item| value_error(item, Type::Object(element), into, path));
        }
        (Type::TextList, Value::Array(items)) => {
            return items.iter().find_map(|item| value_error(item, Type::Text, into, path));
        }
        (Type::TextMap, Value::Object(members)) => {
            return members.values().find_map(|item| value_error(item, Type::Text, into, path));
        }
        (Type::Object(element), Value::Object(object)) => {
            return object_error(object, element, path);
        }
        (Type::Text, _) => "string".to_owned(),
        (Type::Integer(name), _) => name.to_owned(),
        (Type::Boolean, _) => "bool".to_owned(),
        (Type::TextList, _) => "[]string".to_owned(),
        (Type::TextMap, _) => "map[string]string".to_owned(),
        (Type::Time, _) => {
            return Some("Time.UnmarshalJSON: input is not a JSON string".to_owned());
        }
        (Type::Object(element), _) => element.name.to_owned(),
        (Type::List(element), _) => format!("[]{}", element.name),
        (Type::Map(element), _) => format!("map[string]{}", element.name),
    };
    let number = match (expected, value) {
        (Type::Integer(_), Value::Number(number)) => format!(" {number}"),
        _ => String::new(),
    };
    let (_, name) = into.name.rsplit_once('.').unwrap_or(("", into.name));
    Some(format!(
        "json: cannot unmarshal {}{number} into Go struct field {name}.{} of type {go_type}",
        json_type(value),
        path.join(".")
    ))
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
