//! `--report` and HTML.

use serde_json::Value;

use crate::support::{Doctor, World, platforms};

fn mismatch() -> World {
    let mut world = World::new(&platforms::GITHUB);
    world.shape.entry["rules"]["sub"] = "repo:acme/else:*".into();
    world
}

#[test]
fn reports_follow_file_extension() {
    let world = mismatch();
    let names = ["r.html", "r.json", "r.md", "r.xml", "r.txt"];
    let doctor = names.iter().fold(world.doctor(), |doctor, name| doctor.args(["--report", name]));
    let run = doctor.json();
    assert_eq!(run.status, 1, "{}", run.stderr);
    let starts = ["<!doctype html>", "{", "## ✗ Login to ", "<?xml", "x Login to"];
    for (name, start) in names.iter().zip(starts) {
        assert!(run.file(name).starts_with(start), "{name}: {}", run.file(name));
    }
    let json: Value = serde_json::from_str(&run.file("r.json")).unwrap();
    assert_eq!(json["startedAt"], run.report["startedAt"], "one run");
}

#[test]
fn unknown_extension_is_a_usage_error() {
    let run = Doctor::bare().args(["--report", "report.pdf", "--offline"]).run();
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains(".html, .json, .md, .xml or .txt"), "{}", run.stderr);
}

#[test]
fn unwritable_report_gives_status_2() {
    let doctor = mismatch().doctor().args(["--report", "no/such/r.html", "--report", "r.json"]);
    let run = doctor.run();
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("--report no/such/r.html"), "{}", run.stderr);
    assert!(run.stdout.contains("Login to acme fails"), "{}", run.stdout);
    assert!(run.file("r.json").starts_with('{'));
}

#[test]
fn page_is_replayed() {
    for redact in [false, true] {
        let world = mismatch();
        let doctor = world.doctor().option("--report", "r.html");
        let doctor = if redact { doctor.arg("--redact") } else { doctor };
        let page = doctor.run().file("r.html");
        assert_eq!(page.contains("repo:acme/"), !redact, "names are replaced");
        let replay = Doctor::bare().args(["replay", "r.html"]).file("r.html", page).json();
        assert_eq!(replay.root_cause(), Some("subject-mismatch"), "redact: {redact}");
    }
}

#[test]
fn login_takes_several_reports() {
    let run = Doctor::bare()
        .args(["login", "--offline", "--oidc-token", "null", "--oidc-org", "acme"])
        .args(["--report", "a.json", "--report=b.html"])
        .run();
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.file("a.json").starts_with('{'));
    assert!(run.file("b.html").contains("token-not-a-token"));
}

#[test]
fn html_is_a_format() {
    let run = mismatch().doctor().args(["--format", "html"]).run();
    assert!(run.stdout.starts_with("<!doctype html>"), "{}", run.stdout);
    assert!(run.stdout.contains("doctor-bundle"));
}
