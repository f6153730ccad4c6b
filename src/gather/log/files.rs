//! Opens logs as the platforms export them: files, folders and standard input; plain, gzip or zip;
//! UTF-8 or UTF-16.

use std::fs::{self, File};
use std::io::{self, BufReader, Chain, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use super::unpack_limit::{Allowance, Counted, PackedSize};
use crate::console::descriptors;
use crate::limits::{UNPACKED, UNPACKED_ARCHIVE, UNPACKED_RATIO};
use crate::text::secret::argument;

/// How much is read at once, in bytes.
pub(super) const BLOCK: usize = 256 * 1024;
/// The deepest folder to visit. Deeper ones are a loop, or no logs.
const DEEPEST: usize = 16;

/// After how many unpacked bytes reading was stopped, known once the log has been read.
pub(super) type StoppedAfter<'a> = &'a dyn Fn() -> Option<u64>;

/// Visits one log: its name and its text as UTF-8.
pub(super) type Visit<'a> = dyn FnMut(&str, &mut dyn Read, StoppedAfter) -> io::Result<()> + 'a;

/// A log that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {}", crate::gather::files::problem::file_problem(error))]
pub struct Unreadable {
    /// Its name, as given.
    pub name: String,
    error: io::Error,
}

/// Visits the logs at a path: the file, an archive's members, or all files below a folder, by name.
pub(super) fn visit_path(path: &Path, visit: &mut Visit) -> Vec<Unreadable> {
    let mut unreadable = Vec::new();
    let mut files = Vec::new();
    let mut note = |path: &Path, error| {
        descriptors::note(&error);
        unreadable.push(Unreadable { name: argument(path), error });
    };
    if path.is_dir() {
        collect_files(path, DEEPEST, &mut files, &mut note);
    } else {
        files.push(path.to_owned());
    }
    for path in files {
        let name = argument(&path);
        let read = File::open(&path).and_then(|mut file| {
            let start = read_start(&mut file)?;
            match is_zip(&start) && file.rewind().is_ok() {
                true => visit_archive(&name, file, visit),
                false => {
                    let size = file.metadata().ok().filter(fs::Metadata::is_file);
                    let packed = size.map(|file| PackedSize::Known(file.len()));
                    visit_stream(&name, start, file, packed, visit)
                }
            }
        });
        if let Err(error) = read {
            note(&path, error);
        }
    }
    unreadable
}

/// The name of the log on standard input.
pub(super) const STDIN: &str = "stdin";

/// Visits the log on standard input.
pub(super) fn visit_stdin(mut stdin: Box<dyn Read + Send>, visit: &mut Visit) -> Vec<Unreadable> {
    let read = read_start(&mut stdin).and_then(|start| {
        if !is_zip(&start) {
            return visit_stream(STDIN, start, stdin, None, visit);
        }
        // The list of an archive's members is at its end.
        let spooled = spool(Cursor::new(start).chain(stdin)).map_err(|error| {
            descriptors::note(&error);
            let reason = error.kind();
            io::Error::other(format!(
                "an archive needs a temporary file here: {reason}; name the archive instead"
            ))
        });
        visit_archive(STDIN, spooled?, visit)
    });
    read.err().map(|error| Unreadable { name: STDIN.to_owned(), error }).into_iter().collect()
}

/// Copies a reader into an unnamed file.
fn spool(mut reader: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut reader, &mut file)?;
    file.rewind()?;
    Ok(file)
}

/// Collects the files below a folder, by name. Does not follow links, which may lead out or back.
fn collect_files(
    folder: &Path,
    depth: usize,
    files: &mut Vec<PathBuf>,
    note: &mut dyn FnMut(&Path, io::Error),
) {
    let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => entries,
        Err(error) => return note(folder, error),
    };
    let mut entries: Vec<_> =
        entries.iter().filter_map(|e| Some((e.path(), e.file_type().ok()?))).collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (path, kind) in entries {
        if kind.is_file() {
            files.push(path);
        } else if kind.is_dir() {
            match depth.checked_sub(1) {
                Some(depth) => collect_files(&path, depth, files, note),
                None => note(&path, io::Error::other("the folder is too deep")),
            }
        }
    }
}

/// The first bytes, which tell the format.
fn read_start(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(4);
    reader.take(4).read_to_end(&mut start)?;
    Ok(start)
}

/// A local file header, or the end of an archive without members (APPNOTE.TXT 4.3.7, 4.3.16).
fn is_zip(start: &[u8]) -> bool {
    matches!(start, b"PK\x03\x04" | b"PK\x05\x06")
}

