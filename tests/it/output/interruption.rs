//! Signals that end the program, whatever it is waiting for or doing.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use doctor::loopback::Server;
use rustix::process::Signal;
use serde_json::json;

use crate::support::{
    CAPABILITIES, Doctor, EXCHANGE, Ended, ORGANIZATION, Response, Running, WHOAMI, World,
    last_screen_line, platforms, wait_until,
};

const ADMIN: &str = "pul-4f0c9a7be1d25836904c7fa1b2e8d35c60f94a17";
const ISSUERS: &str = "/api/orgs/acme/oidc/issuers";
const SIGNALS: [Signal; 2] = [Signal::INT, Signal::TERM];

/// Longer than any run.
const NEVER: Duration = Duration::from_secs(600);
/// "At once", on a machine that has other things to do as well.
const AT_ONCE: Duration = Duration::from_secs(1);

fn world() -> World {
    World::new(&platforms::GITHUB)
}

/// A run that writes two files when it ends, which is not soon.
fn long(doctor: Doctor) -> Doctor {
    doctor.args(["--timeout", "60s", "--output", "report.txt", "--bundle", "kept.json"])
}

fn pipe(doctor: Doctor, name: &str) -> Doctor {
    let made = Command::new("mkfifo").arg(doctor.path(name)).status().unwrap();
    assert!(made.success());
    doctor
}

/// Sends the signal: the run is killed by it, at once, and neither says nor leaves anything.
#[track_caller]
fn interrupt(what: &str, running: &mut Running, signal: Signal) -> Ended {
    let before = running.list_directory(".");
    running.process.signal(signal);
    let ended = running.end();
    assert_eq!(ended.status.signal(), Some(signal.as_raw()), "{what}: {}", ended.status);
    assert!(ended.elapsed < AT_ONCE, "{what}: {:?}", ended.elapsed);
    assert_eq!(ended.stdout, "", "{what}");
    assert_eq!(running.list_directory("."), before, "{what}");
    ended
}

// ----------------------------------------------------------------------------- while it waits

