//! A line on the terminal that says that something happens, while it takes long.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::interruption::{Traces, whole};

/// Who waits shorter than this needs no comfort.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line moves.
const TICK: Duration = Duration::from_millis(120);
/// What moves. ASCII only: other signs are not in every font.
const MARKS: [char; 4] = ['|', '/', '-', '\\'];

/// The line; it is gone when this is dropped. Standard error has to be a terminal.
pub(super) struct Progress {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Shows what is being done, from a second on.
    pub(super) fn start(doing: &'static str) -> Self {
        let (done, ended) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let begun = Instant::now();
            let goes_on = |wait| ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout);
            let mut marks = MARKS.into_iter().cycle();
            let mut wait = PATIENCE;
            while goes_on(wait)
                && let Some(mark) = marks.next()
            {
                let line = format!("{mark} {doing} ({}s)", begun.elapsed().as_secs());
                whole(|traces| traces.show(&line));
                wait = TICK;
            }
            whole(Traces::clear);
        });
        Self { done: Some(done), thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            // A line that could not be drawn is no reason to fail.
            let _ = thread.join();
        }
    }
}
