//! Tokens and issuers, by the OpenID Connect specifications.

pub(crate) mod issuer_url;
pub mod jwt;
pub mod signature;
