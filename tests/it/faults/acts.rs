//! The faults of broken networks and of broken or hostile servers.

use std::io::{self, Read, Write};
use std::sync::LazyLock;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::server::Act::{Asked, Certificate, Closed, Connected, Http2};
use super::server::{
    Act, PAUSE, Tls, close, repeat, reset, wait_for_close, write_head, write_whole,
};
use crate::faults::http2;
use crate::support::{Authority, Identity, Response};

const SECOND: Duration = Duration::from_secs(1);
const CHUNKED: &str = "transfer-encoding: chunked\r\n";
const LOGIN_PAGE: &str = "<!doctype html><html><head><title>Sign in</title></head></html>";

pub struct Fault {
    pub name: &'static str,
    pub act: Act,
    pub lasts_until_timeout: bool,
    /// The server's certificate.
    pub identity: fn(&Authority) -> Identity,
}

const fn fault(name: &'static str, act: Act) -> Fault {
    Fault { name, act, lasts_until_timeout: false, identity: trusted }
}

const fn lasting(name: &'static str, act: Act) -> Fault {
    Fault { name, act, lasts_until_timeout: true, identity: trusted }
}

const fn certificate(name: &'static str, identity: fn(&Authority) -> Identity) -> Fault {
    Fault { name, act: Certificate, lasts_until_timeout: false, identity }
}

pub const NAMES: &[&str] = &["127.0.0.1"];

pub fn trusted(authority: &Authority) -> Identity {
    authority.issue(NAMES).unwrap()
}

