//! Pieces of known secrets, and finding them in a text in whatever encoding it repeats them.
//!
//! Texts are compared by their letters and digits alone, without regard to case: so line breaks,
//! invisible characters, separators and the alphabets of base64 and base64url make no difference.

use std::ops::Range;

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
use zeroize::{Zeroize as _, Zeroizing};

/// The length of a piece. 36 to its power fits into 64 bits, so a piece is a number and no two are
/// the same one.
pub(super) const LENGTH: usize = 12;
const RADIX: u64 = 36;
/// The numbers of pieces are below this.
const LIMIT: u64 = RADIX.pow(LENGTH as u32);

/// Every piece of the secret as it is, so that any [`LENGTH`] of its characters are found.
const PLAIN: usize = 1;
/// In base64, 20 characters of the secret are 27: they hold a piece that begins at such a step.
const BASE64: usize = 8;
/// In hexadecimal, they are 40.
const HEX: usize = 16;

/// How far apart the pieces of one secret may begin in a text, in letters and digits.
const APART: usize = HEX;

/// A set of pieces, wiped when dropped.
#[derive(Clone, Default)]
pub(super) struct Pieces {
    /// Open addressing: a piece's number plus one, or 0. The length is a power of two.
    slots: Zeroizing<Vec<u64>>,
    count: usize,
}

impl Pieces {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn slot(slots: &[u64], piece: u64) -> usize {
        let mask = slots.len() - 1;
        let mut at = (piece.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        while slots[at] != 0 && slots[at] != piece + 1 {
            at = (at + 1) & mask;
        }
        at
    }

    fn insert(&mut self, piece: u64) {
        if self.count * 2 >= self.slots.len() {
            let mut slots = Zeroizing::new(vec![0; (self.slots.len() * 4).max(1024)]);
            for known in self.slots.iter().filter(|slot| **slot != 0) {
                let at = Self::slot(&slots, known - 1);
                slots[at] = *known;
            }
            self.slots = slots;
        }
        let at = Self::slot(&self.slots, piece);
        self.count += usize::from(self.slots[at] == 0);
        self.slots[at] = piece + 1;
    }

    fn contains(&self, piece: u64) -> bool {
        !self.is_empty() && self.slots[Self::slot(&self.slots, piece)] != 0
    }

    /// Adds the pieces of a secret in every encoding, except those that are public.
    pub(super) fn add(&mut self, secret: &[u8], public: &Self) {
        self.add_form(secret, PLAIN, public);
        for form in encodings(secret) {
            self.add_form(form.text.as_bytes(), form.step, public);
        }
    }

    /// Adds every piece of a text.
    pub(super) fn add_text(&mut self, text: &[u8]) {
        self.add_form(text, PLAIN, &Self::default());
    }

    fn add_form(&mut self, text: &[u8], step: usize, public: &Self) {
        let mut window = Window::default();
        for Sign { digit, .. } in Signs::of(text, false) {
            let Some(piece) = window.push(digit) else { continue };
            if (window.count - LENGTH).is_multiple_of(step) && !public.contains(piece) {
                self.insert(piece);
            }
        }
    }
}

/// An encoding of a secret.
pub(super) struct Encoding {
    pub(super) text: Zeroizing<String>,
    step: usize,
}

/// The encodings that repeat a secret in other letters: base64, wherever in a group of three bytes
/// the secret begins, and hexadecimal.
pub(super) fn encodings(secret: &[u8]) -> impl Iterator<Item = Encoding> {
    let base64 = (0..3).map(|offset| {
        let mut bytes = Zeroizing::new(vec![0; offset]);
        bytes.extend_from_slice(secret);
        let whole = Zeroizing::new(BASE64_STANDARD_NO_PAD.encode(&*bytes));
        // The first and the last character also depend on the bytes beside the secret.
        let range = (offset * 8).div_ceil(6)..bytes.len() * 8 / 6;
        let text = Zeroizing::new(whole.get(range).unwrap_or_default().to_owned());
        Encoding { text, step: BASE64 }
    });
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = secret.iter().flat_map(|b| [b >> 4, b & 15]);
    let mut hex = Zeroizing::new(String::with_capacity(secret.len() * 2));
    hex.extend(digits.map(|digit| char::from(DIGITS[usize::from(digit)])));
    base64.chain([Encoding { text: hex, step: HEX }])
}

/// The last letters and digits of a text, as a number.
#[derive(Default)]
struct Window {
    value: u64,
    count: usize,
}

impl Window {
    /// The piece that ends with this digit.
    fn push(&mut self, digit: u8) -> Option<u64> {
        self.value = (self.value % (LIMIT / RADIX)) * RADIX + u64::from(digit);
        self.count += 1;
        (self.count >= LENGTH).then_some(self.value)
    }
}

/// A run of pieces in a text.
struct Run {
    range: Range<usize>,
    /// How many letters and digits end with its first piece, and with its last.
    first: usize,
    last: usize,
}

/// Collects the pieces that are found into runs.
#[derive(Default)]
struct Runs(Vec<Run>);

impl Runs {
    fn add(&mut self, count: usize, range: Range<usize>) {
        match self.0.last_mut() {
            Some(run) if count - run.last <= APART => {
                run.last = count;
                run.range.end = range.end;
            }
            _ => self.0.push(Run { range, first: count, last: count }),
        }
    }

