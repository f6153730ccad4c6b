//! Processes lines in parallel and yields the answers in input order, in bounded memory.
//!
//! One thread reads whole lines, as many as are available, so that no answer waits for later input.
//! One thread per core answers them. The caller's thread takes the answers in the order of the
//! lines.

use std::io::{self, ErrorKind, Read};
use std::num::NonZero;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::scrub::scrub;
use crate::text::secret::Scrubber;

/// The `id` of an item without secrets: people put a token there, or a part of it.
pub(crate) fn item_id(item: &Map<String, Value>) -> Option<Value> {
    let mut id = item.get("id")?.clone();
    let scrubber = Scrubber::default();
    if let Some(token) = item.get("token").and_then(Value::as_str) {
        scrubber.add_signature(token);
    }
    scrub(&mut id, &scrubber);
    Some(id)
}

/// How much is read at once, in bytes. The buffer of every batch is at least this large.
const BATCH: usize = 64 << 10;
/// Queued batches per core: enough to keep every core busy, few enough to bound memory.
const QUEUED_PER_CORE: usize = 4;

/// Whole lines as they were read. They may hold tokens, so they are wiped.
struct Batch {
    bytes: Zeroizing<Vec<u8>>,
    /// The number of the first line, from 1.
    first: u64,
}

/// The answers to a batch.
pub(crate) struct BatchAnswers<T> {
    /// An answer for each line that is not blank, in order.
    pub(crate) answers: Vec<T>,
    /// The size of the lines in bytes, with line ends.
    pub(crate) bytes: u64,
}

struct Job<T> {
    batch: Batch,
    reply: Sender<BatchAnswers<T>>,
}

/// Answers every line of `source` that is not blank, and passes the answers to `deliver` until that
/// fails. `worker` is called once per thread. The function that it returns gets the line's number,
/// from 1, and the trimmed line. A line longer than `max_line_bytes` is cut off a little above
/// that.
///
/// # Errors
/// The source cannot be read any further, or `deliver` failed.
pub(crate) fn process_lines<T, W>(
    source: impl Read + Send + 'static,
    max_line_bytes: usize,
    worker: impl Fn() -> W + Sync,
    mut deliver: impl FnMut(BatchAnswers<T>) -> Result<(), io::Error>,
) -> Result<(), Error>
where
    T: Send + 'static,
    W: FnMut(u64, &[u8]) -> T,
{
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let (jobs, queue) = mpsc::sync_channel(cores * QUEUED_PER_CORE);
    let (order, ordered) = mpsc::sync_channel(cores * QUEUED_PER_CORE);
    let all_read = jobs.clone();
    // Never join this thread: it may wait for input that never comes.
    thread::spawn(move || BatchReader::new(source, max_line_bytes).run(&jobs, &order));
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| run_worker(&queue, worker()));
        }
        let taken = ordered.into_iter().try_for_each(|reply| match reply {
            Err(error) => Err(Error::Source(error)),
            // No answer: the worker panicked, and the scope passes the panic on.
            Ok(reply) => reply.recv().map_or(Ok(()), |a| deliver(a).map_err(Error::Sink)),
        });
        for _ in 0..cores {
            // Stop the workers here, because the reader may never end.
            let _ = all_read.send(None);
        }
        taken
    })
}

/// Why some lines were not answered.
pub(crate) enum Error {
    /// The source cannot be read.
    Source(io::Error),
    /// The answers cannot be delivered.
    Sink(io::Error),
}

fn run_worker<T>(queue: &Mutex<Receiver<Option<Job<T>>>>, mut answer: impl FnMut(u64, &[u8]) -> T) {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(Some(Job { batch, reply })) = next() {
        let lines = batch.bytes.split(|byte| *byte == b'\n').zip(batch.first..);
        let lines = lines.map(|(line, number)| (number, line.trim_ascii()));
        let answers =
            lines.filter(|(_, line)| !line.is_empty()).map(|(n, line)| answer(n, line)).collect();
        // The receiver may be gone.
        let _ = reply.send(BatchAnswers { answers, bytes: batch.bytes.len() as u64 });
    }
}

