//! What Pulumi Cloud says: the exchange and whoami.

use super::Platform::{Anywhere, AzurePipelines, GitHubActions};
use super::{ByHand, Category, Code, Entry, Language, Severity, commands, links};

pub(super) const ROWS: &[Entry] = &[
    Entry {
        code: Code::ExchangeRejected,
        category: Category::Exchange,
        severity: Severity::Error,
        title: "Pulumi Cloud refuses the exchange",
        meaning: "The service refuses, and nothing that was found here explains it.",
        detection: "POST /api/oauth/token is answered with a 4xx, and no earlier finding explains \
            it. The service's words are shown; pulumi prints them without the status.",
        causes: &[
            Anywhere.cause(
                "The registration or the policy could not be read here, and one of them is to \
                blame.",
            ),
            Anywhere.cause("The requested token type is not part of the organization's edition."),
        ],
        fix: "Compare the service's words with what was checked here.",
        example: Language::Sh.change(
            "doctor --oidc-org acme -",
            "DOCTOR_ACCESS_TOKEN=$ADMIN_TOKEN doctor --oidc-org acme -  # reads the issuers and \
            policies too",
        ),
        by_hand: ByHand {
            words: "Make the exchange by hand and look at the error alone; where it succeeds, the \
                access token is left out:",
            command: r#"# token.jwt holds the token
curl -sS https://api.pulumi.com/api/oauth/token \
  -d audience=urn:pulumi:org:acme \
  -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange \
  -d subject_token_type=urn:ietf:params:oauth:token-type:id_token \
  -d requested_token_type=urn:pulumi:token-type:access_token:organization \
  --data-urlencode subject_token@token.jwt | jq 'del(.access_token, .refresh_token)'"#,
        },
        related: &[Code::PolicyUnknown, Code::OrganizationUnknown, Code::ExchangeContradictsPolicy],
        link: links::EXCHANGE,
    },
    Entry {
        code: Code::OrganizationUnknown,
        category: Category::Exchange,
        severity: Severity::Error,
        title: "Pulumi Cloud does not know the organization",
        meaning: "The name has to be the organization's login in Pulumi Cloud, not its display \
            name nor a GitHub organization's.",
        detection: "The service's answer names an invalid organization.",
        causes: &[
            GitHubActions
                .cause("The GitHub organization's name was given; Pulumi Cloud's may be another."),
            Anywhere
                .cause("The display name was given instead of the name in the console's address."),
            Anywhere.cause("The organization is on another Pulumi Cloud, self-hosted for example."),
        ],
        fix: "Use the name in the address of the organization's page in the console.",
        example: Language::Sh.change(
            "pulumi login https://api.pulumi.com --oidc-token \"$TOKEN\" --oidc-org \"Acme \
            Corporation\"",
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "With an access token, list the organizations that it can see:",
            command: commands::USER,
        },
        related: &[
            Code::OrganizationMissing,
            Code::IssuerWrongOrganization,
            Code::ExchangeRejected,
            Code::WhoamiWrongOrganization,
        ],
        link: links::GUIDES,
    },
    Entry {
        code: Code::ExchangeContradictsPolicy,
        category: Category::Exchange,
        severity: Severity::Warning,
        title: "Pulumi Cloud decides differently from the policy",
        meaning: "Either the policy that was judged by is out of date, or one of the assumptions \
            that the evaluation rests on does not hold.",
        detection: "The policy was known here, and the service decided differently: it refuses \
            what the policy allows, or allows what it denies.",
        causes: &[
            Anywhere.cause("The policy file is older than the policy in Pulumi Cloud."),
            Anywhere.cause("The file is another issuer's, or another organization's."),
            Anywhere.cause(
                "Something that is not documented is otherwise than assumed: how case, or a list \
                in aud, is compared.",
            ),
        ],
        fix: "Fetch the policy again and compare.",
        example: Language::Sh.change(
            "doctor --oidc-org acme --policy saved-last-year.json -",
            "DOCTOR_ACCESS_TOKEN=$ADMIN_TOKEN doctor --oidc-org acme -",
        ),
        by_hand: ByHand {
            words: "Compare the file with what Pulumi Cloud has now:",
            command: commands::POLICIES,
        },
        related: &[Code::PolicyUnknown, Code::ExchangeRejected],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::ExchangeRateLimited,
        category: Category::Exchange,
        severity: Severity::Error,
        title: "Pulumi Cloud limits the rate of requests",
        meaning: "Too many requests came from this address or organization.",
        detection: "The exchange is answered with 429. Retry-After is shown where the service \
            sends it.",
        causes: &[
            GitHubActions.cause("A matrix of many jobs logs in at the same moment."),
            Anywhere.cause("A script logs in before every command instead of once."),
        ],
        fix: "Wait, and log in once per job rather than once per step.",
        example: Language::Sh.change(
            r#"for stack in dev test prod; do
  pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme
  pulumi up --yes --stack "$stack"
done"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme
for stack in dev test prod; do
  pulumi up --yes --stack "$stack"
done"#,
        ),
        by_hand: ByHand {
            words: "Look at the status and Retry-After of any request:",
            command: "\
curl -sS -o /dev/null -D - https://api.pulumi.com/api/capabilities |
  grep -i -E '^(HTTP|retry-after)'",
        },
        related: &[Code::ExchangeServerError],
        link: links::EXCHANGE,
    },
    Entry {
        code: Code::ExchangeServerError,
        category: Category::Exchange,
        severity: Severity::Error,
        title: "Pulumi Cloud failed",
        meaning: "The service answered with an error of its own; the token may be all right.",
        detection: "The exchange is answered with a 5xx. X-Pulumi-Request-ID is shown: support \
            asks for it.",
        causes: &[
            GitHubActions.cause("Many jobs of a matrix exchange tokens at the same moment."),
            Anywhere.cause(
                "An outage, or a failure that passes: `server_error: internal server error`.",
            ),
            Anywhere.cause("A gateway or proxy in between gives up."),
        ],
        fix: "Try again; if it stays, send the request id to Pulumi's support.",
        example: Language::Sh.change(
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme"#,
            r#"for wait in 0 5 15; do
  sleep "$wait"
  pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme && break
done"#,
        ),
        by_hand: ByHand {
            words: "See whether the service answers other requests, and its status page \
                (https://status.pulumi.com):",
            command: "curl -sS -o /dev/null -w '%{http_code}\\n' \
                https://api.pulumi.com/api/capabilities",
        },
        related: &[Code::BackendUnreachable, Code::ExchangeRateLimited, Code::WhoamiFailed],
        link: links::EXCHANGE,
    },
    Entry {
        code: Code::ExchangeMalformed,
        category: Category::Exchange,
        severity: Severity::Error,
        title: "The exchange's answer is not a token response",
        meaning: "The status says success, but what came is not what the exchange returns.",
        detection: "The exchange is answered with 200, and the answer is no JSON object with an \
            access_token.",
        causes: &[
            Anywhere.cause("A proxy or a sign-in page answers in Pulumi Cloud's place."),
            Anywhere.cause("The URL is that of another service with an address of the same name."),
        ],
        fix: "Find out what answers at that address: a proxy or another service may sit in \
            between.",
        example: Language::Sh.change(
            r#"pulumi login https://login-proxy.acme.test --oidc-token "$TOKEN" --oidc-org acme"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "See what answers at the address, without sending the token:",
            command: "curl -sS -i https://api.pulumi.com/api/capabilities | head -n 20",
        },
        related: &[Code::BackendNotPulumi, Code::WhoamiMalformed],
        link: links::EXCHANGE,
    },
    Entry {
        code: Code::WhoamiUnauthorized,
        category: Category::Whoami,
        severity: Severity::Error,
        title: "Pulumi Cloud does not accept the access token",
        meaning: "The access token is not valid (any more), or the organization asks for a new \
            single sign-on.",
        detection: "GET /api/user is answered with 401. Where the answer asks for single sign-on \
            (SAML), that is said.",
        causes: &[
            Anywhere.cause("The access token was revoked, or is another Pulumi Cloud's."),
            Anywhere.cause("The organization asks its members to sign in anew."),
            Anywhere.cause(
                "The access token's life was over: 2 h unless --oidc-expiration says otherwise.",
            ),
        ],
        fix: "Log in again.",
        example: Language::Sh.change(
            "pulumi whoami  # with the credentials of yesterday",
            "pulumi login https://api.pulumi.com --oidc-token \"$TOKEN\" --oidc-org acme && pulumi \
            whoami",
        ),
        by_hand: ByHand {
            words: "Ask with the access token and look at the status:",
            command: commands::USER_STATUS,
        },
        related: &[Code::WhoamiForbidden, Code::WhoamiTokenExpired],
        link: links::ACCESS_TOKENS,
    },
    Entry {
        code: Code::WhoamiForbidden,
        category: Category::Whoami,
        severity: Severity::Error,
        title: "The access token may not do this",
        meaning: "The service knows the token and refuses what was asked.",
        detection: "GET /api/user is answered with 403.",
        causes: &[
            Anywhere.cause("The organization's access rules refuse it."),
            Anywhere.cause("The token's role does not allow it."),
            Anywhere.cause("A proxy or firewall refuses the request: its page is in the answer."),
        ],
        fix: "Check the token's role and the organization's access rules.",
        example: Language::Yaml.change(
            "\
- decision: allow
  tokenType: organization
  authorizedPermissions: []",
            "\
- decision: allow
  tokenType: organization
  roleID: 0c9e1f7a-5b2d-4e83-9a46-d1f0b3c5e728  # of a role that may do what the job does",
        ),
        by_hand: ByHand {
            words: "Ask with the access token and look at the status:",
            command: commands::USER_STATUS,
        },
        related: &[Code::AdminNotPermitted, Code::WhoamiUnauthorized],
        link: links::ACCESS_TOKENS,
    },
    Entry {
        code: Code::WhoamiMalformed,
        category: Category::Whoami,
        severity: Severity::Error,
        title: "The answer to whoami names nobody",
        meaning: "The status says success, but there is no login name in the answer.",
        detection: "GET /api/user is answered with 200, and githubLogin, where the login name \
            stands, is missing or empty.",
        causes: &[
            Anywhere.cause("A proxy or another service answers in Pulumi Cloud's place."),
            Anywhere.cause("A self-hosted Pulumi Cloud of a very different version."),
        ],
        fix: "Find out what answers at that address: a proxy or another service may sit in \
            between.",
        example: Language::Sh.change(
            r#"pulumi login https://login-proxy.acme.test --oidc-token "$TOKEN" --oidc-org acme"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "Ask with the access token and see who it names:",
            command: commands::USER,
        },
        related: &[Code::ExchangeMalformed, Code::WhoamiFailed],
        link: links::CLI,
    },
    Entry {
        code: Code::WhoamiFailed,
        category: Category::Whoami,
        severity: Severity::Error,
        title: "whoami failed",
        meaning: "The service did not say whose the access token is.",
        detection: "GET /api/user is answered with another status than 200, 401 and 403, or not at \
            all.",
        causes: &[
            Anywhere.cause("An outage, or a failure that passes."),
            Anywhere.cause("A gateway or proxy in between gives up."),
        ],
        fix: "Try again; if it stays, send the request id to Pulumi's support.",
        example: Language::Sh
            .change("pulumi whoami", "pulumi whoami || { sleep 15; pulumi whoami; }"),
        by_hand: ByHand {
            words: "Ask with the access token and look at the status:",
            command: commands::USER_STATUS,
        },
        related: &[Code::ExchangeServerError, Code::WhoamiMalformed],
        link: links::CLI,
    },
    Entry {
        code: Code::WhoamiWrongOrganization,
        category: Category::Whoami,
        severity: Severity::Error,
        title: "The access token belongs elsewhere",
        meaning: "The token is for another organization or team than the login asks for, or its \
            user is no member.",
        detection: "The access token's organization or team (tokenInfo) is not the one that the \
            login asks for, or its user is no member. For a stored token that this login does not \
            use it is only information.",
        causes: &[
            AzurePipelines.cause(
                "A self-hosted agent still has the credentials of another pipeline, and the token \
                of this one was empty.",
            ),
            Anywhere.cause("PULUMI_ACCESS_TOKEN is another organization's."),
            Anywhere.cause("The user was removed from the organization."),
        ],
        fix: "Log in to the organization that is meant.",
        example: Language::Sh.change(
            "pulumi whoami --verbose  # of another organization",
            r#"pulumi logout --all
pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "Ask with the access token whose it is:",
            command: commands::USER,
        },
        related: &[Code::TokenEmpty, Code::TeamNotAllowed, Code::OrganizationUnknown],
        link: links::ACCESS_TOKENS,
    },
    Entry {
        code: Code::WhoamiTokenExpired,
        category: Category::Whoami,
        severity: Severity::Error,
        title: "The access token has expired",
        meaning: "The stored credentials say that the token's life is over.",
        detection: "The stored credentials say when the access token expires (expiresAt), and that \
            is past; or the token of this run has expired.",
        causes: &[
            Anywhere.cause(
                "The job runs longer than the access token lives: 2 h unless --oidc-expiration \
                says otherwise.",
            ),
            Anywhere.cause("A self-hosted agent still has the credentials of an earlier job."),
        ],
        fix: "Log in again.",
        example: Language::Sh.change(
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme"#,
            "pulumi login https://api.pulumi.com --oidc-token \"$TOKEN\" --oidc-org acme \
            --oidc-expiration 6h",
        ),
        by_hand: ByHand {
            words: "Look at the stored times, without the tokens:",
            command: "jq '.accounts | map_values(.tokenInformation.expiresAt)' \
                ~/.pulumi/credentials.json",
        },
        related: &[Code::TokenExpired, Code::ExpirationExceedsMaximum, Code::WhoamiUnauthorized],
        link: links::ACCESS_TOKENS,
    },
];
