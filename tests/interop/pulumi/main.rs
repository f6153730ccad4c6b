//! Compares the doctor with the real CLI: see ../README.md.
//!
//! The real `pulumi login` and `doctor login` run each case in the same environment, against
//! servers that answer the same. `PULUMI_CLI` names the CLI's program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

mod cases;
mod combinations;
mod compare;
mod stage;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cases::Case;
use compare::{Doctor, Fact};
use stage::{Outcome, Stage};

/// The number of parallel runs, which mostly wait: the CLI retries a failing request for seven
/// seconds.
const THREADS: usize = 12;

fn main() -> ExitCode {
    let Some(program) = std::env::var_os("PULUMI_CLI").map(PathBuf::from) else {
        println!("NOT CHECKED: PULUMI_CLI names no pulumi; see tests/interop/README.md");
        return ExitCode::SUCCESS;
    };
    let output = Command::new(&program).arg("version").output().expect("PULUMI_CLI runs");
    let version = String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned();
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    // The recorded cases, or random ones.
    let random_cases = std::env::var("RANDOM_CASES").ok().map(|count| {
        let seed = std::env::var("SEED").map_or_else(|_| new_seed(), |seed| seed.parse().unwrap());
        println!("SEED={seed} RANDOM_CASES={count}");
        combinations::random(seed, count.parse().unwrap())
    });
    let is_recorded = random_cases.is_none() && filter.is_none();
    let cases: Vec<Case> = random_cases
        .unwrap_or_else(cases::all)
        .into_iter()
        .filter(|case| filter.as_deref().is_none_or(|text| case.name.contains(text)))
        .collect();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let fact = fact(&Stage::new(case).run(&program, &["login"]));
                    let doctor = Doctor::run(case, &version);
                    done.lock().unwrap().push((case, fact, doctor));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(case, ..)| cases.iter().position(|other| other.name == case.name));
    if std::env::var_os("UPDATE").is_some() && is_recorded {
        write(&version, done.iter().map(|(case, fact, _)| (case.name.as_str(), fact)));
    }
    let mut agreed = 0;
    for (case, fact, doctor) in &done {
        match doctor.differs_from(fact) {
            None => agreed += 1,
            Some(why) => println!("{}: {why}", case.name),
        }
    }
    println!("{version}: {agreed} of {} agree", done.len());
    if agreed == done.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn new_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// The behaviour of the real CLI in a run.
fn fact(run: &Outcome) -> Fact {
    let status = run.status.unwrap_or(-1);
    let message = match run.stderr.find("error: ").filter(|_| status != 0) {
        Some(start) => run.stderr[start + "error: ".len()..].trim(),
        None => "",
    };
    let exchange = run.exchange.clone().unwrap_or_default();
    Fact { status, message: compare::without_secrets(message), exchange }
}

/// Records the behaviour of the real CLI.
fn write<'a>(version: &str, facts: impl Iterator<Item = (&'a str, &'a Fact)>) {
    let mut text = "case\texit status\tmessage\texchange\n".to_owned();
    for (name, fact) in facts {
        let escape =
            |text: &str| text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
        let _ = writeln!(
            text,
            "{name}\t{}\t{}\t{}",
            fact.status,
            escape(&fact.message),
            escape(&fact.exchange)
        );
    }
    fs::create_dir_all(Path::new(&compare::path(version)).parent().unwrap()).unwrap();
    fs::write(compare::path(version), text).unwrap();
}
