//! Gathering: all input and output.

pub mod backend;
pub mod credentials;
pub mod project;
pub mod pulumi_cli;
