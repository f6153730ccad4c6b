//! Entries that keep the token out: a deny entry that matches, or the closest allow entry that
//! fails.

use crate::catalogue::{Category, Code};
use crate::evidence::Token;
use crate::judge::advice::policy_change::{WayWriter, add_entry_lead};
use crate::judge::advice::{change, policy_change};
use crate::judge::compare::rule::{add_refused_value, failed_rule};
use crate::judge::context::{Context, entry_name};
use crate::judge::finding::capitalize;
use crate::judge::policy::job_claims::alternative_to;
use crate::judge::policy::smallest_change::correction::TokenIdentity;
use crate::judge::policy::smallest_change::ways::{FailingRule, RequestedLogin, Way, ways};
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

/// A deny entry matches. Also reports the closest allow entry, if that would fail without the
/// denial.
pub(crate) fn matching_deny_findings(
    context: &Context,
    token: &Token,
    entries: &[Entry],
    evaluation: &Evaluation,
    index: usize,
) -> Vec<Finding> {
    let finding = Finding::new(
        Code::PolicyDenied,
        format!("{} denies, and all its rules match this token.", capitalize(&entry_name(index))),
    );
    let Some(entry) = entries.get(index) else { return vec![finding] };
    let place = context.entry_place(index, entry);
    let rules = evaluation.entries.get(index).map(|result| &result.rules[..]);
    let mut finding = add_rules(finding, rules, &place);
    let is_exact = is_only_this_job(TokenIdentity::of(token), entry);
    if allow_entries(entries).next().is_none() {
        // Removing this entry would not help: the policy has no allow entry.
        finding = finding
            .announce(format!(
                "The policy has no allow entry. If {} was meant to let this login in, change its \
                 decision:",
                entry_name(index)
            ))
            .command("\"decision\": \"allow\"");
        if is_exact {
            let change =
                policy_change::change_entry_key(context, index, "decision", "deny", "allow");
            finding = finding.option(RemedyOption::when("this job should be let in", change));
        }
        return vec![finding];
    }
    if is_exact {
        finding = finding.option(RemedyOption::when(
            "this job should be let in",
            policy_change::remove_entry(context, index),
        ));
    } else {
        finding = finding.step(format!(
            "{} keeps other jobs out as well. If this job should be let in, narrow its rules so that \
             they no longer match this token.",
            capitalize(&entry_name(index))
        ));
    }
    let closest = evaluation.closest.filter(|closest| {
        entries.get(*closest).is_some_and(|entry| entry.decision == Decision::Allow)
    });
    let failing = closest.map(|index| failed_entry(context, token, entries, evaluation, index));
    std::iter::once(finding).chain(failing.into_iter().flatten()).collect()
}

/// Whether an entry matches no other job than this one.
fn is_only_this_job(identity: TokenIdentity, entry: &Entry) -> bool {
    let known = identity.subject().and_then(|subject| describe(identity.issuer, subject));
    let is_own = |pattern: &str| match &known {
        Some(known) => known.is_pattern_of(pattern) || identity.subject() == Some(pattern),
        None => identity.subject() == Some(pattern),
    };
    entry.rules.iter().any(|rule| rule.claim == "sub" && is_own(&rule.pattern))
}

/// One finding for each failing rule of an entry. The first one has the ways to let the token in.
pub(crate) fn failed_entry(
    context: &Context,
    token: &Token,
    entries: &[Entry],
    evaluation: &Evaluation,
    index: usize,
) -> Vec<Finding> {
    let Some((result, entry)) = evaluation.entries.get(index).zip(entries.get(index)) else {
        return Vec::new();
    };
    // Rules that were not evaluated because of a limit are not known to fail.
    let failing: Vec<&RuleResult> =
        result.rules.iter().filter(|rule| !rule.matched && rule.limit.is_none()).collect();
    let mut work = Work::new(limits::EXPLANATION);
    let explain = |rule: &&RuleResult| failed_rule(context, token, rule, index, entry, &mut work);
    let mut findings: Vec<Finding> = failing.iter().map(explain).collect();
    let ask = &context.request.ask;
    // An unexpanded variable in a claim makes every rule for it wrong.
    let is_unexpanded = findings.iter().any(|finding| finding.code == Code::ClaimUnexpanded);
    if !is_unexpanded && failing.iter().all(|rule| !rule.undetermined) {
        let rules: Vec<FailingRule> = failing
            .iter()
            .map(|rule| FailingRule { claim: &rule.claim, pattern: &rule.pattern })
            .collect();
        let login = RequestedLogin { ask, organization: context.request.organization.as_deref() };
        let mut work = Work::new(limits::EXPLANATION);
        let identity = TokenIdentity::of(token);
        let (found, refused) = ways(identity, index, entry, &rules, &login, &mut work);
        explain_ways(context, token, entry, &mut findings, &found, &refused);
    }
    // Otherwise the next login would fail on the permission.
    let admin = evaluate::lacks_admin(entry, ask)
        .then(|| admin_not_permitted(context, token, index, entry));
    findings.into_iter().chain(admin).collect()
}

/// Explains the ways in the first finding, and adds them to the others as data.
fn explain_ways(
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
    let writer =
        WayWriter { context, token, closest: Some(closest), add: &add_entry_lead(context) };
    let mut explained = writer.add_ways(first.clone(), ways);
    if count > 1 {
        let note = format!("{count} rules of this policy fail: the change is for all of them.");
        explained = explained.note(note);
    }
    if ways.is_empty()
        && let Some(value) = refused.first()
    {
        explained = explained.fix(alternative_to(&token.claims, value).summary);
    }
    *first =
        refused.iter().fold(explained, |finding, value| add_refused_value(finding, token, value));
    let (code, options) = (first.code, first.remediation.options.clone());
    for other in findings.iter_mut().skip(1) {
        other.remediation.options.clone_from(&options);
        if !options.is_empty() {
            other.remediation.summary =
                format!("Make the change of {code}: it is for this rule too.");
        }
    }
}

pub(crate) fn admin_not_permitted(
    context: &Context,
    token: &Token,
    index: usize,
    entry: &Entry,
) -> Finding {
    let place = context.entry_place(index, entry);
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
    // Adding admin to the existing entry would grant it to all its jobs.
    let finding = match suggest(&token.claims, &context.request.ask) {
        Ok(own) => {
            let added = policy_change::entry_like(&own, Some(entry));
            let pasted = text::json(&added);
            let change = policy_change::add_entry(context, added);
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

pub(crate) fn allow_entries(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| entry.decision == Decision::Allow)
}

fn add_rules(finding: Finding, rules: Option<&[RuleResult]>, place: &str) -> Finding {
    rules.unwrap_or_default().iter().fold(finding, |finding, rule| {
        finding.proof(format!("rule {}", rule.claim), &rule.pattern, place).proof(
            format!("token {}", rule.claim),
            rule.actual.as_deref().unwrap_or("(absent)"),
            format!("token claim {}", rule.claim),
        )
    })
}
