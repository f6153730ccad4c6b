//! Where reports and bundles go: whole or not at all, whatever stands in the way.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Doctor, Response, Run, World, platforms};

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/bundles/v1/{name}.json", env!("CARGO_MANIFEST_DIR"));
    fs::read(path).unwrap()
}

/// A healthy diagnosis that asks nobody.
fn replay() -> Doctor {
    Doctor::bare().file("old.json", fixture("healthy")).args(["replay", "old.json"])
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o777
}

fn is_report(text: &str) -> bool {
    serde_json::from_str(text).is_ok_and(|report: Value| report["verdict"].is_string())
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Says what is wrong in one line that begins like this, without a temporary file's name.
#[track_caller]
fn complains(run: &Run, start: &str, words: &str) {
    assert_eq!(run.status, 2, "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.starts_with(&format!("doctor: {start}")), "{}", run.stderr);
    assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    assert!(!run.stderr.contains(".tmp") && !run.stderr.contains("os error"), "{}", run.stderr);
}

// ---------------------------------------------------------------------------------- the streams

#[test]
fn closed_stdout_still_writes_bundle() {
    let head = "doctor | /usr/bin/head -c 1; exit ${PIPESTATUS[0]}";
    // A report that fits into a pipe may be written before its reader is gone.
    let mut long: Value = serde_json::from_slice(&fixture("healthy")).unwrap();
    long["evidence"]["token"]["claims"]["sub"] = "long ".repeat(20_000).into();
    let doctor = Doctor::bare().file("old.json", long.to_string()).args(["replay", "old.json"]);
    let run = doctor.args(["--format", "json", "--bundle", "kept.json"]).script(head).run();
    assert_eq!((run.status, run.stdout.as_str(), run.stderr.as_str()), (141, "{", ""));
    assert_eq!(serde_json::from_str::<Value>(&run.file("kept.json")).unwrap()["bundleVersion"], 1);
}

#[test]
fn streams_that_are_closed_change_no_status() {
    for (redirected, status, is_written) in [
        ("doctor >&-", 0, true),
        ("doctor 2>&-", 0, true),
        ("doctor >&- 2>&-", 0, true),
        ("doctor 2>/dev/full", 0, true),
        ("doctor --no-such-option 2>&-", 2, false),
        ("doctor --no-such-option 2>/dev/full", 2, false),
        ("doctor --no-such-option 2>&1 >/dev/null | :; exit ${PIPESTATUS[0]}", 2, false),
    ] {
        let doctor = replay().args(["--bundle", "kept.json"]);
        let path = doctor.path("kept.json");
        let run = doctor.script(redirected).run();
        assert_eq!(run.status, status, "{redirected}: {}", run.stderr);
        assert_eq!(path.exists(), is_written, "{redirected}");
    }
}

#[test]
fn a_full_standard_output_is_told() {
    for doctor in [
        replay().args(["--bundle", "kept.json"]),
        Doctor::bare().args(["explain"]),
        Doctor::bare().args(["--help"]),
        Doctor::bare().args(["triage"]).stdin("nothing"),
        Doctor::bare().args([
            "policy",
            "suggest",
            "{\"iss\":\"https://issuer.test\",\"sub\":\"j\",\"aud\":\"urn:pulumi:org:acme\"}",
        ]),
    ] {
        let run = doctor.script("doctor > /dev/full").run();
        complains(&run, "standard output: ", "no storage space; send it elsewhere");
    }
    let run = replay().script("ulimit -f 0; doctor > report").run();
    complains(&run, "standard output: ", "file too large");
}

// ------------------------------------------------------------------------------------- no place

#[test]
fn unusable_output_place_fails_before_requests() {
    let world = World::new(&platforms::GITHUB);
    for (name, words) in [
        ("no/such/report", "there is no directory no/such; create it first"),
        ("folder", "it is a directory; name a file in it"),
        ("folder/..", "it is a directory; name a file in it"),
        ("ca.pem/report", "a part of its path is not a directory; choose another path"),
    ] {
        let doctor = || world.doctor().file("folder/file", "");
        let run = doctor().args(["--output", name]).run();
        complains(&run, &format!("--output {name}: "), words);
        assert_eq!(run.stdout, "", "{name}");
        assert!(world.cloud.requests().is_empty(), "{name}");
        // A bundle is an extra: the report is worth having without it.
        let run = replay().file("folder/file", "").file("ca.pem", "");
        let run = run.args(["--bundle", name]).run();
        complains(&run, &format!("--bundle {name}: "), words);
        assert!(run.stdout.starts_with("ok Login to "), "{name}: {}", run.stdout);
    }
    let claims = "{\"iss\":\"https://issuer.test\"}";
    for arguments in [
        &["decode", "token"] as &[&str],
        &["policy", "lint", "policy.json"],
        &["policy", "test", "--policy", "policy.json", claims],
    ] {
        let doctor = Doctor::bare().file("policy.json", world.policy().to_string());
        let doctor = doctor.args(arguments.iter().copied()).args(["--output", "no/report"]);
        complains(&doctor.run(), "--output no/report: ", "there is no directory no");
    }
}

#[test]
#[allow(clippy::print_stderr)]
fn unwritable_file_stays_unchanged() {
    if rustix::process::geteuid().is_root() {
        eprintln!("not tested: root may write everywhere");
        return;
    }
    let doctor = replay().file("out/report", "old").args(["--output", "out/report"]);
    let directory = doctor.path("out");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o555)).unwrap();
    let run = doctor.run();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    complains(&run, "--output out/report: ", "permission denied; name a place");
    assert_eq!(run.file("out/report"), "old");
}

