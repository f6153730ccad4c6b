//! How the Pulumi CLI and Pulumi Cloud behave.

pub mod backend_url;
pub mod duration;
pub mod flags;
pub mod login_flags;
pub mod request;
