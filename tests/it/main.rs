//! The integration tests, as one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod platform_output;
mod properties;
mod reference;
mod support;
