//! Evaluating policies: what Pulumi Cloud decides on a token, and which entry comes closest.
//!
//! The rules are those of the Pulumi documentation ("OIDC issuers", section on policies): an entry
//! is only for requests of its own token type and its own team, user or runner; all of its rules
//! have to match; a matching deny beats every allow; what nothing allows is denied.
//!
//! Not documented, and assumed: a rule matches an array when it matches one of its elements;
//! numbers and booleans are compared by their JSON text; a rule on an absent claim does not match.

#[cfg(test)]
mod tests;
mod values;

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Ask, Decision, Entry, Registration, Rule, TokenType, pattern};
use crate::limits;
use crate::limits::Work;
use values::Values;

/// What a policy decides on a token and a request, entry by entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The decision and its reason.
    pub outcome: PolicyOutcome,
    /// Every entry in the policy's order, those too that are not for this request.
    pub entries: Vec<EntryResult>,
    /// The entry that comes closest to letting the token in, by its index: among the allow entries
    /// for this request the one with the fewest failing rules (admin that is asked for and not
    /// granted counts as one), then with the smallest edit distance on them, then the first. So
    /// it is the one that allows, where one does. Where no allow entry is for this request, it is
    /// the deny entry that matches.
    pub closest: Option<usize>,
    /// How many rules, and teams of entries, were left open because of a limit ([`limits`]).
    pub limited: usize,
}

impl Evaluation {
    /// The decision without its reason; `None` where what the document tells does not decide.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        match self.outcome {
            PolicyOutcome::Allowed { .. } => Some(Decision::Allow),
            PolicyOutcome::Undetermined => None,
            _ => Some(Decision::Deny),
        }
    }
}

/// Why a token is let in or kept out. Entries are named by their index from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyOutcome {
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

/// A rule's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RuleResult {
    /// The claim path.
    pub claim: String,
    /// The pattern.
    pub pattern: String,
    /// The claim's value, as JSON text unless it is a string; null where the token has none.
    pub actual: Option<String>,
    /// Whether it matches.
    pub matched: bool,
    /// Whether it matches is unknown: the pattern depends on an expression that the document does
    /// not resolve, or a limit kept it from being matched.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undetermined: bool,
    /// The limit that kept it from being matched.
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
    /// All rules together take too much work.
    Work,
}

/// An entry's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EntryResult {
    /// Its index, from 0.
    pub index: usize,
    /// `allow` or `deny`.
    #[cfg_attr(feature = "generate", schemars(extend("enum" = ["allow", "deny"])))]
    pub decision: &'static str,
    /// The token type that it is for.
    #[cfg_attr(feature = "generate", schemars(extend("enum" = ["organization", "team", "personal", "runner"])))]
    pub token_type: &'static str,
    /// Whether it is for this request at all.
    pub applies: bool,
    /// Its rules.
    pub rules: Vec<RuleResult>,
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
    let work = &mut Work::new(limits::EVALUATION);
    evaluate_registration_within(registration, claims, ask, work)
}

/// [`evaluate_registration`] with so much work.
pub(crate) fn evaluate_registration_within(
    registration: &Registration,
    claims: &Map<String, Value>,
    ask: &Ask,
    work: &mut Work,
) -> Option<Evaluation> {
    let entries = match &registration.policies {
        Some(entries) => entries.as_slice(),
        None if registration.unresolved.is_empty() => return None,
        None => &[],
    };
    let mut evaluation = evaluate_within(entries, claims, ask, work);
    let turns = match evaluation.outcome {
        // A deny that matches beats everything.
        PolicyOutcome::Denied { .. } | PolicyOutcome::Undetermined => None,
        PolicyOutcome::Allowed { .. } => Some(Decision::Deny),
        _ => Some(Decision::Allow),
    };
    let may_turn = registration.unresolved.iter().any(|open| {
        turns.is_some()
            && open.decision.is_none_or(|decision| Some(decision) == turns)
            && open.token_type.is_none_or(|token_type| token_type == ask.token_type)
    });
    if may_turn {
        evaluation.outcome = PolicyOutcome::Undetermined;
    }
    Some(evaluation)
}

