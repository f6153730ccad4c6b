//! An HTTPS server that runs in its own thread.

use std::any::Any;
use std::net::{Ipv4Addr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ProtocolVersion;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Error, Identity};

/// The ALPN name of HTTP/2 (RFC 9113 section 3.2).
const HTTP2: &[u8] = b"h2";

/// A request as the handler gets it. Has no `Debug`: it may hold a token.
#[derive(Clone)]
pub struct Request {
    /// The method in upper case.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// The headers in order, with names in lower case. A header whose value is not text is left
    /// out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The server's own URL, for responses that contain it.
    pub origin: String,
}

impl Request {
    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A connection whose TLS handshake succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The TLS version.
    pub tls: Option<ProtocolVersion>,
    /// Whether client and server agreed on HTTP/2.
    pub is_http2: bool,
}

/// A one-time event that responses can wait for, so that a test can order requests without a clock.
#[derive(Debug, Clone)]
pub struct Event(Arc<Semaphore>);

impl Default for Event {
    /// An event that has not happened yet.
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Event {
    /// Marks the event as happened, which releases the responses that wait for it.
    pub fn trigger(&self) {
        self.0.close();
    }

    async fn wait(&self) {
        // The semaphore has no permits: this returns, with an error, once it is closed.
        let _ = self.0.acquire().await;
    }
}

/// The response to a request.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers. The server adds a `date` with the current time unless there is one.
    pub headers: Vec<(String, String)>,
    /// The body, which is sent unchanged.
    pub body: Vec<u8>,
    /// How long the server waits before it responds.
    pub delay: Duration,
    /// The event that the server waits for before it responds.
    pub awaited: Option<Event>,
}

impl Response {
    /// A response with a body of this content type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into(), delay: Duration::ZERO, awaited: None }
    }

    /// A response with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Delays the response.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Holds the response back until an event has happened.
    pub fn after_event(mut self, event: &Event) -> Self {
        self.awaited = Some(event.clone());
        self
    }
}

/// An HTTPS server on 127.0.0.1, at a port that the system chooses. It speaks HTTP/2 with clients
/// that offer it in the handshake (ALPN, RFC 7301), else HTTP/1.1. Dropping it stops it, and
/// resumes a panic of its handler, so that the panic is not taken for a response.
pub struct Server {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    origin: String,
    handler: Box<dyn Fn(&Request) -> Response + Send + Sync>,
    requests: Mutex<Vec<Request>>,
    connections: Mutex<Vec<Connection>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Server {
    /// Starts a server.
    ///
    /// # Errors
    /// No port or thread is available, or the identity's key and certificate do not match.
    pub fn start(
        identity: Identity,
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Self::start_with_protocols(&[HTTP2, b"http/1.1"], identity, handler)
    }

    /// Starts a server that speaks only HTTP/1.1 and does not use ALPN.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_http1(
        identity: Identity,
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Self::start_with_protocols(&[], identity, handler)
    }

    fn start_with_protocols(
        protocols: &[&[u8]],
        identity: Identity,
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let mut tls = Arc::unwrap_or_clone(identity.server_config()?);
        tls.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            origin: format!("https://{}", listener.local_addr()?),
            handler: Box::new(handler),
            requests: Mutex::default(),
            connections: Mutex::default(),
            panic: Mutex::default(),
        });

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let server = serve(listener, TlsAcceptor::from(Arc::new(tls)), Arc::clone(&shared));
        let thread = thread::Builder::new().name("loopback".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = server => {}
                }
            });
        })?;
        Ok(Self { shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The server's URL, without a trailing slash: `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.shared.origin
    }

    /// The requests that the server has received so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// The connections so far whose handshake succeeded.
    pub fn connections(&self) -> Vec<Connection> {
        lock(&self.shared.connections).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It fails if the thread has ended already.
            let _ = stop.send(());
        }
        let thread_panic = self.thread.take().and_then(|thread| thread.join().err());
        let handler_panic = lock(&self.shared.panic).take();
        if let Some(payload) = handler_panic.or(thread_panic)
            && !thread::panicking()
        {
            resume_unwind(payload);
        }
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // If file descriptors run out, a loop without a pause would never let the server stop.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            // An error of a client ends its connection, not the server.
            if let Ok(stream) = tls.accept(stream).await {
                serve_connection(stream, shared).await;
            }
        });
    }
}

async fn serve_connection(stream: TlsStream<TcpStream>, shared: Arc<Shared>) {
    let tls = &stream.get_ref().1;
    let is_http2 = tls.alpn_protocol() == Some(HTTP2);
    lock(&shared.connections).push(Connection { tls: tls.protocol_version(), is_http2 });
    let stream = TokioIo::new(stream);
    let service = service_fn(move |request| handle_request(Arc::clone(&shared), request));
    let _ = if is_http2 {
        http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await
    } else {
        http1::Builder::new().serve_connection(stream, service).await
    };
}

