//! Decides whether an entry lets in a job of a kind.

use serde_json::{Map, Value, json};

use super::entry_claims::{insert_claim, remove_claim};
use crate::limits::Work;
use crate::platform::kind::{Change, Variant};
use crate::policy::claim_path::ClaimPath;
use crate::policy::evaluate::{PolicyOutcome, evaluate_registration_within, matches};
use crate::policy::template::{Open, Template, Values, matching_values};
use crate::policy::{Decision, Entry, Registration, RequestedToken, Rule, TokenType, pattern};

/// The search for values starts from at most so many of an entry's rules.
const MAX_STARTS: usize = 8;

/// The name of the claim that stands for all unknown claims in an evaluation.
const UNKNOWN: &str = "(unknown)";

/// Whether an entry lets in some job of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Yes,
    Open,
    No { denied_by: Option<usize> },
}

/// A question about one kind of job and one registration.
pub(super) struct KindQuery<'a> {
    pub(super) registration: &'a Registration,
    /// The claims of the given job.
    pub(super) claims: &'a Map<String, Value>,
    /// Whether these are all claims of its token.
    pub(super) is_whole: bool,
    pub(super) variant: &'a Variant,
}

/// Claims of a job of this kind, with examples in the open parts.
pub(super) fn example_claims(variant: &Variant, claims: &Map<String, Value>) -> Map<String, Value> {
    claims_with_values(variant, claims, &Values::new())
}

/// Claims of a job of this kind, with these values in the open parts.
fn claims_with_values(
    variant: &Variant,
    claims: &Map<String, Value>,
    values: &Values,
) -> Map<String, Value> {
    let mut claims = claims.clone();
    if !variant.others_stay {
        claims.retain(|name, _| matches!(name.as_str(), "iss" | "aud"));
    }
    for (claim, change) in &variant.changes {
        match change {
            Change::To(template) => insert_claim(&mut claims, claim, json!(template.fill(values))),
            Change::Absent | Change::Unknown => remove_claim(&mut claims, claim),
        }
    }
    claims
}

impl KindQuery<'_> {
    /// Whether this allow entry lets in such a job, and the claims of one.
    pub(super) fn admission(
        &self,
        index: usize,
        entry: &Entry,
        work: &mut Work,
    ) -> (Map<String, Value>, Admission) {
        let example = example_claims(self.variant, self.claims);
        let rules = self.open_rules(entry);
        for (rule, template) in &rules {
            match matching_values(&rule.pattern, template, &Values::new(), work) {
                Ok(Some(_)) => {}
                // The rule matches no such job.
                Ok(None) => return (example, Admission::No { denied_by: None }),
                Err(_) => return (example, Admission::Open),
            }
        }
        let policy = self.policy(index, entry);
        let ask = matching_ask(entry, work);
        let mut best = (example.clone(), policy.evaluate(&example, &ask, work));
        // Tries values that satisfy the rules, starting from each rule in turn.
        for begin in 0..rules.len().min(MAX_STARTS) {
            if best.1 == Admission::Yes {
                return best;
            }
            let values = values_for(&rules, begin, work);
            let claims = claims_with_values(self.variant, self.claims, &values);
            let answer = policy.evaluate(&claims, &ask, work);
            // A deny entry may match only this candidate, so others are tried.
            if answer == Admission::Yes || best.1 == (Admission::No { denied_by: None }) {
                best = (claims, answer);
            }
        }
        // Each rule matches some such job, but no job was found that all of them match.
        if best.1 == (Admission::No { denied_by: None })
            && self.may_match_together(entry, &rules, work)
        {
            best.1 = Admission::Open;
        }
        best
    }

    /// The decision of a registration without allow entries, and the claims of such a job.
    pub(super) fn without_entries(&self) -> (Map<String, Value>, &'static str) {
        let claims = example_claims(self.variant, self.claims);
        let may_allow = self.registration.unresolved.iter();
        let may_allow = may_allow.map(|open| open.decision).any(|d| d != Some(Decision::Deny));
        let is_known = self.registration.policies.is_some() && !may_allow;
        (claims, if is_known { "deny" } else { "unknown" })
    }

    /// The rules on claims that this kind changes.
    fn open_rules<'e>(&'e self, entry: &'e Entry) -> Vec<(&'e Rule, &'e Template)> {
        let rules = entry.rules.iter().filter(|rule| !rule.undetermined);
        rules.filter_map(|rule| Some((rule, self.template(&rule.claim)?))).collect()
    }

    /// The template of a claim that this kind changes.
    fn template(&self, claim: &str) -> Option<&Template> {
        self.variant.changes.iter().find_map(|(known, change)| match change {
            Change::To(template) if is_same(known, claim) => Some(template),
            _ => None,
        })
    }

    /// Whether some job may match all rules: several rules are on open parts, and no other rule
    /// fails.
    fn may_match_together(
        &self,
        entry: &Entry,
        rules: &[(&Rule, &Template)],
        work: &mut Work,
    ) -> bool {
        let open = rules.iter().filter(|(_, template)| template.open_parts().next().is_some());
        let claims = example_claims(self.variant, self.claims);
        let fails = |rule: &Rule| {
            let is_fixed = self.template(&rule.claim).is_none() && !self.is_unknown(&rule.claim);
            is_fixed && matches(rule, &claims, work) == Some(false)
        };
        open.count() > 1 && !entry.rules.iter().any(fails)
    }

    /// Whether the value of a claim is unknown for such a job.
    fn is_unknown(&self, claim: &str) -> bool {
        let change = self.variant.changes.iter().find(|(known, _)| is_same(known, claim));
        match change {
            Some((_, change)) => *change == Change::Unknown,
            None if matches!(claim, "iss" | "aud") && self.is_whole => false,
            None if !self.variant.others_stay => claim != "iss" && claim != "aud",
            // Claims derived from rules are incomplete.
            None => {
                let path = ClaimPath::parse(claim);
                !self.is_whole && path.is_ok_and(|path| path.lookup(self.claims).is_none())
            }
        }
    }

    /// The entry with all deny entries. Rules on unknown claims become undetermined.
    fn policy(&self, index: usize, entry: &Entry) -> Policy {
        let entries = self.registration.policies.iter().flatten().enumerate();
        let denying = entries.filter(|(_, entry)| entry.decision == Decision::Deny);
        let (mut indexes, mut kept) = (vec![index], vec![self.open_unknown_rules(entry)]);
        for (index, entry) in denying {
            indexes.push(index);
            kept.push(self.open_unknown_rules(entry));
        }
        let registration = Registration {
            policies: Some(kept),
            unresolved: self.registration.unresolved.clone(),
            ..Registration::default()
        };
        Policy { indexes, registration }
    }

    fn open_unknown_rules(&self, entry: &Entry) -> Entry {
        let mut entry = entry.clone();
        for rule in &mut entry.rules {
            if self.is_unknown(&rule.claim) {
                let is_universal = pattern::is_universal(&rule.pattern);
                let undetermined = rule.undetermined || !is_universal;
                *rule = Rule {
                    claim: UNKNOWN.to_owned(),
                    pattern: "*".to_owned(),
                    undetermined,
                    compared: None,
                    place: rule.place,
                };
            } else if self.template(&rule.claim).is_some() {
                // The comparison with the token does not apply to another job.
                rule.compared = None;
            }
        }
        entry
    }
}

