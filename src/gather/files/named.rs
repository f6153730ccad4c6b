//! Reads the files that options name.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use super::bounded::{Bounded, Unopened};
use super::problem::problem;
use crate::gather::plan::InputError;
use crate::limits;
use crate::text::secret::argument;

/// Reads a file that an option names, or a pipe (a shell's `<(...)`), for which `limit` holds.
pub(crate) fn read(
    option: &'static str,
    path: &Path,
    directory: &Path,
    limit: Duration,
) -> Result<Vec<u8>, InputError> {
    read_up_to(limits::FILE, option, path, directory, limit)
}

/// [`read`], but not more than `largest` bytes.
fn read_up_to(
    largest: u64,
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
    let is_ordinary = full.metadata().map_err(|e| error(problem(&e).to_string()))?.is_file();
    let file = Unopened::new(full);
    let source: Box<dyn Read> =
        if is_ordinary { Box::new(file) } else { Box::new(Bounded::new(file, limit)) };
    let mut bytes = Vec::new();
    source.take(largest + 1).read_to_end(&mut bytes).map_err(|e| error(problem(&e).to_string()))?;
    if bytes.len() as u64 > largest {
        return Err(error(format!("it is larger than {} MiB", largest >> 20)));
    }
    Ok(bytes)
}

/// Reads a support bundle from a file, or a pipe for a few seconds.
///
/// # Errors
/// It cannot be read.
pub(crate) fn bundle(path: &Path) -> Result<Vec<u8>, InputError> {
    read_up_to(limits::BUNDLE, "replay", path, Path::new(""), Duration::from_secs(10))
}
