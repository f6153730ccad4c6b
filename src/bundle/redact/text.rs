//! Texts with their names replaced.
//!
//! A text is read as names (letters, digits, `-` and `_`) and what stands between them, which
//! stays: delimiters, wildcards, ports, and what is [`public`].

use std::borrow::Cow;
use std::net::IpAddr;

use super::names::{self, Names};
use super::{address, public};
use crate::platform::azure::entra;

/// How a text is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Made of names.
    Names,
    /// A message in English, which may hold names.
    Message,
    /// A scope, item by item.
    Scope,
}

/// Longer numbers are names, in digits: no port is longer.
const LONGEST_PORT: usize = 5;
/// Longer numbers in messages may be names, in digits: no HTTP status is longer.
const LONGEST_NUMBER: usize = 3;

impl Names {
    /// The text with its names replaced. `label`: what its names are, if nothing else tells.
    pub(crate) fn text(&self, text: &str, kind: Kind, label: &'static str) -> String {
        if let Some(rest) = text.strip_prefix("/eid1/") {
            return self.entra(rest);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return self.address(address);
        }
        match kind {
            Kind::Scope => {
                let items = text.split(' ').map(|item| match public::is_scope(item) {
                    true => item.to_owned(),
                    false => self.scan(item, Kind::Names, label),
                });
                items.collect::<Vec<_>>().join(" ")
            }
            Kind::Names | Kind::Message => self.scan(text, kind, label),
        }
    }

    /// A digest in hexadecimal, however it is written.
    pub(crate) fn digest(&self, text: &str) -> String {
        let (prefix, written) = text.split_at(text.rfind("sha256:").map_or(0, |at| at + 7));
        let is_digit = |c: &char| c.is_ascii_alphanumeric();
        let digits: String = written.chars().filter(is_digit).collect();
        let number =
            format!("{:0width$x}", self.number(&digits, names::NAME).0, width = digits.len());
        let mut digits = number.chars();
        let replaced = written.chars().map(|c| match is_digit(&c) {
            true => digits.next().unwrap_or('0'),
            false => c,
        });
        prefix.chars().chain(replaced).collect()
    }

    /// Entra's subject or a pattern for one, without its beginning.
    fn entra(&self, rest: &str) -> String {
        let segments = rest.split('/').enumerate().map(|(index, segment)| match index {
            // `c/pub/t/TENANT/a/APPLICATION/sc/…`
            0..=2 | 4 | 6 if segment.len() <= 3 => segment.to_owned(),
            3 | 5 => entra::decode_guid(segment)
                .and_then(|id| entra::encode_guid(&self.scan(&id, Kind::Names, names::NAME)))
                .unwrap_or_else(|| self.scan(segment, Kind::Names, names::NAME)),
            _ => self.scan(segment, Kind::Names, names::NAME),
        });
        format!("/eid1/{}", segments.collect::<Vec<_>>().join("/"))
    }

    fn address(&self, address: IpAddr) -> String {
        address::numbered(address, self.number(&address.to_string(), names::HOST).0).to_string()
    }

    fn scan(&self, text: &str, kind: Kind, label: &'static str) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut at, mut is_host) = (0, false);
        while at < text.len() {
            let (before, rest) = text.split_at(at);
            is_host = before.ends_with("://") || is_host && !before.ends_with(is_end_of_host);
            let label = if is_host { names::HOST } else { label };
            let (length, replacement) = self.first(before, rest, kind, label);
            out.push_str(&replacement);
            at += length;
        }
        out
    }

