//! Compares a value with the one that was expected, and marks the difference.

pub(crate) mod issuer;
pub(crate) mod mark;
pub(crate) mod rule;
pub(crate) mod subject;
