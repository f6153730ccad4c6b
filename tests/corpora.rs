//! Replays the fuzz targets' seeds and what fuzzing found (docs/fuzzing.md): inputs that reach
//! different places in the program, and every one that ever broke a promise.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
mod targets;

use targets::TARGETS;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("{directory:?}: {e}"));
    let path = |entry: fs::DirEntry| entry.path();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries.map(|entry| stem(path(entry.unwrap()))).collect()
}

/// Feeds every input of a target to it; the ones that break a promise.
fn replay(name: &str, target: targets::Target) -> Vec<String> {
    let mut inputs = Vec::new();
    for kind in ["seeds", "corpus"] {
        let directory = fuzz().join(kind).join(name);
        let entries = fs::read_dir(&directory).unwrap_or_else(|e| panic!("{directory:?}: {e}"));
        inputs.extend(entries.map(|entry| entry.unwrap().path()));
    }
    assert!(inputs.len() > 5, "{name} has {} inputs", inputs.len());
    let breaks = |path: &PathBuf| {
        let data = fs::read(path).unwrap();
        catch_unwind(AssertUnwindSafe(|| target(&data))).is_err()
    };
    inputs.into_iter().filter(breaks).map(|path| path.display().to_string()).collect()
}

#[test]
fn no_known_input_breaks_a_promise() {
    let broken: Vec<String> = std::thread::scope(|scope| {
        let replays = TARGETS.map(|(name, target)| scope.spawn(move || replay(name, target)));
        replays.into_iter().flat_map(|replay| replay.join().unwrap()).collect()
    });
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_fuzz_target_has_corpus_and_count() {
    let expected: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for directory in ["fuzz_targets", "seeds", "corpus"] {
        assert_eq!(names(&fuzz().join(directory)), expected, "fuzz/{directory}");
    }
    let page = fs::read_to_string(fuzz().join("../docs/fuzzing.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let rows: BTreeSet<String> = rows.map(str::to_owned).collect();
    assert_eq!(rows, expected, "docs/fuzzing.md");
}
