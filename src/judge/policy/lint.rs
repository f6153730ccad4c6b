//! The findings of `doctor policy lint`: entries and rules that are too broad or never match,
//! without regard to a token. [`super::broad`] reports the same for a diagnosis, with the same
//! predicates.

use super::broad::{lacks_required_name, required_key};
use super::claims::{
    documented_platform, documents_claim, impossible_subject, nearest_documented_claim,
};
use super::owner::{admitted_group, describe_admitted, names_owner_or_job};
use crate::catalogue::{Code, Severity};
use crate::evidence::CheckId;
use crate::judge::compare::rule::rule_snippet;
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

/// Lints a whole document. `path`: its name in the findings.
#[must_use]
pub fn lint(document: &Document, path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Bounded, since every entry is compared with every other one.
    let mut work = Work::new(limits::LINT);
    for registration in &document.issuers {
        let entries = registration.policies.as_deref().unwrap_or_default();
        let linter = Linter { registration, path };
        let mut has_budget = true;
        for (index, entry) in entries.iter().enumerate() {
            linter.lint_entry(index, entry, &mut work, &mut findings);
            match linter.never_decides(index, entry, entries, &mut work) {
                Ok(found) => findings.extend(found),
                Err(BudgetExceeded) if has_budget => {
                    has_budget = false;
                    findings.push(linter.not_compared(index, entry, entries.len()));
                }
                Err(BudgetExceeded) => {}
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
    fn place(&self, place: crate::policy::Place, what: &str) -> String {
        match place.line {
            // A live policy has no lines.
            0 => format!("{}, {what}", self.path),
            line => format!("{}:{line}:{}, {what}", self.path, place.column),
        }
    }

    /// A place, prefixed with the issuer's name if it has one.
    fn issuer_place(&self, place: crate::policy::Place, what: &str) -> String {
        match self.registration.label() {
            Some(name) => self.place(place, &format!("issuer {name}, {what}")),
            None => self.place(place, what),
        }
    }

    fn platform(&self) -> Option<&'static Platform> {
        documented_platform(self.registration.identifier()?)
    }

    fn lint_entry(
        &self,
        index: usize,
        entry: &Entry,
        work: &mut Work,
        findings: &mut Vec<Finding>,
    ) {
        let place = self.issuer_place(entry.place, &entry_name(index));
        let name = capitalize(&entry_name(index));
        let broad = self.too_broad(entry, &name, &place);
        let is_broad = broad.is_some();
        findings.extend(broad);
        findings.extend(any_audience(entry, &name, &place));
        findings.extend(self.admin_granted(entry, is_broad, &name, &place));
        if lacks_required_name(entry) {
            findings.push(
                wildcard_surprise(format!(
                    "{name} is for nobody: an entry of type {} has to name its {}.",
                    entry.token_type.name(),
                    required_key(entry)
                ))
                .proof(required_key(entry), "(absent)", &place)
                .fix(format!("Name the {}.", required_key(entry))),
            );
        }
        let pinned = has_id_rule(entry);
        for rule in entry.rules.iter().filter(|rule| !rule.undetermined) {
            let what = format!("{}, rule {}", entry_name(index), rule.claim);
            let place = self.issuer_place(rule.place, &what);
            findings.extend(self.lint_claim(rule, &place));
            findings.extend(self.lint_pattern(rule, pinned, &place, work));
        }
    }

    /// Reports an allow entry that names no owner.
    fn too_broad(&self, entry: &Entry, name: &str, place: &str) -> Option<Finding> {
        let issuer = self.registration.identifier();
        if entry.decision != Decision::Allow || names_owner_or_job(issuer, entry) {
            return None;
        }
        Some(
            Finding::new(Code::PolicyTooBroad, describe_admitted(issuer, entry, name))
                .proof("rules", list_rules(entry), place)
                .step("For a token, `doctor policy suggest TOKEN` prints the rule."),
        )
    }

    /// Reports an entry that grants admin. That is only information unless the entry is too broad.
    fn admin_granted(
        &self,
        entry: &Entry,
        is_broad: bool,
        name: &str,
        place: &str,
    ) -> Option<Finding> {
        if !entry.authorized_permissions.iter().any(|permission| permission == "admin") {
            return None;
        }
        let granted = entry.authorized_permissions.join(", ");
        let finding = |to: &str| {
            Finding::new(Code::PolicyAdminGranted, format!("{name} grants admin{to}.")).proof(
                "authorizedPermissions",
                &granted,
                place,
            )
        };
        Some(match is_broad {
            true => finding(&format!(" to {}", admitted_group(self.registration.identifier()))),
            false => finding(" to what its rules let in")
                .severity(Severity::Info)
                .fix("Take admin out where the login does not ask for it."),
        })
    }

    /// Reports a rule on a claim that this issuer's tokens never have.
    fn lint_claim(&self, rule: &Rule, place: &str) -> Option<Finding> {
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
                .proof("rule on", &rule.claim, place)
                .fix("Put the claim's name in double quotes inside the path.")
                .command(rule_snippet(&format!("\"{name}\"{rest}"), &RulePattern::of_rule(rule))),
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
                .proof("rule on", &rule.claim, place)
                .fix("Join keys with dots, and put a key that holds dots in double quotes."),
            );
        }
        let platform =
            self.platform().filter(|platform| !documents_claim(platform, &rule.claim))?;
        let mut finding = Finding::new(
            Code::ClaimAbsent,
            format!(
                "{} is none of the claims that {} documents: unless it is a new one, such a rule \
                 never matches.",
                rule.claim,
                platform.issuer_name()
            ),
        )
        .severity(Severity::Warning)
        .proof("rule on", &rule.claim, place);
        if let Some(near) = nearest_documented_claim(platform, &rule.claim) {
            finding = finding
                .announce("If this one is meant:")
                .command(rule_snippet(near, &RulePattern::of_rule(rule)));
        }
        Some(finding)
    }

    /// Reports a pattern that never matches or has surprising wildcards. `pinned`: a rule on an id
    /// excludes similar names.
    fn lint_pattern(
        &self,
        rule: &Rule,
        pinned: bool,
        place: &str,
        work: &mut Work,
    ) -> Vec<Finding> {
        let platform = self.platform();
        let pattern = &rule.pattern;
        let mut findings = Vec::new();
        if rule.claim == "aud" {
            findings.extend(wrong_azure_audience(platform, pattern, place));
        }
        if rule.claim == "iss" {
            findings.extend(self.other_issuer(pattern, place, work));
        }
        if rule.claim == "sub"
            && let Some(why) = platform.and_then(|platform| impossible_subject(platform, pattern))
        {
            findings.push(
                wildcard_surprise(format!("{why}: this rule never matches."))
                    .proof("pattern", pattern, place),
            );
        }
        findings.extend(unintended_wildcards(rule, pinned, place));
        findings
    }

    /// Reports a rule on iss that does not match the registered issuer.
    fn other_issuer(&self, pattern: &str, place: &str, work: &mut Work) -> Option<Finding> {
        let issuer = self.registration.identifier()?;
        if matches(pattern, issuer, work).unwrap_or(true) {
            return None;
        }
        // If only the URL is known, the issuer may lack a slash at its end.
        let bare = issuer.trim_end_matches('/');
        if self.registration.issuer.is_none() && matches(pattern, bare, work).unwrap_or(true) {
            return None;
        }
        let finding = wildcard_surprise(
            "The rule on iss does not match the issuer that it is registered with: the entry \
             never matches."
                .to_owned(),
        )
        .proof("pattern", pattern, place)
        .proof("registered", issuer, "the registration");
        Some(match RulePattern::of_value("iss", issuer) {
            Ok(right) => finding
                .fix("Put the registered issuer into the rule.")
                .command(rule_snippet("iss", &right)),
            Err(refused) => finding.fix(refused.to_string()),
        })
    }

    /// Reports an entry that never decides because of another one.
    fn never_decides(
        &self,
        index: usize,
        entry: &Entry,
        entries: &[Entry],
        work: &mut Work,
    ) -> Result<Option<Finding>, BudgetExceeded> {
        let mut found = None;
        for (other, by) in entries.iter().enumerate().filter(|(other, _)| *other != index) {
            let permissions = by.authorized_permissions.len() * entry.authorized_permissions.len();
            if !work.take(1 + permissions) {
                return Err(BudgetExceeded);
            }
            let denied = by.decision == Decision::Deny && entry.decision == Decision::Allow;
            let same = by.decision == entry.decision && grants_at_least(by, entry);
            if !(denied || same) || !covers(by, entry, work)? {
                continue;
            }
            // Of two equivalent entries, the later one is redundant.
            if denied || other < index || !(grants_at_least(entry, by) && covers(entry, by, work)?)
            {
                found = Some((other, denied));
                break;
            }
        }
        let Some((other, denied)) = found else { return Ok(None) };
        let why = if denied { "denies all that it allows" } else { "decides the same already" };
        Ok(Some(
            wildcard_surprise(format!(
                "{} never decides: {} {why}.",
                capitalize(&entry_name(index)),
                entry_name(other)
            ))
            .proof("entry", list_rules(entry), self.issuer_place(entry.place, &entry_name(index)))
            .fix("Remove one of the two."),
        ))
    }

    /// Reports the first entry that was not compared with the others.
    fn not_compared(&self, index: usize, entry: &Entry, count: usize) -> Finding {
        wildcard_surprise(format!(
            "Of {count} entries, those from {} on were not compared with the others: that would \
             take too long. Some of them may never decide.",
            entry_name(index)
        ))
        .severity(Severity::Info)
        .proof("entry", entry_name(index), self.issuer_place(entry.place, &entry_name(index)))
        .fix("Split the policy, or look at these entries by hand.")
    }
}

