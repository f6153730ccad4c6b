//! Judges logs: which known messages count, which failures they indicate, and which ranks first.
//!
//! A log shows less than a run of the doctor. Its values (login flags, CLI version, backend URL)
//! are evidence for the same advice as in the checks ([`advice`]).

mod advice;
mod codes;
mod counted;
mod login;
mod ranked;
mod refused_token;

pub(crate) use self::refused_token::classify_refused_token;

use self::counted::{counted_matches, is_pasted, is_short};
use self::ranked::{ClassifiedMatch, RankedFinding};
use crate::evidence::log::{Log, Place, SecretKind};
use crate::known_messages::Role;
use crate::platform::Id;
use crate::report::triage::{
    LogClaims, LogContext, LogFile, LogFinding, LogPlace, LogSecret, LogValue, SCHEMA_VERSION,
    Triage,
};

#[must_use]
pub fn triage(log: &Log) -> Triage {
    let mut findings: Vec<RankedFinding> = Vec::new();
    for log_match in counted_matches(log) {
        let classified = ClassifiedMatch::new(log, log_match);
        if let Some(cause) = findings.iter_mut().rfind(|known| known.causes(&classified)) {
            cause.add_consequence(log, &classified);
        } else if let Some(known) =
            findings.iter_mut().find(|known| known.is_same_failure(&classified))
        {
            known.add(log, classified);
        } else {
            findings.push(RankedFinding::new(log, classified));
        }
    }
    // In a log, warnings without a failure are ignored.
    let fails = findings.iter().any(|found| found.role < Role::Hint);
    if !fails && !is_short(log) && !is_pasted(log) {
        findings.clear();
    }
    let pulumis =
        findings.iter().filter(|found| found.is_pulumi_failure()).map(|found| found.first).min();
    findings.sort_by_key(|found| found.rank(pulumis));
    let findings: Vec<LogFinding> = findings.into_iter().map(RankedFinding::finish).collect();
    Triage {
        schema_version: SCHEMA_VERSION,
        doctor_version: env!("CARGO_PKG_VERSION").to_owned(),
        root_cause: findings.first().map(|found| found.finding.code).filter(|_| fails),
        findings,
        left_out: log.left_out,
        context: context(log),
        secrets: log.secrets.iter().map(|leak| log_secret(log, leak)).collect(),
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

fn log_place(log: &Log, place: Place) -> LogPlace {
    let file = log.files.get(place.file).map_or_else(String::new, |file| file.name.clone());
    LogPlace { file, line: place.line }
}

fn context(log: &Log) -> LogContext {
    let context = &log.context;
    LogContext {
        platform: context.platform.map(Id::name),
        pulumi_version: context.version.as_ref().map(|logged| LogValue {
            value: logged.value.to_string(),
            place: log_place(log, logged.place),
        }),
        backend: context.backend.as_ref().map(|logged| LogValue {
            value: logged.value.clone(),
            place: log_place(log, logged.place),
        }),
        logins: context
            .logins
            .iter()
            .map(|login| LogValue { value: login.text.clone(), place: log_place(log, login.place) })
            .collect(),
        claims: context
            .claims
            .iter()
            .map(|logged| LogClaims {
                claims: logged.value.clone(),
                place: log_place(log, logged.place),
            })
            .collect(),
        successes: successes(log),
    }
}

/// The places of successful logins. The logs of a step and of its job contain the same line, so
/// equal times count once.
fn successes(log: &Log) -> Vec<LogPlace> {
    let all = &log.context.successes;
    let is_known = |index: usize, at| all[..index].iter().any(|other| other.at == at);
    all.iter()
        .enumerate()
        .filter(|(index, success)| success.at.is_none_or(|at| !is_known(*index, Some(at))))
        .map(|(_, success)| log_place(log, success.place))
        .collect()
}

fn log_secret(log: &Log, leak: &crate::evidence::log::LeakedSecret) -> LogSecret {
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
        places: leak.places.iter().map(|place| log_place(log, *place)).collect(),
        count: leak.count,
    }
}
