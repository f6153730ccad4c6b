//! The failure catalogue: every code, once, with all that is to be said about it in general. The
//! reports take their titles, advice and links from here, `doctor explain` and `docs/codes.md`
//! the rest.
//!
//! A new code is a line in the list of [`Code`], which gives it its place, a row in the file of its
//! category, and a check that raises it.

mod backend;
mod backend_url;
mod commands;
mod entry;
mod issuer;
mod links;
mod login;
mod policy;
mod registration;
mod rules;
mod service;
mod source;
#[cfg(test)]
mod tests;
mod token;
mod value;

use std::fmt;

use serde::{Serialize, Serializer};

pub use entry::{ByHand, Cause, Change, Language, Platform};

/// What a failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Category {
    /// How the token came here.
    Input,
    /// What the CLI itself would refuse before any request.
    Login,
    /// Which Pulumi Cloud is spoken to.
    Backend,
    /// What the token says.
    Token,
    /// Whether Pulumi Cloud can verify it.
    Issuer,
    /// Whether it is meant for Pulumi Cloud.
    Audience,
    /// Whether Pulumi Cloud lets it in.
    Policy,
    /// What the token exchange says.
    Exchange,
    /// What the service says of the new access token.
    Whoami,
}

impl Category {
    /// The name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Login => "login",
            Self::Backend => "backend",
            Self::Token => "token",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Policy => "policy",
            Self::Exchange => "exchange",
            Self::Whoami => "whoami",
        }
    }

    /// What it is about, in a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Input => "how the token came here",
            Self::Login => "what pulumi itself would refuse",
            Self::Backend => "which Pulumi Cloud is spoken to",
            Self::Token => "what the token says",
            Self::Issuer => "whether Pulumi Cloud can verify the token",
            Self::Audience => "whether the token is meant for Pulumi Cloud",
            Self::Policy => "whether Pulumi Cloud lets the token in",
            Self::Exchange => "what the token exchange says",
            Self::Whoami => "what the service says of the new access token",
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Does not stop a login, or may not.
    Warning,
    /// Stops a login.
    Error,
}

impl Severity {
    /// The name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A row of the catalogue. Its JSON is what `doctor explain --format json` prints.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The code.
    pub code: Code,
    /// What it is about.
    pub category: Category,
    /// Its usual severity; a check may raise or lower it where the run's facts ask for that.
    pub severity: Severity,
    /// A title of a few words.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What the doctor looks at to tell.
    pub detection: &'static str,
    /// What is likely behind it, platform by platform.
    pub causes: &'static [Cause],
    /// What to do about it, in one sentence.
    pub fix: &'static str,
    /// The fix in an example: the organization is acme, and so on.
    pub example: Change,
    /// How to see it without the doctor.
    pub by_hand: ByHand,
    /// The codes to look at besides; each names this one too.
    pub related: &'static [Code],
    /// The public documentation that this rests on.
    pub link: &'static str,
}

macro_rules! codes {
    ($($variant:ident $name:literal,)*) => {
        /// A failure's code. The order is part of the contract: within a category, the earlier
        /// code is the one to fix first ([`crate::judge::rank`]).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $name, "`.")] $variant,)*
        }

        /// The codes' names.
        const NAMES: &[&str] = &[$($name,)*];
    };
}

