//! Which proxy a request goes through. One function decides, for the client and for the report.

use std::net::IpAddr;

use url::{Host, Url};

use crate::address::{AddressClass, classify, within_v4, within_v6};
use crate::gather::guard::{host_of, is_localhost, plain_name};

/// The proxies of an environment.
///
/// For `https` URLs the first of `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY`, `all_proxy` that is
/// set and not empty; for `http` URLs the same with `HTTP_PROXY`, `http_proxy` in front. A value
/// without a scheme means `http://`; a value that is no URL is passed over. `NO_PROXY` (else
/// `no_proxy`) lists the exceptions. Loopback is never asked for through a proxy, as in the
/// Pulumi CLI (Go's golang.org/x/net/http/httpproxy).
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    exceptions: Vec<String>,
}

impl Proxies {
    /// Reads them through a look-up of environment variables.
    #[must_use]
    pub fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first =
            |names: &[&str]| names.iter().find_map(|n| variable(n).filter(|v| !v.is_empty()));
        let all = ["ALL_PROXY", "all_proxy"];
        let proxy = |upper, lower| first(&[upper, lower, all[0], all[1]]).and_then(|v| parse(&v));
        let exceptions = first(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
        Self {
            http: proxy("HTTP_PROXY", "http_proxy"),
            https: proxy("HTTPS_PROXY", "https_proxy"),
            exceptions: exceptions
                .split([',', ' '])
                .filter(|entry| !entry.is_empty())
                .map(str::to_ascii_lowercase)
                .collect(),
        }
    }

    /// The proxy for a URL, credentials included.
    pub(super) fn for_url(&self, url: &Url) -> Option<&Url> {
        let proxy = if url.scheme() == "http" { &self.http } else { &self.https };
        let exempt = is_loopback(url) || self.exceptions.iter().any(|e| is_exempt(e, url));
        proxy.as_ref().filter(|_| !exempt)
    }
}

/// A proxy's URL as it may be shown: scheme, host and port.
pub(super) fn shown(proxy: &Url) -> String {
    let port = proxy.port_or_known_default().map_or(String::new(), |port| format!(":{port}"));
    format!("{}://{}{port}", proxy.scheme(), proxy.host_str().unwrap_or_default())
}

fn parse(value: &str) -> Option<Url> {
    let with_scheme = if value.contains("://") { value } else { &format!("http://{value}") };
    Url::parse(with_scheme).ok().filter(Url::has_host)
}

fn address_of(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_localhost(name),
        _ => address_of(url).is_some_and(|a| classify(a) == AddressClass::Loopback),
    }
}

/// Whether an entry of `NO_PROXY` names the URL's host: `*`, an address, a network
/// (`10.0.0.0/8`), or a domain with everything under it; with a port, only that port.
fn is_exempt(entry: &str, url: &Url) -> bool {
    if entry == "*" {
        return true;
    }
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            (name, port.parse::<u16>().ok())
        }
        _ => (entry, None),
    };
    if port.is_some() && port != url.port_or_known_default() {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    match address_of(url) {
        Some(address) => holds(name, address),
        None => {
            let domain = plain_name(name.trim_start_matches('*').trim_start_matches('.'));
            let host = host_of(url);
            !domain.is_empty()
                && host
                    .strip_suffix(&domain)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        }
    }
}

fn holds(network: &str, address: IpAddr) -> bool {
    let (base, bits) = match network.split_once('/') {
        Some((base, bits)) => (base, bits.parse::<u8>().ok()),
        None => (network, Some(128)),
    };
    match (base.parse::<IpAddr>(), address, bits) {
        (Ok(IpAddr::V4(base)), IpAddr::V4(address), Some(bits)) => {
            let bits = if network.contains('/') { bits } else { 32 };
            within_v4(address, base, bits)
        }
        (Ok(IpAddr::V6(base)), IpAddr::V6(address), Some(bits)) => within_v6(address, base, bits),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn chosen(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let proxies = Proxies::new(|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
        });
        proxies.for_url(&Url::parse(url).unwrap()).map(shown)
    }

    #[test]
    fn the_variable_that_counts() {
        let target = "https://api.pulumi.com/";
        assert_eq!(chosen(&[], target), None);
        for (variables, expected) in [
            (&[("HTTPS_PROXY", "http://u:p@a:3128")][..], Some("http://a:3128")),
            (&[("https_proxy", "a:3128")], Some("http://a:3128")),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "http://b")], Some("http://b:80")),
            (&[("ALL_PROXY", "https://c"), ("HTTP_PROXY", "http://d")], Some("https://c:443")),
            (&[("HTTP_PROXY", "http://d")], None),
            (&[("HTTPS_PROXY", "http://")], None),
            (&[("HTTPS_PROXY", "socks5://e:1080")], Some("socks5://e:1080")),
        ] {
            assert_eq!(chosen(variables, target).as_deref(), expected, "{variables:?}");
        }
        assert_eq!(chosen(&[("HTTP_PROXY", "d:1")], "http://x.test"), Some("http://d:1".into()));
    }

    #[test]
    fn exceptions() {
        for (exceptions, url, exempt) in [
            ("*", "https://a.test", true),
            ("a.test", "https://a.test", true),
            ("A.Test", "https://a.test.", true),
            ("other.test, a.test", "https://x.a.test", true),
            (".a.test", "https://x.a.test", true),
            ("*.a.test", "https://x.a.test", true),
            ("a.test", "https://aa.test", false),
            ("a.test:8443", "https://a.test:8443", true),
            ("a.test:8443", "https://a.test", false),
            ("10.0.0.0/8", "https://10.9.8.7", true),
            ("10.0.0.0/8", "https://11.9.8.7", false),
            ("10.0.0.0/99", "https://10.0.0.0", false),
            ("10.0.0.1", "https://10.0.0.1", true),
            ("10.0.0.1", "https://10.0.0.2", false),
            ("fd00::/8", "https://[fd00::1]", true),
            ("[fd00::1]:443", "https://[fd00::1]", true),
            ("fd00::2", "https://[fd00::1]", false),
            (",, ,", "https://a.test", false),
            (".", "https://a.test", false),
            ("", "https://localhost:8443", true),
            ("", "https://127.0.0.2", true),
        ] {
            let got = chosen(&[("HTTPS_PROXY", "http://p"), ("NO_PROXY", exceptions)], url);
            assert_eq!(got.is_none(), exempt, "{exceptions} {url}");
        }
    }

    proptest! {
        #[test]
        fn nothing_in_no_proxy_panics(entry in "\\PC{0,24}", host in "[a-z0-9.:\\[\\]-]{1,20}") {
            if let Ok(url) = Url::parse(&format!("https://{host}/")) {
                is_exempt(&entry, &url);
            }
        }
    }
}
