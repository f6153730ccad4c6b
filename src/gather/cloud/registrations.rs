//! Reading from Pulumi Cloud which issuers an organization has registered, and the policies of the
//! one that issued the token, or of all.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::credential::Credential;
use crate::console::progress::Progress;
use crate::evidence::{
    AccessTokenSource, Answer, Asked, Body, Gap, GapReason, PolicySource, Probe,
};
use crate::gather::network::budget;
use crate::gather::network::client::Client;
use crate::policy::{Document, Entry, Place, document};
use crate::text;

/// Pages of issuers that are followed. The API does not document pages; where an answer names another
/// one in `continuationToken`, as other lists of the API do, it is read.
const MOST_PAGES: usize = 100;

/// What was read.
pub(in crate::gather) struct Read {
    pub(in crate::gather) source: PolicySource,
    /// The id and the version of each issuer's policy, by the issuer's id.
    pub(in crate::gather) versions: Versions,
}

/// The id and the version of policies, by the issuer's id.
pub type Versions = BTreeMap<String, (String, i64)>;

impl Read {
    pub(super) fn of(source: PolicySource) -> Self {
        Self { source, versions: Versions::new() }
    }
}

/// Asks one Pulumi Cloud with one access token.
pub(super) struct Reader<'a> {
    pub(super) client: &'a Client,
    /// The backend's URL without a slash at its end.
    pub(super) origin: &'a str,
    pub(super) credential: &'a Credential<'a>,
    /// Where the access token comes from.
    pub(super) source: AccessTokenSource,
    pub(super) deadline: Instant,
    /// Wait as long as a service that limits requests asks, as often as it asks: for hundreds of
    /// requests in a row.
    pub(super) patient: bool,
}

impl Reader<'_> {
    /// The organization's registrations, and the policies of the one that `issuer` finds: two
    /// requests at most.
    pub(super) async fn read(&self, organization: &str, issuer: &str) -> PolicySource {
        let by = budget::before_another(self.deadline);
        let mut document = match self.issuers(organization, by).await {
            Ok(document) => document,
            Err(gap) => return PolicySource::Unavailable { gap },
        };
        let deciding = document.registration_of(issuer).and_then(|found| found.id.clone());
        let Some(id) = deciding else { return PolicySource::Live { document, gap: None } };
        let path = ["auth", "policies", "oidcissuers", &id];
        let gap = match self.ask(Asked::Policies, organization, &path, self.deadline).await {
            Ok((answered, _)) => {
                if let Some(registration) =
                    document.issuers.iter_mut().find(|one| one.id.as_deref() == Some(&id))
                {
                    registration.policies = entries(answered);
                }
                None
            }
            Err(gap) => Some(gap),
        };
        PolicySource::Live { document, gap }
    }

    /// The organization's registrations with the policies of all of them.
    pub(super) async fn read_all(&self, organization: &str, progress: &Progress) -> Read {
        let mut document = match self.issuers(organization, self.deadline).await {
            Ok(document) => document,
            Err(gap) => return Read::of(PolicySource::Unavailable { gap }),
        };
        let ids: Vec<String> = document.issuers.iter().filter_map(|one| one.id.clone()).collect();
        let (next, done) = (Cell::new(0), Cell::new(0));
        let found = RefCell::new(Vec::new());
        let missing = RefCell::new(None);
        let worker = || async {
            while missing.borrow().is_none()
                && let Some(id) = ids.get(next.replace(next.get() + 1))
            {
                let path = ["auth", "policies", "oidcissuers", id.as_str()];
                match self.ask(Asked::Policies, organization, &path, self.deadline).await {
                    Ok(answered) => found.borrow_mut().push((id.clone(), answered)),
                    Err(gap) => *missing.borrow_mut() = Some(gap),
                }
                done.set(done.get() + 1);
                progress.count(done.get(), ids.len());
            }
        };
        // Eight at the same time.
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
            return Read::of(PolicySource::Unavailable { gap });
        }
        let mut versions = Versions::new();
        for (id, (answered, body)) in found.take() {
            let policy = body.get("id").and_then(Value::as_str);
            if let (Some(policy), Some(version)) =
                (policy, body.get("version").and_then(Value::as_i64))
            {
                versions.insert(id.clone(), (policy.to_owned(), version));
            }
            let own = document.issuers.iter_mut().find(|one| one.id.as_deref() == Some(&*id));
            if let Some(registration) = own {
                registration.policies = entries(answered);
            }
        }
        Read { source: PolicySource::Live { document, gap: None }, versions }
    }

    /// The organization's registrations, page by page.
    async fn issuers(&self, organization: &str, by: Instant) -> Result<Document, Gap> {
        let path = ["oidc", "issuers"];
        let (mut all, mut body) = self.ask(Asked::Issuers, organization, &path, by).await?;
        for _ in 1..MOST_PAGES {
            let Some(next) = continuation(&body) else { break };
            let asked = self.ask_page(Asked::Issuers, organization, &path, Some(&next), by).await;
            let page;
            (page, body) = asked?;
            all.issuers.extend(page.issuers);
            // A server that names the same page again would never end.
            if continuation(&body).as_ref() == Some(&next) {
                break;
            }
        }
        all.organization = Some(organization.to_owned());
        for registration in &mut all.issuers {
            registration.place = Place::default();
        }
        Ok(all)
    }

    async fn ask(
        &self,
        asked: Asked,
        organization: &str,
        path: &[&str],
        by: Instant,
    ) -> Result<(Document, Value), Gap> {
        self.ask_page(asked, organization, path, None, by).await
    }

    async fn ask_page(
        &self,
        asked: Asked,
        organization: &str,
        path: &[&str],
        page: Option<&str>,
        by: Instant,
    ) -> Result<(Document, Value), Gap> {
        let gap = |reason| Gap { asked, access_token: self.source.clone(), reason };
        let Some(url) = url(self.origin, organization, path, page) else {
            let problem = "the organization's name cannot stand in a URL".to_owned();
            return Err(gap(GapReason::NotUnderstood { problem }));
        };
        loop {
            return match self.credential.get(self.client, &url, by).await {
                // Not made: the time is up.
                Probe::NotRun => {
                    Err(gap(GapReason::NotUnderstood { problem: "not asked".to_owned() }))
                }
                Probe::Failed { failure, .. } => Err(gap(GapReason::Failed { failure })),
                Probe::Answered { answer, .. } if answer.status != 200 => {
                    if let Some(pause) = pause(&answer, by).filter(|_| self.patient) {
                        sleep(pause).await;
                        continue;
                    }
                    Err(gap(GapReason::Refused { answer }))
                }
                Probe::Answered { answer, .. } => match understand(asked, &answer) {
                    Ok(document) => match answer.body {
                        Body::Json(body) => Ok((document, body)),
                        _ => Ok((document, Value::Null)),
                    },
                    Err(problem) => Err(gap(GapReason::NotUnderstood { problem })),
                },
            };
        }
    }
}