/// Reports an allow entry that accepts tokens for any audience.
fn any_audience(entry: &Entry, name: &str, place: &str) -> Option<Finding> {
    let is_narrow = |rule: &Rule| rule.undetermined || !pattern::is_universal(&rule.pattern);
    let audience = entry.rules.iter().find(|rule| rule.claim == "aud");
    if entry.decision != Decision::Allow || audience.is_some_and(is_narrow) {
        return None;
    }
    Some(
        Finding::new(
            Code::PolicyTooBroad,
            format!(
                "{name} has {}: a token that the job requested for another service is let in as \
                 well.",
                match audience {
                    Some(_) => "a rule on aud that every audience matches",
                    None => "no rule on aud",
                }
            ),
        )
        .proof("rules", list_rules(entry), place)
        .fix("Write the audience into the rule on aud.")
        .command(rule_snippet("aud", &RulePattern::fixed("urn:pulumi:org:ORG"))),
    )
}

/// Reports the spelling of Azure's audience that the issuer's tokens never have.
fn wrong_azure_audience(
    platform: Option<&Platform>,
    pattern: &str,
    place: &str,
) -> Option<Finding> {
    let (detail, right) = match platform?.id {
        Id::Entra if pattern.eq_ignore_ascii_case(AZURE_AUDIENCE) => (
            format!(
                "Entra puts the id {AZURE_AUDIENCE_ID} into the token where people write \
                 {AZURE_AUDIENCE}: this rule never matches."
            ),
            AZURE_AUDIENCE_ID,
        ),
        Id::AzurePipelines if pattern == AZURE_AUDIENCE_ID => (
            format!(
                "Azure DevOps' own issuer puts the name {AZURE_AUDIENCE} into the token, Entra's \
                 the id {AZURE_AUDIENCE_ID}: this rule never matches."
            ),
            AZURE_AUDIENCE,
        ),
        _ => return None,
    };
    Some(
        Finding::new(Code::AudienceMismatch, detail)
            .severity(Severity::Warning)
            .proof("pattern", pattern, place)
            .command(rule_snippet("aud", &RulePattern::fixed(right))),
    )
}

