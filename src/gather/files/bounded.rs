//! Reads from pipes with a time limit.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// A file that is opened when it is first read: opening a named pipe waits for a writer.
pub(crate) struct Unopened {
    path: PathBuf,
    file: Option<File>,
}

impl Unopened {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }
}

impl Read for Unopened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.file.is_none() {
            self.file = Some(File::open(&self.path)?);
        }
        self.file.as_mut().map_or(Ok(0), |file| file.read(buffer))
    }
}

/// A reader with a deadline. A thread of its own reads the source, and may outlive the reader:
/// nothing can interrupt a blocked read.
pub(crate) struct Bounded {
    chunks: Receiver<io::Result<Zeroizing<Vec<u8>>>>,
    rest: Zeroizing<Vec<u8>>,
    deadline: Instant,
    limit: Duration,
}

impl Bounded {
    /// Starts to read `source`. Reads fail after `limit` from now.
    pub(crate) fn new(mut source: impl Read + Send + 'static, limit: Duration) -> Self {
        let (sender, chunks) = sync_channel(1);
        thread::spawn(move || {
            loop {
                let mut chunk = Zeroizing::new(vec![0; 64 << 10]);
                let read = source.read(&mut chunk);
                let ends = !matches!(read, Ok(1..));
                let sent = sender.send(read.map(|length| {
                    chunk.truncate(length);
                    chunk
                }));
                if ends || sent.is_err() {
                    return;
                }
            }
        });
        Self { chunks, rest: Zeroizing::default(), deadline: Instant::now() + limit, limit }
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            let left = self.deadline.saturating_duration_since(Instant::now());
            self.rest = match self.chunks.recv_timeout(left) {
                Ok(chunk) => chunk?,
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) => {
                    let text = format!("it did not end within {:.1} s", self.limit.as_secs_f64());
                    return Err(io::Error::new(ErrorKind::TimedOut, text));
                }
            };
        }
        let length = buffer.len().min(self.rest.len());
        for (to, from) in buffer.iter_mut().zip(self.rest.drain(..length)) {
            *to = from;
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn source_is_read_fully() {
        let text = vec![7; 200_000];
        let mut all = Vec::new();
        let source = io::Cursor::new(text.clone());
        Bounded::new(source, Duration::from_secs(60)).read_to_end(&mut all).unwrap();
        assert_eq!(all, text);
    }

    #[test]
    fn missing_file_fails_on_read() {
        let mut file = Unopened::new(PathBuf::from("/nowhere/at/all"));
        assert_eq!(file.read(&mut [0]).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn silent_source_times_out() {
        struct Silent;
        impl Read for Silent {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                loop {
                    std::thread::park();
                }
            }
        }
        let mut all = Vec::new();
        let mut bounded = Bounded::new(Silent, Duration::from_millis(10));
        assert_eq!(bounded.read_to_end(&mut all).unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
