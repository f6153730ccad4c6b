//! Removes from evidence the parts of URLs that are not shown ([`crate::text::url`]).
//!
//! Gathering needs whole URLs for requests and comparisons. Afterwards, only their shown form is
//! kept. The result of a comparison that needs a removed part is recorded first, so that the judge
//! comes to the same verdict in the run and in a replay.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

use super::url_faults::hidden_fault;
use super::{
    Answer, Backend, BackendCandidate, Body, CredentialsFile, Evidence, Exchange, Failure,
    FailureKind, FileProblem, Input, InputProblem, Issuer, KeySet, PlatformEnvironment,
    PolicyReadFailure, PolicyReadFailureReason, PolicySource, Probe, ProjectFile, ProxyFault,
    Refusal, Signature, Token,
};
use crate::limits;
use crate::limits::Work;
use crate::policy::claim_path::ClaimPath;
use crate::policy::evaluate::{claim, matches};
use crate::policy::{Document, Unresolved};
use crate::text::{url, urls_in, urls_in_pattern};

impl Evidence {
    /// Removes the parts of URLs that are not shown, and records the comparisons that need them.
    /// Calling it again changes nothing.
    pub fn hide_url_parts(&mut self) {
        self.hide_in_token_and_policy();
        let login = &mut self.login;
        for text in [&mut login.organization, &mut login.team, &mut login.user, &mut login.scope] {
            text.iter_mut().for_each(hide_urls_in_text);
        }
        hide_in_input(&mut self.input);
        hide_in_backend(&mut self.backend);
        match &mut self.policy {
            PolicySource::Live { gap: Some(failure), .. }
            | PolicySource::Unavailable { gap: failure } => {
                hide_in_read_failure(failure);
            }
            _ => {}
        }
        hide_in_issuer(&mut self.issuer);
        hide_in_probe(&mut self.cloud.capabilities, hide_in_answer);
        hide_in_probe(&mut self.cloud.whoami, hide_in_answer);
        hide_in_probe(&mut self.cloud.exchange, hide_in_exchange);
        self.cloud.whoami_error.iter_mut().for_each(hide_urls_in_text);
    }

    /// [`Self::hide_url_parts`] for evidence whose token was replaced.
    pub(crate) fn hide_url_parts_of_next_token(&mut self) {
        if let Some(document) = self.policy.document_mut() {
            document.forget_token();
        }
        self.hide_in_token_and_policy();
        hide_in_input(&mut self.input);
    }

    /// Records how issuers and rules compare with the token, for a copy with replaced names.
    pub(crate) fn record_comparisons(&mut self) {
        let Some(token) = &self.token else { return };
        let issuer = token.text("iss").unwrap_or_default();
        let Some(document) = self.policy.document_mut() else { return };
        let mut work = Work::new(limits::EVALUATION);
        for registration in &mut document.issuers {
            registration.compared = Some(registration.likeness(issuer));
            for rule in registration.policies.iter_mut().flatten().flat_map(|e| &mut e.rules) {
                rule.compared = matches(rule, &token.claims, &mut work);
            }
        }
    }

    fn hide_in_token_and_policy(&mut self) {
        let discovered = self.issuer.discovery.answer().and_then(|answer| match &answer.body {
            Body::Json(document) => document.get("issuer")?.as_str(),
            _ => None,
        });
        let issuer = self.token.as_ref().and_then(|token| token.text("iss"));
        if let (Some(discovered), Some(issuer)) = (discovered, issuer)
            && (url(discovered) != discovered || url(issuer) != issuer)
        {
            self.issuer.names_token = Some(discovered == issuer);
        }
        if let Some(document) = self.policy.document_mut() {
            document.hide_url_parts(self.token.as_ref());
        }
        if let Some(token) = &mut self.token {
            for (name, value) in token.claims.iter_mut().chain(token.header.iter_mut()) {
                hide_urls_in_json(name, value);
            }
        }
    }
}

