//! Corrects rules that no token of the issuer can match.

use serde_json::{Map, Value};

use super::respell::respell;
use super::unmatchable::{Unmatchable, conversions, has_placeholder, unmatchable_subject};
use crate::evidence::Token;
use crate::judge::compare::subject::update_outdated_rule;
use crate::judge::policy::claims;
use crate::judge::policy::suggest::{stable_pattern, subject_pattern};
use crate::limits::Work;
use crate::platform::azure::{AUDIENCE as AZURE_AUDIENCE, AUDIENCE_ID as AZURE_AUDIENCE_ID};
use crate::platform::subject::describe;
use crate::platform::{Audience, Id, by_issuer};
use crate::policy::claim_path::{ClaimPath, nearest_within};
use crate::policy::evaluate::value_text;
use crate::policy::pattern::matches;
use crate::policy::rule_pattern::RulePattern;
use crate::text::nearest;

/// The issuer and the claims of a token.
#[derive(Clone, Copy)]
pub(crate) struct TokenIdentity<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) claims: &'a Map<String, Value>,
}

/// The correction of a rule that no token can match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Correction {
    /// The claim, corrected if its name was misspelled.
    pub(crate) claim: String,
    pub(crate) pattern: RulePattern,
    pub(crate) why: Unmatchable,
    /// The pattern that matches all that a converted regular expression matched.
    pub(crate) wider: Option<RulePattern>,
}

impl<'a> TokenIdentity<'a> {
    pub(crate) fn of(token: &'a Token) -> Self {
        Self { issuer: token.text("iss").unwrap_or_default(), claims: &token.claims }
    }

    /// The platform of the token, recognised by its issuer or its subject.
    pub(crate) fn platform(&self) -> Option<Id> {
        let by_url = by_issuer(self.issuer).map(|known| known.id);
        by_url.or_else(|| Some(describe(self.issuer, self.subject()?)?.platform))
    }

    /// The texts with which a rule on this claim is compared.
    pub(crate) fn claim_texts(&self, claim: &str) -> Vec<String> {
        let found = ClaimPath::parse(claim).ok().and_then(|path| path.lookup(self.claims));
        let scalar = |value: &&Value| !value.is_object() && !value.is_array() && !value.is_null();
        match found {
            Some(Value::Array(all)) => all.iter().filter(scalar).map(value_text).collect(),
            Some(one) => Some(one).filter(scalar).map(value_text).into_iter().collect(),
            None => Vec::new(),
        }
    }

    pub(crate) fn subject(&self) -> Option<&'a str> {
        self.claims.get("sub").and_then(Value::as_str)
    }
}

/// The intended form of a rule that no token of this issuer can match. `is_this_subject`: a rule of
/// the same entry on `sub` matches the token.
pub(crate) fn correction(
    identity: TokenIdentity,
    claim: &str,
    pattern: &str,
    is_this_subject: bool,
    work: &mut Work,
) -> Option<Correction> {
    let values = identity.claim_texts(claim);
    if values.is_empty() {
        return correct_claim_name(identity, claim, pattern, work);
    }
    let new = |pattern: RulePattern, why: Unmatchable| Correction {
        claim: claim.to_owned(),
        pattern,
        why,
        wider: None,
    };
    if !work.take(16 * (pattern.len() + 1)) {
        return None;
    }
    if claim == "aud"
        && let Some(found) = correct_audience(identity, pattern, is_this_subject)
    {
        return Some(new(found, Unmatchable::Spelling));
    }
    values.iter().find_map(|value| {
        if let Some(found) = convert_non_pattern(identity, claim, pattern, value) {
            return Some(found);
        }
        match claim {
            "aud" => None,
            "sub" => {
                correct_subject(identity, pattern, value, work).map(|(found, why)| new(found, why))
            }
            _ => correct_other_claim(identity, claim, pattern, value, work)
                .map(|(found, why)| new(found, why)),
        }
    })
}

