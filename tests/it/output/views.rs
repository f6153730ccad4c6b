//! What people see, at 80 and at 120 columns: `fixtures/views/WIDTH/NAME.txt`, to be read through.
//! `UPDATE=1 cargo test --test it views` writes the files.

use std::fs;
use std::path::{Path, PathBuf};

use doctor::demo::scenarios;

use crate::support::Doctor;

const WIDTHS: [&str; 2] = ["80", "120"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn bundle(name: &str) -> Doctor {
    let text = fs::read(root().join(format!("bundles/v1/{name}.json"))).unwrap();
    Doctor::bare().file("bundle.json", text).args(["replay", "bundle.json"])
}

fn triage(logs: &[&str]) -> Doctor {
    logs.iter().fold(Doctor::bare().arg("triage"), |doctor, log| {
        let name = log.rsplit('/').next().unwrap();
        doctor.file(name, fs::read(root().join(format!("logs/{log}"))).unwrap()).arg(name)
    })
}

fn policy(command: &[&str]) -> Doctor {
    let policy = fs::read(root().join("views/policy.json")).unwrap();
    let claims = fs::read(root().join("views/claims.json")).unwrap();
    Doctor::bare()
        .file("policy.json", policy)
        .file("claims.json", claims)
        .arg("policy")
        .args(command.iter().copied())
        .args(["--policy", "policy.json"])
}

/// The views by name.
fn views() -> Vec<(String, Doctor)> {
    let mut views: Vec<(String, Doctor)> = scenarios()
        .iter()
        .map(|s| (format!("demo-{}", s.name), Doctor::bare().args(["demo", s.name])))
        .collect();
    let mut add = |name: &str, doctor: Doctor| views.push((name.to_owned(), doctor));
    for name in ["github-subject-mismatch", "healthy", "unreachable-issuer"] {
        add(&format!("replay-{name}"), bundle(name));
    }
    let azure = || bundle("azure-audience-mismatch");
    add("replay-redacted", bundle("azure-audience-mismatch-redacted"));
    add("replay-details", azure().arg("--details"));
    add("replay-quiet", azure().arg("-q"));
    for format in ["azure", "github", "markdown"] {
        add(&format!("replay-{format}"), azure().args(["--format", format]));
    }
    add("triage-one", triage(&["azure/backend-empty.log"]));
    let several = ["azure/backend-empty.log", "azure/aadsts700213.log", "healthy/access-token.log"];
    add("triage-several", triage(&several));
    add("triage-markdown", triage(&several).args(["--format", "markdown"]));
    add("explain", Doctor::bare().args(["explain", "audience-mismatch"]));
    let claims = "file://claims.json";
    add("policy-test", policy(&["test", claims]));
    add("policy-lint", policy(&["lint"]));
    add("policy-who", policy(&["who", claims]));
    add("policy-fix", policy(&["fix", claims]));
    let given = fs::read(root().join("views/claims.json")).unwrap();
    let suggest = Doctor::bare().file("claims.json", given).args(["policy", "suggest", claims]);
    add("policy-suggest", suggest);
    views
}

/// What differs from run to run, made the same without changing its length.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut rest = text;
    while let Some((before, kind)) = ["127.0.0.1:", "/doctor-demo-", "]/tmp/doctor-", "2026-"]
        .iter()
        .filter_map(|kind| rest.find(kind).map(|at| (at, *kind)))
        .min()
    {
        let (head, tail) = rest.split_at(before + kind.len());
        steady.push_str(head);
        let varies = |c: char| match kind {
            "127.0.0.1:" => c.is_ascii_digit(),
            "2026-" => c.is_ascii_digit() || "-:TZ".contains(c),
            _ => c.is_ascii_alphanumeric(),
        };
        let end = tail.find(|c| !varies(c)).unwrap_or(tail.len());
        // A time, but not the id of a key.
        let is_fixed = kind == "2026-" && !tail[..end].ends_with('Z');
        let is_replaced = |c: char| match kind {
            "2026-" => c.is_ascii_digit() && !is_fixed,
            _ => true,
        };
        let shown = |c: char| if is_replaced(c) { '0' } else { c };
        steady.extend(tail[..end].chars().map(shown));
        rest = &tail[end..];
    }
    steady + rest
}

#[test]
fn views_are_those_in_fixtures() {
    let is_update = std::env::var_os("UPDATE").is_some();
    let mut expected = Vec::new();
    for width in WIDTHS {
        let folder = root().join("views").join(width);
        fs::create_dir_all(&folder).unwrap();
        for (name, doctor) in views() {
            let run = doctor.env("COLUMNS", width).env("LANG", "C.UTF-8").run();
            let shown = format!("{}{}", run.stderr, run.stdout);
            let shown: String =
                steady(&shown).lines().map(|line| format!("{}\n", line.trim_end())).collect();
            let file = folder.join(format!("{name}.txt"));
            if is_update {
                fs::write(&file, &shown).unwrap();
            }
            let kept = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
            assert_eq!(kept, shown, "{}: UPDATE=1 writes it", file.display());
            expected.push(file);
        }
    }
    let listed = |width: &str| fs::read_dir(root().join("views").join(width)).unwrap();
    for file in WIDTHS.into_iter().flat_map(listed).map(|file| file.unwrap().path()) {
        assert!(expected.contains(&file), "{} belongs to no view", file.display());
    }
}

/// Without a locale that says UTF-8, every character is ASCII.
#[test]
fn plain_terminals_get_ascii() {
    for scenario in scenarios() {
        let run = Doctor::bare().args(["demo", scenario.name]).run();
        assert!(run.stdout.is_ascii(), "{}", run.stdout);
    }
}

/// In the demo, nothing of the evidence is printed twice but for the fix, which is to be pasted.
#[test]
fn evidence_is_printed_once() {
    for scenario in scenarios() {
        let directory = Path::new("report.json");
        let run = Doctor::bare()
            .args(["demo", scenario.name, "--report", directory.to_str().unwrap()])
            .env("COLUMNS", "120")
            .run();
        let report: serde_json::Value = serde_json::from_str(&run.file("report.json")).unwrap();
        let Some(first) = report["findings"].get(0).filter(|_| report["verdict"] == "unhealthy")
        else {
            continue;
        };
        let report_text = run.stdout.split("\nChecks\n").next().unwrap();
        let text = report_text.split("\nFix:").next().unwrap().to_owned()
            + report_text.split("\nEvidence\n").nth(1).unwrap_or_default();
        let joined: String = text.split_whitespace().collect();
        let evidence = first["evidence"].as_array().unwrap().iter();
        let values = evidence.map(|proof| proof["value"].as_str().unwrap());
        let values: Vec<String> = values.map(|v| v.split_whitespace().collect()).collect();
        for value in values.iter().filter(|value| value.len() >= 16) {
            // One may be the beginning of another.
            let most = values.iter().filter(|other| other.contains(value)).count();
            let times = joined.matches(value).count();
            assert!(times <= most, "{value}: {times} times in\n{text}");
        }
    }
}
