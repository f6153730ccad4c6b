//! Other programs: found on PATH, run within a limit of time and of output.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::descriptors;
use crate::interruption::spawn;

/// How often the child is looked after.
const POLL: Duration = Duration::from_millis(5);

/// The program of this name on a PATH. An empty entry would mean the working directory, which no sane setup means to search.
pub(super) fn find(name: &str, path_variable: &OsStr) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(path_variable)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(&file))
        .find(|program| is_executable(program))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// What a program did that ended by itself.
pub(super) struct Output {
    /// Its status says success.
    pub(super) succeeded: bool,
    /// The beginning of its standard output; wiped when dropped, as it may be a token.
    pub(super) stdout: Zeroizing<Vec<u8>>,
    /// The beginning of its standard error, where it failed.
    pub(super) complaint: Zeroizing<Vec<u8>>,
}

/// Runs a program without a standard input for at most `limit`; of each of its streams at most
/// `longest` bytes are read. The error says in words why there is no output.
pub(super) fn output(
    mut command: Command,
    limit: Duration,
    longest: u64,
) -> Result<Output, String> {
    let deadline = Instant::now() + limit;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .inspect_err(descriptors::note)
        .map_err(|error| format!("it cannot be started: {error}"))?;
    let stdout = child.stdout.take().map(|stream| begin_to_read(stream, longest));
    let stderr = child.stderr.take().map(|stream| begin_to_read(stream, longest));
    let succeeded = wait(&mut child, deadline)?;
    let receive = |stream: Option<Receiver<Zeroizing<Vec<u8>>>>| {
        let left = deadline.saturating_duration_since(Instant::now());
        stream.and_then(|stream| stream.recv_timeout(left).ok())
    };
    let stdout = receive(stdout).ok_or("it gave no answer in time")?;
    let complaint = if succeeded { None } else { receive(stderr) };
    Ok(Output { succeeded, stdout, complaint: complaint.unwrap_or_default() })
}

/// A grandchild may hold the pipe open after the child is gone: nobody waits for the thread.
fn begin_to_read(
    mut stream: impl Read + Send + 'static,
    longest: u64,
) -> Receiver<Zeroizing<Vec<u8>>> {
    let (send, receive) = channel();
    spawn(move || {
        let mut text = Zeroizing::new(Vec::new());
        let _ = stream.by_ref().take(longest).read_to_end(&mut text);
        let _ = send.send(text);
        // A program must not fail because nobody wants to know more.
        let _ = io::copy(&mut stream, &mut io::sink());
    });
    receive
}

/// Whether the child ended well; it is gone afterwards in any case.
fn wait(child: &mut Child, deadline: Instant) -> Result<bool, String> {
    let reason = loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
            Ok(None) => break "it gave no answer in time".to_owned(),
            Err(error) => break format!("its end cannot be waited for: {error}"),
        }
    };
    let _ = child.kill();
    let _ = child.wait();
    Err(reason)
}
