//! What Pulumi Cloud knows of the issuer.

use super::Platform::{Anywhere, AzurePipelines, GitHubActions, GitLabCi, Kubernetes};
use super::{ByHand, Category, Code, Entry, Language, Severity, commands, links};

pub(super) const ROWS: &[Entry] = &[
    Entry {
        code: Code::IssuerNotRegistered,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The issuer is not registered",
        meaning: "Pulumi Cloud looks for a registered issuer that equals the token's iss, before \
            anything else.",
        detection: "No issuer of the policy document, or of the organization, equals the token's \
            iss. Those that nearly do are shown with what differs.",
        causes: &[
            AzurePipelines.cause(
                "The connection was converted: its tokens now come from login.microsoftonline.com, \
                and vstoken.dev.azure.com is registered (or the other way round).",
            ),
            AzurePipelines.cause("The registration names another tenant, or lacks /v2.0."),
            GitHubActions.cause(
                "The enterprise has an issuer of its own \
                (token.actions.githubusercontent.com/SLUG), or it is GitHub Enterprise Server.",
            ),
            GitLabCi.cause("A self-hosted GitLab's issuer is its own URL, not https://gitlab.com."),
            Kubernetes
                .cause("Every cluster has an issuer of its own; a recreated one has a new one."),
            Anywhere.cause(
                "A trailing slash, http:// or upper case in the registered URL. It cannot be \
                changed: register it anew.",
            ),
        ],
        fix: "Register the issuer in the organization, under exactly this URL.",
        example: Language::Yaml.change(
            "\
issuers:
  - url: https://vstoken.dev.azure.com/5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815",
            "\
issuers:
  - url: https://login.microsoftonline.com/8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3/v2.0",
        ),
        by_hand: ByHand {
            words: "List the organization's issuers and compare them with the token's iss:",
            command: commands::ISSUERS,
        },
        related: &[
            Code::IssuerUrlInvalid,
            Code::DiscoveryIssuerMismatch,
            Code::IssuerWrongOrganization,
            Code::AzureIssuerRetiring,
        ],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::IssuerWrongOrganization,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The issuer is registered in another organization",
        meaning: "A registration belongs to one organization, and the login asks for another.",
        detection: "The organization of the policy document, or of the registration, is not the \
            one that the login asks for.",
        causes: &[
            Anywhere.cause("The issuer was registered in another of the company's organizations."),
            Anywhere.cause("--oidc-org holds another organization than was meant."),
            Anywhere.cause("The policy file is another organization's."),
        ],
        fix: "Log in to the organization that has the registration, or register the issuer there.",
        example: Language::Sh.change(
            "pulumi login https://api.pulumi.com --oidc-token \"$idToken\" --oidc-org acme-staging",
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "List the issuers of the organization that the login names:",
            command: commands::ISSUERS,
        },
        related: &[Code::IssuerNotRegistered, Code::OrganizationUnknown],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::ThumbprintMismatch,
        category: Category::Issuer,
        severity: Severity::Warning,
        title: "The registered thumbprints are not those of the issuer's certificates",
        meaning: "Pulumi Cloud looks at thumbprints only when no public authority vouches for the \
            issuer's certificate.",
        detection: "None of the registered thumbprints is that of a certificate that the issuer \
            serves. It is a warning where a public authority vouches for the certificate, since \
            Pulumi Cloud then does not look at thumbprints.",
        causes: &[
            Anywhere.cause("The certificate was renewed and the thumbprint was not."),
            Anywhere.cause("The thumbprint was taken behind a proxy that signs anew."),
            Anywhere.cause(
                "The thumbprint is another host's, or of a certificate that the server no longer \
                sends.",
            ),
        ],
        fix: "Refresh the registration's thumbprints.",
        example: Language::Yaml.change(
            "\
thumbprints:
  - 3f2a9c1e7b5d4086a1c3e5f7092b4d6f8103a5c7e9fb1d2f4061738495a6b7c8",
            "thumbprints: []  # a public authority vouches for the certificate",
        ),
        by_hand: ByHand {
            words: "Take the thumbprint of the certificate that is served:",
            command: r#"ISSUER_HOST=gitlab.acme.test
openssl s_client -connect "$ISSUER_HOST:443" -servername "$ISSUER_HOST" </dev/null 2>/dev/null |
  openssl x509 -noout -fingerprint -sha256 | tr -d :"#,
        },
        related: &[Code::IssuerTlsUntrusted],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::AzureIssuerRetiring,
        category: Category::Issuer,
        severity: Severity::Info,
        title: "Azure DevOps' own issuer is going away",
        meaning: "vstoken.dev.azure.com retires for service connections on 1 July 2027. A \
            converted connection has another iss, another sub and another aud.",
        detection: "The token's iss is on vstoken.dev.azure.com.",
        causes: &[AzurePipelines.cause(
            "The connection was created before new ones got Entra's issuer, and was not converted \
            since.",
        )],
        fix: "Plan for a second registration and policy before the service connection is \
            converted.",
        example: Language::Yaml.change(
            "\
# https://vstoken.dev.azure.com/5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815
rules:
  aud: api://AzureADTokenExchange
  sub: sc://acme/web/my-service-connection",
            "\
# https://login.microsoftonline.com/8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3/v2.0
rules:
  aud: fb60f99c-7a34-4190-8149-302f77469936
  sub: /eid1/c/pub/t/TSw7jmAffkqbUsDU5vihsw/a/rISbSSETf0KqFyZ8ppdXmA/sc/ORG_ID/CONNECTION_ID",
        ),
        by_hand: ByHand {
            words: "See which issuer and subject the service connection has:",
            command: r#"CONNECTION_ID=ID  # resourceId in the address of the connection's page
az devops service-endpoint show --id "$CONNECTION_ID" --query 'authorization.parameters.
  [workloadIdentityFederationIssuer, workloadIdentityFederationSubject]'"#,
        },
        related: &[Code::IssuerNotRegistered, Code::AudienceMismatch, Code::SubjectMismatch],
        link: links::AZURE_FEDERATION,
    },
    Entry {
        code: Code::ExpirationExceedsMaximum,
        category: Category::Issuer,
        severity: Severity::Warning,
        title: "The login asks for a longer life than the registration allows",
        meaning: "The registration caps an access token's life. Whether a longer request is \
            shortened or refused is not documented.",
        detection: "The life that the login asks for is longer than the registration's \
            maxExpiration. For pulumi's own default of 2 h it is only information.",
        causes: &[
            Anywhere
                .cause("--oidc-expiration was raised because a long update lost its access token."),
            Anywhere.cause("The registration's maximum was lowered."),
        ],
        fix: "Ask for at most the registration's maximum.",
        example: Language::Sh.change(
            "pulumi login https://api.pulumi.com --oidc-token \"$TOKEN\" --oidc-org acme \
            --oidc-expiration 48h",
            "pulumi login https://api.pulumi.com --oidc-token \"$TOKEN\" --oidc-org acme \
            --oidc-expiration 24h",
        ),
        by_hand: ByHand { words: "Look at maxExpiration, in seconds:", command: commands::ISSUERS },
        related: &[Code::ExpirationInvalid, Code::WhoamiTokenExpired],
        link: links::ISSUERS,
    },
];
