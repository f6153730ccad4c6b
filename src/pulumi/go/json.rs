//! JSON as in Go's `encoding/json`: its syntax errors (scanner.go), and fields whose names it
//! compares without regard to case (decode.go).

use serde_json::{Map, Value};

use super::url::quote;

/// The value that Go decodes into a field: the last one whose name matches in any case and that is
/// not `null`.
pub(crate) fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .iter()
        .rfind(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null())
        .map(|(_, value)| value)
}

/// Go's error for a text that is not JSON.
pub(crate) fn syntax_error(bytes: &[u8]) -> Option<String> {
    let mut scanner = Scanner { bytes, at: 0, closing: Vec::new() };
    scanner.document().err().map(|error| match error {
        SyntaxError::EndOfInput => "unexpected end of JSON input".to_owned(),
        SyntaxError::Unexpected(byte, place) => {
            format!("invalid character {} {place}", quote_byte(byte))
        }
    })
}

/// Go's `quoteChar`, which takes a byte for a character.
fn quote_byte(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        _ => {
            let text = quote(&char::from(byte).to_string());
            format!("'{}'", &text[1..text.len() - 1])
        }
    }
}

enum SyntaxError {
    EndOfInput,
    Unexpected(u8, &'static str),
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The closing brackets that are still expected, the innermost last.
    closing: Vec<u8>,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), SyntaxError> {
        self.value()?;
        while let Some(end) = self.closing.last().copied() {
            let is_object = end == b'}';
            match self.next_non_space()? {
                b',' if is_object => self.member()?,
                b',' => self.value()?,
                byte if byte == end => {
                    self.closing.pop();
                }
                byte if is_object => {
                    return Err(SyntaxError::Unexpected(byte, "after object key:value pair"));
                }
                byte => return Err(SyntaxError::Unexpected(byte, "after array element")),
            }
        }
        self.skip_space();
        match self.bytes.get(self.at) {
            Some(byte) => Err(SyntaxError::Unexpected(*byte, "after top-level value")),
            None => Ok(()),
        }
    }

