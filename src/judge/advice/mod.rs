//! What to change, for causes that several checks share.

pub(crate) mod found_backend;
pub(crate) mod missing_token;
pub(crate) mod unknown_policy;
pub(crate) mod without_token;
