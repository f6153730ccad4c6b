//! Servers that are written for Node.js.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::peer::Peer;
use crate::process::Process;
use crate::support::Identity;

/// A running server.
pub struct Node {
    process: Process,
    _directory: TempDir,
}

impl Node {
    /// Runs a script with a certificate, its key and what else it takes; with what it says first.
    pub fn start(script: &str, identity: &Identity, arguments: &[&str]) -> (Self, Value) {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, content: String| {
            let path = directory.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let mut command = Peer::Node.command();
        // The text and not the file: packages are looked for in the working directory.
        command.args(["--input-type=module", "--eval", script, "--"]);
        command.arg(file("certificate.pem", identity.pem()));
        command.arg(file("key.pem", identity.key_pem()));
        let mut process = Process::start(command.args(arguments));
        let said = process.says();
        (Self { process, _directory: directory }, said)
    }

    /// Tells it something; what it says to it.
    pub fn tell(&mut self, line: &str) -> Value {
        self.process.tell(line);
        self.process.says()
    }
}
