//! Explains why a GitHub subject does not match a rule.

use crate::platform::Renewed;
use crate::policy::pattern;
use crate::policy::rule_pattern::{Piece, RulePattern};

/// Splits a subject into `OWNER/REPO` and the job's context.
fn split(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("repo:")?.split_once(':')
}

/// Removes the ids from `OWNER@ID/REPO@ID`. `None`: there are no ids.
fn without_ids(repository: &str) -> Option<String> {
    let name = |part: &str| {
        let (name, id) = part.rsplit_once('@')?;
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        is_id.then(|| name.to_owned())
    };
    let (owner, repository) = repository.split_once('/')?;
    Some(format!("{}/{}", name(owner)?, name(repository)?))
}

/// Explains a mismatch with the immutable subject: repositories created, renamed or moved since 15
/// July 2026 have `repo:OWNER@ID/REPO@ID:…`.
pub(super) fn immutable_ids(rule: &str, subject: &str) -> Option<String> {
    let wanted = rule.strip_prefix("repo:")?.split(':').next()?;
    let (has, _) = split(subject)?;
    // The beginning of the corrected rule, if a rule can contain this repository's name.
    let begin = |lead: &str| {
        let begin = RulePattern::of_value("sub", &format!("repo:{has}:"));
        begin.map_or_else(|_| ".".to_owned(), |begin| format!("{lead}{begin}"))
    };
    match (without_ids(wanted), without_ids(has)) {
        (None, Some(name)) if !wanted.contains('@') && pattern::matches(wanted, &name) => {
            Some(format!(
                "The token has GitHub's immutable subject, with the ids of owner and repository \
                 (repositories created, renamed or moved since 15 July 2026 have it). A rule \
                 without the ids can never match{}",
                begin(": begin it with ")
            ))
        }
        (Some(name), None) if name == has => Some(format!(
            "The rule has the ids of GitHub's immutable subject, the token has a subject without \
             them{}",
            begin(": begin the rule with ")
        )),
        (Some(name), Some(other)) if name == other && wanted != has => Some(format!(
            "The names are the same, the ids are not: the rule is for {wanted}, the token is from \
             {has}. One of them was deleted and recreated under the same name."
        )),
        _ => None,
    }
}

/// Adds the ids of the token's repository to a rule that names this repository. Keeps the rule's
/// branches and environments.
pub(super) fn renew(rule: &str, subject: &str) -> Option<Renewed> {
    let ((wanted, tail), (repository, has)) = (split(rule)?, split(subject)?);
    let is_same = without_ids(repository)? == wanted && pattern::matches(tail, has);
    let pieces =
        [Piece::Value("repo:"), Piece::Value(repository), Piece::OfRule(":"), Piece::OfRule(tail)];
    is_same.then(|| RulePattern::new("sub", &pieces))
}

/// Explains which part differs: the repository, or the context after it.
pub(super) fn differing_parts(rule: &str, subject: &str) -> Option<String> {
    let ((wanted_repo, wanted), (repo, has)) = (split(rule)?, split(subject)?);
    let mut sentences = Vec::new();
    // Missing or different ids are explained elsewhere.
    if !pattern::matches(wanted_repo, repo) && immutable_ids(rule, subject).is_none() {
        sentences.push(format!(
            "The repository differs: the rule is for {wanted_repo}, the token is from {repo}."
        ));
    }
    if !pattern::matches(wanted, has) {
        let why = if has.starts_with("environment:") && !wanted.starts_with("environment:") {
            " A job with `environment:` has the environment in its subject, not the branch."
        } else if has == "pull_request" {
            " A job that a pull request started has neither branch nor environment in its subject."
        } else {
            ""
        };
        sentences.push(format!(
            "The rule is for {}, the token is from {}.{why}",
            describe_context(wanted),
            describe_context(has)
        ));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

/// Describes a subject's context.
fn describe_context(context: &str) -> String {
    let named = [
        ("environment:", "the environment"),
        ("ref:refs/heads/", "the branch"),
        ("ref:refs/tags/", "the tag"),
    ];
    let found = named
        .iter()
        .find_map(|(start, what)| context.strip_prefix(start).map(|name| format!("{what} {name}")));
    match context {
        "pull_request" => "pull requests".to_owned(),
        _ => found.unwrap_or_else(|| context.to_owned()),
    }
}

/// The claims with which most customised subjects begin.
const CUSTOMISED: [&str; 8] = [
    "repo",
    "job_workflow_ref",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "environment",
    "workflow_ref",
];

/// Explains a mismatch of customised subjects (`include_claim_keys`).
pub(super) fn customised(rule: &str, subject: &str) -> Option<String> {
    let (wanted, _) = rule.split_once(':')?;
    let (has, _) = subject.split_once(':')?;
    let known = CUSTOMISED.contains(&wanted) && CUSTOMISED.contains(&has);
    let write = match RulePattern::of_value("sub", subject) {
        Ok(_) => "; write the rule in the token's form.",
        Err(_) => ".",
    };
    (wanted != has && known).then(|| {
        format!(
            "The rule begins with {wanted}:, the token's subject with {has}:. A GitHub repository or \
             organization can choose the claims that make up the subject{write}"
        )
    })
}
