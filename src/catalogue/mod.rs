//! The failure catalogue: the codes, and a page for each of them in `docs/codes/`. Reports take
//! their titles, advice and links from here; `doctor explain` prints the pages.
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
