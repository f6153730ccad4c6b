//! Runs the built program in an otherwise empty environment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde_json::Value;
use tempfile::TempDir;

use super::bundle::Bundle;
use super::process::{Ended, Process};

/// The program under test: the one that cargo built, or the one that `DOCTOR_PROGRAM` names. A
/// release build needs a fifth of a debug build's time.
pub fn program() -> &'static str {
    static PROGRAM: LazyLock<String> = LazyLock::new(|| {
        std::env::var("DOCTOR_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_doctor").to_owned())
    });
    &PROGRAM
}

/// The length of a piece of a secret that must not be printed.
const PIECE_LENGTH: usize = 16;

/// A run that has not ended.
pub struct Running {
    pub process: Process,
    directory: TempDir,
    secrets: Vec<String>,
}

/// A command line that a test builds. The program gets an empty `PATH`, an empty `HOME` and a
/// working directory with the files of [`Self::file`], and nothing else.
pub struct Doctor {
    directory: TempDir,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    stdin: Option<Vec<u8>>,
    secrets: Vec<String>,
    terminal: bool,
    script: Option<String>,
}

/// The result of a run. Every run is checked:
/// - it ends by itself, in time, without reading a standard input that it was not given;
/// - it neither panics (101) nor fails internally (70) nor dies of a signal;
/// - it prints or writes no secret, nor 16 characters of one;
/// - the bundle of a diagnosis, judged again, gives the same status and findings, and with other
///   names the same codes; once for every outcome of a test (see [`super::bundle`]).
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
    /// The report, after [`Doctor::json`]; null for a usage error, which has none.
    pub report: Value,
    pub elapsed: Duration,
    /// The peak memory in bytes, if the system reports it.
    pub peak_memory: Option<u64>,
    directory: TempDir,
}

impl Doctor {
    /// The program without arguments.
    pub fn bare() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["bin", "home", "work"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let places = [("PATH", "bin"), ("HOME", "home"), ("PULUMI_HOME", "home/.pulumi")];
        let environment = places.map(|(name, place)| {
            (name.to_owned(), directory.path().join(place).to_str().unwrap().to_owned())
        });
        Self {
            environment: environment.into(),
            directory,
            arguments: Vec::new(),
            stdin: None,
            secrets: Vec::new(),
            terminal: false,
            script: None,
        }
    }

    /// Adds an argument at the end.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments at the end.
    pub fn args<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Replaces the value of an option.
    pub fn option(self, name: &str, value: impl Into<String>) -> Self {
        self.without(name).arg(name).arg(value)
    }

    /// Removes an option, with its value if it has one.
    pub fn without(mut self, name: &str) -> Self {
        let at = self.arguments.iter().position(|argument| argument == name);
        if let Some(at) = at {
            let next = self.arguments.get(at + 1);
            let has_value = next.is_some_and(|value| !value.starts_with("--"));
            self.arguments.drain(at..=at + usize::from(has_value));
        }
        self
    }

    /// Puts a subcommand in front of the arguments.
    pub fn command(mut self, name: &str) -> Self {
        self.arguments.insert(0, name.to_owned());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Removes an environment variable.
    pub fn unset(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    /// Sets the standard input. By default it is silent and never ends, so that a program which
    /// reads it hangs.
    pub fn stdin(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(content.into());
        self
    }

    /// Makes standard error a terminal.
    #[cfg(unix)]
    pub fn terminal(mut self) -> Self {
        self.terminal = true;
        self.env("TERM", "xterm")
    }

    /// Writes a file in the working directory (`../home/…` for one in `HOME`).
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Adds a shell script to `PATH`, such as a `pulumi` of some version.
    #[cfg(unix)]
    pub fn program(self, name: &str, script: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let name = format!("../bin/{name}");
        let path = self.path(&name);
        let this = self.file(&name, format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        this
    }

    /// Runs a line of a pipeline's script with bash instead. In it, `doctor` is a command on `PATH`
    /// that adds the arguments of `self` to those of the line.
    #[cfg(unix)]
    pub fn script(mut self, line: &str) -> Self {
        self.script = Some(line.to_owned());
        self
    }

    /// The arguments so far.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// The absolute path of a file in the working directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("work").join(name)
    }

    /// Adds a secret that must not be printed. Of a JWT that is only the signature.
    pub fn secret(mut self, secret: &str) -> Self {
        let is_jwt = secret.split('.').count() == 3;
        let part = secret.rsplit('.').next().filter(|_| is_jwt).unwrap_or(secret);
        self.secrets.push(part.to_owned());
        self
    }

    /// Runs with `--format json`.
    pub fn json(self) -> Run {
        let mut run = self.args(["--format", "json"]).run();
        if run.status == 2 {
            assert_eq!(run.stdout, "", "a usage error has no report");
            return run;
        }
        let mut documents = serde_json::Deserializer::from_str(&run.stdout).into_iter();
        run.report = documents.next().and_then(Result::ok).unwrap_or_default();
        assert!(run.report.is_object() && documents.next().is_none(), "{}", run.stdout);
        run
    }

    /// Runs with `--format human`, without colour.
    pub fn human(self) -> Run {
        self.args(["--format", "human", "--color", "never"]).run()
    }

    /// Runs the program and checks the run.
    pub fn run(mut self) -> Run {
        let bundle = match &self.script {
            None => Bundle::for_arguments(&self.arguments, self.directory.path()),
            Some(_) => None,
        };
        let options: Vec<String> = bundle.iter().flat_map(Bundle::option).collect();
        self.arguments.splice(0..0, options);
        let work = self.directory.path().join("work");
        let files_before = files(&work);
        let Running { mut process, directory, secrets } = self.start();
        let ended = process.wait();
        let run = Run {
            status: ended.status.code().unwrap_or_else(|| panic!("died: {}", ended.status)),
            stdout: ended.stdout,
            stderr: ended.stderr,
            report: Value::Null,
            elapsed: ended.elapsed,
            peak_memory: ended.peak_memory,
            directory,
        };
        assert!(![70, 101].contains(&run.status), "status {}: {}", run.status, run.stderr);
        let written: Vec<_> = files(&work)
            .into_iter()
            .filter(|(path, content)| files_before.get(path) != Some(content))
            .map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned())
            .collect();
        let pieces = SecretPieces::new(&secrets);
        for text in [&run.stdout, &run.stderr].into_iter().chain(&written) {
            // The message must not contain the text, which contains the secret.
            assert!(!pieces.are_in(text), "a secret comes out");
        }
        if let Some(bundle) = bundle.filter(|_| run.status != 2) {
            for text in bundle.check(run.status, &run.stdout) {
                assert!(!pieces.are_in(&text), "a secret comes out of a bundle");
            }
        }
        run
    }

    /// Starts the program with exactly these arguments, without waiting for its end.
    pub fn start(mut self) -> Running {
        let (program, arguments) = match self.script.take() {
            None => (program(), std::mem::take(&mut self.arguments)),
            Some(line) => {
                self = self.add_to_path();
                ("/bin/bash", ["--noprofile", "--norc", "-c", &line].map(str::to_owned).into())
            }
        };
        let mut command = Command::new(program);
        command.args(&arguments).env_clear().envs(self.environment);
        command.current_dir(self.directory.path().join("work"));
        let process = Process::start(command, self.stdin, self.terminal);
        Running { process, directory: self.directory, secrets: self.secrets }
    }

    /// Adds the program to `PATH`, with the arguments so far at the end of every command line.
    #[cfg(unix)]
    fn add_to_path(self) -> Self {
        let words = self.arguments.iter().map(|word| doctor::text::shell(word));
        let options = words.collect::<Vec<_>>().join(" ");
        let program = doctor::text::shell(program());
        self.program("doctor", &format!("exec {program} \"$@\" {options}"))
    }

    #[cfg(not(unix))]
    fn add_to_path(self) -> Self {
        unimplemented!("scripts are for Unix only")
    }
}

impl Running {
    /// The absolute path of a file in the working directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("work").join(name)
    }

