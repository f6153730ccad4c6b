//! Check `policy`: does the policy let the token in, and if not, what is the smallest change?

use crate::catalogue::{Category, Code};
use crate::evidence::{CheckId, SkipReason, Token};
use crate::judge::advice::found_backend::policy_not_read;
use crate::judge::advice::policy_change::{ADD, Telling};
use crate::judge::advice::{change, policy_change, requests, unknown_policy};
use crate::judge::compare::rule::{failed_rule, no_rule};
use crate::judge::context::{Context, entry_name};
use crate::judge::finding::{list, upper};
use crate::judge::outcome::Outcome;
use crate::judge::policy::broad;
use crate::judge::policy::job_claims::instead;
use crate::judge::policy::smallest::correction::Identity;
use crate::judge::policy::smallest::ways::{Failing, Wanted, Way, new_entry, ways};
use crate::judge::policy::suggest::suggest;
use crate::limits;
use crate::limits::Work;
use crate::platform::subject::describe;
use crate::policy::evaluate;
use crate::policy::evaluate::Evaluation;
use crate::policy::rule_pattern::RefusedValue;
use crate::policy::{Decision, Entry, Form, TokenType};
use crate::report::{Finding, Limit, RemedyOption, RuleResult};
use crate::text;

pub(crate) fn check(context: &Context) -> Outcome {
    let Some(token) = &context.evidence.token else {
        return Outcome::skip(context.cause(CheckId::Token), "there is no decoded token");
    };
    // Where the document names none either, its entries decide all the same.
    if token.text("iss").is_none() && context.evidence.registration().is_none() {
        return Outcome::skip(CheckId::Token, "the token names no issuer");
    }
    if context.failed(CheckId::Registration) && context.evidence.registration().is_none() {
        return Outcome::skip(
            CheckId::Registration,
            "the issuer has no registration, so no policy either",
        );
    }
    let Some(evaluation) = &context.evaluation else {
        let gap = context.evidence.policy.gap();
        let (because, summary) = policy_not_read(context).unwrap_or_else(|| {
            let summary = || "the policy is not known".to_owned();
            (SkipReason::Policy, gap.map_or_else(summary, unknown_policy::summary))
        });
        return Outcome::skip(because, summary).with(vec![not_known(context, token)]);
    };
    let entries = context.evidence.registration().and_then(|r| r.policies.as_deref());
    let entries = entries.unwrap_or_default();
    if evaluation.decision().is_none() {
        let finding = open_parts(context, entries, not_known(context, token));
        let finding = not_evaluated(context, entries, evaluation, finding);
        let summary =
            format!("what the policy leaves open could decide either way{}", limited(evaluation));
        return Outcome::skip(SkipReason::Policy, summary).with(vec![finding]);
    }
    let mut findings = denial(context, token, entries, evaluation);
    findings.extend(broad::too_broad(context, token, entries));
    findings.extend(broad::surprises(context, entries, evaluation, token));
    let summary = match &evaluation.outcome {
        evaluate::Outcome::Allowed { entry } => format!("{} lets the token in", entry_name(*entry)),
        _ => "the token is not let in".to_owned(),
    };
    Outcome::found(summary + &limited(evaluation), findings)
}

/// Evaluates the policy of the registration that decides on the token. Which of two registrations of
/// the issuer decides is not documented: where they disagree, nothing is decided.
pub(crate) fn evaluation(context: &Context) -> Option<Evaluation> {
    let claims = &context.evidence.token.as_ref()?.claims;
    let decide =
        |registration| evaluate::evaluate_registration(registration, claims, &context.request.ask);
    let deciding = context.evidence.registration()?;
    let mut evaluation = decide(deciding)?;
    let all = context.evidence.registrations().into_iter();
    let others = all.filter(|other| !std::ptr::eq(*other, deciding)).filter_map(decide);
    if others.map(|other| other.decision()).any(|decision| decision != evaluation.decision()) {
        evaluation.outcome = evaluate::Outcome::Undetermined;
    }
    Some(evaluation)
}

