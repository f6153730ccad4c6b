//! The `pulumi` on PATH, and its version.

use std::path::Path;
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use semver::Version;
use tokio::sync::oneshot;

use crate::evidence::Cli;
use crate::gather::environment::Environment;
use crate::gather::program;

/// `pulumi version` prints one short line. More output is not read.
const LONGEST_OUTPUT: u64 = 4096;

/// A question for the version, on its way: a program of that size takes as long to start as a
/// request takes. Dropping it waits for the end, since nobody else would stop a program that hangs.
pub(crate) struct Question {
    answer: oneshot::Receiver<Cli>,
    thread: Option<JoinHandle<()>>,
}

impl Question {
    /// Begins to ask the `pulumi` on `PATH`, as [`version`] does. `is_login`: the failing login runs
    /// here (product contract, section 2).
    pub(crate) fn begin(environment: &Environment, is_login: bool, limit: Duration) -> Self {
        let Some(program) = program::find("pulumi", environment) else {
            return Self::answered(Cli::NotFound);
        };
        let command = command(&program, environment, is_login);
        let (send, answer) = oneshot::channel();
        let thread = thread::spawn(move || {
            // An error means that the receiver is gone.
            let _ = send.send(version(&program, command, limit));
        });
        Self { answer, thread: Some(thread) }
    }

    /// A probe with a known version.
    pub(crate) fn answered(cli: Cli) -> Self {
        let (send, answer) = oneshot::channel();
        let _ = send.send(cli);
        Self { answer, thread: None }
    }

    /// The answer, while others go on.
    pub(crate) async fn answer(mut self) -> Cli {
        (&mut self.answer).await.unwrap_or_default()
    }

    /// The answer, where nothing else is left to do.
    pub(crate) fn wait(mut self) -> Cli {
        self.end();
        self.answer.try_recv().unwrap_or_default()
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A thread that panicked sent no answer.
            let _ = thread.join();
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.end();
    }
}

/// `pulumi version`. `PULUMI_HOME` is where the CLI keeps its files. The access token, the
/// passphrase and the options of `pulumi login` (`PULUMI_OPTION_...`) are not for this command.
///
/// A version manager's shim looks for its settings in the working directory: asdf's `.tool-versions`
/// can name a program in the checkout. That is right where the login does the same. Otherwise the
/// checkout may be anybody's, so the command runs in the directory of the program.
fn command(program: &Path, environment: &Environment, is_login: bool) -> Command {
    let mut command = program::command(program, environment, &["PULUMI_HOME"]);
    command.arg("version").env("PULUMI_SKIP_UPDATE_CHECK", "true");
    if let Some(directory) = program.parent().filter(|_| !is_login) {
        command.current_dir(directory);
    }
    command
}

/// Asks a `pulumi` for its version, within a limit of time.
fn version(program: &Path, command: Command, limit: Duration) -> Cli {
    let path = program.to_string_lossy().into_owned();
    match ask(command, limit) {
        Ok(version) => Cli::Installed { version, path },
        Err(reason) => Cli::Unreadable { path, reason },
    }
}

fn ask(command: Command, limit: Duration) -> Result<Version, String> {
    let output = program::run(command, limit, LONGEST_OUTPUT)?;
    if !output.succeeded {
        return Err("it ended with an error".into());
    }
    parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "it printed no version".into())
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

    fn on(path: &str) -> Environment {
        Environment::from_iter([("PATH".to_owned(), path.to_owned())])
    }

    const PROGRAM: &str = if cfg!(windows) { "pulumi.exe" } else { "pulumi" };

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
        for path in ["", empty.path().to_str().unwrap()] {
            assert_eq!(Question::begin(&on(path), true, limit).wait(), Cli::NotFound, "{path:?}");
        }
    }

    #[cfg(unix)]
    mod programs {
        use std::fs;
        use std::os::unix::fs::PermissionsExt as _;
        use std::time::Instant;

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
            Question::begin(&on(path.to_str().unwrap()), false, limit).wait()
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
            assert_eq!(reason("exec /bin/sleep 60", SHORT), "it gave no answer in time");
            // The child is gone, the grandchild keeps the pipe.
            assert_eq!(reason("/bin/sleep 5 & exit 0", SHORT), "it gave no answer in time");
            // More output than is read: the writer hangs or dies, this program does neither.
            let _ = run("exec /usr/bin/yes", SHORT);
            assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        }
    }
}
