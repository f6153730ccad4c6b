//! A server in a process of its own, which ends with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

/// The longest that a server takes to say something, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. It is stopped when dropped.
pub struct Process {
    child: Child,
    said: Receiver<String>,
    complaints: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (sender, said) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut stderr = child.stderr.take().unwrap();
        let complaints = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        Self { child, said, complaints: Some(complaints) }
    }

    /// The next line of JSON that it says.
    pub fn says(&mut self) -> Value {
        loop {
            let Ok(line) = self.said.recv_timeout(PATIENCE) else {
                panic!("it says nothing: {}", self.stop());
            };
            if let Ok(value @ Value::Object(_)) = serde_json::from_str(&line) {
                return value;
            }
        }
    }

    /// Tells it something.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Stops it; what it had to say on standard error.
    pub fn stop(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.complaints.take().map_or_else(String::new, |thread| thread.join().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}
