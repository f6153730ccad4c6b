//! The failure catalogue: the codes, each with a page in `docs/codes/`. Reports take their titles,
//! advice and links from the pages; `doctor explain` prints them.
//!
//! To add a code, add its row in `code.rs` and its page `docs/codes/CODE.md`, let a check raise it,
//! and write a test.

mod category;
mod code;
mod entry;
#[cfg(test)]
mod tests;

pub use category::{Category, Severity};
pub use code::Code;
pub(crate) use entry::{Entry, Section};
