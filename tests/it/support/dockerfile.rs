//! Parses Dockerfiles and .dockerignore files.
//!
//! Only the syntax that the project's own files use is supported. Other syntax is refused, so that
//! no test passes because of a line that was not understood.

use std::path::{Component, Path};

/// An instruction with its continuation lines joined.
#[derive(Debug, Clone, PartialEq)]
pub struct Instruction {
    /// The name in upper case.
    pub name: String,
    pub rest: String,
}

impl Instruction {
    /// The words after the flags (`--from=build`).
    pub fn words(&self) -> Vec<&str> {
        self.rest.split_whitespace().skip_while(|word| word.starts_with("--")).collect()
    }

    /// The value of a flag.
    pub fn flag(&self, name: &str) -> Option<&str> {
        let flags = self.rest.split_whitespace().take_while(|word| word.starts_with("--"));
        flags.filter_map(|flag| flag[2..].split_once('=')).find(|(n, _)| *n == name).map(|f| f.1)
    }
}

/// Splits a Dockerfile into its stages; each begins with FROM.
pub fn stages(text: &str) -> Vec<Vec<Instruction>> {
    let mut stages: Vec<Vec<Instruction>> = Vec::new();
    let mut line = String::new();
    // Comments are allowed between the lines of an instruction.
    for part in text.lines().filter(|l| !l.trim_start().starts_with('#')) {
        match part.strip_suffix('\\') {
            Some(part) => line.push_str(part),
            None => {
                line.push_str(part);
                if let Some((name, rest)) = line.trim().split_once(' ') {
                    let instruction =
                        Instruction { name: name.to_ascii_uppercase(), rest: rest.trim().into() };
                    match instruction.name.as_str() {
                        "FROM" => stages.push(vec![instruction]),
                        _ => stages.last_mut().expect("FROM comes first").push(instruction),
                    }
                } else {
                    assert_eq!(line.trim(), "", "an instruction without arguments");
                }
                line.clear();
            }
        }
    }
    assert_eq!(line, "", "the last line goes on");
    stages
}

/// Whether a .dockerignore includes a path, which is relative to the context. The last line that
/// matches the path or one of its parents decides.
pub fn includes_path(dockerignore: &str, path: &Path) -> bool {
    assert!(path.components().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
    let mut ignored = false;
    for line in dockerignore.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (ignores, pattern) = match line.strip_prefix('!') {
            Some(pattern) => (false, pattern),
            None => (true, line),
        };
        assert!(pattern == "*" || !pattern.contains(['*', '?', '[']), "a pattern: {line}");
        if pattern == "*" || path.starts_with(pattern) {
            ignored = ignores;
        }
    }
    !ignored
}
