//! Messages of pulumi about the token, the backend and the service's answers, and messages of the
//! service. Sources: pulumi/pulumi pkg/cmd/pulumi/auth/login.go, pkg/backend/httpstate,
//! pkg/backend/backenderr, sdk/go/common/workspace (3.99 to 3.276); pulumi/actions-helpers;
//! pulumi/pulumi-pulumiservice (registration).

use super::Means::{BackendArgument, BackendUrl, ExchangeAnswer, Status, TokenValue};
use super::{Message, Scope};
use crate::catalogue::Code;

/// Specific messages: the CLI refuses before a request, or the text names the failure.
pub(super) const SPECIFIC: &[Message] = &[
    // ------------------------------------------------------------------------------ login
    Message::code(
        "cannot perform token exchange when an access token is set as environment variable",
        &[Code::AccessTokenSet],
        "",
    ),
    Message::code(
        "organization must be specified for token exchange",
        &[Code::OrganizationMissing],
        "",
    ),
    Message::code(
        "JWT scope contains both team '{team}' and user '{user}'",
        &[Code::TeamAndUser],
        "The token's scope claim names the team {team} and the user {user}, and the CLI takes \
         both from there.",
    ),
    Message::code(
        "only one of team or user may be specified for token exchange",
        &[Code::TeamAndUser],
        "",
    ),
    Message::code(
        "--oidc-org '{flag}' conflicts with JWT aud claim organization '{claim}'",
        &[Code::OrganizationConflict],
        "--oidc-org says {flag}, the token's aud claim names {claim}.",
    ),
    Message::code(
        "--oidc-team '{flag}' conflicts with JWT scope team '{claim}'",
        &[Code::TeamConflict],
        "--oidc-team says {flag}, the token's scope claim names {claim}.",
    ),
    Message::code(
        "--oidc-user '{flag}' conflicts with JWT scope user '{claim}'",
        &[Code::UserConflict],
        "--oidc-user says {flag}, the token's scope claim names {claim}.",
    ),
    Message::code(
        "could not parse expiration duration: time: unknown unit \"{unit}\" in duration \
         \"{duration}\"",
        &[Code::ExpirationInvalid],
        "--oidc-expiration is {duration}, and Go's durations have no unit {unit}.",
    ),
    Message::code(
        "could not parse expiration duration: time: missing unit in duration \"{duration}\"",
        &[Code::ExpirationInvalid],
        "--oidc-expiration is {duration}, without a unit.",
    ),
    Message::code(
        "could not parse expiration duration: {problem}",
        &[Code::ExpirationInvalid],
        "--oidc-expiration is no Go duration: {problem}.",
    ),
    Message::code(
        "only one of --cloud-url or argument URL may be specified, not both",
        &[Code::UrlGivenTwice],
        "",
    ),
    Message::code(
        "a URL may not be specified when --local mode is enabled",
        &[Code::UrlGivenTwice],
        "",
    ),
    // ---------------------------------------------------------------------------- backend
    Message::new(
        "unknown backend cloudUrl format '{url}'",
        BackendArgument,
        "The CLI took {url} for the scheme of the backend's URL, and knows no such scheme.",
    ),
    Message::code(
        "{url} is not a valid self-hosted backend",
        &[Code::BackendIsConsole],
        "{url} is Pulumi's website, or looks so to the CLI; the API is somewhere else.",
    ),
    Message::code(
        "oidc-token, oidc-org, oidc-team, oidc-user, and oidc-expiration flags are not supported \
         for this type of backend",
        &[Code::BackendIsDiy],
        "",
    ),
    Message::code(
        "unable to set default org for this type of backend",
        &[Code::BackendIsDiy],
        "The login went to a storage bucket or a directory, which has no organizations.",
    ),
    Message::new(
        "Post \"{url}/api/oauth/token\": unsupported protocol scheme \"{scheme}\"",
        BackendUrl,
        "",
    ),
    Message::new(
        "Get \"{url}/api/user\": unsupported protocol scheme \"{scheme}\"",
        BackendUrl,
        "",
    ),
    Message::new("parse \"{url}/api/oauth/token\": {problem}", BackendUrl, ""),
    Message::new("Post \"{url}/api/oauth/token\": http: no Host in request URL", BackendUrl, ""),
    Message::new(
        "Post \"{url}/api/oauth/token\": dial tcp: address {port}: invalid port",
        BackendUrl,
        "",
    ),
    Message::code(
        "/api/oauth/token\": stopped after 10 redirects",
        &[Code::BackendNotPulumi, Code::ExchangeRedirected],
        "The backend redirects the exchange in a loop. Pulumi Cloud does not redirect it.",
    )
    .anywhere(),
    Message::code(
        "The PULUMI_BACKEND_URL environment variable is set to '{variable}', which conflicts with \
         the login URL '{url}'",
        &[Code::BackendOverridden],
        "The login was for {url}; commands after it use {variable}, from PULUMI_BACKEND_URL.",
    )
    .hint(),
    Message::code(
        "could not unmarshal '{path}Pulumi.{extension}': {problem}",
        &[Code::ProjectFileInvalid],
        "The project file cannot be read: {problem}.",
    ),
    Message::code(
        "could not validate '{path}Pulumi.{extension}': {problem}",
        &[Code::ProjectFileInvalid],
        "The project file is not valid: {problem}.",
    ),
    Message::code("project is missing a 'name' attribute", &[Code::ProjectFileInvalid], ""),
    Message::code(
        "project is missing a non-empty string 'name' attribute",
        &[Code::ProjectFileInvalid],
        "",
    ),
    Message::code("project is missing a 'runtime' attribute", &[Code::ProjectFileInvalid], ""),
    // ------------------------------------------------------------------------------ token
    Message::new(
        "must be JWT or 'file://filepath'. Got '{token}",
        TokenValue,
        "The CLI was given {token}, and refuses it: it takes the bare token, or file://PATH.",
    )
    .anywhere(),
    Message::code(
        "reading token from file 'eyJ{}': open",
        &[Code::TokenFileUnreadable],
        "The token itself follows file://, where the CLI takes it for the path of a file.",
    )
    .fix("Remove file:// from --oidc-token: pass the token itself, or file:// and the path of a file."),
    Message::code(
        "reading token from file '{path}': {problem}",
        &[Code::TokenFileUnreadable],
        "The file {path} cannot be read: {problem}.",
    ),
    Message::code(
        "Failed to read OIDC token: file '{path}' is empty",
        &[Code::TokenFileUnreadable, Code::TokenEmpty],
        "The file {path} is empty: whatever should have written the token did not.",
    ),
    Message::code(
        "unexpected token format in file '{path}'",
        &[Code::TokenWrapped, Code::TokenNotAToken, Code::TokenMalformed, Code::TokenTruncated],
        "{path} holds something that is no bare token: often a byte order mark or UTF-16 \
         (PowerShell's > writes both), JSON around it, or an error's text.",
    ),
    Message::code(
        "PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
        &[Code::TokenEmpty],
        "The CLI asks for an access token because it was given no OIDC token: --oidc-token was \
         empty. An empty value is no error to it; it leaves OIDC out without a word.",
    )
    .symptom(),
    Message::code(
        "oidc token must be specified for token exchange",
        &[Code::TokenEmpty],
        "The token that was passed is empty.",
    ),
    // ------------------------------------------------------- exchange, by words of its own
    Message::code(
        "invalid organization {organization}",
        &[Code::OrganizationUnknown],
        "Pulumi Cloud knows no organization of that name: it takes the organization's login name \
         in Pulumi Cloud, which need not be its display name or its name on GitHub.",
    )
    .scope(Scope::PulumiLogin),
    Message::code(
        "pulumi service: request rate-limit exceeded",
        &[Code::ExchangeRateLimited],
        "Pulumi Cloud limits how often it is asked, and was asked too often.",
    ),
    // ----------------------------------------------------------------------- registration
    Message::code(
        "metadata object store endpoint is not configured",
        &[Code::RegistrationRefused],
        "This self-hosted Pulumi Cloud has no storage for issuers.",
    )
    .fix("Configure the metadata object store of the self-hosted service, then register the issuer."),
    Message::code(
        "Bad Request: the issuer name is required",
        &[Code::RegistrationRefused],
        "The registration has no name.",
    )
    .fix("Give the registration a name, and send it again."),
    Message::code(
        "policy definition can not be empty",
        &[Code::RegistrationRefused],
        "The list of policies is empty.",
    )
    .fix("Send at least one policy entry. The page of this code shows one that is accepted."),
    Message::code(
        "Bad Request: Invalid issuer ID",
        &[Code::RegistrationRefused],
        "The id in the request is not that of a registration of this organization.",
    )
    .fix("List the organization's issuers and use the id of the one that is meant."),
    Message::code(
        "Calculated thumbprint {thumbprint} does not match any of the provided",
        &[Code::ThumbprintMismatch],
        "Pulumi Cloud does not register the issuer: its certificate has the thumbprint \
         {thumbprint}, which is none of those given.",
    )
    .fix("Leave the thumbprints out of the registration, or give this one."),
    Message::code(
        "issuer jwks are statically configured, can't regenerate thumbprints",
        &[Code::ThumbprintMismatch],
        "The registration carries its keys, so nothing is fetched and no thumbprint is looked at.",
    )
    .fix("Replace the keys in the registration when the issuer changes them, or take them out."),
    // ----------------------------------------------------------------------------- whoami
    Message::code(
        "SAML SSO authentication is required. Log in at:",
        &[Code::WhoamiUnauthorized],
        "The organization wants a new sign-on through SSO for this access token.",
    )
    .following_lines(2),
    Message::code(
        "The `{organization}` organization enforces a max access token expiry of `{days}` days",
        &[Code::AccessTokenPolicy],
        "The organization {organization} accepts no access token that lives longer than {days} days. \
         Tokens of an OIDC login are exempt, so pulumi used another one.",
    ),
    Message::code(
        "API call failed ({status}), could not read response: {problem}",
        &[Code::WhoamiFailed],
        "Pulumi Cloud, or a proxy in front of it, answered {status} and broke off: {problem}.",
    ),
    Message::code(
        "unmarshalling response object: {problem}",
        &[Code::WhoamiMalformed],
        "The answer to whoami is not JSON: {problem}. Often a proxy or a login page answers.",
    )
    .scope(Scope::PulumiLogin),
    Message::code(
        "failed to get user account details: {problem}",
        &[Code::WhoamiFailed],
        "whoami failed after the login: {problem}.",
    )
    .scope(Scope::PulumiLogin)
    .symptom(),
    Message::code(
        "[404] Not found: Organization '{organization}' not found",
        &[Code::WhoamiWrongOrganization],
        "The access token sees no organization {organization}: it belongs to another one, or the \
         name is not the organization's login name.",
    ),
    Message::code(
        "saml_reauth_required",
        &[Code::WhoamiUnauthorized],
        "The organization wants a new sign-on through SSO for this access token.",
    ),
    Message::code(
        "saml_login_required",
        &[Code::WhoamiUnauthorized],
        "The organization wants a sign-on through SSO for this access token.",
    ),
    Message::code(
        "refresh token is not valid",
        &[Code::WhoamiTokenExpired],
        "The stored login can no longer be renewed.",
    ),
    Message::code(
        "refresh_token grant failed: {problem}",
        &[Code::WhoamiTokenExpired],
        "The stored login has expired and could not be renewed: {problem}.",
    ),
];

