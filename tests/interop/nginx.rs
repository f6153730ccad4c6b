//! nginx on loopback.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::peer::Peer;
use crate::process::Process;
use crate::support::{Authority, Identity};

/// A certificate chain and its key, in PEM.
pub struct Certificate {
    chain: String,
    key: String,
}

impl Certificate {
    /// A certificate that is sent alone.
    pub fn alone(identity: &Identity) -> Self {
        Self { chain: identity.pem(), key: identity.key_pem() }
    }

    /// Adds the certificate of an intermediate authority to the chain.
    pub fn with_intermediate(self, intermediate: &Authority) -> Self {
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
    /// Starts nginx. `servers` writes the `server` blocks for a port. `$NAME` in them stands for
    /// the directives that use the certificate with that name.
    pub fn start(certificates: &[(&str, &Certificate)], servers: impl Fn(u16) -> String) -> Self {
        // Another process may take the port before nginx does.
        (0..5).find_map(|_| Self::start_at(free_port(), certificates, &servers)).unwrap()
    }

    fn start_at(
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
                let stderr = process.stop();
                assert!(stderr.contains("Address already in use"), "{stderr}");
                return None;
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Some(Self { _process: process, directory, port });
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Writes a file that is served at this path.
    pub fn write_file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.directory.path().join("root").join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The log of the answers to the program, one line each: see `log_format` in [`HEAD`].
    pub fn answers(&self) -> Vec<String> {
        let log = fs::read_to_string(self.directory.path().join("access.log")).unwrap();
        log.lines().filter(|line| line.starts_with("doctor/")).map(str::to_owned).collect()
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// The beginning of the configuration: all files are in the working directory, and nginx runs as
/// one process in the foreground.
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
