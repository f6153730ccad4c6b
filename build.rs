//! Leaves the tables for unwinding out of the released program.
//!
//! It never unwinds: a panic ends it (src/main.rs), and prints no backtrace. The tables would be an
//! eighth of it. rustc can do without them (`-C force-unwind-tables=no`), but no profile of cargo
//! can say so. The linker can: GNU ld and lld know such scripts. So this is done where it is known
//! to be one of them: rustc brings its own lld for one target, and with musl uses the system's GNU
//! ld, unless another one is asked for.

use std::path::Path;
use std::{env, fs};

const DISCARD: &str = "SECTIONS { /DISCARD/ : \
                       { *(.eh_frame .eh_frame_hdr .gcc_except_table .gcc_except_table.*) } } \
                       INSERT AFTER .text;\n";

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let (target, flags) = (variable("TARGET"), variable("CARGO_ENCODED_RUSTFLAGS"));
    let chosen = ["linker", "fuse-ld"].iter().any(|flag| flags.contains(flag));
    let brings_lld = target == "x86_64-unknown-linux-gnu";
    if variable("PROFILE") != "release"
        || chosen
        || !variable("RUSTC_LINKER").is_empty()
        || !(brings_lld || target.ends_with("-linux-musl"))
    {
        return Ok(());
    }
    let script = Path::new(&variable("OUT_DIR")).join("unwinding.ld");
    fs::write(&script, DISCARD)?;
    println!("cargo::rustc-link-arg-bins=-Wl,--script={}", script.display());
    if brings_lld {
        // Functions that came out the same are one.
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
    Ok(())
}
