//! What pulumi itself says, and pulumi/auth-actions and the Azure task of Pulumi, which speak to
//! the same service. Sources: pulumi/pulumi pkg/cmd/pulumi/auth/login.go, pkg/backend/httpstate,
//! pkg/backend/backenderr, sdk/go/common/workspace (3.99 to 3.259); pulumi/actions-helpers.

use super::Means::{BackendArgument, BackendUrl, ExchangeAnswer, Status, TokenValue};
use super::{Message, Scope};
use crate::catalogue::Code;

/// What is specific: refused before a request, or by words of its own.
pub(super) const BEFORE: &[Message] = &[
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
        "Input required and not supplied: organization",
        &[Code::OrganizationMissing],
        "pulumi/auth-actions was given no organization.",
    )
    .scope(Scope::PulumiLogin),
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
    Message::code(
        "unknown flag: --oidc-{flag}",
        &[Code::CliTooOld],
        "This pulumi does not know --oidc-{flag}, which came with 3.209.0.",
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
    Message::code(
        "The PULUMI_BACKEND_URL environment variable is set to '{variable}', which conflicts with \
         the login URL '{url}'",
        &[Code::BackendOverridden],
        "The login was for {url}; commands after it use {variable}, from PULUMI_BACKEND_URL.",
    )
    .hint(),
    Message::code(
        "failed to read Pulumi credentials file. Please fix or delete invalid credentials file: \
         '{path}'",
        &[Code::CredentialsFileInvalid],
        "{path} cannot be read as credentials, and the CLI stops there.",
    ),
    Message::code(
        "credentials file '{path}' is encrypted but {problem}",
        &[Code::CredentialsEncrypted],
        "{path} is encrypted and {problem}.",
    ),
    Message::code(
        "credentials file '{path}' cannot be decrypted: {problem}",
        &[Code::CredentialsEncrypted],
        "{path} is encrypted and cannot be read here: {problem}.",
    ),
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
    Message::code(
        "Couldn't determine which login method to use",
        &[Code::TokenMissing],
        "The Pulumi task found neither PULUMI_ACCESS_TOKEN nor login arguments.",
    )
    .fix(
        "Give the task its loginArgs (they are split at single spaces), or log in with AzureCLI@2 \
         before it.",
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
    .more(2),
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

/// What is general: it counts where nothing specific is in the line.
pub(super) const AFTER: &[Message] = &[
    Message::new(
        "Invalid response from token exchange {status}: {answer}",
        ExchangeAnswer,
        "pulumi/auth-actions asked for the exchange and was refused with status {status}.",
    ),
    Message::new(
        "OIDC token exchange failed: {answer}",
        ExchangeAnswer,
        "Pulumi Cloud refused the exchange. The CLI shows its answer without the HTTP status.",
    )
    .more(4),
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
        "problem logging in: unexpected response from server",
        &[Code::WhoamiMalformed],
        "What answered is not what Pulumi Cloud answers.",
    ),
    Message::code(
        "unexpected response from server",
        &[Code::WhoamiMalformed],
        "What answered is not what Pulumi Cloud answers.",
    )
    .scope(Scope::PulumiLogin),
    Message::code(
        "problem logging in: invalid access token",
        &[Code::WhoamiUnauthorized],
        "Pulumi Cloud does not accept the access token.",
    ),
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
        &[Code::WhoamiUnauthorized],
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
         is no admin's unless `admin` was asked for, which `pulumi login` cannot do.",
    ),
    Message::code(
        "Pulumi CLI login command failed",
        &[Code::ExchangeRejected, Code::TokenEmpty, Code::AccessTokenSet],
        "The login of the Pulumi task failed; why stands in the lines before.",
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
