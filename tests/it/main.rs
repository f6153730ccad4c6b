//! The integration tests, as one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod keys;
mod properties;
mod reference;
mod support;
mod token;
