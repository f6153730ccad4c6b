//! Subjects understood: what a `sub` says in its platform's own words, and why one does not match
//! a pattern.

#[cfg(test)]
mod tests;

use crate::platform::entra::{EntraSubject, guid};
use crate::platform::subject;
use crate::policy::pattern;
use crate::policy::rule_pattern::RulePattern;

/// Why `subject` does not match `rule`: sentences, the most telling first.
pub(crate) fn explain(issuer: &str, rule: &str, subject: &str) -> Vec<String> {
    let both = Both { issuer, rule, subject };
    EXPLANATIONS.iter().filter_map(|explanation| explanation(&both)).collect()
}

/// What is compared.
struct Both<'a> {
    /// The token's issuer: some subjects are known by it alone.
    issuer: &'a str,
    rule: &'a str,
    subject: &'a str,
}

type Explanation = fn(&Both) -> Option<String>;

/// Every way of missing a subject that is told in words.
const EXPLANATIONS: &[Explanation] = &[
    upper_and_lower_case,
    immutable_ids,
    azure_schemes,
    circleci_versions,
    one_run_only,
    parts,
    entra_parts,
    github_parts,
    customised,
    refs_prefix,
    regular_expression,
    missing_wildcard,
];

fn upper_and_lower_case(both: &Both) -> Option<String> {
    pattern::matches(&both.rule.to_lowercase(), &both.subject.to_lowercase())
        .then(|| "They differ in upper and lower case only; matching is case-sensitive.".to_owned())
}

/// A GitHub subject in two: `OWNER/REPO`, and what the job is about.
fn github(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("repo:")?.split_once(':')
}

/// The repository's name without GitHub's ids, where it has them: `OWNER@ID/REPO@ID`.
fn without_ids(repository: &str) -> Option<String> {
    let name = |part: &str| {
        let (name, id) = part.rsplit_once('@')?;
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        is_id.then(|| name.to_owned())
    };
    let (owner, repository) = repository.split_once('/')?;
    Some(format!("{}/{}", name(owner)?, name(repository)?))
}

/// GitHub's immutable subject: repositories created, renamed or moved since 15 July 2026 have
/// `repo:OWNER@ID/REPO@ID:…`.
fn immutable_ids(both: &Both) -> Option<String> {
    let wanted = both.rule.strip_prefix("repo:")?.split(':').next()?;
    let (has, _) = github(both.subject)?;
    // The beginning of a corrected rule, if this repository's name can be in a rule.
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
             {has}. One of them was deleted and made anew under the same name."
        )),
        _ => None,
    }
}

fn azure_schemes(both: &Both) -> Option<String> {
    let begins = |rule: &str, subject: &str| {
        both.rule.starts_with(rule) && both.subject.starts_with(subject)
    };
    let explanation = if begins("p://", "sc://") {
        "The rule is for a pipeline's own token (p://), the token is a service connection's \
         (sc://): it was requested with a service connection id."
    } else if begins("sc://", "p://") {
        "The rule is for a service connection's token (sc://), the token is the pipeline's own \
         (p://): it was requested without a service connection id."
    } else if begins("sc://", "/eid1/") {
        "The rule has the subject of Azure DevOps' own issuer, the token that of Entra's: the \
         service connection was converted or made anew."
    } else if begins("/eid1/", "sc://") {
        "The rule has the subject of Entra's issuer, the token that of Azure DevOps' own: the \
         service connection has not been converted."
    } else {
        return None;
    };
    Some(explanation.to_owned())
}

/// CircleCI's second token has the source of the change at the end of its subject.
fn circleci_versions(both: &Both) -> Option<String> {
    const SOURCE: &str = "/vcs-origin/";
    if !both.rule.starts_with("org/") || !both.subject.starts_with("org/") {
        return None;
    }
    let named = |text: &str| match text.contains(SOURCE) {
        true => "CIRCLE_OIDC_TOKEN_V2",
        false => "CIRCLE_OIDC_TOKEN",
    };
    let (wanted, has) = (named(both.rule), named(both.subject));
    (wanted != has && !both.rule.ends_with('*')).then(|| {
        format!(
            "The rule has the subject of {wanted}, the token is {has}: that of V2 goes on with \
             {SOURCE}REPOSITORY/vcs-ref/REF."
        )
    })
}

/// A rule that names what is another one in every run.
fn one_run_only(both: &Both) -> Option<String> {
    if circleci_versions(both).is_some() {
        return None;
    }
    let described = subject::describe(both.issuer, both.subject)?;
    let differences = subject::differences(both.issuer, both.rule, both.subject);
    let varying = |one: &subject::Difference| {
        described.varying.iter().find(|varying| one.wanted.is_some() && varying.name == one.name)
    };
    let first = varying(differences.first()?)?;
    differences.iter().all(|one| varying(one).is_some()).then(|| {
        let write = described.pattern.as_ref();
        let write = write.map_or_else(|_| String::new(), |rule| format!(" Write {rule} instead."));
        format!(
            "The {} in sub {}: a rule that names one matches no other.{write}",
            first.name, first.why
        )
    })
}

