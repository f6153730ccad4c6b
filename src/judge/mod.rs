//! Judging: evidence in, report out. Pure: no network, no files, no clock.
//!
//! [`CHECKS`] is the registry. A check reads the [`Context`] and returns a [`CheckOutcome`]. After
//! all checks, [`verdict`] removes findings that repeat an earlier one and determines the root
//! cause.

pub mod advice;
mod answer;
pub mod checks;
mod cli_outcome;
pub mod compare;
mod context;
mod finding;
mod meanings;
pub mod network;
mod outcome;
pub mod policy;
mod triage;
pub mod verdict;

pub use self::policy::cases::cases;
pub(crate) use self::policy::fix;
pub use self::policy::lint::lint;
pub use self::policy::unread_policy::unread_policy_advice;
pub use self::policy::who::who;
pub(crate) use self::triage::classify_refused_token;
pub use self::triage::triage;

use self::advice::job::has_http_scheme;
use self::advice::project_backend;
use self::checks::{
    backend, cli, cloud, exchange, input, issuer, keys, login, registration, signature,
    thumbprints, token, whoami,
};
use self::context::Context;
use self::outcome::CheckOutcome;
use crate::evidence::{CheckId, Evidence, KeySource, SkipReason};
use crate::report::{CheckResult, FoundBy, Report, Verdict};

/// A registered check.
pub struct Check {
    pub id: CheckId,
    run: fn(&Context) -> CheckOutcome,
    /// How long gathering its evidence took, in milliseconds.
    elapsed: fn(&Evidence) -> u64,
}

const fn offline_check(id: CheckId, run: fn(&Context) -> CheckOutcome) -> Check {
    Check { id, run, elapsed: |_| 0 }
}

const fn remote(
    id: CheckId,
    run: fn(&Context) -> CheckOutcome,
    elapsed: fn(&Evidence) -> u64,
) -> Check {
    Check { id, run, elapsed }
}

/// Every check, in the order of running and reporting. A check may use the outcomes before it.
pub const CHECKS: &[Check] = &[
    offline_check(CheckId::Input, input::check),
    offline_check(CheckId::Login, login::check),
    offline_check(CheckId::Cli, cli::check),
    offline_check(CheckId::Backend, backend::check),
    remote(CheckId::Cloud, cloud::check, |e| e.cloud.capabilities.elapsed_ms()),
    offline_check(CheckId::Token, token::check),
    offline_check(CheckId::Registration, registration::check),
    remote(CheckId::Issuer, issuer::check, |e| e.issuer.discovery.elapsed_ms()),
    remote(CheckId::Keys, keys::check, |e| e.issuer.jwks.elapsed_ms()),
    offline_check(CheckId::Signature, signature::check),
    offline_check(CheckId::Thumbprints, thumbprints::check),
    offline_check(CheckId::Policy, checks::policy::check),
    remote(CheckId::Exchange, exchange::check, |e| e.cloud.exchange.elapsed_ms()),
    remote(CheckId::Whoami, whoami::check, |e| e.cloud.whoami.elapsed_ms()),
];

/// The checks that run before the token exchange and can prevent it. They need no network.
const BEFORE_EXCHANGE: [CheckId; 4] =
    [CheckId::Input, CheckId::Login, CheckId::Cli, CheckId::Backend];

#[must_use]
pub fn judge(evidence: &Evidence, strict: bool) -> Report {
    report(evidence, strict, &CheckId::ALL)
}

/// Judges only how a policy document decides on a token. Ignores the token's times, and verifies
/// its signature only with the keys of `--jwks`.
#[must_use]
pub fn judge_policy(evidence: &Evidence, strict: bool) -> Report {
    // These explain why there is no token.
    let token_checks: &[CheckId] =
        if evidence.token.is_none() { &[CheckId::Input, CheckId::Token] } else { &[] };
    let key_checks = checks_of_given_keys(evidence);
    let selected = [token_checks, &[CheckId::Registration, CheckId::Policy], key_checks].concat();
    let report = report(evidence, strict, &selected);
    match report.verdict {
        // Anybody can write claims without a valid signature.
        Verdict::Healthy if !key_checks.is_empty() && !evidence.issuer.is_verified() => {
            Report { verdict: Verdict::Inconclusive, ..report }
        }
        _ => report,
    }
}

