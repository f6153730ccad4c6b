//! Replaces the names in a text.
//!
//! Names consist of letters, digits, `-` and `_`. The text between them stays, as do wildcards,
//! ports, and what is [`public`].

use std::borrow::Cow;
use std::net::IpAddr;

use super::names::{self, Names};
use super::{address, public};
use crate::platform::azure::entra;

/// What a text consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Names,
    /// English words, and names.
    Message,
    /// Items with spaces between them.
    Scope,
}

/// The digits of the longest port; a longer number is a name.
const MAX_PORT_DIGITS: usize = 5;
/// The digits of an HTTP status; a longer number in a message may be a name.
const MAX_STATUS_DIGITS: usize = 3;

impl Names {
    /// Replaces the names in a text. `label` is for names of unknown kind.
    pub(crate) fn replace_in_text(&self, text: &str, kind: Kind, label: &'static str) -> String {
        if let Some(rest) = text.strip_prefix("/eid1/") {
            return self.replace_in_entra_subject(rest);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return self.replace_address(address);
        }
        match kind {
            Kind::Scope => {
                let items = text.split(' ').map(|item| match public::is_public_scope(item) {
                    true => item.to_owned(),
                    false => self.replace_all(item, Kind::Names, label),
                });
                items.collect::<Vec<_>>().join(" ")
            }
            Kind::Names | Kind::Message => self.replace_all(text, kind, label),
        }
    }