    /// The sorted names in a directory below the working directory.
    pub fn list_directory(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(name)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Waits for the end, and checks that no secret was printed.
    pub fn end(&mut self) -> Ended {
        let ended = self.process.wait();
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!contains_secret(text, &self.secrets), "a secret comes out");
        }
        ended
    }
}

impl Run {
    /// The code to fix first.
    pub fn root_cause(&self) -> Option<&str> {
        self.report["rootCause"].as_str()
    }

    /// The codes of the findings, in their order.
    pub fn codes(&self) -> Vec<&str> {
        let findings = self.report["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
    }

    /// The finding with this code.
    pub fn finding(&self, code: &str) -> &Value {
        let findings = self.report["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["code"] == code);
        found.unwrap_or_else(|| panic!("no {code} among {:?}", self.codes()))
    }

    /// The category, severity and check of a finding.
    pub fn classification(&self, code: &str) -> [&str; 3] {
        let finding = self.finding(code);
        ["category", "severity", "check"].map(|key| finding[key].as_str().unwrap())
    }

    /// Asserts the status of a check, and the check or option because of which it was skipped.
    #[track_caller]
    pub fn assert_check(&self, check: &str, status: &str, skipped_because: Option<&str>) {
        let check = self.check(check);
        let actual = (check["status"].as_str(), check["skippedBecause"].as_str());
        assert_eq!(actual, (Some(status), skipped_because), "{check}");
    }

    /// The check with this id.
    pub fn check(&self, id: &str) -> &Value {
        let checks = self.report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no check {id}"))
    }

    /// The content of a file in the working directory after the run.
    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join("work").join(name)).unwrap()
    }

    /// The contents of all files in the working directory with this name and any extension.
    pub fn reports(&self, name: &str) -> String {
        let files = files(&self.directory.path().join("work")).into_iter();
        let reports = files.filter(|(path, _)| path.file_stem().is_some_and(|stem| stem == name));
        reports.map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned()).collect()
    }
}

/// Whether a text contains one of the secrets, or a piece of one.
pub fn contains_secret(text: &str, secrets: &[String]) -> bool {
    !secrets.is_empty() && SecretPieces::new(secrets).are_in(text)
}

/// A searcher for the pieces of secrets.
struct SecretPieces(AhoCorasick);

impl SecretPieces {
    fn new(secrets: &[String]) -> Self {
        let pieces = secrets.iter().flat_map(|secret| {
            assert!(!secret.is_empty(), "an empty secret");
            secret.as_bytes().windows(secret.len().min(PIECE_LENGTH))
        });
        // This kind is built fastest, and each searcher reads only a few short texts.
        let kind = AhoCorasickKind::NoncontiguousNFA;
        Self(AhoCorasick::builder().kind(Some(kind)).prefilter(false).build(pieces).unwrap())
    }

    fn are_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            // Reading a named pipe would never end, and a test may have made a file unreadable.
            let content = if path.is_file() { fs::read(&path) } else { Ok(Vec::new()) };
            let content = content.unwrap_or_default();
            found.insert(path, content);
        }
    }
    found
}
