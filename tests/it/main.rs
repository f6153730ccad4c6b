//! The integration tests, as one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backend;
mod backend_network;
mod cli_versions;
mod input;
mod login;
mod properties;
mod reference;
mod support;
mod usage;
