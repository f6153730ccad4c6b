//! Plans the smallest policy change that lets a token in, and no other kind of job.
//!
//! Replaces a pattern only if no token of this issuer can match it: it is misspelled, spells the
//! same identity differently, or has an outdated subject form. Otherwise other jobs may depend on
//! the entry, so the entry that `policy suggest` prints is added.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::job_claims::explain_no_safe_rule;
use super::smallest_change::correction::{TokenIdentity, correction};
use super::suggest::{claim_text, suggest};
use super::unwanted::{self, Unwanted};
use super::who::who_within;
use crate::limits;
use crate::limits::Work;
use crate::platform::kind::platform_of;
use crate::platform::{Kind, Platform, subject};
use crate::policy::document::edit::{Edit, edited};
use crate::policy::evaluate::{PolicyOutcome, evaluate_registration};
use crate::policy::rule_pattern::RulePattern;
use crate::policy::{Decision, Document, Registration, RequestedToken, Rule};
use crate::report::who::KindOfJob;
use crate::text;

#[derive(Debug, PartialEq)]
pub(crate) enum Plan {
    /// No change is needed: this entry lets the token in.
    Allowed { entry: usize },
    /// The doctor cannot decide. Holds the reason, in one sentence.
    Undecided(String),
    /// This kind of token is often unwanted, and `--if-meant` was not given.
    Unwanted(Unwanted),
    /// Alternative edits, the best first. Each lets the token in and admits no other kind of job.
    Change { ways: Vec<Vec<Edit>>, entry: Map<String, Value> },
}

/// At most so many rules are added to an entry to exclude other kinds of job.
const MAX_ADDED_RULES: usize = 4;

/// At most so many corrected entries are tried.
const MAX_REPLACEMENTS: usize = 4;

/// Plans the change. `if_meant`: the user confirmed a kind of token that is often unwanted.
pub(crate) fn plan(
    document: &Document,
    claims: &Map<String, Value>,
    ask: &RequestedToken,
    organization: Option<&str>,
    if_meant: bool,
) -> Plan {
    let issuer = claims.get("iss").and_then(Value::as_str);
    let (index, registration) = match deciding_registration(document, issuer, organization) {
        Ok(found) => found,
        Err(reason) => return Plan::Undecided(reason),
    };
    let Some(evaluation) = evaluate_registration(registration, claims, ask) else {
        return Plan::Undecided("the document does not tell the issuer's policies".to_owned());
    };
    match evaluation.outcome {
        PolicyOutcome::Allowed { entry } => return Plan::Allowed { entry },
        PolicyOutcome::Denied { entry } => {
            return Plan::Undecided(format!(
                "policy {} denies this token, and a deny beats every allow: only its owner can say \
                 whether that is meant",
                entry + 1
            ));
        }
        PolicyOutcome::Undetermined => {
            return Plan::Undecided(
                "what the document leaves open decides on this token".to_owned(),
            );
        }
        _ => {}
    }
    let platform = platform_of(registration.identifier().or(issuer), claims);
    if let Some(jobs) = unwanted::unwanted_reason(claims).filter(|_| !if_meant) {
        return Plan::Unwanted(jobs);
    }
    let suggestion = match suggest(claims, ask) {
        Ok(suggestion) => suggestion.entry(),
        Err(none) => return Plan::Undecided(explain_no_safe_rule(&none, claims)),
    };
    let is_shown_whole = |value: &Value| !value.as_str().is_some_and(text::lacks_url_parts);
    if !suggestion["rules"].as_object().is_some_and(|rules| rules.values().all(is_shown_whole)) {
        return Plan::Undecided(
            "a rule would hold a URL with parts that are not shown: write it by hand".to_owned(),
        );
    }
    let mut work = Work::new(limits::WHO);
    let admitted_before = who_within(document, Some(claims), organization, &mut work).kinds;
    let mut planner = Planner {
        document,
        index,
        registration,
        platform,
        claims,
        ask,
        organization,
        admitted_before,
        work,
    };
    let mut ways: Vec<Vec<Edit>> = planner.replacement().into_iter().collect();
    let mut entry = suggestion.clone();
    if let Some(added) = planner.entry_to_add(suggestion) {
        ways.push(vec![Edit::Add { registration: index, entry: added.clone() }]);
        entry = added;
    }
    match ways.is_empty() {
        true => Plan::Undecided(
            "no rule lets this token in without letting in other kinds of job".to_owned(),
        ),
        false => Plan::Change { ways, entry },
    }
}

