//! Requests a token from a CI platform, over HTTP or through its agent.

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
/// The most that is kept of a program's standard error, in characters.
const LONGEST_STDERR: usize = 500;

/// The proxy and certificate variables that Go's HTTP client reads.
const NETWORK_VARIABLES: &[&str] = &[
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// The outcome of a token request.
pub(super) enum TokenAnswer {
    /// The platform was not agent.
    NotAsked {
        reason: String,
        /// The job cannot make such requests at all.
        absent: bool,
    },
    /// The platform's answer, taken for a token.
    Token(Zeroizing<String>),
    Refused(Refusal),
}

/// The job cannot make such requests.
fn absent(name: &str) -> TokenAnswer {
    TokenAnswer::NotAsked { reason: format!("{name} is not set"), absent: true }
}

/// The request lacks something it needs.
fn not_asked(reason: &str) -> TokenAnswer {
    TokenAnswer::NotAsked { reason: format!("not asked: {reason}"), absent: false }
}

const OFFLINE: &str = "--offline";
const NO_ORGANIZATION: &str = "the token's audience has to be urn:pulumi:org:ORG, and no \
    organization is named (--oidc-org)";

/// Requests a token over HTTP, if all inputs of the request are present.
pub(super) fn request_over_http(
    request: &Http,
    context: &AmbientContext,
) -> Result<TokenAnswer, String> {
    let variables = |name: &str| context.environment.get(name);
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
    let audience = audience(context);
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
    if context.offline {
        return Ok(not_asked(OFFLINE));
    }
    let url = with_query(url, &query);
    let authorization = Zeroizing::new(format!("{} {credential}", request.scheme));
    let mut headers = vec![("Authorization", authorization.as_str())];
    headers.extend(request.headers);
    let method = if request.is_post { Method::POST } else { Method::GET };
    Ok(read_token_member(send(method, &url, &headers, context)?, request.member))
}

/// Requests a token through the platform's agent program.
pub(super) fn request_from_program(agent: &Program, context: &AmbientContext) -> TokenAnswer {
    let environment = context.environment;
    if environment.get(agent.marker).is_none() {
        return absent(agent.marker);
    }
    let Some(audience) = audience(context) else { return not_asked(NO_ORGANIZATION) };
    if context.offline {
        return not_asked(OFFLINE);
    }
    let Some(path) = program::find(agent.name, environment) else {
        return not_asked("it is not on PATH");
    };
    let variables = [agent.variables, NETWORK_VARIABLES].concat();
    let mut command = program::command(&path, environment, &variables);
    command.args(agent.arguments).arg(&audience);
    let left = context.deadline.saturating_duration_since(Instant::now());
    let refused = |reason: &str, said: String| {
        TokenAnswer::Refused(Refusal::Program { reason: reason.to_owned(), said })
    };
    match program::run(command, left, LONGEST_OUTPUT) {
        Err(reason) => refused(&reason, String::new()),
        Ok(output) if !output.succeeded => {
            let said = context.scrubber.scrub(String::from_utf8_lossy(&output.stderr).trim());
            refused("it ended with an error", text::clip(&said, LONGEST_STDERR))
        }
        Ok(output) => {
            let token = Zeroizing::new(String::from_utf8_lossy(&output.stdout).trim().to_owned());
            if token.is_empty() {
                refused("it printed nothing", String::new())
            } else {
                TokenAnswer::Token(token)
            }
        }
    }
}

/// The audience that Pulumi Cloud's documentation gives for these platforms.
fn audience(context: &AmbientContext) -> Option<String> {
    context.organization.map(urn::organization)
}

fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{}{joint}{query}", url.trim())
}

fn send(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    context: &AmbientContext,
) -> Result<Probe<Reply>, String> {
    let left = context.deadline.saturating_duration_since(Instant::now());
    let roots = tls::Roots::load(context.ca_cert, left / 2)?;
    let options = ClientOptions {
        insecure: false,
        // The request carries the job's own credential: https only.
        guard: Some(Guard::for_issuer(true, false, [])),
        proxies: Proxies::new(|name| context.environment.get(name).map(str::to_owned)),
        deadline: Some(tokio::time::Instant::from_std(context.deadline)),
    };
    let client = Client::new(&roots, options)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .inspect_err(crate::console::descriptors::note)
        .map_err(|error| error.to_string())?;
    let deadline = tokio::time::Instant::from_std(context.deadline);
    let probe = runtime.block_on(client.request(method, url, headers, context.scrubber, deadline));
    // Do not wait for a lookup that hangs in the system's resolver.
    runtime.shutdown_background();
    Ok(probe)
}

/// Takes the token out of a JSON object's member.
fn read_token_member(probe: Probe<Reply>, member: &str) -> TokenAnswer {
    let reply = match probe {
        Probe::Answered { answer, .. } => answer,
        Probe::Failed { failure, .. } => {
            return TokenAnswer::Refused(Refusal::Unanswered { failure });
        }
        Probe::NotRun => return not_asked("the request was not made"),
    };
    if reply.answer.status == 200
        && let Ok(Value::Object(mut body)) = serde_json::from_slice(&reply.raw)
        && let Some(Value::String(token)) = body.remove(member)
        && !token.trim().is_empty()
    {
        return TokenAnswer::Token(Zeroizing::new(token));
    }
    TokenAnswer::Refused(Refusal::Answered { answer: reply.answer })
}