/// Evaluates a policy.
#[must_use]
pub fn evaluate(entries: &[Entry], claims: &Map<String, Value>, ask: &Ask) -> Evaluation {
    evaluate_within(entries, claims, ask, &mut Work::new(limits::EVALUATION))
}

/// Evaluates a policy with so much work. A rule is undetermined where the work does not suffice, and
/// where its pattern is too long.
#[must_use]
pub fn evaluate_within(
    entries: &[Entry],
    claims: &Map<String, Value>,
    ask: &Ask,
    work: &mut Work,
) -> Evaluation {
    let mut values = Values::new(claims);
    // `None`: that an entry is for this request was not worked out.
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
            rules: entry.rules.iter().map(|rule| judge(rule, &mut values, work)).collect(),
        })
        .collect();
    let limited = results.iter().flat_map(|result| &result.rules).filter(|r| r.limit.is_some());
    let limited = limited.count() + applying.iter().filter(|applies| applies.is_none()).count();

    // What keeps an entry from deciding: rules that fail, a team that was not compared. An entry
    // without rules lets everybody in, or keeps everybody out: none of its rules fails.
    let failing = |index: usize| failing(&results[index]) + usize::from(applying[index].is_none());
    let denying = entries.iter().zip(&results).position(|(entry, result)| {
        entry.decision == Decision::Deny && result.applies && failing(result.index) == 0
    });
    // Only what is left open keeps such an entry from matching.
    let open = |decision: Decision| {
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
        (None, _) if open(if allowed { Decision::Deny } else { Decision::Allow }) => {
            PolicyOutcome::Undetermined
        }
        (None, Some(entry)) if failing(entry) > 0 => PolicyOutcome::Rules { entry },
        (None, Some(entry)) if lacks_admin(&entries[entry], ask) => PolicyOutcome::Admin { entry },
        (None, Some(entry)) => PolicyOutcome::Allowed { entry },
        (None, None) => not_for_this_request(entries, ask),
    };
    Evaluation { outcome, closest: closest.or(denying), limited, entries: results }
}

/// A claim's value as rules compare it and as reports show it: a string as it is, everything else
/// as JSON text.
#[must_use]
pub fn value_text(value: &Value) -> String {
    scalar_text(value).map_or_else(|| value.to_string(), Cow::into_owned)
}

/// Whether the entry is for this token type and this team, user or runner; `None` where that would
/// take too much work.
///
/// The documentation requires the name for each type but organization. An entry that lacks it is
/// for nobody: the service has nothing to compare the request with, and taking it for "everybody"
/// would tell people that a login works which may not. Wildcards are documented for teams alone.
fn applies(entry: &Entry, ask: &Ask, work: &mut Work) -> Option<bool> {
    fn same(entry: Option<&String>, ask: Option<&String>) -> bool {
        entry.is_some() && entry == ask
    }
    if entry.token_type != ask.token_type {
        return Some(false);
    }
    match ask.token_type {
        TokenType::Organization => Some(true),
        TokenType::Team => match (&entry.team_name, &ask.team) {
            (Some(name), Some(team)) => matched(name, std::iter::once(team), 1, work).ok(),
            _ => Some(false),
        },
        TokenType::Personal => Some(same(entry.user_login.as_ref(), ask.user.as_ref())),
        TokenType::Runner => Some(same(entry.runner_id.as_ref(), ask.runner.as_ref())),
    }
}

