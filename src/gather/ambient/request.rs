//! Asking a CI platform for a token.

use std::time::Instant;

use serde_json::Value;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::Lookout;
use super::explain::{connection, connection_variables, system_token};
use crate::evidence::{Probe, Refusal, SystemToken};
use crate::gather::ambient::platforms::Request;
use crate::gather::network::client::{Client, ClientOptions, Method, Proxies, Reply};
use crate::gather::network::guard::Guard;
use crate::gather::network::tls;
use crate::gather::program;
use crate::pulumi::urn;
use crate::text;

/// The most that is read of a program's output, in bytes: a token is smaller.
const LONGEST_OUTPUT: u64 = 64 << 10;
/// The most that is kept of a program's complaint, in characters.
const LONGEST_COMPLAINT: usize = 500;

/// What `buildkite-agent oidc request-token` reads (its `clicommand/oidc_request_token.go`): who
/// the job is, which claims its tokens have, and how to have a token redacted in the log. Then the
/// proxy and the certificates, as Go's HTTP client looks for them.
const BUILDKITE: &[&str] = &[
    "BUILDKITE_AGENT_ACCESS_TOKEN",
    "BUILDKITE_AGENT_ENDPOINT",
    "BUILDKITE_NO_HTTP2",
    "BUILDKITE_JOB_ID",
    "BUILDKITE_OIDC_TOKEN_SUBJECT_CLAIM",
    "BUILDKITE_OIDC_TOKEN_CLAIMS",
    "BUILDKITE_OIDC_TOKEN_AWS_SESSION_TAGS",
    "BUILDKITE_AGENT_OIDC_REQUEST_TOKEN_SKIP_TOKEN_REDACTION",
    "BUILDKITE_AGENT_JOB_API_SOCKET",
    "BUILDKITE_AGENT_JOB_API_TOKEN",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// What came of it.
pub(super) enum Answer {
    /// The platform was not asked.
    NotAsked {
        /// Why.
        reason: String,
        /// There is nobody to ask.
        absent: bool,
    },
    /// What it gave as the token.
    Token(Zeroizing<String>),
    /// It gave none.
    Refused(Refusal),
}

/// Asks, if everything that it takes is there.
pub(super) fn ask(request: Request, around: &Lookout) -> Result<Answer, String> {
    match request {
        Request::AzurePipelines => azure(around),
        Request::GitHubActions => github(around),
        Request::Buildkite => buildkite(around),
    }
}

/// There is nobody to ask.
fn absent(name: &str) -> Answer {
    Answer::NotAsked { reason: format!("{name} is not set"), absent: true }
}

/// Something that the request takes is not there.
fn not_asked(reason: &str) -> Answer {
    Answer::NotAsked { reason: format!("not asked: {reason}"), absent: false }
}

const OFFLINE: &str = "--offline";
const NO_ORGANIZATION: &str = "the token's audience has to be urn:pulumi:org:ORG, and no \
    organization is named (--oidc-org)";

/// `oidctoken` of the job's plan. GET gives 405, and a bad system token a redirect to a page for
/// signing in unless that is suppressed (azidentity's `azure_pipelines_credential.go`).
fn azure(around: &Lookout) -> Result<Answer, String> {
    let environment = around.environment;
    let Some(uri) = environment.get("SYSTEM_OIDCREQUESTURI") else {
        return Ok(absent("SYSTEM_OIDCREQUESTURI"));
    };
    let token = environment.get("SYSTEM_ACCESSTOKEN").unwrap_or_default();
    match system_token(environment) {
        SystemToken::Missing => return Ok(not_asked("SYSTEM_ACCESSTOKEN is not set")),
        SystemToken::Unexpanded => {
            return Ok(not_asked("SYSTEM_ACCESSTOKEN holds a reference that nothing replaced"));
        }
        SystemToken::Set => {}
    }
    let Some(id) = connection(environment) else {
        let names = connection_variables();
        return Ok(not_asked(&format!("none of {names} holds a service connection's id")));
    };
    if around.offline {
        return Ok(not_asked(OFFLINE));
    }
    let url = with_query(uri, &[("api-version", "7.1"), ("serviceConnectionId", id)]);
    let authorization = Zeroizing::new(format!("Bearer {}", token.trim()));
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Content-Type", "application/json"),
        ("Content-Length", "0"),
        ("X-TFS-FedAuthRedirect", "Suppress"),
    ];
    Ok(understand(http(Method::POST, &url, &headers, around)?, "oidcToken"))
}

