//! What Go's standard library does with the texts that the CLI hands to it.

pub(crate) mod decode;
pub(crate) mod json;
pub(crate) mod url;
