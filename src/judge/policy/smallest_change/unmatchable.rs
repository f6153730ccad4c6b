//! Recognises patterns that no token of an issuer can match.

use crate::platform::subject::{Subject, describe, differences};
use crate::platform::{Id, Platform, by_issuer};
use crate::policy::pattern::matches;

/// Why no token of the issuer can match a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmatchable {
    WhiteSpace,
    RegularExpression,
    List,
    Placeholder,
    /// The issuer gives no such subject, or no such value.
    Form,
    /// The pattern is only the beginning of the value.
    Beginning,
    /// The name differs only in case.
    Case,
    /// The issuer no longer uses this form.
    Outdated,
    /// The audience is spelled differently.
    Spelling,
}

impl Unmatchable {
    /// The problem, in a sentence. `None` if the difference between rule and value shows it.
    pub(crate) fn sentence(self) -> Option<&'static str> {
        Some(match self {
            Self::RegularExpression => {
                "Patterns are not regular expressions: they know only * (any characters), ? (at most \
                 one) and . (exactly one)."
            }
            Self::List => {
                "A rule holds one pattern, not a list: each of the other values needs an entry of its \
                 own."
            }
            Self::Placeholder => "The rule still has a placeholder in it.",
            Self::Form => "No token of this issuer can match the rule.",
            Self::WhiteSpace | Self::Beginning | Self::Case | Self::Outdated | Self::Spelling => {
                return None;
            }
        })
    }
}

/// A log shows this instead of a secret.
pub(crate) const MASK: &str = "***";

/// The intended patterns of a text that is visibly not a pattern, with what it is instead.
pub(crate) fn conversions(pattern: &str) -> Vec<(Unmatchable, String)> {
    let mut found = Vec::new();
    let trimmed = pattern.trim();
    if trimmed != pattern {
        found.push((Unmatchable::WhiteSpace, trimmed.to_owned()));
    }
    found.extend(list_elements(trimmed).into_iter().map(|element| (Unmatchable::List, element)));
    found.extend(
        regex_alternatives(trimmed).into_iter().map(|one| (Unmatchable::RegularExpression, one)),
    );
    found
}

/// The values, if the text is a list.
fn list_elements(pattern: &str) -> Vec<String> {
    if let Ok(all) = serde_json::from_str::<Vec<String>>(pattern) {
        return all;
    }
    let inner = pattern.trim_start_matches('[').trim_end_matches(']');
    let bare = |one: &str| one.trim().trim_matches(['"', '\'']).to_owned();
    let all: Vec<String> = inner.split(',').map(bare).collect();
    let is_list = all.len() > 1 && all.iter().all(|one| !one.is_empty());
    if is_list { all } else { Vec::new() }
}

/// Texts that only occur in regular expressions.
const REGEX_SIGNS: [&str; 7] = ["^", "\\", "(", "[", ".+", "|", "$"];

/// The patterns for a regular expression, one for each alternative. Understands anchors, escapes,
/// `.*`, `.+`, classes and one group of alternatives; empty for anything else.
fn regex_alternatives(written: &str) -> Vec<String> {
    if !REGEX_SIGNS.iter().any(|sign| written.contains(sign)) || written.contains("${") {
        return Vec::new();
    }
    let inner = written.strip_prefix('^').unwrap_or(written);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    let alternatives: Vec<String> = match inner.split_once('(') {
        Some((before, rest)) => {
            let Some((group, after)) = rest.split_once(')') else { return Vec::new() };
            let group = group.strip_prefix("?:").unwrap_or(group);
            group.split('|').map(|one| format!("{before}{one}{after}")).collect()
        }
        None => inner.split('|').map(str::to_owned).collect(),
    };
    alternatives
        .iter()
        .filter_map(|one| regex_to_pattern(one))
        .filter(|one| one != written)
        .collect()
}

/// Converts a regular expression without groups.
fn regex_to_pattern(expression: &str) -> Option<String> {
    let mut pattern = String::new();
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                'd' | 'w' | 'S' => push_class(&mut pattern, &mut chars),
                escaped if escaped.is_ascii_alphanumeric() => return None,
                escaped => pattern.push(escaped),
            },
            '[' => {
                while chars.next()? != ']' {}
                push_class(&mut pattern, &mut chars);
            }
            '.' => push_class(&mut pattern, &mut chars),
            '*' | '+' | '?' | '{' | '(' | ')' | '^' | '$' | '|' => return None,
            other => pattern.push(other),
        }
    }
    Some(pattern)
}

/// Adds the wildcard for a character class: `*` if it is repeated, otherwise `.`.
fn push_class(pattern: &mut String, chars: &mut std::iter::Peekable<std::str::Chars>) {
    let repeated = chars.next_if(|c| matches!(c, '*' | '+')).is_some();
    pattern.push(if repeated { '*' } else { '.' });
}

/// Whether a pattern still has a placeholder from a guide or a template.
pub(crate) fn has_placeholder(pattern: &str) -> bool {
    let in_brackets = pattern.split_once('<').is_some_and(|(_, rest)| rest.contains('>'));
    in_brackets || pattern.contains("${") || pattern.contains("{{")
}

/// Parts of subjects that have a fixed set of values, by platform.
const SUBJECT_WORDS: &[(Id, &str, &[&str])] = &[
    (Id::GitHubActions, "context", &["pull_request"]),
    (Id::GitLab, "kind of ref", &["branch", "tag"]),
    (Id::HcpTerraform, "run phase", &["plan", "apply"]),
    (Id::Spacelift, "scope", &["read", "write"]),
];

