//! A proxy whose actions a test sets, and a world behind it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{Identity, World};

/// The host name of the issuer, which only the proxy resolves.
pub const ISSUER_NAME: &str = "idp.test";
/// The host name of Pulumi Cloud, which only the proxy resolves.
pub const CLOUD_NAME: &str = "cloud.test";

/// What the proxy does with a request.
#[derive(Clone)]
pub enum ProxyAction {
    /// Opens a tunnel to this server, whatever the requested host is.
    Tunnel(SocketAddr),
    /// Sends these bytes and closes the connection.
    Answer(String),
    /// Never answers.
    Hang,
}

impl ProxyAction {
    /// An answer with a status such as `403 Forbidden`, headers and a body.
    pub fn status(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Answer(format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ))
    }

    /// An answer with a web page.
    pub fn page(status: &str, title: &str) -> Self {
        let page = format!("<!DOCTYPE html><html><head><title>{title}</title></head></html>");
        Self::status(status, "content-type: text/html\r\n", &page)
    }
}

/// A request to a proxy.
#[derive(Debug, Clone)]
pub struct ProxyRequest {
    /// `CONNECT`, or the method of a plain request.
    pub method: String,
    /// `HOST:PORT`, or the URL of a plain request.
    pub target: String,
    /// The proxy credentials of the request.
    pub authorization: Option<String>,
}

/// A proxy on loopback that runs until the test process ends.
pub struct Proxy {
    address: SocketAddr,
    scheme: &'static str,
    requests: Arc<Mutex<Vec<ProxyRequest>>>,
}

impl Proxy {
    /// Starts an HTTP proxy.
    pub fn start(decide: impl Fn(&ProxyRequest) -> ProxyAction + Send + 'static) -> Self {
        Self::serve(None, "http", decide)
    }

    /// Starts an HTTPS proxy.
    pub fn secure(
        identity: Identity,
        decide: impl Fn(&ProxyRequest) -> ProxyAction + Send + 'static,
    ) -> Self {
        let tls = TlsAcceptor::from(identity.server_config().unwrap());
        Self::serve(Some(tls), "https", decide)
    }

    /// Starts a SOCKS5 proxy (RFC 1928) that resolves names and accepts no credentials.
    pub fn socks(decide: impl Fn(&ProxyRequest) -> ProxyAction + Send + 'static) -> Self {
        Self::serve(None, "socks5", decide)
    }

    /// Starts an HTTP proxy with the same action for all requests.
    pub fn always(action: ProxyAction) -> Self {
        Self::start(move |_| action.clone())
    }

    fn serve(
        tls: Option<TlsAcceptor>,
        scheme: &'static str,
        decide: impl Fn(&ProxyRequest) -> ProxyAction + Send + 'static,
    ) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&requests);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        thread::spawn(move || {
            let local = tokio::task::LocalSet::new();
            let decide = std::rc::Rc::new(decide);
            local.block_on(&runtime, async move {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (tls, recorded, decide) =
                        (tls.clone(), Arc::clone(&recorded), decide.clone());
                    tokio::task::spawn_local(async move {
                        let decide = |request: ProxyRequest| {
                            let action = decide(&request);
                            recorded.lock().unwrap().push(request);
                            action
                        };
                        // An error of a client ends its connection, not the proxy.
                        match (tls, scheme) {
                            (Some(tls), _) => {
                                serve_http(tls.accept(stream).await.ok()?, decide).await
                            }
                            (None, "socks5") => serve_socks(stream, decide).await,
                            (None, _) => serve_http(stream, decide).await,
                        }
                    });
                }
            });
        });
        Self { address, scheme, requests }
    }

    /// The URL: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The URL with credentials, which are written unchanged.
    pub fn url_with_credentials(&self, credentials: &str) -> String {
        format!("{}://{credentials}@{}", self.scheme, self.address)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<ProxyRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// Whether a request for this host was received.
    pub fn was_asked_for(&self, host: &str) -> bool {
        self.requests().iter().any(|request| request.target.contains(host))
    }
}

