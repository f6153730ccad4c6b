//! Text that is not a name: what issuers, Pulumi Cloud and the program itself write around names, and
//! the words of messages. It comes from the tables of the platforms, of the known messages and of
//! the failure codes.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::names::Names;
use crate::catalogue::Code;
use crate::known_messages;
use crate::platform::api_audience::API_AUDIENCES;
use crate::platform::azure::entra;
use crate::platform::{ALL, Audience, STANDARD_CLAIMS, TokenSource, subject};
use crate::policy::claim_path::ClaimPath;
use crate::policy::pattern;
use crate::pulumi::backend_url::{SCHEMES, WEBSITES};
use crate::pulumi::urn;

/// What Pulumi, OpenID Connect, X.509 and Git write around names. What begins or ends with
/// punctuation counts only with it.
const AROUND: &[&str] = &[
    urn::ORGANIZATION,
    urn::TOKEN_TYPE,
    "***",
    ".json",
    ".localhost",
    ".pulumi.com",
    ".yaml",
    ".yml",
    "/.pulumi/",
    "/.well-known/jwks",
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
    "/api/capabilities",
    "/api/oauth/token",
    "/api/orgs/",
    "/api/user",
    "/auth/policies/oidcissuers/",
    "/oidc/issuers",
    "Bearer",
    "C=",
    "CN=",
    "L=",
    "O=",
    "OU=",
    "Pulumi.yaml",
    "ST=",
    "access",
    "credentials.json",
    "file://",
    "localhost",
    "refs/heads/",
    "refs/pull/",
    "refs/tags/",
    "runner:",
    "team:",
    "user:",
];

/// Public beginnings of URLs: the CLI compares only these.
const BEGINNINGS: &[&str] = &["http://pulumi.com", "https://pulumi.com", "PULUMI_OPTION_"];

/// Options and variables by which the program names the sources of a token.
const SOURCES: &[&str] = &[
    "--oidc-token",
    "--token-env",
    "DOCTOR_ACCESS_TOKEN",
    "OIDC_TOKEN",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_API",
    "PULUMI_BACKEND_URL",
    "TOKEN",
];

/// What everybody knows of the platforms: the URLs and hosts of their issuers, their audiences, and
/// the variables and keys by which the program names sources of tokens.
fn of_platforms() -> impl Iterator<Item = &'static str> {
    ALL.iter().flat_map(|platform| {
        let issuers = platform.issuer.iter();
        let urls = issuers.clone().flat_map(|issuer| issuer.urls).copied();
        let hosts = issuers.flat_map(|issuer| issuer.public_hosts);
        let hosts = hosts.flat_map(|host| host.split('*')).filter(|part| !part.is_empty());
        let audiences = match platform.audience {
            Audience::Fixed(audiences) => audiences.to_vec(),
            Audience::Chosen { default: Some(default), .. } => vec![default.prefix],
            Audience::Chosen { default: None, .. } | Audience::Unknown => Vec::new(),
        };
        let sources = platform.sources.iter().flat_map(|source| match *source {
            TokenSource::Variable(name, _) => vec![name],
            TokenSource::Variables(name, _) => vec![name, platform.id.key()],
            TokenSource::Http(request) => {
                vec![request.url, request.credential, platform.id.key()]
            }
            TokenSource::AnyOfIssuer(_) | TokenSource::Program(_) => vec![platform.id.key()],
            TokenSource::File(path) => vec![path],
        });
        let keys = platform.log.keys.iter().copied();
        let beginnings = platform.subjects.beginnings.iter().map(|beginning| beginning.text);
        urls.chain(hosts).chain(audiences).chain(sources).chain(keys).chain(beginnings)
    })
}

/// The phrases by their first character in lower case, the longest first; and whether anything may
/// follow.
static PHRASES: LazyLock<HashMap<char, Vec<(String, bool)>>> = LazyLock::new(|| {
    let fixed = [AROUND, SOURCES, &WEBSITES, &[entra::TENANT]].concat();
    let audiences = API_AUDIENCES.iter().map(|(audience, _)| *audience);
    let platforms = subject::literals().chain(of_platforms());
    let closed = fixed.into_iter().chain(audiences).chain(platforms);
    let closed = closed.map(|phrase| (phrase, false));
    let open = BEGINNINGS.iter().map(|phrase| (*phrase, true));
    let mut phrases: HashMap<char, Vec<(String, bool)>> = HashMap::new();
    for (phrase, open) in closed.chain(open) {
        let Some(first) = phrase.chars().next() else { continue };
        let phrase = (phrase.to_ascii_lowercase(), open);
        phrases.entry(first.to_ascii_lowercase()).or_default().push(phrase);
    }
    for list in phrases.values_mut() {
        list.sort_unstable_by_key(|(phrase, _)| std::cmp::Reverse(phrase.len()));
    }
    phrases
});

