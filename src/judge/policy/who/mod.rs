//! Who a policy lets in: for every issuer and kind of job, whether some job of that kind gets a
//! token.
//!
//! A kind leaves parts of its claims open, such as the name of another branch. The doctor looks for
//! values that an entry's rules match ([`crate::policy::template`]) and then evaluates the policy on
//! these claims. "Yes" therefore always comes with the claims of a job that gets in. "No" means that
//! some rule matches no job of the kind. Everything else is undetermined.

mod given;
mod job;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use self::given::named_by;
use self::job::{Answer, Asked, Candidate};
use crate::limits;
use crate::limits::Work;
use crate::platform::Kind;
use crate::platform::kind::{Variant, kinds, platform_of};
use crate::policy::{Decision, Document, Entry, Registration};
use crate::report::SCHEMA_VERSION;
use crate::report::who::{KindOfJob, Who};

/// Who gets in, given the claims of one job; without them, given those that the rules name.
#[must_use]
pub fn who(
    document: &Document,
    token: Option<&Map<String, Value>>,
    organization: Option<&str>,
) -> Who {
    who_within(document, token, organization, &mut Work::new(limits::WHO))
}

/// [`who`] with so much work. What was not worked out is undetermined.
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
                true => document.deciding(issuer, organization).into_iter().collect(),
                false => all,
            }
        }
    };
    let mut all: Vec<KindOfJob> = Vec::new();
    for registration in &registrations {
        for found in of_registration(registration, token, work) {
            let same =
                |known: &&mut KindOfJob| known.kind == found.kind && known.issuer == found.issuer;
            match all.iter_mut().find(same) {
                Some(known) => join(known, found),
                None => all.push(found),
            }
        }
    }
    if let (Some(claims), true) = (token, registrations.is_empty()) {
        all = unregistered(document, claims);
    }
    for row in &mut all {
        let of_issuer = |one: &&&Registration| one.identifier() == row.issuer.as_deref();
        let own = registrations.iter().find(of_issuer).and_then(|one| one.policies.as_ref());
        let line = |index: &usize| own.and_then(|own| own.get(*index)).map_or(0, |e| e.place.line);
        row.lines = row.entries.iter().map(line).collect();
    }
    Who { schema_version: SCHEMA_VERSION, kinds: all, file: None }
}

/// Two registrations of one issuer that disagree leave it open which one decides.
fn join(known: &mut KindOfJob, other: KindOfJob) {
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

/// An issuer that is not registered lets nobody in, unless its registration is one that the document
/// leaves open.
fn unregistered(document: &Document, claims: &Map<String, Value>) -> Vec<KindOfJob> {
    let issuer = claims.get("iss").and_then(Value::as_str);
    let decision = match issuer {
        Some(issuer) if !document.may_register(issuer) => "deny",
        _ => "unknown",
    };
    let mut all: Vec<KindOfJob> = Vec::new();
    for variant in kinds(platform_of(issuer, claims), claims) {
        if all.iter().all(|known| known.kind != variant.kind) {
            let example = Candidate::examples(&variant, claims).claims;
            let name = issuer.unwrap_or("the issuer").to_owned();
            all.push(row(issuer.map(str::to_owned), name, variant.kind, example, decision));
        }
    }
    all
}

fn row(
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
fn of_registration(
    registration: &Registration,
    token: Option<&Map<String, Value>>,
    work: &mut Work,
) -> Vec<KindOfJob> {
    let issuer = registration.identifier();
    let entries = registration.policies.as_deref().unwrap_or_default();
    let allowing: Vec<(usize, &Entry)> =
        entries.iter().enumerate().filter(|(_, entry)| entry.decision == Decision::Allow).collect();
    let mut found = Found { registration, kinds: Vec::new() };
    let mut look = |claims: &Map<String, Value>,
                    is_whole: bool,
                    allowing: &[(usize, &Entry)],
                    work: &mut Work| {
        let platform = platform_of(issuer.or(claims.get("iss").and_then(Value::as_str)), claims);
        for variant in kinds(platform, claims) {
            let asked = Asked { registration, claims, is_whole, variant: &variant };
            found.add(&asked, allowing, work);
        }
    };
    match token {
        Some(claims) => look(claims, true, &allowing, work),
        None if allowing.is_empty() => look(&named_by(issuer, None, work), false, &[], work),
        // Each entry is asked for jobs beside the one that it names itself.
        None => {
            for one in &allowing {
                let claims = named_by(issuer, Some(one.1), work);
                look(&claims, false, std::slice::from_ref(one), work);
            }
        }
    }
    found.kinds.sort_by_key(|known| known.kind);
    found.kinds
}

/// What is known so far of one registration's kinds.
struct Found<'a> {
    registration: &'a Registration,
    kinds: Vec<KindOfJob>,
}

impl Found<'_> {
    fn add(&mut self, asked: &Asked, allowing: &[(usize, &Entry)], work: &mut Work) {
        if allowing.is_empty() {
            let (claims, decision) = asked.without_entries();
            self.put(asked.variant, claims, decision, None, None);
        }
        for (index, entry) in allowing {
            let (claims, answer) = asked.of(*index, entry, work);
            let token_type = entry.token_type.name();
            match answer {
                Answer::Yes => {
                    self.put(asked.variant, claims, "allow", Some(*index), Some(token_type));
                }
                Answer::Open => {
                    self.put(asked.variant, claims, "unknown", Some(*index), Some(token_type));
                }
                Answer::No { denied_by } => {
                    self.put(asked.variant, claims, "deny", denied_by, None);
                }
            }
        }
    }

    fn put(
        &mut self,
        variant: &Variant,
        claims: Map<String, Value>,
        decision: &'static str,
        entry: Option<usize>,
        token_type: Option<&'static str>,
    ) {
        let weight =
            |decision: &str| ["deny", "unknown", "allow"].iter().position(|d| *d == decision);
        let at = match self.kinds.iter().position(|known| known.kind == variant.kind) {
            Some(at) => at,
            None => {
                let issuer = self.registration.identifier().map(str::to_owned);
                let name = self.registration.name.clone().or_else(|| issuer.clone());
                let name = name.unwrap_or_else(|| "the policy".to_owned());
                self.kinds.push(row(issuer, name, variant.kind, claims.clone(), decision));
                self.kinds.len() - 1
            }
        };
        let known = &mut self.kinds[at];
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
