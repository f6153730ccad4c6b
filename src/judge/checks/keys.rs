//! Checks `keys` (the key set) and `signature`.

use super::backend::network_failure;
use super::issuer::web_page;
use crate::catalogue::Code;
use crate::evidence::{Answer, Body, FailureKind, KeyOutline, KeySet, KeySource, Probe, Signature};
use crate::judge::finding::again;
use crate::judge::network::certificate::with_chain;
use crate::judge::network::proxy;
use crate::judge::network::public_issuer::{Seen, only_here};
use crate::judge::{ASSUMES_GO, Context, Outcome};
use crate::report::Finding;

pub(crate) fn check(context: &Context) -> Outcome {
    let issuer = &context.evidence.issuer;
    let Some(token) = &context.evidence.token else {
        return Outcome::skip(context.cause("token"), "there is no decoded token");
    };
    let iss = token.text("iss").unwrap_or_default();
    if let Some(keys) = &issuer.keys {
        return match keys {
            KeySet::Keys { keys } => {
                let fetched = issuer.jwks.answer().map_or(0, |answer| answer.attempts);
                let (count, source) = (count(keys.len()), source(&issuer.key_source));
                Outcome::pass(format!("{count} from {source}{}", again(fetched)))
            }
            KeySet::Invalid { reason } => {
                let finding = invalid(context, reason);
                Outcome::found(
                    "not a key set",
                    vec![match issuer.key_source {
                        KeySource::Issuer => only_here(finding, iss, Seen::Answer),
                        _ => finding,
                    }],
                )
            }
        };
    }
    match &issuer.jwks {
        Probe::NotRun if context.evidence.options.offline => {
            Outcome::skip("--offline", "not fetched")
        }
        Probe::NotRun => Outcome::skip(context.cause("issuer"), "not fetched"),
        Probe::Failed { failure, .. } => {
            let chain = issuer.chain.as_ref();
            let finding = match failure.kind {
                FailureKind::AddressRefused => super::issuer::refused(
                    context,
                    failure,
                    "The discovery document sends to an address for its keys that is private, \
                     local or a metadata service's. The keys were not fetched.",
                )
                .proof("jwks_uri", jwks_uri(context), "discovery document"),
                FailureKind::TooLarge => Finding::new(
                    Code::JwksInvalid,
                    format!("The key set is too large: {}.", failure.detail),
                ),
                FailureKind::BadUrl => Finding::new(
                    Code::DiscoveryInvalid,
                    format!("The document's jwks_uri cannot be requested: {}.", failure.detail),
                )
                .proof(
                    "jwks_uri",
                    jwks_uri(context),
                    "discovery document jwks_uri",
                ),
                FailureKind::Certificate { .. } => {
                    with_chain(network_failure(Code::JwksUnreachable, failure), chain)
                }
                _ => proxy::only_here(network_failure(Code::JwksUnreachable, failure), failure),
            };
            let finding = match finding.code {
                Code::JwksUnreachable => only_here(finding, iss, Seen::Failure),
                _ => finding,
            };
            Outcome::found("not fetched", vec![finding])
        }
        Probe::Answered { answer, .. } => {
            let finding = only_here(not_served(answer), iss, Seen::Answer);
            Outcome::found("not served", vec![finding])
        }
    }
}

fn jwks_uri(context: &Context) -> String {
    context
        .discovery()
        .and_then(|d| d.get("jwks_uri"))
        .and_then(|uri| uri.as_str())
        .unwrap_or_default()
        .to_owned()
}

fn count(keys: usize) -> String {
    if keys == 1 { "1 key".to_owned() } else { format!("{keys} keys") }
}

fn source(source: &KeySource) -> String {
    match source {
        KeySource::None => "nowhere".to_owned(),
        KeySource::File { path } => path.clone(),
        KeySource::Registration => "the registration".to_owned(),
        KeySource::Issuer => "the issuer".to_owned(),
    }
}

fn invalid(context: &Context, reason: &str) -> Finding {
    let place = match &context.evidence.issuer.key_source {
        KeySource::Issuer => jwks_uri(context),
        other => source(other),
    };
    let finding = Finding::new(Code::JwksInvalid, format!("The key set is not one: {reason}."))
        .proof("problem", reason, place);
    match context.evidence.issuer.key_source {
        KeySource::Issuer => match context.evidence.issuer.jwks.answer().map(|answer| &answer.body)
        {
            Some(Body::Html(title)) => web_page(finding, title.as_deref(), &jwks_uri(context)),
            _ => finding,
        },
        KeySource::Registration => finding.fix(
            "Correct the registered keys (jwks), or remove them so that Pulumi Cloud fetches the \
             issuer's.",
        ),
        _ => finding,
    }
}

