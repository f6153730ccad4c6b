//! Making hostile text harmless.
