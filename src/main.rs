//! The program `doctor`.

fn main() {}
