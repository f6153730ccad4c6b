//! Evaluates policies: how Pulumi Cloud decides on a token, and which entry comes closest.
//!
//! The rules are from the Pulumi documentation ("OIDC issuers", section on policies). An entry
//! applies only to requests for its token type and its team, user or runner. All its rules must
//! match. A matching deny overrides every allow. Without a matching allow, the token is denied.
//!
//! Assumed, since not documented: a rule matches an array if it matches one of its elements;
//! numbers and booleans are compared by their JSON text; a rule on an absent claim does not match.

mod claim_cache;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Decision, Entry, Registration, RequestedToken, Rule, TokenType, pattern};
use crate::limits;
use crate::limits::Work;
use claim_cache::ClaimCache;

/// The evaluation of a policy for a token and a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The decision and its reason.
    pub outcome: PolicyOutcome,
    /// All entries in the policy's order, including those that do not apply to this request.
    pub entries: Vec<EntryResult>,
    /// The index of the entry that comes closest to admitting the token. Of the allow entries for
    /// this request, it is the one with the fewest failing rules (a missing admin permission counts
    /// as one), then the smallest edit distance, then the first. If one allows the token, it is
    /// that one. If no allow entry applies, it is the matching deny entry.
    pub closest: Option<usize>,
    /// The number of rules and team names that were not evaluated because of a limit ([`limits`]).
    pub limited: usize,
}

impl Evaluation {
    /// The decision without its reason. `None` if it depends on unresolved or unevaluated parts.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        match self.outcome {
            PolicyOutcome::Allowed { .. } => Some(Decision::Allow),
            PolicyOutcome::Undetermined => None,
            _ => Some(Decision::Deny),
        }
    }
}

/// The decision with its reason. Entries are given by their index from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyOutcome {
    /// `entry` is the first that allows the token.
    Allowed { entry: usize },
    /// `entry` is the first that denies the token.
    Denied { entry: usize },
    /// The policy has no allow entry.
    NoAllowEntry,
    /// No allow entry is for the requested token type.
    TokenType,
    /// Allow entries for the token type are for other teams.
    Team,
    /// Allow entries for the token type are for other users.
    User,
    /// Allow entries for the token type are for other runners.
    Runner,
    /// All rules of an entry match, but it does not grant the requested `scope=admin`. `entry` is
    /// the closest one.
    Admin { entry: usize },
    /// In every allow entry for this request, rules fail. `entry` is the closest one.
    Rules { entry: usize },
    /// Unresolved or unevaluated parts could change the decision.
    Undetermined,
}

/// A rule's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RuleResult {
    /// The claim path.
    pub claim: String,
    /// The pattern.
    pub pattern: String,
    /// The claim's value, as JSON text unless it is a string; null if the token has none.
    pub actual: Option<String>,
    /// Whether the rule matches.
    pub matched: bool,
    /// Whether it is unknown if the rule matches: the document does not resolve an expression in
    /// the pattern, or the evaluation reached a limit.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undetermined: bool,
    /// The limit that the evaluation reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

/// A limit that keeps a rule from being matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    /// The pattern is longer than 4 KiB.
    Length,
    /// All rules together need too much work.
    Work,
}

/// An entry's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EntryResult {
    /// The index of the entry, from 0.
    pub index: usize,
    /// `allow` or `deny`.
    #[cfg_attr(feature = "generate", schemars(extend("enum" = ["allow", "deny"])))]
    pub decision: &'static str,
    /// The token type that it is for.
    #[cfg_attr(feature = "generate", schemars(extend("enum" = ["organization", "team", "personal", "runner"])))]
    pub token_type: &'static str,
    /// Whether it is for the requested token.
    pub applies: bool,
    /// Its rules.
    pub rules: Vec<RuleResult>,
}