// ------------------------------------------------------------------------------------- no space

#[test]
fn a_device_without_space_is_told() {
    let run = replay().args(["--output", "/dev/full"]).run();
    complains(&run, "--output /dev/full: ", "no space is left there");
    let run = replay().args(["--bundle", "/dev/full"]).run();
    complains(&run, "--bundle /dev/full: ", "no space is left there");
    assert!(run.stdout.starts_with("ok Login to "));
    assert!(Path::new("/dev/full").metadata().unwrap().file_type().is_char_device());
}

#[test]
fn full_disk_keeps_old_file() {
    for option in ["--output", "--bundle"] {
        let doctor = replay().file("out/kept", "old").args(["-v", option, "out/kept"]);
        let directory = doctor.path("out");
        let run = doctor.script("ulimit -f 1; doctor").run();
        complains(&run, &format!("{option} out/kept: "), "larger than a file of this process");
        assert_eq!(run.file("out/kept"), "old", "{option}");
        assert_eq!(files(&directory), ["kept"], "{option}");
    }
    let doctor = replay().file("agent/.keep", "").args(["--format", "azure"]);
    let directory = doctor.path("agent");
    let place = directory.to_str().unwrap().to_owned();
    let run = doctor.env("AGENT_TEMPDIRECTORY", place).script("ulimit -f 0; doctor").run();
    assert_eq!(run.status, 0);
    assert!(run.stderr.starts_with("doctor: no summary: "), "{}", run.stderr);
    assert!(!run.stderr.contains("doctor-"), "{}", run.stderr);
    assert_eq!(files(&directory), [".keep"]);
}

#[test]
#[allow(clippy::print_stderr)]
fn failed_write_keeps_old_file() {
    let mount = |options: &str, then: &str| {
        format!(
            "/usr/bin/unshare --mount /bin/bash -c '/usr/bin/mount -t tmpfs -o {options} none out \
             && printf old > out/report && {then}'"
        )
    };
    let can_mount = Command::new("/bin/bash")
        .args(["-c", "mkdir out && eval \"$1\"", "bash", &mount("size=8k", "exit 42")])
        .current_dir(tempfile::tempdir().unwrap().path())
        .output();
    if can_mount.map(|output| output.status.code()).ok() != Some(Some(42)) {
        eprintln!("not tested: no file system can be mounted here");
        return;
    }
    let after = "doctor; status=$?; /usr/bin/ls -A out; /usr/bin/cat out/report; exit $status";
    for (before, words) in [
        ("", "no space is left there; free some"),
        ("/usr/bin/mount -o remount,ro out && ", "the file system is read-only; name another"),
    ] {
        let doctor = replay().file("out/.keep", "").args(["--format", "json"]);
        let line = mount("size=8k", &format!("{before}{after}"));
        let run = doctor.args(["--output", "out/report"]).script(&line).run();
        complains(&run, "--output out/report: ", words);
        assert_eq!(run.stdout, "report\nold");
    }
}

