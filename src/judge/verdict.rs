//! Root cause, verdict and de-duplication, after all checks ran.

use super::advice::refused_exchange;
use super::answer;
use super::checks::exchange::REFUSAL_CATEGORY;
use super::cli_outcome;
use super::context::Context;
use super::meanings;
use crate::catalogue::{Category, Code, Severity};
use crate::evidence::{CheckId, Exchange, PolicySource, Probe};
use crate::policy::Decision;
use crate::policy::evaluate::Evaluation;
use crate::report::{
    BackendSummary, CheckResult, CliSummary, Finding, PolicySummary, Proof, Report, RequestSummary,
    SCHEMA_VERSION, Status, TokenSummary, Verdict,
};

/// Adjusts the findings in the light of the token exchange.
pub(super) fn reconcile(context: &mut Context) {
    if !exchange_succeeded(context) {
        merge_rejection(context);
        refused_exchange::add_remedy(context);
    } else if context.outcome(CheckId::Whoami).is_some_and(|o| o.status() == Status::Pass) {
        let proof = "the login works: Pulumi Cloud issued an access token, and whoami accepts it";
        downgrade_errors(context, proof, |_| true);
    } else {
        // Pulumi Cloud has checked all of these (product contract, section 3, Proof).
        downgrade_errors(context, "Pulumi Cloud issued an access token", |category| {
            use Category::{Audience, Issuer, Policy, Token};
            matches!(category, Token | Issuer | Audience | Policy)
        });
    }
}

/// Whether the exchange issued an access token.
fn exchange_succeeded(context: &Context) -> bool {
    matches!(
        &context.evidence.cloud.exchange,
        Probe::Answered { answer: Exchange::Minted { .. }, .. }
    )
}

/// Turns errors into warnings, since the login works despite them. Either this machine sees less
/// than Pulumi Cloud, or the policy file is stale.
fn downgrade_errors(context: &mut Context, proof: &str, affects: impl Fn(Category) -> bool) {
    for finding in context.findings_mut() {
        if finding.severity == Severity::Error && affects(finding.category) {
            finding.severity = Severity::Warning;
            finding.evidence.push(Proof::new("but", proof, "token exchange"));
        }
    }
}

/// If an earlier error explains the rejected exchange, makes the rejection evidence of that error
/// instead of a second finding.
fn merge_rejection(context: &mut Context) {
    let explains = |finding: &Finding| {
        finding.severity == Severity::Error
            && matches!(
                finding.category,
                Category::Token | Category::Issuer | Category::Audience | Category::Policy
            )
            || finding.code == Code::BackendNotPulumi
            || finding.code == Code::TokenTruncated
    };
    let ambient = context.evidence.token_is_ambient();
    let Some((check, code)) = context
        .findings()
        .filter(|f| explains(f))
        .min_by_key(|f| rank(f.code, ambient))
        .map(|f| (f.check, f.code))
    else {
        return;
    };
    // A malformed success response is unrelated to the token and the policy.
    let is_explained = |found: Code| match found {
        Code::ExchangeRejected => true,
        Code::ExchangeMalformed | Code::ExchangeRedirected => code == Code::BackendNotPulumi,
        _ => false,
    };
    let mut rejection = None;
    for (id, outcome) in &mut context.outcomes {
        if *id == CheckId::Exchange {
            let position = outcome.findings.iter().position(|f| is_explained(f.code));
            if let Some(position) = position {
                rejection = Some(outcome.findings.remove(position));
                outcome.failed = true;
                // The contradiction is only raised together with the rejection.
                outcome.findings.retain(|f| f.code != Code::ExchangeContradictsPolicy);
            }
        }
    }
    let Some(rejection) = rejection else { return };
    let explanation = context.findings_mut().find(|f| f.check == check && f.code == code);
    if let Some(finding) = explanation {
        let evidence = rejection.evidence.into_iter();
        finding.evidence.extend(evidence.filter(|proof| proof.what != REFUSAL_CATEGORY));
    }
}

/// The rank of a code as root cause: the step of the login, then the order of the catalogue.
///
/// `ambient`: the token is the one that the login used. Otherwise it is examined afterwards and has
/// usually expired by then, so its expiry ranks last.
#[must_use]
pub fn rank(code: Code, ambient: bool) -> (u8, Code) {
    let step = match (code, code.category()) {
        (Code::TokenExpired, _) if !ambient => 9,
        (Code::IssuerUrlInvalid | Code::IssuerNotRegistered | Code::IssuerWrongOrganization, _) => {
            3
        }
        (_, Category::Input | Category::Login) => 0,
        (_, Category::Backend) => 1,
        (_, Category::Token) => 2,
        (_, Category::Issuer) => 4,
        (_, Category::Audience) => 5,
        (_, Category::Policy) => 6,
        (_, Category::Exchange) => 7,
        (_, Category::Whoami) => 8,
    };
    (step, code)
}