    fn skip_space(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|b| b" \t\r\n".contains(b)).count();
    }

    fn next_byte(&mut self) -> Result<u8, SyntaxError> {
        let byte = self.bytes.get(self.at).copied().ok_or(SyntaxError::EndOfInput)?;
        self.at += 1;
        Ok(byte)
    }

    /// The next byte that is not white space.
    fn next_non_space(&mut self) -> Result<u8, SyntaxError> {
        self.skip_space();
        self.next_byte()
    }

    /// Scans a scalar value, or the beginning of an object or array, whose rest [`Self::document`]
    /// scans.
    fn value(&mut self) -> Result<(), SyntaxError> {
        loop {
            match self.next_non_space()? {
                b'{' => {
                    self.closing.push(b'}');
                    let byte = self.next_non_space()?;
                    if byte == b'}' {
                        self.closing.pop();
                        return Ok(());
                    }
                    return self.member_from(byte);
                }
                b'[' => {
                    self.closing.push(b']');
                    self.skip_space();
                    if self.bytes.get(self.at) == Some(&b']') {
                        self.at += 1;
                        self.closing.pop();
                        return Ok(());
                    }
                }
                b'"' => return self.string(),
                b'-' => {
                    return match self.next_byte()? {
                        digit @ b'0'..=b'9' => self.number(digit),
                        byte => Err(SyntaxError::Unexpected(byte, "in numeric literal")),
                    };
                }
                digit @ b'0'..=b'9' => return self.number(digit),
                b't' => return self.literal("true"),
                b'f' => return self.literal("false"),
                b'n' => return self.literal("null"),
                byte => {
                    return Err(SyntaxError::Unexpected(byte, "looking for beginning of value"));
                }
            }
        }
    }

    fn member(&mut self) -> Result<(), SyntaxError> {
        let byte = self.next_non_space()?;
        self.member_from(byte)
    }

    fn member_from(&mut self, byte: u8) -> Result<(), SyntaxError> {
        if byte != b'"' {
            return Err(SyntaxError::Unexpected(
                byte,
                "looking for beginning of object key string",
            ));
        }
        self.string()?;
        match self.next_non_space()? {
            b':' => self.value(),
            byte => Err(SyntaxError::Unexpected(byte, "after object key")),
        }
    }

    fn string(&mut self) -> Result<(), SyntaxError> {
        loop {
            match self.next_byte()? {
                b'"' => return Ok(()),
                b'\\' => match self.next_byte()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let byte = self.next_byte()?;
                            if !byte.is_ascii_hexdigit() {
                                let place = "in \\u hexadecimal character escape";
                                return Err(SyntaxError::Unexpected(byte, place));
                            }
                        }
                    }
                    byte => return Err(SyntaxError::Unexpected(byte, "in string escape code")),
                },
                byte @ ..0x20 => return Err(SyntaxError::Unexpected(byte, "in string literal")),
                _ => {}
            }
        }
    }

    fn number(&mut self, first: u8) -> Result<(), SyntaxError> {
        if first != b'0' {
            self.skip_digits();
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.require_digits("after decimal point in numeric literal")?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.require_digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn require_digits(&mut self, place: &'static str) -> Result<(), SyntaxError> {
        match self.next_byte()? {
            b'0'..=b'9' => {
                self.skip_digits();
                Ok(())
            }
            byte => Err(SyntaxError::Unexpected(byte, place)),
        }
    }

    fn skip_digits(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|b| b.is_ascii_digit()).count();
    }

    fn literal(&mut self, word: &'static str) -> Result<(), SyntaxError> {
        const PLACES: [(&str, &str); 10] = [
            ("tr", "in literal true (expecting 'r')"),
            ("tru", "in literal true (expecting 'u')"),
            ("true", "in literal true (expecting 'e')"),
            ("fa", "in literal false (expecting 'a')"),
            ("fal", "in literal false (expecting 'l')"),
            ("fals", "in literal false (expecting 's')"),
            ("false", "in literal false (expecting 'e')"),
            ("nu", "in literal null (expecting 'u')"),
            ("nul", "in literal null (expecting 'l')"),
            ("null", "in literal null (expecting 'l')"),
        ];
        for end in 2..=word.len() {
            let byte = self.next_byte()?;
            if byte != word.as_bytes()[end - 1] {
                let place = PLACES.iter().find(|(start, _)| *start == &word[..end]);
                return Err(SyntaxError::Unexpected(byte, place.map_or("", |(_, place)| place)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn syntax_errors_use_go_wording() {
        let table = [
            ("", "unexpected end of JSON input"),
            ("{\"a\": 1", "unexpected end of JSON input"),
            ("<html>", "invalid character '<' looking for beginning of value"),
            ("nope", "invalid character 'o' in literal null (expecting 'u')"),
            ("upstream", "invalid character 'u' looking for beginning of value"),
            ("{}x", "invalid character 'x' after top-level value"),
            ("{a}", "invalid character 'a' looking for beginning of object key string"),
            ("{\"a\",", "invalid character ',' after object key"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("{\"a\":1 \"b\"", "invalid character '\"' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("[-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1e'", r"invalid character '\'' in exponent of numeric literal"),
            ("\"\n\"", r"invalid character '\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("\u{feff}{}", "invalid character 'ï' looking for beginning of value"),
        ];
        for (text, expected) in table {
            assert_eq!(syntax_error(text.as_bytes()).unwrap(), expected, "{text:?}");
        }
        for text in ["{}", "[[], {}, [{\"a\": [1]}]]", " null ", "-0.5E+7", "\"\\ud800\""] {
            assert_eq!(syntax_error(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn last_field_of_name_counts() {
        let object = json!({"Access_Token": "a", "access_token": null, "ACCESS_TOKEN": "b"});
        let object = object.as_object().unwrap();
        assert_eq!(field(object, "access_token"), Some(&json!("b")));
        assert_eq!(field(object, "scope"), None);
    }

    proptest! {
        #[test]
        fn scanner_agrees_with_serde(text in "([{}\\[\\],:\"\\\\ 0-9.eE+-]|true|null|\\\\u00e9|\"a\":){0,12}") {
            let refused = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err();
            prop_assert_eq!(syntax_error(text.as_bytes()).is_some(), refused);
        }
    }
}
