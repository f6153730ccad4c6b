//! Explains the difference between the token's issuer and one that nearly matches.

mod edit_distance;

use self::edit_distance::bounded_edit_distance;
use crate::judge::compare::diff::{MAX_ISSUER_CHARS, clip_issuer};
use crate::judge::finding::list;
use crate::limits::Work;
use crate::platform::{Id, at_host, azure};

/// An issuer that nearly matches.
pub(crate) struct NearMiss {
    /// The difference, for a sentence that begins with "differs in".
    pub(crate) what: String,
    /// The edit distance.
    pub(crate) distance: usize,
}

/// The source of the issuer with which the token's is compared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IssuerSource {
    Registration,
    Document,
}

impl IssuerSource {
    /// A predicate for the issuer, in messages.
    fn predicate(self) -> &'static str {
        match self {
            Self::Registration => "is registered",
            Self::Document => "is in the document",
        }
    }

    /// A possessive for the issuer, in messages.
    fn possessive(self) -> &'static str {
        match self {
            Self::Registration => "the registered",
            Self::Document => "the document's",
        }
    }
}

/// Issuers with more edits are no near miss, unless their parts explain the difference.
const MAX_TYPO_EDITS: usize = 3;

/// Compares an issuer with the token's. `Ok(None)`: it is no near miss.
///
/// # Errors
/// The work budget, which all registrations share, is used up.
pub(crate) fn compare(
    source: IssuerSource,
    registered: &str,
    token: &str,
    work: &mut Work,
) -> Result<Option<NearMiss>, BudgetExceeded> {
    if !work.take(COMPARISON_STEPS + registered.len().min(MAX_ISSUER_CHARS)) {
        return Err(BudgetExceeded);
    }
    let clipped = [registered, token].map(clip_issuer);
    let explained = explain(source, &clipped[0], &clipped[1]);
    let most = if explained.is_some() { MAX_ISSUER_CHARS } else { MAX_TYPO_EDITS };
    let distance = bounded_edit_distance(&clipped[0], &clipped[1], most, work)?;
    let what = match (explained, distance) {
        (None, Some(0)) => format!("what stands behind the first {MAX_ISSUER_CHARS} characters"),
        (None, Some(distance)) => characters(distance),
        (Some(what), _) => what,
        (None, None) => return Ok(None),
    };
    Ok(Some(NearMiss { what, distance: distance.unwrap_or(MAX_ISSUER_CHARS) }))
}

/// The work budget is used up.
pub(crate) struct BudgetExceeded;

/// The cost of comparing two issuers without their edit distance, in steps.
const COMPARISON_STEPS: usize = 50;

fn characters(count: usize) -> String {
    if count == 1 { "one character".to_owned() } else { format!("{count} characters") }
}

/// An issuer's URL in parts, as written. A URL parser would normalize differences that matter,
/// since Pulumi Cloud compares issuers as text.
struct IssuerParts<'a> {
    scheme: Option<&'a str>,
    host: &'a str,
    port: Option<&'a str>,
    path: &'a str,
}

