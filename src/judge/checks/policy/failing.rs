//! The entry that comes closest and fails: a finding for each rule, and the ways to let the token in.

use crate::catalogue::{Category, Code};
use crate::evidence::Token;
use crate::judge::advice::policy_change::{Telling, add_here};
use crate::judge::advice::{change, policy_change};
use crate::judge::compare::rule::{failed_rule, no_rule};
use crate::judge::context::{Context, entry_name};
use crate::judge::finding::upper;
use crate::judge::policy::job_claims::instead;
use crate::judge::policy::smallest::correction::Identity;
use crate::judge::policy::smallest::ways::{Failing, Wanted, Way, ways};
use crate::judge::policy::suggest::suggest;
use crate::limits;
use crate::limits::Work;
use crate::platform::subject::describe;
use crate::policy::evaluate;
use crate::policy::evaluate::Evaluation;
use crate::policy::rule_pattern::RefusedValue;
use crate::policy::{Decision, Entry};
use crate::report::{Finding, RemedyOption, RuleResult};
use crate::text;

/// A deny entry matches. An audience or a subject that no allow entry lets in fails by itself.
pub(crate) fn denied(
    context: &Context,
    token: &Token,
    entries: &[Entry],
    evaluation: &Evaluation,
    entry: usize,
) -> Vec<Finding> {
    let finding = Finding::new(
        Code::PolicyDenied,
        format!("{} denies, and all its rules match this token.", upper(&entry_name(entry))),
    );
    let Some(source) = entries.get(entry) else { return vec![finding] };
    let at = context.entry_place(entry, source);
    let rules = evaluation.entries.get(entry).map(|result| &result.rules[..]);
    let mut finding = rule_proofs(finding, rules, &at);
    let is_exact = is_only_this(Identity::of(token), source);
    if allows(entries).next().is_none() {
        // Without this entry the policy would still admit nothing.
        finding = finding
            .announce(format!(
                "The policy has no allow entry. If {} was meant to let this login in, change its \
                 decision:",
                entry_name(entry)
            ))
            .command("\"decision\": \"allow\"");
        if is_exact {
            let change = policy_change::entry_key(context, entry, "decision", "deny", "allow");
            finding = finding.option(RemedyOption::when("this job should be let in", change));
        }
        return vec![finding];
    }
    if is_exact {
        finding = finding.option(RemedyOption::when(
            "this job should be let in",
            policy_change::removed(context, entry),
        ));
    } else {
        finding = finding.step(format!(
            "{} keeps other jobs out as well. If this job should be let in, narrow its rules so that \
             they no longer match this token.",
            upper(&entry_name(entry))
        ));
    }
    let closest = evaluation.closest.filter(|closest| {
        entries.get(*closest).is_some_and(|entry| entry.decision == Decision::Allow)
    });
    let others = closest.map(|index| failed_entry(context, token, entries, evaluation, index));
    std::iter::once(finding).chain(others.into_iter().flatten()).collect()
}

/// Whether an entry is about this job alone.
fn is_only_this(identity: Identity, entry: &Entry) -> bool {
    let known = identity.subject().and_then(|subject| describe(identity.issuer, subject));
    let is_own = |pattern: &str| match &known {
        Some(known) => known.is_pattern_of(pattern) || identity.subject() == Some(pattern),
        None => identity.subject() == Some(pattern),
    };
    entry.rules.iter().any(|rule| rule.claim == "sub" && is_own(&rule.pattern))
}

