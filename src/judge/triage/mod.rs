//! Judging logs: which known messages count, what each stands for, and which comes first.
//!
//! A log tells less than a run of the doctor, but what it tells of the login (its flags, the CLI's
//! version, the backend's URL) is evidence like any other: the advice is that of the same checks,
//! with the log's own values ([`advice`]).

mod advice;
mod codes;
mod counting;
mod login;
mod passed;
mod ranked;

pub(crate) use self::passed::passed;

use self::counting::{counting, is_pasted, is_short};
use self::ranked::{Judged, Ranked};
use crate::evidence::log::{Log, Place, SecretKind};
use crate::known_messages::Role;
use crate::platform::Id;
use crate::report::triage::{
    LogClaims, LogContext, LogFile, LogFinding, LogPlace, LogSecret, LogValue, SCHEMA_VERSION,
    Triage,
};

/// Judges.
#[must_use]
pub fn triage(log: &Log) -> Triage {
    let mut findings: Vec<Ranked> = Vec::new();
    for log_match in counting(log) {
        let judged = Judged::of(log, log_match);
        if let Some(cause) = findings.iter_mut().rfind(|known| known.explains(&judged)) {
            cause.echo(log, &judged);
        } else if let Some(known) = findings.iter_mut().find(|known| known.same(&judged)) {
            known.add(log, judged);
        } else {
            findings.push(Ranked::new(log, judged));
        }
    }
    // In a log, a warning says something only beside a failure.
    let fails = findings.iter().any(|found| found.role < Role::Hint);
    if !fails && !is_short(log) && !is_pasted(log) {
        findings.clear();
    }
    let pulumis = findings.iter().filter(|found| found.is_pulumis()).map(|found| found.first).min();
    findings.sort_by_key(|found| found.rank(pulumis));
    let findings: Vec<LogFinding> = findings.into_iter().map(Ranked::finish).collect();
    Triage {
        schema_version: SCHEMA_VERSION,
        doctor_version: env!("CARGO_PKG_VERSION").to_owned(),
        root_cause: findings.first().map(|found| found.finding.code).filter(|_| fails),
        findings,
        left_out: log.left_out,
        context: context(log),
        secrets: log.secrets.iter().map(|leak| secret(log, leak)).collect(),
        files: log
            .files
            .iter()
            .map(|file| LogFile {
                name: file.name.clone(),
                lines: file.lines,
                stopped_after: file.stopped_after,
            })
            .collect(),
    }
}

fn at(log: &Log, place: Place) -> LogPlace {
    let file = log.files.get(place.file).map_or_else(String::new, |file| file.name.clone());
    LogPlace { file, line: place.line }
}

fn context(log: &Log) -> LogContext {
    let context = &log.context;
    LogContext {
        platform: context.platform.map(Id::name),
        pulumi_version: context
            .version
            .as_ref()
            .map(|told| LogValue { value: told.value.to_string(), place: at(log, told.place) }),
        backend: context
            .backend
            .as_ref()
            .map(|told| LogValue { value: told.value.clone(), place: at(log, told.place) }),
        logins: context
            .logins
            .iter()
            .map(|login| LogValue { value: login.text.clone(), place: at(log, login.place) })
            .collect(),
        claims: context
            .claims
            .iter()
            .map(|told| LogClaims { claims: told.value.clone(), place: at(log, told.place) })
            .collect(),
        successes: successes(log),
    }
}

/// Where a login worked. The log of a step and that of its job have the same line.
fn successes(log: &Log) -> Vec<LogPlace> {
    let all = &log.context.successes;
    let is_known = |index: usize, at| all[..index].iter().any(|other| other.at == at);
    all.iter()
        .enumerate()
        .filter(|(index, success)| success.at.is_none_or(|at| !is_known(*index, Some(at))))
        .map(|(_, success)| at(log, success.place))
        .collect()
}

fn secret(log: &Log, leak: &crate::evidence::log::Leak) -> LogSecret {
    let (kind, what, advice) = match leak.kind {
        SecretKind::Jwt => (
            "jwt",
            "token (JWT)",
            "Whoever read it can use it until it expires: check its exp, and mask it in the \
             pipeline.",
        ),
        SecretKind::PulumiAccessToken => (
            "pulumi-access-token",
            "Pulumi access token",
            "Revoke it in Pulumi Cloud under Access Tokens.",
        ),
        SecretKind::Bearer => {
            ("bearer", "Authorization header", "Revoke it with whoever issued it.")
        }
        SecretKind::Opaque => {
            ("other-token", "other system's token", "Revoke it with whoever issued it.")
        }
        SecretKind::UrlCredentials => {
            ("url-credentials", "password in a URL", "Change the password.")
        }
    };
    LogSecret {
        kind,
        what,
        advice,
        places: leak.places.iter().map(|place| at(log, *place)).collect(),
        count: leak.count,
    }
}