/// `getIDToken` of actions/toolkit (packages/core/src/oidc-utils.ts).
fn github(around: &Lookout) -> Result<Answer, String> {
    let environment = around.environment;
    let (url, token) = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    let (Some(url), Some(token)) = (environment.get(url), environment.get(token)) else {
        let name = if environment.get(url).is_none() { url } else { token };
        return Ok(absent(name));
    };
    let Some(audience) = audience(around) else { return Ok(not_asked(NO_ORGANIZATION)) };
    if around.offline {
        return Ok(not_asked(OFFLINE));
    }
    let url = with_query(url, &[("audience", &audience)]);
    let authorization = Zeroizing::new(format!("bearer {}", token.trim()));
    let headers = [("Authorization", authorization.as_str()), ("Accept", "application/json")];
    Ok(understand(http(Method::GET, &url, &headers, around)?, "value"))
}

fn buildkite(around: &Lookout) -> Result<Answer, String> {
    let environment = around.environment;
    if environment.get("BUILDKITE").is_none() {
        return Ok(absent("BUILDKITE"));
    }
    let Some(audience) = audience(around) else { return Ok(not_asked(NO_ORGANIZATION)) };
    if around.offline {
        return Ok(not_asked(OFFLINE));
    }
    let Some(agent) = program::find("buildkite-agent", environment) else {
        return Ok(not_asked("it is not on PATH"));
    };
    let mut command = program::command(&agent, environment, BUILDKITE);
    command.args(["oidc", "request-token", "--audience", &audience]);
    let left = around.deadline.saturating_duration_since(Instant::now());
    let refused = |reason: &str, said: String| {
        Answer::Refused(Refusal::Program { reason: reason.to_owned(), said })
    };
    Ok(match program::output(command, left, LONGEST_OUTPUT) {
        Err(reason) => refused(&reason, String::new()),
        Ok(output) if !output.succeeded => {
            let said = around.scrubber.scrub(String::from_utf8_lossy(&output.complaint).trim());
            refused("it ended with an error", text::clip(&said, LONGEST_COMPLAINT))
        }
        Ok(output) => {
            let token = Zeroizing::new(String::from_utf8_lossy(&output.stdout).trim().to_owned());
            if token.is_empty() {
                refused("it printed nothing", String::new())
            } else {
                Answer::Token(token)
            }
        }
    })
}

/// The audience that the documentation of Pulumi Cloud gives for these platforms.
fn audience(around: &Lookout) -> Option<String> {
    around.organization.map(urn::organization)
}

fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{}{joint}{query}", url.trim())
}

fn http(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    around: &Lookout,
) -> Result<Probe<Reply>, String> {
    let left = around.deadline.saturating_duration_since(Instant::now());
    let roots = tls::Roots::load(around.ca_cert, left / 2)?;
    let options = ClientOptions {
        insecure: false,
        // The job's own credential goes along: https only.
        guard: Some(Guard::new(true, false, [])),
        proxies: Proxies::new(|name| around.environment.get(name).map(str::to_owned)),
        deadline: Some(tokio::time::Instant::from_std(around.deadline)),
    };
    let client = Client::new(&roots, options)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .inspect_err(crate::console::descriptors::note)
        .map_err(|error| error.to_string())?;
    let deadline = tokio::time::Instant::from_std(around.deadline);
    let probe = runtime.block_on(client.request(method, url, headers, around.scrubber, deadline));
    // A lookup that hangs in the system's resolver must not outlive the run's budget.
    runtime.shutdown_background();
    Ok(probe)
}

/// The token is a member of a JSON object, if all went well.
fn understand(probe: Probe<Reply>, member: &str) -> Answer {
    let reply = match probe {
        Probe::Answered { answer, .. } => answer,
        Probe::Failed { failure, .. } => {
            return Answer::Refused(Refusal::Unanswered { failure });
        }
        Probe::NotRun => return not_asked("the request was not made"),
    };
    if reply.answer.status == 200
        && let Ok(Value::Object(mut body)) = serde_json::from_slice(&reply.raw)
        && let Some(Value::String(token)) = body.remove(member)
        && !token.trim().is_empty()
    {
        return Answer::Token(Zeroizing::new(token));
    }
    Answer::Refused(Refusal::Answered { answer: reply.answer })
}
