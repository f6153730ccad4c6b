//! Over-broad entries and surprising patterns, whether or not the policy lets the token in.

use std::cell::LazyCell;

use super::owner::{admitted_group, describe_admitted, names_owner_or_job};
use crate::catalogue::{Code, Severity};
use crate::evidence::Token;
use crate::judge::advice::policy_change;
use crate::judge::compare::rule::{
    claim_values, claim_values_cost, notes_on_varying_parts, rule_snippet,
};
use crate::judge::context::{Context, entry_name};
use crate::judge::finding::capitalize;
use crate::judge::policy::job_claims::alternative_to;
use crate::judge::policy::smallest_change::unmatchable::MASK;
use crate::judge::policy::suggest::subject_pattern;
use crate::limits;
use crate::limits::Work;
use crate::policy::evaluate::Evaluation;
use crate::policy::rule_pattern::{RulePattern, inexact};
use crate::policy::{Decision, Entry, TokenType, pattern};
use crate::report::{Finding, RemedyOption};

/// The rule on the token's subject, computed once for all entries.
enum SubjectRule {
    Rule {
        pattern: RulePattern,
        notes: Vec<String>,
    },
    /// The subject cannot be a rule.
    Refused {
        summary: String,
        steps: [String; 2],
    },
    Absent,
}

impl SubjectRule {
    fn for_token(token: &Token) -> Self {
        match subject_pattern(&token.claims) {
            Some(Ok(pattern)) => {
                let mut notes = notes_on_varying_parts(token);
                notes.extend(token.text("sub").and_then(|sub| inexact("sub", sub)));
                Self::Rule { pattern, notes }
            }
            Some(Err(refused)) => {
                let instead = alternative_to(&token.claims, &refused);
                let steps = [refused.to_string(), instead.claims];
                Self::Refused { summary: instead.summary, steps }
            }
            None => Self::Absent,
        }
    }
}

/// Findings for allow entries that name no owner, and for those of them that grant admin.
pub(crate) fn too_broad(context: &Context, token: &Token, entries: &[Entry]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let issuer = token.text("iss");
    let subject = LazyCell::new(|| SubjectRule::for_token(token));
    for (index, entry) in entries.iter().enumerate() {
        if entry.decision != Decision::Allow || names_owner_or_job(issuer, entry) {
            continue;
        }
        let rules: Vec<String> =
            entry.rules.iter().map(|r| format!("{}: {}", r.claim, r.pattern)).collect();
        let rules = if rules.is_empty() { "(none)".to_owned() } else { rules.join(", ") };
        let place = context.entry_place(index, entry);
        let mut finding = Finding::new(
            Code::PolicyTooBroad,
            describe_admitted(issuer, entry, &capitalize(&entry_name(index))),
        )
        .proof("rules", &rules, &place);
        for masked in entry.rules.iter().filter(|rule| rule.pattern.contains(MASK)) {
            finding = finding.step(format!(
                "The rule on {} holds {MASK}, which a log shows in the place of a secret: it was \
                 copied from a masked log, and matches anything.",
                masked.claim
            ));
        }
        let subject_rule = entry.rules.iter().find(|rule| rule.claim == "sub");
        let subject_rule = subject_rule.map(|rule| rule.pattern.as_str());
        finding = match &*subject {
            SubjectRule::Rule { pattern: subject, notes } => notes
                .iter()
                .fold(finding, Finding::step)
                .announce(match subject_rule {
                    Some(_) => "Narrow the rule on sub. For exactly this token's subject it is:",
                    None => "Add a rule on sub. For exactly this token's subject it is:",
                })
                .command(rule_snippet("sub", subject))
                .option(RemedyOption::when(
                    "only this job should be let in",
                    policy_change::change_rule(
                        context,
                        index,
                        "sub",
                        subject_rule,
                        Some(subject.as_str()),
                    ),
                )),
            SubjectRule::Refused { summary, steps } => {
                steps.iter().fold(finding.fix(summary.as_str()), Finding::step)
            }
            SubjectRule::Absent => finding,
        };
        findings.push(finding);
        if entry.authorized_permissions.iter().any(|p| p == "admin") {
            findings.push(
                Finding::new(
                    Code::PolicyAdminGranted,
                    format!(
                        "{} grants admin to {}.",
                        capitalize(&entry_name(index)),
                        admitted_group(issuer)
                    ),
                )
                .proof("authorizedPermissions", entry.authorized_permissions.join(", "), place)
                .option(without_admin(context, index, entry)),
            );
        }
    }
    findings
}

