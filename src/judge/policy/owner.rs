//! Whether an entry says whose jobs it lets in.
//!
//! An issuer that everybody can use (GitHub, gitlab.com) vouches for strangers, so there a rule has
//! to name whose job it is: only certain claims do, and only a pattern that spells the owner out.
//! An issuer of one organization vouches for its own jobs; there any rule narrows that is not the
//! same for all of them.

use super::claims::{is_one_of, no_subject};
use crate::platform::{ALL, Beginning, Id, Shared, by_issuer, subject};
use crate::policy::{Entry, Rule};

/// Claims that are the same for many jobs of any issuer. `tid` and `azp` are the same for every
/// service connection of a tenant; everybody can have a branch or an environment of any name.
const NO_IDENTITY: &[&str] = &[
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

fn names(shared: &Shared, rule: &Rule) -> bool {
    if rule.claim == "sub" {
        return names_in_subject(shared, &rule.pattern);
    }
    is_one_of(shared.claims.iter().copied(), rule.claim.trim_matches('"'))
        && is_whole(&rule.pattern)
}

fn names_in_subject(shared: &Shared, pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.split(':').collect();
    // A repository may choose what makes its subject: GitHub's claims are keys as well.
    let is_key =
        |part: &str| shared.keys.contains(&part) || shared.escaped && shared.claims.contains(&part);
    parts.windows(2).enumerate().any(|(at, pair)| {
        let fixed = || !parts.iter().take(at).any(|part| part.contains(['*', '?']));
        matches!(pair, [key, value] if is_key(key) && is_whole(value))
            && (shared.escaped || fixed())
    })
}

/// Whether a pattern spells a name out up to its first separator. An `@` ends a name before its id.
fn is_whole(pattern: &str) -> bool {
    let name = pattern.split(['/', ':', '@']).next().unwrap_or_default();
    has_text(name) && !name.contains(['*', '?']) && !name.contains("..")
}

fn has_text(pattern: &str) -> bool {
    pattern.contains(char::is_alphanumeric)
}

/// Whether a rule narrows the jobs of an issuer that one organization has for itself.
fn narrows(rule: &Rule, platform: Option<Id>) -> bool {
    if NO_IDENTITY.contains(&rule.claim.as_str()) || !has_text(&rule.pattern) {
        return false;
    }
    if rule.claim == "sub" {
        return narrows_in_subject(&rule.pattern, platform);
    }
    let documented = |id: Id| {
        let known = id.platform().claims.documented;
        known.contains(&rule.claim.as_str()) && id.owners().is_some()
    };
    let by_claim = || ALL.iter().map(|platform| platform.id).find(|id| documented(*id));
    match platform.filter(|id| id.owners().is_some()).or_else(by_claim).and_then(Id::owners) {
        Some(owners) => owners.has_claim(&rule.claim) && is_named(&rule.pattern),
        // Nothing is known of the claim.
        None => true,
    }
}

/// Whether a pattern spells out more than separators and wildcards.
fn is_named(pattern: &str) -> bool {
    has_text(pattern.split(['*', '?']).next().unwrap_or_default())
}

fn narrows_in_subject(written: &str, platform: Option<Id>) -> bool {
    let of_platform = subject::parts_of(written, platform);
    if let Some((id, parts)) = of_platform
        && let Some(owners) = id.owners()
    {
        return parts.iter().any(|(name, value)| owners.parts.contains(name) && is_named(value));
    }
    let mut beginnings = ALL.iter().flat_map(|platform| platform.subjects.beginnings);
    beginnings.all(|Beginning { text, differ_after }| match written.strip_prefix(text) {
        Some(_) => written.split_once(differ_after).is_some_and(|(_, rest)| has_text(rest)),
        // Cut off before it tells anything.
        None => !text.starts_with(written.trim_end_matches(['*', '?', '.'])),
    })
}

/// Whether an entry names whose jobs it lets in. What the document leaves open may do so.
pub(crate) fn names_an_identity(issuer: Option<&str>, entry: &Entry) -> bool {
    let shared = issuer.and_then(shared);
    let known = issuer.and_then(by_issuer);
    // No token has this subject, so the entry admits nothing; another finding reports that.
    let nobody = |rule: &Rule| {
        rule.claim == "sub" && known.is_some_and(|known| no_subject(known, &rule.pattern).is_some())
    };
    entry.rules.iter().any(|rule| {
        rule.undetermined
            || nobody(rule)
            || shared.map_or_else(
                || narrows(rule, known.map(|platform| platform.id)),
                |shared| names(shared, rule),
            )
    })
}

/// Who gets a token from an entry that names no owner.
pub(crate) fn everybody(issuer: Option<&str>) -> &'static str {
    match issuer.and_then(shared) {
        Some(_) => "strangers",
        None => "every identity of the issuer",
    }
}

/// A sentence that says who is admitted by an entry that names no owner.
pub(crate) fn lets_in(issuer: Option<&str>, entry: &Entry, name: &str) -> String {
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

    /// Whether a rule names somebody, by issuer, claim and pattern.
    fn names(issuer: &str, claim: &str, pattern: &str) -> bool {
        let document = serde_json::json!({"url": issuer, "policies": [{
            "decision": "allow", "tokenType": "organization",
            "rules": {"aud": "a", claim: pattern}}]});
        let parsed = document::parse(&document.to_string()).unwrap();
        names_an_identity(Some(issuer), &parsed.issuers[0].policies.as_ref().unwrap()[0])
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
    fn rules_that_let_strangers_in_name_nobody() {
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
    fn rules_that_name_an_owner_are_enough() {
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
