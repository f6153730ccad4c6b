//! Whether the token is meant for Pulumi Cloud, and whether an entry is for what it asks for.

use super::Platform::{
    Anywhere, AzurePipelines, Bitbucket, CircleCi, GitHubActions, GitLabCi, Kubernetes,
};
use super::{ByHand, Category, Code, Entry, Language, Severity, commands, links};

pub(super) const ROWS: &[Entry] = &[
    Entry {
        code: Code::AudienceMismatch,
        category: Category::Audience,
        severity: Severity::Error,
        title: "The token's audience is not the one that the policy allows",
        meaning: "In the policy entry that comes closest, the rule on aud does not match the \
            token.",
        detection: "Among the allow entries for the requested token type, scope and issuer, the \
            closest one is taken; its rule on aud does not match the token's aud (no element of \
            it, if it is a list).",
        causes: &[
            AzurePipelines.cause(
                "The rule holds api://AzureADTokenExchange and the connection's tokens come from \
                Entra, which puts the id fb60f99c-7a34-4190-8149-302f77469936 of the same \
                application there. Or the reverse.",
            ),
            GitHubActions.cause("No audience was requested: aud is then https://github.com/OWNER."),
            GitLabCi.cause("aud in the id_tokens: block is another than the rule's."),
            CircleCi.cause(
                "The token of the environment has the CircleCI organization's id; another audience \
                comes from `circleci run oidc get`.",
            ),
            Bitbucket.cause("aud is the workspace's own: ari:cloud:bitbucket::workspace/UUID."),
            Kubernetes.cause(
                "audience is not set in the projected volume: aud is then the API server's.",
            ),
            Anywhere.cause(
                "The organization in the audience is another's, or spelled in another case.",
            ),
        ],
        fix: "Make the rule and the token's audience the same.",
        example: Language::Yaml.change(
            "\
rules:
  aud: api://AzureADTokenExchange",
            "\
rules:
  aud: fb60f99c-7a34-4190-8149-302f77469936",
        ),
        by_hand: ByHand {
            words: "Look at aud, and compare it with the rule:",
            command: commands::CLAIMS,
        },
        related: &[
            Code::TokenIsAccessToken,
            Code::OrganizationConflict,
            Code::AzureIssuerRetiring,
            Code::SubjectMismatch,
            Code::ClaimMismatch,
        ],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::PolicyDefaultDeny,
        category: Category::Policy,
        severity: Severity::Error,
        title: "No policy allows anything",
        meaning: "An issuer without an allow entry lets nobody in; a new registration has none.",
        detection: "The issuer has no allow entry at all, and no deny entry matches.",
        causes: &[
            Anywhere.cause("The issuer was registered and its policies were left for later."),
            Anywhere.cause("The entry was added to another issuer."),
        ],
        fix: "Add an allow entry for this token.",
        example: Language::Yaml.change(
            "policies: []",
            "\
policies:
  - decision: allow
    tokenType: organization
    authorizedPermissions: []
    rules:
      aud: urn:pulumi:org:acme
      sub: repo:acme/web:ref:refs/heads/main",
        ),
        by_hand: ByHand {
            words: "Look at the issuer's policies (the list of issuers has its id):",
            command: commands::POLICIES,
        },
        related: &[Code::PolicyDenied, Code::TokenTypeNotAllowed],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::PolicyDenied,
        category: Category::Policy,
        severity: Severity::Error,
        title: "A deny entry matches",
        meaning: "A matching deny beats every allow, whatever their order.",
        detection: "A deny entry for the requested token type, team, user or runner matches: all \
            its rules do.",
        causes: &[
            Anywhere.cause(
                "A deny entry meant for some branches has a pattern that matches more, such as * \
                at its end.",
            ),
            Anywhere.cause(
                "An allow entry was added in the belief that the more specific one wins. Neither \
                order nor precision counts.",
            ),
        ],
        fix: "Narrow or remove the deny entry.",
        example: Language::Yaml.change(
            "\
policies:
  - decision: deny
    tokenType: organization
    rules:
      sub: repo:acme/web:*",
            "\
policies:
  - decision: deny
    tokenType: organization
    rules:
      sub: repo:acme/web:pull_request",
        ),
        by_hand: ByHand { words: "Look at the issuer's deny entries:", command: commands::DENIES },
        related: &[Code::PolicyDefaultDeny],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::TokenTypeNotAllowed,
        category: Category::Policy,
        severity: Severity::Error,
        title: "No entry is for the requested token type",
        meaning: "An entry matches only requests for its own token type, whatever its rules say.",
        detection: "There are allow entries, and each is for another token type than the one that \
            the login asks for.",
        causes: &[
            Anywhere.cause(
                "`pulumi login` without --oidc-team and --oidc-user asks for an organization \
                token; the entry is for a team or a person.",
            ),
            Anywhere.cause(
                "The organization's edition lacks the type: Team has organization tokens, \
                Enterprise team tokens as well.",
            ),
        ],
        fix: "Ask for a token type that the policy allows, or add an entry for this one.",
        example: Language::Sh.change(
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme"#,
            "pulumi login https://api.pulumi.com --oidc-token \"$TOKEN\" --oidc-org acme \
            --oidc-team ops",
        ),
        by_hand: ByHand {
            words: "Look at decision and tokenType of every entry:",
            command: commands::POLICIES,
        },
        related: &[
            Code::PolicyDefaultDeny,
            Code::TeamNotAllowed,
            Code::UserNotAllowed,
            Code::RunnerNotAllowed,
        ],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::TeamNotAllowed,
        category: Category::Policy,
        severity: Severity::Error,
        title: "No entry is for this team",
        meaning: "A team entry matches only requests for its own team.",
        detection: "The login asks for a team token, and no allow entry for team tokens has a \
            teamName that matches the team.",
        causes: &[
            Anywhere
                .cause("The team's display name stands in one place and its slug in the other."),
            Anywhere.cause("The team was renamed."),
        ],
        fix: "Ask for the entry's team, or add an entry for this one.",
        example: Language::Sh.change(
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme \
  --oidc-team "Platform Team""#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme \
  --oidc-team platform-team"#,
        ),
        by_hand: ByHand { words: "Look at teamName of the entries:", command: commands::POLICIES },
        related: &[Code::TeamConflict, Code::TokenTypeNotAllowed, Code::WhoamiWrongOrganization],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::UserNotAllowed,
        category: Category::Policy,
        severity: Severity::Error,
        title: "No entry is for this user",
        meaning: "A personal entry matches only requests for its own user.",
        detection: "The login asks for a personal token, and no allow entry for personal tokens \
            has this userLogin.",
        causes: &[
            Anywhere
                .cause("An e-mail address or a display name stands where the login name belongs."),
            Anywhere.cause("The entry is for the colleague who set the pipeline up."),
        ],
        fix: "Ask for the entry's user, or add an entry for this one.",
        example: Language::Sh.change(
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme \
  --oidc-user jane@acme.test"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme \
  --oidc-user jane"#,
        ),
        by_hand: ByHand { words: "Look at userLogin of the entries:", command: commands::POLICIES },
        related: &[Code::UserConflict, Code::TokenTypeNotAllowed],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::RunnerNotAllowed,
        category: Category::Policy,
        severity: Severity::Error,
        title: "No entry is for this runner",
        meaning: "A runner entry matches only requests for its own runner.",
        detection: "A runner token is asked for, and no allow entry for runner tokens is for this \
            runner.",
        causes: &[
            Anywhere.cause(
                "The runner's name stands where its id (runnerID) belongs. Which of the two a \
                scope names is not documented.",
            ),
            Anywhere.cause("The runner was created anew and has another id."),
        ],
        fix: "Ask for the entry's runner, or add an entry for this one.",
        example: Language::Yaml.change(
            "\
- decision: allow
  tokenType: runner
  runnerID: build-pool",
            "\
- decision: allow
  tokenType: runner
  runnerID: 0c9e1f7a-5b2d-4e83-9a46-d1f0b3c5e728",
        ),
        by_hand: ByHand { words: "Look at runnerID of the entries:", command: commands::POLICIES },
        related: &[Code::TokenTypeNotAllowed],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::AdminNotPermitted,
        category: Category::Policy,
        severity: Severity::Error,
        title: "The policy does not grant admin",
        meaning: "scope=admin needs `admin` in the entry's authorizedPermissions.",
        detection: "scope=admin is asked for, and the closest entry has no admin in \
            authorizedPermissions.",
        causes: &[
            Anywhere.cause("The entry lists other permissions, or gives a role (roleID) instead."),
            Anywhere.cause(
                "The login needs no admin: it was asked for because creating a stack failed with \
                403.",
            ),
        ],
        fix: "Ask without scope=admin, or grant it in the entry.",
        example: Language::Yaml.change(
            "\
- decision: allow
  tokenType: organization
  authorizedPermissions: []",
            "\
- decision: allow
  tokenType: organization
  authorizedPermissions: [admin]",
        ),
        by_hand: ByHand {
            words: "Look at authorizedPermissions and roleID of the entries:",
            command: commands::POLICIES,
        },
        related: &[Code::PolicyAdminGranted, Code::WhoamiForbidden],
        link: links::ACCESS_TOKENS,
    },
];
