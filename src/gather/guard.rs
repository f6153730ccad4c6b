//! The address guard: which addresses may be connected to for an issuer URL that came out of a
//! token (product contract, section 6).

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressClass {
    /// On the public internet.
    Public,
    /// This machine.
    Loopback,
    /// This network link (RFC 3927, RFC 4291 section 2.5.6).
    LinkLocal,
    /// A private network (RFC 1918, RFC 4193, RFC 6598), or another one that is not routed on
    /// the internet.
    Private,
    /// A cloud's metadata service, which hands out credentials to whoever asks.
    Metadata,
    /// No single host: unspecified, multicast, broadcast, documentation, reserved.
    Special,
}

use AddressClass::{LinkLocal, Loopback, Metadata, Private, Special};

/// IPv4 networks that are not public; the first that holds an address names its class
/// (IANA IPv4 Special-Purpose Address Registry; metadata addresses from the clouds' manuals).
const V4: &[(Ipv4Addr, u8, AddressClass)] = &[
    (Ipv4Addr::new(169, 254, 169, 254), 32, Metadata), // AWS, Azure, Google and most others
    (Ipv4Addr::new(169, 254, 170, 2), 32, Metadata),   // AWS ECS
    (Ipv4Addr::new(169, 254, 170, 23), 32, Metadata),  // AWS EKS
    (Ipv4Addr::new(100, 100, 100, 200), 32, Metadata), // Alibaba
    (Ipv4Addr::new(168, 63, 129, 16), 32, Metadata),   // Azure's host agent
    (Ipv4Addr::new(192, 0, 0, 192), 32, Metadata),     // Oracle
    (Ipv4Addr::new(127, 0, 0, 0), 8, Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, LinkLocal),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Private),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Private),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Private),
    (Ipv4Addr::new(0, 0, 0, 0), 8, Special),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Special),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Special),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Special),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Special),
    (Ipv4Addr::new(224, 0, 0, 0), 3, Special), // multicast, reserved, broadcast
];

/// The same for IPv6 (IANA IPv6 Special-Purpose Address Registry).
const V6: &[(Ipv6Addr, u8, AddressClass)] = &[
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128, Metadata), // AWS
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23), 128, Metadata),  // AWS EKS
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128, Metadata),  // Google
    (Ipv6Addr::LOCALHOST, 128, Loopback),
    (Ipv6Addr::UNSPECIFIED, 128, Special),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, LinkLocal),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Private),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Private),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Private),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, Special),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Special),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Special),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Special),
];

/// IPv6 networks whose addresses hold an IPv4 address, and how many bits stand behind it:
/// mapped and compatible (RFC 4291 section 2.5.5), translated (RFC 2765), NAT64 (RFC 6052),
/// 6to4 (RFC 3056).
const EMBEDDING: &[(Ipv6Addr, u8, u32)] = &[
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 0),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, 0),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 96, 0),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, 0),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 80),
];

/// What kind of place an address is. An IPv6 address that only wraps an IPv4 one is judged by
/// that.
#[must_use]
pub fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => {
            let named = V6.iter().find(|(net, bits, _)| within_v6(v6, *net, *bits));
            let wraps = || EMBEDDING.iter().find(|(net, bits, _)| within_v6(v6, *net, *bits));
            if let Some((_, _, class)) = named {
                *class
            } else if let Some((_, _, behind)) = wraps() {
                #[allow(clippy::cast_possible_truncation)]
                classify_v4(Ipv4Addr::from_bits((v6.to_bits() >> behind) as u32))
            } else {
                AddressClass::Public
            }
        }
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    let found = V4.iter().find(|(net, bits, _)| within_v4(address, *net, *bits));
    found.map_or(AddressClass::Public, |(_, _, class)| *class)
}

/// Whether the first `bits` bits of both are the same; `false` where IPv4 has not that many.
pub(super) fn within_v4(address: Ipv4Addr, network: Ipv4Addr, bits: u8) -> bool {
    let differing = (address.to_bits() ^ network.to_bits()).leading_zeros();
    bits <= 32 && differing >= u32::from(bits)
}

/// [`within_v4`] for IPv6.
pub(super) fn within_v6(address: Ipv6Addr, network: Ipv6Addr, bits: u8) -> bool {
    let differing = (address.to_bits() ^ network.to_bits()).leading_zeros();
    bits <= 128 && differing >= u32::from(bits)
}

/// A URL's host in the one spelling under which everything is remembered here: lower case, no
/// trailing dot, no brackets; empty where there is none.
pub(super) fn host_of(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => plain_name(name),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => String::new(),
    }
}

pub(super) fn plain_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Which addresses an issuer may have.
#[derive(Debug, Clone)]
pub struct Guard {
    ambient: bool,
    allow_private: bool,
    known_hosts: Vec<String>,
}

