//! What `pulumi login` itself would do in this environment, in plain words: which backend, which
//! token, which organization, and whose identity where no exchange is made.

use crate::evidence::{Backend, CredentialsFile, InputProblem, ProjectFile, Source, StoredAccount};
use crate::judge::Context;
use crate::pulumi::backend_url;
use crate::pulumi::backend_url::{PULUMI_CLOUD, UrlProblem};
use crate::pulumi::request::{Conflict, Provenance};
use crate::pulumi::versions;

impl Context<'_> {
    /// Whether the login asks for a token exchange. A `pulumi login` without a token does not; a
    /// diagnosis of a token is always about one.
    pub(crate) fn asks_for_exchange(&self) -> bool {
        !self.evidence.options.setting.is_login()
            || self.evidence.login.token_named
            || self.evidence.token.is_some()
    }

    /// What `pulumi login` would do here, as the rest of a sentence that begins with it.
    pub(crate) fn what_pulumi_does(&self) -> String {
        let login = &self.evidence.login;
        if let Some(message) = self.refusal_of_the_command_line() {
            return stop(&message);
        }
        if !login.token_named {
            return format!("was given no OIDC token: it {}", self.without_token());
        }
        if self.has_no_oidc() {
            return format!("would heed no PULUMI_OPTION_OIDC_TOKEN: it {}", self.without_token());
        }
        if matches!(self.evidence.input.problem, Some(InputProblem::Empty)) {
            return format!("would leave OIDC out: it {}", self.without_token());
        }
        if let Some(message) = self.refusal_of_the_exchange() {
            return stop(&message);
        }
        let ask = &self.request.ask;
        let (kind, name) = match (&ask.team, &ask.user, &ask.runner) {
            (Some(team), ..) => ("team", Some(team)),
            (_, Some(user), _) => ("user", Some(user)),
            (.., Some(runner)) => ("runner", Some(runner)),
            _ => ("organization", self.request.organization.as_ref()),
        };
        let name = name.map_or("(none)", String::as_str);
        format!("would exchange the token at {} for one of the {kind} {name}", self.backend.url)
    }

    /// What `pulumi login` does without an OIDC token (`Current` and `Login` in
    /// pkg/backend/httpstate/backend.go): `PULUMI_ACCESS_TOKEN` comes before stored credentials.
    pub(crate) fn without_token(&self) -> String {
        let backend = &self.evidence.backend;
        let url = self.url_without_token();
        match backend_url::problems(&self.backend, false).first() {
            Some(UrlProblem::Diy { .. }) => {
                return format!("would open the DIY backend {url}, where nobody logs in");
            }
            Some(problem)
                if backend_url::cli_message(problem, &self.backend, None).is_some()
                    && url == self.backend.url =>
            {
                return format!("would fail, since {url} cannot be requested");
            }
            _ => {}
        }
        if self.evidence.login.access_token_in_environment {
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
                    let expired = account.expires_at.filter(|end| *end <= self.evidence.now);
                    let expired =
                        expired.map_or_else(String::new, |end| format!(" (expired {end})"));
                    return format!(
                        "would use the stored credentials of {who} for {url}{expired}: the login \
                         may succeed, as somebody else"
                    );
                }
            }
            CredentialsFile::Encrypted { path } => {
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
    fn url_without_token(&self) -> String {
        let Backend { local, candidates, without_token, .. } = &self.evidence.backend;
        let named = *local || candidates.iter().any(|candidate| !candidate.url.is_empty());
        match without_token {
            _ if named => self.backend.url.clone(),
            Some(variable) => variable.url.clone(),
            None => PULUMI_CLOUD.to_owned(),
        }
    }

    /// Whether the CLI is too old for OIDC.
    pub(crate) fn has_no_oidc(&self) -> bool {
        !versions::OIDC.holds(self.evidence.rules())
    }

    /// Whether one of the login's `--oidc-…` flags has a value.
    pub(crate) fn uses_oidc_flags(&self) -> bool {
        let login = &self.evidence.login;
        let others = [&login.organization, &login.team, &login.user, &login.expiration];
        login.token_named || others.into_iter().any(Option::is_some)
    }

    /// What stops every login, in the order of login.go.
    fn refusal_of_the_command_line(&self) -> Option<String> {
        let Backend { given_twice, project, local, .. } = &self.evidence.backend;
        let from_option = matches!(
            &self.evidence.input.source,
            Source::Environment { name } if name.starts_with("PULUMI_OPTION_")
        );
        if self.has_no_oidc() && self.evidence.login.token_named && !from_option {
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
        let problem = backend_url::problems(&self.backend, false).into_iter().next()?;
        let at_once = match problem {
            UrlProblem::Diy { .. } => self.uses_oidc_flags(),
            _ => self.backend.explicit,
        };
        self.refusal_of_the_url(&problem).filter(|message| at_once && !is_of_request(message))
    }

    /// What the CLI says to the URL: to the form of an explicit one at once, to any other when it
    /// makes the request.
    fn refusal_of_the_url(&self, problem: &UrlProblem) -> Option<String> {
        backend_url::cli_message(problem, &self.backend, self.evidence.rules())
    }

    /// What keeps the exchange from being made, in the order of `extractOIDCDefaults`,
    /// `NewAuthContextForTokenExchange`, `getTokenValue`.
    fn refusal_of_the_exchange(&self) -> Option<String> {
        let logging_in = |text: &str| Some(format!("problem logging in: {text}"));
        let request = &self.request;
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
        if self.evidence.login.access_token_in_environment {
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
        if let Some(unread) = self.unread_token() {
            let text = format!("OIDC token exchange failed: {unread}");
            return if !versions::NAMES_BACKEND.holds(self.evidence.rules()) {
                logging_in(&text)
            } else {
                let url = &self.backend.url;
                Some(format!("could not log in to the state backend \"{url}\": {text}"))
            };
        }
        let problem = backend_url::problems(&self.backend, false).into_iter().next()?;
        self.refusal_of_the_url(&problem)
    }

    /// The CLI's words for a token that it cannot read (`getTokenValue` in
    /// pkg/backend/httpstate/backend.go).
    fn unread_token(&self) -> Option<String> {
        let input = &self.evidence.input;
        let refused = self
            .evidence
            .token
            .as_ref()
            .is_some_and(crate::judge::checks::token::header::cli_refuses);
        let fine = input.problem.is_none() && input.wrapped.is_empty() && !refused;
        match (&input.source, &input.problem) {
            _ if fine => None,
            (Source::File { path, .. }, Some(InputProblem::FileUnreadable { reason })) => {
                Some(match reason.as_str() {
                    "is empty" => format!("file '{path}' is empty"),
                    _ => format!("reading token from file '{path}': {reason}"),
                })
            }
            (Source::File { path, .. }, _) => {
                Some(format!("unexpected token format in file '{path}'"))
            }
            _ => Some(
                "Failed to read OIDC token: must be JWT or 'file://filepath'. Got '(the value)'"
                    .to_owned(),
            ),
        }
    }
}

fn is_of_request(message: &str) -> bool {
    message.contains("OIDC token exchange failed")
}

/// The first line says what; the hints after it are the doctor's own business.
fn stop(message: &str) -> String {
    format!("would stop: {}", message.lines().next().unwrap_or_default())
}
