//! Hides the parts of URLs that may hold credentials before they are shown or stored: user
//! information, query values, fragment and `;params` (product contract, section 7). [`MARK`]
//! replaces each removed part.
//!
//! The separators stay. So `https://…@host` still has user information, `https://host?…` still has
//! a query, and a check of the shown form finds the same faults.
//!
//! No URL parser is used, since texts that no parser accepts hold credentials just as often. If two
//! readings are possible, the one that hides more applies.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

/// Replaces a removed part.
pub const MARK: char = '…';

/// How many characters are searched for slashes.
const LONGEST_RUN: usize = 64;
/// A text without any of these has no part to remove.
const SIGNS: [char; 5] = ['@', '?', '#', ';', '%'];
/// Azure DevOps subjects look like URLs with these schemes, and contain names with any characters.
const SUBJECT_SCHEMES: [&str; 2] = ["sc", "p"];
/// The longest name of a query parameter, in characters. Longer ones may be secrets.
const LONGEST_NAME: usize = 19;

/// Hides the parts of a text that is one URL, well-formed or not.
pub fn url(text: &str) -> Cow<'_, str> {
    without_parts(text, false)
}

/// Hides the parts of all URLs in a text.
pub fn urls_in(text: &str) -> Cow<'_, str> {
    within(text, false)
}

/// Hides the parts of all URLs in a rule's pattern. There `?` is a wildcard, and begins a query
/// only before `NAME=`.
pub fn urls_in_pattern(pattern: &str) -> Cow<'_, str> {
    within(pattern, true)
}

/// Whether a part of a URL in the text was removed. `…` after a space is punctuation.
pub fn lacks_url_parts(text: &str) -> bool {
    text.match_indices(MARK).any(|(at, _)| {
        text[..at].ends_with(['/', '\\', ':', '=', '?', '&', ';', '#'])
            || ["%3f", "%3b", "%23"].iter().any(|sign| ends_with_ignoring_case(&text[..at], sign))
            || text[at + MARK.len_utf8()..].starts_with('@')
    })
}

fn within(text: &str, wildcards: bool) -> Cow<'_, str> {
    if !text.contains(SIGNS) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let (mut done, mut from) = (0, 0);
    while let Some(found) = next_url(text, from) {
        from = found.end;
        if let Cow::Owned(shown) = without_parts(&text[found.clone()], wildcards) {
            out.push_str(&text[done..found.start]);
            out.push_str(&shown);
            done = found.end;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

// ------------------------------------------------------------------------- URLs in a text

/// The next URL in the text from byte `from` on.
fn next_url(text: &str, mut from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        at += text[at..].find([':', '/', '\\', '?', '#'])?;
        let (before, rest) = (&text[from..at], &text[at..]);
        let start = match rest.as_bytes().first() {
            Some(b':') => scheme_before(before, &rest[1..]).map(|scheme| at - scheme.len()),
            // `//host`, but not a double slash in a path or before a comment.
            Some(b'/' | b'\\') => (before.chars().next_back().is_none_or(is_delimiter)
                && rest[1..].starts_with(['/', '\\'])
                && !rest[2..].starts_with(char::is_whitespace))
            .then_some(at),
            // `host?name=value` and `/path#name=value`.
            _ => begins_pair(&rest[1..]).then_some(at),
        };
        let Some(start) = start else {
            at += 1;
            continue;
        };
        let end = end_of_url(text, start, at);
        let is_subject = SUBJECT_SCHEMES.contains(&&text[start..at]) && rest.starts_with("://");
        if !is_subject {
            return Some(start..end);
        }
        (from, at) = (end, end);
    }
}

/// The scheme at the end of the text, if the text after the colon makes it one. A drive letter
/// (`C:\`) is not a scheme.
fn scheme_before<'a>(text: &'a str, after: &str) -> Option<&'a str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let scheme = &text[after_last(text, |c| !is_part(c))..];
    let scheme = scheme.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let slashes = slashes(after);
    let is_scheme = match slashes {
        0 => false,
        1 => is_http(scheme),
        _ => scheme.len() > 1 || SUBJECT_SCHEMES.contains(&scheme),
    };
    is_scheme.then_some(scheme)
}

