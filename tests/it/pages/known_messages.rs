//! `doctor triage` knows every message of the contract's list, and tells context from failures.

use std::sync::Mutex;

use doctor::catalogue::Code;
use serde_json::Value;

use crate::support::Doctor;

struct Row {
    program: &'static str,
    sample: &'static str,
    /// The codes that fit; none: no failure.
    codes: Vec<&'static str>,
}

fn rows() -> Vec<Row> {
    let text = include_str!("../../../fixtures/contract/messages.tsv");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let rows = lines.map(|line| {
        let [program, _, sample, codes] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        Row { program, sample, codes: codes.split(',').filter(|code| *code != "-").collect() }
    });
    rows.collect()
}

/// What is wrong with the answer to a log that has nothing but the message.
fn problem(row: &Row) -> Option<String> {
    let log = format!("{}\n", row.sample);
    let doctor = Doctor::bare().args(["triage", "--format", "json", "build.log"]);
    let run = doctor.file("build.log", log).run();
    let triage: Value = serde_json::from_str(&run.stdout).unwrap();
    let findings = triage["findings"].as_array().unwrap();
    let found: Vec<&str> = findings.iter().map(|f| f["code"].as_str().unwrap()).collect();
    let is_warning = row.sample.to_ascii_lowercase().starts_with("warning: ");
    let is_right = match &row.codes[..] {
        [] => found.is_empty(),
        codes => found.len() == 1 && codes.contains(&found[0]),
    };
    // A warning alone is a hint: the command went on.
    let fails = !row.codes.is_empty() && !is_warning;
    let root_cause = found.first().copied().filter(|_| fails);
    let is_judged = run.status == i32::from(fails) && triage["rootCause"].as_str() == root_cause;
    (!is_right || !is_judged).then(|| {
        let (cause, status) = (&triage["rootCause"], run.status);
        format!("{}: {}\n  {found:?}, root cause {cause}, status {status}", row.program, row.sample)
    })
}

#[test]
fn every_message_of_the_contract_is_known() {
    let rows = rows();
    assert!(rows.len() > 200, "{} rows", rows.len());
    for row in &rows {
        for code in &row.codes {
            assert!(Code::ALL.iter().any(|known| known.name() == *code), "{code}");
        }
    }
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for part in rows.chunks(rows.len() / 4 + 1) {
            scope.spawn(|| wrong.lock().unwrap().extend(part.iter().filter_map(problem)));
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
