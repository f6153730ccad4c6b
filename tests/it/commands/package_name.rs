//! `pulumi-oidc-doctor`: the program with the package's name starts the `doctor` beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_doctor");

/// A folder with this program, as after an installation.
fn installation() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let program = folder.path().join(file_name("pulumi-oidc-doctor"));
    install(env!("CARGO_BIN_EXE_pulumi-oidc-doctor"), &program);
    (folder, program)
}

/// Links a program: a copy could not be started (`ETXTBSY`) while a process that another test is
/// starting still has the new file open for writing.
fn install(program: &str, path: &Path) {
    fs::hard_link(program, path).unwrap();
}

fn file_name(program: &str) -> String {
    format!("{program}{}", std::env::consts::EXE_SUFFIX)
}

fn run(program: &Path, arguments: &[&str]) -> Output {
    // Without PATH, only the program beside it can be found.
    Command::new(program).args(arguments).env_clear().stdin(Stdio::null()).output().unwrap()
}

#[test]
fn package_name_starts_doctor_beside_it() {
    let (folder, program) = installation();
    install(PROGRAM, &folder.path().join(file_name("doctor")));
    for arguments in [&["--version"][..], &["explain", "audience-mismatch"], &["--nope"]] {
        let started = run(&program, arguments);
        assert_eq!(started, run(Path::new(PROGRAM), arguments), "{arguments:?}");
    }
    assert_eq!(run(&program, &["--nope"]).status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn package_name_follows_links() {
    let (folder, program) = installation();
    install(PROGRAM, &folder.path().join("doctor"));
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("pulumi-oidc-doctor");
    std::os::unix::fs::symlink(program, &link).unwrap();
    let started = run(&link, &["--version"]);
    assert!(started.status.success(), "{started:?}");
    assert!(started.stdout.starts_with(b"doctor "), "{started:?}");
}

#[test]
fn package_name_without_doctor_says_so() {
    let (_folder, program) = installation();
    let started = run(&program, &["--version"]);
    let message = String::from_utf8(started.stderr).unwrap();
    assert_eq!(started.status.code(), Some(70), "{message}");
    assert!(message.starts_with("pulumi-oidc-doctor: cannot start "), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}