// ------------------------------------------------------------------------------ links and modes

#[test]
fn output_file_is_private_despite_umask() {
    for umask in ["000", "022", "077", "777"] {
        for old in [None, Some(0o644), Some(0o444), Some(0o666)] {
            let doctor = replay().file("out/.keep", "").args(["--output", "out/report"]);
            let path = doctor.path("out/report");
            if let Some(old) = old {
                fs::write(&path, "old").unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(old)).unwrap();
            }
            let doctor = doctor.args(["--bundle", "out/kept"]);
            let run = doctor.script(&format!("umask {umask}; doctor")).run();
            assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{umask} {old:?}");
            assert_eq!(mode(&path), 0o600, "{umask} {old:?}");
            assert_eq!(mode(&path.with_file_name("kept")), 0o600, "{umask} {old:?}");
            assert!(run.file("out/report").starts_with("ok Login to "));
            assert_eq!(files(path.parent().unwrap()), [".keep", "kept", "report"]);
        }
    }
}

#[test]
fn hard_link_keeps_content() {
    let doctor = replay().file("victim", "precious").args(["--output", "report"]);
    fs::hard_link(doctor.path("victim"), doctor.path("report")).unwrap();
    let run = doctor.run();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(run.file("victim"), "precious");
    assert!(run.file("report").starts_with("ok Login to "));
}

#[test]
fn a_directory_may_be_a_link() {
    let doctor = replay().file("real/.keep", "").args(["--output", "linked/report"]);
    symlink(doctor.path("real"), doctor.path("linked")).unwrap();
    let run = doctor.run();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.file("real/report").starts_with("ok Login to "));
}

/// What stands at the place changes while the run goes on.
#[test]
fn replaced_output_file_is_handled() {
    type Swap = fn(&Path);
    let swaps: [(Swap, Option<&str>); 3] = [
        (|path| symlink("victim", path).unwrap(), None),
        (|path| fs::create_dir(path).unwrap(), Some("it is a directory")),
        (|path| pipe(path), Some("nobody reads this pipe")),
    ];
    for (swap, words) in swaps {
        let world = World::new(&platforms::GITHUB);
        let answer = Response::json(200, &world.issuer.discovery()).after(Duration::from_secs(1));
        world.issuer.answer(&world.issuer.discovery_path(), answer);
        let doctor = world.doctor().file("victim", "precious").args(["--output", "report"]);
        let mut running = doctor.start();
        while world.issuer.requests().is_empty() {
            assert!(running.process.is_running());
        }
        let path = running.path("report");
        swap(&path);
        let ended = running.end();
        match words {
            None => assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr),
            Some(words) => {
                assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
                assert!(ended.stderr.contains(words), "{}", ended.stderr);
            }
        }
        assert_eq!(path.symlink_metadata().unwrap().is_file(), words.is_none());
        assert_eq!(fs::read_to_string(running.path("victim")).unwrap(), "precious");
    }
}

#[test]
fn what_is_no_file_is_written_to() {
    let doctor = replay().args(["--output", "pipe"]);
    pipe(&doctor.path("pipe"));
    let line = "/usr/bin/cat pipe > copy & doctor && wait; exit $?";
    let path = doctor.path("pipe");
    let run = doctor.script(line).run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert!(run.file("copy").starts_with("ok Login to "));
    assert!(path.symlink_metadata().unwrap().file_type().is_fifo());
    for name in ["/dev/stdout", "/dev/../dev/stdout", "/proc/self/fd/1", "/dev/fd/1"] {
        let run = replay().args(["--output", name]).script("doctor > copy").run();
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{name}");
        assert!(run.file("copy").starts_with("ok Login to "), "{name}");
    }
}

