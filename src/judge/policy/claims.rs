//! Which claims and subjects the tokens of a known issuer have.

use crate::judge::finding::list;
use crate::platform::{Platform, STANDARD_CLAIMS, by_issuer};
use crate::text::nearest;

/// The platform of an issuer whose tokens are documented claim by claim. The platforms add claims
/// over time, so a claim that is not documented is a warning.
pub(in crate::judge) fn documented(issuer: &str) -> Option<&'static Platform> {
    by_issuer(issuer).filter(|platform| platform.claims.is_complete)
}

fn claims(platform: &Platform) -> impl Iterator<Item = &'static str> {
    STANDARD_CLAIMS.into_iter().chain(platform.claims.documented.iter().copied())
}

/// Whether a claim is one of these; a known one that ends with `_` stands for all that begin so.
pub(in crate::judge) fn is_one_of(
    mut known: impl Iterator<Item = &'static str>,
    claim: &str,
) -> bool {
    known.any(|known| known == claim || known.ends_with('_') && claim.starts_with(known))
}

/// Whether its tokens have a claim, by the first key of a path.
pub(in crate::judge) fn has(platform: &Platform, claim: &str) -> bool {
    let key = claim.split('.').next().unwrap_or_default().trim_matches('"');
    is_one_of(claims(platform), key)
}

/// The documented claim that is written almost like this one.
pub(in crate::judge) fn nearest(platform: &Platform, claim: &str) -> Option<&'static str> {
    nearest::within_two_edits(claim, claims(platform))
}

/// Why no subject of this issuer matches a pattern, judged by its beginning.
pub(in crate::judge) fn no_subject(platform: &Platform, pattern: &str) -> Option<String> {
    let (subjects, name) = (&platform.subjects, platform.issuer_name());
    if let Some(never) = subjects.never.iter().find(|start| pattern.starts_with(**start)) {
        return Some(format!("No subject of {name} begins with {never}"));
    }
    // Where a repository chooses what makes its subject, that begins with a claim's name.
    let chosen = || claims(platform).any(|claim| overlaps(pattern, &format!("{claim}:")));
    let fits = !subjects.has_no_other
        || subjects.beginnings.iter().any(|start| overlaps(pattern, start.text))
        || chosen();
    let starts: Vec<String> =
        subjects.beginnings.iter().map(|start| start.text.to_owned()).collect();
    (!fits).then(|| format!("Subjects of {name} begin with {}", list(&starts)))
}

/// Whether a pattern can match a text with this beginning.
fn overlaps(written: &str, start: &str) -> bool {
    let plain: String = written.chars().take_while(|c| !"*?.".contains(*c)).collect();
    plain.starts_with(start) || plain.len() < written.len() && start.starts_with(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(issuer: &str) -> &'static Platform {
        documented(issuer).unwrap_or_else(|| panic!("{issuer}"))
    }

    #[test]
    fn not_every_platform_documents_every_claim() {
        assert_eq!(known("https://token.actions.githubusercontent.com").name, "GitHub Actions");
        for other in ["https://app.terraform.io", "https://gitlab.com.example", ""] {
            assert!(documented(other).is_none(), "{other}");
        }
    }

    #[test]
    fn claims_that_come_in_families_are_had() {
        let github = known("https://token.actions.githubusercontent.com");
        assert!(has(github, "repo_property_tier") && has(github, "repository"));
        assert!(!has(github, "repositry") && !has(github, "repository_"));
        assert_eq!(nearest(github, "repositry"), Some("repository"));
        assert_eq!(nearest(github, "tier"), None);
        let gitlab = known("https://gitlab.com");
        assert!(has(gitlab, "user_identities.provider") && has(gitlab, "\"project_path\""));
    }

    #[test]
    fn a_subject_that_cannot_be_is_told() {
        let cases = [
            ("https://token.actions.githubusercontent.com", "rep:acme/*", "begin with repo:"),
            ("https://token.actions.githubusercontent.com", "project_path:acme/*", "begin with"),
            ("https://gitlab.com", "repo:acme/*", "begin with project_path:"),
            ("https://vstoken.dev.azure.com/o", "/eid1/*", "begin with sc:// and p://"),
            ("https://login.microsoftonline.com/t/v2.0", "sc://*", "No subject of Entra begins"),
        ];
        for (issuer, pattern, why) in cases {
            let told = no_subject(known(issuer), pattern).unwrap_or_default();
            assert!(told.contains(why), "{pattern}: {told}");
        }
        let fine = [
            ("https://token.actions.githubusercontent.com", "repository_owner_id:1:*"),
            ("https://token.actions.githubusercontent.com", "job_workflow_ref:acme/*"),
            ("https://token.actions.githubusercontent.com", "*:environment:prod"),
            ("https://token.actions.githubusercontent.com", "r*"),
            ("https://login.microsoftonline.com/t/v2.0", "2f7d6a10-94c3-4b58-a1e6-d05b8c3e7f42"),
        ];
        for (issuer, pattern) in fine {
            assert_eq!(no_subject(known(issuer), pattern), None, "{pattern}");
        }
    }
}
