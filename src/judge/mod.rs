//! Judging: evidence in, report out. Pure: no network, no files, no clock.
//!
//! [`CHECKS`] is the registry. A check reads the [`Context`] and gives an [`Outcome`]; what can
//! only be said with all outcomes at hand (the echo of an earlier failure, a login that works,
//! the root cause) is in [`verdict`].

pub mod advice;
pub mod checks;
pub mod compare;
mod finding;
pub mod network;
pub mod policy;
mod triage;
pub mod verdict;

pub(crate) use self::triage::passed;
pub use self::triage::triage;

pub use self::policy::lint::lint;
use crate::catalogue::{Category, Severity};
use crate::evidence::{Evidence, KeySource};
use crate::judge::advice::found_backend;
use crate::judge::checks::{
    backend, exchange, input, issuer, keys, login, registration, token, whoami,
};
use crate::policy::evaluate::Evaluation;
use crate::pulumi::backend_url::Resolved;
use crate::pulumi::request::Request;
use crate::report::{CheckResult, Finding, Remediation, Report, Status, Verdict};
use crate::text;

/// A registered check.
pub struct Check {
    /// Its id, part of the contract.
    pub id: &'static str,
    /// Its category.
    pub category: Category,
    /// Looks at the evidence.
    run: fn(&Context) -> Outcome,
    /// How long the evidence for it took to gather, in milliseconds.
    elapsed: fn(&Evidence) -> u64,
}

/// What needs no network takes no time worth telling.
fn at_once(_: &Evidence) -> u64 {
    0
}

/// Every check, in the order in which they run and are reported. A check may rest on those before
/// it.
pub const CHECKS: &[Check] = &[
    Check { id: "input", category: Category::Input, run: input::check, elapsed: at_once },
    Check { id: "login", category: Category::Login, run: login::check, elapsed: at_once },
    Check { id: "cli", category: Category::Login, run: login::check_cli, elapsed: at_once },
    Check { id: "backend", category: Category::Backend, run: backend::check_url, elapsed: at_once },
    Check {
        id: "cloud",
        category: Category::Backend,
        run: backend::check_cloud,
        elapsed: |e| e.cloud.capabilities.elapsed_ms(),
    },
    Check { id: "token", category: Category::Token, run: token::check, elapsed: at_once },
    Check {
        id: "registration",
        category: Category::Issuer,
        run: registration::check,
        elapsed: at_once,
    },
    Check {
        id: "issuer",
        category: Category::Issuer,
        run: issuer::check,
        elapsed: |e| e.issuer.discovery.elapsed_ms(),
    },
    Check {
        id: "keys",
        category: Category::Issuer,
        run: keys::check,
        elapsed: |e| e.issuer.jwks.elapsed_ms(),
    },
    Check {
        id: "signature",
        category: Category::Issuer,
        run: keys::check_signature,
        elapsed: at_once,
    },
    Check {
        id: "thumbprints",
        category: Category::Issuer,
        run: issuer::check_thumbprints,
        elapsed: at_once,
    },
    Check {
        id: "policy",
        category: Category::Policy,
        run: checks::policy::check,
        elapsed: at_once,
    },
    Check {
        id: "exchange",
        category: Category::Exchange,
        run: exchange::check,
        elapsed: |e| e.cloud.exchange.elapsed_ms(),
    },
    Check {
        id: "whoami",
        category: Category::Whoami,
        run: whoami::check,
        elapsed: |e| e.cloud.whoami.elapsed_ms(),
    },
];

/// Said wherever the behaviour of the service's JWT library decides.
const ASSUMES_GO: &str = "Which library Pulumi Cloud verifies tokens with is not documented: this \
    assumes Go's (go-oidc, go-jose, golang-jwt), as in the CLI.";

/// How a check ended.
pub struct Outcome {
    /// One line: what was seen.
    summary: String,
    /// The check or option that kept it from running.
    skipped: Option<String>,
    /// What it found.
    findings: Vec<Finding>,
    /// It failed, and its finding has become evidence of an earlier one.
    failed: bool,
}

