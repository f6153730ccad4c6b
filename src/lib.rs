//! Says why a CI job cannot log in to Pulumi Cloud with its OIDC token, and what to change.
//!
//! Three stages: [`gather`] does all input and output and fills the [`evidence`]; [`judge`] is
//! pure and turns evidence into a [`report`]; [`render`] prints a report in one format. The
//! [`catalogue`] names every failure.

pub mod bundle;
pub mod catalogue;
pub mod cli;
pub mod command;
pub mod console;
#[cfg(feature = "demo")]
pub mod demo;
pub mod evidence;
pub mod gather;
pub mod judge;
pub mod known_messages;
pub mod limits;
#[cfg(feature = "demo")]
pub mod loopback;
pub mod oidc;
pub mod platform;
pub mod policy;
pub mod pulumi;
pub mod render;
pub mod report;
pub mod text;
