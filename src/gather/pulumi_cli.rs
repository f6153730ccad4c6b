//! The `pulumi` on PATH, and its version.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use semver::Version;

use crate::evidence::Cli;

const PROGRAM: &str = if cfg!(windows) { "pulumi.exe" } else { "pulumi" };
/// `pulumi version` prints one short line; nobody needs more of what it prints.
const LONGEST_OUTPUT: u64 = 4096;
/// How often the child is looked after.
const POLL: Duration = Duration::from_millis(5);

/// Asks the `pulumi` found on a PATH for its version, within a limit of time.
#[must_use]
pub fn version(path_variable: Option<&OsStr>, limit: Duration) -> Cli {
    let Some(program) = path_variable.and_then(find) else { return Cli::NotFound };
    let path = program.to_string_lossy().into_owned();
    match ask(&program, limit) {
        Ok(version) => Cli::Installed { version, path },
        Err(reason) => Cli::Unreadable { path, reason },
    }
}

/// An empty entry would mean the working directory, which no sane setup means to search.
fn find(path_variable: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path_variable)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(PROGRAM))
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

fn ask(program: &Path, limit: Duration) -> Result<Version, String> {
    let deadline = Instant::now() + limit;
    let mut child = Command::new(program)
        .arg("version")
        .env("PULUMI_SKIP_UPDATE_CHECK", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    let Some(stdout) = child.stdout.take() else { return Err("it has no output".into()) };
    // A grandchild may hold the pipe open after the child is gone: nobody waits for the thread.
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut output = Vec::new();
        let _ = stdout.take(LONGEST_OUTPUT).read_to_end(&mut output);
        let _ = send.send(output);
    });
    let ended = wait(&mut child, deadline);
    let left = deadline.saturating_duration_since(Instant::now());
    let output = match ended {
        Ok(true) => receive.recv_timeout(left).map_err(|_| "it gave no answer in time")?,
        Ok(false) => return Err("it ended with an error".into()),
        Err(reason) => return Err(reason),
    };
    parse(&String::from_utf8_lossy(&output)).ok_or_else(|| "it printed no version".into())
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

/// The first line that is a version: `v3.210.0`.
fn parse(output: &str) -> Option<Version> {
    output.lines().find_map(|line| {
        let line = line.trim();
        Version::parse(line.strip_prefix('v').unwrap_or(line)).ok()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn versions_are_read() {
        let table = [
            ("v3.210.0\n", Some("3.210.0")),
            ("3.259.0", Some("3.259.0")),
            ("warning: something\r\nv3.217.1\r\n", Some("3.217.1")),
            ("v3.220.0-alpha.x1234+dirty\n", Some("3.220.0-alpha.x1234+dirty")),
            ("v3.210\n", None),
            ("", None),
        ];
        for (output, expected) in table {
            assert_eq!(parse(output).map(|v| v.to_string()).as_deref(), expected, "{output:?}");
        }
    }

    #[test]
    fn without_a_pulumi_there_is_none() {
        let empty = tempfile::tempdir().unwrap();
        std::fs::create_dir(empty.path().join(PROGRAM)).unwrap();
        let limit = Duration::from_secs(1);
        assert_eq!(version(None, limit), Cli::NotFound);
        assert_eq!(version(Some(OsStr::new("")), limit), Cli::NotFound);
        assert_eq!(version(Some(empty.path().as_os_str()), limit), Cli::NotFound);
    }

    #[cfg(unix)]
    mod programs {
        use std::fs;
        use std::os::unix::fs::PermissionsExt as _;

        use super::*;

        fn run(script: &str, limit: Duration) -> Cli {
            let directory = tempfile::tempdir().unwrap();
            let program = directory.path().join("pulumi");
            // Written by a child: a writer of this process that another test's fork inherits would
            // make the program "busy".
            let status = Command::new("sh")
                .args(["-c", "printf '%s' \"$1\" > \"$2\"", "sh"])
                .arg(format!("#!/bin/sh\n{script}\n"))
                .arg(&program)
                .status()
                .unwrap();
            assert!(status.success());
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            let nowhere = Path::new("/nonexistent");
            let path = std::env::join_paths([nowhere, directory.path()]).unwrap();
            version(Some(&path), limit)
        }

        fn reason(script: &str, limit: Duration) -> String {
            match run(script, limit) {
                Cli::Unreadable { reason, path } => {
                    assert!(path.ends_with("/pulumi"), "{path}");
                    reason
                }
                other => panic!("{other:?}"),
            }
        }

        const LONG: Duration = Duration::from_secs(20);
        const SHORT: Duration = Duration::from_millis(200);

        #[test]
        fn answers_are_read() {
            let script =
                "[ \"$1\" = version ] && [ \"$PULUMI_SKIP_UPDATE_CHECK\" = true ] && echo v3.210.0";
            let found = run(script, LONG);
            assert_eq!(found.version(), Some(&Version::new(3, 210, 0)), "{found:?}");
        }

        #[test]
        fn failures_are_told() {
            assert_eq!(reason("exit 3", LONG), "it ended with an error");
            assert_eq!(reason("echo hello", LONG), "it printed no version");
        }

        #[test]
        fn the_limit_holds() {
            let began = Instant::now();
            assert_eq!(reason("exec sleep 60", SHORT), "it gave no answer in time");
            // The child is gone, the grandchild keeps the pipe.
            assert_eq!(reason("sleep 5 & exit 0", SHORT), "it gave no answer in time");
            // More output than is read: the writer hangs or dies, this program does neither.
            let _ = run("exec yes", SHORT);
            assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        }
    }
}
