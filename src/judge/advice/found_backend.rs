//! A backend that a project file names and the user does not (product contract, section 7,
//! "Credentials go only where the user sent them").

use crate::catalogue::{Code, Severity};
use crate::evidence::{BackendSource, FailureKind, PolicySource, Probe};
use crate::judge::{Context, Outcome};
use crate::pulumi::backend_url::is_plain_http;
use crate::report::Finding;
use crate::text;

/// The option that names the backend.
pub(crate) const NAMES_IT: &str = "--cloud-url";

/// What a command that sends a token mentions.
const SENDS_TOKEN: [&str; 4] =
    ["pulumi login", "--oidc-token", "PULUMI_ACCESS_TOKEN", "DOCTOR_ACCESS_TOKEN"];

/// Says that no credential was sent, if the URL is right otherwise.
pub(crate) fn not_named(context: &Context, so_far: &[Finding]) -> Option<Finding> {
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
    let option = format!("{NAMES_IT} {}", text::shell(url));
    let fix = format!(
        "Add {option} if that backend is your own; else run the doctor in another directory."
    );
    Some(finding.fix(fix).command(option))
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
pub(crate) fn not_connected(context: &Context) -> Option<Outcome> {
    let address = refused_address(context).filter(|_| context.evidence.sends_no_credentials())?;
    let summary = format!("not connected to {address}: {}", context.why_unnamed());
    Some(Outcome::skip(NAMES_IT, summary))
}

/// Why the policy was not read from Pulumi Cloud, other than for want of an access token: the check
/// or option, and a summary.
pub(crate) fn policy_not_read(context: &Context) -> Option<(&'static str, String)> {
    let evidence = context.evidence;
    let wanted = matches!(evidence.policy, PolicySource::None) && !evidence.options.offline;
    if !wanted || context.failed("backend") {
        return None;
    }
    if evidence.sends_no_credentials() {
        return Some((NAMES_IT, format!("the policy was not read: {}", context.why_unnamed())));
    }
    context.is_plain_http().then(|| {
        ("backend", "the policy was not read: no access token is sent over plain http".to_owned())
    })
}

impl Context<'_> {
    /// Why nothing was sent to a found backend, after a colon.
    pub(crate) fn why_unnamed(&self) -> String {
        format!("{} names the backend; to trust it, pass {NAMES_IT}", self.backend.source.label())
    }

    /// Whether access tokens are kept from the backend because of its scheme.
    pub(crate) fn is_plain_http(&self) -> bool {
        is_plain_http(&self.backend.url)
    }

    /// Takes the commands that send a token to a found backend out of a finding of a plain run. In
    /// CI and for `doctor login`, where the login itself uses this backend, the finding says where
    /// it comes from.
    pub(crate) fn warn_of_found_backend(&self, finding: &mut Finding) {
        if !self.evidence.backend_is_found() {
            return;
        }
        // With the authority alone, a corrected URL on the same host is found as well.
        let url = self.backend.url.to_lowercase();
        let after = url.split_once("://").map_or(url.as_str(), |(_, after)| after);
        let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
        let there = format!("//{authority}");
        let sends = |command: &String| {
            command.to_lowercase().contains(&there)
                && SENDS_TOKEN.iter().any(|word| command.contains(word))
        };
        let remediation = &mut finding.remediation;
        if authority.is_empty() || !remediation.commands.iter().any(sends) {
            return;
        }
        let label = self.backend.source.label();
        let url = &self.backend.url;
        if self.in_pipeline() {
            remediation.steps.push(format!(
                "{label} names the backend {url}. Log in there only if it is your own."
            ));
            return;
        }
        remediation.commands.retain(|command| !sends(command));
        if remediation.commands.is_empty() {
            // Such a step announces the commands.
            remediation.steps.retain(|step| !step.ends_with(':'));
        }
        remediation.steps.push(format!(
            "{label} names the backend {url}. If it is your own, pass {NAMES_IT}; the report then \
             shows the command."
        ));
    }
}
