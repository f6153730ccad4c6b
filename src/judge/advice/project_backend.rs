//! A backend that a project file names and the user does not (product contract, section 7,
//! "Credentials go only where the user sent them").

use super::change;
use crate::catalogue::{Code, Severity};
use crate::evidence::{BackendSource, CheckId, FailureKind, PolicySource, Probe, SkipReason};
use crate::judge::context::Context;
use crate::judge::outcome::CheckOutcome;
use crate::pulumi::backend_url::Resolved;
use crate::report::{Finding, Remediation, RemedyOption};
use crate::text::command::CommandLine;

/// The option that names the backend.
const NAMES_IT: &str = "--cloud-url";

/// What a command that sends a token mentions.
const SENDS_TOKEN: [&str; 4] =
    ["pulumi login", "--oidc-token", "PULUMI_ACCESS_TOKEN", "DOCTOR_ACCESS_TOKEN"];

/// Says that no credential was sent, if the URL is right otherwise.
pub(crate) fn credentials_withheld(context: &Context, so_far: &[Finding]) -> Option<Finding> {
    let is_wrong = so_far.iter().any(|finding| finding.severity == Severity::Error);
    let evidence = context.evidence;
    let BackendSource::Project { path, line } = &context.backend.source else { return None };
    if is_wrong || evidence.options.offline || !evidence.sends_no_credentials() {
        return None;
    }
    let url = &context.backend.url;
    let finding = Finding::new(
        Code::BackendFromProject,
        format!(
            "{path}, line {line}, names the backend {url}. A project file may be somebody else's, \
             so the doctor sent no token there."
        ),
    )
    .proof("backend URL", url, context.backend.source.label());
    let finding = match refused_address(context) {
        Some(address) => finding.proof("not connected to", address, "capabilities request"),
        None => finding,
    };
    let option = CommandLine::new(NAMES_IT).word(url).end();
    let fix = format!(
        "Add {NAMES_IT} {url} if that backend is your own; else run the doctor in another directory."
    );
    let change = change::flag(NAMES_IT, None, Some(url));
    let way = RemedyOption::when("the backend is your own", change);
    Some(finding.fix(fix).command(option).option(way))
}

/// The address of a found backend that the doctor does not connect to, with its kind.
fn refused_address<'a>(context: &Context<'a>) -> Option<&'a str> {
    match &context.evidence.cloud.capabilities {
        Probe::Failed { failure, .. } if failure.kind == FailureKind::AddressRefused => {
            Some(&failure.detail)
        }
        _ => None,
    }
}

/// How the check `cloud` ends where the address guard refused the address of a found backend: this
/// says nothing about the backend.
pub(crate) fn not_connected(context: &Context) -> Option<CheckOutcome> {
    let address = refused_address(context).filter(|_| context.evidence.sends_no_credentials())?;
    let summary = format!("not connected to {address}: {}", context.untrusted_backend());
    Some(CheckOutcome::skip(SkipReason::CloudUrl, summary))
}

/// Why the policy was not read from Pulumi Cloud, other than for want of an access token: the check
/// or option, and a summary.
pub(crate) fn policy_not_read(context: &Context) -> Option<(SkipReason, String)> {
    let evidence = context.evidence;
    let wanted = matches!(evidence.policy, PolicySource::None) && !evidence.options.offline;
    if !wanted || context.failed(CheckId::Backend) {
        return None;
    }
    if evidence.sends_no_credentials() {
        return Some((
            SkipReason::CloudUrl,
            format!("the policy was not read: {}", context.untrusted_backend()),
        ));
    }
    context.is_plain_http().then(|| {
        (
            SkipReason::Check(CheckId::Backend),
            "the policy was not read: no access token is sent over plain http".to_owned(),
        )
    })
}

/// Takes the commands that send a token to a found backend out of a remedy of a plain run. In CI
/// and for `doctor login`, where the login itself uses this backend, the remedy says where it comes
/// from.
pub(crate) fn withhold_commands(context: &Context, remediation: &mut Remediation) {
    if context.evidence.backend_is_found() {
        withhold(&context.backend, context.judges_environment(), remediation);
    }
}

/// [`withhold_commands`] for a backend that only a project file names.
pub(crate) fn withhold(backend: &Resolved, in_pipeline: bool, remediation: &mut Remediation) {
    // With the authority alone, a corrected URL on the same host is found as well.
    let url = backend.url.to_lowercase();
    let after = url.split_once("://").map_or(url.as_str(), |(_, after)| after);
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    let there = format!("//{authority}");
    let sends = |command: &str| {
        command.to_lowercase().contains(&there)
            && SENDS_TOKEN.iter().any(|word| command.contains(word))
    };
    if authority.is_empty() || !remediation.commands.iter().any(|command| sends(command.text())) {
        return;
    }
    let named = format!("{} names the backend {}.", backend.source.label(), backend.url);
    let step = if in_pipeline {
        format!("{named} Log in there only if it is your own.")
    } else {
        remediation.drop_commands(sends);
        format!("{named} If it is your own, pass {NAMES_IT}; the report then shows the command.")
    };
    remediation.steps.push(step.into());
}
