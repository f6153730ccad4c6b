//! Explains network failures.

pub(crate) mod certificate;
pub(crate) mod failure;
pub(crate) mod proxy;
pub(crate) mod public_issuer;
