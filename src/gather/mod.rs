//! Gathering: all input and output.

pub mod token;
