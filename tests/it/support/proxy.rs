//! A proxy that does what a test tells it, and a world that lies behind it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{Identity, World};

/// The issuer's name for the proxy; nobody else knows it.
pub const ISSUER: &str = "idp.test";
/// Pulumi Cloud's.
pub const CLOUD: &str = "cloud.test";

/// What the proxy does with a request.
#[derive(Clone)]
pub enum Say {
    /// Opens a tunnel to this server, whatever host was asked for.
    Tunnel(SocketAddr),
    /// Answers with these bytes and hangs up.
    Answer(String),
    /// Takes the request and says nothing.
    Nothing,
}

impl Say {
    /// An answer without a tunnel: `403 Forbidden`, say, with headers and a body.
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

/// What a proxy was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `CONNECT`, or the method of a plain request.
    pub method: String,
    /// `HOST:PORT`, or the URL of a plain request.
    pub target: String,
    /// The credentials that came with it.
    pub authorization: Option<String>,
}

/// A proxy on loopback. It serves as long as the tests run.
pub struct Proxy {
    address: SocketAddr,
    scheme: &'static str,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Proxy {
    /// An HTTP proxy.
    pub fn start(say: impl Fn(&Asked) -> Say + Send + 'static) -> Self {
        Self::serve(None, "http", say)
    }

    /// A proxy that speaks TLS itself.
    pub fn secure(identity: Identity, say: impl Fn(&Asked) -> Say + Send + 'static) -> Self {
        let tls = TlsAcceptor::from(identity.server_config().unwrap());
        Self::serve(Some(tls), "https", say)
    }

    /// A SOCKS5 proxy (RFC 1928) that takes names and no credentials.
    pub fn socks(say: impl Fn(&Asked) -> Say + Send + 'static) -> Self {
        Self::serve(None, "socks5", say)
    }

    /// A proxy that always does the same.
    pub fn always(say: Say) -> Self {
        Self::start(move |_| say.clone())
    }

    fn serve(
        tls: Option<TlsAcceptor>,
        scheme: &'static str,
        say: impl Fn(&Asked) -> Say + Send + 'static,
    ) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        thread::spawn(move || {
            let local = tokio::task::LocalSet::new();
            let say = std::rc::Rc::new(say);
            local.block_on(&runtime, async move {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (tls, notes, say) = (tls.clone(), Arc::clone(&notes), say.clone());
                    tokio::task::spawn_local(async move {
                        let say = |asked: Asked| {
                            let said = say(&asked);
                            notes.lock().unwrap().push(asked);
                            said
                        };
                        // What a client does wrong ends its connection, not the proxy.
                        match (tls, scheme) {
                            (Some(tls), _) => http(tls.accept(stream).await.ok()?, say).await,
                            (None, "socks5") => socks(stream, say).await,
                            (None, _) => http(stream, say).await,
                        }
                    });
                }
            });
        });
        Self { address, scheme, asked }
    }

    /// Its URL: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Its URL with credentials, as they are written in a variable.
    pub fn url_with(&self, credentials: &str) -> String {
        format!("{}://{credentials}@{}", self.scheme, self.address)
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Whether it was asked for this host.
    pub fn was_asked_for(&self, host: &str) -> bool {
        self.asked().iter().any(|asked| asked.target.contains(host))
    }
}

async fn http(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    say: impl Fn(Asked) -> Say,
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
    let asked = Asked { method: words.next()?, target: words.next()?, authorization };
    match say(asked) {
        Say::Tunnel(server) => {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok()?;
            tunnel(client, server).await
        }
        Say::Answer(answer) => {
            client.write_all(answer.as_bytes()).await.ok()?;
            client.shutdown().await.ok()
        }
        Say::Nothing => std::future::pending().await,
    }
}

async fn socks(mut client: TcpStream, say: impl Fn(Asked) -> Say) -> Option<()> {
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
    let asked = Asked { method: "CONNECT".to_owned(), target, authorization: None };
    let answer = |code| [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
    match say(asked) {
        Say::Tunnel(server) => {
            client.write_all(&answer(0)).await.ok()?;
            tunnel(client, server).await
        }
        // "Connection not allowed by ruleset".
        Say::Answer(_) => client.write_all(&answer(2)).await.ok(),
        Say::Nothing => std::future::pending().await,
    }
}

async fn tunnel(mut client: impl AsyncRead + AsyncWrite + Unpin, server: SocketAddr) -> Option<()> {
    let mut server = TcpStream::connect(server).await.ok()?;
    copy_bidirectional(&mut client, &mut server).await.ok()?;
    Some(())
}

/// The address of a server on loopback, from its URL.
fn address(url: &str) -> SocketAddr {
    let url = url::Url::parse(url).unwrap();
    *url.socket_addrs(|| None).unwrap().first().unwrap()
}

impl World {
    /// Moves the issuer to `https://idp.test`, which only [`Self::way`] knows. Pulumi Cloud is at
    /// `https://cloud.test` as well.
    pub fn beyond_proxy(mut self) -> Self {
        let path = self.issuer.url().splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        let url = format!("https://{ISSUER}/{path}").trim_end_matches('/').to_owned();
        let mut document = self.issuer.discovery();
        document["issuer"] = json!(url);
        document["jwks_uri"] = json!(format!("https://{ISSUER}{}", self.issuer.jwks_path()));
        let discovery = super::Response::json(200, &document);
        self.issuer.answer(&self.issuer.discovery_path(), discovery);
        self.cloud.registration(|one| {
            one["url"] = json!(url);
            one["issuer"] = json!(url);
        });
        self.shape.claims["iss"] = json!(url);
        self
    }

    /// The way through a proxy that lets everything through.
    pub fn way(&self) -> impl Fn(&Asked) -> Say + Send + 'static {
        let (issuer, cloud) = (address(self.issuer.url()), address(self.cloud.url()));
        move |asked| match asked.target.as_str() {
            "idp.test:443" => Say::Tunnel(issuer),
            "cloud.test:443" => Say::Tunnel(cloud),
            _ => Say::status("502 Bad Gateway", "", ""),
        }
    }
}