    /// Where the runs of at least so many letters and digits are.
    fn ranges(self, least: usize) -> impl Iterator<Item = Range<usize>> {
        let runs = self.0.into_iter();
        runs.filter(move |run| run.last - run.first + LENGTH >= least).map(|run| run.range)
    }
}

/// Finds what repeats a piece of `drawn`, or `least` letters and digits of `written`. `decode`:
/// escapes are read first.
pub(super) fn find(
    text: &str,
    decode: bool,
    drawn: &Pieces,
    (written, least): (&Pieces, usize),
) -> Vec<Range<usize>> {
    let mut window = Window::default();
    let mut starts = [0; LENGTH];
    let (mut of_drawn, mut of_written) = (Runs::default(), Runs::default());
    for sign in Signs::of(text.as_bytes(), decode) {
        starts[window.count % LENGTH] = sign.start;
        let Some(piece) = window.push(sign.digit) else { continue };
        // The window is full: the oldest start is the next to be replaced.
        let range = starts[window.count % LENGTH]..sign.end;
        if drawn.contains(piece) {
            of_drawn.add(window.count, range.clone());
        }
        if written.contains(piece) {
            of_written.add(window.count, range);
        }
    }
    window.value.zeroize();
    of_drawn.ranges(LENGTH).chain(of_written.ranges(least)).collect()
}

/// The letters and digits of a text, with their places: for secrets that are too short for pieces.
pub(super) fn letters(text: &str, decode: bool) -> (Zeroizing<String>, Vec<Range<usize>>) {
    let mut letters = Zeroizing::new(String::with_capacity(text.len()));
    let mut places = Vec::with_capacity(text.len());
    for Sign { digit, start, end } in Signs::of(text.as_bytes(), decode) {
        letters.push(char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }));
        places.push(start..end);
    }
    (letters, places)
}

/// Whether a text has escapes, so that there are two ways to read it.
pub(super) fn has_escapes(text: &str) -> bool {
    text.contains(['%', '\\', '&', '<'])
}

/// A letter or digit of a text.
struct Sign {
    /// Its value as a digit, below [`RADIX`].
    digit: u8,
    start: usize,
    end: usize,
}

/// The letters and digits of a text, one by one.
struct Signs<'a> {
    text: &'a [u8],
    at: usize,
    decode: bool,
}

impl<'a> Signs<'a> {
    fn of(text: &'a [u8], decode: bool) -> Self {
        Self { text, at: 0, decode }
    }
}

impl Iterator for Signs<'_> {
    type Item = Sign;

    fn next(&mut self) -> Option<Sign> {
        loop {
            let start = self.at;
            let mut byte = *self.text.get(start)?;
            self.at += 1;
            if self.decode && matches!(byte, b'%' | b'\\' | b'&' | b'<') {
                let (code, length) = escape(&self.text[start..]);
                self.at = start + length;
                byte = u8::try_from(code).unwrap_or_default();
            }
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'z' => byte - b'a' + 10,
                b'A'..=b'Z' => byte - b'A' + 10,
                _ => continue,
            };
            return Some(Sign { digit, start, end: self.at });
        }
    }
}

/// What the escape at the beginning of a text stands for (0: nothing that counts), and its length.
fn escape(text: &[u8]) -> (u32, usize) {
    match text.first() {
        Some(b'%') => {
            // Encoded several times, the percent sign itself became `%25`.
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

/// A longer entity or tag is none.
const LONGEST_ESCAPE: usize = 10;

fn hex(digits: &[u8]) -> Option<u32> {
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    is_hex.then(|| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        letters(text, true).0.to_string()
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

    #[test]
    fn sets_grow() {
        let mut pieces = Pieces::default();
        assert!(!pieces.contains(0));
        let numbers = (0..5000).map(|n: u64| n * n * 77);
        numbers.clone().for_each(|n| pieces.insert(n));
        assert!(numbers.clone().all(|n| pieces.contains(n)));
        assert!(!pieces.contains(5) && pieces.count == 5000);
        pieces.insert(LIMIT - 1);
        assert!(pieces.contains(LIMIT - 1));
    }
}
