//! Decoding tokens.
