//! Splits subjects into the named parts of a platform's shapes.
//!
//! A shape is literal text with named parts in braces. The platforms document their shapes, and
//! each platform's file lists them. A customised subject has no shape and is not split.

#[cfg(test)]
mod tests;

use super::{ALL, Id, Platform, Shape, Varying, by_issuer, public_issuer};
use crate::policy::pattern;
use crate::policy::rule_pattern::{Piece, RefusedValue, RulePattern};
use crate::policy::template::{Open, Template};

/// Every shape with its platform, in the order of the platforms.
fn shapes() -> impl Iterator<Item = (&'static Platform, &'static Shape)> {
    ALL.iter().flat_map(|platform| platform.subjects.shapes.iter().map(|shape| (*platform, shape)))
}

/// The literal texts in all shapes.
pub(crate) fn literals() -> impl Iterator<Item = &'static str> {
    let templates = shapes().flat_map(|(_, shape)| shape.template.split('{'));
    templates
        .map(|part| part.split_once('}').map_or(part, |(_, literal)| literal))
        .filter(|literal| literal.contains(|c: char| c.is_ascii_alphabetic()))
}

/// The paths of the claims with an id for a name in the subject.
#[cfg(test)]
pub(crate) fn id_claims() -> impl Iterator<Item = &'static str> {
    shapes().filter_map(|(_, shape)| shape.id).map(|(_, claim)| claim)
}

/// A subject, split into its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The platform whose shape it has.
    pub platform: Id,
    /// The template of that shape. Empty if the parts are encoded.
    template: &'static str,
    /// The parts by name, in order.
    pub parts: Vec<(&'static str, String)>,
    /// The pattern for the same identity in every run, with wildcards for varying parts. `Err`: the
    /// other parts cannot be in a rule.
    pub pattern: Result<RulePattern, RefusedValue>,
    /// The parts that are wildcards in the pattern.
    pub varying: &'static [Varying],
    /// A part that is a name, and the path of the claim with the corresponding id.
    pub id: Option<(&'static str, &'static str)>,
    /// Paths of claims with facts about the job that the subject leaves out (CircleCI's branch).
    pub beside: &'static [&'static str],
    /// The parts that hold a keyword of the platform, not a name.
    pub words: &'static [&'static str],
    /// A repository may have customised its parts.
    pub is_customisable: bool,
}

/// Splits a subject into its parts. `None`: it has no known shape.
#[must_use]
pub fn describe(issuer: &str, subject: &str) -> Option<Subject> {
    if let Some((platform, parts)) = ALL.iter().find_map(|platform| {
        platform.subjects.decode.and_then(|decode| Some((platform.id, decode(subject)?)))
    }) {
        return Some(Subject {
            platform,
            template: "",
            parts,
            pattern: RulePattern::of_value("sub", subject),
            varying: &[],
            id: None,
            beside: &[],
            words: &[],
            is_customisable: false,
        });
    }
    let (platform, shape, parts) = find_shape(issuer, subject)?;
    let open = |name: &str, value: &str| -> Option<&'static str> {
        let varying = shape.varying.iter().find(|varying| varying.name == name)?;
        Some(if pattern::matches(varying.pattern, value) { varying.pattern } else { "*" })
    };
    let pattern = RulePattern::new("sub", &pieces(shape.template, &parts, open));
    Some(Subject {
        platform: platform.id,
        template: shape.template,
        pattern,
        varying: shape.varying,
        parts: parts.into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
        id: shape.id,
        beside: shape.beside,
        words: shape.words,
        is_customisable: shape.is_customisable,
    })
}

/// The parts of a pattern that has a platform's shape. A pattern that ends early has only its first
/// parts.
pub(crate) fn parts_of(
    pattern: &str,
    platform: Option<Id>,
) -> Option<(Id, Vec<(&'static str, &str)>)> {
    let of_platform = |(known, shape): &(&Platform, &Shape)| match platform {
        Some(id) => known.id == id,
        None => !shape.needs_issuer,
    };
    let mut all = shapes().filter(of_platform);
    all.find_map(|(known, shape)| Some((known.id, leading_parts(shape.template, pattern)?)))
}

/// The parts of a text that begins like this template, at least one.
fn leading_parts<'a>(template: &'static str, text: &'a str) -> Option<Parts<'a>> {
    let (mut template, mut text) = (template, text);
    let mut parts = Vec::new();
    while let Some((literal, rest)) = template.split_once('{') {
        let Some(behind) = text.strip_prefix(literal) else { break };
        let (name, rest) = rest.split_once('}')?;
        let next = rest.split('{').next().unwrap_or_default();
        let end = if next.is_empty() { None } else { behind.find(next) };
        let (value, behind) = behind.split_at_checked(end.unwrap_or(behind.len()))?;
        parts.push((name, value));
        if end.is_none() {
            break;
        }
        (template, text) = (rest, behind);
    }
    (!parts.is_empty()).then_some(parts)
}

/// The subjects that an issuer's tokens may have, with every part open. Subjects of branches come
/// first.
pub(crate) fn templates(issuer: &str) -> Vec<Template> {
    let own = by_issuer(issuer).or_else(|| public_issuer(issuer));
    let fits = |platform: &Platform| own.is_none_or(|own| own.id == platform.id);
    let mut found: Vec<&Shape> =
        shapes().filter(|(platform, _)| fits(platform)).map(|(_, shape)| shape).collect();
    found.sort_by_key(|shape| !shape.template.contains("heads/"));
    found.into_iter().map(|shape| open_template(shape.template)).collect()
}

/// A shape's template with open parts.
fn open_template(template: &'static str) -> Template {
    let mut pieces = template.split('{');
    let first = Template::default().text(pieces.next().unwrap_or_default());
    pieces.filter_map(|piece| piece.split_once('}')).fold(first, |all, (name, literal)| {
        // A repository's name has a slash in it.
        all.open(Open::new(name, name, ":")).text(literal)
    })
}

/// The platform whose shape a subject has.
pub(super) fn platform_of(issuer: &str, subject: &str) -> Option<&'static Platform> {
    describe(issuer, subject).map(|known| known.platform.platform())
}

