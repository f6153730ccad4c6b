//! Cargo.toml says why each dependency is there.

use std::fs;

/// A dependency, and the comment above it.
fn dependencies() -> Vec<(String, String)> {
    let path = format!("{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(path).unwrap();
    let mut found = Vec::new();
    for section in manifest.split("\n[").skip(1) {
        let (title, lines) = section.split_once(']').unwrap();
        let mut comment = String::new();
        for line in lines.lines().filter(|_| title.ends_with("dependencies")) {
            match line.strip_prefix("# ") {
                Some(words) => comment += words,
                None if line.is_empty() => comment.clear(),
                None => {
                    let (name, _) = line.split_once(" = ").unwrap();
                    found.push((name.to_owned(), std::mem::take(&mut comment)));
                }
            }
        }
    }
    found
}

#[test]
fn every_dependency_has_its_reason() {
    let dependencies = dependencies();
    assert!(dependencies.len() > 30, "{dependencies:?}");
    for (name, reason) in dependencies {
        assert!(reason.ends_with('.'), "{name} has no sentence above it in Cargo.toml: {reason:?}");
    }
}
