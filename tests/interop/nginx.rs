//! nginx on loopback.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::peer::Peer;
use crate::process::Process;
use crate::support::{Authority, Identity};

/// A certificate with what is served beside it, and its key, in PEM.
pub struct Certificate {
    chain: String,
    key: String,
}

impl Certificate {
    /// One that is served alone.
    pub fn alone(identity: &Identity) -> Self {
        Self { chain: identity.pem(), key: identity.key_pem() }
    }

    /// The same, served with an intermediate authority's.
    pub fn with(self, intermediate: &Authority) -> Self {
        Self { chain: self.chain + &intermediate.pem(), ..self }
    }
}

/// A running nginx with one port.
pub struct Nginx {
    _process: Process,
    directory: TempDir,
    port: u16,
}

impl Nginx {
    /// Starts it. `servers` writes the `server` blocks for a port; `$NAME` in them stands for the
    /// directives that serve the certificate of that name.
    pub fn start(certificates: &[(&str, &Certificate)], servers: impl Fn(u16) -> String) -> Self {
        // The port may be taken by somebody else in between.
        (0..5).find_map(|_| Self::at(free_port(), certificates, &servers)).unwrap()
    }

    fn at(
        port: u16,
        certificates: &[(&str, &Certificate)],
        servers: &impl Fn(u16) -> String,
    ) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            fs::write(directory.path().join(name), content).unwrap();
        };
        let mut servers = servers(port);
        for (name, certificate) in certificates {
            write(&format!("{name}.pem"), &format!("{}{}", certificate.chain, certificate.key));
            let serve = format!("ssl_certificate {name}.pem; ssl_certificate_key {name}.pem;");
            servers = servers.replace(&format!("${name}"), &serve);
        }
        write("nginx.conf", &format!("{HEAD}{servers}}}\n"));
        let mut command = Peer::Nginx.command();
        let options = ["-e", "stderr", "-c", "nginx.conf", "-p"];
        let mut process = Process::start(command.args(options).arg(directory.path()));
        loop {
            if process.has_ended() {
                let said = process.stop();
                assert!(said.contains("Address already in use"), "{said}");
                return None;
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Some(Self { _process: process, directory, port });
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Serves a file, at its path.
    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.directory.path().join("root").join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// How it answered the program: a line per request, see `HEAD`.
    pub fn answers(&self) -> Vec<String> {
        let log = fs::read_to_string(self.directory.path().join("access.log")).unwrap();
        log.lines().filter(|line| line.starts_with("doctor/")).map(str::to_owned).collect()
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Everything is in the working directory, and one process that does not go into the background
/// does it all.
const HEAD: &str = "
daemon off;
master_process off;
error_log stderr;
pid nginx.pid;
events {}
http {
    log_format how '$http_user_agent $request_uri $status $server_protocol $ssl_protocol '
        'encoding=$sent_http_content_encoding transfer=$sent_http_transfer_encoding';
    access_log access.log how;
    client_body_temp_path client_body;
    fastcgi_temp_path fastcgi;
    proxy_temp_path proxy;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
    default_type application/json;
    root root;
";
