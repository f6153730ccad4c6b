//! Measures how long a whole diagnosis takes on a network: `cargo bench --bench network`.
//!
//! A relay in front of an issuer and a Pulumi Cloud on loopback adds 50 ms to every round trip,
//! also to that of a TCP handshake. The `pulumi` on PATH takes 100 ms to print its version. In each
//! round, these are measured, and the best of the rounds is printed:
//!
//! - the doctor as a process with all its requests: discovery, keys, capabilities, exchange,
//!   whoami, the registered issuers and the policies of one. The variable `DOCTOR` names another
//!   program.
//! - the longest chain of dependent requests, with only the doctor's own client: connection,
//!   discovery, keys; or connection, exchange, whoami; or connection, issuers, policies. No
//!   diagnosis can be faster.
//! - `benches/network.sh`, which makes the same requests with curl, one after the other.
//!
//! Every round makes three token exchanges, all with the Pulumi Cloud on loopback.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use doctor::gather::network::client::{Client, ClientOptions};
use doctor::gather::network::guard::Guard;
use doctor::gather::network::tls::Roots;
use doctor::loopback::{Authority, Request, Response, Server, SigningKey};
use doctor::text::secret::Scrubber;
use serde_json::{Map, Value, json};
use support::{doctor, is_listing, peak, row};
use tempfile::TempDir;

const ROUNDS: usize = 5;
/// Half of the time of a round trip.
const ONE_WAY: Duration = Duration::from_millis(25);
const LIMIT: Duration = Duration::from_secs(15);

const ORGANIZATION: &str = "acme";
const SUBJECT: &str = "repo:acme/web-shop:ref:refs/heads/main";
const MINTED: &str = "pul-d1b7a0c25e9f48361c04be72f5a9830d6e1b2c4f";
const ADMIN: &str = "pul-4f0c9a7be1d25836904c7fa1b2e8d35c60f94a17";
const PULUMI: &str = "#!/bin/sh\n/bin/sleep 0.1\necho v3.259.0\n";

fn main() {
    if is_listing() {
        return;
    }
    let stage = Stage::start();
    println!(
        "{} ms a round trip, {ROUNDS} rounds; {} exchanges with a Pulumi Cloud on loopback",
        2 * ONE_WAY.as_millis(),
        3 * ROUNDS
    );
    let has_curl = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok();
    let mut best = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut record = |name, elapsed: Duration| {
            let known = best.entry(name).or_insert(elapsed);
            *known = elapsed.min(*known);
        };
        record("doctor", stage.doctor());
        for (name, chain) in stage.chains() {
            record(name, chain);
        }
        if has_curl {
            record("curl", stage.curl());
        }
    }
    let ms = |name: &str| best.get(name).map(|best| best.as_secs_f64() * 1e3);
    let chains = ["discovery, keys", "exchange, whoami", "issuers, policies"];
    let longest = chains.into_iter().filter_map(ms).fold(0.0, f64::max);
    for name in chains {
        println!("  connection, {name}: {:.0} ms", ms(name).unwrap_or_default());
    }
    for (name, what) in [
        ("doctor", "a whole diagnosis, 50 ms a round trip"),
        ("curl", "the same requests with curl, one after the other"),
    ] {
        match ms(name) {
            None => println!("{what}: not measured, {name} is not installed"),
            Some(took) => {
                row(
                    what,
                    &format!("{took:.0} ms"),
                    took / longest,
                    "its longest chain of requests",
                );
            }
        }
    }
    if let Some(bytes) = peak(&mut stage.diagnosis()) {
        let mebibytes = bytes as f64 / f64::from(1 << 20);
        let what = "memory of a whole diagnosis at its peak";
        row(what, &format!("{mebibytes:.1} MiB"), mebibytes / 16.0, "16 MiB");
    }
}

/// The servers, and the files and URLs for using them.
struct Stage {
    directory: TempDir,
    roots: Roots,
    token: String,
    issuer_url: String,
    cloud_url: String,
    /// Kept alive until the stage is dropped.
    _servers: [Server; 2],
}

