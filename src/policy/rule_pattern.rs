//! The patterns of rules that the doctor suggests.
//!
//! Patterns have no escapes: a `*` or `?` in a claim's value would become a wildcard, and the rule
//! would let in other jobs. [`RulePattern::new`] is the only way to make a rule from a claim's
//! value, and refuses such values (product contract, section 5, points 3 and 4). A `.` matches any
//! one character too, but names with dots are common. Such a value is accepted, and [`inexact`]
//! says what else the rule matches.

use std::fmt;

use super::Rule;
use crate::limits::PATTERN;
use crate::text;

/// Longer values are clipped, in characters.
const MAX_VALUE_CHARS: usize = 200;

/// A pattern that the doctor may suggest. Its wildcards come from a platform's template or an
/// existing rule, never from a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePattern(String);

/// A piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Literal text: a claim's value, or a part of one.
    Value(&'a str),
    /// The pattern for a part that varies from run to run. It is `'static`, since it comes from a
    /// table of this program.
    Varies(&'static str),
    /// A part of an existing rule. It keeps its wildcards.
    OfRule(&'a str),
}

/// Replaces the values that a support bundle leaves out.
pub const LEFT_OUT: &str = "(left out of the bundle)";

impl RulePattern {
    /// Makes the pattern of a rule on a claim.
    ///
    /// # Errors
    /// The value cannot be a rule: it has a wildcard or a control character, is empty or too long.
    pub fn new(claim: &str, pieces: &[Piece]) -> Result<Self, RefusedValue> {
        let texts = || {
            pieces.iter().map(|piece| match piece {
                Piece::Value(text) | Piece::Varies(text) | Piece::OfRule(text) => *text,
            })
        };
        let refused =
            |value: String, why| Err(RefusedValue { claim: claim.to_owned(), value, why });
        // Checked first, so that a huge hostile value is not scanned once per entry.
        let bytes = texts().map(str::len).sum();
        if bytes > PATTERN {
            return refused(String::new(), Unsafe::TooLong { bytes });
        }
        let values = || {
            pieces.iter().filter_map(|piece| match piece {
                Piece::Value(value) => Some(*value),
                Piece::Varies(_) | Piece::OfRule(_) => None,
            })
        };
        let chars = || values().flat_map(str::chars);
        let wildcards = [chars().any(|c| c == '*'), chars().any(|c| c == '?')];
        let why = if wildcards.contains(&true) {
            Unsafe::Wildcards { any_number: wildcards[0], at_most_one: wildcards[1] }
        } else if values().all(str::is_empty) {
            Unsafe::Empty
        } else if values().any(|value| value == LEFT_OUT) {
            Unsafe::NotInBundle
        } else if chars().any(char::is_control) {
            Unsafe::Control
        } else {
            return Ok(Self(texts().collect()));
        };
        let value = pieces.iter().map(|piece| match piece {
            Piece::Value(text) | Piece::OfRule(text) => *text,
            Piece::Varies(_) => "…",
        });
        refused(value.collect(), why)
    }

    /// The pattern that matches a claim's whole value.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn of_value(claim: &str, value: &str) -> Result<Self, RefusedValue> {
        Self::new(claim, &[Piece::Value(value)])
    }

    /// A pattern that is built into this program, such as Azure's audience.
    #[must_use]
    pub fn fixed(pattern: &'static str) -> Self {
        Self(pattern.to_owned())
    }

    /// The pattern of an existing rule, to correct its claim. It keeps its wildcards.
    #[must_use]
    pub fn of_rule(rule: &Rule) -> Self {
        Self::from_author(rule.pattern.clone())
    }

    /// A pattern that the author of an existing rule intended. All its wildcards are the author's.
    pub(crate) fn from_author(pattern: String) -> Self {
        Self(pattern)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RulePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value that cannot be a rule. Its `Display` is one sentence with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedValue {
    /// The path of the claim, or the key of the entry, that would have the value.
    pub claim: String,
    /// The value. Empty if it is too long. `…` is a part that varies from run to run.
    pub value: String,
    pub why: Unsafe,
}

/// Why a value cannot be a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsafe {
    Wildcards {
        /// It has a `*`.
        any_number: bool,
        /// It has a `?`.
        at_most_one: bool,
    },
    Empty,
    /// The support bundle does not contain it.
    NotInBundle,
    /// It has a control character, which cannot be entered in the console.
    Control,
    /// It is longer than a pattern may be.
    TooLong {
        bytes: usize,
    },
    /// The token does not have the claim as a text or a number.
    Missing,
}

impl RefusedValue {
    /// A claim that is needed to identify the job and that the token lacks.
    #[must_use]
    pub fn missing(claim: &str) -> Self {
        Self { claim: claim.to_owned(), value: String::new(), why: Unsafe::Missing }
    }

    /// The property that a suitable value has, for advice to change it.
    #[must_use]
    pub fn what_to_avoid(&self) -> &'static str {
        match self.why {
            Unsafe::Wildcards { any_number: true, at_most_one: true } => "without * and ?",
            Unsafe::Wildcards { any_number: true, .. } => "without *",
            Unsafe::Wildcards { .. } => "without ?",
            Unsafe::Empty | Unsafe::Missing | Unsafe::NotInBundle => "that is not empty",
            Unsafe::Control => "without control characters",
            Unsafe::TooLong { .. } => "that is shorter",
        }
    }
}

impl fmt::Display for RefusedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { claim, why, .. } = self;
        // Must stay on one line: renderers show text after a line break in a step as a snippet.
        let value = text::inert(&text::clip(&self.value, MAX_VALUE_CHARS));
        match why {
            Unsafe::Wildcards { any_number, at_most_one } => {
                let meaning = match (any_number, at_most_one) {
                    (true, true) => "* matches anything and ? matches any character or none",
                    (true, false) => "* matches anything",
                    _ => "? matches any character or none",
                };
                write!(
                    f,
                    "The value of {claim} is {value}. In a rule {meaning}, so a rule with this \
                     value would let in other jobs."
                )
            }
            Unsafe::Empty => {
                write!(f, "The value of {claim} is empty, so a rule with it identifies no job.")
            }
            Unsafe::NotInBundle => write!(
                f,
                "The bundle does not hold the value of {claim}, so no rule can be made from it."
            ),
            Unsafe::Control => write!(
                f,
                "The value of {claim} is {value}. It holds control characters, which \
                 cannot be typed into a rule."
            ),
            Unsafe::TooLong { bytes } => write!(
                f,
                "A rule on {claim} with this token's value has {bytes} bytes. A pattern may have \
                 at most {PATTERN}."
            ),
            Unsafe::Missing => write!(
                f,
                "The token has no usable {claim}, so a rule on {claim} cannot identify the job."
            ),
        }
    }
}

