//! What differs between a token's issuer and a registered one that nearly matches.

mod edits;

use self::edits::edits;
use crate::judge::compare::mark::{CLIP, clip};
use crate::judge::finding::list;
use crate::limits::Work;
use crate::platform::{Id, at_host, azure};

/// A near miss: what differs in words, and how far apart the two are (edits).
pub(crate) struct NearMiss {
    /// In words, for a sentence that begins with "differs in".
    pub(crate) what: String,
    /// Edits between the two.
    pub(crate) distance: usize,
}

/// Where the issuer stands that the token's is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Other {
    Registration,
    Document,
}

impl Other {
    fn is_there(self) -> &'static str {
        match self {
            Self::Registration => "is registered",
            Self::Document => "is in the document",
        }
    }

    fn the(self) -> &'static str {
        match self {
            Self::Registration => "the registered",
            Self::Document => "the document's",
        }
    }
}

/// So many edits may be a typing error.
const FEW: usize = 3;

/// Compares a registered issuer, or a document's, with the token's. `Ok(None)`: they have nothing in
/// common that is worth telling.
///
/// # Errors
/// The work, which is shared by all registrations, does not suffice.
pub(crate) fn compare(
    other: Other,
    registered: &str,
    token: &str,
    work: &mut Work,
) -> Result<Option<NearMiss>, TooMuch> {
    if !work.take(COMPARING + registered.len().min(CLIP)) {
        return Err(TooMuch);
    }
    let clipped = [registered, token].map(clip);
    let explained = explain(other, &clipped[0], &clipped[1]);
    let most = if explained.is_some() { CLIP } else { FEW };
    let distance = edits(&clipped[0], &clipped[1], most, work)?;
    let what = match (explained, distance) {
        (None, Some(0)) => format!("what stands behind the first {CLIP} characters"),
        (None, Some(distance)) => characters(distance),
        (Some(what), _) => what,
        (None, None) => return Ok(None),
    };
    Ok(Some(NearMiss { what, distance: distance.unwrap_or(CLIP) }))
}

/// The work does not suffice.
pub(crate) struct TooMuch;

/// What comparing two issuers costs beside counting edits, in steps.
const COMPARING: usize = 50;

fn characters(count: usize) -> String {
    if count == 1 { "one character".to_owned() } else { format!("{count} characters") }
}

/// An issuer's URL in the parts in which two may differ, as they are written: what a parser of URLs
/// takes for the same is not the same to who compares texts.
struct Written<'a> {
    scheme: Option<&'a str>,
    host: &'a str,
    port: Option<&'a str>,
    path: &'a str,
}

impl<'a> Written<'a> {
    fn new(text: &'a str) -> Self {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if is_port(port) => (host, Some(port)),
            _ => (authority, None),
        };
        Self { scheme, host, port, path }
    }

    fn host(&self) -> String {
        self.host.to_ascii_lowercase()
    }

    fn is_https(&self) -> bool {
        self.scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }
}

/// Everything that differs, in a sentence; `None` where the hosts have nothing to do with each
/// other.
fn explain(other: Other, registered: &str, token: &str) -> Option<String> {
    let (left, right) = (Written::new(registered.trim()), Written::new(token.trim()));
    let hosts = (left.host(), right.host());
    let is_there = other.is_there();
    let mut found = Vec::new();
    if registered.trim() != registered || token.trim() != token {
        found.push("white space at the beginning or end".to_owned());
    }
    found.extend(scheme(other, &left, &right));
    // Very many may be registered, and most are of the token's host or of no platform's.
    let of_token = at_host(&hosts.1).map(|platform| platform.id);
    let of_registered = match hosts.0 == hosts.1 {
        true => of_token,
        false => of_token.and_then(|_| at_host(&hosts.0)).map(|platform| platform.id),
    };
    match (of_registered, of_token) {
        (Some(Id::AzurePipelines), Some(Id::Entra)) => {
            return Some(format!(
                "the kind of issuer: Azure DevOps' own {is_there}, the token is from Entra. The \
                 service connection was converted or recreated; sub and aud changed with it"
            ));
        }
        (Some(Id::Entra), Some(Id::AzurePipelines)) => {
            return Some(format!(
                "the kind of issuer: Entra's {is_there}, the token is from Azure DevOps' own. \
                 The service connection has not been converted; its sub and aud are of the old \
                 form too"
            ));
        }
        (Some(Id::Entra), Some(Id::Entra)) => {
            let entra = entra(other, &left, &right);
            found.extend(written_otherwise("host", left.host, right.host));
            found.extend(port(other, &left, &right));
            match entra.is_empty() {
                true => found.extend(path(other, &left, &right)),
                false => found.extend(entra),
            }
        }
        (Some(Id::AzurePipelines), Some(Id::AzurePipelines)) if hosts.0 != hosts.1 => {
            found.push(format!(
                "the host: Azure DevOps' own issuer was {} and is {}",
                azure::OLD_HOST,
                azure::HOST
            ));
            found.extend(path(other, &left, &right));
        }
        (id, _) if hosts.0 == hosts.1 => {
            found.extend(written_otherwise("host", left.host, right.host));
            found.extend(port(other, &left, &right));
            found.extend(match id {
                Some(Id::GitHubActions) => slug(other, &left, &right),
                _ => path(other, &left, &right),
            });
        }
        _ => {
            let (registered, token) = (github(&left)?, github(&right)?);
            found.push(format!(
                "the GitHub that it is: {registered} {is_there}, the token is from {token}"
            ));
        }
    }
    (!found.is_empty()).then(|| list(&found))
}

