//! Judging logs: which known messages count, what each stands for, and which comes first.
//!
//! A log tells less than a run of the doctor, but what it tells of the login (its flags, the CLI's
//! version, the backend's URL) is evidence like any other: the advice is that of the same checks,
//! with the log's own values ([`advice`]).

mod advice;
mod codes;
mod login;
mod passed;

use std::cmp::Reverse;

pub(crate) use self::passed::passed;

use super::finding::list;
use super::verdict;
use crate::catalogue::{Code, Severity};
use crate::evidence::log::{Log, LoginLine, Place, SecretKind, Sighting};
use crate::known_messages::{Means, Role, Scope, Template, Trouble};
use crate::platform::Id;
use crate::pulumi::versions;
use crate::report::triage::{
    LogClaims, LogContext, LogFile, LogFinding, LogPlace, LogSecret, LogValue, SCHEMA_VERSION,
    Triage,
};
use crate::report::{Finding, Proof};

/// A text that somebody pasted is no longer, in lines: in it a message may stand in a quotation.
const PASTED: u64 = 50;

/// Judges.
#[must_use]
pub fn triage(log: &Log) -> Triage {
    let mut findings: Vec<Ranked> = Vec::new();
    for sighting in counting(log) {
        let judged = Judged::of(log, sighting);
        if let Some(cause) = findings.iter_mut().rfind(|known| known.explains(&judged)) {
            cause.echo(log, &judged);
        } else if let Some(known) = findings.iter_mut().find(|known| known.same(&judged)) {
            known.add(log, judged);
        } else {
            findings.push(Ranked::new(log, judged));
        }
    }
    // A warning says something only beside a failure.
    let fails = is_pasted(log) || findings.iter().any(|found| found.role < Role::Hint);
    findings.retain(|found| fails || found.role < Role::Hint);
    let pulumis = findings.iter().filter(|found| found.is_pulumis()).map(|found| found.first).min();
    findings.sort_by_key(|found| found.rank(pulumis));
    let findings: Vec<LogFinding> = findings.into_iter().map(Ranked::finish).collect();
    Triage {
        schema_version: SCHEMA_VERSION,
        doctor_version: env!("CARGO_PKG_VERSION").to_owned(),
        root_cause: findings.first().map(|found| found.finding.code),
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

/// The messages that count: in a log those that stand where messages stand, in a short text that
/// somebody pasted all of them.
fn counting(log: &Log) -> impl Iterator<Item = &Sighting> {
    let all = log.sightings.iter().filter(|sighting| fits(log, sighting));
    let any_begins = log.sightings.iter().any(|sighting| sighting.begins);
    let take_all = is_pasted(log) && !any_begins;
    all.filter(move |sighting| take_all || sighting.begins)
}

fn is_pasted(log: &Log) -> bool {
    let lines: u64 = log.files.iter().map(|file| file.lines).sum();
    lines <= PASTED && log.files.iter().all(|file| file.is_stdin)
}

/// Whether what the log tells of logins lets the message count.
fn fits(log: &Log, sighting: &Sighting) -> bool {
    if is_of_another_command(log, sighting) {
        return false;
    }
    match sighting.message.scope {
        // A login that worked in between is the one that went before.
        Scope::OidcLogin => login::login_of(log, sighting).is_some_and(|login| {
            let last = sighting.places.last();
            let between = |success: &Place| {
                last.is_some_and(|last| {
                    success.is_beside(last) && login.place < *success && success < last
                })
            };
            login.token.is_some() && !log.context.successes.iter().any(between)
        }),
        Scope::LoginVariable => {
            let Some((_, variable)) = sighting.values.first() else { return false };
            let named = |login: &LoginLine| {
                login.token.as_deref().is_some_and(|token| {
                    login::variable(token) == Some(variable) || token == format!("$({variable})")
                })
            };
            log.context.logins.iter().any(named)
        }
        Scope::Anywhere | Scope::PulumiLogin | Scope::TokenRequest => !is_overcome(log, sighting),
    }
}

/// The words of a message about something else: a stack's file instead of the project's, a flag
/// that this pulumi knows, on another command.
fn is_of_another_command(log: &Log, sighting: &Sighting) -> bool {
    let extension = login::value(sighting, "extension");
    let is_stack = extension.is_some_and(|e| !["yaml", "yml", "json"].contains(&e));
    let is_new =
        log.context.version.as_ref().is_some_and(|told| versions::OIDC.holds(Some(&told.value)));
    is_stack || is_new && sighting.message.means == Means::Codes(&[Code::CliTooOld])
}

/// Trouble on the way, or on the service's side, that a login after it no longer had.
fn is_overcome(log: &Log, sighting: &Sighting) -> bool {
    let passes = match sighting.message.means {
        Means::Network(Trouble::Unreachable) => true,
        Means::ExchangeAnswer | Means::Status => {
            codes::of(log, sighting).first().is_some_and(|code| {
                matches!(code, Code::ExchangeServerError | Code::ExchangeRateLimited)
            })
        }
        _ => sighting.message.role == Role::Symptom,
    };
    let last = sighting.places.last();
    let later = |success: &Place| last.is_some_and(|l| l.is_beside(success) && l < success);
    passes && log.context.successes.iter().any(later)
}

/// A message, and what it stands for.
struct Judged<'a> {
    sighting: &'a Sighting,
    code: Code,
    also: Vec<Code>,
    system: Option<&'static str>,
}

impl<'a> Judged<'a> {
    fn of(log: &Log, sighting: &'a Sighting) -> Self {
        let mut codes = codes::of(log, sighting).into_iter();
        let code = codes.next().unwrap_or(Code::ExchangeRejected);
        let system = match sighting.message.means {
            Means::OtherSystem(system) => Some(system),
            _ => None,
        };
        Self { sighting, code, also: codes.collect(), system }
    }
}

/// A finding, and what its rank follows from.
struct Ranked {
    found: LogFinding,
    role: Role,
    first: Place,
}

impl Ranked {
    fn new(log: &Log, judged: Judged) -> Self {
        let sighting = judged.sighting;
        let mut finding = Finding::new(judged.code, detail(log, &judged));
        if let Some(advice) = advice::advice(log, sighting, judged.code) {
            finding.remediation = advice;
        }
        if !sighting.message.fix.is_empty() {
            sighting.message.fix.clone_into(&mut finding.remediation.summary);
            finding.remediation.steps.clear();
            finding.remediation.commands.clear();
        }
        if let Some(system) = judged.system {
            finding.remediation.links = link(system).map(str::to_owned).into_iter().collect();
        }
        finding.severity = match (sighting.message.means, sighting.message.role) {
            // The CLI has refused it.
            (Means::TokenValue, _) => Severity::Error,
            (_, Role::Hint) => finding.severity.min(Severity::Warning),
            _ => finding.severity,
        };
        let first = sighting.places.first().copied().unwrap_or(Place { file: 0, job: 0, line: 0 });
        let found = LogFinding {
            finding,
            also_possible: judged.also.clone(),
            system: judged.system,
            places: Vec::new(),
            count: 0,
        };
        let mut ranked = Self { found, role: sighting.message.role, first };
        ranked.add(log, judged);
        ranked
    }

    /// Other systems' failures before Pulumi's, then what stops a login in the order in which that
    /// is fixed, then what follows from something else.
    fn rank(&self, pulumis: Option<Place>) -> impl Ord + use<> {
        let finding = &self.found.finding;
        let step = match self.found.system {
            None => (1, Some(verdict::rank(finding.code, true))),
            Some(_) if pulumis.is_none_or(|first| self.first < first) => (0, None),
            Some(_) => (2, None),
        };
        (Reverse(finding.severity), self.role, step, self.first)
    }

    fn finish(mut self) -> LogFinding {
        let others: Vec<String> =
            self.found.also_possible.iter().map(|code| code.name().to_owned()).collect();
        if !others.is_empty() {
            let detail = &mut self.found.finding.detail;
            detail.push_str(&format!(" It may also be {}.", list(&others)));
        }
        self.found
    }

    fn is_pulumis(&self) -> bool {
        self.found.system.is_none() && self.role == Role::Cause
    }

    /// Whether a message is no more than the echo of this: no token, or no login, after something
    /// earlier in the same log kept it from being there.
    fn explains(&self, judged: &Judged) -> bool {
        let sighting = judged.sighting;
        let Some(place) = sighting.places.first() else { return false };
        let is_echo = match sighting.message.role {
            Role::Symptom => true,
            // An answer without a token is what comes of a request that failed.
            _ => {
                judged.code == Code::TokenNotAToken
                    && self.found.finding.code == Code::TokenRequestFailed
            }
        };
        is_echo && self.is_pulumis() && self.first.is_beside(place) && self.first < *place
    }

    fn echo(&mut self, log: &Log, judged: &Judged) {
        self.found.finding.evidence.push(Proof {
            what: "and then".to_owned(),
            value: judged.sighting.text.clone(),
            place: places(log, judged.sighting),
        });
    }

    fn same(&self, judged: &Judged) -> bool {
        self.found.finding.code == judged.code && self.found.system == judged.system
    }

    fn add(&mut self, log: &Log, judged: Judged) {
        let sighting = judged.sighting;
        self.found.finding.evidence.push(Proof {
            what: "message".to_owned(),
            value: sighting.text.clone(),
            place: places(log, sighting),
        });
        self.found.finding.evidence.extend(login::proofs(log, sighting, judged.code));
        self.found.places.extend(sighting.places.iter().map(|place| at(log, *place)));
        self.found.count += sighting.count;
        self.role = self.role.min(sighting.message.role);
        for code in judged.also {
            if !self.found.also_possible.contains(&code) {
                self.found.also_possible.push(code);
            }
        }
    }
}

/// What the message says; what the catalogue says of its code where the message says no more.
fn detail(log: &Log, judged: &Judged) -> String {
    let sighting = judged.sighting;
    let template = Template::parse(sighting.message.says);
    let value = |name: &str| {
        let (_, value) = sighting.values.iter().find(|(known, _)| *known == name)?;
        Some(value.trim_end_matches('.').to_owned())
    };
    let is_answer = sighting.message.means == Means::ExchangeAnswer;
    let mut text = match sighting.message.says {
        _ if is_answer && judged.code != Code::ExchangeRejected => judged.code.meaning(),
        _ if judged.code == Code::GitlabIdTokenMissing => judged.code.meaning(),
        "" => judged.code.meaning(),
        _ => template.fill(value),
    };
    if let Some(system) = judged.system {
        text = format!(
            "{text} This is {system}'s login, with a trust and a policy of its own, not Pulumi \
             Cloud's."
        );
    }
    if judged.code == Code::TokenEmpty
        && sighting.message.role == Role::Symptom
        && !log.context.logins.iter().any(|login| login.token.is_some())
    {
        text.push_str(
            " The log does not show --oidc-token being passed: if no login was meant to be made \
             with a token, PULUMI_ACCESS_TOKEN is what is missing.",
        );
    }
    text
}

/// Where the other systems' documentation tells of their logins.
fn link(system: &str) -> Option<&'static str> {
    const LINKS: [(&str, &str); 5] = [
        (
            "Azure",
            "https://learn.microsoft.com/en-us/azure/devops/pipelines/release/troubleshoot-workload-identity",
        ),
        ("AWS", "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html"),
        ("HashiCorp Vault", "https://developer.hashicorp.com/vault/docs/auth/jwt"),
        ("Google Cloud", "https://cloud.google.com/iam/docs/workload-identity-federation"),
        ("PyPI", "https://docs.pypi.org/trusted-publishers/"),
    ];
    LINKS.iter().find(|(name, _)| *name == system).map(|(_, link)| *link)
}

/// Where a message stands.
fn places(log: &Log, sighting: &Sighting) -> String {
    let places: Vec<LogPlace> = sighting.places.iter().map(|place| at(log, *place)).collect();
    LogPlace::list(&places, sighting.count)
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
        successes: context.successes.iter().map(|place| at(log, *place)).collect(),
    }
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
