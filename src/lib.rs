//! Says why a CI job cannot log in to Pulumi Cloud with its OIDC token, and what to change.
//!
//! ```text
//!  command line ──▶ cli ──▶ gather ──▶ evidence ──▶ judge ──▶ report ──▶ render ──▶ text
//!                          all input      │         pure,                one format
//!                          and output   bundle      no clock
//! ```
//!
//! `gather` does all input and output and returns one serialisable value, the evidence. `judge`
//! turns evidence into a report. `render` prints a report in one format. So a bundle, which is
//! evidence in a file, can be judged again without a network.
//!
//! The folders are listed with the lowest layer first. Each imports only from folders above it
//! (`tests/architecture.rs`).

// Only items that the program, the tests or the benchmarks use are `pub`.
#![warn(unreachable_pub)]

// General helpers, without knowledge of OIDC or Pulumi.
// Inert text, quoting, URLs for display, secrets, words.
pub mod text;
// Limits on sizes, and budgets for computation.
pub mod limits;
// Files, progress, signals and file descriptors.
pub mod console;
// TLS servers on loopback, for the demo and the tests.
#[cfg(feature = "demo")]
pub mod loopback;

// Knowledge: data and pure rules.
// Policy documents, patterns, claim paths, evaluation.
pub mod policy;
// The CI platforms, one file each.
pub mod platform;
// The failure codes.
pub mod catalogue;
// The messages that programs print in logs.
pub(crate) mod known_messages;
// The evidence: the first value of the pipeline.
pub mod evidence;
// Tokens, signatures and issuer URLs, by the specifications.
pub mod oidc;
// The behaviour of the Pulumi CLI and Pulumi Cloud.
pub mod pulumi;

// The pipeline.
// The report: the second value of the pipeline.
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