struct BatchReader<R> {
    source: R,
    max_line_bytes: usize,
    /// The bytes after the last complete line.
    rest: Zeroizing<Vec<u8>>,
    /// The number of the line that `rest` belongs to.
    number: u64,
}

impl<R: Read> BatchReader<R> {
    fn new(source: R, max_line_bytes: usize) -> Self {
        Self { source, max_line_bytes, rest: buffer(0), number: 1 }
    }

    fn run<T>(
        mut self,
        jobs: &SyncSender<Option<Job<T>>>,
        order: &SyncSender<io::Result<Receiver<BatchAnswers<T>>>>,
    ) {
        loop {
            let batch = match self.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => return,
                Err(error) => {
                    let _ = order.send(Err(error));
                    return;
                }
            };
            let (reply, answers) = mpsc::channel();
            if order.send(Ok(answers)).is_err() || jobs.send(Some(Job { batch, reply })).is_err() {
                return;
            }
        }
    }

    /// Reads the next complete lines, at least one. `None`: the input has ended.
    fn next_batch(&mut self) -> io::Result<Option<Batch>> {
        loop {
            if self.rest.len() > self.max_line_bytes {
                return self.take_overlong_line().map(Some);
            }
            let filled = self.rest.len();
            if self.fill()? == 0 {
                let bytes = std::mem::replace(&mut self.rest, buffer(0));
                let first = self.number;
                return Ok((filled > 0).then_some(Batch { bytes, first }));
            }
            if let Some(end) = memchr::memrchr(b'\n', &self.rest[filled..]) {
                let (lines, rest) = self.rest.split_at(filled + end + 1);
                let count = memchr::memchr_iter(b'\n', lines).count() as u64;
                let lines = lines.len();
                let mut next = buffer(rest.len());
                next.extend_from_slice(rest);
                let mut bytes = std::mem::replace(&mut self.rest, next);
                bytes.truncate(lines);
                let first = self.number;
                self.number += count;
                return Ok(Some(Batch { bytes, first }));
            }
        }
    }

    /// Returns the beginning of a line that is too long, and skips the rest of it.
    fn take_overlong_line(&mut self) -> io::Result<Batch> {
        let bytes = std::mem::replace(&mut self.rest, buffer(0));
        let first = self.number;
        while self.fill()? > 0 {
            let end = memchr::memchr(b'\n', &self.rest);
            let line = end.unwrap_or(self.rest.len());
            let mut next = buffer(self.rest.len() - line);
            next.extend_from_slice(&self.rest[line..]);
            self.rest = next;
            if end.is_some() {
                break;
            }
        }
        Ok(Batch { bytes, first })
    }

    /// Reads what is available, and returns how many bytes that was.
    fn fill(&mut self) -> io::Result<usize> {
        let filled = self.rest.len();
        if self.rest.capacity() - filled < BATCH {
            // Growing in place would leave a copy in freed memory.
            let mut larger = buffer(filled * 2);
            larger.extend_from_slice(&self.rest);
            self.rest = larger;
        }
        self.rest.resize(filled + BATCH, 0);
        let read = loop {
            match self.source.read(&mut self.rest[filled..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.rest.truncate(filled + *read.as_ref().unwrap_or(&0));
        read
    }
}

/// A buffer with room for `length` bytes and the next read.
fn buffer(length: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(length + BATCH))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// Delivers its pieces one by one, as a pipe does.
    struct Pieces(VecDeque<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(mut piece) = self.0.pop_front() else { return Ok(0) };
            let length = piece.len().min(buffer.len());
            buffer[..length].copy_from_slice(&piece[..length]);
            if length < piece.len() {
                self.0.push_front(piece.split_off(length));
            }
            Ok(length)
        }
    }

    const MAX_LINE_BYTES: usize = 20;

    fn answered(pieces: Vec<Vec<u8>>) -> Vec<(u64, Vec<u8>)> {
        let mut all = Vec::new();
        let source = Pieces(pieces.into_iter().filter(|piece| !piece.is_empty()).collect());
        let worker = || |number, line: &[u8]| (number, line.to_vec());
        let taken = process_lines(source, MAX_LINE_BYTES, worker, |batch| {
            all.extend(batch.answers);
            Ok(())
        });
        assert!(taken.is_ok());
        all
    }

    /// The expected result, by the standard library.
    fn expected(text: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let lines = text.split(|byte| *byte == b'\n').zip(1..);
        let lines = lines.map(|(line, number)| (number, line.trim_ascii().to_vec()));
        lines.filter(|(_, line)| !line.is_empty()).collect()
    }

    proptest! {
        #[test]
        fn lines_are_answered_in_order(
            lines in prop::collection::vec("[ -~]{0,18}\r?", 0..40),
            cuts in prop::collection::vec(0..200_usize, 0..10),
            ends in any::<bool>(),
        ) {
            let mut text = lines.join("\n").into_bytes();
            if ends {
                text.push(b'\n');
            }
            let mut pieces = vec![text.clone()];
            for cut in cuts {
                let last = pieces.pop().unwrap();
                let (left, right) = last.split_at(cut.min(last.len()));
                pieces.extend([left.to_vec(), right.to_vec()]);
            }
            prop_assert_eq!(answered(pieces), expected(&text));
        }
    }

    #[test]
    fn many_batches_come_in_order() {
        let text: String = (0..100_000).map(|number| format!("line {number}\n")).collect();
        assert_eq!(answered(vec![text.clone().into_bytes()]), expected(text.as_bytes()));
    }

    #[test]
    fn too_long_line_does_not_affect_next() {
        let long = "x".repeat(10 * BATCH);
        let all = answered(vec![format!("a\n{long}\nb\n{long}").into_bytes()]);
        let lengths: Vec<_> = all.iter().map(|(number, line)| (*number, line.len())).collect();
        assert_eq!(lengths.len(), 4);
        assert_eq!((lengths[0], lengths[2]), ((1, 1), (3, 1)));
        for (number, length) in [lengths[1], lengths[3]] {
            assert!(number % 2 == 0 && (MAX_LINE_BYTES..=2 * BATCH).contains(&length), "{length}");
        }
    }

    #[test]
    fn broken_source_is_reported_last() {
        struct Breaks(bool);
        impl Read for Breaks {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    return Err(ErrorKind::ConnectionReset.into());
                }
                buffer[..4].copy_from_slice(b"a\nb\n");
                Ok(4)
            }
        }
        let mut seen = 0;
        let result = process_lines(
            Breaks(false),
            MAX_LINE_BYTES,
            || |_, _: &[u8]| (),
            |batch| {
                seen += batch.answers.len();
                Ok(())
            },
        );
        assert!(matches!(result, Err(Error::Source(e)) if e.kind() == ErrorKind::ConnectionReset));
        assert_eq!(seen, 2);
    }

    #[test]
    fn answers_are_streamed() {
        /// Delivers the next line only after an answer.
        struct AnswerFirst(Receiver<()>);
        impl Read for AnswerFirst {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if self.0.recv().is_err() {
                    return Ok(0);
                }
                buffer[..2].copy_from_slice(b"a\n");
                Ok(2)
            }
        }
        let (answered, next) = mpsc::channel();
        answered.send(()).unwrap();
        let mut answered = Some(answered);
        let mut seen = Vec::new();
        let worker = || |number, _: &[u8]| number;
        let result = process_lines(AnswerFirst(next), MAX_LINE_BYTES, worker, |batch| {
            seen.extend(batch.answers);
            match &answered {
                Some(more) if seen.len() < 5 => more.send(()).unwrap(),
                _ => answered = None,
            }
            Ok(())
        });
        assert!(result.is_ok());
        assert_eq!(seen, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn open_input_does_not_block_exit() {
        struct StaysOpen(bool);
        impl Read for StaysOpen {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    loop {
                        thread::park();
                    }
                }
                buffer[..2].copy_from_slice(b"a\n");
                Ok(2)
            }
        }
        let worker = || |_, _: &[u8]| ();
        let result = process_lines(StaysOpen(false), MAX_LINE_BYTES, worker, |_| {
            Err(ErrorKind::BrokenPipe.into())
        });
        assert!(matches!(result, Err(Error::Sink(e)) if e.kind() == ErrorKind::BrokenPipe));
    }
}
