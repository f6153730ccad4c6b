//! Reading from Pulumi Cloud which issuers an organization has registered, and the policies of the
//! one that issued the token.

use serde_json::Value;
use tokio::time::Instant;

use super::credential::Credential;
use crate::evidence::{
    AccessTokenSource, Answer, Asked, Body, Gap, GapReason, PolicySource, Probe,
};
use crate::gather::network::budget;
use crate::gather::network::client::Client;
use crate::policy::{Document, document};
use crate::text;

/// Asks one Pulumi Cloud with one access token.
pub(super) struct Reader<'a> {
    pub(super) client: &'a Client,
    /// The backend's URL without a slash at its end.
    pub(super) origin: &'a str,
    pub(super) credential: &'a Credential<'a>,
    /// Where the access token comes from.
    pub(super) source: AccessTokenSource,
    pub(super) deadline: Instant,
}

impl Reader<'_> {
    /// The organization's registrations, and the policies of the one that `issuer` finds: two
    /// requests at most.
    pub(super) async fn read(&self, organization: &str, issuer: &str) -> PolicySource {
        let by = budget::before_another(self.deadline);
        let listed = self.ask(Asked::Issuers, organization, &["oidc", "issuers"], by).await;
        let mut document = match listed {
            Ok(document) => document,
            Err(gap) => return PolicySource::Withheld { gap },
        };
        document.organization = Some(organization.to_owned());
        let deciding = document.registration_of(issuer).and_then(|found| found.id.clone());
        let Some(id) = deciding else { return PolicySource::Live { document, gap: None } };
        let path = ["auth", "policies", "oidcissuers", &id];
        let gap = match self.ask(Asked::Policies, organization, &path, self.deadline).await {
            Ok(answered) => {
                let entries = answered.issuers.into_iter().next().and_then(|one| one.policies);
                if let Some(registration) =
                    document.issuers.iter_mut().find(|one| one.id.as_deref() == Some(&id))
                {
                    registration.policies = entries;
                }
                None
            }
            Err(gap) => Some(gap),
        };
        PolicySource::Live { document, gap }
    }

    async fn ask(
        &self,
        asked: Asked,
        organization: &str,
        path: &[&str],
        by: Instant,
    ) -> Result<Document, Gap> {
        let gap = |reason| Gap { asked, access_token: self.source.clone(), reason };
        let Some(url) = url(self.origin, organization, path) else {
            let problem = "the organization's name cannot stand in a URL".to_owned();
            return Err(gap(GapReason::NotUnderstood { problem }));
        };
        match self.credential.get(self.client, &url, by).await {
            // Not made: the time is up.
            Probe::NotRun => Err(gap(GapReason::NotUnderstood { problem: "not asked".to_owned() })),
            Probe::Failed { failure, .. } => Err(gap(GapReason::Failed { failure })),
            Probe::Answered { answer, .. } if answer.status != 200 => {
                Err(gap(GapReason::Refused { answer }))
            }
            Probe::Answered { answer, .. } => understand(asked, &answer)
                .map_err(|problem| gap(GapReason::NotUnderstood { problem })),
        }
    }
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

/// `ORIGIN/api/orgs/ORGANIZATION/PATH…`, each segment encoded.
fn url(origin: &str, organization: &str, path: &[&str]) -> Option<String> {
    let mut url = url::Url::parse(origin).ok()?;
    // These two would be taken for steps up or on the spot.
    if [&[organization], path].concat().iter().any(|part| [".", "..", ""].contains(part)) {
        return None;
    }
    url.path_segments_mut().ok()?.pop_if_empty().extend(["api", "orgs", organization]).extend(path);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded() {
        let issuers = |organization| url("https://api.example", organization, &["oidc", "issuers"]);
        let expected = "https://api.example/api/orgs/a%2Fb%3Fc%23d/oidc/issuers";
        assert_eq!(issuers("a/b?c#d").as_deref(), Some(expected));
        for hostile in ["..", ".", ""] {
            assert_eq!(issuers(hostile), None);
        }
    }
}
