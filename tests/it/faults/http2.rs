//! Faults in HTTP/2 frames (RFC 9113 section 4.1).

use std::io::{self, Read, Write};

use super::server::{PAUSE, Tls, repeat};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const ACK: u8 = 1;

const NO_ERROR: [u8; 4] = [0; 4];
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// `:status: 103`, a literal without indexing (RFC 7541 section 6.2.2).
const EARLY_HINTS: &[u8] = b"\x08\x03103";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Reads the client's preface, and sends settings and an acknowledgement.
fn exchange_settings(tls: &mut Tls) -> io::Result<()> {
    let mut preface = [0; 24];
    tls.read_exact(&mut preface)?;
    assert!(preface.starts_with(b"PRI * HTTP/2.0"));
    tls.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    tls.write_all(&frame(SETTINGS, ACK, 0, &[]))?;
    tls.flush()
}

/// Reads the next request and returns its stream.
fn read_request(tls: &mut Tls) -> io::Result<u32> {
    loop {
        let mut head = [0; 9];
        tls.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        tls.read_exact(&mut vec![0; length as usize])?;
        if head[3] == HEADERS {
            return Ok(u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        }
    }
}

pub fn resets_every_stream(tls: &mut Tls) -> io::Result<()> {
    exchange_settings(tls)?;
    loop {
        let stream = read_request(tls)?;
        tls.write_all(&frame(RST_STREAM, 0, stream, &CANCEL))?;
        tls.flush()?;
    }
}

/// Ends the connection with GOAWAY, without an error and without processing a stream.
pub fn goes_away(tls: &mut Tls) -> io::Result<()> {
    exchange_settings(tls)?;
    read_request(tls)?;
    tls.write_all(&frame(GOAWAY, 0, 0, &[[0; 4], NO_ERROR].concat()))?;
    tls.flush()
}

fn flood(tls: &mut Tls, what: &[u8]) -> io::Result<()> {
    // The acknowledgements are not read, as in such attacks.
    repeat(tls, &what.repeat(500), PAUSE)
}

pub fn settings_flood(tls: &mut Tls) -> io::Result<()> {
    exchange_settings(tls)?;
    flood(tls, &frame(SETTINGS, 0, 0, &[]))
}

pub fn ping_flood(tls: &mut Tls) -> io::Result<()> {
    exchange_settings(tls)?;
    flood(tls, &frame(PING, 0, 0, &[7; 8]))
}

pub fn endless_headers(tls: &mut Tls) -> io::Result<()> {
    exchange_settings(tls)?;
    let stream = read_request(tls)?;
    tls.write_all(&frame(HEADERS, 0, stream, b"\x88"))?;
    // The header `a: aaa…`, a literal that is never indexed.
    let header = [b"\x10\x01a\x7f\x80\x07".as_slice(), &[b'a'; 1023]].concat();
    flood(tls, &frame(CONTINUATION, 0, stream, &header))
}

pub fn informational_storm(tls: &mut Tls) -> io::Result<()> {
    exchange_settings(tls)?;
    let stream = read_request(tls)?;
    let end_of_headers = 4;
    flood(tls, &frame(HEADERS, end_of_headers, stream, EARLY_HINTS))
}
