//! The failure codes, one row each: name, category, severity and title. A code's page
//! `docs/codes/CODE.md` says the rest.

use std::fmt;

use serde::{Serialize, Serializer};

use super::category::{Category, Severity};

/// What the program knows about a code.
struct Row {
    name: &'static str,
    category: Category,
    severity: Severity,
    title: &'static str,
    page: &'static str,
}

macro_rules! codes {
    ($($variant:ident $name:literal $category:ident $severity:ident $title:literal,)*) => {
        /// A failure's code. The order is part of the contract: within a category, the earlier code
        /// is to be fixed first (`rank` in judge/verdict.rs).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $name, "`.")] $variant,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
        }

        const ROWS: &[Row] = &[$(Row {
            name: $name,
            category: Category::$category,
            severity: Severity::$severity,
            title: $title,
            page: include_str!(concat!("../../docs/codes/", $name, ".md")),
        },)*];
    };
}

codes! {
    // input
    TokenEmpty "token-empty" Input Error "The token's source is empty",
    TokenMissing "token-missing" Input Error "No token was given",
    AdoTokenNotExposed "ado-token-not-exposed" Input Error "The Azure task does not hand the token to the script",
    AdoConnectionNotFederated "ado-connection-not-federated" Input Error "The service connection is not federated",
    AdoSystemAccesstokenUnmapped "ado-system-accesstoken-unmapped" Input Error "SYSTEM_ACCESSTOKEN is not mapped into the step",
    GithubIdTokenPermission "github-id-token-permission" Input Error "The job may not request an OIDC token",
    GitlabIdTokenMissing "gitlab-id-token-missing" Input Error "The job has no ID token",
    TokenRequestFailed "token-request-failed" Input Error "The CI platform issued no token",
    ActionInputInvalid "action-input-invalid" Input Error "An action or task cannot run with its inputs",
    TokenNotAToken "token-not-a-token" Input Error "The value is not a token",
    TokenAmbiguous "token-ambiguous" Input Error "Several tokens, and nothing to choose by",
    TokenVariableUnexpanded "token-variable-unexpanded" Input Error "A variable reference was not expanded",
    TokenMasked "token-masked" Input Error "The token is masked",
    TokenWrapped "token-wrapped" Input Warning "Something is wrapped around the token",
    TokenIsPulumiToken "token-is-pulumi-token" Input Error "This is a Pulumi access token, not an OIDC token",
    TokenIsAccessToken "token-is-access-token" Input Error "This is an access token, not an OIDC identity token",
    TokenEncrypted "token-encrypted" Input Error "The token is encrypted",
    TokenTruncated "token-truncated" Input Error "The token is cut off",
    TokenFileUnreadable "token-file-unreadable" Input Error "The token's file cannot be read",
    TokenOnCommandLine "token-on-command-line" Input Info "The token was typed on the command line",
    // login
    CredentialHelperActive "credential-helper-active" Login Error "A credential helper is configured, so pulumi refuses the OIDC token",
    CredentialHelperInvalid "credential-helper-invalid" Login Error "The credential helper cannot be used",
    AccessTokenSet "access-token-set" Login Error "PULUMI_ACCESS_TOKEN is set",
    OrganizationMissing "organization-missing" Login Error "No organization is named",
    OrganizationConflict "organization-conflict" Login Error "--oidc-org and the token name different organizations",
    TeamAndUser "team-and-user" Login Error "Both a team and a user are asked for",
    TeamConflict "team-conflict" Login Error "--oidc-team and the token name different teams",
    UserConflict "user-conflict" Login Error "--oidc-user and the token name different users",
    ExpirationInvalid "expiration-invalid" Login Error "--oidc-expiration is not a duration",
    UrlGivenTwice "url-given-twice" Login Error "The backend is given twice",
    LoginArgumentsInvalid "login-arguments-invalid" Login Error "pulumi refuses the arguments of the login",
    CliTooOld "cli-too-old" Login Error "This pulumi is too old for OIDC logins",
    AgentAccountUsed "agent-account-used" Login Warning "pulumi used a temporary account for coding agents",
    CliNotFound "cli-not-found" Login Info "No pulumi on PATH",
    OtherSystemFailed "other-system-failed" Login Error "Another login failed, not Pulumi Cloud's",
    // backend
    BackendEmpty "backend-empty" Backend Error "No backend is configured, and this CLI has no default",
    BackendSchemeMissing "backend-scheme-missing" Backend Error "The backend URL has no scheme",
    BackendSchemeUnknown "backend-scheme-unknown" Backend Error "The backend URL has an unknown scheme",
    BackendIsConsole "backend-is-console" Backend Error "The backend URL is that of Pulumi's website, or looks so to the CLI",
    BackendIsDiy "backend-is-diy" Backend Error "The backend is a storage bucket or a directory",
    BackendUnexpanded "backend-unexpanded" Backend Error "The backend URL holds a variable reference",
    BackendMalformed "backend-malformed" Backend Error "The backend URL is malformed",
    BackendPathSuspicious "backend-path-suspicious" Backend Warning "The backend URL has something after the host",
    BackendInsecure "backend-insecure" Backend Warning "The connection to the backend is not protected",
    BackendOverridden "backend-overridden" Backend Warning "Several places name different backends",
    BackendFromProject "backend-from-project" Backend Warning "Only a project file names the backend",
    ProjectFileInvalid "project-file-invalid" Backend Error "The project file is invalid",
    CredentialsFileInvalid "credentials-file-invalid" Backend Error "The credentials file is invalid",
    CredentialsFileUnwritable "credentials-file-unwritable" Backend Error "pulumi cannot store the login",
    CredentialsEncrypted "credentials-encrypted" Backend Info "The stored credentials are encrypted",
    BackendUnreachable "backend-unreachable" Backend Error "The backend cannot be reached",
    BackendTlsUntrusted "backend-tls-untrusted" Backend Error "The backend's certificate is not trusted",
    BackendNotPulumi "backend-not-pulumi" Backend Error "The backend is not a Pulumi Cloud",
    // token
    TokenMalformed "token-malformed" Token Error "The token cannot be decoded",
    TokenClaimMissing "token-claim-missing" Token Error "The token lacks a claim",
    TokenDuplicateClaim "token-duplicate-claim" Token Warning "The token has a claim twice",
    TokenExpired "token-expired" Token Error "The token has expired",
    TokenExpiresSoon "token-expires-soon" Token Warning "The token is about to expire",
    TokenNotYetValid "token-not-yet-valid" Token Error "The token is not valid yet",
    ClockSkew "clock-skew" Token Warning "This machine's clock is wrong",
    ClaimUnexpanded "claim-unexpanded" Token Error "A claim holds a variable that was not expanded",
    AlgorithmUnsupported "algorithm-unsupported" Token Error "The token's signature algorithm cannot be used",
    // issuer
    IssuerUrlInvalid "issuer-url-invalid" Issuer Error "The token's issuer is not a usable URL",
    IssuerAddressRefused "issuer-address-refused" Issuer Warning "The doctor did not connect to the issuer",
    IssuerNotPublic "issuer-not-public" Issuer Error "The issuer is not reachable from Pulumi Cloud",
    IssuerUnreachable "issuer-unreachable" Issuer Error "The issuer cannot be reached",
    IssuerTlsUntrusted "issuer-tls-untrusted" Issuer Error "The issuer's certificate is not trusted",
    DiscoveryNotFound "discovery-not-found" Issuer Error "The issuer has no discovery document",
    DiscoveryInvalid "discovery-invalid" Issuer Error "The discovery document is not usable",
    DiscoveryIssuerMismatch "discovery-issuer-mismatch" Issuer Error "The discovery document belongs to another issuer",
    JwksUnreachable "jwks-unreachable" Issuer Error "The issuer's keys cannot be fetched",
    JwksInvalid "jwks-invalid" Issuer Error "The issuer's keys are not usable",
    SigningKeyNotFound "signing-key-not-found" Issuer Error "The key that signed the token is not in the key set",
    KeyNotRecommended "key-not-recommended" Issuer Warning "The key that signed the token is unusual",
    SignatureInvalid "signature-invalid" Issuer Error "The signature does not verify",
    IssuerNotRegistered "issuer-not-registered" Issuer Error "The issuer is not registered",
    IssuerWrongOrganization "issuer-wrong-organization" Issuer Error "The issuer is registered in another organization",
    IssuerRegisteredTwice "issuer-registered-twice" Issuer Warning "The issuer is registered twice",
    ThumbprintMismatch "thumbprint-mismatch" Issuer Warning "The registered thumbprints are not those of the issuer's certificates",
    AzureIssuerRetiring "azure-issuer-retiring" Issuer Info "Azure DevOps' own issuer is going away",
    ExpirationExceedsMaximum "expiration-exceeds-maximum" Issuer Warning "The login asks for a longer life than the registration allows",
    RegistrationRefused "registration-refused" Issuer Error "Pulumi Cloud refuses to store the registration",
    // audience
    AudienceMismatch "audience-mismatch" Audience Error "The token's audience is not the one that the policy allows",
    // policy
    PolicyDefaultDeny "policy-default-deny" Policy Error "No policy allows anything",
    PolicyDenied "policy-denied" Policy Error "A deny entry matches",
    TokenTypeNotAllowed "token-type-not-allowed" Policy Error "No entry is for the requested token type",
    TeamNotAllowed "team-not-allowed" Policy Error "No entry is for this team",
    UserNotAllowed "user-not-allowed" Policy Error "No entry is for this user",
    RunnerNotAllowed "runner-not-allowed" Policy Error "No entry is for this runner",
    AdminNotPermitted "admin-not-permitted" Policy Error "The policy does not grant admin",
    SubjectMismatch "subject-mismatch" Policy Error "The token's subject is not one that the policy allows",
    ClaimMismatch "claim-mismatch" Policy Error "A claim does not match the policy",
    ClaimAbsent "claim-absent" Policy Error "The policy asks for a claim that is not there",
    PolicyUnknown "policy-unknown" Policy Info "The policy is not known",
    PolicyTooBroad "policy-too-broad" Policy Warning "A policy entry is too broad",
    PolicyWildcardSurprise "policy-wildcard-surprise" Policy Info "A pattern means more, or less, than it seems to",
    PolicyAdminGranted "policy-admin-granted" Policy Warning "A policy entry grants admin",
    // exchange
    ExchangeRejected "exchange-rejected" Exchange Error "Pulumi Cloud refuses the exchange",
    OrganizationUnknown "organization-unknown" Exchange Error "Pulumi Cloud does not know the organization",
    ExchangeContradictsPolicy "exchange-contradicts-policy" Exchange Warning "Pulumi Cloud decides differently from the policy",
    ExchangeRateLimited "exchange-rate-limited" Exchange Error "Pulumi Cloud limits the rate of requests",
    ExchangeServerError "exchange-server-error" Exchange Error "Pulumi Cloud failed",
    ExchangeRedirected "exchange-redirected" Exchange Error "The exchange is redirected to another host",
    ExchangeMalformed "exchange-malformed" Exchange Error "The exchange's answer is not a token response",
    // whoami
    WhoamiUnauthorized "whoami-unauthorized" Whoami Error "Pulumi Cloud does not accept the access token",
    WhoamiForbidden "whoami-forbidden" Whoami Error "The access token may not do this",
    AccessTokenPolicy "access-token-policy" Whoami Error "The organization does not accept long-lived access tokens",
    WhoamiMalformed "whoami-malformed" Whoami Error "The answer to whoami names no user",
    WhoamiFailed "whoami-failed" Whoami Error "whoami failed",
    WhoamiWrongUser "whoami-wrong-user" Whoami Error "The access token belongs to another user",
    WhoamiWrongOrganization "whoami-wrong-organization" Whoami Error "The access token belongs elsewhere",
    WhoamiTokenExpired "whoami-token-expired" Whoami Error "The access token has expired",
}

impl Code {
    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The name, as in JSON; part of the contract.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What the failure is about.
    pub fn category(self) -> Category {
        self.row().category
    }

    /// The usual severity. A check may raise or lower it.
    pub fn severity(self) -> Severity {
        self.row().severity
    }

    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// The text of `docs/codes/CODE.md`.
    pub(crate) fn page(self) -> &'static str {
        self.row().page
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
