//! Check `policy`: does the policy let the token in, and if not, what is the smallest change?

mod failing;

use self::failing::{admin_not_permitted, allow_entries, failed_entry, matching_deny_findings};
use crate::catalogue::Code;
use crate::evidence::{CheckId, SkipReason, Token};
use crate::judge::advice::policy_change::{WayWriter, add_entry_lead};
use crate::judge::advice::project_backend::policy_not_read;
use crate::judge::advice::{token_request, unknown_policy};
use crate::judge::compare::rule::add_refused_value;
use crate::judge::context::{Context, entry_name};
use crate::judge::finding::list;
use crate::judge::outcome::CheckOutcome;
use crate::judge::policy::broad;
use crate::judge::policy::job_claims::alternative_to;
use crate::judge::policy::smallest_change::correction::TokenIdentity;
use crate::judge::policy::smallest_change::ways::{RequestedLogin, Way, new_entry};
use crate::limits;
use crate::policy::evaluate;
use crate::policy::evaluate::Evaluation;
use crate::policy::rule_pattern::RefusedValue;
use crate::policy::{Entry, Form, TokenType};
use crate::report::{Finding, Limit};
use crate::text;

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let Some(token) = &context.evidence.token else {
        return CheckOutcome::skip(context.blocked_by(CheckId::Token), "there is no decoded token");
    };
    // The entries of a document without an issuer still decide.
    if token.text("iss").is_none() && context.evidence.registration().is_none() {
        return CheckOutcome::skip(CheckId::Token, "the token names no issuer");
    }
    if context.failed(CheckId::Registration) && context.evidence.registration().is_none() {
        return CheckOutcome::skip(
            CheckId::Registration,
            "the issuer has no registration, so no policy either",
        );
    }
    let Some(evaluation) = &context.evaluation else {
        let gap = context.evidence.policy.read_failure();
        let (because, summary) = policy_not_read(context).unwrap_or_else(|| {
            let summary = || "the policy is not known".to_owned();
            (SkipReason::Policy, gap.map_or_else(summary, unknown_policy::summary))
        });
        return CheckOutcome::skip(because, summary)
            .with_findings(vec![policy_unknown(context, token)]);
    };
    let entries = context.evidence.registration().and_then(|r| r.policies.as_deref());
    let entries = entries.unwrap_or_default();
    if evaluation.decision().is_none() {
        let finding = add_unresolved_expressions(context, entries, policy_unknown(context, token));
        let finding = add_unevaluated_rules(context, entries, evaluation, finding);
        let summary = format!(
            "what the policy leaves open could decide either way{}",
            limit_suffix(evaluation)
        );
        return CheckOutcome::skip(SkipReason::Policy, summary).with_findings(vec![finding]);
    }
    let mut findings = denial_findings(context, token, entries, evaluation);
    findings.extend(broad::too_broad(context, token, entries));
    findings.extend(broad::surprising_patterns(context, entries, evaluation, token));
    let summary = match &evaluation.outcome {
        evaluate::PolicyOutcome::Allowed { entry } => {
            format!("{} lets the token in", entry_name(*entry))
        }
        _ => "does not let the token in".to_owned(),
    };
    CheckOutcome::found(summary + &limit_suffix(evaluation), findings)
}

/// Evaluates the policy of the token's issuer. Undetermined if several registrations of the issuer
/// disagree: which of them decides is not documented.
pub(crate) fn evaluation(context: &Context) -> Option<Evaluation> {
    let claims = &context.evidence.token.as_ref()?.claims;
    let decide =
        |registration| evaluate::evaluate_registration(registration, claims, &context.request.ask);
    let deciding = context.evidence.registration()?;
    let mut evaluation = decide(deciding)?;
    let all = context.evidence.registrations().into_iter();
    let others = all.filter(|other| !std::ptr::eq(*other, deciding)).filter_map(decide);
    if others.map(|other| other.decision()).any(|decision| decision != evaluation.decision()) {
        evaluation.outcome = evaluate::PolicyOutcome::Undetermined;
    }
    Some(evaluation)
}