/// Why no allow entry is for this request.
fn not_for_this_request(entries: &[Entry], ask: &Ask) -> PolicyOutcome {
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
        // It has no name, so the type alone decides.
        TokenType::Organization => PolicyOutcome::TokenType,
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

/// The closest of the allow entries for this request. `failing` counts what keeps an entry from
/// letting the token in.
fn closest(
    entries: &[Entry],
    results: &[EntryResult],
    values: &mut Values,
    ask: &Ask,
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
    // One alone need not be compared.
    if let [(_, index)] = counted.as_slice() {
        return Some(*index);
    }
    // Shared by all: what a hostile token and a large policy cost together is bounded.
    let mut work = Work::new(limits::CLOSEST);
    counted.into_iter().filter(|(count, _)| *count == fewest).map(|(_, index)| index).min_by_key(
        |index| -> usize {
            let rules = entries[*index].rules.iter().zip(&results[*index].rules);
            rules
                .filter(|(_, result)| !result.matched)
                .map(|(rule, _)| distance(rule, values, &mut work))
                .sum()
        },
    )
}

/// What judging a rule costs beside matching, in steps.
const RULE: usize = 16;

fn judge(rule: &Rule, values: &mut Values, work: &mut Work) -> RuleResult {
    let value = values.get(&rule.claim);
    // What even the widest reading of an expression does not match is no open question.
    let pattern = match rule.undetermined {
        true => Cow::Owned(super::widest(&rule.pattern)),
        false => Cow::Borrowed(&*rule.pattern),
    };
    let outcome = match (rule.compared, value) {
        (Some(compared), _) => Ok(compared),
        (None, None) => Ok(false),
        (None, Some(value)) => matched(&pattern, texts(value), elements(value), work),
    };
    RuleResult {
        claim: rule.claim.clone(),
        pattern: rule.pattern.clone(),
        actual: value.map(|value| values.shown(value)),
        matched: !rule.undetermined && outcome == Ok(true),
        undetermined: rule.undetermined && outcome == Ok(true) || outcome.is_err(),
        limit: outcome.err(),
    }
}

/// Whether a rule matches a token's claims; one that the document leaves open, in its widest
/// reading. `None` above a limit.
#[must_use]
pub fn matches(rule: &Rule, claims: &Map<String, Value>, work: &mut Work) -> Option<bool> {
    let outcome = judge(rule, &mut Values::new(claims), work);
    outcome.limit.is_none().then_some(outcome.matched || outcome.undetermined)
}

/// Whether a pattern matches one of the texts, which come from so many elements.
fn matched<T: AsRef<str>>(
    pattern: &str,
    texts: impl Iterator<Item = T>,
    elements: usize,
    work: &mut Work,
) -> Result<bool, Limit> {
    if pattern.len() > limits::PATTERN {
        return Err(Limit::Length);
    }
    if !work.take(RULE + pattern.len() + elements) {
        return Err(Limit::Work);
    }
    pattern::matches_within(pattern, texts, work).ok_or(Limit::Work)
}

/// How far a failing rule is from matching, at least 1; for a claim that is not there, the length
/// of the pattern.
fn distance(rule: &Rule, values: &mut Values, work: &mut Work) -> usize {
    let Some(value) = values.get(&rule.claim) else {
        return rule.pattern.chars().count().max(1);
    };
    // No pattern and text are further apart; so an entry that was not compared comes last.
    let furthest = |text: &str| rule.pattern.len() + text.len();
    let mut least = usize::MAX;
    if rule.pattern.len() <= limits::PATTERN && work.take(elements(value)) {
        for text in texts(value) {
            // The rest of a long list is not looked at when the work is used up.
            if !work.take(1) {
                break;
            }
            let found = pattern::distance_within(&rule.pattern, &text, work);
            least = least.min(found.unwrap_or_else(|| furthest(&text)));
        }
    }
    if least == usize::MAX { furthest("") } else { least }.max(1)
}

/// The claim that a rule is on. A path that cannot be read names none.
#[must_use]
pub fn claim<'a>(rule: &Rule, claims: &'a Map<String, Value>) -> Option<&'a Value> {
    super::claim_path::ClaimPath::parse(&rule.claim).ok()?.lookup(claims)
}

/// How many elements [`texts`] looks at.
fn elements(value: &Value) -> usize {
    value.as_array().map_or(1, Vec::len)
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
