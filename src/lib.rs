//! Says why a CI job cannot log in to Pulumi Cloud with its OIDC token, and what to change.
//!
//! Three stages: [`gather`] does all input and output and fills the [`evidence`]; [`judge`] is
//! pure and turns evidence into a [`report`]; [`render`] prints a report in one format. The
//! [`catalogue`] names every failure.

pub mod address;
pub mod backend_url;
pub mod bundle;
pub mod catalogue;
pub mod cli;
pub mod command;
#[cfg(feature = "demo")]
pub mod demo;
mod descriptors;
mod entra;
pub mod evidence;
mod examples;
pub mod gather;
pub mod go_duration;
pub mod go_flags;
pub mod interruption;
pub mod issuer_url;
pub mod judge;
pub mod jwt;
pub mod limits;
mod lines;
pub mod log;
pub mod login_flags;
#[cfg(feature = "demo")]
pub mod loopback;
mod output;
pub mod policy;
mod progress;
pub mod render;
pub mod report;
pub mod request;
pub mod run;
pub mod secret;
pub mod signature;
pub mod signatures;
pub mod step;
pub mod subject;
pub mod text;
pub mod triage;
