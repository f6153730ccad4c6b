//! Pseudonyms: other names in the place of names, with what a diagnosis rests on.
//!
//! Text is read as words (letters and digits) and what stands between them, which stays. A word
//! becomes another one of the same length, letters for letters and digits for digits, each in its
//! case. What is replaced by what is drawn anew for every bundle, character by character, from a
//! secret and everything of the word before that character. So
//! - the same word is the same pseudonym everywhere, in any case;
//! - two words that begin alike have pseudonyms that begin alike, and part where they part: a
//!   pattern like `web-*` matches what it matched, and what differs, differs in the same place;
//! - from the bundle alone, nothing is told of a word but its length, where its letters and digits
//!   are, and that.
//!
//! That keeps names from those who read a bundle or search one, not from those who know what some
//! of it must say: who knows one name knows how every other begins that begins alike, letter by
//! letter, and of a name that is guessed, its length and its beginning may tell that it is right. The
//! secret is gone when the bundle is written, so nothing carries over from one bundle to another.
//! Values that are the same for everybody are left as they are ([`super::public`]), lest they give
//! that away.
//!
//! What an issuer or the program itself makes of names (`repo:`, `refs/heads/`, hosts of the public
//! services) is not replaced: see [`super::public`]. Neither are words of the messages of servers,
//! as far as they are known to be no names; what is a name for certain ([`super::names`]) is one
//! there too. Of an IP address its class stays, which is judged ([`super::addresses`]). A number is
//! kept by its place alone: a port, a version or a status in a message.
//!
//! Two shapes hold names in other forms: ids in hexadecimal (GUIDs, digests) stay hexadecimal, and
//! the ids in Entra's subjects are replaced inside their base64.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use super::{addresses, public};
use crate::evidence::Evidence;
use crate::platform::azure::entra;

/// The pseudonyms of one bundle.
pub(crate) struct Pseudonyms<'a> {
    secret: [u8; 32],
    /// What patterns have behind a wildcard, the longest first: in other words it is replaced as
    /// it is there.
    pieces: Vec<String>,
    /// Whether what a pattern has before a wildcard may be cut off public text.
    cuts_phrases: bool,
    /// Words that are names for certain.
    names: &'a HashSet<String>,
    known: RefCell<HashMap<(String, bool), String>>,
}

/// What a text is, as far as names in it are concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Made of names.
    Names,
    /// A message in English, which may hold names.
    Message,
    /// A scope, item by item.
    Scope,
}

/// How long a word is kept to be used again, in bytes.
pub(crate) const LONGEST_KNOWN: usize = 64;
/// The longest port, in digits; and no other number that is kept is longer.
const LONGEST_NUMBER: usize = 5;

/// More pieces of words behind wildcards are not looked for: no policy that people write has them.
const MOST_PIECES: usize = 256;

impl<'a> Pseudonyms<'a> {
    /// New ones; `None` where the system has no random numbers. `cuts_phrases`: a word before a
    /// wildcard is the beginning of public text, where it can be (`env*`).
    pub(crate) fn new(
        evidence: &Evidence,
        names: &'a HashSet<String>,
        cuts_phrases: bool,
    ) -> Option<Self> {
        let (mut secret, pieces) = ([0; 32], pieces(evidence));
        SystemRandom::new().fill(&mut secret).ok()?;
        Some(Self { secret, pieces, cuts_phrases, names, known: RefCell::default() })
    }

