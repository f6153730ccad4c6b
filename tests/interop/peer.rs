//! What the tests run against, as `tests/interop/setup` installs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something that the tests run against.
#[derive(Clone, Copy)]
pub enum Peer {
    /// The issuers: packages for Node.js.
    Node,
    /// The client of the API: a package for Python.
    Python,
    /// The TLS front.
    Nginx,
}

impl Peer {
    /// Why it is not there; `None` where it is. Another version than the pinned one is none.
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

    /// A process of it, in the directory where its packages are, with nothing of this environment
    /// but what version managers find the interpreter by.
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
        // Beside target/tmp.
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
