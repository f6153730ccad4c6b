//! Finds the `pulumi` on PATH, and its version.

use std::path::Path;
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use semver::Version;
use tokio::sync::oneshot;

use crate::evidence::Cli;
use crate::gather::environment::Environment;
use crate::gather::program;

/// The limit in bytes for the output of `pulumi version`, which is one short line.
const MAX_OUTPUT: u64 = 4096;

/// A running `pulumi version`. It runs in a thread because starting the CLI takes as long as a
/// network request. Dropping the probe waits for the thread, which stops a program that hangs.
pub(crate) struct VersionProbe {
    result: oneshot::Receiver<Cli>,
    thread: Option<JoinHandle<()>>,
}

impl VersionProbe {
    /// Starts the `pulumi` on `PATH`. `is_login`: the failing login runs on this machine (product
    /// contract, section 2).
    pub(crate) fn start(environment: &Environment, is_login: bool, limit: Duration) -> Self {
        let Some(program) = program::find("pulumi", environment) else {
            return Self::known(Cli::NotFound);
        };
        let command = command(&program, environment, is_login);
        let (sender, result) = oneshot::channel();
        let thread = thread::spawn(move || {
            // It fails if the receiver is gone.
            let _ = sender.send(run(&program, command, limit));
        });
        Self { result, thread: Some(thread) }
    }

    /// A finished probe with a known result.
    pub(crate) fn known(cli: Cli) -> Self {
        let (sender, result) = oneshot::channel();
        let _ = sender.send(cli);
        Self { result, thread: None }
    }

    /// Waits for the result without blocking other tasks.
    pub(crate) async fn result(mut self) -> Cli {
        (&mut self.result).await.unwrap_or_default()
    }

    /// Waits for the result and blocks.
    pub(crate) fn wait(mut self) -> Cli {
        self.join();
        self.result.try_recv().unwrap_or_default()
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has sent no result.
            let _ = thread.join();
        }
    }
}

impl Drop for VersionProbe {
    fn drop(&mut self) {
        self.join();
    }
}

/// Builds the command `pulumi version`. It gets `PULUMI_HOME`, where the CLI keeps its files, but
/// neither the access token nor the passphrase nor the options of `pulumi login`
/// (`PULUMI_OPTION_...`).
///
/// The shim of a version manager reads its settings from the working directory: asdf's
/// `.tool-versions` can name a program in the checkout. That is right if the login runs the same
/// program. Otherwise the checkout may be untrusted, so the command runs in the program's own
/// directory.
fn command(program: &Path, environment: &Environment, is_login: bool) -> Command {
    let mut command = program::command(program, environment, &["PULUMI_HOME"]);
    command.arg("version").env("PULUMI_SKIP_UPDATE_CHECK", "true");
    if let Some(directory) = program.parent().filter(|_| !is_login) {
        command.current_dir(directory);
    }
    command
}

/// Runs the command within a time limit.
fn run(program: &Path, command: Command, limit: Duration) -> Cli {
    let path = program.to_string_lossy().into_owned();
    match read_version(command, limit) {
        Ok(version) => Cli::Installed { version, path },
        Err(reason) => Cli::Unreadable { path, reason },
    }
}

fn read_version(command: Command, limit: Duration) -> Result<Version, String> {
    let output = program::run(command, limit, MAX_OUTPUT)?;
    if !output.succeeded {
        return Err("it ended with an error".into());
    }
    parse_version(&String::from_utf8_lossy(&output.stdout))
        .ok_or_else(|| "it printed no version".into())
}

/// Parses the first line that is a version: `v3.210.0`.
fn parse_version(output: &str) -> Option<Version> {
    output.lines().find_map(|line| {
        let line = line.trim();
        Version::parse(line.strip_prefix('v').unwrap_or(line)).ok()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn environment_with_path(path: &str) -> Environment {
        Environment::from_iter([("PATH".to_owned(), path.to_owned())])
    }

    const PROGRAM: &str = if cfg!(windows) { "pulumi.exe" } else { "pulumi" };

    #[test]
    fn versions_are_parsed() {
        let table = [
            ("v3.210.0\n", Some("3.210.0")),
            ("3.259.0", Some("3.259.0")),
            ("warning: something\r\nv3.217.1\r\n", Some("3.217.1")),
            ("v3.220.0-alpha.x1234+dirty\n", Some("3.220.0-alpha.x1234+dirty")),
            ("v3.210\n", None),
            ("", None),
        ];
        for (output, expected) in table {
            assert_eq!(
                parse_version(output).map(|v| v.to_string()).as_deref(),
                expected,
                "{output:?}"
            );
        }
    }

    #[test]
    fn missing_program_is_not_found() {
        let empty = tempfile::tempdir().unwrap();
        std::fs::create_dir(empty.path().join(PROGRAM)).unwrap();
        let limit = Duration::from_secs(1);
        for path in ["", empty.path().to_str().unwrap()] {
            assert_eq!(
                VersionProbe::start(&environment_with_path(path), true, limit).wait(),
                Cli::NotFound,
                "{path:?}"
            );
        }
    }

    #[cfg(unix)]
    mod programs {
        use std::fs;
        use std::os::unix::fs::PermissionsExt as _;
        use std::time::Instant;

        use super::*;

        fn probe_script(script: &str, limit: Duration) -> Cli {
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
            VersionProbe::start(&environment_with_path(path.to_str().unwrap()), false, limit).wait()
        }

        fn reason(script: &str, limit: Duration) -> String {
            match probe_script(script, limit) {
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
        fn printed_version_is_read() {
            let script =
                "[ \"$1\" = version ] && [ \"$PULUMI_SKIP_UPDATE_CHECK\" = true ] && echo v3.210.0";
            let found = probe_script(script, LONG);
            assert_eq!(found.version(), Some(&Version::new(3, 210, 0)), "{found:?}");
        }

        #[test]
        fn failures_have_reasons() {
            assert_eq!(reason("exit 3", LONG), "it ended with an error");
            assert_eq!(reason("echo hello", LONG), "it printed no version");
        }

        #[test]
        fn slow_programs_are_stopped() {
            let started = Instant::now();
            assert_eq!(reason("exec /bin/sleep 60", SHORT), "it gave no answer in time");
            // The child has ended, but its own child keeps the pipe open.
            assert_eq!(reason("/bin/sleep 5 & exit 0", SHORT), "it gave no answer in time");
            // A program with too much output must not hang the doctor.
            let _ = probe_script("exec /usr/bin/yes", SHORT);
            assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        }
    }
}
