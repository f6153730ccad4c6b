//! The least-privilege policy for a token: an entry that lets in this identity in every run, and no
//! other.
//!
//! Patterns have no escapes. A value with `*` or `?` cannot be a rule
//! ([`crate::policy::rule_pattern`]), so no policy can be suggested for it. A `.` in a value also
//! matches any other character. A rule on an id then excludes similar names; without an id, a note
//! warns about them.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::unwanted;
use crate::platform::subject;
use crate::platform::subject::Subject;
use crate::platform::{ALL, Note, default_audience};
use crate::policy::claim_path::ClaimPath;
use crate::policy::evaluate::value_text;
use crate::policy::rule_pattern::{Piece, RefusedValue, RulePattern, inexact};
use crate::policy::{RequestedToken, TokenType, pattern};
use crate::pulumi::urn;

/// A suggested policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suggestion {
    /// The rules in reading order, each as claim path and pattern.
    pub rules: Vec<(String, RulePattern)>,
    /// Notes for the reader, one sentence each.
    pub notes: Vec<String>,
    /// The team, user or runner of the entry, with its key.
    named: Vec<(&'static str, RulePattern)>,
    token_type: TokenType,
    admin: bool,
}

/// No rules let in this job and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSafeRule {
    /// The values that cannot be rules. At least one.
    pub refused: Vec<RefusedValue>,
}

/// Suggests an entry for a token with these claims and for what the login requests.
///
/// # Errors
/// A necessary value cannot be a rule, or the token has no subject: the policy would let in other
/// jobs.
pub fn suggest(
    claims: &Map<String, Value>,
    ask: &RequestedToken,
) -> Result<Suggestion, NoSafeRule> {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let mut writer = Writer::default();
    writer.add_audience(claims);
    if let Some(issuer) = text("iss").filter(|issuer| !issuer.is_empty()) {
        writer.add_rule("iss", issuer);
    }
    match claims.get("sub") {
        Some(Value::String(value)) => {
            match subject::describe(text("iss").unwrap_or_default(), value) {
                Some(known) => {
                    writer.add_known_subject(claims, &known);
                    if known.is_customisable {
                        writer.add_omitted_claims(claims, value);
                    }
                }
                None => writer.add_custom_subject(claims, value),
            }
        }
        Some(value @ Value::Number(_)) => writer.add_rule("sub", &value_text(value)),
        _ => writer.refused.push(RefusedValue::missing("sub")),
    }
    writer.add_requested_token(ask);
    if writer.refused.is_empty() {
        Ok(writer.suggestion)
    } else {
        Err(NoSafeRule { refused: writer.refused })
    }
}

/// The pattern that matches a token's subject in every run. `None` without a subject.
pub(crate) fn subject_pattern(
    claims: &Map<String, Value>,
) -> Option<Result<RulePattern, RefusedValue>> {
    let subject = claims.get("sub")?.as_str()?;
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    let known = subject::describe(issuer, subject);
    Some(known.map_or_else(|| RulePattern::of_value("sub", subject), |known| known.pattern))
}

/// The text of the claim at a path, if a rule can match it.
pub(crate) fn claim_text(claims: &Map<String, Value>, path: &str) -> Option<String> {
    let value = ClaimPath::parse(path).ok()?.lookup(claims)?;
    let text = matches!(value, Value::String(_) | Value::Number(_)).then(|| value_text(value))?;
    Some(text).filter(|text| !text.is_empty())
}

/// Collects the rules of a suggestion, and the values that cannot be rules.
#[derive(Default)]
struct Writer {
    suggestion: Suggestion,
    refused: Vec<RefusedValue>,
}

impl Writer {
    fn note(&mut self, sentence: impl Into<String>) {
        self.suggestion.notes.push(sentence.into());
    }

    fn add_rule(&mut self, claim: &str, value: &str) {
        self.add_pattern(claim, RulePattern::of_value(claim, value));
    }

    fn add_pattern(&mut self, claim: &str, pattern: Result<RulePattern, RefusedValue>) {
        match pattern {
            Ok(pattern) => self.suggestion.rules.push((claim.to_owned(), pattern)),
            Err(refused) => self.refused.push(refused),
        }
    }

    /// The value of a claim on which a rule is necessary if the token has it.
    fn required_claim(&mut self, claims: &Map<String, Value>, path: &str) -> Option<String> {
        let value = claim_text(claims, path);
        if value.is_none() && ClaimPath::parse(path).ok()?.lookup(claims).is_some() {
            self.refused.push(RefusedValue::missing(path));
        }
        value
    }