/// Part by part, in the words of the subject's platform.
fn parts(both: &Both) -> Option<String> {
    // Of these there is more to tell.
    if both.subject.starts_with("repo:")
        || circleci_versions(both).is_some()
        || one_run_only(both).is_some()
    {
        return None;
    }
    let differences = subject::differences(both.issuer, both.rule, both.subject);
    sentences(differences.iter().map(|one| (one.name, one.wanted, one.has)))
}

/// A sentence for each part: its name, what the rule wants where that is known, what the token has.
fn sentences<'a>(
    parts: impl Iterator<Item = (&'a str, Option<&'a str>, &'a str)>,
) -> Option<String> {
    let told: Vec<String> = parts
        .map(|(name, wanted, has)| match wanted {
            Some(wanted) => {
                format!("The {name} differs: the rule is for {wanted}, the token is from {has}.")
            }
            None => format!("They begin to differ in the {name}: the token is from {has}."),
        })
        .collect();
    (!told.is_empty()).then(|| told.join(" "))
}

/// The parts of Entra's subject by their segment, from 0 behind the first slash.
const ENTRA: [(usize, &str); 5] = [
    (2, "cloud"),
    (4, "tenant"),
    (6, "application"),
    (8, "organization"),
    (9, "service connection"),
];

/// The same of Entra's subject, whose ids of tenant and application are encoded.
fn entra_parts(both: &Both) -> Option<String> {
    EntraSubject::parse(both.subject)?;
    if !both.rule.starts_with("/eid1/") {
        return None;
    }
    let wanted: Vec<&str> = both.rule.split('/').skip(1).collect();
    let has: Vec<&str> = both.subject.split('/').skip(1).collect();
    let mut told = Vec::new();
    for (at, name) in ENTRA {
        let (Some(wanted), Some(has)) = (wanted.get(at), has.get(at)) else { break };
        if pattern::matches(wanted, has) {
            continue;
        }
        told.push(match (guid(wanted), guid(has)) {
            (_, Some(id)) if wanted.eq_ignore_ascii_case(&id) => format!(
                "The rule has the {name} as the id {id}; the subject has it encoded, as {has}."
            ),
            (Some(wanted), Some(has)) => {
                format!("The {name} differs: the rule is for {wanted}, the token is from {has}.")
            }
            (_, Some(id)) => format!(
                "The {name} differs: the rule has {wanted}, the token is from {id}, which is \
                 {has} in the subject."
            ),
            _ => format!("The {name} differs: the rule is for {wanted}, the token is from {has}."),
        });
    }
    (!told.is_empty()).then(|| told.join(" "))
}

/// What a GitHub subject is about, after `repo:OWNER/REPO:`.
fn github_parts(both: &Both) -> Option<String> {
    let ((wanted_repo, wanted), (repo, has)) = (github(both.rule)?, github(both.subject)?);
    let mut told = Vec::new();
    // Of ids that are missing or others, more is told elsewhere.
    if !pattern::matches(wanted_repo, repo) && immutable_ids(both).is_none() {
        told.push(format!(
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
        told.push(format!(
            "The rule is for {}, the token is from {}.{why}",
            about(wanted),
            about(has)
        ));
    }
    (!told.is_empty()).then(|| told.join(" "))
}

/// What a GitHub job is about, in words.
fn about(context: &str) -> String {
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

/// Claims that a customised GitHub subject begins with most often.
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

/// GitHub lets a repository choose the claims that make its subject (`include_claim_keys`).
fn customised(both: &Both) -> Option<String> {
    let (wanted, _) = both.rule.split_once(':')?;
    let (has, _) = both.subject.split_once(':')?;
    let known = CUSTOMISED.contains(&wanted) && CUSTOMISED.contains(&has);
    let write = match RulePattern::of_value("sub", both.subject) {
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

fn refs_prefix(both: &Both) -> Option<String> {
    let Both { rule, subject, .. } = both;
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

fn regular_expression(both: &Both) -> Option<String> {
    let looks_like = pattern::REGULAR_EXPRESSION.iter().any(|sign| both.rule.contains(sign));
    looks_like.then(|| {
        "The rule looks like a regular expression; patterns know only * (any characters), ? (at \
         most one) and . (exactly one)."
            .to_owned()
    })
}

fn missing_wildcard(both: &Both) -> Option<String> {
    let Both { rule, subject, .. } = both;
    (subject.starts_with(rule) && subject.len() > rule.len()).then(|| {
        "The rule is only the beginning of the subject: a rule has to match the whole value, and \
         has no * at its end."
            .to_owned()
    })
}
