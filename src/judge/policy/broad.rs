//! What is loose in a policy, whether or not it lets the token in: entries for every identity of
//! the issuer, and patterns that mean more, or less, than they seem to.

use std::cell::LazyCell;

use super::owner::{everybody, lets_in, names_an_identity};
use crate::catalogue::{Code, Severity};
use crate::evidence::Token;
use crate::judge::advice::policy_change;
use crate::judge::compare::rule::{identity, open_parts, snippet, values, values_length};
use crate::judge::context::{Context, entry_name};
use crate::judge::finding::capitalize;
use crate::judge::policy::job_claims::instead;
use crate::judge::policy::smallest::dead::MASK;
use crate::limits;
use crate::limits::Work;
use crate::policy::evaluate::Evaluation;
use crate::policy::rule_pattern::{RulePattern, inexact};
use crate::policy::{Decision, Entry, TokenType, pattern};
use crate::report::{Finding, RemedyOption};

/// How a rule on the token's subject is written. It may be long, and is the same for every entry.
enum Subject {
    Rule {
        pattern: RulePattern,
        notes: Vec<String>,
    },
    /// No rule can hold it.
    Refused {
        summary: String,
        steps: [String; 2],
    },
    Absent,
}

impl Subject {
    fn of(token: &Token) -> Self {
        match identity(token) {
            Some(Ok(pattern)) => {
                let mut notes = open_parts(token);
                notes.extend(token.text("sub").and_then(|sub| inexact("sub", sub)));
                Self::Rule { pattern, notes }
            }
            Some(Err(refused)) => {
                let instead = instead(&token.claims, &refused);
                let steps = [refused.to_string(), instead.claims];
                Self::Refused { summary: instead.summary, steps }
            }
            None => Self::Absent,
        }
    }
}

/// The allow entries that name no identity, and those of them that grant admin.
pub(crate) fn too_broad(context: &Context, token: &Token, entries: &[Entry]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let issuer = token.text("iss");
    let subject = LazyCell::new(|| Subject::of(token));
    for (index, entry) in entries.iter().enumerate() {
        if entry.decision != Decision::Allow || names_an_identity(issuer, entry) {
            continue;
        }
        let rules: Vec<String> =
            entry.rules.iter().map(|r| format!("{}: {}", r.claim, r.pattern)).collect();
        let rules = if rules.is_empty() { "(none)".to_owned() } else { rules.join(", ") };
        let at = context.entry_place(index, entry);
        let mut finding = Finding::new(
            Code::PolicyTooBroad,
            lets_in(issuer, entry, &capitalize(&entry_name(index))),
        )
        .proof("rules", &rules, &at);
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
            Subject::Rule { pattern: subject, notes } => notes
                .iter()
                .fold(finding, Finding::step)
                .announce(match subject_rule {
                    Some(_) => "Narrow the rule on sub. For exactly this token's subject it is:",
                    None => "Add a rule on sub. For exactly this token's subject it is:",
                })
                .command(snippet("sub", subject))
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
            Subject::Refused { summary, steps } => {
                steps.iter().fold(finding.fix(summary.as_str()), Finding::step)
            }
            Subject::Absent => finding,
        };
        findings.push(finding);
        if entry.authorized_permissions.iter().any(|p| p == "admin") {
            findings.push(
                Finding::new(
                    Code::PolicyAdminGranted,
                    format!(
                        "{} grants admin to {}.",
                        capitalize(&entry_name(index)),
                        everybody(issuer)
                    ),
                )
                .proof("authorizedPermissions", entry.authorized_permissions.join(", "), at)
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

/// How many patterns are listed.
const MOST_SHOWN: usize = 100;

/// One finding for all patterns: a `.` in a URL is common, and harmless most of the time.
pub(crate) fn surprises(
    context: &Context,
    entries: &[Entry],
    evaluation: &Evaluation,
    token: &Token,
) -> Option<Finding> {
    let (mut hits, mut others) = (Vec::new(), Vec::new());
    // Shared by all: what a hostile token and a large policy cost together is bounded.
    let mut work = Work::new(limits::SURPRISES);
    for (index, (entry, result)) in entries.iter().zip(&evaluation.entries).enumerate() {
        for (rule, outcome) in entry.rules.iter().zip(&result.rules) {
            let lone = pattern::lone_wildcards(&rule.pattern);
            if lone.is_empty() {
                continue;
            }
            let mut surprising = || {
                // Every call copies the claim's values.
                work.take(values_length(token, &rule.claim))
                    && values(token, &rule.claim).iter().any(|text| {
                        let found = pattern::surprises_within(&rule.pattern, text, &mut work);
                        found.iter().any(|surprise| lone.binary_search(&surprise.at).is_ok())
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
        if never_applies(entry) {
            let what = format!("{} entry without {}", entry.token_type.name(), named_by(entry));
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
    let left_out = (hits.len() + others.len()).saturating_sub(MOST_SHOWN);
    let mut proofs = hits.into_iter().chain(others).take(MOST_SHOWN).peekable();
    proofs.peek()?;
    let finding = Finding::new(Code::PolicyWildcardSurprise, detail).severity(severity);
    let finding =
        proofs.fold(finding, |finding, (what, value, place)| finding.proof(what, value, place));
    Some(match left_out {
        0 => finding,
        more => finding.proof("and more", format!("{more} of the same kind"), "the policy"),
    })
}

/// What an entry of this token type has to name.
pub(crate) fn named_by(entry: &Entry) -> &'static str {
    match entry.token_type {
        TokenType::Organization => "organization",
        TokenType::Team => "teamName",
        TokenType::Personal => "userLogin",
        TokenType::Runner => "runnerID",
    }
}

pub(crate) fn never_applies(entry: &Entry) -> bool {
    match entry.token_type {
        TokenType::Organization => false,
        TokenType::Team => entry.team_name.is_none(),
        TokenType::Personal => entry.user_login.is_none(),
        TokenType::Runner => entry.runner_id.is_none(),
    }
}
