//! What a check may look at: the evidence, what follows from it without judging, and the checks
//! before it.

use serde_json::{Map, Value};

use super::advice::job::{Job, printable_url, printable_variable};
use super::outcome::Outcome;
use crate::evidence::{
    AccessTokenSource, Body, CheckId, Evidence, InputProblem, PolicySource, SkipReason,
};
use crate::policy::evaluate::Evaluation;
use crate::policy::{Entry, Registration};
use crate::pulumi::backend_url::{Resolved, is_plain_http};
use crate::pulumi::request::Request;
use crate::pulumi::versions;
use crate::report::{Finding, Status};

/// What a check may look at.
pub(crate) struct Context<'a> {
    pub(crate) evidence: &'a Evidence,
    /// What the login asks for.
    pub(crate) request: Request,
    /// The backend URL that the CLI uses.
    pub(crate) backend: Resolved,
    /// What the policy decides, where there is one for this token; [`super::judge`] works it out.
    pub(crate) evaluation: Option<Evaluation>,
    /// The checks so far.
    pub(crate) done: Vec<(CheckId, Outcome)>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(evidence: &'a Evidence) -> Self {
        Self {
            evidence,
            request: evidence.request(),
            backend: evidence.resolved_backend(),
            evaluation: None,
            done: Vec::new(),
        }
    }

    // ---------------------------------------------------------------------- earlier checks

    /// The first cause if `check` could not run or failed to give what others need: its own id,
    /// or what stopped it in turn.
    pub(crate) fn cause(&self, check: CheckId) -> SkipReason {
        self.outcome(check).and_then(|outcome| outcome.skipped).unwrap_or(check.into())
    }

    /// Whether an earlier check found an error.
    pub(crate) fn failed(&self, check: CheckId) -> bool {
        self.outcome(check).is_some_and(|outcome| outcome.status() == Status::Fail)
    }

    pub(crate) fn outcome(&self, check: CheckId) -> Option<&Outcome> {
        self.done.iter().find(|(id, _)| *id == check).map(|(_, outcome)| outcome)
    }

    /// All findings so far.
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.done.iter().flat_map(|(_, outcome)| &outcome.findings)
    }

    pub(crate) fn findings_mut(&mut self) -> impl Iterator<Item = &mut Finding> {
        self.done.iter_mut().flat_map(|(_, outcome)| &mut outcome.findings)
    }

    // ----------------------------------------------------------------------- run and login

    /// Whether this environment is the one that fails.
    pub(crate) fn judges_environment(&self) -> bool {
        self.evidence.options.run_context.judges_environment()
    }

    /// The instant that time claims are judged by, in seconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.evidence.now.as_second()
    }

    /// Whether the login asks for a token exchange. A `pulumi login` without a token does not; a
    /// diagnosis of a token is always about one.
    pub(crate) fn asks_for_exchange(&self) -> bool {
        !self.evidence.options.run_context.is_login()
            || self.evidence.login.token_named
            || self.evidence.token.is_some()
    }

    /// Whether the CLI is given a value for the token.
    pub(crate) fn has_token(&self) -> bool {
        use InputProblem::{Ambiguous, Empty, Missing, Refused};
        let is_nothing = matches!(
            self.evidence.input.problem,
            Some(Missing | Empty | Ambiguous { .. } | Refused { .. })
        );
        self.asks_for_exchange() && !is_nothing && !self.has_no_oidc()
    }

    /// Whether the CLI is too old for OIDC.
    pub(crate) fn has_no_oidc(&self) -> bool {
        !versions::OIDC.holds(self.evidence.rules())
    }

    /// Whether one of the login's `--oidc-…` flags has a value.
    pub(crate) fn uses_oidc_flags(&self) -> bool {
        self.evidence.login.uses_oidc_flags()
    }

    /// Whether the access token that whoami was asked with is the one that the login uses.
    pub(crate) fn uses_access_token(&self) -> bool {
        self.evidence.cloud.access_token == AccessTokenSource::Exchange
    }

    /// What advice needs to know of this login.
    pub(crate) fn job(&self) -> Job<'_> {
        let options = &self.evidence.options;
        Job {
            platform: options.run_context.platform(),
            url: printable_url(&self.backend, options.insecure, self.failed(CheckId::Backend)),
            variable: printable_variable(self.evidence.input.held_by.as_deref()),
            organization: self.request.organization.as_deref(),
        }
    }

    // ----------------------------------------------------------------------------- backend

    /// Why nothing was sent to a found backend, after a colon.
    pub(crate) fn why_unnamed(&self) -> String {
        format!(
            "{} names the backend; to trust it, pass {}",
            self.backend.source.label(),
            SkipReason::CloudUrl.name()
        )
    }

    /// Whether access tokens are kept from the backend because of its scheme.
    pub(crate) fn is_plain_http(&self) -> bool {
        is_plain_http(&self.backend.url)
    }

    // ------------------------------------------------------------------- issuer and policy

    /// Whether the registration carries static keys, so that nothing is fetched.
    pub(crate) fn has_registered_keys(&self) -> bool {
        self.evidence.registration().is_some_and(|r| r.jwks.is_some())
    }

    /// The discovery document, if one was had.
    pub(crate) fn discovery(&self) -> Option<&Map<String, Value>> {
        match &self.evidence.issuer.discovery.answer()?.body {
            Body::Json(Value::Object(document)) => Some(document),
            _ => None,
        }
    }

    /// The issuer's `jwks_uri`; empty where the document has none.
    pub(crate) fn jwks_uri(&self) -> &str {
        self.discovery().and_then(|d| d.get("jwks_uri")?.as_str()).unwrap_or_default()
    }

    /// Where an entry stands: its file and line, the issuer, the entry.
    pub(crate) fn entry_place(&self, index: usize, entry: &Entry) -> String {
        self.place_of_rule(entry.place.line, index)
    }

    /// Where a rule stands.
    pub(crate) fn rule_place(&self, line: u64, index: usize, claim: &str) -> String {
        format!("{}, rule {claim}", self.place_of_rule(line, index))
    }

    /// The same without the rule's name.
    pub(crate) fn place_of_rule(&self, line: u64, index: usize) -> String {
        self.policy_place(line, &self.of_issuer(&entry_name(index)))
    }

    /// Where an entry is added: behind those that there are.
    pub(crate) fn place_of_another(&self) -> String {
        let registration = self.evidence.registration();
        let entries = registration.and_then(|r| r.policies.as_deref()).unwrap_or_default();
        let issuer = registration.and_then(Registration::label);
        let issuer =
            issuer.map_or_else(|| "the issuer".to_owned(), |name| format!("issuer {name}"));
        match entries {
            [.., last] => {
                let after = format!("after {} of {issuer}", entry_name(entries.len() - 1));
                self.policy_place(last.place.line, &after)
            }
            [] => self.policy_place(registration.map_or(0, |r| r.place.line), &issuer),
        }
    }

    /// What belongs to the issuer whose policy decides, with its name where it has one.
    fn of_issuer(&self, what: &str) -> String {
        match self.evidence.registration().and_then(Registration::label) {
            Some(name) => format!("issuer {name}, {what}"),
            None => what.to_owned(),
        }
    }

    /// A place in the policy document, in words.
    pub(crate) fn policy_place(&self, line: u64, what: &str) -> String {
        match (&self.evidence.policy, line) {
            (PolicySource::File { path, .. }, 1..) => format!("{path}:{line}, {what}"),
            (PolicySource::Live { .. }, _) => format!("Pulumi Cloud, {what}"),
            _ => what.to_owned(),
        }
    }

    /// What the policy was read from, in a sentence.
    pub(crate) fn policy_source(&self) -> &'static str {
        match self.evidence.policy {
            PolicySource::Live { .. } => "the policies read from Pulumi Cloud",
            _ => "the policy file",
        }
    }
}

/// An entry as people count it: from 1, as Pulumi Cloud's console lists them.
pub(crate) fn entry_name(index: usize) -> String {
    format!("policy {}", index + 1)
}