fn denial_findings(
    context: &Context,
    token: &Token,
    entries: &[Entry],
    evaluation: &Evaluation,
) -> Vec<Finding> {
    let ask = &context.request.ask;
    match &evaluation.outcome {
        evaluate::PolicyOutcome::Allowed { .. } | evaluate::PolicyOutcome::Undetermined => {
            Vec::new()
        }
        evaluate::PolicyOutcome::NoAllowEntry => vec![no_allow_entry(context, token, entries)],
        evaluate::PolicyOutcome::Denied { entry } => {
            matching_deny_findings(context, token, entries, evaluation, *entry)
        }
        evaluate::PolicyOutcome::TokenType => {
            let finding = token_type_not_allowed(ask.token_type.name(), entries);
            vec![token_request::offer_other_type(finding, context, token, entries)]
        }
        evaluate::PolicyOutcome::Team => {
            let finding = name_not_allowed(
                Code::TeamNotAllowed,
                "team",
                ask.team.as_deref(),
                entries,
                |e| (e.token_type == TokenType::Team).then_some(e.team_name.as_deref()),
            )
            .step(
                "One of Pulumi's guides says that the team's slug is meant, the API says its name.",
            );
            vec![token_request::offer_other_name(finding, context, token, entries)]
        }
        evaluate::PolicyOutcome::User => {
            let finding =
                name_not_allowed(Code::UserNotAllowed, "user", ask.user.as_deref(), entries, |e| {
                    (e.token_type == TokenType::Personal).then_some(e.user_login.as_deref())
                });
            vec![token_request::offer_other_name(finding, context, token, entries)]
        }
        evaluate::PolicyOutcome::Runner => {
            let runner = ask.runner.as_deref();
            let finding = name_not_allowed(
                Code::RunnerNotAllowed,
                "runner",
                runner,
                entries,
                |e| (e.token_type == TokenType::Runner).then_some(e.runner_id.as_deref()),
            )
            .step(
                "Whether scope runner:X names a runner or its id is not documented; the entry's \
             runnerID was compared.",
            );
            vec![token_request::offer_other_name(finding, context, token, entries)]
        }
        evaluate::PolicyOutcome::Admin { entry } => {
            let lacking = entries.get(*entry);
            lacking.map(|e| admin_not_permitted(context, token, *entry, e)).into_iter().collect()
        }
        evaluate::PolicyOutcome::Rules { entry } => {
            failed_entry(context, token, entries, evaluation, *entry)
        }
    }
}

fn no_allow_entry(context: &Context, token: &Token, entries: &[Entry]) -> Finding {
    let finding = Finding::new(
        Code::PolicyDefaultDeny,
        format!("The policy has no allow entry ({} in all).", count(entries.len())),
    );
    let (ways, refused) = entry_for_token(context, token);
    let finding = match refused.first() {
        Some(value) if ways.is_empty() => finding.fix(alternative_to(&token.claims, value).summary),
        _ => finding,
    };
    let finding =
        refused.iter().fold(finding, |finding, value| add_refused_value(finding, token, value));
    let writer = WayWriter { context, token, closest: None, add: &add_entry_lead(context) };
    writer.add_ways(finding, &ways)
}

fn token_type_not_allowed(requested: &str, entries: &[Entry]) -> Finding {
    let mut types: Vec<String> = Vec::new();
    for entry in allow_entries(entries) {
        let name = entry.token_type.name().to_owned();
        if !types.contains(&name) {
            types.push(name);
        }
    }
    let allowed = list(&types);
    Finding::new(
        Code::TokenTypeNotAllowed,
        format!(
            "The login asks for a token of type {requested}; the allow entries are for {allowed}."
        ),
    )
    .proof("asked for", requested, "token type")
    .proof("allowed", allowed, "policy entries tokenType")
}

fn count(entries: usize) -> String {
    match entries {
        1 => "1 entry".to_owned(),
        n => format!("{n} entries"),
    }
}

