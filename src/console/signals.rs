//! Signals that end the program (Ctrl-C, a cancelled job): they do not cut in two what has to be
//! whole, and leave nothing behind.
//!
//! On Unix a thread of its own waits for them. What a signal then does is left to the system: a
//! shell sees that the program was killed by it, and one that is ignored (`nohup`) stays so. On
//! Windows the console ends the process on its own, between any two steps.

use std::io::{self, Write as _};
use std::path::PathBuf;
#[cfg(unix)]
use std::sync::Once;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// What is to be taken away when the program ends before its time.
pub(crate) struct Traces {
    /// How long the line is that stands on the terminal.
    line: usize,
    /// A directory for this run alone.
    pub(crate) directory: Option<PathBuf>,
    /// The process ids of the programs that run for this one.
    pub(crate) children: Vec<u32>,
}

static TRACES: Mutex<Traces> =
    Mutex::new(Traces { line: 0, directory: None, children: Vec::new() });

/// Does something that no signal interrupts. It has to be short, and must not do so again within.
pub(crate) fn whole<T>(act: impl FnOnce(&mut Traces) -> T) -> T {
    watch();
    act(&mut TRACES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Goes on, unless the program is being ended: what fails because of that is not to be told.
pub(crate) fn pass() {
    drop(TRACES.lock().unwrap_or_else(PoisonError::into_inner));
}

/// A thread that signals pass by, as every other one has to be.
pub(crate) fn spawn<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    watch();
    thread::spawn(act)
}

/// Takes the traces away, unless that is what failed.
pub fn tidy() {
    if let Ok(mut traces) = TRACES.try_lock() {
        traces.remove();
    }
}

impl Traces {
    /// Puts a line on the terminal, over the one before.
    pub(crate) fn show(&mut self, line: &str) {
        // One that cannot be drawn is no reason to fail.
        let _ = write!(io::stderr(), "\r{line:0$}", self.line);
        self.line = self.line.max(line.chars().count());
    }

    /// Takes the line away. Spaces do that on every terminal.
    pub(crate) fn clear(&mut self) {
        if self.line > 0 {
            let _ = write!(io::stderr(), "\r{:1$}\r", "", self.line);
            self.line = 0;
        }
    }

    fn remove(&mut self) {
        self.clear();
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir_all(directory);
        }
        self.children.drain(..).for_each(kill);
    }
}

/// Ends a child at once, and what it has started: its process group. A process that has left the
/// group is not found.
#[cfg(unix)]
pub(crate) fn kill(child: u32) {
    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    if let Ok(group) = i32::try_from(child) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// Ends a child at once, and what it has started.
#[cfg(windows)]
pub(crate) fn kill(child: u32) {
    use std::process::{Command, Stdio};

    let Some(system) = std::env::var_os("SYSTEMROOT") else { return };
    let _ = Command::new(PathBuf::from(system).join("System32").join("taskkill.exe"))
        .args(["/T", "/F", "/PID", &child.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

#[cfg(not(any(unix, windows)))]
pub(crate) fn kill(_: u32) {}

/// Lets writing more than `ulimit -f` allows fail like any other writing.
pub fn prepare() {
    #[cfg(unix)]
    let _ = nix::sys::signal::SigSet::from(nix::sys::signal::Signal::SIGXFSZ).thread_block();
}

/// Begins to look after signals, once there is something that they could cut in two. A run that
/// only prints needs no second thread for that. Another thread must not be there before: it would
/// be interrupted.
#[cfg(unix)]
pub(crate) fn watch() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(begin);
}

#[cfg(not(unix))]
pub(crate) fn watch() {}

#[cfg(unix)]
fn begin() {
    use std::sync::MutexGuard;
    use std::time::{Duration, Instant};

    use nix::sys::signal::{SigSet, Signal, raise};

    /// A file system that hangs must not make the program deaf.
    const LONGEST: Duration = Duration::from_secs(2);
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

    let Ok(before) = SigSet::thread_get_mask() else { return };
    // One that the parent has blocked stays so.
    let ending: SigSet = ENDING.into_iter().filter(|signal| !before.contains(*signal)).collect();
    if ending.thread_block().is_err() {
        return;
    }
    let waiting = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        while let Ok(signal) = ending.wait() {
            let mut traces = between();
            if let Some(traces) = &mut traces {
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
