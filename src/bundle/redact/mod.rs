//! Replaces names in a bundle that is to be shown to others.

pub(crate) mod addresses;
pub(crate) mod names;
pub(crate) mod pseudonym;
pub(crate) mod public;
