//! Splits a backend URL into its parts, as a person reads it and as Go's `net/url` does.

use std::ops::Range;

use url::{Host, Url};

use super::{DIY_SCHEMES, PULUMI_CLOUD, SCHEMES, WEBSITES};

/// The scheme of a URL as in Go's `net/url` (`getScheme`): the text before the first colon, if it
/// has the form of a scheme.
pub(super) fn go_scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let mut bytes = scheme.bytes();
    let has_letter = bytes.next().is_some_and(|b| b.is_ascii_alphabetic());
    (has_letter && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')))
        .then_some(scheme)
}

pub(super) fn is_diy(url: &str) -> bool {
    go_scheme(url).is_some_and(|s| DIY_SCHEMES.contains(&s.to_ascii_lowercase().as_str()))
}

/// The parts of a URL, which may lack a scheme.
pub(super) struct Parts<'a> {
    /// The scheme as written. `localhost:8080` has none: a person reads it as host and port.
    pub(super) scheme: Option<&'a str>,
    /// The text between scheme and authority: `://` in a correct URL.
    pub(super) separator: &'a str,
    pub(super) authority: &'a str,
    /// Path, query and fragment.
    pub(super) rest: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn split(url: &'a str) -> Self {
        let scheme = go_scheme(url).filter(|scheme| {
            let after = &url[scheme.len() + 1..];
            let (next, _) = split_authority(after);
            let is_port = next.bytes().all(|b| b.is_ascii_digit()) && !after.starts_with('/');
            let is_known = SCHEMES.contains(&scheme.to_ascii_lowercase().as_str());
            let is_host = is_port || scheme.contains('.') || next.contains('@');
            is_known || after.starts_with("//") || !is_host
        });
        let after = &url[scheme.map_or(0, str::len)..];
        let start = after.find(|c| c != ':' && c != '/').unwrap_or(after.len());
        // A third slash ends an empty authority.
        let start = if after.starts_with("://") { 3 } else { start };
        let (separator, after) = after.split_at(start);
        let (authority, rest) = split_authority(after);
        Self { scheme, separator, authority, rest }
    }

    /// The byte range of the path in the URL.
    pub(super) fn path_range(&self) -> Range<usize> {
        let scheme = self.scheme.map_or(0, str::len);
        let start = scheme + self.separator.len() + self.authority.len();
        start..start + self.rest.find(['?', '#']).unwrap_or(self.rest.len())
    }

    /// The scheme in lower case; empty if absent.
    pub(super) fn lower_scheme(&self) -> String {
        self.scheme.unwrap_or_default().to_ascii_lowercase()
    }

    /// The host in lower case, without a trailing dot.
    pub(super) fn host(&self) -> String {
        let (_, host) = self.authority.rsplit_once('@').unwrap_or(("", self.authority));
        let (host, _) = split_port(host);
        host.trim_end_matches('.').to_ascii_lowercase()
    }

    /// The corrected scheme, host and port.
    pub(super) fn origin(&self) -> String {
        let (_, authority) = self.authority.rsplit_once('@').unwrap_or(("", self.authority));
        if WEBSITES.contains(&self.host().as_str()) {
            return PULUMI_CLOUD.to_owned();
        }
        let scheme = match self.lower_scheme().as_str() {
            "http" => "http",
            "" if is_loopback(authority) => "http",
            _ => "https",
        };
        format!("{scheme}://{authority}")
    }
}

fn split_authority(text: &str) -> (&str, &str) {
    text.split_at(text.find(['/', '?', '#']).unwrap_or(text.len()))
}

/// Splits an authority into host and port; an IPv6 address keeps its brackets.
pub(super) fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

pub(super) fn is_loopback(authority: &str) -> bool {
    Url::parse(&format!("http://{authority}")).is_ok_and(|url| is_loopback_url(&url))
}

/// Whether a URL's host is exactly `localhost` or a loopback address. Requests to these hosts use
/// no proxy.
pub(super) fn is_loopback_url(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.to_canonical().is_loopback(),
        None => false,
    }
}
