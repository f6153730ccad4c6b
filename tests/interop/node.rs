//! Servers that run on Node.js.

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
    /// Runs a script with a certificate, its key and further arguments. Returns the server, and the
    /// first JSON object that it prints.
    pub fn start(script: &str, identity: &Identity, arguments: &[&str]) -> (Self, Value) {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, content: String| {
            let path = directory.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let mut command = Peer::Node.command();
        // A script on the command line finds its packages in the working directory.
        command.args(["--input-type=module", "--eval", script, "--"]);
        command.arg(file("certificate.pem", identity.pem()));
        command.arg(file("key.pem", identity.key_pem()));
        let mut process = Process::start(command.args(arguments));
        let started = process.read_json();
        (Self { process, _directory: directory }, started)
    }

    /// Sends a line to the server, and returns the JSON object that it prints then.
    pub fn send(&mut self, line: &str) -> Value {
        self.process.write_line(line);
        self.process.read_json()
    }
}
