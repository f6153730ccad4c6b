//! Packed logs that unpack to far more than any log does: reading stops there, and what was read
//! before counts (product contract, section 7, "Time and size").

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use crate::limits::UNPACKED_RATIO;

/// How many bytes of something packed there are.
#[derive(Clone)]
pub(super) enum Packed {
    /// So many, as its file or the archive's list says.
    Known(u64),
    /// As many as were read so far: a pipe does not say how many will come.
    Counted(Rc<Cell<u64>>),
}

impl Packed {
    fn bytes(&self) -> u64 {
        match self {
            Self::Known(bytes) => *bytes,
            Self::Counted(bytes) => bytes.get(),
        }
    }
}

/// How much may be unpacked from one source, and how much has been.
#[derive(Clone)]
pub(super) struct Allowance {
    least: u64,
    packed: Packed,
    unpacked: Rc<Cell<u64>>,
    stopped: Rc<Cell<bool>>,
}

impl Allowance {
    /// The allowance of something packed: `least`, or more if it is large.
    pub(super) fn of(packed: Packed, least: u64) -> Self {
        Self { least, packed, unpacked: Rc::default(), stopped: Rc::default() }
    }

    /// Whether more may be unpacked; if not, that is remembered.
    pub(super) fn holds(&self) -> bool {
        let most = self.least.max(self.packed.bytes().saturating_mul(UNPACKED_RATIO));
        let holds = self.unpacked.get() <= most;
        if !holds {
            self.stopped.set(true);
        }
        holds
    }

    /// After how many bytes reading stopped, if it did.
    pub(super) fn stopped(&self) -> Option<u64> {
        self.stopped.get().then(|| self.unpacked.get())
    }

    /// A reader of what is unpacked, which ends when no more is allowed.
    pub(super) fn read<R: Read>(&self, source: R) -> Limited<R> {
        Limited { source, allowance: self.clone() }
    }
}

/// Ends when its allowance is used up.
pub(super) struct Limited<R> {
    source: R,
    allowance: Allowance,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.allowance.holds() {
            return Ok(0);
        }
        let read = self.source.read(buffer)?;
        self.allowance.unpacked.set(self.allowance.unpacked.get() + read as u64);
        Ok(read)
    }
}

/// Counts what is read.
pub(super) struct Counted<R> {
    source: R,
    bytes: Rc<Cell<u64>>,
}

impl<R: Read> Counted<R> {
    /// The reader, and its count.
    pub(super) fn new(source: R) -> (Self, Packed) {
        let bytes = Rc::new(Cell::new(0));
        (Self { source, bytes: Rc::clone(&bytes) }, Packed::Counted(bytes))
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
            let allowance = Allowance::of(Packed::Known(packed), UNPACKED);
            let mut source = allowance.read(io::repeat(b'x').take(length));
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
