//! What the benchmarks of whole processes share.
#![allow(dead_code, clippy::print_stdout, clippy::unwrap_used)]

use std::ffi::OsString;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use doctor::loopback::SigningKey;
use serde_json::json;

/// The id of the key that tokens are signed with.
pub const KID: &str = "the-key";

/// Whether `cargo test --benches` asks for a list of tests, of which there are none.
pub fn is_listing() -> bool {
    std::env::args().any(|argument| argument == "--list")
}

/// The program to measure: the one that the variable `DOCTOR` names, else the one that was built
/// with the benchmark.
pub fn doctor() -> OsString {
    std::env::var_os("DOCTOR").unwrap_or_else(|| env!("CARGO_BIN_EXE_doctor").into())
}

/// A row of the table in the README: what was measured, how long it took, and how many times that
/// of something else it is.
pub fn row(what: &str, took: &str, ratio: f64, of: &str) {
    println!("| {what} | {took} | {ratio:.2} times {of} |");
}

/// How long a process takes from its start to its end; `None` where it cannot be started. Nothing
/// of what it prints is looked at.
pub fn time(command: &mut Command) -> Option<Duration> {
    let begun = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    Some(begun.elapsed())
}

/// The most memory that a process held at once, in bytes, as far as this system tells.
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

/// The time that half of the runs do not exceed.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// A token of GitHub's shape for the organization acme.
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

/// The machine, for who reads the figures.
pub fn machine() {
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
