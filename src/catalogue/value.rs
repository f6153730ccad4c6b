//! What came in the token's place, or around it.

use super::Platform::{
    Anywhere, AzurePipelines, GitHubActions, GitLabCi, HcpTerraform, Kubernetes, PulumiDeployments,
    Spacelift,
};
use super::{ByHand, Category, Code, Entry, Language, Severity, commands, links};

pub(super) const ROWS: &[Entry] = &[
    Entry {
        code: Code::TokenNotAToken,
        category: Category::Input,
        severity: Severity::Error,
        title: "The value is not a token",
        meaning: "What was passed as the token is something else: a literal null, an error's body, \
            a web page.",
        detection: "The value is a literal (null, undefined, None), a JSON object without a token, \
            a web page, an error message, a path without file://, or a token of another kind.",
        causes: &[
            AzurePipelines.cause("`jq -r .oidcToken` prints null when the answer is an error."),
            GitHubActions.cause(
                "`jq -r .value` prints null when the answer is an error; a value that begins with \
                ghs_ or ghp_ is GitHub's own.",
            ),
            Anywhere.cause(
                "curl without --fail ends with status 0 on an error, and its page becomes the \
                token.",
            ),
            Anywhere.cause("A path was passed without file:// in front."),
        ],
        fix: "Look at the request that should have given the token: it failed, and its answer was \
            used all the same.",
        example: Language::Sh.change(
            r#"token=$(curl -s -X POST -H @header.txt "$url" | jq -r .oidcToken)"#,
            r#"set -o pipefail
token=$(curl -sS --fail-with-body -X POST -H @header.txt "$url" | jq -er .oidcToken) || exit 1"#,
        ),
        by_hand: ByHand {
            words: "See what kind of text it is by its first characters; a JWT begins with eyJ:",
            command: "\
# token.jwt holds the token
head -c 3 token.jwt; echo",
        },
        related: &[Code::TokenRequestFailed, Code::TokenMalformed],
        link: links::GUIDES,
    },
    Entry {
        code: Code::TokenAmbiguous,
        category: Category::Input,
        severity: Severity::Error,
        title: "Several tokens, and nothing to choose by",
        meaning: "More than one environment variable holds a token that could be meant.",
        detection: "Several environment variables hold different tokens, and none or more than one \
            of them has the audience urn:pulumi:org:ORGANIZATION.",
        causes: &[
            GitLabCi.cause("The id_tokens: block names tokens for several services."),
            HcpTerraform.cause("Several TFC_WORKLOAD_IDENTITY_TOKEN_* variables are there."),
            Anywhere.cause(
                "A token for a cloud provider is in the environment besides Pulumi Cloud's.",
            ),
        ],
        fix: "Name the variable with --token-env.",
        example: Language::Sh
            .change("doctor --oidc-org acme", "doctor --oidc-org acme --token-env PULUMI_ID_TOKEN"),
        by_hand: ByHand {
            words: "List the names of the variables that hold a token, without their values:",
            command: commands::NAMES,
        },
        related: &[Code::TokenMissing],
        link: links::GUIDES,
    },
    Entry {
        code: Code::TokenVariableUnexpanded,
        category: Category::Input,
        severity: Severity::Error,
        title: "A variable reference was not expanded",
        meaning: "The value is the text of a variable reference: whoever should have replaced it \
            did not know the variable, or the syntax belongs to another place.",
        detection: "The value is itself a reference: $(Name), $env:Name, $Name, ${{ ... }} or \
            %Name%.",
        causes: &[
            AzurePipelines.cause(
                "$(idToken): it is no variable of the pipeline, but an environment variable of the \
                AzureCLI@2 script, so nothing replaces it.",
            ),
            AzurePipelines.cause(
                "%idToken% in a bash or PowerShell script, or $idToken where no shell reads it: in \
                loginArgs of the Pulumi task, for example.",
            ),
            GitHubActions.cause(
                "${{ env.NAME }} in a script of the repository: GitHub replaces it in the \
                workflow's YAML only.",
            ),
            Anywhere.cause("Single quotes around $NAME in a shell: they keep it as it is."),
        ],
        fix: "Use the syntax of the place where the value stands, and check that the variable is \
            set there.",
        example: Language::Sh.change(
            "pulumi login https://api.pulumi.com --oidc-token '$idToken' --oidc-org acme",
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "See whether the variable is set in the step, without printing it:",
            command: r#"echo "idToken has ${#idToken} characters""#,
        },
        related: &[Code::AdoSystemAccesstokenUnmapped, Code::TokenEmpty, Code::BackendUnexpanded],
        link: links::AZURE_VARIABLES,
    },
    Entry {
        code: Code::TokenMasked,
        category: Category::Input,
        severity: Severity::Error,
        title: "The token is masked",
        meaning: "CI systems replace secrets in logs by ***. What was copied is the mask, not the \
            token.",
        detection: "The value is *** or has *** in it.",
        causes: &[
            AzurePipelines.cause(
                "The agent masks the token and the service connection's values in every log.",
            ),
            GitHubActions.cause(
                "Actions that request a token register it as a secret, and the runner shows *** \
                for it.",
            ),
            Anywhere.cause("The token was copied out of a log instead of being taken in the job."),
        ],
        fix: "Take the token inside the job; it cannot be had from a log.",
        example: Language::Sh.change(
            "doctor --oidc-org acme '***'",
            "doctor --oidc-org acme --token-env idToken  # as a step of the job",
        ),
        by_hand: ByHand {
            words: "See whether the file holds the mask; it prints how many lines do:",
            command: "\
# token.jwt holds the token
grep -c -F '***' token.jwt",
        },
        related: &[Code::TokenMalformed],
        link: links::GUIDES,
    },
    Entry {
        code: Code::TokenWrapped,
        category: Category::Input,
        severity: Severity::Warning,
        title: "Something is wrapped around the token",
        meaning: "The token is in there, but not bare. The doctor decoded it anyway; `pulumi \
            login` would refuse the value and print it into the log.",
        detection: "The token was found only after taking something away: quotes, Bearer, JSON, a \
            second base64, percent-encoding, a byte order mark, UTF-16, or white space.",
        causes: &[
            AzurePipelines.cause(
                "PowerShell's > writes UTF-16 in Windows PowerShell, with a byte order mark.",
            ),
            GitHubActions
                .cause("The whole answer of the token request was passed instead of its value."),
            Kubernetes.cause("The value of a Secret is base64, and was not decoded."),
            Anywhere.cause("jq without -r leaves the quotes around a string."),
            Anywhere.cause("base64 or openssl broke a long line."),
        ],
        fix: "Pass the token bare.",
        example: Language::Sh
            .change("token=$(jq .value answer.json)", "token=$(jq -er .value answer.json)"),
        by_hand: ByHand {
            words: "Count the lines and look at both ends; a bare token is one line that begins \
                with eyJ:",
            command: "\
# token.jwt holds the token
wc -l <token.jwt; head -c 3 token.jwt; echo",
        },
        related: &[Code::TokenTruncated, Code::TokenMalformed],
        link: links::CLI,
    },
    Entry {
        code: Code::TokenIsPulumiToken,
        category: Category::Input,
        severity: Severity::Error,
        title: "This is a Pulumi access token, not an OIDC token",
        meaning: "A value beginning with pul- is what the token exchange returns, not what it \
            takes.",
        detection: "The value begins with pul-, as Pulumi Cloud's access tokens do.",
        causes: &[
            GitHubActions.cause(
                "The access token that pulumi/auth-actions got is passed on as if it were the OIDC \
                token.",
            ),
            Anywhere.cause("A secret named like an OIDC token holds a Pulumi access token."),
            Anywhere.cause("The token was exchanged already."),
        ],
        fix: "Pass the OIDC token that the CI platform issued, or use the access token as \
            PULUMI_ACCESS_TOKEN without any --oidc flag.",
        example: Language::Sh.change(
            "pulumi login https://api.pulumi.com --oidc-token \"$PULUMI_ACCESS_TOKEN\" --oidc-org \
            acme",
            "pulumi login https://api.pulumi.com  # it takes PULUMI_ACCESS_TOKEN from the \
            environment",
        ),
        by_hand: ByHand {
            words: "See the first four characters only:",
            command: r#"printf '%.4s\n' "$TOKEN""#,
        },
        related: &[Code::TokenIsAccessToken, Code::AccessTokenSet],
        link: links::CLI,
    },
    Entry {
        code: Code::TokenIsAccessToken,
        category: Category::Input,
        severity: Severity::Error,
        title: "This is an access token, not an OIDC identity token",
        meaning: "The token was issued for calling an API. The exchange takes an identity (id) \
            token that says who the job is.",
        detection: "The token has a sign of an access token: typ is at+jwt, there is an scp claim, \
            or aud is a well-known API such as Azure Resource Manager or Microsoft Graph.",
        causes: &[
            AzurePipelines.cause(
                "`az account get-access-token` gives an access token for Azure, never the \
                federated one.",
            ),
            AzurePipelines.cause("SYSTEM_ACCESSTOKEN is the job's access token for Azure DevOps."),
            GitHubActions
                .cause("GITHUB_TOKEN and ACTIONS_ID_TOKEN_REQUEST_TOKEN are for calling GitHub."),
            Kubernetes
                .cause("A token with the audience of the cluster's own API server was passed."),
        ],
        fix: "Request the federated identity token instead.",
        example: Language::Sh.change(
            r#"token=$(az account get-access-token --query accessToken -o tsv)
pulumi login https://api.pulumi.com --oidc-token "$token" --oidc-org acme"#,
            r#"# in AzureCLI@2 with addSpnToEnvironment: true
pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "Look at the claims; an identity token says who the job is in sub, and has no \
                scp:",
            command: commands::CLAIMS,
        },
        related: &[Code::TokenIsPulumiToken, Code::TokenClaimMissing, Code::AudienceMismatch],
        link: links::GUIDES,
    },
    Entry {
        code: Code::TokenEncrypted,
        category: Category::Input,
        severity: Severity::Error,
        title: "The token is encrypted",
        meaning: "Five parts make it a JWE. Pulumi Cloud verifies a signature and cannot decrypt a \
            token.",
        detection: "The value has five parts with dots between them, which is the form of a JWE \
            (RFC 7516).",
        causes: &[Anywhere.cause(
            "The issuer is set up to encrypt identity tokens for the client that requests them.",
        )],
        fix: "Configure the issuer to sign its tokens without encrypting them.",
        example: Language::Json.change(
            "{\"id_token_signed_response_alg\": \"RS256\", \"id_token_encrypted_response_alg\": \
            \"RSA-OAEP-256\"}",
            r#"{"id_token_signed_response_alg": "RS256"}"#,
        ),
        by_hand: ByHand {
            words: "Count the parts; a signed token has three:",
            command: r#"# token.jwt holds the token
tr -d '\n' <token.jwt | awk -F. '{print NF}'"#,
        },
        related: &[Code::TokenMalformed],
        link: links::JWS,
    },
    Entry {
        code: Code::TokenTruncated,
        category: Category::Input,
        severity: Severity::Error,
        title: "The token is cut off",
        meaning: "A part of the token is missing.",
        detection: "There are fewer than three parts, the JSON ends early, or the signature is \
            shorter or longer than its algorithm makes it.",
        causes: &[
            Anywhere.cause(
                "It was copied from a terminal or an editor that cuts lines at 1024 or 4096 \
                characters.",
            ),
            Anywhere.cause(
                "The signature was left out on purpose, to show the token to somebody: the rest is \
                judged all the same.",
            ),
            Anywhere.cause("A variable or a form field has a length limit."),
        ],
        fix: "Copy or pass the token whole.",
        example: Language::Sh.change(
            "pulumi login https://api.pulumi.com --oidc-token \"$(cut -c 1-1024 token.jwt)\" \
            --oidc-org acme",
            "pulumi login https://api.pulumi.com --oidc-token file://token.jwt --oidc-org acme",
        ),
        by_hand: ByHand {
            words: "Count the parts and the signature's characters; RS256 with a key of 2048 bits \
                makes 3 and 342:",
            command: r#"# token.jwt holds the token
tr -d '\n' <token.jwt | awk -F. '{print NF, length($3)}'"#,
        },
        related: &[Code::TokenWrapped, Code::TokenMalformed, Code::SignatureInvalid],
        link: links::JWS,
    },
    Entry {
        code: Code::TokenFileUnreadable,
        category: Category::Input,
        severity: Severity::Error,
        title: "The token's file cannot be read",
        meaning: "A file:// token is read by the CLI from the step's working directory.",
        detection: "The path behind file:// is missing, a directory, empty, or may not be read.",
        causes: &[
            Kubernetes
                .cause("The volume with the projected token is not mounted into this container."),
            Spacelift.cause("/mnt/workspace/spacelift.oidc is there in a run only."),
            PulumiDeployments.cause("/mnt/pulumi/pulumi.oidc is there in a deployment only."),
            Anywhere.cause(
                "The path is relative, and the step that logs in has another working directory.",
            ),
            Anywhere.cause(
                "The step that wrote the file ran in another job, or in a container with a file \
                system of its own.",
            ),
        ],
        fix: "Name the file by a path that exists in the step that logs in.",
        example: Language::Sh.change(
            "pulumi login https://api.pulumi.com --oidc-token file://token.jwt --oidc-org acme",
            "pulumi login https://api.pulumi.com --oidc-token \"file://$PWD/token.jwt\" --oidc-org \
            acme",
        ),
        by_hand: ByHand { words: "In the step that logs in:", command: "pwd; ls -l token.jwt" },
        related: &[Code::TokenEmpty],
        link: links::CLI,
    },
    Entry {
        code: Code::TokenOnCommandLine,
        category: Category::Input,
        severity: Severity::Info,
        title: "The token was typed on the command line",
        meaning: "Arguments end up in the shell's history and are visible in the list of processes \
            while the program runs.",
        detection: "The token was given as an argument, outside a pipeline, by somebody at a \
            terminal.",
        causes: &[Anywhere.cause("It was pasted behind the command.")],
        fix: "Pass it on standard input (`-`) or as file://PATH.",
        example: Language::Sh.change(
            "doctor --oidc-org acme eyJhbGciOiJSUzI1NiJ9...",
            "doctor --oidc-org acme -  # then paste it, Enter, Ctrl-D",
        ),
        by_hand: ByHand {
            words: "See whether the shell has it in its history; it prints the numbers of the \
                lines:",
            command: "history | awk '/eyJ/ {print $1}'",
        },
        related: &[],
        link: links::CLI,
    },
];
