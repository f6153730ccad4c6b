//! The integration tests, as one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ambient;
// The pipeline's script runs in bash.
#[cfg(unix)]
mod article;
mod backend;
mod backend_network;
mod bundle;
mod catalogue;
mod certificates;
mod cli_versions;
mod completions;
mod container;
mod decode;
mod demo;
mod dependencies;
mod differential;
#[cfg(unix)]
mod empty_root;
mod exchange;
mod explain;
// A reset of a connection is made as Unix makes it.
#[cfg(unix)]
mod faults;
mod generated;
mod guard;
mod healthy;
mod hostile;
mod input;
mod installing;
mod instructions;
#[cfg(unix)]
mod interruption;
mod issuer;
mod keys;
mod known_messages;
mod live;
mod login;
mod login_command;
mod many;
mod network;
#[cfg(unix)]
mod output_files;
mod platform_output;
mod policy;
mod policy_cases;
mod policy_command;
mod policy_docs;
mod policy_fix;
mod policy_forms;
mod policy_live;
mod policy_suggest;
mod policy_who;
mod properties;
mod proxies;
mod public_issuers;
// The cases are of a Unix machine.
#[cfg(unix)]
mod pulumi_cli;
mod readme;
mod reference;
mod registration;
mod remedies;
mod schema;
mod secrets;
mod security;
mod shells;
mod step;
mod subjects;
mod support;
#[cfg(unix)]
mod surroundings;
mod token;
mod triage;
mod triage_page;
mod usage;
mod verdict;
mod whoami;