/// Assembles the report. `strict`: warnings count as errors for the verdict and the root cause, but
/// keep their severity.
pub(super) fn report(context: &Context, checks: Vec<CheckResult>, strict: bool) -> Report {
    let evidence = context.evidence;
    let ambient = context.evidence.token_is_ambient();
    let counts =
        |severity: Severity| severity == Severity::Error || strict && severity == Severity::Warning;
    let mut findings: Vec<Finding> = context.findings().cloned().collect();
    findings.sort_by_key(|f| {
        let weight = if counts(f.severity) { Severity::Error } else { f.severity };
        (std::cmp::Reverse(weight), rank(f.code, ambient))
    });
    let root_cause = findings.first().filter(|f| counts(f.severity)).map(|f| f.code);
    let cli = cli_outcome::predict(context, root_cause);
    if let (Some(cli), Some(first)) = (&cli, findings.first_mut()) {
        add_cli_error(cli, root_cause, first);
    }
    let verdict = match root_cause {
        Some(_) => Verdict::Unhealthy,
        None if is_undecided(context) => Verdict::Inconclusive,
        None => Verdict::Healthy,
    };
    Report {
        schema_version: SCHEMA_VERSION,
        doctor_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: evidence.started_at,
        duration_ms: evidence.duration_ms,
        verdict,
        root_cause,
        checks,
        findings,
        token: evidence.token.as_ref().map(|token| TokenSummary {
            source: evidence.input.source.label(),
            header: token.header.clone(),
            claims: token.claims.clone(),
            fingerprint: token.fingerprint.clone(),
            meanings: meanings::explain_claims(token, context.now()),
        }),
        request: request_summary(context, cli),
        policy: policy_summary(context),
        identity: evidence
            .cloud
            .whoami
            .answer()
            .filter(|answer| answer.is_success())
            .and_then(answer::parse_identity),
        recorded: None,
        replayed: None,
    }
}

/// Adds the error that pulumi prints, if that is not the root cause: the login's log shows it.
fn add_cli_error(cli: &CliSummary, root_cause: Option<Code>, first: &mut Finding) {
    let (Some(message), Some(_)) = (&cli.message, root_cause) else { return };
    if cli.code != root_cause {
        let line = message.lines().next().unwrap_or_default();
        first.evidence.push(Proof::new("pulumi says first", line, "pulumi login"));
    }
}

/// Whether neither the policy nor an exchange shows that Pulumi Cloud accepts the token.
fn is_undecided(context: &Context) -> bool {
    let exchanged = matches!(context.evidence.cloud.exchange, Probe::Answered { .. });
    let decision = context.evaluation.as_ref().and_then(Evaluation::decision);
    decision.is_none() && !exchanged
}

fn request_summary(context: &Context, cli: Option<CliSummary>) -> RequestSummary {
    let request = &context.request;
    RequestSummary {
        organization: request.organization.clone(),
        token_type: request.ask.token_type.name(),
        scope: request.scope.clone(),
        expiration_seconds: request.expiration_seconds.as_ref().ok().copied(),
        backend: BackendSummary {
            url: context.backend.url.clone(),
            source: context.backend.source.label(),
        },
        cli,
    }
}

fn policy_summary(context: &Context) -> PolicySummary {
    let source = match context.evidence.policy {
        PolicySource::None | PolicySource::Unavailable { .. } => "none",
        PolicySource::File { .. } => "file",
        PolicySource::Live { .. } => "live",
    };
    let registration = context.evidence.registration();
    let file = match &context.evidence.policy {
        PolicySource::File { path, .. } => Some(path.clone()),
        _ => None,
    };
    let entries = registration.and_then(|r| r.policies.as_deref()).unwrap_or_default();
    let unknown = PolicySummary {
        source,
        issuer: registration.and_then(|r| r.identifier()).map(str::to_owned),
        label: registration.and_then(|r| r.label()).map(str::to_owned),
        lines: file.iter().flat_map(|_| entries.iter().map(|entry| entry.place.line)).collect(),
        file,
        decision: "unknown",
        closest: None,
        rules: Vec::new(),
        entries: Vec::new(),
    };
    let Some(evaluation) = &context.evaluation else { return unknown };
    let closest = evaluation.closest;
    let is_other_organization = context.findings().any(|finding| {
        finding.code == Code::IssuerWrongOrganization && finding.severity == Severity::Error
    });
    PolicySummary {
        // The entries of another organization do not apply to logins to this one.
        decision: match evaluation.decision() {
            Some(Decision::Allow) if is_other_organization => Decision::Deny.name(),
            decision => decision.map_or("unknown", Decision::name),
        },
        closest,
        rules: closest
            .and_then(|index| evaluation.entries.get(index))
            .map(|entry| entry.rules.clone())
            .unwrap_or_default(),
        entries: evaluation.entries.clone(),
        ..unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_rank_by_login_step() {
        let order = [
            Code::TokenMissing,
            Code::OrganizationMissing,
            Code::BackendEmpty,
            Code::TokenClaimMissing,
            Code::IssuerNotRegistered,
            Code::IssuerUnreachable,
            Code::SignatureInvalid,
            Code::AudienceMismatch,
            Code::PolicyDenied,
            Code::ExchangeRejected,
            Code::WhoamiForbidden,
            Code::TokenExpired,
        ];
        assert!(order.is_sorted_by_key(|code| rank(*code, false)));
        assert!(rank(Code::TokenExpired, true) < rank(Code::IssuerNotRegistered, true));
    }
}