    /// Replaces a hexadecimal digest, with or without separators and a `sha256:` before it.
    pub(crate) fn replace_digest(&self, text: &str) -> String {
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

    /// Replaces the names in an Entra subject, or in a pattern for one, without its `/eid1/`.
    fn replace_in_entra_subject(&self, rest: &str) -> String {
        let segments = rest.split('/').enumerate().map(|(index, segment)| match index {
            // `c/pub/t/TENANT/a/APPLICATION/sc/…`
            0..=2 | 4 | 6 if segment.len() <= 3 => segment.to_owned(),
            3 | 5 => entra::decode_guid(segment)
                .and_then(|id| entra::encode_guid(&self.replace_all(&id, Kind::Names, names::NAME)))
                .unwrap_or_else(|| self.replace_all(segment, Kind::Names, names::NAME)),
            _ => self.replace_all(segment, Kind::Names, names::NAME),
        });
        format!("/eid1/{}", segments.collect::<Vec<_>>().join("/"))
    }

    fn replace_address(&self, address: IpAddr) -> String {
        address::numbered_address(address, self.number(&address.to_string(), names::HOST).0)
            .to_string()
    }

    fn replace_all(&self, text: &str, kind: Kind, label: &'static str) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut at, mut is_host) = (0, false);
        while at < text.len() {
            let (before, rest) = text.split_at(at);
            is_host = before.ends_with("://") || is_host && !before.ends_with(ends_host);
            let label = if is_host { names::HOST } else { label };
            let (length, replacement) = self.replace_next(before, rest, kind, label);
            out.push_str(&replacement);
            at += length;
        }
        out
    }

    /// Replaces the first name or other unit of `rest`, which follows `before`. Returns the unit's
    /// length in bytes and the replacement.
    fn replace_next<'t>(
        &self,
        before: &str,
        rest: &'t str,
        kind: Kind,
        label: &'static str,
    ) -> (usize, Cow<'t, str>) {
        let unchanged = |length: usize| (length, Cow::Borrowed(&rest[..length]));
        if let Some((length, address)) = address::leading_address(before, rest) {
            let replaced = self.replace_address(address);
            let is_bracketed = rest.starts_with('[');
            return (length, if is_bracketed { format!("[{replaced}]") } else { replaced }.into());
        }
        if let Some(length) = public::phrase_length(before, rest, self) {
            return unchanged(length);
        }
        let is_word_start = !before.ends_with(names::is_name_char);
        if let Some(length) = self.multi_word_length(rest).filter(|_| is_word_start) {
            return (length, self.replace_words(&rest[..length], label).into());
        }
        if starts_with_guid(rest) {
            let (number, _) = self.number(&rest[..GUID_LENGTH], names::NAME);
            return (GUID_LENGTH, format!("00000000-0000-4000-8000-{number:012x}").into());
        }
        if before.ends_with('%') && rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2
        {
            return unchanged(2);
        }
        let end = rest.find(|c| !names::is_name_char(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return unchanged(rest.chars().next().map_or(0, char::len_utf8));
        }
        let is_public = is_port(before, name, after)
            || public::is_scheme(before, name, after)
            || kind == Kind::Message && !self.is_certain(name) && is_ordinary_text(name);
        if is_public {
            return unchanged(end);
        }
        let is_wildcard = |c: char| matches!(c, '*' | '?');
        let is_piece = before.ends_with(is_wildcard) || after.starts_with(is_wildcard);
        let replacement = match is_piece {
            true => self.replace_piece(name, label),
            false => self.replace(name, label),
        };
        // The name of a variable must not contain a hyphen.
        let variable_prefixes = ["$", "%", "$(", "${", "${{ ", "variables."];
        match variable_prefixes.iter().any(|prefix| before.ends_with(prefix)) {
            true => (end, replacement.replace('-', "_").into()),
            false => (end, replacement.into()),
        }
    }
}

fn ends_host(c: char) -> bool {
    !names::is_name_char(c) && !matches!(c, '.' | '*' | '?')
}

/// The length of a GUID in bytes.
const GUID_LENGTH: usize = 36;

fn starts_with_guid(text: &str) -> bool {
    let Some(id) = text.as_bytes().get(..GUID_LENGTH) else { return false };
    let fits = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    id.iter().enumerate().all(fits) && !text[GUID_LENGTH..].starts_with(names::is_name_char)
}

fn is_number(word: &str, max_digits: usize) -> bool {
    word.len() <= max_digits && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether what looks like a name in a message consists of ordinary words and short numbers.
fn is_ordinary_text(name: &str) -> bool {
    let mut words = name.split(['-', '_']).filter(|word| !word.is_empty());
    words.all(|word| is_number(word, MAX_STATUS_DIGITS) || public::is_ordinary_word(word))
}

/// Whether a number is a port: it follows a host and a colon.
fn is_port(before: &str, word: &str, after: &str) -> bool {
    let Some(before) = before.strip_suffix(':') else { return false };
    let is_host = |c: char| names::is_name_char(c) || matches!(c, '.' | '[' | ']');
    let around = before.trim_end_matches(is_host);
    let host = &before[around.len()..];
    // An IPv6 address in brackets contains colons itself.
    let is_v6 = before.ends_with(']') && before.contains('[');
    let begins = around.is_empty() || around.ends_with(['/', '@', ' ', '(']);
    is_number(word, MAX_PORT_DIGITS)
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
        Names::default().replace_in_text(text, kind, names::NAME)
    }

    fn replaced_with_certain_name(name: &str, text: &str, kind: Kind) -> String {
        let mut names = Names::default();
        names.add(name, PathLabel::for_field(""));
        names.replace_in_text(text, kind, names::NAME)
    }

    #[test]
    fn public_text_stays() {
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
    fn guids_are_replaced_by_guids() {
        let names = Names::default();
        let id = "8e3b2c4d-1f60-4a7e-beef-c0d4e6f8a1b3";
        let other = names.replace_in_text(id, Kind::Names, names::NAME);
        assert_eq!(other, "00000000-0000-4000-8000-000000000001");
        let encoded = entra::encode_guid(id).unwrap();
        let subject = format!("/eid1/c/pub/t/{encoded}/a/{encoded}/sc/{id}/*");
        let expected = entra::encode_guid(&other).unwrap();
        assert_eq!(
            names.replace_in_text(&subject, Kind::Names, names::NAME),
            format!("/eid1/c/pub/t/{expected}/a/{expected}/sc/{other}/*")
        );
    }

    #[test]
    fn digest_replacement_ignores_format() {
        let names = Names::default();
        let plain = names.replace_digest("00aaff1b");
        let separated = names.replace_digest("00:AA:FF:1B");
        assert_eq!(separated.replace(':', ""), plain);
        assert!(names.replace_digest("sha256:00aa").starts_with("sha256:"));
    }

    #[test]
    fn messages_keep_ordinary_words() {
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
            assert_eq!(replaced_with_certain_name(name, text, kind), other);
        }
        assert_eq!(
            replaced_with_certain_name("admin", "admin openid", Kind::Scope),
            "admin openid"
        );
    }

    proptest! {
        #[test]
        fn replacing_never_panics(text in "(\\PC|[*?.:/%-]|env|0x|repo:|/eid1/){0,60}", piece in "[a-z]{1,3}") {
            let mut names = Names::default();
            names.add_pattern(&format!("{piece}*{piece}"));
            names.add(&text, PathLabel::for_field(""));
            for kind in [Kind::Names, Kind::Message, Kind::Scope] {
                names.replace_in_text(&text, kind, names::NAME);
            }
            names.replace_digest(&text);
        }

        /// Equal texts stay equal, and different texts stay different.
        #[test]
        fn replacing_keeps_equality(one in "[a-zé]{1,5}", other in "[a-zé]{1,5}") {
            let names = Names::default();
            let map = |text: &str| names.replace_in_text(text, Kind::Names, names::NAME);
            prop_assert_eq!(map(&one) == map(&other), one == other);
        }
    }
}