impl Guard {
    /// A guard for the issuer of one token.
    ///
    /// `ambient`: the token is this environment's own, not pasted, piped or read from a file.
    /// `allow_private`: `--allow-private-issuer`. `known_issuers`: the URLs of the issuers in
    /// `--policy`; what is no URL among them is left out.
    #[must_use]
    pub fn new<'a>(
        ambient: bool,
        allow_private: bool,
        known_issuers: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known_hosts = known_issuers
            .into_iter()
            .filter_map(|url| Url::parse(url).ok())
            .map(|url| host_of(&url))
            .filter(|host| !host.is_empty())
            .collect();
        Self { ambient, allow_private, known_hosts }
    }

    /// Whether `host` may be spoken to at `address`.
    ///
    /// Metadata services are out of reach whatever is allowed: `--allow-private-issuer` speaks of
    /// loopback, link-local and private addresses only.
    fn permits(&self, host: &str, address: IpAddr) -> bool {
        let allowed = || self.allow_private || self.known_hosts.contains(&plain_name(host));
        match classify(address) {
            AddressClass::Public => true,
            Loopback | Private => self.ambient || allowed(),
            LinkLocal => !self.ambient && allowed(),
            Metadata | Special => false,
        }
    }

    /// Checks a URL whose host is an address, or a name for loopback (RFC 6761 section 6.3):
    /// these never reach the resolver.
    pub(super) fn check_literal(&self, url: &Url) -> Result<(), Refused> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(name)) if is_localhost(name) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            _ => return Ok(()),
        };
        if self.permits(&host_of(url), address) { Ok(()) } else { Err(Refused(vec![address])) }
    }

    /// The addresses of a host that may be connected to.
    fn select(&self, host: &str, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, Refused> {
        let (good, bad): (Vec<SocketAddr>, Vec<_>) =
            addresses.iter().partition(|address| self.permits(host, address.ip()));
        if good.is_empty() { Err(Refused::new(&bad)) } else { Ok(good) }
    }

    /// Checks a host that a proxy will connect to: the proxy takes any of the addresses, so all
    /// of them have to be permitted.
    pub(super) fn check_all(&self, host: &str, addresses: &[SocketAddr]) -> Result<(), Refused> {
        let bad: Vec<_> =
            addresses.iter().filter(|a| !self.permits(host, a.ip())).copied().collect();
        if bad.is_empty() { Ok(()) } else { Err(Refused::new(&bad)) }
    }
}

