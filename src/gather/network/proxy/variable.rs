//! Parses a proxy variable as pulumi does: `parseProxy` in golang.org/x/net/http/httpproxy, on top
//! of `net/url`. Other parsers accept more (surrounding white space, a backslash) or less.

use ::url::Url;

use crate::pulumi::go::url::{self, GoUrl};
use crate::text;

/// The proxy schemes that Go's HTTP client knows, with their default ports.
const SCHEMES: [(&str, u16); 4] =
    [("http", 80), ("https", 443), ("socks5", 1080), ("socks5h", 1080)];

/// The value of a proxy variable, parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParsedProxy {
    Proxy(Proxy),
    /// Go takes something else for the host than was meant.
    Misread {
        /// The host that Go reads, unless it may be a piece of a password.
        name: Option<String>,
        problem: &'static str,
    },
    /// Go silently ignores the value, for this reason.
    Ignored(&'static str),
}

/// A proxy that a variable names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    /// Scheme, host and port, without credentials.
    pub(super) shown: String,
    /// The URL to connect to, with credentials.
    pub(super) url: Url,
}

/// Parses a value that is not empty.
pub(super) fn parse(value: &str) -> ParsedProxy {
    let first = url::parse(value);
    let is_usable = matches!(&first, Ok(url) if !url.scheme.is_empty() && !url.host.is_empty());
    let (url, problem) = match first {
        Ok(url) if is_usable => (url, ""),
        first => match (url::parse(&format!("http://{value}")), first) {
            (Ok(url), first) => {
                (url, first.err().map_or("it has no host", |error| describe_error(&error)))
            }
            // Go uses the first result and cannot connect.
            (Err(error), Ok(url)) => (url, describe_error(&error)),
            (Err(error), Err(_)) => return ParsedProxy::Ignored(describe_error(&error)),
        },
    };
    // Go prepends "http://". If the value already begins with it, the host becomes "http".
    let (name, _) = url::split_port(&url.host);
    let bare = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if !is_usable && SCHEMES.iter().any(|(scheme, _)| scheme.eq_ignore_ascii_case(bare)) {
        return ParsedProxy::Misread { name: Some(name.to_owned()), problem };
    }
    let fragment = value.split_once('#').map_or("", |(_, fragment)| fragment);
    if [&url.path, url.query.as_deref().unwrap_or_default(), fragment]
        .iter()
        .any(|rest| rest.contains('@'))
    {
        let problem = "a /, ? or # in the user name or password ends the host there";
        return ParsedProxy::Misread { name: None, problem };
    }
    build(&url)
        .unwrap_or(ParsedProxy::Misread { name: None, problem: "its host or port is invalid" })
}

/// Go's reason, without the piece of the value that it quotes: that may be from a password.
fn describe_error(error: &str) -> &'static str {
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

/// Builds the URL for our client. Go uses HTTP for a proxy with an unknown scheme.
fn build(parts: &GoUrl) -> Option<ParsedProxy> {
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
    Some(ParsedProxy::Proxy(Proxy { shown, url }))
}

/// Percent-encodes everything, so that it decodes to the same bytes.
fn encoded(bytes: &[u8]) -> String {
    percent_encoding::percent_encode(bytes, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn url(value: &str) -> String {
        match parse(value) {
            ParsedProxy::Proxy(proxy) => format!("{} {}", proxy.shown, proxy.url),
            other => panic!("{value}: {other:?}"),
        }
    }

    #[test]
    fn proxy_urls_are_read() {
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

    /// Go 1.27 reads the same from each value (`http.ProxyFromEnvironment`).
    #[test]
    fn invalid_values_are_misread_or_ignored() {
        let misread = |value: &str| match parse(value) {
            ParsedProxy::Misread { name, .. } => name.unwrap_or_default(),
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
            let parsed = parse(value);
            assert!(matches!(parsed, ParsedProxy::Ignored(_)), "{value}: {parsed:?}");
        }
    }

    proptest! {
        #[test]
        fn any_value_parses_without_showing_password(
            value in "\\PC{0,16}", user in "[a-z]{1,3}", password in "[\\PC&&[^@]]{0,12}",
        ) {
            parse(&value);
            let value = format!("http://{user}:{password}hidden@p.test:1");
            let shown = match parse(&value) {
                ParsedProxy::Proxy(proxy) => proxy.shown,
                ParsedProxy::Misread { name, problem } => format!("{name:?} {problem}"),
                ParsedProxy::Ignored(problem) => problem.to_owned(),
            };
            prop_assert!(!shown.contains("hidden"), "{}", shown);
        }
    }
}
