//! Leaves the tables for unwinding out of the released program.
//!
//! It never unwinds: a panic ends it (src/main.rs), and prints no backtrace. The tables would be an
//! eighth of it. rustc can do without them (`-C force-unwind-tables=no`), but no profile of cargo
//! can say so; the linker can, where it is the one that rustc itself brings for this target.

use std::env;

fn main() {
    const SCRIPT: &str = "build/unwinding.ld";
    println!("cargo::rerun-if-changed={SCRIPT}");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    let other_linker = ["linker", "fuse-ld", "link-self-contained"];
    let own_linker = variable("RUSTC_LINKER").is_empty()
        && !other_linker.iter().any(|flag| flags.contains(flag));
    if variable("PROFILE") == "release"
        && variable("TARGET") == "x86_64-unknown-linux-gnu"
        && own_linker
    {
        let directory = variable("CARGO_MANIFEST_DIR");
        println!("cargo::rustc-link-arg-bins=-Wl,--script={directory}/{SCRIPT}");
        // Functions that came out the same are one.
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
}
