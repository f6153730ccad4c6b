//! Which proxy a request goes through, for the client and for the report.
//!
//! Follows golang.org/x/net/http/httpproxy, which the Pulumi CLI uses. Other programs differ, but
//! the login connects as pulumi does.

mod no_proxy;
mod variable;

use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use reqwest::header::HeaderValue;
use url::{Host, Url};
use zeroize::Zeroizing;

use self::variable::ParsedProxy;
use crate::evidence::{PassedOver, ProxyFault, Route};
use crate::text::secret::Scrubber;
use no_proxy::Exceptions;

/// The proxies of an environment.
///
/// For `https` URLs, the first of `HTTPS_PROXY` and `https_proxy` that is not empty applies. For
/// `http` URLs, `HTTP_PROXY` or `http_proxy`, except in CGI programs, where a client can set it.
/// `NO_PROXY` (else `no_proxy`) lists the exceptions. Loopback never uses a proxy.
#[derive(Clone, Default)]
pub struct Proxies {
    http: SchemeProxy,
    https: SchemeProxy,
    exceptions: Exceptions,
}

/// The proxy for one URL scheme.
#[derive(Clone, Default)]
struct SchemeProxy {
    proxy: Option<Proxy>,
    passed_over: Option<PassedOver>,
}

/// The proxy of a request.
#[derive(Clone)]
pub(crate) struct Proxy {
    variable: &'static str,
    shown: Option<String>,
    target: Result<Url, (ProxyFault, &'static str)>,
}

impl Proxies {
    /// Reads the proxies through a look-up of environment variables.
    pub fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| set(name).map(|value| (*name, Zeroizing::new(value))))
        };
        let http = first(&["HTTP_PROXY", "http_proxy"]);
        let mut chosen = Self {
            http: SchemeProxy::from_variable(&http),
            https: SchemeProxy::from_variable(&first(&HTTPS_VARIABLES)),
            ..Self::default()
        };
        if let Some((_, value)) = first(&["NO_PROXY", "no_proxy"]) {
            chosen.exceptions = Exceptions::parse(&value);
        }
        if let Some(proxy) = &mut chosen.http.proxy
            && set("REQUEST_METHOD").is_some()
        {
            proxy.target = Err((ProxyFault::Cgi, "REQUEST_METHOD is set, as for CGI programs"));
        }
        let others = [
            (first(&["ALL_PROXY", "all_proxy"]), "pulumi does not look at it"),
            (http, "it is for http:// URLs only"),
        ];
        for (choice, others) in [(&mut chosen.https, &others[..]), (&mut chosen.http, &others[..1])]
        {
            let unused = others.iter().find_map(|(set, reason)| Some((set.as_ref()?.0, *reason)));
            if let (None, None, Some((variable, reason))) =
                (&choice.proxy, &choice.passed_over, unused)
            {
                choice.passed_over = Some(passed_over(variable, reason));
            }
        }
        chosen
    }

    /// The proxy for a URL.
    pub(crate) fn for_url(&self, url: &Url) -> Option<&Proxy> {
        let choice = if url.scheme() == "http" { &self.http } else { &self.https };
        choice.proxy.as_ref().filter(|_| !is_loopback(url) && !self.exceptions.exempt(url))
    }

    /// The route of a request for a URL, as evidence.
    pub(crate) fn route(&self, url: &Url) -> Route {
        match self.for_url(url) {
            Some(proxy) => Route {
                proxy: proxy.shown.clone(),
                proxy_variable: Some(proxy.variable.to_owned()),
                near_exception: self.exceptions.near_match(url).map(str::to_owned),
                passed_over: None,
            },
            None => {
                let choice = if url.scheme() == "http" { &self.http } else { &self.https };
                let passed_over = choice
                    .passed_over
                    .clone()
                    .filter(|_| !is_loopback(url) && !self.exceptions.exempt(url));
                Route { passed_over, ..Route::default() }
            }
        }
    }

    /// Adds the credentials in proxy variables to the scrubber.
    pub fn hide_credentials(variable: impl Fn(&str) -> Option<String>, scrubber: &Scrubber) {
        let names = HTTPS_VARIABLES.into_iter().chain([
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
        ]);
        for value in names.filter_map(variable).map(Zeroizing::new) {
            let Some((before, _)) = value.rsplit_once('@') else { continue };
            let credentials =
                before.split_once("//").map_or(before, |(_, credentials)| credentials);
            let decoded: Zeroizing<Vec<u8>> =
                Zeroizing::new(percent_decode_str(credentials).collect());
            let clear = Zeroizing::new(String::from_utf8_lossy(&decoded).into_owned());
            for text in [credentials, &clear] {
                scrubber.add(text);
                if let Some((_, password)) = text.split_once(':') {
                    scrubber.add(password);
                }
            }
            scrubber.add(&Zeroizing::new(STANDARD.encode(&decoded)));
        }
    }
}

const HTTPS_VARIABLES: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];

fn passed_over(variable: &str, reason: &str) -> PassedOver {
    PassedOver { variable: variable.to_owned(), reason: reason.to_owned() }
}