fn denial(
    context: &Context,
    token: &Token,
    entries: &[Entry],
    evaluation: &Evaluation,
) -> Vec<Finding> {
    let ask = &context.request.ask;
    let wanted = ask.token_type.name();
    let at = |index: usize| {
        entries.get(index).map_or_else(String::new, |entry| context.entry_place(index, entry))
    };
    let one = |finding: Finding| vec![finding];
    match &evaluation.outcome {
        evaluate::Outcome::Allowed { .. } | evaluate::Outcome::Undetermined => Vec::new(),
        evaluate::Outcome::NoAllowEntry => {
            let finding = Finding::new(
                Code::PolicyDefaultDeny,
                format!("The policy has no allow entry ({} in all).", count(entries.len())),
            );
            let (ways, refused) = first_entry(context, token);
            let finding = match refused.first() {
                Some(value) if ways.is_empty() => {
                    finding.fix(instead(&token.claims, value).summary)
                }
                _ => finding,
            };
            let finding = refused.iter().fold(finding, |told, value| no_rule(told, token, value));
            let telling = Telling { context, token, closest: None, add: ADD };
            one(telling.with_ways(finding, &ways))
        }
        evaluate::Outcome::Denied { entry } => denied(context, token, entries, evaluation, *entry),
        evaluate::Outcome::TokenType => {
            let mut types: Vec<String> = Vec::new();
            for entry in allows(entries) {
                let name = entry.token_type.name().to_owned();
                if !types.contains(&name) {
                    types.push(name);
                }
            }
            let named = list(&types);
            let finding = Finding::new(
                Code::TokenTypeNotAllowed,
                format!(
                    "The login asks for a token of type {wanted}; the allow entries are for {named}."
                ),
            )
            .proof("asked for", wanted, "token type")
            .proof("allowed", named, "policy entries tokenType");
            one(requests::other_type(finding, context, token, entries))
        }
        evaluate::Outcome::Team => {
            let finding = not_for(
                Code::TeamNotAllowed,
                "team",
                ask.team.as_deref(),
                entries,
                |e| (e.token_type == TokenType::Team).then_some(e.team_name.as_deref()),
            )
            .step(
                "One of Pulumi's guides says that the team's slug is meant, the API says its name.",
            );
            one(requests::other_name(finding, context, token, entries))
        }
        evaluate::Outcome::User => {
            let finding =
                not_for(Code::UserNotAllowed, "user", ask.user.as_deref(), entries, |e| {
                    (e.token_type == TokenType::Personal).then_some(e.user_login.as_deref())
                });
            one(requests::other_name(finding, context, token, entries))
        }
        evaluate::Outcome::Runner => {
            let runner = ask.runner.as_deref();
            let finding = not_for(Code::RunnerNotAllowed, "runner", runner, entries, |e| {
                (e.token_type == TokenType::Runner).then_some(e.runner_id.as_deref())
            })
            .step(
                "Whether scope runner:X names a runner or its id is not documented; the entry's \
             runnerID was compared.",
            );
            one(requests::other_name(finding, context, token, entries))
        }
        evaluate::Outcome::Admin { entry } => {
            let lacking = entries.get(*entry);
            lacking.map(|e| admin(context, token, *entry, e, &at(*entry))).into_iter().collect()
        }
        evaluate::Outcome::Rules { entry } => {
            failed_entry(context, token, entries, evaluation, *entry)
        }
    }
}

