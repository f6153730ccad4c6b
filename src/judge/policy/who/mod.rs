//! Who a policy lets in: for every issuer and kind of job, whether some job of that kind gets a
//! token.
//!
//! A kind has claims with open parts, such as the name of another branch. The doctor searches for
//! values that an entry's rules match ([`crate::policy::template`]) and evaluates the policy on the
//! resulting claims. So "yes" always comes with the claims of a job that gets in. "No" means that
//! some rule matches no job of the kind. Everything else is undetermined.

mod entry_claims;
mod job;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use self::entry_claims::claims_of_entry;
use self::job::{Admission, KindQuery, example_claims};
use crate::limits;
use crate::limits::Work;
use crate::platform::Kind;
use crate::platform::kind::{Variant, kinds, platform_of};
use crate::policy::{Decision, Document, Entry, Registration};
use crate::report::SCHEMA_VERSION;
use crate::report::who::{KindOfJob, Who};

/// Determines who gets in, starting from the claims of one job or else from the rules themselves.
#[must_use]
pub fn who(
    document: &Document,
    token: Option<&Map<String, Value>>,
    organization: Option<&str>,
) -> Who {
    who_within(document, token, organization, &mut Work::new(limits::WHO))
}

/// [`who`] with a work budget. What exceeds it is undetermined.
pub(crate) fn who_within(
    document: &Document,
    token: Option<&Map<String, Value>>,
    organization: Option<&str>,
    work: &mut Work,
) -> Who {
    let issuer = token.and_then(|claims| claims.get("iss")).and_then(Value::as_str);
    let registrations: Vec<&Registration> = match (token, issuer) {
        (None, _) => document.issuers.iter().collect(),
        (Some(_), _) if !document.names_issuers() => document.issuers.iter().collect(),
        (Some(_), None) => Vec::new(),
        (Some(_), Some(issuer)) => {
            let all = document.registrations_of(issuer, organization);
            match all.is_empty() {
                true => document.deciding_registration(issuer, organization).into_iter().collect(),
                false => all,
            }
        }
    };
    let mut all: Vec<KindOfJob> = Vec::new();
    for registration in &registrations {
        for found in kinds_of_registration(registration, token, work) {
            let same =
                |known: &&mut KindOfJob| known.kind == found.kind && known.issuer == found.issuer;
            match all.iter_mut().find(same) {
                Some(known) => merge_result(known, found),
                None => all.push(found),
            }
        }
    }
    if let (Some(claims), true) = (token, registrations.is_empty()) {
        all = unregistered(document, claims);
    }
    for row in &mut all {
        let has_issuer = |one: &&&Registration| one.identifier() == row.issuer.as_deref();
        let entries = registrations.iter().find(has_issuer).and_then(|one| one.policies.as_ref());
        let line = |index: &usize| {
            entries.and_then(|entries| entries.get(*index)).map_or(0, |e| e.place.line)
        };
        row.lines = row.entries.iter().map(line).collect();
    }
    Who { schema_version: SCHEMA_VERSION, kinds: all, file: None }
}

/// Merges the result for another registration of the same issuer. If they disagree, the decision is
/// unknown.
fn merge_result(known: &mut KindOfJob, other: KindOfJob) {
    if known.decision != other.decision {
        known.decision = "unknown";
        known.entries.extend(other.entries);
        known.token_types.extend(other.token_types);
        known.entries.sort_unstable();
        known.entries.dedup();
        known.token_types.sort_unstable();
        known.token_types.dedup();
    }
}

/// The kinds of job of an unregistered issuer. It lets nobody in, unless an unresolved registration
/// may be its own.
fn unregistered(document: &Document, claims: &Map<String, Value>) -> Vec<KindOfJob> {
    let issuer = claims.get("iss").and_then(Value::as_str);
    let decision = match issuer {
        Some(issuer) if !document.may_register(issuer) => "deny",
        _ => "unknown",
    };
    let mut all: Vec<KindOfJob> = Vec::new();
    for variant in kinds(platform_of(issuer, claims), claims) {
        if all.iter().all(|known| known.kind != variant.kind) {
            let example = example_claims(&variant, claims);
            let name = issuer.unwrap_or("the issuer").to_owned();
            all.push(new_kind(issuer.map(str::to_owned), name, variant.kind, example, decision));
        }
    }
    all
}

