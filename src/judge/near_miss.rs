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
/// What Azure DevOps' own issuer was called before.
const AZURE_OLDER: &str = "app.vstoken.visualstudio.com";
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
    let (left, token_url) = (Url::parse(registered).ok()?, Url::parse(token).ok()?);
    let (registered_host, token_host) = (left.host_str()?, token_url.host_str()?);
    let hosts = (registered_host, token_host);
    match hosts {
        (AZURE_OLD | AZURE_OLDER, AZURE_NEW | ENTRA_V1) => Some(
            "the kind of issuer: Azure DevOps' own is registered, the token is from Entra. The \
             service connection was converted or made anew; sub and aud changed with it"
                .to_owned(),
        ),
        (AZURE_NEW | ENTRA_V1, AZURE_OLD | AZURE_OLDER) => Some(
            "the kind of issuer: Entra's is registered, the token is from Azure DevOps' own. The \
             service connection has not been converted; its sub and aud are of the old form too"
                .to_owned(),
        ),
        (AZURE_NEW | ENTRA_V1, AZURE_NEW | ENTRA_V1) => Some(entra(&left, &token_url)),
        (GITHUB, GITHUB) => Some(
            "the path: an enterprise slug is in one and not the same in the other \
             (include_enterprise_slug)"
                .to_owned(),
        ),
        (AZURE_OLDER, AZURE_OLD) | (AZURE_OLD, AZURE_OLDER) => Some(
            "the host: Azure DevOps' own issuer was app.vstoken.visualstudio.com and is \
             vstoken.dev.azure.com"
                .to_owned(),
        ),
        _ if registered_host != token_host
            && github(&left).is_some()
            && github(&token_url).is_some() =>
        {
            Some(format!(
                "the GitHub that it is: {} is registered, the token is from {}",
                github(&left).unwrap_or_default(),
                github(&token_url).unwrap_or_default()
            ))
        }
        // The same URL for every client, but not the same text.
        (a, b) if a == b && left == token_url => {
            Some("the port: :443 is what https means".to_owned())
        }
        (a, b) if a == b && left.port_or_known_default() != token_url.port_or_known_default() => {
            Some("the port".to_owned())
        }
        (a, b) if a == b => Some(path(left.path(), token_url.path())),
        _ => None,
    }
}

/// Which GitHub an issuer belongs to: github.com, an enterprise with data residency
/// (`token.actions.SUB.ghe.com`) or a server of one's own (`https://HOST/_services/token`).
fn github(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let enterprise = host.strip_prefix("token.actions.").filter(|rest| rest.ends_with(".ghe.com"));
    match enterprise {
        Some(enterprise) => Some(enterprise.to_owned()),
        None if host == GITHUB => Some("github.com".to_owned()),
        None => url.path().starts_with("/_services/token").then(|| format!("the server {host}")),
    }
}

/// Both texts in one, with what differs in brackets: `https://gitlab.[com -> example]`.
pub(super) fn marked(registered: &str, token: &str) -> String {
    let (left, right): (Vec<char>, Vec<char>) =
        (clip(registered).chars().collect(), clip(token).chars().collect());
    let common = common(&left, &right);
    let (mut text, mut at) = (String::new(), (0, 0));
    let ends = std::iter::once((left.len(), right.len()));
    for (l, r) in common.into_iter().chain(ends) {
        let part = |chars: &[char], from: usize, to: usize| -> String {
            chars.get(from..to).unwrap_or_default().iter().collect()
        };
        let (before, now) = (part(&left, at.0, l), part(&right, at.1, r));
        if !(before.is_empty() && now.is_empty()) {
            let named = |part: String| if part.is_empty() { "nothing".to_owned() } else { part };
            text.push_str(&format!("[{} -> {}]", named(before), named(now)));
        }
        text.extend(left.get(l));
        at = (l + 1, r + 1);
    }
    text
}

