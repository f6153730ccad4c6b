//! The CI platforms and token issuers, one file each. Everything about a platform is data in its
//! file, and all other code looks it up here.
//!
//! A new platform is a file and a line in `platforms!`.

mod advice;
pub(crate) mod api_audience;
mod audience;
mod auth0;
pub(crate) mod azure;
mod bitbucket;
mod buildkite;
mod circleci;
mod claim_presence;
mod claims;
pub(crate) mod github;
pub(crate) mod gitlab;
mod google;
mod hcp_terraform;
mod issuer;
pub(crate) mod kind;
mod kubernetes;
mod log_marks;
mod okta;
mod other_ci;
pub(crate) mod owners;
mod pulumi;
mod shape;
mod spacelift;
mod step;
pub mod subject;
#[cfg(test)]
mod tests;
mod token_source;

use serde::{Deserialize, Serialize};

pub(crate) use self::advice::{Addition, Cause, Explanation, Login, Refused, Remedy, Step};
pub(crate) use self::audience::{Audience, default_audience, fixed_audience};
pub(crate) use self::claim_presence::when_claim_appears;
pub(crate) use self::claims::{Claims, JobClaims, STANDARD_CLAIMS, Way};
pub(crate) use self::issuer::{Issuer, Shared, at_host, by_issuer, public_issuer};
pub(crate) use self::kind::{Kind, Kinds};
pub(crate) use self::log_marks::LogMarks;
pub(crate) use self::shape::{Beginning, Note, Parts, Renewed, Shape, Subjects, Varying};
use self::step::RELEASE;
pub(crate) use self::step::{StepTemplate, StepValues};
pub(crate) use self::token_source::{Http, Parameter, Program, TokenSource};

/// A platform: a CI system, an issuer of tokens, or both.
pub(crate) struct Platform {
    pub(crate) id: Id,
    /// The name of the CI system.
    pub(crate) name: &'static str,
    /// The variable that it sets in every job.
    pub(crate) marker: Option<&'static str>,
    /// A variable that several CI systems set, and this one's value.
    pub(crate) marked_by: Option<(&'static str, &'static str)>,
    /// Where a job finds its token, in order of precedence.
    pub(crate) sources: &'static [TokenSource],
    /// The sources as the manual lists them.
    pub(crate) sources_for_manual: &'static str,
    pub(crate) audience: Audience,
    pub(crate) issuer: Option<Issuer>,
    pub(crate) subjects: Subjects,
    pub(crate) claims: Claims,
    /// How the tokens of other kinds of job differ.
    pub(crate) kinds: Option<Kinds>,
    /// Variables of a job that hold secrets.
    pub(crate) secrets: &'static [&'static str],
    pub(crate) log: LogMarks,
    /// The variable that holds the token in a pipeline that follows the advice.
    pub(crate) variable: Option<&'static str>,
    /// Advice for a job without a token, and the text to add to its pipeline.
    pub(crate) missing_token: Option<fn(&Login) -> Addition>,
    /// The step that `doctor step` prints.
    pub(crate) step: Option<StepTemplate>,
}

impl Platform {
    /// A platform of which nothing is known. A platform's file overrides these fields.
    const fn new(id: Id, name: &'static str) -> Self {
        Self {
            id,
            name,
            marker: None,
            marked_by: None,
            sources: &[],
            sources_for_manual: "",
            audience: Audience::Unknown,
            issuer: None,
            subjects: Subjects::NONE,
            claims: Claims::NONE,
            kinds: None,
            secrets: &[],
            log: LogMarks::NONE,
            variable: None,
            missing_token: None,
            step: None,
        }
    }

    /// The name of the issuer of its tokens.
    pub(crate) fn issuer_name(&self) -> &'static str {
        self.issuer.as_ref().map_or(self.name, |issuer| issuer.name)
    }
}

