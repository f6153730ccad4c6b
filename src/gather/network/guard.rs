//! The address guard: which addresses may be connected to for an issuer URL that came out of a
//! token, or for a backend URL that came out of a project file (product contract, section 7).

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
    AddressClass, classify, is_localhost, is_metadata_name, plain_name,
};
use crate::oidc::issuer_url;

/// A URL's host in the one spelling under which everything is remembered here: lower case, no
/// trailing dot, no brackets; empty if absent.
pub(crate) fn host_of(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => plain_name(name),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => String::new(),
    }
}

/// Which addresses a client may connect to. A metadata service is never one of them.
#[derive(Debug, Clone)]
pub struct Guard {
    scope: Scope,
    known: Vec<(String, u16)>,
}

/// Whose URL it is that is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// An issuer's.
    Issuer {
        /// The token is this environment's own.
        ambient: bool,
        /// `--allow-private-issuer`.
        allow_private: bool,
    },
    /// A backend's that only a project file names, and that only the doctor would connect to.
    Found {
        /// `--allow-private-issuer`.
        allow_private: bool,
    },
    /// One that the user has named, or that the failing login connects to anyway.
    Named,
}

impl Guard {
    /// A guard for the issuer of one token.
    ///
    /// `ambient`: the token is this environment's own, not pasted, piped or read from a file.
    /// `allow_private`: `--allow-private-issuer`. `known_issuers`: the URLs of the issuers in
    /// `--policy`. Each opens its own origin only; one that is not a usable URL opens nothing.
    pub fn new<'a>(
        ambient: bool,
        allow_private: bool,
        known_issuers: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known =
            known_issuers.into_iter().filter_map(|url| origin(&issuer_url::parse(url).ok()?));
        Self { scope: Scope::Issuer { ambient, allow_private }, known: known.collect() }
    }

    /// A guard for a backend that only a project file names.
    ///
    /// `login_connects`: the failing login runs in this environment and connects to it as well.
    /// `allow_private`: `--allow-private-issuer`.
    pub(crate) fn for_backend(login_connects: bool, allow_private: bool) -> Self {
        let scope = if login_connects { Scope::Named } else { Scope::Found { allow_private } };
        Self { scope, known: Vec::new() }
    }

    /// A guard for URLs that the user has named: only metadata services are refused.
    pub(crate) fn named() -> Self {
        Self { scope: Scope::Named, known: Vec::new() }
    }

    /// Whether only `https` URLs without a fragment may be requested. What is wrong with the form of
    /// a backend's URL, the check of that URL reports.
    pub(crate) fn is_for_issuers(&self) -> bool {
        matches!(self.scope, Scope::Issuer { .. })
    }

    /// Whether a name that a proxy resolves has to be resolved here too, and its addresses judged.
    pub(crate) fn judges_names_behind_proxies(&self) -> bool {
        self.scope != Scope::Named
    }

    /// Whether there are origins that may have a private address.
    pub(crate) fn knows_any(&self) -> bool {
        !self.known.is_empty()
    }

    /// Whether a URL has the origin of an issuer in `--policy`.
    pub(crate) fn knows(&self, url: &Url) -> bool {
        origin(url).is_some_and(|origin| self.known.contains(&origin))
    }

    /// Whether an address may be connected to. `known`: for a URL of a known origin.
    ///
    /// `--allow-private-issuer` is about loopback, link-local and private addresses. No option
    /// allows a metadata service, or an address that belongs to no host.
    fn permits(&self, known: bool, address: IpAddr) -> bool {
        let class = classify(address);
        let (ambient, allow_private) = match self.scope {
            Scope::Issuer { ambient, allow_private } => (ambient, allow_private),
            Scope::Found { allow_private } => (false, allow_private),
            Scope::Named => return class != Metadata,
        };
        match class {
            AddressClass::Public => true,
            Loopback | Private => ambient || allow_private || known,
            LinkLocal => allow_private || known && !ambient,
            Metadata | Special => false,
        }
    }

    /// Checks what can be checked without resolving a name: an address, a name for loopback
    /// (RFC 6761 section 6.3), which never reaches the resolver, and a metadata service's name.
    pub(crate) fn check_literal(&self, url: &Url) -> Result<(), Refused> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(name)) if is_localhost(name) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Some(Host::Domain(name)) if is_metadata_name(name) => {
                return Err(Refused::Name(plain_name(name)));
            }
            _ => return Ok(()),
        };
        let is_permitted = self.permits(self.knows(url), address);
        if is_permitted { Ok(()) } else { Err(Refused::Addresses(vec![address])) }
    }

    /// The addresses of a host that may be connected to. `known`: for a URL of a known origin.
    fn select(&self, known: bool, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, Refused> {
        let (good, bad): (Vec<SocketAddr>, Vec<_>) =
            addresses.iter().partition(|address| self.permits(known, address.ip()));
        if good.is_empty() { Err(Refused::new(&bad)) } else { Ok(good) }
    }

    /// Checks a host that a proxy will connect to: the proxy takes any of the addresses, so all
    /// of them have to be permitted.
    pub(crate) fn check_all(&self, url: &Url, addresses: &[SocketAddr]) -> Result<(), Refused> {
        let known = self.knows(url);
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

/// What the guard refused.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Addresses.
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

/// A way to resolve a name into addresses; their port is of no account.
pub(crate) type Lookup = Arc<dyn Fn(String) -> Answering + Send + Sync>;
type Answering = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// The system's resolver, in a thread of its own: a lookup that hangs blocks nothing else.
pub(crate) fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await.inspect_err(descriptors::note);
            Ok(found?.collect())
        })
    })
}

