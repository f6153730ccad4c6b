//! Limits on the size of input and on the work that it causes (product contract, section 7, "Time
//! and size").
//!
//! A token, a file or a server may be hostile. Sizes are limited where values are read. Work is
//! counted in steps ([`Work`]), not in seconds, so that the same input gives the same report on
//! every machine. A step takes about 40 ns in an unoptimised build and less than 4 ns in a released
//! one. Ordinary inputs need a thousandth of the limits.

pub(crate) mod json;

/// A token from any source, with everything that is wrapped around it, in bytes.
pub const TOKEN: usize = 128 << 10;

/// A pattern (a rule's value, or the team of an entry), in bytes.
pub const PATTERN: usize = 4 << 10;

/// A file that an option names (policy, keys, certificates), in bytes.
pub const FILE: u64 = 4 << 20;

/// JSON or YAML values in such a file. Each takes about 250 bytes of memory.
pub const VALUES: usize = 100_000;

/// Registrations in a policy file. An organization with 500 is large.
pub const REGISTRATIONS: usize = 2_000;

/// Entries in one policy of a policy file.
pub const ENTRIES: usize = 1_000;

/// Rules in one entry of a policy file.
pub const RULES: usize = 100;

/// Rules in one policy of a policy file.
pub const RULES_IN_POLICY: usize = 5_000;

/// Registrations, entries or rules in a whole document. An answer of Pulumi Cloud cannot have more:
/// it is limited to 25,000 values.
pub const IN_DOCUMENT: usize = 25_000;

/// A support bundle, which holds an indented policy document, in bytes.
pub const BUNDLE: u64 = 32 << 20;

/// JSON values in a support bundle.
pub const BUNDLE_VALUES: usize = 1_000_000;

/// A misspelt name for which a similar one is searched, in bytes. No known name is half as long.
pub const NAME: usize = 64;

/// Steps for matching the rules of a policy. A rule of 100 characters takes 200 steps on a claim of
/// 100.
pub const EVALUATION: u64 = 8_000_000;

/// Steps for finding the closest entry.
pub const CLOSEST: u64 = 1_000_000;

/// Steps for explaining the rules that fail.
pub const EXPLANATION: u64 = 4_000_000;

/// Steps for finding `*` and `?` in a rule that matched other characters than themselves.
pub const SURPRISES: u64 = 1_000_000;

/// Steps for comparing the entries of a document with each other (`policy lint`).
pub const LINT: u64 = 10_000_000;

/// Steps for finding out who gets in (`policy who`, and for all attempts of `policy fix` together).
/// An entry with ordinary rules takes 100,000.
pub const WHO: u64 = 60_000_000;

/// Steps for comparing the registered issuers with the token's.
pub const NEAR_MISS: u64 = 4_000_000;

/// The unpacked size that an archive's member or a compressed log may have at any ratio, in bytes.
pub const UNPACKED: u64 = 64 << 20;

/// The unpacked size of all members of an archive, in bytes. Several members may share packed
/// bytes.
pub const UNPACKED_ARCHIVE: u64 = 1 << 30;

/// The largest ratio of unpacked to packed size above [`UNPACKED`].
pub const UNPACKED_RATIO: u64 = 200;

/// A budget of work, in steps. Comparing one character takes about one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    left: u64,
}

impl Work {
    /// A budget of this many steps.
    pub const fn new(steps: u64) -> Self {
        Self { left: steps }
    }

    /// No limit, for inputs of bounded size.
    pub const fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// Takes steps for work that is about to be done. If too few are left, it takes none and
    /// returns false; then the work must not be done.
    pub fn take(&mut self, steps: usize) -> bool {
        match self.left.checked_sub(steps as u64) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Uses up the budget after unfinished work, because no similar work would fit either.
    pub fn exhaust(&mut self) {
        self.left = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_taken_all_or_none() {
        let mut work = Work::new(10);
        assert!(work.take(4));
        assert!(!work.take(7));
        assert!(work.take(6));
        assert!(!work.take(1) && work.take(0));
        work = Work::new(3);
        work.exhaust();
        assert!(!work.take(1));
        assert!(Work::unlimited().take(usize::MAX));
    }
}
