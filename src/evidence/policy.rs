//! Where the policy comes from, and why it is not known.

use serde::{Deserialize, Serialize};

use super::{AccessTokenSource, Answer, Failure};
use crate::policy::Document;

/// Where the policy comes from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum PolicySource {
    /// None was given.
    #[default]
    None,
    /// `--policy`.
    File {
        /// The path as given.
        path: String,
        /// What it says.
        document: Document,
    },
    /// Pulumi Cloud, asked with an access token that was already there.
    Live {
        /// The organization's registrations; the one of the token's issuer has its policies.
        document: Document,
        /// Why that one has none.
        gap: Option<Gap>,
    },
    /// Pulumi Cloud was asked and did not say which issuers are registered.
    #[serde(rename = "withheld")]
    Unavailable {
        /// Why not.
        gap: Gap,
    },
}

impl PolicySource {
    /// The document, if there is one.
    pub fn document(&self) -> Option<&Document> {
        match self {
            Self::None | Self::Unavailable { .. } => None,
            Self::File { document, .. } | Self::Live { document, .. } => Some(document),
        }
    }

    /// What Pulumi Cloud was asked for and did not say.
    pub fn gap(&self) -> Option<&Gap> {
        match self {
            Self::None | Self::File { .. } => None,
            Self::Live { gap, .. } => gap.as_ref(),
            Self::Unavailable { gap } => Some(gap),
        }
    }
}

/// Something that Pulumi Cloud was asked for and did not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// What it was asked for.
    pub asked: Asked,
    /// What it was asked with.
    pub access_token: AccessTokenSource,
    /// Why it did not say.
    pub reason: GapReason,
}

/// What Pulumi Cloud is asked for to learn what is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Asked {
    /// The organization's issuers (`GET /api/orgs/ORG/oidc/issuers`).
    Issuers,
    /// An issuer's policies (`GET /api/orgs/ORG/auth/policies/oidcissuers/ID`).
    Policies,
}

/// Why Pulumi Cloud did not say what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum GapReason {
    /// No answer.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// Another status than 200.
    Refused { answer: Answer },
    /// 200, but not what the API answers.
    NotUnderstood {
        /// What is wrong with it.
        problem: String,
    },
}
