//! What `pulumi login` itself would do in this environment, in plain words: which backend, which
//! token, which organization, and whose identity where no exchange is made.

use crate::evidence::{Backend, CredentialsFile, InputProblem, ProjectFile, Source, StoredAccount};
use crate::judge::context::Context;
use crate::pulumi::backend_url;
use crate::pulumi::backend_url::{PULUMI_CLOUD, UrlProblem};
use crate::pulumi::request::{Conflict, Provenance};
use crate::pulumi::versions;

/// What `pulumi login` would do here, as the rest of a sentence that begins with it.
pub(crate) fn what_pulumi_does(context: &Context) -> String {
    let login = &context.evidence.login;
    if let Some(message) = refusal_of_the_command_line(context) {
        return stop(&message);
    }
    if !login.token_named {
        return format!("was given no OIDC token: it {}", without_token(context));
    }
    if context.has_no_oidc() {
        return format!("would heed no PULUMI_OPTION_OIDC_TOKEN: it {}", without_token(context));
    }
    if matches!(context.evidence.input.problem, Some(InputProblem::Empty)) {
        return format!("would leave OIDC out: it {}", without_token(context));
    }
    if let Some(message) = refusal_of_the_exchange(context) {
        return stop(&message);
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

/// What `pulumi login` does without an OIDC token (`Current` and `Login` in
/// pkg/backend/httpstate/backend.go): `PULUMI_ACCESS_TOKEN` comes before stored credentials.
pub(crate) fn without_token(context: &Context) -> String {
    let backend = &context.evidence.backend;
    let url = url_without_token(context);
    match backend_url::problems(&context.backend, false).first() {
        Some(UrlProblem::Diy { .. }) => {
            return format!("would open the DIY backend {url}, where nobody logs in");
        }
        Some(problem)
            if backend_url::cli_message(problem, &context.backend, None).is_some()
                && url == context.backend.url =>
        {
            return format!("would fail, since {url} cannot be requested");
        }
        _ => {}
    }
    if context.evidence.login.access_token_in_environment {
        return format!(
            "would use PULUMI_ACCESS_TOKEN for {url}: the login may succeed, as somebody else"
        );
    }
    match &backend.credentials {
        CredentialsFile::Read { accounts, .. } => {
            let same = |account: &&StoredAccount| {
                account.url.trim_end_matches('/') == url.trim_end_matches('/')
            };
            if let Some(account) = accounts.iter().find(same) {
                let who = account.username.as_deref().unwrap_or("their owner");
                let expired = account.expires_at.filter(|end| *end <= context.evidence.now);
                let expired = expired.map_or_else(String::new, |end| format!(" (expired {end})"));
                return format!(
                    "would use the stored credentials of {who} for {url}{expired}: the login \
                     may succeed, as somebody else"
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
    format!(
        "would fail at {url} with `PULUMI_ACCESS_TOKEN must be set for login during \
         non-interactive CLI sessions`, which does not mention the OIDC token"
    )
}

/// Where a login without a token goes (`ValueOrDefaultURL` in
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

/// What stops every login, in the order of login.go.
fn refusal_of_the_command_line(context: &Context) -> Option<String> {
    let Backend { given_twice, project, local, .. } = &context.evidence.backend;
    let from_option = matches!(
        &context.evidence.input.source,
        Source::Environment { name } if name.starts_with("PULUMI_OPTION_")
    );
    if context.has_no_oidc() && context.evidence.login.token_named && !from_option {
        return Some("unknown flag: --oidc-token".to_owned());
    }
    if given_twice.is_some() {
        let message = if *local {
            "a URL may not be specified when --local mode is enabled"
        } else {
            "only one of --cloud-url or argument URL may be specified, not both"
        };
        return Some(message.to_owned());
    }
    if let ProjectFile::Invalid { path, reason, .. } = project {
        return Some(format!("{path}: {reason}"));
    }
    let problem = backend_url::problems(&context.backend, false).into_iter().next()?;
    let at_once = match problem {
        UrlProblem::Diy { .. } => context.uses_oidc_flags(),
        _ => context.backend.explicit,
    };
    backend_url::cli_refusal(&problem, &context.backend).filter(|_| at_once)
}

/// What keeps the exchange from being made, in the order of `extractOIDCDefaults`,
/// `NewAuthContextForTokenExchange`, `getTokenValue`.
fn refusal_of_the_exchange(context: &Context) -> Option<String> {
    let logging_in = |text: &str| Some(format!("problem logging in: {text}"));
    let request = &context.request;
    let of_flags = |conflict: &&Conflict| {
        matches!(
            conflict,
            Conflict::TeamAndUser { team_from, user_from, .. }
                if [team_from, user_from].contains(&&Provenance::Flag)
        )
    };
    if let Some(conflict) = request.conflicts.iter().find(|c| !of_flags(c)) {
        return logging_in(&conflict.to_string());
    }
    if context.evidence.login.access_token_in_environment {
        return logging_in(
            "cannot perform token exchange when an access token is set as environment variable",
        );
    }
    if request.organization.is_none() {
        return logging_in("organization must be specified for token exchange");
    }
    if let Some(conflict) = request.conflicts.iter().find(of_flags) {
        return logging_in(&conflict.to_string());
    }
    if let Err(error) = &request.expiration_seconds {
        return logging_in(&format!("could not parse expiration duration: {error}"));
    }
    if let Some(unread) = unread_token(context) {
        let text = format!("OIDC token exchange failed: {unread}");
        return if !versions::NAMES_BACKEND.holds(context.evidence.rules()) {
            logging_in(&text)
        } else {
            let url = &context.backend.url;
            Some(format!("could not log in to the state backend \"{url}\": {text}"))
        };
    }
    let problem = backend_url::problems(&context.backend, false).into_iter().next()?;
    backend_url::cli_message(&problem, &context.backend, context.evidence.rules())
}

/// The CLI's words for a token that it cannot read (`getTokenValue` in
/// pkg/backend/httpstate/backend.go).
fn unread_token(context: &Context) -> Option<String> {
    let input = &context.evidence.input;
    let refused = context
        .evidence
        .token
        .as_ref()
        .is_some_and(crate::judge::checks::token::header::cli_refuses);
    let fine = input.problem.is_none() && input.wrapped.is_empty() && !refused;
    match (&input.source, &input.problem) {
        _ if fine => None,
        (Source::File { path, .. }, Some(InputProblem::FileUnreadable { is_empty: true, .. })) => {
            Some(format!("file '{path}' is empty"))
        }
        (Source::File { path, .. }, Some(InputProblem::FileUnreadable { reason, .. })) => {
            Some(format!("reading token from file '{path}': {reason}"))
        }
        (Source::File { path, .. }, _) => Some(format!("unexpected token format in file '{path}'")),
        _ => Some(
            "Failed to read OIDC token: must be JWT or 'file://filepath'. Got '(the value)'"
                .to_owned(),
        ),
    }
}

/// The first line says what; the hints after it are the doctor's own business.
fn stop(message: &str) -> String {
    format!("would stop: {}", message.lines().next().unwrap_or_default())
}
