//! A Dockerfile's instructions, and what of a directory its .dockerignore lets through.
//!
//! As much of the two formats as the project's own files use; what they do not use is refused, so
//! that no test passes for a line that it did not understand.

use std::path::{Component, Path};

/// An instruction, as it stands after its continuation lines were joined.
#[derive(Debug, Clone, PartialEq)]
pub struct Instruction {
    /// In capitals.
    pub name: String,
    pub rest: String,
}

impl Instruction {
    /// Its words, without the flags in front (`--from=build`).
    pub fn words(&self) -> Vec<&str> {
        self.rest.split_whitespace().skip_while(|word| word.starts_with("--")).collect()
    }

    /// The value of a flag.
    pub fn flag(&self, name: &str) -> Option<&str> {
        let flags = self.rest.split_whitespace().take_while(|word| word.starts_with("--"));
        flags.filter_map(|flag| flag[2..].split_once('=')).find(|(n, _)| *n == name).map(|f| f.1)
    }
}

/// The stages of a Dockerfile: each begins with its FROM.
pub fn stages(text: &str) -> Vec<Vec<Instruction>> {
    let mut stages: Vec<Vec<Instruction>> = Vec::new();
    let mut line = String::new();
    // A comment may stand between the lines of an instruction.
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

/// Whether a .dockerignore lets a path (relative, of the context) through: the last line that
/// matches it, or a directory that it is in, decides.
pub fn lets_through(dockerignore: &str, path: &Path) -> bool {
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