    /// Adds the requested token type and name. A team's name in an entry is a pattern too.
    fn add_requested_token(&mut self, ask: &RequestedToken) {
        self.suggestion.token_type = ask.token_type;
        self.suggestion.admin = ask.admin;
        let all = [("teamName", &ask.team), ("userLogin", &ask.user), ("runnerID", &ask.runner)];
        for (key, value) in all {
            let Some(value) = value else { continue };
            match RulePattern::of_value(key, value) {
                Ok(name) => self.suggestion.named.push((key, name)),
                Err(refused) => self.refused.push(refused),
            }
        }
        if let Some(team) = &ask.team {
            self.note_if_inexact("teamName", team);
        }
    }

    fn add_audience(&mut self, claims: &Map<String, Value>) {
        let Some((audience, others)) = choose_audience(claims) else {
            return self.note("The token has no audience to make a rule of.");
        };
        if let Some((_, default, _)) = default_audience(&audience) {
            self.note(format!(
                "The audience is {} default, the same for every service that the repository's \
                 owner uses: request urn:pulumi:org:ORG instead, and write that into the rule.",
                default.possessive
            ));
        } else {
            self.note_if_inexact("aud", &audience);
        }
        if others > 0 {
            self.note(format!(
                "The token has {} audiences. Assumed and not documented: a rule matches when one \
                 of them does.",
                others + 1
            ));
        }
        self.add_rule("aud", &audience);
    }

    /// Adds a rule on a subject of a known form, and rules on the claims that it omits.
    fn add_known_subject(&mut self, claims: &Map<String, Value>, known: &Subject) {
        known.open_parts().for_each(|sentence| self.note(sentence));
        let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        platform_notes(issuer, known).for_each(|sentence| self.note(sentence));
        self.add_pattern("sub", known.pattern.clone());
        for path in known.beside {
            if let Some(value) = self.required_claim(claims, path) {
                self.note(format!("sub leaves out what {path} says: the rule on it adds that."));
                if let Some((_, number)) = split_pull_request_ref(&value) {
                    self.note(format!(
                        "The number of the pull request in {path} ({number}) is another one for the \
                         next change: it is open in the rule."
                    ));
                    self.add_pattern(path, stable_pattern(path, &value));
                    continue;
                }
                self.note_if_inexact(path, &value);
                self.add_rule(path, &value);
            }
        }
        // Only fixed parts with a `.` need a rule on an id.
        let fixed =
            known.parts.iter().filter(|(name, _)| known.varying.iter().all(|v| v.name != *name));
        for (name, text) in fixed.filter(|(_, text)| !pattern::is_literal(text)) {
            let id = known.id.filter(|(part, _)| part == name);
            match id.and_then(|(_, path)| Some((path, claim_text(claims, path)?))) {
                Some((path, id))
                    if pattern::is_literal(&id) && RulePattern::of_value(path, &id).is_ok() =>
                {
                    self.note(format!(
                        "In a pattern . stands for any one character and cannot be written \
                         otherwise; the rule on {path} keeps any other {name} out whose name \
                         looks like {text}."
                    ));
                    self.add_rule(path, &id);
                }
                _ => self.note_if_inexact(&format!("the {name} in sub"), text),
            }
        }
    }

    /// Adds a rule on a subject of unknown form. Most often it is GitHub's, with parts that the
    /// repository chose.
    fn add_custom_subject(&mut self, claims: &Map<String, Value>, value: &str) {
        let mut pieces: Vec<Piece> = Vec::new();
        // Such a subject alternates between the names and the values of claims.
        let mut key = "";
        for part in value.split(':') {
            if !pieces.is_empty() {
                pieces.push(Piece::Value(":"));
            }
            let varies = is_per_run(key) && claim_text(claims, key).as_deref() == Some(part);
            if varies {
                self.note(format!(
                    "The {key} in sub ({part}) changes in every run: it is open in the rule."
                ));
            }
            pieces.push(if varies { Piece::Varies("*") } else { Piece::Value(part) });
            key = part;
        }
        self.note_if_inexact("sub", value);
        self.add_pattern("sub", RulePattern::new("sub", &pieces));
        self.add_omitted_claims(claims, value);
    }