pub const FAULTS: &[Fault] = &[
    fault("refused", Closed),
    fault(
        "reset on connect",
        Connected(|tcp| {
            // Only after the client has sent something: an earlier reset would be a refusal.
            tcp.peek(&mut [0])?;
            reset(&tcp)
        }),
    ),
    lasting("silent", Connected(|mut tcp| wait_for_close(&mut tcp))),
    lasting(
        "TLS stalls",
        Connected(|mut tcp| {
            // The head of a record of 64 bytes, which announces a server hello.
            tcp.write_all(b"\x16\x03\x03\x00\x40\x02")?;
            wait_for_close(&mut tcp)
        }),
    ),
    fault(
        "plain HTTP",
        Connected(|mut tcp| {
            tcp.read_exact(&mut [0; 64])?;
            tcp.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")?;
            wait_for_close(&mut tcp)
        }),
    ),
    certificate("expired", |authority| authority.issue_expired(NAMES).unwrap()),
    certificate("other host", |authority| authority.issue(&["elsewhere.test"]).unwrap()),
    certificate("self-signed", |_| Identity::self_signed(NAMES).unwrap()),
    certificate("unknown authority", |_| Authority::new().unwrap().issue(NAMES).unwrap()),
    certificate("no intermediate", |authority| {
        authority.subordinate().unwrap().issue(NAMES).unwrap()
    }),
    fault("h2 resets", Http2(http2::resets_every_stream)),
    fault("h2 goes away", Http2(http2::goes_away)),
    lasting("h2 settings flood", Http2(http2::settings_flood)),
    lasting("h2 ping flood", Http2(http2::ping_flood)),
    fault("h2 endless headers", Http2(http2::endless_headers)),
    lasting("h2 1xx storm", Http2(http2::informational_storm)),
    fault("reset when asked", Asked(|tls, _| reset(&tls.sock))),
    lasting("silent when asked", Asked(|tls, _| wait_for_close(tls))),
    fault(
        "malformed",
        Asked(|tls, _| {
            tls.write_all(b"SSH-2.0-OpenSSH_9.9\r\n")?;
            close(tls)
        }),
    ),
    lasting(
        "drips its head",
        Asked(|tls, _| {
            tls.write_all(b"HTTP/1.1 200 OK\r\n")?;
            repeat(tls, b"x", SECOND)
        }),
    ),
    fault(
        "endless headers",
        Asked(|tls, _| {
            tls.write_all(b"HTTP/1.1 200 OK\r\n")?;
            repeat(tls, &b"x-more: and more of it\r\n".repeat(100), Duration::ZERO)
        }),
    ),
    lasting(
        "1xx storm",
        Asked(|tls, _| repeat(tls, &b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100), PAUSE)),
    ),
    lasting(
        "drips its body",
        Asked(|tls, healthy| {
            write_head(tls, healthy, CHUNKED)?;
            repeat(tls, b"1\r\n \r\n", SECOND)
        }),
    ),
    fault(
        "endless body",
        Asked(|tls, healthy| {
            write_head(tls, healthy, CHUNKED)?;
            repeat(
                tls,
                &[b"1000\r\n".as_slice(), &[b' '; 0x1000], b"\r\n"].concat(),
                Duration::ZERO,
            )
        }),
    ),
    fault(
        "gzip bomb",
        Asked(|tls, healthy| {
            write_whole(tls, &with_body(healthy, &BOMB).header("content-encoding", "gzip"))
        }),
    ),
    fault(
        "over 1 MiB",
        Asked(|tls, healthy| write_whole(tls, &with_body(healthy, &[b' '; 1 << 21]))),
    ),
    fault(
        "deep JSON",
        Asked(|tls, healthy| write_whole(tls, &with_body(healthy, &b"[".repeat(100_000)))),
    ),
    fault(
        "wide JSON",
        Asked(|tls, healthy| {
            static WIDE: LazyLock<String> = LazyLock::new(|| wide_object("[],", 349_000));
            write_whole(tls, &with_body(healthy, WIDE.as_bytes()))
        }),
    ),
    fault(
        "many objects",
        Asked(|tls, healthy| {
            static MANY: LazyLock<String> = LazyLock::new(|| wide_object("{\"\":0},", 12_400));
            write_whole(tls, &with_body(healthy, MANY.as_bytes()))
        }),
    ),
    fault(
        "length too long",
        Asked(|tls, healthy| {
            write_head(tls, healthy, &format!("content-length: {}\r\n", healthy.body.len() + 10))?;
            tls.write_all(&healthy.body)?;
            close(tls)
        }),
    ),
    fault(
        "length too short",
        Asked(|tls, healthy| {
            write_head(tls, healthy, &format!("content-length: {}\r\n", healthy.body.len() / 2))?;
            tls.write_all(&healthy.body)?;
            close(tls)
        }),
    ),
    fault(
        "ends in its body",
        Asked(|tls, healthy| {
            write_head(tls, healthy, CHUNKED)?;
            tls.write_all(b"400\r\n{")?;
            tls.flush()
        }),
    ),
    fault("redirect loop", Asked(|tls, healthy| redirect(tls, healthy, "?again"))),
    fault("redirect away", Asked(|tls, healthy| redirect(tls, healthy, "https://127.0.0.2/else"))),
    fault("429", Asked(|tls, _| write_whole(tls, &busy(429)))),
    fault(
        "429, try in 1 s",
        Asked(|tls, _| write_whole(tls, &busy(429).header("retry-after", "1"))),
    ),
    fault("503", Asked(|tls, _| write_whole(tls, &busy(503)))),
    fault(
        "503, try in 0 s",
        Asked(|tls, _| write_whole(tls, &busy(503).header("retry-after", "0"))),
    ),
    fault(
        "503, try in 1 h",
        Asked(|tls, _| write_whole(tls, &busy(503).header("retry-after", "3600"))),
    ),
    fault(
        "login page",
        Asked(|tls, _| write_whole(tls, &Response::new(200, "text/html", LOGIN_PAGE))),
    ),
    fault("empty", Asked(|tls, healthy| write_whole(tls, &with_body(healthy, b"")))),
    fault(
        "invalid UTF-8",
        Asked(|tls, healthy| {
            write_whole(tls, &with_body(healthy, b"\xff\xfe{\"\xc3\x28\": \xed\xa0\x80"))
        }),
    ),
];

/// The healthy answer with status 200 and another body.
fn with_body(healthy: &Response, body: &[u8]) -> Response {
    Response { status: 200, body: body.to_vec(), ..healthy.clone() }
}

fn busy(status: u16) -> Response {
    Response::json(status, &serde_json::json!({"code": status, "message": "busy"}))
}

fn redirect(tls: &mut Tls, healthy: &Response, location: &str) -> io::Result<()> {
    let response = Response { status: 302, ..with_body(healthy, b"") };
    write_whole(tls, &response.header("location", location))
}

/// A JSON object with many small values.
fn wide_object(value: &str, count: usize) -> String {
    format!("{{\"all\":[{}]}}", value.repeat(count).trim_end_matches(','))
}

/// 64 MiB of spaces, compressed.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..64 {
        encoder.write_all(&[b' '; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap()
});