    /// A text with pseudonyms in it.
    pub(crate) fn text(&self, text: &str, kind: Kind) -> String {
        match text.strip_prefix("/eid1/") {
            Some(rest) => self.entra(rest),
            None if kind == Kind::Scope => {
                let other = |item: &'_ str| match item {
                    item if public::is_scope(item) => item.to_owned(),
                    item => self.words(item, Kind::Names),
                };
                text.split(' ').map(other).collect::<Vec<_>>().join(" ")
            }
            None => match text.parse::<IpAddr>() {
                Ok(address) => self.address(address, text),
                Err(_) => self.words(text, kind),
            },
        }
    }

    /// Entra's subject or a pattern for one, less its beginning.
    fn entra(&self, rest: &str) -> String {
        let segments = rest.split('/').enumerate().map(|(index, segment)| match index {
            // `c/pub/t/TENANT/a/APPLICATION/sc/…`
            0..=2 | 4 | 6 if segment.len() <= 3 => segment.to_owned(),
            3 | 5 => entra::guid(segment)
                .and_then(|id| entra::encode(&self.words(&id, Kind::Names)))
                .unwrap_or_else(|| self.words(segment, Kind::Names)),
            _ => self.words(segment, Kind::Names),
        });
        format!("/eid1/{}", segments.collect::<Vec<_>>().join("/"))
    }

    /// A digest in hexadecimal, however it is written.
    pub(crate) fn digest(&self, text: &str) -> String {
        let (prefix, digits) = text.split_at(text.rfind("sha256:").map_or(0, |at| at + 7));
        let mut chain = self.chain(true);
        prefix.chars().chain(digits.chars().map(|c| chain.next(c))).collect()
    }

    fn words(&self, text: &str, kind: Kind) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            let (before, rest) = text.split_at(at);
            let (length, pseudonym) = self.first(before, rest, kind);
            out.push_str(&pseudonym);
            at += length;
        }
        out
    }

    /// What `rest` begins with, behind `before`: its length in bytes, and what takes its place.
    fn first<'t>(&self, before: &str, rest: &'t str, kind: Kind) -> (usize, Cow<'t, str>) {
        if let Some((length, address)) = addresses::first(before, rest, kind == Kind::Message) {
            return (length, self.address(address, &rest[..length]).into());
        }
        if let Some(length) = public::phrase(before, rest, self.cuts_phrases, self.names) {
            return (length, rest[..length].into());
        }
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            let length = rest.chars().next().map_or(0, char::len_utf8);
            return (length, rest[..length].into());
        }
        if is_guid(rest) {
            let groups = rest[..GUID].split('-').map(|group| {
                // Of digits alone, it is the same where a pattern has only this much of the id.
                self.word(group, group.bytes().any(|b| b.is_ascii_alphabetic()))
            });
            return (GUID, groups.collect::<Vec<_>>().join("-").into());
        }
        if is_host(before)
            && let Some(host) = number_host(word)
        {
            return (end, self.host(host, word).into());
        }
        let is_name = self.names.contains(&word.to_lowercase());
        let is_said = public::is_word(word) || is_number_said(before, word, after);
        let stays = kind == Kind::Message && is_said && !is_name
            || is_port(before, word, after)
            || is_escape(before, word)
            || public::is_scheme(before, word, after);
        if stays {
            return (end, word.into());
        }
        let parts = self.cut(word).into_iter().map(|part| self.word(part, is_hex(part)));
        (end, parts.collect::<String>().into())
    }

    /// Another address of the same class, written as the `text` is.
    fn address(&self, address: IpAddr, text: &str) -> String {
        match address {
            IpAddr::V4(address) => addresses::v4(address, &self.random(address)).to_string(),
            IpAddr::V6(address) => {
                let bare = text.trim_start_matches('[').trim_end_matches(']');
                let other = addresses::v6(address, bare, |group| self.word(group, true));
                if bare == text { other } else { format!("[{other}]") }
            }
        }
    }

    /// An IPv4 address that is written as one number.
    fn host(&self, address: Ipv4Addr, word: &str) -> String {
        let other = u32::from(addresses::v4(address, &self.random(address)));
        if other == u32::from(address) {
            return word.to_owned();
        }
        if word.starts_with("0x") { format!("{other:#x}") } else { other.to_string() }
    }

    fn random(&self, address: Ipv4Addr) -> [u8; 32] {
        let mut chain = self.chain(false);
        address.to_string().chars().for_each(|c| chain.advance(c));
        chain.state
    }

    /// A word, cut where it holds what a pattern has behind a wildcard.
    fn cut<'w>(&self, word: &'w str) -> Vec<&'w str> {
        let lower = word.to_ascii_lowercase();
        let (mut parts, mut start, mut at) = (Vec::new(), 0, 1);
        while at < word.len() {
            let rest = lower.get(at..).unwrap_or_default();
            match self.pieces.iter().find(|piece| rest.starts_with(piece.as_str())) {
                Some(piece) => {
                    parts.push(&word[start..at]);
                    (start, at) = (at, at + piece.len());
                }
                None => at += 1,
            }
        }
        parts.push(&word[start..]);
        parts
    }

    fn word(&self, word: &str, hex: bool) -> String {
        let key = (word.to_owned(), hex);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let mut chain = self.chain(hex);
        let pseudonym: String = word.chars().map(|c| chain.next(c)).collect();
        if word.len() <= LONGEST_KNOWN {
            self.known.borrow_mut().insert(key, pseudonym.clone());
        }
        pseudonym
    }

    fn chain(&self, hex: bool) -> Chain {
        Chain { state: self.secret, hex }
    }
}

