//! Pulumi Cloud's probes: is it one, the token exchange, whoami, what is registered.

mod credential;
mod registrations;

use serde_json::{Map, Value};
use tokio::time::Instant;

use self::credential::{Credential, existing_token, trimmed};
pub(super) use self::registrations::Read;
pub use self::registrations::Versions;
use super::local::Run;
use super::network::budget;
use super::network::client::{Client, ClientOptions, Proxies, Reply};
use super::network::guard::Guard;
use super::network::tls::Roots;
use super::plan::Registered;
use super::pulumi::version::Question;
use crate::console::progress::Progress;
use crate::evidence::{
    AccessTokenSource, Answer, Body, Cli, Evidence, Exchange, PolicySource, Probe,
};
use crate::judge;
use crate::pulumi::answers;
use crate::pulumi::go::json::field;
use crate::pulumi::request::Request;
use crate::text::secret::{Scrubber, Secret};

/// Replaces the body of a successful answer.
const WITHHELD: &str = "(not shown: it may hold a credential)";

/// What to ask Pulumi Cloud.
struct Questions {
    /// The backend's URL.
    url: String,
    /// Where the exchange goes.
    exchange_url: String,
    /// What the exchange asks for.
    request: Request,
    /// The organization, when the exchange is made.
    organization: String,
}

/// The backend's URL; `None`: it cannot be spoken to, or the network is off.
pub(super) fn backend(evidence: &Evidence, run: &Run) -> Option<String> {
    let usable = !run.plan.offline && judge::backend_usable(evidence);
    usable.then(|| evidence.resolved_backend().url)
}

/// Stores the CLI's version, then decides whether the exchange may be made.
pub(super) fn record_cli(evidence: &mut Evidence, cli: Cli) {
    evidence.login.cli = cli;
    evidence.cloud.exchange_skipped = judge::exchange_obstacle(evidence);
}

/// The installed CLI version has no default backend.
struct NoBackend;

