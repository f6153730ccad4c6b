//! Explains why a rule does not match the token.

use serde_json::Value;

use super::subject;
use crate::catalogue::Code;
use crate::evidence::Token;
use crate::evidence::url_faults::find_unexpanded;
use crate::judge::advice::change;
use crate::judge::context::Context;
use crate::judge::policy::job_claims::alternative_to;
use crate::judge::policy::smallest_change::correction::TokenIdentity;
use crate::judge::policy::smallest_change::unmatchable::MASK;
use crate::limits::Work;
use crate::platform::azure::entra::EntraSubject;
use crate::platform::azure::{AUDIENCE as AZURE_AUDIENCE, AUDIENCE_ID as AZURE_AUDIENCE_ID};
use crate::platform::{default_audience, when_claim_appears};
use crate::policy::evaluate::value_text;
use crate::policy::rule_pattern::{RefusedValue, RulePattern};
use crate::policy::{Entry, claim_path, pattern};
use crate::pulumi::urn;
use crate::report::{Finding, RemedyOption, RuleResult};
use crate::text;

/// The explanation of a rule that contains a log's mask of a secret.
const MASKED: &str = "The rule holds ***, which a log shows in the place of a secret: it was copied from \
                      a masked log. In a rule it matches anything. Write the value itself.";

/// An explanation compares the pattern with the claim at most so often.
const COMPARISONS: usize = 16;

/// The finding for a failing rule of the closest entry, without a remedy. Without an explanation if
/// the work budget is used up.
pub(crate) fn failed_rule(
    context: &Context,
    token: &Token,
    rule: &RuleResult,
    index: usize,
    entry: &Entry,
    work: &mut Work,
) -> Finding {
    let line = entry.rules.iter().find(|r| r.claim == rule.claim).map_or(0, |r| r.place.line);
    let place = context.rule_place(line, index, &rule.claim);
    let Some(actual) = &rule.actual else { return claim_absent(token, rule, &place, work) };
    let has_budget = work.take(COMPARISONS * (rule.pattern.len() + 1) * (actual.len() / 64 + 1));
    if has_budget && let Some(variable) = variable_in(actual) {
        return claim_unexpanded(rule, actual, variable, &place);
    }
    let code = match rule.claim.as_str() {
        "aud" => Code::AudienceMismatch,
        "sub" => Code::SubjectMismatch,
        _ => Code::ClaimMismatch,
    };
    let mut explanations = match code {
        _ if !has_budget => Vec::new(),
        Code::AudienceMismatch => explain_audience(&rule.pattern, token),
        Code::SubjectMismatch => {
            subject::explain(token.text("iss").unwrap_or_default(), &rule.pattern, actual)
        }
        _ => Vec::new(),
    };
    if explanations.is_empty() && has_budget {
        explanations = explain_spelling(&rule.pattern, actual);
    }
    if rule.pattern.contains(MASK) {
        explanations.insert(0, MASKED.to_owned());
    }
    let mut explanations = explanations.into_iter();
    let detail = explanations
        .next()
        .unwrap_or_else(|| format!("The rule on {} does not match the token's value.", rule.claim));
    let mut finding = Finding::new(code, detail).proof("expected", &rule.pattern, &place).proof(
        "actual",
        actual,
        format!("token claim {}", rule.claim),
    );
    finding = match has_budget {
        true => add_difference(finding, rule, actual),
        false => finding.with_difference(None),
    };
    if let Some(parts) = EntraSubject::parse(actual).filter(|_| code == Code::SubjectMismatch) {
        finding = add_subject_parts(context, finding, &parts, token);
    }
    finding = explanations.fold(finding, Finding::step);
    finding
}

/// Longer claims are not searched for variables, in bytes: the search takes quadratic time.
const MAX_VARIABLE_CLAIM_BYTES: usize = 256;

/// An unexpanded variable that is a whole part of a claim. Inside a part it may belong to a branch
/// name.
fn variable_in(claim: &str) -> Option<&str> {
    if claim.len() > MAX_VARIABLE_CLAIM_BYTES {
        return None;
    }
    let variable = find_unexpanded(claim)?;
    let (before, after) = claim.split_once(variable)?;
    let is_separator = |c: char| matches!(c, ':' | '/' | '@' | '.' | '-' | ',' | '"');
    let is_part = (before.is_empty() || before.ends_with(is_separator))
        && (after.is_empty() || after.starts_with(is_separator));
    is_part.then_some(variable)
}

