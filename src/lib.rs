//! Says why a CI job cannot log in to Pulumi Cloud with its OIDC token, and what to change.
//!
//! ```text
//!  command line ──▶ cli ──▶ gather ──▶ evidence ──▶ judge ──▶ report ──▶ render ──▶ text
//!                          all input      │         pure,                one format
//!                          and output   bundle      no clock
//! ```
//!
//! `gather` does all input and output and fills one serialisable value, the evidence. `judge` turns
//! evidence and a clock into a report. `render` prints a report in one format. So a bundle, which is
//! evidence in a file, can be judged again without a network.
//!
//! The folders, lowest layer first. Each imports only from folders above it in this list
//! (`tests/architecture.rs`).

// Only what the program, the tests and the benchmarks use is `pub`.
#![warn(unreachable_pub)]

// Without knowledge of the domain.
// Inert text, quoting, URLs for display, secrets, words.
pub mod text;
// Caps on sizes, and budgets for computation.
pub mod limits;
// Files, progress, signals and file descriptors of the process.
pub mod console;
// TLS servers on loopback, for the demo and the tests.
#[cfg(feature = "demo")]
pub mod loopback;

// Knowledge: data and pure rules.
// Policy documents, patterns, claim paths, evaluation.
pub mod policy;
// The CI platforms, one file each.
pub mod platform;
// Every failure by its code.
pub mod catalogue;
// The messages that programs print in logs.
pub(crate) mod known_messages;
// What was found: the first value of the pipeline.
pub mod evidence;
// Tokens, signatures and issuer URLs, by the specifications.
pub mod oidc;
// How the Pulumi CLI and Pulumi Cloud behave.
pub mod pulumi;

// The pipeline.
// What is reported: the second value of the pipeline.
pub mod report;
// From evidence to a report.
pub mod judge;
// From a report to text in one format.
pub mod render;
// From the machine and the network to evidence.
pub mod gather;

// The program around it.
// Support bundles: evidence in a file, without secrets.
pub mod bundle;
// From arguments to typed values.
pub mod cli;
// `doctor demo`.
#[cfg(feature = "demo")]
pub mod demo;
// The commands, one file each.
pub mod command;
