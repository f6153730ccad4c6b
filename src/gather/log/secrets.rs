//! Secrets in a line, by their shape.

use std::ops::Range;

use crate::jwt::OPAQUE;
use crate::log::SecretKind;
use crate::secret::{REDACTED, Scrubber};
use crate::text;

/// What is searched for: a line without any of these holds none.
pub(super) fn needles() -> impl Iterator<Item = &'static str> {
    let shapes = ["eyJ", "ZXlK", "pul-", "earer ", "uthorization", URL];
    let names = [
        "assword=",
        "assword\":",
        "PASSWORD=",
        "ecret=",
        "ecret\":",
        "SECRET=",
        "ACCESS_KEY=",
        "ACCESS_KEY\":",
        "_token=",
        "_token\":",
        "_TOKEN=",
        "ookie: ",
    ];
    shapes.into_iter().chain(names).chain(OPAQUE.iter().map(|(prefix, _)| *prefix))
}

/// A shorter one is a name, a placeholder, or cut off so far that it is none.
const SHORTEST_JWT: usize = 40;
/// How the headers of JWTs begin: `{"typ":`, `{"alg":`, `{"kid":`, `{"x5t":`.
const HEADERS: [&str; 4] = ["eyJ0eXAiOi", "eyJhbGciOi", "eyJraWQiOi", "eyJ4NXQiOi"];
/// How objects begin that are written with white space inside, in base64url.
const SPACED: [&str; 4] = ["eyAi", "ewog", "ewoJ", "ew0K"];
const SHORTEST_BASE64: usize = 64;
const SHORTEST_ID: usize = 12;
const SHORTEST_OPAQUE: usize = 20;
const SHORTEST_BEARER: usize = 16;

/// What is behind the scheme of a URL. Logs are full of them: [`may_hold_credentials`] tells which
/// are worth a look.
pub(super) const URL: &str = "://";

/// Whether a URL, of which this is what stands behind `://`, may hold a password.
pub(super) fn may_hold_credentials(rest: &[u8]) -> bool {
    let end = |b: &u8| matches!(b, b'/' | b' ' | b'"' | b'\'' | b'\n' | b'@');
    rest.iter().take(512).find(|b| end(b)) == Some(&b'@')
}

/// The secrets in a line, in order; they do not overlap.
pub(super) fn find(line: &str) -> Vec<(Range<usize>, SecretKind)> {
    let mut found = headers(line);
    found.extend(named(line));
    found.extend(url_credentials(line));
    for (at, word) in words(line) {
        if let Some((range, kind)) = by_shape(word) {
            found.push((at + range.start..at + range.end, kind));
        }
    }
    // What a header holds may also be known by its shape, which says more.
    found.sort_by_key(|(range, kind)| (range.start, *kind));
    let mut apart: Vec<(Range<usize>, SecretKind)> = Vec::new();
    for (range, kind) in found {
        match apart.last_mut() {
            Some((last, known)) if range.start < last.end => {
                last.end = last.end.max(range.end);
                *known = (*known).min(kind);
            }
            _ => apart.push((range, kind)),
        }
    }
    apart
}

/// The line without them.
pub(super) fn redact(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut from = 0;
    for (range, _) in find(line) {
        out.push_str(&line[from..range.start]);
        out.push_str(REDACTED);
        from = range.end;
    }
    out.push_str(&line[from..]);
    opaque(&text::urls_in(&Scrubber::default().scrub(&out)))
}

/// A part of a word that is as long and as mixed is no name: what is shown does without.
const SHORTEST_MIXED: usize = 32;

/// The text without words that nobody would write: a part of a signature, a key.
fn opaque(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, word) in words(text) {
        let is_mixed = |part: &str| {
            let has = |is: fn(&u8) -> bool| part.as_bytes().iter().any(is);
            part.len() >= SHORTEST_MIXED
                && has(u8::is_ascii_lowercase)
                && has(u8::is_ascii_uppercase)
                && has(u8::is_ascii_digit)
        };
        if word.split(['/', '.', '%', '=']).any(is_mixed) {
            out.push_str(&text[from..at]);
            out.push_str(REDACTED);
            from = at + word.len();
        }
    }
    out + &text[from..]
}

