//! `-` at a terminal: the doctor asks for the token, does not show it, and leaves no part of a
//! paste for the shell.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{LocalModes, tcgetattr};
use serde_json::Value;

use crate::support::platforms::AZURE_ENTRA;
use crate::support::process::terminal;
use crate::support::{World, program};

/// `doctor decode -` at a terminal.
struct AtTerminal {
    child: Child,
    /// Writes what the user types.
    keyboard: File,
    /// The end from which the shell would read afterwards.
    end: File,
    /// Receives what the terminal shows, in pieces.
    shown: Receiver<String>,
}

impl AtTerminal {
    fn start() -> Self {
        let (end, screen) = terminal();
        let child = Command::new(program())
            .env_clear()
            .args(["decode", "-", "--format", "json"])
            .stdin(end.try_clone().unwrap())
            .stderr(end.try_clone().unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut reader = screen.try_clone().unwrap();
        let (sender, shown) = channel();
        thread::spawn(move || {
            let mut chunk = [0; 1024];
            while let Ok(read @ 1..) = reader.read(&mut chunk) {
                let _ = sender.send(String::from_utf8_lossy(&chunk[..read]).into_owned());
            }
        });
        Self { child, keyboard: screen, end, shown }
    }

    /// Waits until the terminal shows a text. Returns everything that it has shown.
    fn wait_for(&self, text: &str) -> String {
        let mut all = String::new();
        while !all.contains(text) {
            all += &self.shown.recv_timeout(Duration::from_secs(20)).expect(text);
        }
        all
    }

    /// Returns the report. Asserts that no input is left at the terminal, and that it echoes again.
    fn finish(self) -> Value {
        let output = self.child.wait_with_output().unwrap();
        let mut waiting = [PollFd::new(&self.end, PollFlags::IN)];
        let soon = rustix::event::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        assert_eq!(poll(&mut waiting, Some(&soon)).unwrap(), 0, "the shell would read the rest");
        let modes = tcgetattr(&self.end).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ECHO | LocalModes::ICANON), "{modes:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// A token of 16 KB.
fn long_token() -> String {
    let mut world = World::new(&AZURE_ENTRA);
    world.shape.claims.insert("groups".to_owned(), "group-".repeat(2000).into());
    let token = world.token();
    assert!(token.len() > 16 << 10, "{}", token.len());
    token
}

/// Asserts that no part of the token is shown: neither its end, which is the signature, nor its
/// claims.
fn assert_hidden(shown: &str, token: &str) {
    for at in [0, token.len() / 2, token.len() - 20] {
        assert!(!shown.contains(&token[at..at + 16]), "{shown}");
    }
}

#[test]
fn long_token_is_read_without_echo() {
    let token = long_token();
    let mut run = AtTerminal::start();
    let prompt = run.wait_for("press Enter: ");
    let expected = "Paste the token (it is not shown), then press Enter: ";
    assert!(prompt.starts_with(expected), "{prompt}");
    run.keyboard.write_all(token.as_bytes()).unwrap();
    run.keyboard.write_all(b"\r").unwrap();
    let shown = run.wait_for("characters read]");
    assert_hidden(&shown, &token);
    assert!(shown.contains(&format!("[{} characters read]", token.len())), "{shown}");
    assert_eq!(run.finish()["token"]["claims"]["groups"].as_str().unwrap().len(), 12_000);
}

/// A wrapped token contains line breaks when it is pasted, with or without bracketed paste.
#[test]
fn line_breaks_of_paste_stay_in_token() {
    let token = long_token();
    let lines: Vec<&str> =
        (0..token.len()).step_by(1000).map(|at| &token[at..token.len().min(at + 1000)]).collect();
    for (before, after) in [("", ""), ("\x1b[200~", "\x1b[201~")] {
        let mut run = AtTerminal::start();
        run.wait_for("press Enter: ");
        let pasted = format!("{before}{}{after}\r", lines.join("\r"));
        run.keyboard.write_all(pasted.as_bytes()).unwrap();
        let shown = run.wait_for("characters read]");
        assert_hidden(&shown, &token);
        assert_eq!(run.finish()["token"]["claims"]["groups"].as_str().unwrap().len(), 12_000);
    }
}

#[test]
fn ctrl_c_restores_terminal() {
    let run = AtTerminal::start();
    run.wait_for("press Enter: ");
    let id = rustix::process::Pid::from_child(&run.child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let output = run.child.wait_with_output().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(2));
    let modes = tcgetattr(&run.end).unwrap().local_modes;
    assert!(modes.contains(LocalModes::ECHO | LocalModes::ICANON), "{modes:?}");
}
