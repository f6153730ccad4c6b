//! Probes Pulumi Cloud: capabilities, token exchange, whoami and registrations.

mod credential;
mod registrations;

use serde_json::{Map, Value};
use tokio::time::Instant;

use self::credential::{Credential, existing_token, without_trailing_slash};
pub use self::registrations::PolicyVersions;
pub(super) use self::registrations::Registrations;
use super::local::Run;
use super::network::budget;
use super::network::client::{Client, ClientOptions, Proxies, Reply};
use super::network::guard::Guard;
use super::network::tls::Roots;
use super::plan::PolicySelection;
use super::pulumi::version::VersionProbe;
use crate::console::progress::Progress;
use crate::evidence::{
    AccessTokenSource, Answer, Body, Cli, Evidence, Exchange, PolicySource, Probe,
};
use crate::judge;
use crate::pulumi::answers;
use crate::pulumi::go::json::field;
use crate::pulumi::request::Request;
use crate::text::secret::{Scrubber, Secret};

/// Replaces the body of a successful exchange.
const WITHHELD: &str = "(not shown: it may hold a credential)";

/// The requests to make to Pulumi Cloud.
struct CloudRequests {
    /// The backend's URL.
    url: String,
    exchange_url: String,
    /// The parameters of the exchange.
    request: Request,
    /// Empty if there is none.
    organization: String,
}

/// The backend's URL. `None`: it is no usable Pulumi Cloud URL, or the run is offline.
pub(super) fn usable_backend(evidence: &Evidence, run: &Run) -> Option<String> {
    let usable = !run.plan.offline && judge::backend_usable(evidence);
    usable.then(|| evidence.resolved_backend().url)
}

/// Stores the CLI version, then decides whether the exchange may be made.
pub(super) fn record_cli_version(evidence: &mut Evidence, cli: Cli) {
    evidence.login.cli = cli;
    evidence.cloud.exchange_skipped = judge::exchange_obstacle(evidence);
}

/// The installed CLI version has no default backend.
struct NoBackend;

/// Probes the backend. Returns the registered policies if they were read.
pub(super) async fn probe(
    evidence: &mut Evidence,
    cli: VersionProbe,
    run: &Run,
    roots: &Roots,
    deadline: Instant,
) -> Result<Option<PolicySource>, String> {
    let mut cli = cli;
    if usable_backend(evidence, run).is_none() {
        // An older CLI has fewer rules about the URL and the stored credentials than the newest.
        record_cli_version(evidence, cli.result().await);
        cli = VersionProbe::known(evidence.login.cli.clone());
    }
    let Some(url) = usable_backend(evidence, run) else { return Ok(None) };
    let client = new_client(evidence, run, roots, deadline)?;
    let capabilities = format!("{}/api/capabilities", without_trailing_slash(&url));
    let probed = tokio::try_join!(
        async {
            record_cli_version(evidence, cli.result().await);
            // The CLI version decides whether there is a default backend, not which one.
            let url = usable_backend(evidence, run).ok_or(NoBackend)?;
            let request = evidence.request();
            let organization = request.organization.clone().unwrap_or_default();
            let exchange_url = evidence.resolved_backend().exchange_url();
            let requests = CloudRequests { url, exchange_url, request, organization };
            Ok(tokio::join!(
                exchange_and_whoami(&client, &requests, evidence, run, deadline),
                registered_policies(&client, &requests, evidence, run, deadline),
            ))
        },
        async { Ok::<_, NoBackend>(client.get(&capabilities, &[], &run.scrubber, deadline).await) },
    );
    let Ok((((exchange, source, whoami), policy), capabilities)) = probed else { return Ok(None) };
    let version = evidence.rules().cloned();
    let cloud = &mut evidence.cloud;
    cloud.chain = client.chain(&url).map(|chain| chain.scrubbed(&run.scrubber));
    cloud.capabilities = capabilities;
    cloud.exchange = exchange;
    cloud.access_token = source;
    cloud.whoami_error =
        whoami.answer().and_then(|answer| answers::whoami_error(answer, version.as_ref()));
    cloud.whoami = whoami;
    Ok(policy)
}

