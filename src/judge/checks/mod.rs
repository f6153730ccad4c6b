//! The checks, one file per check id.

pub(crate) mod backend;
pub(crate) mod cli;
pub(crate) mod cloud;
pub(crate) mod exchange;
pub(crate) mod input;
pub(crate) mod issuer;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod policy;
pub(crate) mod registration;
pub(crate) mod signature;
pub(crate) mod thumbprints;
pub(crate) mod token;
pub(crate) mod whoami;
