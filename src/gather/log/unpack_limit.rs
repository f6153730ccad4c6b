//! Limits how much a packed log may unpack to. Reading stops there, and the text before it counts
//! (product contract, section 7, "Time and size").

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use crate::limits::UNPACKED_RATIO;

/// The size of packed data, in bytes.
#[derive(Clone)]
pub(super) enum PackedSize {
    /// From the file system or the archive's list.
    Known(u64),
    /// Read so far: a pipe does not tell its size.
    Counted(Rc<Cell<u64>>),
}

impl PackedSize {
    fn bytes(&self) -> u64 {
        match self {
            Self::Known(bytes) => *bytes,
            Self::Counted(bytes) => bytes.get(),
        }
    }
}

/// How much may be unpacked from one source, and how much has been unpacked.
#[derive(Clone)]
pub(super) struct Allowance {
    least: u64,
    packed: PackedSize,
    unpacked: Rc<Cell<u64>>,
    stopped: Rc<Cell<bool>>,
}

impl Allowance {
    /// Permits `least` bytes, or [`UNPACKED_RATIO`] times the packed size if that is more.
    pub(super) fn new(packed: PackedSize, least: u64) -> Self {
        Self { least, packed, unpacked: Rc::default(), stopped: Rc::default() }
    }

    /// Whether more may be unpacked. Remembers that reading stopped.
    pub(super) fn is_left(&self) -> bool {
        let most = self.least.max(self.packed.bytes().saturating_mul(UNPACKED_RATIO));
        let is_left = self.unpacked.get() <= most;
        if !is_left {
            self.stopped.set(true);
        }
        is_left
    }

    /// After how many bytes reading stopped, if it stopped.
    pub(super) fn stopped(&self) -> Option<u64> {
        self.stopped.get().then(|| self.unpacked.get())
    }

    /// Wraps a reader of unpacked data, so that it ends with the allowance.
    pub(super) fn limit<R: Read>(&self, source: R) -> Limited<R> {
        Limited { source, allowance: self.clone() }
    }
}

/// A reader that ends with its allowance.
pub(super) struct Limited<R> {
    source: R,
    allowance: Allowance,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.allowance.is_left() {
            return Ok(0);
        }
        let read = self.source.read(buffer)?;
        self.allowance.unpacked.set(self.allowance.unpacked.get() + read as u64);
        Ok(read)
    }
}

/// A reader that counts its bytes.
pub(super) struct Counted<R> {
    source: R,
    bytes: Rc<Cell<u64>>,
}

impl<R: Read> Counted<R> {
    /// Returns the reader and its count.
    pub(super) fn new(source: R) -> (Self, PackedSize) {
        let bytes = Rc::new(Cell::new(0));
        (Self { source, bytes: Rc::clone(&bytes) }, PackedSize::Counted(bytes))
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.bytes.set(self.bytes.get() + read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::limits::UNPACKED;

    #[test]
    fn reading_stops_above_both_limits() {
        let unpacked = |packed: u64, length: u64| {
            let allowance = Allowance::new(PackedSize::Known(packed), UNPACKED);
            let mut source = allowance.limit(io::repeat(b'x').take(length));
            let read = io::copy(&mut source, &mut io::sink()).unwrap();
            (read, allowance.stopped().is_some())
        };
        let (most, slack) = (UNPACKED, 1 << 20);
        assert_eq!(unpacked(0, most), (most, false), "64 MiB are never too much");
        let (read, stopped) = unpacked(0, 2 * most);
        assert!(stopped && (most..most + slack).contains(&read), "{read}");
        // 200 times the packed size is more here.
        let packed = most / 100;
        assert_eq!(unpacked(packed, packed * 200), (packed * 200, false));
        assert!(unpacked(packed, packed * 200 + slack).1);
    }
}
