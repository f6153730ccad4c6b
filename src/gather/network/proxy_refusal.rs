//! What a proxy says when it opens no tunnel: the client's own error holds neither the status nor
//! the page, so the proxy is asked once more.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;
use zeroize::Zeroizing;

use super::proxy::Proxy;
use crate::console::descriptors;
use crate::evidence::ProxyFault;
use crate::gather::network::guard::host_of;

/// How long to ask: the proxy has answered a moment ago.
const TIME: Duration = Duration::from_secs(2);
/// How long to wait for the rest of a page whose length is not known.
const REST: Duration = Duration::from_millis(300);
/// The most of an answer that is read, in bytes.
const CAP: usize = 64 << 10;
/// Authentication schemes (IANA's registry, and the two of Windows).
const SCHEMES: [&str; 5] = ["Basic", "Digest", "Bearer", "NTLM", "Negotiate"];

/// A proxy's answer to CONNECT.
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Asks a proxy for a tunnel to the host of `url`. `Err` says what is wrong with it; `Ok(None)`: it
/// opens one now, or it cannot be asked.
pub(crate) async fn ask(
    proxy: &Proxy,
    url: &Url,
    tls: &ClientConfig,
) -> Result<Option<Refusal>, ProxyFault> {
    let is_socks = proxy.url().is_some_and(|at| at.scheme() == "socks5h");
    if is_socks || url.scheme() == "http" {
        // No tunnel is asked for, or the client's words tell what is said to it.
        return timeout(TIME, reach(proxy)).await.unwrap_or(Ok(())).map(|()| None);
    }
    let answer = match timeout(TIME, exchange(proxy, url, tls)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => return Ok(None),
    };
    if answer.is_empty() {
        return Err(ProxyFault::Closed);
    }
    let refusal = parse(&answer).ok_or(ProxyFault::Protocol)?;
    Ok(Some(refusal).filter(|refusal| refusal.status != 200))
}

/// Whether the proxy can be connected to.
async fn reach(proxy: &Proxy) -> Result<(), ProxyFault> {
    let Some(at) = proxy.url() else { return Ok(()) };
    let port = at.port().unwrap_or_default();
    let addresses = lookup_host((host_of(at), port)).await.inspect_err(descriptors::note);
    let addresses: Vec<_> = addresses.map_err(|_| ProxyFault::Dns)?.collect();
    let connected = TcpStream::connect(addresses.as_slice()).await.inspect_err(descriptors::note);
    connected.map_err(|_| ProxyFault::Connect)?;
    Ok(())
}

async fn exchange(proxy: &Proxy, url: &Url, tls: &ClientConfig) -> io::Result<Vec<u8>> {
    let missing = || io::Error::from(io::ErrorKind::InvalidInput);
    let at = proxy.url().ok_or_else(missing)?;
    let port = at.port_or_known_default().ok_or_else(missing)?;
    let request = request(proxy, url).ok_or_else(missing)?;
    let host = host_of(at);
    let connected = TcpStream::connect((host.as_str(), port)).await.inspect_err(descriptors::note);
    let tcp = connected?;
    if at.scheme() == "https" {
        let mut tls = tls.clone();
        tls.alpn_protocols.clear();
        let name = ServerName::try_from(host).map_err(|_| missing())?;
        let stream = TlsConnector::from(Arc::new(tls)).connect(name, tcp).await?;
        speak(stream, &request).await
    } else {
        speak(tcp, &request).await
    }
}

/// It may hold the proxy's password, so it is wiped.
fn request(proxy: &Proxy, url: &Url) -> Option<Zeroizing<Vec<u8>>> {
    let authority = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(authorization) = proxy.authorization() {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    Some(Zeroizing::new(request))
}

/// Sends the request and reads the answer to its end, or to where it falls silent.
async fn speak(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
) -> io::Result<Vec<u8>> {
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    while answer.len() < CAP && !is_whole(&answer) {
        let mut piece = [0; 4096];
        let patience = if answer.is_empty() { TIME } else { REST };
        match timeout(patience, stream.read(&mut piece)).await {
            Ok(Ok(0)) | Err(_) => break,
            Ok(Ok(read)) => answer.extend_from_slice(piece.get(..read).unwrap_or_default()),
            // A reset after the answer, or instead of it.
            Ok(Err(_)) => break,
        }
    }
    Ok(answer)
}

fn is_whole(answer: &[u8]) -> bool {
    let Some(refusal) = parse(answer) else { return false };
    let length = refusal.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    refusal.status == 200
        || length
            .and_then(|length| length.parse().ok())
            .is_some_and(|n: usize| refusal.body.len() >= n)
}

/// The answer (RFC 9112 section 2), once its head is whole.
fn parse(answer: &[u8]) -> Option<Refusal> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(answer.get(..end)?);
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/"))?;
    let status = words.next()?.parse().ok().filter(|status| (100..600).contains(status))?;
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.parse::<HeaderName>().ok()?, value.trim().parse::<HeaderValue>().ok()?))
    });
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.append(name, value);
    }
    Some(Refusal { status, headers: all, body: answer.get(end + 4..)?.to_vec() })
}

/// The fault of a proxy that asks for credentials with these headers.
pub(crate) fn credentials(headers: &HeaderMap, sent: bool) -> ProxyFault {
    let offered =
        headers.get_all(PROXY_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    // Several challenges may stand in one header, each with a list of parameters behind it.
    let words: Vec<&str> = offered.flat_map(|value| value.split([' ', ','])).collect();
    let is_offered = |scheme: &&str| words.iter().any(|word| word.eq_ignore_ascii_case(scheme));
    let schemes = SCHEMES.into_iter().filter(is_offered).map(str::to_owned).collect();
    ProxyFault::Credentials { sent, schemes }
}
