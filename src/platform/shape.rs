//! The forms of a platform's subjects.

use crate::policy::rule_pattern::{RefusedValue, RulePattern};

/// The subjects of a platform.
pub(crate) struct Subjects {
    /// The documented shapes. The first that matches counts.
    pub(crate) shapes: &'static [Shape],
    /// Decodes a subject whose parts are encoded.
    pub(crate) decode: Option<fn(&str) -> Option<Parts>>,
    pub(crate) beginnings: &'static [Beginning],
    /// Every subject has one of these beginnings, or begins with the name of a claim.
    pub(crate) has_no_other: bool,
    /// Texts with which no subject of the issuer begins.
    pub(crate) never: &'static [&'static str],
    /// Explain mismatches that only this platform's subjects have: functions of the rule and the
    /// subject, the most specific first.
    pub(crate) mismatches: &'static [fn(&str, &str) -> Option<String>],
    /// `mismatches` name every part that differs.
    pub(crate) mismatches_name_parts: bool,
    /// Renews a rule that is for this subject in an old form of the platform: a function of the
    /// rule and the subject.
    pub(crate) renew: Option<fn(&str, &str) -> Option<Renewed>>,
    pub(crate) notes: &'static [Note],
}

impl Subjects {
    pub(super) const NONE: Self = Self {
        shapes: &[],
        decode: None,
        beginnings: &[],
        has_no_other: false,
        never: &[],
        mismatches: &[],
        mismatches_name_parts: false,
        renew: None,
        notes: &[],
    };
}

/// A rule in the subject's form, or why it cannot be written.
pub(crate) type Renewed = Result<RulePattern, RefusedValue>;

/// The parts of a subject by name, in order.
pub(crate) type Parts = Vec<(&'static str, String)>;

/// A common beginning of a platform's subjects.
pub(crate) struct Beginning {
    pub(crate) text: &'static str,
    /// The text after which subjects of different jobs differ.
    pub(crate) differ_after: &'static str,
}

impl Beginning {
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text, differ_after: text }
    }
}

/// A form of a platform's subjects.
pub(crate) struct Shape {
    /// Literal text, with the parts in braces. A part ends at the next literal text, the last one
    /// at the end.
    pub(crate) template: &'static str,
    /// The template also matches subjects of other issuers.
    pub(crate) needs_issuer: bool,
    /// The parts that differ between runs.
    pub(crate) varying: &'static [Varying],
    /// A part that is a name, and the path of the claim with the corresponding id.
    pub(crate) id: Option<(&'static str, &'static str)>,
    /// Paths of claims with facts about the job that this subject leaves out.
    pub(crate) beside: &'static [&'static str],
    /// Parts that hold a keyword of the platform, not a name.
    pub(crate) words: &'static [&'static str],
    /// A repository may have chosen the claims that make up its subject.
    pub(crate) is_customisable: bool,
}

impl Shape {
    pub(super) const fn new(template: &'static str) -> Self {
        Self {
            template,
            needs_issuer: false,
            varying: &[],
            id: None,
            beside: &[],
            words: &[],
            is_customisable: false,
        }
    }
}

/// A part that differs between runs of the same job.
#[derive(Debug, PartialEq, Eq)]
pub struct Varying {
    /// The part.
    pub name: &'static str,
    /// The pattern that matches all of its values.
    pub(super) pattern: &'static str,
    /// How it varies: the rest of a sentence that begins with its name.
    pub why: &'static str,
}

/// A warning about a rule on a subject with this part: what it keeps out although the next run may
/// need it, or lets in unexpectedly.
pub(crate) struct Note {
    pub(crate) part: &'static str,
    /// The part's value, if the sentence is only about that value.
    pub(crate) value: Option<&'static str>,
    /// The sentence is only true of this platform's own issuer.
    pub(crate) needs_issuer: bool,
    pub(crate) sentence: &'static str,
}

impl Note {
    pub(super) const fn new(part: &'static str, sentence: &'static str) -> Self {
        Self { part, value: None, needs_issuer: false, sentence }
    }
}
