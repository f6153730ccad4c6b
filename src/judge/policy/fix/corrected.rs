//! A rule that no token of its issuer can match, and what it is meant to be.

use serde_json::{Map, Value};

use crate::judge::policy::claims::{has, no_subject};
use crate::limits;
use crate::limits::Work;
use crate::platform::{ALL, Audience, Platform, fixed_audience, subject};
use crate::policy::claim_path::{ClaimPath, nearest};
use crate::policy::evaluate::matches;
use crate::policy::rule_pattern::RulePattern;
use crate::policy::{Registration, Rule, pattern};

/// What becomes of a rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Correction {
    /// It has this pattern.
    Pattern(String),
    /// It is on this claim.
    Claim(String),
}

/// What a rule is meant to be that no token of this issuer can match; `None` where one can, or where
/// nothing tells what is meant.
pub(super) fn corrected(
    registration: &Registration,
    platform: Option<&'static Platform>,
    claims: &Map<String, Value>,
    rule: &Rule,
) -> Option<Correction> {
    if rule.undetermined {
        return None;
    }
    let value = ClaimPath::parse(&rule.claim).ok().and_then(|path| path.lookup(claims));
    let pattern = |found: Option<RulePattern>| {
        found.map(|found| Correction::Pattern(found.as_str().to_owned()))
    };
    match (rule.claim.as_str(), value) {
        ("iss", Some(Value::String(issuer))) => pattern(of_issuer(registration, issuer)),
        ("aud", Some(Value::String(audience))) => pattern(of_audience(rule, audience)),
        ("sub", Some(Value::String(own))) => pattern(of_subject(platform, claims, rule, own)),
        (_, None) => of_claim(platform, claims, rule),
        _ => None,
    }
}

/// The registration's issuer: its tokens have no other.
fn of_issuer(registration: &Registration, issuer: &str) -> Option<RulePattern> {
    (registration.identifier() == Some(issuer))
        .then(|| RulePattern::of_value("iss", issuer).ok())?
}

/// An audience that a platform fixes, spelled as this issuer spells it.
fn of_audience(rule: &Rule, audience: &str) -> Option<RulePattern> {
    let platform = fixed_audience(audience)?;
    let Audience::Fixed(all) = platform.audience else { return None };
    let is_other = all
        .iter()
        .any(|one| one.eq_ignore_ascii_case(&rule.pattern) && !one.eq_ignore_ascii_case(audience));
    // The right name in other letters is as dead.
    let is_respelled = rule.pattern.eq_ignore_ascii_case(audience) && rule.pattern != audience;
    (is_other || is_respelled).then(|| RulePattern::of_value("aud", audience).ok())?
}

fn of_subject(
    platform: Option<&'static Platform>,
    claims: &Map<String, Value>,
    rule: &Rule,
    own: &str,
) -> Option<RulePattern> {
    let platform = platform?;
    let renewed = platform.subjects.renew.and_then(|renew| renew(&rule.pattern, own));
    let respelled = || (platform.kinds.as_ref()?.respell?)(&rule.pattern, own);
    if let Some(Ok(found)) = renewed.or_else(respelled) {
        return Some(found).filter(|found| pattern::matches(found.as_str(), own));
    }
    no_subject(platform, &rule.pattern)?;
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    match subject::describe(issuer, own) {
        Some(known) => known.pattern.ok(),
        None => RulePattern::of_value("sub", own).ok(),
    }
}

/// A claim that is written almost like one that the token has, and that no token has as written.
fn of_claim(
    platform: Option<&'static Platform>,
    claims: &Map<String, Value>,
    rule: &Rule,
) -> Option<Correction> {
    let is_unquoted =
        ALL.iter().flat_map(|one| one.claims.dotted).any(|dotted| rule.claim.starts_with(*dotted));
    let is_no_path = ClaimPath::parse(&rule.claim).is_err();
    let is_unknown = platform.is_some_and(|one| one.claims.is_complete && !has(one, &rule.claim));
    if !(is_unquoted || is_no_path || is_unknown) {
        return None;
    }
    let near = nearest(&rule.claim, claims).into_iter().next()?;
    let meant = Rule { claim: near.clone(), compared: None, ..rule.clone() };
    let mut work = Work::new(limits::EVALUATION);
    (matches(&meant, claims, &mut work) == Some(true)).then_some(Correction::Claim(near))
}