/// The words of messages that are known, and of the pages about the failure codes.
static WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let texts = known_messages::messages().flat_map(|message| [message.text, message.says]);
    let pages = Code::ALL.iter().map(|code| code.page());
    let words = texts.chain(pages).flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    words.map(str::to_ascii_lowercase).collect()
});

/// The length in bytes of the public text that `rest` begins with, behind `before`. What is a
/// certain name by itself counts only where none can stand.
pub(crate) fn phrase(before: &str, rest: &str, names: &Names) -> Option<usize> {
    let first = rest.chars().next()?.to_ascii_lowercase();
    let begins = |phrase: &str| {
        if !phrase.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return true;
        }
        let bare = phrase.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_key = bare != phrase && before.is_empty();
        !before.ends_with(is_joined)
            && (!names.is_certain(bare) || is_key || before.ends_with("://"))
    };
    let mut candidates = PHRASES.get(&first)?.iter();
    let found = candidates.find(|(phrase, open)| {
        let found = rest.get(..phrase.len()).is_some_and(|r| r.eq_ignore_ascii_case(phrase));
        found && begins(phrase) && (*open || ends(phrase, &rest[phrase.len()..]))
    });
    found.map(|(phrase, _)| phrase.len())
}

/// Characters that make a longer name of what they stand beside.
fn is_joined(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn ends(phrase: &str, behind: &str) -> bool {
    if !phrase.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return true;
    }
    // A full stop may end a sentence, or go on with a name.
    !behind.strip_prefix('.').unwrap_or(behind).starts_with(is_joined)
}

/// Schemes of proxies, audiences and clones, beside those of backends.
const OTHER_SCHEMES: [&str; 7] = ["api", "git", "socks4", "socks5", "socks5h", "spiffe", "ssh"];

/// Whether a word, with `after` behind it, is the scheme of a URL.
pub(crate) fn is_scheme(before: &str, word: &str, after: &str) -> bool {
    let word = word.to_ascii_lowercase();
    // A URL may be written wrong.
    let is_broken = before.is_empty() && after.starts_with(':') && word.starts_with("http");
    let is_known = SCHEMES.iter().chain(&OTHER_SCHEMES).any(|scheme| *scheme == word);
    is_known && (after.starts_with("://") || is_broken)
}

/// Items of scopes and permissions that are the same for everybody.
const SCOPES: [&str; 7] =
    ["admin", "email", "offline_access", "openid", "profile", "read", "write"];

/// Whether an item of a scope is public.
pub(crate) fn is_scope(item: &str) -> bool {
    SCOPES.contains(&item)
}

/// Whether a claim's value, or a rule's pattern for it, is a word of the platform's own.
pub(crate) fn is_value(path: &[String], text: &str) -> bool {
    let is_simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '?');
    let mut values = ALL.iter().flat_map(|platform| platform.claims.values);
    text.chars().all(is_simple)
        && values.any(|(claim, values)| {
            path == [*claim] && values.iter().any(|value| pattern::matches(text, value))
        })
}

/// Whether a word of a message is an ordinary word, not a name.
pub(crate) fn is_word(word: &str) -> bool {
    WORDS.contains(&word.to_ascii_lowercase())
}

/// Claims whose names are public, of OpenID Connect and of access tokens (Microsoft's, Keycloak's,
/// Cognito's), beside [`STANDARD_CLAIMS`] and what the platforms document.
const CLAIMS: [&str; 4] = ["auth_time", "scp", "token_use", "typ"];

/// The keys of the paths of the claims whose names are public. Their values say who the job is.
static PUBLIC_CLAIMS: LazyLock<Vec<ClaimPath>> = LazyLock::new(|| {
    let documented = ALL.iter().flat_map(|platform| {
        let claims = &platform.claims;
        claims.documented.iter().filter(|claim| !claims.personal.contains(claim)).copied()
    });
    let all = STANDARD_CLAIMS.into_iter().chain(CLAIMS).chain(documented);
    all.filter_map(|path| ClaimPath::parse(path).ok()).collect()
});

/// Whether the name of a claim, or of a member of one, is public. `whole`: its value is written.
pub(crate) fn is_claim(path: &[String], whole: bool) -> bool {
    PUBLIC_CLAIMS.iter().map(ClaimPath::keys).any(|known| {
        !path.is_empty() && known.starts_with(path) && (!whole || known.len() == path.len())
    })
}
