//! The issuer's probes: discovery document, then key set, over one connection; and the signature.

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

/// What to ask the issuer.
pub(super) struct Questions {
    /// The token's `iss`.
    issuer: String,
    /// The keys are known already: only the document is asked for.
    has_keys: bool,
    /// Where it may be.
    guard: Guard,
    /// What is known of it.
    known: Issuer,
}

/// Checks the signature with keys that need not be fetched: those of `--jwks`, else those of the
/// registration.
pub(super) fn local_keys(evidence: &mut Evidence, run: &Run) {
    let registered = evidence.registration().and_then(|r| r.jwks.clone());
    let (source, keys) = match (&run.jwks, &run.plan.jwks, registered) {
        (Some(keys), Some(path), _) => (KeySource::File { path: argument(path) }, keys.clone()),
        (_, _, Some(keys)) => (KeySource::Registration, keys),
        _ => return,
    };
    evidence.issuer.key_source = source;
    check(&mut evidence.issuer, &keys, run);
}

fn check(issuer: &mut Issuer, keys: &Value, run: &Run) {
    issuer.keys = Some(signature::outline(keys));
    verify(issuer, keys, run.decoded.as_ref());
}

/// Verifies with keys whose outline is known.
pub(super) fn verify(issuer: &mut Issuer, keys: &Value, decoded: Option<&Decoded>) {
    let whole = decoded.filter(|decoded| decoded.token.truncated.is_none());
    issuer.signature = match (&issuer.keys, whole) {
        (Some(KeySet::Keys { .. }), Some(decoded)) => {
            signature::verify(&decoded.compact, &decoded.token, keys)
        }
        _ => Signature::NotChecked,
    };
}

/// What to ask; `None`: nothing, because there is no token, the network is off, the issuer is no
/// usable URL, or the registration carries the keys (then Pulumi Cloud fetches nothing either).
pub(super) fn plan(evidence: &Evidence, run: &Run) -> Option<Questions> {
    let issuer = evidence.token.as_ref()?.text("iss")?;
    let registered_keys = evidence.registration().is_some_and(|r| r.jwks.is_some());
    if run.plan.offline || registered_keys || issuer_url::parse(issuer).is_err() {
        return None;
    }
    let in_policy = evidence.policy.document().map(|d| d.issuers.as_slice()).unwrap_or_default();
    let in_policy = in_policy.iter().flat_map(|r| [r.issuer.as_deref(), r.url.as_deref()]);
    let ambient = evidence.token_is_ambient();
    Some(Questions {
        issuer: issuer.to_owned(),
        has_keys: run.jwks.is_some(),
        guard: Guard::new(ambient, run.plan.allow_private_issuer, in_policy.flatten()),
        known: evidence.issuer.clone(),
    })
}

/// Asks.
pub(super) async fn probe(
    questions: Option<Questions>,
    run: &Run,
    roots: &Roots,
    deadline: Instant,
) -> Result<Option<Issuer>, String> {
    let Some(Questions { issuer: url, has_keys, guard, known: mut issuer }) = questions else {
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
    let discovery = issuer_url::discovery(&url);
    let by = if has_keys { deadline } else { budget::before_another(deadline) };
    issuer.discovery = client.get(&discovery, &[], &run.scrubber, by).await;
    if !has_keys && let Some(uri) = jwks_uri(&issuer.discovery) {
        issuer.jwks = fetch_keys(&client, &uri, &run.scrubber, deadline).await;
        if let Some(answer) = issuer.jwks.answer().filter(|a| a.status == 200) {
            issuer.key_source = KeySource::Issuer;
            let keys = match &answer.body {
                Body::Json(keys) => keys.clone(),
                Body::Empty | Body::Html(_) | Body::Text(_) => Value::Null,
            };
            check(&mut issuer, &keys, run);
            forget_keys(&mut issuer.jwks);
        }
    }
    issuer.addresses = client.addresses(&discovery);
    issuer.chain = client.chain(&discovery).map(|chain| chain.scrubbed(&run.scrubber));
    Ok(Some(issuer))
}

/// Their outline is evidence enough, and some issuers serve private keys by mistake.
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

/// The address comes from the issuer's own document, but through it from the token: it gets the
/// same treatment as the issuer's.
async fn fetch_keys(
    client: &Client,
    uri: &str,
    scrubber: &Scrubber,
    deadline: Instant,
) -> Probe<Answer> {
    if let Err(problem) = issuer_url::requestable(uri) {
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
