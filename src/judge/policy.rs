//! Check `policy`: does the policy let the token in, and if not, what is the smallest change?

use serde_json::{Value, json};

use super::{Context, Outcome, loose, subject, unknown};
use crate::catalogue::Code;
use crate::entra::EntraSubject;
use crate::evidence::{PolicySource, Token};
use crate::policy::claim_path;
use crate::policy::evaluate::{self, Evaluation, value_text};
use crate::policy::suggest::suggest;
use crate::policy::{Decision, Entry, TokenType, pattern};
use crate::report::{Finding, RuleResult};
use crate::text;

/// The audience of a federated Azure service connection, as people write it and as Entra puts it
/// into the token.
pub(super) const AZURE_AUDIENCE: &str = "api://AzureADTokenExchange";
pub(super) const AZURE_AUDIENCE_ID: &str = "fb60f99c-7a34-4190-8149-302f77469936";

/// What GitHub's default audience begins with; the owner follows.
const GITHUB_DEFAULT: &str = "https://github.com/";

pub(super) fn check(context: &Context) -> Outcome {
    let Some(token) = &context.evidence.token else {
        return Outcome::skip(context.cause("token"), "there is no decoded token");
    };
    if token.text("iss").is_none() {
        return Outcome::skip("token", "the token names no issuer");
    }
    if context.failed("registration") && context.evidence.registration().is_none() {
        return Outcome::skip(
            "registration",
            "the issuer has no registration, so no policy either",
        );
    }
    let Some(evaluation) = &context.evaluation else {
        let gap = context.evidence.policy.gap();
        let summary = gap.map_or_else(|| "the policy is not known".to_owned(), unknown::summary);
        return Outcome::skip("--policy", summary).with(vec![not_known(context, token)]);
    };
    let entries = context.evidence.registration().and_then(|r| r.policies.as_deref());
    let entries = entries.unwrap_or_default();
    if evaluation.decision().is_none() {
        let finding = open_parts(context, entries, not_known(context, token));
        return Outcome::skip("--policy", "what the policy leaves open could decide either way")
            .with(vec![finding]);
    }
    let mut findings = denial(context, token, entries, evaluation);
    findings.extend(loose::too_broad(context, token, entries));
    findings.extend(loose::surprises(context, entries, evaluation, token));
    let summary = match &evaluation.outcome {
        evaluate::Outcome::Allowed { entry } => format!("{} lets the token in", name(*entry)),
        _ => "the token is not let in".to_owned(),
    };
    Outcome::found(summary, findings)
}

