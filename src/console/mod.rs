//! Input and output of the process: files, streams, progress, signals, file descriptors.

pub(crate) mod descriptors;
pub(crate) mod file;
pub(crate) mod progress;
pub(crate) mod prompt;
pub mod signals;
pub mod streams;