/// Declares [`Id`] and [`ALL`] from one line for each platform.
macro_rules! platforms {
    ($($id:ident = $key:literal in $platform:path,)+) => {
        /// A platform. Evidence and bundles name it by its key.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "String", into = "&'static str")]
        #[allow(missing_docs)]
        pub enum Id {
            $($id,)+
        }

        /// All platforms, in the order in which their token sources are tried (product contract,
        /// section 2). The last one is last because most platforms also set its marker.
        pub(crate) const ALL: &[&Platform] = &[$(&$platform),+];

        impl Id {
            /// The key in evidence and bundles.
            #[must_use]
            pub fn key(self) -> &'static str {
                match self { $(Self::$id => $key,)+ }
            }

            pub(crate) fn platform(self) -> &'static Platform {
                match self { $(Self::$id => &$platform,)+ }
            }
        }
    };
}

platforms! {
    AzurePipelines = "azure-pipelines" in azure::AZURE_PIPELINES,
    GitHubActions = "github-actions" in github::GITHUB_ACTIONS,
    GitLab = "gitlab-ci" in gitlab::GITLAB,
    CircleCi = "circleci" in circleci::CIRCLECI,
    Bitbucket = "bitbucket-pipelines" in bitbucket::BITBUCKET,
    Buildkite = "buildkite-agent" in buildkite::BUILDKITE,
    HcpTerraform = "hcp-terraform" in hcp_terraform::HCP_TERRAFORM,
    Spacelift = "spacelift" in spacelift::SPACELIFT,
    PulumiDeployments = "pulumi-deployments" in pulumi::DEPLOYMENTS,
    Kubernetes = "kubernetes" in kubernetes::KUBERNETES,
    Entra = "entra" in azure::ENTRA,
    PulumiEsc = "pulumi-esc" in pulumi::ESC,
    Google = "google" in google::GOOGLE,
    Auth0 = "auth0" in auth0::AUTH0,
    Okta = "okta" in okta::OKTA,
    Jenkins = "jenkins" in other_ci::JENKINS,
    TeamCity = "teamcity" in other_ci::TEAMCITY,
    Harness = "harness" in other_ci::HARNESS,
    Codefresh = "codefresh" in other_ci::CODEFRESH,
    OtherCi = "ci" in other_ci::OTHER_CI,
}

impl Id {
    /// The platforms whose jobs get tokens.
    pub fn with_tokens() -> impl Iterator<Item = Self> {
        ALL.iter().filter(|platform| !platform.sources.is_empty()).map(|platform| platform.id)
    }

    /// The name of the CI system.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.platform().name
    }

    /// The platform with this name, or [`Id::OtherCi`] if this version does not know it.
    fn named(name: &str) -> Self {
        ALL.iter().find(|platform| platform.name == name).map_or(Self::OtherCi, |found| found.id)
    }
}

/// A bundle of another version may name a platform that this one does not know.
impl From<String> for Id {
    fn from(key: String) -> Self {
        ALL.iter().find(|known| known.id.key() == key).map_or(Self::OtherCi, |known| known.id)
    }
}

impl From<Id> for &'static str {
    fn from(id: Id) -> Self {
        id.key()
    }
}

/// Serializes a platform by its name, for `#[serde(with)]`.
pub(crate) mod by_name {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Id;

    pub(crate) fn serialize<S: Serializer>(id: &Id, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(id.name())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Id, D::Error> {
        Ok(Id::named(&String::deserialize(from)?))
    }
}

/// Serializes an optional platform by its name, for `#[serde(with)]`.
pub(crate) mod by_name_if_any {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Id;

    pub(crate) fn serialize<S: Serializer>(id: &Option<Id>, to: S) -> Result<S::Ok, S::Error> {
        id.map(Id::name).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Id>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(|name| Id::named(&name)))
    }
}

/// Serializes a platform by its key and its name, for `#[serde(flatten, with)]`.
pub(crate) mod by_key_and_name {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Id;

    #[derive(Serialize, Deserialize)]
    struct Named {
        id: Id,
        #[serde(with = "super::by_name")]
        platform: Id,
    }

    pub(crate) fn serialize<S: Serializer>(id: &Id, to: S) -> Result<S::Ok, S::Error> {
        Named { id: *id, platform: *id }.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Id, D::Error> {
        Ok(Named::deserialize(from)?.id)
    }
}

/// JSON pointers to the message of a refused token request. Azure's `value` is a text or has a
/// `Message`. GitHub's message is in `error`.
pub(crate) const REFUSAL_MESSAGES: [&str; 4] =
    ["/value", "/value/Message", "/Message", "/error/message"];
