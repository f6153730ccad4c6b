//! Running out of file descriptors.
//!
//! Every file, pipe and connection takes one. A run that lacks them in the middle would blame what
//! it happened to open: a file, the network, the CLI. So it makes sure at its start that there are
//! enough, and remembers errors that say so nevertheless.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// More than a run holds open at the same time: connections to the issuer and to Pulumi Cloud, the
/// resolver's sockets, the pipes of `pulumi version`, and the servers of the demo.
const NEEDED: usize = 32;

/// The message, in one line.
const MESSAGE: &str =
    "this process may open too few files; raise its limit (`ulimit -n 256`), or the system's";

/// Whether an error was one of these. They say nothing about what was being opened.
static RAN_OUT: AtomicBool = AtomicBool::new(false);

/// Whether there are enough for a run.
pub(crate) fn suffice() -> bool {
    let suffice = can_open(NEEDED);
    if !suffice {
        RAN_OUT.store(true, Ordering::Relaxed);
    }
    suffice
}

/// Remembers an error that was caused by missing file descriptors.
pub(crate) fn note(error: &io::Error) {
    if tells_of_shortage(error) {
        RAN_OUT.store(true, Ordering::Relaxed);
    }
}

/// Whether there were too few at some time.
pub(crate) fn ran_out() -> bool {
    RAN_OUT.load(Ordering::Relaxed)
}

/// [`MESSAGE`] the first time, then nothing: one line is enough for all failures.
pub(crate) fn message_once() -> Option<&'static str> {
    static TOLD: AtomicBool = AtomicBool::new(false);
    (!TOLD.swap(true, Ordering::Relaxed)).then_some(MESSAGE)
}

/// ENFILE and EMFILE, which have no [`io::ErrorKind`]. The numbers are the same on Linux, macOS and
/// the BSDs.
#[cfg(unix)]
fn tells_of_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// `ERROR_TOO_MANY_OPEN_FILES`, `WSAEMFILE`.
#[cfg(not(unix))]
fn tells_of_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(4 | 10024))
}

/// Duplicates standard error: that needs no file system, and the runtime keeps it open.
#[cfg(unix)]
fn can_open(count: usize) -> bool {
    use std::os::fd::AsFd as _;
    let held: Vec<_> = (0..count).map(|_| io::stderr().as_fd().try_clone_to_owned()).collect();
    // Any other error is not about their number. EINVAL is: no descriptor above 2 is allowed.
    !held
        .iter()
        .flat_map(|one| one.as_ref().err())
        .any(|error| tells_of_shortage(error) || error.kind() == io::ErrorKind::InvalidInput)
}

/// Windows has no such limit on handles.
#[cfg(not(unix))]
fn can_open(_: usize) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_shortage_is_told_from_other_errors() {
        for (number, expected) in [(24, true), (23, true), (2, false), (13, false), (111, false)] {
            assert_eq!(tells_of_shortage(&io::Error::from_raw_os_error(number)), expected);
        }
        assert!(!tells_of_shortage(&io::Error::other("too many open files")));
    }
}
