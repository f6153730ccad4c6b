//! Reads an organization's registered issuers from Pulumi Cloud, with the policies of one or of
//! all.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::credential::Credential;
use crate::console::progress::Progress;
use crate::evidence::{
    AccessTokenSource, Answer, Body, PolicyReadFailure, PolicyReadFailureReason, PolicyRequest,
    PolicySource, Probe,
};
use crate::gather::network::budget;
use crate::gather::network::client::Client;
use crate::policy::{Document, Entry, Place, document};
use crate::text;

/// The most pages of issuers to read. The API documents no pages here, but other lists of it name
/// the next page in `continuationToken`.
const MOST_PAGES: usize = 100;

/// Registrations that were read.
pub(in crate::gather) struct Registrations {
    pub(in crate::gather) source: PolicySource,
    pub(in crate::gather) versions: PolicyVersions,
}

/// Each issuer's policy id and policy version, by the issuer's id.
pub type PolicyVersions = BTreeMap<String, (String, i64)>;

impl Registrations {
    pub(super) fn without_versions(source: PolicySource) -> Self {
        Self { source, versions: PolicyVersions::new() }
    }
}

/// Reads from one Pulumi Cloud with one access token.
pub(super) struct Reader<'a> {
    pub(super) client: &'a Client,
    /// The backend's URL without a trailing slash.
    pub(super) origin: &'a str,
    pub(super) credential: &'a Credential<'a>,
    /// Where the access token comes from.
    pub(super) source: AccessTokenSource,
    pub(super) deadline: Instant,
    /// Waits for `Retry-After` as often as the service sends it, for hundreds of requests in a row.
    pub(super) waits_as_asked: bool,
}

impl Reader<'_> {
    /// Reads the organization's registrations, and the policies of the one that `issuer` matches,
    /// in at most two requests.
    pub(super) async fn read_issuer(&self, organization: &str, issuer: &str) -> PolicySource {
        let issuers_deadline = budget::before_another(self.deadline);
        let mut document = match self.read_issuers(organization, issuers_deadline).await {
            Ok(document) => document,
            Err(gap) => return PolicySource::Unavailable { gap },
        };
        let deciding = document.registration_of(issuer).and_then(|found| found.id.clone());
        let Some(id) = deciding else { return PolicySource::Live { document, gap: None } };
        let path = ["auth", "policies", "oidcissuers", &id];
        let gap = match self.get(PolicyRequest::Policies, organization, &path, self.deadline).await
        {
            Ok((answered, _)) => {
                if let Some(registration) = document
                    .issuers
                    .iter_mut()
                    .find(|registration| registration.id.as_deref() == Some(&id))
                {
                    registration.policies = policy_entries(answered);
                }
                None
            }
            Err(gap) => Some(gap),
        };
        PolicySource::Live { document, gap }
    }

    /// Reads the organization's registrations with the policies of each.
    pub(super) async fn read_all(&self, organization: &str, progress: &Progress) -> Registrations {
        let mut document = match self.read_issuers(organization, self.deadline).await {
            Ok(document) => document,
            Err(gap) => return Registrations::without_versions(PolicySource::Unavailable { gap }),
        };
        let ids: Vec<String> =
            document.issuers.iter().filter_map(|registration| registration.id.clone()).collect();
        let (next, done) = (Cell::new(0), Cell::new(0));
        let found = RefCell::new(Vec::new());
        let missing = RefCell::new(None);
        let worker = || async {
            while missing.borrow().is_none()
                && let Some(id) = ids.get(next.replace(next.get() + 1))
            {
                let path = ["auth", "policies", "oidcissuers", id.as_str()];
                match self.get(PolicyRequest::Policies, organization, &path, self.deadline).await {
                    Ok(answered) => found.borrow_mut().push((id.clone(), answered)),
                    Err(gap) => *missing.borrow_mut() = Some(gap),
                }
                done.set(done.get() + 1);
                progress.count(done.get(), ids.len());
            }
        };
        // Eight requests at a time.
        tokio::join!(
            worker(),
            worker(),
            worker(),
            worker(),
            worker(),
            worker(),
            worker(),
            worker()
        );
        if let Some(gap) = missing.take() {
            return Registrations::without_versions(PolicySource::Unavailable { gap });
        }
        let mut versions = PolicyVersions::new();
        for (id, (answered, body)) in found.take() {
            let policy = body.get("id").and_then(Value::as_str);
            if let (Some(policy), Some(version)) =
                (policy, body.get("version").and_then(Value::as_i64))
            {
                versions.insert(id.clone(), (policy.to_owned(), version));
            }
            let own = document
                .issuers
                .iter_mut()
                .find(|registration| registration.id.as_deref() == Some(&*id));
            if let Some(registration) = own {
                registration.policies = policy_entries(answered);
            }
        }
        Registrations { source: PolicySource::Live { document, gap: None }, versions }
    }

    /// Reads the organization's registrations, page by page.
    async fn read_issuers(
        &self,
        organization: &str,
        deadline: Instant,
    ) -> Result<Document, PolicyReadFailure> {
        let path = ["oidc", "issuers"];
        let (mut all, mut body) =
            self.get(PolicyRequest::Issuers, organization, &path, deadline).await?;
        for _ in 1..MOST_PAGES {
            let Some(next) = next_page(&body) else { break };
            let asked = self
                .get_page(PolicyRequest::Issuers, organization, &path, Some(&next), deadline)
                .await;
            let page;
            (page, body) = asked?;
            all.issuers.extend(page.issuers);
            // A server that repeats a page would never end.
            if next_page(&body).as_ref() == Some(&next) {
                break;
            }
        }
        all.organization = Some(organization.to_owned());
        for registration in &mut all.issuers {
            registration.place = Place::default();
        }
        Ok(all)
    }

    async fn get(
        &self,
        asked: PolicyRequest,
        organization: &str,
        path: &[&str],
        deadline: Instant,
    ) -> Result<(Document, Value), PolicyReadFailure> {
        self.get_page(asked, organization, path, None, deadline).await
    }

    async fn get_page(
        &self,
        asked: PolicyRequest,
        organization: &str,
        path: &[&str],
        page: Option<&str>,
        deadline: Instant,
    ) -> Result<(Document, Value), PolicyReadFailure> {
        let failure_for =
            |reason| PolicyReadFailure { asked, access_token: self.source.clone(), reason };
        let Some(url) = api_url(self.origin, organization, path, page) else {
            let problem = "the organization's name cannot stand in a URL".to_owned();
            return Err(failure_for(PolicyReadFailureReason::NotUnderstood { problem }));
        };
        loop {
            return match self.credential.get(self.client, &url, deadline).await {
                // The deadline has passed.
                Probe::NotRun => Err(failure_for(PolicyReadFailureReason::NotUnderstood {
                    problem: "not asked".to_owned(),
                })),
                Probe::Failed { failure, .. } => {
                    Err(failure_for(PolicyReadFailureReason::Failed { failure }))
                }
                Probe::Answered { answer, .. } if answer.status != 200 => {
                    if let Some(pause) =
                        retry_pause(&answer, deadline).filter(|_| self.waits_as_asked)
                    {
                        sleep(pause).await;
                        continue;
                    }
                    Err(failure_for(PolicyReadFailureReason::Refused { answer }))
                }
                Probe::Answered { answer, .. } => match parse_document(asked, &answer) {
                    Ok(document) => match answer.body {
                        Body::Json(body) => Ok((document, body)),
                        _ => Ok((document, Value::Null)),
                    },
                    Err(problem) => {
                        Err(failure_for(PolicyReadFailureReason::NotUnderstood { problem }))
                    }
                },
            };
        }
    }
}

