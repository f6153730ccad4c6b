//! What the environment of a platform's job shows, for explaining why there is no token.

use std::path::Path;

use serde_json::Value;

use super::{is_issued_by, tokens};
use crate::evidence::{PlatformEnvironment, SystemToken};
use crate::gather::ambient::platforms::Platform;
use crate::gather::environment::Environment;
use crate::gather::pulumi::file::read_file;

/// The variables that hold a service connection's id: of AzureCLI and AzurePowerShell, and of the
/// azurerm and azuread providers (azidentity knows them all).
const CONNECTION: [&str; 3] = [
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
    "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID",
    "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID",
];

/// The names of [`CONNECTION`], for people.
pub(super) fn connection_variables() -> String {
    CONNECTION.join(", ")
}

/// The id of the service connection, without what nothing replaced.
pub(super) fn connection(environment: &Environment) -> Option<&str> {
    CONNECTION.iter().filter_map(|name| environment.get(name)).map(str::trim).find(|id| {
        !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    })
}

/// The job's own access token. Azure Pipelines leaves a macro as it is where it knows no such
/// variable.
pub(super) fn system_token(environment: &Environment) -> SystemToken {
    match environment.get("SYSTEM_ACCESSTOKEN").map(str::trim) {
        None | Some("") => SystemToken::Missing,
        Some(value) if value.starts_with('$') || value.starts_with('%') => SystemToken::Unexpanded,
        Some(_) => SystemToken::Set,
    }
}

/// What the variables show.
pub(super) fn of(platform: Option<&Platform>, environment: &Environment) -> PlatformEnvironment {
    let text = |name: &str| environment.get(name).map(str::to_owned);
    let is_set = |name: &str| environment.get(name).is_some();
    match platform.map(|platform| platform.id) {
        Some("azure-pipelines") => PlatformEnvironment::AzurePipelines {
            has_client_secret: is_set("servicePrincipalKey"),
            is_federated: environment
                .variables()
                .iter()
                .any(|(name, value)| name.starts_with("AZURESUBSCRIPTION_") && !value.is_empty()),
            has_request_uri: is_set("SYSTEM_OIDCREQUESTURI"),
            system_token: system_token(environment),
            connection: connection(environment).map(str::to_owned),
        },
        Some("github-actions") => PlatformEnvironment::GitHubActions {
            missing: ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
                .into_iter()
                .filter(|name| !is_set(name))
                .map(str::to_owned)
                .collect(),
            event: text("GITHUB_EVENT_NAME"),
            fork: environment.get("GITHUB_EVENT_PATH").and_then(|path| fork(Path::new(path))),
            job: text("GITHUB_JOB"),
        },
        Some("buildkite-agent") => PlatformEnvironment::Buildkite,
        Some("gitlab-ci") => {
            let server = text("CI_SERVER_URL");
            PlatformEnvironment::GitLab {
                others: tokens(environment)
                    .into_iter()
                    .filter(|(_, decoded)| {
                        server.as_deref().is_none_or(|url| !is_issued_by(&decoded.token, url))
                    })
                    .map(|(name, decoded)| {
                        let issuer = decoded.token.text("iss").unwrap_or("(no issuer)");
                        (name.to_owned(), issuer.to_owned())
                    })
                    .collect(),
                server,
                job: text("CI_JOB_NAME"),
            }
        }
        _ => PlatformEnvironment::Other,
    }
}

/// The repository that a pull request comes from, if it is another one than it goes to. The
/// runner writes the event as it was delivered (GitHub's webhook `pull_request`).
fn fork(event: &Path) -> Option<String> {
    let event: Value = serde_json::from_slice(&read_file(event).ok()?).ok()?;
    let request = event.get("pull_request")?;
    let repository = |side: &str| request.get(side)?.get("repo");
    let name = |side: &str| repository(side)?.get("full_name")?.as_str();
    let (head, base) = (name("head"), name("base"));
    // Without a name the repository has been deleted: only a fork's can be.
    let deleted = request.get("head").is_some() && head.is_none();
    let is_fork = if base.is_some() && head.is_some() {
        head != base
    } else {
        deleted
            || repository("head").and_then(|repo| repo.get("fork")).and_then(Value::as_bool)
                == Some(true)
    };
    is_fork.then(|| head.unwrap_or("(deleted)").to_owned())
}