fn visit_archive(name: &str, file: File, visit: &mut Visit) -> io::Result<()> {
    let size = file.metadata()?.len();
    // Members may lie about their size, and may share bytes.
    let allowance = Allowance::new(PackedSize::Known(size), UNPACKED_ARCHIVE);
    let mut archive = ZipArchive::new(BufReader::new(file))?;
    let mut first = None;
    for index in 0..archive.len() {
        if !allowance.is_left() {
            return Err(io::Error::other(format!(
                "its members together unpack to more than {UNPACKED_RATIO} times its size; the \
                 last {} of them were not read",
                archive.len() - index
            )));
        }
        // A broken member does not affect the others.
        let read = visit_member(&mut archive, index, name, (&allowance, size), visit);
        if let Err(error) = read
            && first.is_none()
        {
            first = Some(error);
        }
    }
    first.map_or(Ok(()), Err)
}

fn visit_member(
    archive: &mut ZipArchive<BufReader<File>>,
    index: usize,
    name: &str,
    (whole, size): (&Allowance, u64),
    visit: &mut Visit,
) -> io::Result<()> {
    let member = archive.by_index(index)?;
    if !member.is_file() {
        return Ok(());
    }
    let own = member.name().map_err(io::Error::other)?.into_owned();
    let packed = PackedSize::Known(member.compressed_size().min(size));
    let allowance = Allowance::new(packed.clone(), UNPACKED);
    let mut member = allowance.limit(whole.limit(member));
    let name = format!("{name}/{own}");
    let read = read_start(&mut member).and_then(|start| match is_zip(&start) {
        true => Err(io::Error::other("an archive within the archive; unpack it first")),
        false => {
            let mut visit = |name: &str, reader: &mut dyn Read, stopped: StoppedAfter| {
                let any = || stopped().or(allowance.stopped()).or(whole.stopped());
                visit(name, reader, &any)
            };
            visit_stream(&name, start, member, Some(packed), &mut visit)
        }
    });
    read.map_err(|error| io::Error::other(format!("{own}: {error}")))
}

/// Visits a log, unpacking gzip. `packed`: its packed size, if known.
fn visit_stream(
    name: &str,
    start: Vec<u8>,
    rest: impl Read,
    packed: Option<PackedSize>,
    visit: &mut Visit,
) -> io::Result<()> {
    let whole = Cursor::new(start.clone()).chain(rest);
    // RFC 1952 section 2.3.1.
    if !start.starts_with(&[0x1f, 0x8b]) {
        return visit_text(name, &start, whole, visit);
    }
    let (whole, counted) = Counted::new(whole);
    let allowance = Allowance::new(packed.unwrap_or(counted), UNPACKED);
    let plain = MultiGzDecoder::new(BufReader::with_capacity(BLOCK, whole));
    let mut plain = allowance.limit(plain);
    let start = read_start(&mut plain)?;
    let mut visit = |name: &str, reader: &mut dyn Read, stopped: StoppedAfter| {
        visit(name, reader, &|| stopped().or(allowance.stopped()))
    };
    visit_text(name, &start.clone(), Cursor::new(start).chain(plain), &mut visit)
}

/// Visits a text. Converts UTF-16, as Windows PowerShell's `>` writes it, to UTF-8.
fn visit_text<R: Read>(
    name: &str,
    start: &[u8],
    mut whole: Chain<Cursor<Vec<u8>>, R>,
    visit: &mut Visit,
) -> io::Result<()> {
    let unit: fn([u8; 2]) -> u16 = match *start {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        // ASCII without a byte order mark.
        [a, 0, b, 0] if a != 0 && b != 0 => u16::from_le_bytes,
        [0, a, 0, b] if a != 0 && b != 0 => u16::from_be_bytes,
        _ => return visit(name, &mut whole, &|| None),
    };
    let mut text = Utf16 { source: whole, unit, pending: Vec::new(), text: Cursor::default() };
    visit(name, &mut text, &|| None)
}

