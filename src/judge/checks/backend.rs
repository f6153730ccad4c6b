//! Check `backend`: the backend URL, and the files that may set it.

use crate::catalogue::{Code, Severity};
use crate::evidence::{
    BackendCandidate, BackendSource, BrokenConfig, Cli, CliFolder, CredentialHelper,
    CredentialsFile, ProjectFile, StoreProblem, UnusableFolder,
};
use crate::judge::advice::backend_url::unusable_url;
use crate::judge::advice::{change, project_backend};
use crate::judge::context::Context;
use crate::judge::finding::list;
use crate::judge::outcome::CheckOutcome;
use crate::pulumi::{backend_url, versions};
use crate::report::{Finding, RemedyOption};
use crate::text::command::Command;

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let evidence = &context.evidence.backend;
    let resolved = &context.backend;
    let version = context.evidence.rules();
    let mut findings = Vec::new();
    if let ProjectFile::Invalid { path, line, column, reason, .. } = &evidence.project {
        findings.push(file_invalid(Code::ProjectFileInvalid, path, (*line, *column), reason));
    }
    if let ProjectFile::Read { path, lacks_runtime: true } = &evidence.project
        && !versions::RUNTIME_OPTIONAL.holds(version)
        && context.judges_environment()
    {
        let reason = "project is missing a 'runtime' attribute";
        findings.push(file_invalid(Code::ProjectFileInvalid, path, (None, None), reason));
    }
    findings.extend(cli_folder_findings(context));
    match &evidence.credentials {
        CredentialsFile::Invalid { path, line, column, reason, .. } => findings.push(
            file_invalid(Code::CredentialsFileInvalid, path, (*line, *column), reason)
                .command(Command::set_aside(path))
                .option(RemedyOption::only(change::move_file_away(path))),
        ),
        CredentialsFile::Encrypted { path, newer_version, other_system } => {
            findings.push(credentials_encrypted(
                context,
                path,
                *newer_version,
                other_system.as_deref(),
            ));
        }
        CredentialsFile::Read { path, .. } => {
            findings.extend(context.evidence.mistyped_credentials().map(|mistyped| {
                let reason = format!("{} has a value of the wrong type", mistyped.field.name());
                file_invalid(Code::CredentialsFileInvalid, path, (mistyped.line, None), &reason)
                    .command(Command::set_aside(path))
                    .option(RemedyOption::only(change::move_file_away(path)))
            }));
        }
        CredentialsFile::NotFound => {}
    }
    let insecure = context.evidence.options.insecure;
    findings.extend(
        backend_url::problems(resolved, insecure).iter().map(|problem| {
            unusable_url(problem, resolved, context.evidence.rules(), &context.job())
        }),
    );
    findings.extend(installed_has_no_default(context));
    if !resolved.others.is_empty() {
        findings.push(overridden(context));
    }
    findings.extend(project_backend::credentials_withheld(context, &findings));
    let shown = if resolved.url.is_empty() { "(empty)" } else { &resolved.url };
    CheckOutcome::found(format!("{shown} from {}", resolved.source.label()), findings)
}

/// Reasons why the CLI cannot use its own folder. They are errors only in the failing job itself.
fn cli_folder_findings(context: &Context) -> Vec<Finding> {
    let CliFolder { unusable, store, config } = &context.evidence.backend.folder;
    let version = context.evidence.rules();
    let mut findings = Vec::new();
    if let Some(UnusableFolder { path, named_by, obstacle, reason, .. }) = unusable {
        findings.push(
            Finding::new(
                Code::CredentialsFileUnwritable,
                format!("The CLI keeps its files in {path}, and cannot: {obstacle}: {reason}."),
            )
            .proof("folder", path, named_by)
            .command(Command::set("PULUMI_HOME", "/tmp/pulumi"))
            .option(RemedyOption::only(change::variable(
                "PULUMI_HOME",
                None,
                Some("/tmp/pulumi"),
            ))),
        );
    }
    if let Some(problem) = store.as_ref().filter(|_| versions::CREDENTIAL_STORE.holds(version)) {
        let name = "PULUMI_CREDENTIAL_STORE";
        let (detail, value) = match problem {
            StoreProblem::Unknown { value } => {
                (format!("{name} is {value}; it may be auto, os or plaintext."), value.as_str())
            }
            StoreProblem::NoKeyStore => {
                (format!("{name} is os, and nothing on this machine can keep a key."), "os")
            }
        };
        findings.push(
            Finding::new(Code::CredentialsFileUnwritable, detail)
                .proof(name, value, "environment")
                .command(Command::set(name, "auto"))
                .option(RemedyOption::only(change::variable(name, Some(value), Some("auto")))),
        );
    }
    if let Some(BrokenConfig { path, cause }) =
        config.as_ref().filter(|_| versions::READS_CONFIG.holds(version))
    {
        findings.push(
            file_invalid(Code::CredentialsFileInvalid, path, (None, None), cause)
                .fix("Repair the file, or move it away: the login ends after the exchange.")
                .command(Command::set_aside(path))
                .option(RemedyOption::only(change::move_file_away(path))),
        );
    }
    if !context.judges_environment() {
        findings.iter_mut().for_each(|finding| finding.severity = Severity::Info);
    }
    findings
}