    /// Adds rules on what a custom GitHub subject omits: the repository, and the branch if there is
    /// no environment either.
    fn add_omitted_claims(&mut self, claims: &Map<String, Value>, subject: &str) {
        let Some(repository) = self.required_claim(claims, "repository_id") else { return };
        let contains = |claim: &str, key: &str| {
            let Some(value) = claim_text(claims, claim) else { return false };
            format!(":{subject}:").contains(&format!(":{key}:{value}:"))
        };
        let names_repository = subject.starts_with("repo:")
            || contains("repository", "repository")
            || contains("repository_id", "repository_id");
        if !names_repository {
            self.note(
                "sub does not tell the repository: the rule on repository_id keeps others out that \
                 use the same.",
            );
            self.add_rule("repository_id", &repository);
        }
        let names_branch = contains("ref", "ref")
            || contains("environment", "environment")
            || subject.ends_with(":pull_request");
        if !names_branch && let Some(branch) = self.required_claim(claims, "ref") {
            self.note("sub does not tell the branch: the rule on ref keeps others out.");
            self.note_if_inexact("ref", &branch);
            self.add_rule("ref", &branch);
        }
    }

    /// Notes what else a rule on this value matches.
    fn note_if_inexact(&mut self, what: &str, value: &str) {
        if let Some(sentence) = inexact(what, value) {
            self.note(sentence);
        }
    }
}

impl Suggestion {
    /// The entry in the API's JSON form (`AuthPolicyDefinition`).
    #[must_use]
    pub fn entry(&self) -> Map<String, Value> {
        let mut entry = Map::new();
        entry.insert("decision".to_owned(), json!("allow"));
        entry.insert("tokenType".to_owned(), json!(self.token_type.name()));
        for (key, name) in &self.named {
            entry.insert((*key).to_owned(), json!(name.as_str()));
        }
        let permissions = if self.admin { json!(["admin"]) } else { json!([]) };
        entry.insert("authorizedPermissions".to_owned(), permissions);
        let rules =
            self.rules.iter().map(|(claim, pattern)| (claim.clone(), json!(pattern.as_str())));
        entry.insert("rules".to_owned(), Value::Object(rules.collect()));
        entry
    }
}

/// The platform's notes about rules on this subject.
fn platform_notes<'a>(
    issuer: &'a str,
    known: &'a Subject,
) -> impl Iterator<Item = &'static str> + 'a {
    let platform = known.platform.platform();
    let fits = move |note: &&Note| {
        (!note.needs_issuer || platform.issues(issuer))
            && known.parts.iter().any(|(name, value)| {
                *name == note.part && note.value.is_none_or(|wanted| wanted == value)
            })
    };
    platform.subjects.notes.iter().filter(fits).map(|note| note.sentence)
}

/// Splits the ref of a pull request into the common prefix and the rest.
fn split_pull_request_ref(value: &str) -> Option<(&str, &str)> {
    let kind =
        ["refs/pull/", "refs/merge-requests/"].into_iter().find(|kind| value.starts_with(kind))?;
    Some(value.split_at(kind.len()))
}

/// The pattern for a claim's value that also matches in the next run.
pub(crate) fn stable_pattern(claim: &str, value: &str) -> Result<RulePattern, RefusedValue> {
    match split_pull_request_ref(value) {
        Some((kind, _)) => RulePattern::new(claim, &[Piece::Value(kind), Piece::Varies("*")]),
        None => RulePattern::of_value(claim, value),
    }
}

/// GitHub's claims for the person who starts the run.
const PERSONS: [&str; 2] = ["actor", "actor_id"];

/// Whether a claim differs from run to run, or with the person who starts the run.
fn is_per_run(claim: &str) -> bool {
    PERSONS.contains(&claim) || ALL.iter().any(|platform| platform.claims.per_run.contains(&claim))
}

/// The audience for the rule, and the number of other audiences. Prefers a Pulumi audience.
fn choose_audience(claims: &Map<String, Value>) -> Option<(String, usize)> {
    let all: Vec<&str> = match claims.get("aud")? {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let ours: Vec<&str> =
        all.iter().copied().filter(|one| urn::organization_of(one).is_some()).collect();
    let is_ours = |one: &&str| !unwanted::is_for_other_service(one);
    let named: Vec<&str> = all.iter().copied().filter(is_ours).collect();
    let candidates = [&ours, &named].into_iter().find(|some| !some.is_empty()).unwrap_or(&all);
    let can_be_rule = |one: &&&str| RulePattern::of_value("aud", one).is_ok();
    let chosen = candidates.iter().find(can_be_rule).or(candidates.first())?;
    Some(((*chosen).to_owned(), all.len() - 1))
}
