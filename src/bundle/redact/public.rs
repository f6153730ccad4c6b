//! Text that is no name: what issuers, the services and the program itself write around names, and
//! the words of messages. Pseudonyms leave it as it is.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::platform::subject;
use crate::policy::pattern;
use crate::pulumi::urn;

/// Public hosts, and audiences and ids that are the same for everybody.
const PLACES: &[&str] = &[
    "accounts.google.com",
    "agent.buildkite.com",
    "api.bitbucket.org",
    "api.pulumi.com",
    "api.scalr.io",
    "api://AzureADTokenExchange",
    "app.pulumi.com",
    "app.terraform.io",
    "app.vstoken.visualstudio.com",
    "container.googleapis.com",
    "dev.azure.com",
    "github.com",
    "gitlab.com",
    "graph.microsoft.com",
    "kubernetes.default.svc",
    "localhost",
    "login.microsoftonline.com",
    "management.azure.com",
    "management.core.windows.net",
    "oidc.circleci.com",
    "pulumi.com",
    "sts.amazonaws.com",
    "sts.windows.net",
    "token.actions.githubusercontent.com",
    "vault.azure.net",
    "vstoken.dev.azure.com",
    "www.pulumi.com",
    // Entra's ids of Azure's token exchange, Microsoft Graph and Azure DevOps.
    "00000003-0000-0000-c000-000000000000",
    "499b84ac-1321-427f-aa17-267ca6975798",
    "fb60f99c-7a34-4190-8149-302f77469936",
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
    "token.actions.",
    urn::ORGANIZATION,
    urn::TOKEN_TYPE,
    "user:",
    "{tenantid}",
    ".ghe.com",
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

/// Sources of tokens that the program names itself.
const SOURCES: &[&str] = &[
    "--oidc-token",
    "--token-env",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "BITBUCKET_STEP_OIDC_TOKEN",
    "CIRCLE_OIDC_TOKEN",
    "CIRCLE_OIDC_TOKEN_V2",
    "DOCTOR_ACCESS_TOKEN",
    "OIDC_TOKEN",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_API",
    "PULUMI_BACKEND_URL",
    "PULUMI_OIDC_TOKEN",
    "SPACELIFT_OIDC_TOKEN",
    "SYSTEM_OIDCREQUESTURI",
    "TFC_WORKLOAD_IDENTITY_TOKEN",
    "TOKEN",
    "azure-pipelines",
    "bitbucket-pipelines",
    "buildkite-agent",
    "github-actions",
    "gitlab-ci",
    "hcp-terraform",
    "idToken",
];

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
    eight empty encoded encoding end ended ends environment eof error errors exchange exist exists
    expected expired explicit failed failure federated fetch file files first five for forbidden
    form format found four from gateway get give given gives github gitlab gmt grant had handler
    handshake has have header held holds host hostname html http https id identity in incomplete
    information input insufficient internal invalid io is iss issued issuer issuers it its job json
    jwks jwt kept key keys kid large last length letter limit limited line list login long longer
    looks lookup malformed many match matches may message method missing more moved must name named
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
    let closed = fixed.into_iter().chain(subject::literals()).map(|phrase| (phrase, false));
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

/// What starts a workflow of GitHub Actions.
pub(crate) const EVENTS: &[&str] = &[
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "fork",
    "gollum",
    "issue_comment",
    "issues",
    "label",
    "merge_group",
    "milestone",
    "page_build",
    "public",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_target",
    "push",
    "registry_package",
    "release",
    "repository_dispatch",
    "schedule",
    "status",
    "watch",
    "workflow_call",
    "workflow_dispatch",
    "workflow_run",
];

const BOOLEANS: &[&str] = &["true", "false"];
const VISIBILITIES: &[&str] = &["public", "private", "internal"];

/// Claims with a platform's own values. A pseudonym of one would tell how its letters are replaced.
const ENUMERATIONS: &[(&str, &[&str])] = &[
    ("environment_protected", BOOLEANS),
    ("event_name", EVENTS),
    ("idtyp", &["app", "user"]),
    (
        "pipeline_source",
        &[
            "api",
            "chat",
            "external",
            "external_pull_request_event",
            "merge_request_event",
            "parent_pipeline",
            "pipeline",
            "push",
            "schedule",
            "security_orchestration_policy",
            "trigger",
            "web",
            "webide",
        ],
    ),
    ("project_visibility", VISIBILITIES),
    ("ref_protected", BOOLEANS),
    ("ref_type", &["branch", "tag"]),
    ("repository_visibility", VISIBILITIES),
    ("runner_environment", &["github-hosted", "gitlab-hosted", "self-hosted"]),
    ("terraform_run_phase", &["plan", "apply"]),
    ("ver", &["1.0", "2.0"]),
];

/// Whether a claim's value, or a rule's pattern for it, is a platform's own.
pub(crate) fn is_value(path: &[String], text: &str) -> bool {
    let is_simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '?');
    let claim = ENUMERATIONS.iter().find(|(claim, _)| path == [*claim]);
    text.chars().all(is_simple)
        && claim.is_some_and(|(_, values)| values.iter().any(|value| pattern::matches(text, value)))
}

