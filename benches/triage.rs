//! Measures how fast `doctor triage` reads: `cargo bench --bench triage`.
//!
//! The benchmark makes two logs of 512 MiB: one of ordinary build output with a failure in every
//! MiB, and one of the logs in `fixtures/logs`, which are full of failures. Each is read by `cat`,
//! by `grep -F -f` and `rg -F -f` (if they are installed) with the texts that the doctor searches
//! for, and by the doctor, in turn. The best of the rounds is printed, and its ratio to that of
//! `cat`, which only reads.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod support;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{doctor, is_listing, print_machine, row};

/// The size of a log, in bytes.
const SIZE: usize = 512 << 20;
const ROUNDS: usize = 3;

fn main() {
    if is_listing() {
        return;
    }
    print_machine();
    let directory = tempfile::tempdir().unwrap();
    let needles = directory.path().join("needles");
    fs::write(&needles, doctor::gather::log::needles().join("\n")).unwrap();
    for (title, write_log) in
        [("a build's log", write_build_log as fn(&Path)), ("failures only", write_failure_log)]
    {
        let path = directory.path().join("log");
        write_log(&path);
        println!("{title}, {} MiB, {} texts to search for", SIZE >> 20, count_lines(&needles));
        compare(title, &path, &needles);
    }
}

fn count_lines(needles: &Path) -> usize {
    fs::read_to_string(needles).unwrap().lines().count()
}

/// Writes a log of ordinary build output.
fn write_build_log(path: &Path) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let mut written = 0;
    let mut number = 0_usize;
    while written < SIZE {
        number += 1;
        let second = number % 60;
        let text = match number % 9 {
            _ if written % (1 << 20) < 100 => {
                "error: problem logging in: organization must be specified for token exchange"
                    .into()
            }
            0 => format!("#{second} [stage-1 {second}/60] RUN npm ci --no-audit --prefer-offline"),
            1 => {
                format!("npm http fetch GET 200 https://packages.example/@acme%2flib-{number} 41ms")
            }
            2 => {
                format!("   Compiling crate-{number} v0.{second}.1 (/home/runner/work/acme/infra)")
            }
            3 => format!("test module_{second}::works_with_case_{number} ... ok"),
            4 => format!("Downloading artifact {number} of 9000 (12.4 MB / 31.0 MB)"),
            5 => "==============================================================".into(),
            6 => format!("    at Object.<anonymous> (/src/lib/handlers/request.{second}.ts:84:11)"),
            7 => format!("[INFO] {number} files changed, {second} insertions(+), 3 deletions(-)"),
            _ => format!("layer sha256:{number:064x}: Pull complete"),
        };
        let line = format!("2026-01-31T12:00:{second:02}.{number:07}Z {text}\n");
        written += line.len();
        out.write_all(line.as_bytes()).unwrap();
    }
    out.flush().unwrap();
}

/// Writes a log that repeats the plain logs of the corpus.
fn write_failure_log(path: &Path) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs");
    let mut all = Vec::new();
    let folders = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path());
    for entry in folders.filter(|path| path.is_dir()).flat_map(|path| fs::read_dir(path).unwrap()) {
        let path = entry.unwrap().path();
        let text = fs::read(&path).unwrap();
        if path.extension().is_some_and(|e| e == "log") && !text.contains(&0) {
            all.extend(text);
        }
    }
    let mut out = BufWriter::new(File::create(path).unwrap());
    for _ in 0..=SIZE / all.len() {
        out.write_all(&all).unwrap();
    }
    out.flush().unwrap();
}

fn compare(title: &str, log: &Path, needles: &Path) {
    let out = log.with_extension("out");
    let (log, needles) = (log.to_str().unwrap(), needles.to_str().unwrap());
    let commands: [(OsString, &[&str]); 4] = [
        ("cat".into(), &[log]),
        ("grep".into(), &["-c", "-F", "-f", needles, log]),
        ("rg".into(), &["-c", "-F", "-f", needles, log]),
        (doctor(), &["triage", log]),
    ];
    let mut best = [None::<Duration>; 4];
    for _ in 0..ROUNDS {
        for ((program, arguments), best) in commands.iter().zip(&mut best) {
            let started = Instant::now();
            let run = Command::new(program)
                .args(*arguments)
                .env("LC_ALL", "C")
                // GNU grep stops at the first match if its output is /dev/null.
                .stdout(File::create(&out).unwrap())
                .stderr(Stdio::null())
                .status();
            if run.is_ok_and(|status| status.code() != Some(127)) {
                let elapsed = started.elapsed();
                *best = Some(best.map_or(elapsed, |known| known.min(elapsed)));
            }
        }
    }
    let reading = best[0].unwrap_or_default().as_secs_f64();
    if let [_, Some(grep), _, Some(took)] = best.map(|best| best.map(|best| best.as_secs_f64())) {
        let what = format!("`doctor triage`, 512 MiB: {title}");
        row(&what, &format!("{took:.2} s"), took / grep, "`grep -F -f` with the same texts");
    }
    for (name, best) in ["cat", "grep -F -f", "rg -F -f", "doctor triage"].iter().zip(best) {
        match best {
            None => println!("  {name:<14} not installed"),
            Some(best) => println!(
                "  {name:<14} {:>8.0} ms  {:>6.1} times cat",
                best.as_secs_f64() * 1e3,
                best.as_secs_f64() / reading
            ),
        }
    }
}
