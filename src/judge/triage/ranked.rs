//! A finding of a log: what its messages say, what to do, and where it ranks.

use std::cmp::Reverse;

use super::counting::{is_unnamed, role};
use super::{advice, at, codes, login};
use crate::catalogue::{Code, Severity};
use crate::evidence::log::{Log, LogMatch, Place};
use crate::judge::finding::list;
use crate::judge::verdict;
use crate::known_messages::{Means, Role, Template};
use crate::report::triage::{LogFinding, LogPlace};
use crate::report::{Finding, Proof};

/// A message, and what it stands for.
pub(super) struct Judged<'a> {
    log_match: &'a LogMatch,
    role: Role,
    code: Code,
    also: Vec<Code>,
    system: Option<&'static str>,
}

impl<'a> Judged<'a> {
    pub(super) fn of(log: &Log, log_match: &'a LogMatch) -> Self {
        let mut codes = codes::of(log, log_match).into_iter();
        let code = codes.next().unwrap_or(Code::ExchangeRejected);
        let system = match log_match.message.means {
            Means::OtherSystem(system) => Some(system),
            _ => None,
        };
        let role = role(log, log_match);
        Self { log_match, role, code, also: codes.collect(), system }
    }
}

/// A finding, and what its rank follows from.
pub(super) struct Ranked {
    found: LogFinding,
    pub(super) role: Role,
    pub(super) first: Place,
    /// What to do is what the message itself says.
    has_own_fix: bool,
}

impl Ranked {
    pub(super) fn new(log: &Log, judged: Judged) -> Self {
        let log_match = judged.log_match;
        let mut finding = Finding::new(judged.code, "");
        if let Some(advice) = advice::advice(log, log_match, judged.code) {
            finding.remediation = advice.remediation;
            finding.retryable = advice.retryable;
        }
        if let Some(system) = judged.system {
            finding.remediation.links = link(system).map(str::to_owned).into_iter().collect();
        }
        finding.severity = match judged.role {
            Role::Hint => finding.severity.min(Severity::Warning),
            // The CLI has refused it.
            _ if log_match.message.means == Means::TokenValue => Severity::Error,
            // A message that ends a command is more than information.
            _ if finding.severity == Severity::Info => Severity::Error,
            _ => finding.severity,
        };
        let first = log_match.places.first().copied().unwrap_or(Place { file: 0, job: 0, line: 0 });
        let found = LogFinding {
            finding,
            also_possible: judged.also.clone(),
            system: judged.system,
            places: Vec::new(),
            count: 0,
        };
        let mut ranked = Self { found, role: judged.role, first, has_own_fix: false };
        ranked.explain(log, &judged);
        ranked.add(log, judged);
        ranked
    }

    /// Says what the message says, and what it says to do.
    fn explain(&mut self, log: &Log, judged: &Judged) {
        let finding = &mut self.found.finding;
        finding.detail = detail(log, judged);
        // What helps this machine does not help Pulumi Cloud, which fetches the keys itself.
        if !judged.log_match.message.fix.is_empty() && judged.code != Code::IssuerTlsUntrusted {
            judged.log_match.message.fix.clone_into(&mut finding.remediation.summary);
            finding.remediation.steps.clear();
            finding.remediation.commands.clear();
            self.has_own_fix = true;
        }
    }

    /// Other systems' failures before Pulumi's, then what stops a login in the order in which that
    /// is fixed, then what follows from something else.
    pub(super) fn rank(&self, pulumis: Option<Place>) -> impl Ord + use<> {
        let finding = &self.found.finding;
        let step = match self.found.system {
            None => (1, Some(verdict::rank(finding.code, true))),
            Some(_) if pulumis.is_none_or(|first| self.first < first) => (0, None),
            Some(_) => (2, None),
        };
        (self.role == Role::Hint, Reverse(finding.severity), self.role, step, self.first)
    }

    pub(super) fn finish(mut self) -> LogFinding {
        let others: Vec<String> =
            self.found.also_possible.iter().map(|code| code.name().to_owned()).collect();
        if !others.is_empty() {
            let detail = &mut self.found.finding.detail;
            detail.push_str(&format!(" It may also be {}.", list(&others)));
        }
        self.found
    }

