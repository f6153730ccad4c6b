//! The behaviour of the Pulumi CLI and Pulumi Cloud.

pub(crate) mod answers;
pub(crate) mod backend_url;
pub(crate) mod duration;
pub(crate) mod first_error;
pub(crate) mod flags;
pub(crate) mod go;
pub(crate) mod login_command;
pub mod login_flags;
mod read_by_cli;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod urn;
pub(crate) mod versions;
