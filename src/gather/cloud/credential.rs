//! The access tokens for requests to Pulumi Cloud, and where each may be sent.

use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::evidence::{AccessTokenSource, Answer, CredentialsFile, Evidence, Probe};
use crate::gather::local::Run;
use crate::gather::network::client::Client;
use crate::pulumi::backend_url::is_plain_http;
use crate::pulumi::versions;
use crate::text::secret::{Scrubber, Secret};

/// An access token with the headers that the CLI sends it in.
pub(super) struct Credential<'a> {
    accept: String,
    authorization: Zeroizing<String>,
    scrubber: &'a Scrubber,
}

impl<'a> Credential<'a> {
    /// Returns `None` if no access token may be sent to `url` (product contract, section 7).
    pub(super) fn new(
        evidence: &Evidence,
        run: &'a Run,
        token: &Secret,
        url: &str,
    ) -> Option<Self> {
        if is_plain_http(url) {
            return None;
        }
        run.scrubber.add(token.reveal());
        let version = evidence.rules();
        let accept = if versions::API_VERSION_9.holds(version) { 9 } else { 8 };
        Some(Self {
            accept: format!("application/vnd.pulumi+{accept}"),
            authorization: Zeroizing::new(format!("token {}", token.reveal())),
            scrubber: &run.scrubber,
        })
    }

    /// Sends an authorized GET.
    pub(super) async fn get(&self, client: &Client, url: &str, deadline: Instant) -> Probe<Answer> {
        let headers = [("Accept", self.accept.as_str()), ("Authorization", &self.authorization)];
        client.get(url, &headers, self.scrubber, deadline).await
    }
}

/// Finds an access token: `DOCTOR_ACCESS_TOKEN`, else `PULUMI_ACCESS_TOKEN`, else this backend's
/// stored credentials.
///
/// If only a project file names the backend, `DOCTOR_ACCESS_TOKEN` is never sent, and the others
/// only in CI and for `doctor login`, as the CLI does (product contract, section 7).
pub(super) fn existing_token(
    evidence: &Evidence,
    run: &Run,
    url: &str,
) -> Option<(AccessTokenSource, Secret)> {
    if evidence.sends_no_credentials() {
        return None;
    }
    let names = ["DOCTOR_ACCESS_TOKEN", "PULUMI_ACCESS_TOKEN"];
    for name in names.into_iter().skip(usize::from(evidence.only_project_names_backend())) {
        if let Some(value) = run.environment.get(name) {
            let source = AccessTokenSource::Environment { name: name.to_owned() };
            return Some((source, Secret::new(value.to_owned())));
        }
    }
    let CredentialsFile::Read { path, accounts, .. } = &evidence.backend.credentials else {
        return None;
    };
    let key =
        [url, without_trailing_slash(url)].into_iter().find(|key| run.stored.contains_key(*key))?;
    let account = accounts.iter().find(|a| a.url == key);
    if account.is_some_and(|account| !evidence.cli_reads_account(account)) {
        return None;
    }
    let expires_at = account.and_then(|a| a.expires_at);
    let source = AccessTokenSource::Stored { path: path.clone(), expires_at };
    Some((source, run.stored.get(key)?.clone()))
}

/// Removes the one trailing slash that the CLI trims.
pub(super) fn without_trailing_slash(url: &str) -> &str {
    url.strip_suffix('/').unwrap_or(url)
}
