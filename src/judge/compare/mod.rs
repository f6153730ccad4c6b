//! Compares values of the token with those that the registration or the policy expects.

pub(crate) mod diff;
pub(crate) mod issuer;
pub(crate) mod rule;
pub(crate) mod subject;