impl<'a> IssuerParts<'a> {
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

/// All differences, in a sentence. `None` if the hosts are unrelated.
fn explain(source: IssuerSource, registered: &str, token: &str) -> Option<String> {
    let (left, right) = (IssuerParts::new(registered.trim()), IssuerParts::new(token.trim()));
    let hosts = (left.host(), right.host());
    let predicate = source.predicate();
    let mut found = Vec::new();
    if registered.trim() != registered || token.trim() != token {
        found.push("white space at the beginning or end".to_owned());
    }
    found.extend(scheme(source, &left, &right));
    // Avoids a look-up per registration: most are on the token's host or belong to no platform.
    let of_token = at_host(&hosts.1).map(|platform| platform.id);
    let of_registered = match hosts.0 == hosts.1 {
        true => of_token,
        false => of_token.and_then(|_| at_host(&hosts.0)).map(|platform| platform.id),
    };
    match (of_registered, of_token) {
        (Some(Id::AzurePipelines), Some(Id::Entra)) => {
            return Some(format!(
                "the kind of issuer: Azure DevOps' own {predicate}, the token is from Entra. The \
                 service connection was converted or recreated; sub and aud changed with it"
            ));
        }
        (Some(Id::Entra), Some(Id::AzurePipelines)) => {
            return Some(format!(
                "the kind of issuer: Entra's {predicate}, the token is from Azure DevOps' own. \
                 The service connection has not been converted; its sub and aud are of the old \
                 form too"
            ));
        }
        (Some(Id::Entra), Some(Id::Entra)) => {
            let entra = entra(source, &left, &right);
            found.extend(case_difference("host", left.host, right.host));
            found.extend(port(source, &left, &right));
            match entra.is_empty() {
                true => found.extend(path(source, &left, &right)),
                false => found.extend(entra),
            }
        }
        (Some(Id::AzurePipelines), Some(Id::AzurePipelines)) if hosts.0 != hosts.1 => {
            found.push(format!(
                "the host: Azure DevOps' own issuer was {} and is {}",
                azure::OLD_HOST,
                azure::HOST
            ));
            found.extend(path(source, &left, &right));
        }
        (id, _) if hosts.0 == hosts.1 => {
            found.extend(case_difference("host", left.host, right.host));
            found.extend(port(source, &left, &right));
            found.extend(match id {
                Some(Id::GitHubActions) => enterprise_slug(source, &left, &right),
                _ => path(source, &left, &right),
            });
        }
        _ => {
            let (registered, token) = (github_instance(&left)?, github_instance(&right)?);
            found.push(format!(
                "the GitHub that it is: {registered} {predicate}, the token is from {token}"
            ));
        }
    }
    (!found.is_empty()).then(|| list(&found))
}

fn scheme(source: IssuerSource, registered: &IssuerParts, token: &IssuerParts) -> Option<String> {
    let predicate = source.predicate();
    let (left, right) = (registered.scheme, token.scheme);
    match (left, right) {
        (Some(left), Some(right)) if left.eq_ignore_ascii_case(right) => {
            case_difference("scheme", left, right)
        }
        (None, None) => None,
        _ => {
            let named = |scheme: Option<&str>| {
                scheme.map_or_else(|| "no scheme".to_owned(), |scheme| format!("{scheme}://"))
            };
            Some(format!("the scheme: {} {predicate}, the token has {}", named(left), named(right)))
        }
    }
}

/// Reports texts that differ only in upper and lower case.
fn case_difference(what: &str, registered: &str, token: &str) -> Option<String> {
    (registered != token && registered.eq_ignore_ascii_case(token))
        .then(|| format!("upper and lower case in the {what}"))
}

fn port(source: IssuerSource, registered: &IssuerParts, token: &IssuerParts) -> Option<String> {
    let predicate = source.predicate();
    let is_default = |one: &IssuerParts| one.port == Some("443") && one.is_https();
    match (registered.port, token.port) {
        (left, right) if left == right => None,
        (Some(_), None) if is_default(registered) => {
            Some(format!("the port: :443 {predicate}, though https means it anyway"))
        }
        (None, Some(_)) if is_default(token) => {
            Some("the port: the token has :443, though https means it anyway".to_owned())
        }
        (Some(left), Some(right)) => {
            Some(format!("the port: {left} {predicate}, the token has {right}"))
        }
        (Some(left), None) => Some(format!("the port: {left} {predicate}, the token has none")),
        (None, right) => {
            Some(format!("the port: none {predicate}, the token has {}", right.unwrap_or_default()))
        }
    }
}

fn path(source: IssuerSource, registered: &IssuerParts, token: &IssuerParts) -> Option<String> {
    let predicate = source.predicate();
    let possessive = source.possessive();
    let (left, right) = (registered.path, token.path);
    let (bare_left, bare_right) = (left.trim_end_matches('/'), right.trim_end_matches('/'));
    if left == right {
        return None;
    }
    if bare_left == bare_right {
        let which = if right.len() > left.len() { "the token's" } else { possessive };
        return Some(format!("the slash at the end of {which} issuer"));
    }
    if left.eq_ignore_ascii_case(right) {
        return case_difference("path", left, right);
    }
    Some(match (bare_left, bare_right) {
        ("", _) => format!("the path: {possessive} one has none, the token's is {right}"),
        (_, "") => format!("the path: {possessive} one is {left}, the token's has none"),
        _ => format!("the path: {left} {predicate}, the token's is {right}"),
    })
}

/// GitHub's issuer path is the slug of an enterprise that opted in.
fn enterprise_slug(
    source: IssuerSource,
    registered: &IssuerParts,
    token: &IssuerParts,
) -> Option<String> {
    let predicate = source.predicate();
    let possessive = source.possessive();
    let named = |one: &IssuerParts| one.path.trim_matches('/').to_owned();
    Some(match (named(registered).as_str(), named(token).as_str()) {
        (left, right) if left == right => return path(source, registered, token),
        (left, right) if left.eq_ignore_ascii_case(right) => {
            return path(source, registered, token);
        }
        ("", right) => format!(
            "the path: the token has the enterprise slug {right} (include_enterprise_slug), {possessive} \
             issuer has none"
        ),
        (left, "") => format!(
            "the path: {possessive} issuer has the enterprise slug {left}, the token has none \
             (include_enterprise_slug is off)"
        ),
        (left, right) => {
            format!("the enterprise slug: {left} {predicate}, the token has {right}")
        }
    })
}

/// The GitHub instance of an issuer: github.com, an enterprise with data residency
/// (`token.actions.SUB.ghe.com`) or an Enterprise Server (`https://HOST/_services/token`).
fn github_instance(issuer: &IssuerParts) -> Option<String> {
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

/// Differences of Entra issuers: tenant, version, and the templates `common`, `organizations` and
/// `consumers`.
fn entra(source: IssuerSource, registered: &IssuerParts, token: &IssuerParts) -> Vec<String> {
    let predicate = source.predicate();
    let mut found = Vec::new();
    let tenant = |issuer: &IssuerParts| {
        issuer.path.split('/').nth(1).unwrap_or_default().to_ascii_lowercase()
    };
    let (left, right) = (tenant(registered), tenant(token));
    if left != right {
        found.push(match left.as_str() {
            "common" | "organizations" | "consumers" => {
                format!("the tenant: {left} is a template that no token carries")
            }
            "" => format!("the tenant: none {predicate}, the token is from {right}"),
            _ => format!("the tenant: {left} {predicate}, the token is from {right}"),
        });
    }
    let version = |issuer: &IssuerParts| match issuer.path.trim_end_matches('/').ends_with("/v2.0")
    {
        true => "v2.0",
        false => "v1",
    };
    if version(registered) != version(token) {
        found.push(format!(
            "the version: {} {predicate}, the token is of {}",
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
    fn near_misses_are_explained() {
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
            // All differences, not only the first.
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
        compare(IssuerSource::Registration, registered, token, &mut Work::unlimited())
            .ok()
            .flatten()
    }

    #[test]
    fn work_for_many_issuers_is_bounded() {
        let mut work = Work::new(100_000);
        let token = format!("https://a.test/{}", "x".repeat(600));
        let compared = (0..10_000)
            .take_while(|number| {
                let registered = format!("https://a{number}.test/{}", "x".repeat(600));
                compare(IssuerSource::Registration, &registered, &token, &mut work).is_ok()
            })
            .count();
        assert!((100..1_000).contains(&compared), "{compared}");
    }
}