/// Why no subject of the issuer can match a pattern, judged by the pattern's form.
pub(crate) fn unmatchable_subject(
    issuer: &str,
    pattern: &str,
    subject: &str,
) -> Option<Unmatchable> {
    let platform = by_issuer(issuer);
    if platform
        .is_some_and(|known| super::super::claims::impossible_subject(known, pattern).is_some())
    {
        return Some(Unmatchable::Form);
    }
    let known = describe(issuer, subject)?;
    if is_form_of_other_platform(platform, &known, pattern) {
        return Some(Unmatchable::Form);
    }
    let is_word = |one: &crate::platform::subject::Difference| {
        let words =
            SUBJECT_WORDS.iter().find(|(id, part, _)| *id == known.platform && *part == one.name);
        let wanted = one.wanted.filter(|wanted| !wanted.contains(':'));
        words
            .zip(wanted)
            .is_some_and(|((_, _, words), wanted)| !words.iter().any(|word| matches(wanted, word)))
    };
    if differences(issuer, pattern, subject).iter().any(is_word)
        || has_unknown_github_context(&known, pattern)
    {
        return Some(Unmatchable::Form);
    }
    let is_open = pattern.contains(['*', '?']);
    let is_part = !is_open && describe(issuer, pattern).is_none() && !known.is_customisable;
    (is_part && subject.starts_with(pattern)).then_some(Unmatchable::Beginning)
}

/// Whether the pattern begins like the subjects of another platform.
fn is_form_of_other_platform(platform: Option<&Platform>, known: &Subject, pattern: &str) -> bool {
    let Some((start, _)) = pattern.split_once([':', '/']) else { return false };
    let is_other = |other: &&Platform| {
        other.subjects.beginnings.iter().any(|own| !start.is_empty() && own.text.starts_with(start))
    };
    let own = known.platform.platform();
    platform.is_none()
        && !own.subjects.beginnings.is_empty()
        && !is_other(&own)
        && crate::platform::ALL.iter().copied().any(|other| is_other(&other))
}

/// Whether the part of a GitHub subject after the repository has an unknown form, such as
/// `ref:main` instead of `ref:refs/heads/main`.
fn has_unknown_github_context(known: &Subject, pattern: &str) -> bool {
    if known.platform != Id::GitHubActions {
        return false;
    }
    let Some((_, context)) = pattern.strip_prefix("repo:").and_then(|rest| rest.split_once(':'))
    else {
        return false;
    };
    let can_begin_with = |start: &str| {
        let literal = context.split(['*', '?', '.']).next().unwrap_or_default();
        context.starts_with(start) || literal.len() < context.len() && start.starts_with(literal)
    };
    !["environment:", "ref:refs/", "pull_request"].iter().any(|start| can_begin_with(start))
        && !may_be_chosen_claim(context)
}

/// Whether this may be a claim that a repository chose for its subject.
fn may_be_chosen_claim(context: &str) -> bool {
    let key = context.split(':').next().unwrap_or_default();
    context.contains(':')
        && key != "ref"
        && key != "environment"
        && Id::GitHubActions.platform().claims.documented.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GITHUB: &str = "https://token.actions.githubusercontent.com";

    #[test]
    fn regular_expressions_are_converted() {
        let cases: &[(&str, &[&str])] = &[
            ("^repo:acme/web:.*$", &["repo:acme/web:*"]),
            (
                "repo:acme/web:ref:refs/heads/(main|dev)",
                &["repo:acme/web:ref:refs/heads/main", "repo:acme/web:ref:refs/heads/dev"],
            ),
            ("^refs/tags/v\\d+$", &["refs/tags/v*"]),
            ("^a\\.b$", &["a.b"]),
            ("main|dev", &["main", "dev"]),
            ("repo:acme/web:*", &[]),
            ("^(a(b|c))$", &[]),
        ];
        for (written, expected) in cases {
            assert_eq!(regex_alternatives(written), *expected, "{written}");
        }
    }

    #[test]
    fn lists_are_split() {
        assert_eq!(list_elements(r#"["a", "b"]"#), ["a", "b"]);
        assert_eq!(list_elements("main, dev"), ["main", "dev"]);
        assert!(list_elements("main").is_empty() && list_elements("main,").is_empty());
    }

    #[test]
    fn unmatchable_subject_forms_are_recognised() {
        let subject = "repo:acme/web:ref:refs/heads/main";
        for pattern in [
            "rep:acme/web:*",
            "repo:acme/web:pull-request",
            "repo:acme/web:ref:main",
            "repo:acme/web:branch:main",
            "sc://acme/web/x",
        ] {
            assert!(unmatchable_subject(GITHUB, pattern, subject).is_some(), "{pattern}");
        }
        for pattern in [
            "repo:acme/web:pull_request",
            "repo:acme/web:environment:prod",
            "repo:acme/other:ref:refs/heads/main",
            "repo:acme/web:r*",
            "repo:acme/web:job_workflow_ref:acme/*",
            "repo:acme/web:*",
        ] {
            assert_eq!(unmatchable_subject(GITHUB, pattern, subject), None, "{pattern}");
        }
        let gitlab = "project_path:acme/web:ref_type:branch:ref:main";
        let pattern = "project_path:acme/web:ref_type:heads:ref:main";
        assert!(unmatchable_subject("https://gitlab.com", pattern, gitlab).is_some());
    }
}
