//! Check `token`: its claims, its times and its algorithm, without any key.

use serde_json::Value;

use super::finding::{instant, span};
use super::{Context, Outcome};
use crate::catalogue::{Code, Severity};
use crate::evidence::{
    BackendSource, Evidence, Exchange, PolicySource, Probe, Signature, Source, Token,
};
use crate::report::Finding;
use crate::text;

/// Leeway for `nbf` and `iat`, and the offset from which a clock counts as wrong, in seconds.
/// There is none for `exp`.
const LEEWAY: i64 = 60;

/// Algorithms that verify with a public key here (RFC 7518 section 3.1, RFC 8037, RFC 9864).
pub(crate) const ASYMMETRIC: &[&str] = &[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    "Ed25519",
];

pub(super) fn check(context: &Context) -> Outcome {
    let Some(token) = &context.evidence.token else {
        return Outcome::skip(context.cause("input"), "there is no decoded token");
    };
    let mut findings: Vec<Finding> = missing_claims(token).into_iter().collect();
    findings.extend(duplicates(token));
    findings.extend(times(context, token));
    findings.extend(algorithm(context, token));
    findings.extend(signature_length(context, token));
    Outcome::found(summary(token), findings)
}

fn summary(token: &Token) -> String {
    let algorithm = token.algorithm().unwrap_or("no algorithm");
    match token.text("sub") {
        Some(subject) => format!("{algorithm}, subject {subject}"),
        None => algorithm.to_owned(),
    }
}

/// Whether the exchange cannot be made with it: there is none, or it has expired.
pub(super) fn unusable(context: &Context) -> bool {
    context.evidence.token.as_ref().is_none_or(|token| expired(token, context.now()))
}

fn expired(token: &Token, now: i64) -> bool {
    token.seconds("exp").is_some_and(|exp| now >= exp)
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

fn missing_claims(token: &Token) -> Option<Finding> {
    let bad: Vec<(&str, String)> = REQUIRED
        .iter()
        .filter_map(|(claim, wanted, fits)| match token.claims.get(*claim) {
            None => Some((*claim, format!("missing (it has to be {wanted})"))),
            Some(value) if fits(value) => None,
            Some(value) => Some((*claim, format!("{}, not {wanted}", kind(value)))),
        })
        .collect();
    if bad.is_empty() {
        return None;
    }
    let named: Vec<String> = bad.iter().map(|(claim, _)| (*claim).to_owned()).collect();
    let mut finding = Finding::new(
        Code::TokenClaimMissing,
        format!("Missing or of the wrong type: {}.", super::finding::list(&named)),
    );
    for (claim, problem) in bad {
        finding = finding.proof(claim, problem, format!("token claim {claim}"));
    }
    let present: Vec<&str> = token.claims.keys().map(String::as_str).take(20).collect();
    Some(finding.proof("claims in the token", present.join(", "), "token claims"))
}

fn kind(value: &Value) -> &'static str {
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
    let names = super::finding::list(&token.duplicates);
    Some(
        Finding::new(
            Code::TokenDuplicateClaim,
            format!("Occurring twice: {names}. The doctor used the last one."),
        )
        .proof("claims", names, "token"),
    )
}

// ----------------------------------------------------------------------------------- times

fn times(context: &Context, token: &Token) -> Vec<Finding> {
    let problem = |now: i64, clock: &str| {
        expiry(context, token, now, clock).or_else(|| not_yet_valid(token, now, clock))
    };
    let here = problem(context.now(), context.clock_name());
    let Some(offset) = clock_offset(context) else { return here.into_iter().collect() };
    // Issuer and Pulumi Cloud go by their own clocks: what only this machine's makes of the token
    // is evidence of a wrong clock, and what it does not see is there all the same.
    let there = problem(context.now().saturating_add(offset), "the servers' clocks");
    let fails = |found: &Finding| found.severity == Severity::Error;
    let explained = here.filter(|found| fails(found) && !there.as_ref().is_some_and(fails));
    std::iter::once(clock_skew(offset, explained.as_ref())).chain(there).collect()
}