/// How long a service that limits requests asks to wait, if the time allows that.
fn pause(answer: &Answer, by: Instant) -> Option<Duration> {
    let seconds: u64 = answer.retry_after.as_ref()?.trim().parse().ok()?;
    let pause = Duration::from_secs(seconds).max(Duration::from_millis(200));
    let left = by.saturating_duration_since(Instant::now());
    (matches!(answer.status, 429 | 503) && pause < left).then_some(pause)
}

/// The page behind this one.
fn continuation(body: &Value) -> Option<String> {
    let next = body.get("continuationToken")?.as_str()?;
    (!next.is_empty()).then(|| next.to_owned())
}

/// The entries of an answered policy. Its lines are those of no file.
fn entries(answered: Document) -> Option<Vec<Entry>> {
    let mut entries = answered.issuers.into_iter().next()?.policies?;
    for entry in &mut entries {
        entry.place = Place::default();
        entry.rules.iter_mut().for_each(|rule| rule.place = Place::default());
    }
    Some(entries)
}

/// The answer as a policy document of the form that the endpoint has.
fn understand(asked: Asked, answer: &Answer) -> Result<Document, String> {
    let (key, what) = match asked {
        Asked::Issuers => ("oidcIssuers", "a list of issuers"),
        Asked::Policies => ("policies", "a policy"),
    };
    match &answer.body {
        Body::Json(Value::Object(body)) if body.contains_key(key) => {
            let text = text::json(body);
            // Its line and column are those of no text that anybody has seen.
            document::parse_answer(&text).map_err(|error| error.message)
        }
        Body::Html(title) => Err(format!(
            "a web page titled {} instead of {what}",
            title.as_deref().unwrap_or("(nothing)")
        )),
        _ => Err(format!("the answer is not {what} (no {key})")),
    }
}

/// `ORIGIN/api/orgs/ORGANIZATION/PATH…`, each segment encoded, with the page that is asked for.
fn url(origin: &str, organization: &str, path: &[&str], page: Option<&str>) -> Option<String> {
    let mut url = url::Url::parse(origin).ok()?;
    // These two would be taken for steps up or on the spot.
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
            |organization| url("https://api.example", organization, &["oidc", "issuers"], None);
        let expected = "https://api.example/api/orgs/a%2Fb%3Fc%23d/oidc/issuers";
        assert_eq!(issuers("a/b?c#d").as_deref(), Some(expected));
        for hostile in ["..", ".", ""] {
            assert_eq!(issuers(hostile), None);
        }
    }
}
