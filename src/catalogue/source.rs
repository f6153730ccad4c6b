//! How the token gets here: the places that CI platforms keep it in.

use super::Platform::{
    Anywhere, AzurePipelines, Bitbucket, Buildkite, GitHubActions, GitLabCi, HcpTerraform,
    Kubernetes,
};
use super::{ByHand, Category, Code, Entry, Language, Severity, commands, links};

pub(super) const ROWS: &[Entry] = &[
    Entry {
        code: Code::TokenEmpty,
        category: Category::Input,
        severity: Severity::Error,
        title: "The token's source is empty",
        meaning: "A source was named and gave nothing. `pulumi login --oidc-token \"\"` does not \
            fail on that: it silently leaves OIDC out and uses stored credentials or \
            PULUMI_ACCESS_TOKEN instead.",
        detection: "A source was named (--oidc-token, --token-env, standard input, a file) and \
            what it gave is empty or white space.",
        causes: &[
            AzurePipelines.cause(
                "$idToken is used outside the AzureCLI@2 task that sets it, without \
                addSpnToEnvironment: true, or in another spelling.",
            ),
            AzurePipelines.cause(
                "A secret variable is not mapped into the step: secrets do not become environment \
                variables by themselves.",
            ),
            GitHubActions.cause(
                "The token came through a job's output, which GitHub drops: `Skip output '...' \
                since it may contain secret.`",
            ),
            GitLabCi.cause("The job has no id_tokens: block, or the block names another variable."),
            Anywhere.cause(
                "The command that should have printed the token failed, and nothing stopped the \
                script.",
            ),
        ],
        fix: "Find out why the variable, file or command gave nothing, and stop the step when it \
            does.",
        example: Language::Sh.change(
            r#"pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
            r#": "${idToken:?the token is empty}"
pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "In the step that logs in, see how long the value is, and who pulumi says it is \
                logged in as without it:",
            command: r#"echo "${#idToken} characters"
pulumi whoami --verbose"#,
        },
        related: &[
            Code::TokenMissing,
            Code::AdoTokenNotExposed,
            Code::GithubIdTokenPermission,
            Code::GitlabIdTokenMissing,
            Code::TokenVariableUnexpanded,
            Code::TokenFileUnreadable,
            Code::AccessTokenSet,
            Code::WhoamiWrongOrganization,
        ],
        link: links::CLI,
    },
    Entry {
        code: Code::TokenMissing,
        category: Category::Input,
        severity: Severity::Error,
        title: "No token was given",
        meaning: "No source was named and none that was looked at holds a token.",
        detection: "No token was named, and none of the places where CI platforms keep one held \
            any. A platform that says why has a code of its own.",
        causes: &[
            AzurePipelines.cause(
                "The task is not AzureCLI@2, or its connection is a managed identity: neither \
                gives its script a token.",
            ),
            Bitbucket.cause("The step lacks oidc: true, so BITBUCKET_STEP_OIDC_TOKEN is not set."),
            HcpTerraform.cause(
                "TFC_WORKLOAD_IDENTITY_AUDIENCE is not set on the workspace: then no token is \
                issued.",
            ),
            Kubernetes.cause(
                "The pod has no projected service account token, or it is mounted at another path \
                than the usual ones.",
            ),
            Anywhere
                .cause("The token is in a variable of the pipeline's own, which has to be named."),
        ],
        fix: "Give the doctor the token that the login uses.",
        example: Language::Sh.change(
            "doctor --oidc-org acme",
            "doctor --oidc-org acme --token-env NAME_OF_THE_VARIABLE",
        ),
        by_hand: ByHand {
            words: "In the step that logs in, list the names of the variables that could hold a \
                token, without their values:",
            command: commands::NAMES,
        },
        related: &[
            Code::AdoTokenNotExposed,
            Code::GithubIdTokenPermission,
            Code::GitlabIdTokenMissing,
            Code::TokenEmpty,
            Code::TokenAmbiguous,
        ],
        link: links::GUIDES,
    },
    Entry {
        code: Code::AdoTokenNotExposed,
        category: Category::Input,
        severity: Severity::Error,
        title: "The Azure task does not hand the token to the script",
        meaning: "The service connection is federated, but AzureCLI@2 gives its script the token \
            (idToken) only with addSpnToEnvironment: true.",
        detection: "TF_BUILD and AZURESUBSCRIPTION_* are set, so the task's connection is \
            federated; idToken and servicePrincipalKey are not.",
        causes: &[
            AzurePipelines.cause("addSpnToEnvironment is false, which is its default."),
            AzurePipelines.cause(
                "The login runs in another task than the AzureCLI@2 that has the token: what a \
                task sets for its script ends with that task.",
            ),
            AzurePipelines.cause(
                "The name is spelled $IDTOKEN or $idtoken: on Linux these are other variables than \
                $idToken.",
            ),
        ],
        fix: "Set addSpnToEnvironment: true on the AzureCLI@2 task that logs in.",
        example: Language::Yaml.change(
            r#"- task: AzureCLI@2
  inputs:
    azureSubscription: my-service-connection
    scriptType: bash
    scriptLocation: inlineScript
    inlineScript: |
      pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
            r#"- task: AzureCLI@2
  inputs:
    azureSubscription: my-service-connection
    addSpnToEnvironment: true
    scriptType: bash
    scriptLocation: inlineScript
    inlineScript: |
      pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "In the script of the task, list the names of the variables it was given; \
                idToken has to be among them:",
            command: "env | cut -d= -f1 | grep -E \
                '^(idToken|servicePrincipal|tenantId|AZURESUBSCRIPTION_)'",
        },
        related: &[
            Code::TokenMissing,
            Code::AdoConnectionNotFederated,
            Code::AdoSystemAccesstokenUnmapped,
            Code::TokenEmpty,
        ],
        link: links::AZURE_CLI_TASK,
    },
    Entry {
        code: Code::AdoConnectionNotFederated,
        category: Category::Input,
        severity: Severity::Error,
        title: "The service connection is not federated",
        meaning: "The connection signs in with a secret (servicePrincipalKey). Only a connection \
            with workload identity federation has a token that can be exchanged.",
        detection: "TF_BUILD and servicePrincipalKey are set and idToken is not: the task's \
            connection signs in with a secret.",
        causes: &[
            AzurePipelines.cause(
                "The connection was created with a client secret, as was usual before workload \
                identity federation.",
            ),
            AzurePipelines.cause("The task names another connection than the federated one."),
        ],
        fix: "Convert the service connection to workload identity federation.",
        example: Language::Sh.change(
            r#"az devops service-endpoint show --id "$CONNECTION_ID" --query authorization.scheme
# "ServicePrincipal""#,
            r#"az devops service-endpoint show --id "$CONNECTION_ID" --query authorization.scheme
# "WorkloadIdentityFederation""#,
        ),
        by_hand: ByHand {
            words: "List the project's connections with how they sign in (it needs the \
                azure-devops extension of the Azure CLI):",
            command: "az devops service-endpoint list --query '[].{name: name, scheme: \
                authorization.scheme}' -o table",
        },
        related: &[Code::AdoTokenNotExposed],
        link: links::AZURE_CONNECTIONS,
    },
    Entry {
        code: Code::AdoSystemAccesstokenUnmapped,
        category: Category::Input,
        severity: Severity::Error,
        title: "SYSTEM_ACCESSTOKEN is not mapped into the step",
        meaning: "A token can be requested from Azure Pipelines only with the job's own access \
            token, which a step sees when it is mapped.",
        detection: "TF_BUILD and SYSTEM_OIDCREQUESTURI are set; SYSTEM_ACCESSTOKEN is not, or \
            holds the text of a variable reference.",
        causes: &[
            AzurePipelines.cause(
                "The step has no env: block that maps System.AccessToken: Azure Pipelines never \
                does that by itself.",
            ),
            AzurePipelines.cause(
                "The mapping is in another step, or in a template that this step does not use.",
            ),
        ],
        fix: "Map the job's access token into the step: env: SYSTEM_ACCESSTOKEN: \
            $(System.AccessToken).",
        example: Language::Yaml.change(
            "- bash: ./login.sh",
            "\
- bash: ./login.sh
  env:
    SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
        ),
        by_hand: ByHand {
            words: "In the step, see whether the variable holds anything, without printing it:",
            command: r#"echo "SYSTEM_ACCESSTOKEN has ${#SYSTEM_ACCESSTOKEN} characters""#,
        },
        related: &[
            Code::AdoTokenNotExposed,
            Code::TokenRequestFailed,
            Code::TokenVariableUnexpanded,
        ],
        link: links::AZURE_BUILD_VARIABLES,
    },
    Entry {
        code: Code::GithubIdTokenPermission,
        category: Category::Input,
        severity: Severity::Error,
        title: "The job may not request an OIDC token",
        meaning: "GitHub sets ACTIONS_ID_TOKEN_REQUEST_URL only in jobs with the permission \
            id-token: write. The permission is never there by itself, and a fork's pull request \
            cannot have it.",
        detection: "GITHUB_ACTIONS is set; ACTIONS_ID_TOKEN_REQUEST_URL or \
            ACTIONS_ID_TOKEN_REQUEST_TOKEN is not.",
        causes: &[
            GitHubActions
                .cause("Neither the workflow nor the job has permissions: id-token: write."),
            GitHubActions.cause(
                "The job has a permissions: block of its own, which takes away everything that it \
                does not list.",
            ),
            GitHubActions.cause(
                "The run is for a pull request from a fork: such runs cannot have the permission.",
            ),
            GitHubActions.cause(
                "The job is in a reusable workflow, and the job that calls it does not have the \
                permission.",
            ),
        ],
        fix: "Give the job the permission id-token: write.",
        example: Language::Yaml.change(
            "\
jobs:
  deploy:
    runs-on: ubuntu-latest
    permissions:
      contents: read",
            "\
jobs:
  deploy:
    runs-on: ubuntu-latest
    permissions:
      contents: read
      id-token: write",
        ),
        by_hand: ByHand {
            words: "In the job, see whether GitHub offers a token; it prints `offered` or nothing:",
            command: r#"echo "${ACTIONS_ID_TOKEN_REQUEST_URL:+offered}""#,
        },
        related: &[Code::TokenMissing, Code::TokenEmpty],
        link: links::GITHUB_PERMISSION,
    },
    Entry {
        code: Code::GitlabIdTokenMissing,
        category: Category::Input,
        severity: Severity::Error,
        title: "The job has no ID token",
        meaning: "GitLab issues ID tokens only to jobs with an id_tokens: block, in the variables \
            that are named there.",
        detection: "GITLAB_CI is set, and no variable holds a token whose issuer is CI_SERVER_URL.",
        causes: &[
            GitLabCi.cause(
                "The job has no id_tokens: block. The job tokens of old (CI_JOB_JWT) are gone.",
            ),
            GitLabCi.cause(
                "The block is in another job, or the job overrides a default: or an extends: that \
                had it.",
            ),
            GitLabCi.cause("The token is of another GitLab than the one that runs the job."),
        ],
        fix: "Add an id_tokens: block to the job.",
        example: Language::Yaml.change(
            r#"deploy:
  script:
    - pulumi login https://api.pulumi.com --oidc-token "$PULUMI_ID_TOKEN" --oidc-org acme"#,
            r#"deploy:
  id_tokens:
    PULUMI_ID_TOKEN:
      aud: urn:pulumi:org:acme
  script:
    - pulumi login https://api.pulumi.com --oidc-token "$PULUMI_ID_TOKEN" --oidc-org acme"#,
        ),
        by_hand: ByHand {
            words: "In the job, see whether the variable that the block names holds anything, \
                without printing it:",
            command: r#"echo "PULUMI_ID_TOKEN has ${#PULUMI_ID_TOKEN} characters""#,
        },
        related: &[Code::TokenMissing, Code::TokenEmpty],
        link: links::GITLAB_ID_TOKENS,
    },
    Entry {
        code: Code::TokenRequestFailed,
        category: Category::Input,
        severity: Severity::Error,
        title: "The CI platform issued no token",
        meaning: "The platform was asked for a token and refused, failed, or could not be reached; \
            or a value that the request needs is not known.",
        detection: "The platform was asked for a token and answered with an error, a page or a \
            redirect, or not at all; or the request lacks a value, such as the service \
            connection's id.",
        causes: &[
            AzurePipelines.cause(
                "The stage does not reference the service connection: `There is no explicit \
                reference to service connection ...`. An AzureCLI@2 task that names it is enough, \
                even one with condition: false.",
            ),
            AzurePipelines.cause(
                "A GET: `The requested resource does not support http method 'GET'.` Without a \
                valid SYSTEM_ACCESSTOKEN the answer is a sign-in page.",
            ),
            GitHubActions.cause(
                "The request was made outside the job, or after it: its address and token are the \
                job's alone.",
            ),
            Buildkite.cause(
                "buildkite-agent cannot reach its API, or the step runs in a container without the \
                agent's variables.",
            ),
            Anywhere.cause("A proxy in between, or an outage of the platform."),
        ],
        fix: "Correct what the platform complains of.",
        example: Language::Yaml.change(
            "\
- bash: ./login.sh
  env:
    SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
            "\
- task: AzureCLI@2  # the stage has to name the connection
  condition: false
  inputs:
    azureSubscription: my-service-connection
    scriptType: bash
    scriptLocation: inlineScript
    inlineScript: 'true'
- bash: ./login.sh
  env:
    SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
        ),
        by_hand: ByHand {
            words: "Make the request by hand in the job and look at its status alone, so that no \
                token gets into the log (Azure Pipelines):",
            command: r#"CONNECTION_ID=ID  # resourceId in the address of the connection's page
curl -sS -o /dev/null -w '%{http_code}\n' -H @- -H 'Content-Type: application/json' -d '' \
  "$SYSTEM_OIDCREQUESTURI?api-version=7.1&serviceConnectionId=$CONNECTION_ID" \
  <<<"Authorization: Bearer $SYSTEM_ACCESSTOKEN""#,
        },
        related: &[Code::AdoSystemAccesstokenUnmapped, Code::TokenNotAToken],
        link: links::GUIDES,
    },
];