impl Outcome {
    /// It ran and found nothing.
    fn pass(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), skipped: None, findings: Vec::new(), failed: false }
    }

    /// It ran; the worst of the findings is its status.
    fn found(summary: impl Into<String>, findings: Vec<Finding>) -> Self {
        Self { summary: summary.into(), skipped: None, findings, failed: false }
    }

    /// It could not run because of a check or an option.
    fn skip(because: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            skipped: Some(because.into()),
            findings: Vec::new(),
            failed: false,
        }
    }

    fn with(mut self, findings: Vec<Finding>) -> Self {
        self.findings = findings;
        self
    }

    fn status(&self) -> Status {
        if self.skipped.is_some() {
            return Status::Skip;
        }
        if self.failed {
            return Status::Fail;
        }
        match self.findings.iter().map(|f| f.severity).max() {
            Some(Severity::Error) => Status::Fail,
            Some(Severity::Warning) => Status::Warn,
            Some(Severity::Info) | None => Status::Pass,
        }
    }
}

/// What a check may look at: the evidence, what follows from it without judging, and the checks
/// before it.
pub struct Context<'a> {
    /// The evidence.
    evidence: &'a Evidence,
    /// What the login asks for.
    request: Request,
    /// The backend URL that the CLI uses.
    backend: Resolved,
    /// What the policy decides, where there is one for this token; [`judge`] works it out.
    evaluation: Option<Evaluation>,
    /// The checks so far.
    done: Vec<(&'static str, Outcome)>,
}

impl<'a> Context<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        Self {
            evidence,
            request: evidence.request(),
            backend: evidence.resolved_backend(),
            evaluation: None,
            done: Vec::new(),
        }
    }

    fn run(&mut self, checks: impl Iterator<Item = &'static Check>) {
        for check in checks {
            let mut outcome = (check.run)(self);
            for finding in &mut outcome.findings {
                finding.check = check.id;
                self.warn_of_found_backend(finding);
                // Such a step speaks of the commands, which come after all steps.
                finding.remediation.steps.sort_by_key(|step| step.ends_with(':'));
                drop_partial_commands(&mut finding.remediation);
            }
            self.done.push((check.id, outcome));
        }
    }

    /// The first cause if `check` could not run or failed to give what others need: its own id,
    /// or what stopped it in turn.
    fn cause(&self, check: &'static str) -> String {
        self.done
            .iter()
            .find(|(id, _)| *id == check)
            .and_then(|(_, outcome)| outcome.skipped.clone())
            .unwrap_or_else(|| check.to_owned())
    }

    /// Whether an earlier check found an error.
    fn failed(&self, check: &str) -> bool {
        self.done.iter().any(|(id, outcome)| *id == check && outcome.status() == Status::Fail)
    }

    /// All findings so far.
    fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.done.iter().flat_map(|(_, outcome)| &outcome.findings)
    }

    /// Whether this environment is the one that fails.
    fn in_pipeline(&self) -> bool {
        self.evidence.options.setting.is_pipeline()
    }
}

/// A command with a URL that is not shown whole would do something else than is meant, and a step
/// that ends with a colon leads over to a command.
fn drop_partial_commands(remediation: &mut Remediation) {
    let Remediation { steps, commands, .. } = remediation;
    let before = commands.len();
    commands.retain(|command| !text::lacks_url_parts(command));
    if before > 0 && commands.is_empty() {
        steps.retain(|step| !step.ends_with(':'));
    }
}

/// Judges.
#[must_use]
pub fn judge(evidence: &Evidence, strict: bool) -> Report {
    run(evidence, strict, CHECKS.iter().collect())
}

/// Judges what a policy document says of a token, and nothing else: not its times, and its
/// signature only with the keys of `--jwks`.
#[must_use]
pub fn judge_policy(evidence: &Evidence, strict: bool) -> Report {
    let why_none: &[&str] = if evidence.token.is_none() { &["input", "token"] } else { &[] };
    let keys = given_keys(evidence);
    let report = only(evidence, strict, &[why_none, &["registration", "policy"], keys].concat());
    match report.verdict {
        // Claims without a signature that verifies are anybody's.
        Verdict::Healthy if !keys.is_empty() && !evidence.issuer.is_verified() => {
            Report { verdict: Verdict::Inconclusive, ..report }
        }
        _ => report,
    }
}

/// Judges what a token says of itself: how it came here, its form, its times, and its signature
/// with the keys of `--jwks`.
#[must_use]
pub fn judge_token(evidence: &Evidence, strict: bool) -> Report {
    only(evidence, strict, &[&["input", "token"], given_keys(evidence)].concat())
}

