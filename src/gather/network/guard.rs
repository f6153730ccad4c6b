//! The address guard: which addresses to connect to for an issuer URL from a token or a backend URL
//! from a project file (product contract, section 7).

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::console::descriptors;
use crate::evidence::address::AddressClass::{LinkLocal, Loopback, Metadata, Private, Special};
use crate::evidence::address::{
    AddressClass, classify, is_localhost, is_metadata_name, normalize_host_name,
};
use crate::oidc::issuer_url;

/// A URL's host in the spelling that all lookups here use: lower case, no trailing dot, no
/// brackets. Empty if absent.
pub(crate) fn host_of(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => normalize_host_name(name),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => String::new(),
    }
}

/// Which addresses a client may connect to. Metadata services are always refused.
#[derive(Debug, Clone)]
pub struct Guard {
    scope: Scope,
    known_origins: Vec<(String, u16)>,
}

/// Where the requested URL came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// A token's issuer.
    Issuer {
        /// The token is this environment's own.
        ambient: bool,
        /// `--allow-private-issuer`.
        allow_private: bool,
    },
    /// A backend from a project file, which the failing login would not connect to from here.
    Project {
        /// `--allow-private-issuer`.
        allow_private: bool,
    },
    /// A URL that the user named, or that the failing login connects to anyway.
    UserNamed,
}

impl Guard {
    /// A guard for the issuer of one token.
    ///
    /// `ambient`: the token is this environment's own, not pasted, piped or read from a file.
    /// `allow_private`: `--allow-private-issuer`. `known_issuers`: the issuer URLs in `--policy`.
    /// Each permits private addresses for its own origin only.
    pub fn for_issuer<'a>(
        ambient: bool,
        allow_private: bool,
        known_issuers: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known =
            known_issuers.into_iter().filter_map(|url| origin(&issuer_url::parse(url).ok()?));
        Self { scope: Scope::Issuer { ambient, allow_private }, known_origins: known.collect() }
    }

    /// A guard for a backend that only a project file names.
    ///
    /// `login_connects`: the failing login runs in this environment and connects there as well.
    /// `allow_private`: `--allow-private-issuer`.
    pub(crate) fn for_backend(login_connects: bool, allow_private: bool) -> Self {
        let scope =
            if login_connects { Scope::UserNamed } else { Scope::Project { allow_private } };
        Self { scope, known_origins: Vec::new() }
    }

    /// A guard for URLs that the user named: it refuses only metadata services.
    pub(crate) fn for_named_urls() -> Self {
        Self { scope: Scope::UserNamed, known_origins: Vec::new() }
    }

    /// Whether only `https` URLs without a fragment may be requested. For backends, the check of
    /// the backend URL reports such problems.
    pub(crate) fn is_for_issuers(&self) -> bool {
        matches!(self.scope, Scope::Issuer { .. })
    }

    /// Whether names that a proxy resolves must be resolved and checked here too.
    pub(crate) fn checks_names_behind_proxies(&self) -> bool {
        self.scope != Scope::UserNamed
    }

    /// Whether some origins may have private addresses.
    pub(crate) fn has_known_origins(&self) -> bool {
        !self.known_origins.is_empty()
    }

    /// Whether a URL has the origin of an issuer in `--policy`.
    pub(crate) fn is_known_origin(&self, url: &Url) -> bool {
        origin(url).is_some_and(|origin| self.known_origins.contains(&origin))
    }

    /// Whether an address may be connected to. `known`: for a URL of a known origin.
    ///
    /// `--allow-private-issuer` covers loopback, link-local and private addresses. No option allows
    /// a metadata service or an address that belongs to no host.
    fn permits(&self, known: bool, address: IpAddr) -> bool {
        let class = classify(address);
        let (ambient, allow_private) = match self.scope {
            Scope::Issuer { ambient, allow_private } => (ambient, allow_private),
            Scope::Project { allow_private } => (false, allow_private),
            Scope::UserNamed => return class != Metadata,
        };
        match class {
            AddressClass::Public => true,
            Loopback | Private => ambient || allow_private || known,
            LinkLocal => allow_private || known && !ambient,
            Metadata | Special => false,
        }
    }

    /// Checks the host without a lookup: literal addresses, names for loopback (RFC 6761 section
    /// 6.3), which never reach the resolver, and names of metadata services.
    pub(crate) fn check_literal(&self, url: &Url) -> Result<(), Refused> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(name)) if is_localhost(name) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Some(Host::Domain(name)) if is_metadata_name(name) => {
                return Err(Refused::Name(normalize_host_name(name)));
            }
            _ => return Ok(()),
        };
        let is_permitted = self.permits(self.is_known_origin(url), address);
        if is_permitted { Ok(()) } else { Err(Refused::Addresses(vec![address])) }
    }

    /// The permitted addresses of a host. `known`: for a URL of a known origin.
    fn select_permitted(
        &self,
        known: bool,
        addresses: &[SocketAddr],
    ) -> Result<Vec<SocketAddr>, Refused> {
        let (good, bad): (Vec<SocketAddr>, Vec<_>) =
            addresses.iter().partition(|address| self.permits(known, address.ip()));
        if good.is_empty() { Err(Refused::new(&bad)) } else { Ok(good) }
    }

    /// Checks a host that a proxy will connect to. The proxy may choose any of the addresses, so
    /// all of them must be permitted.
    pub(crate) fn check_all(&self, url: &Url, addresses: &[SocketAddr]) -> Result<(), Refused> {
        let known = self.is_known_origin(url);
        let bad: Vec<_> =
            addresses.iter().filter(|a| !self.permits(known, a.ip())).copied().collect();
        if bad.is_empty() { Ok(()) } else { Err(Refused::new(&bad)) }
    }
}

