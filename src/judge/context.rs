//! The input of a check: the evidence, values derived from it, and the outcomes of earlier checks.

use serde_json::{Map, Value};

use super::advice::job::{Job, printable_url, printable_variable};
use super::outcome::CheckOutcome;
use crate::evidence::{
    AccessTokenSource, Body, CheckId, Evidence, InputProblem, PolicySource, SkipReason,
};
use crate::policy::evaluate::Evaluation;
use crate::policy::{Entry, Registration};
use crate::pulumi::backend_url::{Resolved, is_plain_http};
use crate::pulumi::request::Request;
use crate::pulumi::versions;
use crate::report::{Finding, Status};

/// The input of a check.
pub(crate) struct Context<'a> {
    pub(crate) evidence: &'a Evidence,
    /// The token that the login requests.
    pub(crate) request: Request,
    /// The backend URL that the CLI uses.
    pub(crate) backend: Resolved,
    /// How the policy for this token decides, if there is one. [`super::report`] sets it.
    pub(crate) evaluation: Option<Evaluation>,
    /// The outcomes of the checks so far.
    pub(crate) outcomes: Vec<(CheckId, CheckOutcome)>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(evidence: &'a Evidence) -> Self {
        Self {
            evidence,
            request: evidence.request(),
            backend: evidence.resolved_backend(),
            evaluation: None,
            outcomes: Vec::new(),
        }
    }

    // ---------------------------------------------------------------------- earlier checks

    /// The skip reason of a check that needs the result of `check`: the reason why `check` was
    /// itself skipped, or else `check`.
    pub(crate) fn blocked_by(&self, check: CheckId) -> SkipReason {
        self.outcome(check).and_then(|outcome| outcome.skipped).unwrap_or(check.into())
    }

    /// Whether an earlier check found an error.
    pub(crate) fn failed(&self, check: CheckId) -> bool {
        self.outcome(check).is_some_and(|outcome| outcome.status() == Status::Fail)
    }

    pub(crate) fn outcome(&self, check: CheckId) -> Option<&CheckOutcome> {
        self.outcomes.iter().find(|(id, _)| *id == check).map(|(_, outcome)| outcome)
    }

    /// All findings so far.
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.outcomes.iter().flat_map(|(_, outcome)| &outcome.findings)
    }

    pub(crate) fn findings_mut(&mut self) -> impl Iterator<Item = &mut Finding> {
        self.outcomes.iter_mut().flat_map(|(_, outcome)| &mut outcome.findings)
    }

    // ----------------------------------------------------------------------- run and login

    /// Whether the doctor runs in the environment of the failing login.
    pub(crate) fn judges_environment(&self) -> bool {
        self.evidence.options.run_context.judges_environment()
    }

    /// The time by which the token's time claims are judged, in seconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.evidence.now.as_second()
    }

    /// Whether the login makes a token exchange. A `pulumi login` without a token does not; a
    /// diagnosis of a token always assumes one.
    pub(crate) fn asks_for_exchange(&self) -> bool {
        !self.evidence.options.run_context.is_login()
            || self.evidence.login.token_named
            || self.evidence.token.is_some()
    }

    /// Whether the CLI receives a token value.
    pub(crate) fn has_token(&self) -> bool {
        use InputProblem::{Ambiguous, Empty, Missing, Refused};
        let is_absent = matches!(
            self.evidence.input.problem,
            Some(Missing | Empty | Ambiguous { .. } | Refused { .. })
        );
        self.asks_for_exchange() && !is_absent && !self.cli_lacks_oidc()
    }

    /// Whether the CLI is too old for OIDC.
    pub(crate) fn cli_lacks_oidc(&self) -> bool {
        !versions::OIDC.holds(self.evidence.rules())
    }

    /// Whether one of the login's `--oidc-…` flags has a value.
    pub(crate) fn uses_oidc_flags(&self) -> bool {
        self.evidence.login.uses_oidc_flags()
    }

    /// Whether the whoami request was made with the access token that the login obtained.
    pub(crate) fn whoami_used_login_token(&self) -> bool {
        self.evidence.cloud.access_token == AccessTokenSource::Exchange
    }

    /// This login, for advice.
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

    /// Why no credentials were sent to a backend that only a project file names. Follows a colon.
    pub(crate) fn untrusted_backend(&self) -> String {
        format!(
            "{} names the backend; to trust it, pass {}",
            self.backend.source.label(),
            SkipReason::CloudUrl.name()
        )
    }

    /// Whether the backend uses plain HTTP, so that the doctor sends it no access token.
    pub(crate) fn is_plain_http(&self) -> bool {
        is_plain_http(&self.backend.url)
    }

    // ------------------------------------------------------------------- issuer and policy

    /// Whether the registration has static keys, so that Pulumi Cloud fetches none.
    pub(crate) fn has_registered_keys(&self) -> bool {
        self.evidence.registration().is_some_and(|r| r.jwks.is_some())
    }

    /// The discovery document, if it was fetched and is a JSON object.
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

    /// The location of an entry: file and line, issuer, entry.
    pub(crate) fn entry_place(&self, index: usize, entry: &Entry) -> String {
        self.entry_place_at(entry.place.line, index)
    }

    /// The location of a rule.
    pub(crate) fn rule_place(&self, line: u64, index: usize, claim: &str) -> String {
        format!("{}, rule {claim}", self.entry_place_at(line, index))
    }

    /// The location of an entry, with another line than its first.
    pub(crate) fn entry_place_at(&self, line: u64, index: usize) -> String {
        self.policy_place(line, &self.with_issuer(&entry_name(index)))
    }

    /// The location for a new entry: after the last one.
    pub(crate) fn new_entry_place(&self) -> String {
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

    /// Prefixes a location with the name of the issuer whose policy decides, if it has one.
    fn with_issuer(&self, what: &str) -> String {
        match self.evidence.registration().and_then(Registration::label) {
            Some(name) => format!("issuer {name}, {what}"),
            None => what.to_owned(),
        }
    }

    /// A location in the policy document, as text.
    pub(crate) fn policy_place(&self, line: u64, what: &str) -> String {
        match (&self.evidence.policy, line) {
            (PolicySource::File { path, .. }, 1..) => format!("{path}:{line}, {what}"),
            (PolicySource::Live { .. }, _) => format!("Pulumi Cloud, {what}"),
            _ => what.to_owned(),
        }
    }

    /// The source of the policy, as a noun phrase.
    pub(crate) fn policy_source(&self) -> &'static str {
        match self.evidence.policy {
            PolicySource::Live { .. } => "the policies read from Pulumi Cloud",
            _ => "the policy file",
        }
    }
}

/// The name of an entry, counted from 1 as in Pulumi Cloud's console.
pub(crate) fn entry_name(index: usize) -> String {
    format!("policy {}", index + 1)
}
