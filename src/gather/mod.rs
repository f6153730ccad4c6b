//! Gathering: all input and output.

pub mod guard;
pub mod http;
pub mod tls;
