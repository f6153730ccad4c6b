//! Limits the number of values in a JSON text before it is parsed.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Why a JSON text is refused.
#[derive(Debug)]
pub(crate) enum JsonError {
    /// The text is not JSON, or is nested too deeply.
    Invalid(serde_json::Error),
    /// The text has too many values; this is the position of the first one over the limit.
    TooManyValues {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
}

/// Checks the grammar, the nesting and the number of values of a JSON text, without building
/// values.
///
/// # Errors
/// The text is not JSON, or has more than `max_values` values.
pub(crate) fn check(text: &[u8], max_values: usize) -> Result<(), JsonError> {
    let mut left = max_values;
    let mut input = serde_json::Deserializer::from_slice(text);
    let outcome =
        ValueCounter { left: &mut left }.deserialize(&mut input).and_then(|()| input.end());
    outcome.map_err(|error| match error.is_data() && error.to_string().starts_with(TOO_MANY) {
        true => JsonError::TooManyValues { line: error.line(), column: error.column() },
        false => JsonError::Invalid(error),
    })
}

const TOO_MANY: &str = "too many values";

/// Counts down from the number of allowed values.
struct ValueCounter<'a> {
    left: &'a mut usize,
}

impl ValueCounter<'_> {
    fn reborrow(&mut self) -> ValueCounter<'_> {
        ValueCounter { left: self.left }
    }
}

impl<'de> DeserializeSeed<'de> for ValueCounter<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        *self.left = self.left.checked_sub(1).ok_or_else(|| D::Error::custom(TOO_MANY))?;
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueCounter<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.reborrow())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        // Keys are strings, which are not counted.
        while entries.next_key::<IgnoredAny>()?.is_some() {
            entries.next_value_seed(self.reborrow())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_within_limit(text: &str, max_values: usize) -> bool {
        match check(text.as_bytes(), max_values) {
            Ok(()) => true,
            Err(JsonError::TooManyValues { .. }) => false,
            Err(JsonError::Invalid(error)) => panic!("{text}: {error}"),
        }
    }

    #[test]
    fn values_are_counted_exactly() {
        for (text, values) in [
            ("null", 1),
            ("[]", 1),
            ("\"[,,,]\"", 1),
            ("[1, -1, 1.5, true, \"a\", null]", 7),
            ("{\"a\": {\"a\": []}, \"b,c\": 1}", 4),
        ] {
            assert!(is_within_limit(text, values), "{text}");
            assert!(!is_within_limit(text, values - 1), "{text}");
        }
    }

    #[test]
    fn errors_match_parser_errors() {
        let deep = "[".repeat(200);
        for text in ["", "{", "[1,]", "1 2", "{1:2}", "\"\\ud800\"", "1e999", "nul", &deep] {
            let expected = serde_json::from_str::<serde_json::Value>(text).map(|_| ());
            match (check(text.as_bytes(), 1000), expected) {
                (Err(JsonError::Invalid(found)), Err(expected)) => {
                    assert_eq!(found.to_string(), expected.to_string(), "{text}");
                }
                (found, expected) => panic!("{text}: {found:?}, {expected:?}"),
            }
        }
    }
}
