//! Messages of CI platforms, their runners and libraries about jobs that get no token. Sources:
//! actions/toolkit packages/core/src/oidc-utils.ts, actions/runner JobExtension.cs,
//! microsoft/azure-pipelines-tasks AzureCLIV2, MicrosoftDocs azure-devops-docs, Azure's SDKs
//! (azidentity), buildkite/agent clicommand/oidc_request_token.go, docs.gitlab.com,
//! google-github-actions/auth, azure/login, aws-actions/configure-aws-credentials, PyPI's id,
//! ambient-id.

use super::{Message, Scope};
use crate::catalogue::Code;

pub(super) const MESSAGES: &[Message] = &[
    // --------------------------------------------------------------------- GitHub Actions
    Message::code(
        "Unable to get ACTIONS_ID_TOKEN_REQUEST_{} env variable",
        &[Code::GithubIdTokenPermission],
        "",
    ),
    Message::code(
        "is requesting 'id-token: write', but is only allowed 'id-token: {allowed}'",
        &[Code::GithubIdTokenPermission],
        "The called workflow requests id-token: write, and the workflow that calls it grants \
         id-token: {allowed}.",
    )
    .anywhere()
    .fix(
        "In the workflow that calls it, give the calling job permissions: id-token: write. A called \
         workflow gets no more than its caller grants.",
    ),
    Message::code(
        "GitHub Actions did not inject $ACTIONS_ID_TOKEN_REQUEST_TOKEN or",
        &[Code::GithubIdTokenPermission],
        "",
    ),
    Message::code(
        "make sure to give write permissions to id-token in the workflow",
        &[Code::GithubIdTokenPermission],
        "",
    )
    .anywhere(),
    Message::code(
        "missing or insufficient OIDC token permissions, the {variable} environment variable was \
         unset",
        &[Code::GithubIdTokenPermission],
        "",
    )
    .anywhere(),
    Message::code(
        "insufficient permissions: missing ACTIONS_ID_TOKEN_REQUEST_{}",
        &[Code::GithubIdTokenPermission],
        "",
    ),
    Message::code(
        "It looks like you might be trying to authenticate with OIDC. Did you mean to set the \
         `id-token` permission?",
        &[Code::GithubIdTokenPermission],
        "",
    )
    .hint(),
    Message::code(
        "$ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set",
        &[Code::GithubIdTokenPermission],
        "",
    ),
    Message::code(
        "ACTIONS_ID_TOKEN_REQUEST_{}: unbound variable",
        &[Code::GithubIdTokenPermission],
        "",
    ),
    Message::code(
        "Can't issue ID_TOKEN for audience '{audience}'",
        &[Code::TokenRequestFailed],
        "GitHub issues no token for the audience {audience}.",
    )
    .anywhere()
    .fix(
        "Request the audience urn:pulumi:org:ORG, with the organization's name in Pulumi Cloud: \
         core.getIDToken(\"urn:pulumi:org:ORG\").",
    ),
    Message::code(
        "Failed to get ID Token",
        &[Code::TokenRequestFailed],
        "GitHub was asked for a token and refused or failed.",
    )
    .following_lines(4),
    Message::code(
        "Response json body do not have ID Token field",
        &[Code::TokenRequestFailed],
        "GitHub answered the request for a token without one.",
    ),
    Message::code(
        "Skip output '{name}' since it may contain secret",
        &[Code::TokenEmpty],
        "The runner drops a job's output that holds a secret: whoever reads {name} in another job \
         gets nothing. Log in within the job that has the token.",
    )
    .hint(),
    // -------------------------------------------------------------------- Azure Pipelines
    Message::code(
        "idToken: unbound variable",
        &[Code::AdoTokenNotExposed],
        "",
    ),
    Message::code(
        "idToken: command not found",
        &[Code::TokenVariableUnexpanded],
        "$(idToken) reached the shell, which ran a command of that name: idToken is an environment \
         variable of the script, not a variable of the pipeline. In bash it is $idToken.",
    ),
    Message::code(
        "The term 'idToken' is not recognized",
        &[Code::TokenVariableUnexpanded],
        "$(idToken) reached PowerShell, which ran a command of that name: idToken is an \
         environment variable of the script. In PowerShell it is $env:idToken.",
    ),
    Message::code(
        "'idToken' is not recognized as an internal or external command",
        &[Code::TokenVariableUnexpanded],
        "$(idToken) reached the shell, which ran a command of that name: idToken is an environment \
         variable of the script. In cmd it is %idToken%.",
    ),
    Message::code(
        "There is no explicit reference to service connection {id} from current stage",
        &[Code::TokenRequestFailed],
        "Azure issues a token for a service connection only to a job that names it in a task's \
         input. A task with `condition: false` is enough; a variable that holds the id is not.",
    )
    .anywhere(),
    Message::code(
        "The requested resource does not support http method 'GET'",
        &[Code::TokenRequestFailed],
        "Azure's address for tokens (SYSTEM_OIDCREQUESTURI) takes POST.",
    )
    .scope(Scope::TokenRequest)
    .anywhere(),
    Message::code(
        "no value for environment variable SYSTEM_ACCESSTOKEN",
        &[Code::AdoSystemAccesstokenUnmapped],
        "",
    )
    .anywhere(),
    Message::code(
        "SYSTEM_ACCESSTOKEN: unbound variable",
        &[Code::AdoSystemAccesstokenUnmapped],
        "",
    ),
    Message::code(
        "no value for environment variable SYSTEM_OIDCREQUESTURI",
        &[Code::TokenRequestFailed],
        "SYSTEM_OIDCREQUESTURI is not set: this does not run in a job of Azure Pipelines, or not on \
         its agent.",
    )
    .anywhere(),
    Message::code(
        "OIDC token not found in response",
        &[Code::TokenRequestFailed],
        "Azure answered the request for a token without one.",
    )
    .anywhere(),
    Message::code(
        "TF400813: The user '{}' is not authorized to access this resource",
        &[Code::AdoSystemAccesstokenUnmapped, Code::TokenRequestFailed],
        "Azure was asked for a token without a valid access token of the job.",
    )
    .scope(Scope::TokenRequest)
    .anywhere(),
    Message::code(
        "<title>Azure DevOps Services | Sign In</title>",
        &[Code::AdoSystemAccesstokenUnmapped, Code::TokenRequestFailed],
        "Azure answered the request for a token with its sign-in page: the job's access token was \
         not sent, or is not valid.",
    )
    .scope(Scope::TokenRequest)
    .anywhere(),
    Message::code(
        "Object moved to <a href=\"{url}",
        &[Code::AdoSystemAccesstokenUnmapped, Code::TokenRequestFailed],
        "Azure answered the request for a token by sending it to its sign-in page: the job's \
         access token was not sent, or is not valid.",
    )
    .scope(Scope::TokenRequest)
    .anywhere(),
    Message::code(
        "The 'keepAzSessionActive' input might be used only for workload identity federation",
        &[Code::AdoConnectionNotFederated],
        "",
    ),
    // ---------------------------------------------------------------------------- others
    Message::code(
        "OIDC token request failed (code={status}, body={answer})",
        &[Code::TokenRequestFailed],
        "The platform refused the request for a token with status {status}.",
    ),
    Message::code(
        "GitLab: Environment variable {variable} not found",
        &[Code::GitlabIdTokenMissing],
        "",
    ),
    Message::code(
        "CI_JOB_JWT_V2: unbound variable",
        &[Code::GitlabIdTokenMissing],
        "GitLab 17 removed CI_JOB_JWT_V2; a job names its tokens in an id_tokens: block.",
    ),
    Message::code(
        "CI_JOB_JWT: unbound variable",
        &[Code::GitlabIdTokenMissing],
        "GitLab 17 removed CI_JOB_JWT; a job names its tokens in an id_tokens: block.",
    ),
    Message::code(
        "could not obtain OIDC token for {problem}",
        &[Code::TokenRequestFailed],
        "Buildkite's agent was asked for a token and failed: {problem}.",
    ),
    Message::code(
        "BITBUCKET_STEP_OIDC_TOKEN: unbound variable",
        &[Code::TokenMissing],
        "Bitbucket gives a step a token only with `oidc: true`.",
    ),
    Message::code(
        "{variable}: command not found",
        &[Code::TokenVariableUnexpanded],
        "$({variable}) reached the shell, which ran a command of that name instead of putting the \
         variable's value there.",
    )
    .scope(Scope::LoginVariable),
    Message::code(
        "{variable}: parameter not set",
        &[Code::TokenEmpty],
        "The variable {variable}, which should hold the token, is not set in this step.",
    )
    .scope(Scope::LoginVariable),
    Message::code(
        "{variable}: unbound variable",
        &[Code::TokenEmpty],
        "The variable {variable}, which should hold the token, is not set in this step.",
    )
    .scope(Scope::LoginVariable),
];
