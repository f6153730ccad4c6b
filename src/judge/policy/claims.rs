//! The claims and subjects that tokens of a known issuer can have.

use crate::judge::finding::list;
use crate::platform::{Platform, STANDARD_CLAIMS, by_issuer};
use crate::text::nearest;

/// The platform of an issuer that documents all its claims. Platforms add claims over time, so an
/// undocumented claim is only a warning.
pub(in crate::judge) fn documented_platform(issuer: &str) -> Option<&'static Platform> {
    by_issuer(issuer).filter(|platform| platform.claims.is_complete)
}

fn claims(platform: &Platform) -> impl Iterator<Item = &'static str> {
    STANDARD_CLAIMS.into_iter().chain(platform.claims.documented.iter().copied())
}

/// Whether a claim is known. A known claim that ends with `_` is a prefix.
pub(in crate::judge) fn is_known_claim(
    mut known: impl Iterator<Item = &'static str>,
    claim: &str,
) -> bool {
    known.any(|known| known == claim || known.ends_with('_') && claim.starts_with(known))
}

/// Whether the platform documents the first key of a claim path.
pub(in crate::judge) fn documents_claim(platform: &Platform, claim: &str) -> bool {
    let key = claim.split('.').next().unwrap_or_default().trim_matches('"');
    is_known_claim(claims(platform), key)
}

/// The documented claim with the most similar name.
pub(in crate::judge) fn nearest_documented_claim(
    platform: &Platform,
    claim: &str,
) -> Option<&'static str> {
    nearest::within_two_edits(claim, claims(platform))
}

/// Why no subject of this issuer can match a pattern, judged by the pattern's beginning.
pub(in crate::judge) fn impossible_subject(platform: &Platform, pattern: &str) -> Option<String> {
    let (subjects, name) = (&platform.subjects, platform.issuer_name());
    if let Some(never) = subjects.never.iter().find(|start| pattern.starts_with(**start)) {
        return Some(format!("No subject of {name} begins with {never}"));
    }
    // A subject whose parts a repository chooses begins with the name of a claim.
    let chosen = || claims(platform).any(|claim| can_begin_with(pattern, &format!("{claim}:")));
    let fits = !subjects.has_no_other
        || subjects.beginnings.iter().any(|start| can_begin_with(pattern, start.text))
        || chosen();
    let starts: Vec<String> =
        subjects.beginnings.iter().map(|start| start.text.to_owned()).collect();
    (!fits).then(|| format!("Subjects of {name} begin with {}", list(&starts)))
}

/// Whether a pattern can match a text with this beginning.
fn can_begin_with(pattern: &str, start: &str) -> bool {
    let literal: String = pattern.chars().take_while(|c| !"*?.".contains(*c)).collect();
    literal.starts_with(start) || literal.len() < pattern.len() && start.starts_with(&literal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(issuer: &str) -> &'static Platform {
        documented_platform(issuer).unwrap_or_else(|| panic!("{issuer}"))
    }

    #[test]
    fn only_some_platforms_are_documented() {
        assert_eq!(known("https://token.actions.githubusercontent.com").name, "GitHub Actions");
        for other in ["https://app.terraform.io", "https://gitlab.com.example", ""] {
            assert!(documented_platform(other).is_none(), "{other}");
        }
    }

    #[test]
    fn claim_prefixes_are_documented() {
        let github = known("https://token.actions.githubusercontent.com");
        assert!(
            documents_claim(github, "repo_property_tier") && documents_claim(github, "repository")
        );
        assert!(!documents_claim(github, "repositry") && !documents_claim(github, "repository_"));
        assert_eq!(nearest_documented_claim(github, "repositry"), Some("repository"));
        assert_eq!(nearest_documented_claim(github, "tier"), None);
        let gitlab = known("https://gitlab.com");
        assert!(
            documents_claim(gitlab, "user_identities.provider")
                && documents_claim(gitlab, "\"project_path\"")
        );
    }

    #[test]
    fn impossible_subjects_are_explained() {
        let cases = [
            ("https://token.actions.githubusercontent.com", "rep:acme/*", "begin with repo:"),
            ("https://token.actions.githubusercontent.com", "project_path:acme/*", "begin with"),
            ("https://gitlab.com", "repo:acme/*", "begin with project_path:"),
            ("https://vstoken.dev.azure.com/o", "/eid1/*", "begin with sc:// and p://"),
            ("https://login.microsoftonline.com/t/v2.0", "sc://*", "No subject of Entra begins"),
        ];
        for (issuer, pattern, why) in cases {
            let reason = impossible_subject(known(issuer), pattern).unwrap_or_default();
            assert!(reason.contains(why), "{pattern}: {reason}");
        }
        let fine = [
            ("https://token.actions.githubusercontent.com", "repository_owner_id:1:*"),
            ("https://token.actions.githubusercontent.com", "job_workflow_ref:acme/*"),
            ("https://token.actions.githubusercontent.com", "*:environment:prod"),
            ("https://token.actions.githubusercontent.com", "r*"),
            ("https://login.microsoftonline.com/t/v2.0", "2f7d6a10-94c3-4b58-a1e6-d05b8c3e7f42"),
        ];
        for (issuer, pattern) in fine {
            assert_eq!(impossible_subject(known(issuer), pattern), None, "{pattern}");
        }
    }
}