impl Stage {
    fn start() -> Self {
        let authority = Authority::new().unwrap();
        let (issuer_relay, issuer_url) = listen();
        let (cloud_relay, cloud_url) = listen();
        let key = SigningKey::generate("RS256").unwrap();
        let keys = json!({"keys": [key.jwk("the-key").unwrap()]});

        let url = issuer_url.clone();
        let identity = authority.issue(&["127.0.0.1"]).unwrap();
        let issuer =
            Server::start(identity, move |request| answer_as_issuer(request, &url, &keys)).unwrap();
        let url = issuer_url.clone();
        let identity = authority.issue(&["127.0.0.1"]).unwrap();
        let cloud = Server::start(identity, move |request| answer_as_cloud(request, &url)).unwrap();
        start_relay(issuer_relay, address(issuer.url()));
        start_relay(cloud_relay, address(cloud.url()));

        let token = token(&key, &issuer_url);
        let directory = tempfile::tempdir().unwrap();
        let pem = authority.pem();
        for (name, text) in [("token.jwt", &*token), ("ca.pem", &*pem), ("pulumi", PULUMI)] {
            fs::write(directory.path().join(name), text).unwrap();
        }
        make_executable(&directory.path().join("pulumi"));
        let roots = Roots::load(Some(pem.as_bytes()), LIMIT).unwrap();
        Self { directory, roots, token, issuer_url, cloud_url, _servers: [issuer, cloud] }
    }

    fn doctor(&self) -> Duration {
        self.time(self.diagnosis())
    }

    /// The command of a whole diagnosis.
    fn diagnosis(&self) -> Command {
        let token = format!("file://{}", self.path("token.jwt"));
        let mut command = Command::new(doctor());
        command
            .args(["--allow-private-issuer", "--ca-cert", &self.path("ca.pem")])
            .args(["--cloud-url", &self.cloud_url, "--oidc-org", ORGANIZATION, &token])
            .env_clear()
            .env("DOCTOR_ACCESS_TOKEN", ADMIN)
            .env("PATH", self.directory.path())
            .current_dir(self.directory.path());
        command
    }

    /// The time for the same requests with curl, one after the other.
    fn curl(&self) -> Duration {
        let mut command = Command::new("sh");
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/network.sh"))
            .env("CA", self.path("ca.pem"))
            .env("ISSUER", &self.issuer_url)
            .env("CLOUD", &self.cloud_url)
            .env("ORGANIZATION", ORGANIZATION)
            .env("TOKEN", &self.token)
            .env("ACCESS_TOKEN", ADMIN);
        self.time(command)
    }

    fn time(&self, mut command: Command) -> Duration {
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        let started = Instant::now();
        let output = command.output().unwrap();
        let elapsed = started.elapsed();
        let printed = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
        elapsed
    }

    /// The times for the chains of dependent requests.
    fn chains(&self) -> [(&'static str, Duration); 3] {
        let (issuer, cloud) = (&self.issuer_url, &self.cloud_url);
        let authorization = |token: &str| format!("token {token}");
        let form = [("subject_token", self.token.as_str())];
        let minted = authorization(MINTED);
        let minted = [("Authorization", minted.as_str())];
        let admin = authorization(ADMIN);
        let admin = [("Authorization", admin.as_str())];
        let org = format!("{cloud}/api/orgs/{ORGANIZATION}");
        [
            ("discovery, keys", {
                let guard = Some(Guard::for_issuer(false, true, []));
                self.chain(guard, async |client| {
                    client.get(&format!("{issuer}/.well-known/openid-configuration"), &[]).await;
                    client.get(&format!("{issuer}/keys"), &[]).await;
                })
            }),
            ("exchange, whoami", {
                self.chain(None, async |client| {
                    client.post(&format!("{cloud}/api/oauth/token"), &form).await;
                    client.get(&format!("{cloud}/api/user"), &minted).await;
                })
            }),
            ("issuers, policies", {
                self.chain(None, async |client| {
                    client.get(&format!("{org}/oidc/issuers"), &admin).await;
                    client.get(&format!("{org}/auth/policies/oidcissuers/issuer-0"), &admin).await;
                })
            }),
        ]
    }

    fn chain(&self, guard: Option<Guard>, requests: impl AsyncFnOnce(&BenchClient)) -> Duration {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let deadline = tokio::time::Instant::now() + LIMIT;
            let options =
                ClientOptions { guard, deadline: Some(deadline), ..ClientOptions::default() };
            let client = Client::new(&self.roots, options).unwrap();
            let client = BenchClient { client, deadline, scrubber: Scrubber::default() };
            let started = Instant::now();
            requests(&client).await;
            started.elapsed()
        })
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }
}