/// Evaluates the policy of a registration. `None` if the document does not contain it.
///
/// The decision is undetermined if an unresolved entry may apply to this token type and may change
/// it.
#[must_use]
pub fn evaluate_registration(
    registration: &Registration,
    claims: &Map<String, Value>,
    ask: &RequestedToken,
) -> Option<Evaluation> {
    let work = &mut Work::new(limits::EVALUATION);
    evaluate_registration_within(registration, claims, ask, work)
}

/// [`evaluate_registration`] with a work budget.
pub(crate) fn evaluate_registration_within(
    registration: &Registration,
    claims: &Map<String, Value>,
    ask: &RequestedToken,
    work: &mut Work,
) -> Option<Evaluation> {
    let entries = match &registration.policies {
        Some(entries) => entries.as_slice(),
        None if registration.unresolved.is_empty() => return None,
        None => &[],
    };
    let mut evaluation = evaluate_within(entries, claims, ask, work);
    let opposite = match evaluation.outcome {
        // A matching deny is final.
        PolicyOutcome::Denied { .. } | PolicyOutcome::Undetermined => None,
        PolicyOutcome::Allowed { .. } => Some(Decision::Deny),
        _ => Some(Decision::Allow),
    };
    let may_change = registration.unresolved.iter().any(|entry| {
        opposite.is_some()
            && entry.decision.is_none_or(|decision| Some(decision) == opposite)
            && entry.token_type.is_none_or(|token_type| token_type == ask.token_type)
    });
    if may_change {
        evaluation.outcome = PolicyOutcome::Undetermined;
    }
    Some(evaluation)
}

/// Evaluates the entries of a policy.
#[must_use]
pub fn evaluate(
    entries: &[Entry],
    claims: &Map<String, Value>,
    ask: &RequestedToken,
) -> Evaluation {
    evaluate_within(entries, claims, ask, &mut Work::new(limits::EVALUATION))
}

/// [`evaluate`] with a work budget. A rule is undetermined if its pattern is too long or the budget
/// is used up.
#[must_use]
pub fn evaluate_within(
    entries: &[Entry],
    claims: &Map<String, Value>,
    ask: &RequestedToken,
    work: &mut Work,
) -> Evaluation {
    let mut values = ClaimCache::new(claims);
    // `None`: the budget was used up before it was known whether the entry applies.
    let applying: Vec<Option<bool>> =
        entries.iter().map(|entry| applies(entry, ask, work)).collect();
    let results: Vec<EntryResult> = entries
        .iter()
        .zip(&applying)
        .enumerate()
        .map(|(index, (entry, applies))| EntryResult {
            index,
            decision: entry.decision.name(),
            token_type: entry.token_type.name(),
            applies: applies.unwrap_or(true),
            rules: entry.rules.iter().map(|rule| evaluate_rule(rule, &mut values, work)).collect(),
        })
        .collect();
    let limited = results.iter().flat_map(|result| &result.rules).filter(|r| r.limit.is_some());
    let limited = limited.count() + applying.iter().filter(|applies| applies.is_none()).count();

    // The number of failing rules, plus one for a team that was not compared. An entry without
    // rules matches every token.
    let failing =
        |index: usize| failing_rules(&results[index]) + usize::from(applying[index].is_none());
    let denying = entries.iter().zip(&results).position(|(entry, result)| {
        entry.decision == Decision::Deny && result.applies && failing(result.index) == 0
    });
    // Whether an entry of this decision fails only in undetermined parts.
    let may_match = |decision: Decision| {
        entries.iter().zip(&results).any(|(entry, result)| {
            entry.decision == decision
                && result.applies
                && (decision == Decision::Deny || !lacks_admin(entry, ask))
                && failing(result.index) > 0
                && result.rules.iter().all(|rule| rule.matched || rule.undetermined)
        })
    };
    let closest = closest(entries, &results, &mut values, ask, failing);
    let allowed =
        closest.is_some_and(|entry| failing(entry) == 0 && !lacks_admin(&entries[entry], ask));
    let outcome = match (denying, closest) {
        (Some(entry), _) => PolicyOutcome::Denied { entry },
        (None, _) if may_match(if allowed { Decision::Deny } else { Decision::Allow }) => {
            PolicyOutcome::Undetermined
        }
        (None, Some(entry)) if failing(entry) > 0 => PolicyOutcome::Rules { entry },
        (None, Some(entry)) if lacks_admin(&entries[entry], ask) => PolicyOutcome::Admin { entry },
        (None, Some(entry)) => PolicyOutcome::Allowed { entry },
        (None, None) => why_none_applies(entries, ask),
    };
    Evaluation { outcome, closest: closest.or(denying), limited, entries: results }
}