/// Reads registrations, and makes no other requests.
pub(super) async fn read_registrations(
    evidence: &Evidence,
    selection: &PolicySelection,
    run: &Run,
    roots: &Roots,
    deadline: Instant,
    progress: &Progress,
) -> Result<Option<Registrations>, String> {
    let (Some(url), Some(organization)) =
        (usable_backend(evidence, run), evidence.request().organization)
    else {
        return Ok(None);
    };
    let origin = without_trailing_slash(&url);
    let Some((source, token)) = existing_token(evidence, run, origin) else { return Ok(None) };
    let Some(credential) = Credential::new(evidence, run, &token, origin) else { return Ok(None) };
    let client = new_client(evidence, run, roots, deadline)?;
    let (client, credential) = (&client, &credential);
    let reader = registrations::Reader {
        client,
        origin,
        credential,
        source,
        deadline,
        waits_as_asked: true,
    };
    let of_token = || evidence.token.as_ref().and_then(|token| token.text("iss"));
    let issuer = match selection {
        PolicySelection::Issuer(issuer) => Some(issuer.as_str()),
        PolicySelection::TokenIssuer => of_token(),
        PolicySelection::All => None,
    };
    Ok(Some(match issuer {
        Some(issuer) => {
            Registrations::without_versions(reader.read_issuer(&organization, issuer).await)
        }
        None => reader.read_all(&organization, progress).await,
    }))
}

fn new_client(
    evidence: &Evidence,
    run: &Run,
    roots: &Roots,
    deadline: Instant,
) -> Result<Client, String> {
    Client::new(
        roots,
        ClientOptions {
            insecure: evidence.options.insecure,
            guard: backend_guard(evidence),
            proxies: Proxies::new(|name| run.environment.get(name).map(str::to_owned)),
            deadline: Some(deadline),
        },
    )
}

/// The address guard for a backend that only a project file names. In CI and for `doctor login` the
/// login itself connects to it, so the guard refuses only metadata services.
fn backend_guard(evidence: &Evidence) -> Option<Guard> {
    let options = &evidence.options;
    evidence.only_project_names_backend().then(|| {
        Guard::for_backend(options.run_context.judges_environment(), options.allow_private_issuer)
    })
}

/// Reads the registered policies if no policy document was given and there is an access token.
/// Never uses the token that this run mints: that one is for the login (product contract, section
/// 2).
async fn registered_policies(
    client: &Client,
    requests: &CloudRequests,
    evidence: &Evidence,
    run: &Run,
    deadline: Instant,
) -> Option<PolicySource> {
    let issuer = evidence.token.as_ref()?.text("iss")?;
    if !matches!(evidence.policy, PolicySource::None) || requests.organization.is_empty() {
        return None;
    }
    let origin = without_trailing_slash(&requests.url);
    let (source, token) = existing_token(evidence, run, origin)?;
    let credential = Credential::new(evidence, run, &token, origin)?;
    let reader = registrations::Reader {
        client,
        origin,
        credential: &credential,
        source,
        deadline,
        waits_as_asked: false,
    };
    Some(reader.read_issuer(&requests.organization, issuer).await)
}