/// The rule is right, but the request for the token contained a variable's name.
fn claim_unexpanded(rule: &RuleResult, actual: &str, variable: &str, place: &str) -> Finding {
    let claim = &rule.claim;
    let detail = format!(
        "The token's {claim} holds {variable}: the token was requested with the name of a variable \
         instead of its value."
    );
    let is_literal_audience = claim == "aud" && pattern::is_literal(&rule.pattern);
    let fix = match is_literal_audience {
        true => format!("Request the token for the audience {}.", rule.pattern),
        false => format!("Correct the request for the token, so that {claim} gets a value."),
    };
    let finding = Finding::new(Code::ClaimUnexpanded, detail)
        .proof("expected", &rule.pattern, place)
        .proof("actual", actual, format!("token claim {claim}"))
        .with_difference(None)
        .fix(fix);
    let finding = match is_literal_audience {
        true => finding.option(RemedyOption::only(change::claim(
            claim,
            Some(&actual.into()),
            rule.pattern.clone(),
        ))),
        false => finding,
    };
    finding.step(format!(
        "Check that {variable} has a value where the token is requested, and that this syntax \
             belongs there."
    ))
}

/// Adds the parts of Entra's subject, and compares them with the token's other claims and the
/// pipeline.
fn add_subject_parts(
    context: &Context,
    finding: Finding,
    parts: &EntraSubject,
    token: &Token,
) -> Finding {
    let azure = context.evidence.input.azure.as_ref();
    let is_id = |text: &&str| text.len() == parts.tenant.len();
    let issuer = || token.text("iss")?.strip_prefix("https://")?.split('/').nth(1).filter(is_id);
    let same_values = |name: &str| match name {
        "tenant" => vec![("token claim tid", token.text("tid")), ("token claim iss", issuer())],
        "organization" => {
            vec![("this pipeline's", azure.and_then(|azure| azure.organization.as_deref()))]
        }
        "service connection" => {
            vec![("this task's", azure.and_then(|azure| azure.connection.as_deref()))]
        }
        _ => Vec::new(),
    };
    parts.parts().into_iter().fold(finding, |mut finding, (name, value)| {
        let mut place = "decoded from token claim sub".to_owned();
        for (whose, other) in same_values(name) {
            match other {
                Some(other) if other.eq_ignore_ascii_case(value) => {
                    place.push_str(&format!("; the same as {whose}"));
                }
                Some(other) => {
                    finding = finding.step(format!(
                        "The {name} in sub is {value}, {whose} is {other}: the token is from \
                         elsewhere."
                    ));
                }
                None => {}
            }
        }
        finding.proof(name, value, place)
    })
}

/// Adds the character from which on the claim differs from the pattern, if they begin alike.
fn add_difference(finding: Finding, rule: &RuleResult, actual: &str) -> Finding {
    let same = pattern::divergence(&rule.pattern, actual);
    // A `*` matches to the end of any value, so the end shows nothing.
    if same == 0 || (same == actual.chars().count() && rule.pattern.contains('*')) {
        return finding.with_difference(None);
    }
    let head: String = actual.chars().take(same).collect();
    let tail: String = actual.chars().skip(same).collect();
    let place = format!("token claim {}, from character {}", rule.claim, same + 1);
    let tail = if tail.is_empty() { "(the token's value ends here)".to_owned() } else { tail };
    finding.with_difference(Some(same)).comparison("same up to", head, place.clone()).comparison(
        "differs from",
        tail,
        place,
    )
}

/// A rule to paste into a JSON or YAML policy.
pub(crate) fn rule_snippet(claim: &str, pattern: &RulePattern) -> String {
    format!("{}: {}", text::json_string(claim), text::json_string(pattern.as_str()))
}

/// Adds why a value of the token cannot be a rule, and which claims identify the job instead.
pub(crate) fn add_refused_value(
    finding: Finding,
    token: &Token,
    refused: &RefusedValue,
) -> Finding {
    finding.step(refused.to_string()).step(alternative_to(&token.claims, refused).claims)
}

/// One sentence for each part of the subject that varies and is a wildcard in the pattern.
pub(crate) fn notes_on_varying_parts(token: &Token) -> Vec<String> {
    let described = token.text("sub").and_then(|sub| {
        crate::platform::subject::describe(token.text("iss").unwrap_or_default(), sub)
    });
    described.map_or_else(Vec::new, |known| known.open_parts().collect())
}

