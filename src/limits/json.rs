//! Counts the values of a JSON text without building them.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Why a text cannot be read as JSON.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It is not JSON, or nested too deeply.
    Invalid(serde_json::Error),
    /// It holds too many values. The place of the first one over the limit.
    TooManyValues {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
}

/// Reads a JSON text to its end: its grammar, its nesting and how many values it holds.
///
/// # Errors
/// It is not JSON, or holds more than `most` values.
pub(crate) fn check(text: &[u8], most: usize) -> Result<(), Refused> {
    let mut left = most;
    let mut input = serde_json::Deserializer::from_slice(text);
    let outcome = Count { left: &mut left }.deserialize(&mut input).and_then(|()| input.end());
    outcome.map_err(|error| match error.is_data() && error.to_string().starts_with(TOO_MANY) {
        true => Refused::TooManyValues { line: error.line(), column: error.column() },
        false => Refused::Invalid(error),
    })
}

const TOO_MANY: &str = "too many values";

/// Takes one from the number for each value.
struct Count<'a> {
    left: &'a mut usize,
}

impl Count<'_> {
    fn again(&mut self) -> Count<'_> {
        Count { left: self.left }
    }
}

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        *self.left = self.left.checked_sub(1).ok_or_else(|| D::Error::custom(TOO_MANY))?;
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
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
        while items.next_element_seed(self.again())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        // A key is a string.
        while entries.next_key::<IgnoredAny>()?.is_some() {
            entries.next_value_seed(self.again())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, most: usize) -> bool {
        match check(text.as_bytes(), most) {
            Ok(()) => true,
            Err(Refused::TooManyValues { .. }) => false,
            Err(Refused::Invalid(error)) => panic!("{text}: {error}"),
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
            assert!(holds(text, values), "{text}");
            assert!(!holds(text, values - 1), "{text}");
        }
    }

    #[test]
    fn errors_are_those_of_the_parser() {
        let deep = "[".repeat(200);
        for text in ["", "{", "[1,]", "1 2", "{1:2}", "\"\\ud800\"", "1e999", "nul", &deep] {
            let expected = serde_json::from_str::<serde_json::Value>(text).map(|_| ());
            match (check(text.as_bytes(), 1000), expected) {
                (Err(Refused::Invalid(found)), Err(expected)) => {
                    assert_eq!(found.to_string(), expected.to_string(), "{text}");
                }
                (found, expected) => panic!("{text}: {found:?}, {expected:?}"),
            }
        }
    }
}