/// How long a rate-limiting service asks to wait, if the deadline allows it.
fn retry_pause(answer: &Answer, deadline: Instant) -> Option<Duration> {
    let seconds: u64 = answer.retry_after.as_ref()?.trim().parse().ok()?;
    let pause = Duration::from_secs(seconds).max(Duration::from_millis(200));
    let left = deadline.saturating_duration_since(Instant::now());
    (matches!(answer.status, 429 | 503) && pause < left).then_some(pause)
}

/// The token of the next page.
fn next_page(body: &Value) -> Option<String> {
    let next = body.get("continuationToken")?.as_str()?;
    (!next.is_empty()).then(|| next.to_owned())
}

/// The entries of a policy that the API returned, without lines, since there is no file.
fn policy_entries(answered: Document) -> Option<Vec<Entry>> {
    let mut entries = answered.issuers.into_iter().next()?.policies?;
    for entry in &mut entries {
        entry.place = Place::default();
        entry.rules.iter_mut().for_each(|rule| rule.place = Place::default());
    }
    Some(entries)
}

/// Parses an answer as the policy document that the endpoint returns.
fn parse_document(asked: PolicyRequest, answer: &Answer) -> Result<Document, String> {
    let (key, what) = match asked {
        PolicyRequest::Issuers => ("oidcIssuers", "a list of issuers"),
        PolicyRequest::Policies => ("policies", "a policy"),
    };
    match &answer.body {
        Body::Json(Value::Object(body)) if body.contains_key(key) => {
            let text = text::json(body);
            // The error's line and column refer to a text that nobody has seen.
            document::parse_answer(&text).map_err(|error| error.message)
        }
        Body::Html(title) => Err(format!(
            "a web page titled {} instead of {what}",
            title.as_deref().unwrap_or("(nothing)")
        )),
        _ => Err(format!("the answer is not {what} (no {key})")),
    }
}

/// `ORIGIN/api/orgs/ORGANIZATION/PATH…`, with encoded segments and the page token.
fn api_url(origin: &str, organization: &str, path: &[&str], page: Option<&str>) -> Option<String> {
    let mut url = url::Url::parse(origin).ok()?;
    // A URL parser would resolve dot segments.
    if [&[organization], path].concat().iter().any(|part| [".", "..", ""].contains(part)) {
        return None;
    }
    url.path_segments_mut().ok()?.pop_if_empty().extend(["api", "orgs", organization]).extend(path);
    if let Some(page) = page {
        url.query_pairs_mut().append_pair("continuationToken", page);
    }
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded() {
        let issuers =
            |organization| api_url("https://api.example", organization, &["oidc", "issuers"], None);
        let expected = "https://api.example/api/orgs/a%2Fb%3Fc%23d/oidc/issuers";
        assert_eq!(issuers("a/b?c#d").as_deref(), Some(expected));
        for hostile in ["..", ".", ""] {
            assert_eq!(issuers(hostile), None);
        }
    }
}
