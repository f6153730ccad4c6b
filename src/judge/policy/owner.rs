//! Decides whether an entry names the owner of the jobs that it lets in.
//!
//! Everybody can get tokens from a shared issuer (GitHub, gitlab.com). Its entries must name an
//! owner, with one of certain claims and a pattern that spells the owner out. The issuer of one
//! organization issues tokens only to its own jobs. There, a rule on any claim that differs between
//! jobs suffices.

use super::claims::{impossible_subject, is_known_claim};
use crate::platform::{ALL, Beginning, Id, Shared, by_issuer, subject};
use crate::policy::{Entry, Rule};

/// Claims that do not identify a job: `tid` and `azp` are the same for every service connection of
/// a tenant, and anybody can create a branch or an environment with any name.
const COMMON_CLAIMS: &[&str] = &[
    "aud",
    "azp",
    "environment",
    "event_name",
    "exp",
    "iat",
    "idtyp",
    "iss",
    "jti",
    "nbf",
    "ref",
    "ref_protected",
    "ref_type",
    "runner_environment",
    "sha",
    "tid",
    "ver",
    "workflow",
];

/// The shared issuer with this URL.
fn shared(issuer: &str) -> Option<&'static Shared> {
    let issuer = issuer.trim_end_matches('/');
    let own = by_issuer(issuer)?.issuer.as_ref()?;
    own.shared.as_ref().filter(|_| own.urls.contains(&issuer))
}

fn names_owner(shared: &Shared, rule: &Rule) -> bool {
    if rule.claim == "sub" {
        return subject_names_owner(shared, &rule.pattern);
    }
    is_known_claim(shared.claims.iter().copied(), rule.claim.trim_matches('"'))
        && spells_out_name(&rule.pattern)
}

fn subject_names_owner(shared: &Shared, pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.split(':').collect();
    // A GitHub repository may build its subject from claims, so claims are keys too.
    let is_key =
        |part: &str| shared.keys.contains(&part) || shared.escaped && shared.claims.contains(&part);
    parts.windows(2).enumerate().any(|(at, pair)| {
        let fixed = || !parts.iter().take(at).any(|part| part.contains(['*', '?']));
        matches!(pair, [key, value] if is_key(key) && spells_out_name(value))
            && (shared.escaped || fixed())
    })
}

/// Whether a pattern has no wildcard before its first separator. An `@` separates a name from its
/// id.
fn spells_out_name(pattern: &str) -> bool {
    let name = pattern.split(['/', ':', '@']).next().unwrap_or_default();
    has_text(name) && !name.contains(['*', '?']) && !name.contains("..")
}

fn has_text(pattern: &str) -> bool {
    pattern.contains(char::is_alphanumeric)
}

/// Whether a rule excludes some jobs of an issuer that belongs to one organization.
fn narrows_to_job(rule: &Rule, platform: Option<Id>) -> bool {
    if COMMON_CLAIMS.contains(&rule.claim.as_str()) || !has_text(&rule.pattern) {
        return false;
    }
    if rule.claim == "sub" {
        return subject_narrows_to_job(&rule.pattern, platform);
    }
    let documented = |id: Id| {
        let known = id.platform().claims.documented;
        known.contains(&rule.claim.as_str()) && id.owners().is_some()
    };
    let by_claim = || ALL.iter().map(|platform| platform.id).find(|id| documented(*id));
    match platform.filter(|id| id.owners().is_some()).or_else(by_claim).and_then(Id::owners) {
        Some(owners) => owners.has_claim(&rule.claim) && begins_with_text(&rule.pattern),
        // An unknown claim is assumed to identify a job.
        None => true,
    }
}

/// Whether a pattern has letters or digits before its first wildcard.
fn begins_with_text(pattern: &str) -> bool {
    has_text(pattern.split(['*', '?']).next().unwrap_or_default())
}

fn subject_narrows_to_job(written: &str, platform: Option<Id>) -> bool {
    let of_platform = subject::parts_of(written, platform);
    if let Some((id, parts)) = of_platform
        && let Some(owners) = id.owners()
    {
        return parts
            .iter()
            .any(|(name, value)| owners.parts.contains(name) && begins_with_text(value));
    }
    let mut beginnings = ALL.iter().flat_map(|platform| platform.subjects.beginnings);
    beginnings.all(|Beginning { text, differ_after }| match written.strip_prefix(text) {
        Some(_) => written.split_once(differ_after).is_some_and(|(_, rest)| has_text(rest)),
        // The pattern ends within the platform's fixed prefix.
        None => !text.starts_with(written.trim_end_matches(['*', '?', '.'])),
    })
}

