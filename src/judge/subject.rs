//! Subjects understood: what a `sub` says in its platform's own words, and why one does not match
//! a pattern.

use super::loose::REGULAR_EXPRESSION;
use crate::entra::EntraSubject;
use crate::policy::pattern;

/// Why `subject` does not match `rule`: sentences, the most telling first.
pub(super) fn explain(rule: &str, subject: &str) -> Vec<String> {
    EXPLANATIONS.iter().filter_map(|explanation| explanation(rule, subject)).collect()
}

type Explanation = fn(&str, &str) -> Option<String>;

/// Every way of missing a subject that is told in words.
const EXPLANATIONS: &[Explanation] = &[
    upper_and_lower_case,
    immutable_ids,
    azure_schemes,
    parts,
    entra_parts,
    github_context,
    customised,
    refs_prefix,
    regular_expression,
    missing_wildcard,
];

fn upper_and_lower_case(rule: &str, subject: &str) -> Option<String> {
    pattern::matches(&rule.to_lowercase(), &subject.to_lowercase())
        .then(|| "They differ in upper and lower case only; matching is case-sensitive.".to_owned())
}

/// GitHub's immutable subject: repositories created, renamed or moved since 15 July 2026 have
/// `repo:OWNER@ID/REPO@ID:…`.
fn immutable_ids(rule: &str, subject: &str) -> Option<String> {
    let rest = subject.strip_prefix("repo:")?;
    let (repository, _) = rest.split_once(':')?;
    let named: Vec<&str> = repository.split('/').collect();
    let has_id = |part: &&str| {
        part.rsplit_once('@')
            .is_some_and(|(_, id)| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
    };
    if !named.iter().all(has_id) || rule.contains('@') {
        return None;
    }
    Some(format!(
        "The token has GitHub's immutable subject, with the ids of owner and repository \
         (repositories created, renamed or moved since 15 July 2026 have it). A rule without the \
         ids can never match: begin it with repo:{repository}:"
    ))
}

fn azure_schemes(rule: &str, subject: &str) -> Option<String> {
    let explanation = if rule.starts_with("p://") && subject.starts_with("sc://") {
        "The rule is for a pipeline's own token (p://), the token is a service connection's \
         (sc://): it was requested with a service connection id."
    } else if rule.starts_with("sc://") && subject.starts_with("p://") {
        "The rule is for a service connection's token (sc://), the token is the pipeline's own \
         (p://): it was requested without a service connection id."
    } else if rule.starts_with("sc://") && subject.starts_with("/eid1/") {
        "The rule has the subject of Azure DevOps' own issuer, the token that of Entra's: the \
         service connection was converted or made anew."
    } else if rule.starts_with("/eid1/") && subject.starts_with("sc://") {
        "The rule has the subject of Entra's issuer, the token that of Azure DevOps' own: the \
         service connection has not been converted."
    } else {
        return None;
    };
    Some(explanation.to_owned())
}

/// Part by part, in the words of the subject's platform. A part is named only where its own pattern
/// does not match, which a `*` that reaches over several parts cannot hide: then the rule has not
/// the subject's shape.
fn parts(rule: &str, subject: &str) -> Option<String> {
    // GitHub's have more to tell.
    if subject.starts_with("repo:") {
        return None;
    }
    let parts = crate::subject::side_by_side(rule, subject)?;
    let (name, wanted, has) = parts.into_iter().find(|(_, w, h)| !pattern::matches(w, h))?;
    Some(format!("The {name} differs: the rule is for {wanted}, the token is from {has}."))
}

fn entra_parts(rule: &str, subject: &str) -> Option<String> {
    let (wanted, has) = (EntraSubject::parse(rule)?, EntraSubject::parse(subject)?);
    let (name, wanted, has) = wanted
        .parts()
        .into_iter()
        .zip(has.parts())
        .find(|((_, wanted), (_, has))| wanted != has)
        .map(|((name, wanted), (_, has))| (name, wanted.to_owned(), has.to_owned()))?;
    Some(format!("The {name} differs: the rule is for {wanted}, the token is from {has}."))
}

/// What a GitHub subject is about, after `repo:OWNER/REPO:`.
fn github_context(rule: &str, subject: &str) -> Option<String> {
    let tail = |text: &str| {
        let rest = text.strip_prefix("repo:")?;
        rest.split_once(':').map(|(repository, tail)| (repository.to_owned(), tail.to_owned()))
    };
    let ((wanted_repo, wanted), (repo, has)) = (tail(rule)?, tail(subject)?);
    if !pattern::matches(&wanted_repo, &repo) {
        let plain = !repo.contains('@');
        return plain.then(|| {
            format!(
                "The repository differs: the rule is for {wanted_repo}, the token is from {repo}."
            )
        });
    }
    if pattern::matches(&wanted, &has) {
        return None;
    }
    let describe = |tail: &str| -> String {
        if tail == "pull_request" {
            "pull requests".to_owned()
        } else if let Some(name) = tail.strip_prefix("environment:") {
            format!("the environment {name}")
        } else if let Some(name) = tail.strip_prefix("ref:refs/heads/") {
            format!("the branch {name}")
        } else if let Some(name) = tail.strip_prefix("ref:refs/tags/") {
            format!("the tag {name}")
        } else {
            tail.to_owned()
        }
    };
    let why = if has.starts_with("environment:") && !wanted.starts_with("environment:") {
        " A job with `environment:` has the environment in its subject, not the branch."
    } else if has == "pull_request" {
        " A job that a pull request started has neither branch nor environment in its subject."
    } else {
        ""
    };
    Some(format!(
        "The rule is for {}, the token is from {}.{why}",
        describe(&wanted),
        describe(&has)
    ))
}

/// GitHub lets a repository choose the claims that make its subject (`include_claim_keys`).
fn customised(rule: &str, subject: &str) -> Option<String> {
    let key = |text: &str| text.split_once(':').map(|(key, _)| key.to_owned());
    let (wanted, has) = (key(rule)?, key(subject)?);
    let known = ["repo", "job_workflow_ref", "repository_owner", "repository", "environment"];
    let both = [&wanted, &has].iter().all(|key| known.contains(&key.as_str()));
    (wanted != has && both).then(|| {
        format!(
            "The rule begins with {wanted}:, the token's subject with {has}:. A GitHub repository or \
             organization can choose the claims that make up the subject; write the rule in the \
             token's form."
        )
    })
}

/// Bitbucket's subject ends with the step's id, another one in every run.
pub(super) fn per_step(rule: &str, subject: &str, issuer: &str) -> Option<String> {
    let described = crate::subject::describe(issuer, subject)?;
    let fixed = described.pattern.strip_suffix('*')?;
    (described.pattern != subject && rule.starts_with(fixed) && !rule.contains('*')).then(|| {
        let name = described.parts.last().map_or("run's id", |(name, _)| *name);
        format!(
            "The subject ends with the {name}, which is another one in every run: a rule that \
             names it matches one run only. Write {} instead.",
            described.pattern
        )
    })
}

fn refs_prefix(rule: &str, subject: &str) -> Option<String> {
    for prefix in ["refs/heads/", "refs/tags/"] {
        let without = |text: &str| text.replacen(prefix, "", 1);
        if rule.contains(prefix) != subject.contains(prefix)
            && pattern::matches(&without(rule), &without(subject))
        {
            let who = if subject.contains(prefix) { "the token has it" } else { "the rule has it" };
            return Some(format!("They differ in {prefix}: only {who}."));
        }
    }
    None
}

fn regular_expression(rule: &str, _: &str) -> Option<String> {
    let looks_like = REGULAR_EXPRESSION.iter().any(|sign| rule.contains(sign));
    looks_like.then(|| {
        "The rule looks like a regular expression; patterns know only * (any characters), ? (at \
         most one) and . (exactly one)."
            .to_owned()
    })
}

fn missing_wildcard(rule: &str, subject: &str) -> Option<String> {
    (subject.starts_with(rule) && subject.len() > rule.len()).then(|| {
        "The rule is only the beginning of the subject: a rule has to match the whole value, and \
         has no * at its end."
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_explained_in_the_platform_s_words() {
        let entra = |connection: &str| {
            format!(
                "/eid1/c/pub/t/rISbSSETf0KqFyZ8ppdXmA/a/rISbSSETf0KqFyZ8ppdXmA/sc/org/{connection}"
            )
        };
        let cases = [
            ("repo:acme/App:*", "repo:acme/app:pull_request", "upper and lower case"),
            (
                "repo:acme/app:*",
                "repo:acme@12/app@34:ref:refs/heads/main",
                "begin it with repo:acme@12/app@34:",
            ),
            (
                "repo:acme/app:ref:refs/heads/main",
                "repo:acme/app:environment:prod",
                "the branch main, the token is from the environment prod. A job with",
            ),
            (
                "repo:acme/app:environment:prod",
                "repo:acme/app:pull_request",
                "the environment prod, the token is from pull requests",
            ),
            ("repo:acme/web:*", "repo:acme/app:pull_request", "The repository differs"),
            ("sc://o/p/prod", "sc://o/p/test", "The service connection differs"),
            ("p://o/p/x", "sc://o/p/x", "it was requested with a service connection id"),
            ("sc://o/p/x", &entra("c"), "the token that of Entra's"),
            (&entra("one"), &entra("two"), "The service connection differs: the rule is for one"),
            (
                "project_path:g/p:ref_type:branch:ref:refs/heads/main",
                "project_path:g/p:ref_type:branch:ref:main",
                "They differ in refs/heads/: only the rule has it",
            ),
            ("repo:acme/app", "repo:acme/app:pull_request", "has no * at its end"),
            ("^repo:acme/.*$", "repo:acme/app:pull_request", "regular expression"),
        ];
        for (rule, subject, expected) in cases {
            let all = explain(rule, subject).join(" ");
            assert!(all.contains(expected), "{rule} / {subject}: {all}");
        }
    }
}
