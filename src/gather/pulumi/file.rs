//! Reads the CLI's files.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

/// The size limit in bytes. No project or credentials file is larger.
const MAX_SIZE: u64 = 1 << 20;

/// Reads a file of the CLI's. The error is the reason in words. Only regular files are opened,
/// because reading a pipe might never end.
pub(crate) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let explain = |error: std::io::Error| {
        crate::console::descriptors::note(&error);
        match error.kind() {
            ErrorKind::NotFound => "there is no such file".to_owned(),
            ErrorKind::PermissionDenied => "it may not be read: permission denied".to_owned(),
            ErrorKind::NotADirectory => "a part of its path is not a directory".to_owned(),
            _ => format!("it cannot be read: {error}"),
        }
    };
    let metadata = path.metadata().map_err(explain)?;
    if !metadata.is_file() {
        return Err("it is not an ordinary file".to_owned());
    }
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)
        .and_then(|file| file.take(MAX_SIZE + 1).read_to_end(&mut bytes))
        .map_err(explain)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err("it is larger than 1 MiB".to_owned());
    }
    Ok(bytes)
}
