//! Which Pulumi Cloud the login is for: the URL and where it comes from.

use super::Platform::{Anywhere, AzurePipelines};
use super::{ByHand, Category, Code, Entry, Language, Severity, links};

pub(super) const ROWS: &[Entry] = &[
    Entry {
        code: Code::BackendEmpty,
        category: Category::Backend,
        severity: Severity::Error,
        title: "No backend is configured, and this CLI has no default",
        meaning: "From 3.209.0 to 3.215.x, `pulumi login --oidc-token` with nothing configured \
            uses an empty URL and fails with `Post \"/api/oauth/token\": unsupported protocol \
            scheme \"\"`.",
        detection: "No URL is given or configured anywhere, a token is exchanged, and pulumi is \
            3.209.0 to 3.215.x: these have no default then.",
        causes: &[
            AzurePipelines.cause(
                "The agent's image brings such a pulumi, and a fresh agent has no stored URL.",
            ),
            Anywhere.cause(
                "The pipeline worked on a machine where an earlier login had stored a URL, and \
                fails on a fresh one.",
            ),
        ],
        fix: "Name the backend in the login command, or upgrade pulumi to 3.216.0 or newer.",
        example: Language::Sh.change(
            r#"pulumi login --oidc-token "$idToken" --oidc-org acme"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "See the version, and whether anything configures a URL:",
            command: r#"pulumi version; echo "[$PULUMI_BACKEND_URL]""#,
        },
        related: &[Code::CliTooOld, Code::BackendSchemeMissing],
        link: links::CLI,
    },
    Entry {
        code: Code::BackendSchemeMissing,
        category: Category::Backend,
        severity: Severity::Error,
        title: "The backend URL has no scheme",
        meaning: "A backend URL begins with https://. Without it the CLI refuses an argument, and \
            fails on a configured value with `unsupported protocol scheme \"\"` or takes the host \
            for a scheme.",
        detection: "The URL that is used, from whatever source, does not begin with a scheme and \
            ://.",
        causes: &[
            Anywhere.cause(
                "The host alone was given: api.pulumi.com, or localhost:8080, whose host is then \
                taken for a scheme.",
            ),
            Anywhere.cause(
                "PULUMI_BACKEND_URL or backend.url in the project file holds the host alone: \
                pulumi checks only the URL that is given as an argument or flag.",
            ),
        ],
        fix: "Write the URL with https:// in front.",
        example: Language::Sh.change(
            r#"pulumi login api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "Look at the places that can hold the URL:",
            command: r#"echo "[$PULUMI_BACKEND_URL]"
grep -n -A2 '^backend:' Pulumi.yaml
jq .current ~/.pulumi/credentials.json"#,
        },
        related: &[Code::BackendEmpty, Code::BackendSchemeUnknown, Code::BackendMalformed],
        link: links::BACKENDS,
    },
    Entry {
        code: Code::BackendSchemeUnknown,
        category: Category::Backend,
        severity: Severity::Error,
        title: "The backend URL has an unknown scheme",
        meaning: "A backend's scheme is https, http, file, s3, gs, azblob or postgres.",
        detection: "What stands before :// is none of https, http, file, s3, gs, azblob and \
            postgres.",
        causes: &[
            Anywhere.cause("A slip of the keyboard: htps://, https;//, htttps://."),
            Anywhere.cause("The URL of another tool, such as git+https://."),
        ],
        fix: "Correct the scheme.",
        example: Language::Sh.change(
            r#"pulumi login htps://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "Print what the environment configures, between brackets:",
            command: r#"echo "[$PULUMI_BACKEND_URL]""#,
        },
        related: &[Code::BackendSchemeMissing, Code::BackendMalformed],
        link: links::BACKENDS,
    },
    Entry {
        code: Code::BackendIsConsole,
        category: Category::Backend,
        severity: Severity::Error,
        title: "The backend URL is that of Pulumi's website, or looks so to the CLI",
        meaning: "app.pulumi.com is the console and pulumi.com the website; the CLI speaks to \
            api.pulumi.com. The CLI also refuses every argument whose host begins with \
            pulumi.com.",
        detection: "The host is app.pulumi.com, pulumi.com or www.pulumi.com; or the URL is an \
            argument that begins with pulumi.com, which pulumi refuses by a test of the prefix.",
        causes: &[
            Anywhere.cause(
                "The address was copied from the browser: app.pulumi.com is the console, \
                api.pulumi.com the API.",
            ),
            Anywhere.cause(
                "A self-hosted Pulumi Cloud has a name like pulumi.company.test: as an argument \
                pulumi refuses it, from the environment it does not.",
            ),
        ],
        fix: "Use https://api.pulumi.com.",
        example: Language::Sh.change(
            r#"pulumi login https://app.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "Ask the URL for what only the API answers; it has to be JSON:",
            command: "curl -sS https://api.pulumi.com/api/capabilities",
        },
        related: &[Code::BackendNotPulumi],
        link: links::BACKENDS,
    },
    Entry {
        code: Code::BackendIsDiy,
        category: Category::Backend,
        severity: Severity::Error,
        title: "The backend is a storage bucket or a directory",
        meaning: "OIDC logs in to Pulumi Cloud only; with a DIY backend the CLI refuses every \
            --oidc flag.",
        detection: "The URL that is used has the scheme of a storage bucket, a directory or a \
            database, and a flag of OIDC is in use.",
        causes: &[
            Anywhere.cause(
                "backend.url in Pulumi.yaml names a bucket: without a URL in the command it \
                counts.",
            ),
            Anywhere.cause("PULUMI_BACKEND_URL is set for other pipelines of the project."),
            Anywhere
                .cause("An earlier `pulumi login --local` on the agent is still the current one."),
        ],
        fix: "Name Pulumi Cloud's URL in the login command.",
        example: Language::Sh.change(
            "pulumi login --oidc-token \"$idToken\" --oidc-org acme  # with \
            PULUMI_BACKEND_URL=s3://acme-state",
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "Look at the places that can hold the URL:",
            command: r#"echo "[$PULUMI_BACKEND_URL]"
grep -n -A2 '^backend:' Pulumi.yaml
jq .current ~/.pulumi/credentials.json"#,
        },
        related: &[Code::BackendOverridden],
        link: links::BACKENDS,
    },
    Entry {
        code: Code::BackendUnexpanded,
        category: Category::Backend,
        severity: Severity::Error,
        title: "The backend URL holds a variable reference",
        meaning: "A variable reference in the URL was not expanded.",
        detection: "The URL holds $(...), ${...} or %...%.",
        causes: &[
            AzurePipelines
                .cause("$(Name) of a variable that the pipeline does not have stays as it is."),
            AzurePipelines.cause("The syntax of another shell than the script's."),
            Anywhere.cause("The project file holds a reference: nothing in it is replaced."),
        ],
        fix: "Use the syntax of the place where the value stands, and check that the variable is \
            set there.",
        example: Language::Yaml.change(
            "\
variables:
  PULUMI_BACKEND_URL: $(PulumiUrl)  # no variable has this name",
            "\
variables:
  PULUMI_BACKEND_URL: https://api.pulumi.com",
        ),
        by_hand: ByHand {
            words: "Print the value as the step sees it, between brackets:",
            command: r#"echo "[$PULUMI_BACKEND_URL]""#,
        },
        related: &[Code::TokenVariableUnexpanded],
        link: links::AZURE_VARIABLES,
    },
    Entry {
        code: Code::BackendMalformed,
        category: Category::Backend,
        severity: Severity::Error,
        title: "The backend URL is malformed",
        meaning: "The value is not a URL that can be requested.",
        detection: "The URL has spaces, quotes, line breaks or credentials in it, or its host or \
            port cannot be one.",
        causes: &[
            Anywhere.cause("The quotes of a YAML or .env file became part of the value."),
            Anywhere.cause("A secret was stored with a line break at its end."),
            Anywhere.cause(
                "A user name or token stands before the host: pulumi does not log in that way.",
            ),
        ],
        fix: "Write the bare URL, without quotes, spaces or credentials.",
        example: Language::Sh.change(
            r#"export PULUMI_BACKEND_URL='"https://api.pulumi.com"'"#,
            "export PULUMI_BACKEND_URL=https://api.pulumi.com",
        ),
        by_hand: ByHand {
            words: "Show every character of the value, line breaks as \\n:",
            command: r#"printf '%s' "$PULUMI_BACKEND_URL" | od -c | head"#,
        },
        related: &[
            Code::BackendSchemeMissing,
            Code::BackendSchemeUnknown,
            Code::BackendPathSuspicious,
        ],
        link: links::BACKENDS,
    },
    Entry {
        code: Code::BackendPathSuspicious,
        category: Category::Backend,
        severity: Severity::Warning,
        title: "The backend URL has something after the host",
        meaning: "The CLI appends /api/oauth/token to the URL as it stands, so a slash, path, \
            query or fragment ends up in the request.",
        detection: "After the host there is a slash, a path, a query or a fragment.",
        causes: &[
            Anywhere.cause("A trailing slash: the request goes to //api/oauth/token then."),
            Anywhere.cause("/api was added, which pulumi adds itself."),
            Anywhere.cause("The address of an organization's page was copied."),
        ],
        fix: "Write the URL without anything after the host.",
        example: Language::Sh.change(
            r#"pulumi login https://api.pulumi.com/ --oidc-token "$idToken" --oidc-org acme"#,
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "Print what the environment configures, between brackets:",
            command: r#"echo "[$PULUMI_BACKEND_URL]""#,
        },
        related: &[Code::BackendMalformed, Code::BackendNotPulumi],
        link: links::BACKENDS,
    },
    Entry {
        code: Code::BackendInsecure,
        category: Category::Backend,
        severity: Severity::Warning,
        title: "The connection to the backend is not protected",
        meaning: "The OIDC token travels over plain HTTP, or the certificate is not verified: \
            anybody in between can take it. The CLI sends it all the same. Over plain HTTP the \
            doctor sends no access token, so whoami is skipped.",
        detection: "The URL is http:// and not of this machine, or --insecure is given.",
        causes: &[
            Anywhere.cause("A self-hosted Pulumi Cloud was tried out without TLS and stayed so."),
            Anywhere.cause(
                "--insecure was added because of a certificate that this machine does not trust.",
            ),
        ],
        fix: "Use https; for a private certificate authority pass its certificate instead of \
            --insecure.",
        example: Language::Sh.change(
            "pulumi login https://pulumi.acme.test --insecure --oidc-token \"$TOKEN\" --oidc-org \
            acme",
            r#"export SSL_CERT_FILE=/etc/ssl/acme-ca.pem
pulumi login https://pulumi.acme.test --oidc-token "$TOKEN" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "Connect with the authority's certificate and nothing else:",
            command: "curl -sS --cacert /etc/ssl/acme-ca.pem \
                https://pulumi.acme.test/api/capabilities",
        },
        related: &[Code::BackendTlsUntrusted],
        link: links::BACKENDS,
    },
    Entry {
        code: Code::BackendOverridden,
        category: Category::Backend,
        severity: Severity::Warning,
        title: "Several places name different backends",
        meaning: "The first of argument, PULUMI_OPTION_CLOUD_URL, PULUMI_BACKEND_URL, project file \
            and stored credentials wins.",
        detection: "Two or more of these hold different URLs: the argument, \
            PULUMI_OPTION_CLOUD_URL, PULUMI_BACKEND_URL, the project file, the stored \
            credentials.",
        causes: &[
            AzurePipelines
                .cause("A variable group sets PULUMI_BACKEND_URL for every pipeline that uses it."),
            Anywhere.cause(
                "backend.url in the project file is for developers, and the pipeline means \
                another.",
            ),
            Anywhere.cause("A self-hosted agent still has the credentials of another login."),
        ],
        fix: "Keep the one that is meant.",
        example: Language::Sh.change(
            r#"export PULUMI_BACKEND_URL=https://pulumi.acme.test
pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
            r#"unset PULUMI_BACKEND_URL
pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "Look at the places that can hold the URL:",
            command: r#"echo "[$PULUMI_OPTION_CLOUD_URL] [$PULUMI_BACKEND_URL]"
grep -n -A2 '^backend:' Pulumi.yaml
jq .current ~/.pulumi/credentials.json"#,
        },
        related: &[Code::UrlGivenTwice, Code::BackendIsDiy, Code::BackendFromProject],
        link: links::CLI_ENVIRONMENT,
    },
    Entry {
        code: Code::BackendFromProject,
        category: Category::Backend,
        severity: Severity::Warning,
        title: "Only a project file names the backend",
        meaning: "Anybody who writes a Pulumi.yaml in or above the working directory can name a \
            backend there. Outside CI the doctor sends no token to such a backend: it makes no \
            exchange, does not ask whoami and does not read the policy.",
        detection: "The backend comes from backend.url in a project file, it is not \
            https://api.pulumi.com, the stored credentials do not hold its origin, and this is a \
            plain `doctor` outside CI.",
        causes: &[
            Anywhere.cause("The working directory is in a checkout of somebody else's project."),
            Anywhere.cause(
                "The project belongs to a self-hosted Pulumi Cloud that this machine was never \
                logged in to.",
            ),
        ],
        fix: "If the backend is your own, name it with --cloud-url; else run the doctor in another \
            directory.",
        example: Language::Sh.change(
            "doctor - --oidc-org acme",
            "doctor - --oidc-org acme --cloud-url https://pulumi.acme.test",
        ),
        by_hand: ByHand {
            words: "From the working directory, see which project file is found first and what it \
                names:",
            command: r#"directory=$PWD
until ls "$directory"/Pulumi.{json,yaml,yml} 2>/dev/null || [ "$directory" = / ]; do
  directory=$(dirname "$directory")
done
grep -n -A2 backend "$directory"/Pulumi.{json,yaml,yml} 2>/dev/null"#,
        },
        related: &[Code::BackendOverridden],
        link: links::PROJECT,
    },
];
