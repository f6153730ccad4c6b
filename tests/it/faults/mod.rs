//! The network is broken by definition: every fault in front of every probe, and what becomes of
//! the run. It has the right code, it ends in time, and it stays small.
//!
//! `cargo test --test it fault_matrix -- --nocapture` prints what was measured.

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

/// The `--timeout` of a run that meets a fault which lasts.
const SHORT: Duration = Duration::from_secs(2);
/// The same on a machine that is too busy to do all else in that time, and for other faults.
const LONG: Duration = Duration::from_secs(8);
/// No run outlives its `--timeout` by more (product contract, section 6).
const OVERRUN: Duration = Duration::from_millis(500);
const MEMORY: u64 = 64 << 20;
/// Cells that are run at once. Most of their time is waiting.
const AT_ONCE: usize = 8;

/// What was measured of a run.
struct Measured {
    line: String,
    /// How long after its `--timeout` it ended, in seconds.
    overrun: f64,
    memory: u64,
    wrong: Vec<String>,
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
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let cell = next.lock().unwrap().next();
                    let Some((number, (place, fault))) = cell else { return };
                    let measured = measure(*place, fault, SHORT);
                    done.lock().unwrap().insert(number, measured);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    for (number, measured) in done.iter_mut().filter(|(_, one)| !one.wrong.is_empty()) {
        // On its own, and with time: what is wrong then is not the machine's being busy.
        println!("once more: {}", measured.wrong.join(", "));
        let (place, fault) = cells[*number];
        *measured = measure(place, fault, LONG);
    }
    println!("{:15} {:18} {:8} {:24} {:>7} {:>9}", "probe", "fault", "", "code", "time", "memory");
    for measured in done.values() {
        println!("{}", measured.line);
    }
    let slowest = done.values().map(|one| one.overrun).fold(f64::MIN, f64::max);
    let largest = done.values().map(|one| one.memory).max().unwrap();
    println!("{} runs; the slowest ended {slowest:+.2} s from its --timeout", done.len());
    println!("the largest took {:.1} MiB at its peak", mebibytes(largest));
    let wrong: Vec<&str> = done.values().flat_map(|one| &one.wrong).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Fault {
    fn kind(&self) -> Kind {
        KINDS.iter().find(|(name, _)| *name == self.name).expect("a kind").1
    }
}

fn measure(place: Place, fault: &Fault, patience: Duration) -> Measured {
    let outcome = expected(place, fault.kind());
    let timeout = if fault.lasts { patience } else { LONG };
    let name = format!("{:15} {:18}", format!("{place:?}"), fault.name);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let stage = Stage::set(place, fault);
        let run = stage.doctor().args(["--timeout", &format!("{}s", timeout.as_secs())]).json();
        (run, stage.asked())
    }));
    let Ok((run, asked)) = ran else {
        // The harness has said what it was.
        let wrong = vec![format!("{name} broke a promise that holds always")];
        return Measured { line: name, overrun: 0.0, memory: 0, wrong };
    };
    let memory = run.peak_memory.unwrap_or_default();
    let mut wrong = Vec::new();
    let (word, code) = match outcome {
        Outcome::Error(code) => ("error", code),
        Outcome::Warning(code) => ("warning", code),
        Outcome::Info(code) => ("info", code),
        Outcome::Healthy | Outcome::Never(_) => ("healthy", "-"),
    };
    let status = i32::from(word == "error");
    let root = (word == "error").then_some(code);
    if (run.status, run.root_cause()) != (status, root) {
        wrong.push(format!("{name} {word} {code}: {} {:?}", run.status, run.codes()));
    } else if word == "healthy" && run.codes() != [""; 0]
        || word != "healthy"
            && (!run.codes().contains(&code) || run.classification(code)[1] != word)
    {
        wrong.push(format!("{name} {word} {code}: {:?}", run.codes()));
    }
    if asked > place.most_often(fault.act) {
        wrong.push(format!("{name} was met {asked} times"));
    }
    if run.elapsed > timeout + OVERRUN {
        wrong.push(format!("{name} took {:?}", run.elapsed));
    }
    if memory > MEMORY {
        wrong.push(format!("{name} took {:.1} MiB", mebibytes(memory)));
    }
    let line = format!(
        "{name} {word:8} {code:24} {:5.2} s {:5.1} MiB",
        run.elapsed.as_secs_f64(),
        mebibytes(memory),
    );
    let overrun = run.elapsed.as_secs_f64() - timeout.as_secs_f64();
    Measured { line, overrun, memory, wrong }
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
        format!("under {} MiB", MEMORY >> 20),
    ] {
        assert!(page.contains(&figure), "{figure}");
    }
}
