//! The HTTP client of the probes: one kept-alive connection per host, a deadline for every
//! request, capped bodies, no redirect off the host, and evidence instead of errors.

#[cfg(test)]
#[cfg(feature = "demo")]
mod tests;

use crate::gather::network::answer;
use crate::gather::network::failure;
use crate::gather::network::proxy_refusal;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use reqwest::Method;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Response, redirect};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use url::{Host, Url};
use zeroize::Zeroizing;

pub use crate::gather::network::answer::recognise;
pub use crate::gather::network::proxy::Proxies;

use crate::evidence::{Answer, Body, Chain, Failure, FailureKind, Probe, ProxyFault, Route};
use crate::gather::network::budget::left;
use crate::gather::network::failure::Cause;
use crate::gather::network::guard;
use crate::gather::network::guard::{Guard, Resolver, host_of};
use crate::gather::network::proxy::Proxy;
use crate::gather::network::request::{Message, PendingRequest};
use crate::gather::network::tls::{Recorder, Roots, client_config};
use crate::text::secret::Scrubber;

/// The most of a body that is read, in bytes after decompression (product contract, section 6).
const BODY_CAP: usize = 1 << 20;
/// The same for what an HTTP/2 server may send before it is read.
const WINDOW: u32 = 1 << 20;
/// Redirects that are followed, all of them on the same host.
const MAX_REDIRECTS: usize = 5;
/// How long one connection may take to come about, with its TLS; the addresses of a host share
/// it. Where less than this is left, two thirds of that.
const CONNECT: Duration = Duration::from_secs(10);
/// How long to resolve, for the guard, a name that a proxy will resolve again. Where less than
/// four times this is left, a quarter of that.
const LOOKUP: Duration = Duration::from_secs(2);
/// A token response is smaller than this, in bytes: its buffer never moves and so leaves no copy.
const BUFFER: usize = 64 << 10;
const USER_AGENT: &str = concat!("doctor/", env!("CARGO_PKG_VERSION"));

/// How a client behaves.
#[derive(Default)]
pub struct ClientOptions {
    /// Accept any certificate (`--insecure`).
    pub insecure: bool,
    /// The address guard, for URLs that came out of a token or a project file. With that for a
    /// token's issuer, only `https` URLs without fragment are requested. Without one, only metadata
    /// services are refused.
    pub guard: Option<Guard>,
    /// The proxies of the environment.
    pub proxies: Proxies,
    /// When everything that is asked has to be done.
    pub deadline: Option<Instant>,
}

/// An HTTP client for one party (the issuer, or Pulumi Cloud). It needs a tokio runtime with
/// I/O and time.
pub struct Client {
    direct: reqwest::Client,
    /// For the origins that the guard knows, which may have other addresses. It shares no
    /// connection with `direct`.
    known: reqwest::Client,
    /// Apart from `direct`, since what it resolves is the proxy's name, which no guard judges.
    proxied: reqwest::Client,
    proxies: Arc<Proxies>,
    guard: Arc<Guard>,
    resolver: Resolver,
    recorder: Arc<Recorder>,
    tls: ClientConfig,
}

/// An answer together with the body as it came.
pub struct Reply {
    /// The answer, without secrets.
    pub answer: Answer,
    /// The body's bytes, to take an access token out of; wiped when dropped.
    pub raw: Zeroizing<Vec<u8>>,
}

impl Client {
    /// A client that trusts `roots`.
    ///
    /// # Errors
    /// In words, when the TLS library cannot be set up.
    pub fn new(roots: &Roots, options: ClientOptions) -> Result<Self, String> {
        Self::resolving(roots, options, guard::system())
    }