/// What the characters of a word so far have come to.
struct Chain {
    state: [u8; 32],
    /// Letters are hexadecimal digits.
    hex: bool,
}

impl Chain {
    /// The pseudonym of a word's next character. What is neither letter nor digit stays and counts
    /// for nothing.
    fn next(&mut self, c: char) -> char {
        let lower = c.to_lowercase().next().unwrap_or(c);
        let (first, size) = match lower {
            '0'..='9' => ('0', 10),
            'a'..='f' if self.hex => ('a', 6),
            _ if c.is_alphanumeric() => ('a', 26),
            _ => return c,
        };
        let order = self.order(size);
        let index = (u32::from(lower).wrapping_sub(u32::from(first))) % u32::from(size);
        let other = order.get(index as usize).copied().unwrap_or_default();
        let other = char::from(first as u8 + other);
        self.advance(lower);
        if c.is_uppercase() { other.to_ascii_uppercase() } else { other }
    }

    /// A random cycle of so many characters (Sattolo's algorithm): none stays what it is.
    fn order(&self, size: u8) -> Vec<u8> {
        let mut order: Vec<u8> = (0..size).collect();
        for (at, random) in (1..usize::from(size)).rev().zip(self.state) {
            order.swap(at, usize::from(random) % at);
        }
        order
    }

    fn advance(&mut self, c: char) {
        let mut digest = Context::new(&SHA256);
        digest.update(&self.state);
        digest.update(&u32::from(c).to_le_bytes());
        self.state.copy_from_slice(digest.finish().as_ref());
    }
}

/// Whether a policy has a wildcard inside a word.
pub(crate) fn has_pieces(evidence: &Evidence) -> bool {
    !pieces(evidence).is_empty()
}

/// The words behind a `*` or a `?` of the policies' patterns.
fn pieces(evidence: &Evidence) -> Vec<String> {
    let issuers = evidence.policy.document().into_iter().flat_map(|document| &document.issuers);
    let rules = issuers.flat_map(|i| i.policies.iter().flatten()).flat_map(|entry| &entry.rules);
    let mut pieces: Vec<String> = rules
        .flat_map(|rule| rule.pattern.split_inclusive(['*', '?']).skip(1))
        .map(|text| text.chars().take_while(|c| c.is_ascii_alphanumeric()).collect::<String>())
        .map(|piece| piece.to_ascii_lowercase())
        .filter(|piece| !piece.is_empty())
        .collect();
    pieces.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    pieces.dedup();
    pieces.truncate(MOST_PIECES);
    pieces
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
    id.iter().enumerate().all(fits) && !text[GUID..].starts_with(|c: char| c.is_alphanumeric())
}

/// A part of an id in hexadecimal: of both letters and digits, or it may be a name.
fn is_hex(word: &str) -> bool {
    word.len() >= 3
        && word.bytes().all(|b| b.is_ascii_hexdigit())
        && word.bytes().any(|b| b.is_ascii_digit())
        && word.bytes().any(|b| b.is_ascii_alphabetic())
}

