//! The commands besides the diagnosis, one file each: its arguments (clap's, made typed), and a
//! `run` that ends with the exit status. What they work on lives in modules of its own.

pub(crate) mod completions;
pub mod decode;
pub mod explain;
#[cfg(feature = "generate")]
pub mod generate;
pub(crate) mod man;
pub mod ndjson;
pub(crate) mod output;
pub mod policy;
pub mod replay;
pub mod run;
pub mod step;
pub mod triage;