/// The places of what both have in common: runs of at least three characters, or the beginning or
/// the end, so that single letters which happen to agree do not chop a difference up.
fn common(left: &[char], right: &[char]) -> Vec<(usize, usize)> {
    let prefix = left.iter().zip(right).take_while(|(l, r)| l == r).count();
    let rest = left.len().min(right.len()) - prefix;
    let suffix = left.iter().rev().zip(right.iter().rev()).take(rest).take_while(|(l, r)| l == r);
    let suffix = suffix.count();
    let (from, to) = (prefix, (left.len() - suffix, right.len() - suffix));
    // The longest common run of the middle, and what is common on both sides of it.
    let mut places: Vec<(usize, usize)> = (0..prefix).map(|at| (at, at)).collect();
    runs(left, right, (from, from), to, &mut places);
    places.extend((0..suffix).map(|at| (to.0 + at, to.1 + at)));
    places
}

/// A run in common has to be so long to count as one.
const RUN: usize = 3;

fn runs(
    left: &[char],
    right: &[char],
    from: (usize, usize),
    to: (usize, usize),
    places: &mut Vec<(usize, usize)>,
) {
    let (mut best, mut before) = ((0, 0, 0), vec![0; to.1.saturating_sub(from.1) + 1]);
    for l in from.0..to.0 {
        let mut now = vec![0; before.len()];
        for r in from.1..to.1 {
            if left.get(l) == right.get(r) {
                let length = before.get(r - from.1).copied().unwrap_or_default() + 1;
                if let Some(cell) = now.get_mut(r - from.1 + 1) {
                    *cell = length;
                }
                if length > best.0 {
                    best = (length, l + 1 - length, r + 1 - length);
                }
            }
        }
        before = now;
    }
    let (length, l, r) = best;
    if length < RUN {
        return;
    }
    runs(left, right, from, (l, r), places);
    places.extend((0..length).map(|at| (l + at, r + at)));
    runs(left, right, (l + length, r + length), to, places);
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
            ("https://gitlab.com:443", "https://gitlab.com", "the port: :443"),
            (
                "https://app.vstoken.visualstudio.com/0b1c",
                "https://vstoken.dev.azure.com/0b1c",
                "the host: Azure",
            ),
            (
                "https://token.actions.githubusercontent.com",
                "https://token.actions.acme.ghe.com",
                "the GitHub that it is: github.com is registered, the token is from acme.ghe.com",
            ),
            (
                "https://github.acme.example/_services/token",
                "https://token.actions.githubusercontent.com",
                "the GitHub that it is: the server github.acme.example is registered",
            ),
        ];
        for (registered, token, expected) in cases {
            let what = compare(registered, token).map(|m| m.what).unwrap_or_default();
            assert!(what.starts_with(expected), "{registered} / {token}: {what}");
        }
        assert!(compare("https://example.org", "https://gitlab.com").is_none());
    }

    #[test]
    fn what_differs_is_marked() {
        let cases = [
            ("https://gitlab.com/", "https://gitlab.com", "https://gitlab.com[/ -> nothing]"),
            ("http://gitlab.com", "https://gitlab.com", "http[nothing -> s]://gitlab.com"),
            ("https://gitlab.con", "https://gitlab.com", "https://gitlab.co[n -> m]"),
            (
                "https://GitLab.com/",
                "https://gitlab.com",
                "https://[GitL -> gitl]ab.com[/ -> nothing]",
            ),
            ("a", "b", "[a -> b]"),
            ("", "", ""),
        ];
        for (registered, token, expected) in cases {
            assert_eq!(marked(registered, token), expected);
        }
    }

    proptest::proptest! {
        /// Taking one side of every bracket gives that side back.
        #[test]
        fn both_sides_are_in_the_mark(left in "[ab/.]{0,24}", right in "[ab/.]{0,24}") {
            let side = |index: usize| -> String {
                marked(&left, &right)
                    .split(['[', ']'])
                    .enumerate()
                    .map(|(at, part)| match at % 2 {
                        0 => part.to_owned(),
                        _ => part.split(" -> ").nth(index).unwrap_or_default().replace("nothing", ""),
                    })
                    .collect()
            };
            proptest::prop_assert_eq!(side(0), left.clone());
            proptest::prop_assert_eq!(side(1), right.clone());
        }
    }
}
