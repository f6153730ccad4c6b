//! Removes from evidence the parts of URLs that are not shown ([`crate::text::url`]).
//!
//! While gathering, whole URLs are needed: requests go to them, and they are compared with each
//! other. Afterwards only their shown form is kept. Where a comparison rests on a part that goes,
//! its result is written down first, so that the judge finds the same in the run and in a replay.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

use super::url_faults::hidden_fault;
use super::{
    Answer, Backend, BackendCandidate, Body, CredentialsFile, Evidence, Exchange, Failure,
    FailureKind, FileProblem, Gap, GapReason, Input, InputProblem, Issuer, KeySet,
    PlatformEnvironment, PolicySource, Probe, ProjectFile, ProxyFault, Refusal, Signature, Token,
};
use crate::limits;
use crate::limits::Work;
use crate::policy::claim_path::ClaimPath;
use crate::policy::evaluate::{claim, matches};
use crate::policy::{Document, Unresolved};
use crate::text::{url, urls_in, urls_in_pattern};

impl Evidence {
    /// Removes the parts of URLs that are not shown, and keeps what whole URLs told. A second time
    /// changes nothing.
    pub fn hide_url_parts(&mut self) {
        self.hide_in_token_and_policy();
        let login = &mut self.login;
        for text in [&mut login.organization, &mut login.team, &mut login.user, &mut login.scope] {
            text.iter_mut().for_each(in_text);
        }
        input(&mut self.input);
        backend(&mut self.backend);
        match &mut self.policy {
            PolicySource::Live { gap: Some(missing), .. }
            | PolicySource::Unavailable { gap: missing } => {
                gap(missing);
            }
            _ => {}
        }
        issuer(&mut self.issuer);
        probe(&mut self.cloud.capabilities, answer);
        probe(&mut self.cloud.whoami, answer);
        probe(&mut self.cloud.exchange, exchange);
        self.cloud.whoami_error.iter_mut().for_each(in_text);
    }

    /// [`Self::hide_url_parts`] of evidence whose token was replaced.
    pub(crate) fn hide_url_parts_of_next_token(&mut self) {
        if let Some(document) = self.policy.document_mut() {
            document.forget_token();
        }
        self.hide_in_token_and_policy();
        input(&mut self.input);
    }

    /// Writes down how issuers and rules compare with the token, for a copy whose names are
    /// replaced.
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
        let said = self.issuer.discovery.answer().and_then(|answer| match &answer.body {
            Body::Json(document) => document.get("issuer")?.as_str(),
            _ => None,
        });
        let issuer = self.token.as_ref().and_then(|token| token.text("iss"));
        if let (Some(said), Some(issuer)) = (said, issuer)
            && (url(said) != said || url(issuer) != issuer)
        {
            self.issuer.names_token = Some(said == issuer);
        }
        if let Some(document) = self.policy.document_mut() {
            document.hide_url_parts(self.token.as_ref());
        }
        if let Some(token) = &mut self.token {
            for (name, value) in token.claims.iter_mut().chain(token.header.iter_mut()) {
                in_value(name, value);
            }
        }
    }
}

