//! How much the doctor reads, and how much work it does with it (product contract, section 7,
//! "Time and size").
//!
//! A token, a file or a server may be hostile. Sizes are capped where values enter. What is computed
//! from them is counted in steps ([`Work`]) and not in seconds, so that the same input gives the same
//! report on every machine. An unoptimised build takes some 40 ns for a step, a released one less
//! than 4 ns; ordinary inputs need a thousandth of what is allowed.

pub(crate) mod json;

/// A token in bytes, from every source, with everything that is wrapped around it.
pub const TOKEN: usize = 128 << 10;

/// A pattern in bytes: a rule's value, or the team of an entry.
pub const PATTERN: usize = 4 << 10;

/// A file that an option names (policy, keys, certificates), in bytes.
pub const FILE: u64 = 4 << 20;

/// JSON or YAML values in such a file. In memory each takes some 250 bytes.
pub const VALUES: usize = 100_000;

/// Registrations in a policy file. Organizations of 500 issuers are large.
pub const REGISTRATIONS: usize = 2_000;

/// Entries in one policy of a policy file.
pub const ENTRIES: usize = 1_000;

/// Rules in one entry of a policy file.
pub const RULES: usize = 100;

/// Rules in one policy of a policy file.
pub const RULES_IN_POLICY: usize = 5_000;

/// Entries, and rules, in all policies of a document together. An answer of Pulumi Cloud cannot hold
/// more: it has at most 25,000 values.
pub const IN_ALL: usize = 25_000;

/// A support bundle in bytes: it holds a policy document, indented.
pub const BUNDLE: u64 = 32 << 20;

/// JSON values in a support bundle.
pub const BUNDLE_VALUES: usize = 1_000_000;

/// Names longer than this, in bytes, are not searched for a similar one: no name that is known here
/// is half as long.
pub const NAME: usize = 64;

/// Steps for matching the rules of a policy. A rule of 100 characters on a claim of 100 takes 200.
pub const EVALUATION: u64 = 8_000_000;

/// Steps for finding the entry that comes closest.
pub const CLOSEST: u64 = 1_000_000;

/// Steps for explaining the rules that fail.
pub const EXPLANATION: u64 = 4_000_000;

/// Steps for finding wildcards that matched another character than the one that is written.
pub const SURPRISES: u64 = 1_000_000;

/// Steps for comparing the entries of a document with each other (`policy lint`).
pub const LINT: u64 = 10_000_000;

/// Steps for finding out who gets in (`policy who`, and for all attempts of `policy fix` together). An
/// entry with ordinary rules takes 100,000.
pub const WHO: u64 = 60_000_000;

/// Steps for comparing registered issuers with a token's.
pub const NEAR_MISS: u64 = 4_000_000;

/// The unpacked size that an archive's member or a compressed log may always have, in bytes.
pub const UNPACKED: u64 = 64 << 20;

/// The same for all members of an archive together: several members may share their bytes.
pub const UNPACKED_IN_ALL: u64 = 1 << 30;

/// Beyond that: the unpacked size may be this many times the packed size.
pub const UNPACKED_RATIO: u64 = 200;

/// Work that may still be done, in steps. A step is about what comparing one character costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    left: u64,
}

impl Work {
    /// A budget of this many steps.
    pub const fn new(steps: u64) -> Self {
        Self { left: steps }
    }

    /// Without a limit, for inputs whose size is bounded.
    pub const fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// Takes steps before the work is done. If too few are left, it takes none and returns false; then
    /// the work must not be done.
    pub fn take(&mut self, steps: usize) -> bool {
        match self.left.checked_sub(steps as u64) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Uses up the budget: the work that was begun did not fit, so no similar work will.
    pub fn exhaust(&mut self) {
        self.left = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_taken_whole() {
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