    /// What `rest` begins with, behind `before`: its length in bytes, and what takes its place.
    fn first<'t>(
        &self,
        before: &str,
        rest: &'t str,
        kind: Kind,
        label: &'static str,
    ) -> (usize, Cow<'t, str>) {
        let as_it_is = |length: usize| (length, Cow::Borrowed(&rest[..length]));
        if let Some((length, address)) = address::first(before, rest) {
            let other = self.address(address);
            let is_bracketed = rest.starts_with('[');
            return (length, if is_bracketed { format!("[{other}]") } else { other }.into());
        }
        if let Some(length) = public::phrase(before, rest, self) {
            return as_it_is(length);
        }
        let is_begin = !before.ends_with(names::is_part);
        if let Some(length) = self.words(rest).filter(|_| is_begin) {
            return (length, self.replace_words(&rest[..length], label).into());
        }
        if is_guid(rest) {
            let (number, _) = self.number(&rest[..GUID], names::NAME);
            return (GUID, format!("00000000-0000-4000-8000-{number:012x}").into());
        }
        if before.ends_with('%') && rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2
        {
            return as_it_is(2);
        }
        let end = rest.find(|c| !names::is_part(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return as_it_is(rest.chars().next().map_or(0, char::len_utf8));
        }
        let is_public = is_port(before, name, after)
            || public::is_scheme(before, name, after)
            || kind == Kind::Message && !self.is_certain(name) && is_said(name);
        if is_public {
            return as_it_is(end);
        }
        let is_wildcard = |c: char| matches!(c, '*' | '?');
        let is_piece = before.ends_with(is_wildcard) || after.starts_with(is_wildcard);
        let replacement = match is_piece {
            true => self.replace_piece(name, label),
            false => self.replace(name, label),
        };
        // Names of variables have no hyphen.
        let is_variable = ["$", "%", "$(", "${", "${{ ", "variables."];
        match is_variable.iter().any(|sign| before.ends_with(sign)) {
            true => (end, replacement.replace('-', "_").into()),
            false => (end, replacement.into()),
        }
    }
}

fn is_end_of_host(c: char) -> bool {
    !names::is_part(c) && !matches!(c, '.' | '*' | '?')
}

/// The length of a GUID.
const GUID: usize = 36;

/// Whether a text begins with a GUID.
fn is_guid(text: &str) -> bool {
    let Some(id) = text.as_bytes().get(..GUID) else { return false };
    let fits = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    id.iter().enumerate().all(fits) && !text[GUID..].starts_with(names::is_part)
}