impl Document {
    /// Removes the parts of URLs that are not shown, and records how they compare with a token that
    /// still has whole URLs.
    pub fn hide_url_parts(&mut self, token: Option<&Token>) {
        let issuer = token.map(|token| token.text("iss").unwrap_or_default());
        let issuer_is_hidden = issuer.is_some_and(|issuer| url(issuer) != issuer);
        // A cache by claim path: many rules may be on one long claim.
        let mut hidden_claims = HashMap::new();
        // All rules share one budget, as in the evaluation.
        let mut work = Work::new(limits::EVALUATION);
        let open = |open: &mut Unresolved| hide_urls_in_pattern(&mut open.expression);
        self.unresolved.iter_mut().for_each(open);
        for registration in &mut self.issuers {
            let own = registration.url.iter().chain(&registration.issuer).map(String::as_str);
            if let Some(issuer) = issuer
                && (issuer_is_hidden || own.into_iter().any(|one| url(one) != one))
            {
                registration.compared = Some(registration.likeness(issuer));
            }
            registration.name.iter_mut().for_each(hide_urls_in_text);
            registration.url.iter_mut().chain(&mut registration.issuer).for_each(hide_url);
            registration.unresolved.iter_mut().for_each(open);
            let entries = registration.policies.iter_mut().flatten();
            for rule in entries.flat_map(|entry| &mut entry.rules) {
                if let Some(token) = token
                    && (urls_in_pattern(&rule.pattern) != rule.pattern
                        || *hidden_claims.entry(rule.claim.clone()).or_insert_with(|| {
                            claim(rule, &token.claims).is_some_and(|value| {
                                holds_hidden_parts(&last_key(&rule.claim), value)
                            })
                        }))
                {
                    rule.compared = matches(rule, &token.claims, &mut work);
                }
                hide_urls_in_pattern(&mut rule.pattern);
            }
        }
    }

    /// Removes the recorded comparisons with a token, before another one.
    fn forget_token(&mut self) {
        for registration in &mut self.issuers {
            registration.compared = None;
            let entries = registration.policies.iter_mut().flatten();
            entries.flat_map(|entry| &mut entry.rules).for_each(|rule| rule.compared = None);
        }
    }
}

impl PolicySource {
    fn document_mut(&mut self) -> Option<&mut Document> {
        match self {
            Self::None | Self::Unavailable { .. } => None,
            Self::File { document, .. } | Self::Live { document, .. } => Some(document),
        }
    }
}

// ----------------------------------------------------------------------------------- texts

fn replace(text: &mut String, show: impl Fn(&str) -> Cow<'_, str>) {
    if let Cow::Owned(shown) = show(text) {
        *text = shown;
    }
}

/// The last key of a claim's path.
fn last_key(path: &str) -> String {
    ClaimPath::parse(path).ok().and_then(|path| path.keys().last().cloned()).unwrap_or_default()
}

fn hide_url(text: &mut String) {
    replace(text, url);
}

fn hide_urls_in_text(text: &mut String) {
    replace(text, urls_in);
}

fn hide_urls_in_pattern(pattern: &mut String) {
    replace(pattern, urls_in_pattern);
}

/// The members that always hold a URL: a token's `iss` (RFC 7519 section 4.1.1), and a discovery
/// document's `issuer` and `jwks_uri` (OpenID Connect Discovery section 3).
const URL_MEMBERS: [&str; 3] = ["iss", "issuer", "jwks_uri"];

