//! Tests of each command.

mod bundle;
mod completions;
mod decode;
mod demo;
mod explain;
mod login_command;
mod many;
mod many_logs;
mod package_name;
#[cfg(unix)]
mod prompt;
mod step;
mod triage;
mod usage;