fn not_served(answer: &Answer) -> Finding {
    let mut finding = Finding::new(
        Code::JwksUnreachable,
        format!("GET {} is answered with status {}.", answer.url, answer.status),
    )
    .proof("status", answer.status.to_string(), &answer.url)
    .asked(answer.attempts);
    if let Body::Html(title) = &answer.body {
        finding = web_page(finding, title.as_deref(), &answer.url);
    }
    if let Some(location) = &answer.location {
        finding = finding.proof("redirects to", location, &answer.url);
    }
    finding
}

// ------------------------------------------------------------------------------- signature

pub(crate) fn check_signature(context: &Context) -> Outcome {
    let Some(token) = &context.evidence.token else {
        return Outcome::skip(context.cause("token"), "there is no decoded token");
    };
    if token.truncated.is_some() {
        return Outcome::skip("input", "the signature is cut off");
    }
    let kid = token.key_id();
    let issuer = &context.evidence.issuer;
    let name = |key: &Option<String>| key.as_deref().map_or_else(String::new, |k| format!(" {k}"));
    match &issuer.signature {
        Signature::NotChecked => Outcome::skip(context.cause("keys"), "there are no keys"),
        Signature::Verified { key, unusual } => {
            let findings = not_recommended(context, key.as_deref(), unusual);
            Outcome::found(
                format!("verifies with key{}", name(key)),
                findings.into_iter().collect(),
            )
        }
        Signature::NotVerifiable { reason } => {
            Outcome::skip("keys", format!("not checked: {reason}"))
        }
        // The token check says what is wrong with the algorithm or the length.
        Signature::UnsupportedAlgorithm | Signature::WrongLength { .. } => {
            Outcome::skip("token", "cannot be checked")
        }
        Signature::KeyNotFound => Outcome::found("no such key", vec![not_found(context, kid)]),
        Signature::KeyUnusable { reason, assumes_go } => {
            Outcome::found("the key cannot be used", vec![unusable(context, reason, *assumes_go)])
        }
        Signature::Invalid { key } => {
            let finding = Finding::new(
                Code::SignatureInvalid,
                format!(
                    "The key{} is there and did not make this signature: the token was altered \
                     after it was signed, or the keys are not its issuer's.",
                    name(key)
                ),
            )
            .proof("token kid", kid.unwrap_or("(absent)"), "token header kid")
            .proof("keys from", source(&issuer.key_source), "key set");
            Outcome::found("does not verify", vec![finding])
        }
    }
}

/// The key verified, and other verifiers may want more of it.
fn not_recommended(context: &Context, key: Option<&str>, unusual: &[String]) -> Option<Finding> {
    if unusual.is_empty() {
        return None;
    }
    let shown = key.unwrap_or("(no kid)");
    let detail = format!(
        "The key {shown} verifies the signature, but is unusual: {}. {ASSUMES_GO}",
        unusual.join("; ")
    );
    let issuer = &context.evidence.issuer;
    let mut finding = Finding::new(Code::KeyNotRecommended, detail);
    for problem in unusual {
        finding = finding.proof("key", format!("{shown}: {problem}"), source(&issuer.key_source));
    }
    Some(finding)
}

/// The token's key is in the set, but not usable.
fn unusable(context: &Context, reason: &str, assumes_go: bool) -> Finding {
    let kid = context.evidence.token.as_ref().and_then(|token| token.key_id());
    let which = if kid.is_some() { "The key that the token names" } else { "A key of the set" };
    let mut detail = format!("{which} cannot be used: {reason}.");
    if assumes_go {
        detail.push(' ');
        detail.push_str(ASSUMES_GO);
    }
    Finding { detail, ..not_found(context, kid) }
}

fn not_found(context: &Context, kid: Option<&str>) -> Finding {
    let issuer = &context.evidence.issuer;
    let keys = match &issuer.keys {
        Some(KeySet::Keys { keys }) => keys.as_slice(),
        _ => &[],
    };
    let shown = kid.unwrap_or("(absent)");
    let finding = Finding::new(
        Code::SigningKeyNotFound,
        format!("The token is signed with key {shown}; the key set has {}.", count(keys.len())),
    )
    .proof("token kid", shown, "token header kid")
    .proof(
        "keys in the set",
        keys.iter().map(outline).collect::<Vec<_>>().join(", "),
        source(&issuer.key_source),
    );
    match issuer.key_source {
        KeySource::Registration => finding.fix(
            "The registered keys (jwks) are out of date: register the issuer's current ones, \
                 or remove them so that Pulumi Cloud fetches the keys itself.",
        ),
        _ => finding,
    }
}

fn outline(key: &KeyOutline) -> String {
    let id = key.id.as_deref().unwrap_or("(no kid)");
    match &key.algorithm {
        Some(algorithm) => format!("{id} ({algorithm})"),
        None => format!("{id} ({})", key.key_type),
    }
}
