//! Replaces names in a bundle for others (`--redact`): `org-1`, `repo-2` and so on. Equal values
//! get equal replacements.
//!
//! - [`certain_names`] collects the values of fields that hold only names.
//! - [`names`] numbers names, and cuts them where a pattern has a wildcard.
//! - [`text`] replaces every name in a text, except what is [`public`].
//! - [`address`] replaces IP addresses and keeps their class, which the checks read.

pub(super) mod address;
pub(super) mod certain_names;
pub(super) mod names;
pub(super) mod public;
pub(super) mod text;