/// The doctor's client, with the parameters of every request.
struct BenchClient {
    client: Client,
    deadline: tokio::time::Instant,
    scrubber: Scrubber,
}

impl BenchClient {
    async fn get(&self, url: &str, headers: &[(&str, &str)]) {
        let probe = self.client.get(url, headers, &self.scrubber, self.deadline).await;
        assert_eq!(probe.answer().map(|answer| answer.status), Some(200), "{url}");
    }

    async fn post(&self, url: &str, form: &[(&str, &str)]) {
        let probe = self.client.post_form(url, &[], form, &self.scrubber, self.deadline).await;
        assert_eq!(probe.answer().map(|reply| reply.answer.status), Some(200), "{url}");
    }
}

fn token(key: &SigningKey, issuer: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": issuer,
        "aud": "urn:pulumi:org:acme",
        "sub": SUBJECT,
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
    });
    let header = Map::from_iter([("kid".to_owned(), json!("the-key"))]);
    key.sign(&header, claims.as_object().unwrap()).unwrap()
}

fn answer_as_issuer(request: &Request, url: &str, keys: &Value) -> Response {
    match request.path() {
        "/.well-known/openid-configuration" => {
            let document = json!({
                "issuer": url,
                "jwks_uri": format!("{url}/keys"),
                "id_token_signing_alg_values_supported": ["RS256"],
            });
            Response::json(200, &document)
        }
        "/keys" => Response::json(200, keys),
        other => panic!("{other}"),
    }
}

fn answer_as_cloud(request: &Request, issuer: &str) -> Response {
    let body = match request.path() {
        "/api/capabilities" => json!({"capabilities": []}),
        "/api/oauth/token" => json!({
            "access_token": MINTED,
            "issued_token_type": "urn:pulumi:token-type:access_token:organization",
            "token_type": "token",
            "expires_in": 7200,
            "scope": "",
        }),
        "/api/user" => json!({
            "githubLogin": ORGANIZATION,
            "name": ORGANIZATION,
            "organizations": [{"githubLogin": ORGANIZATION, "name": ORGANIZATION}],
            "tokenInfo": {"name": "ci", "organization": ORGANIZATION, "team": ""},
        }),
        "/api/orgs/acme/oidc/issuers" => json!({"oidcIssuers": [
            {"id": "issuer-0", "name": "ci", "url": issuer, "issuer": issuer},
        ]}),
        "/api/orgs/acme/auth/policies/oidcissuers/issuer-0" => json!({
            "id": "policy-0",
            "version": 1,
            "policies": [{
                "decision": "allow",
                "tokenType": "organization",
                "authorizedPermissions": [],
                "rules": {"aud": "urn:pulumi:org:acme", "sub": SUBJECT},
            }],
        }),
        other => panic!("{other}"),
    };
    Response::json(200, &body)
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("https://").unwrap().parse().unwrap()
}

/// Relays connections to a server, with the delay of a network.
fn start_relay(listener: TcpListener, server: SocketAddr) {
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
            // The TCP handshake, which is immediate on loopback, takes a round trip on a network.
            let connected = Instant::now() + 2 * ONE_WAY;
            copy_delayed(client.try_clone().unwrap(), server.try_clone().unwrap(), connected);
            copy_delayed(server, client, connected);
        }
    });
}

/// Copies data from one stream to another with the delay of one way.
fn copy_delayed(mut from: TcpStream, mut to: TcpStream, not_before: Instant) {
    to.set_nodelay(true).unwrap();
    let (send, receive) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = [0; 16 << 10];
        while let Ok(size @ 1..) = from.read(&mut buffer) {
            let arrives = Instant::now().max(not_before) + ONE_WAY;
            if send.send((arrives, buffer[..size].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (arrives, bytes) in receive {
            thread::sleep(arrives.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

#[cfg(unix)]
fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Here only a `pulumi.exe` would be found, so the doctor runs without one.
#[cfg(not(unix))]
fn make_executable(_: &Path) {}
