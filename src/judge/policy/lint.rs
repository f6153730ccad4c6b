//! What is loose, or can never match, in a policy document, whatever the token: the findings of
//! `doctor policy lint`. What the diagnosis says of the same is in [`super::broad`]; both rest on
//! the same predicates.

use super::broad::{named_by, never_applies};
use super::claims::{documented, has, nearest, no_subject};
use super::owner::{everybody, lets_in, names_an_identity};
use crate::catalogue::{Code, Severity};
use crate::evidence::CheckId;
use crate::judge::compare::rule::snippet;
use crate::judge::context::entry_name;
use crate::judge::finding::capitalize;
use crate::limits;
use crate::limits::Work;
use crate::platform::azure::{AUDIENCE as AZURE_AUDIENCE, AUDIENCE_ID as AZURE_AUDIENCE_ID};
use crate::platform::{ALL, Id, Platform};
use crate::policy::claim_path::ClaimPath;
use crate::policy::rule_pattern::RulePattern;
use crate::policy::{Decision, Document, Entry, Registration, Rule, TokenType, pattern};
use crate::report::{Finding, FoundBy};

/// Looks at a whole document. `path` is how the report names it.
#[must_use]
pub fn lint(document: &Document, path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Every entry is compared with every other one.
    let mut work = Work::new(limits::LINT);
    for registration in &document.issuers {
        let entries = registration.policies.as_deref().unwrap_or_default();
        let linter = Linter { registration, path };
        let mut compared = true;
        for (index, entry) in entries.iter().enumerate() {
            linter.entry(index, entry, &mut work, &mut findings);
            match linter.never_decides(index, entry, entries, &mut work) {
                Ok(found) => findings.extend(found),
                Err(TooMuch) if compared => {
                    compared = false;
                    findings.push(linter.not_compared(index, entry, entries.len()));
                }
                Err(TooMuch) => {}
            }
        }
    }
    for finding in &mut findings {
        finding.check = FoundBy::Check(CheckId::Policy);
    }
    findings
}

struct Linter<'a> {
    registration: &'a Registration,
    path: &'a str,
}

