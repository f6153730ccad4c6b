//! Evaluating policies: what Pulumi Cloud decides on a token, and which entry comes closest.
//!
//! The rules are those of the Pulumi documentation ("OIDC issuers", section on policies): an entry
//! is only for requests of its own token type and its own team, user or runner; all of its rules
//! have to match; a matching deny beats every allow; what nothing allows is denied.
//!
//! Not documented, and assumed: a rule matches an array when it matches one of its elements;
//! numbers and booleans are compared by their JSON text; a rule on an absent claim does not match.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::claim_path::ClaimPath;
use super::{Ask, Decision, Entry, Registration, Rule, TokenType, pattern};
use crate::report::{EntryResult, RuleResult};
use crate::text;

/// How much of a claim a rule's result repeats, in characters. A token may hold a claim of several
/// hundred kilobytes, and every rule on it would repeat it.
const LONGEST_ACTUAL: usize = 4096;

/// What a policy decides on a token and a request, entry by entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The decision and its reason.
    pub outcome: Outcome,
    /// Every entry in the policy's order, those too that are not for this request.
    pub entries: Vec<EntryResult>,
    /// The entry that comes closest to letting the token in, by its index: among the allow entries
    /// for this request the one with the fewest failing rules (admin that is asked for and not
    /// granted counts as one), then with the smallest edit distance on them, then the first. So
    /// it is the one that allows, where one does. Where no allow entry is for this request, it is
    /// the deny entry that matches.
    pub closest: Option<usize>,
}

impl Evaluation {
    /// The decision without its reason; `None` where what the document tells does not decide.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        match self.outcome {
            Outcome::Allowed { .. } => Some(Decision::Allow),
            Outcome::Undetermined => None,
            _ => Some(Decision::Deny),
        }
    }
}

/// Why a token is let in or kept out. Entries are named by their index from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Let in.
    Allowed {
        /// The first entry that does so.
        entry: usize,
    },
    /// A deny entry matches.
    Denied {
        /// The first entry that does so.
        entry: usize,
    },
    /// There is no allow entry at all.
    NoAllowEntry,
    /// There are allow entries, none for the requested token type.
    TokenType,
    /// There are some for the token type, none for the team.
    Team,
    /// There are some for the token type, none for the user.
    User,
    /// There are some for the token type, none for the runner.
    Runner,
    /// All rules of an entry match, but `scope=admin` is asked for and it does not grant it.
    Admin {
        /// The first such entry: the closest one.
        entry: usize,
    },
    /// Rules fail in every allow entry for this request.
    Rules {
        /// The closest entry.
        entry: usize,
    },
    /// What the document leaves open could turn the decision.
    Undetermined,
}

/// Evaluates the policy of a registration; `None` where the document does not tell it.
///
/// An entry that is left out could match; it matters where it is for this token type, or may be,
/// and decides otherwise than the others, or may.
#[must_use]
pub fn evaluate_registration(
    registration: &Registration,
    claims: &Map<String, Value>,
    ask: &Ask,
) -> Option<Evaluation> {
    let entries = match &registration.policies {
        Some(entries) => entries.as_slice(),
        None if registration.unresolved.is_empty() => return None,
        None => &[],
    };
    let mut evaluation = evaluate(entries, claims, ask);
    let turns = match evaluation.outcome {
        // A deny that matches beats everything.
        Outcome::Denied { .. } | Outcome::Undetermined => None,
        Outcome::Allowed { .. } => Some(Decision::Deny),
        _ => Some(Decision::Allow),
    };
    let may_turn = registration.unresolved.iter().any(|open| {
        turns.is_some()
            && open.decision.is_none_or(|decision| Some(decision) == turns)
            && open.token_type.is_none_or(|token_type| token_type == ask.token_type)
    });
    if may_turn {
        evaluation.outcome = Outcome::Undetermined;
    }
    Some(evaluation)
}

/// Evaluates a policy.
#[must_use]
pub fn evaluate(entries: &[Entry], claims: &Map<String, Value>, ask: &Ask) -> Evaluation {
    let results: Vec<EntryResult> = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| EntryResult {
            index,
            decision: entry.decision.name(),
            token_type: entry.token_type.name(),
            applies: applies(entry, ask),
            rules: entry.rules.iter().map(|rule| judge(rule, claims)).collect(),
        })
        .collect();

    // An entry without rules lets everybody in, or keeps everybody out: none of its rules fails.
    let denying = entries.iter().zip(&results).position(|(entry, result)| {
        entry.decision == Decision::Deny && result.applies && failing(result) == 0
    });
    // Only a rule that the document leaves open keeps such an entry from matching.
    let open = |decision: Decision| {
        entries.iter().zip(&results).any(|(entry, result)| {
            entry.decision == decision
                && result.applies
                && (decision == Decision::Deny || !lacks_admin(entry, ask))
                && failing(result) > 0
                && result.rules.iter().all(|rule| rule.matched || rule.undetermined)
        })
    };
    let closest = closest(entries, &results, claims, ask);
    let allowed = closest
        .is_some_and(|entry| failing(&results[entry]) == 0 && !lacks_admin(&entries[entry], ask));
    let outcome = match (denying, closest) {
        (Some(entry), _) => Outcome::Denied { entry },
        (None, _) if open(if allowed { Decision::Deny } else { Decision::Allow }) => {
            Outcome::Undetermined
        }
        (None, Some(entry)) if failing(&results[entry]) > 0 => Outcome::Rules { entry },
        (None, Some(entry)) if lacks_admin(&entries[entry], ask) => Outcome::Admin { entry },
        (None, Some(entry)) => Outcome::Allowed { entry },
        (None, None) => not_for_this_request(entries, ask),
    };
    Evaluation { outcome, entries: results, closest: closest.or(denying) }
}

