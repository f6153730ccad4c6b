//! Finds programs on PATH and runs them with few variables and with limits on time and output.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::environment::Environment;
use crate::console::descriptors;
use crate::console::signals;

/// How often to check whether the child has ended.
const POLL: Duration = Duration::from_millis(5);

/// Variables that every program gets: those that a system or a version manager's shim needs to
/// start a program, and no credential (product contract, section 7). `PATH` is added without its
/// relative entries.
const VARIABLES: &[&str] = &[
    // The user's files. A Go program without cgo finds the user through USER.
    "HOME",
    "USER",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    // Where asdf and mise keep the programs that their shims start.
    "ASDF_DIR",
    "ASDF_DATA_DIR",
    "MISE_DATA_DIR",
    "MISE_CONFIG_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    // Windows.
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
];

/// Finds a program on `PATH`. Skips relative entries, and the empty one, which means the working
/// directory: a checkout must not decide which program runs.
pub(super) fn find(name: &str, environment: &Environment) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    absolute_path_entries(environment)?
        .map(|directory| directory.join(&file))
        .find(|program| is_executable(program))
}

fn absolute_path_entries(environment: &Environment) -> Option<impl Iterator<Item = PathBuf>> {
    let path = environment.get("PATH")?;
    Some(std::env::split_paths(path).filter(|directory| directory.is_absolute()))
}

/// A command that gets [`VARIABLES`] and `more`, if they are set, and no other variable.
pub(super) fn command(program: &Path, environment: &Environment, more: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for name in VARIABLES.iter().chain(more) {
        if let Some(value) = environment.get(name) {
            command.env(name, value);
        }
    }
    // A shim needs PATH to start programs: `#!/usr/bin/env bash`.
    let path = absolute_path_entries(environment).and_then(|path| std::env::join_paths(path).ok());
    command.env("PATH", path.unwrap_or_default());
    command
}

#[cfg(unix)]
pub(super) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
pub(super) fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// The outcome of a program that ended before its time limit.
pub(super) struct Output {
    /// Whether its exit status was 0.
    pub(super) succeeded: bool,
    /// The beginning of its standard output. Wiped when dropped: it may be a token.
    pub(super) stdout: Zeroizing<Vec<u8>>,
    /// The beginning of its standard error, if it failed.
    pub(super) stderr: Zeroizing<Vec<u8>>,
}

/// Runs a program without standard input for at most `limit`, and reads at most `max_bytes` of each
/// of its streams. At the limit the program and all its children are killed. The error says why
/// there is no output.
pub(super) fn run(mut command: Command, limit: Duration, max_bytes: u64) -> Result<Output, String> {
    let deadline = Instant::now() + limit;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Group::start(command)?;
    let stdout = child.leader.stdout.take().map(|stream| read_in_thread(stream, max_bytes));
    let stderr_reader = child.leader.stderr.take().map(|stream| read_in_thread(stream, max_bytes));
    let succeeded = child.wait(deadline)?;
    let receive = |stream: Option<Receiver<Zeroizing<Vec<u8>>>>| {
        let left = deadline.saturating_duration_since(Instant::now());
        stream.and_then(|stream| stream.recv_timeout(left).ok())
    };
    let stdout = receive(stdout).ok_or("it gave no answer in time")?;
    let stderr = if succeeded { None } else { receive(stderr_reader) };
    child.is_done = true;
    Ok(Output { succeeded, stdout, stderr: stderr.unwrap_or_default() })
}

/// The thread is not joined: a grandchild may hold the pipe open after the child has ended.
fn read_in_thread(
    mut stream: impl Read + Send + 'static,
    max_bytes: u64,
) -> Receiver<Zeroizing<Vec<u8>>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut text = Zeroizing::new(Vec::new());
        let _ = stream.by_ref().take(max_bytes).read_to_end(&mut text);
        let _ = send.send(text);
        // A program must not fail because its output is not read to the end.
        let _ = io::copy(&mut stream, &mut io::sink());
    });
    receive
}

/// A child and its descendants, in a process group of their own. Unless the child is done, the
/// group is killed on drop, or when a signal ends the doctor: it gets no Ctrl-C from the terminal.
struct Group {
    leader: Child,
    is_done: bool,
}

impl Group {
    fn start(mut command: Command) -> Result<Self, String> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let leader = signals::uninterrupted(|temporary| {
            let child = command.spawn().inspect_err(descriptors::note)?;
            temporary.children.push(child.id());
            Ok(child)
        });
        let leader = leader.map_err(|error: io::Error| format!("it cannot be started: {error}"))?;
        Ok(Self { leader, is_done: false })
    }

    /// Waits for the child and says whether it succeeded.
    fn wait(&mut self, deadline: Instant) -> Result<bool, String> {
        loop {
            match self.leader.try_wait() {
                Ok(Some(status)) => return Ok(status.success()),
                Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
                Ok(None) => return Err("it gave no answer in time".to_owned()),
                Err(error) => return Err(format!("its end cannot be waited for: {error}")),
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let id = self.leader.id();
        if !self.is_done {
            signals::kill(id);
            let _ = self.leader.kill();
        }
        // After the wait, the id may belong to another process.
        signals::uninterrupted(|temporary| temporary.children.retain(|child| *child != id));
        let _ = self.leader.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_listed_variables_are_passed_on() {
        let environment = environment(&[
            ("PATH", "relative"),
            ("HOME", "/home/jane"),
            ("PULUMI_HOME", "/opt/pulumi"),
            ("LANG", ""),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ]);
        let command = command(Path::new("/bin/true"), &environment, &["PULUMI_HOME", "OTHER"]);
        let given: BTreeSet<_> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)))
            .collect();
        let expected = [("HOME", "/home/jane"), ("PATH", ""), ("PULUMI_HOME", "/opt/pulumi")];
        assert_eq!(given, BTreeSet::from(expected));
    }

    #[cfg(unix)]
    #[test]
    fn relative_path_entries_are_ignored() {
        let path = ":.:bin:./bin:/nonexistent:/bin:";
        let environment = environment(&[("PATH", path)]);
        assert_eq!(find("sh", &environment), Some(PathBuf::from("/bin/sh")));
        let command = command(Path::new("/bin/sh"), &environment, &[]);
        let given = command.get_envs().find(|(name, _)| *name == "PATH").unwrap().1;
        assert_eq!(given.unwrap(), "/nonexistent:/bin");
        assert_eq!(find("sh", &self::environment(&[("PATH", ".:")])), None);
        assert_eq!(find("sh", &self::environment(&[])), None);
    }
}