/// What fails in the closest entry: a finding for each rule, and the ways to let the token in with
/// the first of them.
pub(crate) fn failed_entry(
    context: &Context,
    token: &Token,
    entries: &[Entry],
    evaluation: &Evaluation,
    index: usize,
) -> Vec<Finding> {
    let Some((result, source)) = evaluation.entries.get(index).zip(entries.get(index)) else {
        return Vec::new();
    };
    // Of a rule that was not evaluated, nothing is known.
    let failing: Vec<&RuleResult> =
        result.rules.iter().filter(|rule| !rule.matched && rule.limit.is_none()).collect();
    let mut work = Work::new(limits::EXPLANATION);
    let explain = |rule: &&RuleResult| failed_rule(context, token, rule, index, source, &mut work);
    let mut findings: Vec<Finding> = failing.iter().map(explain).collect();
    let ask = &context.request.ask;
    // The request for the token is wrong then, and so is every rule that would be made of it.
    let is_unexpanded = findings.iter().any(|finding| finding.code == Code::ClaimUnexpanded);
    if !is_unexpanded && failing.iter().all(|rule| !rule.undetermined) {
        let rules: Vec<Failing> = failing
            .iter()
            .map(|rule| Failing { claim: &rule.claim, pattern: &rule.pattern })
            .collect();
        let wanted = Wanted { ask, organization: context.request.organization.as_deref() };
        let mut work = Work::new(limits::EXPLANATION);
        let identity = Identity::of(token);
        let (found, refused) = ways(identity, index, source, &rules, &wanted, &mut work);
        remedy(context, token, source, &mut findings, &found, &refused);
    }
    // The rules alone would send people into the next refusal.
    let place = context.entry_place(index, source);
    let admin =
        evaluate::lacks_admin(source, ask).then(|| admin(context, token, index, source, &place));
    findings.into_iter().chain(admin).collect()
}

/// Tells the ways with the finding that comes first, and gives them to the others as data.
fn remedy(
    context: &Context,
    token: &Token,
    closest: &Entry,
    findings: &mut [Finding],
    ways: &[Way],
    refused: &[RefusedValue],
) {
    findings.sort_by_key(|finding| (finding.code.category() != Category::Audience, finding.code));
    let count = findings.len();
    let Some(first) = findings.first_mut() else { return };
    let telling = Telling { context, token, closest: Some(closest), add: &add_here(context) };
    let mut told = telling.with_ways(first.clone(), ways);
    if count > 1 {
        told =
            told.note(format!("{count} rules of this policy fail: the change is for all of them."));
    }
    if ways.is_empty()
        && let Some(value) = refused.first()
    {
        told = told.fix(instead(&token.claims, value).summary);
    }
    told = refused.iter().fold(told, |told, value| no_rule(told, token, value));
    *first = told;
    let (code, options) = (first.code, first.remediation.options.clone());
    for other in findings.iter_mut().skip(1) {
        other.remediation.options.clone_from(&options);
        if !options.is_empty() {
            other.remediation.summary =
                format!("Make the change of {code}: it is for this rule too.");
        }
    }
}

pub(crate) fn admin(
    context: &Context,
    token: &Token,
    index: usize,
    entry: &Entry,
    place: &str,
) -> Finding {
    let granted = &entry.authorized_permissions;
    let finding = Finding::new(
        Code::AdminNotPermitted,
        format!("scope=admin is asked for, and {} does not grant it.", entry_name(index)),
    )
    .proof("asked for", "admin", "requested scope")
    .proof(
        "granted",
        if granted.is_empty() { "(nothing)".to_owned() } else { granted.join(", ") },
        format!("{place}, authorizedPermissions"),
    );
    // Every job of the present entry would get admin.
    let finding = match suggest(&token.claims, &context.request.ask) {
        Ok(own) => {
            let added = policy_change::entry_like(&own, Some(entry));
            let pasted = text::json(&added);
            let change = policy_change::added(context, added);
            finding
                .snippet("If this job needs admin, add an entry for it alone:", &pasted)
                .option(RemedyOption::when("this job needs admin", change))
        }
        Err(_) => finding,
    };
    let scope = context.evidence.login.scope.as_deref();
    finding.step("If it does not, ask for no scope.").option(RemedyOption::when(
        "this job does not need admin",
        change::flag("--scope", scope, None),
    ))
}

pub(crate) fn allows(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| entry.decision == Decision::Allow)
}

fn rule_proofs(finding: Finding, rules: Option<&[RuleResult]>, place: &str) -> Finding {
    rules.unwrap_or_default().iter().fold(finding, |finding, rule| {
        finding.proof(format!("rule {}", rule.claim), &rule.pattern, place).proof(
            format!("token {}", rule.claim),
            rule.actual.as_deref().unwrap_or("(absent)"),
            format!("token claim {}", rule.claim),
        )
    })
}
