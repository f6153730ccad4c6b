//! What the token says.

use super::Platform::{
    Anywhere, AzurePipelines, Buildkite, CircleCi, GitHubActions, GitLabCi, Kubernetes,
};
use super::{ByHand, Category, Code, Entry, Language, Severity, commands, links};

pub(super) const ROWS: &[Entry] = &[
    Entry {
        code: Code::TokenMalformed,
        category: Category::Token,
        severity: Severity::Error,
        title: "The token cannot be decoded",
        meaning: "A JWT has three parts in base64url; header and payload are JSON objects.",
        detection: "A part is not base64url, the header or the payload is not JSON, or it is JSON \
            but no object; or a parameter of the header has the wrong JSON type (kid, crit).",
        causes: &[
            Anywhere.cause("The token was edited, or two were joined."),
            Anywhere.cause(
                "Characters were replaced on the way: - and _ by + and /, for example, as in plain \
                base64.",
            ),
            Anywhere.cause("It is the token of another system, which is no JWT."),
        ],
        fix: "Pass the token exactly as the platform issued it.",
        example: Language::Sh.change(
            r#"token=$(tr '_-' '/+' <token.jwt)
pulumi login https://api.pulumi.com --oidc-token "$token" --oidc-org acme"#,
            "pulumi login https://api.pulumi.com --oidc-token file://token.jwt --oidc-org acme",
        ),
        by_hand: ByHand {
            words: "Decode the header and the payload:",
            command: "\
# token.jwt holds the token
cut -d. -f1 token.jwt | tr '_-' '/+' | jq -R '@base64d | fromjson'
cut -d. -f2 token.jwt | tr '_-' '/+' | jq -R '@base64d | fromjson'",
        },
        related: &[
            Code::TokenNotAToken,
            Code::TokenMasked,
            Code::TokenWrapped,
            Code::TokenEncrypted,
            Code::TokenTruncated,
            Code::TokenClaimMissing,
            Code::TokenDuplicateClaim,
            Code::AlgorithmUnsupported,
            Code::SignatureInvalid,
        ],
        link: links::JWT,
    },
    Entry {
        code: Code::TokenClaimMissing,
        category: Category::Token,
        severity: Severity::Error,
        title: "The token lacks a claim",
        meaning: "An OIDC token has iss, aud, sub and exp, each of its own JSON type.",
        detection: "iss, sub, exp or aud is missing, or has another JSON type than a string, a \
            number (exp), or a string or a list of them (aud); or nbf or iat is not a number. It \
            is a warning where Go's libraries differ: nbf or iat is null, or a number in a string.",
        causes: &[
            Anywhere.cause("The token was made for a test, or by a script."),
            Anywhere.cause(
                "It is an access token or a session token, which need not have these claims.",
            ),
            Anywhere
                .cause("A claim mapping of the issuer replaces a claim by a list or an object."),
        ],
        fix: "Request an OIDC identity token from the platform; this one was made by something \
            else.",
        example: Language::Json.change(
            "{\"iss\": \"https://ci.acme.test\", \"sub\": \"job\", \"aud\": \
            \"urn:pulumi:org:acme\", \"exp\": \"1790000000\"}",
            "{\"iss\": \"https://ci.acme.test\", \"sub\": \"job\", \"aud\": \
            \"urn:pulumi:org:acme\", \"exp\": 1790000000}",
        ),
        by_hand: ByHand { words: "Look at the claims:", command: commands::CLAIMS },
        related: &[Code::TokenIsAccessToken, Code::TokenMalformed],
        link: links::JWT,
    },
    Entry {
        code: Code::TokenDuplicateClaim,
        category: Category::Token,
        severity: Severity::Warning,
        title: "The token has a claim twice",
        meaning: "JSON does not say which of two equal keys counts: verifiers may disagree about \
            what the token says.",
        detection: "An object of the header or the payload has the same key twice. The doctor uses \
            the last one, as most readers do.",
        causes: &[
            Anywhere.cause("A claim mapping of the issuer adds a claim that is there already."),
            Anywhere.cause("The token was made by a template."),
        ],
        fix: "Correct the issuer's configuration so that each claim occurs once.",
        example: Language::Json.change(
            r#"{"iss": "https://issuer.acme.test", "sub": "job", "sub": "job-2"}"#,
            r#"{"iss": "https://issuer.acme.test", "sub": "job-2"}"#,
        ),
        by_hand: ByHand {
            words: "Show every top-level key of the payload; two that are equal are two lines:",
            command: "\
# token.jwt holds the token
cut -d. -f2 token.jwt | tr '_-' '/+' | jq -R -r '@base64d' |
  jq -c --stream 'select(length == 2) | .[0]'",
        },
        related: &[Code::TokenMalformed],
        link: links::JWT,
    },
    Entry {
        code: Code::TokenExpired,
        category: Category::Token,
        severity: Severity::Error,
        title: "The token has expired",
        meaning: "Its exp is past; Pulumi Cloud refuses it whatever the policy says.",
        detection: "exp is not after the time of judging, or too large a number. There is no \
            leeway. For a token that was pasted, piped or read from a file it ranks last: such a token has usually expired \
            when somebody looks at it.",
        causes: &[
            AzurePipelines.cause(
                "Azure DevOps' own issuer gives its tokens five to ten minutes; a build or an \
                approval before the login takes longer.",
            ),
            GitHubActions
                .cause("Tokens live about five minutes; request a new one right before the login."),
            GitLabCi.cause(
                "The token lives as long as the job's timeout, or five minutes where there is \
                none.",
            ),
            CircleCi.cause("Tokens live an hour."),
            Buildkite.cause("Tokens live five minutes."),
            Kubernetes.cause("The file is renewed while the pod runs; a copy of it is not."),
            Anywhere.cause("The clock of this machine is ahead."),
        ],
        fix: "Request the token right before the login.",
        example: Language::Yaml.change(
            "\
- run: ./get-token.sh > token.jwt
- run: ./build.sh  # takes 20 minutes
- run: pulumi login https://api.pulumi.com --oidc-token file://token.jwt --oidc-org acme",
            "\
- run: ./build.sh
- run: |
    ./get-token.sh > token.jwt
    pulumi login https://api.pulumi.com --oidc-token file://token.jwt --oidc-org acme",
        ),
        by_hand: ByHand {
            words: "Compare the token's times with this machine's:",
            command: commands::TIMES,
        },
        related: &[Code::TokenExpiresSoon, Code::ClockSkew, Code::WhoamiTokenExpired],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::TokenExpiresSoon,
        category: Category::Token,
        severity: Severity::Warning,
        title: "The token is about to expire",
        meaning: "Less than a minute is left.",
        detection: "exp is less than 60 s away.",
        causes: &[
            AzurePipelines.cause(
                "The token of AzureCLI@2 is from the beginning of the task, and the script works \
                long before it logs in.",
            ),
            Anywhere.cause("The token was requested in an earlier step."),
        ],
        fix: "Request the token right before the login.",
        example: Language::Sh.change(
            r#"./build.sh
pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme
./build.sh"#,
        ),
        by_hand: ByHand {
            words: "Compare the token's times with this machine's:",
            command: commands::TIMES,
        },
        related: &[Code::TokenExpired, Code::ClockSkew],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::TokenNotYetValid,
        category: Category::Token,
        severity: Severity::Error,
        title: "The token is not valid yet",
        meaning: "Its nbf or iat is in the future.",
        detection: "nbf or iat is more than 60 s after the time of judging. Several platforms date \
            nbf back by minutes; that is no fault.",
        causes: &[
            Anywhere.cause("The clock of this machine is behind."),
            Anywhere.cause("The issuer writes milliseconds, where a token has seconds."),
            Anywhere.cause("The clock of a self-hosted issuer is ahead."),
            Anywhere.cause("--now names a time before the token was issued."),
        ],
        fix: "Correct the clock of the machine that issued the token, or of this one.",
        example: Language::Sh.change(
            "doctor --now 2026-01-31T10:00:00Z --oidc-org acme file://token.jwt",
            "doctor --now 2026-01-31T12:00:00Z --oidc-org acme file://token.jwt",
        ),
        by_hand: ByHand {
            words: "Compare the token's times with this machine's:",
            command: commands::TIMES,
        },
        related: &[Code::ClockSkew],
        link: links::JWT,
    },
    Entry {
        code: Code::ClockSkew,
        category: Category::Token,
        severity: Severity::Warning,
        title: "This machine's clock is wrong",
        meaning: "The servers that were asked say another time.",
        detection: "The Date header of every server that was asked differs from this machine's \
            clock by 60 s or more.",
        causes: &[
            AzurePipelines.cause(
                "A self-hosted agent, or its virtual machine after sleep, without time \
                synchronisation.",
            ),
            Anywhere.cause("The clock is set by hand, or to local time as if it were UTC."),
        ],
        fix: "Synchronise the clock (NTP).",
        example: Language::Sh.change(
            "\
timedatectl show -p NTPSynchronized
# NTPSynchronized=no",
            "\
sudo timedatectl set-ntp true
timedatectl show -p NTPSynchronized
# NTPSynchronized=yes",
        ),
        by_hand: ByHand {
            words: "Compare this machine's clock with a server's:",
            command: "\
date -u
curl -sS -o /dev/null -D - https://api.pulumi.com/api/capabilities | grep -i '^date:'",
        },
        related: &[
            Code::BackendTlsUntrusted,
            Code::TokenExpired,
            Code::TokenExpiresSoon,
            Code::TokenNotYetValid,
        ],
        link: links::JWT,
    },
    Entry {
        code: Code::AlgorithmUnsupported,
        category: Category::Token,
        severity: Severity::Error,
        title: "The token's signature algorithm cannot be used",
        meaning: "Pulumi Cloud verifies with the issuer's public keys; an unsigned token or one \
            signed with a shared secret cannot be verified so.",
        detection: "alg is none, HS256 or its like, absent, not a name that the CLI's JWT parser \
            knows (Ed25519, ES256K, rs256), or not among the algorithms in the issuer's discovery \
            document; or crit names a parameter that verifiers do not know.",
        causes: &[
            Anywhere.cause("The token was signed by a script with a shared secret."),
            Anywhere.cause("A self-hosted issuer signs with another algorithm than it publishes."),
        ],
        fix: "Have the issuer sign with one of the algorithms that its discovery document offers.",
        example: Language::Json.change(
            r#"{"alg": "HS256", "typ": "JWT"}"#,
            r#"{"alg": "RS256", "typ": "JWT", "kid": "2026-01"}"#,
        ),
        by_hand: ByHand { words: "Look at alg in the header:", command: commands::HEADER },
        related: &[Code::TokenMalformed, Code::JwksInvalid, Code::KeyNotRecommended],
        link: links::JWA,
    },
];