fn given_keys(evidence: &Evidence) -> &'static [&'static str] {
    match evidence.issuer.key_source {
        KeySource::File { .. } => &["keys", "signature"],
        _ => &[],
    }
}

fn only(evidence: &Evidence, strict: bool, wanted: &[&str]) -> Report {
    run(evidence, strict, CHECKS.iter().filter(|check| wanted.contains(&check.id)).collect())
}

fn run(evidence: &Evidence, strict: bool, registry: Vec<&'static Check>) -> Report {
    let mut context = Context::new(evidence);
    // Costly for a large policy, and what is asked before the network does not need it.
    context.evaluation = checks::policy::evaluation(&context);
    context.run(registry.iter().copied());
    verdict::settle(&mut context);
    let checks = registry
        .iter()
        .zip(&context.done)
        .map(|(check, (_, outcome))| CheckResult {
            id: check.id,
            category: check.category,
            status: outcome.status(),
            summary: outcome.summary.clone(),
            duration_ms: (check.elapsed)(evidence),
            skipped_because: outcome.skipped.clone(),
        })
        .collect();
    verdict::report(&context, checks, strict)
}

/// Why the exchange must not be made, from what is known before the network is asked: the id of
/// a check, or an option. `None`: it is to be made.
#[must_use]
pub fn exchange_obstacle(evidence: &Evidence) -> Option<String> {
    let options = &evidence.options;
    for (set, name) in [
        (options.offline, "--offline"),
        (options.now_given, "--now"),
        (options.no_exchange, "--no-exchange"),
    ] {
        if set {
            return Some(name.to_owned());
        }
    }
    let local = ["input", "login", "cli", "backend"];
    let mut context = Context::new(evidence);
    context.run(CHECKS.iter().filter(|check| local.contains(&check.id)));
    if let Some(check) = local.into_iter().find(|check| context.failed(check)) {
        return Some(context.cause(check));
    }
    if evidence.sends_no_credentials() {
        return Some(found_backend::NAMES_IT.to_owned());
    }
    token::unusable(&context).then(|| "token".to_owned())
}

/// Whether the backend's URL can be spoken to, from what is known before the network is asked.
#[must_use]
pub fn backend_usable(evidence: &Evidence) -> bool {
    let mut context = Context::new(evidence);
    context.run(CHECKS.iter().filter(|check| check.id == "backend"));
    let url = &context.backend.url;
    (url.starts_with("http://") || url.starts_with("https://")) && !context.failed("backend")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use serde_json::{Value, json};

    use super::*;
    use crate::catalogue::Code;
    use crate::evidence::{
        AccessTokenSource, Answer, BackendCandidate, BackendSource, Body, Exchange, Failure,
        FailureKind, PolicySource, Probe,
    };

    /// What a healthy login leaves behind, given in the same form as in a support bundle.
    fn evidence(claims: Value) -> Evidence {
        let nothing = json!({ "outcome": "notRun" });
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
                "addresses": [], "discovery": nothing, "jwks": nothing,
                "keySource": { "kind": "none" }, "keys": null,
                "signature": { "kind": "notChecked" }, "chain": null,
            },
            "cloud": {
                "capabilities": nothing, "chain": null, "exchange": nothing,
                "exchangeSkipped": null, "accessToken": { "kind": "none" }, "whoami": nothing,
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
    fn what_the_exchange_disproves_is_not_the_cause_of_what_whoami_finds() {
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
    fn without_an_issuer_it_is_the_token_that_stops_the_policy() {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove("iss");
        let report = judge(&evidence(claims), false);
        let policy = report.checks.iter().find(|check| check.id == "policy").unwrap();
        assert_eq!(policy.skipped_because.as_deref(), Some("token"));
    }

    #[test]
    fn the_command_for_an_unreachable_backend_is_safe_to_paste() {
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
        assert_eq!(finding.remediation.commands, ["curl -v 'http://a;id;b:81/api/capabilities'"]);
    }

    #[test]
    fn ids_are_unique() {
        let ids: std::collections::BTreeSet<_> = CHECKS.iter().map(|c| c.id).collect();
        assert_eq!(ids.len(), CHECKS.len());
    }
}
