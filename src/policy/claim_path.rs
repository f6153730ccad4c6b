//! Claim paths.
