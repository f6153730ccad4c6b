//! How `pulumi login` itself ends here: what it would refuse, what it says to the answers.

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

/// A login that ended.
enum End {
    Success,
    Failure(CliError),
    /// One after which the CLI asks for a login.
    LoginRequired(CliError),
}

/// How it ends; `None` where that is not known, or where this is not the place of the login.
pub(super) fn of(context: &Context, root_cause: Option<Code>) -> Option<CliSummary> {
    if !context.judges_environment() || context.outcome(CheckId::Login).is_none() {
        return None;
    }
    let version = context.evidence.rules();
    let end = end(context, root_cause)?;
    let asks = matches!(end, End::LoginRequired(_));
    let (error, exit_status) = match end {
        End::Success => (None, 0),
        End::Failure(error) | End::LoginRequired(error) => {
            (Some(error), exit_status(asks, version))
        }
    };
    Some(CliSummary {
        version: version.unwrap_or(&versions::NEWEST).to_string(),
        code: error.as_ref().map(|error| error.code),
        message: error.and_then(|error| error.message),
        exit_status,
    })
}

fn end(context: &Context, root_cause: Option<Code>) -> Option<End> {
    let has_token = context.has_token();
    let login = CliLogin::new(context.evidence, &context.request, &context.backend, has_token);
    if let Some(error) = login.error_before_requests() {
        return Some(End::Failure(error));
    }
    if !has_token {
        return without_token(&login, root_cause);
    }
    let cloud = &context.evidence.cloud;
    let of_exchange = |check| error_code(context, check).or(root_cause);
    let fails = |code, text: String| {
        let code = of_exchange(CheckId::Exchange).unwrap_or(code);
        Some(End::Failure(login.naming_backend(CliError::new(code, text))))
    };
    match &cloud.exchange {
        Probe::NotRun => match cloud.exchange_skipped {
            // What ends it after the exchange is known before.
            Some(SkipReason::Check(_)) => {
                let storing =
                    login.error_while_storing().filter(|error| Some(error.code) == root_cause);
                let untold = CliError { code: root_cause?, message: None };
                Some(End::Failure(storing.unwrap_or(untold)))
            }
            _ => None,
        },
        Probe::Failed { failure, .. } => {
            let code = of_exchange(CheckId::Cloud)?;
            let message = unreachable(failure, &context.backend.exchange_url());
            let error = CliError { code, message };
            Some(End::Failure(login.naming_backend(error)))
        }
        Probe::Answered { answer: Exchange::Refused { said, .. }, .. } => match said {
            Some(said) => fails(Code::ExchangeRejected, format!("{EXCHANGE_FAILED}{said}")),
            None => Some(End::Failure(CliError {
                code: of_exchange(CheckId::Exchange)?,
                message: None,
            })),
        },
        Probe::Answered { answer: Exchange::Malformed { cause, .. }, .. } => {
            let text = match cause {
                Some(cause) => format!("{EXCHANGE_FAILED}{cause}"),
                // Whoami is asked without a token then.
                None if versions::EXIT_STATUSES.holds(login.version) => {
                    answers::UNAUTHORIZED.to_owned()
                }
                None => {
                    "this command requires logging in; try running `pulumi login` first".to_owned()
                }
            };
            fails(Code::ExchangeMalformed, text)
        }
        Probe::Answered { answer: Exchange::Minted { .. }, .. } => {
            whoami(context, &login, root_cause)
        }
    }
}

const EXCHANGE_FAILED: &str = "OIDC token exchange failed: ";

fn whoami(context: &Context, login: &CliLogin, root_cause: Option<Code>) -> Option<End> {
    let code = error_code(context, CheckId::Whoami).or(root_cause);
    match &context.evidence.cloud.whoami {
        Probe::NotRun => None,
        Probe::Failed { .. } => Some(End::Failure(CliError { code: code?, message: None })),
        Probe::Answered { answer, .. } => {
            if answers::whoami_succeeds(answer) {
                return Some(login.error_while_storing().map_or(End::Success, End::Failure));
            }
            let message = context.evidence.cloud.whoami_error.clone();
            let error = login.naming_backend(CliError { code: code?, message });
            let is_forbidden = answer.status == 403;
            Some(if is_forbidden { End::LoginRequired(error) } else { End::Failure(error) })
        }
    }
}

/// The error that a check found, the one to put right first.
fn error_code(context: &Context, check: CheckId) -> Option<Code> {
    let findings = context.outcome(check).map(|outcome| &outcome.findings)?;
    findings.iter().find(|finding| finding.severity == Severity::Error).map(|finding| finding.code)
}

/// What Go says where nothing listens. A name's address, and what it says of other failures, are
/// its own.
fn unreachable(failure: &Failure, target: &str) -> Option<String> {
    let is_refused = failure.kind == FailureKind::Connect { refused: true };
    let address: std::net::IpAddr = failure.host.trim_matches(['[', ']']).parse().ok()?;
    let direct = failure.route.proxy.is_none();
    let address = std::net::SocketAddr::new(address, failure.port);
    let target = url::quote(&url::parse(target).ok()?.to_string());
    (is_refused && direct).then(|| {
        format!("{EXCHANGE_FAILED}Post {target}: dial tcp {address}: connect: connection refused")
    })
}

/// A login that is given no token: what is known of the identity that it uses instead.
fn without_token(login: &CliLogin, root_cause: Option<Code>) -> Option<End> {
    let evidence = login.evidence;
    let helps_itself = evidence.login.helper != CredentialHelper::None
        && evidence.login.helper != CredentialHelper::Disabled
        || evidence.login.coding_agent
        || evidence.stored_account(login.backend).is_some()
        || login.is_diy();
    if helps_itself {
        return None;
    }
    if evidence.login.access_token_in_environment {
        let AccessTokenSource::Environment { name } = &evidence.cloud.access_token else {
            return None;
        };
        let answer = evidence.cloud.whoami.answer().filter(|_| name == "PULUMI_ACCESS_TOKEN")?;
        return answers::whoami_succeeds(answer).then_some(End::Success);
    }
    let text = "PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions";
    Some(End::LoginRequired(login.naming_backend_without_token(CliError::new(root_cause?, text))))
}
