//! Pulumi Cloud's answers.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, Chain, Probe, SkipReason};

/// Pulumi Cloud's answers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cloud {
    /// `GET /api/capabilities`.
    pub capabilities: Probe<Answer>,
    /// The certificates that Pulumi Cloud's host served.
    pub chain: Option<Chain>,
    /// `POST /api/oauth/token`.
    pub exchange: Probe<Exchange>,
    /// Why the judge decided against the exchange.
    pub exchange_skipped: Option<SkipReason>,
    /// The source of the access token that whoami used.
    pub access_token: AccessTokenSource,
    /// `GET /api/user`.
    pub whoami: Probe<Answer>,
    /// The CLI's error for that answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whoami_error: Option<String>,
}

/// The answer to the exchange, without the tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Exchange {
    /// An access token was minted (RFC 8693 section 2.2.1).
    Minted {
        /// `issued_token_type`.
        issued_token_type: Option<String>,
        /// `expires_in`, seconds.
        expires_in: Option<i64>,
        /// `scope`.
        scope: Option<String>,
        /// The server's clock minus this machine's, in seconds.
        clock_offset_seconds: Option<i64>,
    },
    /// The status was 200, but the body is no token response.
    Malformed {
        reason: String,
        /// The CLI's error for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
        answer: Answer,
    },
    /// Any other status.
    Refused {
        /// The body as the CLI prints it, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<String>,
        answer: Answer,
    },
}

/// The source of the access token that whoami used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum AccessTokenSource {
    #[default]
    None,
    /// The one that this run minted.
    Exchange,
    /// An environment variable.
    Environment { name: String },
    /// The stored credentials.
    Stored { path: String, expires_at: Option<Timestamp> },
}
