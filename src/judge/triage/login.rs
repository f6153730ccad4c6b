//! The login that a log tells of, as evidence: what the checks would advise there.

use jiff::Timestamp;

use super::codes;
use crate::catalogue::Code;
use crate::evidence::log::{Decided, Log, LoginLine, Sighting};
use crate::evidence::{
    Answer, Backend, BackendCandidate, Body, Cli, Cloud, Evidence, Input, InputProblem, Issuer,
    Options, PlatformEnvironment, PolicySource, Refusal, Setting, Source, SystemToken, Token,
};
use crate::judge::{Context, judge};
use crate::known_messages::Means;
use crate::pulumi::versions;
use crate::report::{Proof, Remediation};

/// What the checks advise for that code, where what the log tells is enough for them to raise it.
pub(super) fn advice(log: &Log, sighting: &Sighting, code: Code) -> Option<Remediation> {
    let evidence = evidence(log, sighting, code);
    if code == Code::ExchangeRejected {
        return Some(look_closer(&Context::new(&evidence)));
    }
    let report = judge(&evidence, false);
    report
        .findings
        .into_iter()
        .find(|finding| finding.code == code)
        .map(|finding| finding.remediation)
}

/// A refusal whose reason no log holds.
fn look_closer(context: &Context) -> Remediation {
    let login = context.login_command(Some(&context.login_url()));
    let arguments = login.strip_prefix("pulumi ").unwrap_or(&login);
    Remediation {
        summary: "The service does not say why. Run the doctor in that step: it looks at the \
                  token, the issuer, its registration and the policies."
            .to_owned(),
        commands: vec![format!("doctor {arguments} --bundle bundle.json")],
        links: vec![Code::ExchangeRejected.link().to_owned()],
        ..Remediation::default()
    }
}

/// What else the log proves about a message.
pub(super) fn proofs(log: &Log, sighting: &Sighting, code: Code) -> Vec<Proof> {
    let mut proofs = Vec::new();
    if code == Code::ExchangeRejected
        && let Some(at) = sighting.at
    {
        // The service's text may not say so.
        for told in &log.context.claims {
            let expired = told.value.get("exp").and_then(serde_json::Value::as_i64);
            if let Some(exp) = expired.filter(|exp| *exp < at.as_second()) {
                let expired =
                    Timestamp::from_second(exp).map_or_else(|_| exp.to_string(), |t| t.to_string());
                proofs.push(Proof {
                    what: "a token in this log had expired".to_owned(),
                    value: format!("at {expired}; the exchange was refused at {at}"),
                    place: log.at(told.place),
                });
            }
        }
    }
    let called = login_of(log, sighting)
        .filter(|_| !matches!(sighting.message.means, Means::OtherSystem(_)));
    if let Some(login) = called {
        proofs.push(Proof {
            what: "the login".to_owned(),
            value: login.text.clone(),
            place: log.at(login.place),
        });
    }
    proofs
}

/// The login that a message belongs to: the last one before it in the same log.
pub(super) fn login_of<'a>(log: &'a Log, sighting: &Sighting) -> Option<&'a LoginLine> {
    let login = log.context.logins.get(sighting.login?)?;
    let place = sighting.places.first()?;
    Some(login).filter(|login| login.place.is_beside(place))
}