/// The end of a URL in a text: before white space, a quotation mark, the closing mark of an
/// enclosing pair, or final punctuation.
fn end_of_url(text: &str, start: usize, at: usize) -> usize {
    let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '"' | '<' | '>' | '`');
    let end = text[at..].find(ends).map_or(text.len(), |end| at + end);
    let closing = match text[..start].chars().next_back() {
        Some('(') => Some(')'),
        Some('[') => Some(']'),
        Some('{') => Some('}'),
        Some('\'') => Some('\''),
        _ => None,
    };
    let (body, punctuation) = split_punctuation(&text[at..end]);
    let closed = closing.and_then(|closing| punctuation.find(closing));
    let end = closed.map_or(end, |closed| at + body.len() + closed);
    at + text[at..end].trim_end_matches(['.', ',', ':', '!', '\\', '\'']).len().max(1)
}

fn split_punctuation(text: &str) -> (&str, &str) {
    let marks = ['.', ',', ':', ';', '!', ')', ']', '}', '\''];
    text.split_at(text.trim_end_matches(marks).len())
}

/// The index after the last matching character. 0 if there is none.
fn after_last(text: &str, is_one: impl Fn(char) -> bool) -> usize {
    text.char_indices().rev().find(|(_, c)| is_one(*c)).map_or(0, |(at, c)| at + c.len_utf8())
}

fn is_delimiter(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | '[' | '{' | '=' | ',')
}

/// Whether a text begins with `NAME=`.
fn begins_pair(text: &str) -> bool {
    let name = text.find(|c: char| !is_name_part(c)).unwrap_or(text.len());
    name > 0 && text[name..].starts_with('=')
}

// ---------------------------------------------------------------------------------- one URL

fn without_parts(text: &str, wildcards: bool) -> Cow<'_, str> {
    if !text.contains(SIGNS) {
        return Cow::Borrowed(text);
    }
    let start = authority_start(text);
    let (scheme, rest) = text.split_at(start.unwrap_or(0));
    let mut out = scheme.to_owned();
    let is_path = start.is_none() && text.starts_with(['/', '\\', '?', '#']);
    let is_file = out.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"));
    let end = if is_path || is_file { None } else { end_of_user(rest) };
    let rest = match end {
        Some(end) => {
            out.push(MARK);
            &rest[end..]
        }
        None => rest,
    };
    hide_after_host(&mut out, rest, wildcards);
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// The start of the authority: after a scheme and any number of slashes and backslashes. A second
/// scheme may follow if it is `http` or `https`. `None`: there is no scheme and no `//`.
fn authority_start(text: &str) -> Option<usize> {
    let mut start = 0;
    loop {
        let rest = &text[start..];
        let colon = rest.find(':');
        let name: String = rest[..colon.unwrap_or(0)].chars().filter(|c| !is_ignored(*c)).collect();
        let mut chars = name.chars();
        let is_name = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
            && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        let length = match colon {
            Some(colon) if is_name && (start == 0 || is_http(&name)) => {
                let slashes = slashes(&rest[colon + 1..]);
                (slashes > 0 || is_http(&name)).then_some(colon + 1 + slashes)
            }
            _ if start == 0 => {
                let lead = rest.len() - rest.trim_start_matches(is_ignored).len();
                let slashes = slashes(&rest[lead..]);
                (slashes > 1).then_some(lead + slashes)
            }
            _ => None,
        };
        match length {
            Some(length) => start += length,
            None => return (start > 0).then_some(start),
        }
    }
}

/// The length of the slashes at the start of a text, with ignored characters between them.
fn slashes(text: &str) -> usize {
    let is_slash = |c: char| matches!(c, '/' | '\\');
    let run =
        text.char_indices().take(LONGEST_RUN).take_while(|(_, c)| is_slash(*c) || is_ignored(*c));
    run.filter(|(_, c)| is_slash(*c)).last().map_or(0, |(last, _)| last + 1)
}

/// Whether parsers drop a character, or people paste it along.
fn is_ignored(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '<' | '(') || super::is_unseen(c) || c == ' '
}

fn authority(text: &str) -> &str {
    text.split(['/', '\\', '?', '#']).next().unwrap_or_default()
}

