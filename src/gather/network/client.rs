//! The HTTP client of the probes: one kept-alive connection per host, a deadline per request,
//! capped bodies, redirects on the same host only, and evidence instead of errors.

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

pub use crate::gather::network::answer::classify_body;
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

/// The most that is read of a body, in bytes after decompression (product contract, section 6).
const BODY_CAP: usize = 1 << 20;
/// How many unread bytes an HTTP/2 server may send.
const WINDOW: u32 = 1 << 20;
/// The most redirects to follow, all on the same host.
const MAX_REDIRECTS: usize = 5;
/// How long connecting may take, with TLS, for all addresses of a host together. If less time
/// remains, two thirds of that.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the guard may resolve a name that a proxy will resolve again. If less than four times
/// this remains, a quarter of that.
const LOOKUP: Duration = Duration::from_secs(2);
/// Larger than a token response, in bytes, so that the buffer never grows and leaves a copy.
const BUFFER: usize = 64 << 10;
const USER_AGENT: &str = concat!("doctor/", env!("CARGO_PKG_VERSION"));

/// Options of a [`Client`].
#[derive(Default)]
pub struct ClientOptions {
    /// Accept any certificate (`--insecure`).
    pub insecure: bool,
    /// The address guard, for URLs from a token or a project file. The guard for issuers permits
    /// only `https` URLs without a fragment. Without a guard, only metadata services are refused.
    pub guard: Option<Guard>,
    /// The proxies of the environment.
    pub proxies: Proxies,
    /// When all requests have to be done.
    pub deadline: Option<Instant>,
}

/// An HTTP client for one party (the issuer, or Pulumi Cloud). It needs a tokio runtime with
/// I/O and time.
pub struct Client {
    direct: reqwest::Client,
    /// For the guard's known origins, which may have private addresses. Shares no connections with
    /// `direct`.
    known_origins: reqwest::Client,
    /// Separate from `direct`, since it resolves the proxy's name, which no guard checks.
    proxied: reqwest::Client,
    proxies: Arc<Proxies>,
    guard: Arc<Guard>,
    resolver: Resolver,
    recorder: Arc<Recorder>,
    tls: ClientConfig,
}

/// An answer together with its raw body.
pub struct Reply {
    /// The answer, without secrets.
    pub answer: Answer,
    /// The raw body, which may hold an access token. Wiped when dropped.
    pub raw: Zeroizing<Vec<u8>>,
}

impl Client {
    /// A client that trusts `roots`.
    ///
    /// # Errors
    /// A description, if the TLS library cannot be set up.
    pub fn new(roots: &Roots, options: ClientOptions) -> Result<Self, String> {
        Self::with_lookup(roots, options, guard::system_lookup())
    }

    /// [`Self::new`] with another way to resolve names.
    fn with_lookup(
        roots: &Roots,
        options: ClientOptions,
        lookup: guard::Lookup,
    ) -> Result<Self, String> {
        let (mut tls, recorder) = client_config(roots, options.insecure)?;
        if options.guard.is_some() {
            // HTTP/2 brings nothing for two small answers, and would let a hostile server flood
            // this thread with frames.
            tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        let guard = Arc::new(options.guard.unwrap_or_else(Guard::for_named_urls));
        let resolver = Resolver::new(Arc::clone(&guard), lookup);
        let connect = options.deadline.map_or(CONNECT, |by| CONNECT.min(left(by) * 2 / 3));
        let proxies = Arc::new(options.proxies);
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(USER_AGENT)
                .redirect(redirect::Policy::none())
                // The exchange must be sent at most once.
                .retry(reqwest::retry::never())
                .connect_timeout(connect)
                // Never buffer more than one full answer.
                .http2_initial_stream_window_size(WINDOW)
                .http2_initial_connection_window_size(WINDOW)
                .no_proxy()
        };
        let chosen = Arc::clone(&proxies);
        let proxy = reqwest::Proxy::custom(move |url| chosen.for_url(url)?.url().cloned());
        let built = |builder: reqwest::ClientBuilder| builder.build().map_err(|e| e.to_string());
        let direct = built(builder().dns_resolver(resolver.clone()))?;
        let known_origins = match guard.has_known_origins() {
            true => built(builder().dns_resolver(resolver.for_known()))?,
            false => direct.clone(),
        };
        Ok(Self {
            direct,
            known_origins,
            proxied: built(builder().proxy(proxy))?,
            proxies,
            guard,
            resolver,
            recorder,
            tls,
        })
    }