codes! {
    // input
    TokenEmpty "token-empty",
    TokenMissing "token-missing",
    AdoTokenNotExposed "ado-token-not-exposed",
    AdoConnectionNotFederated "ado-connection-not-federated",
    AdoSystemAccesstokenUnmapped "ado-system-accesstoken-unmapped",
    GithubIdTokenPermission "github-id-token-permission",
    GitlabIdTokenMissing "gitlab-id-token-missing",
    TokenRequestFailed "token-request-failed",
    TokenNotAToken "token-not-a-token",
    TokenAmbiguous "token-ambiguous",
    TokenVariableUnexpanded "token-variable-unexpanded",
    TokenMasked "token-masked",
    TokenWrapped "token-wrapped",
    TokenIsPulumiToken "token-is-pulumi-token",
    TokenIsAccessToken "token-is-access-token",
    TokenEncrypted "token-encrypted",
    TokenTruncated "token-truncated",
    TokenFileUnreadable "token-file-unreadable",
    TokenOnCommandLine "token-on-command-line",
    // login
    AccessTokenSet "access-token-set",
    OrganizationMissing "organization-missing",
    OrganizationConflict "organization-conflict",
    TeamAndUser "team-and-user",
    TeamConflict "team-conflict",
    UserConflict "user-conflict",
    ExpirationInvalid "expiration-invalid",
    UrlGivenTwice "url-given-twice",
    CliTooOld "cli-too-old",
    CliNotFound "cli-not-found",
    OtherSystemFailed "other-system-failed",
    // backend
    BackendEmpty "backend-empty",
    BackendSchemeMissing "backend-scheme-missing",
    BackendSchemeUnknown "backend-scheme-unknown",
    BackendIsConsole "backend-is-console",
    BackendIsDiy "backend-is-diy",
    BackendUnexpanded "backend-unexpanded",
    BackendMalformed "backend-malformed",
    BackendPathSuspicious "backend-path-suspicious",
    BackendInsecure "backend-insecure",
    BackendOverridden "backend-overridden",
    BackendFromProject "backend-from-project",
    ProjectFileInvalid "project-file-invalid",
    CredentialsFileInvalid "credentials-file-invalid",
    CredentialsEncrypted "credentials-encrypted",
    BackendUnreachable "backend-unreachable",
    BackendTlsUntrusted "backend-tls-untrusted",
    BackendNotPulumi "backend-not-pulumi",
    // token
    TokenMalformed "token-malformed",
    TokenClaimMissing "token-claim-missing",
    TokenDuplicateClaim "token-duplicate-claim",
    TokenExpired "token-expired",
    TokenExpiresSoon "token-expires-soon",
    TokenNotYetValid "token-not-yet-valid",
    ClockSkew "clock-skew",
    AlgorithmUnsupported "algorithm-unsupported",
    // issuer
    IssuerUrlInvalid "issuer-url-invalid",
    IssuerAddressRefused "issuer-address-refused",
    IssuerNotPublic "issuer-not-public",
    IssuerUnreachable "issuer-unreachable",
    IssuerTlsUntrusted "issuer-tls-untrusted",
    DiscoveryNotFound "discovery-not-found",
    DiscoveryInvalid "discovery-invalid",
    DiscoveryIssuerMismatch "discovery-issuer-mismatch",
    JwksUnreachable "jwks-unreachable",
    JwksInvalid "jwks-invalid",
    SigningKeyNotFound "signing-key-not-found",
    KeyNotRecommended "key-not-recommended",
    SignatureInvalid "signature-invalid",
    IssuerNotRegistered "issuer-not-registered",
    IssuerWrongOrganization "issuer-wrong-organization",
    ThumbprintMismatch "thumbprint-mismatch",
    AzureIssuerRetiring "azure-issuer-retiring",
    ExpirationExceedsMaximum "expiration-exceeds-maximum",
    // audience
    AudienceMismatch "audience-mismatch",
    // policy
    PolicyDefaultDeny "policy-default-deny",
    PolicyDenied "policy-denied",
    TokenTypeNotAllowed "token-type-not-allowed",
    TeamNotAllowed "team-not-allowed",
    UserNotAllowed "user-not-allowed",
    RunnerNotAllowed "runner-not-allowed",
    AdminNotPermitted "admin-not-permitted",
    SubjectMismatch "subject-mismatch",
    ClaimMismatch "claim-mismatch",
    ClaimAbsent "claim-absent",
    PolicyUnknown "policy-unknown",
    PolicyTooBroad "policy-too-broad",
    PolicyWildcardSurprise "policy-wildcard-surprise",
    PolicyAdminGranted "policy-admin-granted",
    // exchange
    ExchangeRejected "exchange-rejected",
    OrganizationUnknown "organization-unknown",
    ExchangeContradictsPolicy "exchange-contradicts-policy",
    ExchangeRateLimited "exchange-rate-limited",
    ExchangeServerError "exchange-server-error",
    ExchangeMalformed "exchange-malformed",
    // whoami
    WhoamiUnauthorized "whoami-unauthorized",
    WhoamiForbidden "whoami-forbidden",
    WhoamiMalformed "whoami-malformed",
    WhoamiFailed "whoami-failed",
    WhoamiWrongOrganization "whoami-wrong-organization",
    WhoamiTokenExpired "whoami-token-expired",
}

impl Code {
    /// The code's row.
    #[must_use]
    pub fn entry(self) -> &'static Entry {
        &CATALOGUE[self as usize]
    }

    /// The code's name, as in JSON; part of the contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(feature = "generate")]
impl schemars::JsonSchema for Code {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Code".into()
    }

    /// Not an enumeration: new codes may come within a schema version.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A failure's code; new ones may come.",
            "type": "string",
            "pattern": "^[a-z]+(-[a-z]+)+$",
        })
    }
}

const FILES: &[&[Entry]] = &[
    source::ROWS,
    value::ROWS,
    login::ROWS,
    backend_url::ROWS,
    backend::ROWS,
    token::ROWS,
    issuer::ROWS,
    registration::ROWS,
    policy::ROWS,
    rules::ROWS,
    service::ROWS,
];

/// Every row, in the order of [`Code`].
pub static CATALOGUE: &[Entry] = &joined();

/// Does not compile where a code has no row, or a row stands in another order than its code.
const fn joined() -> [Entry; NAMES.len()] {
    let mut rows = [FILES[0][0]; NAMES.len()];
    let (mut file, mut next) = (0, 0);
    while file < FILES.len() {
        let mut row = 0;
        while row < FILES[file].len() {
            rows[next] = FILES[file][row];
            assert!(rows[next].code as usize == next, "a row out of order");
            (row, next) = (row + 1, next + 1);
        }
        file += 1;
    }
    assert!(next == rows.len(), "a code without a row");
    rows
}
