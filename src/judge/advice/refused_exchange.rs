//! Advice for a refused exchange that no check explains.

use crate::catalogue::{Code, Severity};
use crate::evidence::{Answer, Exchange, Probe};
use crate::judge::answer::messages;
use crate::judge::checks::exchange::is_from_other_service;
use crate::judge::checks::registration::register_issuer;
use crate::judge::context::Context;
use crate::pulumi::refusal::{self, Subject};
use crate::report::{Finding, Remediation};

/// Adds the remedy to the finding of such a refusal, after all checks ran.
pub(crate) fn add_remedy(context: &mut Context) {
    let Some(answer) = refused_answer(context) else { return };
    let mut findings = context.findings_mut();
    let rejected =
        findings.find(|finding| is_exchange_rejected(finding)).map(|finding| finding.clone());
    drop(findings);
    let Some(finding) = rejected else { return };
    let completed = match refusal::find_subject(answer.status, &messages(answer)) {
        _ if is_from_other_service(answer) => return,
        _ if answer.status == 402 => finding.fix(
            "Check the organization's subscription: status 402 asks for payment and is not about \
             the token.",
        ),
        Some(Subject::Signature | Subject::Times) => return,
        Some(Subject::Registration) => add_registration(context, finding),
        Some(Subject::Audience | Subject::Policy) | None => add_entry(context, finding, answer),
    };
    if let Some(finding) = context.findings_mut().find(|finding| is_exchange_rejected(finding)) {
        *finding = completed;
    }
}

fn is_exchange_rejected(finding: &Finding) -> bool {
    finding.code == Code::ExchangeRejected && finding.severity == Severity::Error
}

fn refused_answer<'a>(context: &Context<'a>) -> Option<&'a Answer> {
    match &context.evidence.cloud.exchange {
        Probe::Answered { answer: Exchange::Refused { answer, .. }, .. } => Some(answer),
        _ => None,
    }
}

fn add_registration(context: &Context, finding: Finding) -> Finding {
    match context.evidence.token.as_ref().and_then(|token| token.text("iss")) {
        Some(issuer) => {
            let finding = finding.fix(format!("Register the issuer {issuer} in Pulumi Cloud."));
            register_issuer(finding, context, issuer)
        }
        None => finding,
    }
}

/// Adds the entry that this token needs, and a message for an admin who can add it. Takes them from
/// the finding about the unknown policy, to avoid repeating them.
fn add_entry(context: &mut Context, finding: Finding, answer: &Answer) -> Finding {
    let unknown = context.findings_mut().find(|finding| finding.code == Code::PolicyUnknown);
    let Some(unknown) = unknown else { return finding };
    let summary = unknown.remediation.summary.clone();
    let summary_only = Remediation { summary, ..Remediation::default() };
    let remedy = std::mem::replace(&mut unknown.remediation, summary_only);
    let claim = |name: &str| {
        let token = context.evidence.token.as_ref();
        token.and_then(|token| token.text(name)).unwrap_or("(none)").to_owned()
    };
    let organization = context.request.organization.as_deref().unwrap_or("the organization");
    let request = match remedy.options.is_empty() {
        true => "let the policy of its issuer admit it",
        false => "add the entry below to the policy of its issuer",
    };
    let message = format!(
        "If you cannot change the policy, forward this to an admin of {organization}: \"Pulumi Cloud \
         refuses the login of our CI job (status {}). Please {request}: issuer {}, subject {}.\"",
        answer.status,
        claim("iss"),
        claim("sub"),
    );
    let links = finding.remediation.links.clone();
    finding
        .remedied_by(Remediation { links, ..remedy })
        .fix("Make sure that the issuer's policy admits this token.")
        .step(message)
}