/// A claim's value as rules compare it and reports show it: a string as it is, anything else as
/// JSON.
#[must_use]
pub fn value_text(value: &Value) -> String {
    scalar_text(value).map_or_else(|| value.to_string(), Cow::into_owned)
}

/// Whether the entry is for this token type and this team, user or runner. `None` if the work
/// budget is used up.
///
/// The documentation requires a name for each type except organization. An entry without it is
/// assumed to apply to nobody: otherwise the doctor might predict success for a login that fails.
/// Wildcards are documented only for teams.
fn applies(entry: &Entry, ask: &RequestedToken, work: &mut Work) -> Option<bool> {
    fn same(entry: Option<&String>, ask: Option<&String>) -> bool {
        entry.is_some() && entry == ask
    }
    if entry.token_type != ask.token_type {
        return Some(false);
    }
    match ask.token_type {
        TokenType::Organization => Some(true),
        TokenType::Team => match (&entry.team_name, &ask.team) {
            (Some(name), Some(team)) => matches_any(name, std::iter::once(team), 1, work).ok(),
            _ => Some(false),
        },
        TokenType::Personal => Some(same(entry.user_login.as_ref(), ask.user.as_ref())),
        TokenType::Runner => Some(same(entry.runner_id.as_ref(), ask.runner.as_ref())),
    }
}

/// Why no allow entry applies to this request.
fn why_none_applies(entries: &[Entry], ask: &RequestedToken) -> PolicyOutcome {
    let mut allowing = entries.iter().filter(|e| e.decision == Decision::Allow).peekable();
    if allowing.peek().is_none() {
        return PolicyOutcome::NoAllowEntry;
    }
    if allowing.all(|entry| entry.token_type != ask.token_type) {
        return PolicyOutcome::TokenType;
    }
    match ask.token_type {
        TokenType::Team => PolicyOutcome::Team,
        TokenType::Personal => PolicyOutcome::User,
        TokenType::Runner => PolicyOutcome::Runner,
        // An organization token has no name, so only the type can differ.
        TokenType::Organization => PolicyOutcome::TokenType,
    }
}

/// Whether the login requests admin and this entry does not grant it.
#[must_use]
pub fn lacks_admin(entry: &Entry, ask: &RequestedToken) -> bool {
    ask.admin && !entry.authorized_permissions.iter().any(|permission| permission == "admin")
}

fn failing_rules(result: &EntryResult) -> usize {
    result.rules.iter().filter(|rule| !rule.matched).count()
}

/// The closest of the allow entries for this request. `failing` counts the failing rules of an
/// entry.
fn closest(
    entries: &[Entry],
    results: &[EntryResult],
    values: &mut ClaimCache,
    ask: &RequestedToken,
    failing: impl Fn(usize) -> usize,
) -> Option<usize> {
    let counted: Vec<(usize, usize)> = entries
        .iter()
        .zip(results)
        .filter(|(entry, result)| entry.decision == Decision::Allow && result.applies)
        .map(|(entry, result)| {
            (failing(result.index) + usize::from(lacks_admin(entry, ask)), result.index)
        })
        .collect();
    let fewest = counted.iter().map(|(count, _)| *count).min()?;
    // A single candidate needs no comparison.
    if let [(_, index)] = counted.as_slice() {
        return Some(*index);
    }
    // One budget for all entries bounds the cost of a hostile token with a large policy.
    let mut work = Work::new(limits::CLOSEST);
    counted.into_iter().filter(|(count, _)| *count == fewest).map(|(_, index)| index).min_by_key(
        |index| -> usize {
            let rules = entries[*index].rules.iter().zip(&results[*index].rules);
            rules
                .filter(|(_, result)| !result.matched)
                .map(|(rule, _)| rule_distance(rule, values, &mut work))
                .sum()
        },
    )
}

