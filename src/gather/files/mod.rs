//! Reads input files.

pub(crate) mod bounded;