    pub(super) fn is_pulumis(&self) -> bool {
        self.found.system.is_none() && self.role == Role::Cause
    }

    /// Whether a message is no more than the echo of this: no token, or no login, after something
    /// earlier in the same log kept it from being there.
    pub(super) fn explains(&self, judged: &Judged) -> bool {
        let log_match = judged.log_match;
        let Some(place) = log_match.places.first() else { return false };
        let is_echo = match judged.role {
            Role::Symptom => true,
            // An answer without a token follows from a request that failed.
            _ => {
                judged.code == Code::TokenNotAToken
                    && self.found.finding.code == Code::TokenRequestFailed
            }
        };
        is_echo && self.is_pulumis() && self.first.is_beside(place) && self.first < *place
    }

    pub(super) fn echo(&mut self, log: &Log, judged: &Judged) {
        let (text, places) = (&judged.log_match.text, places(log, judged.log_match));
        self.found.finding.evidence.push(Proof::new("and then", text, places));
    }

    pub(super) fn same(&self, judged: &Judged) -> bool {
        self.found.finding.code == judged.code && self.found.system == judged.system
    }

    pub(super) fn add(&mut self, log: &Log, judged: Judged) {
        let log_match = judged.log_match;
        let message = Proof::new("message", &log_match.text, places(log, log_match));
        self.found.finding.evidence.push(message);
        self.found.finding.evidence.extend(login::proofs(log, log_match, judged.code));
        self.found.places.extend(log_match.places.iter().map(|place| at(log, *place)));
        self.found.count += log_match.count;
        self.role = self.role.min(judged.role);
        if !self.has_own_fix && !log_match.message.fix.is_empty() {
            self.explain(log, &judged);
        }
        for code in judged.also {
            if !self.found.also_possible.contains(&code) {
                self.found.also_possible.push(code);
            }
        }
    }
}

/// What the message says; what the catalogue says of its code where the message says no more.
fn detail(log: &Log, judged: &Judged) -> String {
    let log_match = judged.log_match;
    let template = Template::parse(log_match.message.says);
    let value = |name: &str| {
        let (_, value) = log_match.values.iter().find(|(known, _)| *known == name)?;
        Some(value.trim_end_matches('.').to_owned())
    };
    let is_answer = log_match.message.means == Means::ExchangeAnswer;
    let mut text = match log_match.message.says {
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
        && log_match.message.role == Role::Symptom
        && !judged.also.contains(&Code::AgentAccountUsed)
        && !log.context.logins.iter().any(|login| login.token.is_some())
    {
        text.push_str(
            " The log does not show --oidc-token being passed: if no login was meant to be made \
             with a token, PULUMI_ACCESS_TOKEN is what is missing.",
        );
    }
    if is_unnamed(log_match) {
        text.push_str(" The text does not show whose request it was.");
    }
    text
}

/// The documentation of the other systems' logins.
fn link(system: &str) -> Option<&'static str> {
    const LINKS: [(&str, &str); 6] = [
        (
            "Azure",
            "https://learn.microsoft.com/en-us/azure/devops/pipelines/release/troubleshoot-workload-identity",
        ),
        ("AWS", "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html"),
        ("HashiCorp Vault", "https://developer.hashicorp.com/vault/docs/auth/jwt"),
        ("Google Cloud", "https://cloud.google.com/iam/docs/workload-identity-federation"),
        (
            "JFrog",
            "https://jfrog.com/help/r/jfrog-platform-administration-documentation/openid-connect-integration",
        ),
        ("PyPI", "https://docs.pypi.org/trusted-publishers/"),
    ];
    LINKS.iter().find(|(name, _)| *name == system).map(|(_, link)| *link)
}

/// Where a message stands.
fn places(log: &Log, log_match: &LogMatch) -> String {
    let places: Vec<LogPlace> = log_match.places.iter().map(|place| at(log, *place)).collect();
    LogPlace::list(&places, log_match.count)
}
