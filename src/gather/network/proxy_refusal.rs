//! Reads a proxy's answer when it refuses a tunnel. The client's own error has neither the status
//! nor the page, so CONNECT is sent once more.

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

/// The time limit of the request. The proxy has just answered, so it is short.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// How long to wait for the rest of a page of unknown length.
const REST_LIMIT: Duration = Duration::from_millis(300);
/// The most of an answer that is read, in bytes.
const MAX_ANSWER: usize = 64 << 10;
/// Authentication schemes (IANA's registry, and the two of Windows).
const SCHEMES: [&str; 5] = ["Basic", "Digest", "Bearer", "NTLM", "Negotiate"];

/// A proxy's answer to CONNECT.
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Asks a proxy for a tunnel to the host of `url`. `Err`: the proxy's fault. `Ok(None)`: it opens
/// the tunnel now, or it cannot be asked.
pub(crate) async fn request_tunnel(
    proxy: &Proxy,
    url: &Url,
    tls: &ClientConfig,
) -> Result<Option<Refusal>, ProxyFault> {
    let is_socks = proxy.url().is_some_and(|url| url.scheme() == "socks5h");
    if is_socks || url.scheme() == "http" {
        // No HTTP tunnel is involved: only check that the proxy accepts connections.
        return timeout(TIME_LIMIT, check_connection(proxy)).await.unwrap_or(Ok(())).map(|()| None);
    }
    let answer = match timeout(TIME_LIMIT, send_connect(proxy, url, tls)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => return Ok(None),
    };
    if answer.is_empty() {
        return Err(ProxyFault::Closed);
    }
    let refusal = parse_answer(&answer).ok_or(ProxyFault::Protocol)?;
    Ok(Some(refusal).filter(|refusal| refusal.status != 200))
}

/// Checks that the proxy accepts connections.
async fn check_connection(proxy: &Proxy) -> Result<(), ProxyFault> {
    let Some(proxy_url) = proxy.url() else { return Ok(()) };
    let port = proxy_url.port().unwrap_or_default();
    let addresses = lookup_host((host_of(proxy_url), port)).await.inspect_err(descriptors::note);
    let addresses: Vec<_> = addresses.map_err(|_| ProxyFault::Dns)?.collect();
    let connected = TcpStream::connect(addresses.as_slice()).await.inspect_err(descriptors::note);
    connected.map_err(|_| ProxyFault::Connect)?;
    Ok(())
}

async fn send_connect(proxy: &Proxy, url: &Url, tls: &ClientConfig) -> io::Result<Vec<u8>> {
    let missing = || io::Error::from(io::ErrorKind::InvalidInput);
    let proxy_url = proxy.url().ok_or_else(missing)?;
    let port = proxy_url.port_or_known_default().ok_or_else(missing)?;
    let request = connect_request(proxy, url).ok_or_else(missing)?;
    let host = host_of(proxy_url);
    let connected = TcpStream::connect((host.as_str(), port)).await.inspect_err(descriptors::note);
    let tcp = connected?;
    if proxy_url.scheme() == "https" {
        let mut tls = tls.clone();
        tls.alpn_protocols.clear();
        let name = ServerName::try_from(host).map_err(|_| missing())?;
        let stream = TlsConnector::from(Arc::new(tls)).connect(name, tcp).await?;
        read_answer(stream, &request).await
    } else {
        read_answer(tcp, &request).await
    }
}

/// The CONNECT request. Wiped on drop: it may hold the proxy's password.
fn connect_request(proxy: &Proxy, url: &Url) -> Option<Zeroizing<Vec<u8>>> {
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

/// Sends the request and reads the answer until it is complete or nothing more arrives.
async fn read_answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
) -> io::Result<Vec<u8>> {
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    while answer.len() < MAX_ANSWER && !is_complete(&answer) {
        let mut piece = [0; 4096];
        let patience = if answer.is_empty() { TIME_LIMIT } else { REST_LIMIT };
        match timeout(patience, stream.read(&mut piece)).await {
            Ok(Ok(0)) | Err(_) => break,
            Ok(Ok(read)) => answer.extend_from_slice(piece.get(..read).unwrap_or_default()),
            // A reset after the answer, or instead of it.
            Ok(Err(_)) => break,
        }
    }
    Ok(answer)
}

fn is_complete(answer: &[u8]) -> bool {
    let Some(refusal) = parse_answer(answer) else { return false };
    let length = refusal.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    refusal.status == 200
        || length
            .and_then(|length| length.parse().ok())
            .is_some_and(|n: usize| refusal.body.len() >= n)
}

/// Parses the answer (RFC 9112 section 2). `None`: its head is invalid or incomplete.
fn parse_answer(answer: &[u8]) -> Option<Refusal> {
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

/// The fault of a proxy that asks for credentials in these headers.
pub(crate) fn credentials_fault(headers: &HeaderMap, sent: bool) -> ProxyFault {
    let offered =
        headers.get_all(PROXY_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    // One header may hold several challenges, each with parameters.
    let words: Vec<&str> = offered.flat_map(|value| value.split([' ', ','])).collect();
    let is_offered = |scheme: &&str| words.iter().any(|word| word.eq_ignore_ascii_case(scheme));
    let schemes = SCHEMES.into_iter().filter(is_offered).map(str::to_owned).collect();
    ProxyFault::Credentials { sent, schemes }
}
