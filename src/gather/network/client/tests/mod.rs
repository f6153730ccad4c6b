//! The client against small servers on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod dns;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Mutex;

use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::evidence::{Body, CertificateProblem};

/// Runs a test with the kind of runtime that the program has.
fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn pem(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// A server certificate and the authority that issued it.
struct Identity {
    root: String,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn identity(names: &[&str], adjust: impl FnOnce(&mut CertificateParams)) -> Identity {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Test CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().unwrap();
    let root = params.self_signed(&root_key).unwrap();
    let issuer = Issuer::new(params, root_key);
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    adjust(&mut params);
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, &issuer).unwrap();
    Identity {
        root: pem(root.der()),
        chain: vec![leaf.der().clone()],
        key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    }
}

/// A self-signed authority certificate, as `openssl req -x509` makes it.
fn self_signed(names: &[&str], adjust: impl FnOnce(&mut CertificateParams)) -> Identity {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    adjust(&mut params);
    let key = KeyPair::generate().unwrap();
    let leaf = params.self_signed(&key).unwrap();
    Identity {
        root: pem(leaf.der()),
        chain: vec![leaf.der().clone()],
        key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    }
}

const NAMES: &[&str] = &["localhost", "127.0.0.1"];

/// Serves TLS with a certificate; `respond` gets each request's text and gives the answer's bytes.
async fn serve(
    identity: &Identity,
    respond: impl Fn(&str) -> Vec<u8> + 'static + Send + Sync,
) -> u16 {
    let config = rustls::ServerConfig::builder_with_provider(
        rustls::crypto::aws_lc_rs::default_provider().into(),
    )
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(identity.chain.clone(), identity.key.clone_key())
    .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            // The client hangs up on certificates that it does not like.
            let Ok(mut stream) = acceptor.accept(tcp).await else { continue };
            let mut buffer = vec![0; 64 << 10];
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            let mut request = String::from_utf8_lossy(&buffer[..read]).into_owned();
            if request.starts_with("POST") && request.ends_with("\r\n\r\n") {
                let read = stream.read(&mut buffer).await.unwrap_or(0);
                request.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
            let _ = stream.write_all(&respond(&request)).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

fn ok(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn client(root: &str, options: ClientOptions) -> Client {
    Client::new(&Roots::load(Some(root.as_bytes()), Duration::from_secs(60)).unwrap(), options)
        .unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

async fn get(client: &Client, url: &str) -> Probe<Answer> {
    client.get(url, &[], &Scrubber::default(), soon()).await
}

async fn kind(client: &Client, url: &str) -> FailureKind {
    let probe = get(client, url).await;
    probe.failure().unwrap_or_else(|| panic!("answered: {probe:?}")).kind.clone()
}

#[test]
fn trusted_server_answer_is_recorded() {
    run(async {
        let id = identity(NAMES, |_| {});
        let port = serve(&id, |request| {
            assert!(request.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{request}");
            assert!(request.contains(concat!("user-agent: doctor/", env!("CARGO_PKG_VERSION"))));
            assert!(request.contains("authorization: token secret"));
            ok(
                "content-type: text/plain\r\nx-pulumi-request-id: r1\r\nretry-after: 7\r\n\
                 date: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
                r#"{"a":1}"#,
            )
        })
        .await;
        let client = client(&id.root, ClientOptions::default());
        let url = format!("https://localhost:{port}/a?b=c");
        let headers = [("authorization", "token secret")];
        let probe = client.get(&url, &headers, &Scrubber::default(), soon()).await;
        let answer = probe.answer().unwrap_or_else(|| panic!("{probe:?}"));
        assert_eq!(answer.status, 200);
        assert_eq!(answer.url, url.replace("=c", "=…"));
        assert_eq!(answer.body, Body::Json(json!({"a": 1})));
        assert_eq!(answer.content_type.as_deref(), Some("text/plain"));
        assert_eq!(answer.request_id.as_deref(), Some("r1"));
        assert_eq!(answer.retry_after.as_deref(), Some("7"));
        assert!(answer.clock_offset_seconds.unwrap() < -1_000_000_000);
        assert!(client.addresses(&url).contains(&"127.0.0.1".parse().unwrap()));
        let chain = client.chain(&url).unwrap();
        assert!(!chain.publicly_trusted);
        assert_eq!(chain.certificates[0].names, NAMES);
        assert!(chain.certificates[0].issuer.contains("Test CA"));
        assert!(chain.certificates[0].not_after.is_some());
        assert_eq!(chain.certificates[0].sha256.len(), 64);
    });
}

#[test]
fn invalid_certificates_are_refused() {
    use CertificateProblem::{Expired, NotYetValid, SelfSigned, UnknownIssuer, WrongHost};
    let expired = |p: &mut CertificateParams| p.not_after = date_time_ymd(2020, 2, 3);
    let future = |p: &mut CertificateParams| p.not_before = date_time_ymd(2090, 2, 3);
    let other = identity(NAMES, |_| {}).root;
    for (id, root, expected, words) in [
        (identity(NAMES, |_| {}), Some(&other), UnknownIssuer, "Test CA"),
        (identity(NAMES, expired), None, Expired, "2020-02-03"),
        (identity(NAMES, future), None, NotYetValid, "2090-02-03"),
        (identity(&[], |_| {}), None, WrongHost, "names no host"),
        (identity(&["a.test", "b.test"], |_| {}), None, WrongHost, "a.test, b.test"),
        (self_signed(NAMES, |_| {}), Some(&other), SelfSigned, "signed itself"),
        (self_signed(NAMES, expired), None, Expired, "2020-02-03"),
        (self_signed(&["a.test"], |_| {}), None, WrongHost, "a.test"),
    ] {
        run(async {
            let port = serve(&id, |_| ok("", "")).await;
            let url = format!("https://127.0.0.1:{port}/");
            let root = root.unwrap_or(&id.root);
            let strict = client(root, ClientOptions::default());
            let probe = get(&strict, &url).await;
            let failure = probe.failure().unwrap_or_else(|| panic!("{expected:?} accepted"));
            assert_eq!(failure.kind, FailureKind::Certificate { problem: expected });
            assert!(failure.detail.contains(words), "{}", failure.detail);
            assert_eq!((failure.host.as_str(), failure.port), ("127.0.0.1", port));
            assert_eq!(strict.chain(&url).unwrap().certificates.len(), 1, "recorded all the same");
            let lax = client(root, ClientOptions { insecure: true, ..ClientOptions::default() });
            assert_eq!(get(&lax, &url).await.answer().unwrap().status, 200);
            assert!(lax.chain(&url).is_some());
        });
    }
}

#[test]
fn self_signed_root_is_accepted() {
    run(async {
        let id = self_signed(NAMES, |_| {});
        let port = serve(&id, |_| ok("", "")).await;
        let client = client(&id.root, ClientOptions::default());
        let probe = get(&client, &format!("https://localhost:{port}/")).await;
        assert_eq!(probe.answer().unwrap().body, Body::Empty, "{probe:?}");
    });
}

#[test]
fn unanswered_request_has_kind() {
    run(async {
        let client = client(&identity(NAMES, |_| {}).root, ClientOptions::default());
        let closed = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = closed.local_addr().unwrap().port();
        drop(closed);
        let url = format!("https://127.0.0.1:{port}/");
        assert_eq!(kind(&client, &url).await, FailureKind::Connect { refused: true });

        let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("https://127.0.0.1:{}/", silent.local_addr().unwrap().port());
        let deadline = Instant::now() + Duration::from_millis(200);
        let probe = client.get(&url, &[], &Scrubber::default(), deadline).await;
        let failure = probe.failure().unwrap();
        assert_eq!(failure.kind, FailureKind::Timeout);
        assert!(failure.detail.starts_with("no TLS connection came about"), "{}", failure.detail);
        assert!((200..2000).contains(&probe.elapsed_ms()), "{}", probe.elapsed_ms());

        assert_eq!(kind(&client, &format!("http://{}/", unresolvable())).await, FailureKind::Dns);
    });
}

/// Answers every connection with the same bytes, without TLS, and notes what was asked.
async fn serve_plain(answer: &'static [u8]) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut tcp, _): (TcpStream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            let read = tcp.read(&mut buffer).await.unwrap_or(0);
            notes.lock().unwrap().push(String::from_utf8_lossy(&buffer[..read]).into_owned());
            let _ = tcp.write_all(answer).await;
        }
    });
    (address, asked)
}

#[test]
fn non_tls_and_non_http_fail() {
    run(async {
        let client = client(&identity(NAMES, |_| {}).root, ClientOptions::default());
        let (http, _) = serve_plain(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        assert_eq!(kind(&client, &format!("https://{http}/")).await, FailureKind::Tls);
        let (hangs_up, _) = serve_plain(b"").await;
        assert_eq!(kind(&client, &format!("https://{hangs_up}/")).await, FailureKind::Tls);
        let (ssh, _) = serve_plain(b"SSH-2.0-OpenSSH_9\r\n").await;
        assert_eq!(kind(&client, &format!("http://{ssh}/")).await, FailureKind::Protocol);
        let long = format!("https://{}/", unresolvable());
        for url in ["", "https://", "api.pulumi.com", "ftp://a.test/", &long] {
            let probe = get(&client, url).await;
            let failure = probe.failure().unwrap();
            assert_eq!(failure.kind, FailureKind::BadUrl, "{url}");
        }
    });
}

/// A gzip stream of `258 * matches + 1` zeros: one literal, then copies of it
/// (RFC 1951 section 3.2.6, fixed codes), without an end.
fn gzip_zeros(matches: usize) -> Vec<u8> {
    let block = "110".to_owned() + "00110000" + &("11000101".to_owned() + "00000").repeat(matches);
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for bits in block.as_bytes().chunks(8) {
        out.push(bits.iter().enumerate().map(|(i, bit)| (bit - b'0') << i).sum());
    }
    out
}

#[test]
fn oversized_bodies_are_refused() {
    run(async {
        let id = identity(NAMES, |_| {});
        let port = serve(&id, |request| match request.split(' ').nth(1).unwrap() {
            "/full" => ok("", vec![b'x'; BODY_CAP]),
            "/over" => ok("", vec![b'x'; BODY_CAP + 1]),
            "/bomb" => ok("content-encoding: gzip\r\n", gzip_zeros(8200)),
            "/cut" => ok("content-encoding: gzip\r\n", gzip_zeros(10)),
            "/short" => b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx".to_vec(),
            _ => ok("content-type: text/html; charset=utf-8\r\n", "<title>Sign in</title>"),
        })
        .await;
        let client = client(&id.root, ClientOptions::default());
        let url = |path: &str| format!("https://127.0.0.1:{port}/{path}");
        let full = get(&client, &url("full")).await;
        assert_eq!(full.answer().unwrap().body, Body::Text("x".repeat(500)));
        assert_eq!(kind(&client, &url("over")).await, FailureKind::TooLarge);
        assert_eq!(kind(&client, &url("bomb")).await, FailureKind::TooLarge);
        assert_eq!(kind(&client, &url("cut")).await, FailureKind::Protocol);
        assert_eq!(kind(&client, &url("short")).await, FailureKind::Protocol);
        let page = get(&client, &url("page")).await;
        assert_eq!(page.answer().unwrap().body, Body::Html(Some("Sign in".into())));
    });
}

#[test]
fn redirects_stay_on_the_host() {
    fn to(status: u16, location: &str) -> Vec<u8> {
        format!(
            "HTTP/1.1 {status} Moved\r\nconnection: close\r\nlocation: {location}\r\n\
             content-length: 0\r\n\r\n"
        )
        .into_bytes()
    }
    run(async {
        let id = identity(NAMES, |_| {});
        let port = serve(&id, |request| match request.split(' ').nth(1).unwrap() {
            "/near" => to(302, "/end"),
            "/far" => to(302, "https://other.test/end"),
            "/down" => to(301, "http://127.0.0.1/end"),
            "/port" => to(307, "https://127.0.0.1:1/end"),
            "/loop" => to(302, "/loop"),
            _ => ok("", "end"),
        })
        .await;
        let client = client(&id.root, ClientOptions::default());
        let url = |path: &str| format!("https://127.0.0.1:{port}{path}");
        let near = get(&client, &url("/near")).await;
        assert_eq!(near.answer().unwrap().url, url("/end"));
        assert_eq!(near.answer().unwrap().body, Body::Text("end".into()));
        for (path, location) in [
            ("/far", "https://other.test/end"),
            ("/down", "http://127.0.0.1/end"),
            ("/port", "https://127.0.0.1:1/end"),
            ("/loop", "/loop"),
        ] {
            let probe = get(&client, &url(path)).await;
            let answer = probe.answer().unwrap();
            assert_eq!(answer.location.as_deref(), Some(location));
            assert!((300..400).contains(&answer.status));
        }
        let posted =
            client.post_form(&url("/near"), &[], &[("a", "b")], &Scrubber::default(), soon()).await;
        let posted = posted.answer().unwrap_or_else(|| panic!("{:?}", posted.failure()));
        assert_eq!(posted.answer.status, 302, "a form is sent once");
    });
}

#[test]
fn posted_secrets_are_scrubbed_from_answer() {
    run(async {
        let id = identity(NAMES, |_| {});
        let port = serve(&id, |request| {
            assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"));
            assert!(request.ends_with("\r\n\r\ngrant_type=a%3Ab&subject_token=s3cret-token"));
            let body = r#"{"access_token":"opaque","error":"bad s3cret-token"}"#;
            ok("x-pulumi-request-id: s3cret-token\r\n", body)
        })
        .await;
        let client = client(&id.root, ClientOptions::default());
        let scrubber = Scrubber::default();
        scrubber.add("s3cret-token");
        let form = [("grant_type", "a:b"), ("subject_token", "s3cret-token")];
        let url = format!("https://localhost:{port}/api/oauth/token");
        let probe = client.post_form(&url, &[], &form, &scrubber, soon()).await;
        let reply = probe.answer().expect("answered");
        let raw: serde_json::Value = serde_json::from_slice(&reply.raw).unwrap();
        assert_eq!(raw["access_token"], "opaque");
        assert_eq!(
            reply.answer.body,
            Body::Json(json!({"access_token": "[redacted]", "error": "bad [redacted]"}))
        );
        assert_eq!(reply.answer.request_id.as_deref(), Some("[redacted]"));
    });
}

#[test]
fn unsendable_header_is_hidden() {
    run(async {
        let client = client(&identity(NAMES, |_| {}).root, ClientOptions::default());
        let headers = [("authorization", "token a\nb")];
        let probe =
            client.get("https://127.0.0.1:1/", &headers, &Scrubber::default(), soon()).await;
        let failure = probe.failure().unwrap();
        assert_eq!(failure.kind, FailureKind::Protocol);
        assert!(!failure.detail.contains("token a"));
    });
}

/// A name that the system's resolver refuses without asking anyone (a label over 63 bytes,
/// RFC 1035 section 2.3.4), so that the tests need no network.
fn unresolvable() -> String {
    format!("{}.test", "x".repeat(64))
}

fn guarded(ambient: bool, allow_private: bool) -> ClientOptions {
    let guard = Guard::for_issuer(ambient, allow_private, []);
    ClientOptions { guard: Some(guard), ..ClientOptions::default() }
}

#[test]
fn guard_prevents_connections() {
    run(async {
        let id = identity(NAMES, |_| {});
        let (address, asked) = serve_plain(b"").await;
        let port = address.port();
        let client = client(&id.root, guarded(false, false));
        for host in ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "localhost.", "[::1]"] {
            let url = format!("https://{host}:{port}/");
            assert_eq!(kind(&client, &url).await, FailureKind::AddressRefused, "{host}");
        }
        assert_eq!(kind(&client, &format!("http://{address}")).await, FailureKind::BadUrl);
        assert_eq!(kind(&client, "https://a.test/#x").await, FailureKind::BadUrl);
        assert_eq!(kind(&client, "https://u:p@a.test/").await, FailureKind::BadUrl);
        assert!(asked.lock().unwrap().is_empty());
    });
}

#[test]
fn guard_checks_resolved_addresses() {
    run(async {
        let client = client(&identity(NAMES, |_| {}).root, guarded(false, false));
        // Calls the inner client to bypass the check of literal names.
        let url = Url::parse("https://localhost:1/").unwrap();
        let scrubber = Scrubber::default();
        let request = PendingRequest::new(Message::Get, &[], &scrubber, soon());
        let (kind, detail) = client.send(&url, &HeaderMap::new(), &request).await.err().unwrap();
        assert_eq!(kind, FailureKind::AddressRefused);
        assert!(detail.contains("127.0.0.1 (loopback)"), "{detail}");
        assert!(!client.addresses(url.as_str()).is_empty(), "seen, though refused");
    });
}

#[test]
fn guard_allows_permitted_loopback() {
    run(async {
        let id = identity(NAMES, |_| {});
        let port = serve(&id, |_| ok("", "")).await;
        for options in [guarded(true, false), guarded(false, true)] {
            let client = client(&id.root, options);
            let probe = get(&client, &format!("https://localhost:{port}/")).await;
            assert!(probe.answer().is_some(), "{probe:?}");
        }
    });
}

fn through_proxy(proxy: &str) -> Proxies {
    let proxy = proxy.to_owned();
    Proxies::new(move |name| ["HTTP_PROXY", "HTTPS_PROXY"].contains(&name).then(|| proxy.clone()))
}

#[test]
fn proxy_failures_have_their_fault() {
    run(async {
        let root = identity(NAMES, |_| {}).root;
        let client_through = |proxy: &str| {
            client(
                &root,
                ClientOptions { proxies: through_proxy(proxy), ..ClientOptions::default() },
            )
        };
        let (refusing, asked) = serve_plain(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n").await;
        let client = client_through(&format!("http://user:hidden@{refusing}"));
        for url in ["https://name.invalid/", "http://name.invalid/"] {
            let probe = get(&client, url).await;
            let failure = probe.failure().unwrap();
            let fault = ProxyFault::Credentials { sent: true, schemes: Vec::new() };
            assert_eq!(failure.kind, FailureKind::Proxy { fault }, "{failure:?}");
            assert_eq!(failure.route.proxy, Some(format!("http://…@{refusing}")));
            assert_eq!(failure.host, "name.invalid");
        }
        let first = asked.lock().unwrap()[0].to_lowercase();
        assert!(first.starts_with("connect name.invalid:443"), "{first}");
        assert!(first.contains("proxy-authorization: basic "), "{first}");
        let unknown = format!("http://{}:3128", unresolvable());
        for (proxy, fault) in [
            ("http://127.0.0.1:1", ProxyFault::Connect),
            ("socks5://127.0.0.1:1", ProxyFault::Connect),
            (&unknown, ProxyFault::Dns),
        ] {
            let kind = kind(&client_through(proxy), "https://a.test/").await;
            assert_eq!(kind, FailureKind::Proxy { fault }, "{proxy}");
        }
        let (broken, _) = serve_plain(b"HTTP/1.1 502 No\r\n\r\n").await;
        let probe = get(&client_through(&format!("http://{broken}")), "https://a.test/").await;
        let failure = probe.failure().unwrap();
        let fault = ProxyFault::Refused { status: 502, title: None, location: None };
        assert_eq!(failure.kind, FailureKind::Proxy { fault });
        assert_eq!(failure.detail, "status 502 to CONNECT");
    });
}

#[test]
fn https_uses_proxy_tunnel() {
    run(async {
        let id = identity(&["idp.test"], |_| {});
        let port = serve(&id, |_| ok("", "{}")).await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let read = near.read(&mut [0; 4096]).await.unwrap();
                assert!(read > 0);
                near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                tokio::spawn(
                    async move { tokio::io::copy_bidirectional(&mut near, &mut far).await },
                );
            }
        });
        let options = ClientOptions { proxies: through_proxy(&proxy), ..guarded(false, false) };
        let client = client(&id.root, options);
        let probe = get(&client, "https://idp.test/").await;
        assert_eq!(probe.answer().map(|answer| answer.status), Some(200), "{probe:?}");
        assert!(client.chain("https://idp.test/").is_some());
        let probe = get(&client, "https://other.test/").await;
        let failure = probe.failure().unwrap();
        let problem = CertificateProblem::WrongHost;
        assert_eq!(failure.kind, FailureKind::Certificate { problem });
        assert_eq!(failure.route.proxy.as_ref(), Some(&proxy));
    });
}

#[test]
fn one_connection_serves_many_requests() {
    run(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            // Only the first connection is ever answered.
            let (mut tcp, _) = listener.accept().await.unwrap();
            while tcp.read(&mut [0; 4096]).await.unwrap() > 0 {
                tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
            }
        });
        let client = client(&identity(NAMES, |_| {}).root, ClientOptions::default());
        for _ in 0..3 {
            let probe = get(&client, &url).await;
            assert_eq!(probe.answer().unwrap().body, Body::Text("hi".into()));
        }
    });
}

#[test]
fn guard_applies_behind_proxy() {
    run(async {
        let (proxy, asked) = serve_plain(b"HTTP/1.1 502 No\r\ncontent-length: 0\r\n\r\n").await;
        let options = ClientOptions {
            proxies: through_proxy(&format!("http://{proxy}")),
            ..guarded(false, false)
        };
        let client = client(&identity(NAMES, |_| {}).root, options);
        for url in ["https://10.0.0.1/", "https://[::ffff:169.254.169.254]/"] {
            assert_eq!(kind(&client, url).await, FailureKind::AddressRefused, "{url}");
        }
        assert!(asked.lock().unwrap().is_empty());
        // Only the proxy can resolve this name. The proxy itself may have a private address.
        let fault = ProxyFault::Refused { status: 502, title: None, location: None };
        assert_eq!(kind(&client, "https://name.invalid/").await, FailureKind::Proxy { fault });
    });
}
