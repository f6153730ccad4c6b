//! Patterns that no token of an issuer can match, and what they were probably meant to be.

use crate::platform::subject::{Subject, describe, differences};
use crate::platform::{Id, Platform, by_issuer};
use crate::policy::pattern::matches;

/// Why no token of the issuer can match a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dead {
    WhiteSpace,
    RegularExpression,
    List,
    Placeholder,
    /// The issuer gives no such subject, or no such value.
    Form,
    /// It ends before the value does.
    Beginning,
    /// Names that are the same but for upper and lower case.
    Case,
    /// A form that the issuer no longer gives this identity.
    Outdated,
    /// Another spelling of the same audience.
    Spelling,
}

impl Dead {
    /// What is wrong, in a sentence, where comparing the rule with the value does not tell it.
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

/// A mask that a log put in the place of a secret.
pub(crate) const MASK: &str = "***";

/// What a text probably means that is visibly not a pattern.
pub(crate) fn conversions(pattern: &str) -> Vec<(Dead, String)> {
    let mut found = Vec::new();
    let trimmed = pattern.trim();
    if trimmed != pattern {
        found.push((Dead::WhiteSpace, trimmed.to_owned()));
    }
    found.extend(elements(trimmed).into_iter().map(|element| (Dead::List, element)));
    found.extend(expressions(trimmed).into_iter().map(|one| (Dead::RegularExpression, one)));
    found
}

/// The values of a list that was written into one rule.
fn elements(pattern: &str) -> Vec<String> {
    if let Ok(all) = serde_json::from_str::<Vec<String>>(pattern) {
        return all;
    }
    let inner = pattern.trim_start_matches('[').trim_end_matches(']');
    let bare = |one: &str| one.trim().trim_matches(['"', '\'']).to_owned();
    let all: Vec<String> = inner.split(',').map(bare).collect();
    let is_list = all.len() > 1 && all.iter().all(|one| !one.is_empty());
    if is_list { all } else { Vec::new() }
}

/// Signs that only a regular expression has.
const SIGNS: [&str; 7] = ["^", "\\", "(", "[", ".+", "|", "$"];

/// The patterns that a regular expression stands for, one for each alternative. None where it has
/// more than anchors, escapes, `.*`, `.+`, classes and one group of alternatives.
fn expressions(written: &str) -> Vec<String> {
    if !SIGNS.iter().any(|sign| written.contains(sign)) || written.contains("${") {
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
    alternatives.iter().filter_map(|one| plain(one)).filter(|one| one != written).collect()
}

/// A regular expression without groups as a pattern.
fn plain(expression: &str) -> Option<String> {
    let mut pattern = String::new();
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                'd' | 'w' | 'S' => one_or_more(&mut pattern, &mut chars),
                escaped if escaped.is_ascii_alphanumeric() => return None,
                escaped => pattern.push(escaped),
            },
            '[' => {
                while chars.next()? != ']' {}
                one_or_more(&mut pattern, &mut chars);
            }
            '.' => one_or_more(&mut pattern, &mut chars),
            '*' | '+' | '?' | '{' | '(' | ')' | '^' | '$' | '|' => return None,
            other => pattern.push(other),
        }
    }
    Some(pattern)
}

/// A character class: with a repetition it is `*`, alone `.`.
fn one_or_more(pattern: &mut String, chars: &mut std::iter::Peekable<std::str::Chars>) {
    let repeated = chars.next_if(|c| matches!(c, '*' | '+')).is_some();
    pattern.push(if repeated { '*' } else { '.' });
}

/// Whether a pattern holds a placeholder of a guide or a template.
pub(crate) fn has_placeholder(pattern: &str) -> bool {
    let in_brackets = pattern.split_once('<').is_some_and(|(_, rest)| rest.contains('>'));
    in_brackets || pattern.contains("${") || pattern.contains("{{")
}

