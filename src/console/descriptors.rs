//! Detects a shortage of file descriptors.
//!
//! Every file, pipe and connection needs one. Without this check, a run that runs out would blame
//! the file, the network or the CLI. So it checks at the start that there are enough, and remembers
//! later errors of this kind.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// More descriptors than a run has open at the same time: connections to the issuer and to Pulumi
/// Cloud, the resolver's sockets, the pipes of `pulumi version`, and the demo's servers.
const NEEDED: usize = 32;

/// The error message.
const MESSAGE: &str =
    "this process may open too few files; raise its limit (`ulimit -n 256`), or the system's";

/// Whether the process ran out of descriptors.
static RAN_OUT: AtomicBool = AtomicBool::new(false);

/// Whether there are enough descriptors for a run.
pub(crate) fn suffice() -> bool {
    let suffice = can_open(NEEDED);
    if !suffice {
        RAN_OUT.store(true, Ordering::Relaxed);
    }
    suffice
}

/// Remembers an error if missing descriptors caused it.
pub(crate) fn note(error: &io::Error) {
    if is_shortage(error) {
        RAN_OUT.store(true, Ordering::Relaxed);
    }
}

/// Whether the process ran out of descriptors so far.
pub(crate) fn ran_out() -> bool {
    RAN_OUT.load(Ordering::Relaxed)
}

/// Returns [`MESSAGE`] once: one line is enough for all failures.
pub(crate) fn message_once() -> Option<&'static str> {
    static RETURNED: AtomicBool = AtomicBool::new(false);
    (!RETURNED.swap(true, Ordering::Relaxed)).then_some(MESSAGE)
}

/// Recognises ENFILE and EMFILE, which have no [`io::ErrorKind`]. Their numbers are the same on
/// Linux, macOS and the BSDs.
#[cfg(unix)]
fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// Recognises `ERROR_TOO_MANY_OPEN_FILES` and `WSAEMFILE`.
#[cfg(not(unix))]
fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(4 | 10024))
}

/// Tries to duplicate standard error, which needs no file system and is always open.
#[cfg(unix)]
fn can_open(count: usize) -> bool {
    use std::os::fd::AsFd as _;
    let held: Vec<_> = (0..count).map(|_| io::stderr().as_fd().try_clone_to_owned()).collect();
    // EINVAL also shows a shortage: no descriptor above 2 is allowed.
    !held
        .iter()
        .flat_map(|copy| copy.as_ref().err())
        .any(|error| is_shortage(error) || error.kind() == io::ErrorKind::InvalidInput)
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
    fn shortage_differs_from_other_errors() {
        for (number, expected) in [(24, true), (23, true), (2, false), (13, false), (111, false)] {
            assert_eq!(is_shortage(&io::Error::from_raw_os_error(number)), expected);
        }
        assert!(!is_shortage(&io::Error::other("too many open files")));
    }
}
