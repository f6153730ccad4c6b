//! Secrets that stand behind a name: in assignments, members, headers, flags and queries.

use std::ops::Range;

use crate::text::secret::{is_plain, is_reference, looks_random, names_secret};

/// A shorter value behind a name for a secret is a word or a placeholder.
const SHORTEST: usize = 8;
/// The same for a password that a command is given with its user.
const SHORTEST_PASSWORD: usize = 4;

/// How the names of secrets end without the first letter: that may be a capital one.
const STEMS: [&str; 9] = [
    "oken",
    "ecret",
    "assword",
    "asswd",
    "assphrase",
    "redential",
    "redentials",
    "ookie",
    "ssertion",
];
/// Endings that are too short to be searched for without their first letter.
const ENDINGS: [&str; 20] = [
    "jwt", "Jwt", "JWT", "key", "Key", "KEY", "_pat", "-pat", "Pat", "PAT", "_pwd", "-pwd", "Pwd",
    "_PWD", "_pass", "-pass", "Pass", "_PASS", "_auth", "_AUTH",
];
/// What follows a name that is given a value.
const ASSIGNS: [&str; 9] = ["=", " =", ":", " :", "\"", "\\\"", "'", "%3D", ">"];
/// What is assigned in a query and named by other words.
const QUERIES: [&str; 5] = ["?code=", "&code=", "sig=", "-Signature=", "-signature="];
/// Commands that are given a user and a password, or a password alone.
const USERS: [&str; 2] = [" -u ", " --user "];
const LOGINS: [&str; 3] = ["docker login ", "podman login ", "registry login "];

/// What is searched for.
pub(super) fn needles() -> impl Iterator<Item = String> {
    let fixed = QUERIES.into_iter().chain(USERS).chain(LOGINS).map(str::to_owned);
    fixed.chain(stems())
}

/// Whether what ends with one of the [`stems`] may be given a value here: logs speak of tokens and
/// keys in almost every line.
pub(in crate::gather::log) fn may_assign(before: &[u8], after: &[u8]) -> bool {
    ASSIGNS.iter().any(|sign| after.starts_with(sign.as_bytes()))
        || after.first() == Some(&b' ') && is_flag(before)
}

/// Whether a text ends with the beginning of a flag: `--access-t`.
fn is_flag(before: &[u8]) -> bool {
    let is_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let length = before.iter().rev().take(64).take_while(is_name).count();
    before[before.len() - length..].starts_with(b"-")
}

/// The ends of names that hold secrets.
pub(super) fn stems() -> impl Iterator<Item = String> {
    let stems = STEMS.into_iter().flat_map(|stem| [stem.to_owned(), stem.to_ascii_uppercase()]);
    stems.chain(ENDINGS.map(str::to_owned))
}

/// The values in a line that are secrets by their names.
pub(super) fn values(line: &str) -> Vec<Range<usize>> {
    let mut found: Vec<_> = names(line).filter_map(|name| value(line, name)).collect();
    found.extend(passwords(line));
    found
}

/// What names are made of, with their places.
fn names(line: &str) -> impl Iterator<Item = Range<usize>> {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let bytes = line.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes[at..].iter().position(|b| is_part(*b))?;
        let length = bytes[start..].iter().take_while(|b| is_part(**b)).count();
        at = start + length;
        Some(start..at)
    })
}

/// How a value is given, and so how sure it is that the name is one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sure {
    /// An assignment, a member, a header, a flag.
    Yes,
    /// A word and a colon: it may be the end of a sentence.
    Perhaps,
}