/// Encrypted credentials. Since 3.274.0 an OIDC login reads the stored credentials first.
fn credentials_encrypted(
    context: &Context,
    path: &str,
    newer_version: Option<i64>,
    other_system: Option<&str>,
) -> Finding {
    let version = context.evidence.rules();
    let is_read_first = versions::CREDENTIAL_HELPERS.holds(version)
        && context.evidence.login.helper != CredentialHelper::Disabled
        && context.has_token();
    let obstacle = match (newer_version, other_system) {
        (Some(newer), _) if versions::CREDENTIAL_STORE.holds(version) => {
            Some(format!("a newer CLI encrypted it (envelope version {newer})"))
        }
        (_, Some(store)) if is_read_first => {
            Some(format!("its key is in {store}, a store that this system does not have"))
        }
        _ => None,
    };
    if let Some(why) = obstacle.filter(|_| context.judges_environment()) {
        return file_invalid(Code::CredentialsFileInvalid, path, (None, None), &why)
            .command(Command::set_aside(path))
            .option(RemedyOption::only(change::move_file_away(path)));
    }
    let mut detail =
        format!("{path} is encrypted: the backend and the accounts in it are not known.");
    if !is_read_first || !context.judges_environment() {
        return Finding::new(Code::CredentialsEncrypted, detail).proof("file", path, "credentials");
    }
    detail += " The login has to decrypt it first. Whether this machine can do that is not known.";
    Finding::new(Code::CredentialsEncrypted, detail)
        .severity(Severity::Warning)
        .proof("file", path, "credentials")
        .fix("If the login fails at this file, do not let it be read.")
        .command(Command::set("PULUMI_CREDENTIAL_HELPER", "none"))
        .option(RemedyOption::only(change::variable(
            "PULUMI_CREDENTIAL_HELPER",
            None,
            Some("none"),
        )))
}

/// Information only: outside CI, the installed `pulumi` is not the one that fails.
fn installed_has_no_default(context: &Context) -> Option<Finding> {
    let Cli::Installed { version, path } = &context.evidence.login.cli else { return None };
    let resolved = backend_url::resolve(&context.evidence.backend, Some(version));
    if !resolved.url.is_empty() || context.backend.url.is_empty() {
        return None;
    }
    Some(
        Finding::new(
            Code::BackendEmpty,
            format!(
                "The pulumi installed here ({version}) has no default backend for OIDC logins."
            ),
        )
        .severity(Severity::Info)
        .proof("pulumi", version.to_string(), path),
    )
}

fn file_invalid(
    code: Code,
    path: &str,
    (line, column): (Option<u64>, Option<u64>),
    reason: &str,
) -> Finding {
    let place = match (line, column) {
        (Some(line), Some(column)) => format!("{path}:{line}:{column}"),
        (Some(line), None) => format!("{path}:{line}"),
        _ => path.to_owned(),
    };
    Finding::new(code, format!("{place}: {reason}.")).proof("problem", reason, place)
}

/// Several sources set the backend. Every explicit login overrides the stored credentials'
/// `current`, so that alone is only information.
fn overridden(context: &Context) -> Finding {
    let resolved = &context.backend;
    let only_credentials = resolved
        .others
        .iter()
        .all(|other| matches!(other.source, BackendSource::Credentials { .. }));
    let severity = if only_credentials { Severity::Info } else { Severity::Warning };
    let name = |candidate: &BackendCandidate| candidate.source.label();
    let mut finding = Finding::new(
        Code::BackendOverridden,
        format!(
            "{} wins over {}.",
            resolved.source.label(),
            list(&resolved.others.iter().map(name).collect::<Vec<_>>())
        ),
    )
    .severity(severity)
    .proof("used", &resolved.url, resolved.source.label());
    for other in &resolved.others {
        finding = finding.proof("not used", &other.url, other.source.label());
    }
    finding
}
