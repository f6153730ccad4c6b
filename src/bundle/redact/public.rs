//! Public text, which is never replaced: what issuers, Pulumi Cloud and this program write around
//! names, and the words of messages. It comes from the tables of platforms, known messages and
//! failure codes.

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

/// Text that Pulumi, OpenID Connect, X.509 and Git write around names. Punctuation at its beginning
/// or end must be there too.
const SURROUNDING_TEXT: &[&str] = &[
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

/// Public prefixes: the CLI compares only these beginnings of URLs and variables.
const PREFIXES: &[&str] = &["http://pulumi.com", "https://pulumi.com", "PULUMI_OPTION_"];

/// Options and variables that reports name as sources of a token.
const TOKEN_SOURCES: &[&str] = &[
    "--oidc-token",
    "--token-env",
    "DOCTOR_ACCESS_TOKEN",
    "OIDC_TOKEN",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_API",
    "PULUMI_BACKEND_URL",
    "TOKEN",
];

/// The platforms' public text: the URLs and hosts of issuers, audiences, and the variables and keys
/// by which reports name sources of tokens.
fn platform_phrases() -> impl Iterator<Item = &'static str> {
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

/// Public phrases in lower case, by their first character and the longest first; and whether a
/// phrase is only a prefix, which any text may follow.
static PHRASES: LazyLock<HashMap<char, Vec<(String, bool)>>> = LazyLock::new(|| {
    let fixed = [SURROUNDING_TEXT, TOKEN_SOURCES, &WEBSITES, &[entra::TENANT]].concat();
    let audiences = API_AUDIENCES.iter().map(|(audience, _)| *audience);
    let platforms = subject::literals().chain(platform_phrases());
    let whole = fixed.into_iter().chain(audiences).chain(platforms);
    let whole = whole.map(|phrase| (phrase, false));
    let prefixes = PREFIXES.iter().map(|phrase| (*phrase, true));
    let mut phrases: HashMap<char, Vec<(String, bool)>> = HashMap::new();
    for (phrase, is_prefix) in whole.chain(prefixes) {
        let Some(first) = phrase.chars().next() else { continue };
        let phrase = (phrase.to_ascii_lowercase(), is_prefix);
        phrases.entry(first.to_ascii_lowercase()).or_default().push(phrase);
    }
    for list in phrases.values_mut() {
        list.sort_unstable_by_key(|(phrase, _)| std::cmp::Reverse(phrase.len()));
    }
    phrases
});

/// The words of the known messages and of the pages about the failure codes.
static WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let texts = known_messages::messages().flat_map(|message| [message.text, message.explanation]);
    let pages = Code::ALL.iter().map(|code| code.page());
    let words = texts.chain(pages).flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    words.map(str::to_ascii_lowercase).collect()
});

/// The length in bytes of the public phrase at the beginning of `rest`, which follows `before`. A
/// phrase that is also a certain name counts only where no name can be.
pub(crate) fn phrase_length(before: &str, rest: &str, names: &Names) -> Option<usize> {
    let first = rest.chars().next()?.to_ascii_lowercase();
    let can_begin = |phrase: &str| {
        if !phrase.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return true;
        }
        let bare = phrase.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_key = bare != phrase && before.is_empty();
        !before.ends_with(is_joined)
            && (!names.is_certain(bare) || is_key || before.ends_with("://"))
    };
    let mut candidates = PHRASES.get(&first)?.iter();
    let found = candidates.find(|(phrase, is_prefix)| {
        let is_equal = rest.get(..phrase.len()).is_some_and(|r| r.eq_ignore_ascii_case(phrase));
        is_equal && can_begin(phrase) && (*is_prefix || can_end(phrase, &rest[phrase.len()..]))
    });
    found.map(|(phrase, _)| phrase.len())
}

/// Whether a character extends the name beside it.
fn is_joined(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Whether a phrase ends before `after` instead of going on as a longer name.
fn can_end(phrase: &str, after: &str) -> bool {
    if !phrase.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return true;
    }
    // A full stop may end a sentence, or continue a name.
    !after.strip_prefix('.').unwrap_or(after).starts_with(is_joined)
}

/// URL schemes of proxies, audiences and repositories; those of backends are in [`SCHEMES`].
const OTHER_SCHEMES: [&str; 7] = ["api", "git", "socks4", "socks5", "socks5h", "spiffe", "ssh"];

/// Whether a word between `before` and `after` is the scheme of a URL.
pub(crate) fn is_scheme(before: &str, word: &str, after: &str) -> bool {
    let word = word.to_ascii_lowercase();
    // A misspelt URL (`https:/acme`) has a scheme too.
    let is_broken = before.is_empty() && after.starts_with(':') && word.starts_with("http");
    let is_known = SCHEMES.iter().chain(&OTHER_SCHEMES).any(|scheme| *scheme == word);
    is_known && (after.starts_with("://") || is_broken)
}

/// Public items of scopes and permissions.
const SCOPE_ITEMS: [&str; 7] =
    ["admin", "email", "offline_access", "openid", "profile", "read", "write"];

pub(crate) fn is_public_scope(item: &str) -> bool {
    SCOPE_ITEMS.contains(&item)
}

/// Whether a claim's value, or a rule's pattern for it, is one that a platform documents.
pub(crate) fn is_public_value(path: &[String], text: &str) -> bool {
    let is_simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '?');
    let mut values = ALL.iter().flat_map(|platform| platform.claims.values);
    text.chars().all(is_simple)
        && values.any(|(claim, values)| {
            path == [*claim] && values.iter().any(|value| pattern::matches(text, value))
        })
}

/// Whether a word of a message is an ordinary word, not a name.
pub(crate) fn is_ordinary_word(word: &str) -> bool {
    WORDS.contains(&word.to_ascii_lowercase())
}

/// Further public claims, of OpenID Connect and of access tokens (Microsoft's, Keycloak's,
/// Cognito's).
const OTHER_CLAIMS: [&str; 4] = ["auth_time", "scp", "token_use", "typ"];

/// The claims that are written: the standard ones and those that platforms document, without those
/// about a person.
static PUBLIC_CLAIMS: LazyLock<Vec<ClaimPath>> = LazyLock::new(|| {
    let documented = ALL.iter().flat_map(|platform| {
        let claims = &platform.claims;
        claims.documented.iter().filter(|claim| !claims.personal.contains(claim)).copied()
    });
    let all = STANDARD_CLAIMS.into_iter().chain(OTHER_CLAIMS).chain(documented);
    all.filter_map(|path| ClaimPath::parse(path).ok()).collect()
});

/// Whether a bundle may hold the value of a claim.
pub(crate) fn is_public_claim(path: &[String]) -> bool {
    PUBLIC_CLAIMS.iter().any(|claim| claim.keys() == path)
}

/// Whether the name of a claim, or of an object that contains one, is public.
pub(crate) fn is_public_claim_name(path: &[String]) -> bool {
    !path.is_empty() && PUBLIC_CLAIMS.iter().any(|claim| claim.keys().starts_with(path))
}