/// The value of a name, if it is a secret.
fn value(line: &str, name: Range<usize>) -> Option<Range<usize>> {
    let word = &line[name.clone()];
    // Most words are given nothing, and that is seen first.
    let next = line[name.end..].bytes().find(|b| *b != b' ');
    let may_be_given = next.is_some_and(|b| b"=:\"'\\%>]".contains(&b));
    if !may_be_given && !word.starts_with('-') {
        return None;
    }
    let before = &line[..name.start];
    let is_query = before.ends_with(['?', '&', ';']) || before.is_empty();
    let lower = || word.to_ascii_lowercase();
    let is_named = names_secret(word)
        || word == "code" && before.ends_with(['?', '&'])
        || word == "sig" && is_query
        || word.len() == 15 && lower() == "x-amz-signature"
        || word.len() == 16 && lower() == "x-goog-signature";
    if !is_named {
        return None;
    }
    let is_cookie = lower().ends_with("cookie");
    let rest = &line[name.end..];
    let bare = rest.trim_start_matches(['\\', '"', '\'', ']']);
    let is_quoted = bare.len() < rest.len();
    let operator = bare.trim_start_matches(' ');
    let is_spaced = operator.len() < bare.len();
    let is_comparison = ["==", "=~", "=>="].iter().any(|op| operator.starts_with(op));
    let (value, sure) = if is_comparison {
        return None;
    } else if let Some(value) = ["=>", "="].iter().find_map(|op| operator.strip_prefix(op)) {
        (value, Sure::Yes)
    } else if let Some(value) = ["%3D", "%3d"].iter().find_map(|op| operator.strip_prefix(op)) {
        (value, Sure::Yes)
    } else if let Some(value) = operator.strip_prefix(':') {
        let value = value.strip_prefix('=').unwrap_or(value);
        let is_sure = is_quoted || is_identifier(word) || is_cookie;
        (value, if is_sure { Sure::Yes } else { Sure::Perhaps })
    } else if let Some(value) = bare.strip_prefix('>')
        && before.ends_with('<')
    {
        (value, Sure::Yes)
    } else if word.starts_with('-') && is_spaced {
        (operator, Sure::Yes)
    } else {
        return None;
    };
    let (start, end) = bounds(line, line.len() - value.len(), is_cookie);
    let value = &line[start..end];
    let is_secret = match sure {
        Sure::Yes => {
            value.len() >= SHORTEST && !is_plain(value) && (is_cookie || !is_sentence(value))
        }
        Sure::Perhaps => {
            looks_random(value) && !value.trim_end_matches('=').contains('=')
                || is_last(line, before, end) && value.len() >= SHORTEST && is_mixed(value)
        }
    };
    is_secret.then_some(start..end)
}

/// Where a value begins and ends that stands from a place on.
fn bounds(line: &str, from: usize, is_cookie: bool) -> (usize, usize) {
    let text = &line[from..];
    let value = text.trim_start_matches([' ', '"', '\'', '[', '(', '\\', '+']);
    let start = line.len() - value.len();
    let length = match line[..start].chars().next_back().filter(|c| matches!(c, '"' | '\'')) {
        // In quotes everything belongs to it, up to a quote or its escape.
        Some(quote) if from < start => value.find([quote, '\\']),
        // The cookies of a header go on behind a space.
        _ if is_cookie => value.find(['"', '\'']),
        _ => Some(super::value_end(value)),
    };
    (start, start + length.unwrap_or(value.len()))
}

/// Whether a name is written as programs do, and not a word: `API_KEY`, `accessToken`,
/// `PRIVATE-TOKEN`, `X-Api-Key`.
fn is_identifier(word: &str) -> bool {
    let has_capital = word.bytes().skip(1).any(|b| b.is_ascii_uppercase());
    has_capital || word.contains('_') || word.starts_with('-')
}

/// Several words, not a value.
fn is_sentence(value: &str) -> bool {
    value.matches(' ').count() >= 2 && !value.contains('=')
}

/// Whether a value is all that is on the line behind its name, as in YAML.
fn is_last(line: &str, before: &str, end: usize) -> bool {
    let before = before.trim_end();
    let is_first = before.is_empty() || before.ends_with(['Z', '-', 'm', '{']);
    is_first && line[end..].trim_matches(['"', '\'', ',', ' ', '\r', '\n']).is_empty()
}

/// Letters and digits, and nothing that makes it a date, a path or an address.
fn is_mixed(value: &str) -> bool {
    value.bytes().any(|b| b.is_ascii_digit())
        && value.bytes().any(|b| b.is_ascii_alphabetic())
        && !value.contains(['/', ':', '='])
        && !is_plain(value)
}

/// `curl -u USER:PASSWORD`, and `docker login -p PASSWORD`.
fn passwords(line: &str) -> Vec<Range<usize>> {
    let behind = |flag: &str| {
        let at = line.find(flag)? + flag.len();
        let (start, end) = bounds(line, at, false);
        Some((start, &line[start..end]))
    };
    let mut found = Vec::new();
    if line.contains("curl") || line.contains("wget") || line.contains("http ") {
        for (start, value) in USERS.iter().filter_map(|flag| behind(flag)) {
            let (user, password) = value.split_once(':').unwrap_or((value, ""));
            let is_password = password.len() >= SHORTEST_PASSWORD && !is_plain(password);
            if is_password || looks_random(user) && !is_reference(user) {
                found.push(start..start + value.len());
            }
        }
    }
    if LOGINS.iter().any(|login| line.contains(login)) {
        let value = behind(" -p ");
        found.extend(
            value
                .filter(|(_, value)| value.len() >= SHORTEST_PASSWORD && !is_plain(value))
                .map(|(start, value)| start..start + value.len()),
        );
    }
    found
}
