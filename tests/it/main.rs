//! The integration tests, as one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod login_command;
mod properties;
mod reference;
mod support;
