//! Every network fault in front of every probe. The run must have the right code, end in time and
//! need little memory.
//!
//! `cargo test --test it fault_matrix -- --nocapture` prints the measurements.

mod acts;
mod http2;
mod matrix;
mod retries;
mod server;
mod stage;
mod time;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use acts::{FAULTS, Fault};
use matrix::{KINDS, Kind, Outcome, PLACES, Place, expected};
use stage::Stage;

/// The `--timeout` of runs with faults that last until the timeout.
const SHORT_TIMEOUT: Duration = Duration::from_secs(2);
/// The `--timeout` for other faults, and for repeating a run that a busy machine may have slowed.
const LONG_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a run may exceed its `--timeout` (product contract, section 6).
const MAX_OVERRUN: Duration = Duration::from_millis(500);
const MAX_MEMORY: u64 = 64 << 20;
/// The number of parallel runs, which mostly wait.
const PARALLEL_RUNS: usize = 8;

struct Measurement {
    line: String,
    /// The time from the `--timeout` to the end of the run, in seconds.
    overrun: f64,
    memory: u64,
    problems: Vec<String>,
}

#[allow(clippy::print_stdout)]
#[test]
fn fault_matrix() {
    let cells = PLACES.iter().flat_map(|place| FAULTS.iter().map(move |fault| (*place, fault)));
    let cells: Vec<(Place, &Fault)> = cells
        .filter(|(place, fault)| !matches!(expected(*place, fault.kind()), Outcome::Never(_)))
        .collect();
    let next = Mutex::new(cells.iter().enumerate());
    let done = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..PARALLEL_RUNS {
            scope.spawn(|| {
                loop {
                    let cell = next.lock().unwrap().next();
                    let Some((number, (place, fault))) = cell else { return };
                    let measured = measure(*place, fault, SHORT_TIMEOUT);
                    done.lock().unwrap().insert(number, measured);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    for (number, measured) in done.iter_mut().filter(|(_, one)| !one.problems.is_empty()) {
        // Repeated alone and with a longer timeout, so that a busy machine is not the cause.
        println!("once more: {}", measured.problems.join(", "));
        let (place, fault) = cells[*number];
        *measured = measure(place, fault, LONG_TIMEOUT);
    }
    println!("{:15} {:18} {:8} {:24} {:>7} {:>9}", "probe", "fault", "", "code", "time", "memory");
    for measured in done.values() {
        println!("{}", measured.line);
    }
    let slowest = done.values().map(|one| one.overrun).fold(f64::MIN, f64::max);
    let largest = done.values().map(|one| one.memory).max().unwrap();
    println!("{} runs; the slowest ended {slowest:+.2} s from its --timeout", done.len());
    println!("the largest took {:.1} MiB at its peak", mebibytes(largest));
    let problems: Vec<&str> =
        done.values().flat_map(|one| &one.problems).map(String::as_str).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

impl Fault {
    fn kind(&self) -> Kind {
        KINDS.iter().find(|(name, _)| *name == self.name).expect("a kind").1
    }
}

fn measure(place: Place, fault: &Fault, lasting_timeout: Duration) -> Measurement {
    let outcome = expected(place, fault.kind());
    let timeout = if fault.lasts_until_timeout { lasting_timeout } else { LONG_TIMEOUT };
    let name = format!("{:15} {:18}", format!("{place:?}"), fault.name);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let stage = Stage::set(place, fault);
        let run = stage.doctor().args(["--timeout", &format!("{}s", timeout.as_secs())]).json();
        (run, stage.fault_count())
    }));
    let Ok((run, requests)) = ran else {
        // The panic message names the problem.
        let problems = vec![format!("{name} broke a promise that holds always")];
        return Measurement { line: name, overrun: 0.0, memory: 0, problems };
    };
    let memory = run.peak_memory.unwrap_or_default();
    let mut problems = Vec::new();
    let (severity, code) = match outcome {
        Outcome::Error(code) => ("error", code),
        Outcome::Warning(code) => ("warning", code),
        Outcome::Info(code) => ("info", code),
        Outcome::Healthy | Outcome::Never(_) => ("healthy", "-"),
    };
    let status = i32::from(severity == "error");
    let root = (severity == "error").then_some(code);
    if (run.status, run.root_cause()) != (status, root) {
        problems.push(format!("{name} {severity} {code}: {} {:?}", run.status, run.codes()));
    } else if severity == "healthy" && run.codes() != [""; 0]
        || severity != "healthy"
            && (!run.codes().contains(&code) || run.classification(code)[1] != severity)
    {
        problems.push(format!("{name} {severity} {code}: {:?}", run.codes()));
    }
    if requests > place.max_requests(fault.act) {
        problems.push(format!("{name} was met {requests} times"));
    }
    if run.elapsed > timeout + MAX_OVERRUN {
        problems.push(format!("{name} took {:?}", run.elapsed));
    }
    if memory > MAX_MEMORY {
        problems.push(format!("{name} took {:.1} MiB", mebibytes(memory)));
    }
    let line = format!(
        "{name} {severity:8} {code:24} {:5.2} s {:5.1} MiB",
        run.elapsed.as_secs_f64(),
        mebibytes(memory),
    );
    let overrun = run.elapsed.as_secs_f64() - timeout.as_secs_f64();
    Measurement { line, overrun, memory, problems }
}

#[allow(clippy::cast_precision_loss)]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[test]
fn every_fault_has_kind_or_reason() {
    let names: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    let kinds: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, kinds);
    for place in PLACES {
        for (name, kind) in KINDS {
            if let Outcome::Never(why) = expected(place, *kind) {
                assert!(why.contains("see"), "{place:?} {name}");
            }
        }
    }
}

#[test]
fn reliability_page_has_matrix_size() {
    let cells = PLACES.iter().flat_map(|place| FAULTS.iter().map(|fault| (*place, fault.kind())));
    let runs = cells.filter(|(place, kind)| !matches!(expected(*place, *kind), Outcome::Never(_)));
    let page = include_str!("../../../docs/reliability.md")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for figure in [
        format!("{} places against {} faults", PLACES.len(), FAULTS.len()),
        format!("other {} runs", runs.count()),
        format!("under {} MiB", MAX_MEMORY >> 20),
    ] {
        assert!(page.contains(&figure), "{figure}");
    }
}
