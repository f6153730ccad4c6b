//! The encodings in which a server may repeat a secret, and a check whether a text gives one away.
//! The integration tests use it as well.

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};

/// The letters and digits of a text, in lower case.
fn letters_and_digits(text: &[u8]) -> String {
    let signs = text.iter().filter(|b| b.is_ascii_alphanumeric());
    signs.map(|b| char::from(b.to_ascii_lowercase())).collect()
}

/// All ways to read a text: unchanged and in every decoding.
fn readings(text: &str) -> Vec<String> {
    let mut found = vec![letters_and_digits(text.as_bytes())];
    let percent: Vec<u8> = percent_encoding::percent_decode_str(text).collect();
    found.push(letters_and_digits(&percent));
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/-_".contains(b);
    let base64: Vec<u8> = text.bytes().filter(is_base64).collect();
    let standard = |b: &u8| match b {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let base64: Vec<u8> = base64.iter().map(standard).collect();
    // Decode each run alone too, because text between runs shifts the groups of base64.
    let runs = text.split(|c: char| !c.is_ascii_alphanumeric() && !"+/-_".contains(c));
    let runs = runs.map(|run| run.bytes().map(|b| standard(&b)).collect::<Vec<u8>>());
    for run in runs.chain([base64]) {
        for offset in 0..4.min(run.len()) {
            let run = &run[offset..run.len() - (run.len() - offset) % 4];
            if let Ok(bytes) = BASE64_STANDARD.decode(run) {
                found.push(letters_and_digits(&bytes));
            }
        }
    }
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    for offset in 0..2.min(digits.len()) {
        let bytes = digits[offset..]
            .chunks_exact(2)
            .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        found.push(letters_and_digits(&bytes.collect::<Vec<u8>>()));
    }
    found
}

/// Whether 20 characters of a secret can be read from a text.
pub(crate) fn gives_away(text: &str, secret: &str) -> bool {
    const LONGEST: usize = 20;
    let pieces: Vec<String> = secret.as_bytes().windows(LONGEST).map(letters_and_digits).collect();
    readings(text).iter().any(|reading| pieces.iter().any(|piece| reading.contains(piece)))
}

fn hex(text: &str) -> String {
    text.bytes().map(|b| format!("{b:02x}")).collect()
}

fn broken(text: &str, width: usize, by: &str) -> String {
    let lines = text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap());
    lines.collect::<Vec<_>>().join(by)
}

fn mixed_case(text: &str) -> String {
    let flip = |(at, c): (usize, char)| match at % 3 {
        0 => c.to_ascii_uppercase(),
        _ => c.to_ascii_lowercase(),
    };
    text.chars().enumerate().map(flip).collect()
}

/// Encodes a secret.
type Encode = fn(&str) -> String;

/// The encodings in which a server may repeat a secret.
pub(crate) const ENCODINGS: [(&str, Encode); 15] = [
    ("as it is", str::to_owned),
    ("capitals", str::to_ascii_uppercase),
    ("another case", mixed_case),
    ("base64", |s| BASE64_STANDARD.encode(s)),
    ("base64, moved by one", |s| BASE64_STANDARD.encode(format!("u{s}"))),
    ("base64, moved by two", |s| BASE64_STANDARD.encode(format!("u:{s}\n"))),
    ("base64url", |s| BASE64_URL_SAFE_NO_PAD.encode(format!("{{\"token\":\"{s}\"}}"))),
    ("hex", hex),
    ("hex in capitals", |s| hex(s).to_ascii_uppercase()),
    ("percent", |s| s.bytes().map(|b| format!("%{b:02X}")).collect()),
    ("some percent, twice", |s| {
        s.replace('-', "%252D").replace('a', "%2561").replace('.', "%252E")
    }),
    ("lines of 64", |s| broken(&BASE64_STANDARD.encode(s), 64, "\n")),
    ("lines of 76", |s| broken(s, 76, "\r\n ")),
    ("escaped lines", |s| broken(&hex(s), 60, "\\n")),
    ("zero width", |s| broken(s, 3, "\u{200b}")),
];
