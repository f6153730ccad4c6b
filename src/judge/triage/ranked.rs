//! Findings of a log: detail, advice and rank.

use std::cmp::Reverse;

use super::counted::{is_unnamed, role};
use super::{advice, codes, log_place, login};
use crate::catalogue::{Code, Severity};
use crate::evidence::log::{Log, LogMatch, Place};
use crate::judge::finding::list;
use crate::judge::verdict;
use crate::known_messages::{Means, Role, Template};
use crate::report::triage::{LogFinding, LogPlace};
use crate::report::{Finding, Proof};

/// A message with its codes.
pub(super) struct ClassifiedMatch<'a> {
    log_match: &'a LogMatch,
    role: Role,
    code: Code,
    also: Vec<Code>,
    system: Option<&'static str>,
}

impl<'a> ClassifiedMatch<'a> {
    pub(super) fn new(log: &Log, log_match: &'a LogMatch) -> Self {
        let mut codes = codes::codes_of(log, log_match).into_iter();
        let code = codes.next().unwrap_or(Code::ExchangeRejected);
        let system = match log_match.message.means {
            Means::OtherSystem(system) => Some(system),
            _ => None,
        };
        let role = role(log, log_match);
        Self { log_match, role, code, also: codes.collect(), system }
    }
}

/// A finding with what determines its rank.
pub(super) struct RankedFinding {
    found: LogFinding,
    pub(super) role: Role,
    pub(super) first: Place,
    /// The remedy is that of the message.
    has_own_fix: bool,
}

impl RankedFinding {
    pub(super) fn new(log: &Log, classified: ClassifiedMatch) -> Self {
        let log_match = classified.log_match;
        let mut finding = Finding::new(classified.code, "");
        if let Some(advice) = advice::advice(log, log_match, classified.code) {
            finding.remediation = advice.remediation;
            finding.retryable = advice.retryable;
        }
        if let Some(system) = classified.system {
            finding.remediation.links = link(system).map(str::to_owned).into_iter().collect();
        }
        finding.severity = match classified.role {
            Role::Hint => finding.severity.min(Severity::Warning),
            // The CLI refused the token.
            _ if log_match.message.means == Means::TokenValue => Severity::Error,
            // A message that ends a command is an error.
            _ if finding.severity == Severity::Info => Severity::Error,
            _ => finding.severity,
        };
        let first = log_match.places.first().copied().unwrap_or(Place { file: 0, job: 0, line: 0 });
        let found = LogFinding {
            finding,
            also_possible: classified.also.clone(),
            system: classified.system,
            places: Vec::new(),
            count: 0,
        };
        let mut ranked = Self { found, role: classified.role, first, has_own_fix: false };
        ranked.explain(log, &classified);
        ranked.add(log, classified);
        ranked
    }

    /// Sets the detail, and the remedy if the message has its own.
    fn explain(&mut self, log: &Log, classified: &ClassifiedMatch) {
        let finding = &mut self.found.finding;
        finding.detail = detail(log, classified);
        // Trusting a certificate on this machine does not help Pulumi Cloud, which fetches the
        // keys.
        if !classified.log_match.message.fix.is_empty()
            && classified.code != Code::IssuerTlsUntrusted
        {
            classified.log_match.message.fix.clone_into(&mut finding.remediation.summary);
            finding.remediation.steps.clear();
            finding.remediation.commands.clear();
            self.has_own_fix = true;
        }
    }

    /// Orders findings: failures of other systems before Pulumi's first one, then Pulumi's in
    /// root-cause order, then later failures of other systems.
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

    pub(super) fn is_pulumi_failure(&self) -> bool {
        self.found.system.is_none() && self.role == Role::Cause
    }

    /// Whether this earlier failure in the same log caused a message: there is no token or no login
    /// because of it.
    pub(super) fn causes(&self, classified: &ClassifiedMatch) -> bool {
        let log_match = classified.log_match;
        let Some(place) = log_match.places.first() else { return false };
        let is_consequence = match classified.role {
            Role::Symptom => true,
            // A failed request explains an answer without a token.
            _ => {
                classified.code == Code::TokenNotAToken
                    && self.found.finding.code == Code::TokenRequestFailed
            }
        };
        is_consequence
            && self.is_pulumi_failure()
            && self.first.is_in_same_job(place)
            && self.first < *place
    }

    pub(super) fn add_consequence(&mut self, log: &Log, classified: &ClassifiedMatch) {
        let (text, places) = (&classified.log_match.text, places(log, classified.log_match));
        self.found.finding.evidence.push(Proof::new("and then", text, places));
    }

    pub(super) fn is_same_failure(&self, classified: &ClassifiedMatch) -> bool {
        self.found.finding.code == classified.code && self.found.system == classified.system
    }

    pub(super) fn add(&mut self, log: &Log, classified: ClassifiedMatch) {
        let log_match = classified.log_match;
        let message = Proof::new("message", &log_match.text, places(log, log_match));
        self.found.finding.evidence.push(message);
        self.found.finding.evidence.extend(login::login_proofs(log, log_match, classified.code));
        self.found.places.extend(log_match.places.iter().map(|place| log_place(log, *place)));
        self.found.count += log_match.count;
        self.role = self.role.min(classified.role);
        if !self.has_own_fix && !log_match.message.fix.is_empty() {
            self.explain(log, &classified);
        }
        for code in classified.also {
            if !self.found.also_possible.contains(&code) {
                self.found.also_possible.push(code);
            }
        }
    }
}

/// The detail of a message. The catalogue's meaning of its code if the message has no text of its
/// own.
fn detail(log: &Log, classified: &ClassifiedMatch) -> String {
    let log_match = classified.log_match;
    let template = Template::parse(log_match.message.explanation);
    let value = |name: &str| {
        let (_, value) = log_match.values.iter().find(|(known, _)| *known == name)?;
        Some(value.trim_end_matches('.').to_owned())
    };
    let is_answer = log_match.message.means == Means::ExchangeAnswer;
    let mut text = match log_match.message.explanation {
        _ if is_answer && classified.code != Code::ExchangeRejected => classified.code.meaning(),
        _ if classified.code == Code::GitlabIdTokenMissing => classified.code.meaning(),
        "" => classified.code.meaning(),
        _ => template.fill(value),
    };
    if let Some(system) = classified.system {
        text = format!(
            "{text} This is {system}'s login, with a trust and a policy of its own, not Pulumi \
             Cloud's."
        );
    }
    if classified.code == Code::TokenEmpty
        && log_match.message.role == Role::Symptom
        && !classified.also.contains(&Code::AgentAccountUsed)
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

/// The documentation of another system's login.
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

/// The places of a message in the log.
fn places(log: &Log, log_match: &LogMatch) -> String {
    let places: Vec<LogPlace> =
        log_match.places.iter().map(|place| log_place(log, *place)).collect();
    LogPlace::list(&places, log_match.count)
}