fn name_not_allowed<'a>(
    code: Code,
    what: &str,
    asked: Option<&str>,
    entries: &'a [Entry],
    field: impl Fn(&'a Entry) -> Option<Option<&'a str>>,
) -> Finding {
    let asked = asked.unwrap_or("(none)");
    let named = |name: Option<&str>| {
        text::clip(name.unwrap_or("(none named: this entry never matches)"), MAX_PATTERN_CHARS)
    };
    let mut names = allow_entries(entries).filter_map(field);
    let mut allowed: Vec<String> = names.by_ref().take(MAX_NAMES).map(named).collect();
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

// -------------------------------------------------------------------------- unknown policy

/// Adds the unresolved expressions on which the decision depends.
fn add_unresolved_expressions(context: &Context, entries: &[Entry], finding: Finding) -> Finding {
    let rules = entries.iter().enumerate().flat_map(|(index, entry)| {
        let unresolved = entry.rules.iter().filter(|rule| rule.undetermined);
        unresolved.map(move |rule| {
            (&rule.pattern, context.rule_place(rule.place.line, index, &rule.claim))
        })
    });
    let form = context.evidence.policy.document().map(|document| document.form);
    let is_program = form == Some(Form::Program);
    let entries = context.evidence.registration().into_iter().flat_map(|r| &r.unresolved);
    let entries = entries
        .map(|entry| (&entry.expression, context.policy_place(entry.place.line, "a policy entry")));
    let mut unresolved = rules.chain(entries).peekable();
    if unresolved.peek().is_none() {
        return finding;
    }
    unresolved
        .fold(finding, |finding, (expression, place)| {
            finding.proof("not resolved", expression, place)
        })
        .fix(format!(
            "The document does not tell what these expressions stand for. Write the values out, or \
             pass what Pulumi Cloud has: {}a saved answer of its API.",
            if is_program { "pulumi stack export, or " } else { "" }
        ))
}

/// At most so many teams, users or runners are listed.
const MAX_NAMES: usize = 50;

/// At most so many unevaluated rules are listed.
const MAX_RULES: usize = 10;
/// Longer patterns and names are clipped, in characters.
const MAX_PATTERN_CHARS: usize = 200;

/// Adds the rules that were not evaluated because of a limit.
fn add_unevaluated_rules(
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
        rules.filter_map(move |(rule, outcome)| Some((rule, outcome.limit?, result.index)))
    });
    let finding = rules.take(MAX_RULES).fold(finding, |finding, (rule, limit, index)| {
        let what = match limit {
            Limit::Length => "too long",
            Limit::Work => "not evaluated",
        };
        let place =
            context.rule_place(rule.place.line, index, &text::clip(&rule.claim, MAX_PATTERN_CHARS));
        finding.proof(what, text::clip(&rule.pattern, MAX_PATTERN_CHARS), place)
    });
    let detail = format!("{}{}.", finding.detail.trim_end_matches('.'), limit_suffix(evaluation));
    Finding { detail, ..finding }
        .fix("Shorten the policy: fewer rules, shorter patterns, fewer wildcards.")
}

/// The end of a sentence with the number of unevaluated rules. Empty if all were evaluated.
fn limit_suffix(evaluation: &Evaluation) -> String {
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

fn policy_unknown(context: &Context, token: &Token) -> Finding {
    let finding = Finding::new(
        Code::PolicyUnknown,
        "Without the policy, only an exchange tells whether the token is let in.",
    );
    let finding = unknown_policy::add_reason(context, finding);
    let summary = finding.remediation.summary.clone();
    let (ways, refused) = entry_for_token(context, token);
    let finding =
        refused.iter().fold(finding, |finding, value| add_refused_value(finding, token, value));
    let writer = WayWriter {
        context,
        token,
        closest: None,
        add: "for this token the issuer's policy has to hold an entry like this one, and no deny entry \
              that matches:",
    };
    // The policy may already contain the entry.
    let if_absent = |way: Way| Way { intent: "the policy has no such entry yet".to_owned(), ..way };
    let mut finding =
        writer.add_ways(finding, &ways.into_iter().map(if_absent).collect::<Vec<_>>());
    finding.remediation.summary = summary;
    for option in &mut finding.remediation.options {
        option.when = Some("the policy has no such entry yet".to_owned());
    }
    finding
}

/// The ways to let this token in with an entry of its own, and the values that cannot be rules.
fn entry_for_token(context: &Context, token: &Token) -> (Vec<Way>, Vec<RefusedValue>) {
    let login = RequestedLogin {
        ask: &context.request.ask,
        organization: context.request.organization.as_deref(),
    };
    new_entry(TokenIdentity::of(token), &login)
}
