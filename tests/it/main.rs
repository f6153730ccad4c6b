//! The integration tests, as one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod commands;
mod diagnosis;
// A reset of a connection is made as Unix makes it.
#[cfg(unix)]
mod faults;
mod output;
mod packages;
mod pages;
mod policies;
mod reference;
mod remedies;
mod security;
mod support;
