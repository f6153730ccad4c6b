//! The value of a proxy variable, read as Go reads it: `parseProxy` in
//! golang.org/x/net/http/httpproxy on top of `net/url`.
//!
//! Other parsers forgive more (white space at the ends, a backslash) or less, and what counts is
//! where pulumi connects to.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::text;

/// The schemes of proxies that Go's HTTP client knows, with their ports.
const SCHEMES: [(&str, u16); 4] =
    [("http", 80), ("https", 443), ("socks5", 1080), ("socks5h", 1080)];

/// What a value means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A proxy.
    Proxy(Proxy),
    /// Go reads another host out of it than was meant.
    Misread {
        /// What it takes for the host, where that is sure to be no piece of a password.
        name: Option<String>,
        /// What is wrong with the value.
        problem: &'static str,
    },
    /// Go passes over it without a word.
    PassedOver(&'static str),
}

/// A proxy as a value names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    /// Scheme, host and port, as they may be shown.
    pub(super) shown: String,
    /// The URL to connect to, credentials included.
    pub(super) url: Url,
}

/// Reads a value that is not empty.
pub(super) fn read(value: &str) -> Value {
    let first = parse(value);
    let usable = matches!(&first, Ok(url) if !url.scheme.is_empty() && !url.host.is_empty());
    let (url, problem) = match first {
        Ok(url) if usable => (url, ""),
        first => match (parse(&format!("http://{value}")), first) {
            (Ok(url), first) => (url, first.err().unwrap_or("it has no host")),
            // Go goes on with what it has got, and connects to nowhere.
            (Err(problem), Ok(url)) => (url, problem),
            (Err(problem), Err(_)) => return Value::PassedOver(problem),
        },
    };
    // "http://" in front of what begins with "http://" makes "http" the host.
    let bare = url.host.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if !usable && SCHEMES.iter().any(|(scheme, _)| scheme.eq_ignore_ascii_case(bare)) {
        return Value::Misread { name: Some(url.host), problem };
    }
    if url.rest.contains('@') {
        let problem = "a /, ? or # in the user name or password ends the host there";
        return Value::Misread { name: None, problem };
    }
    build(&url).unwrap_or(Value::Misread {
        name: None,
        problem: "its host or port is none that can be connected to",
    })
}

/// The URL for our client. Whatever scheme Go does not know, it speaks HTTP to.
fn build(parts: &Parts) -> Option<Value> {
    let known = SCHEMES.iter().find(|(scheme, _)| *scheme == parts.scheme);
    let port = match parts.port.as_str() {
        "" => known?.1,
        port => port.parse().ok()?,
    };
    let scheme = match parts.scheme.as_str() {
        // Go leaves the resolving to the proxy under either name.
        "socks5" | "socks5h" => "socks5h",
        "https" => "https",
        _ => "http",
    };
    let host = match parts.host.contains(':') {
        true => format!("[{}]", parts.host),
        false => parts.host.clone(),
    };
    let mut url = Url::parse(&format!("{scheme}://{host}:{port}/")).ok()?;
    if let Some((user, password)) = &parts.credentials {
        url.set_username(&encoded(user)).ok()?;
        url.set_password(password.as_deref().map(encoded).as_deref()).ok()?;
    }
    let user = if parts.credentials.is_some() { "user@" } else { "" };
    let shown = format!("{}://{user}{host}:{port}", parts.scheme);
    let shown = text::url(&shown).into_owned();
    Some(Value::Proxy(Proxy { shown, url }))
}

/// Percent-encoded whole, so that it decodes to itself.
fn encoded(bytes: &[u8]) -> String {
    percent_encoding::percent_encode(bytes, percent_encoding::NON_ALPHANUMERIC).to_string()
}

// ------------------------------------------------------------------------------- net/url

/// What `url.Parse` makes of a text.
#[derive(Default)]
struct Parts {
    scheme: String,
    credentials: Option<(Vec<u8>, Option<Vec<u8>>)>,
    /// Without brackets.
    host: String,
    port: String,
    /// Path, query and fragment.
    rest: String,
}

/// `url.Parse`, as far as host and credentials go.
fn parse(text: &str) -> Result<Parts, &'static str> {
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("it holds a control character or a line break");
    }
    let (scheme, after) = scheme(text)?;
    let (before_query, query) = split_before(after, &['?', '#']);
    let slashed = before_query.starts_with('/');
    if !slashed && !scheme.is_empty() {
        // Opaque: `proxy:3128` is scheme and data.
        return Ok(Parts { scheme, ..Parts::default() });
    }
    if !slashed && split_before(before_query, &['/']).0.contains(':') {
        return Err("there is a : before the host");
    }
    let authority = before_query
        .strip_prefix("//")
        .filter(|_| !scheme.is_empty() || !before_query.starts_with("///"));
    let (authority, path) = match authority {
        Some(rest) => split_before(rest, &['/']),
        None => ("", before_query),
    };
    let fragment = query.split_once('#').map_or("", |(_, fragment)| fragment);
    if ![path, fragment].iter().all(|part| is_encoded(part)) {
        return Err("a % in it is not followed by two hexadecimal digits");
    }
    let (userinfo, host) =
        authority.rsplit_once('@').map_or((None, authority), |(u, h)| (Some(u), h));
    let (host, port) = host_and_port(host)?;
    let credentials = userinfo.map(credentials).transpose()?;
    Ok(Parts { scheme, credentials, host, port, rest: format!("{path}{query}") })
}

