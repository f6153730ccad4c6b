//! What the CLI itself would refuse before any request.

use super::Platform::{Anywhere, AzurePipelines, Bitbucket, GitHubActions, GitLabCi, Kubernetes};
use super::{ByHand, Category, Code, Entry, Language, Severity, commands, links};

pub(super) const ROWS: &[Entry] = &[
    Entry {
        code: Code::AccessTokenSet,
        category: Category::Login,
        severity: Severity::Error,
        title: "PULUMI_ACCESS_TOKEN is set",
        meaning: "The CLI refuses a token exchange while PULUMI_ACCESS_TOKEN is set: `cannot \
            perform token exchange when an access token is set as environment variable`.",
        detection: "PULUMI_ACCESS_TOKEN is set in this environment and a token exchange is asked \
            for.",
        causes: &[
            AzurePipelines.cause(
                "The variable is in a variable group or the pipeline's variables: these become \
                environment variables of every step.",
            ),
            GitHubActions.cause("It is in the env: block of the workflow or the job."),
            GitLabCi.cause("It is a CI/CD variable of the project or the group."),
            Anywhere.cause("It was left over when the pipeline was moved to OIDC."),
        ],
        fix: "Unset PULUMI_ACCESS_TOKEN for the step that logs in.",
        example: Language::Sh.change(
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
            r#"unset PULUMI_ACCESS_TOKEN
pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "In the step, see whether it is set, without printing it:",
            command: r#"echo "${PULUMI_ACCESS_TOKEN:+set}""#,
        },
        related: &[Code::TokenEmpty, Code::TokenIsPulumiToken],
        link: links::CLI_ENVIRONMENT,
    },
    Entry {
        code: Code::OrganizationMissing,
        category: Category::Login,
        severity: Severity::Error,
        title: "No organization is named",
        meaning: "The exchange needs an organization and neither --oidc-org nor the token's \
            audience names one: `organization must be specified for token exchange`.",
        detection: "There is no --oidc-org (nor PULUMI_OPTION_OIDC_ORG), and the token names no \
            organization that this pulumi would read.",
        causes: &[
            AzurePipelines.cause(
                "The token's aud is always Azure's own, so it cannot name the organization.",
            ),
            Bitbucket
                .cause("An audience of one's own makes aud a list, which pulumi does not read."),
            Kubernetes.cause("aud is a list there too."),
            Anywhere.cause(
                "The token is passed as file://: pulumi then reads nothing from its claims.",
            ),
            Anywhere.cause("pulumi is older than 3.217.0, which was the first to read the claims."),
        ],
        fix: "Pass --oidc-org with the organization's name in Pulumi Cloud.",
        example: Language::Sh.change(
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken""#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "Look at aud; only the plain string urn:pulumi:org:NAME names an organization:",
            command: commands::CLAIMS,
        },
        related: &[Code::OrganizationConflict, Code::OrganizationUnknown],
        link: links::CLI,
    },
    Entry {
        code: Code::OrganizationConflict,
        category: Category::Login,
        severity: Severity::Error,
        title: "--oidc-org and the token name different organizations",
        meaning: "Since 3.217.0 the CLI compares --oidc-org with the organization in the token's \
            aud claim and stops when they differ.",
        detection: "--oidc-org differs from the organization in an aud claim of the form \
            urn:pulumi:org:NAME, and pulumi is 3.217.0 or newer.",
        causes: &[
            GitHubActions.cause(
                "The audience that the workflow requests names another organization than the \
                login.",
            ),
            GitLabCi
                .cause("aud in the id_tokens: block names another organization than the login."),
            Anywhere.cause("The pipeline was copied from another organization's."),
        ],
        fix: "Make both the same, or leave --oidc-org out.",
        example: Language::Yaml.change(
            "\
id_tokens:
  PULUMI_ID_TOKEN:
    aud: urn:pulumi:org:acme-staging  # and --oidc-org acme",
            "\
id_tokens:
  PULUMI_ID_TOKEN:
    aud: urn:pulumi:org:acme",
        ),
        by_hand: ByHand {
            words: "Look at aud and compare it with --oidc-org:",
            command: commands::CLAIMS,
        },
        related: &[
            Code::OrganizationMissing,
            Code::TeamConflict,
            Code::UserConflict,
            Code::AudienceMismatch,
        ],
        link: links::CLI,
    },
    Entry {
        code: Code::TeamAndUser,
        category: Category::Login,
        severity: Severity::Error,
        title: "Both a team and a user are asked for",
        meaning: "An access token is either a team's or a user's: `only one of team or user may be \
            specified for token exchange`.",
        detection: "The login asks for a team and for a user: by its flags, or by the token's \
            scope claim.",
        causes: &[
            Anywhere.cause(
                "--oidc-team and --oidc-user are both given, one of them perhaps through \
                PULUMI_OPTION_OIDC_TEAM or PULUMI_OPTION_OIDC_USER.",
            ),
            Anywhere.cause("The token's scope claim holds both team:NAME and user:LOGIN."),
        ],
        fix: "Keep one of the two.",
        example: Language::Sh.change(
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme \
  --oidc-team ops --oidc-user jane"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme \
  --oidc-team ops"#,
        ),
        by_hand: ByHand {
            words: "List the names of pulumi's flags that are set in the environment, and look at \
                scope in the claims:",
            command: "env | cut -d= -f1 | grep '^PULUMI_OPTION_'",
        },
        related: &[Code::TeamConflict, Code::UserConflict],
        link: links::CLI,
    },
    Entry {
        code: Code::TeamConflict,
        category: Category::Login,
        severity: Severity::Error,
        title: "--oidc-team and the token name different teams",
        meaning: "Since 3.217.0 the CLI compares --oidc-team with the team in the token's scope \
            claim and stops when they differ.",
        detection: "--oidc-team differs from the team in the token's scope claim (team:NAME), and \
            pulumi is 3.217.0 or newer.",
        causes: &[
            Anywhere.cause("The issuer puts the scope of another job into the token."),
            Anywhere.cause("The team was renamed in one of the two places."),
        ],
        fix: "Make both the same, or leave --oidc-team out.",
        example: Language::Sh.change(
            "pulumi login https://api.pulumi.com --oidc-token \"$TOKEN\" --oidc-org acme \
            --oidc-team dev",
            "pulumi login https://api.pulumi.com --oidc-token \"$TOKEN\" --oidc-org acme \
            --oidc-team ops",
        ),
        by_hand: ByHand { words: "Look at scope:", command: commands::CLAIMS },
        related: &[
            Code::OrganizationConflict,
            Code::TeamAndUser,
            Code::UserConflict,
            Code::TeamNotAllowed,
        ],
        link: links::CLI,
    },
    Entry {
        code: Code::UserConflict,
        category: Category::Login,
        severity: Severity::Error,
        title: "--oidc-user and the token name different users",
        meaning: "Since 3.217.0 the CLI compares --oidc-user with the user in the token's scope \
            claim and stops when they differ.",
        detection: "--oidc-user differs from the user in the token's scope claim (user:LOGIN), and \
            pulumi is 3.217.0 or newer.",
        causes: &[
            Anywhere.cause("The issuer puts the scope of another person into the token."),
            Anywhere.cause(
                "The flag holds an e-mail address or a display name instead of the login name.",
            ),
        ],
        fix: "Make both the same, or leave --oidc-user out.",
        example: Language::Sh.change(
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme \
  --oidc-user jane@acme.test"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN" --oidc-org acme \
  --oidc-user jane"#,
        ),
        by_hand: ByHand { words: "Look at scope:", command: commands::CLAIMS },
        related: &[
            Code::OrganizationConflict,
            Code::TeamAndUser,
            Code::TeamConflict,
            Code::UserNotAllowed,
        ],
        link: links::CLI,
    },
    Entry {
        code: Code::ExpirationInvalid,
        category: Category::Login,
        severity: Severity::Error,
        title: "--oidc-expiration is not a duration",
        meaning: "The CLI takes a Go duration (15m, 1h30m, 24h) there: no days, and no number \
            without a unit.",
        detection: "The value of --oidc-expiration (or PULUMI_OPTION_OIDC_EXPIRATION) cannot be \
            read as a Go duration.",
        causes: &[
            Anywhere.cause("Days: 1d is written 24h."),
            Anywhere.cause("A number without a unit: 3600 is written 3600s or 1h."),
            Anywhere.cause("An empty variable where the number should be."),
        ],
        fix: "Write the duration in hours, minutes or seconds.",
        example: Language::Sh.change(
            "pulumi login https://api.pulumi.com --oidc-token \"$TOKEN\" --oidc-org acme \
            --oidc-expiration 1d",
            "pulumi login https://api.pulumi.com --oidc-token \"$TOKEN\" --oidc-org acme \
            --oidc-expiration 24h",
        ),
        by_hand: ByHand {
            words: "Print the value as the step sees it, between brackets:",
            command: r#"echo "[$PULUMI_OPTION_OIDC_EXPIRATION]""#,
        },
        related: &[Code::ExpirationExceedsMaximum],
        link: links::CLI,
    },
    Entry {
        code: Code::UrlGivenTwice,
        category: Category::Login,
        severity: Severity::Error,
        title: "The backend is given twice",
        meaning: "`pulumi login` takes the URL as its argument or with --cloud-url, not both, and \
            neither together with --local.",
        detection: "The URL is an argument and --cloud-url as well, or one of them stands beside \
            --local.",
        causes: &[
            AzurePipelines.cause(
                "The Pulumi task's loginArgs hold the URL, and PULUMI_OPTION_CLOUD_URL is a \
                pipeline variable.",
            ),
            Anywhere.cause(
                "PULUMI_OPTION_CLOUD_URL is set in the environment: it counts as --cloud-url.",
            ),
            Anywhere.cause("Both ways of giving it ended up in one command."),
        ],
        fix: "Keep one of them.",
        example: Language::Sh.change(
            "pulumi login https://api.pulumi.com --cloud-url https://api.pulumi.com --oidc-token \
            \"$TOKEN\"",
            r#"pulumi login https://api.pulumi.com --oidc-token "$TOKEN""#,
        ),
        by_hand: ByHand {
            words: "See whether the environment gives the URL too:",
            command: r#"echo "${PULUMI_OPTION_CLOUD_URL:+set}""#,
        },
        related: &[Code::BackendOverridden],
        link: links::CLI,
    },
    Entry {
        code: Code::CliTooOld,
        category: Category::Login,
        severity: Severity::Error,
        title: "This pulumi is too old for OIDC logins",
        meaning: "The --oidc flags came with 3.209.0; an older CLI stops with `unknown flag: \
            --oidc-token`.",
        detection: "The version of pulumi on PATH, or of --pulumi-version, is below 3.209.0 and a \
            flag of OIDC is in use.",
        causes: &[
            AzurePipelines.cause(
                "The agent's image brings an older pulumi, or the task that installs it pins a \
                version.",
            ),
            GitHubActions.cause("The step that installs pulumi pins a version."),
            Anywhere.cause("Another pulumi comes first on PATH."),
        ],
        fix: "Upgrade pulumi, or make the exchange with a request of your own.",
        example: Language::Sh.change(
            "\
pulumi version
# v3.198.0",
            r#"curl -fsSL https://get.pulumi.com | sh
"$HOME/.pulumi/bin/pulumi" version"#,
        ),
        by_hand: ByHand {
            words: "In the step that logs in:",
            command: "command -v pulumi; pulumi version",
        },
        related: &[Code::CliNotFound, Code::BackendEmpty],
        link: links::CLI,
    },
    Entry {
        code: Code::CliNotFound,
        category: Category::Login,
        severity: Severity::Info,
        title: "No pulumi on PATH",
        meaning: "The rules of the newest CLI were used; an installed one may behave differently.",
        detection: "There is no pulumi on PATH, and --pulumi-version was not given.",
        causes: &[
            Anywhere.cause("The doctor runs on another machine than the login: nothing is wrong."),
            Anywhere.cause("The step that installs pulumi has not run yet, or ran in another job."),
        ],
        fix: "Name the version with --pulumi-version where it matters.",
        example: Language::Sh.change(
            "doctor --oidc-org acme -",
            "doctor --oidc-org acme --pulumi-version 3.214.0 -",
        ),
        by_hand: ByHand { words: "See whether the shell finds it:", command: "command -v pulumi" },
        related: &[Code::CliTooOld],
        link: links::CLI,
    },
    Entry {
        code: Code::OtherSystemFailed,
        category: Category::Login,
        severity: Severity::Error,
        title: "Another login failed, not Pulumi Cloud's",
        meaning: "The message is that of another system: Azure (AADSTS...), AWS \
            (AssumeRoleWithWebIdentity) or Vault. Its login came before or after Pulumi Cloud's, \
            with a trust and a policy of its own.",
        detection: "A message in a log has the form of another system's: AADSTS and a number, \
            AssumeRoleWithWebIdentity, or Vault's words on a claim.",
        causes: &[
            AzurePipelines.cause(
                "AADSTS70021, 700211, 700213: Entra has no federated credential for this token; az \
                login fails before the script runs.",
            ),
            AzurePipelines.cause(
                "AADSTS700024: the assertion is outside its time, after a long build for example.",
            ),
            AzurePipelines.cause(
                "`The subscription of '...' doesn't exist in cloud 'AzureCloud'`: the connection's \
                identity has no role there.",
            ),
            Anywhere.cause(
                "AWS says `Not authorized to perform sts:AssumeRoleWithWebIdentity`: the trust \
                policy of the role, or its audience.",
            ),
            Anywhere.cause(
                "Vault says `claim \"sub\" does not match any associated bound claim values`: the \
                role in Vault.",
            ),
        ],
        fix: "Correct the other system's trust in the token; nothing in Pulumi Cloud changes it.",
        example: Language::Json.change(
            r#"{
  "issuer": "https://vstoken.dev.azure.com/5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815",
  "subject": "sc://acme/web/old-name"
}"#,
            r#"{
  "issuer": "https://vstoken.dev.azure.com/5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815",
  "subject": "sc://acme/web/new-name"
}"#,
        ),
        by_hand: ByHand {
            words: "See what Entra trusts for the application of the service connection:",
            command: r#"APPLICATION_ID=ID  # of the connection's application in Entra
az ad app federated-credential list --id "$APPLICATION_ID" \
  --query '[].{issuer: issuer, subject: subject}'"#,
        },
        related: &[],
        link: links::AZURE_FEDERATION,
    },
];