impl Linter<'_> {
    fn at(&self, place: crate::policy::Place, what: &str) -> String {
        match place.line {
            // The live policy is no text.
            0 => format!("{}, {what}", self.path),
            line => format!("{}:{line}:{}, {what}", self.path, place.column),
        }
    }

    /// The same of what belongs to the issuer.
    fn of_issuer(&self, place: crate::policy::Place, what: &str) -> String {
        match self.registration.label() {
            Some(name) => self.at(place, &format!("issuer {name}, {what}")),
            None => self.at(place, what),
        }
    }

    fn known(&self) -> Option<&'static Platform> {
        documented(self.registration.identifier()?)
    }

    fn entry(&self, index: usize, entry: &Entry, work: &mut Work, findings: &mut Vec<Finding>) {
        let at = self.of_issuer(entry.place, &entry_name(index));
        let admin = entry.authorized_permissions.iter().any(|permission| permission == "admin");
        let issuer = self.registration.identifier();
        let broad = entry.decision == Decision::Allow && !names_an_identity(issuer, entry);
        if broad {
            findings.push(
                Finding::new(
                    Code::PolicyTooBroad,
                    lets_in(issuer, entry, &capitalize(&entry_name(index))),
                )
                .proof("rules", rules(entry), &at)
                .step("For a token, `doctor policy suggest TOKEN` prints the rule."),
            );
        }
        let narrow = |rule: &Rule| rule.undetermined || !pattern::is_universal(&rule.pattern);
        let audience = entry.rules.iter().find(|rule| rule.claim == "aud");
        if entry.decision == Decision::Allow && !audience.is_some_and(narrow) {
            findings.push(
                Finding::new(
                    Code::PolicyTooBroad,
                    format!(
                        "{} has {}: a token that the job requested for another service is let in \
                         as well.",
                        capitalize(&entry_name(index)),
                        match audience {
                            Some(_) => "a rule on aud that every audience matches",
                            None => "no rule on aud",
                        }
                    ),
                )
                .proof("rules", rules(entry), &at)
                .fix("Write the audience into the rule on aud.")
                .command(snippet("aud", &RulePattern::fixed("urn:pulumi:org:ORG"))),
            );
        }
        if admin {
            let granted = entry.authorized_permissions.join(", ");
            let finding = |who: &str| {
                Finding::new(
                    Code::PolicyAdminGranted,
                    format!("{} grants admin{who}.", capitalize(&entry_name(index))),
                )
                .proof("authorizedPermissions", &granted, &at)
            };
            findings.push(match broad {
                true => finding(&format!(" to {}", everybody(issuer))),
                false => finding(" to what its rules let in")
                    .severity(Severity::Info)
                    .fix("Take admin out where the login does not ask for it."),
            });
        }
        if never_applies(entry) {
            findings.push(
                surprise(format!(
                    "{} is for nobody: an entry of type {} has to name its {}.",
                    capitalize(&entry_name(index)),
                    entry.token_type.name(),
                    named_by(entry)
                ))
                .proof(named_by(entry), "(absent)", &at)
                .fix(format!("Name the {}.", named_by(entry))),
            );
        }
        let pinned = pinned(entry);
        for rule in entry.rules.iter().filter(|rule| !rule.undetermined) {
            let what = format!("{}, rule {}", entry_name(index), rule.claim);
            let at = self.of_issuer(rule.place, &what);
            findings.extend(self.claim(rule, &at));
            findings.extend(self.pattern(rule, pinned, &at, work));
        }
    }

    /// A rule on a claim that this issuer's tokens never have.
    fn claim(&self, rule: &Rule, at: &str) -> Option<Finding> {
        let mut dotted = ALL.iter().flat_map(|platform| platform.claims.dotted);
        let unquoted = dotted.find(|dotted| rule.claim.starts_with(**dotted));
        if let Some(dotted) = unquoted {
            let name = match dotted.ends_with('/') {
                true => rule.claim.as_str(),
                false => dotted,
            };
            let rest = rule.claim.get(name.len()..).unwrap_or_default();
            return Some(
                Finding::new(
                    Code::ClaimAbsent,
                    format!("The dots in {name} are taken for the path into a claim."),
                )
                .severity(Severity::Warning)
                .proof("rule on", &rule.claim, at)
                .fix("Put the claim's name in double quotes inside the path.")
                .command(snippet(&format!("\"{name}\"{rest}"), &RulePattern::of_rule(rule))),
            );
        }
        if let Err(why) = ClaimPath::parse(&rule.claim) {
            return Some(
                Finding::new(
                    Code::ClaimAbsent,
                    format!(
                        "{} is no path to a claim: {why}. Such a rule never matches.",
                        rule.claim
                    ),
                )
                .severity(Severity::Warning)
                .proof("rule on", &rule.claim, at)
                .fix("Join keys with dots, and put a key that holds dots in double quotes."),
            );
        }
        let known = self.known().filter(|known| !has(known, &rule.claim))?;
        let mut finding = Finding::new(
            Code::ClaimAbsent,
            format!(
                "{} is none of the claims that {} documents: unless it is a new one, such a rule \
                 never matches.",
                rule.claim,
                known.issuer_name()
            ),
        )
        .severity(Severity::Warning)
        .proof("rule on", &rule.claim, at);
        if let Some(near) = nearest(known, &rule.claim) {
            finding = finding
                .announce("If this one is meant:")
                .command(snippet(near, &RulePattern::of_rule(rule)));
        }
        Some(finding)
    }

    /// `pinned`: a rule on an id keeps look-alike names out.
    fn pattern(&self, rule: &Rule, pinned: bool, at: &str, work: &mut Work) -> Vec<Finding> {
        let written = &rule.pattern;
        let issuer = self.registration.identifier();
        let mut findings = Vec::new();
        let known = self.known();
        let audience = match known.map(|known| known.id) {
            Some(Id::Entra) if written.eq_ignore_ascii_case(AZURE_AUDIENCE) => Some((
                format!(
                    "Entra puts the id {AZURE_AUDIENCE_ID} into the token where people write \
                     {AZURE_AUDIENCE}: this rule never matches."
                ),
                AZURE_AUDIENCE_ID,
            )),
            Some(Id::AzurePipelines) if written == AZURE_AUDIENCE_ID => Some((
                format!(
                    "Azure DevOps' own issuer puts the name {AZURE_AUDIENCE} into the token, \
                     Entra's the id {AZURE_AUDIENCE_ID}: this rule never matches."
                ),
                AZURE_AUDIENCE,
            )),
            _ => None,
        };
        if let Some((detail, right)) = audience.filter(|_| rule.claim == "aud") {
            findings.push(
                Finding::new(Code::AudienceMismatch, detail)
                    .severity(Severity::Warning)
                    .proof("pattern", written, at)
                    .command(snippet("aud", &RulePattern::fixed(right))),
            );
        }
        if rule.claim == "iss"
            && let Some(issuer) = issuer
            && !matches(written, issuer, work).unwrap_or(true)
            // Only the URL is known, and a slash at its end may not be the issuer's.
            && (self.registration.issuer.is_some()
                || !matches(written, issuer.trim_end_matches('/'), work).unwrap_or(true))
        {
            let finding = surprise(
                "The rule on iss does not match the issuer that it is registered with: the entry \
                 never matches."
                    .to_owned(),
            )
            .proof("pattern", written, at)
            .proof("registered", issuer, "the registration");
            findings.push(match RulePattern::of_value("iss", issuer) {
                Ok(right) => finding
                    .fix("Put the registered issuer into the rule.")
                    .command(snippet("iss", &right)),
                Err(refused) => finding.fix(refused.to_string()),
            });
        }
        if rule.claim == "sub"
            && let Some(why) = known.and_then(|known| no_subject(known, written))
        {
            findings.push(
                surprise(format!("{why}: this rule never matches.")).proof("pattern", written, at),
            );
        }
        if pattern::REGULAR_EXPRESSION.iter().any(|sign| written.contains(sign)) {
            findings.push(
                surprise(
                    "The pattern looks like a regular expression; patterns know only * (any \
                     characters), ? (at most one) and . (exactly one)."
                        .to_owned(),
                )
                .proof("pattern", written, at),
            );
        } else if let Some(lone) = pattern::lone_wildcards(written).first()
            && rule.claim != "iss"
            && !pinned
        {
            // The registration fixes the issuer, whatever the rule on iss would match besides.
            let other: String = written
                .chars()
                .enumerate()
                .filter(|(at, c)| (at, *c) != (lone, '?'))
                .map(|(at, c)| if at == *lone { 'X' } else { c })
                .collect();
            findings.push(
                surprise(format!(
                    "In a pattern . stands for any one character and ? for at most one: {other} \
                     matches as well."
                ))
                .proof("pattern", written, at)
                .fix(
                    "A literal . or ? cannot be written. Add a rule on an id that the issuer puts \
                     into its tokens (GitHub: repository_id), if look-alike names matter.",
                ),
            );
        }
        findings
    }

    /// An entry that another one makes pointless.
    fn never_decides(
        &self,
        index: usize,
        entry: &Entry,
        entries: &[Entry],
        work: &mut Work,
    ) -> Result<Option<Finding>, TooMuch> {
        let mut found = None;
        for (other, by) in entries.iter().enumerate().filter(|(other, _)| *other != index) {
            let permissions = by.authorized_permissions.len() * entry.authorized_permissions.len();
            if !work.take(1 + permissions) {
                return Err(TooMuch);
            }
            let denied = by.decision == Decision::Deny && entry.decision == Decision::Allow;
            let same = by.decision == entry.decision && grants(by, entry);
            if !(denied || same) || !covers(by, entry, work)? {
                continue;
            }
            // Of two that are the same, the later one is pointless.
            if denied || other < index || !(grants(entry, by) && covers(entry, by, work)?) {
                found = Some((other, denied));
                break;
            }
        }
        let Some((other, denied)) = found else { return Ok(None) };
        let why = if denied { "denies all that it allows" } else { "decides the same already" };
        Ok(Some(
            surprise(format!(
                "{} never decides: {} {why}.",
                capitalize(&entry_name(index)),
                entry_name(other)
            ))
            .proof("entry", rules(entry), self.of_issuer(entry.place, &entry_name(index)))
            .fix("Remove one of the two."),
        ))
    }

    /// Says from which entry on they were not compared with each other.
    fn not_compared(&self, index: usize, entry: &Entry, count: usize) -> Finding {
        surprise(format!(
            "Of {count} entries, those from {} on were not compared with the others: that would \
             take too long. Some of them may never decide.",
            entry_name(index)
        ))
        .severity(Severity::Info)
        .proof("entry", entry_name(index), self.of_issuer(entry.place, &entry_name(index)))
        .fix("Split the policy, or look at these entries by hand.")
    }
}

