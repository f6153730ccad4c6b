//! Whether the rules of an entry match, and what is loose in them.

use super::Platform::{
    Anywhere, AzurePipelines, Bitbucket, GitHubActions, GitLabCi, HcpTerraform, Kubernetes,
    Spacelift,
};
use super::{ByHand, Category, Code, Entry, Language, Severity, commands, links};

pub(super) const ROWS: &[Entry] = &[
    Entry {
        code: Code::SubjectMismatch,
        category: Category::Policy,
        severity: Severity::Error,
        title: "The token's subject is not one that the policy allows",
        meaning: "In the policy entry that comes closest, the rule on sub does not match the \
            token.",
        detection: "In the closest allow entry, the rule on sub does not match the token's sub. \
            The first place where they differ is marked, and the parts are compared in the \
            platform's words.",
        causes: &[
            AzurePipelines.cause(
                "The connection was renamed (sc://ORG/PROJECT/NAME), or created anew or converted \
                (/eid1/...).",
            ),
            AzurePipelines.cause(
                "The token was requested without the connection's id: sub is then \
                p://ORG/PROJECT/PIPELINE.",
            ),
            GitHubActions.cause(
                "The job has an environment: sub is then repo:OWNER/REPO:environment:NAME, \
                whatever the branch.",
            ),
            GitHubActions.cause(
                "The repository was created, renamed or moved since 15 July 2026: its sub is \
                repo:OWNER@ID/REPO@ID:..., which repo:OWNER/REPO:* never matches.",
            ),
            GitHubActions.cause("The run is for a pull request: sub ends in :pull_request."),
            GitLabCi.cause(
                "The ref has no refs/heads/ in front: \
                project_path:GROUP/PROJECT:ref_type:branch:ref:main.",
            ),
            Bitbucket.cause("sub holds the id of the step, which is a new one in every run."),
            HcpTerraform
                .cause("sub ends in run_phase:plan or run_phase:apply: one rule needs * there."),
        ],
        fix: "Make the rule match the subject.",
        example: Language::Yaml.change(
            "\
rules:
  sub: repo:acme/web:ref:refs/heads/main",
            "\
rules:
  sub: repo:acme/web:environment:production",
        ),
        by_hand: ByHand {
            words: "Look at sub, and compare it with the rule from left to right:",
            command: commands::CLAIMS,
        },
        related: &[Code::AzureIssuerRetiring, Code::AudienceMismatch, Code::ClaimMismatch],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::ClaimMismatch,
        category: Category::Policy,
        severity: Severity::Error,
        title: "A claim does not match the policy",
        meaning: "In the policy entry that comes closest, the rule on this claim does not match \
            the token.",
        detection: "In the closest allow entry, a rule on another claim than aud and sub does not \
            match.",
        causes: &[
            GitHubActions.cause("ref is refs/heads/main, not main; repository is OWNER/REPO."),
            GitLabCi
                .cause("ref is main, without refs/heads/; ref_protected is a string, \"true\"."),
            Anywhere.cause("The rule's value has another case than the claim's."),
            Anywhere
                .cause("A regular expression was written: .* means one character, and then any."),
        ],
        fix: "Make the rule match the claim.",
        example: Language::Yaml.change(
            "\
rules:
  ref: main",
            "\
rules:
  ref: refs/heads/main",
        ),
        by_hand: ByHand {
            words: "Look at the claim, and compare it with the rule:",
            command: commands::CLAIMS,
        },
        related: &[
            Code::AudienceMismatch,
            Code::SubjectMismatch,
            Code::ClaimAbsent,
            Code::PolicyWildcardSurprise,
        ],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::ClaimAbsent,
        category: Category::Policy,
        severity: Severity::Error,
        title: "The policy asks for a claim that is not there",
        meaning: "A rule on an absent claim does not match.",
        detection: "In the closest allow entry, a rule names a claim that the token does not have. \
            The nearest names that it has are shown.",
        causes: &[
            GitHubActions.cause("environment is there only in jobs with an environment."),
            Kubernetes.cause(
                "kubernetes.io has a dot in its name: write it in double quotes, \
                \"kubernetes.io\".namespace.",
            ),
            Spacelift
                .cause("The claims have other names than on GitHub: spaceId, callerId, runType."),
            Anywhere.cause("A slip in the name, or another case."),
        ],
        fix: "Correct the claim's path in the rule, or run the job so that its token has the claim.",
        example: Language::Yaml.change(
            "\
rules:
  kubernetes.io.namespace: build",
            r#"rules:
  '"kubernetes.io".namespace': build"#,
        ),
        by_hand: ByHand {
            words: "List the paths of all claims:",
            command: r#"# token.jwt holds the token
cut -d. -f2 token.jwt | tr '_-' '/+' |
  jq -R -r '@base64d | fromjson | paths(scalars) | map(tostring) | join(" > ")'"#,
        },
        related: &[Code::ClaimMismatch],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::PolicyUnknown,
        category: Category::Policy,
        severity: Severity::Info,
        title: "The policy is not known",
        meaning: "Neither a document nor Pulumi Cloud told what the policy is, so whether this \
            token is let in was not judged from it.",
        detection: "There is no --policy, and no access token that may read the organization's \
            policies; or the document leaves open what would decide.",
        causes: &[
            Anywhere.cause(
                "Policies are read with an access token of an organization admin: \
                DOCTOR_ACCESS_TOKEN, else PULUMI_ACCESS_TOKEN, else the stored one.",
            ),
            Anywhere.cause(
                "The document is a program with an expression (${...}) that only a run of it \
                resolves.",
            ),
        ],
        fix: "Pass the policy with --policy, or check it by hand.",
        example: Language::Sh
            .change("doctor --oidc-org acme -", "doctor --oidc-org acme --policy policy.yaml -"),
        by_hand: ByHand {
            words: "Save what Pulumi Cloud has; the file can be given to --policy:",
            command: r#"ISSUER_ID=ID  # GET /api/orgs/acme/oidc/issuers lists them
curl -sS -H @- "https://api.pulumi.com/api/orgs/acme/auth/policies/oidcissuers/$ISSUER_ID" \
  <<<"Authorization: token $PULUMI_ACCESS_TOKEN" >policy.json"#,
        },
        related: &[Code::ExchangeRejected, Code::ExchangeContradictsPolicy],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::PolicyTooBroad,
        category: Category::Policy,
        severity: Severity::Warning,
        title: "A policy entry is too broad",
        meaning: "None of its rules names whose jobs are meant: an owner, a repository, a project. \
            Whoever else has a token of this issuer is let in as well.",
        detection: "An allow entry has no rule that names an identity: sub is absent or matches \
            everybody's, and what else it asks for others have too (aud, iss, a branch, an \
            environment). doctor policy lint also warns of an allow entry without a rule on aud.",
        causes: &[
            AzurePipelines
                .cause("With aud alone, every service connection of the Entra tenant is let in."),
            GitHubActions.cause(
                "With aud alone, every repository on GitHub that requests this audience is let in.",
            ),
            Anywhere.cause(
                "The rule on sub was widened to * to see whether it was to blame, and stayed.",
            ),
        ],
        fix: "Add a rule on sub.",
        example: Language::Yaml.change(
            "\
rules:
  aud: urn:pulumi:org:acme",
            "\
rules:
  aud: urn:pulumi:org:acme
  sub: repo:acme/web:ref:refs/heads/main",
        ),
        by_hand: ByHand {
            words: "Look at the rules of every allow entry:",
            command: commands::POLICIES,
        },
        related: &[Code::PolicyWildcardSurprise, Code::PolicyAdminGranted],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::PolicyWildcardSurprise,
        category: Category::Policy,
        severity: Severity::Info,
        title: "A pattern means more, or less, than it seems to",
        meaning: "In a pattern . stands for any one character and ? for at most one; there are no \
            regular expressions.",
        detection: "A pattern has a . or ? in it that stands alone, so that it looks as if it were \
            meant, or an entry can never match. It is a warning where one of them matched another \
            character than the one that is written.",
        causes: &[
            Anywhere.cause("A . in a host name or a file name: it stands for any one character."),
            Anywhere
                .cause("A ? as in a regular expression: here it stands for one character or none."),
            Anywhere.cause("A regular expression: .* asks for at least one character."),
        ],
        fix: "Read the pattern again with that in mind.",
        example: Language::Yaml.change(
            "\
rules:
  sub: repo:acme/web:ref:refs/heads/release-.*",
            "\
rules:
  sub: repo:acme/web:ref:refs/heads/release-*",
        ),
        by_hand: ByHand {
            words: "Find the patterns that hold a . or ? in a policy file:",
            command: "grep -n '[.?]' policy.yaml",
        },
        related: &[Code::ClaimMismatch, Code::PolicyTooBroad],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::PolicyAdminGranted,
        category: Category::Policy,
        severity: Severity::Warning,
        title: "A policy entry grants admin",
        meaning: "Every identity that the entry lets in can ask for an organization admin's token.",
        detection: "An allow entry that names no identity also has admin in authorizedPermissions.",
        causes: &[Anywhere.cause(
            "admin was added because creating a stack failed with 403. `pulumi login` cannot ask \
            for it, so it did not help.",
        )],
        fix: "Add a rule on sub, or take admin out.",
        example: Language::Yaml.change(
            "\
- decision: allow
  tokenType: organization
  authorizedPermissions: [admin]
  rules:
    aud: urn:pulumi:org:acme",
            "\
- decision: allow
  tokenType: organization
  authorizedPermissions: []
  rules:
    aud: urn:pulumi:org:acme
    sub: repo:acme/web:ref:refs/heads/main",
        ),
        by_hand: ByHand {
            words: "Look at authorizedPermissions and the rules of every allow entry:",
            command: commands::POLICIES,
        },
        related: &[Code::AdminNotPermitted, Code::PolicyTooBroad],
        link: links::ACCESS_TOKENS,
    },
];
