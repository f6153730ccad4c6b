//! Splits a stream into blocks of whole lines, without terminal escape sequences.

use std::io::{self, Read};

use memchr::{memchr, memrchr};

use super::files::BLOCK;

/// Longer lines are split, to bound memory.
const LONGEST_LINE: usize = 1 << 20;
const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
/// How Jenkins begins a console note (hudson.console.ConsoleNote).
const JENKINS_NOTE: &[u8] = b"\x1b[8mha:";

/// Passes every block of whole lines to `take`. The last line may have no end.
pub(super) fn blocks(source: &mut dyn Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; BLOCK];
    let mut held = 0;
    loop {
        let read = match source.read(&mut buffer[held..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let filled = held + read;
        if read == 0 {
            emit_plain(&mut buffer[..filled], &mut take);
            return Ok(());
        }
        let end = match memrchr(b'\n', &buffer[held..filled]) {
            Some(at) => held + at + 1,
            None if filled >= LONGEST_LINE => filled,
            None => {
                held = filled;
                if held == buffer.len() {
                    buffer.resize(held * 2, 0);
                }
                continue;
            }
        };
        emit_plain(&mut buffer[..end], &mut take);
        buffer.copy_within(end..filled, 0);
        held = filled - end;
    }
}

fn emit_plain(block: &mut [u8], take: &mut impl FnMut(&[u8])) {
    let end = match memchr(ESCAPE, block) {
        Some(first) => remove_escapes(block, first),
        None => block.len(),
    };
    if end > 0 {
        take(&block[..end]);
    }
}

/// The text without escape sequences.
pub(super) fn without_escapes(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    if let Some(first) = memchr(ESCAPE, &bytes) {
        let end = remove_escapes(&mut bytes, first);
        bytes.truncate(end);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Removes escape sequences in place and returns the new length. Keeps line breaks, so that line
/// numbers stay right.
fn remove_escapes(block: &mut [u8], first: usize) -> usize {
    let (mut from, mut to) = (first, first);
    while from < block.len() {
        let next = memchr(ESCAPE, &block[from..]).map_or(block.len(), |at| from + at);
        block.copy_within(from..next, to);
        to += next - from;
        from = next + escape_length(&block[next..]);
    }
    to
}

/// The length of the escape sequence that a text begins with (ECMA-48 section 5.4: control
/// sequences; 5.6: control strings, which Buildkite writes its timestamps in).
fn escape_length(text: &[u8]) -> usize {
    // Jenkins hides data for its own pages between these marks.
    if text.starts_with(JENKINS_NOTE) {
        let end = text[1..].iter().position(|b| matches!(*b, ESCAPE | b'\n'));
        return end.map_or(text.len(), |at| at + 1);
    }
    let rest = text.get(2..).unwrap_or_default();
    let inside = match text.get(1) {
        None | Some(b'\n') => return text.len().min(1),
        Some(b'[') => {
            let end = rest.iter().position(|b| !(0x20..0x40).contains(b));
            end.map_or(rest.len(), |at| at + usize::from((0x40..0x7f).contains(&rest[at])))
        }
        Some(b']' | b'_' | b'P' | b'^' | b'X') => {
            match rest.iter().position(|b| matches!(*b, BELL | ESCAPE | b'\n')) {
                Some(at) if rest[at] == BELL => at + 1,
                Some(at) if rest[at..].starts_with(&[ESCAPE, b'\\']) => at + 2,
                Some(at) => at,
                None => rest.len(),
            }
        }
        Some(_) => 0,
    };
    2 + inside
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn read_all(mut text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        blocks(&mut text, |block| out.extend_from_slice(block)).unwrap();
        out
    }

    #[test]
    fn escape_sequences_are_removed() {
        let cases: [(&str, &str); 8] = [
            ("plain\n", "plain\n"),
            ("\u{1b}[31merror: \u{1b}[0m\u{1b}[0mno\u{1b}[K\n", "error: no\n"),
            ("\u{1b}_bk;t=1700000000000\u{7}text\n", "text\n"),
            ("\u{1b}]0;title\u{1b}\\text", "text"),
            ("\u{1b}[8mha:////4ABC==\u{1b}[0mtext", "text"),
            ("a\u{1b}[1\nb", "a\nb"),
            ("a\u{1b}", "a"),
            ("a\u{1b}\nb\u{1b}]x\ny", "a\nb\ny"),
        ];
        for (text, expected) in cases {
            assert_eq!(String::from_utf8(read_all(text.as_bytes())).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn long_lines_are_split() {
        let line = [vec![b'x'; BLOCK - 7], vec![b'\n']].concat();
        let text = line.repeat(5);
        let mut sizes = Vec::new();
        blocks(&mut text.as_slice(), |block| {
            assert!(block.ends_with(b"\n"));
            sizes.push(block.len());
        })
        .unwrap();
        assert_eq!(sizes.iter().sum::<usize>(), text.len());
        let endless = vec![b'x'; 5 * LONGEST_LINE];
        blocks(&mut endless.as_slice(), |block| assert!(block.len() <= 2 * LONGEST_LINE)).unwrap();
        assert_eq!(read_all(&endless).len(), endless.len());
    }

    proptest! {
        #[test]
        fn line_count_is_kept(text in "([a-z\u{1b}\u{7}\n\\[\\]_;0-9mK]{0,40}){0,4}") {
            let lines = |text: &[u8]| text.iter().filter(|b| **b == b'\n').count();
            prop_assert_eq!(lines(&read_all(text.as_bytes())), lines(text.as_bytes()));
        }
    }
}