/// The fixed cost of evaluating a rule, in steps.
const RULE_STEPS: usize = 16;

fn evaluate_rule(rule: &Rule, values: &mut ClaimCache, work: &mut Work) -> RuleResult {
    let value = values.get(&rule.claim);
    // If even the widest pattern for an expression fails, the rule fails.
    let pattern = match rule.undetermined {
        true => Cow::Owned(super::widest_pattern(&rule.pattern)),
        false => Cow::Borrowed(&*rule.pattern),
    };
    let outcome = match (rule.compared, value) {
        (Some(compared), _) => Ok(compared),
        (None, None) => Ok(false),
        (None, Some(value)) => {
            matches_any(&pattern, element_texts(value), element_count(value), work)
        }
    };
    RuleResult {
        claim: rule.claim.clone(),
        pattern: rule.pattern.clone(),
        actual: value.map(|value| values.display_text(value)),
        matched: !rule.undetermined && outcome == Ok(true),
        undetermined: rule.undetermined && outcome == Ok(true) || outcome.is_err(),
        limit: outcome.err(),
    }
}

/// Whether a rule matches a token's claims. For an unresolved rule: whether it may match. `None`
/// above a limit.
#[must_use]
pub fn matches(rule: &Rule, claims: &Map<String, Value>, work: &mut Work) -> Option<bool> {
    let outcome = evaluate_rule(rule, &mut ClaimCache::new(claims), work);
    outcome.limit.is_none().then_some(outcome.matched || outcome.undetermined)
}

/// Whether a pattern matches one of the texts. `elements` counts towards the cost.
fn matches_any<T: AsRef<str>>(
    pattern: &str,
    texts: impl Iterator<Item = T>,
    elements: usize,
    work: &mut Work,
) -> Result<bool, Limit> {
    if pattern.len() > limits::PATTERN {
        return Err(Limit::Length);
    }
    if !work.take(RULE_STEPS + pattern.len() + elements) {
        return Err(Limit::Work);
    }
    pattern::matches_within(pattern, texts, work).ok_or(Limit::Work)
}

/// The edit distance of a failing rule, at least 1. For an absent claim, the length of the pattern.
fn rule_distance(rule: &Rule, values: &mut ClaimCache, work: &mut Work) -> usize {
    let Some(value) = values.get(&rule.claim) else {
        return rule.pattern.chars().count().max(1);
    };
    // An upper bound, so that an entry that was not compared comes last.
    let upper_bound = |text: &str| rule.pattern.len() + text.len();
    let mut least = usize::MAX;
    if rule.pattern.len() <= limits::PATTERN && work.take(element_count(value)) {
        for text in element_texts(value) {
            // Skips the rest of a long list when the budget is used up.
            if !work.take(1) {
                break;
            }
            let found = pattern::distance_within(&rule.pattern, &text, work);
            least = least.min(found.unwrap_or_else(|| upper_bound(&text)));
        }
    }
    if least == usize::MAX { upper_bound("") } else { least }.max(1)
}

/// The claim of a rule. `None` if the path is invalid.
#[must_use]
pub fn claim<'a>(rule: &Rule, claims: &'a Map<String, Value>) -> Option<&'a Value> {
    super::claim_path::ClaimPath::parse(&rule.claim).ok()?.lookup(claims)
}

/// The number of elements that [`element_texts`] visits.
fn element_count(value: &Value) -> usize {
    value.as_array().map_or(1, Vec::len)
}

/// The texts of which a rule must match one. Objects and nested arrays have none.
fn element_texts(value: &Value) -> impl Iterator<Item = Cow<'_, str>> {
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