    /// Sends a GET with extra `headers`, and retries once if that may help ([`retry`]). Ends by
    /// `deadline`. Follows redirects on the same scheme, host and port. Any other redirect is the
    /// answer. `scrubber` knows the secrets that a server might echo.
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

    /// Sends a request without a body, once, following no redirect, because the answer holds a
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

    /// The certificates that the host of `url` presented, even if they were not accepted.
    pub fn chain(&self, url: &str) -> Option<Chain> {
        self.recorder.chain(&host_of(&Url::parse(url).ok()?))
    }

    /// The addresses that this client resolved for the host of `url`, refused ones included.
    pub fn addresses(&self, url: &str) -> Vec<IpAddr> {
        match Url::parse(url) {
            Err(_) => Vec::new(),
            Ok(url) => match url.host() {
                Some(Host::Ipv4(address)) => vec![address.into()],
                Some(Host::Ipv6(address)) => vec![address.into()],
                _ => self.resolver.resolved_addresses(&host_of(&url)),
            },
        }
    }

    async fn probe(&self, url: &str, request: &PendingRequest<'_>) -> Probe<Reply> {
        let started = Instant::now();
        let parsed = Url::parse(url);
        let outcome = match &parsed {
            Err(error) => Err((FailureKind::BadUrl, error.to_string())),
            Ok(url) => {
                match timeout_at(request.deadline, self.request_following_redirects(url, request))
                    .await
                {
                    Err(_) | Ok(Err((FailureKind::Timeout, _))) => {
                        Err((self.timeout_kind(url), self.timeout_detail(url, started)))
                    }
                    Ok(outcome) => outcome,
                }
            }
        };
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
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

    async fn request_following_redirects(
        &self,
        url: &Url,
        request: &PendingRequest<'_>,
    ) -> Result<Reply, Cause> {
        self.check_url(url, request.deadline).await?;
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
        let raw = self.read_body(&url, response).await?;
        let answer = answer::answer_evidence(&url, status, &headers, &raw, request.scrubber)
            .ok_or_else(|| (FailureKind::TooLarge, answer::TOO_MANY_VALUES.to_owned()))?;
        let route = self.route(&url, request.scrubber);
        Ok(Reply { answer: Answer { route, attempts: request.attempts.get(), ..answer }, raw })
    }

    /// Refuses URLs that must not be requested, before anything is sent.
    async fn check_url(&self, url: &Url, deadline: Instant) -> Result<(), Cause> {
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
            && guard.checks_names_behind_proxies()
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
            None if self.guard.is_known_origin(url) => &self.known_origins,
            None => &self.direct,
        };
        let mut sent = request.builder(client, url).headers(headers.clone()).send().await;
        if let Some(pause) = request.retry_pause(sent.as_ref()) {
            sleep(pause).await;
            request.attempts.update(|attempts| attempts + 1);
            sent = request.builder(client, url).headers(headers.clone()).send().await;
        }
        let response = match sent {
            Ok(response) => response,
            Err(error) => {
                let cause = self.failure_cause(&error, url);
                return Err(self.with_proxy_refusal(cause, url, request.scrubber).await);
            }
        };
        // For https, a proxy's own answer fails the tunnel and never arrives here.
        if let Some(proxy) = proxy.filter(|_| url.scheme() == "http")
            && response.status().as_u16() == 407
        {
            let fault =
                proxy_refusal::credentials_fault(response.headers(), proxy.has_credentials());
            return Err((FailureKind::Proxy { fault }, "status 407".into()));
        }
        Ok(response)
    }