/// Reads UTF-16 as UTF-8. Invalid units become U+FFFD.
struct Utf16<R> {
    source: R,
    unit: fn([u8; 2]) -> u16,
    /// An odd byte, or the first half of a surrogate pair.
    pending: Vec<u8>,
    text: Cursor<Vec<u8>>,
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.text.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let mut bytes = std::mem::take(&mut self.pending);
            let held = bytes.len();
            self.source.by_ref().take(BLOCK as u64).read_to_end(&mut bytes)?;
            let is_end = bytes.len() == held;
            if is_end && bytes.is_empty() {
                return Ok(0);
            }
            let unit = |pair: &[u8]| (self.unit)([pair[0], pair[1]]);
            let odd = bytes.len() % 2;
            let whole = bytes.len() - odd;
            let half = bytes[..whole].chunks_exact(2).next_back().map(unit);
            let keeps = matches!(half, Some(0xd800..=0xdbff)) && !is_end;
            let end = if keeps { whole - 2 } else { whole };
            let text: String = char::decode_utf16(bytes[..end].chunks_exact(2).map(unit))
                .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect();
            if !is_end {
                self.pending = bytes.split_off(end);
            }
            self.text = Cursor::new(text.into_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    fn collect(read: impl FnOnce(&mut Visit) -> Vec<Unreadable>) -> Vec<(String, String)> {
        let mut seen = Vec::new();
        let unreadable = read(&mut |name: &str, reader: &mut dyn Read, _: StoppedAfter| {
            let mut text = String::new();
            reader.read_to_string(&mut text)?;
            seen.push((name.to_owned(), text));
            Ok(())
        });
        assert!(unreadable.is_empty(), "{unreadable:?}");
        seen
    }

    fn piped(bytes: Vec<u8>) -> String {
        let mut seen = collect(|visit| visit_stdin(Box::new(Cursor::new(bytes)), visit));
        assert_eq!(seen.len(), 1);
        seen.remove(0).1
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_and_utf16_are_decoded() {
        let text = "first\r\nsecond \u{1f600}\n".repeat(9);
        assert_eq!(piped(text.clone().into_bytes()), text);
        assert_eq!(piped(gzip(&text)), text);
        // Several members, as `cat a.gz b.gz` makes them.
        assert_eq!(piped([gzip("a\n"), gzip("b\n")].concat()), "a\nb\n");
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(piped(little.clone()), text);
        assert_eq!(piped(big.clone()), text);
        assert_eq!(piped([vec![0xff, 0xfe], little].concat()), format!("\u{feff}{text}"));
        assert_eq!(piped([vec![0xfe, 0xff], big].concat()), format!("\u{feff}{text}"));
        assert_eq!(piped(Vec::new()), "");
    }

    #[test]
    fn surrogate_pairs_survive_block_borders() {
        let text = format!("a{}", "\u{1f600}".repeat(BLOCK / 2));
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(piped([vec![0xff, 0xfe], bytes].concat()), format!("\u{feff}{text}"));
    }

    #[test]
    fn archives_and_folders_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("logs");
        fs::create_dir_all(place.join("b")).unwrap();
        fs::write(place.join("b/2.txt"), "two").unwrap();
        fs::write(place.join("a.txt"), "one").unwrap();
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        for (name, text) in [("job/1_a.txt", "first"), ("job/2_b.txt", "second")] {
            zip.start_file(name, options).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        fs::write(place.join("c.zip"), &bytes).unwrap();
        let seen = collect(|visit| visit_path(&place, visit));
        let seen: Vec<(&str, &str)> = seen
            .iter()
            .map(|(name, text)| (name.rsplit_once("logs/").unwrap().1, text.as_str()))
            .collect();
        let expected = [
            ("a.txt", "one"),
            ("b/2.txt", "two"),
            ("c.zip/job/1_a.txt", "first"),
            ("c.zip/job/2_b.txt", "second"),
        ];
        assert_eq!(seen, expected);
        let piped = collect(|visit| visit_stdin(Box::new(Cursor::new(bytes)), visit));
        assert_eq!(piped[1], ("stdin/job/2_b.txt".to_owned(), "second".to_owned()));
    }

    #[test]
    fn unreadable_logs_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing.log");
        let broken = directory.path().join("broken.zip");
        fs::write(&broken, b"PK\x03\x04 and no more").unwrap();
        let mut visit = |_: &str, _: &mut dyn Read, _: StoppedAfter| Ok(());
        for place in [missing, broken] {
            let unreadable = visit_path(&place, &mut visit);
            assert_eq!(unreadable.len(), 1);
            assert_eq!(unreadable[0].name, place.display().to_string());
        }
        let mut cut = gzip("text");
        cut.truncate(12);
        let mut drain = |_: &str, reader: &mut dyn Read, _: StoppedAfter| {
            io::copy(reader, &mut io::sink()).map(drop)
        };
        assert_eq!(visit_stdin(Box::new(Cursor::new(cut)), &mut drain).len(), 1);
    }
}