// ------------------------------------------------------------------------------ platforms' files

#[test]
fn missing_summary_changes_no_status() {
    type Place = (&'static str, fn(&Path), bool);
    let places: [Place; 5] = [
        ("nothing", |_| {}, true),
        ("a link", |path| symlink("kept", path).unwrap(), true),
        ("a directory", |path| fs::create_dir(path).unwrap(), false),
        ("a pipe", pipe, false),
        ("a loop", |path| symlink(path, path).unwrap(), false),
    ];
    for (what, put, is_written) in places {
        let doctor = replay().file("kept", "kept").args(["--format", "github"]);
        let path = doctor.path("summary");
        put(&path);
        let place = path.to_str().unwrap().to_owned();
        let run = doctor.env("GITHUB_STEP_SUMMARY", place).run();
        assert_eq!(run.status, 0, "{what}");
        assert!(run.elapsed < Duration::from_secs(5), "{what}");
        let is_told = run.stderr.starts_with("doctor: no summary: GITHUB_STEP_SUMMARY: ");
        assert_eq!(is_told, !is_written, "{what}: {}", run.stderr);
        assert!(
            !is_written || fs::read_to_string(&path).unwrap().contains("Login to acme works"),
            "{what}"
        );
    }
}

#[test]
fn the_agent_s_directory_may_be_anything() {
    type Put = fn(&Path);
    let put: [(&str, Put); 5] = [
        ("nothing", |_| {}),
        ("a link", |path| symlink("real", path).unwrap()),
        ("a file", |path| fs::write(path, "").unwrap()),
        ("a pipe", pipe),
        ("a loop", |path| symlink(path, path).unwrap()),
    ];
    for (what, put) in put {
        let doctor = replay().file("real/.keep", "").file("tmp/.keep", "");
        let (path, tmp) = (doctor.path("agent"), doctor.path("tmp"));
        put(&path);
        let doctor = doctor.args(["--format", "azure"]).env("TMPDIR", tmp.to_str().unwrap());
        let run = doctor.env("AGENT_TEMPDIRECTORY", path.to_str().unwrap()).run();
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{what}");
        let mark = "##vso[task.uploadsummary]";
        let summary = run.stdout.lines().find_map(|line| line.strip_prefix(mark)).unwrap();
        let summary = PathBuf::from(summary);
        let expected = if what == "a link" { &path } else { &tmp };
        assert_eq!(summary.parent(), Some(expected.as_path()), "{what}");
        assert_eq!(mode(&summary), 0o600, "{what}");
    }
}

// ----------------------------------------------------------------------------------- two at once

#[test]
fn of_two_reports_one_is_there_whole() {
    let shared = tempfile::tempdir().unwrap();
    let [report, bundle] = ["report", "bundle"].map(|name| shared.path().join(name));
    let one = |name: &str| {
        Doctor::bare()
            .file("old.json", fixture(name))
            .args(["replay", "old.json", "--format", "json"])
            .args(["--output", report.to_str().unwrap(), "--bundle", bundle.to_str().unwrap()])
            .start()
    };
    for _ in 0..20 {
        let mut pair = [one("healthy"), one("azure-audience-mismatch")];
        while pair.iter_mut().any(|running| running.process.is_running()) {
            if let Ok(text) = fs::read_to_string(&report) {
                assert!(is_report(&text), "half a report");
            }
        }
        let statuses = pair.each_mut().map(|running| running.end().status.code());
        assert_eq!(statuses, [Some(0), Some(1)]);
        assert!(is_report(&fs::read_to_string(&report).unwrap()));
        let kept: Value = serde_json::from_slice(&fs::read(&bundle).unwrap()).unwrap();
        assert_eq!(kept["bundleVersion"], 1);
        assert_eq!(files(shared.path()), ["bundle", "report"]);
    }
}
