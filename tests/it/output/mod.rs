//! Where reports go, and how the program starts and ends.

#[cfg(unix)]
mod empty_root;
mod instructions;
#[cfg(unix)]
mod interruption;
#[cfg(unix)]
mod output_files;
mod platform_output;
mod reports;
mod schema;
mod shells;
#[cfg(unix)]
mod views;
