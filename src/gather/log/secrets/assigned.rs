//! Finds secrets by the name before them: in assignments, members, headers, flags and queries.

use std::ops::Range;

use crate::text::secret::{is_plain, is_reference, looks_random, names_secret};

/// Shorter values of a secret's name are words or placeholders.
const SHORTEST: usize = 8;
/// The same limit for a password that a command gets together with its user.
const SHORTEST_PASSWORD: usize = 4;

/// The ends of secrets' names, without the first letter, which may be a capital.
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
/// Ends that are too short to search for without their first letter.
const ENDINGS: [&str; 20] = [
    "jwt", "Jwt", "JWT", "key", "Key", "KEY", "_pat", "-pat", "Pat", "PAT", "_pwd", "-pwd", "Pwd",
    "_PWD", "_pass", "-pass", "Pass", "_PASS", "_auth", "_AUTH",
];
/// Texts that follow a name and assign a value to it.
const ASSIGNS: [&str; 9] = ["=", " =", ":", " :", "\"", "\\\"", "'", "%3D", ">"];
/// Secrets in queries, with other names.
const QUERIES: [&str; 5] = ["?code=", "&code=", "sig=", "-Signature=", "-signature="];
/// Flags and commands that take a user and a password, or a password alone.
const USER_FLAGS: [&str; 2] = [" -u ", " --user "];
const LOGIN_COMMANDS: [&str; 3] = ["docker login ", "podman login ", "registry login "];

/// The texts to search for.
pub(super) fn needles() -> impl Iterator<Item = String> {
    let fixed = QUERIES.into_iter().chain(USER_FLAGS).chain(LOGIN_COMMANDS).map(str::to_owned);
    fixed.chain(stems())
}

/// Whether a value may be assigned to a name that ends with one of the [`stems`]. Almost every line
/// of a log mentions tokens or keys without a value.
pub(in crate::gather::log) fn may_assign(before: &[u8], after: &[u8]) -> bool {
    ASSIGNS.iter().any(|sign| after.starts_with(sign.as_bytes()))
        || after.first() == Some(&b' ') && is_flag(before)
}

/// Whether a text ends within a flag: `--access-t`.
fn is_flag(before: &[u8]) -> bool {
    let is_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let length = before.iter().rev().take(64).take_while(is_name).count();
    before[before.len() - length..].starts_with(b"-")
}

/// The ends of secrets' names.
pub(super) fn stems() -> impl Iterator<Item = String> {
    let stems = STEMS.into_iter().flat_map(|stem| [stem.to_owned(), stem.to_ascii_uppercase()]);
    stems.chain(ENDINGS.map(str::to_owned))
}

/// The values in a line whose names say that they are secrets.
pub(super) fn assigned_secrets(line: &str) -> Vec<Range<usize>> {
    let mut found: Vec<_> = names(line).filter_map(|name| secret_value(line, name)).collect();
    found.extend(command_passwords(line));
    found
}

/// The words that may be names, with their positions.
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

/// How certain it is that a word is the name of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    /// An assignment, a member, a header or a flag.
    Certain,
    /// A word and a colon, which may also be part of a sentence.
    Possible,
}

