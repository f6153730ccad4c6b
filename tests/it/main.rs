//! The integration tests, as one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backend;
mod backend_network;
mod cli_versions;
mod exchange;
mod input;
mod keys;
mod login;
mod login_command;
mod policy;
mod policy_forms;
mod properties;
mod readme;
mod reference;
mod subjects;
mod support;
mod token;
mod usage;
mod verdict;
mod whoami;