fn without_admin(context: &Context, index: usize, entry: &Entry) -> RemedyOption {
    let granted = entry.authorized_permissions.clone();
    let kept: Vec<String> = granted.iter().filter(|one| *one != "admin").cloned().collect();
    let key = "authorizedPermissions";
    let change = policy_change::change_entry_key(context, index, key, granted, kept);
    RemedyOption::when("no job of this entry needs admin", change)
}

/// At most so many patterns are listed.
const MAX_PATTERNS: usize = 100;

/// One finding for all patterns, since a `.` in a URL is common and mostly harmless.
pub(crate) fn surprising_patterns(
    context: &Context,
    entries: &[Entry],
    evaluation: &Evaluation,
    token: &Token,
) -> Option<Finding> {
    let (mut hits, mut others) = (Vec::new(), Vec::new());
    // One budget for all patterns bounds the cost of a hostile token with a large policy.
    let mut work = Work::new(limits::SURPRISES);
    for (index, (entry, result)) in entries.iter().zip(&evaluation.entries).enumerate() {
        for (rule, outcome) in entry.rules.iter().zip(&result.rules) {
            let lone = pattern::lone_wildcards(&rule.pattern);
            if lone.is_empty() {
                continue;
            }
            let mut surprising = || {
                // `claim_values` copies the values.
                work.take(claim_values_cost(token, &rule.claim))
                    && claim_values(token, &rule.claim).iter().any(|text| {
                        let found = pattern::surprises_within(&rule.pattern, text, &mut work);
                        found.iter().any(|surprise| lone.binary_search(&surprise.position).is_ok())
                    })
            };
            let proof = |what: String| {
                let place = context.rule_place(rule.place.line, index, &rule.claim);
                (what, rule.pattern.clone(), place)
            };
            if outcome.matched && surprising() {
                hits.push(proof(format!("rule {}, matched another character here", rule.claim)));
            } else {
                others.push(proof(format!("rule {}", rule.claim)));
            }
        }
        if lacks_required_name(entry) {
            let what = format!("{} entry without {}", entry.token_type.name(), required_key(entry));
            let place = context.entry_place(index, entry);
            others.push(("can never match".to_owned(), what, place));
        }
    }
    let severity = if hits.is_empty() { Severity::Info } else { Severity::Warning };
    let matched = hits.first().map_or_else(String::new, |(_, pattern, place)| {
        format!(" {pattern} ({place}) matched another character than the one that is written.")
    });
    let detail = format!(
        "In a pattern . stands for any one character and ? for at most one; an entry that names \
         no team, user or runner where its type needs one is for nobody.{matched}"
    );
    let left_out = (hits.len() + others.len()).saturating_sub(MAX_PATTERNS);
    let mut proofs = hits.into_iter().chain(others).take(MAX_PATTERNS).peekable();
    proofs.peek()?;
    let finding = Finding::new(Code::PolicyWildcardSurprise, detail).severity(severity);
    let finding =
        proofs.fold(finding, |finding, (what, value, place)| finding.proof(what, value, place));
    Some(match left_out {
        0 => finding,
        more => finding.proof("and more", format!("{more} of the same kind"), "the policy"),
    })
}

/// The key that an entry of this token type needs.
pub(crate) fn required_key(entry: &Entry) -> &'static str {
    match entry.token_type {
        TokenType::Organization => "organization",
        TokenType::Team => "teamName",
        TokenType::Personal => "userLogin",
        TokenType::Runner => "runnerID",
    }
}

pub(crate) fn lacks_required_name(entry: &Entry) -> bool {
    match entry.token_type {
        TokenType::Organization => false,
        TokenType::Team => entry.team_name.is_none(),
        TokenType::Personal => entry.user_login.is_none(),
        TokenType::Runner => entry.runner_id.is_none(),
    }
}
