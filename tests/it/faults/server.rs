//! A server in front of a healthy one that does one thing wrong: it owns the bytes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use doctor::loopback::Identity;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::{Request, Response};

/// Between two bursts of a flood that goes on until the client's time is over. It is a flood all
/// the same; without a pause it takes the processor from all other tests.
pub const PAUSE: Duration = Duration::from_millis(10);

/// A connection after its TLS handshake.
pub type Tls = StreamOwned<ServerConnection, TcpStream>;

/// What goes wrong, and when.
#[derive(Clone, Copy)]
pub enum Act {
    /// Nobody listens.
    Closed,
    /// Instead of the TLS handshake.
    Connected(fn(TcpStream) -> io::Result<()>),
    /// With its certificate. Whoever accepts it gets a healthy answer.
    Certificate,
    /// Instead of the answer; the healthy one is at hand.
    Asked(fn(&mut Tls, &Response) -> io::Result<()>),
    /// After the handshake, in HTTP/2 (RFC 9113). Who does not offer that gets no handshake.
    Http2(fn(&mut Tls) -> io::Result<()>),
}

/// What a healthy server answers.
pub type Healthy = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

/// A server that does one thing wrong with the requests whose path ends as it says, and is healthy
/// in all others. It stops when dropped.
pub struct Front {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    act: Act,
    /// How often it does that; then it is healthy.
    times: usize,
    path: &'static str,
    healthy: Healthy,
    tls: Arc<ServerConfig>,
    asked: AtomicUsize,
    stopped: AtomicBool,
}

impl Front {
    /// One that fails that many times, and is healthy then.
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
            asked: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        // With nobody to accept, the port is closed, and its number is not given away soon.
        if !matches!(act, Act::Closed) {
            let serving = Arc::clone(&shared);
            thread::spawn(move || serve(&listener, &serving));
        }
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// How many requests came for what goes wrong; where that is the connection, how many of them.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Nobody waits for a connection any more after one.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let shared = Arc::clone(shared);
        // A client that hangs up ends its connection.
        thread::spawn(move || shared.connection(stream));
    }
}

impl Shared {
    fn connection(&self, tcp: TcpStream) -> io::Result<()> {
        if let Act::Connected(wrong) = self.act
            && self.fails()
        {
            return wrong(tcp);
        }
        tcp.set_nodelay(true)?;
        let config = Arc::clone(&self.tls);
        let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), tcp);
        if let Act::Http2(wrong) = self.act {
            tls.conn.complete_io(&mut tls.sock)?;
            if self.fails() {
                return wrong(&mut tls);
            }
        }
        let request = request(&mut tls)?;
        let response = (self.healthy)(&request);
        match self.act {
            Act::Asked(wrong) if request.path().ends_with(self.path) && self.fails() => {
                wrong(&mut tls, &response)
            }
            _ => write_whole(&mut tls, &response),
        }
    }

    /// Counts, and says whether it is to go wrong this time.
    fn fails(&self) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst) < self.times
    }
}

/// Reads a request, HTTP/1.1 with a Content-Length if with a body.
fn request(tls: &mut Tls) -> io::Result<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        more(tls, &mut bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    while bytes.len() < end + length {
        more(tls, &mut bytes)?;
    }
    Ok(Request {
        method: first.next().unwrap_or_default(),
        target: first.next().unwrap_or_default(),
        headers,
        body: bytes[end..].to_vec(),
        origin: String::new(),
    })
}

fn more(tls: &mut Tls, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    match tls.read(&mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => {
            bytes.extend(&buffer[..read]);
            Ok(())
        }
    }
}

/// The head of an answer: status, headers, and what ends it.
pub fn head(tls: &mut Tls, response: &Response, more: &str) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Said\r\nconnection: close\r\n", response.status);
    for (name, value) in &response.headers {
        head += &format!("{name}: {value}\r\n");
    }
    tls.write_all(format!("{head}{more}\r\n").as_bytes())
}

/// A whole answer, and the end of the connection.
pub fn write_whole(tls: &mut Tls, response: &Response) -> io::Result<()> {
    head(tls, response, &format!("content-length: {}\r\n", response.body.len()))?;
    tls.write_all(&response.body)?;
    end(tls)
}

/// Ends the connection as it should be ended.
pub fn end(tls: &mut Tls) -> io::Result<()> {
    tls.conn.send_close_notify();
    tls.flush()
}

/// Says nothing until the client is gone.
pub fn silence(stream: &mut impl Read) -> io::Result<()> {
    while stream.read(&mut [0; 4096])? > 0 {}
    Ok(())
}

/// Writes the same again and again, until the client is gone.
pub fn forever(stream: &mut impl Write, bytes: &[u8], pause: Duration) -> io::Result<()> {
    loop {
        stream.write_all(bytes)?;
        stream.flush()?;
        thread::sleep(pause);
    }
}

/// Cuts a connection with a reset.
pub fn reset(tcp: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_linger(tcp, Some(Duration::ZERO))?)
}
