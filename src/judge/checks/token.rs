//! Check `token`: its claims, and with [`times`] and [`header`] all else that can be said without
//! a key.

pub(crate) mod header;
pub(crate) mod times;

use serde_json::Value;

use crate::catalogue::{Code, Severity};
use crate::evidence::{CheckId, Signature, Token};
use crate::judge::advice::token_value::truncated;
use crate::judge::context::Context;
use crate::judge::finding::{ASSUMES_GO, list, span};
use crate::judge::outcome::Outcome;
use crate::report::Finding;

pub(crate) fn check(context: &Context) -> Outcome {
    let Some(token) = &context.evidence.token else {
        return Outcome::skip(context.cause(CheckId::Input), "there is no decoded token");
    };
    let mut findings: Vec<Finding> = claims(token).into_iter().collect();
    findings.extend(duplicates(token));
    findings.extend(times::check(context, token));
    findings.extend(header::check(context, token));
    findings.extend(signature_length(context, token));
    Outcome::found(summary(token, context.now()), findings)
}

fn summary(token: &Token, now: i64) -> String {
    let algorithm = token.algorithm().unwrap_or("no algorithm");
    match token.seconds("exp").map(|exp| exp.saturating_sub(now)) {
        Some(left @ 1..) => format!("{algorithm}, expires in {}", span(left)),
        Some(left) => format!("{algorithm}, expired {} ago", span(left)),
        None => format!("{algorithm}, without exp"),
    }
}

/// Whether it rules out the exchange: it is missing, it has expired, or the CLI would not
/// send it.
pub(crate) fn unusable(context: &Context) -> bool {
    context
        .evidence
        .token
        .as_ref()
        .is_none_or(|token| times::expired(token, context.now()) || header::cli_refuses(token))
}

// ---------------------------------------------------------------------------------- claims

/// A claim, its JSON type in words, and whether a value has it.
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

/// The times that a token may lack (RFC 7519 sections 4.1.5 and 4.1.6).
const OPTIONAL: [&str; 2] = ["nbf", "iat"];

/// A time that is not a number. Go's libraries agree on refusing it, but for a null or a number in a
/// string: there some of them read on.
struct OddTime<'a> {
    claim: &'static str,
    value: &'a Value,
    refused_by_all: bool,
}

fn odd_times(token: &Token) -> Vec<OddTime<'_>> {
    let odd = |claim: &'static str| {
        let value = token.claims.get(claim).filter(|value| !value.is_number())?;
        let refused_by_all = !value.is_null() && token.seconds(claim).is_none();
        Some(OddTime { claim, value, refused_by_all })
    };
    OPTIONAL.into_iter().filter_map(odd).collect()
}

fn claims(token: &Token) -> Option<Finding> {
    let mut bad: Vec<(&str, String)> = REQUIRED
        .iter()
        .filter_map(|(claim, wanted, fits)| match token.claims.get(*claim) {
            None => Some((*claim, format!("missing (it has to be {wanted})"))),
            Some(value) if fits(value) => None,
            Some(value) => Some((*claim, format!("{}, not {wanted}", kind(value)))),
        })
        .collect();
    let odd = odd_times(token);
    let certain = !bad.is_empty() || odd.iter().any(|time| time.refused_by_all);
    let exp_in_string =
        token.claims.get("exp").is_some_and(Value::is_string) && token.seconds("exp").is_some();
    let by_library = exp_in_string || odd.iter().any(|time| !time.refused_by_all);
    bad.extend(
        odd.iter()
            .map(|time| (time.claim, format!("{}, not a number of seconds", kind(time.value)))),
    );
    if bad.is_empty() {
        return None;
    }
    let named: Vec<String> = bad.iter().map(|(claim, _)| (*claim).to_owned()).collect();
    let mut detail = format!("Missing or of the wrong type: {}.", list(&named));
    if by_library {
        detail.push_str(
            " Go's libraries differ on a time that is null or a number in a string: some read on, \
             some refuse the token.",
        );
    }
    if by_library || !odd.is_empty() {
        detail.push(' ');
        detail.push_str(ASSUMES_GO);
    }
    let mut finding = Finding::new(Code::TokenClaimMissing, detail);
    if !certain {
        finding = finding.severity(Severity::Warning);
    }
    for (claim, problem) in bad {
        finding = finding.proof(claim, problem, format!("token claim {claim}"));
    }
    let present: Vec<&str> = token.claims.keys().map(String::as_str).take(20).collect();
    Some(finding.proof("claims in the token", present.join(", "), "token claims"))
}

/// The JSON type of a value, in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn duplicates(token: &Token) -> Option<Finding> {
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

/// The length that only the key tells (an RSA signature is as long as the modulus).
fn signature_length(context: &Context, token: &Token) -> Option<Finding> {
    let Signature::WrongLength { expected } = context.evidence.issuer.signature else {
        return None;
    };
    let how = format!(
        "its signature has {} bytes, the issuer's key makes {expected}",
        token.signature_bytes
    );
    Some(truncated(&how, &context.evidence.input.source.label()))
}