/// The words of what tokens are made of, with their places.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    // Of a form's value dots and slashes are percent-encoded.
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.+/=%".contains(c);
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + line[rest..].find(is_part)?;
        let length = line[start..].find(|c| !is_part(c)).unwrap_or(line.len() - start);
        rest = start + length;
        Some((start, &line[start..rest]))
    })
}

fn by_shape(word: &str) -> Option<(Range<usize>, SecretKind)> {
    let whole = |at: usize, kind| Some((at..word.len(), kind));
    if let Some(at) = word.find("eyJ")
        && word.len() - at >= SHORTEST_JWT
        && word[at..].contains('.')
    {
        return whole(at, SecretKind::Jwt);
    }
    if let Some(at) = SPACED.iter().find_map(|start| word.find(start))
        && word.len() - at >= SHORTEST_JWT
        && word[at..].matches('.').count() >= 2
    {
        return whole(at, SecretKind::Jwt);
    }
    // One that is broken over lines has no dot in the first of them.
    if let Some(at) = HEADERS.iter().find_map(|header| word.find(header))
        && word.len() - at >= SHORTEST_JWT
    {
        return whole(at, SecretKind::Jwt);
    }
    if let Some(at) = word.find("ZXlK")
        && word.len() - at >= SHORTEST_BASE64
    {
        return whole(at, SecretKind::Jwt);
    }
    if let Some(at) = word.find("pul-") {
        let id = &word[at + 4..];
        let digits = id.bytes().take_while(u8::is_ascii_hexdigit).count();
        let begins = !word[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        if digits >= SHORTEST_ID && begins {
            return Some((at..at + 4 + digits, SecretKind::PulumiAccessToken));
        }
    }
    let begin = word.rfind(['=', '/']).map_or(0, |at| at + 1);
    let opaque = OPAQUE.iter().any(|(prefix, _)| word[begin..].starts_with(prefix));
    (opaque && word.len() - begin >= SHORTEST_OPAQUE)
        .then_some((begin..word.len(), SecretKind::Opaque))
}

/// The value of an `Authorization` header, whatever its scheme, and what stands behind `Bearer`.
fn headers(line: &str) -> Vec<(Range<usize>, SecretKind)> {
    let lower = line.to_ascii_lowercase();
    let mut found = Vec::new();
    for (word, shortest) in [("authorization", SHORTEST_CREDENTIAL), ("bearer ", SHORTEST_BEARER)] {
        for (at, _) in lower.match_indices(word) {
            let mut start = at + word.len();
            let assigned = line[start..].trim_start_matches(['"', '\'', '\\']);
            if word != "bearer " && !assigned.starts_with([':', '=', '[', '%']) {
                continue;
            }
            start += if word == "bearer " { 0 } else { skip(&line[start..]) };
            // The scheme stands before the credential.
            for _ in 0..2 {
                let end = value_end(&line[start..]);
                let value = &line[start..start + end];
                let is_scheme = line[start + end..].starts_with([' ', '+'])
                    && value.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
                if value.len() >= shortest && !is_scheme && !is_placeholder(value) {
                    found.push((start..start + end, SecretKind::Bearer));
                    break;
                }
                let rest = line[start + end..].trim_start_matches([' ', '+']);
                if rest.len() + start + end == line.len() {
                    break;
                }
                start = line.len() - rest.len();
            }
        }
    }
    found
}

/// A shorter value behind a word for a secret is a word itself.
const SHORTEST_CREDENTIAL: usize = 8;

/// What the names of secrets end with, in lower case.
const NAMES: [&str; 12] = [
    "password",
    "passwd",
    "secret",
    "secret_access_key",
    "api_key",
    "api-key",
    "apikey",
    "cookie",
    "access_token",
    "id_token",
    "refresh_token",
    "subject_token",
];

/// The values of `NAME=VALUE` and `"NAME": "VALUE"` where the name is one for a secret.
fn named(line: &str) -> Vec<(Range<usize>, SecretKind)> {
    let lower = line.to_ascii_lowercase();
    let mut found = Vec::new();
    for name in NAMES {
        for (at, _) in lower.match_indices(name) {
            let rest = &line[at + name.len()..];
            let quoted = rest.trim_start_matches(['"', '\'', '\\']);
            let assigns = quoted.starts_with('=')
                || quoted.starts_with(':') && (quoted.len() < rest.len() || name == "cookie");
            if !assigns {
                continue;
            }
            let start = at + name.len() + (rest.len() - quoted.len()) + 1;
            let start = start + skip(&line[start..]);
            // The cookies of a header go on behind a space.
            let end = match name {
                "cookie" => line[start..].find(['"', '\'']).unwrap_or(line.len() - start),
                _ => value_end(&line[start..]),
            };
            let value = &line[start..start + end];
            if value.len() >= SHORTEST_CREDENTIAL && !is_placeholder(value) {
                found.push((start..start + end, SecretKind::Opaque));
            }
        }
    }
    found
}

/// What stands between a name and its value.
fn skip(text: &str) -> usize {
    let value = text.trim_start_matches([' ', ':', '=', '"', '\'', '[', '\\', '+', '%']);
    text.len() - value.len()
}

fn value_end(text: &str) -> usize {
    let ends = [' ', '"', '\'', ']', '\\', ',', ')', '&', ';', '}', '\t'];
    text.find(ends).unwrap_or(text.len())
}

/// Whether a value is the place for one: a mask, a variable, a `<word>`.
fn is_placeholder(value: &str) -> bool {
    let value = value.trim_end_matches(['"', '\'']);
    value.contains("***")
        || value.trim_matches(['*', 'x', 'X']).is_empty()
        || value.starts_with(['$', '<', '{'])
        || value.starts_with('%') && value.ends_with('%') && value.len() > 2
        || value.trim_start_matches('[').starts_with("redacted")
}

/// `://USER:PASSWORD@`, and a user without a password that is long enough to be a token.
fn url_credentials(line: &str) -> Vec<(Range<usize>, SecretKind)> {
    let mut found = Vec::new();
    for (at, mark) in line.match_indices(URL) {
        let start = at + mark.len();
        let authority = &line[start..];
        let end = authority.find(['/', ' ', '"', '\'', '?', '#', '\\']);
        let authority = &authority[..end.unwrap_or(authority.len())];
        let Some((user, _)) = authority.rsplit_once('@') else { continue };
        let (secret, shortest) = match user.split_once(':') {
            Some((_, password)) => (password, 1),
            None => (user, SHORTEST_OPAQUE),
        };
        if secret.len() >= shortest && !is_placeholder(secret) {
            found.push((start..start + user.len(), SecretKind::UrlCredentials));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EifQ.c2lnbmF0dXJlLW9mLWl0";
    const PULUMI: &str = "pul-0123456789abcdef0123456789abcdef01234567";

    fn kinds(line: &str) -> Vec<SecretKind> {
        find(line).into_iter().map(|(_, kind)| kind).collect()
    }

    #[test]
    fn secrets_are_found_and_taken_out() {
        use SecretKind::{Bearer, Jwt, Opaque, PulumiAccessToken, UrlCredentials};
        let base64 = "ZXlKaGJHY2lPaUpTVXpJMU5pSjkuZXlKcGMzTWlPaUpvZEhSd2N6b3ZMMkVpZlEuYzJsbg==";
        let cases = [
            (format!("Got '{JWT}'"), vec![Jwt]),
            (format!("TOKEN={JWT}"), vec![Jwt]),
            (base64.to_owned(), vec![Jwt]),
            (format!("\"access_token\":\"{PULUMI}\""), vec![PulumiAccessToken]),
            (format!("Authorization:[token {PULUMI}]"), vec![PulumiAccessToken]),
            ("-H 'Authorization: Bearer abcdefghijklmnopqrst'".to_owned(), vec![Bearer]),
            ("authorization: Basic dXNlcjpwYXNzd29yZDEyMw==".to_owned(), vec![Bearer]),
            ("token ghp_0123456789abcdefghijABCDEFGHIJ012345 x".to_owned(), vec![Opaque]),
            ("https://user:hunter2pass@host/x".to_owned(), vec![UrlCredentials]),
            ("https://user:hunter2%21@host/x".to_owned(), vec![UrlCredentials]),
            ("https://hunter2hunter2hunter2@host/x".to_owned(), vec![UrlCredentials]),
            ("client_secret=hunter2hunter2&x=1".to_owned(), vec![Opaque]),
            ("{\"AWS_SECRET_ACCESS_KEY\":\"hunter2hunter2\"}".to_owned(), vec![Opaque]),
            ("Authorization: Negotiate hunter2hunter2".to_owned(), vec![Bearer]),
            ("Cookie: a=b; session=hunter2hunter2".to_owned(), vec![Opaque]),
            (format!("{JWT} and {PULUMI}"), vec![Jwt, PulumiAccessToken]),
        ];
        for (line, expected) in cases {
            assert_eq!(kinds(&line), expected, "{line}");
            let shown = redact(&line);
            assert_eq!(kinds(&shown), [], "{shown}");
            for secret in
                [JWT, PULUMI, "abcdefghijklmnopqrst", "hunter2", "dXNlcjpw", "ghp_0", "ZXlK"]
            {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }

    #[test]
    fn what_nobody_would_write_is_not_shown() {
        let signature = "HJK1XwXuFvb6zTpX19k2X38jOzChOmUbTTXzCGXWT3et94QA_08HTlzBSWu0G7w";
        assert_eq!(redact(&format!("Unauthorized: {signature}")), "Unauthorized: [redacted]");
    }

    #[test]
    fn names_and_masks_are_none() {
        for line in [
            "pulumi login https://api.pulumi.com",
            "Authorization: Bearer ***",
            "Authorization: Bearer $TOKEN_OF_THE_LOGIN",
            "Authorization: token ${{ secrets.PULUMI_ACCESS_TOKEN }}",
            "https://***:***@host/x https://host/x",
            "/eid1/c/pub/t/TSw7jmAffkqbUsDU5vihsw/a/rISbSSETf0KqFyZ8ppdXmA/sc/5a1c9e7b-20f4-4d83",
            "/home/vsts/work/_temp/azureclitaskscript1732612345678.sh sha256:0123456789abcdef0123456789",
            "SYSTEM_ACCESSTOKEN: unbound variable, CI_JOB_TOKEN: unbound variable",
            "requested_token_type=urn:pulumi:token-type:access_token:organization",
            "password: wrong, try again",
            "the bearer of good news is here, pul-cloud",
            "eyJhbGciOiJSUzI1NiJ9",
            "git@github.com:acme/app https://host:8080/a@b",
            "",
        ] {
            assert_eq!(kinds(line), [], "{line}");
            assert_eq!(redact(line), line);
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_out_stays_out(before in "[ -~]{0,20}", after in "[ '\"\\])][ -~]{0,20}") {
            let shown = redact(&format!("{before} {JWT}{after}"));
            prop_assert!(!shown.contains("c2lnbmF0dXJlLW9mLWl0"), "{}", shown);
        }

        #[test]
        fn nothing_makes_it_panic(line in ".{0,80}") {
            let _ = redact(&line);
        }
    }
}
