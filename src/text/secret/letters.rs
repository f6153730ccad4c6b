//! Reads the letters and digits of texts as digits of base 36, ignoring case.

use std::ops::Range;

use zeroize::{Zeroize as _, Zeroizing};

/// Marks a byte that is no letter or digit.
const NONE: u8 = u8::MAX;

/// The value of a letter or digit in base 36, ignoring case.
const fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'z' => byte - b'a' + 10,
        b'A'..=b'Z' => byte - b'A' + 10,
        _ => NONE,
    }
}

/// [`digit`] of every byte.
static DIGITS: [u8; 256] = {
    let mut digits = [NONE; 256];
    let mut byte = 0;
    while byte < 256 {
        digits[byte] = digit(byte as u8);
        byte += 1;
    }
    digits
};

/// [`digit`] of the base64 characters. The last two, `+/` or `-_`, have none.
static BASE64: [u8; 64] = {
    let mut digits = [NONE; 64];
    let mut value = 0;
    while value < 62 {
        digits[value] = digit(match value {
            0..=25 => b'A' + value as u8,
            26..=51 => b'a' + value as u8 - 26,
            _ => b'0' + value as u8 - 52,
        });
        value += 1;
    }
    digits
};

/// The letters and digits of a text, as digits.
pub(super) type Digits = Zeroizing<Vec<u8>>;

/// Collects digits into wiped memory that never grows. This is a hot path.
struct Collector {
    digits: Digits,
    length: usize,
}

impl Collector {
    fn new(most: usize) -> Self {
        // One more place, so that [`NONE`] can be written without a branch.
        Self { digits: Zeroizing::new(vec![0; most + 1]), length: 0 }
    }

    fn push(&mut self, digit: u8) {
        if let Some(place) = self.digits.get_mut(self.length) {
            *place = digit;
            self.length += usize::from(digit != NONE);
        }
    }

    fn finish(mut self) -> Digits {
        self.digits.truncate(self.length);
        self.digits
    }
}

/// The digits of a plain text.
pub(super) fn plain_digits(text: &[u8]) -> Digits {
    let mut digits = Collector::new(text.len());
    for byte in text {
        digits.push(DIGITS[usize::from(*byte)]);
    }
    digits.finish()
}

/// The digits of a secret in base64 if it begins at byte `offset` of a group of three. Leaves out a
/// first or last character that also depends on neighbouring bytes.
pub(super) fn base64_digits(secret: &[u8], offset: usize) -> Digits {
    let mut digits = Collector::new(secret.len() * 4 / 3 + 1);
    // The first character holds the last bits of the bytes before.
    let (mut bits, mut held) = (0_u32, [0, 2, 4][offset]);
    let mut skip = offset != 0;
    for byte in secret {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 6 {
            held -= 6;
            if !skip {
                digits.push(BASE64[(bits >> held & 63) as usize]);
            }
            skip = false;
        }
    }
    bits.zeroize();
    digits.finish()
}

/// The digits of a secret in hexadecimal.
pub(super) fn hex_digits(secret: &[u8]) -> Digits {
    let mut digits = Collector::new(secret.len() * 2);
    for byte in secret {
        digits.push(byte >> 4);
        digits.push(byte & 15);
    }
    digits.finish()
}

/// The digits of a text with their positions, for secrets that are too short for pieces.
pub(super) fn digits_with_positions(text: &str, decode: bool) -> (Digits, Vec<Range<usize>>) {
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut positions = Vec::with_capacity(text.len());
    let mut signs = Signs::new(text.as_bytes(), decode);
    while let Some(Sign { digit, start, end }) = signs.next_sign() {
        digits.push(digit);
        positions.push(start..end);
    }
    (digits, positions)
}

/// Whether a text may have escapes, so that it can be read in two ways.
pub(super) fn has_escapes(text: &str) -> bool {
    text.contains(['%', '\\', '&', '<'])
}

/// A letter or digit of a text.
pub(super) struct Sign {
    /// Its value in base 36.
    pub(super) digit: u8,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The letters and digits of a text, one by one.
pub(super) struct Signs<'a> {
    text: &'a [u8],
    at: usize,
    decode: bool,
}

impl<'a> Signs<'a> {
    pub(super) fn new(text: &'a [u8], decode: bool) -> Self {
        Self { text, at: 0, decode }
    }

    /// The next letter or digit. Not an iterator, because this is a hot path.
    pub(super) fn next_sign(&mut self) -> Option<Sign> {
        while self.at < self.text.len() {
            let start = self.at;
            let mut byte = self.text[start];
            self.at += 1;
            if self.decode && matches!(byte, b'%' | b'\\' | b'&' | b'<') {
                let (code, length) = escape(&self.text[start..]);
                self.at = start + length;
                byte = u8::try_from(code).unwrap_or_default();
            }
            let digit = DIGITS[usize::from(byte)];
            if digit != NONE {
                return Some(Sign { digit, start, end: self.at });
            }
        }
        None
    }
}

/// The character of the escape at the start of a text (0: no letter or digit), and the escape's
/// length.
fn escape(text: &[u8]) -> (u32, usize) {
    match text.first() {
        Some(b'%') => {
            // Repeated encoding turns the percent sign into `%25`.
            let again = text[1..].chunks_exact(2).take_while(|pair| pair == b"25").count();
            (0..=again)
                .rev()
                .find_map(|times| {
                    let at = 1 + 2 * times;
                    Some((hex(text.get(at..at + 2)?)?, at + 2))
                })
                .unwrap_or((0, 1))
        }
        Some(b'\\') => {
            let length = text.iter().take_while(|b| **b == b'\\').count();
            let digits = |from, count| hex(text.get(from..from + count)?);
            match text.get(length) {
                Some(b'u') => digits(length + 1, 4).map(|code| (code, length + 5)),
                Some(b'x') => digits(length + 1, 2).map(|code| (code, length + 3)),
                Some(b'n' | b'r' | b't') => Some((0, length + 1)),
                _ => None,
            }
            .unwrap_or((0, length))
        }
        Some(b'&') => {
            let end = text.iter().take(LONGEST_ESCAPE).position(|b| *b == b';');
            let Some(end) = end else { return (0, 1) };
            let code = match &text[1..end] {
                [b'#', b'x' | b'X', digits @ ..] => hex(digits),
                [b'#', digits @ ..] => {
                    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok())
                }
                _ => None,
            };
            (code.unwrap_or(0), end + 1)
        }
        _ => {
            let end = text.iter().take(LONGEST_ESCAPE).position(|b| *b == b'>');
            (0, end.map_or(1, |end| end + 1))
        }
    }
}

/// The longest entity or tag that is read.
const LONGEST_ESCAPE: usize = 10;

fn hex(digits: &[u8]) -> Option<u32> {
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    is_hex.then(|| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn letters(digits: &[u8]) -> String {
        digits.iter().map(|digit| char::from_digit(u32::from(*digit), 36).unwrap()).collect()
    }

    fn read(text: &str) -> String {
        letters(&digits_with_positions(text, true).0)
    }

    #[test]
    fn escapes_are_read() {
        for (text, expected) in [
            ("%41b%2fc", "abc"),
            ("%2541%252541", "aa"),
            ("%25", ""),
            ("100%", "100"),
            ("%zz%4", "zz4"),
            (r"a\u0062\x63\nd\\nE\\\u0066", "abcdef"),
            (r"C:\dir\u00", "cdiru00"),
            ("&#97;&#x62;c&zwnj;d&amp", "abcdamp"),
            ("a<br>b<wbr/>c < d", "abcd"),
            ("a\u{200b}b\u{e9}c\r\n  d", "abcd"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
