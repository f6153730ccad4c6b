//! Leaves the tables for unwinding out of the released program.
//!
//! It never unwinds: a panic ends it (src/main.rs), and prints no backtrace. The tables would be an
//! eighth of it. rustc can do without them (`-C force-unwind-tables=no`), but no profile of cargo
//! can say so. The linker can, and for one target it is known which one that is: rustc brings its
//! own lld, unless another one is asked for. Elsewhere the program is as good, and larger.

use std::path::Path;
use std::{env, fs};

const DISCARD: &str = "SECTIONS { /DISCARD/ : \
                       { *(.eh_frame .eh_frame_hdr .gcc_except_table .gcc_except_table.*) } } \
                       INSERT AFTER .text;\n";

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    let own_linker = variable("RUSTC_LINKER").is_empty()
        && !["linker", "fuse-ld"].iter().any(|flag| flags.contains(flag));
    if variable("PROFILE") == "release"
        && variable("TARGET") == "x86_64-unknown-linux-gnu"
        && own_linker
    {
        let script = Path::new(&variable("OUT_DIR")).join("unwinding.ld");
        fs::write(&script, DISCARD)?;
        // Not -Wl, which would end at a comma of the path.
        println!("cargo::rustc-link-arg-bins=-Xlinker");
        println!("cargo::rustc-link-arg-bins=--script={}", script.display());
        // Functions that came out the same are one.
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
    Ok(())
}