async fn handle_request(
    shared: Arc<Shared>,
    request: hyper::Request<Incoming>,
) -> hyper::Result<hyper::Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    // A request whose body is incomplete is not recorded.
    let body = body.collect().await?.to_bytes().to_vec();
    let headers = head.headers.iter().filter_map(|(name, value)| {
        value.to_str().ok().map(|value| (name.as_str().to_owned(), value.to_owned()))
    });
    let request = Request {
        method: head.method.as_str().to_owned(),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: headers.collect(),
        body,
        origin: shared.origin.clone(),
    };
    lock(&shared.requests).push(request.clone());

    let response = catch_unwind(AssertUnwindSafe(|| (shared.handler)(&request)));
    let response = response.unwrap_or_else(|payload| {
        lock(&shared.panic).get_or_insert(payload);
        Response::new(500, "text/plain", "the handler panicked")
    });
    tokio::time::sleep(response.delay).await;
    if let Some(event) = &response.awaited {
        event.wait().await;
    }

    let mut builder = hyper::Response::builder().status(response.status);
    for (name, value) in &response.headers {
        builder = builder.header(name, value);
    }
    Ok(builder.body(Full::from(response.body)).unwrap_or_else(|error| {
        lock(&shared.panic).get_or_insert(Box::new(format!("not an HTTP answer: {error}")));
        hyper::Response::default()
    }))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use serde_json::json;

    use super::*;
    use crate::loopback::{Authority, testing};

    #[test]
    fn loopback_server_answers_request() {
        let authority = Authority::new().unwrap();
        let identity = authority.issue(&["127.0.0.1"]).unwrap();
        let server = Server::start(identity, |request| {
            let seen = json!([request.method, request.target, request.path(), request.origin]);
            Response::json(418, &seen).header("retry-after", "7")
        })
        .unwrap();

        let (status, headers, body) = testing::block_on(async {
            let request = testing::client(&authority.pem()).post(format!("{}/a?b=c", server.url()));
            let answer = request.header("X-Test", "yes").body("hello").send().await.unwrap();
            (answer.status(), answer.headers().clone(), answer.text().await.unwrap())
        });
        assert_eq!(status, 418);
        assert_eq!(headers["retry-after"], "7");
        assert!(headers.contains_key("date"));
        assert_eq!(body, json!(["POST", "/a?b=c", "/a", server.url()]).to_string());

        let requests = server.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].header("x-test"), Some("yes"));
        assert_eq!(requests[0].body, b"hello");
    }

    #[test]
    fn client_refuses_untrusted_certificates() {
        let authority = Authority::new().unwrap();
        let names = &["127.0.0.1"];
        let cases = [
            (authority.issue(names).unwrap(), true),
            (authority.issue(&["elsewhere.test"]).unwrap(), false),
            (authority.issue_expired(names).unwrap(), false),
            (Identity::self_signed(names).unwrap(), false),
            (Authority::new().unwrap().issue(names).unwrap(), false),
        ];
        for (index, (identity, trusted)) in cases.into_iter().enumerate() {
            let server = Server::start(identity, |_| Response::new(200, "text/plain", "")).unwrap();
            let answer =
                testing::block_on(testing::client(&authority.pem()).get(server.url()).send());
            assert_eq!(answer.is_ok(), trusted, "case {index}: {answer:?}");
            assert_eq!(server.requests().len(), usize::from(trusted), "case {index}");
        }
    }

    #[test]
    fn delayed_response_does_not_block_drop() {
        let authority = Authority::new().unwrap();
        let identity = authority.issue(&["127.0.0.1"]).unwrap();
        let server = Server::start(identity, |_| {
            Response::new(200, "text/plain", "late").after(Duration::from_secs(600))
        })
        .unwrap();
        let limit = Duration::from_millis(300);
        let request = testing::client(&authority.pem()).get(server.url()).timeout(limit);
        let answer = testing::block_on(async { request.send().await });
        assert!(answer.unwrap_err().is_timeout());
        let started = std::time::Instant::now();
        drop(server);
        assert!(started.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn handler_panic_resumes_on_drop() {
        let authority = Authority::new().unwrap();
        let identity = authority.issue(&["127.0.0.1"]).unwrap();
        let server = Server::start(identity, |_| panic!("asked for it")).unwrap();
        let answer = testing::block_on(testing::client(&authority.pem()).get(server.url()).send());
        assert_eq!(answer.unwrap().status(), 500);
        let payload = catch_unwind(AssertUnwindSafe(|| drop(server))).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"asked for it"));
    }
}
