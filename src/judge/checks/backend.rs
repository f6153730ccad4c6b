//! Check `backend`: the backend's URL, and the files that it comes from.

use crate::catalogue::{Code, Severity};
use crate::evidence::{BackendCandidate, BackendSource, Cli, CredentialsFile, ProjectFile};
use crate::judge::advice::backend_url::of_problem;
use crate::judge::advice::found_backend;
use crate::judge::context::Context;
use crate::judge::finding::list;
use crate::judge::outcome::Outcome;
use crate::pulumi::backend_url;
use crate::report::Finding;
use crate::text;

pub(crate) fn check(context: &Context) -> Outcome {
    let evidence = &context.evidence.backend;
    let resolved = &context.backend;
    let mut findings = Vec::new();
    if let ProjectFile::Invalid { path, line, column, reason, .. } = &evidence.project {
        findings.push(file_invalid(Code::ProjectFileInvalid, path, (*line, *column), reason));
    }
    match &evidence.credentials {
        CredentialsFile::Invalid { path, line, column, reason, .. } => findings.push(
            file_invalid(Code::CredentialsFileInvalid, path, (*line, *column), reason)
                .command(format!("mv {0} {0}.broken", text::shell(path))),
        ),
        CredentialsFile::Encrypted { path, .. } => findings.push(
            Finding::new(
                Code::CredentialsEncrypted,
                format!("{path} is encrypted: the backend and the accounts in it are not known."),
            )
            .proof("file", path, "credentials"),
        ),
        CredentialsFile::NotFound | CredentialsFile::Read { .. } => {}
    }
    let insecure = context.evidence.options.insecure;
    findings.extend(
        backend_url::problems(resolved, insecure)
            .iter()
            .map(|problem| of_problem(problem, resolved, context.evidence.rules(), &context.job())),
    );
    findings.extend(installed_has_no_default(context));
    if !resolved.others.is_empty() {
        findings.push(overridden(context));
    }
    findings.extend(found_backend::not_named(context, &findings));
    let shown = if resolved.url.is_empty() { "(empty)" } else { &resolved.url };
    Outcome::found(format!("{shown} from {}", resolved.source.label()), findings)
}

/// Outside CI the installed `pulumi` is not the one that fails: what it would do is told only.
fn installed_has_no_default(context: &Context) -> Option<Finding> {
    let Cli::Installed { version, path } = &context.evidence.login.cli else { return None };
    let here = backend_url::resolve(&context.evidence.backend, Some(version));
    if !here.url.is_empty() || context.backend.url.is_empty() {
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

/// Only the stored credentials' `current` losing is what every explicit login does.
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