/// A server that does not answer: who is asked, what for, and by which run.
type Silence = (&'static str, fn(&World) -> String, fn(&World) -> Doctor);

#[test]
fn every_request_can_be_interrupted() {
    let silences: [Silence; 6] = [
        ("discovery", |world| world.issuer.discovery_path(), World::doctor),
        ("keys", |world| world.issuer.jwks_path(), World::doctor),
        ("capabilities", |_| CAPABILITIES.to_owned(), World::doctor),
        ("exchange", |_| EXCHANGE.to_owned(), World::doctor),
        ("whoami", |_| WHOAMI.to_owned(), World::doctor),
        (
            "what is registered",
            |_| ISSUERS.to_owned(),
            |world| {
                world.cloud.accept_access_token(ADMIN, "ada", ORGANIZATION);
                world.doctor_without_policy().env("DOCTOR_ACCESS_TOKEN", ADMIN).secret(ADMIN)
            },
        ),
    ];
    for (what, path, prepare) in silences {
        for signal in SIGNALS {
            let world = world();
            let path = path(&world);
            let silence = Response::json(200, &json!({})).after(NEVER);
            match path.starts_with("/api/") {
                true => world.cloud.answer(&path, silence),
                false => world.issuer.answer(&path, silence),
            }
            let mut running = long(prepare(&world)).start();
            wait_until(what, || {
                let requests = world.issuer.requests().into_iter().chain(world.cloud.requests());
                requests.into_iter().any(|request| request.path() == path)
            });
            assert_eq!(interrupt(what, &mut running, signal).stderr, "", "{what}");
        }
    }
}

#[test]
fn token_request_can_be_interrupted() {
    for signal in SIGNALS {
        let world = world();
        let identity = world.authority.issue(&["127.0.0.1"]).unwrap();
        let silent = |_: &_| Response::json(200, &json!({})).after(NEVER);
        let server = Server::start(identity, silent).unwrap();
        let job = world
            .doctor_without_token()
            .env("GITHUB_ACTIONS", "true")
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/idtoken", server.url()))
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token-9be27d10c5f3486a");
        let mut running = long(job).start();
        wait_until("asking", || !server.requests().is_empty());
        assert_eq!(interrupt("asking", &mut running, signal).stderr, "");
    }
}

#[test]
fn another_program_can_be_interrupted() {
    for signal in SIGNALS {
        let world = world();
        let script = "echo > \"$HOME/started\"; exec /bin/sleep 3";
        let doctor = world.doctor().without("--pulumi-version").program("pulumi", script);
        let started = doctor.path("../home/started");
        let mut running = long(doctor).start();
        wait_until("pulumi version", || started.exists());
        assert_eq!(interrupt("pulumi version", &mut running, signal).stderr, "");
    }
}

#[test]
fn standard_input_can_be_interrupted() {
    let world = world();
    for (arguments, delivers) in [
        (&["-"] as &[&str], true),
        (&["decode", "-"], false),
        (&["replay", "-"], true),
        (&["policy", "test", "--policy", "policy.json", "-"], false),
        (&["policy", "suggest", "-"], false),
        (&["triage", "-"], false),
    ] {
        for signal in SIGNALS {
            let doctor = Doctor::bare().file("policy.json", world.policy().to_string());
            let doctor = doctor.args(arguments.iter().copied());
            let doctor = match delivers {
                true => doctor.args(["--output", "report.txt", "--bundle", "kept.json"]),
                false => doctor,
            };
            let mut running = doctor.start();
            // Nobody can see that it reads; what holds then holds a little earlier as well.
            thread::sleep(Duration::from_millis(100));
            let what = arguments.join(" ");
            assert_eq!(interrupt(&what, &mut running, signal).stderr, "", "{what}");
        }
    }
}

#[test]
fn pipe_as_output_can_be_interrupted() {
    let world = world();
    let policy = || long(world.doctor()).option("--policy", "pipe");
    type Waiting<'a> = (&'a str, Box<dyn Fn() -> Doctor + 'a>);
    let waiting: [Waiting; 3] = [
        ("--policy", Box::new(policy)),
        ("replay", Box::new(|| Doctor::bare().args(["replay", "pipe", "--output", "report.txt"]))),
        ("triage", Box::new(|| Doctor::bare().args(["triage", "pipe"]))),
    ];
    for (what, doctor) in waiting {
        for signal in SIGNALS {
            let doctor = pipe(doctor(), "pipe");
            let path = doctor.path("pipe");
            let mut running = doctor.start();
            // Opening waits for the program to do so too.
            let mut writer = File::options().write(true).open(path).unwrap();
            writer.write_all(b"{").unwrap();
            assert_eq!(interrupt(what, &mut running, signal).stderr, "", "{what}");
        }
    }
}

#[test]
fn endless_log_can_be_interrupted() {
    for signal in SIGNALS {
        let doctor = pipe(Doctor::bare(), "log").args(["triage", "log"]);
        let path = doctor.path("log");
        let mut running = doctor.start();
        let mut writer = File::options().write(true).open(path).unwrap();
        let lines = b"error: audience mismatch\n2026-08-01T10:00:00Z nothing of interest\n";
        let block = lines.repeat(1 << 12);
        for _ in 0..8 {
            writer.write_all(&block).unwrap();
        }
        let writing = thread::spawn(move || while writer.write_all(&block).is_ok() {});
        interrupt("a log", &mut running, signal);
        writing.join().unwrap();
    }
}

#[test]
fn a_terminal_is_left_clean() {
    let world = world();
    let silence = Response::json(200, &json!({})).after(NEVER);
    world.issuer.answer(&world.issuer.discovery_path(), silence);
    let mut running = long(world.doctor()).terminal().start();
    wait_until("discovery", || !world.issuer.requests().is_empty());
    // The line comes after a second.
    thread::sleep(Duration::from_millis(2500));
    let ended = interrupt("the line", &mut running, Signal::INT);
    assert!(ended.stderr.contains("asking issuer and backend"), "{:?}", ended.stderr);
    assert_eq!(last_screen_line(&ended.stderr), "", "the line is gone: {:?}", ended.stderr);
    assert!(!ended.stderr.contains('\u{1b}'), "the cursor may be hidden: {:?}", ended.stderr);
}

// ------------------------------------------------------------------------------ while it works

/// A bundle whose writing takes a while: what a token says may be as long as this.
fn bulky() -> String {
    let path = format!("{}/fixtures/bundles/v1/healthy.json", env!("CARGO_MANIFEST_DIR"));
    let mut bundle: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let entries = bundle.pointer_mut("/evidence/policy/document/issuers/0/policies").unwrap();
    let mut entry = entries[0].clone();
    entry["rules"][0]["pattern"] = "x".repeat(4_000).into();
    entries.as_array_mut().unwrap().extend(vec![entry; 600]);
    bundle.to_string()
}

/// Whether a file is there, whole: JSON to its end.
fn is_whole(path: &Path) -> bool {
    fs::read(path).is_ok_and(|text| serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok())
}

#[test]
fn interrupted_write_is_complete_or_absent() {
    let bundle = bulky();
    for signal in SIGNALS {
        for _ in 0..2 {
            let doctor = Doctor::bare().file("bulky.json", &bundle).file("out/report", "old");
            let arguments = ["--format", "json", "--output", "out/report"];
            let mut running = doctor.args(["replay", "bulky.json"]).args(arguments).start();
            let directory = running.path("out");
            // Without a pause: the file has its temporary name for some milliseconds.
            let begin = Instant::now();
            while fs::read_dir(&directory).unwrap().count() == 1
                && fs::metadata(directory.join("report")).unwrap().len() == 3
            {
                assert!(begin.elapsed() < Duration::from_secs(50), "nothing is written");
            }
            running.process.signal(signal);
            let ended = running.end();
            let is_killed = ended.status.signal() == Some(signal.as_raw());
            assert!(is_killed || ended.status.code() == Some(0), "{}", ended.status);
            // The disk may be slow.
            assert!(ended.elapsed < AT_ONCE * 5, "{:?}", ended.elapsed);
            assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
            assert_eq!(running.list_directory("out"), ["report"]);
            let path = directory.join("report");
            let is_old = fs::read(&path).unwrap() == b"old";
            assert!(is_old || is_whole(&path), "half a report");
        }
    }
}

#[cfg(feature = "demo")]
#[test]
fn the_demo_s_directory_goes_with_it() {
    let doctor = Doctor::bare().file("tmp/.keep", "").arg("demo");
    let temporary = doctor.path("tmp").to_str().unwrap().to_owned();
    let mut running = doctor.env("TMPDIR", temporary).start();
    let begin = Instant::now();
    while running.list_directory("tmp").len() == 1 {
        assert!(begin.elapsed() < Duration::from_secs(50), "there is no directory");
    }
    running.process.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.status.signal(), Some(Signal::INT.as_raw()), "{}", ended.status);
    assert_eq!(running.list_directory("tmp"), [".keep"]);
}

/// As `nohup` has it, and a shell for what runs in the background.
#[test]
fn ignored_signal_does_not_end_run() {
    let world = world();
    let answer = Response::json(200, &world.issuer.discovery()).after(Duration::from_secs(1));
    world.issuer.answer(&world.issuer.discovery_path(), answer);
    let line = "trap '' HUP INT TERM; exec doctor";
    let mut running = world.doctor().args(["--format", "human"]).script(line).start();
    wait_until("discovery", || !world.issuer.requests().is_empty());
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        running.process.signal(signal);
    }
    let ended = running.end();
    assert_eq!(ended.status.code(), Some(0), "{} {}", ended.status, ended.stderr);
    assert!(ended.stdout.starts_with("ok Login to "), "{}", ended.stdout);
}
