//! The least-privilege policy for a token: an entry that lets this identity in, in every run, and
//! no other.
//!
//! Patterns have no escape. A value with `*` or `?` is never a rule ([`crate::policy::rule_pattern`]), and
//! then there is no policy to suggest. A `.` in a value also matches any other character there. A
//! rule on the id of what the value names keeps neighbours out; without an id, a note says so.

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
use crate::policy::{Ask, TokenType, pattern};
use crate::pulumi::urn;

/// A suggested policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suggestion {
    /// The rules: claim path and pattern, in the order in which people read them.
    pub rules: Vec<(String, RulePattern)>,
    /// What to know about it, a sentence each.
    pub notes: Vec<String>,
    /// The team, user or runner that the entry is for, by its key.
    named: Vec<(&'static str, RulePattern)>,
    token_type: TokenType,
    admin: bool,
}

/// No rule can be written that lets this job in and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSafeRule {
    /// The values that would be in the rules and cannot be; at least one.
    pub refused: Vec<RefusedValue>,
}

/// Suggests the rules for a token of these claims, in an entry for what the login asks for.
///
/// # Errors
/// A value that the rules need cannot be one, or the token has no subject: such a policy would
/// let in other jobs.
pub fn suggest(claims: &Map<String, Value>, ask: &Ask) -> Result<Suggestion, NoSafeRule> {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let mut writer = Writer::default();
    writer.audience(claims);
    if let Some(issuer) = text("iss").filter(|issuer| !issuer.is_empty()) {
        writer.rule("iss", issuer);
    }
    match claims.get("sub") {
        Some(Value::String(value)) => {
            match subject::describe(text("iss").unwrap_or_default(), value) {
                Some(known) => {
                    writer.known(claims, &known);
                    if known.is_customisable {
                        writer.left_out(claims, value);
                    }
                }
                None => writer.customised(claims, value),
            }
        }
        Some(value @ Value::Number(_)) => writer.rule("sub", &value_text(value)),
        _ => writer.refused.push(RefusedValue::missing("sub")),
    }
    writer.asked(ask);
    if writer.refused.is_empty() {
        Ok(writer.suggestion)
    } else {
        Err(NoSafeRule { refused: writer.refused })
    }
}

/// The pattern that matches a token's subject in every run, or why none can be written.
pub(crate) fn subject_pattern(
    claims: &Map<String, Value>,
) -> Option<Result<RulePattern, RefusedValue>> {
    let subject = claims.get("sub")?.as_str()?;
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    let known = subject::describe(issuer, subject);
    Some(known.map_or_else(|| RulePattern::of_value("sub", subject), |known| known.pattern))
}

