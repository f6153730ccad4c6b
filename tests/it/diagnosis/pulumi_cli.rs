//! fixtures/cli records what the real CLI did in each case of tests/interop/pulumi. The doctor must
//! predict the same without that program.

#[path = "../../interop/pulumi/cases.rs"]
mod cases;
#[path = "../../interop/pulumi/combinations.rs"]
#[allow(dead_code)]
mod combinations;
#[path = "../../interop/pulumi/compare.rs"]
mod compare;
#[path = "../../interop/pulumi/stage.rs"]
mod stage;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use compare::Fact;

#[test]
fn predictions_match_recorded_versions() {
    let folder = fs::read_dir(Path::new(&compare::path("x")).parent().unwrap()).unwrap();
    let files = folder.map(|file| file.unwrap().path());
    let versions: Vec<String> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(versions.iter().any(|version| version == NEWEST), "{versions:?}");
    let newest = read(NEWEST);
    for version in versions {
        assert_agrees_with(&version, &newest);
    }
}

const NEWEST: &str = "3.276.0";

/// Of an older version only those cases are run in which it behaved differently from the newest:
/// tests/interop/pulumi/run runs them all.
fn assert_agrees_with(version: &str, newest: &[(String, Fact)]) {
    let facts = read(version);
    let mut all = cases::all();
    let names: Vec<&str> = all.iter().map(|case| case.name.as_str()).collect();
    let written: Vec<&str> = facts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, written, "run the cases with the real CLI: tests/interop/README.md");
    if version != NEWEST {
        let differs = |name: &str| {
            facts.iter().find(|(case, _)| case == name)
                != newest.iter().find(|(case, _)| case == name)
        };
        all.retain(|case| differs(&case.name));
    }
    let next = AtomicUsize::new(0);
    let differences = Mutex::new(String::new());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(case) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (_, fact) = facts.iter().find(|(name, _)| *name == case.name).unwrap();
                    if let Some(why) = compare::Doctor::run(case, version).differs_from(fact) {
                        *differences.lock().unwrap() += &format!("\n{}: {why}", case.name);
                    }
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    assert!(differences.is_empty(), "pulumi {version}: {differences}");
}

/// Reads the recorded facts of a version.
fn read(version: &str) -> Vec<(String, Fact)> {
    let text = fs::read_to_string(compare::path(version)).unwrap().replace("\r\n", "\n");
    text.lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<String> = line.split('\t').map(unescape).collect();
            let [name, status, message, exchange] = cells.try_into().unwrap();
            (name, Fact { status: status.parse().unwrap(), message, exchange })
        })
        .collect()
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, c == '\\') {
            (_, true) => match rest.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(c) => out.push(c),
                None => out.push('\\'),
            },
            (c, false) => out.push(c),
        }
    }
    out
}