/// A claim's value as rules compare it and as reports show it: a string as it is, everything else
/// as JSON text.
#[must_use]
pub fn value_text(value: &Value) -> String {
    scalar_text(value).map_or_else(|| value.to_string(), Cow::into_owned)
}

/// Whether the entry is for this token type and this team, user or runner.
///
/// The documentation requires the name for each type but organization. An entry that lacks it is
/// for nobody: the service has nothing to compare the request with, and taking it for "everybody"
/// would tell people that a login works which may not. Wildcards are documented for teams alone.
fn applies(entry: &Entry, ask: &Ask) -> bool {
    fn same(entry: Option<&String>, ask: Option<&String>) -> bool {
        entry.is_some() && entry == ask
    }
    entry.token_type == ask.token_type
        && match ask.token_type {
            TokenType::Organization => true,
            TokenType::Team => match (&entry.team_name, &ask.team) {
                (Some(name), Some(team)) => pattern::matches(name, team),
                _ => false,
            },
            TokenType::Personal => same(entry.user_login.as_ref(), ask.user.as_ref()),
            TokenType::Runner => same(entry.runner_id.as_ref(), ask.runner.as_ref()),
        }
}

/// Why no allow entry is for this request.
fn not_for_this_request(entries: &[Entry], ask: &Ask) -> Outcome {
    let mut allowing = entries.iter().filter(|e| e.decision == Decision::Allow).peekable();
    if allowing.peek().is_none() {
        return Outcome::NoAllowEntry;
    }
    if allowing.all(|entry| entry.token_type != ask.token_type) {
        return Outcome::TokenType;
    }
    match ask.token_type {
        TokenType::Team => Outcome::Team,
        TokenType::Personal => Outcome::User,
        TokenType::Runner => Outcome::Runner,
        // Names nobody, so the type alone decides.
        TokenType::Organization => Outcome::TokenType,
    }
}

/// Whether admin is asked for and this entry does not grant it.
#[must_use]
pub fn lacks_admin(entry: &Entry, ask: &Ask) -> bool {
    ask.admin && !entry.authorized_permissions.iter().any(|permission| permission == "admin")
}

fn failing(result: &EntryResult) -> usize {
    result.rules.iter().filter(|rule| !rule.matched).count()
}

/// The closest of the allow entries for this request.
fn closest(
    entries: &[Entry],
    results: &[EntryResult],
    claims: &Map<String, Value>,
    ask: &Ask,
) -> Option<usize> {
    let counted: Vec<(usize, usize)> = entries
        .iter()
        .zip(results)
        .filter(|(entry, result)| entry.decision == Decision::Allow && result.applies)
        .map(|(entry, result)| {
            (failing(result) + usize::from(lacks_admin(entry, ask)), result.index)
        })
        .collect();
    let fewest = counted.iter().map(|(count, _)| *count).min()?;
    // One budget for all: what a hostile token and a large policy cost together is bounded.
    let mut budget = pattern::DISTANCE_CELLS;
    counted.into_iter().filter(|(count, _)| *count == fewest).map(|(_, index)| index).min_by_key(
        |index| -> usize {
            let rules = entries[*index].rules.iter().zip(&results[*index].rules);
            rules
                .filter(|(_, result)| !result.matched)
                .map(|(rule, _)| distance(rule, claims, &mut budget))
                .sum()
        },
    )
}

fn judge(rule: &Rule, claims: &Map<String, Value>) -> RuleResult {
    let value = claim(rule, claims);
    let matches = matches(rule, claims);
    RuleResult {
        claim: rule.claim.clone(),
        pattern: rule.pattern.clone(),
        actual: value.map(|value| text::clip(&value_text(value), LONGEST_ACTUAL)),
        matched: matches && !rule.undetermined,
        // What even the widest reading of the expression does not match is no open question.
        undetermined: matches && rule.undetermined,
    }
}

/// Whether a rule matches a token's claims; one that the document leaves open, in its widest
/// reading.
#[must_use]
pub fn matches(rule: &Rule, claims: &Map<String, Value>) -> bool {
    rule.compared.unwrap_or_else(|| {
        let pattern = match rule.undetermined {
            true => Cow::Owned(super::widest(&rule.pattern)),
            false => Cow::Borrowed(rule.pattern.as_str()),
        };
        claim(rule, claims)
            .is_some_and(|value| texts(value).any(|text| pattern::matches(&pattern, &text)))
    })
}

/// How far a failing rule is from matching, at least 1; for a claim that is not there, the length
/// of the pattern.
fn distance(rule: &Rule, claims: &Map<String, Value>, budget: &mut usize) -> usize {
    claim(rule, claims)
        .into_iter()
        .flat_map(texts)
        .map(|text| pattern::distance_within(&rule.pattern, &text, budget))
        .min()
        .unwrap_or_else(|| rule.pattern.chars().count())
        .max(1)
}

/// The claim that a rule is on. A path that cannot be read names none.
#[must_use]
pub fn claim<'a>(rule: &Rule, claims: &'a Map<String, Value>) -> Option<&'a Value> {
    ClaimPath::parse(&rule.claim).ok()?.lookup(claims)
}

/// The texts of which a rule has to match one. Objects have none, and arrays in arrays neither.
fn texts(value: &Value) -> impl Iterator<Item = Cow<'_, str>> {
    let elements = match value {
        Value::Array(elements) => elements.as_slice(),
        one => std::slice::from_ref(one),
    };
    elements.iter().filter_map(scalar_text)
}

fn scalar_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(_) | Value::Bool(_) => Some(Cow::Owned(value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
