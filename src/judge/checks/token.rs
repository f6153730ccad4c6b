//! Check `token`: its claims, its times ([`times`]) and its header ([`header`]). Needs no key.

pub(crate) mod header;
pub(crate) mod times;

use serde_json::Value;

use crate::catalogue::{Code, Severity};
use crate::evidence::{CheckId, Signature, Token};
use crate::judge::advice::token_value::token_truncated;
use crate::judge::context::Context;
use crate::judge::finding::{ASSUMES_GO, human_duration, list};
use crate::judge::outcome::CheckOutcome;
use crate::report::Finding;

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let Some(token) = &context.evidence.token else {
        return CheckOutcome::skip(context.blocked_by(CheckId::Input), "there is no decoded token");
    };
    let mut findings: Vec<Finding> = invalid_claims(token).into_iter().collect();
    findings.extend(duplicate_claims(token));
    findings.extend(times::check(context, token));
    findings.extend(header::check(context, token));
    findings.extend(signature_length(context, token));
    CheckOutcome::found(summary(token, context.now()), findings)
}

fn summary(token: &Token, now: i64) -> String {
    let algorithm = token.algorithm().unwrap_or("no algorithm");
    match token.seconds("exp").map(|exp| exp.saturating_sub(now)) {
        Some(left @ 1..) => format!("{algorithm}, expires in {}", human_duration(left)),
        Some(left) => format!("{algorithm}, expired {} ago", human_duration(left)),
        None => format!("{algorithm}, without exp"),
    }
}

/// Whether the exchange is pointless: the token is missing or expired, or the CLI would not send
/// it.
pub(crate) fn unusable(context: &Context) -> bool {
    context
        .evidence
        .token
        .as_ref()
        .is_none_or(|token| times::expired(token, context.now()) || header::cli_refuses(token))
}

// ---------------------------------------------------------------------------------- claims

/// A claim, the name of its JSON type, and the test for that type.
type Required = (&'static str, &'static str, fn(&Value) -> bool);

/// The claims that OpenID Connect Core section 2 requires.
const REQUIRED: &[Required] = &[
    ("iss", "a string", Value::is_string),
    ("aud", "a string or a list of strings", is_audience),
    ("sub", "a string", Value::is_string),
    ("exp", "a number of seconds", Value::is_number),
];

fn is_audience(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_string),
        _ => false,
    }
}

/// Optional time claims (RFC 7519 sections 4.1.5 and 4.1.6).
const OPTIONAL: [&str; 2] = ["nbf", "iat"];

/// A time claim that is not a number. All of Go's libraries refuse it, except that some accept null
/// or a number in a string.
struct InvalidTime<'a> {
    claim: &'static str,
    value: &'a Value,
    refused_by_all: bool,
}

fn invalid_times(token: &Token) -> Vec<InvalidTime<'_>> {
    let invalid = |claim: &'static str| {
        let value = token.claims.get(claim).filter(|value| !value.is_number())?;
        let refused_by_all = !value.is_null() && token.seconds(claim).is_none();
        Some(InvalidTime { claim, value, refused_by_all })
    };
    OPTIONAL.into_iter().filter_map(invalid).collect()
}

fn invalid_claims(token: &Token) -> Option<Finding> {
    let mut problems: Vec<(&str, String)> = REQUIRED
        .iter()
        .filter_map(|(claim, wanted, has_type)| match token.claims.get(*claim) {
            None => Some((*claim, format!("missing (it has to be {wanted})"))),
            Some(value) if has_type(value) => None,
            Some(value) => Some((*claim, format!("{}, not {wanted}", json_type(value)))),
        })
        .collect();
    let times = invalid_times(token);
    let is_certain = !problems.is_empty() || times.iter().any(|time| time.refused_by_all);
    let exp_in_string =
        token.claims.get("exp").is_some_and(Value::is_string) && token.seconds("exp").is_some();
    let depends_on_library = exp_in_string || times.iter().any(|time| !time.refused_by_all);
    problems.extend(
        times.iter().map(|time| {
            (time.claim, format!("{}, not a number of seconds", json_type(time.value)))
        }),
    );
    if problems.is_empty() {
        return None;
    }
    let named: Vec<String> = problems.iter().map(|(claim, _)| (*claim).to_owned()).collect();
    let mut detail = format!("Missing or of the wrong type: {}.", list(&named));
    if depends_on_library {
        detail.push_str(
            " Go's libraries differ on a time that is null or a number in a string: some read on, \
             some refuse the token.",
        );
    }
    if depends_on_library || !times.is_empty() {
        detail.push(' ');
        detail.push_str(ASSUMES_GO);
    }
    let mut finding = Finding::new(Code::TokenClaimMissing, detail);
    if !is_certain {
        finding = finding.severity(Severity::Warning);
    }
    for (claim, problem) in problems {
        finding = finding.proof(claim, problem, format!("token claim {claim}"));
    }
    let present: Vec<&str> = token.claims.keys().map(String::as_str).take(20).collect();
    Some(finding.proof("claims in the token", present.join(", "), "token claims"))
}

/// The JSON type of a value, with its article.
pub(crate) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn duplicate_claims(token: &Token) -> Option<Finding> {
    if token.duplicates.is_empty() {
        return None;
    }
    let names = list(&token.duplicates);
    Some(
        Finding::new(
            Code::TokenDuplicateClaim,
            format!("Occurring twice: {names}. The doctor used the last one."),
        )
        .proof("claims", names, "token"),
    )
}

/// A signature shorter or longer than the key makes it (an RSA signature is as long as the
/// modulus).
fn signature_length(context: &Context, token: &Token) -> Option<Finding> {
    let Signature::WrongLength { expected } = context.evidence.issuer.signature else {
        return None;
    };
    let how = format!(
        "its signature has {} bytes, the issuer's key makes {expected}",
        token.signature_bytes
    );
    Some(token_truncated(&how, &context.evidence.input.source.label()))
}