/// The value of a name, if it is a secret.
fn secret_value(line: &str, name: Range<usize>) -> Option<Range<usize>> {
    let word = &line[name.clone()];
    // The cheapest condition first: nearly no word of a log is assigned a value.
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
    let (value, certainty) = if is_comparison {
        return None;
    } else if let Some(value) = ["=>", "="].iter().find_map(|op| operator.strip_prefix(op)) {
        (value, Certainty::Certain)
    } else if let Some(value) = ["%3D", "%3d"].iter().find_map(|op| operator.strip_prefix(op)) {
        (value, Certainty::Certain)
    } else if let Some(value) = operator.strip_prefix(':') {
        let value = value.strip_prefix('=').unwrap_or(value);
        let is_certain = is_quoted || is_identifier(word) || is_cookie;
        (value, if is_certain { Certainty::Certain } else { Certainty::Possible })
    } else if let Some(value) = bare.strip_prefix('>')
        && before.ends_with('<')
    {
        (value, Certainty::Certain)
    } else if word.starts_with('-') && is_spaced {
        (operator, Certainty::Certain)
    } else {
        return None;
    };
    let (start, end) = value_bounds(line, line.len() - value.len(), is_cookie);
    let value = &line[start..end];
    let is_secret = match certainty {
        Certainty::Certain => {
            value.len() >= SHORTEST && !is_plain(value) && (is_cookie || !is_sentence(value))
        }
        Certainty::Possible => {
            looks_random(value) && !value.trim_end_matches('=').contains('=')
                || is_alone_on_line(line, before, end) && value.len() >= SHORTEST && is_mixed(value)
        }
    };
    is_secret.then_some(start..end)
}

/// The start and end of a value that begins at `from` or a little later.
fn value_bounds(line: &str, from: usize, is_cookie: bool) -> (usize, usize) {
    let text = &line[from..];
    let value = text.trim_start_matches([' ', '"', '\'', '[', '(', '\\', '+']);
    let start = line.len() - value.len();
    let length = match line[..start].chars().next_back().filter(|c| matches!(c, '"' | '\'')) {
        // A quoted value ends at the quote or its escape.
        Some(quote) if from < start => value.find([quote, '\\']),
        // A cookie header continues after spaces.
        _ if is_cookie => value.find(['"', '\'']),
        _ => Some(super::value_end(value)),
    };
    (start, start + length.unwrap_or(value.len()))
}

/// Whether a name is spelled like an identifier, not a word: `API_KEY`, `accessToken`,
/// `PRIVATE-TOKEN`, `X-Api-Key`.
fn is_identifier(word: &str) -> bool {
    let has_capital = word.bytes().skip(1).any(|b| b.is_ascii_uppercase());
    has_capital || word.contains('_') || word.starts_with('-')
}

/// Whether a value is several words.
fn is_sentence(value: &str) -> bool {
    value.matches(' ').count() >= 2 && !value.contains('=')
}

/// Whether name and value are alone on their line, as in YAML.
fn is_alone_on_line(line: &str, before: &str, end: usize) -> bool {
    let before = before.trim_end();
    let is_first = before.is_empty() || before.ends_with(['Z', '-', 'm', '{']);
    is_first && line[end..].trim_matches(['"', '\'', ',', ' ', '\r', '\n']).is_empty()
}

/// Whether a value has letters and digits, and is no date, path or address.
fn is_mixed(value: &str) -> bool {
    value.bytes().any(|b| b.is_ascii_digit())
        && value.bytes().any(|b| b.is_ascii_alphabetic())
        && !value.contains(['/', ':', '='])
        && !is_plain(value)
}

/// The passwords in `curl -u USER:PASSWORD` and `docker login -p PASSWORD`.
fn command_passwords(line: &str) -> Vec<Range<usize>> {
    let value_after = |flag: &str| {
        let at = line.find(flag)? + flag.len();
        let (start, end) = value_bounds(line, at, false);
        Some((start, &line[start..end]))
    };
    let mut found = Vec::new();
    if line.contains("curl") || line.contains("wget") || line.contains("http ") {
        for (start, value) in USER_FLAGS.iter().filter_map(|flag| value_after(flag)) {
            let (user, password) = value.split_once(':').unwrap_or((value, ""));
            let is_password = password.len() >= SHORTEST_PASSWORD && !is_plain(password);
            if is_password || looks_random(user) && !is_reference(user) {
                found.push(start..start + value.len());
            }
        }
    }
    if LOGIN_COMMANDS.iter().any(|login| line.contains(login)) {
        let value = value_after(" -p ");
        found.extend(
            value
                .filter(|(_, value)| value.len() >= SHORTEST_PASSWORD && !is_plain(value))
                .map(|(start, value)| start..start + value.len()),
        );
    }
    found
}