/// Evaluates the policy of the registration that decides on the token.
pub(super) fn evaluation(context: &Context) -> Option<Evaluation> {
    let claims = &context.evidence.token.as_ref()?.claims;
    let registration = context.evidence.registration()?;
    evaluate::evaluate_registration(registration, claims, &context.request.ask)
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
        evaluate::Outcome::NoAllowEntry => one(Finding::new(
            Code::PolicyDefaultDeny,
            format!("The policy has no allow entry ({} in all).", count(entries.len())),
        )
        .step("Add this entry to the issuer's policies:")
        .command(entry_for(context, token))),
        evaluate::Outcome::Denied { entry } => {
            let finding = Finding::new(
                Code::PolicyDenied,
                format!("{} denies, and all its rules match this token.", name(*entry)),
            );
            let finding = rule_proofs(
                finding,
                evaluation.entries.get(*entry).map(|e| &e.rules[..]),
                &at(*entry),
            );
            if allows(entries).next().is_some() {
                return one(finding);
            }
            // Without this entry the policy would still let nobody in.
            one(finding
                .step(format!(
                    "The policy has no allow entry. If {} was meant to let this login in, change \
                     its decision:",
                    name(*entry)
                ))
                .command("\"decision\": \"allow\""))
        }
        evaluate::Outcome::TokenType => {
            let mut types: Vec<String> = Vec::new();
            for entry in allows(entries) {
                let name = entry.token_type.name().to_owned();
                if !types.contains(&name) {
                    types.push(name);
                }
            }
            let named = super::finding::list(&types);
            let finding = Finding::new(
                Code::TokenTypeNotAllowed,
                format!(
                    "The login asks for a token of type {wanted}; the allow entries are for {named}."
                ),
            )
            .proof("asked for", wanted, "token type")
            .proof("allowed", named, "policy entries tokenType");
            let ways = allows(entries).map(|entry| how_to_ask(entry.token_type, entry));
            let mut ways: Vec<String> = ways.collect();
            ways.dedup();
            one(ways
                .into_iter()
                .take(3)
                .fold(finding, Finding::step)
                .step(format!("Or add an allow entry with tokenType {wanted}.")))
        }
        evaluate::Outcome::Team => {
            one(not_for(Code::TeamNotAllowed, "team", ask.team.as_deref(), entries, |e| {
                (e.token_type == TokenType::Team).then_some(e.team_name.as_deref())
            })
            .step(
                "One of Pulumi's guides says that the team's slug is meant, the API says its name.",
            ))
        }
        evaluate::Outcome::User => {
            one(not_for(Code::UserNotAllowed, "user", ask.user.as_deref(), entries, |e| {
                (e.token_type == TokenType::Personal).then_some(e.user_login.as_deref())
            }))
        }
        evaluate::Outcome::Runner => {
            one(not_for(Code::RunnerNotAllowed, "runner", ask.runner.as_deref(), entries, |e| {
                (e.token_type == TokenType::Runner).then_some(e.runner_id.as_deref())
            })
            .step(
                "Whether scope runner:X names a runner or its id is not documented; the entry's \
             runnerID was compared.",
            ))
        }
        evaluate::Outcome::Admin { entry } => {
            entries.get(*entry).map(|e| admin(*entry, e, &at(*entry))).into_iter().collect()
        }
        evaluate::Outcome::Rules { entry } => {
            let Some(result) = evaluation.entries.get(*entry) else { return Vec::new() };
            let failing = result.rules.iter().filter(|rule| !rule.matched);
            let Some(source) = entries.get(*entry) else { return Vec::new() };
            // The rules alone would send people into the next refusal.
            let admin =
                evaluate::lacks_admin(source, ask).then(|| admin(*entry, source, &at(*entry)));
            failing
                .map(|rule| failed_rule(context, token, rule, *entry, source))
                .chain(admin)
                .collect()
        }
    }
}

fn admin(index: usize, entry: &Entry, place: &str) -> Finding {
    let granted = &entry.authorized_permissions;
    let mut wanted = granted.clone();
    wanted.push("admin".to_owned());
    Finding::new(
        Code::AdminNotPermitted,
        format!("scope=admin is asked for, and {} does not grant it.", name(index)),
    )
    .proof("asked for", "admin", "requested scope")
    .proof(
        "granted",
        if granted.is_empty() { "(nothing)".to_owned() } else { granted.join(", ") },
        format!("{place} authorizedPermissions"),
    )
    .step("If admin is meant, add it to the entry:")
    .command(format!("\"authorizedPermissions\": {}", json!(wanted)))
}

fn allows(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| entry.decision == Decision::Allow)
}

/// An entry as the document names it.
pub(super) fn name(index: usize) -> String {
    format!("policies[{index}]")
}

impl Context<'_> {
    /// Where something stands in the policy document.
    pub(super) fn policy_place(&self, line: u64, what: &str) -> String {
        match (&self.evidence.policy, line) {
            (PolicySource::File { path, .. }, 1..) => format!("{path}:{line}, {what}"),
            (PolicySource::Live { .. }, _) => format!("Pulumi Cloud, {what}"),
            _ => what.to_owned(),
        }
    }

    /// What the policy was read from, in a sentence.
    pub(super) fn policy_source(&self) -> &'static str {
        match self.evidence.policy {
            PolicySource::Live { .. } => "the policies read from Pulumi Cloud",
            _ => "the policy file",
        }
    }

    pub(super) fn entry_place(&self, index: usize, entry: &Entry) -> String {
        self.policy_place(entry.place.line, &name(index))
    }
}

fn count(entries: usize) -> String {
    match entries {
        1 => "1 entry".to_owned(),
        n => format!("{n} entries"),
    }
}

