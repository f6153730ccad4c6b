//! Helpers for the benchmarks of processes.
#![allow(dead_code, clippy::print_stdout, clippy::unwrap_used)]

use std::ffi::OsString;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use doctor::loopback::SigningKey;
use serde_json::json;

/// The `kid` of the signing key.
pub const KID: &str = "the-key";

/// Whether `cargo test --benches` requests a list of tests, which is empty.
pub fn is_listing() -> bool {
    std::env::args().any(|argument| argument == "--list")
}

/// The program to measure: the one that the variable `DOCTOR` names, or the one built with the
/// benchmark.
pub fn doctor() -> OsString {
    std::env::var_os("DOCTOR").unwrap_or_else(|| env!("CARGO_BIN_EXE_doctor").into())
}

/// Prints a row of the README's table: what was measured, the time, and its ratio to something
/// else.
pub fn row(what: &str, took: &str, ratio: f64, of: &str) {
    println!("| {what} | {took} | {ratio:.2} times {of} |");
}

/// Runs a process and discards its output. Returns the time; `None` if it cannot be started.
pub fn time(command: &mut Command) -> Option<Duration> {
    let started = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    Some(started.elapsed())
}

/// Runs a process. Returns its peak memory in bytes, if the system reports it.
pub fn peak(command: &mut Command) -> Option<u64> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().ok()?;
    let mut peak = None;
    while child.try_wait().ok()?.is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let held = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let held = held.and_then(|held| held.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = held.map(|kibibytes| kibibytes << 10).or(peak);
        std::thread::sleep(Duration::from_micros(100));
    }
    peak
}

/// The median of the times.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// A token in the shape of GitHub's, for the organization acme.
pub fn token(key: &SigningKey, subject: &str) -> String {
    let claims = json!({
        "iss": "https://token.actions.githubusercontent.com",
        "aud": "urn:pulumi:org:acme",
        "sub": subject,
        "iat": 1_767_000_000,
        "nbf": 1_767_000_000,
        "exp": 4_000_000_000_u32,
        "repository": "acme/web-shop",
        "ref": "refs/heads/main",
        "sha": "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
        "workflow": "up",
    });
    let header = json!({"kid": KID});
    key.sign(header.as_object().unwrap(), claims.as_object().unwrap()).unwrap()
}

/// Prints the machine on which the figures were measured.
pub fn print_machine() {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    println!(
        "{cores} cores ({}), {} {}",
        model.unwrap_or("of an unknown kind"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
}