/// Corrects a rule that is a list, a regular expression or has white space around it.
fn convert_non_pattern(
    identity: TokenIdentity,
    claim: &str,
    pattern: &str,
    value: &str,
) -> Option<Correction> {
    let mut all = conversions(pattern).into_iter();
    let (why, meant) = all.find(|(_, meant)| matches(meant, value))?;
    // Whether the wildcard of a regular expression is wanted in the rule is for the user to decide.
    let is_open = why == Unmatchable::RegularExpression && meant.contains(['*', '?']);
    let (pattern, wider) = match is_open {
        true => (exact_pattern(identity, claim, value)?, Some(RulePattern::from_author(meant))),
        false => (RulePattern::from_author(meant), None),
    };
    Some(Correction { claim: claim.to_owned(), pattern, why, wider })
}

/// The pattern that matches this value in every run.
fn exact_pattern(identity: TokenIdentity, claim: &str, value: &str) -> Option<RulePattern> {
    match claim {
        "sub" => subject_pattern(identity.claims)?.ok(),
        _ => stable_pattern(claim, value).ok(),
    }
}

/// Corrects a rule on `sub`. Parts that vary from run to run become wildcards.
fn correct_subject(
    identity: TokenIdentity,
    pattern: &str,
    value: &str,
    work: &mut Work,
) -> Option<(RulePattern, Unmatchable)> {
    let (found, why) = intended_subject(identity, pattern, value, work)?;
    let known = describe(identity.issuer, value);
    let has_varying_value = known.is_some_and(|known| {
        let varies = |name: &str| known.varying.iter().any(|varying| varying.name == name);
        known.parts.iter().any(|(name, one)| varies(name) && found.as_str().contains(one.as_str()))
    });
    match has_varying_value {
        true => Some((exact_pattern(identity, "sub", value)?, why)),
        false => Some((found, why)),
    }
}

/// The pattern that a rule on `sub` was meant to have, and why it matches no token.
fn intended_subject(
    identity: TokenIdentity,
    pattern: &str,
    value: &str,
    work: &mut Work,
) -> Option<(RulePattern, Unmatchable)> {
    if let Some(Ok(found)) = update_outdated_rule(pattern, value) {
        return Some((found, Unmatchable::Outdated));
    }
    if let Some(found) = full_ref(identity, "sub", pattern, value) {
        return Some((found, Unmatchable::Form));
    }
    let respelled = respell("sub", pattern, value, 2, work);
    if let Some(found) = &respelled
        && found.edits == 0
        && differs_only_where_case_is_ignored(identity, value, &found.changed)
    {
        return Some((found.pattern.clone(), Unmatchable::Case));
    }
    let why = match has_placeholder(pattern) {
        true => Unmatchable::Placeholder,
        false => unmatchable_subject(identity.issuer, pattern, value)?,
    };
    match respelled.filter(|_| why == Unmatchable::Form) {
        Some(found) => Some((found.pattern, why)),
        None => Some((exact_pattern(identity, "sub", value)?, why)),
    }
}

/// Parts of subjects in which case matters.
const CASE_SENSITIVE_PARTS: [&str; 3] = ["branch", "tag", "ref"];

/// Whether subjects that differ only in case, at these character positions, mean the same identity.
fn differs_only_where_case_is_ignored(
    identity: TokenIdentity,
    subject: &str,
    changed: &[usize],
) -> bool {
    let Some(known) = describe(identity.issuer, subject) else { return false };
    let mut from = 0;
    let spans = known.parts.iter().filter_map(|(name, value)| {
        let start = from + subject.get(from..)?.find(value.as_str())?;
        from = start + value.len();
        let first = subject.get(..start)?.chars().count();
        CASE_SENSITIVE_PARTS.contains(name).then(|| first..first + value.chars().count())
    });
    let cased: Vec<_> = spans.collect();
    !changed.iter().any(|at| cased.iter().any(|span| span.contains(at)))
}