/// Whether a name is loopback by definition.
pub(super) fn is_localhost(name: &str) -> bool {
    let name = plain_name(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// The addresses that the guard refused.
#[derive(Debug)]
pub(super) struct Refused(Vec<IpAddr>);

impl Refused {
    fn new(addresses: &[SocketAddr]) -> Self {
        Self(addresses.iter().map(SocketAddr::ip).collect())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            let what = match classify(*address) {
                AddressClass::Public => "public",
                Loopback => "loopback",
                LinkLocal => "link-local",
                Private => "private",
                Metadata => "a metadata service",
                Special => "not a host's address",
            };
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{address} ({what})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

/// The resolver of the HTTP client: asks the system, remembers what it said, and hands on only
/// what the guard permits, so that the address checked is the address connected to.
#[derive(Clone, Default)]
pub(super) struct Resolver {
    guard: Option<Arc<Guard>>,
    seen: Arc<Mutex<HashMap<String, Vec<IpAddr>>>>,
}

impl Resolver {
    pub(super) fn new(guard: Option<Arc<Guard>>) -> Self {
        Self { guard, ..Self::default() }
    }

    /// All addresses of a name, as the system resolves it.
    pub(super) async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
        let mut addresses = Vec::new();
        for address in found.iter().map(SocketAddr::ip) {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(plain_name(name), addresses);
        Ok(found)
    }

    /// What a name resolved to, refused addresses included; empty where it was not asked for.
    pub(super) fn seen(&self, host: &str) -> Vec<IpAddr> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(host).cloned().unwrap_or_default()
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.lookup(name.as_str()).await?;
            let permitted = match &resolver.guard {
                Some(guard) if !found.is_empty() => guard.select(name.as_str(), &found)?,
                _ => found,
            };
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn class(text: &str) -> AddressClass {
        classify(text.parse().unwrap())
    }

    #[test]
    fn classes() {
        use AddressClass::Public;
        for (address, expected) in [
            ("1.1.1.1", Public),
            ("172.15.255.255", Public),
            ("172.32.0.0", Public),
            ("100.63.255.255", Public),
            ("100.128.0.0", Public),
            ("223.255.255.255", Public),
            ("2606:4700::1111", Public),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("::1", Loopback),
            ("169.254.1.1", LinkLocal),
            ("fe80::1", LinkLocal),
            ("febf::1", LinkLocal),
            ("10.0.0.1", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("100.64.0.1", Private),
            ("fd12:3456::1", Private),
            ("fc00::1", Private),
            ("169.254.169.254", Metadata),
            ("100.100.100.200", Metadata),
            ("168.63.129.16", Metadata),
            ("fd00:ec2::254", Metadata),
            ("0.0.0.0", Special),
            ("255.255.255.255", Special),
            ("224.0.0.1", Special),
            ("192.0.2.7", Special),
            ("198.51.100.7", Special),
            ("203.0.113.7", Special),
            ("::", Special),
            ("ff02::1", Special),
            ("2001:db8::1", Special),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:169.254.169.254", Metadata),
            ("::ffff:8.8.8.8", Public),
            ("::ffff:0:10.0.0.1", Private),
            ("::10.1.2.3", Private),
            ("64:ff9b::7f00:1", Loopback),
            ("64:ff9b::a9fe:a9fe", Metadata),
            ("64:ff9b::808:808", Public),
            ("2002:c0a8:101::1", Private),
            ("2002:808:808::1", Public),
        ] {
            assert_eq!(class(address), expected, "{address}");
        }
    }

    #[test]
    fn who_may_go_where() {
        // address, pasted, pasted and allowed, ambient, ambient and allowed
        for (address, expected) in [
            ("8.8.8.8", [true, true, true, true]),
            ("127.0.0.1", [false, true, true, true]),
            ("10.0.0.1", [false, true, true, true]),
            ("169.254.1.1", [false, true, false, false]),
            ("169.254.169.254", [false, false, false, false]),
            ("::ffff:169.254.169.254", [false, false, false, false]),
            ("168.63.129.16", [false, false, false, false]),
            ("0.0.0.0", [false, false, false, false]),
        ] {
            let ip: IpAddr = address.parse().unwrap();
            let got = [(false, false), (false, true), (true, false), (true, true)]
                .map(|(ambient, allow)| Guard::new(ambient, allow, []).permits("x.test", ip));
            assert_eq!(got, expected, "{address}");
        }
    }

    #[test]
    fn a_host_of_the_policy_may_be_private_and_another_not() {
        let guard = Guard::new(false, false, ["https://IDP.corp.test./realm", "not a url"]);
        let private = "10.0.0.1".parse().unwrap();
        assert!(guard.permits("idp.corp.test", private));
        assert!(guard.permits("idp.corp.test.", private));
        assert!(!guard.permits("other.corp.test", private));
        let guard = Guard::new(false, false, ["https://[::1]:8443"]);
        assert!(guard.check_literal(&Url::parse("https://[0:0::1]/").unwrap()).is_ok());
    }

    #[test]
    fn every_spelling_is_the_same_address() {
        let guard = Guard::new(false, false, []);
        for url in [
            "https://127.0.0.1",
            "https://127.1",
            "https://2130706433",
            "https://0x7f.1",
            "https://0x7f000001",
            "https://0177.0.0.1",
            "https://127.0.0.1.",
            "https://%31%32%37.0.0.1",
            "https://\u{ff11}27.0.0.1",
            "https://127\u{3002}0\u{3002}0\u{3002}1",
            "https://[::1]",
            "https://[::ffff:7f00:1]",
            "https://[::ffff:169.254.169.254]",
            "https://localhost",
            "https://LOCALHOST.",
            "https://a.localhost",
            "https://2852039166",
            "https://0",
        ] {
            let url = Url::parse(url).unwrap();
            assert!(guard.check_literal(&url).is_err(), "{url}");
        }
        for url in ["https://8.8.8.8", "https://example.com", "https://notlocalhost"] {
            assert!(guard.check_literal(&Url::parse(url).unwrap()).is_ok(), "{url}");
        }
    }

    #[test]
    fn only_permitted_addresses_are_handed_on() {
        let guard = Guard::new(false, false, []);
        let both: [SocketAddr; 2] = ["10.0.0.1:0".parse().unwrap(), "8.8.8.8:0".parse().unwrap()];
        assert_eq!(guard.select("x.test", &both).unwrap(), [both[1]]);
        assert!(guard.check_all("x.test", &both).is_err(), "a proxy may take the first");
        let refused = guard.select("x.test", &both[..1]).unwrap_err();
        assert_eq!(refused.to_string(), "10.0.0.1 (private)");
    }

    proptest! {
        #[test]
        fn wrapping_changes_nothing(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let low = u128::from(bits);
            for wrapped in [low | 0xffff << 32, low | 0x64_ff9b << 96, 0x2002 << 112 | low << 80] {
                prop_assert_eq!(classify(Ipv6Addr::from_bits(wrapped).into()), classify(v4.into()));
            }
        }

        #[test]
        fn agrees_with_the_standard_library(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified()
            {
                prop_assert_ne!(classify(v4.into()), AddressClass::Public);
            }
        }
    }
}
