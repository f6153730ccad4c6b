//! Which Pulumi Cloud is spoken to: the files that name it, and whether it answers.

use super::Platform::{Anywhere, AzurePipelines, Kubernetes};
use super::{ByHand, Category, Code, Entry, Language, Severity, links};

pub(super) const ROWS: &[Entry] = &[
    Entry {
        code: Code::ProjectFileInvalid,
        category: Category::Backend,
        severity: Severity::Error,
        title: "The project file is invalid",
        meaning: "`pulumi login` reads the project file first and stops when it is invalid, even \
            when the URL is given as an argument.",
        detection: "The nearest Pulumi.json, Pulumi.yaml or Pulumi.yml from the working directory \
            upwards does not parse, or has no name.",
        causes: &[
            Anywhere.cause("A tab, or an indent that does not fit."),
            Anywhere.cause("The file is a template whose placeholders were not filled in."),
            Anywhere.cause("The project file of a directory further up is found."),
        ],
        fix: "Correct the file, or log in from another directory.",
        example: Language::Yaml.change(
            "\
runtime: nodejs
backend:
  url: https://api.pulumi.com",
            "\
name: web
runtime: nodejs
backend:
  url: https://api.pulumi.com",
        ),
        by_hand: ByHand {
            words: "From the directory of the login, see which file is found first and read it:",
            command: r#"directory=$PWD
until ls "$directory"/Pulumi.{json,yaml,yml} 2>/dev/null || [ "$directory" = / ]; do
  directory=$(dirname "$directory")
done"#,
        },
        related: &[Code::CredentialsFileInvalid],
        link: links::PROJECT,
    },
    Entry {
        code: Code::CredentialsFileInvalid,
        category: Category::Backend,
        severity: Severity::Error,
        title: "The credentials file is invalid",
        meaning: "`pulumi login` reads and rewrites the stored credentials, and stops when it \
            cannot parse them.",
        detection: "credentials.json (in PULUMI_CREDENTIALS_PATH, PULUMI_HOME or ~/.pulumi) is not \
            JSON of the form that pulumi writes.",
        causes: &[
            Anywhere.cause("Two jobs on one agent wrote it at the same time."),
            Anywhere.cause("A step writes the file by hand, with the token alone."),
            Anywhere.cause("The disk was full."),
        ],
        fix: "Correct or remove the file.",
        example: Language::Json.change(
            r#"{"current": "https://api.pulumi.com", "accessTokens": []}"#,
            r#"{"current": "https://api.pulumi.com", "accessTokens": {}, "accounts": {}}"#,
        ),
        by_hand: ByHand {
            words: "See whether it parses, without showing what is in it:",
            command: "jq empty ~/.pulumi/credentials.json",
        },
        related: &[Code::ProjectFileInvalid, Code::CredentialsEncrypted],
        link: links::CLI,
    },
    Entry {
        code: Code::CredentialsEncrypted,
        category: Category::Backend,
        severity: Severity::Info,
        title: "The stored credentials are encrypted",
        meaning: "Newer CLIs encrypt the file. Which backend and accounts it names cannot be seen \
            from here.",
        detection: "credentials.json is an envelope with $pulumiSecureStore, which newer CLIs \
            write.",
        causes: &[Anywhere.cause(
            "The login on this machine was made with a CLI that encrypts what it stores: nothing \
            is wrong.",
        )],
        fix: "Nothing has to be done; name the backend in the login command to be independent of \
            it.",
        example: Language::Sh.change(
            r#"pulumi login --oidc-token "$idToken" --oidc-org acme"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "See which keys the file has; an envelope has $pulumiSecureStore:",
            command: "jq -c keys ~/.pulumi/credentials.json",
        },
        related: &[Code::CredentialsFileInvalid],
        link: links::CLI,
    },
    Entry {
        code: Code::BackendUnreachable,
        category: Category::Backend,
        severity: Severity::Error,
        title: "The backend cannot be reached",
        meaning: "No answer came from the backend.",
        detection: "Name resolution, connection, proxy or the answer failed, or took longer than \
            --timeout allows.",
        causes: &[
            AzurePipelines.cause(
                "A self-hosted agent behind a firewall that does not let api.pulumi.com through.",
            ),
            Kubernetes.cause("A network policy of the namespace lets nothing out."),
            Anywhere.cause(
                "HTTPS_PROXY is missing (pulumi does not look at ALL_PROXY), names a proxy that \
                refuses the host or wants credentials, or is no URL because its password is not \
                percent-encoded.",
            ),
            Anywhere
                .cause("The name of a self-hosted Pulumi Cloud resolves inside the company only."),
        ],
        fix: "Let this machine reach the host and port.",
        example: Language::Sh.change(
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
            r#"export HTTPS_PROXY=http://proxy.acme.test:3128
pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "From the machine that logs in, follow the connection step by step:",
            command: "curl -v -o /dev/null https://api.pulumi.com/api/capabilities",
        },
        related: &[Code::BackendTlsUntrusted, Code::ExchangeServerError],
        link: links::BACKENDS,
    },
    Entry {
        code: Code::BackendTlsUntrusted,
        category: Category::Backend,
        severity: Severity::Error,
        title: "The backend's certificate is not trusted",
        meaning: "The TLS handshake fails, so the CLI does not send anything.",
        detection: "The TLS handshake fails: the chain ends at an authority that is not trusted \
            here, a certificate has expired, or it is for another host.",
        causes: &[
            AzurePipelines
                .cause("A self-hosted agent whose traffic goes through a proxy that signs anew."),
            Anywhere.cause(
                "A self-hosted Pulumi Cloud with a certificate of the company's own authority.",
            ),
            Anywhere.cause("A slim container image without ca-certificates."),
            Anywhere.cause("A wrong clock makes every certificate invalid."),
        ],
        fix: "Make this machine trust the authority that signed it.",
        example: Language::Sh.change(
            r#"pulumi login https://pulumi.acme.test --oidc-token "$TOKEN" --oidc-org acme"#,
            r#"export SSL_CERT_FILE=/etc/ssl/acme-ca.pem
pulumi login https://pulumi.acme.test --oidc-token "$TOKEN" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "See who signed the certificate that this machine is shown, and for how long:",
            command: "\
openssl s_client -connect api.pulumi.com:443 -servername api.pulumi.com </dev/null 2>/dev/null |
  openssl x509 -noout -issuer -subject -dates",
        },
        related: &[
            Code::BackendInsecure,
            Code::BackendUnreachable,
            Code::ClockSkew,
            Code::IssuerTlsUntrusted,
        ],
        link: links::BACKENDS,
    },
    Entry {
        code: Code::BackendNotPulumi,
        category: Category::Backend,
        severity: Severity::Error,
        title: "The backend is not a Pulumi Cloud",
        meaning: "Something answers there, but not as a Pulumi Cloud does on /api/capabilities.",
        detection: "GET /api/capabilities is answered with something else than a Pulumi Cloud's \
            JSON: a page, a redirect, a 404.",
        causes: &[
            Anywhere.cause(
                "The URL is that of the console, of a load balancer's default page, or of another \
                service.",
            ),
            Anywhere.cause("A proxy shows its sign-in page instead."),
            Anywhere.cause(
                "A self-hosted Pulumi Cloud has its console and its API under different names.",
            ),
        ],
        fix: "Use the address of Pulumi Cloud's API.",
        example: Language::Sh.change(
            r#"pulumi login https://console.acme.test --oidc-token "$TOKEN" --oidc-org acme"#,
            r#"pulumi login https://api.acme.test --oidc-token "$TOKEN" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "Look at the status and the beginning of the answer:",
            command: "curl -sS -i https://api.pulumi.com/api/capabilities | head -n 20",
        },
        related: &[Code::BackendIsConsole, Code::BackendPathSuspicious, Code::ExchangeMalformed],
        link: links::BACKENDS,
    },
];