    /// [`Self::new`] with another way to resolve names.
    fn resolving(
        roots: &Roots,
        options: ClientOptions,
        lookup: guard::Lookup,
    ) -> Result<Self, String> {
        let (mut tls, recorder) = client_config(roots, options.insecure)?;
        if options.guard.is_some() {
            // Two small answers gain nothing from HTTP/2, and a hostile server much: its floods of
            // frames would take the time of everything that runs beside it.
            tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        let guard = Arc::new(options.guard.unwrap_or_else(Guard::named));
        let resolver = Resolver::new(Arc::clone(&guard), lookup);
        let connect = options.deadline.map_or(CONNECT, |by| CONNECT.min(left(by) * 2 / 3));
        let proxies = Arc::new(options.proxies);
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(USER_AGENT)
                .redirect(redirect::Policy::none())
                // The exchange is made at most once.
                .retry(reqwest::retry::never())
                .connect_timeout(connect)
                // More than a whole answer is never waiting to be read.
                .http2_initial_stream_window_size(WINDOW)
                .http2_initial_connection_window_size(WINDOW)
                .no_proxy()
        };
        let chosen = Arc::clone(&proxies);
        let proxy = reqwest::Proxy::custom(move |url| chosen.for_url(url)?.url().cloned());
        let built = |builder: reqwest::ClientBuilder| builder.build().map_err(|e| e.to_string());
        let direct = built(builder().dns_resolver(resolver.clone()))?;
        let known = match guard.knows_any() {
            true => built(builder().dns_resolver(resolver.for_known()))?,
            false => direct.clone(),
        };
        Ok(Self {
            direct,
            known,
            proxied: built(builder().proxy(proxy))?,
            proxies,
            guard,
            resolver,
            recorder,
            tls,
        })
    }

    /// Asks for `url` with extra `headers`, a second time where that may help ([`retry`]). Ends by
    /// `deadline`. Redirects are followed on the same scheme, host and port; another redirect is
    /// itself the answer. `scrubber` knows the secrets that a server might echo.
    pub async fn get(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        scrubber: &Scrubber,
        deadline: Instant,
    ) -> Probe<Answer> {
        let request = PendingRequest::new(Message::Get, headers, scrubber, deadline);
        match self.probe(url, &request).await {
            Probe::NotRun => Probe::NotRun,
            Probe::Failed { failure, elapsed_ms } => Probe::Failed { failure, elapsed_ms },
            Probe::Answered { answer, elapsed_ms } => {
                Probe::Answered { answer: answer.answer, elapsed_ms }
            }
        }
    }

    /// Posts a form (`application/x-www-form-urlencoded`), once, following no redirect. Ends by
    /// `deadline`.
    pub async fn post_form(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        form: &[(&str, &str)],
        scrubber: &Scrubber,
        deadline: Instant,
    ) -> Probe<Reply> {
        self.probe(url, &PendingRequest::new(Message::Form(form), headers, scrubber, deadline))
            .await
    }

    /// Sends a request without a body, once, following no redirect: for an answer that holds a
    /// credential. Ends by `deadline`.
    pub async fn request(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        scrubber: &Scrubber,
        deadline: Instant,
    ) -> Probe<Reply> {
        self.probe(url, &PendingRequest::new(Message::Once(method), headers, scrubber, deadline))
            .await
    }

    /// The certificates that the host of `url` presented, also when they were not accepted.
    pub fn chain(&self, url: &str) -> Option<Chain> {
        self.recorder.chain(&host_of(&Url::parse(url).ok()?))
    }

    /// The addresses of the host of `url`, as far as this client resolved it; the refused ones
    /// too.
    pub fn addresses(&self, url: &str) -> Vec<IpAddr> {
        match Url::parse(url) {
            Err(_) => Vec::new(),
            Ok(url) => match url.host() {
                Some(Host::Ipv4(address)) => vec![address.into()],
                Some(Host::Ipv6(address)) => vec![address.into()],
                _ => self.resolver.seen(&host_of(&url)),
            },
        }
    }