/// The registration that decides on tokens of this issuer, with its index.
///
/// # Errors
/// No registration decides, or several do: the reason, in one sentence.
fn deciding_registration<'a>(
    document: &'a Document,
    issuer: Option<&str>,
    organization: Option<&str>,
) -> Result<(usize, &'a Registration), String> {
    let found = match issuer {
        _ if !document.names_issuers() => document.issuers.first(),
        Some(issuer) => document.deciding_registration(issuer, organization),
        None => return Err("the token names no issuer".to_owned()),
    };
    let index =
        found.and_then(|found| document.issuers.iter().position(|one| std::ptr::eq(one, found)));
    let (Some(registration), Some(index)) = (found, index) else {
        return Err(format!(
            "the issuer {} is not registered in this document: `doctor policy suggest` prints a \
             registration",
            issuer.unwrap_or_default()
        ));
    };
    let is_twice =
        issuer.is_some_and(|issuer| document.registrations_of(issuer, organization).len() > 1);
    match is_twice {
        true => Err("the issuer is registered twice: keep one registration".to_owned()),
        false => Ok((index, registration)),
    }
}

/// Whether the second document admits the token and no other kind of job that the first one does
/// not admit. Ignores kinds whose tokens cannot be distinguished from this one.
pub(crate) fn admits_only_this_kind(
    before: &Document,
    after: &Document,
    claims: &Map<String, Value>,
    ask: &RequestedToken,
    organization: Option<&str>,
) -> bool {
    let mut work = Work::new(limits::WHO);
    let admitted_before = who_within(before, Some(claims), organization, &mut work).kinds;
    admits(after, claims, ask, organization)
        && newly_admitted(&admitted_before, after, claims, organization, &mut work).is_empty()
}

fn admits(
    document: &Document,
    claims: &Map<String, Value>,
    ask: &RequestedToken,
    organization: Option<&str>,
) -> bool {
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    document
        .deciding_registration(issuer, organization)
        .and_then(|registration| evaluate_registration(registration, claims, ask))
        .is_some_and(|evaluation| evaluation.decision() == Some(Decision::Allow))
}

/// The kinds of job that this document admits, or may admit, and that were not admitted before.
fn newly_admitted(
    admitted_before: &[KindOfJob],
    document: &Document,
    claims: &Map<String, Value>,
    organization: Option<&str>,
    work: &mut Work,
) -> Vec<KindOfJob> {
    let issuer = claims.get("iss").and_then(Value::as_str);
    let platform = platform_of(issuer, claims);
    // Kinds that the token itself belongs to.
    let own = unwanted::kind_of_token(claims);
    let is_for_another = unwanted::other_service(claims).is_some();
    let is_own = |kind: Kind| Some(kind) == own || kind == Kind::Audience && is_for_another;
    let was_admitted = |row: &KindOfJob| {
        admitted_before.iter().any(|old| {
            old.kind == row.kind && (old.decision == "allow" || old.decision == row.decision)
        })
    };
    who_within(document, Some(claims), organization, work)
        .kinds
        .into_iter()
        .filter(|row| row.decision != "deny" && row.kind != Kind::This && !is_own(row.kind))
        .filter(|row| !was_admitted(row))
        .filter(|row| row.decision != "allow" || is_distinguishable(row, claims, platform))
        .collect()
}

/// Whether a rule can distinguish such a job from the token: a claim has another value there.
fn is_distinguishable(
    row: &KindOfJob,
    claims: &Map<String, Value>,
    platform: Option<&Platform>,
) -> bool {
    claims
        .iter()
        .any(|(name, value)| is_stable_claim(name, platform) && row.claims.get(name) != Some(value))
}

/// Whether a claim stays the same from run to run.
fn is_stable_claim(claim: &str, platform: Option<&Platform>) -> bool {
    let per_run = platform.map_or(&[][..], |platform| platform.claims.per_run);
    !per_run.contains(&claim) && !["exp", "iat", "jti", "nbf"].contains(&claim)
}

struct Planner<'a> {
    document: &'a Document,
    index: usize,
    registration: &'a Registration,
    platform: Option<&'static Platform>,
    claims: &'a Map<String, Value>,
    ask: &'a RequestedToken,
    organization: Option<&'a str>,
    /// The kinds of job with their decisions before the change.
    admitted_before: Vec<KindOfJob>,
    /// The budget for all attempts together.
    work: Work,
}

