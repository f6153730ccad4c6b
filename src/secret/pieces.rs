//! Pieces of known secrets, and finding them in a text in whatever encoding it repeats them.
//!
//! Texts are compared by their letters and digits alone, without regard to case: so line breaks,
//! invisible characters, separators and the alphabets of base64 and base64url make no difference.

use std::ops::Range;

use zeroize::{Zeroize as _, Zeroizing};

/// The length of a piece. 36 to its power fits into 64 bits, so a piece is a number and no two are
/// the same one.
pub(super) const LENGTH: usize = 12;
const RADIX: u64 = 36;
/// The numbers of pieces are below this.
const LIMIT: u64 = RADIX.pow(LENGTH as u32);

/// How far apart the pieces of a secret begin that are looked for: in base64, 20 characters of the
/// secret are 27, and in hexadecimal 40, so that they hold one at least.
/// As it is, it has fewer letters and digits than characters: every second piece is looked for.
const PLAIN_STEP: usize = 2;
const BASE64_STEP: usize = 8;
const HEX_STEP: usize = 16;

/// How far apart the pieces of one secret may begin in a text, in letters and digits.
const APART: usize = HEX_STEP;

/// No letter or digit.
const NONE: u8 = u8::MAX;

/// The value of a letter or digit as a digit below [`RADIX`], small and capital letters alike.
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

/// [`digit`] of the characters of base64, whose last two have none in any alphabet.
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

/// The digits of a text as it is.
pub(super) fn plain(text: &[u8]) -> Digits {
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    for byte in text {
        if DIGITS[usize::from(*byte)] != NONE {
            digits.push(DIGITS[usize::from(*byte)]);
        }
    }
    digits
}

/// The digits of a secret in base64, where it begins at that byte in a group of three. The first
/// and the last character are left out where they also depend on the bytes beside it.
fn base64(secret: &[u8], offset: usize) -> Digits {
    let mut digits = Zeroizing::new(Vec::with_capacity(secret.len() * 4 / 3 + 1));
    let (mut bits, mut held) = (0_u32, 0);
    let mut skipped = offset == 0;
    for (at, byte) in secret.iter().enumerate() {
        bits = (bits & 63) << 8 | u32::from(*byte);
        held += 8;
        if at == 0 {
            // What these bytes leave of their last character belongs to it.
            held += [0, 2, 4][offset];
        }
        while held >= 6 {
            held -= 6;
            let value = BASE64[(bits >> held & 63) as usize];
            if skipped && value != NONE {
                digits.push(value);
            }
            skipped = true;
        }
    }
    bits.zeroize();
    digits
}

/// The digits of a secret in hexadecimal.
fn hexadecimal(secret: &[u8]) -> Digits {
    let mut digits = Zeroizing::new(Vec::with_capacity(secret.len() * 2));
    for byte in secret {
        digits.push(byte >> 4);
        digits.push(byte & 15);
    }
    digits
}

/// The encodings that repeat a secret in other letters, with the steps of their pieces.
pub(super) fn encodings(secret: &[u8]) -> [(Digits, usize); 4] {
    [
        (base64(secret, 0), BASE64_STEP),
        (base64(secret, 1), BASE64_STEP),
        (base64(secret, 2), BASE64_STEP),
        (hexadecimal(secret), HEX_STEP),
    ]
}

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

    /// Makes room for so many more.
    fn reserve(&mut self, more: usize) {
        let needed = ((self.count + more) * 2).next_power_of_two();
        if needed <= self.slots.len() {
            return;
        }
        let mut slots = Zeroizing::new(vec![0; needed]);
        for known in self.slots.iter() {
            if *known != 0 {
                let at = Self::slot(&slots, known - 1);
                slots[at] = *known;
            }
        }
        self.slots = slots;
    }

    fn contains(&self, piece: u64) -> bool {
        self.count > 0 && self.slots[Self::slot(&self.slots, piece)] != 0
    }

    /// Adds the pieces of a secret in every encoding, except those that are public.
    pub(super) fn add(&mut self, secret: &[u8], public: &Self) {
        self.add_digits(&plain(secret), PLAIN_STEP, public);
        for (digits, step) in encodings(secret) {
            self.add_digits(&digits, step, public);
        }
    }

    /// Adds every piece of a text.
    pub(super) fn add_text(&mut self, text: &[u8]) {
        self.add_digits(&plain(text), 1, &Self::default());
    }

    fn add_digits(&mut self, digits: &[u8], step: usize, public: &Self) {
        self.reserve(digits.len() / step + 1);
        let mut window = Window::default();
        let mut start = 0;
        while start + LENGTH <= digits.len() {
            // The others are in the window already.
            let new = if start == 0 { LENGTH } else { step.min(LENGTH) };
            for digit in &digits[start + LENGTH - new..start + LENGTH] {
                window.push(*digit);
            }
            if !public.contains(window.value) {
                let at = Self::slot(&self.slots, window.value);
                self.count += usize::from(self.slots[at] == 0);
                self.slots[at] = window.value + 1;
            }
            start += step;
        }
    }
}

