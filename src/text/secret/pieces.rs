//! Finds pieces of known secrets in a text, in any common encoding.
//!
//! Texts are compared only by their letters and digits, ignoring case. So line breaks, invisible
//! characters, separators and the difference between base64 and base64url do not matter.

use std::ops::Range;

use zeroize::{Zeroize as _, Zeroizing};

use super::letters::{Digits, Signs, base64_digits, hex_digits, plain_digits};

/// The length of a piece. 36 to this power fits into 64 bits, so every piece is a unique number.
pub(super) const LENGTH: usize = 12;
const RADIX: u64 = 36;
/// The place value of a piece's first digit.
const FIRST: u64 = RADIX.pow(LENGTH as u32 - 1);

/// The distance between the pieces of a secret that are searched for. Any 20 characters of the
/// secret must contain a piece: they are 27 characters in base64 and 40 in hexadecimal. Plain text
/// has fewer letters and digits than characters, so there every second piece is searched for.
const PLAIN_STEP: usize = 2;
const BASE64_STEP: usize = 8;
const HEX_STEP: usize = 16;

/// The largest distance between pieces of one secret in a text, in letters and digits.
const MAX_GAP: usize = HEX_STEP;

/// The digits of a secret in each encoding that changes its letters, with the step of its pieces.
pub(super) fn encodings(secret: &[u8]) -> [(Digits, usize); 4] {
    [
        (base64_digits(secret, 0), BASE64_STEP),
        (base64_digits(secret, 1), BASE64_STEP),
        (base64_digits(secret, 2), BASE64_STEP),
        (hex_digits(secret), HEX_STEP),
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
        let plain = plain_digits(secret);
        let encodings = encodings(secret);
        let all = || encodings.iter().map(|(digits, step)| (digits, *step));
        let all = || std::iter::once((&plain, PLAIN_STEP)).chain(all());
        self.reserve(all().map(|(digits, step)| digits.len() / step + 1).sum());
        for (digits, step) in all() {
            self.add_digits(digits, step, public);
        }
    }

    /// Adds every piece of a text.
    pub(super) fn add_text(&mut self, text: &[u8]) {
        self.add_digits(&plain_digits(text), 1, &Self::default());
    }

    fn add_digits(&mut self, digits: &[u8], step: usize, public: &Self) {
        self.reserve(digits.len() / step + 1);
        let mut value = 0;
        let mut next = 0;
        for (at, digit) in digits.iter().enumerate() {
            let oldest = if at < LENGTH { 0 } else { digits[at - LENGTH] };
            value = slide(value, oldest, *digit);
            if at + 1 < LENGTH + next {
                continue;
            }
            next += step;
            if !public.contains(value) {
                let at = Self::slot(&self.slots, value);
                self.count += usize::from(self.slots[at] == 0);
                self.slots[at] = value + 1;
            }
        }
    }
}

/// The number of the next piece, from that of the previous one. Avoids a division, which would
/// dominate the time.
fn slide(value: u64, oldest: u8, digit: u8) -> u64 {
    (value - u64::from(oldest) * FIRST) * RADIX + u64::from(digit)
}

/// The last letters and digits of a text, as a number.
#[derive(Default)]
struct Window {
    value: u64,
    digits: [u8; LENGTH],
    /// The index of the oldest digit, which the next one replaces.
    next: usize,
    count: usize,
}

impl Window {
    fn push(&mut self, digit: u8) {
        let oldest = std::mem::replace(&mut self.digits[self.next], digit);
        self.value = slide(self.value, oldest, digit);
        self.next = if self.next + 1 == LENGTH { 0 } else { self.next + 1 };
        self.count += 1;
    }
}

/// A run of pieces in a text.
struct Run {
    range: Range<usize>,
    /// The number of letters and digits in the text up to the end of its first piece, and of its
    /// last.
    first: usize,
    last: usize,
}

/// Joins nearby pieces into runs.
#[derive(Default)]
struct Runs(Vec<Run>);

impl Runs {
    fn add(&mut self, count: usize, range: Range<usize>) {
        match self.0.last_mut() {
            Some(run) if count - run.last <= MAX_GAP => {
                run.last = count;
                run.range.end = range.end;
            }
            _ => self.0.push(Run { range, first: count, last: count }),
        }
    }

    /// The ranges of runs with at least `least` letters and digits.
    fn ranges(self, least: usize) -> impl Iterator<Item = Range<usize>> {
        let runs = self.0.into_iter();
        runs.filter(move |run| run.last - run.first + LENGTH >= least).map(|run| run.range)
    }
}

/// Finds text that repeats a piece of `random`, or `least` letters and digits of `written`.
/// `decode`: decodes escapes first.
pub(super) fn find(
    text: &str,
    decode: bool,
    random: &Pieces,
    (written, least): (&Pieces, usize),
) -> Vec<Range<usize>> {
    let mut window = Window::default();
    let mut starts = [0; LENGTH];
    let (mut random_runs, mut written_runs) = (Runs::default(), Runs::default());
    let mut signs = Signs::new(text.as_bytes(), decode);
    while let Some(sign) = signs.next_sign() {
        starts[window.next] = sign.start;
        window.push(sign.digit);
        if window.count < LENGTH {
            continue;
        }
        // The window is full: the oldest start is the next to be replaced.
        let start = starts[window.next];
        if random.contains(window.value) {
            random_runs.add(window.count, start..sign.end);
        }
        if written.contains(window.value) {
            written_runs.add(window.count, start..sign.end);
        }
    }
    window.value.zeroize();
    window.digits.zeroize();
    random_runs.ranges(LENGTH).chain(written_runs.ranges(least)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn letters(digits: &[u8]) -> String {
        digits.iter().map(|digit| char::from_digit(u32::from(*digit), 36).unwrap()).collect()
    }

    #[test]
    fn encodings_match_encoded_secret() {
        use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
        let secret = "q7X2mlk9Fhd3vbZ8w4nC~t6yr?>";
        for length in 12..secret.len() {
            let secret = &secret[..length];
            let [zero, one, two, hex] = encodings(secret.as_bytes()).map(|(d, _)| letters(&d));
            for (digits, before, after) in [(zero, "", "\n"), (one, ":", "?"), (two, "u:", "\0x")] {
                let whole = BASE64_STANDARD_NO_PAD.encode(format!("{before}{secret}{after}"));
                let whole = letters(&plain_digits(whole.as_bytes()));
                assert!(whole.contains(&digits), "{whole}: {digits}");
                assert!(digits.len() * 3 + 8 + 3 * 4 >= length * 4, "{digits}");
            }
            assert_eq!(hex, secret.bytes().map(|b| format!("{b:02x}")).collect::<String>());
        }
    }

    #[test]
    fn growing_set_keeps_pieces() {
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
        assert!(!pieces.contains(FIRST * RADIX - 1));
        pieces.add_digits(&[35; LENGTH], 1, &Pieces::default());
        assert!(pieces.contains(FIRST * RADIX - 1));
    }
}
