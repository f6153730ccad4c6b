//! The URNs of Pulumi's token exchange (pkg/backend/httpstate/client/client.go,
//! `ExchangeOidcToken`; Pulumi documentation, "OIDC issuers").

use crate::policy::TokenType;

/// The beginning of an organization's URN.
pub(crate) const ORGANIZATION: &str = "urn:pulumi:org:";
/// The beginning of every token type's URN.
pub(crate) const TOKEN_TYPE: &str = "urn:pulumi:token-type:";
/// The beginning of the URN of an access token's type; the kind of token follows.
pub(crate) const ACCESS_TOKEN: &str = "urn:pulumi:token-type:access_token:";

/// The audience of tokens for an organization.
pub(crate) fn organization(name: &str) -> String {
    format!("{ORGANIZATION}{name}")
}

/// The organization that an audience names.
pub(crate) fn organization_of(audience: &str) -> Option<&str> {
    audience.strip_prefix(ORGANIZATION)
}

/// The type of an access token.
pub(crate) fn access_token(kind: TokenType) -> String {
    format!("{ACCESS_TOKEN}{}", kind.name())
}
