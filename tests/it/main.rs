//! The integration tests, as one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod catalogue;
mod demo;
mod healthy;
mod hostile;
mod properties;
mod reference;
mod schema;
mod secrets;
mod support;
