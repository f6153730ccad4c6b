//! The least-privilege policy for a token: an entry that lets this identity in, in every run, and
//! no other.
//!
//! Patterns know no escape: a `.` in a claim's value also matches any other character there, and a
//! `*` or `?` more than that. Where a name has one, a rule on the id of what it names keeps
//! neighbours out; where there is none, that is said.

mod beyond;

use serde_json::{Map, Value, json};

use super::claim_path::ClaimPath;
use super::evaluate::value_text;
use super::{Ask, pattern};
use crate::subject::{self, Subject};

/// What GitHub's default audience begins with: the job asked for none.
const GITHUB_DEFAULT: &str = "https://github.com/";

/// Claims of GitHub that are other ones in every run, where a customised subject holds them.
const PER_RUN: [&str; 6] =
    ["run_id", "run_number", "run_attempt", "sha", "workflow_sha", "check_run_id"];

/// A suggested policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The rules: claim path and pattern, in the order in which people read them.
    pub rules: Vec<(String, String)>,
    /// What to know about it, a sentence each.
    pub notes: Vec<String>,
}

/// Suggests the rules for a token of these claims.
#[must_use]
pub fn suggest(claims: &Map<String, Value>) -> Suggestion {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str).filter(|t| !t.is_empty());
    let mut suggestion = Suggestion { rules: Vec::new(), notes: Vec::new() };
    suggestion.audience(claims);
    if let Some(issuer) = text("iss") {
        suggestion.rule("iss", issuer);
    }
    match text("sub") {
        Some(value) => match subject::describe(text("iss").unwrap_or_default(), value) {
            Some(known) => {
                suggestion.known(claims, &known);
                // A shape with this part is GitHub's, and a repository may have chosen it.
                if known.parts.iter().any(|(name, _)| *name == "context") {
                    suggestion.left_out(claims, value);
                }
            }
            None => suggestion.customised(claims, value),
        },
        None => suggestion.note(
            "The token has no sub: every identity of the issuer with this audience is let in.",
        ),
    }
    suggestion
}

impl Suggestion {
    fn note(&mut self, sentence: impl Into<String>) {
        self.notes.push(sentence.into());
    }

    fn rule(&mut self, claim: &str, pattern: impl Into<String>) {
        self.rules.push((claim.to_owned(), pattern.into()));
    }

