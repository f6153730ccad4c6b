//! A line on the terminal that says that something happens, while it takes long.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::interruption::whole;

/// Who waits shorter than this needs no comfort.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line moves.
const TICK: Duration = Duration::from_millis(120);

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
            let goes_on = |wait| ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout);
            if !goes_on(PATIENCE) {
                return;
            }
            let bar = ProgressBar::new_spinner();
            // ASCII only: the ordinary spinner is not in every font.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                bar.set_style(style.tick_chars("|/-\\ "));
            }
            bar.set_message(doing);
            loop {
                whole(|traces| {
                    traces.line = true;
                    bar.tick();
                });
                if !goes_on(TICK) {
                    break;
                }
            }
            whole(|traces| {
                bar.finish_and_clear();
                traces.line = false;
            });
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
