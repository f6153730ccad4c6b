//! Reads input files.

pub(crate) mod bounded;
pub(crate) mod named;
pub(crate) mod problem;