impl SchemeProxy {
    fn from_variable(set: &Option<(&'static str, Zeroizing<String>)>) -> Self {
        let Some((variable, text)) = set else { return Self::default() };
        let variable = *variable;
        let proxy = |shown, target| Self {
            proxy: Some(Proxy { variable, shown, target }),
            passed_over: None,
        };
        match variable::parse(text) {
            ParsedProxy::Proxy(variable::Proxy { shown, url }) => proxy(Some(shown), Ok(url)),
            ParsedProxy::Misread { name, problem } => {
                proxy(None, Err((ProxyFault::Misread { name }, problem)))
            }
            ParsedProxy::Ignored(problem) => {
                let reason = format!("pulumi cannot read it as a URL: {problem}");
                Self { proxy: None, passed_over: Some(passed_over(variable, &reason)) }
            }
        }
    }
}

impl Proxy {
    /// The URL to connect to, with credentials.
    pub(crate) fn url(&self) -> Option<&Url> {
        self.target.as_ref().ok()
    }

    /// Why this proxy cannot be used.
    pub(crate) fn fault(&self) -> Option<(ProxyFault, &'static str)> {
        self.target.as_ref().err().cloned()
    }

    /// Whether its URL has credentials.
    pub(crate) fn has_credentials(&self) -> bool {
        self.url().is_some_and(|url| !url.username().is_empty() || url.password().is_some())
    }

    /// The credentials as a header (RFC 7617 section 2).
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let url = self.url().filter(|_| self.has_credentials())?;
        let encoded = format!("{}:{}", url.username(), url.password().unwrap_or_default());
        let decoded: Zeroizing<Vec<u8>> = Zeroizing::new(percent_decode_str(&encoded).collect());
        let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(&decoded)));
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn route(variables: &[(&str, &str)], url: &str) -> Route {
        proxies(variables).route(&Url::parse(url).unwrap())
    }

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::new(|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn first_set_variable_wins() {
        let target = "https://api.pulumi.com/";
        for (variables, expected) in [
            (&[("HTTPS_PROXY", "http://u:p@a:3128")][..], Some(("http://…@a:3128", "HTTPS_PROXY"))),
            (&[("https_proxy", "a:3128")], Some(("http://a:3128", "https_proxy"))),
            (
                &[("HTTPS_PROXY", ""), ("https_proxy", "http://b")],
                Some(("http://b:80", "https_proxy")),
            ),
            (&[("HTTPS_PROXY", "a"), ("https_proxy", "b")], Some(("http://a:80", "HTTPS_PROXY"))),
            (&[("HTTPS_PROXY", "socks5://e")], Some(("socks5://e:1080", "HTTPS_PROXY"))),
            (
                &[("HTTPS_PROXY", "a"), ("REQUEST_METHOD", "GET")],
                Some(("http://a:80", "HTTPS_PROXY")),
            ),
            (&[("ALL_PROXY", "https://c")], None),
            (&[("HTTP_PROXY", "http://d")], None),
            (&[("HTTPS_PROXY", " a:1")], None),
        ] {
            let route = route(variables, target);
            let got = route.proxy.as_deref().zip(route.proxy_variable.as_deref());
            assert_eq!(got, expected, "{variables:?}");
        }
        let plain = route(&[("HTTP_PROXY", "d:1")], "http://x.test");
        assert_eq!(plain.proxy.as_deref(), Some("http://d:1"));
        let cgi = proxies(&[("HTTP_PROXY", "d:1"), ("REQUEST_METHOD", "GET")]);
        let cgi = cgi.for_url(&Url::parse("http://x.test").unwrap()).unwrap().fault();
        assert_eq!(cgi.map(|(fault, _)| fault), Some(ProxyFault::Cgi));
    }

    #[test]
    fn proxy_variables_that_pulumi_ignores() {
        let target = "https://api.pulumi.com/";
        for (variables, expected) in [
            (&[("ALL_PROXY", "http://c")][..], Some("ALL_PROXY")),
            (&[("all_proxy", "http://c"), ("HTTP_PROXY", "d")], Some("all_proxy")),
            (&[("HTTP_PROXY", "d")], Some("HTTP_PROXY")),
            (&[("HTTPS_PROXY", "a\n"), ("ALL_PROXY", "c")], Some("HTTPS_PROXY")),
            (&[("HTTPS_PROXY", "a"), ("ALL_PROXY", "c")], None),
            (&[("ALL_PROXY", "c"), ("NO_PROXY", "pulumi.com")], None),
            (&[], None),
        ] {
            let got = route(variables, target).passed_over.map(|ignored| ignored.variable);
            assert_eq!(got.as_deref(), expected, "{variables:?}");
        }
        assert_eq!(route(&[("HTTPS_PROXY", "a")], "http://x.test").passed_over, None);
    }

    #[test]
    fn loopback_bypasses_proxy() {
        for (url, direct) in [
            ("https://localhost:8443", true),
            ("https://127.0.0.2", true),
            ("https://[::1]", true),
            ("https://[::ffff:127.0.0.1]", true),
            ("https://x.localhost", false),
            ("https://10.0.0.1", false),
        ] {
            assert_eq!(route(&[("HTTPS_PROXY", "p")], url).proxy.is_none(), direct, "{url}");
        }
    }

    #[test]
    fn credentials_are_decoded_once() {
        let proxies = proxies(&[("HTTPS_PROXY", "http://joe%40acme:a%25b%3A@p:1")]);
        let proxy = proxies.for_url(&Url::parse("https://x.test").unwrap()).unwrap();
        let expected = format!("Basic {}", STANDARD.encode("joe@acme:a%b:"));
        assert_eq!(proxy.authorization().unwrap(), expected.as_str());
    }
}
