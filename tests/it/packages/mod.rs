//! What a release is made of, and how it gets into a job.

// install.sh is for Unix.
#[cfg(unix)]
mod install_sh;
mod release;
// The scripts are for Unix shells.
#[cfg(unix)]
mod templates;