/// Judges a token alone: its source, form and times, and its signature if `--jwks` gives the keys.
#[must_use]
pub fn judge_token(evidence: &Evidence, strict: bool) -> Report {
    let selected = [&[CheckId::Input, CheckId::Token], checks_of_given_keys(evidence)].concat();
    report(evidence, strict, &selected)
}

/// The checks that the keys of `--jwks` make possible without a network.
fn checks_of_given_keys(evidence: &Evidence) -> &'static [CheckId] {
    match evidence.issuer.key_source {
        KeySource::File { .. } => &[CheckId::Keys, CheckId::Signature],
        _ => &[],
    }
}

fn report(evidence: &Evidence, strict: bool, selected: &[CheckId]) -> Report {
    let mut context = Context::new(evidence);
    // Not in `Context::new`: it is costly for a large policy, and the preflight does not need it.
    context.evaluation = checks::policy::evaluation(&context);
    run(&mut context, selected);
    verdict::reconcile(&mut context);
    let checks = context
        .outcomes
        .iter()
        .zip(registered(selected))
        .map(|((id, outcome), check)| CheckResult {
            id: *id,
            category: id.category(),
            status: outcome.status(),
            summary: outcome.summary.clone(),
            duration_ms: (check.elapsed)(evidence),
            skipped_because: outcome.skipped,
        })
        .collect();
    verdict::report(&context, checks, strict)
}

fn registered(selected: &[CheckId]) -> impl Iterator<Item = &'static Check> {
    CHECKS.iter().filter(|check| selected.contains(&check.id))
}

/// Runs the selected checks in the registry's order.
fn run(context: &mut Context, selected: &[CheckId]) {
    for check in registered(selected) {
        let mut outcome = (check.run)(context);
        for finding in &mut outcome.findings {
            finding.check = FoundBy::Check(check.id);
            project_backend::withhold_commands(context, &mut finding.remediation);
            finding.remediation.finish();
            finding.remediation.select_shell(context.evidence.options.shell);
        }
        context.outcomes.push((check.id, outcome));
    }
}

/// The reason not to make the token exchange, judged before any request. `None`: make it.
#[must_use]
pub fn exchange_obstacle(evidence: &Evidence) -> Option<SkipReason> {
    let options = &evidence.options;
    let switches = [
        (options.offline, SkipReason::Offline),
        (options.now_given, SkipReason::Now),
        (options.no_exchange, SkipReason::NoExchange),
    ];
    if let Some((_, switch)) = switches.into_iter().find(|(is_set, _)| *is_set) {
        return Some(switch);
    }
    let mut context = Context::new(evidence);
    run(&mut context, &BEFORE_EXCHANGE);
    if let Some(check) = BEFORE_EXCHANGE.into_iter().find(|check| context.failed(*check)) {
        return Some(context.blocked_by(check));
    }
    if evidence.sends_no_credentials() {
        return Some(SkipReason::CloudUrl);
    }
    token::unusable(&context).then_some(SkipReason::Check(CheckId::Token))
}