impl Document {
    /// Removes the parts of URLs that are not shown, and keeps how they compare with those of a
    /// token that still has all of its own.
    pub fn hide_url_parts(&mut self, token: Option<&Token>) {
        let issuer = token.map(|token| token.text("iss").unwrap_or_default());
        let issuer_is_hidden = issuer.is_some_and(|issuer| url(issuer) != issuer);
        // By path: many rules may be on one long claim.
        let mut hidden_claims = HashMap::new();
        // Shared by all rules, as in the evaluation.
        let mut work = Work::new(limits::EVALUATION);
        let open = |open: &mut Unresolved| in_pattern(&mut open.expression);
        self.unresolved.iter_mut().for_each(open);
        for registration in &mut self.issuers {
            let own = registration.url.iter().chain(&registration.issuer).map(String::as_str);
            if let Some(issuer) = issuer
                && (issuer_is_hidden || own.into_iter().any(|one| url(one) != one))
            {
                registration.compared = Some(registration.likeness(issuer));
            }
            registration.name.iter_mut().for_each(in_text);
            registration.url.iter_mut().chain(&mut registration.issuer).for_each(whole);
            registration.unresolved.iter_mut().for_each(open);
            let entries = registration.policies.iter_mut().flatten();
            for rule in entries.flat_map(|entry| &mut entry.rules) {
                if let Some(token) = token
                    && (urls_in_pattern(&rule.pattern) != rule.pattern
                        || *hidden_claims.entry(rule.claim.clone()).or_insert_with(|| {
                            claim(rule, &token.claims)
                                .is_some_and(|value| hides(&last_key(&rule.claim), value))
                        }))
                {
                    rule.compared = matches(rule, &token.claims, &mut work);
                }
                in_pattern(&mut rule.pattern);
            }
        }
    }