fn explain_spelling(rule: &str, actual: &str) -> Vec<String> {
    let mut explanations = Vec::new();
    if pattern::matches(&rule.to_lowercase(), &actual.to_lowercase()) {
        explanations.push(
            "Rule and token differ in upper and lower case only; matching is case-sensitive."
                .to_owned(),
        );
    } else if pattern::matches(rule.trim(), actual.trim()) {
        explanations
            .push("Rule and token differ in white space at the beginning or end only.".to_owned());
    } else if rule.trim_end_matches('/') == actual.trim_end_matches('/') {
        explanations.push("Rule and token differ in the slash at the end only.".to_owned());
    }
    explanations
}

fn explain_audience(rule: &str, token: &Token) -> Vec<String> {
    let audiences = token.audiences();
    let has = |value: &str| audiences.contains(&value);
    if rule.eq_ignore_ascii_case(AZURE_AUDIENCE) && has(AZURE_AUDIENCE_ID) {
        return vec![
            "Rule and token name the same audience, spelled two ways: the rule has the name of the \
             Azure application, and Entra tokens always carry its id."
                .to_owned(),
        ];
    }
    if rule == AZURE_AUDIENCE_ID && has(AZURE_AUDIENCE) {
        return vec![
            "Rule and token name the same audience, spelled two ways: the rule has the application's \
             id, and tokens of Azure DevOps' own issuer carry its name."
                .to_owned(),
        ];
    }
    let organization = |audience: &str| urn::organization_of(audience).map(str::to_owned);
    if let Some(wanted) = organization(rule)
        && let Some(asked) = audiences.iter().find_map(|a| organization(a))
        && wanted.to_lowercase() != asked.to_lowercase()
    {
        return vec![format!("The token is for the organization {asked}, the rule for {wanted}.")];
    }
    if let Some((platform, default, owner)) = audiences.iter().find_map(|a| default_audience(a)) {
        let request = platform.audience.request(rule).filter(|_| pattern::is_literal(rule));
        let request = request.map_or_else(String::new, |how| format!(" Request it with {how}."));
        return vec![format!(
            "The token has {} default audience, that of the owner {owner}: it was requested \
             without an audience.{request}",
            default.possessive
        )];
    }
    audiences.first().map(|actual| explain_spelling(rule, actual)).unwrap_or_default()
}

fn claim_absent(token: &Token, rule: &RuleResult, place: &str, work: &mut Work) -> Finding {
    let near = claim_path::nearest_within(&rule.claim, &token.claims, work);
    let mut finding = Finding::new(
        Code::ClaimAbsent,
        format!("The rule is on {}, which the token does not have.", rule.claim),
    )
    .proof("expected", format!("{}: {}", rule.claim, rule.pattern), place)
    .proof("actual", "(absent)", "token claims");
    let platform = TokenIdentity::of(token).platform();
    let appears = platform.and_then(|id| when_claim_appears(id, &rule.claim));
    if let Some(appears) = appears {
        finding = finding.step(appears);
    }
    if let Some(nearest) = near.first() {
        if nearest.contains('"') {
            finding = finding.step(
                "A claim's name that holds dots is written in double quotes inside the path.",
            );
        }
        finding = finding.proof("nearest in the token", near.join(", "), "token claims");
    }
    finding
}

/// The texts with which a rule on this claim is compared. Objects have none.
pub(crate) fn claim_values(token: &Token, claim: &str) -> Vec<String> {
    let scalar =
        |value: &&Value| !matches!(value, Value::Object(_) | Value::Array(_) | Value::Null);
    match lookup_claim(token, claim) {
        Some(Value::Array(items)) => items.iter().filter(scalar).map(value_text).collect(),
        Some(value) => Some(value).filter(scalar).map(value_text).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The cost of [`claim_values`], in steps.
pub(crate) fn claim_values_cost(token: &Token, claim: &str) -> usize {
    match lookup_claim(token, claim) {
        Some(Value::Array(items)) => items.len(),
        _ => 1,
    }
}

fn lookup_claim<'a>(token: &'a Token, claim: &str) -> Option<&'a Value> {
    claim_path::ClaimPath::parse(claim).ok()?.lookup(&token.claims)
}
