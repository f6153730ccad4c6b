//! `NO_PROXY`, matched as Go matches it (golang.org/x/net/http/httpproxy).

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

/// The entries of `NO_PROXY`.
#[derive(Clone, Default)]
pub(super) struct Exceptions {
    entries: Vec<Entry>,
    text: String,
}

#[derive(Clone)]
enum Entry {
    All,
    Network(IpNet),
    Address(IpAddr, Option<String>),
    /// `.a.test`, whether it also matches `a.test` itself, and the port.
    Domain(String, bool, Option<String>),
}

impl Exceptions {
    /// Parses the value of `NO_PROXY`.
    pub(super) fn parse(value: &str) -> Self {
        let text = value.to_lowercase();
        Self {
            entries: text.split(',').filter_map(|entry| parse_entry(entry.trim())).collect(),
            text,
        }
    }

    /// Whether an entry matches the URL's host.
    pub(super) fn exempt(&self, url: &Url) -> bool {
        let port = url.port_or_known_default().map(|port| port.to_string());
        let port_matches = |wanted: &Option<String>| wanted.is_none() || *wanted == port;
        self.entries.iter().any(|entry| match (entry, host(url)) {
            (Entry::All, _) => true,
            (Entry::Network(network), Ok(address)) => network.contains(&address.to_canonical()),
            (Entry::Address(one, port), Ok(address)) => {
                one.to_canonical() == address.to_canonical() && port_matches(port)
            }
            (Entry::Domain(domain, itself, port), Err(name)) => {
                (name.ends_with(domain) || *itself && name == &domain[1..]) && port_matches(port)
            }
            _ => false,
        })
    }

    /// An entry that was probably meant for the URL's host but does not match it. Other programs
    /// also separate entries by spaces, for instance.
    pub(super) fn near_match(&self, url: &Url) -> Option<&str> {
        let Err(name) = host(url) else { return None };
        let entries = self.text.split([',', ';', '|', ' ', '\t']).map(str::trim);
        entries.filter(|entry| !entry.is_empty()).find(|entry| {
            let host = entry.split_once("://").map_or(*entry, |(_, rest)| rest);
            let host = host.split([':', '/']).next().unwrap_or_default();
            let host = host.trim_matches(['*', '.']);
            let name = name.trim_end_matches('.');
            !host.is_empty()
                && name
                    .strip_suffix(host)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}

/// The URL's host: an address, or `Err` with a name.
fn host(url: &Url) -> Result<IpAddr, &str> {
    match url.host() {
        Some(Host::Ipv4(address)) => Ok(address.into()),
        Some(Host::Ipv6(address)) => Ok(address.into()),
        Some(Host::Domain(name)) => Err(name),
        None => Err(""),
    }
}

fn parse_entry(entry: &str) -> Option<Entry> {
    if entry == "*" {
        return Some(Entry::All);
    }
    if let Some((base, bits)) = entry.split_once('/')
        && let (Ok(base), Ok(bits)) = (base.parse::<IpAddr>(), bits.parse::<u8>())
        && let Ok(network) = IpNet::new(base, bits)
    {
        return Some(Entry::Network(network));
    }
    let (host, port) = split_port(entry);
    if let Ok(address) = host.parse() {
        return Some(Entry::Address(address, port));
    }
    let host = if host.starts_with("*.") { &host[1..] } else { host };
    let itself = !host.is_empty() && !host.starts_with('.');
    let host = match Host::parse(host) {
        Ok(Host::Domain(ascii)) if !host.is_ascii() => ascii,
        _ => host.to_owned(),
    };
    match host.is_empty() {
        true => None,
        false if itself => Some(Entry::Domain(format!(".{host}"), true, port)),
        false => Some(Entry::Domain(host, false, port)),
    }
}

/// Go's `net.SplitHostPort`. Returns the whole entry if there is no port, or several colons without
/// brackets.
fn split_port(entry: &str) -> (&str, Option<String>) {
    let Some((host, port)) = entry.rsplit_once(':') else { return (entry, None) };
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match inner {
        None if host.contains([':', '[', ']']) => (entry, None),
        _ => (inner.unwrap_or(host), Some(port.to_owned()).filter(|port| !port.is_empty())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn url(url: &str) -> Url {
        Url::parse(url).unwrap()
    }

    #[test]
    fn no_proxy_exempts_as_go() {
        for (exceptions, target, exempt) in [
            ("*", "https://a.test", true),
            ("x.test, * ", "https://10.0.0.1", true),
            ("a.test", "https://a.test", true),
            ("A.Test", "https://a.test", true),
            ("a.test", "https://a.test.", false),
            ("other.test, a.test", "https://x.a.test", true),
            ("other.test a.test", "https://a.test", false),
            (".a.test", "https://x.a.test", true),
            (".a.test", "https://a.test", false),
            ("*.a.test", "https://x.a.test", true),
            ("*.a.test", "https://a.test", false),
            ("*a.test", "https://a.test", false),
            ("a.test", "https://aa.test", false),
            ("m\u{fc}nchen.test", "https://m\u{fc}nchen.test", true),
            ("a.test:8443", "https://a.test:8443", true),
            ("a.test:8443", "https://a.test", false),
            ("a.test:443", "https://a.test", true),
            ("a.test:", "https://a.test", true),
            (":443", "https://a.test", false),
            ("10.0.0.0/8", "https://10.9.8.7", true),
            ("10.0.0.0/8", "https://[::ffff:10.9.8.7]", true),
            ("10.0.0.0/8", "https://11.9.8.7", false),
            ("10.0.0.0/99", "https://10.0.0.0", false),
            ("10.0.0.1", "https://10.0.0.1", true),
            ("10.0.0.1:443", "https://10.0.0.1", true),
            ("10.0.0.1:444", "https://10.0.0.1", false),
            ("10.0.0.1", "https://10.0.0.2", false),
            ("10.", "https://10.0.0.2", false),
            ("fd00::/8", "https://[fd00::1]", true),
            ("[fd00::1]:443", "https://[fd00::1]", true),
            ("[fd00::1]", "https://[fd00::1]", false),
            ("fd00::2", "https://[fd00::1]", false),
            (",, ,", "https://a.test", false),
            (".", "https://a.test", false),
        ] {
            let got = Exceptions::parse(exceptions).exempt(&url(target));
            assert_eq!(got, exempt, "{exceptions} {target}");
        }
    }

    #[test]
    fn near_matches_are_found() {
        for (exceptions, near) in [
            ("other.test a.test", Some("a.test")),
            ("other.test;a.test", Some("a.test")),
            (".a.test", Some(".a.test")),
            ("*a.test", Some("*a.test")),
            ("https://a.test/", Some("https://a.test/")),
            ("a.test:8443", Some("a.test:8443")),
            ("a.test.", Some("a.test.")),
            ("test", Some("test")),
            ("aa.test,.,b.a.test", None),
        ] {
            assert_eq!(Exceptions::parse(exceptions).near_match(&url("https://a.test")), near);
        }
    }

    proptest! {
        #[test]
        fn any_no_proxy_is_parsed(value in "\\PC{0,24}", host in "[a-z0-9.:\\[\\]-]{1,20}") {
            if let Ok(url) = Url::parse(&format!("https://{host}/")) {
                let exceptions = Exceptions::parse(&value);
                exceptions.exempt(&url);
                exceptions.near_match(&url);
            }
        }
    }
}