async fn serve_http(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    decide: impl Fn(ProxyRequest) -> ProxyAction,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let authorization = lines.find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization").then(|| value.to_owned())
    });
    let request = ProxyRequest { method: words.next()?, target: words.next()?, authorization };
    match decide(request) {
        ProxyAction::Tunnel(server) => {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok()?;
            tunnel(client, server).await
        }
        ProxyAction::Answer(answer) => {
            client.write_all(answer.as_bytes()).await.ok()?;
            client.shutdown().await.ok()
        }
        ProxyAction::Hang => std::future::pending().await,
    }
}

async fn serve_socks(
    mut client: TcpStream,
    decide: impl Fn(ProxyRequest) -> ProxyAction,
) -> Option<()> {
    let mut greeting = [0; 2];
    client.read_exact(&mut greeting).await.ok()?;
    client.read_exact(&mut vec![0; usize::from(greeting[1])]).await.ok()?;
    client.write_all(&[5, 0]).await.ok()?;
    let mut request = [0; 5];
    client.read_exact(&mut request).await.ok()?;
    assert_eq!(request[..4], [5, 1, 0, 3], "CONNECT to a name, which the proxy resolves");
    let mut name = vec![0; usize::from(request[4])];
    client.read_exact(&mut name).await.ok()?;
    let port = client.read_u16().await.ok()?;
    let target = format!("{}:{port}", String::from_utf8(name).unwrap());
    let request = ProxyRequest { method: "CONNECT".to_owned(), target, authorization: None };
    let answer = |code| [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
    match decide(request) {
        ProxyAction::Tunnel(server) => {
            client.write_all(&answer(0)).await.ok()?;
            tunnel(client, server).await
        }
        // "Connection not allowed by ruleset".
        ProxyAction::Answer(_) => client.write_all(&answer(2)).await.ok(),
        ProxyAction::Hang => std::future::pending().await,
    }
}

async fn tunnel(mut client: impl AsyncRead + AsyncWrite + Unpin, server: SocketAddr) -> Option<()> {
    let mut server = TcpStream::connect(server).await.ok()?;
    copy_bidirectional(&mut client, &mut server).await.ok()?;
    Some(())
}

/// The socket address in the URL of a loopback server.
fn address(url: &str) -> SocketAddr {
    let url = url::Url::parse(url).unwrap();
    *url.socket_addrs(|| None).unwrap().first().unwrap()
}

impl World {
    /// Moves the issuer to `https://idp.test`, which only a proxy with [`Self::tunnels`] resolves.
    /// Such a proxy also resolves `https://cloud.test`.
    pub fn behind_proxy(mut self) -> Self {
        let path = self.issuer.url().splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        let url = format!("https://{ISSUER_NAME}/{path}").trim_end_matches('/').to_owned();
        let mut document = self.issuer.discovery();
        document["issuer"] = json!(url);
        document["jwks_uri"] = json!(format!("https://{ISSUER_NAME}{}", self.issuer.jwks_path()));
        let discovery = super::Response::json(200, &document);
        self.issuer.answer(&self.issuer.discovery_path(), discovery);
        self.cloud.change_registration(|registration| {
            registration["url"] = json!(url);
            registration["issuer"] = json!(url);
        });
        self.shape.claims["iss"] = json!(url);
        self
    }

    /// The actions of a proxy that tunnels to the issuer and Pulumi Cloud.
    pub fn tunnels(&self) -> impl Fn(&ProxyRequest) -> ProxyAction + Send + 'static {
        let (issuer, cloud) = (address(self.issuer.url()), address(self.cloud.url()));
        move |request| match request.target.as_str() {
            "idp.test:443" => ProxyAction::Tunnel(issuer),
            "cloud.test:443" => ProxyAction::Tunnel(cloud),
            _ => ProxyAction::status("502 Bad Gateway", "", ""),
        }
    }
}