impl Planner<'_> {
    /// The kinds of job that these edits newly admit. `None` if they do not admit the token itself.
    fn newly_admitted(&mut self, edits: &[Edit]) -> Option<Vec<KindOfJob>> {
        let after = edits.iter().fold(self.document.clone(), edited);
        admits(&after, self.claims, self.ask, self.organization).then(|| {
            newly_admitted(
                &self.admitted_before,
                &after,
                self.claims,
                self.organization,
                &mut self.work,
            )
        })
    }

    /// Corrects an entry for this request whose failing rules match no token of this issuer.
    fn replacement(&mut self) -> Option<Vec<Edit>> {
        let evaluation = evaluate_registration(self.registration, self.claims, self.ask)?;
        let entries = self.registration.policies.as_deref().unwrap_or_default();
        let mut found: Vec<Vec<Edit>> = Vec::new();
        for (index, (entry, result)) in entries.iter().zip(&evaluation.entries).enumerate() {
            if entry.decision != Decision::Allow || !result.applies {
                continue;
            }
            let matches = |rule: usize| result.rules.get(rule).is_some_and(|rule| rule.matched);
            let mut rules = entry.rules.iter().enumerate();
            let is_this_subject = rules.any(|(i, rule)| rule.claim == "sub" && matches(i));
            let failing = entry.rules.iter().enumerate().filter(|(i, _)| !matches(*i));
            let corrected: Option<Vec<Vec<Edit>>> = failing
                .map(|(i, rule)| self.correct_rule((index, i), rule, is_this_subject))
                .collect();
            found.extend(corrected.map(|edits| edits.concat()).filter(|edits| !edits.is_empty()));
        }
        found.sort_by_key(Vec::len);
        found.truncate(MAX_REPLACEMENTS);
        found.into_iter().find(|edits| self.newly_admitted(edits).is_some_and(|new| new.is_empty()))
    }

    /// The edits that correct a rule, if no token of this issuer can match it.
    fn correct_rule(
        &mut self,
        (entry, rule): (usize, usize),
        known: &Rule,
        is_this_subject: bool,
    ) -> Option<Vec<Edit>> {
        if known.undetermined {
            return None;
        }
        let registration = self.index;
        let issuer = self.claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        if known.claim == "iss" {
            // All tokens of the registration have the same issuer.
            let is_own = self.registration.identifier() == Some(issuer);
            let pattern = RulePattern::of_value("iss", issuer).ok().filter(|_| is_own)?;
            let pattern = pattern.as_str().to_owned();
            return Some(vec![Edit::Pattern { registration, entry, rule, pattern }]);
        }
        let identity = TokenIdentity { issuer, claims: self.claims };
        let (claim, pattern) = (known.claim.as_str(), known.pattern.as_str());
        let found = correction(identity, claim, pattern, is_this_subject, &mut self.work)?;
        let mut edits = Vec::new();
        if found.pattern.as_str() != pattern {
            let pattern = found.pattern.as_str().to_owned();
            edits.push(Edit::Pattern { registration, entry, rule, pattern });
        }
        if found.claim != claim {
            edits.push(Edit::Claim { registration, entry, rule, claim: found.claim });
        }
        Some(edits)
    }

    /// The entry to add, with another rule for each kind of job that it would otherwise admit too.
    fn entry_to_add(&mut self, mut entry: Map<String, Value>) -> Option<Map<String, Value>> {
        for _ in 0..=MAX_ADDED_RULES {
            let edit = Edit::Add { registration: self.index, entry: entry.clone() };
            let others = self.newly_admitted(&[edit])?;
            let Some(other) = others.first() else { return Some(entry) };
            let (claim, pattern) = self.rule_against(other, &entry)?;
            let rules = entry.get_mut("rules")?.as_object_mut()?;
            rules.insert(claim, json!(pattern));
        }
        None
    }

    /// A rule that excludes a kind of job. Prefers the whole subject if only the platform's own
    /// words vary in it, then a claim with a fixed set of values, then any other claim that
    /// differs.
    fn rule_against(
        &self,
        other: &KindOfJob,
        entry: &Map<String, Value>,
    ) -> Option<(String, String)> {
        let rules = entry.get("rules")?.as_object()?;
        let issuer = self.claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        if let Some(own) = self.claims.get("sub").and_then(Value::as_str)
            && let Some(known) = subject::describe(issuer, own)
            && !known.varying.is_empty()
            && known.varying.iter().all(|varying| known.words.contains(&varying.name))
            && rules.get("sub").and_then(Value::as_str) != Some(own)
        {
            let pattern = RulePattern::of_value("sub", own).ok()?;
            return Some(("sub".to_owned(), pattern.as_str().to_owned()));
        }
        let has_values = |name: &str| {
            self.platform
                .is_some_and(|one| one.claims.values.iter().any(|(claim, _)| *claim == name))
        };
        let mut candidates: Vec<(&String, &Value)> = self
            .claims
            .iter()
            .filter(|(name, value)| {
                is_stable_claim(name, self.platform)
                    && !rules.contains_key(*name)
                    && other.claims.get(*name) != Some(*value)
            })
            .collect();
        candidates.sort_by_key(|(name, _)| !has_values(name));
        candidates.into_iter().find_map(|(name, _)| {
            // A claim with a dot in its name is a path in quotes.
            let path = if name.contains('.') { format!("\"{name}\"") } else { name.clone() };
            let value = claim_text(self.claims, &path)?;
            // The ref of a pull request is only valid for that pull request.
            let is_stable = !value.contains("refs/pull/");
            let pattern = RulePattern::of_value(&path, &value).ok().filter(|_| is_stable)?;
            Some((path, pattern.as_str().to_owned()))
        })
    }
}
