//! Gathering: all input and output.

pub mod backend;
pub mod credentials;
pub mod guard;
pub mod http;
pub mod project;
pub mod pulumi_cli;
pub mod tls;
pub mod token;
