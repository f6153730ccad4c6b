//! Text that is no name: what issuers, the services and the program itself write around names, and
//! the words of messages. Pseudonyms leave it as it is.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::platform::{ALL, Audience, STANDARD_CLAIMS, TokenSource, subject};
use crate::policy::claim_path::ClaimPath;
use crate::policy::pattern;
use crate::pulumi::urn;

/// Public hosts and ids that are the same for everybody, beside those of the platforms.
const PLACES: &[&str] = &[
    "api.scalr.io",
    "app.pulumi.com",
    "dev.azure.com",
    "github.com",
    "graph.microsoft.com",
    "kubernetes.default.svc",
    "localhost",
    "management.azure.com",
    "management.core.windows.net",
    "pulumi.com",
    "sts.amazonaws.com",
    "vault.azure.net",
    "www.pulumi.com",
    // Entra's ids of Microsoft Graph and Azure DevOps.
    "00000003-0000-0000-c000-000000000000",
    "499b84ac-1321-427f-aa17-267ca6975798",
];

/// What stands around names in subjects, scopes, addresses, paths and certificates. What begins or
/// ends with punctuation counts only with it.
const AROUND: &[&str] = &[
    "#refs/heads/",
    "/.github/workflows/",
    "/.pulumi/",
    "/.well-known/jwks",
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
    "/_services/token",
    "/api/capabilities",
    "/api/oauth/token",
    "/api/orgs/",
    "/api/user",
    "/auth/policies/oidcissuers/",
    "/common/",
    "/consumers/",
    "/discovery/v2.0/keys",
    "/eid1/",
    "/oidc/issuers",
    "/organizations/",
    "/pipelines-config/identity/oidc",
    "/v2.0",
    ":pull_request",
    ":ref_type:branch:ref:",
    ":ref_type:tag:ref:",
    ":run_phase:apply",
    ":run_phase:plan",
    "/var/run/secrets/",
    "C=",
    "CN=",
    "L=",
    "O=",
    "OU=",
    "ST=",
    "credentials.json",
    "env:",
    "environment:",
    "file://",
    "job_workflow_ref:",
    "org/",
    "pulumi:",
    "ref:refs/",
    "refs/",
    "refs/heads/",
    "refs/pull/",
    "refs/tags/",
    "repository:",
    "repository_owner:",
    "runner:",
    "system:serviceaccount:",
    "team:",
    urn::ORGANIZATION,
    urn::TOKEN_TYPE,
    "user:",
    "{tenantid}",
    ".json",
    ".localhost",
    ".pulumi.com",
    ".yaml",
    ".yml",
    "Pulumi.yaml",
    "***",
];

/// The same, whatever follows: the CLI looks no further.
const BEGINNINGS: &[&str] = &["http://pulumi.com", "https://pulumi.com", "PULUMI_OPTION_"];

/// Sources of tokens that the program names itself, beside those of the platforms.
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

/// What everybody knows of the platforms: the hosts of their issuers, audiences that nobody
/// chooses, and the variables and keys by which the program names sources of tokens.
fn of_platforms() -> impl Iterator<Item = &'static str> {
    ALL.iter().flat_map(|platform| {
        let hosts = platform.issuer.iter().flat_map(|issuer| issuer.public_hosts);
        let hosts = hosts.flat_map(|host| host.split('*')).filter(|part| !part.is_empty());
        let audiences: &[&str] = match platform.audience {
            Audience::Fixed(audiences) => audiences,
            Audience::Chosen { .. } | Audience::Unknown => &[],
        };
        let sources = platform.sources.iter().flat_map(|source| match *source {
            TokenSource::Variable(name, _) => vec![name],
            TokenSource::Variables(name, _) => vec![name, platform.id.key()],
            TokenSource::Http(request) => {
                vec![request.url, request.credential, platform.id.key()]
            }
            TokenSource::AnyOfIssuer(_) | TokenSource::Program(_) => vec![platform.id.key()],
            TokenSource::File(_) => Vec::new(),
        });
        hosts.chain(audiences.iter().copied()).chain(sources)
    })
}

