//! Parses URLs as Go's `net/url` does, with the errors of Go's `net/http`. Neither normalises
//! anything: `127.1` is a host name, and `/x/..` stays a path.
//!
//! Sources: net/url/url.go (`parse`, `parseHost`, `unescape`, `String`), net/http/transport.go
//! (`roundTrip`) and net/http/client.go (`stripPassword`).

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;

/// A URL that Go can parse.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct GoUrl {
    /// The scheme in lower case; empty if absent.
    pub(crate) scheme: String,
    /// The text after a scheme if it has no leading slash.
    opaque: String,
    /// User name and password, decoded.
    pub(crate) user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    /// Host and port.
    pub(crate) host: String,
    /// Whether the URL has an authority, even an empty one.
    has_authority: bool,
    /// The path as written.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
}

impl GoUrl {
    /// The password that Go sends for HTTP Basic authentication.
    pub(crate) fn password(&self) -> Option<Cow<'_, str>> {
        Some(String::from_utf8_lossy(self.user.as_ref()?.1.as_deref()?))
    }
}

/// Parses a URL. The error is Go's reason, without the `parse "URL": ` before it.
pub(crate) fn parse(url: &str) -> Result<GoUrl, String> {
    let (url, _) = url.split_once('#').unwrap_or((url, ""));
    if url.bytes().any(|b| b.is_ascii_control()) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    let (scheme, rest) = split_scheme(url)?;
    let scheme = scheme.to_ascii_lowercase();
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query.to_owned())),
        None => (rest, None),
    };
    let mut parsed = GoUrl { scheme, query, ..GoUrl::default() };
    if !rest.starts_with('/') {
        if !parsed.scheme.is_empty() {
            parsed.opaque = rest.to_owned();
            return Ok(parsed);
        }
        if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    let mut path = rest;
    if let Some(after) = rest.strip_prefix("//")
        && (!parsed.scheme.is_empty() || !after.starts_with('/'))
    {
        let (authority, rest) = after.split_at(after.find('/').unwrap_or(after.len()));
        path = rest;
        parsed.has_authority = true;
        let host = match authority.rsplit_once('@') {
            None => authority,
            Some((user, host)) => {
                if !user.bytes().all(|b| b == b'@' || b == b'%' || is_userinfo_byte(b)) {
                    return Err("net/url: invalid userinfo".to_owned());
                }
                check_escapes(user)?;
                let decoded = |text: &str| percent_decode_str(text).collect();
                parsed.user = Some(match user.split_once(':') {
                    Some((name, password)) => (decoded(name), Some(decoded(password))),
                    None => (decoded(user), None),
                });
                host
            }
        };
        parsed.host = parse_host(&parsed.scheme, host)?;
    }
    unescape(path)?;
    parsed.path = path.to_owned();
    Ok(parsed)
}

/// The error of Go's HTTP client for a URL that it refuses: the text after `Post "URL": `.
pub(crate) fn transport_error(url: &GoUrl) -> Option<String> {
    if !matches!(url.scheme.as_str(), "http" | "https") {
        return Some(format!("unsupported protocol scheme {}", quote(&url.scheme)));
    }
    if url.host.is_empty() {
        return Some("http: no Host in request URL".to_owned());
    }
    let (_, port) = split_port(&url.host);
    let port = port.filter(|port| !port.is_empty())?;
    (port.parse::<u16>().is_err()).then(|| format!("dial tcp: address {port}: invalid port"))
}

/// Splits an authority into host and port; an IPv6 address keeps its brackets.
pub(crate) fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    }
}

/// Go's `getScheme`: splits off the text before the first colon, if it is a scheme.
fn split_scheme(url: &str) -> Result<(&str, &str), String> {
    let end = url.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')));
    match end {
        Some(0) if url.starts_with(':') => Err("missing protocol scheme".to_owned()),
        Some(end)
            if url[end..].starts_with(':')
                && url.starts_with(|c: char| c.is_ascii_alphabetic()) =>
        {
            Ok((&url[..end], &url[end + 1..]))
        }
        _ => Ok(("", url)),
    }
}

fn parse_host(scheme: &str, host: &str) -> Result<String, String> {
    match host.rfind('[') {
        Some(0) => {
            let Some(end) = host.rfind(']') else { return Err("missing ']' in host".to_owned()) };
            check_port(&host[end + 1..])?;
            let address = unescape_host(&host[1..end])?;
            let bare = address.split('%').next().unwrap_or_default();
            bare.parse::<Ipv6Addr>().map(|_| format!("[{address}]{}", &host[end + 1..])).map_err(
                |_| format!("invalid host: ParseAddr({}): unable to parse IP", quote(&address)),
            )
        }
        Some(_) => Err("invalid IP-literal".to_owned()),
        None => {
            let colon =
                if matches!(scheme, "http" | "https") { host.find(':') } else { host.rfind(':') };
            if let Some(colon) = colon {
                check_port(&host[colon..])?;
            }
            unescape_host(host)
        }
    }
}

fn check_port(text: &str) -> Result<(), String> {
    let digits = text.strip_prefix(':').unwrap_or(text);
    if text.is_empty() || digits.len() < text.len() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(format!("invalid port {} after host", quote(text)))
}