fn is_short_number(word: &str) -> bool {
    word.len() <= LONGEST_NUMBER && word.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a host begins behind this.
fn is_host(before: &str) -> bool {
    before.ends_with("http://") || before.ends_with("https://")
}

/// The address that a host of one number is (`http://2130706433`, `http://0x7f000001`), or begins
/// (`http://0x7f.1`).
fn number_host(word: &str) -> Option<Ipv4Addr> {
    let number = match word.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16),
        None if word.bytes().all(|b| b.is_ascii_digit()) => word.parse(),
        None => return None,
    };
    number.ok().map(Ipv4Addr::from)
}

/// A port: behind a host and a colon.
fn is_port(before: &str, word: &str, after: &str) -> bool {
    let Some(host) = before.strip_suffix(':') else { return false };
    let around =
        host.trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '[' | ']'));
    let name = &host[around.len()..];
    // In brackets there are colons too.
    let is_v6 = host.ends_with(']') && host.contains('[');
    let begins = around.is_empty() || around.ends_with("//") || around.ends_with(['@', ' ', '(']);
    is_short_number(word)
        && !after.starts_with(['-', '_', '.', ':', '@'])
        && (is_v6
            || begins && name.contains('.')
            || around.ends_with("://") && !name.is_empty()
            || name == "localhost")
}

