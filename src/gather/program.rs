//! Other programs: found on PATH, started with few variables, run within a limit of time and of
//! output.

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

/// How often the child is looked after.
const POLL: Duration = Duration::from_millis(5);

/// What every program gets, where it is set: what a system or a version manager's shim needs to
/// start a program, and no credential (product contract, section 7). `PATH` is added without its
/// relative entries.
const VARIABLES: &[&str] = &[
    // Where the user's files are. USER: how a Go program without cgo finds the user.
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

/// The program of this name on `PATH`. Relative entries are passed over, the empty one too, which
/// means the working directory: a checkout must not decide what is started.
pub(super) fn find(name: &str, environment: &Environment) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    absolute_path(environment)?
        .map(|directory| directory.join(&file))
        .find(|program| is_executable(program))
}

fn absolute_path(environment: &Environment) -> Option<impl Iterator<Item = PathBuf>> {
    let path = environment.get("PATH")?;
    Some(std::env::split_paths(path).filter(|directory| directory.is_absolute()))
}

/// A program with [`VARIABLES`] and `more`, as far as they are set, and no other variable.
pub(super) fn command(program: &Path, environment: &Environment, more: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for name in VARIABLES.iter().chain(more) {
        if let Some(value) = environment.get(name) {
            command.env(name, value);
        }
    }
    // A shim starts programs too: `#!/usr/bin/env bash`.
    let path = absolute_path(environment).and_then(|path| std::env::join_paths(path).ok());
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

/// The outcome of a program that ended by itself.
pub(super) struct Output {
    /// Its status says success.
    pub(super) succeeded: bool,
    /// The beginning of its standard output; wiped when dropped, as it may be a token.
    pub(super) stdout: Zeroizing<Vec<u8>>,
    /// The beginning of its standard error, where it failed.
    pub(super) complaint: Zeroizing<Vec<u8>>,
}

/// Runs a program without a standard input for at most `limit`; of each of its streams at most
/// `longest` bytes are read. What it has started ends with it when the time is up. The error says
/// in words why there is no output.
pub(super) fn output(
    mut command: Command,
    limit: Duration,
    longest: u64,
) -> Result<Output, String> {
    let deadline = Instant::now() + limit;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Group::start(command)?;
    let stdout = child.leader.stdout.take().map(|stream| begin_to_read(stream, longest));
    let stderr = child.leader.stderr.take().map(|stream| begin_to_read(stream, longest));
    let succeeded = child.wait(deadline)?;
    let receive = |stream: Option<Receiver<Zeroizing<Vec<u8>>>>| {
        let left = deadline.saturating_duration_since(Instant::now());
        stream.and_then(|stream| stream.recv_timeout(left).ok())
    };
    let stdout = receive(stdout).ok_or("it gave no answer in time")?;
    let complaint = if succeeded { None } else { receive(stderr) };
    child.is_done = true;
    Ok(Output { succeeded, stdout, complaint: complaint.unwrap_or_default() })
}

/// The thread is not joined: a grandchild may hold the pipe open after the child has ended.
fn begin_to_read(
    mut stream: impl Read + Send + 'static,
    longest: u64,
) -> Receiver<Zeroizing<Vec<u8>>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut text = Zeroizing::new(Vec::new());
        let _ = stream.by_ref().take(longest).read_to_end(&mut text);
        let _ = send.send(text);
        // A program must not fail because its output is not read to the end.
        let _ = io::copy(&mut stream, &mut io::sink());
    });
    receive
}

/// A child and what it starts. Unless it is done, all of that is killed when it is dropped, or when
/// a signal ends the doctor: in a process group of its own, it gets no Ctrl-C from the terminal.
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

    /// Whether the child ended well.
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
        // The id may be another process's once the child has been waited for.
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
