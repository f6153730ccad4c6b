//! The parts of an explanation.

use serde::{Serialize, Serializer};

/// A likely cause.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Cause {
    /// Where it is likely.
    pub platform: Platform,
    /// What it is.
    pub text: &'static str,
}

/// Where a job runs that logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Azure Pipelines.
    AzurePipelines,
    /// GitHub Actions.
    GitHubActions,
    /// GitLab CI.
    GitLabCi,
    /// CircleCI.
    CircleCi,
    /// Bitbucket Pipelines.
    Bitbucket,
    /// Buildkite.
    Buildkite,
    /// HCP Terraform.
    HcpTerraform,
    /// Spacelift.
    Spacelift,
    /// Pulumi Deployments.
    PulumiDeployments,
    /// A pod in Kubernetes.
    Kubernetes,
    /// It makes no difference.
    Anywhere,
}

impl Platform {
    /// The name, for people and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AzurePipelines => "Azure Pipelines",
            Self::GitHubActions => "GitHub Actions",
            Self::GitLabCi => "GitLab CI",
            Self::CircleCi => "CircleCI",
            Self::Bitbucket => "Bitbucket Pipelines",
            Self::Buildkite => "Buildkite",
            Self::HcpTerraform => "HCP Terraform",
            Self::Spacelift => "Spacelift",
            Self::PulumiDeployments => "Pulumi Deployments",
            Self::Kubernetes => "Kubernetes",
            Self::Anywhere => "anywhere",
        }
    }

    /// A cause here.
    pub(super) const fn cause(self, text: &'static str) -> Cause {
        Cause { platform: self, text }
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A piece of a file or of a script, wrong and right.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Change {
    /// What both are written in.
    pub language: Language,
    /// As it fails.
    pub before: &'static str,
    /// As it works.
    pub after: &'static str,
}

/// What a snippet is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Language {
    /// Bash.
    Sh,
    /// YAML: of a pipeline, or of a policy.
    Yaml,
    /// JSON.
    Json,
}

impl Language {
    /// The name, as in JSON and behind a Markdown fence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sh => "sh",
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }

    /// A change of something written in this.
    pub(super) const fn change(self, before: &'static str, after: &'static str) -> Change {
        Change { language: self, before, after }
    }
}

/// A check without the doctor.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ByHand {
    /// What to do and to look at.
    pub words: &'static str,
    /// The command, for bash.
    pub command: &'static str,
}
