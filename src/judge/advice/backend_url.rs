//! Findings and remedies for a backend URL that cannot be used.

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

/// The finding for a problem of the backend URL. `version`: the CLI whose rules apply.
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
        // The message has several lines, and people search logs line by line.
        for line in message.lines().filter(|line| !line.is_empty()) {
            finding = finding.proof("pulumi says", line, "pulumi login");
        }
    }
    match problem {
        UrlProblem::Empty => finding
            .command(job.login_to_backend(Some(PULUMI_CLOUD)))
            .option(RemedyOption::only(change::flag("url", None, Some(PULUMI_CLOUD)))),
        UrlProblem::Console { suggestion: None, .. }
            if versions::CHECKS_EVERY_URL.holds(version) =>
        {
            let stored = format!("{{\"current\": {}}}", text::json_string(value));
            let finding = finding
                .fix(
                    "Name the URL as current in a credentials.json of its own, and nowhere else: \
                     pulumi does not check a URL that it reads there.",
                )
                // A new folder: the stored credentials stay as they are.
                .command(new_pulumi_home())
                .command(Command::each(
                    format!("echo {} > \"$PULUMI_HOME/credentials.json\"", text::shell(&stored)),
                    stored_in_power_shell(value),
                ));
            let finding = match &resolved.source {
                BackendSource::Environment { name } => finding.command(Command::unset(name)),
                _ => finding,
            };
            finding.command(job.login_to_backend(None)).option(move_to_credentials(resolved, value))
        }
        UrlProblem::Console { suggestion: None, .. } => finding
            .fix("Name the URL in PULUMI_BACKEND_URL: this pulumi does not check it there.")
            .command(Command::set("PULUMI_BACKEND_URL", value))
            .command(job.login_to_backend(None))
            .option(move_url(
                resolved,
                value,
                change::variable("PULUMI_BACKEND_URL", None, Some(value)),
            )),
        UrlProblem::Unexpanded { text } if text.is_empty() => finding,
        UrlProblem::Unexpanded { text } => {
            variables::add_variable_syntax(finding, variable_name(text), job.platform)
        }
        UrlProblem::InsecureFlag => finding
            .fix(
                "Drop --insecure; for a private certificate authority name its certificate in \
                 SSL_CERT_FILE.",
            )
            .option(RemedyOption::only(change::flag("--insecure", None, None).before(true))),
        _ => match replacement(problem, value) {
            Some(url) => correct_url(finding, resolved, job, &url),
            None => finding,
        },
    }
}

/// Describes the problem.
fn describe(problem: &UrlProblem, value: &str) -> String {
    match problem {
        UrlProblem::Empty => "No backend is configured, and this version of pulumi has no default \
                              for an OIDC login."
            .to_owned(),
        UrlProblem::SchemeMissing { .. } => format!("{value} does not begin with https://."),
        UrlProblem::SchemeUnknown { scheme, .. } => {
            format!("pulumi has no backend with the scheme {scheme}.")
        }
        UrlProblem::Console { host, suggestion: Some(_) } => {
            format!("{host} serves web pages; the API is at api.pulumi.com.")
        }
        UrlProblem::Console { host, .. } => format!(
            "The CLI refuses every URL whose host begins with pulumi.com, {host} too: it takes them \
             for Pulumi's website."
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

/// The name in a variable reference: `url` in `${{ variables.url }}`.
fn variable_name(reference: &str) -> &str {
    let is_other = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    reference.rsplit(is_other).find(|word| !word.is_empty()).unwrap_or_default()
}

/// Moves the URL from its source, where the CLI refuses it, to another place.
fn move_url(resolved: &Resolved, url: &str, added: Change) -> RemedyOption {
    match change::backend_url(&resolved.source, url, None) {
        // Nothing to remove, or it is in the right place already.
        None => RemedyOption::only(added),
        Some(removed) if removed.path == added.path => RemedyOption::only(added),
        Some(removed) => RemedyOption::only(removed).and(added),
    }
}

fn new_pulumi_home() -> Command {
    Command::each(
        "export PULUMI_HOME=\"$(mktemp -d)\"",
        Some(
            "$env:PULUMI_HOME = (New-TemporaryFile).FullName + '.d'; New-Item -ItemType Directory \
             $env:PULUMI_HOME"
                .to_owned(),
        ),
    )
}

/// PowerShell passes quotation marks to its own commands unchanged.
fn stored_in_power_shell(url: &str) -> Option<String> {
    power_shell(url).map(|_| {
        format!("Set-Content \"$env:PULUMI_HOME/credentials.json\" '{{\"current\": \"{url}\"}}'")
    })
}

/// Moves the URL to the stored credentials.
fn move_to_credentials(resolved: &Resolved, url: &str) -> RemedyOption {
    let stored = Change::new(Target::File, "/current")
        .after(url)
        .in_file("$PULUMI_HOME/credentials.json", 0);
    move_url(resolved, url, stored)
}

/// Adds how to replace the URL in its source.
pub(crate) fn correct_url(finding: Finding, resolved: &Resolved, job: &Job, url: &str) -> Finding {
    let change = change::backend_url(&resolved.source, &resolved.url, Some(url));
    let finding = match change {
        Some(change) => finding.option(RemedyOption::only(change)),
        None => finding,
    };
    match &resolved.source {
        BackendSource::Environment { name } => finding
            .announce(format!("Set {name} to {url} where it is defined, or pass the URL instead:"))
            .command(Command::set(name, url))
            .command(job.login_to_backend(Some(url))),
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
            .command(job.login_to_backend(Some(url))),
        BackendSource::Argument
        | BackendSource::Flag
        | BackendSource::Local
        | BackendSource::Default => finding.command(job.login_to_backend(Some(url))),
    }
}