/// The resolver of the HTTP client: asks the system for a name once, remembers what it said, and
/// hands on only what the guard permits, so that the address checked is the address connected to.
#[derive(Clone)]
pub(crate) struct Resolver {
    guard: Arc<Guard>,
    /// Resolves for known origins only. A resolver gets a name without the port.
    known: bool,
    ask: Lookup,
    seen: Arc<Mutex<HashMap<String, Vec<SocketAddr>>>>,
}

impl Resolver {
    pub(crate) fn new(guard: Arc<Guard>, ask: Lookup) -> Self {
        Self { guard, known: false, ask, seen: Arc::default() }
    }

    /// The same for a client that requests URLs of known origins only.
    pub(crate) fn for_known(&self) -> Self {
        Self { known: true, ..self.clone() }
    }

    /// All addresses of a name. One that had none is asked for again.
    pub(crate) async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let known = self.remembered(&plain_name(name));
        if !known.is_empty() {
            return Ok(known);
        }
        let mut addresses = Vec::new();
        for address in (self.ask)(name.to_owned()).await? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(plain_name(name), addresses.clone());
        Ok(addresses)
    }

    /// What a name resolved to, refused addresses included; empty where it was not asked for.
    pub(crate) fn seen(&self, host: &str) -> Vec<IpAddr> {
        self.remembered(host).iter().map(SocketAddr::ip).collect()
    }

    fn remembered(&self, host: &str) -> Vec<SocketAddr> {
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
                // RFC 6761 section 6.3. An access token may be sent to localhost over plain http,
                // so the name must not lead anywhere else.
                let (here, elsewhere): (Vec<_>, Vec<_>) =
                    found.into_iter().partition(|a| a.ip().to_canonical().is_loopback());
                if here.is_empty() && !elsewhere.is_empty() {
                    return Err(Refused::new(&elsewhere).into());
                }
                found = here;
            }
            let permitted = match found.is_empty() {
                true => found,
                false => resolver.guard.select(resolver.known, &found)?,
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
    fn who_may_go_where() {
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
                .map(|(ambient, allow)| Guard::new(ambient, allow, []).permits(false, ip));
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
        let guard = Guard::new(false, false, issuers);
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
            assert_eq!(guard.knows(&Url::parse(url).unwrap()), known, "{url}");
        }
        for (address, pasted, ambient) in [
            ("10.0.0.1", true, true),
            ("169.254.1.1", true, false),
            ("169.254.169.254", false, false),
            ("0.0.0.0", false, false),
        ] {
            let ip = address.parse().unwrap();
            let got = [false, true].map(|ambient| Guard::new(ambient, false, []).permits(true, ip));
            assert_eq!(got, [pasted, ambient], "{address}");
        }
    }

    #[test]
    fn named_metadata_urls_are_refused() {
        let guard = Guard::named();
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
    fn project_backend_locations() {
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
    async fn localhost_leads_to_this_machine_only() {
        let resolved = |addresses: &'static [&'static str], name: &'static str| async move {
            let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect::<Vec<_>>();
            let ask: Lookup = Arc::new(move |_| {
                let addresses = addresses.clone();
                Box::pin(async move { Ok(addresses) })
            });
            let found =
                Resolver::new(Arc::new(Guard::named()), ask).resolve(name.parse().unwrap()).await;
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
    fn only_permitted_addresses_are_handed_on() {
        let guard = Guard::new(false, false, []);
        let both: [SocketAddr; 2] = ["10.0.0.1:0".parse().unwrap(), "8.8.8.8:0".parse().unwrap()];
        assert_eq!(guard.select(false, &both).unwrap(), [both[1]]);
        assert!(
            guard.check_all(&Url::parse("https://x.test").unwrap(), &both).is_err(),
            "a proxy may take the first"
        );
        let refused = guard.select(false, &both[..1]).unwrap_err();
        assert_eq!(refused.to_string(), "10.0.0.1 (private)");
    }
}
