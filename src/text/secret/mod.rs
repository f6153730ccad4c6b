//! Secrets: values whose `Debug` shows nothing and that are wiped when dropped. [`Scrubber`]
//! removes them from foreign texts.

mod letters;
mod names;
mod pieces;
mod scrubber;
pub(crate) mod shapes;

use std::fmt;

use zeroize::Zeroizing;

pub(crate) use names::{is_plain, is_reference, looks_random, names_secret};
pub use scrubber::Scrubber;
pub(crate) use scrubber::argument;

/// A bearer credential. It has no `Display` and no serialisation, and `Debug` hides it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps the value without copying it.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for code that sends or decodes it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

/// Replaces a secret in text.
pub const REDACTED: &str = "[redacted]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_secret() {
        assert_eq!(format!("{:?}", Secret::new("pul-123".into())), "(redacted)");
    }
}