/// Reports a regular expression, or a `.` or `?` that was probably meant literally.
fn unintended_wildcards(rule: &Rule, pinned: bool, place: &str) -> Option<Finding> {
    let written = &rule.pattern;
    if pattern::REGULAR_EXPRESSION.iter().any(|sign| written.contains(sign)) {
        return Some(
            wildcard_surprise(
                "The pattern looks like a regular expression; patterns know only * (any \
                 characters), ? (at most one) and . (exactly one)."
                    .to_owned(),
            )
            .proof("pattern", written, place),
        );
    }
    // Not for a rule on iss: the registration fixes the issuer anyway.
    if rule.claim == "iss" || pinned {
        return None;
    }
    let lone = *pattern::lone_wildcards(written).first()?;
    let other: String = written
        .chars()
        .enumerate()
        .filter(|(i, c)| (*i, *c) != (lone, '?'))
        .map(|(i, c)| if i == lone { 'X' } else { c })
        .collect();
    Some(
        wildcard_surprise(format!(
            "In a pattern . stands for any one character and ? for at most one: {other} matches as \
             well."
        ))
        .proof("pattern", written, place)
        .fix(
            "A literal . or ? cannot be written. Add a rule on an id that the issuer puts into its \
             tokens (GitHub: repository_id), if look-alike names matter.",
        ),
    )
}

