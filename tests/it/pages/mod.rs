//! Documents and tables of the repository say what the program does.

// The pipeline's script runs in bash.
#[cfg(unix)]
mod article;
mod catalogue;
mod container;
mod dependencies;
mod generated;
mod installing;
mod known_messages;
#[cfg(unix)]
mod picture;
mod readme;
mod triage_page;
