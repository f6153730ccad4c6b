//! The end of a run: exit statuses, the line on standard error, the text on standard output.

use std::io::{self, Write};

use super::output::Failure;
use crate::console::descriptors;
use crate::console::streams::{Streams, write};
use crate::gather::environment::Environment;
use crate::text;

/// Bad usage, or an input file that cannot be used.
pub const USAGE: u8 = 2;
/// A defect of the program, or too few file descriptors.
pub const INTERNAL_ERROR: u8 = 70;
/// The reader of standard output closed it: 128 plus the number of SIGPIPE.
const BROKEN_PIPE: u8 = 141;

/// Prints one line on standard error and returns status 2. If file descriptors ran out, the line
/// says that instead, since that caused the failure.
pub(crate) fn complain(stderr: &mut dyn Write, message: &str) -> u8 {
    if descriptors::ran_out() {
        if let Some(message) = descriptors::message_once() {
            let _ = write(stderr, &format!("doctor: {message}\n"));
        }
        return INTERNAL_ERROR;
    }
    // People pass a secret variable's value instead of a file name, so scrub those values too.
    let scrubber = Environment::of_process().scrubber(&[], &[]);
    let message = text::guard(&text::inert(&scrubber.scrub(&text::urls_in(message))));
    let _ = write(stderr, &format!("doctor: {message}\n"));
    USAGE
}

/// Prints a text on standard output. Returns `status`, unless printing fails.
pub(crate) fn print(streams: &mut Streams, text: &str, status: u8) -> u8 {
    let result = write(streams.stdout, text).map_err(Failure::Stdout);
    delivery_status(result, status, streams.stderr)
}

/// Returns `status`, or the status of a failed delivery.
pub(crate) fn delivery_status(
    result: Result<(), Failure>,
    status: u8,
    stderr: &mut dyn Write,
) -> u8 {
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
