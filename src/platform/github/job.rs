//! Explains why a job of GitHub Actions has no token, and what to change in the workflow.

use serde::{Deserialize, Serialize};

use super::ID_TOKEN_REQUEST;
use crate::platform::{Cause, Explanation, Remedy};
use crate::text;
use crate::text::list;

/// The facts that a job's variables show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// The variables for requesting a token that are not set.
    pub missing: Vec<String>,
    /// `GITHUB_EVENT_NAME`.
    pub event: Option<String>,
    /// The fork that the pull request comes from.
    pub fork: Option<String>,
    /// `GITHUB_JOB`.
    pub job: Option<String>,
}

/// The facts of a job that lacks only the permission.
pub(crate) fn without_permission() -> Environment {
    let missing = vec![ID_TOKEN_REQUEST.url.to_owned()];
    Environment { missing, event: None, fork: None, job: None }
}

/// Whether a message of actions/toolkit (packages/core/src/oidc-utils.ts) says that GitHub's token
/// service failed or gave an empty answer. Such failures do not last.
pub(crate) fn is_transient(said: &str) -> bool {
    ["Error Code : undefined", "Error Code : 5"].iter().any(|words| said.contains(words))
}

/// Reads the job's variables. `fork` finds the fork in an event file.
pub(crate) fn environment<'a>(
    variables: impl Fn(&str) -> Option<&'a str>,
    fork: impl Fn(&str) -> Option<String>,
) -> Environment {
    let text = |name| variables(name).map(str::to_owned);
    let needed = [ID_TOKEN_REQUEST.url, ID_TOKEN_REQUEST.credential];
    let missing = needed.into_iter().filter(|name| variables(name).is_none());
    Environment {
        missing: missing.map(str::to_owned).collect(),
        event: text("GITHUB_EVENT_NAME"),
        fork: variables("GITHUB_EVENT_PATH").and_then(fork),
        job: text("GITHUB_JOB"),
    }
}

/// Explains why there is no token, if the variables show it.
pub(crate) fn explain(environment: &Environment) -> Option<Explanation> {
    let Environment { missing, event, fork, job } = environment;
    if missing.is_empty() {
        return None;
    }
    let event = event.as_deref();
    // `pull_request_target` runs in the target repository.
    let fork = fork.as_deref().filter(|_| event != Some("pull_request_target"));
    let mut remedy = Remedy::default();
    let detail = match fork {
        Some(fork) => {
            remedy = remedy
                .fix("Log in only where the change comes from the repository itself.")
                .proof("pull request from", fork, "GITHUB_EVENT_PATH");
            format!(
                "This run is for a pull request from the fork {fork}. GitHub gives such runs no \
                 id-token permission, whatever the workflow says."
            )
        }
        None => format!(
            "{} {} not set: the job has no permission id-token: write.",
            list(missing),
            if missing.len() == 1 { "is" } else { "are" }
        ),
    };
    for name in missing {
        remedy = remedy.proof(name, "(not set)", "environment");
    }
    if let Some(event) = event {
        remedy = remedy.proof("event", event, "GITHUB_EVENT_NAME");
    }
    let remedy = match fork {
        Some(_) => without_forks(remedy),
        None => with_permission(remedy, event, job.as_deref()),
    };
    Some(Explanation::new(Cause::IdTokenPermission, detail, remedy))
}

fn without_forks(remedy: Remedy) -> Remedy {
    remedy
        .announce("Leave the step out for pull requests from forks:")
        .command(
            "if: github.event_name != 'pull_request' || \
             github.event.pull_request.head.repo.full_name == github.repository",
        )
        .step("What needs the login can run when the pull request has been merged.")
}

fn with_permission(mut remedy: Remedy, event: Option<&str>, job: Option<&str>) -> Remedy {
    if event == Some("pull_request") {
        remedy = remedy.step(
            "If the pull request comes from a fork, GitHub gives it no id-token permission, \
             whatever the workflow says.",
        );
    }
    let job = job.map_or_else(|| "JOB".to_owned(), text::yaml);
    remedy
        .step("Naming any permission takes all others away: actions/checkout needs contents: read.")
        .command(format!(
            "jobs:\n  {job}:\n    permissions:\n      id-token: write\n      contents: read"
        ))
        .step("In a reusable workflow, the job that calls it has to have the permission as well.")
        .step("A container that a step starts by itself has to be given both variables.")
}
