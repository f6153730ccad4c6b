//! Whether one entry lets a job of one kind in.

use serde_json::{Map, Value, json};

use super::given::{put, remove};
use crate::limits::Work;
use crate::platform::kind::{Change, Variant};
use crate::policy::claim_path::ClaimPath;
use crate::policy::evaluate::{PolicyOutcome, evaluate_registration_within, matches};
use crate::policy::template::{Open, Template, Values, common};
use crate::policy::{Ask, Decision, Entry, Registration, Rule, TokenType, pattern};

/// From how many of an entry's rules the search for values begins.
const MOST_BEGINNINGS: usize = 8;

/// Where a rule on a claim that cannot be known is evaluated.
const UNKNOWN: &str = "(unknown)";

/// Whether an entry lets a job of a kind in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    Open,
    No { denied_by: Option<usize> },
}

/// A kind of job, asked of one registration.
pub(super) struct Asked<'a> {
    pub(super) registration: &'a Registration,
    /// The claims of the given job.
    pub(super) claims: &'a Map<String, Value>,
    /// Whether these are all claims of its token.
    pub(super) is_whole: bool,
    pub(super) variant: &'a Variant,
}

/// Claims that a job of a kind may have.
pub(super) struct Candidate {
    pub(super) claims: Map<String, Value>,
}

impl Candidate {
    /// With examples in the open parts.
    pub(super) fn examples(variant: &Variant, claims: &Map<String, Value>) -> Self {
        Self::new(variant, claims, &Values::new())
    }

    fn new(variant: &Variant, claims: &Map<String, Value>, values: &Values) -> Self {
        let mut claims = claims.clone();
        if !variant.others_stay {
            claims.retain(|name, _| matches!(name.as_str(), "iss" | "aud"));
        }
        for (claim, change) in &variant.changes {
            match change {
                Change::To(template) => put(&mut claims, claim, json!(template.fill(values))),
                Change::Absent | Change::Unknown => remove(&mut claims, claim),
            }
        }
        Self { claims }
    }
}

impl Asked<'_> {
    /// Whether this allow entry lets such a job in, and the claims of one.
    pub(super) fn of(
        &self,
        index: usize,
        entry: &Entry,
        work: &mut Work,
    ) -> (Map<String, Value>, Answer) {
        let example = Candidate::examples(self.variant, self.claims).claims;
        let rules = self.open_rules(entry);
        for (rule, template) in &rules {
            match common(&rule.pattern, template, &Values::new(), work) {
                Ok(Some(_)) => {}
                // It matches no such job.
                Ok(None) => return (example, Answer::No { denied_by: None }),
                Err(_) => return (example, Answer::Open),
            }
        }
        let policy = self.policy(index, entry);
        let ask = ask(entry, work);
        let mut best = (example.clone(), policy.evaluate(&example, &ask, work));
        // The examples first; then the values that the rules need, from each of them on.
        for begin in 0..rules.len().min(MOST_BEGINNINGS) {
            if best.1 == Answer::Yes {
                return best;
            }
            let values = values_for(&rules, begin, work);
            let claims = Candidate::new(self.variant, self.claims, &values).claims;
            let answer = policy.evaluate(&claims, &ask, work);
            // A deny entry may match this one alone: others are tried.
            if answer == Answer::Yes || best.1 == (Answer::No { denied_by: None }) {
                best = (claims, answer);
            }
        }
        // Each rule matches some such job. Whether they match the same one was not found out.
        if best.1 == (Answer::No { denied_by: None })
            && self.may_match_together(entry, &rules, work)
        {
            best.1 = Answer::Open;
        }
        best
    }

    /// What a registration without allow entries decides, and the claims of such a job.
    pub(super) fn without_entries(&self) -> (Map<String, Value>, &'static str) {
        let claims = Candidate::examples(self.variant, self.claims).claims;
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

    /// Whether several rules are on open parts, and those on other claims match.
    fn may_match_together(
        &self,
        entry: &Entry,
        rules: &[(&Rule, &Template)],
        work: &mut Work,
    ) -> bool {
        let open = rules.iter().filter(|(_, template)| template.opens().next().is_some());
        let claims = Candidate::examples(self.variant, self.claims).claims;
        let fails = |rule: &Rule| {
            let is_fixed = self.template(&rule.claim).is_none() && !self.is_unknown(&rule.claim);
            is_fixed && matches(rule, &claims, work) == Some(false)
        };
        open.count() > 1 && !entry.rules.iter().any(fails)
    }

    /// Whether the claim of such a job cannot be known.
    fn is_unknown(&self, claim: &str) -> bool {
        let change = self.variant.changes.iter().find(|(known, _)| is_same(known, claim));
        match change {
            Some((_, change)) => *change == Change::Unknown,
            None if matches!(claim, "iss" | "aud") && self.is_whole => false,
            None if !self.variant.others_stay => claim != "iss" && claim != "aud",
            // The rules name some of the claims alone.
            None => {
                let path = ClaimPath::parse(claim);
                !self.is_whole && path.is_ok_and(|path| path.lookup(self.claims).is_none())
            }
        }
    }

    /// The entry and what may keep such a job out, with rules on unknown claims left open.
    fn policy(&self, index: usize, entry: &Entry) -> Policy {
        let entries = self.registration.policies.iter().flatten().enumerate();
        let denying = entries.filter(|(_, entry)| entry.decision == Decision::Deny);
        let (mut indexes, mut kept) = (vec![index], vec![self.opened(entry)]);
        for (index, entry) in denying {
            indexes.push(index);
            kept.push(self.opened(entry));
        }
        let registration = Registration {
            policies: Some(kept),
            unresolved: self.registration.unresolved.clone(),
            ..Registration::default()
        };
        Policy { indexes, registration }
    }

    fn opened(&self, entry: &Entry) -> Entry {
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
                // How it compared with the token says nothing of another job.
                rule.compared = None;
            }
        }
        entry
    }
}

