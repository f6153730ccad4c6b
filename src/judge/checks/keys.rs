//! Check `keys`: the key set.

use super::issuer::refused;
use crate::catalogue::Code;
use crate::evidence::{Answer, Body, CheckId, FailureKind, KeySet, KeySource, Probe, SkipReason};
use crate::judge::answer::{is_transient, web_page};
use crate::judge::context::Context;
use crate::judge::finding::again;
use crate::judge::network::certificate::with_chain;
use crate::judge::network::failure::network_failure;
use crate::judge::network::proxy;
use crate::judge::network::public_issuer::{Seen, only_here};
use crate::judge::outcome::Outcome;
use crate::report::Finding;

pub(crate) fn check(context: &Context) -> Outcome {
    let issuer = &context.evidence.issuer;
    let Some(token) = &context.evidence.token else {
        return Outcome::skip(context.cause(CheckId::Token), "there is no decoded token");
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
                let finding = match issuer.key_source {
                    KeySource::Issuer => only_here(invalid(context, reason), iss, Seen::Answer),
                    _ => invalid(context, reason),
                };
                Outcome::found("not a key set", vec![finding])
            }
        };
    }
    match &issuer.jwks {
        Probe::NotRun if context.evidence.options.offline => {
            Outcome::skip(SkipReason::Offline, "not fetched")
        }
        Probe::NotRun => Outcome::skip(context.cause(CheckId::Issuer), "not fetched"),
        Probe::Failed { failure, .. } => {
            let chain = issuer.chain.as_ref();
            let finding = match failure.kind {
                FailureKind::AddressRefused => refused(
                    context,
                    failure,
                    "The discovery document sends to an address for its keys that is private, \
                     local or a metadata service's. The keys were not fetched.",
                )
                .proof("jwks_uri", context.jwks_uri(), "discovery document"),
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
                    context.jwks_uri(),
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

pub(crate) fn count(keys: usize) -> String {
    if keys == 1 { "1 key".to_owned() } else { format!("{keys} keys") }
}

pub(crate) fn source(source: &KeySource) -> String {
    match source {
        KeySource::None => "nowhere".to_owned(),
        KeySource::File { path } => path.clone(),
        KeySource::Registration => "the registration".to_owned(),
        KeySource::Issuer => "the issuer".to_owned(),
    }
}

fn invalid(context: &Context, reason: &str) -> Finding {
    let place = match &context.evidence.issuer.key_source {
        KeySource::Issuer => context.jwks_uri().to_owned(),
        other => source(other),
    };
    let finding = Finding::new(Code::JwksInvalid, format!("The key set is not one: {reason}."))
        .proof("problem", reason, place);
    match context.evidence.issuer.key_source {
        KeySource::Issuer => match context.evidence.issuer.jwks.answer().map(|answer| &answer.body)
        {
            Some(Body::Html(title)) => web_page(finding, title.as_deref(), context.jwks_uri()),
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
    .retryable(is_transient(answer.status))
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
