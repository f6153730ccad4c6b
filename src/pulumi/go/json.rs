//! JSON as Go's `encoding/json` takes it: what it says to a syntax error (scanner.go), and fields
//! whose names it compares without regard to case (decode.go).

use serde_json::{Map, Value};

use super::url::quote;

/// The value that Go decodes into a field: the last one whose name matches in any case. `null`
/// leaves a field as it is.
pub(crate) fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .iter()
        .rfind(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null())
        .map(|(_, value)| value)
}

/// What Go says of a text that is not JSON.
pub(crate) fn syntax_error(bytes: &[u8]) -> Option<String> {
    let mut scanner = Scanner { bytes, at: 0, open: Vec::new() };
    scanner.document().err().map(|fault| match fault {
        Fault::Ends => "unexpected end of JSON input".to_owned(),
        Fault::Found(byte, place) => format!("invalid character {} {place}", quoted(byte)),
    })
}

/// `quoteChar`: a byte is taken for a character.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        _ => {
            let text = quote(&char::from(byte).to_string());
            format!("'{}'", &text[1..text.len() - 1])
        }
    }
}

enum Fault {
    Ends,
    Found(u8, &'static str),
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The closing brackets that are still to come.
    open: Vec<u8>,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Fault> {
        self.value()?;
        while let Some(end) = self.open.last().copied() {
            let is_object = end == b'}';
            match self.token()? {
                b',' if is_object => self.member()?,
                b',' => self.value()?,
                byte if byte == end => {
                    self.open.pop();
                }
                byte if is_object => {
                    return Err(Fault::Found(byte, "after object key:value pair"));
                }
                byte => return Err(Fault::Found(byte, "after array element")),
            }
        }
        self.skip_space();
        match self.bytes.get(self.at) {
            Some(byte) => Err(Fault::Found(*byte, "after top-level value")),
            None => Ok(()),
        }
    }

    fn skip_space(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|b| b" \t\r\n".contains(b)).count();
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = self.bytes.get(self.at).copied().ok_or(Fault::Ends)?;
        self.at += 1;
        Ok(byte)
    }

    /// The next byte that is not white space.
    fn token(&mut self) -> Result<u8, Fault> {
        self.skip_space();
        self.byte()
    }

    /// A value, or the beginning of one: what an object or array holds is read by [`Self::document`].
    fn value(&mut self) -> Result<(), Fault> {
        loop {
            match self.token()? {
                b'{' => {
                    self.open.push(b'}');
                    let byte = self.token()?;
                    if byte == b'}' {
                        self.open.pop();
                        return Ok(());
                    }
                    return self.member_at(byte);
                }
                b'[' => {
                    self.open.push(b']');
                    self.skip_space();
                    if self.bytes.get(self.at) == Some(&b']') {
                        self.at += 1;
                        self.open.pop();
                        return Ok(());
                    }
                }
                b'"' => return self.string(),
                b'-' => {
                    return match self.byte()? {
                        digit @ b'0'..=b'9' => self.number(digit),
                        byte => Err(Fault::Found(byte, "in numeric literal")),
                    };
                }
                digit @ b'0'..=b'9' => return self.number(digit),
                b't' => return self.literal("true"),
                b'f' => return self.literal("false"),
                b'n' => return self.literal("null"),
                byte => return Err(Fault::Found(byte, "looking for beginning of value")),
            }
        }
    }

    fn member(&mut self) -> Result<(), Fault> {
        let byte = self.token()?;
        self.member_at(byte)
    }

    fn member_at(&mut self, byte: u8) -> Result<(), Fault> {
        if byte != b'"' {
            return Err(Fault::Found(byte, "looking for beginning of object key string"));
        }
        self.string()?;
        match self.token()? {
            b':' => self.value(),
            byte => Err(Fault::Found(byte, "after object key")),
        }
    }

    fn string(&mut self) -> Result<(), Fault> {
        loop {
            match self.byte()? {
                b'"' => return Ok(()),
                b'\\' => match self.byte()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let byte = self.byte()?;
                            if !byte.is_ascii_hexdigit() {
                                let place = "in \\u hexadecimal character escape";
                                return Err(Fault::Found(byte, place));
                            }
                        }
                    }
                    byte => return Err(Fault::Found(byte, "in string escape code")),
                },
                byte @ ..0x20 => return Err(Fault::Found(byte, "in string literal")),
                _ => {}
            }
        }
    }

    fn number(&mut self, first: u8) -> Result<(), Fault> {
        if first != b'0' {
            self.digits();
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digit("after decimal point in numeric literal")?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digit("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digit(&mut self, place: &'static str) -> Result<(), Fault> {
        match self.byte()? {
            b'0'..=b'9' => {
                self.digits();
                Ok(())
            }
            byte => Err(Fault::Found(byte, place)),
        }
    }

    fn digits(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|b| b.is_ascii_digit()).count();
    }

    fn literal(&mut self, word: &'static str) -> Result<(), Fault> {
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
            let byte = self.byte()?;
            if byte != word.as_bytes()[end - 1] {
                let place = PLACES.iter().find(|(start, _)| *start == &word[..end]);
                return Err(Fault::Found(byte, place.map_or("", |(_, place)| place)));
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
    fn duration_errors_use_go_words() {
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
    fn the_last_field_of_a_name_counts() {
        let object = json!({"Access_Token": "a", "access_token": null, "ACCESS_TOKEN": "b"});
        let object = object.as_object().unwrap();
        assert_eq!(field(object, "access_token"), Some(&json!("b")));
        assert_eq!(field(object, "scope"), None);
    }

    proptest! {
        #[test]
        fn what_serde_takes_go_takes(text in "([{}\\[\\],:\"\\\\ 0-9.eE+-]|true|null|\\\\u00e9|\"a\":){0,12}") {
            let refused = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err();
            prop_assert_eq!(syntax_error(text.as_bytes()).is_some(), refused);
        }
    }
}