/// Whether an entry names an owner, or a job where that suffices. Unresolved rules are assumed to.
pub(crate) fn names_owner_or_job(issuer: Option<&str>, entry: &Entry) -> bool {
    let shared = issuer.and_then(shared);
    let known = issuer.and_then(by_issuer);
    // An entry for an impossible subject admits nothing. Another finding reports it.
    let is_impossible = |rule: &Rule| {
        rule.claim == "sub"
            && known.is_some_and(|known| impossible_subject(known, &rule.pattern).is_some())
    };
    entry.rules.iter().any(|rule| {
        rule.undetermined
            || is_impossible(rule)
            || shared.map_or_else(
                || narrows_to_job(rule, known.map(|platform| platform.id)),
                |shared| names_owner(shared, rule),
            )
    })
}

/// Who is admitted by an entry that names no owner, as a noun phrase.
pub(crate) fn admitted_group(issuer: Option<&str>) -> &'static str {
    match issuer.and_then(shared) {
        Some(_) => "strangers",
        None => "every identity of the issuer",
    }
}

/// A sentence that says who is admitted by an entry that names no owner.
pub(crate) fn describe_admitted(issuer: Option<&str>, entry: &Entry, name: &str) -> String {
    let Some(shared) = issuer.and_then(shared) else {
        return format!("{name} lets every identity of the issuer in.");
    };
    let also: Vec<String> = entry
        .rules
        .iter()
        .filter(|rule| !matches!(rule.claim.as_str(), "aud" | "iss") && has_text(&rule.pattern))
        .map(|rule| format!("{} {}", rule.claim, rule.pattern))
        .collect();
    let also = match also.is_empty() {
        true => String::new(),
        false => format!(" whose token matches {}", crate::judge::finding::list(&also)),
    };
    format!("{name} names no {}: {}{also} is let in.", shared.owner, shared.everybody)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::policy::document;

    /// Whether an entry with this rule names an owner or a job.
    fn names(issuer: &str, claim: &str, pattern: &str) -> bool {
        let document = serde_json::json!({"url": issuer, "policies": [{
            "decision": "allow", "tokenType": "organization",
            "rules": {"aud": "a", claim: pattern}}]});
        let parsed = document::parse(&document.to_string()).unwrap();
        names_owner_or_job(Some(issuer), &parsed.issuers[0].policies.as_ref().unwrap()[0])
    }

    const GITHUB: &str = "https://token.actions.githubusercontent.com";
    const GITLAB: &str = "https://gitlab.com";
    const BUILDKITE: &str = "https://agent.buildkite.com";
    const ENTRA: &str =
        "https://login.microsoftonline.com/8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3/v2.0";
    const OTHER: &str = "https://ci.example";
    const AZURE: &str = "https://vstoken.dev.azure.com/5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815";
    const CIRCLECI: &str = "https://oidc.circleci.com/org/b9917b05-2c4f-4e0a-9c35-11ad4b6e7d20";
    const BITBUCKET: &str =
        "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc";
    const SPACELIFT: &str = "https://acme.app.spacelift.io";

    #[test]
    fn broad_rules_name_no_owner() {
        for (issuer, claim, pattern) in [
            (GITHUB, "ref", "refs/heads/main"),
            (GITHUB, "event_name", "push"),
            (GITHUB, "environment", "prod"),
            (GITHUB, "repository", "*/web"),
            (GITHUB, "repository_owner_id", "6*"),
            (GITHUB, "repository_owner", "acm?"),
            (GITHUB, "sub", "repo:*"),
            (GITHUB, "sub", "?*"),
            (GITHUB, "sub", "repo:*:environment:prod"),
            (GITHUB, "sub", "*:ref:refs/heads/main"),
            (GITHUB, "sub", "repo:octo-org*"),
            (GITHUB, "sub", "repo:...../web:*"),
            (GITHUB, "sub", "*acme/web*"),
            (GITHUB, "sub", "environment:prod:*"),
            (GITLAB, "ref_protected", "true"),
            (GITLAB, "namespace_path", "acme*"),
            (GITLAB, "sub", "*:project_path:acme/*"),
            (BUILDKITE, "sub", "organization:*"),
            (BUILDKITE, "sub", "*:organization:acme:*"),
            (BUILDKITE, "build_branch", "main"),
            ("https://app.terraform.io", "terraform_run_phase", "apply"),
            ("https://api.pulumi.com/oidc", "sub", "pulumi:deploy:org:*"),
            (ENTRA, "sub", "/eid1/*"),
            (ENTRA, "tid", "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3"),
            (GITHUB, "actor", "octocat"),
            (GITLAB, "user_login", "octocat"),
            (GITLAB, "groups_direct", "acme"),
            (OTHER, "sub", "system:serviceaccount:*:deployer"),
            (OTHER, "sub", "repo:*:environment:prod"),
            (OTHER, "sub", "project_path:*:ref_type:branch:ref:main"),
            (OTHER, "\"kubernetes.io\".pod.name", "deploy-7d9f"),
            (ENTRA, "oid", "2f7d6a10-94c3-4b58-a1e6-d05b8c3e7f42"),
            (AZURE, "sub", "sc://*"),
            (AZURE, "sub", "sc://acme/*"),
            (AZURE, "sub", "sc://acme/*/*"),
            (AZURE, "rpo_ref", "refs/heads/main"),
            (CIRCLECI, "\"oidc.circleci.com/vcs-ref\"", "refs/heads/main"),
            (CIRCLECI, "\"oidc.circleci.com/ssh-rerun\"", "false"),
            (BITBUCKET, "branchName", "main"),
            (BITBUCKET, "workspaceUuid", "{6e0d3b5c-4f17-4a92-b8c3-2a9d1e7f0c64}"),
            (SPACELIFT, "runType", "TRACKED"),
            (SPACELIFT, "scope", "write"),
            (SPACELIFT, "callerType", "stack"),
            (SPACELIFT, "sub", "space:*:stack:*:run_type:TRACKED:scope:write"),
            (OTHER, "sub", "system:serviceaccount:*"),
            (OTHER, "sub", "system:*"),
            (OTHER, "sub", "org/b9917b05/project/*"),
            (OTHER, "ref_protected", "true"),
        ] {
            assert!(!names(issuer, claim, pattern), "{issuer} {claim}: {pattern}");
        }
    }

    #[test]
    fn specific_rules_name_owner() {
        for (issuer, claim, pattern) in [
            (GITHUB, "sub", "repo:acme/*"),
            (GITHUB, "sub", "repo:acme@1042/*"),
            (GITHUB, "sub", "repo:octo-org/web*"),
            (GITHUB, "sub", "repository_owner_id:65:*"),
            (GITHUB, "sub", "repository_id:74:run_id:*:ref:refs/heads/main"),
            (GITHUB, "sub", "*:repository_owner:acme:*"),
            (GITHUB, "sub", "Repo:acme/web:ref:refs/heads/main"),
            (GITHUB, "repository_owner", "acme"),
            (GITHUB, "repository_id", "74"),
            (GITHUB, "job_workflow_ref", "acme/ci/.github/workflows/up.yml@*"),
            (&format!("{GITHUB}/acme"), "sub", "*:pull_request"),
            (GITLAB, "sub", "project_path:acme/*"),
            (GITLAB, "namespace_path", "acme"),
            (GITLAB, "project_id", "22"),
            (BUILDKITE, "sub", "organization:acme:*"),
            ("https://app.terraform.io", "sub", "organization:acme:project:*"),
            ("https://api.pulumi.com/oidc", "sub", "pulumi:deploy:org:acme:*"),
            (ENTRA, "sub", "/eid1/c/pub/t/T/a/A/sc/5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815/*"),
            (AZURE, "sub", "sc://acme/web-shop/*"),
            (AZURE, "def_id", "7"),
            (CIRCLECI, "\"oidc.circleci.com/project-id\"", "5d9a7c31-0e82-4b6f-a4d3-7f1c2e9b8a60"),
            (BITBUCKET, "repositoryUuid", "{3c5f9a1e-72d4-4b08-9e6a-d1f2c8b7a450}"),
            (SPACELIFT, "spaceId", "root"),
            (SPACELIFT, "sub", "space:root:*"),
            (OTHER, "sub", "repo:acme/*"),
            (OTHER, "tier", "production"),
            (OTHER, "sub", "system:serviceaccount:ci:*"),
            (OTHER, "sub", "*-deployer"),
            (OTHER, "\"kubernetes.io\".namespace", "ci"),
        ] {
            assert!(names(issuer, claim, pattern), "{issuer} {claim}: {pattern}");
        }
    }
}