fn new_kind(
    issuer: Option<String>,
    name: String,
    kind: Kind,
    claims: Map<String, Value>,
    decision: &'static str,
) -> KindOfJob {
    KindOfJob {
        issuer,
        kind,
        claims,
        decision,
        entries: Vec::new(),
        token_types: Vec::new(),
        forbidden: false,
        name,
        lines: Vec::new(),
    }
}

/// The kinds of job of one registered issuer.
fn kinds_of_registration(
    registration: &Registration,
    token: Option<&Map<String, Value>>,
    work: &mut Work,
) -> Vec<KindOfJob> {
    let issuer = registration.identifier();
    let entries = registration.policies.as_deref().unwrap_or_default();
    let allowing: Vec<(usize, &Entry)> =
        entries.iter().enumerate().filter(|(_, entry)| entry.decision == Decision::Allow).collect();
    let mut found = KindTable { registration, kinds: Vec::new() };
    let mut look = |claims: &Map<String, Value>,
                    is_whole: bool,
                    allowing: &[(usize, &Entry)],
                    work: &mut Work| {
        let platform = platform_of(issuer.or(claims.get("iss").and_then(Value::as_str)), claims);
        for variant in kinds(platform, claims) {
            let query = KindQuery { registration, claims, is_whole, variant: &variant };
            found.add(&query, allowing, work);
        }
    };
    match token {
        Some(claims) => look(claims, true, &allowing, work),
        None if allowing.is_empty() => look(&claims_of_entry(issuer, None, work), false, &[], work),
        // Each entry is examined with the job that its own rules describe.
        None => {
            for one in &allowing {
                let claims = claims_of_entry(issuer, Some(one.1), work);
                look(&claims, false, std::slice::from_ref(one), work);
            }
        }
    }
    found.kinds.sort_by_key(|known| known.kind);
    found.kinds
}

/// The results so far for the kinds of one registration.
struct KindTable<'a> {
    registration: &'a Registration,
    kinds: Vec<KindOfJob>,
}

impl KindTable<'_> {
    fn add(&mut self, query: &KindQuery, allowing: &[(usize, &Entry)], work: &mut Work) {
        if allowing.is_empty() {
            let (claims, decision) = query.without_entries();
            self.add_result(query.variant, claims, decision, None, None);
        }
        for (index, entry) in allowing {
            let (claims, answer) = query.admission(*index, entry, work);
            let token_type = entry.token_type.name();
            match answer {
                Admission::Yes => {
                    self.add_result(query.variant, claims, "allow", Some(*index), Some(token_type));
                }
                Admission::Open => {
                    self.add_result(
                        query.variant,
                        claims,
                        "unknown",
                        Some(*index),
                        Some(token_type),
                    );
                }
                Admission::No { denied_by } => {
                    self.add_result(query.variant, claims, "deny", denied_by, None);
                }
            }
        }
    }

    fn add_result(
        &mut self,
        variant: &Variant,
        claims: Map<String, Value>,
        decision: &'static str,
        entry: Option<usize>,
        token_type: Option<&'static str>,
    ) {
        let weight =
            |decision: &str| ["deny", "unknown", "allow"].iter().position(|d| *d == decision);
        let index = match self.kinds.iter().position(|known| known.kind == variant.kind) {
            Some(index) => index,
            None => {
                let issuer = self.registration.identifier().map(str::to_owned);
                let name = self.registration.name.clone().or_else(|| issuer.clone());
                let name = name.unwrap_or_else(|| "the policy".to_owned());
                self.kinds.push(new_kind(issuer, name, variant.kind, claims.clone(), decision));
                self.kinds.len() - 1
            }
        };
        let known = &mut self.kinds[index];
        if weight(decision) > weight(known.decision) {
            *known = KindOfJob {
                claims,
                decision,
                entries: Vec::new(),
                token_types: Vec::new(),
                ..known.clone()
            };
        } else if decision != known.decision {
            return;
        }
        if let Some(entry) = entry.filter(|entry| !known.entries.contains(entry)) {
            known.entries.push(entry);
        }
        if let Some(name) = token_type.filter(|name| !known.token_types.contains(name)) {
            known.token_types.push(name);
        }
        known.entries.sort_unstable();
    }
}
