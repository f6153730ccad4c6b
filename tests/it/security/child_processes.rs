//! Child processes get a short list of variables and no credential.
