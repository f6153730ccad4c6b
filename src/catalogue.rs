//! The failure catalogue: every code, once, in the order in which failures are reported.
//!
//! The order of the rows is part of the contract: within a category, the earlier row is the one to
//! fix first ([`crate::judge::rank`]). A new code is a new row here and
//! a check that raises it; nothing else has to know it.

use std::fmt;

use serde::{Serialize, Serializer};

/// What a failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Does not stop a login, or may not.
    Warning,
    /// Stops a login.
    Error,
}

/// A row of the catalogue.
#[derive(Debug)]
pub struct Entry {
    /// The code.
    pub code: Code,
    /// Its name, part of the contract.
    pub name: &'static str,
    /// What it is about.
    pub category: Category,
    /// Its usual severity; a check may raise or lower it where the run's facts ask for that.
    pub severity: Severity,
    /// A title of a few words.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do about it, in one sentence.
    pub fix: &'static str,
    /// The public documentation that this rests on.
    pub link: &'static str,
}

macro_rules! catalogue {
    ($($variant:ident $name:literal $category:ident $severity:ident
        $title:literal $meaning:literal $fix:literal $link:expr;)*) => {
        /// A failure's code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        /// Every code, in the order of [`Code`].
        pub const CATALOGUE: &[Entry] = &[
            $(Entry {
                code: Code::$variant,
                name: $name,
                category: Category::$category,
                severity: Severity::$severity,
                title: $title,
                meaning: $meaning,
                fix: $fix,
                link: $link,
            },)*
        ];
    };
}

const CLI: &str = "https://www.pulumi.com/docs/iac/cli/commands/pulumi_login/";
const CLI_ENVIRONMENT: &str = "https://www.pulumi.com/docs/iac/cli/environment-variables/";
const ISSUERS: &str = "https://www.pulumi.com/docs/administration/concepts/oidc-issuers/";
const GUIDES: &str = "https://www.pulumi.com/docs/administration/guides/oidc-issuers/";
const ACCESS_TOKENS: &str = "https://www.pulumi.com/docs/administration/concepts/access-tokens/";
const BACKENDS: &str = "https://www.pulumi.com/docs/iac/concepts/state-and-backends/";
const PROJECT: &str = "https://www.pulumi.com/docs/iac/concepts/projects/project-file/";
const AZURE_VARIABLES: &str =
    "https://learn.microsoft.com/en-us/azure/devops/pipelines/process/variables";
const AZURE_FEDERATION: &str = "https://learn.microsoft.com/en-us/azure/devops/pipelines/release/troubleshoot-workload-identity";
const AZURE_BUILD_VARIABLES: &str =
    "https://learn.microsoft.com/en-us/azure/devops/pipelines/build/variables#systemaccesstoken";
const AZURE_CLI_TASK: &str =
    "https://learn.microsoft.com/en-us/azure/devops/pipelines/tasks/reference/azure-cli-v2";
const AZURE_CONNECTIONS: &str =
    "https://learn.microsoft.com/en-us/azure/devops/pipelines/library/connect-to-azure";
const GITHUB_PERMISSION: &str = "https://docs.github.com/en/actions/reference/security/oidc";
const GITLAB_ID_TOKENS: &str = "https://docs.gitlab.com/ci/secrets/id_token_authentication/";
const JWT: &str = "https://www.rfc-editor.org/rfc/rfc7519";
const JWS: &str = "https://www.rfc-editor.org/rfc/rfc7515";
const JWA: &str = "https://www.rfc-editor.org/rfc/rfc7518";
const JWK: &str = "https://www.rfc-editor.org/rfc/rfc7517";
const EXCHANGE: &str = "https://www.rfc-editor.org/rfc/rfc8693";
const DISCOVERY: &str = "https://openid.net/specs/openid-connect-discovery-1_0.html";