/// Host and port of an `https` URL.
fn origin(url: &Url) -> Option<(String, u16)> {
    let port = url.port_or_known_default().filter(|_| url.scheme() == "https")?;
    Some((host_of(url), port))
}

/// The addresses or the name that the guard refused.
#[derive(Debug)]
pub(crate) enum Refused {
    Addresses(Vec<IpAddr>),
    /// The name of a metadata service.
    Name(String),
}

impl Refused {
    fn new(addresses: &[SocketAddr]) -> Self {
        Self::Addresses(addresses.iter().map(SocketAddr::ip).collect())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = match self {
            Self::Name(name) => return write!(f, "{name} (a metadata service)"),
            Self::Addresses(addresses) => addresses,
        };
        for (index, address) in addresses.iter().enumerate() {
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

/// Resolves a name into addresses, with any port.
pub(crate) type Lookup = Arc<dyn Fn(String) -> Answering + Send + Sync>;
type Answering = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// The system's resolver, in a thread of its own, so that a hanging lookup blocks nothing else.
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await.inspect_err(descriptors::note);
            Ok(found?.collect())
        })
    })
}

/// The resolver of the HTTP client. It looks up each name once and returns only permitted
/// addresses, so that the client connects to the addresses that were checked.
#[derive(Clone)]
pub(crate) struct Resolver {
    guard: Arc<Guard>,
    /// Resolves for known origins only. A resolver cannot tell: it gets a name without the port.
    known: bool,
    lookup_name: Lookup,
    seen: Arc<Mutex<HashMap<String, Vec<SocketAddr>>>>,
}

impl Resolver {
    pub(crate) fn new(guard: Arc<Guard>, lookup_name: Lookup) -> Self {
        Self { guard, known: false, lookup_name, seen: Arc::default() }
    }

    /// A resolver for a client that requests only URLs of known origins.
    pub(crate) fn for_known(&self) -> Self {
        Self { known: true, ..self.clone() }
    }

