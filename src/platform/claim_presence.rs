//! Explains when tokens have a claim, for claims that only some tokens have.

use super::Id;

/// Claims, each with a sentence that says when tokens have it.
const CLAIMS: &[(Id, &str, &str)] = &[
    (
        Id::GitHubActions,
        "environment",
        "GitHub gives it to jobs with `environment:` in the workflow.",
    ),
    (
        Id::GitHubActions,
        "environment_node_id",
        "GitHub gives it to jobs with `environment:` in the workflow.",
    ),
    (Id::GitHubActions, "base_ref", "GitHub gives it to jobs of pull requests."),
    (Id::GitHubActions, "head_ref", "GitHub gives it to jobs of pull requests."),
    (Id::GitHubActions, "enterprise", "GitHub gives it to repositories of an enterprise account."),
    (
        Id::GitHubActions,
        "enterprise_id",
        "GitHub gives it to repositories of an enterprise account.",
    ),
    (Id::GitLab, "environment", "GitLab gives it to jobs with `environment:`."),
    (Id::GitLab, "environment_protected", "GitLab gives it to jobs with `environment:`."),
    (Id::GitLab, "environment_action", "GitLab gives it to jobs with `environment:`."),
    (Id::GitLab, "deployment_tier", "GitLab gives it to jobs with `environment:`."),
    (
        Id::CircleCi,
        "\"oidc.circleci.com/context-ids\"",
        "CircleCI gives it to jobs that use a context.",
    ),
    (
        Id::CircleCi,
        "\"oidc.circleci.com/vcs-origin\"",
        "CircleCI gives it to pipelines that a repository's change started.",
    ),
    (
        Id::CircleCi,
        "\"oidc.circleci.com/vcs-ref\"",
        "CircleCI gives it to pipelines that a repository's change started.",
    ),
    (Id::Bitbucket, "deploymentEnvironmentUuid", "Bitbucket gives it to steps with `deployment:`."),
    (Id::Bitbucket, "branchName", "Bitbucket gives it to pipelines of a branch, not of a tag."),
    (Id::Buildkite, "build_tag", "Buildkite gives it to builds of a tag."),
    (Id::Buildkite, "step_key", "Buildkite gives it to steps with `key:`."),
    (
        Id::Buildkite,
        "organization_id",
        "Buildkite gives it when the job asks: buildkite-agent oidc request-token --claim \
         organization_id.",
    ),
    (
        Id::Buildkite,
        "pipeline_id",
        "Buildkite gives it when the job asks: buildkite-agent oidc request-token --claim \
         pipeline_id.",
    ),
    (Id::AzurePipelines, "def_id", "Only a pipeline's own token has it, no service connection's."),
    (Id::AzurePipelines, "prj_id", "Only a pipeline's own token has it, no service connection's."),
    (Id::AzurePipelines, "org_id", "Only a pipeline's own token has it, no service connection's."),
    (Id::AzurePipelines, "rpo_ref", "Only a pipeline's own token has it, no service connection's."),
];

/// A sentence that says when a platform's tokens have a claim.
pub(crate) fn when_claim_appears(id: Id, claim: &str) -> Option<&'static str> {
    CLAIMS.iter().find(|(own, name, _)| *own == id && *name == claim).map(|(.., when)| *when)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explained_claims_are_documented() {
        for (id, claim, sentence) in CLAIMS {
            assert!(id.platform().claims.documented.contains(claim), "{id:?} {claim}");
            assert!(sentence.ends_with('.'), "{sentence}");
        }
    }
}