/// Whether requests to the backend's URL are possible, judged before any request.
#[must_use]
pub fn backend_usable(evidence: &Evidence) -> bool {
    let mut context = Context::new(evidence);
    run(&mut context, &[CheckId::Backend]);
    has_http_scheme(&context.backend.url) && !context.failed(CheckId::Backend)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use serde_json::{Value, json};

    use super::*;
    use crate::catalogue::{Code, Severity};
    use crate::evidence::{
        AccessTokenSource, Answer, BackendCandidate, BackendSource, Body, Exchange, Failure,
        FailureKind, PolicySource, Probe,
    };

    /// The evidence of a healthy login, deserialized as from a support bundle.
    fn evidence(claims: Value) -> Evidence {
        let not_run = json!({ "outcome": "notRun" });
        let mut evidence: Evidence = serde_json::from_value(json!({
            "startedAt": "2026-01-01T00:00:00Z", "now": "2026-01-01T00:00:00Z", "durationMs": 0,
            "options": {
                "setting": { "kind": "person" }, "offline": false, "noExchange": false,
                "nowGiven": false, "allowPrivateIssuer": false, "insecure": false,
            },
            "input": {
                "source": { "kind": "stdin" }, "problem": null, "wrapped": [],
                "typedOnTerminal": false, "tried": [], "unused": [],
            },
            "token": {
                "header": { "alg": "RS256" }, "claims": claims, "duplicates": [],
                "fingerprint": "", "signatureBytes": 256,
            },
            "login": {
                "organization": "acme", "team": null, "user": null, "expiration": null,
                "scope": null, "accessTokenInEnvironment": false, "cli": { "kind": "notFound" },
            },
            "backend": {
                "candidates": [], "local": false, "givenTwice": null,
                "project": { "kind": "notFound" }, "credentials": { "kind": "notFound" },
            },
            "policy": { "kind": "none" },
            "issuer": {
                "addresses": [], "discovery": not_run, "jwks": not_run,
                "keySource": { "kind": "none" }, "keys": null,
                "signature": { "kind": "notChecked" }, "chain": null,
            },
            "cloud": {
                "capabilities": not_run, "chain": null, "exchange": not_run,
                "exchangeSkipped": null, "accessToken": { "kind": "none" }, "whoami": not_run,
            },
        }))
        .unwrap();
        evidence.policy = PolicySource::File {
            path: "policy.json".into(),
            document: crate::policy::document::parse(
                r#"{"issuers": [{"url": "https://a.test", "policies": [{"decision": "allow",
                "tokenType": "organization", "rules": {"aud": "right", "sub": "s"}}]}]}"#,
            )
            .unwrap(),
        };
        evidence
    }

    fn claims() -> Value {
        json!({"iss": "https://a.test", "aud": "wrong", "sub": "s", "exp": 4_000_000_000_u32})
    }

    fn answered(status: u16) -> Probe<Answer> {
        let answer = Answer {
            url: "https://api.pulumi.com/api/user".into(),
            status,
            content_type: None,
            location: None,
            retry_after: None,
            request_id: None,
            route: Box::default(),
            clock_offset_seconds: None,
            attempts: 1,
            body: Body::Empty,
        };
        Probe::Answered { answer, elapsed_ms: 1 }
    }

    #[test]
    fn issued_token_clears_earlier_findings() {
        let mut evidence = evidence(claims());
        assert_eq!(judge(&evidence, false).root_cause, Some(Code::AudienceMismatch));
        evidence.cloud.exchange = Probe::Answered {
            answer: Exchange::Minted {
                issued_token_type: None,
                expires_in: None,
                scope: None,
                clock_offset_seconds: None,
            },
            elapsed_ms: 1,
        };
        evidence.cloud.access_token = AccessTokenSource::Exchange;
        evidence.cloud.whoami = answered(403);
        let report = judge(&evidence, false);
        assert_eq!(report.root_cause, Some(Code::WhoamiForbidden));
        let audience = report.findings.iter().find(|f| f.code == Code::AudienceMismatch).unwrap();
        assert_eq!(audience.severity, Severity::Warning);
    }

    #[test]
    fn token_without_issuer_stops_policy() {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove("iss");
        let report = judge(&evidence(claims), false);
        let policy = report.checks.iter().find(|check| check.id == CheckId::Policy).unwrap();
        assert_eq!(policy.skipped_because, Some(SkipReason::Check(CheckId::Token)));
    }

    #[test]
    fn unreachable_backend_command_is_safe() {
        let mut evidence = evidence(claims());
        let url = "http://a;id;b:81";
        evidence.backend.candidates = vec![BackendCandidate::new(url, BackendSource::Flag)];
        evidence.cloud.capabilities = Probe::Failed {
            failure: Failure {
                kind: FailureKind::Dns,
                host: "a;id;b".into(),
                port: 81,
                route: Box::default(),
                detail: String::new(),
                attempts: 1,
            },
            elapsed_ms: 1,
        };
        let report = judge(&evidence, false);
        let finding = report.findings.iter().find(|f| f.code == Code::BackendUnreachable).unwrap();
        let commands: Vec<_> = finding.remediation.commands.iter().map(|c| c.text()).collect();
        assert_eq!(commands, ["curl -v 'http://a;id;b:81/api/capabilities'"]);
    }

    #[test]
    fn checks_are_registered_once_in_order() {
        let ids: Vec<CheckId> = CHECKS.iter().map(|check| check.id).collect();
        assert_eq!(ids, CheckId::ALL);
    }
}
