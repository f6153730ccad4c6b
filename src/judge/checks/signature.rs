//! Check `signature`: does a key of the key set verify the token's signature?

use super::keys::{key_count, key_source_name};
use crate::catalogue::Code;
use crate::evidence::{CheckId, KeyOutline, KeySet, KeySource, Signature};
use crate::judge::context::Context;
use crate::judge::finding::ASSUMES_GO;
use crate::judge::outcome::CheckOutcome;
use crate::platform::public_issuer;
use crate::report::{Change, Finding, RemedyOption, Target};

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let Some(token) = &context.evidence.token else {
        return CheckOutcome::skip(context.blocked_by(CheckId::Token), "there is no decoded token");
    };
    if token.truncated.is_some() {
        return CheckOutcome::skip(CheckId::Input, "the signature is cut off");
    }
    let kid = token.key_id();
    let issuer = &context.evidence.issuer;
    let name = |key: &Option<String>| key.as_deref().map_or_else(String::new, |k| format!(" {k}"));
    match &issuer.signature {
        Signature::NotChecked => {
            CheckOutcome::skip(context.blocked_by(CheckId::Keys), "there are no keys")
        }
        Signature::Verified { key, unusual } => {
            let findings = not_recommended(context, key.as_deref(), unusual);
            CheckOutcome::found(
                format!("signature verified with key{}", name(key)),
                findings.into_iter().collect(),
            )
        }
        Signature::NotVerifiable { reason } => {
            CheckOutcome::skip(CheckId::Keys, format!("not checked: {reason}"))
        }
        // The token check reports a wrong algorithm or length.
        Signature::UnsupportedAlgorithm | Signature::WrongLength { .. } => {
            CheckOutcome::skip(CheckId::Token, "cannot be checked")
        }
        Signature::KeyNotFound => CheckOutcome::found("no such key", vec![not_found(context, kid)]),
        Signature::KeyUnusable { reason, assumes_go } => CheckOutcome::found(
            "the key cannot be used",
            vec![unusable(context, reason, *assumes_go)],
        ),
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
            .proof("keys from", key_source_name(&issuer.key_source), "key set");
            CheckOutcome::found("does not verify", vec![finding])
        }
    }
}

/// A key that verifies the signature but that other verifiers may refuse.
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
        finding = finding.proof(
            "key",
            format!("{shown}: {problem}"),
            key_source_name(&issuer.key_source),
        );
    }
    Some(finding)
}

/// The token's key is in the set but unusable.
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
        format!("The token is signed with key {shown}; the key set has {}.", key_count(keys.len())),
    )
    .proof("token kid", shown, "token header kid")
    .proof(
        "keys in the set",
        keys.iter().map(describe_key).collect::<Vec<_>>().join(", "),
        key_source_name(&issuer.key_source),
    );
    match issuer.key_source {
        KeySource::Registration => replace_registered(context, finding),
        _ => finding,
    }
}

/// The registered keys are not the issuer's. Offers to remove them, so that Pulumi Cloud fetches
/// the issuer's keys if it can reach the issuer.
fn replace_registered(context: &Context, finding: Finding) -> Finding {
    let finding = finding.fix(
        "The registered keys (jwks) are out of date: register the issuer's current ones, or remove \
         them so that Pulumi Cloud fetches the keys itself.",
    );
    let Some(registration) = context.evidence.registration() else { return finding };
    let Some(identifier) = registration.identifier() else { return finding };
    // The change omits the old keys: a bundle does not contain them, since they may have private
    // parts.
    let change = Change::new(Target::Registration, "/jwks").for_issuer(Some(identifier));
    finding.option(match public_issuer(identifier) {
        Some(_) => RemedyOption::only(change),
        None => RemedyOption::when("Pulumi Cloud can reach the issuer", change),
    })
}

fn describe_key(key: &KeyOutline) -> String {
    let id = key.id.as_deref().unwrap_or("(no kid)");
    match &key.algorithm {
        Some(algorithm) => format!("{id} ({algorithm})"),
        None => format!("{id} ({})", key.key_type),
    }
}
