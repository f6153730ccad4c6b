//! Why a file cannot be read.

use std::fmt;
use std::io::{self, ErrorKind};

use serde::{Deserialize, Serialize};

/// Why a file cannot be read. Bundles hold the text, which is the same on every system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FileProblem {
    NotFound,
    PermissionDenied,
    Directory,
    /// A part of the path is a file.
    NotADirectory,
    /// A device, or a pipe without a writer.
    NotRegular,
    Empty,
    /// `file://` without a path.
    NoPath,
    Other(String),
}

const TEXTS: [(FileProblem, &str); 7] = [
    (FileProblem::NotFound, "no such file"),
    (FileProblem::PermissionDenied, "permission denied"),
    (FileProblem::Directory, "is a directory"),
    (FileProblem::NotADirectory, "a part of its path is not a directory"),
    (FileProblem::NotRegular, "is not a regular file"),
    (FileProblem::Empty, "is empty"),
    (FileProblem::NoPath, "no path follows file://"),
];

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let known = TEXTS.iter().find(|(problem, _)| problem == self).map(|(_, text)| *text);
        match self {
            Self::Other(text) => f.write_str(text),
            _ => f.write_str(known.unwrap_or_default()),
        }
    }
}

impl From<String> for FileProblem {
    fn from(text: String) -> Self {
        let known = TEXTS.into_iter().find(|(_, known)| *known == text).map(|(problem, _)| problem);
        known.unwrap_or(Self::Other(text))
    }
}

impl From<FileProblem> for String {
    fn from(problem: FileProblem) -> Self {
        problem.to_string()
    }
}

impl From<&io::Error> for FileProblem {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::PermissionDenied => Self::PermissionDenied,
            ErrorKind::IsADirectory => Self::Directory,
            ErrorKind::NotADirectory => Self::NotADirectory,
            // The texts of operating systems differ; those of libraries do not.
            _ if error.get_ref().is_some() => Self::Other(error.to_string()),
            kind => Self::Other(kind.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn file_problem_texts_round_trip() {
        for (problem, text) in TEXTS {
            assert_eq!(serde_json::to_value(&problem).unwrap(), text);
            assert_eq!(FileProblem::from(text.to_owned()), problem);
        }
        let other = FileProblem::Other("stale file handle".to_owned());
        assert_eq!(FileProblem::from(other.to_string()), other);
    }
}
