//! Cleans up when a signal ends the program (Ctrl-C, a cancelled job). A file that is being written
//! is finished first. Temporary files, the progress line and child processes are removed.
//!
//! On Unix all threads block these signals, and one thread waits for them. So the system still
//! decides their effect: a shell sees that the signal killed the program, and an ignored signal
//! (`nohup`) stays ignored. On Windows the console ends the process at any point.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
#[cfg(unix)]
use std::thread;

/// The state to clean up when a signal ends the program.
pub(crate) struct Temporary {
    /// The length of the progress line on the terminal.
    line: usize,
    /// The demo's directory.
    pub(crate) directory: Option<PathBuf>,
    /// The process ids of child processes.
    pub(crate) children: Vec<u32>,
    /// The settings of the terminal before its echo was turned off.
    #[cfg(unix)]
    pub(crate) terminal: Option<nix::sys::termios::Termios>,
}

static TEMPORARY: Mutex<Temporary> = Mutex::new(Temporary {
    line: 0,
    directory: None,
    children: Vec::new(),
    #[cfg(unix)]
    terminal: None,
});

/// Runs an action that signals do not interrupt. It must be short and must not be nested.
pub(crate) fn uninterrupted<T>(action: impl FnOnce(&mut Temporary) -> T) -> T {
    action(&mut TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Blocks during shutdown, so that errors caused by shutdown are not reported.
pub(crate) fn wait_if_terminating() {
    drop(TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Cleans up after a panic. Does nothing within [`uninterrupted`], which holds the lock.
pub fn clean_up() {
    if let Ok(mut temporary) = TEMPORARY.try_lock() {
        temporary.clean_up();
    }
}

impl Temporary {
    /// Replaces the progress line.
    pub(crate) fn show(&mut self, line: &str) {
        // A failure to show progress must not fail the run.
        let _ = write!(io::stderr(), "\r{line:0$}", self.line);
        self.line = self.line.max(line.chars().count());
    }

    /// Clears the progress line with spaces, which works on every terminal.
    pub(crate) fn clear(&mut self) {
        if self.line > 0 {
            let _ = write!(io::stderr(), "\r{:1$}\r", "", self.line);
            self.line = 0;
        }
    }

    /// Turns the terminal's echo on again, and drops unread input.
    #[cfg(unix)]
    pub(crate) fn restore_terminal(&mut self) {
        use nix::sys::termios::{SetArg, tcsetattr};

        if let Some(before) = self.terminal.take() {
            let _ = tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &before);
        }
    }

    fn clean_up(&mut self) {
        #[cfg(unix)]
        if self.terminal.is_some() {
            let _ = io::stderr().write_all(b"\x1b[?2004l\n");
            self.restore_terminal();
        }
        self.clear();
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir_all(directory);
        }
        self.children.drain(..).for_each(kill);
    }
}

/// Kills a child and its process group. Processes that left the group survive.
#[cfg(unix)]
pub(crate) fn kill(child: u32) {
    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    if let Ok(group) = i32::try_from(child) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// Kills a child and its descendants.
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

/// Installs the signal handling. Call it before starting threads, which inherit the signal mask.
/// std gives child processes an empty mask.
pub fn install() {
    #[cfg(unix)]
    start_signal_thread();
}

#[cfg(unix)]
fn start_signal_thread() {
    use std::sync::MutexGuard;
    use std::time::{Duration, Instant};

    use nix::sys::signal::{SigSet, Signal, raise};

    /// A hanging file system must not keep the program from ending.
    const LONGEST: Duration = Duration::from_secs(2);
    const POLL: Duration = Duration::from_millis(1);
    const TERMINATING: [Signal; 4] =
        [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

    /// Waits until no action is running.
    fn lock() -> Option<MutexGuard<'static, Temporary>> {
        let started = Instant::now();
        while started.elapsed() < LONGEST {
            if let Ok(temporary) = TEMPORARY.try_lock() {
                return Some(temporary);
            }
            thread::sleep(POLL);
        }
        None
    }

    // Treat a file above `ulimit -f` as an ordinary error.
    let _ = SigSet::from(Signal::SIGXFSZ).thread_block();
    let Ok(before) = SigSet::thread_get_mask() else { return };
    // Signals that the parent process blocked stay blocked.
    let terminating: SigSet =
        TERMINATING.into_iter().filter(|signal| !before.contains(*signal)).collect();
    if terminating.thread_block().is_err() {
        return;
    }
    let waiting = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        while let Ok(signal) = terminating.wait() {
            let mut temporary = lock();
            if let Some(temporary) = &mut temporary {
                temporary.clean_up();
            }
            let _ = raise(signal);
            // The process ends here, unless the signal is ignored.
            let _ = before.thread_set_mask();
            let _ = terminating.thread_block();
        }
        let _ = before.thread_set_mask();
    });
    if waiting.is_err() {
        let _ = before.thread_set_mask();
    }
}