    async fn probe(&self, url: &str, request: &PendingRequest<'_>) -> Probe<Reply> {
        let begun = Instant::now();
        let parsed = Url::parse(url);
        let outcome = match &parsed {
            Err(error) => Err((FailureKind::BadUrl, error.to_string())),
            Ok(url) => match timeout_at(request.deadline, self.ask(url, request)).await {
                Err(_) | Ok(Err((FailureKind::Timeout, _))) => {
                    Err((self.too_late(url), self.waited_for(url, begun)))
                }
                Ok(outcome) => outcome,
            },
        };
        let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match outcome {
            Ok(answer) => Probe::Answered { answer, elapsed_ms },
            Err((kind, detail)) => {
                let url = parsed.ok();
                let url = url.as_ref();
                let failure = Failure {
                    kind,
                    host: url.map(host_of).unwrap_or_default(),
                    port: url.and_then(Url::port_or_known_default).unwrap_or_default(),
                    route: url.map(|url| self.route(url, request.scrubber)).unwrap_or_default(),
                    detail: request.scrubber.scrub(&detail),
                    attempts: request.attempts.get(),
                };
                Probe::Failed { failure, elapsed_ms }
            }
        }
    }

    async fn ask(&self, url: &Url, request: &PendingRequest<'_>) -> Result<Reply, Cause> {
        self.check(url, request.deadline).await?;
        let is_get = matches!(request.message, Message::Get);
        let headers = request.header_map()?;
        let mut url = url.clone();
        let mut response = self.send(&url, &headers, request).await?;
        for _ in 0..MAX_REDIRECTS {
            match redirect_on_host(&url, &response) {
                Some(next) if is_get => url = next,
                _ => break,
            }
            response = self.send(&url, &headers, request).await?;
        }
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let raw = self.read(&url, response).await?;
        let answer = answer::answer(&url, status, &headers, &raw, request.scrubber)
            .ok_or_else(|| (FailureKind::TooLarge, answer::TOO_MANY_VALUES.to_owned()))?;
        let route = self.route(&url, request.scrubber);
        Ok(Reply { answer: Answer { route, attempts: request.attempts.get(), ..answer }, raw })
    }

    /// Refuses what must not be requested, before anything is sent.
    async fn check(&self, url: &Url, deadline: Instant) -> Result<(), Cause> {
        let bad = |why: &str| Err((FailureKind::BadUrl, why.to_owned()));
        if !matches!(url.scheme(), "http" | "https") {
            return bad("not an http or https URL");
        }
        if url.scheme() == "https" && !is_server_name(url) {
            return bad("not a valid host name");
        }
        let proxy = self.proxies.for_url(url);
        if let Some((fault, problem)) = proxy.and_then(Proxy::fault) {
            return Err((FailureKind::Proxy { fault }, problem.to_owned()));
        }
        let guard = &self.guard;
        if guard.is_for_issuers() {
            if url.scheme() != "https" {
                return bad("not an https URL");
            }
            if url.fragment().is_some() {
                return bad("the URL holds a fragment");
            }
            if !url.username().is_empty() || url.password().is_some() {
                return bad("the URL holds credentials");
            }
        }
        let refused = |refused| (FailureKind::AddressRefused, format!("{refused}"));
        guard.check_literal(url).map_err(refused)?;
        if let (Some(_), Some(Host::Domain(name))) = (proxy, url.host())
            && guard.judges_names_behind_proxies()
            && let limit = LOOKUP.min(left(deadline) / 4)
            && let Ok(Ok(addresses)) = timeout(limit, self.resolver.lookup(name)).await
        {
            guard.check_all(url, &addresses).map_err(refused)?;
        }
        Ok(())
    }

    async fn send(
        &self,
        url: &Url,
        headers: &HeaderMap,
        request: &PendingRequest<'_>,
    ) -> Result<Response, Cause> {
        let proxy = self.proxies.for_url(url);
        let client = match proxy {
            Some(_) => &self.proxied,
            None if self.guard.knows(url) => &self.known,
            None => &self.direct,
        };
        let mut sent = request.request(client, url).headers(headers.clone()).send().await;
        if let Some(pause) = request.pause(sent.as_ref()) {
            sleep(pause).await;
            request.attempts.update(|attempts| attempts + 1);
            sent = request.request(client, url).headers(headers.clone()).send().await;
        }
        let response = match sent {
            Ok(response) => response,
            Err(error) => {
                let cause = self.cause(&error, url);
                return Err(self.tunnelled(cause, url, request.scrubber).await);
            }
        };
        // Of an https request the proxy's own answer never gets here: it fails the tunnel.
        if let Some(proxy) = proxy.filter(|_| url.scheme() == "http")
            && response.status().as_u16() == 407
        {
            let fault = proxy_refusal::credentials(response.headers(), proxy.has_credentials());
            return Err((FailureKind::Proxy { fault }, "status 407".into()));
        }
        Ok(response)
    }