/// The variable that a word of a shell takes its value from: `$NAME`, `${NAME}`, `$env:NAME`,
/// `%NAME%`.
pub(super) fn variable(word: &str) -> Option<&str> {
    let name = word
        .strip_prefix("$env:")
        .or_else(|| word.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')))
        .or_else(|| word.strip_prefix('$'))
        .or_else(|| word.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')))?;
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    Some(name.split(":-").next().unwrap_or(name)).filter(|name| is_name(name))
}

fn evidence(log: &Log, sighting: &Sighting, code: Code) -> Evidence {
    let called = login_of(log, sighting);
    let mut login = called.map(|called| called.login.clone()).unwrap_or_default();
    login.access_token_in_environment = code == Code::AccessTokenSet;
    if let Some(duration) = codes::value(sighting, "duration") {
        login.expiration = Some(duration.to_owned());
    }
    login.cli = match &log.context.version {
        Some(told) => Cli::Given { version: told.value.clone() },
        // Only these have no default backend.
        None if code == Code::BackendEmpty => {
            Cli::Given { version: versions::WITHOUT_DEFAULT_BACKEND }
        }
        None => Cli::NotFound,
    };
    let word = called.and_then(|called| called.token.as_deref());
    // AzureCLI's script is not in the log, but its variable has that name.
    let usual = (log.context.platform == Some("Azure Pipelines")).then_some("idToken");
    let name = word.map_or(usual, variable).map(str::to_owned);
    let claims = log.context.claims.first();
    let now = sighting.at.unwrap_or_default();
    Evidence {
        started_at: now,
        now,
        duration_ms: 0,
        options: Options {
            setting: Setting::Login { platform: log.context.platform.map(str::to_owned) },
            offline: true,
            no_exchange: false,
            now_given: false,
            allow_private_issuer: false,
            insecure: false,
        },
        input: Input {
            source: match (&name, word.and_then(|word| word.strip_prefix("file://"))) {
                (Some(name), _) => Source::Environment { name: name.clone() },
                (_, Some(path)) => {
                    Source::File { path: path.to_owned(), absolute: path.to_owned() }
                }
                _ => Source::OidcTokenFlag,
            },
            problem: problem(sighting, code),
            wrapped: Vec::new(),
            typed_on_terminal: false,
            tried: Vec::new(),
            by_variable: name.is_some(),
            surroundings: surroundings(sighting, code),
            held_by: name,
            unused: Vec::new(),
            azure: None,
        },
        token: claims.map(|told| Token {
            header: serde_json::Map::new(),
            claims: told.value.clone(),
            duplicates: Vec::new(),
            fingerprint: String::new(),
            signature_bytes: 0,
            truncated: None,
        }),
        login,
        backend: backend(log, sighting, called),
        policy: PolicySource::None,
        issuer: Issuer::default(),
        cloud: Cloud::default(),
    }
}

fn problem(sighting: &Sighting, code: Code) -> Option<InputProblem> {
    if let Some(Decided::Token { problem, .. }) = &sighting.decided {
        return problem.clone();
    }
    let variable = codes::value(sighting, "variable").unwrap_or("idToken");
    match code {
        Code::TokenEmpty => Some(InputProblem::Empty),
        Code::TokenMissing
        | Code::GithubIdTokenPermission
        | Code::GitlabIdTokenMissing
        | Code::AdoTokenNotExposed
        | Code::AdoConnectionNotFederated
        | Code::AdoSystemAccesstokenUnmapped => Some(InputProblem::Missing),
        Code::TokenVariableUnexpanded => Some(InputProblem::Unexpanded {
            text: format!("$({variable})"),
            syntax: "an Azure Pipelines macro".to_owned(),
            name: variable.to_owned(),
        }),
        Code::TokenRequestFailed => {
            Some(InputProblem::Refused { refusal: Box::new(refusal(sighting)) })
        }
        Code::TokenMasked => Some(InputProblem::Masked),
        Code::TokenIsPulumiToken => Some(InputProblem::PulumiToken),
        _ => None,
    }
}

/// What the platform answered, as far as the log has it.
fn refusal(sighting: &Sighting) -> Refusal {
    Refusal::Answered {
        answer: Answer {
            url: String::new(),
            status: 400,
            content_type: None,
            location: None,
            retry_after: None,
            request_id: None,
            route: Box::default(),
            clock_offset_seconds: None,
            attempts: 1,
            body: Body::Text(sighting.text.clone()),
        },
    }
}

/// The environment in which the platform's checks raise a code.
fn surroundings(sighting: &Sighting, code: Code) -> Option<PlatformEnvironment> {
    let azure = |secret, federated, uri, system_token| PlatformEnvironment::AzurePipelines {
        has_client_secret: secret,
        is_federated: federated,
        has_request_uri: uri,
        system_token,
        connection: None,
    };
    match code {
        Code::GithubIdTokenPermission => Some(PlatformEnvironment::GitHubActions {
            missing: vec!["ACTIONS_ID_TOKEN_REQUEST_URL".to_owned()],
            event: None,
            fork: None,
            job: None,
        }),
        Code::GitlabIdTokenMissing => {
            Some(PlatformEnvironment::GitLab { server: None, job: None, others: Vec::new() })
        }
        Code::AdoTokenNotExposed => Some(azure(false, true, false, SystemToken::Missing)),
        // Only the refusals of Azure are told by their words.
        Code::TokenRequestFailed if sighting.text.contains("service connection") => {
            Some(azure(false, false, true, SystemToken::Set))
        }
        Code::AdoConnectionNotFederated => Some(azure(true, false, false, SystemToken::Missing)),
        Code::AdoSystemAccesstokenUnmapped => Some(azure(false, false, true, SystemToken::Missing)),
        _ => None,
    }
}

fn backend(log: &Log, sighting: &Sighting, called: Option<&LoginLine>) -> Backend {
    let told = match sighting.message.means {
        Means::BackendUrl => {
            let resolved = codes::resolved(log, sighting);
            Some(BackendCandidate::new(resolved.url, resolved.source))
        }
        _ => None,
    };
    let named = called.and_then(|called| called.url.clone());
    let configured = log.context.backend.as_ref().map(|told| {
        let source = log.context.backend_source.clone().unwrap_or(
            crate::evidence::BackendSource::Environment { name: "PULUMI_BACKEND_URL".to_owned() },
        );
        BackendCandidate::new(told.value.clone(), source)
    });
    Backend {
        candidates: told.or(named).or(configured).into_iter().collect(),
        local: called.is_some_and(|called| called.local),
        ..Backend::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_variables() {
        for word in ["$idToken", "${idToken}", "$env:idToken", "%idToken%", "${idToken:-}"] {
            assert_eq!(variable(word), Some("idToken"), "{word}");
        }
        for word in ["idToken", "$(idToken)", "file://token", "$", ""] {
            assert_eq!(variable(word), None, "{word}");
        }
    }
}
