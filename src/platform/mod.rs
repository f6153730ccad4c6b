//! What is known of the CI platforms.

pub(crate) mod entra;
pub mod subject;