/// The end of the user information: before the last `@` of the authority, or before a later `@` if
/// a password contains a character that ends an authority. `None`: there is no user information.
fn end_of_user(text: &str) -> Option<usize> {
    let inside = authority(text);
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let before_domain = || last_at(path).filter(|end| begins_with_domain(&path[*end..]));
    let end = last_at(inside).max(last_at(inside).and_then(|_| before_domain())).or_else(|| {
        let (name, port) = inside.split_once(':').unwrap_or((inside, "0"));
        if inside.starts_with('[') {
            return None;
        }
        if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return last_at(text);
        }
        // The port may be the beginning of a password, and a name without a dot may be a user.
        let end = before_domain()?;
        (!name.contains('.') && !name.eq_ignore_ascii_case("localhost")).then_some(end)
    })?;
    let has_content = text[..end].contains(|c| !matches!(c, ':' | '*' | '.'));
    (has_content && !text[end..].starts_with("@sha256:")).then_some(end)
}

fn last_at(text: &str) -> Option<usize> {
    text.rfind('@').max(text.rfind("%40"))
}

/// Whether a domain name follows the `@` at the start of the text.
fn begins_with_domain(text: &str) -> bool {
    let host = text.trim_start_matches("%40").trim_start_matches('@');
    let host = host.split(['/', '\\', ':']).next().unwrap_or_default();
    let (rest, last) = host.rsplit_once('.').unwrap_or_default();
    last.len() > 1
        && last.bytes().all(|byte| byte.is_ascii_alphabetic())
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

/// Hides params, query and fragment in a text that begins with the host.
fn hide_after_host(out: &mut String, text: &str, wildcards: bool) {
    let mut rest = text;
    while let Some(at) = rest.find(['?', '#', ';', '%']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let (sign, after) = sign(found);
        out.push_str(sign);
        let is_wildcard = wildcards && sign == "?" && !begins_pair(after);
        rest = match sign {
            _ if is_wildcard || after.is_empty() => after,
            "?" => {
                let (query, fragment) = after.split_at(after.find('#').unwrap_or(after.len()));
                hide_query(out, query);
                fragment
            }
            "#" => {
                out.push(MARK);
                ""
            }
            ";" => {
                let end = after.find(['/', '\\', '?', '#']).unwrap_or(after.len());
                if end > 0 {
                    out.push(MARK);
                }
                &after[end..]
            }
            // To a parser, an encoded sign is part of the path. Before a pair it is a mistake.
            _ if sign.len() == 3 && begins_encoded_pair(after) => {
                let stays = if sign.eq_ignore_ascii_case("%3b") { after.find('/') } else { None };
                out.push(MARK);
                &after[stays.unwrap_or(after.len())..]
            }
            // An encoded URL in the path of another URL.
            _ if sign.len() > 3 => match last_at(after) {
                Some(end) if end > 0 => {
                    out.push(MARK);
                    &after[end..]
                }
                _ => after,
            },
            _ => after,
        };
    }
    out.push_str(rest);
}

/// Splits off the sign at the start of a text, which may be percent-encoded.
fn sign(text: &str) -> (&str, &str) {
    let encoded = ["%3f", "%3b", "%23", "%3a%2f%2f"];
    let known = encoded
        .iter()
        .find(|sign| text.get(..sign.len()).is_some_and(|start| start.eq_ignore_ascii_case(sign)));
    text.split_at(known.map_or(1, |sign| sign.len()))
}

fn begins_encoded_pair(text: &str) -> bool {
    let name = text.find(|c: char| !is_name_part(c)).unwrap_or(text.len());
    let assigned = &text[name..];
    name > 0
        && (assigned.starts_with('=')
            || ends_with_ignoring_case(assigned.get(..3).unwrap_or_default(), "%3d"))
}

/// Hides a query. Keeps the names of parameters that are plain words.
fn hide_query(out: &mut String, query: &str) {
    if query.is_empty() {
        return;
    }
    let start = out.len();
    for pair in query.split_inclusive(['&', ';']) {
        let bare = pair.trim_end_matches(['&', ';']);
        match bare.split_once('=') {
            // A base64 value may end with `=`. It is not a name.
            Some((name, value)) if is_name(name) && !value.trim_matches('=').is_empty() => {
                out.push_str(name);
                out.push('=');
                out.push(MARK);
            }
            _ if bare.is_empty() => {}
            _ => out.push(MARK),
        }
        out.push_str(&pair[bare.len()..]);
    }
    // Without names, one mark is enough.
    if !out[start..].contains('=') {
        out.truncate(start);
        out.push(MARK);
    }
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len()) && text.chars().all(is_name_part)
}

fn is_name_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn is_http(scheme: &str) -> bool {
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    text.len() >= end.len()
        && text.get(text.len() - end.len()..).is_some_and(|last| last.eq_ignore_ascii_case(end))
}