/// The last letters and digits of a text, as a number.
#[derive(Default)]
struct Window {
    value: u64,
    count: usize,
}

impl Window {
    fn push(&mut self, digit: u8) {
        self.value = (self.value % (LIMIT / RADIX)) * RADIX + u64::from(digit);
        self.count += 1;
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
    let mut signs = Signs::of(text.as_bytes(), decode);
    while let Some(sign) = signs.next_sign() {
        starts[window.count % LENGTH] = sign.start;
        window.push(sign.digit);
        if window.count < LENGTH {
            continue;
        }
        // The window is full: the oldest start is the next to be replaced.
        let start = starts[window.count % LENGTH];
        if drawn.contains(window.value) {
            of_drawn.add(window.count, start..sign.end);
        }
        if written.contains(window.value) {
            of_written.add(window.count, start..sign.end);
        }
    }
    window.value.zeroize();
    of_drawn.ranges(LENGTH).chain(of_written.ranges(least)).collect()
}

/// The letters and digits of a text, with their places: for secrets that are too short for pieces.
pub(super) fn places(text: &str, decode: bool) -> (Digits, Vec<Range<usize>>) {
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut places = Vec::with_capacity(text.len());
    let mut signs = Signs::of(text.as_bytes(), decode);
    while let Some(Sign { digit, start, end }) = signs.next_sign() {
        digits.push(digit);
        places.push(start..end);
    }
    (digits, places)
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

    /// The next one. No iterator: this is where the time goes.
    fn next_sign(&mut self) -> Option<Sign> {
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
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn letters(digits: &[u8]) -> String {
        digits.iter().map(|digit| char::from_digit(u32::from(*digit), 36).unwrap()).collect()
    }

    fn read(text: &str) -> String {
        letters(&places(text, true).0)
    }

    #[test]
    fn encodings_are_those_of_the_text() {
        use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
        let secret = "q7X2mlk9Fhd3vbZ8w4nC~t6yr?>";
        for length in 12..secret.len() {
            let secret = &secret[..length];
            let [zero, one, two, hex] = encodings(secret.as_bytes()).map(|(d, _)| letters(&d));
            for (digits, before, after) in [(zero, "", "\n"), (one, ":", "?"), (two, "u:", "\0x")] {
                let whole = BASE64_STANDARD_NO_PAD.encode(format!("{before}{secret}{after}"));
                let whole = letters(&plain(whole.as_bytes()));
                assert!(whole.contains(&digits), "{whole}: {digits}");
                assert!(digits.len() * 3 + 8 + 3 * 4 >= length * 4, "{digits}");
            }
            assert_eq!(hex, secret.bytes().map(|b| format!("{b:02x}")).collect::<String>());
        }
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
        let digits: Vec<u8> = (0..5000_u32).map(|n| (n * n / 7 % 36) as u8).collect();
        digits.chunks(100).for_each(|part| pieces.add_digits(part, 1, &Pieces::default()));
        let mut window = Window::default();
        for part in digits.chunks(100) {
            for (at, digit) in part.iter().enumerate() {
                window.push(*digit);
                assert!(at < LENGTH - 1 || pieces.contains(window.value));
            }
        }
        assert!(!pieces.contains(LIMIT - 1));
        pieces.add_digits(&[35; LENGTH], 1, &Pieces::default());
        assert!(pieces.contains(LIMIT - 1));
    }
}