fn expiry(context: &Context, token: &Token, now: i64, clock: &str) -> Option<Finding> {
    let exp = token.seconds("exp")?;
    let left = exp.saturating_sub(now);
    if left >= LEEWAY {
        return None;
    }
    let lifetime = token.seconds("iat").map(|iat| exp.saturating_sub(iat)).filter(|l| *l > 0);
    let (code, what, lives) = if left > 0 {
        (Code::TokenExpiresSoon, format!("It expires in {}.", span(left)), "lives")
    } else {
        (Code::TokenExpired, format!("It expired {} ago.", span(left)), "lived")
    };
    let life = lifetime.map_or_else(String::new, |l| format!(" It {lives} {}.", span(l)));
    let mut finding = Finding::new(code, format!("{what}{life}"))
        .proof("exp", instant(exp), "token claim exp")
        .proof("judged at", instant(now), clock);
    if let Some(iat) = token.seconds("iat") {
        finding = finding.proof("iat", instant(iat), "token claim iat");
    }
    if context.evidence.token_is_ambient() {
        if let Some(lifetime) = lifetime
            && left <= 0
        {
            let (ran, lifetime) = (span(lifetime.saturating_sub(left)), span(lifetime));
            finding = if context.evidence.options.setting.platform() == Some("GitLab CI") {
                finding
                    .fix("Log in sooner after the job has started, or give the job more time.")
                    .step(format!(
                        "GitLab issues the token when the job starts, here {ran} before this \
                         check, for as long as the job's timeout, here {lifetime}: put what takes \
                         long into a job of its own, or raise timeout: in this one."
                    ))
            } else {
                finding.step(format!(
                    "The job requested the token {ran} before this check, and it lives \
                     {lifetime}: request it in the step that logs in, after builds and approvals."
                ))
            };
        }
    } else if left <= 0 {
        finding = finding.fix(
            "A token that is looked at afterwards usually has expired; this matters only if it \
             had already when the login used it.",
        );
        if let Some(iat) = token.seconds("iat") {
            finding = finding
                .step("To judge the rest as of the time when the token was valid:")
                .command(as_of(&instant(iat), context.evidence));
        }
    }
    Some(finding)
}

/// This run again, as far as the evidence tells of it, at another time.
fn as_of(instant: &str, evidence: &Evidence) -> String {
    let Evidence { options, login, .. } = evidence;
    let policy = match &evidence.policy {
        PolicySource::File { path, .. } => Some(path),
        _ => None,
    };
    let mut candidates = evidence.backend.candidates.iter();
    let cloud_url = candidates.find(|candidate| matches!(candidate.source, BackendSource::Flag));
    let switches =
        [("--offline", options.offline), ("--allow-private-issuer", options.allow_private_issuer)];
    let values = [
        ("--oidc-org", &login.organization),
        ("--oidc-team", &login.team),
        ("--oidc-user", &login.user),
        ("--scope", &login.scope),
        ("--cloud-url", &cloud_url.map(|candidate| candidate.url.clone())),
        ("--policy", &policy.cloned()),
    ];
    let mut line = format!("doctor --now {instant}");
    for (name, _) in switches.iter().filter(|(_, given)| *given) {
        line.extend([" ", name]);
    }
    for (name, value) in values {
        if let Some(value) = value {
            line.extend([" ", name, " ", &text::shell(value)]);
        }
    }
    let source = match &evidence.input.source {
        Source::File { path, .. } => text::shell(&format!("file://{path}")),
        _ => "-".to_owned(),
    };
    line.extend([" ", &source]);
    line
}

fn not_yet_valid(token: &Token, now: i64, clock: &str) -> Option<Finding> {
    let (claim, from) = ["nbf", "iat"]
        .into_iter()
        .filter_map(|claim| Some((claim, token.seconds(claim)?)))
        .find(|(_, from)| *from > now.saturating_add(LEEWAY))?;
    Some(
        Finding::new(
            Code::TokenNotYetValid,
            format!("{claim} lies {} in the future.", span(from.saturating_sub(now))),
        )
        .proof(claim, instant(from), format!("token claim {claim}"))
        .proof("judged at", instant(now), clock),
    )
}

