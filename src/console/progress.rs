//! A progress line on the terminal for long runs. Standard error must be a terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::console::signals::{Temporary, uninterrupted};

/// Show nothing before this delay.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is updated.
const TICK: Duration = Duration::from_millis(120);
/// The spinner. ASCII only, because not every font has other characters.
const MARKS: [char; 4] = ['|', '/', '-', '\\'];

/// A progress line with a spinner. Dropping it removes the line.
#[derive(Default)]
pub(crate) struct Progress {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// The number of finished items, and the total. A total of 0 is not shown.
    count: Arc<[AtomicUsize; 2]>,
}

impl Progress {
    /// Starts a progress line if `shows`.
    pub(crate) fn start_if(shows: bool, doing: &'static str) -> Self {
        if shows { Self::start(doing) } else { Self::default() }
    }

    /// Sets the number of finished items and the total.
    pub(crate) fn count(&self, done: usize, all: usize) {
        for (shown, number) in self.count.iter().zip([done, all]) {
            shown.store(number, Ordering::Relaxed);
        }
    }

    /// Shows `doing` after [`PATIENCE`].
    fn start(doing: &'static str) -> Self {
        let (done, ended) = mpsc::channel::<()>();
        let count = Arc::<[AtomicUsize; 2]>::default();
        let counted = Arc::clone(&count);
        let thread = thread::spawn(move || {
            let started = Instant::now();
            let is_running = |wait| ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout);
            let mut marks = MARKS.into_iter().cycle();
            let mut wait = PATIENCE;
            while is_running(wait)
                && let Some(mark) = marks.next()
            {
                let seconds = started.elapsed().as_secs();
                let [done, all] = [0, 1].map(|at: usize| counted[at].load(Ordering::Relaxed));
                let line = match all {
                    0 => format!("{mark} {doing} ({seconds}s)"),
                    _ => format!("{mark} {doing}: {done} of {all} ({seconds}s)"),
                };
                uninterrupted(|temporary| temporary.show(&line));
                wait = TICK;
            }
            uninterrupted(Temporary::clear);
        });
        Self { done: Some(done), thread: Some(thread), count }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            // A failure to show progress must not fail the run.
            let _ = thread.join();
        }
    }
}

/// The width of a bar in characters.
const BAR: usize = 30;

/// A progress bar, or a count if the total is unknown. Dropping it removes the line.
pub(crate) struct Bar {
    /// The total in bytes.
    total: Option<u64>,
    started: Instant,
    next: Instant,
}

impl Bar {
    /// Starts a bar for this many bytes.
    pub(crate) fn start(total: Option<u64>) -> Self {
        let started = Instant::now();
        Self { total: total.filter(|total| *total > 0), started, next: started + PATIENCE }
    }

    /// Updates the bar, unless it was updated a moment ago.
    pub(crate) fn set(&mut self, bytes: u64, tokens: u64) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + TICK;
        let line = line(self.total, bytes, tokens, now - self.started);
        uninterrupted(|temporary| temporary.show(&line));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        uninterrupted(Temporary::clear);
    }
}

fn line(total: Option<u64>, bytes: u64, tokens: u64, elapsed: Duration) -> String {
    let a_second = u128::from(tokens) * 1000 / elapsed.as_millis().max(1);
    let count = format!("{tokens} tokens, {a_second} a second");
    let Some(total) = total else { return count };
    // A file may grow while it is read.
    let percent = usize::try_from(bytes.saturating_mul(100) / total).unwrap_or(100).min(100);
    let (done, bar) = ("#".repeat(BAR * percent / 100), BAR);
    format!("[{done:-<bar$}] {percent:>3}%  {count}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_total_shows_bar_else_count() {
        let second = Duration::from_secs(1);
        assert_eq!(
            line(Some(200), 100, 7, second),
            "[###############---------------]  50%  7 tokens, 7 a second"
        );
        assert_eq!(line(None, 100, 10, second * 2), "10 tokens, 5 a second");
        assert!(line(Some(10), 20, 1, Duration::ZERO).contains("] 100%  1 tokens, 1000 a second"));
    }
}
