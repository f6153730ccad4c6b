//! Why a file cannot be read.

use std::io;

use crate::console::descriptors;
use crate::evidence::FileProblem;

/// The reason, from the system's error.
pub(crate) fn problem(error: &io::Error) -> FileProblem {
    descriptors::note(error);
    FileProblem::from(error)
}