fn is_number(word: &str, longest: usize) -> bool {
    word.len() <= longest && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a name in a message is made of words that are none.
fn is_said(name: &str) -> bool {
    let mut words = name.split(['-', '_']).filter(|word| !word.is_empty());
    words.all(|word| is_number(word, LONGEST_NUMBER) || public::is_word(word))
}

/// A port: behind a host and a colon.
fn is_port(before: &str, word: &str, after: &str) -> bool {
    let Some(before) = before.strip_suffix(':') else { return false };
    let is_host = |c: char| names::is_part(c) || matches!(c, '.' | '[' | ']');
    let around = before.trim_end_matches(is_host);
    let host = &before[around.len()..];
    // In brackets there are colons too.
    let is_v6 = before.ends_with(']') && before.contains('[');
    let begins = around.is_empty() || around.ends_with(['/', '@', ' ', '(']);
    is_number(word, LONGEST_PORT)
        && !after.starts_with(['.', ':', '@'])
        && (is_v6
            || host == "localhost"
            || host.contains('.') && begins
            || around.ends_with("://") && !host.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::names::PathLabel;
    use super::*;

    fn replaced(text: &str, kind: Kind) -> String {
        Names::default().text(text, kind, names::NAME)
    }

    fn with_certain(name: &str, text: &str, kind: Kind) -> String {
        let mut names = Names::default();
        names.add(name, PathLabel::of(""));
        names.text(text, kind, names::NAME)
    }

    #[test]
    fn platform_text_stays() {
        for public in [
            "https://token.actions.githubusercontent.com",
            "https://api.pulumi.com",
            "api://AzureADTokenExchange",
            "fb60f99c-7a34-4190-8149-302f77469936",
            "repo:*",
            "https://127.0.0.1:8443/",
            "https://localhost:8080",
            "https://[::1]:443/",
        ] {
            assert_eq!(replaced(public, Kind::Names), public);
        }
        for (text, other) in [
            (
                "https://api.pulumi.com.umbrella.example",
                "https://host-1.host-2.host-3.host-4.host-5",
            ),
            ("https://my-gitlab.com:8443/x", "https://host-1.host-2:8443/name-3"),
            ("repo:umbrella/web:ref:refs/heads/x", "repo:name-1/name-2:ref:refs/heads/name-3"),
            ("umbrella://x", "name-1://host-2"),
            ("%2Fumbrella", "%2Fname-1"),
        ] {
            assert_eq!(replaced(text, Kind::Names), other);
        }
    }

    #[test]
    fn ids_stay_ids() {
        let names = Names::default();
        let id = "8e3b2c4d-1f60-4a7e-beef-c0d4e6f8a1b3";
        let other = names.text(id, Kind::Names, names::NAME);
        assert_eq!(other, "00000000-0000-4000-8000-000000000001");
        let encoded = entra::encode_guid(id).unwrap();
        let subject = format!("/eid1/c/pub/t/{encoded}/a/{encoded}/sc/{id}/*");
        let expected = entra::encode_guid(&other).unwrap();
        assert_eq!(
            names.text(&subject, Kind::Names, names::NAME),
            format!("/eid1/c/pub/t/{expected}/a/{expected}/sc/{other}/*")
        );
    }

    #[test]
    fn digests_match_however_written() {
        let names = Names::default();
        let plain = names.digest("00aaff1b");
        let written = names.digest("00:AA:FF:1B");
        assert_eq!(written.replace(':', ""), plain);
        assert!(names.digest("sha256:00aa").starts_with("sha256:"));
    }

    #[test]
    fn messages_keep_their_words() {
        for (message, other) in [
            (
                "invalid organization umbrella: no policy, status 400",
                "invalid organization name-1: no policy, status 400",
            ),
            ("organization 4711 has no project 4711", "organization name-1 has no project name-1"),
            ("connection to 10.1.2.3:443 refused", "connection to 10.0.0.1:443 refused"),
            ("connection to fd12:3456::78 refused", "connection to fd00::1 refused"),
        ] {
            assert_eq!(replaced(message, Kind::Message), other);
        }
    }

    #[test]
    fn certain_names_are_replaced_everywhere() {
        for (name, kind, text, other) in [
            ("cloud", Kind::Message, "agent: cloud is not allowed", "agent: name-1 is not allowed"),
            ("http", Kind::Names, "http://http.umbrella.example", "http://name-1.host-2.host-3"),
            ("openid", Kind::Names, "org/openid/project/openid", "org/name-1/project/name-1"),
            (
                "repo",
                Kind::Names,
                "repo:acme/repo:environment:repo",
                "repo:name-2/name-1:environment:name-1",
            ),
            ("pulumi", Kind::Names, "urn:pulumi:org:pulumi", "urn:pulumi:org:name-1"),
            ("400", Kind::Message, "status 400", "status name-1"),
            (
                "my cloud",
                Kind::Message,
                "no access to My cloud now",
                "no access to Name-1 name-2 now",
            ),
        ] {
            assert_eq!(with_certain(name, text, kind), other);
        }
        assert_eq!(with_certain("admin", "admin openid", Kind::Scope), "admin openid");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|[*?.:/%-]|env|0x|repo:|/eid1/){0,60}", piece in "[a-z]{1,3}") {
            let mut names = Names::default();
            names.add_pieces(&format!("{piece}*{piece}"));
            names.add(&text, PathLabel::of(""));
            for kind in [Kind::Names, Kind::Message, Kind::Scope] {
                names.text(&text, kind, names::NAME);
            }
            names.digest(&text);
        }

        /// What is equal is equal afterwards, and what differs differs.
        #[test]
        fn equality_is_kept(one in "[a-zé]{1,5}", other in "[a-zé]{1,5}") {
            let names = Names::default();
            let map = |text: &str| names.text(text, Kind::Names, names::NAME);
            prop_assert_eq!(map(&one) == map(&other), one == other);
        }
    }
}
