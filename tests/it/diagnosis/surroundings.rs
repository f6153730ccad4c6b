//! Unusual or broken home directories, working directories and files of the CLI.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::{Doctor, Run, World, platforms};

/// The limit for runs, which have nothing to wait for.
const SOON: Duration = Duration::from_secs(10);

/// Creates something at a path.
type CreateAt = fn(&Path);

fn create_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn create_unreadable(path: &Path) {
    fs::write(path, "{}").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
}

/// Whether the user is root, who can read every file.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[track_caller]
fn assert_found(run: &Run, what: &str, found: Option<(&str, &str)>) {
    assert!(run.elapsed < SOON, "{what}: {:?}", run.elapsed);
    assert_eq!(run.root_cause(), found.map(|(code, _)| code), "{what}: {:?}", run.codes());
    if let Some((code, words)) = found {
        run.assert_finding_contains(code, &[words]);
    }
}

#[test]
fn unusual_home_directories_are_tolerated() {
    let world = World::new(&platforms::GITHUB);
    for home in ["", "/no/such/home", "home", ".", "~", "/"] {
        let run = world.doctor().env("HOME", home).json();
        assert_found(&run, home, None);
    }
    let run = world.doctor().args(["--format", "human"]).script("unset HOME; doctor").run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    // The CLI creates its folder there, and fails if it cannot.
    let run = world.doctor().env("PULUMI_HOME", "/dev/null").env("CI", "true").json();
    assert_found(&run, "no directory", Some(("credentials-file-unwritable", "not a directory")));
}

#[test]
fn unreadable_credentials_are_reported() {
    let world = World::new(&platforms::GITHUB);
    let cases: [(&str, CreateAt, Option<&str>); 9] = [
        ("a directory", |path| fs::create_dir(path).unwrap(), Some("not an ordinary file")),
        ("a pipe", create_pipe, Some("not an ordinary file")),
        ("a device", |path| symlink("/dev/zero", path).unwrap(), Some("not an ordinary file")),
        ("huge", |path| fs::write(path, " ".repeat(3 << 20)).unwrap(), Some("larger than 1 MiB")),
        ("no JSON", |path| fs::write(path, "{\"current\"").unwrap(), Some("ends too early")),
        ("a loop", |path| symlink(path, path).unwrap(), Some("levels of symbolic links")),
        ("unreadable", create_unreadable, Some("permission denied").filter(|_| !is_root())),
        ("empty", |path| fs::write(path, "").unwrap(), None),
        ("a link to nothing", |path| symlink("nothing", path).unwrap(), None),
    ];
    for (what, put, words) in cases {
        let doctor = world.doctor().file("../home/.pulumi/config", "");
        put(&doctor.path("../home/.pulumi/credentials.json"));
        let found = words.map(|words| ("credentials-file-invalid", words));
        assert_found(&doctor.json(), what, found);
    }
}

#[test]
fn unreadable_project_file_is_reported() {
    let world = World::new(&platforms::GITHUB);
    let huge = |path: &Path| fs::write(path, "#".repeat(3 << 20)).unwrap();
    let cases: [(&str, CreateAt, Option<&str>); 6] = [
        ("a pipe", create_pipe, Some("not an ordinary file")),
        ("huge", huge, Some("larger than 1 MiB")),
        (
            "binary",
            |path| fs::write(path, [0xff, 0, 0xfe]).unwrap(),
            Some("neither UTF-8 nor UTF-16"),
        ),
        // `name` is missing in it.
        (
            "unreadable",
            create_unreadable,
            Some(if is_root() { "'name'" } else { "permission denied" }),
        ),
        ("a directory", |path| fs::create_dir(path).unwrap(), None),
        ("a loop", |path| symlink(path, path).unwrap(), None),
    ];
    for (what, put, words) in cases {
        let doctor = world.doctor();
        put(&doctor.path("Pulumi.yaml"));
        assert_found(&doctor.json(), what, words.map(|words| ("project-file-invalid", words)));
    }
}

#[test]
fn missing_temp_directory_is_reported() {
    let path = format!("{}/fixtures/logs/azure/export.zip", env!("CARGO_MANIFEST_DIR"));
    let archive = fs::read(path).unwrap();
    let triage = || Doctor::bare().args(["triage", "-"]).stdin(archive.clone());
    let run = triage().env("TMPDIR", "/no/such/place").run();
    let line = "doctor: triage: stdin: an archive needs a temporary file here: entity not found; \
                name the archive instead\n";
    assert_eq!((run.status, run.stderr.as_str()), (2, line));
    let run = triage().script("ulimit -f 0; doctor").run();
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("file too large; name the archive"), "{}", run.stderr);
    let run = Doctor::bare().command("demo").env("TMPDIR", "/no/such/place").run();
    let line = "doctor: demo audience-mismatch: /no/such/place: entity not found; set TMPDIR to a \
                folder for temporary files\n";
    assert_eq!((run.status, run.stderr.as_str()), (2, line));
}

#[test]
fn missing_working_directory_is_reported() {
    let gone = "/usr/bin/mkdir gone; cd gone; /usr/bin/rmdir ../gone; doctor";
    let claims = "{\"iss\":\"https://issuer.test\"}";
    for arguments in [
        &["--offline", "e30.e30.e30"] as &[&str],
        &["decode", "token"],
        &["policy", "suggest", claims],
    ] {
        let run = Doctor::bare().args(arguments.iter().copied()).script(gone).run();
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{arguments:?}");
        let line = "working directory: it is gone; change to one that exists\n";
        assert!(run.stderr.ends_with(line), "{arguments:?}: {}", run.stderr);
    }
    // A run that does not need it ignores that.
    for (arguments, status) in [(&["explain"] as &[&str], 0), (&["demo"], 1), (&["triage"], 0)] {
        let doctor = Doctor::bare().args(arguments.iter().copied()).stdin("nothing");
        assert_eq!(doctor.script(gone).run().status, status, "{arguments:?}");
    }
}
