//! The source of the policy, and why it could not be read.
use serde::{Deserialize, Serialize};

use super::{AccessTokenSource, Answer, Failure};
use crate::policy::Document;

/// The source of the policy.
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
        document: Document,
    },
    /// Pulumi Cloud, read with an existing access token.
    Live {
        /// The organization's registrations. The one of the token's issuer has its policies.
        document: Document,
        /// Why that registration's policies could not be read.
        gap: Option<PolicyReadFailure>,
    },
    /// The registered issuers could not be read from Pulumi Cloud.
    #[serde(rename = "withheld")]
    Unavailable { gap: PolicyReadFailure },
}

impl PolicySource {
    pub fn document(&self) -> Option<&Document> {
        match self {
            Self::None | Self::Unavailable { .. } => None,
            Self::File { document, .. } | Self::Live { document, .. } => Some(document),
        }
    }

    /// What could not be read from Pulumi Cloud.
    pub fn read_failure(&self) -> Option<&PolicyReadFailure> {
        match self {
            Self::None | Self::File { .. } => None,
            Self::Live { gap, .. } => gap.as_ref(),
            Self::Unavailable { gap } => Some(gap),
        }
    }
}

/// A failure to read issuers or policies from Pulumi Cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyReadFailure {
    pub asked: PolicyRequest,
    /// The access token of the request.
    pub access_token: AccessTokenSource,
    pub reason: PolicyReadFailureReason,
}

/// A request for what is registered in Pulumi Cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PolicyRequest {
    /// The organization's issuers (`GET /api/orgs/ORG/oidc/issuers`).
    Issuers,
    /// An issuer's policies (`GET /api/orgs/ORG/auth/policies/oidcissuers/ID`).
    Policies,
}

/// Why issuers or policies could not be read from Pulumi Cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum PolicyReadFailureReason {
    /// There was no answer.
    Failed { failure: Failure },
    /// The status was not 200.
    Refused { answer: Answer },
    /// The status was 200, but the body is not what the API returns.
    NotUnderstood { problem: String },
}
