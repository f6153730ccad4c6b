#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::render::{Style, Verbosity, samples};
fn show(report: &Report, verbosity: Verbosity) -> String {
    render(report, &Style { color: false, width: 80, verbosity })
}
#[test]
fn dump() {
    for (n, r) in [
        ("healthy", samples::healthy()),
        ("aud", samples::audience_mismatch()),
        ("several", samples::several_errors()),
        ("inconclusive", samples::inconclusive()),
        ("hostile", samples::with_text(samples::HOSTILE)),
    ] {
        for v in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            println!("=== {n} {v:?}\n{}", show(&r, v));
        }
    }
}