/// The rule with `refs/heads/` or `refs/tags/` added or removed, as this platform writes refs.
fn full_ref(
    identity: TokenIdentity,
    claim: &str,
    pattern: &str,
    value: &str,
) -> Option<RulePattern> {
    let platform = by_issuer(identity.issuer).map(|found| found.id);
    let described = identity.subject().and_then(|sub| describe(identity.issuer, sub));
    let platform = platform.or(described.map(|found| found.platform))?;
    let meant = ["refs/heads/", "refs/tags/"].into_iter().find_map(|prefix| {
        let meant = match (platform, claim) {
            (Id::GitHubActions, "sub") if !pattern.contains(":ref:refs/") => {
                pattern.replacen(":ref:", &format!(":ref:{prefix}"), 1)
            }
            (Id::GitHubActions, "ref") if !pattern.starts_with(['r', '*', '?', '.']) => {
                format!("{prefix}{pattern}")
            }
            (Id::GitLab, "sub" | "ref") | (Id::Bitbucket, "branchName") => {
                pattern.replacen(prefix, "", 1)
            }
            _ => return None,
        };
        (meant != pattern && matches(&meant, value)).then_some(meant)
    })?;
    Some(RulePattern::from_author(meant))
}

fn correct_other_claim(
    identity: TokenIdentity,
    claim: &str,
    pattern: &str,
    value: &str,
    work: &mut Work,
) -> Option<(RulePattern, Unmatchable)> {
    if has_placeholder(pattern) {
        return Some((exact_pattern(identity, claim, value)?, Unmatchable::Placeholder));
    }
    if let Some(found) = full_ref(identity, claim, pattern, value) {
        return Some((found, Unmatchable::Form));
    }
    let known = identity.platform()?.platform();
    if let Some((_, values)) = known.claims.values.iter().find(|(name, _)| *name == claim) {
        let is_none = !values.iter().any(|one| matches(pattern, one));
        let meant = nearest::within_two_edits(&pattern.to_lowercase(), values.iter().copied())?;
        let is_this = is_none && meant == value;
        return is_this
            .then(|| RulePattern::of_value(claim, value).ok())
            .flatten()
            .map(|found| (found, Unmatchable::Form));
    }
    let found = respell(claim, pattern, value, 0, work)?;
    let is_name = known.claims.names.contains(&claim);
    is_name.then_some((found.pattern, Unmatchable::Case))
}

/// Corrects a rule on `aud` if the token can only have one audience.
fn correct_audience(
    identity: TokenIdentity,
    pattern: &str,
    is_this_subject: bool,
) -> Option<RulePattern> {
    let values = identity.claim_texts("aud");
    let [own] = values.as_slice() else { return None };
    let is_azure = |text: &str| {
        text.eq_ignore_ascii_case(AZURE_AUDIENCE) || text.eq_ignore_ascii_case(AZURE_AUDIENCE_ID)
    };
    let has_azure_audience = is_azure(own);
    if has_azure_audience && is_azure(pattern) {
        return RulePattern::of_value("aud", own).ok();
    }
    let described = identity.subject().and_then(|sub| describe(identity.issuer, sub));
    let platform = described.map(|known| known.platform.platform());
    let is_fixed = has_azure_audience
        || platform.is_some_and(|known| matches!(known.audience, Audience::Fixed(_)));
    // This job's tokens can have no other audience.
    (is_fixed && is_this_subject).then(|| RulePattern::of_value("aud", own).ok()).flatten()
}

