//! What differs between a token's issuer and a registered one that nearly matches.

use url::Url;

/// A near miss: what differs in words, and how far apart the two are (edits).
pub(super) struct NearMiss {
    /// In words, for a sentence that begins with "differs in".
    pub(super) what: String,
    /// Edits between the two.
    pub(super) distance: usize,
}

/// Azure DevOps' own issuer and Entra's, which replaced it for service connections.
const AZURE_OLD: &str = "vstoken.dev.azure.com";
const AZURE_NEW: &str = "login.microsoftonline.com";
const ENTRA_V1: &str = "sts.windows.net";
const GITHUB: &str = "token.actions.githubusercontent.com";

/// Compares a registered issuer with the token's. `None`: they have nothing in common that is
/// worth telling.
pub(super) fn compare(registered: &str, token: &str) -> Option<NearMiss> {
    let explained = explain(registered, token);
    // There may be many registrations, and most are of another length than any near one has.
    if explained.is_none() && registered.len().abs_diff(token.len()) > 4 * FEW {
        return None;
    }
    let distance = strsim::levenshtein(&clip(registered), &clip(token));
    let what = explained.or_else(|| (distance <= FEW).then(|| characters(distance)))?;
    Some(NearMiss { what, distance })
}

/// So many edits may be a typing error.
const FEW: usize = 3;

fn characters(count: usize) -> String {
    if count == 1 { "one character".to_owned() } else { format!("{count} characters") }
}

/// Issuers are short; a hostile one must not make the comparison slow.
fn clip(text: &str) -> String {
    text.chars().take(512).collect()
}

fn explain(registered: &str, token: &str) -> Option<String> {
    if registered.trim_end_matches('/') == token.trim_end_matches('/') {
        let which = if token.ends_with('/') { "the token's" } else { "the registered" };
        return Some(format!("the slash at the end of {which} issuer"));
    }
    if registered.trim() == token || registered.eq_ignore_ascii_case(token) {
        let what = if registered.trim() == token { "white space" } else { "upper and lower case" };
        return Some(what.to_owned());
    }
    let bare = |text: &str| {
        text.trim_start_matches("https://")
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned()
    };
    if bare(registered) == bare(token) {
        let scheme = |text: &str| {
            text.split_once("://")
                .map_or_else(|| "no scheme".to_owned(), |(s, _)| format!("{s}://"))
        };
        return Some(format!(
            "the scheme: {} is registered, the token has {}",
            scheme(registered),
            scheme(token)
        ));
    }
    let (left, right) = (Url::parse(registered).ok()?, Url::parse(token).ok()?);
    let (registered_host, token_host) = (left.host_str()?, right.host_str()?);
    let hosts = (registered_host, token_host);
    match hosts {
        (AZURE_OLD, AZURE_NEW | ENTRA_V1) => Some(
            "the kind of issuer: Azure DevOps' own is registered, the token is from Entra. The \
             service connection was converted or made anew; sub and aud changed with it"
                .to_owned(),
        ),
        (AZURE_NEW | ENTRA_V1, AZURE_OLD) => Some(
            "the kind of issuer: Entra's is registered, the token is from Azure DevOps' own. The \
             service connection has not been converted; its sub and aud are of the old form too"
                .to_owned(),
        ),
        (AZURE_NEW | ENTRA_V1, AZURE_NEW | ENTRA_V1) => Some(entra(&left, &right)),
        (GITHUB, GITHUB) => Some(
            "the path: an enterprise slug is in one and not the same in the other \
             (include_enterprise_slug)"
                .to_owned(),
        ),
        (a, b) if a == b && left.port_or_known_default() != right.port_or_known_default() => {
            Some("the port".to_owned())
        }
        (a, b) if a == b => Some(path(left.path(), right.path())),
        _ => None,
    }
}

/// Entra: tenant, version and the templates `common` and `organizations`.
fn entra(registered: &Url, token: &Url) -> String {
    let tenant = |url: &Url| {
        url.path_segments().and_then(|mut s| s.next()).unwrap_or_default().to_ascii_lowercase()
    };
    let (left, right) = (tenant(registered), tenant(token));
    if ["common", "organizations", "consumers"].contains(&left.as_str()) {
        return format!("the tenant: {left} is a template that no token carries");
    }
    if left != right {
        return format!("the tenant: {left} is registered, the token is from {right}");
    }
    let version = |url: &Url| {
        if url.path().trim_end_matches('/').ends_with("/v2.0") { "v2.0" } else { "v1" }
    };
    if version(registered) == version(token) {
        return "the path".to_owned();
    }
    format!(
        "the version: {} is registered, the token is of {}",
        version(registered),
        version(token)
    )
}

fn path(registered: &str, token: &str) -> String {
    let segments = |path: &str| path.split('/').filter(|s| !s.is_empty()).count();
    match (segments(registered), segments(token)) {
        (0, _) => format!("the path: the registered one has none, the token's is {token}"),
        (_, 0) => format!("the path: the registered one is {registered}, the token's has none"),
        _ => format!("the path: {registered} is registered, the token's is {token}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_named() {
        let tenant = "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111";
        let cases = [
            ("https://gitlab.com/", "https://gitlab.com", "the slash at the end of the registered"),
            ("http://gitlab.com", "https://gitlab.com", "the scheme: http:// is registered"),
            ("gitlab.com", "https://gitlab.com", "the scheme: no scheme is registered"),
            ("https://GitLab.com", "https://gitlab.com", "upper and lower case"),
            ("https://gitlab.example:8443", "https://gitlab.example", "the port"),
            (
                "https://vstoken.dev.azure.com/0b1c",
                &format!("{tenant}/v2.0"),
                "the kind of issuer: Azure DevOps' own is registered",
            ),
            (tenant, &format!("{tenant}/v2.0"), "the version: v1 is registered"),
            (
                "https://login.microsoftonline.com/common/v2.0",
                &format!("{tenant}/v2.0"),
                "the tenant: common is a template",
            ),
            (
                "https://login.microsoftonline.com/22222222-1111-1111-1111-111111111111/v2.0",
                &format!("{tenant}/v2.0"),
                "the tenant: 22222222",
            ),
            (
                "https://token.actions.githubusercontent.com",
                "https://token.actions.githubusercontent.com/acme",
                "the path: an enterprise slug",
            ),
            ("https://gitlab.con", "https://gitlab.com", "one character"),
        ];
        for (registered, token, expected) in cases {
            let what = compare(registered, token).map(|m| m.what).unwrap_or_default();
            assert!(what.starts_with(expected), "{registered} / {token}: {what}");
        }
        assert!(compare("https://example.org", "https://gitlab.com").is_none());
    }
}
