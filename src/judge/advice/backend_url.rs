//! A backend URL that cannot be used, and what to use instead.

use semver::Version;

use super::job::{Job, replacement};
use super::{change, variables};
use crate::catalogue::Severity;
use crate::evidence::BackendSource;
use crate::pulumi::backend_url::{self, PULUMI_CLOUD, Resolved, UrlProblem};
use crate::pulumi::versions;
use crate::report::{Change, Finding, RemedyOption, Target};
use crate::text;
use crate::text::command::{Command, power_shell};

/// What is wrong with the backend's URL, and what to use instead. `version`: the CLI whose rules
/// apply.
pub(crate) fn unusable_url(
    problem: &UrlProblem,
    resolved: &Resolved,
    version: Option<&Version>,
    job: &Job,
) -> Finding {
    let value = resolved.url.as_str();
    let mut finding = Finding::new(problem.code(), describe(problem, value));
    if let UrlProblem::Malformed { usable: true, .. } = problem {
        finding = finding.severity(Severity::Warning);
    }
    if !matches!(problem, UrlProblem::InsecureFlag) {
        let shown = if value.is_empty() { "(empty)" } else { value };
        finding = finding.proof("backend URL", shown, resolved.source.label());
    }
    if let Some(message) = backend_url::cli_message(problem, resolved, version) {
        // A log has it on several lines, and is searched by line.
        for line in message.lines().filter(|line| !line.is_empty()) {
            finding = finding.proof("pulumi says", line, "pulumi login");
        }
    }
    match problem {
        UrlProblem::Empty => finding
            .command(job.login_command(Some(PULUMI_CLOUD)))
            .option(RemedyOption::only(change::flag("url", None, Some(PULUMI_CLOUD)))),
        UrlProblem::Console { suggestion: None, .. }
            if versions::CHECKS_EVERY_URL.holds(version) =>
        {
            let stored = format!("{{\"current\": {}}}", text::json_string(value));
            finding
                .fix(
                    "Name the URL as current in credentials.json: what is stored there is not put \
                     to this test.",
                )
                .command(Command::each(
                    format!("echo {} > \"$PULUMI_HOME/credentials.json\"", text::shell(&stored)),
                    stored_in_power_shell(value),
                ))
                .command(job.login_command(None))
                .option(stored_instead(resolved, value))
        }
        UrlProblem::Console { suggestion: None, .. } => finding
            .fix("Name the URL in PULUMI_BACKEND_URL: that is not put to this test.")
            .command(Command::set("PULUMI_BACKEND_URL", value))
            .command(job.login_command(None))
            .option(instead(
                resolved,
                value,
                change::variable("PULUMI_BACKEND_URL", None, Some(value)),
            )),
        UrlProblem::Unexpanded { text } if text.is_empty() => finding,
        UrlProblem::Unexpanded { text } => {
            variables::expansion(finding, last_name(text), job.platform)
        }
        UrlProblem::InsecureFlag => finding
            .fix(
                "Drop --insecure; for a private certificate authority name its certificate in \
                 SSL_CERT_FILE.",
            )
            .option(RemedyOption::only(change::flag("--insecure", None, None).before(true))),
        _ => match replacement(problem, value) {
            Some(url) => correct(finding, resolved, job, &url),
            None => finding,
        },
    }
}