    async fn read(&self, url: &Url, mut response: Response) -> Result<Zeroizing<Vec<u8>>, Cause> {
        let mut body = Zeroizing::new(Vec::with_capacity(BUFFER));
        while let Some(chunk) = response.chunk().await.map_err(|e| self.cause(&e, url))? {
            if body.len() + chunk.len() > BODY_CAP {
                return Err((FailureKind::TooLarge, "more than 1 MiB".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn cause(&self, error: &reqwest::Error, url: &Url) -> Cause {
        let proxy = self.proxies.for_url(url).and_then(Proxy::url);
        failure::cause(error, url, proxy, &self.recorder)
    }

    /// How a request goes without the secrets: a token may stand where a proxy's name belongs.
    fn route(&self, url: &Url, scrubber: &Scrubber) -> Box<Route> {
        let mut route = self.proxies.route(url);
        for text in [&mut route.proxy, &mut route.near_exception].into_iter().flatten() {
            *text = scrubber.scrub(text);
        }
        Box::new(route)
    }

    /// A cause, with what the proxy says where it opened no tunnel.
    async fn tunnelled(&self, cause: Cause, url: &Url, scrubber: &Scrubber) -> Cause {
        let (FailureKind::Proxy { fault: ProxyFault::Other }, Some(proxy)) =
            (&cause.0, self.proxies.for_url(url))
        else {
            return cause;
        };
        let refusal = match proxy_refusal::ask(proxy, url, &self.tls).await {
            Ok(Some(refusal)) => refusal,
            Ok(None) => return cause,
            Err(fault) => return (FailureKind::Proxy { fault }, cause.1),
        };
        let proxy_refusal::Refusal { status, headers, body } = refusal;
        let (body, location) = match answer::answer(url, status, &headers, &body, scrubber) {
            Some(answer) => (answer.body, answer.location),
            None => (Body::Empty, None),
        };
        let fault = match (status, body) {
            (407, _) => proxy_refusal::credentials(&headers, proxy.has_credentials()),
            (_, Body::Html(title)) => ProxyFault::Refused { status, title, location },
            _ => ProxyFault::Refused { status, title: None, location },
        };
        (FailureKind::Proxy { fault }, format!("status {status} to CONNECT"))
    }

    /// Which server caused a timeout. A proxy that opened a tunnel did not.
    fn too_late(&self, url: &Url) -> FailureKind {
        let straight = url.scheme() == "https" && self.chain(url.as_str()).is_some();
        match self.proxies.for_url(url) {
            Some(_) if !straight => FailureKind::Proxy { fault: ProxyFault::Timeout },
            _ => FailureKind::Timeout,
        }
    }

    /// Says how far a request came that ran into its deadline.
    fn waited_for(&self, url: &Url, begun: Instant) -> String {
        let direct = self.proxies.for_url(url).is_none();
        let is_name = matches!(url.host(), Some(Host::Domain(_)));
        let what = if direct && is_name && self.addresses(url.as_str()).is_empty() {
            "the name was not resolved"
        } else if url.scheme() == "https" && self.chain(url.as_str()).is_none() {
            "no TLS connection came about"
        } else {
            "no complete answer came"
        };
        format!("{what} within {:.1} s", begun.elapsed().as_secs_f64())
    }
}

/// Whether a TLS certificate could be for this host at all; the libraries below report that late
/// and as a failed connection.
fn is_server_name(url: &Url) -> bool {
    ServerName::try_from(host_of(url)).is_ok()
}

/// Where a redirect leads, if that is the same scheme, host and port.
fn redirect_on_host(url: &Url, response: &Response) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    let next = url.join(std::str::from_utf8(location.as_bytes()).ok()?).ok()?;
    let plain = next.username().is_empty() && next.password().is_none();
    (plain && next.origin() == url.origin()).then_some(next)
}
