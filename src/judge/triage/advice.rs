//! Advice for a failure in a log: that of the checks, with the values that the log shows.

use semver::Version;

use super::login::{login_of, match_value, resolve_backend, variable_in_word};
use crate::catalogue::Code;
use crate::evidence::log::{Decided, Log, LogMatch};
use crate::evidence::{
    Backend, BackendCandidate, BackendSource, InputProblem, Login, Source, Token,
};
use crate::judge::advice::backend_url::unusable_url;
use crate::judge::advice::job::{Job, printable_url, printable_variable};
use crate::judge::advice::missing_token::finding_of_explanation;
use crate::judge::advice::{missing_token, project_backend, token_value};
use crate::judge::checks::cli::{upgrade, upgrade_command};
use crate::judge::checks::input::fill_variable;
use crate::judge::checks::login::{
    conflict, expiration_change, expiration_option, unset_access_token,
};
use crate::known_messages::Means;
use crate::platform::azure::job::SystemToken;
use crate::platform::{Explanation, Id, Remedy, azure, github, gitlab};
use crate::pulumi::backend_url;
use crate::pulumi::backend_url::Resolved;
use crate::pulumi::request;
use crate::pulumi::request::Request;
use crate::pulumi::versions;
use crate::report::{Finding, Remediation};
use crate::text::command::Command;

/// A finding with advice for a code. `None`: only the catalogue's advice applies.
pub(super) fn advice(log: &Log, log_match: &LogMatch, code: Code) -> Option<Finding> {
    let logged = LoggedLogin::new(log, log_match, code);
    let job = logged.job();
    if code == Code::ExchangeRejected {
        return Some(Finding { remediation: advise_doctor_run(&job), ..Finding::new(code, "") });
    }
    let mut finding = logged.finding(log_match, code, &job)?;
    if backend_url::is_named_only_by_project(&logged.sources, &logged.backend) {
        project_backend::withhold_token_commands(&logged.backend, true, &mut finding.remediation);
    }
    finding.remediation.finish();
    Some(finding)
}

/// Advice for a refusal without a known reason.
fn advise_doctor_run(job: &Job) -> Remediation {
    let login = job.login_line("doctor").map(|line| line.raw("--bundle bundle.json").end());
    Remediation {
        summary: "The service does not say why. Run the doctor in that step: it looks at the \
                  token, the issuer, its registration and the policies."
            .to_owned(),
        commands: login.into_iter().collect(),
        links: vec![Code::ExchangeRejected.link().to_owned()],
        ..Remediation::default()
    }
}

/// The login that a message belongs to, as far as the log shows it.
struct LoggedLogin {
    platform: Option<Id>,
    login: Login,
    version: Option<Version>,
    /// The variable or file with the token.
    source: Source,
    /// The first claims in the log.
    token: Option<Token>,
    request: Request,
    sources: Backend,
    backend: Resolved,
}

impl LoggedLogin {
    fn new(log: &Log, log_match: &LogMatch, code: Code) -> Self {
        let called = login_of(log, log_match);
        let mut login = called.map(|called| called.login.clone()).unwrap_or_default();
        if let Some(duration) = match_value(log_match, "duration") {
            login.expiration = Some(duration.to_owned());
        }
        let logged = log.context.version.as_ref().map(|version| version.value.clone());
        // This error implies a version without a default backend.
        let version =
            logged.or((code == Code::BackendEmpty).then_some(versions::WITHOUT_DEFAULT_BACKEND));
        let word = called.and_then(|called| called.token.as_deref());
        // The log does not show the script of AzureCLI, but its variable always has this name.
        let usual = (log.context.platform == Some(Id::AzurePipelines)).then_some(azure::TOKEN);
        let source = match (
            word.map_or(usual, variable_in_word),
            word.and_then(|w| w.strip_prefix("file://")),
        ) {
            (Some(name), _) => Source::Environment { name: name.to_owned() },
            (_, Some(path)) => Source::File { path: path.to_owned(), absolute: path.to_owned() },
            _ => Source::OidcTokenFlag,
        };
        let token = log.context.claims.first().map(|claims| Token::of_claims(claims.value.clone()));
        let request = request::resolve(&login, version.as_ref(), token.as_ref(), &source);
        let sources = backend_sources(log, log_match);
        let backend = backend_url::resolve(&sources, version.as_ref());
        let platform = log.context.platform;
        Self { platform, login, version, source, token, request, sources, backend }
    }