/// `getScheme`: the scheme in lower case, and what follows it.
fn scheme(text: &str) -> Result<(String, &str), &'static str> {
    for (index, character) in text.char_indices() {
        match character {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if index > 0 => {}
            ':' if index == 0 => return Err("it begins with a :"),
            ':' => {
                let (scheme, rest) = text.split_at(index);
                return Ok((scheme.to_ascii_lowercase(), &rest[1..]));
            }
            _ => break,
        }
    }
    Ok((String::new(), text))
}

/// `parseAuthority`'s part for the credentials.
fn credentials(userinfo: &str) -> Result<(Vec<u8>, Option<Vec<u8>>), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !userinfo.bytes().all(allowed) {
        return Err("the user name or password holds a character that has to be percent-encoded");
    }
    if !is_encoded(userinfo) {
        return Err("a % in the user name or password is not followed by two hexadecimal digits");
    }
    let decoded = |text: &str| percent_decode_str(text).collect();
    Ok(match userinfo.split_once(':') {
        Some((user, password)) => (decoded(user), Some(decoded(password))),
        None => (decoded(userinfo), None),
    })
}

/// `parseHost`, and the port off it.
fn host_and_port(text: &str) -> Result<(String, String), &'static str> {
    let (host, port) = if text.starts_with('[') {
        let end = text.rfind(']').ok_or("a ] is missing in its host")?;
        (&text[1..end], &text[end + 1..])
    } else {
        text.split_at(text.rfind(':').unwrap_or(text.len()))
    };
    let digits = match port.strip_prefix(':') {
        Some(digits) => digits,
        None if port.is_empty() => "",
        None => return Err("its port is not a number"),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("its port is not a number");
    }
    // `shouldEscape` in the mode of hosts.
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || !byte.is_ascii()
            || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&byte)
    };
    if !host.bytes().all(allowed) {
        return Err("its host holds a character that no host has");
    }
    // An escape is for what is not ASCII; %25 stands before the zone of an address.
    let escapes = host.split('%').skip(1);
    if !is_encoded(host) || !escapes.clone().all(|hex| hex >= "8" || hex.starts_with("25")) {
        return Err("a % in its host is no escape that a host may have");
    }
    let host = percent_decode_str(host).decode_utf8_lossy().into_owned();
    Ok((host, digits.to_owned()))
}

/// Whether every `%` is followed by two hexadecimal digits.
fn is_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        after.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    })
}

/// The text up to the first of these characters, and from there on.
fn split_before<'a>(text: &'a str, stops: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(stops).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn url(value: &str) -> String {
        match read(value) {
            Value::Proxy(proxy) => format!("{} {}", proxy.shown, proxy.url),
            other => panic!("{value}: {other:?}"),
        }
    }

    #[test]
    fn proxies() {
        for (value, expected) in [
            ("http://p.test:3128", "http://p.test:3128 http://p.test:3128/"),
            ("p.test:3128", "http://p.test:3128 http://p.test:3128/"),
            ("10.0.0.1:3128", "http://10.0.0.1:3128 http://10.0.0.1:3128/"),
            ("p.test", "http://p.test:80 http://p.test/"),
            ("HTTPS://p.test/x", "https://p.test:443 https://p.test/"),
            ("socks5://p.test", "socks5://p.test:1080 socks5h://p.test:1080/"),
            ("http://[fd00::1]:1", "http://[fd00::1]:1 http://[fd00::1]:1/"),
            ("ftp://p.test:21", "ftp://p.test:21 http://p.test:21/"),
            ("joe:a%40b@p.test:1", "http://…@p.test:1 http://joe:a%40b@p.test:1/"),
            ("http://d%5Cjoe@p.test:1", "http://…@p.test:1 http://d%5Cjoe@p.test:1/"),
            ("http://a@b:c@p.test:1", "http://…@p.test:1 http://a%40b:c@p.test:1/"),
        ] {
            assert_eq!(url(value), expected, "{value}");
        }
    }

    /// Go 1.27 reads the same out of each of them (`http.ProxyFromEnvironment`).
    #[test]
    fn values_that_are_no_urls() {
        let misread = |value: &str| match read(value) {
            Value::Misread { name, .. } => name.unwrap_or_default(),
            other => panic!("{value}: {other:?}"),
        };
        for (value, name) in [
            ("http://p.test:3128 ", "http"),
            ("http://joe:p#ss@p.test:3128", "http"),
            ("https://joe:p ss@p.test:3128", "https"),
            ("http://%41.test:1", "http"),
            ("\"http://p.test:3128\"", "\"http"),
            ("http://", "http"),
            ("http:/p.test:3128", "http"),
            ("http://joe:1/hidden@p.test", ""),
            ("joe:1?hidden@p.test", ""),
            ("http://p.test:99999", ""),
            ("ftp://p.test", ""),
            ("p.test:port", ""),
            (":3128", ""),
            ("joe:p/ss@p.test", ""),
        ] {
            assert_eq!(misread(value), name, "{value}");
        }
        for value in ["http://p.test:3128\n", " p.test:1", "http://joe:100%@p.test", "10.0.0.1:x"] {
            let read = read(value);
            assert!(matches!(read, Value::PassedOver(_)), "{value}: {read:?}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_something_and_shows_no_password(
            value in "\\PC{0,16}", user in "[a-z]{1,3}", password in "[\\PC&&[^@]]{0,12}",
        ) {
            read(&value);
            let value = format!("http://{user}:{password}hidden@p.test:1");
            let shown = match read(&value) {
                Value::Proxy(proxy) => proxy.shown,
                Value::Misread { name, problem } => format!("{name:?} {problem}"),
                Value::PassedOver(problem) => problem.to_owned(),
            };
            prop_assert!(!shown.contains("hidden"), "{}", shown);
        }
    }
}