/// Go's `unescape` for hosts: only non-ASCII bytes may be percent-encoded.
fn unescape_host(host: &str) -> Result<String, String> {
    for (at, c) in host.char_indices() {
        if c == '%' {
            let escape = escape_at(host, at)?;
            if escape != "%25" && host.as_bytes()[at + 1] < b'8' {
                return Err(invalid_escape(escape));
            }
        } else if c.is_ascii() && !is_host_char(c) {
            return Err(format!("invalid character {} in host name", quote(&c.to_string())));
        }
    }
    unescape(host)
}

fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-_.~".contains(&b)
}

fn is_userinfo_byte(b: u8) -> bool {
    is_unreserved(b) || b":!$&'()*+,;=".contains(&b)
}

/// Go's `shouldEscape` for hosts, which is laxer than RFC 3986.
fn is_host_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.~!\"$&'()*+,:;<=>[]".contains(c)
}

fn escape_at(text: &str, at: usize) -> Result<&str, String> {
    let bytes = text.as_bytes();
    let is_hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    if is_hex(at + 1) && is_hex(at + 2) {
        return Ok(&text[at..at + 3]);
    }
    Err(invalid_escape(&text[at..].chars().take(3).collect::<String>()))
}

fn invalid_escape(escape: &str) -> String {
    format!("invalid URL escape {}", quote(escape))
}

fn unescape(text: &str) -> Result<String, String> {
    check_escapes(text)?;
    Ok(percent_decode_str(text).decode_utf8_lossy().into_owned())
}

fn check_escapes(text: &str) -> Result<(), String> {
    text.match_indices('%').try_for_each(|(at, _)| escape_at(text, at).map(drop))
}

/// As in Go's errors: with the password hidden, and special characters of the path escaped.
impl fmt::Display for GoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        f.write_str(&self.opaque)?;
        if self.has_authority && (!self.scheme.is_empty() || !self.host.is_empty()) {
            f.write_str("//")?;
        }
        match &self.user {
            Some((name, None)) => write!(f, "{}@", percent_encode(name, is_unreserved))?,
            Some((name, Some(_))) => write!(f, "{}:***@", String::from_utf8_lossy(name))?,
            None => {}
        }
        f.write_str(&self.host)?;
        let is_encoded = |b: u8| is_userinfo_byte(b) || b"@/%[]".contains(&b);
        if self.path.bytes().all(is_encoded) {
            f.write_str(&self.path)?;
        } else {
            let path = unescape(&self.path).map_err(|_| fmt::Error)?;
            let text =
                percent_encode(path.as_bytes(), |b| is_unreserved(b) || b"$&+,/:;=@".contains(&b));
            f.write_str(&text)?;
        }
        self.query.as_ref().map_or(Ok(()), |query| write!(f, "?{query}"))
    }
}

fn percent_encode(text: &[u8], is_plain: impl Fn(u8) -> bool) -> String {
    text.iter()
        .map(|b| if is_plain(*b) { char::from(*b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// Go's `%q`.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() || c == '\u{feff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parse_errors_match_go() {
        let table = [
            ("https://h:abc/api", r#"invalid port ":abc" after host"#),
            ("https://h:80:80/", r#"invalid port ":80:80" after host"#),
            ("https://a b/", r#"invalid character " " in host name"#),
            ("https://a\\b/", r#"invalid character "\\" in host name"#),
            ("https://h?q=1", ""),
            ("https://h\u{7f}/", "net/url: invalid control character in URL"),
            ("https://h/%zz", r#"invalid URL escape "%zz""#),
            ("https://h/%", r#"invalid URL escape "%""#),
            ("https://%41/", r#"invalid URL escape "%41""#),
            ("localhost:8080", ""),
            ("127.0.0.1:8080/api", "first path segment in URL cannot contain colon"),
            (":8080/api", "missing protocol scheme"),
            ("https://[::1/", "missing ']' in host"),
            ("https://[::1]x/", r#"invalid port "x" after host"#),
            ("https://a[::1]/", "invalid IP-literal"),
            ("https://u\"@h/", "net/url: invalid userinfo"),
        ];
        for (url, expected) in table {
            assert_eq!(parse(url).err().unwrap_or_default(), expected, "{url}");
        }
    }

    #[test]
    fn transport_errors_match_go() {
        let table = [
            ("https:/h/api", "http: no Host in request URL", "https:/h/api"),
            ("https:h/api", "http: no Host in request URL", "https:h/api"),
            ("https:///api", "http: no Host in request URL", "https:///api"),
            ("api.pulumi.com/api", r#"unsupported protocol scheme """#, "api.pulumi.com/api"),
            ("/api", r#"unsupported protocol scheme """#, "/api"),
            ("//h/api", r#"unsupported protocol scheme """#, "//h/api"),
            (
                "localhost:8080/api",
                r#"unsupported protocol scheme "localhost""#,
                "localhost:8080/api",
            ),
            ("HTPS://h/api", r#"unsupported protocol scheme "htps""#, "htps://h/api"),
            ("https://h:99999/", "dial tcp: address 99999: invalid port", "https://h:99999/"),
            ("HTTPS://H/x y?q=1#f", "", "https://H/x%20y?q=1"),
            ("http://u:p@h/", "", "http://u:***@h/"),
            ("http://127.1/x/../%2e", "", "http://127.1/x/../%2e"),
        ];
        for (url, expected, shown) in table {
            let parsed = parse(url).unwrap();
            assert_eq!(transport_error(&parsed).unwrap_or_default(), expected, "{url}");
            assert_eq!(parsed.to_string(), shown, "{url}");
        }
    }
}
