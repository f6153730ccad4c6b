//! A double of Pulumi Cloud without TLS. It is also an HTTP proxy for http URLs that answers for
//! every host itself. It records all requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// A server that runs until the test process ends.
pub struct PlainCloud {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl PlainCloud {
    /// Starts a server whose exchange returns this access token.
    pub fn start(access_token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (token, seen) = (access_token.to_owned(), Arc::clone(&requests));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (token, seen) = (token.clone(), Arc::clone(&seen));
                thread::spawn(move || serve(stream, &token, &seen));
            }
        });
        Self { address, requests }
    }

    /// The URL: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL with another host.
    pub fn url_at(&self, host: &str) -> String {
        format!("http://{host}:{}", self.address.port())
    }

    /// The requests so far, with their unchanged heads and bodies.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Serves one request.
fn serve(mut stream: TcpStream, token: &str, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while reader.read_line(&mut head).unwrap() > 2 {}
    let fields = head.to_lowercase();
    let length = fields.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().unwrap().push(head + &String::from_utf8_lossy(&body));
    let (status, answer) = answer(&target, token);
    let body = answer.to_string();
    let size = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {size}\r\n\r\n{body}"
    );
}

fn answer(target: &str, token: &str) -> (&'static str, Value) {
    let (target, ok) = (target.trim_end_matches('/'), "200 OK");
    if target.ends_with("/api/capabilities") {
        (ok, json!({"capabilities": []}))
    } else if target.ends_with("/api/user") {
        let organizations = json!([{"githubLogin": "acme"}]);
        (ok, json!({"githubLogin": "ci-bot", "name": "ci", "organizations": organizations}))
    } else if target.ends_with("/api/oauth/token") {
        (ok, json!({"access_token": token, "expires_in": 7200}))
    } else {
        ("404 Not Found", json!({"code": 404, "message": "Not Found"}))
    }
}