/// A deny entry matches. An audience or a subject that no allow entry lets in fails by itself.
fn denied(
    context: &Context,
    token: &Token,
    entries: &[Entry],
    evaluation: &Evaluation,
    entry: usize,
) -> Vec<Finding> {
    let finding = Finding::new(
        Code::PolicyDenied,
        format!("{} denies, and all its rules match this token.", entry_name(entry)),
    );
    let Some(source) = entries.get(entry) else { return vec![finding] };
    let at = context.entry_place(entry, source);
    let rules = evaluation.entries.get(entry).map(|result| &result.rules[..]);
    let mut finding = rule_proofs(finding, rules, &at);
    let is_exact = is_only_this(Identity::of(token), source);
    if allows(entries).next().is_none() {
        // Without this entry the policy would still let nobody in.
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
            "{} keeps other jobs out as well: narrow its rules, so that they no longer match this \
             token, if this job should be let in.",
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
fn failed_entry(
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
    let telling = Telling { context, token, closest: Some(closest), add: ADD };
    let mut told = telling.with_ways(first.clone(), ways);
    if count > 1 {
        told =
            told.step(format!("{count} rules of this entry fail: the change is for all of them."));
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

fn admin(context: &Context, token: &Token, index: usize, entry: &Entry, place: &str) -> Finding {
    let granted = &entry.authorized_permissions;
    let finding = Finding::new(
        Code::AdminNotPermitted,
        format!("scope=admin is asked for, and {} does not grant it.", entry_name(index)),
    )
    .proof("asked for", "admin", "requested scope")
    .proof(
        "granted",
        if granted.is_empty() { "(nothing)".to_owned() } else { granted.join(", ") },
        format!("{place} authorizedPermissions"),
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

fn allows(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| entry.decision == Decision::Allow)
}

fn count(entries: usize) -> String {
    match entries {
        1 => "1 entry".to_owned(),
        n => format!("{n} entries"),
    }
}

fn not_for<'a>(
    code: Code,
    what: &str,
    asked: Option<&str>,
    entries: &'a [Entry],
    field: impl Fn(&'a Entry) -> Option<Option<&'a str>>,
) -> Finding {
    let asked = asked.unwrap_or("(none)");
    let named = |name: Option<&str>| {
        text::clip(name.unwrap_or("(none named: this entry never matches)"), SHOWN)
    };
    let mut names = allows(entries).filter_map(field);
    let mut allowed: Vec<String> = names.by_ref().take(MOST_NAMED).map(named).collect();
    match names.count() {
        0 => {}
        more => allowed.push(format!("{more} more")),
    }
    let names = list(&allowed);
    let detail = format!("The login asks for the {what} {asked}; the entries are for {names}.");
    Finding::new(code, detail).proof("asked for", asked, what).proof(
        "allowed",
        allowed.join(", "),
        format!("policy entries, {what}"),
    )
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

// -------------------------------------------------------------------------- unknown policy

/// The expressions that the decision hangs on.
fn open_parts(context: &Context, entries: &[Entry], finding: Finding) -> Finding {
    let rules = entries.iter().enumerate().flat_map(|(index, entry)| {
        let open = entry.rules.iter().filter(|rule| rule.undetermined);
        open.map(move |rule| {
            (&rule.pattern, rule.place.line, format!("{}.rules.{}", entry_name(index), rule.claim))
        })
    });
    let form = context.evidence.policy.document().map(|document| document.form);
    let is_program = form == Some(Form::Program);
    let whole = context.evidence.registration().into_iter().flat_map(|r| &r.unresolved);
    let whole = whole.map(|open| (&open.expression, open.place.line, "a policy entry".to_owned()));
    let mut open = rules.chain(whole).peekable();
    if open.peek().is_none() {
        return finding;
    }
    open.fold(finding, |finding, (expression, line, what)| {
        finding.proof("not resolved", expression, context.policy_place(line, &what))
    })
    .fix(format!(
        "The document does not tell what these expressions stand for. Write the values out, or \
             pass what Pulumi Cloud has: {}a saved answer of its API.",
        if is_program { "pulumi stack export, or " } else { "" }
    ))
}

/// How many teams, users or runners are named that entries are for.
const MOST_NAMED: usize = 50;

/// How many rules that were not evaluated are listed.
const LISTED: usize = 10;
/// How much of their patterns is shown, in characters.
const SHOWN: usize = 200;

/// The rules that were not evaluated because of a limit, and why.
fn not_evaluated(
    context: &Context,
    entries: &[Entry],
    evaluation: &Evaluation,
    finding: Finding,
) -> Finding {
    if evaluation.limited == 0 {
        return finding;
    }
    let results = entries.iter().zip(&evaluation.entries);
    let rules = results.flat_map(|(entry, result)| {
        let rules = entry.rules.iter().zip(&result.rules);
        rules.filter_map(move |(rule, outcome)| {
            let place =
                format!("{}.rules.{}", entry_name(result.index), text::clip(&rule.claim, SHOWN));
            Some((rule, outcome.limit?, place))
        })
    });
    let finding = rules.take(LISTED).fold(finding, |finding, (rule, limit, place)| {
        let what = match limit {
            Limit::Length => "too long",
            Limit::Work => "not evaluated",
        };
        let place = context.policy_place(rule.place.line, &place);
        finding.proof(what, text::clip(&rule.pattern, SHOWN), place)
    });
    let detail = format!("{}{}.", finding.detail.trim_end_matches('.'), limited(evaluation));
    Finding { detail, ..finding }
        .fix("Shorten the policy: fewer rules, shorter patterns, fewer wildcards.")
}

/// The end of a sentence that says how many rules were not evaluated; empty where all were.
fn limited(evaluation: &Evaluation) -> String {
    let count = match evaluation.limited {
        0 => return String::new(),
        1 => "1 rule was".to_owned(),
        more => format!("{more} rules were"),
    };
    format!(
        "; {count} not evaluated, because of the limits on the length of a pattern ({} bytes) and \
         on the work for a policy",
        limits::PATTERN
    )
}

fn not_known(context: &Context, token: &Token) -> Finding {
    let finding = Finding::new(
        Code::PolicyUnknown,
        "Without the policy, only an exchange tells whether the token is let in.",
    );
    let finding = unknown_policy::explain(context, finding);
    let summary = finding.remediation.summary.clone();
    let (ways, refused) = first_entry(context, token);
    let finding = refused.iter().fold(finding, |told, value| no_rule(told, token, value));
    let telling = Telling {
        context,
        token,
        closest: None,
        add: "for this token the issuer's policy has to hold an entry like this one, and no deny entry \
              that matches:",
    };
    let unknown = |way: Way| Way { intent: "the policy has no such entry yet".to_owned(), ..way };
    // Nothing says that the policy does not hold it already.
    let mut finding =
        telling.with_ways(finding, &ways.into_iter().map(unknown).collect::<Vec<_>>());
    finding.remediation.summary = summary;
    for option in &mut finding.remediation.options {
        option.when = Some("the policy has no such entry yet".to_owned());
    }
    finding
}

/// The ways to let this token in by an entry of its own; or why no such entry can be written.
fn first_entry(context: &Context, token: &Token) -> (Vec<Way>, Vec<RefusedValue>) {
    let wanted =
        Wanted { ask: &context.request.ask, organization: context.request.organization.as_deref() };
    new_entry(Identity::of(token), &wanted)
}
