//! The public documentation that the codes rest on.

pub(super) const CLI: &str = "https://www.pulumi.com/docs/iac/cli/commands/pulumi_login/";
pub(super) const CLI_ENVIRONMENT: &str =
    "https://www.pulumi.com/docs/iac/cli/environment-variables/";
pub(super) const ISSUERS: &str =
    "https://www.pulumi.com/docs/administration/concepts/oidc-issuers/";
pub(super) const GUIDES: &str = "https://www.pulumi.com/docs/administration/guides/oidc-issuers/";
pub(super) const ACCESS_TOKENS: &str =
    "https://www.pulumi.com/docs/administration/concepts/access-tokens/";
pub(super) const BACKENDS: &str = "https://www.pulumi.com/docs/iac/concepts/state-and-backends/";
pub(super) const PROJECT: &str = "https://www.pulumi.com/docs/iac/concepts/projects/project-file/";
pub(super) const AZURE_VARIABLES: &str =
    "https://learn.microsoft.com/en-us/azure/devops/pipelines/process/variables";
pub(super) const AZURE_FEDERATION: &str = "https://learn.microsoft.com/en-us/azure/devops/pipelines/release/troubleshoot-workload-identity";
pub(super) const AZURE_BUILD_VARIABLES: &str =
    "https://learn.microsoft.com/en-us/azure/devops/pipelines/build/variables#systemaccesstoken";
pub(super) const AZURE_CLI_TASK: &str =
    "https://learn.microsoft.com/en-us/azure/devops/pipelines/tasks/reference/azure-cli-v2";
pub(super) const AZURE_CONNECTIONS: &str =
    "https://learn.microsoft.com/en-us/azure/devops/pipelines/library/connect-to-azure";
pub(super) const GITHUB_PERMISSION: &str =
    "https://docs.github.com/en/actions/reference/security/oidc";
pub(super) const GITLAB_ID_TOKENS: &str =
    "https://docs.gitlab.com/ci/secrets/id_token_authentication/";
pub(super) const JWT: &str = "https://www.rfc-editor.org/rfc/rfc7519";
pub(super) const JWS: &str = "https://www.rfc-editor.org/rfc/rfc7515";
pub(super) const JWA: &str = "https://www.rfc-editor.org/rfc/rfc7518";
pub(super) const JWK: &str = "https://www.rfc-editor.org/rfc/rfc7517";
pub(super) const EXCHANGE: &str = "https://www.rfc-editor.org/rfc/rfc8693";
pub(super) const DISCOVERY: &str = "https://openid.net/specs/openid-connect-discovery-1_0.html";
