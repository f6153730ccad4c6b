//! Describes what `pulumi login` would do in this environment: the backend, the token, the
//! organization, and the identity that it uses without an exchange.

use crate::evidence::{Backend, CredentialHelper, CredentialsFile, InputProblem, StoredAccount};
use crate::judge::context::Context;
use crate::pulumi::backend_url;
use crate::pulumi::backend_url::{PULUMI_CLOUD, UrlProblem};
use crate::pulumi::first_error::{CliError, CliLogin};
use crate::pulumi::versions;

/// Describes the login, as the rest of a sentence that begins with `pulumi login`.
pub(crate) fn describe_login(context: &Context) -> String {
    let login = &context.evidence.login;
    let has_token = context.has_token();
    let cli = CliLogin::new(context.evidence, &context.request, &context.backend, has_token);
    if let Some(CliError { message: Some(message), .. }) = cli.error_before_requests() {
        return would_stop(&message);
    }
    if !login.token_named {
        return format!("was given no OIDC token: it {}", describe_login_without_token(context));
    }
    if context.cli_lacks_oidc() {
        return format!(
            "would ignore PULUMI_OPTION_OIDC_TOKEN: it {}",
            describe_login_without_token(context)
        );
    }
    if matches!(context.evidence.input.problem, Some(InputProblem::Empty)) {
        return format!("would leave OIDC out: it {}", describe_login_without_token(context));
    }
    let ask = &context.request.ask;
    let (kind, name) = match (&ask.team, &ask.user, &ask.runner) {
        (Some(team), ..) => ("team", Some(team)),
        (_, Some(user), _) => ("user", Some(user)),
        (.., Some(runner)) => ("runner", Some(runner)),
        _ => ("organization", context.request.organization.as_ref()),
    };
    let name = name.map_or("(none)", String::as_str);
    format!("would exchange the token at {} for one of the {kind} {name}", context.backend.url)
}

/// Describes the login without an OIDC token (`Current` and `Login` in
/// pkg/backend/httpstate/backend.go): `PULUMI_ACCESS_TOKEN` comes before stored credentials.
pub(crate) fn describe_login_without_token(context: &Context) -> String {
    let backend = &context.evidence.backend;
    let url = url_without_token(context);
    match backend_url::problems(&context.backend, false).first() {
        Some(UrlProblem::Diy { .. }) => {
            return format!("would open the DIY backend {url}, which has no login");
        }
        Some(problem)
            if backend_url::cli_message(problem, &context.backend, None).is_some()
                && url == context.backend.url =>
        {
            return format!("would fail, since {url} cannot be requested");
        }
        _ => {}
    }
    let version = context.evidence.rules();
    if let CredentialHelper::Found { path, .. } = &context.evidence.login.helper
        && versions::CREDENTIAL_HELPERS.holds(version)
    {
        return format!(
            "would run the credential helper {path} for {url}: the login may succeed with another \
             identity"
        );
    }
    if context.evidence.login.access_token_in_environment {
        return format!(
            "would use PULUMI_ACCESS_TOKEN for {url}: the login may succeed with another identity"
        );
    }
    match &backend.credentials {
        CredentialsFile::Read { accounts, .. } => {
            let same = |account: &&StoredAccount| {
                account.url.trim_end_matches('/') == url.trim_end_matches('/')
                    && context.evidence.cli_reads_account(account)
            };
            if let Some(account) = accounts.iter().find(same) {
                let who = account.username.as_deref().unwrap_or("their owner");
                let expired = account.expires_at.filter(|end| *end <= context.evidence.now);
                let expired = expired.map_or_else(String::new, |end| format!(" (expired {end})"));
                return format!(
                    "would use the stored credentials of {who} for {url}{expired}: the login \
                     may succeed with another identity"
                );
            }
        }
        CredentialsFile::Encrypted { path, .. } => {
            return format!(
                "would use the credentials for {url} that {path} may hold; it is encrypted, \
                 so whose they are is not known"
            );
        }
        CredentialsFile::NotFound | CredentialsFile::Invalid { .. } => {}
    }
    if context.evidence.login.coding_agent && versions::AGENT_ACCOUNTS.holds(version) {
        return if versions::NO_AGENT_ACCOUNTS.holds(version) {
            format!("would start a browser login at {url} and wait for it, forever in a job")
        } else {
            format!(
                "would log in at {url} with a temporary agent account, since a variable of a coding \
                 agent is set: the login succeeds, but with the wrong identity"
            )
        };
    }
    format!(
        "would fail at {url} with `PULUMI_ACCESS_TOKEN must be set for login during \
         non-interactive CLI sessions`, which does not mention the OIDC token"
    )
}

/// The backend of a login without a token (`ValueOrDefaultURL` in
/// pkg/backend/httpstate/backend.go). Stored credentials are among the candidates.
fn url_without_token(context: &Context) -> String {
    let Backend { local, candidates, without_token, .. } = &context.evidence.backend;
    let named = *local || candidates.iter().any(|candidate| !candidate.url.is_empty());
    match without_token {
        _ if named => context.backend.url.clone(),
        Some(variable) => variable.url.clone(),
        None => PULUMI_CLOUD.to_owned(),
    }
}

/// Only the first line of the error. The doctor gives its own advice instead of the CLI's hints.
fn would_stop(message: &str) -> String {
    format!("would stop: {}", message.lines().next().unwrap_or_default())
}