/// What is wrong, in the value's own words.
fn describe(problem: &UrlProblem, value: &str) -> String {
    match problem {
        UrlProblem::Empty => "No backend is configured, and this version of pulumi has no default \
                              for an OIDC login."
            .to_owned(),
        UrlProblem::SchemeMissing { .. } => format!("{value} does not begin with https://."),
        UrlProblem::SchemeUnknown { scheme, .. } => {
            format!("{scheme} is no scheme that a backend has.")
        }
        UrlProblem::Console { host, suggestion: Some(_) } => {
            format!("{host} serves web pages; the API is at api.pulumi.com.")
        }
        UrlProblem::Console { host, .. } => format!(
            "The CLI takes every URL whose host begins with pulumi.com for Pulumi's website, and \
             so {host}."
        ),
        UrlProblem::Diy { scheme } => {
            format!("{scheme}:// is a DIY backend, and those have no OIDC login.")
        }
        UrlProblem::Unexpanded { text } if text.is_empty() => {
            "A part of the URL that is not shown holds a variable reference, which nothing replaced."
                .to_owned()
        }
        UrlProblem::Unexpanded { text } => {
            format!("The URL holds {text}, which nothing replaced.")
        }
        UrlProblem::Malformed { what, usable: true, .. } => {
            format!("The URL has {what}. `pulumi login` requests it all the same.")
        }
        UrlProblem::Malformed { what, .. } => format!("The URL cannot be requested: {what}."),
        UrlProblem::Path { what, loses_account: true, .. } => format!(
            "The URL has {what} after the host, and so has the exchange's URL. If the service \
             accepts that, `pulumi login` says `Logged in`, but the next command is not logged in: \
             it looks for the account without the slash."
        ),
        UrlProblem::Path { what, .. } => format!("The URL has {what} after the host."),
        UrlProblem::InsecureHttp { authority } => format!(
            "`pulumi login` sends the OIDC token to {authority} over plain HTTP. The doctor sends \
             no access token there."
        ),
        UrlProblem::InsecureFlag => "--insecure switches the certificate's check off.".to_owned(),
    }
}

/// The variable's name in a reference: `url` in `${{ variables.url }}`.
fn last_name(reference: &str) -> &str {
    let is_other = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    reference.rsplit(is_other).find(|word| !word.is_empty()).unwrap_or_default()
}

/// A URL that the CLI refuses where it stands is named in another place.
fn instead(resolved: &Resolved, url: &str, place: Change) -> RemedyOption {
    match change::backend(&resolved.source, url, None) {
        // The variable itself is where it stands, or nothing names it.
        None => RemedyOption::only(place),
        Some(removed) if removed.path == place.path => RemedyOption::only(place),
        Some(removed) => RemedyOption::only(removed).and(place),
    }
}

/// `Set-Content` gets its value from PowerShell itself, which keeps the quotation marks.
fn stored_in_power_shell(url: &str) -> Option<String> {
    power_shell(url).map(|_| {
        format!("Set-Content \"$env:PULUMI_HOME/credentials.json\" '{{\"current\": \"{url}\"}}'")
    })
}

/// The same in the stored credentials.
fn stored_instead(resolved: &Resolved, url: &str) -> RemedyOption {
    let stored =
        Change::new(Target::File, "/current").after(url).at("$PULUMI_HOME/credentials.json", 0);
    instead(resolved, url, stored)
}

/// How to put the right value where the wrong one stands.
pub(crate) fn correct(finding: Finding, resolved: &Resolved, job: &Job, url: &str) -> Finding {
    let change = change::backend(&resolved.source, &resolved.url, Some(url));
    let finding = match change {
        Some(change) => finding.option(RemedyOption::only(change)),
        None => finding,
    };
    match &resolved.source {
        BackendSource::Environment { name } => finding
            .announce(format!("Set {name} to {url} where it is defined, or pass the URL instead:"))
            .command(Command::set(name, url))
            .command(job.login_command(Some(url))),
        BackendSource::Project { path, line } => {
            let snippet = if path.ends_with(".json") {
                format!("\"backend\": {{\"url\": {}}}", text::json_string(url))
            } else {
                format!("backend:\n  url: {}", text::yaml(url))
            };
            finding.announce(format!("In {path}, line {line}, write:")).command(snippet)
        }
        BackendSource::Credentials { .. } => finding
            .announce("The stored credentials remember it from an earlier login; name the URL:")
            .command(job.login_command(Some(url))),
        BackendSource::Argument
        | BackendSource::Flag
        | BackendSource::Local
        | BackendSource::Default => finding.command(job.login_command(Some(url))),
    }
}
