//! Judges policies: lint, broad entries, owners, suggestions.

pub(crate) mod broad;
pub(crate) mod cases;
pub(crate) mod claims;
pub(crate) mod fix;
pub mod job_claims;
pub(crate) mod lint;
pub(crate) mod owner;
pub(crate) mod smallest_change;
pub mod suggest;
pub(crate) mod unread_policy;
pub(crate) mod unwanted;
pub(crate) mod who;