fn scheme(other: Other, registered: &Written, token: &Written) -> Option<String> {
    let is_there = other.is_there();
    let (left, right) = (registered.scheme, token.scheme);
    match (left, right) {
        (Some(left), Some(right)) if left.eq_ignore_ascii_case(right) => {
            written_otherwise("scheme", left, right)
        }
        (None, None) => None,
        _ => {
            let named = |scheme: Option<&str>| {
                scheme.map_or_else(|| "no scheme".to_owned(), |scheme| format!("{scheme}://"))
            };
            Some(format!("the scheme: {} {is_there}, the token has {}", named(left), named(right)))
        }
    }
}

/// Where two texts are the same but for upper and lower case.
fn written_otherwise(what: &str, registered: &str, token: &str) -> Option<String> {
    (registered != token && registered.eq_ignore_ascii_case(token))
        .then(|| format!("upper and lower case in the {what}"))
}

fn port(other: Other, registered: &Written, token: &Written) -> Option<String> {
    let is_there = other.is_there();
    let needless = |one: &Written| one.port == Some("443") && one.is_https();
    match (registered.port, token.port) {
        (left, right) if left == right => None,
        (Some(_), None) if needless(registered) => {
            Some("the port: :443 is what https means, and the token has it not".to_owned())
        }
        (None, Some(_)) if needless(token) => {
            Some("the port: the token has :443, though https means it anyway".to_owned())
        }
        (Some(left), Some(right)) => {
            Some(format!("the port: {left} {is_there}, the token has {right}"))
        }
        (Some(left), None) => Some(format!("the port: {left} {is_there}, the token has none")),
        (None, right) => {
            Some(format!("the port: none {is_there}, the token has {}", right.unwrap_or_default()))
        }
    }
}

fn path(other: Other, registered: &Written, token: &Written) -> Option<String> {
    let is_there = other.is_there();
    let the = other.the();
    let (left, right) = (registered.path, token.path);
    let (bare_left, bare_right) = (left.trim_end_matches('/'), right.trim_end_matches('/'));
    if left == right {
        return None;
    }
    if bare_left == bare_right {
        let which = if right.len() > left.len() { "the token's" } else { the };
        return Some(format!("the slash at the end of {which} issuer"));
    }
    if left.eq_ignore_ascii_case(right) {
        return written_otherwise("path", left, right);
    }
    Some(match (bare_left, bare_right) {
        ("", _) => format!("the path: {the} one has none, the token's is {right}"),
        (_, "") => format!("the path: {the} one is {left}, the token's has none"),
        _ => format!("the path: {left} {is_there}, the token's is {right}"),
    })
}

/// GitHub's path is the slug of an enterprise that asked for it.
fn slug(other: Other, registered: &Written, token: &Written) -> Option<String> {
    let is_there = other.is_there();
    let the = other.the();
    let named = |one: &Written| one.path.trim_matches('/').to_owned();
    Some(match (named(registered).as_str(), named(token).as_str()) {
        (left, right) if left == right => return path(other, registered, token),
        (left, right) if left.eq_ignore_ascii_case(right) => return path(other, registered, token),
        ("", right) => format!(
            "the path: the token has the enterprise slug {right} (include_enterprise_slug), {the} \
             issuer has none"
        ),
        (left, "") => format!(
            "the path: {the} issuer has the enterprise slug {left}, the token has none \
             (include_enterprise_slug is off)"
        ),
        (left, right) => {
            format!("the enterprise slug: {left} {is_there}, the token has {right}")
        }
    })
}