/// The text of the claim at a path, where a rule on it would match.
pub(crate) fn text_at(claims: &Map<String, Value>, path: &str) -> Option<String> {
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

    fn rule(&mut self, claim: &str, value: &str) {
        self.pattern(claim, RulePattern::of_value(claim, value));
    }

    fn pattern(&mut self, claim: &str, pattern: Result<RulePattern, RefusedValue>) {
        match pattern {
            Ok(pattern) => self.suggestion.rules.push((claim.to_owned(), pattern)),
            Err(refused) => self.refused.push(refused),
        }
    }

    /// The value of a claim that the rules need if the token has it.
    fn needed(&mut self, claims: &Map<String, Value>, path: &str) -> Option<String> {
        let value = text_at(claims, path);
        if value.is_none() && ClaimPath::parse(path).ok()?.lookup(claims).is_some() {
            self.refused.push(RefusedValue::missing(path));
        }
        value
    }

    /// What the entry is for. A team's name in an entry is a pattern too.
    fn asked(&mut self, ask: &Ask) {
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
            self.loose("teamName", team);
        }
    }

    fn audience(&mut self, claims: &Map<String, Value>) {
        let Some((audience, others)) = audience(claims) else {
            return self.note("The token has no audience to make a rule of.");
        };
        if let Some((_, default, _)) = default_audience(&audience) {
            self.note(format!(
                "The audience is {} default, the same for every service that the repository's \
                 owner uses: request urn:pulumi:org:ORG instead, and write that into the rule.",
                default.possessive
            ));
        } else {
            self.loose("aud", &audience);
        }
        if others > 0 {
            self.note(format!(
                "The token has {} audiences. Assumed and not documented: a rule matches when one \
                 of them does.",
                others + 1
            ));
        }
        self.rule("aud", &audience);
    }

    /// A rule on a subject of a platform's shape, and on the claims that it leaves out.
    fn known(&mut self, claims: &Map<String, Value>, known: &Subject) {
        known.open_parts().for_each(|sentence| self.note(sentence));
        let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        notes(issuer, known).for_each(|sentence| self.note(sentence));
        self.pattern("sub", known.pattern.clone());
        for path in known.beside {
            if let Some(value) = self.needed(claims, path) {
                self.note(format!("sub leaves out what {path} says: the rule on it adds that."));
                if let Some((_, number)) = pull_request(&value) {
                    self.note(format!(
                        "The number of the pull request in {path} ({number}) is another one for the \
                         next change: it is open in the rule."
                    ));
                    self.pattern(path, in_every_run(path, &value));
                    continue;
                }
                self.loose(path, &value);
                self.rule(path, &value);
            }
        }
        // An id is useless for a part that another one pins, or where no part is loose.
        let closed =
            known.parts.iter().filter(|(name, _)| known.varying.iter().all(|v| v.name != *name));
        for (name, text) in closed.filter(|(_, text)| !pattern::is_literal(text)) {
            let id = known.id.filter(|(part, _)| part == name);
            match id.and_then(|(_, path)| Some((path, text_at(claims, path)?))) {
                Some((path, id))
                    if pattern::is_literal(&id) && RulePattern::of_value(path, &id).is_ok() =>
                {
                    self.note(format!(
                        "In a pattern . stands for any one character and cannot be written \
                         otherwise; the rule on {path} keeps any other {name} out whose name \
                         looks like {text}."
                    ));
                    self.rule(path, &id);
                }
                _ => self.loose(&format!("the {name} in sub"), text),
            }
        }
    }

    /// A rule on a subject of no platform's shape: most often GitHub's, whose parts a repository
    /// may choose.
    fn customised(&mut self, claims: &Map<String, Value>, value: &str) {
        let mut pieces: Vec<Piece> = Vec::new();
        // The parts of such a subject are names of claims, each before its value.
        let mut key = "";
        for part in value.split(':') {
            if !pieces.is_empty() {
                pieces.push(Piece::Value(":"));
            }
            let varies = is_per_run(key) && text_at(claims, key).as_deref() == Some(part);
            if varies {
                self.note(format!(
                    "The {key} in sub ({part}) is another one in every run: it is open in the rule."
                ));
            }
            pieces.push(if varies { Piece::Varies("*") } else { Piece::Value(part) });
            key = part;
        }
        self.loose("sub", value);
        self.pattern("sub", RulePattern::new("sub", &pieces));
        self.left_out(claims, value);
    }

    /// What a customised subject of GitHub leaves out: the repository, and the branch where the
    /// job has no environment either.
    fn left_out(&mut self, claims: &Map<String, Value>, subject: &str) {
        let Some(repository) = self.needed(claims, "repository_id") else { return };
        let told = |claim: &str, key: &str| {
            let Some(value) = text_at(claims, claim) else { return false };
            format!(":{subject}:").contains(&format!(":{key}:{value}:"))
        };
        let names_repository = subject.starts_with("repo:")
            || told("repository", "repository")
            || told("repository_id", "repository_id");
        if !names_repository {
            self.note(
                "sub does not tell the repository: the rule on repository_id keeps others out that \
                 use the same.",
            );
            self.rule("repository_id", &repository);
        }
        let names_branch = told("ref", "ref")
            || told("environment", "environment")
            || subject.ends_with(":pull_request");
        if !names_branch && let Some(branch) = self.needed(claims, "ref") {
            self.note("sub does not tell the branch: the rule on ref keeps others out.");
            self.loose("ref", &branch);
            self.rule("ref", &branch);
        }
    }

    /// Says what else the rule on a value matches.
    fn loose(&mut self, what: &str, value: &str) {
        if let Some(sentence) = inexact(what, value) {
            self.note(sentence);
        }
    }
}

impl Suggestion {
    /// The entry as the API has it (`AuthPolicyDefinition`).
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

/// The sentences about a rule on this subject.
fn notes<'a>(issuer: &'a str, known: &'a Subject) -> impl Iterator<Item = &'static str> + 'a {
    let platform = known.platform.platform();
    let fits = move |note: &&Note| {
        (!note.needs_issuer || platform.issues(issuer))
            && known.parts.iter().any(|(name, value)| {
                *name == note.part && note.value.is_none_or(|wanted| wanted == value)
            })
    };
    platform.subjects.notes.iter().filter(fits).map(|note| note.sentence)
}

/// The ref of a pull request in two: what all of them begin with, and what is this one's.
fn pull_request(value: &str) -> Option<(&str, &str)> {
    let kind =
        ["refs/pull/", "refs/merge-requests/"].into_iter().find(|kind| value.starts_with(kind))?;
    Some(value.split_at(kind.len()))
}

/// The pattern for a claim's value that holds in the next run too.
pub(crate) fn in_every_run(claim: &str, value: &str) -> Result<RulePattern, RefusedValue> {
    match pull_request(value) {
        Some((kind, _)) => RulePattern::new(claim, &[Piece::Value(kind), Piece::Varies("*")]),
        None => RulePattern::of_value(claim, value),
    }
}

/// Who starts the run, as GitHub calls it.
const PERSONS: [&str; 2] = ["actor", "actor_id"];

/// Whether a claim is another one in every run, or for another person who starts it.
fn is_per_run(claim: &str) -> bool {
    PERSONS.contains(&claim) || ALL.iter().any(|platform| platform.claims.per_run.contains(&claim))
}

/// The audience to make a rule of, Pulumi's where there is one, and how many others there are.
fn audience(claims: &Map<String, Value>) -> Option<(String, usize)> {
    let all: Vec<&str> = match claims.get("aud")? {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let ours: Vec<&str> =
        all.iter().copied().filter(|one| urn::organization_of(one).is_some()).collect();
    let chosen = |one: &&str| !unwanted::is_others(one);
    let named: Vec<&str> = all.iter().copied().filter(chosen).collect();
    let candidates = [&ours, &named].into_iter().find(|some| !some.is_empty()).unwrap_or(&all);
    let safe = |one: &&&str| RulePattern::of_value("aud", one).is_ok();
    let chosen = candidates.iter().find(safe).or(candidates.first())?;
    Some(((*chosen).to_owned(), all.len() - 1))
}
