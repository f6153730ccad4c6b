//! Predicts how `pulumi login` itself ends in this environment: its error, message and exit status.

use super::context::Context;
use crate::catalogue::{Code, Severity};
use crate::evidence::{
    AccessTokenSource, CheckId, CredentialHelper, Exchange, Failure, FailureKind, Probe, SkipReason,
};
use crate::pulumi::answers;
use crate::pulumi::first_error::{CliError, CliLogin, exit_status};
use crate::pulumi::go::url;
use crate::pulumi::versions;
use crate::report::CliSummary;

/// How the login ends.
enum LoginEnd {
    Success,
    Failure(CliError),
    /// The CLI says that a login is required.
    LoginRequired(CliError),
}

/// Predicts the end of the login. `None` if it is unknown, or if the login runs elsewhere.
pub(super) fn predict(context: &Context, root_cause: Option<Code>) -> Option<CliSummary> {
    if !context.judges_environment() || context.outcome(CheckId::Login).is_none() {
        return None;
    }
    let version = context.evidence.rules();
    let end = login_end(context, root_cause)?;
    let is_login_required = matches!(end, LoginEnd::LoginRequired(_));
    let (error, exit_status) = match end {
        LoginEnd::Success => (None, 0),
        LoginEnd::Failure(error) | LoginEnd::LoginRequired(error) => {
            (Some(error), exit_status(is_login_required, version))
        }
    };
    Some(CliSummary {
        version: version.unwrap_or(&versions::NEWEST).to_string(),
        code: error.as_ref().map(|error| error.code),
        message: error.and_then(|error| error.message),
        exit_status,
    })
}

fn login_end(context: &Context, root_cause: Option<Code>) -> Option<LoginEnd> {
    let has_token = context.has_token();
    let login = CliLogin::new(context.evidence, &context.request, &context.backend, has_token);
    if let Some(error) = login.error_before_requests() {
        return Some(LoginEnd::Failure(error));
    }
    if !has_token {
        return without_token(&login, root_cause);
    }
    let cloud = &context.evidence.cloud;
    let code_of = |check| error_code(context, check).or(root_cause);
    let exchange_failure = |code, text: String| {
        let code = code_of(CheckId::Exchange).unwrap_or(code);
        Some(LoginEnd::Failure(login.naming_backend(CliError::new(code, text))))
    };
    match &cloud.exchange {
        Probe::NotRun => match cloud.exchange_skipped {
            // Errors of storing the credentials are known without an exchange.
            Some(SkipReason::Check(_)) => {
                let cannot_store = matches!(
                    root_cause,
                    Some(Code::CredentialsFileInvalid | Code::CredentialsFileUnwritable)
                );
                let storing = login.error_while_storing().filter(|_| cannot_store);
                let without_message = CliError { code: root_cause?, message: None };
                Some(LoginEnd::Failure(storing.unwrap_or(without_message)))
            }
            _ => None,
        },
        Probe::Failed { failure, .. } => {
            let code = code_of(CheckId::Cloud)?;
            let message = unreachable(failure, &context.backend.exchange_url());
            let error = CliError { code, message };
            Some(LoginEnd::Failure(login.naming_backend(error)))
        }
        Probe::Answered { answer: Exchange::Refused { said, .. }, .. } => match said {
            Some(said) => {
                exchange_failure(Code::ExchangeRejected, format!("{EXCHANGE_FAILED}{said}"))
            }
            None => Some(LoginEnd::Failure(CliError {
                code: code_of(CheckId::Exchange)?,
                message: None,
            })),
        },
        Probe::Answered { answer: Exchange::Malformed { cause, .. }, .. } => {
            let text = match cause {
                Some(cause) => format!("{EXCHANGE_FAILED}{cause}"),
                // The CLI then requests whoami without a token.
                None if versions::EXIT_STATUSES.holds(login.version) => {
                    answers::UNAUTHORIZED.to_owned()
                }
                None => {
                    "this command requires logging in; try running `pulumi login` first".to_owned()
                }
            };
            exchange_failure(Code::ExchangeMalformed, text)
        }
        Probe::Answered { answer: Exchange::Minted { .. }, .. } => {
            whoami(context, &login, root_cause)
        }
    }
}

const EXCHANGE_FAILED: &str = "OIDC token exchange failed: ";

fn whoami(context: &Context, login: &CliLogin, root_cause: Option<Code>) -> Option<LoginEnd> {
    let code = error_code(context, CheckId::Whoami).or(root_cause);
    match &context.evidence.cloud.whoami {
        Probe::NotRun => None,
        Probe::Failed { .. } => Some(LoginEnd::Failure(CliError { code: code?, message: None })),
        Probe::Answered { answer, .. } => {
            if answers::whoami_succeeds(answer) {
                return Some(
                    login.error_while_storing().map_or(LoginEnd::Success, LoginEnd::Failure),
                );
            }
            let message = context.evidence.cloud.whoami_error.clone();
            let error = login.naming_backend(CliError { code: code?, message });
            let is_forbidden = answer.status == 403;
            Some(if is_forbidden {
                LoginEnd::LoginRequired(error)
            } else {
                LoginEnd::Failure(error)
            })
        }
    }
}

/// The code of the first error that a check found.
fn error_code(context: &Context, check: CheckId) -> Option<Code> {
    let findings = context.outcome(check).map(|outcome| &outcome.findings)?;
    findings.iter().find(|finding| finding.severity == Severity::Error).map(|finding| finding.code)
}

/// Go's message for a refused connection. `None` for host names and other failures: their message
/// depends on the resolver and the system.
fn unreachable(failure: &Failure, target: &str) -> Option<String> {
    let is_refused = failure.kind == FailureKind::Connect { refused: true };
    let address: std::net::IpAddr = failure.host.trim_matches(['[', ']']).parse().ok()?;
    let is_direct = failure.route.proxy.is_none();
    let address = std::net::SocketAddr::new(address, failure.port);
    let target = url::quote(&url::parse(target).ok()?.to_string());
    (is_refused && is_direct).then(|| {
        format!("{EXCHANGE_FAILED}Post {target}: dial tcp {address}: connect: connection refused")
    })
}

/// The end of a login without an OIDC token. `None` if it may use stored credentials.
fn without_token(login: &CliLogin, root_cause: Option<Code>) -> Option<LoginEnd> {
    let evidence = login.evidence;
    let may_find_credentials = evidence.login.helper != CredentialHelper::None
        && evidence.login.helper != CredentialHelper::Disabled
        || evidence.login.coding_agent
        || evidence.stored_account(login.backend).is_some()
        || login.is_diy();
    if may_find_credentials {
        return None;
    }
    if evidence.login.access_token_in_environment {
        let AccessTokenSource::Environment { name } = &evidence.cloud.access_token else {
            return None;
        };
        let answer = evidence.cloud.whoami.answer().filter(|_| name == "PULUMI_ACCESS_TOKEN")?;
        return answers::whoami_succeeds(answer).then_some(LoginEnd::Success);
    }
    let text = "PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions";
    Some(LoginEnd::LoginRequired(
        login.naming_backend_without_token(CliError::new(root_cause?, text)),
    ))
}