fn surprise(detail: String) -> Finding {
    Finding::new(Code::PolicyWildcardSurprise, detail).severity(Severity::Warning)
}

fn rules(entry: &Entry) -> String {
    let rules: Vec<String> =
        entry.rules.iter().map(|rule| format!("{}: {}", rule.claim, rule.pattern)).collect();
    if rules.is_empty() { "(none)".to_owned() } else { rules.join(", ") }
}

/// The work does not suffice.
struct TooMuch;

/// What comparing two entries costs beside their rules, in steps.
const ENTRY: usize = 8;

fn matches(pattern: &str, text: &str, work: &mut Work) -> Option<bool> {
    if !work.take(pattern.len()) {
        return None;
    }
    pattern::matches_within(pattern, std::iter::once(text), work)
}

/// Whether everything that matches `entry` matches `by`, as far as the rules tell word by word.
fn covers(by: &Entry, entry: &Entry, work: &mut Work) -> Result<bool, TooMuch> {
    if !work.take(ENTRY + by.team_name.as_ref().map_or(0, String::len)) {
        return Err(TooMuch);
    }
    let same = by.token_type == entry.token_type
        && by.team_name == entry.team_name
        && by.user_login == entry.user_login
        && by.runner_id == entry.runner_id;
    let mut wider = |rule: &Rule| {
        for other in &entry.rules {
            if !work.take(1) {
                return Err(TooMuch);
            }
            if other.claim != rule.claim || other.undetermined {
                continue;
            }
            // A pattern without wildcards is a text, and the wider pattern matches it.
            let fits = other.pattern == rule.pattern
                || pattern::is_literal(&other.pattern)
                    && matches(&rule.pattern, &other.pattern, work).ok_or(TooMuch)?;
            if fits {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let team = by.token_type == TokenType::Team
        && entry.token_type == TokenType::Team
        && by.team_name.as_deref().is_some_and(pattern::is_universal);
    if !same && !team {
        return Ok(false);
    }
    for rule in &by.rules {
        if rule.undetermined || !wider(rule)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether `by` gives at least what `entry` gives.
fn grants(by: &Entry, entry: &Entry) -> bool {
    let given = &by.authorized_permissions;
    by.role_id == entry.role_id
        && entry.authorized_permissions.iter().all(|permission| given.contains(permission))
}

/// Whether a rule on an id keeps look-alike names out.
fn pinned(entry: &Entry) -> bool {
    entry.rules.iter().any(|rule| {
        let last = rule.claim.rsplit('.').next().unwrap_or_default().trim_matches('"');
        (last.ends_with("_id") || last.ends_with("-id") || last.ends_with("Uuid") || last == "uid")
            && pattern::is_literal(&rule.pattern)
    })
}
