//! The programs of other projects that the tests use, as `tests/interop/setup` installs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A group of programs of other projects.
#[derive(Clone, Copy)]
pub enum Peer {
    /// Issuers: packages for Node.js.
    Node,
    /// A client of Pulumi Cloud's API: a package for Python.
    Python,
    /// The web server.
    Nginx,
}

impl Peer {
    /// Why the pinned version is not installed; `None` if it is.
    pub fn missing(self) -> Option<String> {
        let pinned = match self {
            Self::Node => Some(include_str!("node/package-lock.json")),
            Self::Python => Some(include_str!("python/requirements.txt")),
            Self::Nginx => None,
        };
        let why = match fs::read_to_string(self.directory().join("done")) {
            Ok(done) if pinned.is_none_or(|pinned| pinned == done) => return None,
            Ok(_) => "other versions than the pinned ones are installed",
            Err(_) => "not installed",
        };
        Some(format!("{}: {why}; tests/interop/setup installs what can be had", self.name()))
    }

    /// A command that runs in the directory of the packages. Of the environment, it gets only what
    /// version managers need to find the interpreter.
    pub fn command(self) -> Command {
        let mut command = match self {
            Self::Node => Command::new("node"),
            Self::Python => Command::new("python3"),
            Self::Nginx => {
                let program = fs::read_to_string(self.directory().join("done")).unwrap();
                Command::new(program.trim_end())
            }
        };
        command.current_dir(self.directory()).env_clear();
        let kept = ["PATH", "HOME"].map(|name| Some((name, std::env::var_os(name)?)));
        command.envs(kept.into_iter().flatten());
        if let Self::Python = self {
            command.env("PYTHONPATH", "packages");
        }
        command
    }

    fn directory(self) -> PathBuf {
        // The directory target/interop is beside target/tmp.
        Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("interop").join(self.name())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::Nginx => "nginx",
        }
    }
}
