//! `docs/triage.md` is true: its commands are run and what they print stands on it.
//! `UPDATE=1 cargo test triage_page` writes that anew.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Doctor;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What a command prints in a folder that holds the case's files.
fn output(command: &str) -> String {
    let arguments = command.strip_prefix("doctor ").unwrap_or_else(|| panic!("{command}"));
    let mut doctor = Doctor::bare().args(arguments.split_whitespace());
    for entry in fs::read_dir(path("fixtures/triage")).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        doctor = doctor.file(name, fs::read(&file).unwrap());
    }
    let run = doctor.run();
    assert!(matches!(run.status, 0 | 1), "{command}: {}", run.stderr);
    run.stdout
}

#[test]
fn its_commands_print_what_it_shows() {
    const FENCE: &str = "```console\n";
    let page = fs::read_to_string(path("docs/triage.md")).unwrap().replace("\r\n", "\n");
    let mut parts = page.split(FENCE);
    let mut expected = parts.next().unwrap().to_owned();
    let mut commands = 0;
    for part in parts {
        let (block, after) = part.split_once("```").unwrap();
        let command = block.lines().next().unwrap().strip_prefix("$ ").unwrap();
        commands += 1;
        expected.push_str(&format!("{FENCE}$ {command}\n{}```{after}", output(command)));
    }
    assert!(commands >= 3, "{commands} commands");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path("docs/triage.md"), expected).unwrap();
    } else {
        assert_eq!(page, expected, "UPDATE=1 cargo test triage_page writes it anew");
    }
}
