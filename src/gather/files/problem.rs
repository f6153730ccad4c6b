//! Why a file cannot be read.

use std::io;

use crate::console::descriptors;
use crate::evidence::FileProblem;

/// Classifies the system's error, and notes a shortage of file descriptors.
pub(crate) fn file_problem(error: &io::Error) -> FileProblem {
    descriptors::note(error);
    FileProblem::from(error)
}