/// Words that stand in subjects, by platform and part.
const WORDS: &[(Id, &str, &[&str])] = &[
    (Id::GitHubActions, "context", &["pull_request"]),
    (Id::GitLab, "kind of ref", &["branch", "tag"]),
    (Id::HcpTerraform, "run phase", &["plan", "apply"]),
    (Id::Spacelift, "scope", &["read", "write"]),
];

/// Whether no subject of the issuer matches a pattern, judged by its form.
pub(crate) fn no_such_subject(issuer: &str, pattern: &str, subject: &str) -> Option<Dead> {
    let platform = by_issuer(issuer);
    if platform.is_some_and(|known| super::super::claims::no_subject(known, pattern).is_some()) {
        return Some(Dead::Form);
    }
    let known = describe(issuer, subject)?;
    if elsewhere(platform, &known, pattern) {
        return Some(Dead::Form);
    }
    let is_word = |one: &crate::platform::subject::Difference| {
        let words = WORDS.iter().find(|(id, part, _)| *id == known.platform && *part == one.name);
        let wanted = one.wanted.filter(|wanted| !wanted.contains(':'));
        words
            .zip(wanted)
            .is_some_and(|((_, _, words), wanted)| !words.iter().any(|word| matches(wanted, word)))
    };
    if differences(issuer, pattern, subject).iter().any(is_word) || bare_ref(&known, pattern) {
        return Some(Dead::Form);
    }
    let is_open = pattern.contains(['*', '?']);
    let is_part = !is_open && describe(issuer, pattern).is_none() && !known.is_customisable;
    (is_part && subject.starts_with(pattern)).then_some(Dead::Beginning)
}

/// A subject of a form that this platform's issuer never gives.
fn elsewhere(platform: Option<&Platform>, known: &Subject, pattern: &str) -> bool {
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

/// GitHub's refs are whole: `ref:main` names none. Its words for what a job is about are known.
fn bare_ref(known: &Subject, pattern: &str) -> bool {
    if known.platform != Id::GitHubActions {
        return false;
    }
    let Some((_, context)) = pattern.strip_prefix("repo:").and_then(|rest| rest.split_once(':'))
    else {
        return false;
    };
    let fits = |start: &str| {
        let plain = context.split(['*', '?', '.']).next().unwrap_or_default();
        context.starts_with(start) || plain.len() < context.len() && start.starts_with(plain)
    };
    !["environment:", "ref:refs/", "pull_request"].iter().any(|start| fits(start))
        && !is_claims(context)
}

/// Whether a repository may have chosen a claim to stand here.
fn is_claims(context: &str) -> bool {
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
            assert_eq!(expressions(written), *expected, "{written}");
        }
    }

    #[test]
    fn lists_are_taken_apart() {
        assert_eq!(elements(r#"["a", "b"]"#), ["a", "b"]);
        assert_eq!(elements("main, dev"), ["main", "dev"]);
        assert!(elements("main").is_empty() && elements("main,").is_empty());
    }

    #[test]
    fn forms_that_no_token_has_are_known() {
        let subject = "repo:acme/web:ref:refs/heads/main";
        for pattern in [
            "rep:acme/web:*",
            "repo:acme/web:pull-request",
            "repo:acme/web:ref:main",
            "repo:acme/web:branch:main",
            "sc://acme/web/x",
        ] {
            assert!(no_such_subject(GITHUB, pattern, subject).is_some(), "{pattern}");
        }
        for pattern in [
            "repo:acme/web:pull_request",
            "repo:acme/web:environment:prod",
            "repo:acme/other:ref:refs/heads/main",
            "repo:acme/web:r*",
            "repo:acme/web:job_workflow_ref:acme/*",
            "repo:acme/web:*",
        ] {
            assert_eq!(no_such_subject(GITHUB, pattern, subject), None, "{pattern}");
        }
        let gitlab = "project_path:acme/web:ref_type:branch:ref:main";
        let pattern = "project_path:acme/web:ref_type:heads:ref:main";
        assert!(no_such_subject("https://gitlab.com", pattern, gitlab).is_some());
    }
}
