//! The diagnosis: each test breaks one thing in a healthy world.

mod ambient;
mod backend;
mod backend_network;
mod certificates;
mod cli_versions;
mod exchange;
mod healthy;
mod input;
mod issuer;
mod keys;
mod live;
mod login;
mod network;
mod policy;
mod proxies;
mod public_issuers;
// The cases were recorded on Unix.
#[cfg(unix)]
mod pulumi_cli;
mod registration;
mod subjects;
#[cfg(unix)]
mod surroundings;
mod token;
mod verdict;
mod whoami;