    /// Forgets how it compared with a token: another one comes.
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

/// The name of the member that a claim's path leads to.
fn last_key(path: &str) -> String {
    ClaimPath::parse(path).ok().and_then(|path| path.keys().last().cloned()).unwrap_or_default()
}

/// A text that is a URL.
fn whole(text: &mut String) {
    replace(text, url);
}

/// A text that may hold URLs.
fn in_text(text: &mut String) {
    replace(text, urls_in);
}

fn in_pattern(pattern: &mut String) {
    replace(pattern, urls_in_pattern);
}

/// The members that hold a URL whatever it looks like: `iss` of a token (RFC 7519 section
/// 4.1.1), and those of a discovery document (OpenID Connect Discovery section 3).
const URLS: [&str; 3] = ["iss", "issuer", "jwks_uri"];

/// A text that is, or may hold, URLs: the value of a member of this name.
fn show<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    let start = text.trim_start();
    let is_http = ["http:", "https:"].iter().any(|scheme| {
        start.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    if is_http || URLS.contains(&name) { url(text) } else { urls_in(text) }
}

fn in_value(name: &str, value: &mut Value) {
    match value {
        Value::String(text) => replace(text, |text| show(name, text)),
        Value::Array(items) => items.iter_mut().for_each(|item| in_value(name, item)),
        Value::Object(members) => members.iter_mut().for_each(|(name, one)| in_value(name, one)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether [`in_value`] changes a value.
fn hides(name: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => show(name, text) != *text,
        Value::Array(items) => items.iter().any(|item| hides(name, item)),
        Value::Object(members) => members.iter().any(|(name, one)| hides(name, one)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

// ------------------------------------------------------------------------------ input, backend

fn input(input: &mut Input) {
    input.tried.iter_mut().for_each(|tried| in_text(&mut tried.reason));
    if let Some(PlatformEnvironment::GitLab(job)) = &mut input.surroundings {
        job.server
            .iter_mut()
            .chain(job.others.iter_mut().map(|(_, issuer)| issuer))
            .for_each(whole);
    }
    match &mut input.problem {
        Some(InputProblem::NotAToken { what, shown, .. }) => {
            in_text(what);
            shown.iter_mut().for_each(|text| replace(text, |text| show("", text)));
        }
        Some(InputProblem::Refused { refusal }) => match refusal.as_mut() {
            Refusal::Unanswered { failure: unanswered } => failure(unanswered),
            Refusal::Answered { answer: refused } => answer(refused),
            Refusal::Program { reason, said } => [reason, said].into_iter().for_each(in_text),
        },
        Some(
            InputProblem::Unexpanded { text, .. }
            | InputProblem::Malformed { reason: text, .. }
            | InputProblem::FileUnreadable { reason: FileProblem::Other(text) },
        ) => in_text(text),
        _ => {}
    }
}

fn backend(backend: &mut Backend) {
    let twice = backend.given_twice.iter_mut().flat_map(|(one, other)| [one, other]);
    backend
        .candidates
        .iter_mut()
        .chain(&mut backend.without_token)
        .chain(twice)
        .for_each(candidate);
    match &mut backend.credentials {
        CredentialsFile::Read { accounts, .. } => {
            accounts.iter_mut().for_each(|account| whole(&mut account.url));
        }
        CredentialsFile::Invalid { reason, .. } => in_text(reason),
        CredentialsFile::NotFound | CredentialsFile::Encrypted { .. } => {}
    }
    if let ProjectFile::Invalid { reason, .. } = &mut backend.project {
        in_text(reason);
    }
}

fn candidate(candidate: &mut BackendCandidate) {
    candidate.hidden = candidate.hidden.take().or_else(|| hidden_fault(&candidate.url));
    whole(&mut candidate.url);
}

// ------------------------------------------------------------------------------------ network

fn gap(gap: &mut Gap) {
    match &mut gap.reason {
        GapReason::Failed { failure: unanswered } => failure(unanswered),
        GapReason::Refused { answer: refused } => answer(refused),
        GapReason::NotUnderstood { problem } => in_text(problem),
    }
}

fn issuer(issuer: &mut Issuer) {
    probe(&mut issuer.discovery, answer);
    probe(&mut issuer.jwks, answer);
    match &mut issuer.keys {
        Some(KeySet::Keys { keys }) => {
            keys.iter_mut().flat_map(|key| &mut key.id).for_each(in_text)
        }
        Some(KeySet::Invalid { reason }) => in_text(reason),
        None => {}
    }
    match &mut issuer.signature {
        Signature::Verified { key, unusual } => key.iter_mut().chain(unusual).for_each(in_text),
        Signature::Invalid { key } => key.iter_mut().for_each(in_text),
        Signature::KeyUnusable { reason, .. } | Signature::NotVerifiable { reason } => {
            in_text(reason)
        }
        _ => {}
    }
}

fn exchange(exchange: &mut Exchange) {
    match exchange {
        Exchange::Malformed { reason, answer: malformed, .. } => {
            in_text(reason);
            answer(malformed);
        }
        Exchange::Refused { answer: refused, said } => {
            said.iter_mut().for_each(in_text);
            answer(refused);
        }
        Exchange::Minted { issued_token_type, scope, .. } => {
            issued_token_type.iter_mut().chain(scope).for_each(in_text);
        }
    }
}

fn probe<T>(probe: &mut Probe<T>, answer: fn(&mut T)) {
    match probe {
        Probe::NotRun => {}
        Probe::Failed { failure: unanswered, .. } => failure(unanswered),
        Probe::Answered { answer: answered, .. } => answer(answered),
    }
}

fn failure(failure: &mut Failure) {
    in_text(&mut failure.detail);
    failure.route.proxy.iter_mut().for_each(whole);
    failure.route.near_exception.iter_mut().for_each(whole);
    match &mut failure.kind {
        FailureKind::Proxy { fault: ProxyFault::Refused { title, location, .. } } => {
            title.iter_mut().for_each(in_text);
            location.iter_mut().for_each(whole);
        }
        FailureKind::Proxy { fault: ProxyFault::Misread { name } } => {
            name.iter_mut().for_each(whole)
        }
        _ => {}
    }
}

fn answer(answer: &mut Answer) {
    whole(&mut answer.url);
    answer.location.iter_mut().for_each(whole);
    answer.route.proxy.iter_mut().for_each(whole);
    answer.route.near_exception.iter_mut().for_each(whole);
    let headers = [&mut answer.content_type, &mut answer.retry_after, &mut answer.request_id];
    headers.into_iter().flatten().for_each(in_text);
    match &mut answer.body {
        Body::Empty => {}
        Body::Json(value) => in_value("", value),
        Body::Html(title) => title.iter_mut().for_each(in_text),
        Body::Text(text) => in_text(text),
    }
}