    fn audience(&mut self, claims: &Map<String, Value>) {
        let Some((audience, others)) = audience(claims) else {
            return self.note("The token has no audience to make a rule of.");
        };
        if audience.starts_with(GITHUB_DEFAULT) {
            self.note(
                "The audience is GitHub's default, the same for every service that the \
                 repository's owner uses: request urn:pulumi:org:ORG instead, and write that into \
                 the rule.",
            );
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
        self.rule("aud", audience);
    }

    /// A rule on a subject of a platform's shape, and on the claims that it leaves out.
    fn known(&mut self, claims: &Map<String, Value>, known: &Subject) {
        for varying in known.varying {
            let part = known.parts.iter().find(|(name, _)| *name == varying.name);
            self.note(format!(
                "The {} in sub ({}) {}: it is open in the rule.",
                varying.name,
                part.map_or("", |(_, value)| value),
                varying.why
            ));
        }
        let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        beyond::notes(issuer, known).for_each(|sentence| self.note(sentence));
        self.rule("sub", known.pattern.clone());
        for path in known.beside {
            if let Some(value) = at(claims, path) {
                self.note(format!("sub leaves out what {path} says: the rule on it adds that."));
                self.loose(path, &value);
                self.rule(path, value);
            }
        }
        // An id is of no use to a part that another one pins, nor where no part is loose.
        let closed =
            known.parts.iter().filter(|(name, _)| known.varying.iter().all(|v| v.name != *name));
        for (name, text) in closed.filter(|(_, text)| !pattern::is_literal(text)) {
            let id = known.id.filter(|(part, _)| part == name);
            match id.and_then(|(_, path)| Some((path, at(claims, path)?))) {
                Some((path, id)) if pattern::is_literal(&id) => {
                    self.note(format!(
                        "In a pattern . stands for any one character and cannot be written \
                         otherwise; the rule on {path} keeps any other {name} out whose name \
                         looks like {text}."
                    ));
                    self.rule(path, id);
                }
                _ => self.loose(&format!("the {name} in sub"), text),
            }
        }
    }

    /// A rule on a subject of no platform's shape: most often GitHub's, whose parts a repository
    /// may choose.
    fn customised(&mut self, claims: &Map<String, Value>, value: &str) {
        let mut subject = value.to_owned();
        for claim in PER_RUN {
            let Some(once) = at(claims, claim) else { continue };
            let pinned = format!("{claim}:{once}");
            if subject.split(':').collect::<Vec<_>>().windows(2).any(|two| two.join(":") == pinned)
            {
                self.note(format!(
                    "The {claim} in sub ({once}) is another one in every run: it is open in the \
                     rule."
                ));
                subject = subject.replacen(&pinned, &format!("{claim}:*"), 1);
            }
        }
        self.loose("sub", value);
        self.rule("sub", subject);
        self.left_out(claims, value);
    }

    /// What a customised subject of GitHub leaves out: the repository, and the branch where the
    /// job has no environment either.
    fn left_out(&mut self, claims: &Map<String, Value>, subject: &str) {
        let Some(repository) = at(claims, "repository_id") else { return };
        let told = |claim: &str, key: &str| {
            let Some(value) = at(claims, claim) else { return false };
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
            self.rule("repository_id", repository);
        }
        let names_branch = told("ref", "ref")
            || told("environment", "environment")
            || subject.ends_with(":pull_request");
        if let Some(branch) = at(claims, "ref").filter(|_| !names_branch) {
            self.note("sub does not tell the branch: the rule on ref keeps others out.");
            self.loose("ref", &branch);
            self.rule("ref", branch);
        }
    }

    /// Says which wildcards a value holds that the rule on it cannot escape.
    fn loose(&mut self, what: &str, value: &str) {
        let meanings = [
            ('.', ". stands for any one character"),
            ('?', "? for at most one"),
            ('*', "* for any number"),
        ];
        let here: Vec<&str> =
            meanings.iter().filter(|(sign, _)| value.contains(*sign)).map(|(_, m)| *m).collect();
        if here.is_empty() {
            return;
        }
        self.note(format!(
            "{what}: in a pattern {}, and none can be written otherwise: the rule also matches \
             what looks like {value}, such as {}.",
            here.join(", "),
            value.replacen('.', "X", 1).replacen(['?', '*'], "X", 1)
        ));
    }

    /// The entry as the API has it (`AuthPolicyDefinition`).
    #[must_use]
    pub fn entry(&self, ask: &Ask) -> Map<String, Value> {
        let mut entry = Map::new();
        entry.insert("decision".to_owned(), json!("allow"));
        entry.insert("tokenType".to_owned(), json!(ask.token_type.name()));
        for (key, value) in
            [("teamName", &ask.team), ("userLogin", &ask.user), ("runnerID", &ask.runner)]
        {
            if let Some(value) = value {
                entry.insert(key.to_owned(), json!(value));
            }
        }
        let permissions = if ask.admin { json!(["admin"]) } else { json!([]) };
        entry.insert("authorizedPermissions".to_owned(), permissions);
        let rules = self.rules.iter().map(|(claim, pattern)| (claim.clone(), json!(pattern)));
        entry.insert("rules".to_owned(), Value::Object(rules.collect()));
        entry
    }
}

/// The audience to make a rule of, Pulumi's where there is one, and how many others there are.
fn audience(claims: &Map<String, Value>) -> Option<(String, usize)> {
    let all: Vec<&str> = match claims.get("aud")? {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let ours = all.iter().find(|one| one.starts_with("urn:pulumi:org:"));
    let chosen = ours.or(all.first())?;
    Some(((*chosen).to_owned(), all.len() - 1))
}

/// The text at a path, where a rule on it would match.
fn at(claims: &Map<String, Value>, path: &str) -> Option<String> {
    let value = ClaimPath::parse(path).ok()?.lookup(claims)?;
    let text = matches!(value, Value::String(_) | Value::Number(_)).then(|| value_text(value))?;
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