/// How a login asks for what an entry allows.
fn how_to_ask(token_type: TokenType, entry: &Entry) -> String {
    match token_type {
        TokenType::Organization => {
            "To ask for an organization token, leave --oidc-team and --oidc-user out.".to_owned()
        }
        TokenType::Team => format!(
            "To ask for a team token, add --oidc-team {}.",
            text::shell(entry.team_name.as_deref().unwrap_or("TEAM"))
        ),
        TokenType::Personal => format!(
            "To ask for a personal token, add --oidc-user {}.",
            text::shell(entry.user_login.as_deref().unwrap_or("USER"))
        ),
        TokenType::Runner => {
            "A runner token cannot be asked for with pulumi login; the entry is for deployment \
             runners."
                .to_owned()
        }
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
    let allowed: Vec<String> = allows(entries)
        .filter_map(field)
        .map(|name| name.unwrap_or("(none named: this entry never matches)").to_owned())
        .collect();
    let names = super::finding::list(&allowed);
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

// -------------------------------------------------------------------------- a rule that fails

fn failed_rule(
    context: &Context,
    token: &Token,
    rule: &RuleResult,
    index: usize,
    entry: &Entry,
) -> Finding {
    let line = entry.rules.iter().find(|r| r.claim == rule.claim).map_or(0, |r| r.place.line);
    let at = context.policy_place(line, &format!("{}.rules.{}", name(index), rule.claim));
    let Some(actual) = &rule.actual else { return absent(token, rule, &at) };
    let code = match rule.claim.as_str() {
        "aud" => Code::AudienceMismatch,
        "sub" => Code::SubjectMismatch,
        _ => Code::ClaimMismatch,
    };
    let mut explanations = match code {
        Code::AudienceMismatch => audience(&rule.pattern, token),
        Code::SubjectMismatch => {
            let issuer = token.text("iss").unwrap_or_default();
            subject::per_step(&rule.pattern, actual, issuer)
                .into_iter()
                .chain(subject::explain(&rule.pattern, actual))
                .collect()
        }
        _ => Vec::new(),
    };
    if explanations.is_empty() {
        explanations = general(&rule.pattern, actual);
    }
    let mut explanations = explanations.into_iter();
    let detail = explanations.next().unwrap_or_else(|| {
        format!("The rule on {} is {}, the token has {actual}.", rule.claim, rule.pattern)
    });
    let mut finding = Finding::new(code, detail).proof("expected", &rule.pattern, &at).proof(
        "actual",
        actual,
        format!("token claim {}", rule.claim),
    );
    finding = difference(finding, rule, actual);
    if let Some(parts) = EntraSubject::parse(actual).filter(|_| code == Code::SubjectMismatch) {
        finding = decoded(context, finding, &parts, token);
    }
    finding = explanations.fold(finding, Finding::step);
    if code == Code::AudienceMismatch {
        finding = match side_to_change(&rule.pattern, token) {
            Some(Side::Rule) => finding.fix("Put the audience that the token has into the rule."),
            Some(Side::Token) => {
                finding.fix(format!("Request the token for the audience {}.", rule.pattern))
            }
            None => finding,
        };
    }
    would_pass(finding, token, rule, &at)
}

/// What Entra's subject says, beside what the token and the pipeline say of the same.
fn decoded(context: &Context, finding: Finding, parts: &EntraSubject, token: &Token) -> Finding {
    let azure = context.evidence.input.azure.as_ref();
    let elsewhere = |name: &str| match name {
        "tenant" => Some(("token claim tid", token.text("tid")?.to_owned())),
        "organization" => Some(("this pipeline's", azure?.organization.clone()?)),
        "service connection" => Some(("this task's", azure?.connection.clone()?)),
        _ => None,
    };
    parts.parts().into_iter().fold(finding, |finding, (name, value)| {
        let place = "decoded from token claim sub";
        match elsewhere(name) {
            Some((whose, other)) if other.eq_ignore_ascii_case(value) => {
                finding.proof(name, value, format!("{place}; the same as {whose}"))
            }
            Some((whose, other)) => finding.proof(name, value, place).step(format!(
                "The {name} in sub is {value}, {whose} is {other}: the token is from elsewhere."
            )),
            None => finding.proof(name, value, place),
        }
    })
}

/// Which side of a comparison to change.
enum Side {
    Rule,
    Token,
}

/// An Azure service connection's audience cannot be chosen; GitHub's default says that nobody
/// chose one. Elsewhere either side may be wrong.
fn side_to_change(rule: &str, token: &Token) -> Option<Side> {
    let audiences = token.audiences();
    if audiences.iter().any(|audience| is_azure(audience)) {
        Some(Side::Rule)
    } else if audiences.iter().any(|audience| audience.starts_with(GITHUB_DEFAULT)) {
        pattern::is_literal(rule).then_some(Side::Token)
    } else {
        None
    }
}

/// Where the two part, when they have a beginning in common.
fn difference(finding: Finding, rule: &RuleResult, actual: &str) -> Finding {
    let same = pattern::divergence(&rule.pattern, actual);
    if same == 0 {
        return finding;
    }
    let head: String = actual.chars().take(same).collect();
    let tail: String = actual.chars().skip(same).collect();
    let place = format!("token claim {}, from character {}", rule.claim, same + 1);
    let tail = if tail.is_empty() { "(the token's value ends here)".to_owned() } else { tail };
    finding.proof("same up to", head, place.clone()).proof("differs from", tail, place)
}

/// A rule to paste into a policy, JSON or YAML.
pub(super) fn snippet(claim: &str, pattern: &str) -> String {
    format!("{}: {}", text::json_string(claim), text::json_string(pattern))
}

/// The smallest change on either side. The snippet stands after all steps, so its step is last.
fn would_pass(finding: Finding, token: &Token, rule: &RuleResult, at: &str) -> Finding {
    let requested =
        rule.claim == "aud" && pattern::is_literal(&rule.pattern) && !is_azure(&rule.pattern);
    let finding = if requested {
        finding.step(format!(
            "The token would pass if it were requested for the audience {}.",
            rule.pattern
        ))
    } else {
        finding
    };
    let Some(value) = nearest_value(token, rule) else { return finding };
    finding
        .step(format!("{} if {at} were:", if requested { "Or" } else { "The token would pass" }))
        .command(snippet(&rule.claim, &value))
}

/// The claim's value to put into a rule; of a list, the element that comes closest to it.
fn nearest_value(token: &Token, rule: &RuleResult) -> Option<String> {
    let mut budget = pattern::DISTANCE_CELLS;
    values(token, &rule.claim)
        .into_iter()
        .min_by_key(|text| pattern::distance_within(&rule.pattern, text, &mut budget))
}

fn general(rule: &str, actual: &str) -> Vec<String> {
    let mut explanations = Vec::new();
    if pattern::matches(&rule.to_lowercase(), &actual.to_lowercase()) {
        explanations.push(
            "They differ in upper and lower case only; matching is case-sensitive.".to_owned(),
        );
    } else if pattern::matches(rule.trim(), actual.trim()) {
        explanations.push("They differ in white space at the beginning or end only.".to_owned());
    } else if rule.trim_end_matches('/') == actual.trim_end_matches('/') {
        explanations.push("They differ in the slash at the end only.".to_owned());
    }
    explanations
}

fn is_azure(audience: &str) -> bool {
    audience.eq_ignore_ascii_case(AZURE_AUDIENCE) || audience == AZURE_AUDIENCE_ID
}

fn audience(rule: &str, token: &Token) -> Vec<String> {
    let audiences = token.audiences();
    let has = |value: &str| audiences.contains(&value);
    if rule.eq_ignore_ascii_case(AZURE_AUDIENCE) && has(AZURE_AUDIENCE_ID) {
        return vec![format!(
            "They are the same audience, spelled two ways: {AZURE_AUDIENCE} is the name of the \
             application with the id {AZURE_AUDIENCE_ID}, and the Entra issuer puts the id into \
             the token. The rule has to hold the id."
        )];
    }
    if rule == AZURE_AUDIENCE_ID && has(AZURE_AUDIENCE) {
        return vec![format!(
            "They are the same audience, spelled two ways: Azure DevOps' own issuer puts the name \
             {AZURE_AUDIENCE} into the token, Entra's the id. The rule has to hold the name."
        )];
    }
    let organization = |urn: &str| urn.strip_prefix("urn:pulumi:org:").map(str::to_owned);
    if let Some(wanted) = organization(rule)
        && let Some(asked) = audiences.iter().find_map(|a| organization(a))
        && wanted.to_lowercase() != asked.to_lowercase()
    {
        return vec![format!("The token is for the organization {asked}, the rule for {wanted}.")];
    }
    if let Some(owner) = audiences.iter().find_map(|a| a.strip_prefix(GITHUB_DEFAULT)) {
        return vec![format!(
            "The token has GitHub's default audience, that of the owner {owner}: it was requested \
             without an audience. Request it with audience={rule}."
        )];
    }
    audiences.first().map(|actual| general(rule, actual)).unwrap_or_default()
}

fn absent(token: &Token, rule: &RuleResult, at: &str) -> Finding {
    let near = claim_path::nearest(&rule.claim, &token.claims);
    let mut finding = Finding::new(
        Code::ClaimAbsent,
        format!("The rule is on {}, which the token does not have.", rule.claim),
    )
    .proof("expected", format!("{}: {}", rule.claim, rule.pattern), at)
    .proof("actual", "(absent)", "token claims");
    if let Some(nearest) = near.first() {
        if nearest.contains('"') {
            finding = finding.step(
                "A claim's name that holds dots is written in double quotes inside the path.",
            );
        }
        finding = finding
            .proof("nearest in the token", near.join(", "), "token claims")
            .step("If the nearest claim is meant:")
            .command(snippet(nearest, &rule.pattern));
    }
    finding
}

/// What a rule on this claim is compared with. Objects have no text.
pub(super) fn values(token: &Token, claim: &str) -> Vec<String> {
    let path = claim_path::ClaimPath::parse(claim).ok();
    let scalar =
        |value: &&Value| !matches!(value, Value::Object(_) | Value::Array(_) | Value::Null);
    match path.as_ref().and_then(|path| path.lookup(&token.claims)) {
        Some(Value::Array(items)) => items.iter().filter(scalar).map(value_text).collect(),
        Some(value) => Some(value).filter(scalar).map(value_text).into_iter().collect(),
        None => Vec::new(),
    }
}

// -------------------------------------------------------------------------- unknown policy

/// The expressions that the decision hangs on.
fn open_parts(context: &Context, entries: &[Entry], finding: Finding) -> Finding {
    let rules = entries.iter().enumerate().flat_map(|(index, entry)| {
        let open = entry.rules.iter().filter(|rule| rule.undetermined);
        open.map(move |rule| {
            (&rule.pattern, rule.place.line, format!("{}.rules.{}", name(index), rule.claim))
        })
    });
    let whole = context.evidence.registration().into_iter().flat_map(|r| &r.unresolved);
    let whole = whole.map(|open| (&open.expression, open.place.line, "a policy entry".to_owned()));
    rules
        .chain(whole)
        .fold(finding, |finding, (expression, line, what)| {
            finding.proof("not resolved", expression, context.policy_place(line, &what))
        })
        .fix(
            "The document does not tell what these expressions stand for. Write the values out, or \
             pass what Pulumi Cloud has: pulumi stack export, or a saved answer of its API.",
        )
}

fn not_known(context: &Context, token: &Token) -> Finding {
    let finding = Finding::new(
        Code::PolicyUnknown,
        "Without the policy, only an exchange tells whether the token is let in.",
    );
    unknown::explain(context, finding)
    .step("For this token the issuer's policy has to hold an entry like this one, and no deny entry that matches:")
    .command(entry_for(context, token))
}

/// The allow entry for exactly this token and request, as the API has it.
fn entry_for(context: &Context, token: &Token) -> String {
    text::json(&suggest(&token.claims).entry(&context.request.ask))
}
