//! How the Pulumi CLI and Pulumi Cloud behave.

pub(crate) mod answers;
pub mod backend_url;
pub mod duration;
pub(crate) mod first_error;
pub mod flags;
pub(crate) mod go;
pub(crate) mod login_command;
pub mod login_flags;
pub mod request;
pub(crate) mod urn;
pub(crate) mod versions;