/// Corrects the claim's name, if the issuer's tokens have no claim of that name.
fn correct_claim_name(
    identity: TokenIdentity,
    claim: &str,
    pattern: &str,
    work: &mut Work,
) -> Option<Correction> {
    let near = nearest_within(claim, identity.claims, work).into_iter().next()?;
    let normalize = |path: &str| path.replace(['"', '_', '-'], "").to_lowercase();
    let platform = identity.platform().map(Id::platform).filter(|known| known.claims.is_complete);
    let is_unknown = platform.is_some_and(|known| !claims::documents_claim(known, claim));
    if !is_unknown && normalize(claim) != normalize(&near) {
        return None;
    }
    // An empty list or an object gives no value to compare.
    if identity.claim_texts(&near).is_empty() {
        return None;
    }
    let matches_token = identity.claim_texts(&near).iter().any(|value| matches(pattern, value));
    match matches_token {
        true => Some(Correction {
            pattern: RulePattern::from_author(pattern.to_owned()),
            claim: near,
            why: Unmatchable::Form,
            wider: None,
        }),
        false => correction(identity, &near, pattern, false, work),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    const GITHUB: &str = "https://token.actions.githubusercontent.com";

    fn github(sub: &str) -> Value {
        json!({"iss": GITHUB, "aud": "urn:pulumi:org:acme", "sub": sub, "ref": "refs/heads/main",
            "event_name": "push", "repository": "acme/web", "ref_protected": "true"})
    }

    fn corrected(claims: &Value, claim: &str, pattern: &str) -> Option<(String, String)> {
        let claims = claims.as_object().unwrap();
        let issuer = claims["iss"].as_str().unwrap();
        let identity = TokenIdentity { issuer, claims };
        let found = correction(identity, claim, pattern, true, &mut Work::unlimited())?;
        Some((found.claim, found.pattern.as_str().to_owned()))
    }

    #[test]
    fn unmatchable_rules_are_corrected() {
        let main = github("repo:acme/web:ref:refs/heads/main");
        let ids = github("repo:acme@10/web@74:ref:refs/heads/main");
        let pull = github("repo:acme/web:pull_request");
        for (claims, claim, pattern, expected) in [
            (&main, "sub", "repo:Acme/web:*", "repo:acme/web:*"),
            (&main, "sub", "repo:acme/web:ref:main", "repo:acme/web:ref:refs/heads/main"),
            (&main, "sub", " repo:acme/web:* ", "repo:acme/web:*"),
            (&main, "sub", "rep:acme/web:*", "repo:acme/web:*"),
            (&main, "sub", "repo:<org>/<repo>:*", "repo:acme/web:ref:refs/heads/main"),
            (&main, "sub", "^repo:acme/web:.*$", "repo:acme/web:ref:refs/heads/main"),
            (&main, "sub", "sc://acme/web/x", "repo:acme/web:ref:refs/heads/main"),
            (&ids, "sub", "repo:acme/web:*", "repo:acme@10/web@74:*"),
            (&pull, "sub", "repo:acme/web:pull-request", "repo:acme/web:pull_request"),
            (&main, "ref", "main", "refs/heads/main"),
            (&main, "ref_protected", "True", "true"),
            (&main, "repository", "Acme/web", "acme/web"),
            (&main, "aud", "urn:pulumi:org:acme, urn:pulumi:org:x", "urn:pulumi:org:acme"),
        ] {
            let found = corrected(claims, claim, pattern);
            assert_eq!(found, Some((claim.to_owned(), expected.to_owned())), "{pattern}");
        }
        let renamed = corrected(&main, "repositry", "acme/*");
        assert_eq!(renamed, Some(("repository".to_owned(), "acme/*".to_owned())));
    }

    #[test]
    fn rules_of_other_jobs_are_left_alone() {
        let main = github("repo:acme/web:ref:refs/heads/main");
        for (claim, pattern) in [
            ("sub", "repo:acme/web:ref:refs/heads/Main"),
            ("sub", "repo:acme/web:environment:prod"),
            ("sub", "repo:acme/other:*"),
            ("sub", "repo:acme/web:pull_request"),
            ("aud", "urn:pulumi:org:Acme"),
            ("aud", "sts.amazonaws.com"),
            ("ref", "refs/heads/dev"),
            ("ref_protected", "false"),
            ("environment", "prod"),
        ] {
            assert_eq!(corrected(&main, claim, pattern), None, "{claim} {pattern}");
        }
    }

    #[test]
    fn claim_without_text_is_not_misspelled() {
        for audience in [json!([]), json!({"a": 1}), json!(null)] {
            let mut claims = github("repo:acme/web:ref:refs/heads/main");
            claims["aud"] = audience;
            assert_eq!(corrected(&claims, "aud", "urn:pulumi:org:acme"), None, "{claims}");
        }
    }

    #[test]
    fn fixed_audience_uses_token_spelling() {
        let entra = json!({"iss": "https://login.microsoftonline.com/8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3/v2.0",
            "aud": AZURE_AUDIENCE_ID, "sub": "/eid1/c/pub/t/TSw7jmAffkqbUsDU5vihsw/a/rISbSSETf0KqFyZ8ppdXmA/sc/o/c"});
        let found = corrected(&entra, "aud", AZURE_AUDIENCE).unwrap();
        assert_eq!(found.1, AZURE_AUDIENCE_ID);
        let found = corrected(&entra, "aud", "urn:pulumi:org:acme").unwrap();
        assert_eq!(found.1, AZURE_AUDIENCE_ID);
    }
}
