//! Finds the backend URL that a login uses, and its problems.
//!
//! The order of the sources is that of pkg/cmd/pulumi/auth/login.go and of
//! `GetCurrentCloudURLWithSource` in pkg/workspace/creds.go. The CLI checks the form of URLs from
//! some sources before it sends a request. In a URL from another source the same mistake leads to
//! an error of Go's HTTP client, which `message` reproduces.

mod message;
mod parts;
#[cfg(test)]
mod tests;
mod trust;

pub(crate) use message::{cli_message, cli_refusal, naming_backend};
pub(crate) use trust::{is_named_only_by_project, is_plain_http};

use semver::Version;
use url::Host;

use self::parts::{Parts, is_diy, is_loopback, split_port};
use crate::catalogue::Code;
use crate::evidence::url_faults::{MAX_URL_BYTES, find_unexpanded, invalid_character_name};
use crate::evidence::{Backend, BackendCandidate, BackendSource, Evidence, HiddenFault};
use crate::pulumi::go::url::GoUrl;
use crate::pulumi::{go, versions};
use crate::text::{self, nearest};

/// The API of Pulumi's own service.
pub(crate) const PULUMI_CLOUD: &str = "https://api.pulumi.com";
/// The URL of `--local` (pkg/backend/diy/backend.go, `FilePathPrefix`).
const LOCAL: &str = "file://~";
/// The schemes that the CLI accepts (login.go, `validateCloudBackendType`).
pub(crate) const SCHEMES: [&str; 7] = ["https", "http", "file", "s3", "gs", "azblob", "postgres"];
/// The schemes of DIY backends (pkg/backend/diy/backend.go, `IsDIYBackendURL`).
const DIY_SCHEMES: [&str; 5] = ["file", "s3", "gs", "azblob", "postgres"];
/// Hosts of Pulumi's websites, which do not serve the API.
pub(crate) const WEBSITES: [&str; 3] = ["app.pulumi.com", "pulumi.com", "www.pulumi.com"];

/// The backend URL that the login uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The URL; empty if none is configured and the CLI has no default.
    pub url: String,
    /// The source that names the URL.
    pub source: BackendSource,
    /// Whether the command line or `PULUMI_OPTION_…` names the URL.
    pub explicit: bool,
    /// Whether the CLI checks the URL's form before it sends a request.
    pub checked: bool,
    /// Whether the CLI removes one trailing slash for the exchange.
    pub trims_slash: bool,
    /// The overridden sources with another URL, in the CLI's order.
    pub others: Vec<BackendCandidate>,
    /// The problem in a part of the URL that is not shown.
    pub hidden: Option<HiddenFault>,
}

/// Finds the URL that the login uses, by the rules of a CLI version (`None`: the newest).
pub(crate) fn resolve(backend: &Backend, version: Option<&Version>) -> Resolved {
    let local =
        backend.local.then(|| BackendCandidate::new(LOCAL.to_owned(), BackendSource::Local));
    let named: Vec<_> = local
        .iter()
        .chain(&backend.candidates)
        .filter(|candidate| !candidate.url.is_empty())
        .collect();
    let Some((first, rest)) = named.split_first() else {
        // Before the OIDC flags existed, every login had a default.
        let lacks_default =
            versions::OIDC.holds(version) && !versions::DEFAULT_BACKEND.holds(version);
        let url = if lacks_default { String::new() } else { PULUMI_CLOUD.to_owned() };
        return Resolved::new(url, BackendSource::Default, version);
    };
    Resolved {
        others: rest
            .iter()
            .filter(|other| !is_same_url(&first.url, &other.url))
            .map(|other| (*other).clone())
            .collect(),
        hidden: first.hidden.clone(),
        ..Resolved::new(first.url.clone(), first.source.clone(), version)
    }
}

fn is_explicit(source: &BackendSource) -> bool {
    match source {
        BackendSource::Argument | BackendSource::Flag | BackendSource::Local => true,
        BackendSource::Environment { name } => name.starts_with("PULUMI_OPTION_"),
        _ => false,
    }
}

/// Whether the CLI checks a URL from this source; it never checks the stored `current` (login.go).
fn is_checked(source: &BackendSource, version: Option<&Version>) -> bool {
    match source {
        BackendSource::Environment { .. } | BackendSource::Project { .. } => {
            is_explicit(source) || versions::CHECKS_EVERY_URL.holds(version)
        }
        _ => is_explicit(source),
    }
}