/// Values that the rules need, worked out one after the other from one of them on.
fn values_for(rules: &[(&Rule, &Template)], begin: usize, work: &mut Work) -> Values {
    let mut values = Values::new();
    for (rule, template) in rules.iter().cycle().skip(begin).take(rules.len()) {
        if let Ok(Some(found)) = common(&rule.pattern, template, &values, work) {
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
    /// Where they stand in the whole policy.
    indexes: Vec<usize>,
    registration: Registration,
}

impl Policy {
    fn evaluate(&self, claims: &Map<String, Value>, ask: &Ask, work: &mut Work) -> Answer {
        let mut claims = claims.clone();
        claims.insert(UNKNOWN.to_owned(), json!("x"));
        let Some(evaluation) = evaluate_registration_within(&self.registration, &claims, ask, work)
        else {
            return Answer::Open;
        };
        match evaluation.outcome {
            PolicyOutcome::Allowed { .. } => Answer::Yes,
            PolicyOutcome::Undetermined => Answer::Open,
            PolicyOutcome::Denied { entry } => {
                let lets_in = evaluation.entries.first().is_some_and(|first| {
                    first.applies
                        && first.rules.iter().all(|rule| rule.matched || rule.undetermined)
                });
                let denied_by = self.indexes.get(entry).copied().filter(|_| lets_in);
                Answer::No { denied_by }
            }
            _ => Answer::No { denied_by: None },
        }
    }
}

const TEAM: Open = Open::new("team", "a-team", "");

/// A login for which an entry is.
fn ask(entry: &Entry, work: &mut Work) -> Ask {
    let team = entry.team_name.as_ref().and_then(|pattern| {
        let template = Template::default().open(TEAM);
        let found = common(pattern, &template, &Values::new(), work).ok()??;
        Some(template.fill(&found))
    });
    let of = |token_type| entry.token_type == token_type;
    Ask {
        token_type: entry.token_type,
        team: team.filter(|_| of(TokenType::Team)),
        user: entry.user_login.clone().filter(|_| of(TokenType::Personal)),
        runner: entry.runner_id.clone().filter(|_| of(TokenType::Runner)),
        admin: false,
    }
}
