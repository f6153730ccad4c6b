//! Parts of Go's standard library that the CLI uses, with their error messages.

pub(crate) mod decode;
pub(crate) mod json;
pub(crate) mod url;