impl Resolved {
    /// A URL without overridden sources, by the rules of a CLI version (`None`: the newest).
    pub(crate) fn new(url: String, source: BackendSource, version: Option<&Version>) -> Self {
        Self {
            url,
            explicit: is_explicit(&source),
            checked: is_checked(&source, version),
            trims_slash: versions::TRIMS_SLASH.holds(version),
            source,
            others: Vec::new(),
            hidden: None,
        }
    }

    /// The URL of the exchange. The CLI appends the path to the backend's URL without normalising
    /// it.
    pub fn exchange_url(&self) -> String {
        let trimmed = self.url.strip_suffix('/').filter(|_| self.trims_slash);
        format!("{}/api/oauth/token", trimmed.unwrap_or(&self.url))
    }
}

fn is_same_url(one: &str, other: &str) -> bool {
    one.trim_end_matches('/').eq_ignore_ascii_case(other.trim_end_matches('/'))
}

impl Evidence {
    /// The backend that this login uses.
    pub fn resolved_backend(&self) -> Resolved {
        resolve(&self.backend, self.rules())
    }
}

/// A problem of a backend URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UrlProblem {
    /// No URL is configured, and the CLI has no default.
    Empty,
    /// The URL contains a variable reference.
    Unexpanded {
        /// The reference: `$(PulumiUrl)`. Empty if it is in a part that is not shown.
        text: String,
    },
    /// The URL cannot be requested, or is probably not the intended one.
    Malformed {
        /// The fault in words: `a line break`.
        what: String,
        /// The URL that was probably intended.
        cleaned: Option<String>,
        /// Whether the CLI can request the URL anyway.
        usable: bool,
    },
    /// The URL has no scheme.
    SchemeMissing {
        /// The URL with a scheme.
        suggestion: String,
    },
    /// No backend has this scheme, or (in an argument) the scheme is in upper case.
    SchemeUnknown {
        /// The scheme as written.
        scheme: String,
        /// The most similar scheme of a backend.
        nearest: &'static str,
    },
    /// The backend is a DIY backend: OIDC logs in to Pulumi Cloud only.
    Diy {
        /// The scheme in lower case.
        scheme: String,
    },
    /// The host is a website of Pulumi's, or the CLI takes it for one in an argument.
    Console {
        /// The host in lower case.
        host: String,
        /// The API's URL; `None` if the host is not Pulumi's and only the CLI's prefix test refuses
        /// it.
        suggestion: Option<&'static str>,
    },
    /// The URL has text after the host, which the exchange's URL then contains too.
    Path {
        /// The text in words: `a trailing slash`, `the path /api`.
        what: String,
        /// The URL without the text.
        origin: String,
        /// Whether the CLI stores the account under the URL with a trailing slash, and looks it up
        /// without.
        loses_account: bool,
    },
    /// The URL is `http://` to another machine.
    InsecureHttp {
        /// Host and port as written.
        authority: String,
    },
    /// `--insecure` is given.
    InsecureFlag,
}

impl UrlProblem {
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Empty => Code::BackendEmpty,
            Self::Unexpanded { .. } => Code::BackendUnexpanded,
            Self::Malformed { .. } => Code::BackendMalformed,
            Self::SchemeMissing { .. } => Code::BackendSchemeMissing,
            Self::SchemeUnknown { .. } => Code::BackendSchemeUnknown,
            Self::Diy { .. } => Code::BackendIsDiy,
            Self::Console { .. } => Code::BackendIsConsole,
            Self::Path { .. } => Code::BackendPathSuspicious,
            Self::InsecureHttp { .. } | Self::InsecureFlag => Code::BackendInsecure,
        }
    }
}

/// The problems of a URL, with the decisive one first.
pub(crate) fn problems(resolved: &Resolved, insecure: bool) -> Vec<UrlProblem> {
    let mut found = match examine(resolved) {
        Err(decisive) => vec![decisive],
        Ok(parts) => minor_problems(resolved, &parts),
    };
    if insecure && !matches!(found.first(), Some(UrlProblem::Diy { .. })) {
        found.push(UrlProblem::InsecureFlag);
    }
    found
}

/// Whether a URL's host is pulumi.com or a subdomain of it.
pub(crate) fn is_pulumi_host(url: &str) -> bool {
    let host = Parts::split(url).host();
    host == "pulumi.com" || host.ends_with(".pulumi.com")
}

