//! docs/installing.md and docs/releasing.md tell what the project's files do.

use std::ffi::OsString;
use std::fs;

use doctor::cli::Cli;
use doctor::pulumi::login_flags;

use crate::support::Doctor;

fn read(name: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap().replace("\r\n", "\n")
}

/// What is in backticks or in a block, a command a line.
fn commands(page: &str) -> Vec<String> {
    let joined = page.replace("\\\n", " ").replace('`', "\n");
    joined.lines().map(|line| line.trim().to_owned()).collect()
}

/// The words up to a redirection or a pipe.
fn words(command: &str) -> Vec<OsString> {
    let command = command.split(['<', '>', '|', '\\']).next().unwrap();
    command.split_whitespace().map(|word| word.trim_matches('\'').into()).collect()
}

#[test]
fn image_arguments_are_understood() {
    let mut seen = 0;
    for command in commands(&read("docs/installing.md")) {
        let Some(rest) = command.strip_prefix("docker run ") else { continue };
        let (engine, arguments) = rest.split_once(" doctor ").unwrap();
        let line = words(&format!("doctor {arguments}"));
        assert!(login_flags::arguments(&line).is_none(), "{command}");
        assert!(Cli::read(&line).is_ok(), "{command}");
        // Standard input is the container's only with -i.
        let reads = arguments.split_whitespace().any(|word| word == "-");
        assert_eq!(engine.split_whitespace().any(|word| word == "-i"), reads, "{command}");
        seen += 1;
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn completions_and_manual_are_printed() {
    let page = read("docs/installing.md");
    let mut shells = Vec::new();
    for command in
        commands(&page).iter().filter_map(|line| line.split("doctor completions ").nth(1))
    {
        shells.push(command.split_whitespace().next().unwrap().to_owned());
    }
    shells.retain(|shell| shell != "SHELL");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(shells.iter().any(|named| named == shell), "{shell} is not told of");
    }
    for shell in shells {
        let run = Doctor::bare().args(["completions", &shell]).run();
        assert_eq!(run.status, 0, "{shell}");
    }
}

/// One command line builds the released program, everywhere.
#[test]
fn released_programs_are_built_alike() {
    let build = "cargo build --release --locked";
    for name in [
        ".github/workflows/release.yml",
        "Dockerfile",
        "docs/installing.md",
        "docs/releasing.md",
        "tests/static",
    ] {
        let text = read(name);
        assert!(text.contains(build) && !text.contains("--no-default-features"), "{name}");
    }
    let musl = "CC_x86_64_unknown_linux_musl=musl-gcc";
    assert!(read("docs/installing.md").contains(musl));
    assert!(read("tests/static").contains("\"CC_${target//-/_}=musl-gcc\""));
}

/// The files that the pages send the reader to.
#[test]
fn what_the_pages_name_is_there() {
    for name in ["docs/installing.md", "docs/releasing.md"] {
        for word in commands(&read(name)).iter().flat_map(|line| line.split_whitespace()) {
            let is_ours = ["docs/", "tests/", "fixtures/", ".ci/", "fuzz/"]
                .iter()
                .any(|start| word.starts_with(start) && !word.contains('*'));
            let path = word.trim_end_matches([',', '.', ';']);
            assert!(!is_ours || fs::exists(path).unwrap(), "{name}: {path}");
        }
    }
}
