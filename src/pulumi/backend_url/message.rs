//! The CLI's own errors for a backend URL.

use std::fmt::Write as _;

use semver::Version;

use super::parts::is_diy;
use super::{Resolved, UrlProblem, looks_like_website};
use crate::evidence::BackendSource;
use crate::pulumi::go::url::{self, quote};
use crate::pulumi::versions;

/// The supported schemes, in the order of login.go's `validateCloudBackendType`.
const SUPPORTED: [&str; 7] = ["azblob", "gs", "s3", "file", "https", "http", "postgres"];

/// The CLI's error for the form of a backend URL, before any request and without `error: `; `None`
/// if the CLI accepts the form.
pub(crate) fn cli_refusal(problem: &UrlProblem, resolved: &Resolved) -> Option<String> {
    if !has_message(problem) {
        return None;
    }
    let url = &resolved.url;
    if resolved.checked {
        if looks_like_website(url) {
            return Some(format!(
                "{url} is not a valid self-hosted backend, use `pulumi login` without arguments \
                 to log into the Pulumi Cloud backend"
            ));
        }
        let kind = url.split(':').next().unwrap_or_default();
        if !SUPPORTED.contains(&kind) {
            return Some(format!(
                "unknown backend cloudUrl format '{kind}' (supported Url formats are: azblob://, \
                 gs://, s3://, file://, https://, http:// and postgres://)"
            ));
        }
    }
    is_diy(url).then(|| {
        "oidc-token, oidc-org, oidc-team, oidc-user, and oidc-expiration flags are not supported \
         for this type of backend"
            .to_owned()
    })
}

fn has_message(problem: &UrlProblem) -> bool {
    use UrlProblem::{InsecureFlag, InsecureHttp, Malformed, Path};
    !matches!(
        problem,
        Path { .. } | InsecureHttp { .. } | InsecureFlag | Malformed { usable: true, .. }
    )
}

/// The error of a CLI version (`None`: the newest) for the form of a backend URL, or for a request
/// to it; `None` if there is none, or if its text is not known exactly.
pub(crate) fn cli_message(
    problem: &UrlProblem,
    resolved: &Resolved,
    version: Option<&Version>,
) -> Option<String> {
    if let refusal @ Some(_) = cli_refusal(problem, resolved) {
        return refusal;
    }
    if !has_message(problem) {
        return None;
    }
    let cause = request_error(&resolved.exchange_url(), version)?;
    Some(naming_backend(&format!("OIDC token exchange failed: {cause}"), resolved, version))
}

/// Wraps an error as the CLI does once it has chosen the backend (login.go, `loginError`).
pub(crate) fn naming_backend(
    error: &str,
    resolved: &Resolved,
    version: Option<&Version>,
) -> String {
    if !versions::NAMES_BACKEND.holds(version) {
        return format!("problem logging in: {error}");
    }
    let url = quote(&resolved.url);
    let mut text = format!("could not log in to the state backend {url}: {error}");
    if let Some(hint) = source_hint(&resolved.source).filter(|_| !resolved.explicit) {
        let _ = write!(text, "\n\n{hint}");
    }
    text
}

/// login.go's `backendSourceHint`.
fn source_hint(source: &BackendSource) -> Option<String> {
    match source {
        BackendSource::Environment { name } => Some(format!(
            "This backend comes from the {name} environment variable, which takes precedence over \
             `pulumi login`. Unset it to log in to a different backend."
        )),
        BackendSource::Project { path, .. } => Some(format!(
            "This backend comes from the `backend` setting in {path}, which takes precedence over \
             your stored credentials. Edit or remove that setting to log in to a different backend."
        )),
        BackendSource::Credentials { .. } => Some(
            "This is the backend recorded in your stored Pulumi credentials. To log in to a \
             different one, run `pulumi login <url>` \u{2014} for example, `pulumi login \
             https://api.pulumi.com`."
                .to_owned(),
        ),
        _ => None,
    }
}

/// Go's error for a POST to a URL that it cannot parse or request.
fn request_error(target: &str, version: Option<&Version>) -> Option<String> {
    match url::parse(target) {
        Err(why) => {
            let names_request = versions::NAMES_REQUEST.holds(version);
            let context = if names_request { "creating HTTP request: " } else { "" };
            Some(format!("{context}parse {}: {why}", quote(target)))
        }
        Ok(parsed) => url::transport_error(&parsed)
            .map(|why| format!("Post {}: {why}", quote(&parsed.to_string()))),
    }
}
