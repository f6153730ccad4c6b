//! Check `policy`: does the policy let the token in, and if not, what is the smallest change?

mod failing;

use self::failing::{admin, allows, denied, failed_entry};
use crate::catalogue::Code;
use crate::evidence::{CheckId, SkipReason, Token};
use crate::judge::advice::found_backend::policy_not_read;
use crate::judge::advice::policy_change::{Telling, add_here};
use crate::judge::advice::{requests, unknown_policy};
use crate::judge::compare::rule::no_rule;
use crate::judge::context::{Context, entry_name};
use crate::judge::finding::list;
use crate::judge::outcome::Outcome;
use crate::judge::policy::broad;
use crate::judge::policy::job_claims::instead;
use crate::judge::policy::smallest::correction::Identity;
use crate::judge::policy::smallest::ways::{Wanted, Way, new_entry};
use crate::limits;
use crate::policy::evaluate;
use crate::policy::evaluate::Evaluation;
use crate::policy::rule_pattern::RefusedValue;
use crate::policy::{Entry, Form, TokenType};
use crate::report::{Finding, Limit};
use crate::text;

pub(crate) fn check(context: &Context) -> Outcome {
    let Some(token) = &context.evidence.token else {
        return Outcome::skip(context.cause(CheckId::Token), "there is no decoded token");
    };
    // If the document names no issuer either, its entries still decide.
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
        _ => "does not let the token in".to_owned(),
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
            let telling = Telling { context, token, closest: None, add: &add_here(context) };
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

// -------------------------------------------------------------------------- unknown policy

/// The expressions that the decision depends on.
fn open_parts(context: &Context, entries: &[Entry], finding: Finding) -> Finding {
    let rules = entries.iter().enumerate().flat_map(|(index, entry)| {
        let open = entry.rules.iter().filter(|rule| rule.undetermined);
        open.map(move |rule| {
            (&rule.pattern, context.rule_place(rule.place.line, index, &rule.claim))
        })
    });
    let form = context.evidence.policy.document().map(|document| document.form);
    let is_program = form == Some(Form::Program);
    let whole = context.evidence.registration().into_iter().flat_map(|r| &r.unresolved);
    let whole = whole
        .map(|open| (&open.expression, context.policy_place(open.place.line, "a policy entry")));
    let mut open = rules.chain(whole).peekable();
    if open.peek().is_none() {
        return finding;
    }
    open.fold(finding, |finding, (expression, place)| {
        finding.proof("not resolved", expression, place)
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
        rules.filter_map(move |(rule, outcome)| Some((rule, outcome.limit?, result.index)))
    });
    let finding = rules.take(LISTED).fold(finding, |finding, (rule, limit, index)| {
        let what = match limit {
            Limit::Length => "too long",
            Limit::Work => "not evaluated",
        };
        let place = context.rule_place(rule.place.line, index, &text::clip(&rule.claim, SHOWN));
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
