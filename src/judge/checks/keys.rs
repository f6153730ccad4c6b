//! Check `keys`: is the issuer's key set (JWKS) available and valid?

use super::issuer::address_refused;
use crate::catalogue::Code;
use crate::evidence::{Answer, Body, CheckId, FailureKind, KeySet, KeySource, Probe, SkipReason};
use crate::judge::answer::{add_web_page, is_transient};
use crate::judge::context::Context;
use crate::judge::finding::retry_suffix;
use crate::judge::network::certificate::add_chain;
use crate::judge::network::failure::network_failure;
use crate::judge::network::proxy;
use crate::judge::network::public_issuer::{Observation, downgrade_if_public};
use crate::judge::outcome::CheckOutcome;
use crate::report::Finding;

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let issuer = &context.evidence.issuer;
    let Some(token) = &context.evidence.token else {
        return CheckOutcome::skip(context.blocked_by(CheckId::Token), "there is no decoded token");
    };
    let iss = token.text("iss").unwrap_or_default();
    if let Some(keys) = &issuer.keys {
        return match keys {
            KeySet::Keys { keys } => {
                let fetched = issuer.jwks.answer().map_or(0, |answer| answer.attempts);
                let (count, source) = (key_count(keys.len()), key_source_name(&issuer.key_source));
                CheckOutcome::pass(format!("{count} from {source}{}", retry_suffix(fetched)))
            }
            KeySet::Invalid { reason } => {
                let finding = match issuer.key_source {
                    KeySource::Issuer => {
                        downgrade_if_public(invalid(context, reason), iss, Observation::Answer)
                    }
                    _ => invalid(context, reason),
                };
                CheckOutcome::found("not a key set", vec![finding])
            }
        };
    }
    match &issuer.jwks {
        Probe::NotRun if context.evidence.options.offline => {
            CheckOutcome::skip(SkipReason::Offline, "not fetched")
        }
        Probe::NotRun => CheckOutcome::skip(context.blocked_by(CheckId::Issuer), "not fetched"),
        Probe::Failed { failure, .. } => {
            let chain = issuer.chain.as_ref();
            let finding = match failure.kind {
                FailureKind::AddressRefused => address_refused(
                    context,
                    failure,
                    "The discovery document's jwks_uri leads to a private or local address, or to a \
                     metadata service. The keys were not fetched.",
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
                    add_chain(network_failure(Code::JwksUnreachable, failure), chain)
                }
                _ => proxy::downgrade_if_proxy_failed(
                    network_failure(Code::JwksUnreachable, failure),
                    failure,
                ),
            };
            let finding = match finding.code {
                Code::JwksUnreachable => downgrade_if_public(finding, iss, Observation::Failure),
                _ => finding,
            };
            CheckOutcome::found("not fetched", vec![finding])
        }
        Probe::Answered { answer, .. } => {
            let finding = downgrade_if_public(not_served(answer), iss, Observation::Answer);
            CheckOutcome::found("not served", vec![finding])
        }
    }
}

pub(crate) fn key_count(keys: usize) -> String {
    if keys == 1 { "1 key".to_owned() } else { format!("{keys} keys") }
}

pub(crate) fn key_source_name(source: &KeySource) -> String {
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
        other => key_source_name(other),
    };
    let finding = Finding::new(Code::JwksInvalid, format!("This is not a key set: {reason}."))
        .proof("problem", reason, place);
    match context.evidence.issuer.key_source {
        KeySource::Issuer => match context.evidence.issuer.jwks.answer().map(|answer| &answer.body)
        {
            Some(Body::Html(title)) => add_web_page(finding, title.as_deref(), context.jwks_uri()),
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
    .attempts(answer.attempts);
    if let Body::Html(title) = &answer.body {
        finding = add_web_page(finding, title.as_deref(), &answer.url);
    }
    if let Some(location) = &answer.location {
        finding = finding.proof("redirects to", location, &answer.url);
    }
    finding
}