/// Returns the parts of a URL that can be requested, or its decisive problem.
fn examine(resolved: &Resolved) -> Result<Parts<'_>, UrlProblem> {
    let Resolved { url, checked, hidden, .. } = resolved;
    if url.is_empty() {
        return Err(UrlProblem::Empty);
    }
    let bytes = match hidden {
        Some(HiddenFault::Long { bytes }) => *bytes,
        _ => url.len() as u64,
    };
    if bytes > MAX_URL_BYTES as u64 {
        let what = format!("a length of {bytes} bytes");
        return Err(UrlProblem::Malformed { what, cleaned: None, usable: false });
    }
    if let Some(text) = find_unexpanded(url) {
        return Err(UrlProblem::Unexpanded { text: text.to_owned() });
    }
    if let Some(HiddenFault::Unexpanded) = hidden {
        return Err(UrlProblem::Unexpanded { text: String::new() });
    }
    let parts = Parts::split(url);
    let scheme = parts.lower_scheme();
    // If the CLI checks the scheme, case matters to it; otherwise Go converts it to lower case.
    let is_known = SCHEMES.contains(&scheme.as_str())
        && !(*checked && parts.scheme.is_some_and(|written| written != scheme));
    if is_known && is_diy(url) {
        return Err(UrlProblem::Diy { scheme });
    }
    let hidden_fault = match hidden {
        Some(HiddenFault::Foreign { what }) => Some(what.clone()),
        _ => None,
    };
    if let Some(what) = hidden_fault.or_else(|| find_fault(url, &parts)) {
        return Err(UrlProblem::Malformed { what, cleaned: clean(url), usable: false });
    }
    let Some(written) = parts.scheme else {
        return Err(UrlProblem::SchemeMissing { suggestion: parts.origin() });
    };
    if !is_known {
        let (scheme, nearest) = (written.to_owned(), nearest_scheme(&scheme));
        return Err(UrlProblem::SchemeUnknown { scheme, nearest });
    }
    let host = parts.host();
    if WEBSITES.contains(&host.as_str()) {
        return Err(UrlProblem::Console { host, suggestion: Some(PULUMI_CLOUD) });
    }
    if *checked && looks_like_website(url) {
        return Err(UrlProblem::Console { host, suggestion: None });
    }
    Ok(parts)
}

/// The prefix test of login.go.
fn looks_like_website(url: &str) -> bool {
    let bare = url.strip_prefix("https://").unwrap_or(url);
    let bare = bare.strip_prefix("http://").unwrap_or(bare);
    bare.starts_with("app.pulumi.com/") || bare.starts_with("pulumi.com")
}

/// The problems that do not prevent a request.
fn minor_problems(resolved: &Resolved, parts: &Parts<'_>) -> Vec<UrlProblem> {
    let url = &resolved.url;
    let mut found = Vec::new();
    let fault = url
        .chars()
        .find_map(invalid_character_name)
        .or_else(|| parts.authority.contains('@').then_some("credentials"));
    if let Some(what) = fault {
        let what = format!("{what} in it");
        found.push(UrlProblem::Malformed { what, cleaned: clean(url), usable: true });
    }
    let is_trimmed = resolved.trims_slash && parts.rest == "/";
    if !parts.rest.is_empty() && !is_trimmed {
        let path = parts.rest.split(['?', '#']).next().unwrap_or_default();
        let what = if !path.trim_matches('/').is_empty() {
            format!("the path {path}")
        } else if parts.rest.contains('?') {
            "a query".to_owned()
        } else if parts.rest.contains('#') {
            "a fragment".to_owned()
        } else if path.len() > 1 {
            "more than one trailing slash".to_owned()
        } else {
            "a trailing slash".to_owned()
        };
        let loses_account = resolved.exchange_url().ends_with("//api/oauth/token");
        found.push(UrlProblem::Path { what, origin: parts.origin(), loses_account });
    }
    if parts.lower_scheme() == "http" && !is_loopback(parts.authority) {
        found.push(UrlProblem::InsecureHttp { authority: parts.authority.to_owned() });
    }
    found
}

