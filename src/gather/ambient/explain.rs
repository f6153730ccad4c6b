//! Facts about a platform's job that explain a missing token.

use std::path::Path;

use serde_json::Value;

use super::{is_issued_by, token_variables};
use crate::evidence::PlatformEnvironment;
use crate::gather::environment::Environment;
use crate::gather::pulumi::file::read_file;
use crate::platform::{Id, azure, github, gitlab};

/// The facts that the job's variables show.
pub(super) fn platform_environment(
    platform: Option<Id>,
    environment: &Environment,
) -> PlatformEnvironment {
    let variables = |name: &str| environment.get(name);
    match platform {
        Some(Id::AzurePipelines) => {
            let is_federated = environment
                .variables()
                .iter()
                .any(|(name, value)| name.starts_with(azure::job::FEDERATED) && !value.is_empty());
            PlatformEnvironment::AzurePipelines(azure::job::environment(variables, is_federated))
        }
        Some(Id::GitHubActions) => {
            let fork = |event: &str| fork(Path::new(event));
            PlatformEnvironment::GitHubActions(github::job::environment(variables, fork))
        }
        Some(Id::Buildkite) => PlatformEnvironment::Buildkite,
        Some(Id::GitLab) => {
            let others = |server: Option<&str>| tokens_of_other_issuers(server, environment);
            PlatformEnvironment::GitLab(gitlab::environment(variables, others))
        }
        _ => PlatformEnvironment::Other,
    }
}

/// The variables that hold another issuer's token, with that issuer.
fn tokens_of_other_issuers(
    server: Option<&str>,
    environment: &Environment,
) -> Vec<(String, String)> {
    token_variables(environment)
        .into_iter()
        .filter(|(_, decoded)| server.is_none_or(|url| !is_issued_by(&decoded.token, url)))
        .map(|(name, decoded)| {
            let issuer = decoded.token.text("iss").unwrap_or("(no issuer)");
            (name.to_owned(), issuer.to_owned())
        })
        .collect()
}

/// The fork that a pull request comes from, if it does. The runner writes the event to a file as
/// delivered (GitHub's webhook `pull_request`).
fn fork(event: &Path) -> Option<String> {
    let event: Value = serde_json::from_slice(&read_file(event).ok()?).ok()?;
    let request = event.get("pull_request")?;
    let repository = |side: &str| request.get(side)?.get("repo");
    let name = |side: &str| repository(side)?.get("full_name")?.as_str();
    let (head, base) = (name("head"), name("base"));
    // A repository without a name has been deleted, so it was a fork.
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
