//! Reads the files that options name.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use super::bounded::{Bounded, Unopened};
use super::problem::file_problem;
use crate::gather::plan::InputError;
use crate::limits;
use crate::text::secret::argument;

/// Reads a file that an option names. A pipe (a shell's `<(...)`) may take `limit`.
pub(crate) fn read_named_file(
    option: &'static str,
    path: &Path,
    directory: &Path,
    limit: Duration,
) -> Result<Vec<u8>, InputError> {
    read_up_to(limits::FILE, option, path, directory, limit)
}

fn read_up_to(
    max_bytes: u64,
    option: &'static str,
    path: &Path,
    directory: &Path,
    limit: Duration,
) -> Result<Vec<u8>, InputError> {
    let error = |problem: String| InputError { option, path: argument(path), problem };
    let full = directory.join(path);
    if full.is_dir() {
        return Err(error("it is a directory, not a file".to_owned()));
    }
    let is_ordinary = full.metadata().map_err(|e| error(file_problem(&e).to_string()))?.is_file();
    let file = Unopened::new(full);
    let source: Box<dyn Read> =
        if is_ordinary { Box::new(file) } else { Box::new(Bounded::new(file, limit)) };
    let mut bytes = Vec::new();
    source
        .take(max_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| error(file_problem(&e).to_string()))?;
    if bytes.len() as u64 > max_bytes {
        return Err(error(format!("it is larger than {} MiB", max_bytes >> 20)));
    }
    Ok(bytes)
}

/// Reads a support bundle from a file, or a pipe for a few seconds.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read_bundle(path: &Path) -> Result<Vec<u8>, InputError> {
    read_up_to(limits::BUNDLE, "replay", path, Path::new(""), Duration::from_secs(10))
}