/// A part of a subject that differs from a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference<'a> {
    /// The part.
    pub(crate) name: &'static str,
    /// The rule's text there. `None`: the rule has another shape, so that only the position of the
    /// first difference is known.
    pub(crate) wanted: Option<&'a str>,
    /// The subject's text there.
    pub(crate) has: &'a str,
}

/// The parts in which a subject differs from a rule's pattern: all of them if the pattern has the
/// subject's shape, else only the first.
pub(crate) fn differences<'a>(
    issuer: &str,
    rule: &'a str,
    subject: &'a str,
) -> Vec<Difference<'a>> {
    let Some((_, shape, parts)) = find_shape(issuer, subject) else { return Vec::new() };
    if let Some(wanted) = split_parts(shape.template, rule) {
        let both = wanted.into_iter().zip(&parts);
        let found: Vec<Difference<'_>> = both
            .filter(|((_, wanted), (_, has))| !pattern::matches(wanted, has))
            .map(|((name, wanted), (_, has))| Difference { name, wanted: Some(wanted), has })
            .collect();
        // A `*` may span several parts, so that no single part differs.
        if !found.is_empty() {
            return found;
        }
    }
    // A rule that only ends too early differs in no part.
    if subject.starts_with(rule) {
        return Vec::new();
    }
    let common = pattern::divergence(rule, subject);
    let Some((at, _)) = subject.char_indices().nth(common) else { return Vec::new() };
    // If the rule continues after the part's end, that part differs.
    let within = |(_, value): &&(&str, &str)| {
        let start = value.as_ptr().addr() - subject.as_ptr().addr();
        (start..=start + value.len()).contains(&at)
    };
    let found = parts.iter().find(within);
    found.map(|(name, has)| Difference { name, wanted: None, has }).into_iter().collect()
}

/// Parts by name.
type Parts<'a> = Vec<(&'static str, &'a str)>;

/// The first shape that matches. Shapes that need their issuer come first, since their templates
/// are the least specific.
fn find_shape<'a>(
    issuer: &str,
    subject: &'a str,
) -> Option<(&'static Platform, &'static Shape, Parts<'a>)> {
    let find = |needs_issuer: bool| {
        shapes()
            .filter(move |(_, shape)| shape.needs_issuer == needs_issuer)
            .filter(|(platform, shape)| !shape.needs_issuer || platform.issues(issuer))
            .find_map(|(platform, shape)| {
                Some((platform, shape, split_parts(shape.template, subject)?))
            })
    };
    find(true).or_else(|| find(false))
}

/// The parts of a text that matches this template. No part may be empty.
fn split_parts<'a>(template: &'static str, text: &'a str) -> Option<Parts<'a>> {
    let (mut template, mut text) = (template, text);
    let mut parts = Vec::new();
    loop {
        let Some((literal, rest)) = template.split_once('{') else {
            return (text == template).then_some(parts);
        };
        text = text.strip_prefix(literal)?;
        let (name, rest) = rest.split_once('}')?;
        let next = rest.split('{').next().unwrap_or_default();
        let end = match next {
            "" => text.len(),
            // The last literal must end the text.
            _ if next.len() == rest.len() => text.len().checked_sub(next.len())?,
            _ => text.find(next)?,
        };
        let (value, behind) = text.split_at_checked(end)?;
        if value.is_empty() {
            return None;
        }
        parts.push((name, value));
        (template, text) = (rest, behind);
    }
}

/// Fills these parts into the template, with patterns for the parts that vary.
fn pieces<'a>(
    template: &'static str,
    parts: &Parts<'a>,
    open: impl Fn(&str, &str) -> Option<&'static str>,
) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    // After each opening brace come the part's name, a closing brace and literal text.
    for (index, piece) in template.split('{').enumerate() {
        let (_, literal) = piece.split_once('}').unwrap_or(("", piece));
        if let Some((name, value)) = index.checked_sub(1).and_then(|at| parts.get(at)) {
            pieces.push(open(name, value).map_or(Piece::Value(value), Piece::Varies));
        }
        pieces.push(Piece::Value(literal));
    }
    pieces
}

impl Subject {
    /// Whether a pattern matches only this identity: it has the same parts, except for varying
    /// ones.
    pub(crate) fn is_pattern_of(&self, pattern: &str) -> bool {
        let Some(parts) = split_parts(self.template, pattern) else { return false };
        let varies = |name: &str| self.varying.iter().any(|varying| varying.name == name);
        parts.len() == self.parts.len()
            && parts
                .iter()
                .zip(&self.parts)
                .all(|((name, wanted), (own, has))| name == own && (varies(name) || wanted == has))
    }

    /// The part of this name.
    pub(crate) fn part(&self, name: &str) -> Option<String> {
        self.parts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    /// A sentence about each part that is a wildcard in the pattern.
    pub(crate) fn open_parts(&self) -> impl Iterator<Item = String> {
        self.varying.iter().map(|varying| {
            let part = self.parts.iter().find(|(name, _)| *name == varying.name);
            format!(
                "The {} in sub ({}) {}: it is open in the rule.",
                varying.name,
                part.map_or("", |(_, value)| value),
                varying.why
            )
        })
    }
}