/// Two digits behind a `%`.
fn is_escape(before: &str, word: &str) -> bool {
    before.ends_with('%') && word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What a message says a number after that is no name.
const LABELS: [&str; 13] = [
    "byte",
    "character",
    "code",
    "column",
    "error",
    "exit",
    "http",
    "length",
    "line",
    "port",
    "position",
    "status",
    "statuscode",
];

/// A number of a message that is a status, a place or part of a version.
fn is_number_said(before: &str, word: &str, after: &str) -> bool {
    let label = before.trim_end_matches([' ', ':', '=', '"', '#']);
    let label = &label[label.trim_end_matches(|c: char| c.is_ascii_alphanumeric()).len()..];
    let label = label.to_ascii_lowercase();
    let digit = |c: char| c.is_ascii_digit();
    let in_version = after.strip_prefix('.').is_some_and(|rest| rest.starts_with(digit))
        || before.strip_suffix('.').is_some_and(|rest| rest.ends_with(digit));
    let is_status = before.is_empty() && word.len() == 3 && after.starts_with(' ');
    is_short_number(word) && (in_version || is_status || LABELS.contains(&label.as_str()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    static NONE: std::sync::LazyLock<HashSet<String>> = std::sync::LazyLock::new(HashSet::new);

    fn names(pieces: &[&str]) -> Pseudonyms<'static> {
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).unwrap();
        let pieces = pieces.iter().map(|piece| (*piece).to_owned()).collect();
        Pseudonyms { secret, pieces, cuts_phrases: false, names: &NONE, known: RefCell::default() }
    }

    #[test]
    fn what_issuers_make_of_names_stays() {
        let names = names(&[]);
        let subject = names.text("repo:umbrella/widgets:ref:refs/heads/release", Kind::Names);
        let rest = subject.strip_prefix("repo:").unwrap();
        let (owner, rest) = rest.split_once('/').unwrap();
        let (repository, branch) = rest.split_once(":ref:refs/heads/").unwrap();
        for (name, pseudonym) in [("umbrella", owner), ("widgets", repository), ("release", branch)]
        {
            assert_eq!(pseudonym, names.text(name, Kind::Names));
            assert_eq!(pseudonym.len(), name.len());
            assert_ne!(pseudonym, name);
        }
        for public in [
            "https://token.actions.githubusercontent.com",
            "https://api.pulumi.com",
            "api://AzureADTokenExchange",
            "fb60f99c-7a34-4190-8149-302f77469936",
            "repo:*",
            "https://127.0.0.1:8443/",
            "http://2130706433",
        ] {
            assert_eq!(names.text(public, Kind::Names), public);
        }
        // Not at the beginning of another host.
        let fake = names.text("https://api.pulumi.com.umbrella.example", Kind::Names);
        assert!(!fake.contains("umbrella"), "{fake}");
        assert!(!names.text("https://my-gitlab.com", Kind::Names).contains("gitlab"));
    }

    #[test]
    fn ids_stay_ids() {
        let names = names(&[]);
        let id = "8e3b2c4d-1f60-4a7e-beef-c0d4e6f8a1b3";
        let other = names.text(id, Kind::Names);
        assert!(is_guid(&other) && other != id, "{other}");
        assert_eq!(names.text(&id.to_uppercase(), Kind::Names), other.to_uppercase());
        let url = format!("https://login.microsoftonline.com/{id}/v2.0");
        let expected = format!("https://login.microsoftonline.com/{other}/v2.0");
        assert_eq!(names.text(&url, Kind::Names), expected);

        let encoded = entra::encode(id).unwrap();
        let subject = format!("/eid1/c/pub/t/{encoded}/a/rISbSSETf0KqFyZ8ppdXmA/sc/{id}/*");
        let expected = format!(
            "/eid1/c/pub/t/{}/a/rISbSSETf0KqFyZ8ppdXmA/sc/{other}/*",
            entra::encode(&other).unwrap()
        );
        assert_eq!(names.text(&subject, Kind::Names), expected);
    }

    #[test]
    fn digests_are_the_same_however_they_are_written() {
        let names = names(&[]);
        let plain = names.digest("00aaff1b");
        let written = names.digest("00:AA:FF:1B");
        assert_eq!(written.replace(':', "").to_lowercase(), plain);
        assert!(plain.bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(names.digest("sha256:00aa").starts_with("sha256:"));
    }

    #[test]
    fn messages_keep_their_words() {
        let names = names(&[]);
        let said =
            names.text("invalid organization umbrella: no policy, status 400", Kind::Message);
        assert!(
            said.starts_with("invalid organization ") && said.ends_with(": no policy, status 400")
        );
        assert!(!said.contains("umbrella"), "{said}");
    }

    /// With names that are such for certain.
    fn certain(words: &[&str], kind: Kind, text: &str) -> String {
        let certain = words.iter().map(|word| (*word).to_owned()).collect();
        Pseudonyms { names: &certain, ..names(&[]) }.text(text, kind)
    }

    #[test]
    fn a_number_is_kept_by_its_place() {
        for text in [
            "https://127.0.0.1:8443/",
            "https://localhost:8080",
            "https://[::1]:443/",
            "https://api.pulumi.com:443",
        ] {
            assert_eq!(names(&[]).text(text, Kind::Names), text);
        }
        for text in
            ["status 404", "line 3, column 17", "403 not allowed", "code: 404", "version 1.12.3"]
        {
            assert_eq!(names(&[]).text(text, Kind::Message), text);
        }
        for (text, kind) in [
            ("4711", Kind::Names),
            ("urn:pulumi:org:4711", Kind::Names),
            ("repo:4711/4711:ref:refs/heads/4711", Kind::Names),
            ("sc://4711/4711/4711", Kind::Names),
            ("refs/pull/4711/merge", Kind::Names),
            ("https://gitlab.com/4711", Kind::Names),
            ("project_path:4711/4711:ref_type:branch:ref:4711", Kind::Names),
            ("organization 4711 has no project 4711", Kind::Message),
        ] {
            let names = names(&[]);
            let (pseudonym, other) = (names.text("4711", Kind::Names), names.text(text, kind));
            assert!(!other.contains("4711") && other.contains(&pseudonym), "{other}");
        }
    }

    #[test]
    fn a_name_is_one_whatever_else_it_means() {
        for (name, kind, text, rest) in [
            ("cloud", Kind::Message, "agent: cloud is not allowed", "agent: "),
            ("http", Kind::Names, "http://http.umbrella.example", "http://"),
            ("openid", Kind::Names, "org/openid/project/openid", "org/"),
            ("team", Kind::Names, "repo:acme/team:environment:team", "repo:"),
            ("pulumi", Kind::Names, "urn:pulumi:org:pulumi", "urn:pulumi:org:"),
            ("400", Kind::Message, "status 400", "status "),
            ("localhost", Kind::Names, "http://localhost/localhost", "http://localhost/"),
        ] {
            let other = certain(&[name], kind, text);
            let other = other.strip_prefix(rest).unwrap_or_else(|| panic!("{other}"));
            assert!(!other.contains(name), "{other}");
        }
        // Nobody says that this is one, and nothing says that it is not.
        assert_ne!(names(&[]).text("refs/heads/admin", Kind::Names), "refs/heads/admin");
        assert_eq!(certain(&["admin"], Kind::Scope, "admin openid"), "admin openid");
    }

    #[test]
    fn private_addresses_are_replaced_wherever_they_stand() {
        let names = names(&[]);
        for (text, kind, rest) in [
            ("10.1.2.3", Kind::Names, "10."),
            ("https://192.168.47.11:8443/x", Kind::Names, "https://192.168."),
            ("https://[fd12:3456::78]/", Kind::Names, "https://[fd00:"),
            ("connection to 10.1.2.3:443 refused", Kind::Message, "connection to 10."),
            ("connection to fd12:3456::78 refused", Kind::Message, "connection to fd00:"),
            ("http://167838211", Kind::Names, "http://16"),
        ] {
            let other = names.text(text, kind);
            assert!(other.starts_with(rest), "{other}");
            for told in ["1.2.3", "47.11", "3456", "78]", "167838211"] {
                assert!(!other.contains(told), "{other}");
            }
        }
    }

    #[test]
    fn only_schemes_stay_before_an_address() {
        assert_ne!(&names(&[]).text("umbrella://x", Kind::Names)[..8], "umbrella");
        assert!(names(&[]).text("spiffe://x", Kind::Names).starts_with("spiffe://"));
    }

    proptest! {
        /// Equality, the case of letters, the length, and where two words part.
        #[test]
        fn what_a_diagnosis_rests_on_stays(
            one in "[a-zA-Z0-9é]{1,12}", end in "[a-zA-Z0-9]{0,6}", other in "[a-z0-9]{0,6}"
        ) {
            let names = names(&[]);
            let map = |text: &str| names.word(text, false);
            let (left, right) = (format!("{one}{end}"), format!("{one}{other}"));
            let parts = |a: &str, b: &str| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
            let (a, b) = (map(&left), map(&right));
            prop_assert_eq!(a.chars().count(), left.chars().count());
            prop_assert_eq!(parts(&a, &b), parts(&left, &right));
            prop_assert_eq!(map(&left.to_ascii_lowercase()), a.to_ascii_lowercase());
            prop_assert!(a.chars().zip(left.chars()).all(|(a, b)| a != b));
        }

        /// A pattern that cuts a word into pieces matches the pseudonym of what it matched.
        #[test]
        fn wildcards_match_what_they_matched(
            head in "[a-z]{1,4}", middle in "[a-z]{1}", tail in "[a-z]{2,4}"
        ) {
            let value = format!("{head}{middle}{tail}");
            let pattern = format!("{head}?{tail}");
            // The piece is looked for from the left, and may be found before its place.
            prop_assume!(value[1..].find(&tail) == Some(head.len()));
            let names = names(&[&tail]);
            let map = |text: &str| names.text(text, Kind::Names);
            prop_assert!(crate::policy::pattern::matches(&map(&pattern), &map(&value)));
        }

        #[test]
        fn no_text_makes_it_panic(
            text in "(\\PC|[*?.:/%-]|env|0x|repo:|/eid1/){0,60}", piece in "[a-z]{1,3}", cuts: bool
        ) {
            let names = Pseudonyms { cuts_phrases: cuts, ..names(&[&piece]) };
            for kind in [Kind::Names, Kind::Message] {
                let other = names.text(&text, kind);
                prop_assert_eq!(other.chars().count(), text.chars().count());
            }
            names.digest(&text);
        }
    }
}
