//! What a platform's subjects look like.

use crate::policy::rule_pattern::{RefusedValue, RulePattern};

/// What is known of a platform's subjects.
pub(crate) struct Subjects {
    /// The documented ones. Of several that fit, the first counts.
    pub(crate) shapes: &'static [Shape],
    /// Takes apart a subject whose parts are encoded.
    pub(crate) decode: Option<fn(&str) -> Option<Parts>>,
    pub(crate) beginnings: &'static [Beginning],
    /// Every subject has one of these beginnings, or begins with the name of a claim.
    pub(crate) has_no_other: bool,
    /// What no subject of the issuer begins with.
    pub(crate) never: &'static [&'static str],
    /// Why a subject does not match a rule, as far as only this platform's subjects miss a rule in
    /// that way: functions of the rule and the subject, the most telling first.
    pub(crate) mismatches: &'static [fn(&str, &str) -> Option<String>],
    /// `mismatches` name every part that differs.
    pub(crate) mismatches_name_parts: bool,
    /// The rule, a function of the rule and the subject, where the rule means this subject in a form
    /// that the platform no longer gives it.
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

/// The parts of a subject by name, in their order.
pub(crate) type Parts = Vec<(&'static str, String)>;

/// How many subjects of a platform begin.
pub(crate) struct Beginning {
    pub(crate) text: &'static str,
    /// The text behind which they differ from job to job.
    pub(crate) differ_after: &'static str,
}

impl Beginning {
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text, differ_after: text }
    }
}

/// How a platform writes a subject.
pub(crate) struct Shape {
    /// Literal text, with the parts in braces. A part goes to the next literal text, the last one
    /// to the end.
    pub(crate) template: &'static str,
    /// The text alone would fit subjects of other issuers too.
    pub(crate) needs_issuer: bool,
    /// The parts that are another value in another run.
    pub(crate) varying: &'static [Varying],
    /// A part that is a name, and the path of the claim that holds the id of what it names.
    pub(crate) id: Option<(&'static str, &'static str)>,
    /// Paths of claims that say of the job what this subject leaves out.
    pub(crate) beside: &'static [&'static str],
    /// Parts that hold a word of the platform's, no name.
    pub(crate) words: &'static [&'static str],
    /// A repository may have chosen what its subject is made of.
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

/// A part that is another value in another run of the same job.
#[derive(Debug, PartialEq, Eq)]
pub struct Varying {
    /// The part.
    pub name: &'static str,
    /// The pattern for all of its values.
    pub(super) pattern: &'static str,
    /// How it varies: what a sentence goes on with that begins with its name.
    pub why: &'static str,
}

/// What a rule on a subject with this part keeps out that the next run may need, or lets in that
/// nobody expects.
pub(crate) struct Note {
    pub(crate) part: &'static str,
    /// The part's value, where the sentence is about one alone.
    pub(crate) value: Option<&'static str>,
    /// It is true of this platform's own issuer alone.
    pub(crate) needs_issuer: bool,
    pub(crate) sentence: &'static str,
}

impl Note {
    pub(super) const fn new(part: &'static str, sentence: &'static str) -> Self {
        Self { part, value: None, needs_issuer: false, sentence }
    }
}
