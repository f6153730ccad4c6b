//! Replaces names in a bundle that is to be shown to others (`--redact`): `org-1`, `repo-2` and so
//! on, the same name for the same value.
//!
//! - [`certain`] finds the values that are names because of where they stand, and what they name.
//! - [`names`] numbers them, and cuts them where a pattern has a wildcard.
//! - [`text`] reads a text and replaces every name in it. What is left is [`public`].
//! - [`address`] does the same for IP addresses, whose class is judged and stays.

pub(super) mod address;
pub(super) mod certain;
pub(super) mod names;
pub(super) mod public;
pub(super) mod text;
