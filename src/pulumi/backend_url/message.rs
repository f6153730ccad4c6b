//! What the CLI itself says to a backend URL.

use std::fmt::Write as _;

use semver::Version;

use super::parts::{go_scheme, is_diy};
use super::{Resolved, UrlProblem, looks_like_website};
use crate::evidence::BackendSource;
use crate::pulumi::versions;

/// The schemes as login.go's `validateCloudBackendType` lists them.
const SUPPORTED: [&str; 7] = ["azblob", "gs", "s3", "file", "https", "http", "postgres"];

/// The CLI's own error for the form of a backend URL, which it makes before any request; without the
/// `error: ` in front. `None` where the form is one that the CLI takes.
#[must_use]
pub fn cli_refusal(problem: &UrlProblem, resolved: &Resolved) -> Option<String> {
    if !has_message(problem) {
        return None;
    }
    let url = &resolved.url;
    if resolved.explicit {
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
    use UrlProblem::{InsecureFlag, InsecureHttp, Path};
    !matches!(problem, Path { .. } | InsecureHttp { .. } | InsecureFlag)
}

/// The CLI's own error for a problem of its backend URL, of its form or of the request to it, by its
/// version (`None`: the newest). `None` where the CLI says nothing, or nothing that is known to
/// the letter.
#[must_use]
pub fn cli_message(
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
    let url = &resolved.url;
    let cause = request_error(&format!("{url}/api/oauth/token"))?;
    if !versions::NAMES_BACKEND.holds(version) {
        return Some(format!("problem logging in: OIDC token exchange failed: {cause}"));
    }
    let mut text = format!(
        "could not log in to the state backend {}: OIDC token exchange failed: {cause}",
        quoted(url)
    );
    if let Some(hint) = hint(&resolved.source).filter(|_| !resolved.explicit) {
        let _ = write!(text, "\n\n{hint}");
    }
    Some(text)
}

/// login.go's `backendSourceHint`.
fn hint(source: &BackendSource) -> Option<String> {
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

/// What Go's `net/http` says to a POST to a URL that it cannot speak to: `url.Parse`, then
/// `Transport.roundTrip`.
fn request_error(target: &str) -> Option<String> {
    let parse = |why| Some(format!("creating HTTP request: parse {}: {why}", quoted(target)));
    if target.bytes().any(|b| b.is_ascii_control()) {
        return parse("net/url: invalid control character in URL");
    }
    if target.starts_with(':') {
        return parse("missing protocol scheme");
    }
    let scheme = go_scheme(target);
    let first = target.split(['/', '?', '#']).next().unwrap_or_default();
    if scheme.is_none() && first.contains(':') {
        return parse("first path segment in URL cannot contain colon");
    }
    // Go prints the URL back with other characters escaped, which is not mirrored here.
    if !target.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:@[]/".contains(&b)) {
        return None;
    }
    let lower = scheme.unwrap_or_default().to_ascii_lowercase();
    let rest = &target[lower.len()..];
    let why = match lower.as_str() {
        "http" | "https" => {
            let host = rest.strip_prefix("://").is_some_and(|host| !host.starts_with('/'));
            (!host).then(|| "http: no Host in request URL".to_owned())?
        }
        _ => format!("unsupported protocol scheme \"{lower}\""),
    };
    Some(format!("Post \"{lower}{rest}\": {why}"))
}

/// Go's `%q`.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            c if c.is_ascii_control() => write!(out, "\\x{:02x}", u32::from(c)),
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)),
            c => write!(out, "{c}"),
        };
    }
    out.push('"');
    out
}
