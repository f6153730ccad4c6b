//! The integration tests, as one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod guard;
mod issuer;
mod keys;
mod properties;
mod reference;
mod registration;
mod support;
mod token;