const REFUSED: &str =
    "Pulumi Cloud refused the exchange. The CLI shows its answer without the HTTP status.";

/// General messages, which count only if the line has no specific one.
pub(super) const GENERAL: &[Message] = &[
    Message::code(
        "could not determine current cloud: {problem}",
        &[Code::CredentialsFileInvalid, Code::CredentialsFileUnwritable],
        "credentials.json is needed for the backend's URL and cannot be read: {problem}.",
    ),
    Message::new(
        "Invalid response from token exchange {status}: {answer}",
        ExchangeAnswer,
        "pulumi/auth-actions asked for the exchange and was refused with status {status}.",
    ),
    // Other programs print the same text.
    Message::new("OIDC token exchange failed: {answer}", ExchangeAnswer, REFUSED)
        .scope(Scope::PulumiLogin)
        .following_lines(4),
    Message::new(
        "Request failed with status code {status}",
        Status,
        "The request of this step was refused with status {status}.",
    )
    .scope(Scope::PulumiLogin),
    Message::new(
        "curl: (22) The requested URL returned error: {status}",
        Status,
        "curl was refused with status {status}; with --fail it does not show the answer \
         (--fail-with-body does).",
    ),
    Message::new(
        "Response status code does not indicate success: {status}",
        Status,
        "PowerShell's request was refused with status {status}.",
    ),
    Message::code(
        "unexpected response from server",
        &[Code::WhoamiMalformed],
        "What answered is not what Pulumi Cloud answers.",
    )
    .scope(Scope::PulumiLogin),
    Message::code(
        "invalid access token",
        &[Code::WhoamiUnauthorized],
        "Pulumi Cloud does not accept the access token.",
    )
    .scope(Scope::PulumiLogin),
    Message::code(
        "Unauthorized: No credentials provided or are invalid",
        &[Code::WhoamiUnauthorized],
        "Pulumi Cloud does not accept the access token, or was given none.",
    )
    .symptom(),
    Message::code(
        "this command requires logging in; try running `pulumi login` first",
        &[Code::WhoamiUnauthorized, Code::TokenEmpty],
        "There is no login: the one before this command failed, was left out, or ran in another \
         job.",
    )
    .symptom(),
    Message::new(
        "could not log in to the state backend \"{backend}\": [{status}] {problem}",
        Status,
        "{backend} answered with status {status}: {problem}.",
    ),
    Message::code(
        "could not create stack: [403] {problem}",
        &[Code::WhoamiForbidden],
        "The login worked, but its access token may not create stacks: a token from an OIDC login \
         has no admin rights unless `admin` was asked for, which `pulumi login` cannot do.",
    ),
    Message::code(
        "Pulumi CLI login command failed",
        &[Code::ExchangeRejected, Code::TokenEmpty, Code::AccessTokenSet],
        "The login of the Pulumi task failed. The lines before say why.",
    )
    .symptom(),
    Message::code(
        "error: [401] {problem}",
        &[Code::WhoamiUnauthorized],
        "Pulumi Cloud does not accept the access token: {problem}.",
    )
    .symptom(),
    Message::code(
        "error: [403] {problem}",
        &[Code::WhoamiForbidden],
        "The access token is valid, but may not do this: {problem}. A token from an OIDC login is \
         no admin's unless `admin` was asked for, which `pulumi login` cannot do.",
    ),
    Message::code(
        "error: [5{}] {problem} (Request ID: {id})",
        &[Code::WhoamiFailed],
        "Pulumi Cloud failed: {problem}. Its request id is {id}.",
    ),
    Message::code(
        "Logging in using access token from PULUMI_ACCESS_TOKEN",
        &[Code::TokenEmpty],
        "The CLI logged in with PULUMI_ACCESS_TOKEN, although an OIDC token was passed: that token \
         was empty. Everything after it runs as somebody else.",
    )
    .scope(Scope::OidcLogin),
];