/// Asks; what is registered, if that was read, is handed back.
pub(super) async fn probe(
    evidence: &mut Evidence,
    cli: Question,
    run: &Run,
    roots: &Roots,
    deadline: Instant,
) -> Result<Option<PolicySource>, String> {
    let Some(url) = backend(evidence, run) else {
        record_cli(evidence, cli.answer().await);
        return Ok(None);
    };
    let client = client(evidence, run, roots, deadline)?;
    let capabilities = format!("{}/api/capabilities", trimmed(&url));
    let asked = tokio::try_join!(
        async {
            record_cli(evidence, cli.answer().await);
            // A version decides whether there is a default, not which.
            let url = backend(evidence, run).ok_or(NoBackend)?;
            let request = evidence.request();
            let organization = request.organization.clone().unwrap_or_default();
            let exchange_url = evidence.resolved_backend().exchange_url();
            let questions = Questions { url, exchange_url, request, organization };
            Ok(tokio::join!(
                login(&client, &questions, evidence, run, deadline),
                registered(&client, &questions, evidence, run, deadline),
            ))
        },
        async { Ok::<_, NoBackend>(client.get(&capabilities, &[], &run.scrubber, deadline).await) },
    );
    let Ok((((exchange, source, whoami), policy), capabilities)) = asked else { return Ok(None) };
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

/// Reads what is registered, where no document says it, and asks nothing else.
pub(super) async fn policies(
    evidence: &Evidence,
    wanted: &Registered,
    run: &Run,
    roots: &Roots,
    deadline: Instant,
    progress: &Progress,
) -> Result<Option<Read>, String> {
    let (Some(url), Some(organization)) = (backend(evidence, run), evidence.request().organization)
    else {
        return Ok(None);
    };
    let origin = trimmed(&url);
    let Some((source, token)) = existing_token(evidence, run, origin) else { return Ok(None) };
    let Some(credential) = Credential::new(evidence, run, &token, origin) else { return Ok(None) };
    let client = client(evidence, run, roots, deadline)?;
    let (client, credential) = (&client, &credential);
    let reader =
        registrations::Reader { client, origin, credential, source, deadline, patient: true };
    let of_token = || evidence.token.as_ref().and_then(|token| token.text("iss"));
    let issuer = match wanted {
        Registered::Of(issuer) => Some(issuer.as_str()),
        Registered::OfToken => of_token(),
        Registered::All => None,
    };
    Ok(Some(match issuer {
        Some(issuer) => Read::of(reader.read(&organization, issuer).await),
        None => reader.read_all(&organization, progress).await,
    }))
}

fn client(
    evidence: &Evidence,
    run: &Run,
    roots: &Roots,
    deadline: Instant,
) -> Result<Client, String> {
    Client::new(
        roots,
        ClientOptions {
            insecure: evidence.options.insecure,
            guard: guard(evidence),
            proxies: Proxies::new(|name| run.environment.get(name).map(str::to_owned)),
            deadline: Some(deadline),
        },
    )
}

/// Where a backend that only a project file names may be. In CI and for `doctor login` the login
/// itself connects to it, so only metadata services are refused.
fn guard(evidence: &Evidence) -> Option<Guard> {
    let options = &evidence.options;
    evidence.backend_is_found().then(|| {
        Guard::for_backend(options.run_context.judges_environment(), options.allow_private_issuer)
    })
}

/// What is registered, where no document says it and an access token is at hand. Never asked with
/// the token that this run mints: that one is the login's (product contract, section 2).
async fn registered(
    client: &Client,
    questions: &Questions,
    evidence: &Evidence,
    run: &Run,
    deadline: Instant,
) -> Option<PolicySource> {
    let issuer = evidence.token.as_ref()?.text("iss")?;
    if !matches!(evidence.policy, PolicySource::None) || questions.organization.is_empty() {
        return None;
    }
    let origin = trimmed(&questions.url);
    let (source, token) = existing_token(evidence, run, origin)?;
    let credential = Credential::new(evidence, run, &token, origin)?;
    let reader = registrations::Reader {
        client,
        origin,
        credential: &credential,
        source,
        deadline,
        patient: false,
    };
    Some(reader.read(&questions.organization, issuer).await)
}

/// The exchange, and whoami with what it gave; or whoami with a token that is already there.
async fn login(
    client: &Client,
    questions: &Questions,
    evidence: &Evidence,
    run: &Run,
    deadline: Instant,
) -> (Probe<Exchange>, AccessTokenSource, Probe<Answer>) {
    let url = &questions.url;
    let (exchange, access) = match (&evidence.cloud.exchange_skipped, &run.decoded) {
        (None, Some(decoded)) => {
            let by = budget::before_whoami(deadline);
            let (probe, token) =
                exchange(client, questions, decoded.sent(), &run.scrubber, by).await;
            (probe, token.map(|token| (AccessTokenSource::Exchange, token)))
        }
        _ => (Probe::NotRun, existing_token(evidence, run, url)),
    };
    let credential = access
        .and_then(|(source, token)| Some((source, Credential::new(evidence, run, &token, url)?)));
    let Some((source, credential)) = credential else {
        return (exchange, AccessTokenSource::None, Probe::NotRun);
    };
    // Unlike the exchange, this request of the CLI trims one slash.
    let user = format!("{}/api/user", trimmed(url));
    let whoami = credential.get(client, &user, deadline).await;
    (exchange, source, whoami)
}

/// The CLI's own request (`ExchangeOidcToken` in `client.go`), once.
async fn exchange(
    client: &Client,
    questions: &Questions,
    token: &Secret,
    scrubber: &Scrubber,
    deadline: Instant,
) -> (Probe<Exchange>, Option<Secret>) {
    let fields = questions.request.form(&questions.organization);
    let mut form: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    form.push(("subject_token", token.reveal()));
    // Go's url.Values.Encode sorts by key.
    form.sort_unstable();
    match client.post_form(&questions.exchange_url, &[], &form, scrubber, deadline).await {
        Probe::NotRun => (Probe::NotRun, None),
        Probe::Failed { failure, elapsed_ms } => (Probe::Failed { failure, elapsed_ms }, None),
        Probe::Answered { answer: reply, elapsed_ms } => {
            let (answer, token) = understand(reply, scrubber);
            (Probe::Answered { answer, elapsed_ms }, token)
        }
    }
}

/// RFC 8693 section 2.2.1: what of the answer is evidence, and the access token.
fn understand(reply: Reply, scrubber: &Scrubber) -> (Exchange, Option<Secret>) {
    let Reply { mut answer, raw } = reply;
    if answer.status != 200 {
        let said = answers::refusal_said(&answer);
        return (Exchange::Refused { said, answer }, None);
    }
    if !matches!(answer.body, Body::Html(_) | Body::Empty) {
        // Any value in the answer may be a credential, under any name.
        answer.body = Body::Text(WITHHELD.to_owned());
    }
    let mut body = match answers::exchange(200, &raw) {
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
    let is_it = |(key, value): &(&String, &Value)| {
        key.eq_ignore_ascii_case("access_token") && !value.is_null()
    };
    let key = body.iter().rfind(is_it)?.0.clone();
    match body.remove(&key) {
        Some(Value::String(token)) if !token.is_empty() => Some(Secret::new(token)),
        _ => None,
    }
}
