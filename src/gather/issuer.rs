//! Probes the issuer (discovery document, then key set) and verifies the token's signature.

use serde_json::Value;
use tokio::time::Instant;

use super::local::Run;
use super::network::budget;
use super::network::client::{Client, ClientOptions, Proxies};
use super::network::guard::Guard;
use super::network::tls::Roots;
use crate::evidence::{
    Answer, Body, Evidence, Failure, FailureKind, Issuer, KeySet, KeySource, Probe, Signature,
};
use crate::oidc::issuer_url;
use crate::oidc::jwt::Decoded;
use crate::oidc::signature;
use crate::text::secret::{Scrubber, argument};

/// The requests to make to the issuer.
pub(super) struct IssuerRequests {
    /// The token's `iss`.
    issuer: String,
    /// The keys are already known: request only the discovery document.
    has_keys: bool,
    guard: Guard,
    /// The evidence so far.
    known: Issuer,
}

/// Verifies the signature with keys that need no request: those of `--jwks`, else of the
/// registration.
pub(super) fn verify_with_local_keys(evidence: &mut Evidence, run: &Run) {
    let registered = evidence.registration().and_then(|r| r.jwks.clone());
    let (source, keys) = match (&run.jwks, &run.plan.jwks, registered) {
        (Some(keys), Some(path), _) => (KeySource::File { path: argument(path) }, keys.clone()),
        (_, _, Some(keys)) => (KeySource::Registration, keys),
        _ => return,
    };
    evidence.issuer.key_source = source;
    record_keys(&mut evidence.issuer, &keys, run);
}

fn record_keys(issuer: &mut Issuer, keys: &Value, run: &Run) {
    issuer.keys = Some(signature::outline_key_set(keys));
    verify_signature(issuer, keys, run.decoded.as_ref());
}

/// Verifies the signature with a key set whose outline is already in `issuer.keys`.
pub(super) fn verify_signature(issuer: &mut Issuer, keys: &Value, decoded: Option<&Decoded>) {
    let complete = decoded.filter(|decoded| decoded.token.truncated.is_none());
    issuer.signature = match (&issuer.keys, complete) {
        (Some(KeySet::Keys { .. }), Some(decoded)) => {
            signature::verify(&decoded.compact, &decoded.token, keys)
        }
        _ => Signature::NotChecked,
    };
}

/// Plans the requests. `None`: there is no token, the run is offline, the issuer is no usable URL,
/// or the registration has keys (then Pulumi Cloud requests nothing either).
pub(super) fn plan_requests(evidence: &Evidence, run: &Run) -> Option<IssuerRequests> {
    let issuer = evidence.token.as_ref()?.text("iss")?;
    let registered_keys = evidence.registration().is_some_and(|r| r.jwks.is_some());
    if run.plan.offline || registered_keys || issuer_url::parse(issuer).is_err() {
        return None;
    }
    let in_policy = evidence.policy.document().map(|d| d.issuers.as_slice()).unwrap_or_default();
    let known_urls = in_policy.iter().flat_map(|r| [r.issuer.as_deref(), r.url.as_deref()]);
    let ambient = evidence.token_is_ambient();
    Some(IssuerRequests {
        issuer: issuer.to_owned(),
        has_keys: run.jwks.is_some(),
        guard: Guard::for_issuer(ambient, run.plan.allow_private_issuer, known_urls.flatten()),
        known: evidence.issuer.clone(),
    })
}

/// Makes the requests and returns the issuer's evidence.
pub(super) async fn probe(
    requests: Option<IssuerRequests>,
    run: &Run,
    roots: &Roots,
    deadline: Instant,
) -> Result<Option<Issuer>, String> {
    let Some(IssuerRequests { issuer: url, has_keys, guard, known: mut issuer }) = requests else {
        return Ok(None);
    };
    let client = Client::new(
        roots,
        ClientOptions {
            insecure: false,
            guard: Some(guard),
            proxies: Proxies::new(|name| run.environment.get(name).map(str::to_owned)),
            deadline: Some(deadline),
        },
    )?;
    let discovery = issuer_url::discovery_url(&url);
    let discovery_deadline = if has_keys { deadline } else { budget::before_another(deadline) };
    issuer.discovery = client.get(&discovery, &[], &run.scrubber, discovery_deadline).await;
    if !has_keys && let Some(uri) = jwks_uri(&issuer.discovery) {
        issuer.jwks = fetch_keys(&client, &uri, &run.scrubber, deadline).await;
        if let Some(answer) = issuer.jwks.answer().filter(|a| a.status == 200) {
            issuer.key_source = KeySource::Issuer;
            let keys = match &answer.body {
                Body::Json(keys) => keys.clone(),
                Body::Empty | Body::Html(_) | Body::Text(_) => Value::Null,
            };
            record_keys(&mut issuer, &keys, run);
            forget_keys(&mut issuer.jwks);
        }
    }
    issuer.addresses = client.addresses(&discovery);
    issuer.chain = client.chain(&discovery).map(|chain| chain.scrubbed(&run.scrubber));
    Ok(Some(issuer))
}

/// Drops the keys themselves: the outline is enough, and some issuers serve private keys by
/// mistake.
fn forget_keys(jwks: &mut Probe<Answer>) {
    if let Probe::Answered { answer: Answer { body: body @ Body::Json(_), .. }, .. } = jwks {
        *body = Body::Empty;
    }
}

fn jwks_uri(discovery: &Probe<Answer>) -> Option<String> {
    let answer = discovery.answer().filter(|a| a.status == 200)?;
    let Body::Json(document) = &answer.body else { return None };
    document.get("jwks_uri").and_then(Value::as_str).map(str::to_owned)
}

/// Requests the key set. Its URL comes from a document that the token points to, so it is as
/// untrusted as the issuer URL.
async fn fetch_keys(
    client: &Client,
    uri: &str,
    scrubber: &Scrubber,
    deadline: Instant,
) -> Probe<Answer> {
    if let Err(problem) = issuer_url::parse_requestable(uri) {
        return Probe::Failed {
            failure: Failure {
                kind: FailureKind::BadUrl,
                host: String::new(),
                port: 0,
                route: Box::default(),
                detail: problem.to_owned(),
                attempts: 1,
            },
            elapsed_ms: 0,
        };
    }
    client.get(uri, &[], scrubber, deadline).await
}
