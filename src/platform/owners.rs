//! The claims and parts of subjects that name the owner of a job, by platform. Other claims do not
//! limit who matches: anybody can have a branch or an environment of any name.

use super::Id;

/// The claims and parts of subjects that name an owner.
pub(crate) struct Owners {
    id: Id,
    /// Paths of claims, without quotes. One that ends with `_` or `.` stands for all that begin
    /// with it.
    pub(crate) claims: &'static [&'static str],
    /// Parts of subjects.
    pub(crate) parts: &'static [&'static str],
}

const OWNERS: &[Owners] = &[
    Owners {
        id: Id::GitHubActions,
        claims: &[
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "environment_node_id",
            "job_workflow_ref",
            "workflow_ref",
            "enterprise",
            "enterprise_id",
        ],
        parts: &["repository"],
    },
    Owners {
        id: Id::GitLab,
        claims: &["project_id", "project_path", "namespace_", "job_project_", "job_namespace_"],
        parts: &["project"],
    },
    Owners {
        id: Id::CircleCi,
        claims: &[
            "oidc.circleci.com/project-id",
            "oidc.circleci.com/vcs-origin",
            "oidc.circleci.com/context-ids",
        ],
        parts: &["project", "repository"],
    },
    Owners {
        id: Id::Bitbucket,
        claims: &["repositoryUuid", "deploymentEnvironmentUuid"],
        parts: &["repository", "environment"],
    },
    Owners {
        id: Id::Buildkite,
        claims: &[
            "agent_id",
            "cluster_id",
            "organization_id",
            "organization_slug",
            "pipeline_id",
            "pipeline_slug",
        ],
        parts: &["organization", "pipeline"],
    },
    Owners {
        id: Id::HcpTerraform,
        claims: &["terraform_organization_", "terraform_project_id", "terraform_workspace_id"],
        parts: &["organization"],
    },
    Owners {
        id: Id::Spacelift,
        claims: &["spaceId", "callerId"],
        parts: &["space", "stack", "module"],
    },
    Owners { id: Id::PulumiDeployments, claims: &["org"], parts: &["organization"] },
    Owners {
        id: Id::Kubernetes,
        claims: &["kubernetes.io.namespace", "kubernetes.io.serviceaccount."],
        parts: &["namespace"],
    },
    Owners {
        id: Id::AzurePipelines,
        claims: &["def_id", "prj_id", "rpo_id", "rpo_uri"],
        parts: &["project", "service connection", "pipeline"],
    },
    // Every service connection of a tenant has the same `oid`, `azp` and `tid`.
    Owners { id: Id::Entra, claims: &[], parts: &[] },
];

impl Id {
    /// What names an owner of this platform's jobs, if that is known.
    pub(crate) fn owners(self) -> Option<&'static Owners> {
        OWNERS.iter().find(|owners| owners.id == self)
    }
}

impl Owners {
    /// Whether a claim names the owner of a job.
    pub(crate) fn has_claim(&self, path: &str) -> bool {
        let path = path.replace('"', "");
        self.claims
            .iter()
            .any(|known| path == *known || known.ends_with(['_', '.']) && path.starts_with(known))
    }
}
