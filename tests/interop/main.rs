//! Tests `doctor` against servers and a client of other projects: see README.md in this folder.
//!
//! The tests have their own harness, because a test that cannot run must say why: cargo's harness
//! hides the output of passing tests, and prints only "ignored".
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod client_certificate;
mod cloud_front;
mod http;
mod issuer_front;
mod mock_server;
mod nginx;
mod node;
mod peer;
mod process;
mod provider;
mod registered;
mod sdk;

// The doubles and the way to run the program are shared with the integration tests.
#[path = "../it/reference.rs"]
mod reference;
#[path = "../it/support/mod.rs"]
mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use peer::Peer;

/// The name of a test, and the test.
pub type Test = (String, Box<dyn FnOnce() + Send>);

/// Makes tests of functions, named after them.
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        vec![$((stringify!($name).to_owned(), Box::new($name) as Box<dyn FnOnce() + Send>)),+]
    };
}
pub(crate) use tests;

fn main() -> ExitCode {
    let suites: [(&str, Peer, Vec<Test>); 6] = [
        ("provider", Peer::Node, provider::tests()),
        ("mock_server", Peer::Node, mock_server::tests()),
        ("client_certificate", Peer::Node, client_certificate::tests()),
        ("issuer_front", Peer::Nginx, issuer_front::tests()),
        ("cloud_front", Peer::Nginx, cloud_front::tests()),
        ("sdk", Peer::Python, sdk::tests()),
    ];
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for (suite, peer, tests) in suites {
        let missing = peer.missing();
        if let Some(why) = missing.as_ref().filter(|_| !arguments.list) {
            eprintln!("SKIPPED interop: {suite} ({} tests): {why}", tests.len());
        }
        trials.extend(tests.into_iter().map(|(name, test)| {
            let test = move || {
                test();
                Ok(())
            };
            Trial::test(format!("{suite}::{name}"), test).with_ignored_flag(missing.is_some())
        }));
    }
    let done = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        eprintln!(
            "interop: {} passed, {} failed, {} skipped",
            done.num_passed, done.num_failed, done.num_ignored
        );
    }
    done.exit_code()
}
