//! A backend that only a project file names, not the user. The doctor sends it no credentials
//! (product contract, section 7, "Credentials go only where the user sent them").

use super::change;
use crate::catalogue::{Code, Severity};
use crate::evidence::{BackendSource, CheckId, FailureKind, PolicySource, Probe, SkipReason};
use crate::judge::context::Context;
use crate::judge::outcome::CheckOutcome;
use crate::pulumi::backend_url::Resolved;
use crate::report::{Finding, Remediation, RemedyOption};
use crate::text::command::CommandLine;

/// The option with which the user names the backend.
const CLOUD_URL_FLAG: &str = "--cloud-url";

/// A command that contains one of these sends a token.
const TOKEN_COMMAND_MARKS: [&str; 4] =
    ["pulumi login", "--oidc-token", "PULUMI_ACCESS_TOKEN", "DOCTOR_ACCESS_TOKEN"];

/// Reports that no credentials were sent, unless earlier findings make the URL unusable anyway.
pub(crate) fn credentials_withheld(context: &Context, earlier: &[Finding]) -> Option<Finding> {
    let is_wrong = earlier.iter().any(|finding| finding.severity == Severity::Error);
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
    let option = CommandLine::new(CLOUD_URL_FLAG).word(url).end();
    let fix = format!(
        "Add {CLOUD_URL_FLAG} {url} if that backend is your own; else run the doctor in another directory."
    );
    let change = change::flag(CLOUD_URL_FLAG, None, Some(url));
    let way = RemedyOption::when("the backend is your own", change);
    Some(finding.fix(fix).command(option).option(way))
}

/// The address to which the doctor refused to connect, with its class.
fn refused_address<'a>(context: &Context<'a>) -> Option<&'a str> {
    match &context.evidence.cloud.capabilities {
        Probe::Failed { failure, .. } if failure.kind == FailureKind::AddressRefused => {
            Some(&failure.detail)
        }
        _ => None,
    }
}

/// The outcome of the check `cloud` if the address guard refused the address of a project's
/// backend. It is skipped, since that shows nothing about the backend.
pub(crate) fn address_refused(context: &Context) -> Option<CheckOutcome> {
    let address = refused_address(context).filter(|_| context.evidence.sends_no_credentials())?;
    let summary = format!("not connected to {address}: {}", context.untrusted_backend());
    Some(CheckOutcome::skip(SkipReason::CloudUrl, summary))
}

/// Why the policy was not read from Pulumi Cloud, unless an access token was missing: the check or
/// option that prevented it, and a summary.
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

/// Removes commands from a remedy that send a token to a project's backend. In CI and for
/// `doctor login`, where the login itself uses this backend, only adds a warning.
pub(crate) fn withhold_commands(context: &Context, remediation: &mut Remediation) {
    if context.evidence.only_project_names_backend() {
        withhold_token_commands(&context.backend, context.judges_environment(), remediation);
    }
}

/// [`withhold_commands`] for a backend that is known to come from a project file.
pub(crate) fn withhold_token_commands(
    backend: &Resolved,
    in_pipeline: bool,
    remediation: &mut Remediation,
) {
    // Compares only the authority, to catch a corrected URL on the same host too.
    let url = backend.url.to_lowercase();
    let after = url.split_once("://").map_or(url.as_str(), |(_, after)| after);
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    let target = format!("//{authority}");
    let sends = |command: &str| {
        command.to_lowercase().contains(&target)
            && TOKEN_COMMAND_MARKS.iter().any(|word| command.contains(word))
    };
    if authority.is_empty() || !remediation.commands.iter().any(|command| sends(command.text())) {
        return;
    }
    let origin = format!("{} names the backend {}.", backend.source.label(), backend.url);
    let step = if in_pipeline {
        format!("{origin} Log in there only if it is your own.")
    } else {
        remediation.drop_commands(sends);
        format!(
            "{origin} If it is your own, pass {CLOUD_URL_FLAG}; the report then shows the command."
        )
    };
    remediation.steps.push(step.into());
}