/// Why a URL cannot be requested, in words: Go's `net/url` or `net/http` refuses it, or only a
/// parser that normalises URLs reads it as it was probably intended.
fn find_fault(url: &str, parts: &Parts<'_>) -> Option<String> {
    let is_http = matches!(parts.lower_scheme().as_str(), "http" | "https");
    let path = parts.path_range();
    let is_outside_path = |index: usize| !is_http || !path.contains(&index);
    if let Some(what) = url
        .char_indices()
        .filter(|(at, _)| is_outside_path(*at))
        .find_map(|(_, c)| invalid_character_name(c))
    {
        return Some(what.to_owned());
    }
    if is_http && parts.separator != "://" {
        return Some(format!("`{}` where `://` belongs", parts.separator));
    }
    if parts.rest.starts_with("//") && is_http_scheme(parts.authority.trim_end_matches(':')) {
        return Some("two schemes".to_owned());
    }
    let (_, authority) = parts.authority.rsplit_once('@').unwrap_or(("", parts.authority));
    if let Some(fault) = authority_fault(authority) {
        return Some(fault);
    }
    if !is_http {
        return parts.authority.contains('@').then(|| "credentials in it".to_owned());
    }
    // The mark of a hidden part is not a fault of the URL.
    let target = format!("{}/api/oauth/token", url.replace(text::MARK, "x"));
    match go::url::parse(&target) {
        Ok(parsed) => normalised_path_fault(&parsed, &target),
        Err(why) => Some(url.chars().find_map(invalid_character_name).map_or(why, str::to_owned)),
    }
}

/// The fault of a path that Go sends unchanged but other clients normalise: the server gets another
/// path from the CLI than from them.
fn normalised_path_fault(parsed: &GoUrl, target: &str) -> Option<String> {
    let normal = url::Url::parse(target).ok()?;
    let decoded = |path: &str| percent_encoding::percent_decode_str(path).collect::<Vec<u8>>();
    let path = parsed.path.strip_suffix("/api/oauth/token").unwrap_or(&parsed.path);
    let sent = if parsed.path.is_empty() { "/" } else { &parsed.path };
    (decoded(sent) != decoded(normal.path()))
        .then(|| format!("the path `{path}`, which pulumi sends as it is"))
}

fn is_http_scheme(text: &str) -> bool {
    ["http", "https"].iter().any(|scheme| text.eq_ignore_ascii_case(scheme))
}

fn authority_fault(authority: &str) -> Option<String> {
    let (host, port) = split_port(authority);
    if host.is_empty() || is_http_scheme(host) {
        return Some("no host".to_owned());
    }
    if let Some(port) = port.filter(|port| !port.is_empty())
        && port.parse::<u16>().map_or(true, |number| number == 0)
    {
        return Some(format!("the port `{port}`"));
    }
    // A parser accepts `;params` as part of the host's name, but not the mark that replaces them.
    let bare = host.replace(text::MARK, "x");
    let go_result = go::url::parse(&format!("http://{}", authority.replace(text::MARK, "x")));
    match Host::parse(&bare) {
        Ok(Host::Ipv4(address)) if address.to_string() != bare => {
            Some(format!("the host `{host}`, which is a name to pulumi and not {address}"))
        }
        Ok(_) if !host.contains('*') && go_result.is_ok() => None,
        _ => Some(format!("the host `{host}`")),
    }
}

/// The URL that was probably intended by a malformed one.
fn clean(url: &str) -> Option<String> {
    // Text after ` -` is another option.
    let url = url.trim().split(" -").next()?;
    let text: String = url
        .chars()
        .filter(|c| *c == '\\' || invalid_character_name(*c).is_none())
        .map(|c| if c == '\\' { '/' } else { c })
        .collect();
    let mut scheme = None;
    let mut bare = text.as_str();
    loop {
        let known = ["https:", "http:"].into_iter().find(|known| {
            bare.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known))
        });
        let Some(known) = known else { break };
        scheme = Some(known.trim_end_matches(':'));
        bare = bare[known.len()..].trim_start_matches('/');
    }
    let mut parts = Parts::split(bare);
    // A URL with another scheme cannot be cleaned.
    if parts.scheme.is_some() && !parts.authority.contains('@') {
        return None;
    }
    parts.scheme = scheme;
    let (_, authority) = parts.authority.rsplit_once('@').unwrap_or(("", parts.authority));
    authority_fault(authority).is_none().then(|| parts.origin())
}

fn nearest_scheme(scheme: &str) -> &'static str {
    nearest::within_two_edits(scheme, SCHEMES).unwrap_or("https")
}
