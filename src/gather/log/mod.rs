//! Reading logs: any size, as a stream, in constant memory.
//!
//! Nearly every line of a log is of no interest. One automaton looks for the texts of all known
//! messages at once ([`index`]); only the lines that it finds are read closely ([`scan`]).

mod block;
mod facts;
mod index;
mod line;
mod parts;
mod recognise;
mod scan;
mod secrets;
mod source;
mod step;
#[cfg(test)]
mod tests;
mod unpacked;

use std::io::Read;
use std::ops::Range;
use std::path::Path;

pub use self::source::Unreadable;

use self::scan::Scanner;
use self::source::Stopped;
use crate::evidence::log::Log;

/// Where a log comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// Standard input.
    Stdin,
    /// A file, an archive, or a folder of them.
    Path(&'a Path),
}

/// Reads logs. Files that cannot be read are named; the text before the error counts.
pub fn read(sources: &[Source], stdin: Box<dyn Read + Send>) -> (Log, Vec<Unreadable>) {
    let mut scanner = Scanner::new();
    let mut unreadable = Vec::new();
    let mut stdin = Some(stdin);
    for source in sources {
        let mut visit = |name: &str, reader: &mut dyn Read, stopped: Stopped| {
            let is_stdin = matches!(source, Source::Stdin) && name == source::STDIN;
            scanner.log(name, is_stdin, reader, stopped)
        };
        unreadable.extend(match source {
            Source::Path(path) => source::path(path, &mut visit),
            // Read once: named twice, it has ended.
            Source::Stdin => stdin.take().map_or_else(Vec::new, |s| source::stdin(s, &mut visit)),
        });
    }
    (scanner.finish(), unreadable)
}

/// Where the secrets in a line stand, in order and apart from each other.
pub fn find_secrets(line: &str) -> Vec<Range<usize>> {
    secrets::find(line).into_iter().map(|(range, _)| range).collect()
}

/// A line as it is quoted: without secrets.
pub fn without_secrets(line: &str) -> String {
    secrets::redact(line)
}

/// The texts that are searched for, for a comparison with other programs that search.
pub fn needles() -> Vec<String> {
    Scanner::new().needles().map(str::to_owned).collect()
}