/// How far this machine's clock is behind the servers', in seconds, if it is off by a minute or
/// more. One server that agrees with it is enough to trust it: caches send old dates.
fn clock_offset(context: &Context) -> Option<i64> {
    if context.evidence.options.now_given {
        return None;
    }
    let evidence = context.evidence;
    let answers = [
        evidence.issuer.discovery.answer(),
        evidence.issuer.jwks.answer(),
        evidence.cloud.capabilities.answer(),
        evidence.cloud.whoami.answer(),
    ];
    let exchange = match &evidence.cloud.exchange {
        Probe::Answered { answer, .. } => match answer {
            Exchange::Minted { clock_offset_seconds, .. } => *clock_offset_seconds,
            Exchange::Malformed { answer, .. } | Exchange::Refused { answer } => {
                answer.clock_offset_seconds
            }
        },
        _ => None,
    };
    answers
        .into_iter()
        .flatten()
        .filter_map(|answer| answer.clock_offset_seconds)
        .chain(exchange)
        .min_by_key(|offset| offset.unsigned_abs())
        .filter(|offset| offset.unsigned_abs() >= LEEWAY.unsigned_abs())
}

fn clock_skew(offset: i64, explains: Option<&Finding>) -> Finding {
    let direction = if offset > 0 { "behind" } else { "ahead" };
    let mut detail = format!("It is {} {direction} of the servers that were asked.", span(offset));
    if explains.is_some() {
        detail.push_str(" By their time the token is valid.");
    }
    let mut finding = Finding::new(Code::ClockSkew, detail)
        .severity(if explains.is_some() { Severity::Error } else { Severity::Warning })
        .proof("offset", format!("{offset} s"), "Date header of the answers")
        .command("timedatectl set-ntp true       # Linux")
        .command("w32tm /resync                  # Windows");
    if let Some(problem) = explains {
        finding = finding.proof("by this machine's clock", &problem.detail, "token");
    }
    finding
}

// ------------------------------------------------------------------------------- algorithm

fn algorithm(context: &Context, token: &Token) -> Option<Finding> {
    let algorithm = token.algorithm().unwrap_or("(absent)");
    let offered: Option<Vec<&str>> = context
        .discovery()
        .and_then(|d| d.get("id_token_signing_alg_values_supported"))
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect());
    let detail = if token.algorithm().is_none() {
        "The token's header names no algorithm.".to_owned()
    } else if algorithm.eq_ignore_ascii_case("none") {
        "The token is not signed.".to_owned()
    } else if algorithm.starts_with("HS") {
        format!("{algorithm} signs with a secret that issuer and verifier share.")
    } else if !ASYMMETRIC.contains(&algorithm) {
        format!("{algorithm} is no algorithm that is used for tokens of this kind.")
    } else if let Some(offered) = &offered
        && !offered.is_empty()
        && !offered.contains(&algorithm)
    {
        format!("The issuer's discovery document does not offer {algorithm}.")
    } else {
        return None;
    };
    let mut finding = Finding::new(Code::AlgorithmUnsupported, detail).proof(
        "alg",
        algorithm,
        "token header alg",
    );
    if let Some(offered) = offered {
        finding = finding.proof(
            "offered",
            offered.join(", "),
            "discovery document id_token_signing_alg_values_supported",
        );
    }
    Some(finding)
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
    Some(super::input::truncated(&how, &context.evidence.input.source.label()))
}

impl Context<'_> {
    /// The instant that time claims are judged by, in seconds since the epoch.
    pub(super) fn now(&self) -> i64 {
        self.evidence.now.as_second()
    }

    fn clock_name(&self) -> &'static str {
        if self.evidence.options.now_given { "--now" } else { "this machine's clock" }
    }

    /// The discovery document, if one was had.
    pub(super) fn discovery(&self) -> Option<&serde_json::Map<String, Value>> {
        match &self.evidence.issuer.discovery.answer()?.body {
            crate::evidence::Body::Json(Value::Object(document)) => Some(document),
            _ => None,
        }
    }
}