/// Words of messages: the program's own, those of HTTP and TLS libraries, and those that Pulumi
/// Cloud's and the platforms' refusals are read by.
const WORDS: &str = "
    a about accept accepted access accesstoken account actions admin after agent algorithm all
    allow allowed allows already an and another answer answered any api application are array as
    asked at aud audience authentication authority authorization authorized azure back bad base64
    base64url be because bearer been before begin begins bit body broke buildkite but by byte bytes
    ca cannot cert certificate certificates chain character characters charset check claim claims
    client close closed cloud code column command conflict connect connecting connection content
    could credentials date decoded denied denies description did discovery dns document does early
    eight empty encoded encoding end ended ends enforces environment eof error errors exchange exist exists
    expected expired expiry explicit failed failure federated fetch file files first five for forbidden
    form format found four from gateway get give given gives github gitlab gmt grant had handler
    handshake has have header held holds host hostname html http https id identity in incomplete
    information input insufficient internal invalid io is iss issued issuer issuers it its job json
    jwks jwt kept key keys kid large last length letter limit limited line list login long longer
    looks lookup malformed many match matches max may message method missing more moved must name named
    names negotiation network no nobody none nor not null number object of oidc on one only openid
    option or organization organizations os other out over page parse part parts password path
    payload peer pending pem permission permissions permitted pipelines plain please policies policy
    port position post problem program project protocol provided proxy public pulumi quote quotes
    rate read reauth received record redacted redirect reference refused registered rejected request
    requested required requires reset resolve resource response result retry revoked root rule rules
    running saml scope secret seconds segments self sent server service set sets shown sign signature
    signed signing signs sso started status step stopped string sub subject such supported system
    temporary terminal text that the then there these this three time timed times title to token
    tokens too trailing trusted try two type unable unauthorized unavailable unexpected unknown
    unsupported until untrusted url usable use used user utf valid value values variable verified
    verify version was web were what when where which while white who with without workload wrong
    x509 xml you your unknownissuer notvalidforname expiredcontext invalidcertificate badsignature
    mon tue wed thu fri sat sun jan feb mar apr jun jul aug sep oct nov dec
    unauthorized_client";

/// The phrases by their first character in lower case, the longest first; and whether anything may
/// follow.
static PHRASES: LazyLock<HashMap<char, Vec<(String, bool)>>> = LazyLock::new(|| {
    let fixed = [PLACES, AROUND, SOURCES].concat();
    let closed = fixed.into_iter().chain(subject::literals()).chain(of_platforms());
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

static VOCABULARY: LazyLock<HashSet<&str>> = LazyLock::new(|| WORDS.split_whitespace().collect());

/// No phrase is longer, in bytes.
const LONGEST: usize = 64;

/// The length in bytes of the public text that `rest` begins with, behind `before`. `cut`: what a
/// wildcard cuts off one (`env*`) counts as well. What is one of the `names` by itself counts only
/// where none can stand.
pub(crate) fn phrase(
    before: &str,
    rest: &str,
    cut: bool,
    names: &HashSet<String>,
) -> Option<usize> {
    let first = rest.chars().next()?.to_ascii_lowercase();
    let begins = |phrase: &str| {
        if !phrase.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return true;
        }
        let bare = phrase.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_key = bare != phrase && before.is_empty();
        !before.ends_with(is_joined) && (!names.contains(bare) || is_key || before.ends_with("://"))
    };
    let candidates = PHRASES.get(&first)?;
    let whole = candidates.iter().find(|(phrase, open)| {
        let found = rest.get(..phrase.len()).is_some_and(|r| r.eq_ignore_ascii_case(phrase));
        found && begins(phrase) && (*open || ends(phrase, &rest[phrase.len()..]))
    });
    let whole = whole.map(|(phrase, _)| phrase.len());
    let length = rest.bytes().take(LONGEST).position(|b| matches!(b, b'*' | b'?'));
    let piece = length.filter(|length| cut && *length > 0).and_then(|length| {
        let piece = rest[..length].to_ascii_lowercase();
        let cuts = |phrase: &str| phrase.starts_with(&piece) && begins(phrase);
        candidates.iter().any(|(phrase, _)| cuts(phrase)).then_some(length)
    });
    whole.max(piece)
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

/// Schemes of URLs, as issuers, backends, proxies and audiences have them.
const SCHEMES: [&str; 16] = [
    "api", "azblob", "file", "git", "gs", "http", "https", "p", "postgres", "s3", "sc", "socks4",
    "socks5", "socks5h", "spiffe", "ssh",
];

/// Whether a word, with `after` behind it, is the scheme of a URL.
pub(crate) fn is_scheme(before: &str, word: &str, after: &str) -> bool {
    let word = word.to_ascii_lowercase();
    // A URL may be written wrong.
    let broken = before.is_empty() && after.starts_with(':') && word.starts_with("http");
    SCHEMES.contains(&word.as_str()) && (after.starts_with("://") || broken)
}

/// Items of scopes and permissions that are the same for everybody.
const SCOPES: [&str; 7] =
    ["admin", "email", "offline_access", "openid", "profile", "read", "write"];

/// Whether an item of a scope is no name.
pub(crate) fn is_scope(item: &str) -> bool {
    SCOPES.contains(&item)
}

/// Whether a claim's value, or a rule's pattern for it, is a platform's own. A pseudonym of one would
/// tell how its letters are replaced.
pub(crate) fn is_value(path: &[String], text: &str) -> bool {
    let is_simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '?');
    let mut values = ALL.iter().flat_map(|platform| platform.claims.values);
    text.chars().all(is_simple)
        && values.any(|(claim, values)| {
            path == [*claim] && values.iter().any(|value| pattern::matches(text, value))
        })
}

/// Whether a word of a message is none of a name.
pub(crate) fn is_word(word: &str) -> bool {
    VOCABULARY.contains(word.to_ascii_lowercase().as_str())
}

/// Claims whose names are public, of OpenID Connect and of Microsoft's access tokens, beside
/// [`STANDARD_CLAIMS`] and what the platforms document.
const CLAIMS: [&str; 2] = ["auth_time", "scp"];

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