/// A sentence about what else a rule with this value matches, if it has a `.`. `what` names the
/// value.
#[must_use]
pub fn inexact(what: &str, value: &str) -> Option<String> {
    value.contains('.').then(|| {
        format!(
            "{what}: in a pattern . stands for any one character. The rule also matches values \
             that differ from {} only there, such as {}.",
            text::clip(value, MAX_VALUE_CHARS),
            text::clip(&value.replacen('.', "X", 1), MAX_VALUE_CHARS)
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::policy::pattern;

    /// Short texts with many wildcards and separators.
    const TEXT: &str = "[ab.*?:/\u{e9}]{0,8}";

    #[test]
    fn harmless_values_are_accepted() {
        for value in ["repo:acme/web:ref:refs/heads/main", "{3c5f}:x", "true", "1.5", "a b", "é"] {
            assert_eq!(RulePattern::of_value("sub", value).unwrap().as_str(), value);
        }
    }

    #[test]
    fn unsafe_values_are_refused_with_reason() {
        let long = "a".repeat(PATTERN + 1);
        let cases = [
            ("*", "In a rule * matches anything, so"),
            ("repo:acme/web:environment:*", "The value of sub is repo:acme/web:environment:*."),
            ("prod?", "? matches any character or none"),
            ("?*", "* matches anything and ? matches any character or none"),
            ("", "The value of sub is empty"),
            (LEFT_OUT, "The bundle does not hold the value of sub"),
            ("a\nb", "control characters"),
            ("a\u{1b}[31m", "control characters"),
            ("a\u{85}b", "control characters"),
            (&long, "has 4097 bytes. A pattern may have at most 4096."),
        ];
        for (value, words) in cases {
            let refused = RulePattern::of_value("sub", value).unwrap_err();
            let is_too_long = matches!(refused.why, Unsafe::TooLong { .. });
            assert_eq!(refused.value, if is_too_long { "" } else { value });
            assert!(refused.to_string().contains(words), "{refused}");
        }
        assert!(RulePattern::of_value("sub", &"a".repeat(PATTERN)).is_ok());
    }

    #[test]
    fn only_varying_pieces_add_wildcards() {
        let made = RulePattern::new("sub", &[Piece::Value("run:"), Piece::Varies("*")]).unwrap();
        assert_eq!(made.as_str(), "run:*");
        let hostile = [Piece::Value("p:*:run:"), Piece::Varies("*")];
        let refused = RulePattern::new("sub", &hostile).unwrap_err();
        assert_eq!(refused.value, "p:*:run:…");
        let open = RulePattern::new("sub", &[Piece::Value(""), Piece::Varies("*")]);
        assert_eq!(open.unwrap_err().why, Unsafe::Empty);
    }

    proptest! {
        /// Texts that differ only where the value has a `.` match too.
        #[test]
        fn rule_matches_only_its_value(value in TEXT, other in TEXT) {
            match RulePattern::of_value("sub", &value) {
                Err(_) => prop_assert!(value.is_empty() || value.contains(['*', '?'])),
                Ok(rule) => {
                    prop_assert!(pattern::matches(rule.as_str(), &value));
                    let same = value.chars().count() == other.chars().count()
                        && value.chars().zip(other.chars()).all(|(v, o)| v == o || v == '.');
                    prop_assert_eq!(pattern::matches(rule.as_str(), &other), same);
                    if other != value && same {
                        prop_assert!(inexact("sub", &value).is_some());
                    }
                }
            }
        }

        #[test]
        fn rule_has_wildcards_of_varying_pieces_only(values in prop::collection::vec(TEXT, 1..4)) {
            let pieces: Vec<Piece> =
                values.iter().flat_map(|v| [Piece::Value(v), Piece::Varies("*")]).collect();
            if let Ok(rule) = RulePattern::new("sub", &pieces) {
                prop_assert_eq!(rule.as_str().matches('*').count(), values.len());
                prop_assert!(!rule.as_str().contains('?'));
            }
        }
    }
}