/// The shown form of a member's value, which is a URL or may hold some.
fn shown_text<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    let start = text.trim_start();
    let is_http = ["http:", "https:"].iter().any(|scheme| {
        start.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    if is_http || URL_MEMBERS.contains(&name) { url(text) } else { urls_in(text) }
}

fn hide_urls_in_json(name: &str, value: &mut Value) {
    match value {
        Value::String(text) => replace(text, |text| shown_text(name, text)),
        Value::Array(items) => items.iter_mut().for_each(|item| hide_urls_in_json(name, item)),
        Value::Object(members) => {
            members.iter_mut().for_each(|(name, one)| hide_urls_in_json(name, one))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether [`hide_urls_in_json`] changes a value.
fn holds_hidden_parts(name: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => shown_text(name, text) != *text,
        Value::Array(items) => items.iter().any(|item| holds_hidden_parts(name, item)),
        Value::Object(members) => members.iter().any(|(name, one)| holds_hidden_parts(name, one)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

// ------------------------------------------------------------------------------ input, backend

fn hide_in_input(input: &mut Input) {
    input.tried.iter_mut().for_each(|tried| hide_urls_in_text(&mut tried.reason));
    if let Some(PlatformEnvironment::GitLab(job)) = &mut input.surroundings {
        job.server
            .iter_mut()
            .chain(job.others.iter_mut().map(|(_, issuer)| issuer))
            .for_each(hide_url);
    }
    match &mut input.problem {
        Some(InputProblem::NotAToken { what, shown, .. }) => {
            hide_urls_in_text(what);
            shown.iter_mut().for_each(|text| replace(text, |text| shown_text("", text)));
        }
        Some(InputProblem::Refused { refusal }) => match refusal.as_mut() {
            Refusal::Unanswered { failure } => hide_in_failure(failure),
            Refusal::Answered { answer } => hide_in_answer(answer),
            Refusal::Program { reason, said } => {
                [reason, said].into_iter().for_each(hide_urls_in_text)
            }
        },
        Some(
            InputProblem::Unexpanded { text, .. }
            | InputProblem::Malformed { reason: text, .. }
            | InputProblem::FileUnreadable { reason: FileProblem::Other(text) },
        ) => hide_urls_in_text(text),
        _ => {}
    }
}

fn hide_in_backend(backend: &mut Backend) {
    let twice = backend.given_twice.iter_mut().flat_map(|(one, other)| [one, other]);
    backend
        .candidates
        .iter_mut()
        .chain(&mut backend.without_token)
        .chain(twice)
        .for_each(hide_in_candidate);
    match &mut backend.credentials {
        CredentialsFile::Read { accounts, .. } => {
            accounts.iter_mut().for_each(|account| hide_url(&mut account.url));
        }
        CredentialsFile::Invalid { reason, .. } => hide_urls_in_text(reason),
        CredentialsFile::NotFound | CredentialsFile::Encrypted { .. } => {}
    }
    if let ProjectFile::Invalid { reason, .. } = &mut backend.project {
        hide_urls_in_text(reason);
    }
}

fn hide_in_candidate(candidate: &mut BackendCandidate) {
    candidate.hidden = candidate.hidden.take().or_else(|| hidden_fault(&candidate.url));
    hide_url(&mut candidate.url);
}

// ------------------------------------------------------------------------------------ network

fn hide_in_read_failure(failure: &mut PolicyReadFailure) {
    match &mut failure.reason {
        PolicyReadFailureReason::Failed { failure } => hide_in_failure(failure),
        PolicyReadFailureReason::Refused { answer } => hide_in_answer(answer),
        PolicyReadFailureReason::NotUnderstood { problem } => hide_urls_in_text(problem),
    }
}

fn hide_in_issuer(issuer: &mut Issuer) {
    hide_in_probe(&mut issuer.discovery, hide_in_answer);
    hide_in_probe(&mut issuer.jwks, hide_in_answer);
    match &mut issuer.keys {
        Some(KeySet::Keys { keys }) => {
            keys.iter_mut().flat_map(|key| &mut key.id).for_each(hide_urls_in_text)
        }
        Some(KeySet::Invalid { reason }) => hide_urls_in_text(reason),
        None => {}
    }
    match &mut issuer.signature {
        Signature::Verified { key, unusual } => {
            key.iter_mut().chain(unusual).for_each(hide_urls_in_text)
        }
        Signature::Invalid { key } => key.iter_mut().for_each(hide_urls_in_text),
        Signature::KeyUnusable { reason, .. } | Signature::NotVerifiable { reason } => {
            hide_urls_in_text(reason)
        }
        _ => {}
    }
}

fn hide_in_exchange(exchange: &mut Exchange) {
    match exchange {
        Exchange::Malformed { reason, answer, .. } => {
            hide_urls_in_text(reason);
            hide_in_answer(answer);
        }
        Exchange::Refused { answer, said } => {
            said.iter_mut().for_each(hide_urls_in_text);
            hide_in_answer(answer);
        }
        Exchange::Minted { issued_token_type, scope, .. } => {
            issued_token_type.iter_mut().chain(scope).for_each(hide_urls_in_text);
        }
    }
}

fn hide_in_probe<T>(probe: &mut Probe<T>, hide_in_answer: fn(&mut T)) {
    match probe {
        Probe::NotRun => {}
        Probe::Failed { failure, .. } => hide_in_failure(failure),
        Probe::Answered { answer, .. } => hide_in_answer(answer),
    }
}

fn hide_in_failure(failure: &mut Failure) {
    hide_urls_in_text(&mut failure.detail);
    failure.route.proxy.iter_mut().for_each(hide_url);
    failure.route.near_exception.iter_mut().for_each(hide_url);
    match &mut failure.kind {
        FailureKind::Proxy { fault: ProxyFault::Refused { title, location, .. } } => {
            title.iter_mut().for_each(hide_urls_in_text);
            location.iter_mut().for_each(hide_url);
        }
        FailureKind::Proxy { fault: ProxyFault::Misread { name } } => {
            name.iter_mut().for_each(hide_url)
        }
        _ => {}
    }
}

fn hide_in_answer(answer: &mut Answer) {
    hide_url(&mut answer.url);
    answer.location.iter_mut().for_each(hide_url);
    answer.route.proxy.iter_mut().for_each(hide_url);
    answer.route.near_exception.iter_mut().for_each(hide_url);
    let headers = [&mut answer.content_type, &mut answer.retry_after, &mut answer.request_id];
    headers.into_iter().flatten().for_each(hide_urls_in_text);
    match &mut answer.body {
        Body::Empty => {}
        Body::Json(value) => hide_urls_in_json("", value),
        Body::Html(title) => title.iter_mut().for_each(hide_urls_in_text),
        Body::Text(text) => hide_urls_in_text(text),
    }
}