    /// All addresses of a name. An empty result is not cached.
    pub(crate) async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let cached = self.cached(&normalize_host_name(name));
        if !cached.is_empty() {
            return Ok(cached);
        }
        let mut addresses = Vec::new();
        for address in (self.lookup_name)(name.to_owned()).await? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(normalize_host_name(name), addresses.clone());
        Ok(addresses)
    }

    /// The addresses that a name resolved to, refused ones included. Empty before its lookup.
    pub(crate) fn resolved_addresses(&self, host: &str) -> Vec<IpAddr> {
        self.cached(host).iter().map(SocketAddr::ip).collect()
    }

    fn cached(&self, host: &str) -> Vec<SocketAddr> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(host).cloned().unwrap_or_default()
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let mut found = resolver.lookup(name.as_str()).await?;
            if is_localhost(name.as_str()) {
                // RFC 6761 section 6.3. Access tokens may be sent to localhost over plain http, so
                // the name must not resolve to another machine.
                let (here, elsewhere): (Vec<_>, Vec<_>) =
                    found.into_iter().partition(|a| a.ip().to_canonical().is_loopback());
                if here.is_empty() && !elsewhere.is_empty() {
                    return Err(Refused::new(&elsewhere).into());
                }
                found = here;
            }
            let permitted = match found.is_empty() {
                true => found,
                false => resolver.guard.select_permitted(resolver.known, &found)?,
            };
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn issuer_guard_permits_by_address_class() {
        // address, pasted, pasted and allowed, ambient, ambient and allowed
        for (address, expected) in [
            ("8.8.8.8", [true, true, true, true]),
            ("127.0.0.1", [false, true, true, true]),
            ("10.0.0.1", [false, true, true, true]),
            ("169.254.1.1", [false, true, false, true]),
            ("169.254.169.254", [false, false, false, false]),
            ("::ffff:169.254.169.254", [false, false, false, false]),
            ("168.63.129.16", [false, false, false, false]),
            ("0.0.0.0", [false, false, false, false]),
        ] {
            let ip: IpAddr = address.parse().unwrap();
            let got = [(false, false), (false, true), (true, false), (true, true)]
                .map(|(ambient, allow)| Guard::for_issuer(ambient, allow, []).permits(false, ip));
            assert_eq!(got, expected, "{address}");
        }
    }

    #[test]
    fn policy_issuer_origin_may_be_contacted() {
        let issuers = [
            "https://IDP.corp.test./realm",
            "https://[::1]:8443",
            "http://a.test",
            "https:/b.test",
        ];
        let guard = Guard::for_issuer(false, false, issuers);
        for (url, known) in [
            ("https://idp.corp.test", true),
            ("https://idp.corp.test.:443/keys", true),
            ("https://idp.corp.test:8443", false),
            ("http://idp.corp.test:443", false),
            ("https://other.corp.test", false),
            ("https://[0:0::1]:8443/", true),
            ("https://[::1]/", false),
            ("https://a.test", false),
            ("https://a.test:80", false),
            ("https://b.test", false),
        ] {
            assert_eq!(guard.is_known_origin(&Url::parse(url).unwrap()), known, "{url}");
        }
        for (address, pasted, ambient) in [
            ("10.0.0.1", true, true),
            ("169.254.1.1", true, false),
            ("169.254.169.254", false, false),
            ("0.0.0.0", false, false),
        ] {
            let ip = address.parse().unwrap();
            let got = [false, true]
                .map(|ambient| Guard::for_issuer(ambient, false, []).permits(true, ip));
            assert_eq!(got, [pasted, ambient], "{address}");
        }
    }

    #[test]
    fn named_metadata_urls_are_refused() {
        let guard = Guard::for_named_urls();
        for (url, permitted) in [
            ("http://127.0.0.1", true),
            ("https://10.0.0.1", true),
            ("https://169.254.1.1", true),
            ("https://169.254.169.254", false),
            ("http://metadata.google.internal", false),
            ("http://METADATA.google.internal.", false),
            ("http://instance-data", false),
            ("http://x.metadata.google.internal", true),
        ] {
            let found = guard.check_literal(&Url::parse(url).unwrap());
            assert_eq!(found.is_ok(), permitted, "{url}");
        }
    }

    #[test]
    fn backend_guard_permits_by_address_class() {
        // address, plain run, plain run with --allow-private-issuer, login
        for (address, expected) in [
            ("8.8.8.8", [true, true, true]),
            ("127.0.0.1", [false, true, true]),
            ("::1", [false, true, true]),
            ("10.0.0.1", [false, true, true]),
            ("169.254.1.1", [false, true, true]),
            ("0.0.0.0", [false, false, true]),
            ("169.254.169.254", [false, false, false]),
            ("::ffff:169.254.169.254", [false, false, false]),
            ("168.63.129.16", [false, false, false]),
        ] {
            let ip: IpAddr = address.parse().unwrap();
            let got = [(false, false), (false, true), (true, false)]
                .map(|(login, allow)| Guard::for_backend(login, allow).permits(false, ip));
            assert_eq!(got, expected, "{address}");
        }
    }

    #[tokio::test]
    async fn localhost_resolves_to_loopback_only() {
        let resolved = |addresses: &'static [&'static str], name: &'static str| async move {
            let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect::<Vec<_>>();
            let lookup_name: Lookup = Arc::new(move |_| {
                let addresses = addresses.clone();
                Box::pin(async move { Ok(addresses) })
            });
            let found = Resolver::new(Arc::new(Guard::for_named_urls()), lookup_name)
                .resolve(name.parse().unwrap())
                .await;
            found.map(|found| found.map(|address| address.ip().to_string()).collect::<Vec<_>>())
        };
        let mixed: &[&str] = &["10.0.0.1:0", "127.0.0.1:0", "[::1]:0"];
        for name in ["localhost", "LOCALHOST", "x.localhost"] {
            assert_eq!(resolved(mixed, name).await.unwrap(), ["127.0.0.1", "::1"], "{name}");
            let refused = resolved(&["10.0.0.1:0"], name).await.unwrap_err();
            assert!(refused.to_string().contains("10.0.0.1"), "{refused}");
        }
        assert_eq!(resolved(mixed, "localhost.evil.test").await.unwrap().len(), 3);
    }

    #[test]
    fn every_spelling_of_loopback_is_refused() {
        let guard = Guard::for_issuer(false, false, []);
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
            "https://0x0",
            "https://00000177.1",
            "https://127.0.0x0.1",
            "https://127.0.0.1:443",
            "https://127\u{ff0e}0\u{ff61}0.1",
            "https://%6cocalhost",
            "https://\u{24db}\u{24de}\u{24d2}\u{24d0}\u{24db}host",
            "https://loc\u{ad}alhost",
            "https://[::]",
            "https://[::127.0.0.1]",
            "https://[::ffff:0:127.0.0.1]",
            "https://[64:ff9b::127.0.0.1]",
            "https://[64:ff9b:1::10.0.0.1]",
            "https://metadata.google.internal",
            "https://[2002:7f00:1::]",
            "https://[fe80::1]",
            "https://[fec0::1]",
            "https://[fd00:ec2::254]",
            "https://100.100.100.200",
            "https://168.63.129.16",
            "https://192.0.0.192",
            "https://100.64.0.1",
            "https://224.0.0.251",
            "https://255.255.255.255",
        ] {
            let url = Url::parse(url).unwrap();
            assert!(guard.check_literal(&url).is_err(), "{url}");
        }
        for url in ["https://8.8.8.8", "https://example.com", "https://notlocalhost"] {
            assert!(guard.check_literal(&Url::parse(url).unwrap()).is_ok(), "{url}");
        }
        // A zone (RFC 6874) names an interface of this machine.
        for url in ["https://[fe80::1%25eth0]", "https://[fe80::1%eth0]", "https://[::1%lo]"] {
            assert!(Url::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn only_permitted_addresses_are_selected() {
        let guard = Guard::for_issuer(false, false, []);
        let both: [SocketAddr; 2] = ["10.0.0.1:0".parse().unwrap(), "8.8.8.8:0".parse().unwrap()];
        assert_eq!(guard.select_permitted(false, &both).unwrap(), [both[1]]);
        assert!(
            guard.check_all(&Url::parse("https://x.test").unwrap(), &both).is_err(),
            "a proxy may take the first"
        );
        let refused = guard.select_permitted(false, &both[..1]).unwrap_err();
        assert_eq!(refused.to_string(), "10.0.0.1 (private)");
    }
}