fn wildcard_surprise(detail: String) -> Finding {
    Finding::new(Code::PolicyWildcardSurprise, detail).severity(Severity::Warning)
}

fn list_rules(entry: &Entry) -> String {
    let rules: Vec<String> =
        entry.rules.iter().map(|rule| format!("{}: {}", rule.claim, rule.pattern)).collect();
    if rules.is_empty() { "(none)".to_owned() } else { rules.join(", ") }
}

/// The work budget is used up.
struct BudgetExceeded;

/// The cost of comparing two entries without their rules, in steps.
const ENTRY_STEPS: usize = 8;

fn matches(pattern: &str, text: &str, work: &mut Work) -> Option<bool> {
    if !work.take(pattern.len()) {
        return None;
    }
    pattern::matches_within(pattern, std::iter::once(text), work)
}

/// Whether `by` surely matches whatever `entry` matches. Compares patterns as text, so it may miss
/// some cases.
fn covers(by: &Entry, entry: &Entry, work: &mut Work) -> Result<bool, BudgetExceeded> {
    if !work.take(ENTRY_STEPS + by.team_name.as_ref().map_or(0, String::len)) {
        return Err(BudgetExceeded);
    }
    let same = by.token_type == entry.token_type
        && by.team_name == entry.team_name
        && by.user_login == entry.user_login
        && by.runner_id == entry.runner_id;
    let mut wider = |rule: &Rule| {
        for other in &entry.rules {
            if !work.take(1) {
                return Err(BudgetExceeded);
            }
            if other.claim != rule.claim || other.undetermined {
                continue;
            }
            // A literal pattern is itself a value to match.
            let fits = other.pattern == rule.pattern
                || pattern::is_literal(&other.pattern)
                    && matches(&rule.pattern, &other.pattern, work).ok_or(BudgetExceeded)?;
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

/// Whether `by` grants at least what `entry` grants.
fn grants_at_least(by: &Entry, entry: &Entry) -> bool {
    let granted = &by.authorized_permissions;
    by.role_id == entry.role_id
        && entry.authorized_permissions.iter().all(|permission| granted.contains(permission))
}

/// Whether a rule on an id excludes similar names.
fn has_id_rule(entry: &Entry) -> bool {
    entry.rules.iter().any(|rule| {
        let last = rule.claim.rsplit('.').next().unwrap_or_default().trim_matches('"');
        (last.ends_with("_id") || last.ends_with("-id") || last.ends_with("Uuid") || last == "uid")
            && pattern::is_literal(&rule.pattern)
    })
}