/// Which GitHub an issuer belongs to: github.com, an enterprise with data residency
/// (`token.actions.SUB.ghe.com`) or a server of one's own (`https://HOST/_services/token`).
fn github(issuer: &Written) -> Option<String> {
    let host = issuer.host();
    let enterprise = host.strip_prefix("token.actions.").filter(|rest| rest.ends_with(".ghe.com"));
    match enterprise {
        Some(enterprise) => Some(enterprise.to_owned()),
        None if at_host(&host).is_some_and(|platform| platform.id == Id::GitHubActions) => {
            Some("github.com".to_owned())
        }
        None => issuer.path.starts_with("/_services/token").then(|| format!("the server {host}")),
    }
}

/// Entra: tenant, version, and the templates `common`, `organizations` and `consumers`.
fn entra(other: Other, registered: &Written, token: &Written) -> Vec<String> {
    let is_there = other.is_there();
    let mut found = Vec::new();
    let tenant =
        |issuer: &Written| issuer.path.split('/').nth(1).unwrap_or_default().to_ascii_lowercase();
    let (left, right) = (tenant(registered), tenant(token));
    if left != right {
        found.push(match left.as_str() {
            "common" | "organizations" | "consumers" => {
                format!("the tenant: {left} is a template that no token carries")
            }
            "" => format!("the tenant: none {is_there}, the token is from {right}"),
            _ => format!("the tenant: {left} {is_there}, the token is from {right}"),
        });
    }
    let version = |issuer: &Written| match issuer.path.trim_end_matches('/').ends_with("/v2.0") {
        true => "v2.0",
        false => "v1",
    };
    if version(registered) != version(token) {
        found.push(format!(
            "the version: {} {is_there}, the token is of {}",
            version(registered),
            version(token)
        ));
    } else if registered.host() != token.host() {
        found.push("the host".to_owned());
    }
    found
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
            ("https://GitLab.com", "https://gitlab.com", "upper and lower case in the host"),
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
                "the path: the token has the enterprise slug acme",
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
            // Everything that differs, not the first of it.
            (
                "https://GitLab.com/",
                "https://gitlab.com",
                "upper and lower case in the host and the slash at the end of the registered issuer",
            ),
            (
                "http://GitLab.com",
                "https://gitlab.com",
                "the scheme: http:// is registered, the token has https:// and upper and lower case",
            ),
            (
                "http://gitlab.com:8080/group/",
                "https://gitlab.com",
                "the scheme: http:// is registered, the token has https://, the port: 8080 is \
                 registered, the token has none and the path: the registered one is /group/",
            ),
            ("https://gitlab.com", "https://gitlab.com:443", "the port: the token has :443"),
            (
                "https://gitlab.com/Group",
                "https://gitlab.com/group",
                "upper and lower case in the path",
            ),
            (" https://gitlab.com", "https://gitlab.com", "white space"),
            (
                "https://login.microsoftonline.com/22222222-1111-1111-1111-111111111111",
                &format!("{tenant}/v2.0"),
                "the tenant: 22222222-1111-1111-1111-111111111111 is registered, the token is from \
                 11111111-1111-1111-1111-111111111111 and the version: v1",
            ),
            (
                &format!("{tenant}/v2.0/"),
                &format!("{tenant}/v2.0"),
                "the slash at the end of the registered",
            ),
            (
                "https://token.actions.githubusercontent.com/acme",
                "https://token.actions.githubusercontent.com",
                "the path: the registered issuer has the enterprise slug acme",
            ),
            (
                "https://token.actions.githubusercontent.com/",
                "https://token.actions.githubusercontent.com",
                "the slash at the end",
            ),
            (
                "https://token.actions.githubusercontent.com/acme",
                "https://token.actions.githubusercontent.com/globex",
                "the enterprise slug: acme is registered, the token has globex",
            ),
        ];
        for (registered, token, expected) in cases {
            let what = compared(registered, token).map(|m| m.what).unwrap_or_default();
            assert!(what.starts_with(expected), "{registered} / {token}: {what}");
        }
        assert!(compared("https://example.org", "https://gitlab.com").is_none());
    }

    fn compared(registered: &str, token: &str) -> Option<NearMiss> {
        compare(Other::Registration, registered, token, &mut Work::unlimited()).ok().flatten()
    }

    #[test]
    fn the_work_for_many_issuers_is_bounded() {
        let mut work = Work::new(100_000);
        let token = format!("https://a.test/{}", "x".repeat(600));
        let compared = (0..10_000)
            .take_while(|number| {
                let registered = format!("https://a{number}.test/{}", "x".repeat(600));
                compare(Other::Registration, &registered, &token, &mut work).is_ok()
            })
            .count();
        assert!((100..1_000).contains(&compared), "{compared}");
    }
}