/// Whether a word of a message is none of a name.
pub(crate) fn is_word(word: &str) -> bool {
    VOCABULARY.contains(word.to_ascii_lowercase().as_str())
}

/// The claims whose names are public: those of RFC 7519, OpenID Connect, OAuth and the platforms'
/// documentation. Their values say who the job is. What says more about a person, and what is an
/// internal matter of the issuer, is not among them.
const CLAIMS: &[&str] = &[
    "actor",
    "actor_id",
    "appid",
    "aud",
    "auth_time",
    "azp",
    "base_ref",
    "branchName",
    "build_branch",
    "build_commit",
    "build_number",
    "build_tag",
    "callerId",
    "callerType",
    "ci_config_ref_uri",
    "ci_config_sha",
    "def_id",
    "deploymentEnvironmentUuid",
    "deployment_tier",
    "enterprise",
    "enterprise_id",
    "environment",
    "environment_node_id",
    "environment_protected",
    "event_name",
    "exp",
    "head_ref",
    "iat",
    "idtyp",
    "iss",
    "issuer_scope",
    "job_id",
    "job_workflow_ref",
    "job_workflow_sha",
    "jti",
    "namespace_id",
    "namespace_path",
    "nbf",
    "oid",
    "oidc.circleci.com/context-ids",
    "oidc.circleci.com/job-id",
    "oidc.circleci.com/org-id",
    "oidc.circleci.com/pipeline-id",
    "oidc.circleci.com/project-id",
    "oidc.circleci.com/vcs-origin",
    "oidc.circleci.com/vcs-ref",
    "oidc.circleci.com/workflow-id",
    "operation",
    "org",
    "org_id",
    "organization_id",
    "organization_slug",
    "pipeline_id",
    "pipeline_slug",
    "pipeline_source",
    "prj_id",
    "project",
    "project_id",
    "project_path",
    "project_visibility",
    "ref",
    "ref_path",
    "ref_protected",
    "ref_type",
    "repository",
    "repositoryUuid",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "repository_visibility",
    "rpo_id",
    "rpo_ref",
    "rpo_uri",
    "rpo_ver",
    "run_attempt",
    "run_id",
    "runType",
    "run_number",
    "runner_environment",
    "runner_id",
    "scope",
    "scp",
    "sha",
    "spaceId",
    "stack",
    "step_key",
    "stepUuid",
    "sub",
    "terraform_full_workspace",
    "terraform_organization_id",
    "terraform_organization_name",
    "terraform_project_id",
    "terraform_project_name",
    "terraform_run_id",
    "terraform_run_phase",
    "terraform_workspace_id",
    "terraform_workspace_name",
    "tid",
    "user_id",
    "user_login",
    "ver",
    "workflow",
    "workflow_ref",
    "workflow_sha",
    "workspaceUuid",
];

/// Members of the claim `kubernetes.io` (the Kubernetes API's documentation of bound tokens).
const KUBERNETES: [&[&str]; 8] = [
    &["namespace"],
    &["node", "name"],
    &["node", "uid"],
    &["pod", "name"],
    &["pod", "uid"],
    &["serviceaccount", "name"],
    &["serviceaccount", "uid"],
    &["warnafter"],
];

/// Whether the name of a claim, or of a member of one, is public. `whole`: its value is written.
pub(crate) fn is_claim(path: &[String], whole: bool) -> bool {
    match path {
        [first, inner @ ..] if first == "kubernetes.io" => {
            let begins =
                |known: &&[&str]| known.len() >= inner.len() && inner == &known[..inner.len()];
            KUBERNETES.iter().any(|known| begins(known) && (!whole || known.len() == inner.len()))
        }
        [first] => CLAIMS.contains(&first.as_str()),
        _ => false,
    }
}
