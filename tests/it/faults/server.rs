//! A server in front of a healthy one that has one fault. It controls every byte that is sent.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use doctor::loopback::Identity;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::{Request, Response};

/// The pause between two bursts of a flood, so that other tests get the processor too.
pub const PAUSE: Duration = Duration::from_millis(10);

/// A connection after its TLS handshake.
pub type Tls = StreamOwned<ServerConnection, TcpStream>;

/// What the server does wrong, and when.
#[derive(Clone, Copy)]
pub enum Act {
    /// Nothing listens on the port.
    Closed,
    /// Replaces the TLS handshake.
    Connected(fn(TcpStream) -> io::Result<()>),
    /// Only the certificate is wrong. Clients that accept it get a healthy answer.
    Certificate,
    /// Replaces the answer. The function gets the healthy one.
    Asked(fn(&mut Tls, &Response) -> io::Result<()>),
    /// Speaks HTTP/2 (RFC 9113) after the handshake, which requires that the client offers it.
    Http2(fn(&mut Tls) -> io::Result<()>),
}

/// Answers as a healthy server does.
pub type Healthy = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

/// A server with one fault for requests whose path has a certain end; others get healthy answers.
/// It stops when dropped.
pub struct Front {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    act: Act,
    /// How many requests meet the fault before the server is healthy.
    times: usize,
    path: &'static str,
    healthy: Healthy,
    tls: Arc<ServerConfig>,
    fault_count: AtomicUsize,
    stopped: AtomicBool,
}

impl Front {
    /// A server that fails `times` times and then is healthy.
    pub fn failing(
        times: usize,
        act: Act,
        path: &'static str,
        healthy: Healthy,
        identity: Identity,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let mut tls = Arc::unwrap_or_clone(identity.server_config().unwrap());
        if let Act::Http2(_) = act {
            tls.alpn_protocols = vec![b"h2".to_vec()];
        }
        let shared = Arc::new(Shared {
            act,
            times,
            path,
            healthy,
            tls: Arc::new(tls),
            fault_count: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        // Without a listener the port is closed. The system does not soon reuse its number.
        if !matches!(act, Act::Closed) {
            let serving = Arc::clone(&shared);
            thread::spawn(move || serve(&listener, &serving));
        }
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The number of requests that were to meet the fault, or of connections if those fail.
    pub fn fault_count(&self) -> usize {
        self.shared.fault_count.load(Ordering::SeqCst)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Ends the loop that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let shared = Arc::clone(shared);
        // Errors are ignored: the client may close the connection.
        thread::spawn(move || shared.connection(stream));
    }
}

impl Shared {
    fn connection(&self, tcp: TcpStream) -> io::Result<()> {
        if let Act::Connected(misbehave) = self.act
            && self.fails()
        {
            return misbehave(tcp);
        }
        tcp.set_nodelay(true)?;
        let config = Arc::clone(&self.tls);
        let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), tcp);
        if let Act::Http2(misbehave) = self.act {
            tls.conn.complete_io(&mut tls.sock)?;
            if self.fails() {
                return misbehave(&mut tls);
            }
        }
        let request = read_request(&mut tls)?;
        let response = (self.healthy)(&request);
        match self.act {
            Act::Asked(misbehave) if request.path().ends_with(self.path) && self.fails() => {
                misbehave(&mut tls, &response)
            }
            _ => write_whole(&mut tls, &response),
        }
    }

    /// Counts a request, and returns whether it meets the fault.
    fn fails(&self) -> bool {
        self.fault_count.fetch_add(1, Ordering::SeqCst) < self.times
    }
}

/// Reads an HTTP/1.1 request. A body needs a Content-Length.
fn read_request(tls: &mut Tls) -> io::Result<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        read_more(tls, &mut bytes)?;
    };
    let write_head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = write_head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    while bytes.len() < end + length {
        read_more(tls, &mut bytes)?;
    }
    Ok(Request {
        method: first.next().unwrap_or_default(),
        target: first.next().unwrap_or_default(),
        headers,
        body: bytes[end..].to_vec(),
        origin: String::new(),
    })
}

fn read_more(tls: &mut Tls, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    match tls.read(&mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => {
            bytes.extend(&buffer[..read]);
            Ok(())
        }
    }
}

/// Writes the status line, the headers and the lines of `more`.
pub fn write_head(tls: &mut Tls, response: &Response, more: &str) -> io::Result<()> {
    let mut write_head = format!("HTTP/1.1 {} Said\r\nconnection: close\r\n", response.status);
    for (name, value) in &response.headers {
        write_head += &format!("{name}: {value}\r\n");
    }
    tls.write_all(format!("{write_head}{more}\r\n").as_bytes())
}

/// Writes a whole answer and closes the connection.
pub fn write_whole(tls: &mut Tls, response: &Response) -> io::Result<()> {
    write_head(tls, response, &format!("content-length: {}\r\n", response.body.len()))?;
    tls.write_all(&response.body)?;
    close(tls)
}

/// Closes the connection with a TLS close notification.
pub fn close(tls: &mut Tls) -> io::Result<()> {
    tls.conn.send_close_notify();
    tls.flush()
}

/// Sends nothing and waits until the client closes the connection.
pub fn wait_for_close(stream: &mut impl Read) -> io::Result<()> {
    while stream.read(&mut [0; 4096])? > 0 {}
    Ok(())
}

/// Writes the same bytes repeatedly, until the client closes the connection.
pub fn repeat(stream: &mut impl Write, bytes: &[u8], pause: Duration) -> io::Result<()> {
    loop {
        stream.write_all(bytes)?;
        stream.flush()?;
        thread::sleep(pause);
    }
}

/// Resets the connection.
pub fn reset(tcp: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_linger(tcp, Some(Duration::ZERO))?)
}
