//! The integration tests, as one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backend;
mod backend_network;
mod cli_versions;
mod exchange;
mod guard;
mod input;
mod issuer;
mod keys;
mod login;
mod policy;
mod policy_forms;
mod properties;
mod readme;
mod reference;
mod registration;
mod subjects;
mod support;
mod token;
mod usage;
mod verdict;
mod whoami;
