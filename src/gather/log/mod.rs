//! Reading logs: any size, as a stream, in constant memory.
//!
//! Nearly every line of a log is irrelevant. One automaton finds the texts of all known messages at
//! once ([`index`]). Only the lines that it finds are examined ([`scan`]).

mod block;
mod facts;
mod files;
mod index;
mod line;
mod line_texts;
mod recognise;
mod scan;
mod secrets;
mod step;
#[cfg(test)]
mod tests;
mod unpack_limit;

use std::io::Read;
use std::ops::Range;
use std::path::Path;

pub use self::files::Unreadable;

use self::files::StoppedAfter;
use self::scan::Scanner;
use crate::evidence::log::Log;

/// Where a log comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// Standard input.
    Stdin,
    /// A file, an archive, or a folder of them.
    Path(&'a Path),
}

/// Reads logs, and returns the files that cannot be read. The text before an error counts.
pub fn read(sources: &[Source], stdin: Box<dyn Read + Send>) -> (Log, Vec<Unreadable>) {
    let mut scanner = Scanner::new();
    let mut unreadable = Vec::new();
    let mut stdin = Some(stdin);
    for source in sources {
        let mut visit = |name: &str, reader: &mut dyn Read, stopped_after: StoppedAfter| {
            let is_stdin = matches!(source, Source::Stdin) && name == files::STDIN;
            scanner.read_log(name, is_stdin, reader, stopped_after)
        };
        unreadable.extend(match source {
            Source::Path(path) => files::visit_path(path, &mut visit),
            // Standard input can be read only once.
            Source::Stdin => {
                stdin.take().map_or_else(Vec::new, |s| files::visit_stdin(s, &mut visit))
            }
        });
    }
    (scanner.finish(), unreadable)
}

/// The ranges of the secrets in a line, in order, without overlaps.
pub fn find_secrets(line: &str) -> Vec<Range<usize>> {
    secrets::find(line).into_iter().map(|(range, _)| range).collect()
}

/// A line without secrets, to quote it.
pub fn without_secrets(line: &str) -> String {
    secrets::redact(line)
}

/// The texts that are searched for, for benchmarks against other search programs.
pub fn needles() -> Vec<String> {
    Scanner::new().needles().map(str::to_owned).collect()
}
