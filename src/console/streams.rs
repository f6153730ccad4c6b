//! The process's streams.

use std::io::{self, Read, Write};

use super::signals;

/// The process's streams.
pub struct Streams<'a> {
    /// Standard input; read only when asked for.
    pub stdin: Box<dyn Read + Send>,
    /// Standard output: the report, and nothing else.
    pub stdout: &'a mut dyn Write,
    /// Standard error: notes and errors.
    pub stderr: &'a mut dyn Write,
    /// Whether a person sits at a terminal.
    pub terminal: bool,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
}

impl Streams<'_> {
    /// Which of them are terminals.
    pub(crate) fn terminals(&self) -> Terminals {
        Terminals { stdout: self.stdout_is_terminal, stderr: self.stderr_is_terminal }
    }
}

/// Which streams are terminals.
#[derive(Clone, Copy)]
pub(crate) struct Terminals {
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
}

/// Writes a text whole, unless the program is being ended.
pub(crate) fn write(stream: &mut dyn Write, text: &str) -> io::Result<()> {
    signals::wait_if_terminating();
    stream.write_all(text.as_bytes())?;
    stream.flush()
}
