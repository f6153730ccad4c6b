//! Asking a CI platform for a token.

use std::time::Instant;

use serde_json::Value;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::AmbientContext;
use crate::evidence::{Probe, Refusal};
use crate::gather::network::client::{Client, ClientOptions, Method, Proxies, Reply};
use crate::gather::network::guard::Guard;
use crate::gather::network::tls;
use crate::gather::program;
use crate::platform::azure::job::{first_id, is_unexpanded};
use crate::platform::{Http, Parameter, Program};
use crate::pulumi::urn;
use crate::text;

/// The most that is read of a program's output, in bytes: a token is smaller.
const LONGEST_OUTPUT: u64 = 64 << 10;
/// The most that is kept of a program's complaint, in characters.
const LONGEST_COMPLAINT: usize = 500;

/// What every program needs: the proxy and the certificates, as Go's HTTP client looks for them.
const NETWORK: &[&str] = &[
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
        /// No request can be made.
        absent: bool,
    },
    /// What it gave as the token.
    Token(Zeroizing<String>),
    /// It gave none.
    Refused(Refusal),
}

/// No request can be made.
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

/// Requests a token over HTTP, if everything that it takes is there.
pub(super) fn over_http(request: &Http, around: &AmbientContext) -> Result<Answer, String> {
    let variables = |name: &str| around.environment.get(name);
    let Some(url) = variables(request.url) else { return Ok(absent(request.url)) };
    let name = request.credential;
    let credential = variables(name).map(str::trim).unwrap_or_default();
    if credential.is_empty() {
        return Ok(match request.is_mapped {
            true => not_asked(&format!("{name} is not set")),
            false => absent(name),
        });
    }
    if request.is_mapped && is_unexpanded(credential) {
        return Ok(not_asked(&format!("{name} holds a reference that nothing replaced")));
    }
    let audience = audience(around);
    let mut query = Vec::new();
    for (name, parameter) in request.query {
        let value = match parameter {
            Parameter::Fixed(value) => Ok(*value),
            Parameter::Audience => audience.as_deref().ok_or_else(|| NO_ORGANIZATION.to_owned()),
            Parameter::Id(names, what) => first_id(names, variables)
                .ok_or_else(|| format!("none of {} holds a {what}'s id", names.join(", "))),
        };
        match value {
            Ok(value) => query.push((*name, value)),
            Err(missing) => return Ok(not_asked(&missing)),
        }
    }
    if around.offline {
        return Ok(not_asked(OFFLINE));
    }
    let url = with_query(url, &query);
    let authorization = Zeroizing::new(format!("{} {credential}", request.scheme));
    let mut headers = vec![("Authorization", authorization.as_str())];
    headers.extend(request.headers);
    let method = if request.is_post { Method::POST } else { Method::GET };
    Ok(understand(http(method, &url, &headers, around)?, request.member))
}

/// Has a program of the platform request a token.
pub(super) fn of_program(asked: &Program, around: &AmbientContext) -> Answer {
    let environment = around.environment;
    if environment.get(asked.marker).is_none() {
        return absent(asked.marker);
    }
    let Some(audience) = audience(around) else { return not_asked(NO_ORGANIZATION) };
    if around.offline {
        return not_asked(OFFLINE);
    }
    let Some(path) = program::find(asked.name, environment) else {
        return not_asked("it is not on PATH");
    };
    let variables = [asked.variables, NETWORK].concat();
    let mut command = program::command(&path, environment, &variables);
    command.args(asked.arguments).arg(&audience);
    let left = around.deadline.saturating_duration_since(Instant::now());
    let refused = |reason: &str, said: String| {
        Answer::Refused(Refusal::Program { reason: reason.to_owned(), said })
    };
    match program::output(command, left, LONGEST_OUTPUT) {
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
    }
}

/// The audience that the documentation of Pulumi Cloud gives for these platforms.
fn audience(around: &AmbientContext) -> Option<String> {
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
    around: &AmbientContext,
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
