//! The process's streams.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write};

use super::prompt::Prompt;
use super::signals;

/// The process's streams.
pub struct Streams<'a> {
    /// Standard input. Not read unless a command needs it.
    pub stdin: Box<dyn Read + Send>,
    /// Standard output: the report, and nothing else.
    pub stdout: &'a mut dyn Write,
    /// Standard error: notes and errors.
    pub stderr: &'a mut dyn Write,
    /// Whether a person runs the program at a terminal.
    pub terminal: bool,
    /// Where standard output goes.
    pub stdout_is: Stdout,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
}

impl Streams<'_> {
    /// Takes standard input to read a token of at most this many bytes. Prompts a person at a
    /// terminal.
    pub(crate) fn take_token_input(&mut self, longest: usize) -> Box<dyn Read + Send> {
        if self.terminal {
            return Box::new(Prompt::new(longest));
        }
        std::mem::replace(&mut self.stdin, Box::new(io::empty()))
    }

    /// Which streams are terminals.
    pub(crate) fn terminals(&self) -> Terminals {
        Terminals { stdout: self.stdout_is, stderr: self.stderr_is_terminal }
    }
}

/// Where standard output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdout {
    Terminal,
    /// A regular file.
    File,
    /// A pipe, for example.
    Other,
}

impl Stdout {
    /// Where this process's standard output goes.
    pub fn of_process() -> Self {
        let stdout = io::stdout();
        if stdout.is_terminal() {
            return Self::Terminal;
        }
        #[cfg(unix)]
        let copy = std::os::fd::AsFd::as_fd(&stdout).try_clone_to_owned();
        #[cfg(windows)]
        let copy = std::os::windows::io::AsHandle::as_handle(&stdout).try_clone_to_owned();
        let is_file = copy
            .map(File::from)
            .and_then(|file| file.metadata())
            .is_ok_and(|found| found.is_file());
        if is_file { Self::File } else { Self::Other }
    }
}

/// Which streams are terminals.
#[derive(Clone, Copy)]
pub(crate) struct Terminals {
    pub(crate) stdout: Stdout,
    pub(crate) stderr: bool,
}

/// Writes a complete text, unless a signal is ending the program.
pub(crate) fn write(stream: &mut dyn Write, text: &str) -> io::Result<()> {
    signals::wait_if_terminating();
    stream.write_all(text.as_bytes())?;
    stream.flush()
}
