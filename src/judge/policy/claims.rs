//! Issuers whose tokens are documented claim by claim.

use crate::judge::finding::list;
use crate::text::nearest;

/// The claims of an issuer whose tokens are documented claim by claim. The platforms add claims
/// over time, so a claim that is not in here is a warning.
pub(in crate::judge) struct Known {
    /// What the issuer's URL is, or begins with up to a slash.
    issuer: &'static str,
    pub(in crate::judge) platform: &'static str,
    /// What a subject of this issuer begins with, where all do.
    subjects: &'static [&'static str],
    /// What none begins with.
    never: &'static [&'static str],
    /// The claims; one that ends with `_` stands for all that begin so.
    claims: &'static [&'static str],
}

impl Known {
    /// What is known of an issuer.
    pub(in crate::judge) fn of(issuer: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|known| {
            let rest = issuer.strip_prefix(known.issuer);
            rest.is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('/') || known.issuer.ends_with('/')
            })
        })
    }

    /// Whether its tokens have a claim, by the first key of a path.
    pub(in crate::judge) fn has(&self, claim: &str) -> bool {
        let key = claim.split('.').next().unwrap_or_default().trim_matches('"');
        self.claims
            .iter()
            .any(|known| *known == key || known.ends_with('_') && key.starts_with(known))
    }

    /// The documented claim that is written almost like this one.
    pub(in crate::judge) fn nearest(&self, claim: &str) -> Option<&'static str> {
        nearest::within_two_edits(claim, self.claims.iter().copied())
    }

    /// Why no subject of this issuer matches a pattern, judged by its beginning.
    pub(in crate::judge) fn no_subject(&self, pattern: &str) -> Option<String> {
        let platform = self.platform;
        if let Some(never) = self.never.iter().find(|start| pattern.starts_with(**start)) {
            return Some(format!("No subject of {platform} begins with {never}"));
        }
        // Where a repository chooses what makes its subject, that begins with a claim's name.
        let chosen = || self.claims.iter().any(|claim| overlaps(pattern, &format!("{claim}:")));
        let fits = self.subjects.is_empty()
            || self.subjects.iter().any(|start| overlaps(pattern, start))
            || chosen();
        let starts: Vec<String> = self.subjects.iter().map(|start| (*start).to_owned()).collect();
        (!fits).then(|| format!("Subjects of {platform} begin with {}", list(&starts)))
    }
}

/// Whether a pattern can match a text with this beginning.
fn overlaps(written: &str, start: &str) -> bool {
    let plain: String = written.chars().take_while(|c| !"*?.".contains(*c)).collect();
    plain.starts_with(start) || plain.len() < written.len() && start.starts_with(&plain)
}

const KNOWN: &[Known] = &[
    Known {
        issuer: "https://token.actions.githubusercontent.com",
        platform: "GitHub Actions",
        subjects: &["repo:"],
        never: &[],
        claims: &[
            "actor",
            "actor_id",
            "aud",
            "base_ref",
            "check_run_id",
            "enterprise",
            "enterprise_id",
            "environment",
            "environment_node_id",
            "event_name",
            "exp",
            "head_ref",
            "iat",
            "iss",
            "issuer_scope",
            "job_workflow_ref",
            "job_workflow_sha",
            "jti",
            "nbf",
            "ref",
            "ref_protected",
            "ref_type",
            "repo_property_",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "repository_visibility",
            "run_attempt",
            "run_id",
            "run_number",
            "runner_environment",
            "sha",
            "sub",
            "workflow",
            "workflow_ref",
            "workflow_sha",
        ],
    },
    Known {
        issuer: "https://vstoken.dev.azure.com/",
        platform: "Azure DevOps",
        subjects: &["sc://", "p://"],
        never: &[],
        claims: &[
            "aud", "def_id", "exp", "iat", "iss", "jti", "nbf", "org_id", "prj_id", "rpo_id",
            "rpo_ref", "rpo_uri", "rpo_ver", "run_id", "sub",
        ],
    },
    Known {
        issuer: "https://login.microsoftonline.com/",
        platform: "Entra",
        // A managed identity's is its object id.
        subjects: &[],
        never: &["sc://", "p://"],
        claims: &[
            "aio", "appid", "aud", "azp", "azpacr", "exp", "iat", "idtyp", "iss", "jti", "nbf",
            "oid", "rh", "roles", "sub", "tid", "uti", "ver", "xms_",
        ],
    },
    Known {
        issuer: "https://gitlab.com",
        platform: "GitLab",
        subjects: &["project_path:"],
        never: &[],
        claims: &[
            "aud",
            "ci_config_ref_uri",
            "ci_config_sha",
            "deployment_tier",
            "environment",
            "environment_action",
            "environment_protected",
            "exp",
            "groups_direct",
            "iat",
            "iss",
            "job_id",
            "job_namespace_id",
            "job_namespace_path",
            "job_project_id",
            "job_project_path",
            "jti",
            "namespace_id",
            "namespace_path",
            "nbf",
            "pipeline_id",
            "pipeline_source",
            "project_id",
            "project_path",
            "project_visibility",
            "ref",
            "ref_path",
            "ref_protected",
            "ref_type",
            "runner_environment",
            "runner_id",
            "sha",
            "sub",
            "user_access_level",
            "user_email",
            "user_id",
            "user_identities",
            "user_login",
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn known(issuer: &str) -> &'static Known {
        Known::of(issuer).unwrap_or_else(|| panic!("{issuer}"))
    }

    #[test]
    fn an_issuer_is_known_by_its_whole_host() {
        let github = "https://token.actions.githubusercontent.com";
        assert_eq!(known(github).platform, "GitHub Actions");
        assert_eq!(known(&format!("{github}/slug")).platform, "GitHub Actions");
        assert_eq!(known("https://vstoken.dev.azure.com/5a1c").platform, "Azure DevOps");
        for other in ["https://gitlab.com.example", "https://gitlab.community", "https://x", ""] {
            assert!(Known::of(other).is_none(), "{other}");
        }
    }

    #[test]
    fn claims_that_come_in_families_are_had() {
        let github = known("https://token.actions.githubusercontent.com");
        assert!(github.has("repo_property_tier") && github.has("repository"));
        assert!(!github.has("repositry") && !github.has("repository_"));
        assert_eq!(github.nearest("repositry"), Some("repository"));
        assert_eq!(github.nearest("tier"), None);
        let gitlab = known("https://gitlab.com");
        assert!(gitlab.has("user_identities.provider") && gitlab.has("\"project_path\""));
    }

    #[test]
    fn claims_that_identify_jobs_are_documented() {
        for (issuer, mark) in [
            ("https://token.actions.githubusercontent.com", "repository_id"),
            ("https://vstoken.dev.azure.com/o", "def_id"),
            ("https://gitlab.com", "project_id"),
        ] {
            let known = known(issuer);
            let paths: Vec<&str> = crate::judge::policy::job_claims::paths(Some(mark)).collect();
            assert!(paths.len() > 3 && paths.iter().all(|path| known.has(path)), "{paths:?}");
        }
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
            let told = known(issuer).no_subject(pattern).unwrap_or_default();
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
            assert_eq!(known(issuer).no_subject(pattern), None, "{pattern}");
        }
    }
}