catalogue! {
    // ------------------------------------------------------------------------------- input
    TokenMissing "token-missing" Input Error
        "No token was given"
        "No source was named and none that was looked at holds a token."
        "Give the doctor the token that the login uses." GUIDES;
    AdoTokenNotExposed "ado-token-not-exposed" Input Error
        "The Azure task does not hand the token to the script"
        "The service connection is federated, but AzureCLI@2 gives its script the token (idToken) only with addSpnToEnvironment: true."
        "Set addSpnToEnvironment: true on the AzureCLI@2 task that logs in." AZURE_CLI_TASK;
    AdoConnectionNotFederated "ado-connection-not-federated" Input Error
        "The service connection is not federated"
        "The connection signs in with a secret (servicePrincipalKey). Only a connection with workload identity federation has a token that can be exchanged."
        "Convert the service connection to workload identity federation." AZURE_CONNECTIONS;
    AdoSystemAccesstokenUnmapped "ado-system-accesstoken-unmapped" Input Error
        "SYSTEM_ACCESSTOKEN is not mapped into the step"
        "A token can be requested from Azure Pipelines only with the job's own access token, which a step sees when it is mapped."
        "Map the job's access token into the step: env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)." AZURE_BUILD_VARIABLES;
    GithubIdTokenPermission "github-id-token-permission" Input Error
        "The job may not request an OIDC token"
        "GitHub sets ACTIONS_ID_TOKEN_REQUEST_URL only in jobs with the permission id-token: write. The permission is never there by itself, and a fork's pull request cannot have it."
        "Give the job the permission id-token: write." GITHUB_PERMISSION;
    GitlabIdTokenMissing "gitlab-id-token-missing" Input Error
        "The job has no ID token"
        "GitLab issues ID tokens only to jobs with an id_tokens: block, in the variables that are named there."
        "Add an id_tokens: block to the job." GITLAB_ID_TOKENS;
    TokenRequestFailed "token-request-failed" Input Error
        "The CI platform issued no token"
        "The platform was asked for a token and refused, failed, or could not be reached; or a value that the request needs is not known."
        "Correct what the platform complains of." GUIDES;
    TokenEmpty "token-empty" Input Error
        "The token's source is empty"
        "A source was named and gave nothing. `pulumi login --oidc-token \"\"` does not fail on that: it silently leaves OIDC out and uses stored credentials or PULUMI_ACCESS_TOKEN instead."
        "Find out why the variable, file or command gave nothing, and stop the step when it does." CLI;
    TokenNotAToken "token-not-a-token" Input Error
        "The value is not a token"
        "What was passed as the token is something else: a literal null, an error's body, a web page."
        "Look at the request that should have given the token: it failed, and its answer was used all the same." GUIDES;
    TokenAmbiguous "token-ambiguous" Input Error
        "Several tokens, and nothing to choose by"
        "More than one environment variable holds a token that could be meant."
        "Name the variable with --token-env." GUIDES;
    TokenVariableUnexpanded "token-variable-unexpanded" Input Error
        "A variable reference was not expanded"
        "The value is the text of a variable reference: whoever should have replaced it did not know the variable, or the syntax belongs to another place."
        "Use the syntax of the place where the value stands, and check that the variable is set there." AZURE_VARIABLES;
    TokenMasked "token-masked" Input Error
        "The token is masked"
        "CI systems replace secrets in logs by ***. What was copied is the mask, not the token."
        "Take the token inside the job; it cannot be had from a log." GUIDES;
    TokenWrapped "token-wrapped" Input Warning
        "Something is wrapped around the token"
        "The token is in there, but not bare. The doctor decoded it anyway; `pulumi login` would refuse the value and print it into the log."
        "Pass the token bare." CLI;
    TokenIsPulumiToken "token-is-pulumi-token" Input Error
        "This is a Pulumi access token, not an OIDC token"
        "A value beginning with pul- is what the token exchange returns, not what it takes."
        "Pass the OIDC token that the CI platform issued, or use the access token as PULUMI_ACCESS_TOKEN without any --oidc flag." CLI;
    TokenIsAccessToken "token-is-access-token" Input Error
        "This is an access token, not an OIDC identity token"
        "The token was issued for calling an API. The exchange takes an identity (id) token that says who the job is."
        "Request the federated identity token instead." GUIDES;
    TokenEncrypted "token-encrypted" Input Error
        "The token is encrypted"
        "Five parts make it a JWE. Pulumi Cloud verifies a signature and cannot decrypt a token."
        "Configure the issuer to sign its tokens without encrypting them." JWS;
    TokenTruncated "token-truncated" Input Error
        "The token is cut off"
        "A part of the token is missing."
        "Copy or pass the token whole." JWS;
    TokenFileUnreadable "token-file-unreadable" Input Error
        "The token's file cannot be read"
        "A file:// token is read by the CLI from the step's working directory."
        "Name the file by a path that exists in the step that logs in." CLI;
    TokenOnCommandLine "token-on-command-line" Input Info
        "The token was typed on the command line"
        "Arguments end up in the shell's history and are visible in the list of processes while the program runs."
        "Pass it on standard input (`-`) or as file://PATH." CLI;
    // ------------------------------------------------------------------------------- login
    AccessTokenSet "access-token-set" Login Error
        "PULUMI_ACCESS_TOKEN is set"
        "The CLI refuses a token exchange while PULUMI_ACCESS_TOKEN is set: `cannot perform token exchange when an access token is set as environment variable`."
        "Unset PULUMI_ACCESS_TOKEN for the step that logs in." CLI_ENVIRONMENT;
    OrganizationMissing "organization-missing" Login Error
        "No organization is named"
        "The exchange needs an organization and neither --oidc-org nor the token's audience names one: `organization must be specified for token exchange`."
        "Pass --oidc-org with the organization's name in Pulumi Cloud." CLI;
    OrganizationConflict "organization-conflict" Login Error
        "--oidc-org and the token name different organizations"
        "Since 3.217.0 the CLI compares --oidc-org with the organization in the token's aud claim and stops when they differ."
        "Make both the same, or leave --oidc-org out." CLI;
    TeamAndUser "team-and-user" Login Error
        "Both a team and a user are asked for"
        "An access token is either a team's or a user's: `only one of team or user may be specified for token exchange`."
        "Keep one of the two." CLI;
    TeamConflict "team-conflict" Login Error
        "--oidc-team and the token name different teams"
        "Since 3.217.0 the CLI compares --oidc-team with the team in the token's scope claim and stops when they differ."
        "Make both the same, or leave --oidc-team out." CLI;
    UserConflict "user-conflict" Login Error
        "--oidc-user and the token name different users"
        "Since 3.217.0 the CLI compares --oidc-user with the user in the token's scope claim and stops when they differ."
        "Make both the same, or leave --oidc-user out." CLI;
    ExpirationInvalid "expiration-invalid" Login Error
        "--oidc-expiration is not a duration"
        "The CLI takes a Go duration (15m, 1h30m, 24h) there: no days, and no number without a unit."
        "Write the duration in hours, minutes or seconds." CLI;
    UrlGivenTwice "url-given-twice" Login Error
        "The backend is given twice"
        "`pulumi login` takes the URL as its argument or with --cloud-url, not both, and neither together with --local."
        "Keep one of them." CLI;
    CliTooOld "cli-too-old" Login Error
        "This pulumi is too old for OIDC logins"
        "The --oidc flags came with 3.209.0; an older CLI stops with `unknown flag: --oidc-token`."
        "Upgrade pulumi, or make the exchange with a request of your own." CLI;
    CliNotFound "cli-not-found" Login Info
        "No pulumi on PATH"
        "The rules of the newest CLI were used; an installed one may behave differently."
        "Name the version with --pulumi-version where it matters." CLI;
    OtherSystemFailed "other-system-failed" Login Error
        "Another login failed, not Pulumi Cloud's"
        "The message is that of another system: Azure (AADSTS...), AWS (AssumeRoleWithWebIdentity) or Vault. Its login came before or after Pulumi Cloud's, with a trust and a policy of its own."
        "Correct the other system's trust in the token; nothing in Pulumi Cloud changes it." GUIDES;
    // ----------------------------------------------------------------------------- backend
    BackendEmpty "backend-empty" Backend Error
        "No backend is configured, and this CLI has no default"
        "From 3.209.0 to 3.215.x, `pulumi login --oidc-token` with nothing configured uses an empty URL and fails with `Post \"/api/oauth/token\": unsupported protocol scheme \"\"`."
        "Name the backend in the login command, or upgrade pulumi to 3.216.0 or newer." CLI;
    BackendSchemeMissing "backend-scheme-missing" Backend Error
        "The backend URL has no scheme"
        "A backend URL begins with https://. Without it the CLI refuses an argument, and fails on a configured value with `unsupported protocol scheme \"\"` or takes the host for a scheme."
        "Write the URL with https:// in front." BACKENDS;
    BackendSchemeUnknown "backend-scheme-unknown" Backend Error
        "The backend URL has an unknown scheme"
        "A backend's scheme is https, http, file, s3, gs, azblob or postgres."
        "Correct the scheme." BACKENDS;
    BackendIsConsole "backend-is-console" Backend Error
        "The backend URL is that of Pulumi's website, or looks so to the CLI"
        "app.pulumi.com is the console and pulumi.com the website; the CLI speaks to api.pulumi.com. The CLI also refuses every argument whose host begins with pulumi.com."
        "Use https://api.pulumi.com." BACKENDS;
    BackendIsDiy "backend-is-diy" Backend Error
        "The backend is a storage bucket or a directory"
        "OIDC logs in to Pulumi Cloud only; with a DIY backend the CLI refuses every --oidc flag."
        "Name Pulumi Cloud's URL in the login command." BACKENDS;
    BackendUnexpanded "backend-unexpanded" Backend Error
        "The backend URL holds a variable reference"
        "A variable reference in the URL was not expanded."
        "Use the syntax of the place where the value stands, and check that the variable is set there." AZURE_VARIABLES;
    BackendMalformed "backend-malformed" Backend Error
        "The backend URL is malformed"
        "The value is not a URL that can be requested."
        "Write the bare URL, without quotes, spaces or credentials." BACKENDS;
    BackendPathSuspicious "backend-path-suspicious" Backend Warning
        "The backend URL has something after the host"
        "The CLI appends /api/oauth/token to the URL as it stands, so a slash, path, query or fragment ends up in the request."
        "Write the URL without anything after the host." BACKENDS;
    BackendInsecure "backend-insecure" Backend Warning
        "The connection to the backend is not protected"
        "The token travels over plain HTTP, or the certificate is not verified: who sits in between can take it."
        "Use https; for a private certificate authority pass its certificate instead of --insecure." BACKENDS;
    BackendOverridden "backend-overridden" Backend Warning
        "Several places name different backends"
        "The first of argument, PULUMI_OPTION_CLOUD_URL, PULUMI_BACKEND_URL, project file and stored credentials wins."
        "Keep the one that is meant." CLI_ENVIRONMENT;
    ProjectFileInvalid "project-file-invalid" Backend Error
        "The project file is invalid"
        "`pulumi login` reads the project file first and stops when it is invalid, even when the URL is given as an argument."
        "Correct the file, or log in from another directory." PROJECT;
    CredentialsFileInvalid "credentials-file-invalid" Backend Error
        "The credentials file is invalid"
        "`pulumi login` reads and rewrites the stored credentials, and stops when it cannot parse them."
        "Correct or remove the file." CLI;
    CredentialsEncrypted "credentials-encrypted" Backend Info
        "The stored credentials are encrypted"
        "Newer CLIs encrypt the file. Which backend and accounts it names cannot be seen from here."
        "Nothing has to be done; name the backend in the login command to be independent of it." CLI;
    BackendUnreachable "backend-unreachable" Backend Error
        "The backend cannot be reached"
        "No answer came from the backend."
        "Let this machine reach the host and port." BACKENDS;
    BackendTlsUntrusted "backend-tls-untrusted" Backend Error
        "The backend's certificate is not trusted"
        "The TLS handshake fails, so the CLI does not send anything."
        "Make this machine trust the authority that signed it." BACKENDS;
    BackendNotPulumi "backend-not-pulumi" Backend Error
        "The backend is not a Pulumi Cloud"
        "Something answers there, but not as a Pulumi Cloud does on /api/capabilities."
        "Use the address of Pulumi Cloud's API." BACKENDS;
    // ------------------------------------------------------------------------------- token
    TokenMalformed "token-malformed" Token Error
        "The token cannot be decoded"
        "A JWT has three parts in base64url; header and payload are JSON objects."
        "Pass the token exactly as the platform issued it." JWT;
    TokenClaimMissing "token-claim-missing" Token Error
        "The token lacks a claim"
        "An OIDC token has iss, aud, sub and exp, each of its own JSON type."
        "Request an OIDC identity token from the platform; this one was made by something else." JWT;
    TokenDuplicateClaim "token-duplicate-claim" Token Warning
        "The token has a claim twice"
        "JSON does not say which of two equal keys counts: verifiers may disagree about what the token says."
        "Correct the issuer's configuration so that each claim occurs once." JWT;
    TokenExpired "token-expired" Token Error
        "The token has expired"
        "Its exp is past; Pulumi Cloud refuses it whatever the policy says."
        "Request the token right before the login." ISSUERS;
    TokenExpiresSoon "token-expires-soon" Token Warning
        "The token is about to expire"
        "Less than a minute is left."
        "Request the token right before the login." ISSUERS;
    TokenNotYetValid "token-not-yet-valid" Token Error
        "The token is not valid yet"
        "Its nbf or iat is in the future."
        "Correct the clock of the machine that issued the token, or of this one." JWT;
    ClockSkew "clock-skew" Token Warning
        "This machine's clock is wrong"
        "The servers that were asked say another time."
        "Synchronise the clock (NTP)." JWT;
    AlgorithmUnsupported "algorithm-unsupported" Token Error
        "The token's signature algorithm cannot be used"
        "Pulumi Cloud verifies with the issuer's public keys; an unsigned token or one signed with a shared secret cannot be verified so."
        "Have the issuer sign with one of the algorithms that its discovery document offers." JWA;
    // ------------------------------------------------------------------------------ issuer
    IssuerUrlInvalid "issuer-url-invalid" Issuer Error
        "The token's issuer is not a usable URL"
        "iss has to be an https URL without query, fragment or credentials."
        "Use a token whose issuer is published over https." DISCOVERY;
    IssuerAddressRefused "issuer-address-refused" Issuer Warning
        "The doctor did not connect to the issuer"
        "The issuer's address came out of the token, and it is one that a stranger's token must not make this machine connect to."
        "Pass --allow-private-issuer if you know this issuer." ISSUERS;
    IssuerUnreachable "issuer-unreachable" Issuer Error
        "The issuer cannot be reached"
        "Pulumi Cloud fetches the issuer's keys; from here the issuer gives no answer."
        "Make the issuer's discovery document reachable, or register its keys." ISSUERS;
    IssuerNotPublic "issuer-not-public" Issuer Error
        "The issuer is not reachable from Pulumi Cloud"
        "The issuer has a private address: it answers here, but Pulumi Cloud cannot fetch its keys."
        "Publish the discovery document and keys, or register the keys with the issuer." ISSUERS;
    IssuerTlsUntrusted "issuer-tls-untrusted" Issuer Error
        "The issuer's certificate is not trusted"
        "Keys are fetched over verified TLS only."
        "Give the issuer a certificate of a public authority, or register its thumbprint or keys." ISSUERS;
    DiscoveryNotFound "discovery-not-found" Issuer Error
        "The issuer has no discovery document"
        "Pulumi Cloud finds the issuer's keys through ISSUER/.well-known/openid-configuration."
        "Publish the document at that address, or register the issuer's keys." DISCOVERY;
    DiscoveryInvalid "discovery-invalid" Issuer Error
        "The discovery document is not usable"
        "It has to be a JSON object with issuer and jwks_uri, of at most 1 MiB."
        "Correct the document at the issuer." DISCOVERY;
    DiscoveryIssuerMismatch "discovery-issuer-mismatch" Issuer Error
        "The discovery document is of another issuer"
        "The document's issuer has to equal the token's iss, to the letter."
        "Register and use the issuer under the name that it calls itself." DISCOVERY;
    JwksUnreachable "jwks-unreachable" Issuer Error
        "The issuer's keys cannot be fetched"
        "The discovery document names them at jwks_uri, and that address gives none."
        "Make jwks_uri reachable, or register the issuer's keys." JWK;
    JwksInvalid "jwks-invalid" Issuer Error
        "The issuer's keys are not usable"
        "A key set is a JSON object with a list `keys`."
        "Correct the key set at the issuer." JWK;
    SigningKeyNotFound "signing-key-not-found" Issuer Error
        "The key that signed the token is not in the key set"
        "The token names its key by kid, and the issuer's key set has no such key."
        "Request a new token; if that does not help, the keys come from another issuer or are out of date." JWK;
    SignatureInvalid "signature-invalid" Issuer Error
        "The signature does not verify"
        "The key is there, and the signature is not one that it made for this token: the token was altered."
        "Pass the token exactly as the platform issued it." JWS;
    IssuerNotRegistered "issuer-not-registered" Issuer Error
        "The issuer is not registered"
        "Pulumi Cloud looks for a registered issuer that equals the token's iss, before anything else."
        "Register the issuer in the organization, under exactly this URL." ISSUERS;
    IssuerWrongOrganization "issuer-wrong-organization" Issuer Error
        "The issuer is registered in another organization"
        "A registration belongs to one organization, and the login asks for another."
        "Log in to the organization that has the registration, or register the issuer there." ISSUERS;
    ThumbprintMismatch "thumbprint-mismatch" Issuer Warning
        "The registered thumbprints are not those of the issuer's certificates"
        "Pulumi Cloud looks at thumbprints only when no public authority vouches for the issuer's certificate."
        "Refresh the registration's thumbprints." ISSUERS;
    AzureIssuerRetiring "azure-issuer-retiring" Issuer Info
        "Azure DevOps' own issuer is going away"
        "vstoken.dev.azure.com retires for service connections on 1 July 2027. A converted connection has another iss, another sub and another aud."
        "Plan for a second registration and policy before the service connection is converted." AZURE_FEDERATION;
    ExpirationExceedsMaximum "expiration-exceeds-maximum" Issuer Warning
        "The login asks for a longer life than the registration allows"
        "The registration caps an access token's life. Whether a longer request is shortened or refused is not documented."
        "Ask for at most the registration's maximum." ISSUERS;
    // ----------------------------------------------------------------- audience and policy
    AudienceMismatch "audience-mismatch" Audience Error
        "The token's audience is not the one that the policy allows"
        "In the policy entry that comes closest, the rule on aud does not match the token."
        "Make the rule and the token's audience the same." ISSUERS;
    PolicyDefaultDeny "policy-default-deny" Policy Error
        "No policy allows anything"
        "An issuer without an allow entry lets nobody in; a new registration has none."
        "Add an allow entry for this token." ISSUERS;
    PolicyDenied "policy-denied" Policy Error
        "A deny entry matches"
        "A matching deny beats every allow, whatever their order."
        "Narrow or remove the deny entry." ISSUERS;
    TokenTypeNotAllowed "token-type-not-allowed" Policy Error
        "No entry is for the requested token type"
        "An entry matches only requests for its own token type, whatever its rules say."
        "Ask for a token type that the policy allows, or add an entry for this one." ISSUERS;
    TeamNotAllowed "team-not-allowed" Policy Error
        "No entry is for this team"
        "A team entry matches only requests for its own team."
        "Ask for the entry's team, or add an entry for this one." ISSUERS;
    UserNotAllowed "user-not-allowed" Policy Error
        "No entry is for this user"
        "A personal entry matches only requests for its own user."
        "Ask for the entry's user, or add an entry for this one." ISSUERS;
    RunnerNotAllowed "runner-not-allowed" Policy Error
        "No entry is for this runner"
        "A runner entry matches only requests for its own runner."
        "Ask for the entry's runner, or add an entry for this one." ISSUERS;
    AdminNotPermitted "admin-not-permitted" Policy Error
        "The policy does not grant admin"
        "scope=admin needs `admin` in the entry's authorizedPermissions."
        "Ask without scope=admin, or grant it in the entry." ACCESS_TOKENS;
    SubjectMismatch "subject-mismatch" Policy Error
        "The token's subject is not one that the policy allows"
        "In the policy entry that comes closest, the rule on sub does not match the token."
        "Make the rule match the subject." ISSUERS;
    ClaimMismatch "claim-mismatch" Policy Error
        "A claim does not match the policy"
        "In the policy entry that comes closest, the rule on this claim does not match the token."
        "Make the rule match the claim." ISSUERS;
    ClaimAbsent "claim-absent" Policy Error
        "The policy asks for a claim that the token does not have"
        "A rule on an absent claim does not match."
        "Correct the claim's path, or drop the rule." ISSUERS;
    PolicyUnknown "policy-unknown" Policy Info
        "The policy is not known"
        "Neither a document nor Pulumi Cloud told what the policy is, so whether this token is let in was not judged from it."
        "Pass the policy with --policy, or check it by hand." ISSUERS;
    PolicyTooBroad "policy-too-broad" Policy Warning
        "A policy entry lets every identity of the issuer in"
        "Neither its sub rule nor another names one identity."
        "Add a rule on sub." ISSUERS;
    PolicyWildcardSurprise "policy-wildcard-surprise" Policy Info
        "A pattern means more, or less, than it seems to"
        "In a pattern . stands for any one character and ? for at most one; there are no regular expressions."
        "Read the pattern again with that in mind." ISSUERS;
    PolicyAdminGranted "policy-admin-granted" Policy Warning
        "A policy entry grants admin"
        "Every identity that the entry lets in can ask for an organization admin's token."
        "Add a rule on sub, or take admin out." ACCESS_TOKENS;
    // --------------------------------------------------------------------------- exchange
    ExchangeRejected "exchange-rejected" Exchange Error
        "Pulumi Cloud refuses the exchange"
        "The service refuses, and nothing that was found here explains it."
        "Compare the service's words with what was checked here." EXCHANGE;
    OrganizationUnknown "organization-unknown" Exchange Error
        "Pulumi Cloud does not know the organization"
        "The name has to be the organization's login in Pulumi Cloud, not its display name nor a GitHub organization's."
        "Use the name in the address of the organization's page in the console." GUIDES;
    ExchangeContradictsPolicy "exchange-contradicts-policy" Exchange Warning
        "Pulumi Cloud decides differently from the policy"
        "Either the policy that was judged by is out of date, or one of the assumptions that the evaluation rests on does not hold."
        "Fetch the policy again and compare." ISSUERS;
    ExchangeRateLimited "exchange-rate-limited" Exchange Error
        "Pulumi Cloud limits the rate of requests"
        "Too many requests came from this address or organization."
        "Wait, and log in once per job rather than once per step." EXCHANGE;
    ExchangeServerError "exchange-server-error" Exchange Error
        "Pulumi Cloud failed"
        "The service answered with an error of its own; the token may be all right."
        "Try again; if it stays, send the request id to Pulumi's support." EXCHANGE;
    ExchangeMalformed "exchange-malformed" Exchange Error
        "The exchange's answer is not a token response"
        "The status says success, but what came is not what the exchange returns."
        "Find out what answers at that address: a proxy or another service may sit in between." EXCHANGE;
    WhoamiUnauthorized "whoami-unauthorized" Whoami Error
        "Pulumi Cloud does not accept the access token"
        "The access token is not valid (any more), or the organization asks for a new single sign-on."
        "Log in again." ACCESS_TOKENS;
    WhoamiForbidden "whoami-forbidden" Whoami Error
        "The access token may not do this"
        "The service knows the token and refuses what was asked."
        "Check the token's role and the organization's access rules." ACCESS_TOKENS;
    WhoamiMalformed "whoami-malformed" Whoami Error
        "The answer to whoami names nobody"
        "The status says success, but there is no login name in the answer."
        "Find out what answers at that address: a proxy or another service may sit in between." CLI;
    WhoamiFailed "whoami-failed" Whoami Error
        "whoami failed"
        "The service did not say whose the access token is."
        "Try again; if it stays, send the request id to Pulumi's support." CLI;
    WhoamiWrongOrganization "whoami-wrong-organization" Whoami Error
        "The access token belongs elsewhere"
        "The token is for another organization or team than the login asks for, or its user is no member."
        "Log in to the organization that is meant." ACCESS_TOKENS;
    WhoamiTokenExpired "whoami-token-expired" Whoami Error
        "The access token has expired"
        "The stored credentials say that the token's life is over."
        "Log in again." ACCESS_TOKENS;
}

impl Code {
    /// The code's row.
    #[must_use]
    pub fn entry(self) -> &'static Entry {
        // The macro writes both lists in the same order.
        &CATALOGUE[self as usize]
    }

    /// The code's name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().name
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

#[cfg(test)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_code() {
        for (index, row) in CATALOGUE.iter().enumerate() {
            assert_eq!(row.code as usize, index, "{}", row.name);
            assert_eq!(row.code.entry().name, row.name);
        }
    }

    #[test]
    fn names_are_unique_and_rows_complete() {
        let mut seen = std::collections::BTreeSet::new();
        for row in CATALOGUE {
            assert!(seen.insert(row.name), "{} twice", row.name);
            assert!(row.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", row.name);
            for text in [row.meaning, row.fix] {
                assert!(text.ends_with('.'), "{}: {text}", row.name);
            }
            assert!(row.link.starts_with("https://"), "{}", row.name);
        }
    }
}