/// Makes the exchange, then whoami with the new token or, without an exchange, an existing one.
async fn exchange_and_whoami(
    client: &Client,
    requests: &CloudRequests,
    evidence: &Evidence,
    run: &Run,
    deadline: Instant,
) -> (Probe<Exchange>, AccessTokenSource, Probe<Answer>) {
    let url = &requests.url;
    let (exchange, access) = match (&evidence.cloud.exchange_skipped, &run.decoded) {
        (None, Some(decoded)) => {
            let by = budget::before_whoami(deadline);
            let (probe, token) =
                exchange_token(client, requests, decoded.token_as_sent(), &run.scrubber, by).await;
            (probe, token.map(|token| (AccessTokenSource::Exchange, token)))
        }
        _ => (Probe::NotRun, existing_token(evidence, run, url)),
    };
    let credential = access
        .and_then(|(source, token)| Some((source, Credential::new(evidence, run, &token, url)?)));
    let Some((source, credential)) = credential else {
        return (exchange, AccessTokenSource::None, Probe::NotRun);
    };
    // Unlike for the exchange, the CLI trims one slash here.
    let user = format!("{}/api/user", without_trailing_slash(url));
    let whoami = credential.get(client, &user, deadline).await;
    (exchange, source, whoami)
}

/// Makes the exchange once, with the CLI's own request (`ExchangeOidcToken` in `client.go`).
async fn exchange_token(
    client: &Client,
    requests: &CloudRequests,
    token: &Secret,
    scrubber: &Scrubber,
    deadline: Instant,
) -> (Probe<Exchange>, Option<Secret>) {
    let fields = requests.request.form(&requests.organization);
    let mut form: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    form.push(("subject_token", token.reveal()));
    // Go's url.Values.Encode sorts by key.
    form.sort_unstable();
    match client.post_form(&requests.exchange_url, &[], &form, scrubber, deadline).await {
        Probe::NotRun => (Probe::NotRun, None),
        Probe::Failed { failure, elapsed_ms } => (Probe::Failed { failure, elapsed_ms }, None),
        Probe::Answered { answer: reply, elapsed_ms } => {
            let (answer, token) = read_exchange(reply, scrubber);
            (Probe::Answered { answer, elapsed_ms }, token)
        }
    }
}

/// Splits the answer (RFC 8693 section 2.2.1) into evidence and the access token.
fn read_exchange(reply: Reply, scrubber: &Scrubber) -> (Exchange, Option<Secret>) {
    let Reply { mut answer, raw } = reply;
    if answer.status != 200 {
        let said = answers::printed_body(&answer);
        return (Exchange::Refused { said, answer }, None);
    }
    if !matches!(answer.body, Body::Html(_) | Body::Empty) {
        // Any value in the answer may be a credential, under any name.
        answer.body = Body::Text(WITHHELD.to_owned());
    }
    let mut body = match answers::decode_exchange(200, &raw) {
        Ok(body) => body,
        Err(cause) => {
            let reason = match serde_json::from_slice(&raw) {
                Ok(Value::Object(_)) => "a field in it is not of the type that it has to be",
                _ => "the body is not a JSON object",
            };
            let (reason, cause) = (reason.to_owned(), Some(cause));
            return (Exchange::Malformed { reason, cause, answer }, None);
        }
    };
    let Some(token) = take_access_token(&mut body) else {
        let reason = "there is no access_token in it".to_owned();
        return (Exchange::Malformed { reason, cause: None, answer }, None);
    };
    let text = |name: &str| field(&body, name).and_then(Value::as_str).map(|t| scrubber.scrub(t));
    scrubber.add(token.reveal());
    let exchange = Exchange::Minted {
        issued_token_type: text("issued_token_type"),
        expires_in: field(&body, "expires_in").and_then(Value::as_i64),
        scope: text("scope"),
        clock_offset_seconds: answer.clock_offset_seconds,
    };
    (exchange, Some(token))
}

fn take_access_token(body: &mut Map<String, Value>) -> Option<Secret> {
    let is_access_token = |(key, value): &(&String, &Value)| {
        key.eq_ignore_ascii_case("access_token") && !value.is_null()
    };
    let key = body.iter().rfind(is_access_token)?.0.clone();
    match body.remove(&key) {
        Some(Value::String(token)) if !token.is_empty() => Some(Secret::new(token)),
        _ => None,
    }
}
