//! The value of a proxy variable, read as pulumi reads it: `parseProxy` in
//! golang.org/x/net/http/httpproxy, on top of `net/url`. Other parsers accept more (white space at
//! the ends, a backslash) or less.

use ::url::Url;

use crate::pulumi::go::url::{self, GoUrl};
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
    let first = url::parse(value);
    let is_usable = matches!(&first, Ok(url) if !url.scheme.is_empty() && !url.host.is_empty());
    let (url, problem) = match first {
        Ok(url) if is_usable => (url, ""),
        first => match (url::parse(&format!("http://{value}")), first) {
            (Ok(url), first) => (url, first.err().map_or("it has no host", |error| reason(&error))),
            // Go uses the first result and cannot connect.
            (Err(error), Ok(url)) => (url, reason(&error)),
            (Err(error), Err(_)) => return Value::PassedOver(reason(&error)),
        },
    };
    // "http://" in front of what begins with "http://" makes "http" the host.
    let (name, _) = url::split_port(&url.host);
    let bare = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if !is_usable && SCHEMES.iter().any(|(scheme, _)| scheme.eq_ignore_ascii_case(bare)) {
        return Value::Misread { name: Some(name.to_owned()), problem };
    }
    let fragment = value.split_once('#').map_or("", |(_, fragment)| fragment);
    if [&url.path, url.query.as_deref().unwrap_or_default(), fragment]
        .iter()
        .any(|rest| rest.contains('@'))
    {
        let problem = "a /, ? or # in the user name or password ends the host there";
        return Value::Misread { name: None, problem };
    }
    build(&url).unwrap_or(Value::Misread {
        name: None,
        problem: "its host or port is none that can be connected to",
    })
}

/// Go's reason without the piece of the value that it quotes, which may be from a password.
fn reason(error: &str) -> &'static str {
    const REASONS: [(&str, &str); 6] = [
        ("net/url: invalid control", "it holds a control character or a line break"),
        (
            "net/url: invalid userinfo",
            "the user name or password holds a character that must be percent-encoded",
        ),
        ("missing protocol scheme", "it begins with a :"),
        ("first path segment", "there is a : before the host"),
        ("invalid URL escape", "a % in it is not the start of a valid escape"),
        ("invalid port", "its port is not a number"),
    ];
    let found = REASONS.iter().find(|(start, _)| error.starts_with(start));
    found.map_or("its host is not a host name or address", |(_, reason)| reason)
}

/// The URL for our client. Go speaks HTTP to a proxy whose scheme it does not know.
fn build(parts: &GoUrl) -> Option<Value> {
    let known = SCHEMES.iter().find(|(scheme, _)| *scheme == parts.scheme);
    let (host, port) = url::split_port(&parts.host);
    let port = match port.unwrap_or_default() {
        "" => known?.1,
        port => port.parse().ok()?,
    };
    let scheme = match parts.scheme.as_str() {
        // Go lets the proxy resolve names under either scheme.
        "socks5" | "socks5h" => "socks5h",
        "https" => "https",
        _ => "http",
    };
    let mut url = Url::parse(&format!("{scheme}://{host}:{port}/")).ok()?;
    if let Some((user, password)) = &parts.user {
        url.set_username(&encoded(user)).ok()?;
        url.set_password(password.as_deref().map(encoded).as_deref()).ok()?;
    }
    let user = if parts.user.is_some() { "user@" } else { "" };
    let shown = format!("{}://{user}{host}:{port}", parts.scheme);
    let shown = text::url(&shown).into_owned();
    Some(Value::Proxy(Proxy { shown, url }))
}

/// All percent-encoded, so that it decodes to itself.
fn encoded(bytes: &[u8]) -> String {
    percent_encoding::percent_encode(bytes, percent_encoding::NON_ALPHANUMERIC).to_string()
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
    fn values_that_are_not_urls() {
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
