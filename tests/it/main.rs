//! The integration tests, as one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exchange;
mod policy;
mod policy_forms;
mod properties;
mod readme;
mod reference;
mod subjects;
mod support;
mod verdict;
mod whoami;
