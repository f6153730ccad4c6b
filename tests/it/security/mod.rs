//! Tests of the promises in SECURITY.md, one file for each kind of attack. Each kind has a control:
//! the same input without the attack passes.

mod addresses;
mod bundles;
mod child_processes;
mod credentials;
mod descriptors;
mod encoded_secrets;
mod guard;
mod hostile;
mod limits;
mod log_secrets;
mod rules;
mod secrets;
mod signatures;
mod urls;