    fn job(&self) -> Job<'_> {
        let held_by = match &self.source {
            Source::Environment { name } => Some(name.as_str()),
            _ => None,
        };
        Job {
            platform: self.platform,
            url: printable_url(&self.backend, false, false),
            variable: printable_variable(held_by),
            organization: self.request.organization.as_deref(),
        }
    }

    /// The finding for this code, if the log shows enough for the advice of the check that raises
    /// it.
    fn finding(&self, log_match: &LogMatch, code: Code, job: &Job) -> Option<Finding> {
        let unusable_token =
            |problem| token_value::unusable_token(problem, &self.source, self.platform);
        if let Some(Decided::Token { problem, .. }) = &log_match.decided
            && *problem != Some(InputProblem::Empty)
        {
            return problem
                .as_ref()
                .and_then(unusable_token)
                .filter(|finding| finding.code == code);
        }
        let finding = Finding::new(code, "");
        match code {
            Code::TokenEmpty => match &self.source {
                Source::Environment { name } => Some(fill_variable(finding, name)),
                _ => None,
            },
            Code::TokenMissing => Some(match missing_token::pipeline_snippet(job) {
                Some((step, snippet)) => missing_token::add_snippet(finding, step, snippet),
                None => finding.commands(job.login()),
            }),
            Code::TokenVariableUnexpanded => {
                let name = match_value(log_match, "variable").unwrap_or("idToken").to_owned();
                unusable_token(&InputProblem::Unexpanded {
                    text: format!("$({name})"),
                    syntax: "an Azure Pipelines macro".to_owned(),
                    name,
                })
            }
            Code::TokenRequestFailed => Some(failed_token_request(finding, &log_match.text, job)),
            Code::GithubIdTokenPermission
            | Code::GitlabIdTokenMissing
            | Code::AdoTokenNotExposed
            | Code::AdoConnectionNotFederated
            | Code::AdoSystemAccesstokenUnmapped => {
                platform_explanation(code, job).map(finding_of_explanation)
            }
            Code::AccessTokenSet => self.asks_for_exchange().then(|| {
                finding.command(Command::unset("PULUMI_ACCESS_TOKEN")).option(unset_access_token())
            }),
            Code::OrganizationMissing => {
                self.lacks_organization().then(|| finding.commands(job.login_to_organization(None)))
            }
            Code::OrganizationConflict
            | Code::TeamConflict
            | Code::UserConflict
            | Code::TeamAndUser => {
                let conflicts = self.request.conflicts.iter();
                conflicts
                    .map(|found| conflict(found, None, false))
                    .find(|finding| finding.code == code)
            }
            Code::ExpirationInvalid => {
                let written = self.login.expiration.as_deref()?;
                let is_wrong = self.request.expiration_seconds.is_err();
                is_wrong.then(|| {
                    finding.command(expiration_option(written)).option(expiration_change(written))
                })
            }
            Code::CliTooOld => {
                let is_old =
                    !versions::OIDC.holds(self.version.as_ref()) && self.login.uses_oidc_flags();
                is_old.then(|| {
                    finding.command(upgrade_command()).option(upgrade(self.version.as_ref()))
                })
            }
            _ => backend_url::problems(&self.backend, false)
                .iter()
                .map(|problem| unusable_url(problem, &self.backend, self.version.as_ref(), job))
                .find(|finding| finding.code == code),
        }
    }

    fn asks_for_exchange(&self) -> bool {
        self.login.token_named || self.token.is_some()
    }

    /// Whether the organization is surely missing. If the CLI reads claims that the log does not
    /// show, they may name one.
    fn lacks_organization(&self) -> bool {
        let reads_claims = !matches!(self.source, Source::File { .. })
            && versions::READS_CLAIMS.holds(self.version.as_ref());
        self.asks_for_exchange()
            && versions::OIDC.holds(self.version.as_ref())
            && self.request.organization.is_none()
            && (self.token.is_some() || !reads_claims)
    }
}

/// The advice for a failed token request, by the text of the platform's message.
fn failed_token_request(finding: Finding, text: &str, job: &Job) -> Finding {
    if azure::job::is_unreferenced(text) {
        let login = missing_token::login(job, Id::AzurePipelines);
        let remedy = azure::job::reference(Remedy::default(), None, &login);
        missing_token::add_platform_remedy(finding, remedy)
    } else if github::job::is_transient(text) {
        finding
            .fix("Run the job again: GitHub's token service failed for a moment.")
            .retryable(true)
    } else {
        missing_token::add_request_scope_note(finding)
    }
}

/// The platform's explanation of a missing token.
fn platform_explanation(code: Code, job: &Job) -> Option<Explanation> {
    let azure = || missing_token::login(job, Id::AzurePipelines);
    match code {
        Code::GithubIdTokenPermission => github::job::explain(&github::job::without_permission()),
        Code::GitlabIdTokenMissing => {
            let login = missing_token::login(job, Id::GitLab);
            Some(gitlab::explain(&gitlab::Environment::default(), &login))
        }
        Code::AdoTokenNotExposed => Some(azure::job::not_exposed(None, &azure())),
        Code::AdoConnectionNotFederated => Some(azure::job::not_federated(&azure())),
        Code::AdoSystemAccesstokenUnmapped => {
            Some(azure::job::unmapped(SystemToken::Missing, None))
        }
        _ => None,
    }
}

/// The backend in the log: that of the message, of the login command, or of the CLI's earlier
/// output.
fn backend_sources(log: &Log, log_match: &LogMatch) -> Backend {
    let called = login_of(log, log_match);
    let in_message = matches!(log_match.message.means, Means::BackendUrl | Means::BackendArgument)
        .then(|| {
            let resolved = resolve_backend(log, log_match);
            BackendCandidate::new(resolved.url, resolved.source)
        });
    let named = called.and_then(|called| called.url.clone());
    let configured = log.context.backend.as_ref().map(|backend| {
        let source = log.context.backend_source.clone();
        let usual = || BackendSource::Environment { name: "PULUMI_BACKEND_URL".to_owned() };
        BackendCandidate::new(backend.value.clone(), source.unwrap_or_else(usual))
    });
    Backend {
        candidates: in_message.or(named).or(configured).into_iter().collect(),
        local: called.is_some_and(|called| called.local),
        ..Backend::default()
    }
}