    async fn read_body(
        &self,
        url: &Url,
        mut response: Response,
    ) -> Result<Zeroizing<Vec<u8>>, Cause> {
        let mut body = Zeroizing::new(Vec::with_capacity(BUFFER));
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failure_cause(&e, url))? {
            if body.len() + chunk.len() > BODY_CAP {
                return Err((FailureKind::TooLarge, "more than 1 MiB".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn failure_cause(&self, error: &reqwest::Error, url: &Url) -> Cause {
        let proxy = self.proxies.for_url(url).and_then(Proxy::url);
        failure::failure_cause(error, url, proxy, &self.recorder)
    }

    /// The route of a request, without secrets: a proxy variable may hold a token.
    fn route(&self, url: &Url, scrubber: &Scrubber) -> Box<Route> {
        let mut route = self.proxies.route(url);
        for text in [&mut route.proxy, &mut route.near_exception].into_iter().flatten() {
            *text = scrubber.scrub(text);
        }
        Box::new(route)
    }

    /// Adds the proxy's answer to a failure if it opened no tunnel.
    async fn with_proxy_refusal(&self, cause: Cause, url: &Url, scrubber: &Scrubber) -> Cause {
        let (FailureKind::Proxy { fault: ProxyFault::Other }, Some(proxy)) =
            (&cause.0, self.proxies.for_url(url))
        else {
            return cause;
        };
        let refusal = match proxy_refusal::request_tunnel(proxy, url, &self.tls).await {
            Ok(Some(refusal)) => refusal,
            Ok(None) => return cause,
            Err(fault) => return (FailureKind::Proxy { fault }, cause.1),
        };
        let proxy_refusal::Refusal { status, headers, body } = refusal;
        let (body, location) = match answer::answer_evidence(url, status, &headers, &body, scrubber)
        {
            Some(answer) => (answer.body, answer.location),
            None => (Body::Empty, None),
        };
        let fault = match (status, body) {
            (407, _) => proxy_refusal::credentials_fault(&headers, proxy.has_credentials()),
            (_, Body::Html(title)) => ProxyFault::Refused { status, title, location },
            _ => ProxyFault::Refused { status, title: None, location },
        };
        (FailureKind::Proxy { fault }, format!("status {status} to CONNECT"))
    }

    /// Whether the proxy or the server caused a timeout. A proxy that opened a tunnel did not.
    fn timeout_kind(&self, url: &Url) -> FailureKind {
        let has_tunnel = url.scheme() == "https" && self.chain(url.as_str()).is_some();
        match self.proxies.for_url(url) {
            Some(_) if !has_tunnel => FailureKind::Proxy { fault: ProxyFault::Timeout },
            _ => FailureKind::Timeout,
        }
    }

    /// Describes how far a request got before its deadline.
    fn timeout_detail(&self, url: &Url, started: Instant) -> String {
        let direct = self.proxies.for_url(url).is_none();
        let is_name = matches!(url.host(), Some(Host::Domain(_)));
        let what = if direct && is_name && self.addresses(url.as_str()).is_empty() {
            "the name was not resolved"
        } else if url.scheme() == "https" && self.chain(url.as_str()).is_none() {
            "no TLS connection came about"
        } else {
            "no complete answer came"
        };
        format!("{what} within {:.1} s", started.elapsed().as_secs_f64())
    }
}

/// Whether a TLS certificate can name this host. The libraries report that late, as a failed
/// connection.
fn is_server_name(url: &Url) -> bool {
    ServerName::try_from(host_of(url)).is_ok()
}

/// The target of a redirect, if it has the same scheme, host and port.
fn redirect_on_host(url: &Url, response: &Response) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    let next = url.join(std::str::from_utf8(location.as_bytes()).ok()?).ok()?;
    let plain = next.username().is_empty() && next.password().is_none();
    (plain && next.origin() == url.origin()).then_some(next)
}
