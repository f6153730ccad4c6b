//! Writes files completely or not at all, readable only by their owner. Errors are sentences that
//! say what to do, and do not name the temporary file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::console::descriptors;
use crate::console::signals::uninterrupted;

/// Paths of the process's own streams. They are written to, not replaced, even if redirected to a
/// file.
const STREAMS: [&str; 4] = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"];
/// How long to wait for the reader of a pipe.
const READER: Duration = Duration::from_millis(300);

/// Replaces the file completely or not at all. Only its owner can read it. Replaces a symbolic link
/// instead of following it. Writes to anything but a file (/dev/stdout, /dev/null, a named pipe)
/// instead of replacing it, which root could do.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), String> {
    let written = match is_own_stream(path) {
        own if own || is_stream(path) => write_stream(path, own, text),
        _ => match obstacle(path) {
            Some(problem) => return Err(problem),
            // A signal must not leave a half-written file behind.
            None => uninterrupted(|_| {
                let file = create(&tempfile::Builder::new(), directory_of(path), text)?;
                file.persist(path).map(drop).map_err(|error| error.error)
            }),
        },
    };
    written.map_err(|error| describe_error(path, &error))
}

/// Replaces a user's file completely or not at all. Keeps its permissions, and follows symbolic
/// links. Fails if the content is no longer `before`.
pub(crate) fn rewrite(path: &Path, before: &str, text: &str) -> Result<(), String> {
    let written = || -> io::Result<()> {
        let path = path.canonicalize()?;
        let permissions = fs::metadata(&path)?.permissions();
        if permissions.readonly() {
            return Err(ErrorKind::PermissionDenied.into());
        }
        uninterrupted(|_| {
            let file = create(&tempfile::Builder::new(), directory_of(&path), text)?;
            file.as_file().set_permissions(permissions)?;
            if fs::read(&path)? != before.as_bytes() {
                return Err(io::Error::other("it was changed meanwhile; run it again"));
            }
            file.persist(&path).map(drop).map_err(|error| error.error)
        })
    };
    written().map_err(|error| describe_error(path, &error))
}

/// Why no file can be written there, as far as this shows without writing.
pub(crate) fn obstacle(path: &Path) -> Option<String> {
    let kind = if path.file_name().is_none() || is_directory(path) {
        ErrorKind::IsADirectory
    } else {
        match fs::metadata(directory_of(path)) {
            Ok(found) if found.is_dir() => return None,
            Ok(_) => ErrorKind::NotADirectory,
            Err(error) => error.kind(),
        }
    };
    Some(describe_error(path, &kind.into()))
}

/// Whether a path is a directory. A link to one counts as a link, which can be replaced.
fn is_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}

/// Writes a new file that outlives the program, in `own` if that is a directory, else in the
/// general temporary directory.
pub(crate) fn write_lasting(own: Option<&Path>, text: &str) -> Result<PathBuf, String> {
    let own = own.filter(|directory| directory.is_absolute() && directory.is_dir());
    let general = std::env::temp_dir();
    let directory = own.unwrap_or(&general);
    let kept = uninterrupted(|_| {
        let file =
            create(tempfile::Builder::new().prefix("doctor-").suffix(".md"), directory, text)?;
        file.keep().map_err(|error| error.error)
    });
    let (_, path) = kept.map_err(|error| {
        format!("{}: {}", directory.display(), describe_error(&directory.join("summary"), &error))
    })?;
    Ok(path)
}

/// Creates a temporary file, which is removed unless it is kept.
fn create(builder: &tempfile::Builder, directory: &Path, text: &str) -> io::Result<NamedTempFile> {
    let file = builder.tempfile_in(directory)?;
    // The process's umask may have removed more permissions.
    #[cfg(unix)]
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.as_file().write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Appends to a file that other programs of the step also write. Refuses anything else: opening a
/// pipe could block forever.
pub(crate) fn append(path: &Path, text: &str) -> Result<(), String> {
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return Err("not a file".to_owned());
    }
    // Another program's last line may lack its line break.
    let text = format!("\n\n{text}");
    let add =
        || OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes());
    uninterrupted(|_| add()).map_err(|error| describe_error(path, &error))
}

/// Whether a path is one of the process's own streams.
fn is_own_stream(path: &Path) -> bool {
    let resolved = resolve_directory(path).unwrap_or_else(|| path.to_owned());
    STREAMS.iter().any(|stream| resolved.starts_with(stream))
}

/// Resolves the directory of a path, but not its last part.
pub(crate) fn resolve_directory(path: &Path) -> Option<PathBuf> {
    let directory = directory_of(path).canonicalize().ok()?;
    Some(directory.join(path.file_name()?))
}

fn is_stream(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn write_stream(path: &Path, own: bool, text: &str) -> io::Result<()> {
    let mut stream = open_stream(path)?;
    if !own && stream.metadata()?.is_file() {
        return Err(io::Error::other("something else took its place"));
    }
    stream.write_all(text.as_bytes())
}

/// Opens a stream within a time limit, because a pipe without a reader blocks forever.
fn open_stream(path: &Path) -> io::Result<File> {
    let (sender, opened) = std::sync::mpsc::channel();
    let path = path.to_owned();
    thread::spawn(move || sender.send(OpenOptions::new().append(true).open(path)));
    opened.recv_timeout(READER).unwrap_or_else(|_| Err(io::Error::other("nobody reads this pipe")))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Says why a file cannot be written and what to do, without its name.
fn describe_error(path: &Path, error: &io::Error) -> String {
    descriptors::note(error);
    let words = match error.kind() {
        ErrorKind::NotFound => {
            let directory = directory_of(path).display();
            return format!("there is no directory {directory}; create it first");
        }
        ErrorKind::IsADirectory => "it is a directory; name a file in it",
        ErrorKind::NotADirectory => "a part of its path is not a directory; choose another path",
        ErrorKind::PermissionDenied => "permission denied; name a place where this user may write",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only; name another place",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "no space is left there; free some, or name another place"
        }
        ErrorKind::FileTooLarge => {
            "it is larger than a file of this process may be; raise that limit (ulimit -f)"
        }
        // Messages of the system or of this program. Others may name the temporary file.
        kind if kind == ErrorKind::Other || error.raw_os_error().is_some() => {
            return error.to_string();
        }
        kind => return kind.to_string(),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn report_replaces_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report");
        for text in ["first", "second"] {
            replace(&path, text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert!(replace(directory.path(), "text").is_err());
    }

    #[test]
    #[cfg(unix)]
    fn pipe_without_reader_does_not_block() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let begin = std::time::Instant::now();
        assert!(replace(&pipe, "text").is_err());
        assert!(begin.elapsed() < READER * 10);
    }

    #[test]
    #[cfg(unix)]
    fn report_does_not_replace_device() {
        use std::os::unix::fs::FileTypeExt as _;
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("null");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        replace(&link, "text").unwrap();
        assert!(link.metadata().unwrap().file_type().is_char_device());
    }
}
