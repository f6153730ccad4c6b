//! The CI platforms: how each is recognised, and where it keeps a job's OIDC token.

/// A platform.
pub(crate) struct Platform {
    /// How the report names its requests and its absence.
    pub(crate) id: &'static str,
    /// Its name as people know it.
    pub(crate) name: &'static str,
    /// The variable that it sets in every job; absent where nothing tells the platform.
    pub(crate) marker: Option<&'static str>,
    /// Where a token may be, in the order of precedence.
    pub(crate) sources: &'static [Place],
}

/// Where a token may be.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// An environment variable, and what has to be done for the platform to set it.
    Variable(&'static str, &'static str),
    /// The variables whose names begin like this.
    Variables(&'static str, &'static str),
    /// Any variable that holds a token of the issuer which another variable names.
    AnyOfIssuer(&'static str),
    /// A file.
    File(&'static str),
    /// A request over HTTP or to a program of the platform.
    Request(Request),
}

/// The requests for a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// `SYSTEM_OIDCREQUESTURI`.
    AzurePipelines,
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
    GitHubActions,
    /// `buildkite-agent oidc request-token`.
    Buildkite,
}

use Place::{AnyOfIssuer, File, Request as Ask, Variable, Variables};

/// Every platform, in the order in which they are asked for a token (product contract,
/// section 2). Of the markers the last is set by most platforms.
pub(crate) const PLATFORMS: &[Platform] = &[
    Platform {
        id: "azure-pipelines",
        name: "Azure Pipelines",
        marker: Some("TF_BUILD"),
        sources: &[
            Variable("idToken", "AzureCLI@2 sets it with addSpnToEnvironment: true"),
            Ask(Request::AzurePipelines),
        ],
    },
    Platform {
        id: "github-actions",
        name: "GitHub Actions",
        marker: Some("GITHUB_ACTIONS"),
        sources: &[Ask(Request::GitHubActions)],
    },
    Platform {
        id: "gitlab-ci",
        name: "GitLab CI",
        marker: Some("GITLAB_CI"),
        sources: &[AnyOfIssuer("CI_SERVER_URL")],
    },
    Platform {
        id: "circleci",
        name: "CircleCI",
        marker: Some("CIRCLECI"),
        sources: &[Variable("CIRCLE_OIDC_TOKEN_V2", ""), Variable("CIRCLE_OIDC_TOKEN", "")],
    },
    Platform {
        id: "bitbucket-pipelines",
        name: "Bitbucket Pipelines",
        marker: Some("BITBUCKET_BUILD_NUMBER"),
        sources: &[Variable("BITBUCKET_STEP_OIDC_TOKEN", "the step needs oidc: true")],
    },
    Platform {
        id: "buildkite-agent",
        name: "Buildkite",
        marker: Some("BUILDKITE"),
        sources: &[Ask(Request::Buildkite)],
    },
    Platform {
        id: "hcp-terraform",
        name: "HCP Terraform",
        marker: Some("TFC_RUN_ID"),
        sources: &[Variables(
            "TFC_WORKLOAD_IDENTITY_TOKEN",
            "the workspace needs the variable TFC_WORKLOAD_IDENTITY_AUDIENCE",
        )],
    },
    Platform {
        id: "spacelift",
        name: "Spacelift",
        marker: Some("SPACELIFT_OIDC_TOKEN"),
        sources: &[Variable("SPACELIFT_OIDC_TOKEN", ""), File("/mnt/workspace/spacelift.oidc")],
    },
    Platform {
        id: "pulumi-deployments",
        name: "Pulumi Deployments",
        marker: Some("PULUMI_DEPLOYMENTS_RUN_ID"),
        sources: &[Variable("PULUMI_OIDC_TOKEN", ""), File("/mnt/pulumi/pulumi.oidc")],
    },
    Platform {
        id: "kubernetes",
        name: "Kubernetes",
        marker: None,
        sources: &[
            File("/var/run/secrets/pulumi/token"),
            File("/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
            File("/var/run/secrets/kubernetes.io/serviceaccount/token"),
        ],
    },
    Platform { id: "jenkins", name: "Jenkins", marker: Some("JENKINS_URL"), sources: &[] },
    Platform { id: "teamcity", name: "TeamCity", marker: Some("TEAMCITY_VERSION"), sources: &[] },
    Platform { id: "ci", name: "a CI platform", marker: Some("CI"), sources: &[] },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::man;

    #[test]
    fn the_manual_tells_where_tokens_are() {
        let page = man::text().replace('\\', "");
        for platform in PLATFORMS.iter().filter(|platform| !platform.sources.is_empty()) {
            assert!(page.contains(platform.name), "{}", platform.name);
            for place in platform.sources {
                let name = match place {
                    Variable(name, _) | Variables(name, _) => *name,
                    File(name) if name.starts_with("/mnt") => name,
                    _ => continue,
                };
                assert!(page.contains(name), "{name}");
            }
        }
    }
}