/// Values that satisfy the rules, determined one rule after the other from `begin` on.
fn values_for(rules: &[(&Rule, &Template)], begin: usize, work: &mut Work) -> Values {
    let mut values = Values::new();
    for (rule, template) in rules.iter().cycle().skip(begin).take(rules.len()) {
        if let Ok(Some(found)) = matching_values(&rule.pattern, template, &values, work) {
            values.extend(found);
        }
    }
    values
}

/// Whether two paths lead to the same claim.
fn is_same(one: &str, other: &str) -> bool {
    one == other
        || matches!((ClaimPath::parse(one), ClaimPath::parse(other)), (Ok(a), Ok(b)) if a == b)
}

/// One allow entry and all deny entries.
struct Policy {
    /// Their positions in the whole policy.
    indexes: Vec<usize>,
    registration: Registration,
}

impl Policy {
    fn evaluate(
        &self,
        claims: &Map<String, Value>,
        ask: &RequestedToken,
        work: &mut Work,
    ) -> Admission {
        let mut claims = claims.clone();
        claims.insert(UNKNOWN.to_owned(), json!("x"));
        let Some(evaluation) = evaluate_registration_within(&self.registration, &claims, ask, work)
        else {
            return Admission::Open;
        };
        match evaluation.outcome {
            PolicyOutcome::Allowed { .. } => Admission::Yes,
            PolicyOutcome::Undetermined => Admission::Open,
            PolicyOutcome::Denied { entry } => {
                let lets_in = evaluation.entries.first().is_some_and(|first| {
                    first.applies
                        && first.rules.iter().all(|rule| rule.matched || rule.undetermined)
                });
                let denied_by = self.indexes.get(entry).copied().filter(|_| lets_in);
                Admission::No { denied_by }
            }
            _ => Admission::No { denied_by: None },
        }
    }
}

const TEAM: Open = Open::new("team", "a-team", "");

/// A request that the entry is for.
fn matching_ask(entry: &Entry, work: &mut Work) -> RequestedToken {
    let team = entry.team_name.as_ref().and_then(|pattern| {
        let template = Template::default().open(TEAM);
        let found = matching_values(pattern, &template, &Values::new(), work).ok()??;
        Some(template.fill(&found))
    });
    let of = |token_type| entry.token_type == token_type;
    RequestedToken {
        token_type: entry.token_type,
        team: team.filter(|_| of(TokenType::Team)),
        user: entry.user_login.clone().filter(|_| of(TokenType::Personal)),
        runner: entry.runner_id.clone().filter(|_| of(TokenType::Runner)),
        admin: false,
    }
}
