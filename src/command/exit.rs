//! How a run ends: exit statuses, the line on standard error, the text on standard output.

use std::io::{self, Write};

use super::output::Failure;
use crate::console::descriptors;
use crate::console::streams::{Streams, write};
use crate::gather::environment::Environment;
use crate::text;

/// Bad usage, or an input file that cannot be used.
pub const USAGE: u8 = 2;
/// A defect of the program, or too few file descriptors for it.
pub const INTERNAL_ERROR: u8 = 70;
/// The reader of standard output went away: 128 and the number of SIGPIPE.
const BROKEN_PIPE: u8 = 141;

/// One line on standard error; status 2, whether it can be read or not. Where there were too few
/// file descriptors, the line says so instead: whatever failed failed because of that.
pub(crate) fn complain(stderr: &mut dyn Write, message: &str) -> u8 {
    if descriptors::ran_out() {
        if let Some(message) = descriptors::message_once() {
            let _ = write(stderr, &format!("doctor: {message}\n"));
        }
        return INTERNAL_ERROR;
    }
    // Not only what looks like a secret: a value of a variable may stand where a file belongs.
    let scrubber = Environment::of_process().scrubber(&[], &[]);
    let message = text::guard(&text::inert(&scrubber.scrub(&text::urls_in(message))));
    let _ = write(stderr, &format!("doctor: {message}\n"));
    USAGE
}

/// Prints a text on standard output; the status, unless that cannot be.
pub(crate) fn print(streams: &mut Streams, text: &str, status: u8) -> u8 {
    let result = write(streams.stdout, text).map_err(Failure::Stdout);
    delivered(result, status, streams.stderr)
}

/// The status, or that of a report which could not be delivered.
pub(crate) fn delivered(result: Result<(), Failure>, status: u8, stderr: &mut dyn Write) -> u8 {
    match result {
        Ok(()) => status,
        Err(Failure::Stdout(error)) if error.kind() == io::ErrorKind::BrokenPipe => BROKEN_PIPE,
        Err(Failure::Stdout(error)) => {
            let reason = error.kind();
            complain(stderr, &format!("standard output: {reason}; send it elsewhere"))
        }
        Err(Failure::File(problem)) => complain(stderr, &problem),
    }
}
