//! A server process that ends with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

/// How long to wait for a server's output on a busy machine.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(60);

/// A running server. Dropping it stops the server.
pub struct Process {
    child: Child,
    stdout: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (sender, stdout) = mpsc::channel();
        let stdout_pipe = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            stdout_pipe.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut stderr_pipe = child.stderr.take().unwrap();
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr_pipe.read_to_string(&mut text);
            text
        });
        Self { child, stdout, stderr: Some(stderr) }
    }

    /// The next JSON object that the server prints.
    pub fn read_json(&mut self) -> Value {
        loop {
            let Ok(line) = self.stdout.recv_timeout(OUTPUT_TIMEOUT) else {
                panic!("no output: {}", self.stop());
            };
            if let Ok(value @ Value::Object(_)) = serde_json::from_str(&line) {
                return value;
            }
        }
    }

    /// Writes a line to the server's standard input.
    pub fn write_line(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Whether the server has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Stops the server. Returns its standard error.
    pub fn stop(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.stderr.take().map_or_else(String::new, |thread| thread.join().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}
