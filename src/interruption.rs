//! Signals that end the program (Ctrl-C, a cancelled job): they do not cut in two what has to be
//! whole, and leave nothing behind.
//!
//! On Unix a thread of its own waits for them. What a signal then does is left to the system: a
//! shell sees that the program was killed by it, and one that is ignored (`nohup`) stays so. On
//! Windows the console ends the process on its own, between any two steps.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// What is to be taken away when the program is ended from outside.
#[derive(Default)]
pub(crate) struct Traces {
    /// A line on the terminal, which stands there until it is cleared.
    pub(crate) line: bool,
    /// A directory for this run alone.
    pub(crate) directory: Option<PathBuf>,
}

static TRACES: Mutex<Traces> = Mutex::new(Traces { line: false, directory: None });

/// Does something that no signal interrupts. It has to be short, and must not do so again within.
pub(crate) fn whole<T>(act: impl FnOnce(&mut Traces) -> T) -> T {
    act(&mut TRACES.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Traces {
    fn remove(&self) {
        if self.line {
            // To the line's beginning, and clear it.
            let _ = io::stderr().write_all(b"\r\x1b[2K");
        }
        if let Some(directory) = &self.directory {
            let _ = fs::remove_dir_all(directory);
        }
    }
}

/// Begins to look after signals. Has to come before any other thread: it would be interrupted.
#[cfg(unix)]
pub fn prepare() {
    use std::sync::MutexGuard;
    use std::thread;
    use std::time::{Duration, Instant};

    use nix::sys::signal::{SigSet, Signal, raise};

    /// A file system that hangs must not make the program deaf.
    const LONGEST: Duration = Duration::from_millis(500);
    const POLL: Duration = Duration::from_millis(1);
    const ENDING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

    /// The traces, when nothing is being done that has to be whole.
    fn between() -> Option<MutexGuard<'static, Traces>> {
        let begun = Instant::now();
        while begun.elapsed() < LONGEST {
            if let Ok(traces) = TRACES.try_lock() {
                return Some(traces);
            }
            thread::sleep(POLL);
        }
        None
    }

    // Writing more than `ulimit -f` allows is to fail like any other writing.
    let _ = SigSet::from(Signal::SIGXFSZ).thread_block();
    let Ok(before) = SigSet::thread_get_mask() else { return };
    // One that the parent has blocked stays so.
    let ending: SigSet = ENDING.into_iter().filter(|signal| !before.contains(*signal)).collect();
    if ending.thread_block().is_err() {
        return;
    }
    let waiting = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        while let Ok(signal) = ending.wait() {
            let traces = between();
            if let Some(traces) = &traces {
                traces.remove();
            }
            let _ = raise(signal);
            // Here it ends, unless the signal is ignored.
            let _ = before.thread_set_mask();
            let _ = ending.thread_block();
        }
        let _ = before.thread_set_mask();
    });
    if waiting.is_err() {
        let _ = before.thread_set_mask();
    }
}

/// Begins to look after signals.
#[cfg(not(unix))]
pub fn prepare() {}
