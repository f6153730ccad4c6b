//! The least-privilege policy for a token: an entry that lets this identity in, in every run, and
//! no other.
//!
//! Patterns know no escape: a `.` in a claim's value also matches any other character there, and a
//! `*` or `?` more than that. Where a value has one, a rule on an id beside it keeps neighbours
//! out.

use serde_json::{Map, Value, json};

use super::claim_path::ClaimPath;
use super::evaluate::value_text;
use super::{Ask, pattern};
use crate::subject;

/// Claims that are the id of what `sub` names, by platform: GitHub, GitLab, Bitbucket, CircleCI,
/// Buildkite, HCP Terraform, Entra, Kubernetes. They never vary from run to run.
pub(crate) const IDS: &[&str] = &[
    "repository_id",
    "project_id",
    "repositoryUuid",
    "\"oidc.circleci.com/project-id\"",
    "pipeline_id",
    "terraform_workspace_id",
    "oid",
    "\"kubernetes.io\".serviceaccount.uid",
];

/// What GitHub's default audience begins with: the job asked for none.
const GITHUB_DEFAULT: &str = "https://github.com/";

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
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let (mut rules, mut notes) = (Vec::new(), Vec::new());
    match audience(claims) {
        Some((audience, others)) => {
            if audience.starts_with(GITHUB_DEFAULT) {
                notes.push(
                    "The audience is GitHub's default, the same for every service that the \
                     repository's owner uses: request urn:pulumi:org:ORG instead, and write that \
                     into the rule."
                        .to_owned(),
                );
            }
            if others > 0 {
                notes.push(format!(
                    "The token has {} audiences. Assumed and not documented: a rule matches when \
                     one of them does.",
                    others + 1
                ));
            }
            rules.push(("aud".to_owned(), audience));
        }
        None => notes.push("The token has no audience to make a rule of.".to_owned()),
    }
    let issuer = text("iss").unwrap_or_default();
    if !issuer.is_empty() {
        rules.push(("iss".to_owned(), issuer.to_owned()));
    }
    match text("sub").filter(|subject| !subject.is_empty()) {
        Some(value) => {
            let described = subject::describe(issuer, value);
            let pattern = described.map_or_else(|| value.to_owned(), |known| known.pattern);
            let id = IDS.iter().find_map(|path| Some(((*path).to_owned(), at(claims, path)?)));
            if pattern != value {
                notes.push(
                    "A part of sub is another one in every run: it is * in the rule.".to_owned(),
                );
            }
            if pattern.contains(['.', '?', '*']) {
                match id {
                    Some((path, value)) => {
                        notes.push(format!(
                            "In a pattern . stands for any one character and cannot be written \
                             otherwise; the rule on {path} keeps names that look alike out."
                        ));
                        rules.push(("sub".to_owned(), pattern));
                        rules.push((path, value));
                    }
                    None => {
                        notes.push(
                            "In a pattern . stands for any one character, ? for at most one and * \
                             for any number, and none can be written otherwise: the rule on sub \
                             also matches names that look alike."
                                .to_owned(),
                        );
                        rules.push(("sub".to_owned(), pattern));
                    }
                }
            } else {
                rules.push(("sub".to_owned(), pattern));
            }
        }
        None => notes.push(
            "The token has no sub: every identity of the issuer with this audience is let in."
                .to_owned(),
        ),
    }
    Suggestion { rules, notes }
}

impl Suggestion {
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
    pattern::is_literal(&text).then_some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rules(claims: Value) -> Vec<(String, String)> {
        suggest(claims.as_object().unwrap()).rules
    }

    #[test]
    fn names_that_look_alike_are_kept_out_by_an_id() {
        let sub = "repo:acme/web.shop:ref:refs/heads/main";
        let claims = json!({"iss": "i", "aud": "a", "sub": sub, "repository_id": "74"});
        let expected = [("aud", "a"), ("iss", "i"), ("sub", sub), ("repository_id", "74")];
        assert_eq!(rules(claims), expected.map(|(c, p)| (c.to_owned(), p.to_owned())));
        let plain =
            json!({"iss": "i", "aud": "a", "sub": "repo:acme/web:x", "repository_id": "74"});
        assert_eq!(rules(plain).len(), 3);
    }

    #[test]
    fn of_several_audiences_pulumi_s_is_taken() {
        let claims = json!({"aud": ["sts.example", "urn:pulumi:org:acme"]});
        assert_eq!(rules(claims), [("aud".to_owned(), "urn:pulumi:org:acme".to_owned())]);
    }
}
