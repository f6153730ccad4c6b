//! Azure Pipelines with Azure DevOps' own issuer, and Entra, which replaced it for service
//! connections.

pub(crate) mod entra;
pub(crate) mod job;
mod kind;
mod subject;

use self::entra::EntraSubject;
use super::{
    Audience, Beginning, Claims, Http, Id, Issuer, JobClaims, LogMarks, Note, Parameter, Parts,
    Platform, Shape, StepTemplate, StepValues, Subjects, TokenSource, Way,
};
use crate::text::command::Shell;

/// The variable into which AzureCLI puts the token.
pub(crate) const TOKEN: &str = "idToken";

/// The host of Azure DevOps' own issuer.
pub(crate) const HOST: &str = "vstoken.dev.azure.com";
/// Its former host.
pub(crate) const OLD_HOST: &str = "app.vstoken.visualstudio.com";

/// The audience of a federated service connection, in the spelling of people and of Azure DevOps'
/// own issuer.
pub(crate) const AUDIENCE: &str = "api://AzureADTokenExchange";
/// The same audience in Entra's tokens.
pub(crate) const AUDIENCE_ID: &str = "fb60f99c-7a34-4190-8149-302f77469936";

pub(super) const AZURE_PIPELINES: Platform = Platform {
    marker: Some("TF_BUILD"),
    sources: &[
        TokenSource::Variable(TOKEN, "AzureCLI@2 sets it with addSpnToEnvironment: true"),
        TokenSource::Http(&OIDC_REQUEST),
    ],
    sources_for_manual: "idToken; else SYSTEM_OIDCREQUESTURI, SYSTEM_ACCESSTOKEN and a service \
                       connection's id",
    audience: Audience::Fixed(&[AUDIENCE, AUDIENCE_ID]),
    issuer: Some(Issuer::new(
        "Azure DevOps",
        &["https://vstoken.dev.azure.com/"],
        &[HOST, OLD_HOST],
    )),
    subjects: Subjects {
        shapes: &[
            Shape::new("sc://{organization}/{project}/{service connection}"),
            Shape::new("p://{organization}/{project}/{pipeline}"),
        ],
        decode: Some(decode_subject),
        beginnings: &[Beginning::new("sc://"), Beginning::new("p://")],
        has_no_other: true,
        mismatches: &[subject::schemes, subject::entra_parts],
        notes: &[
            Note::new(
                "service connection",
                "sub names the service connection alone: which pipelines may use it is set in \
                 Azure DevOps, under the connection's Security.",
            ),
            Note {
                needs_issuer: true,
                ..Note::new(
                    "service connection",
                    "This issuer retires for service connections on 1 July 2027: a converted \
                     connection has another iss, sub and aud.",
                )
            },
        ],
        ..Subjects::NONE
    },
    claims: Claims {
        documented: &[
            "def_id", "org_id", "prj_id", "rpo_id", "rpo_ref", "rpo_uri", "rpo_ver", "run_id",
        ],
        is_complete: true,
        per_run: &["run_id", "rpo_ver"],
        job: Some(JobClaims {
            // Only a pipeline's own token has these claims.
            marks: &["def_id", "prj_id"],
            ways: &[Way::new(&["org_id", "prj_id", "def_id"])],
            parts: &["def_id", "prj_id", "org_id"],
        }),
        ..Claims::NONE
    },
    kinds: Some(kind::KINDS),
    secrets: &["SYSTEM_ACCESSTOKEN", "servicePrincipalKey"],
    log: LogMarks {
        platform: &["##[section]"],
        commands: &["##[command]", "[command]"],
        prefixes: &["##[error]", "##[warning]", "##[debug]", "##[section]", "##[group]"],
        step: &["##[section]Starting: "],
        script: &["Script contents:"],
        script_end: &["##[endgroup]", "Starting Command Output"],
        failed: &["##[error]"],
        token_request: &["oidctoken", "SYSTEM_OIDCREQUESTURI"],
        ..LogMarks::NONE
    },
    variable: Some(TOKEN),
    missing_token: Some(|login| {
        (
            "Only AzureCLI@2 with a federated connection gives its script a token. Log in there:",
            job::login_task(None, login),
        )
    }),
    step: Some(StepTemplate {
        argument: "azure",
        about: "Azure Pipelines: a task that runs when an earlier one failed",
        shells: &[Shell::Posix, Shell::PowerShell],
        yaml: step,
    }),
    ..Platform::new(Id::AzurePipelines, "Azure Pipelines")
};

pub(super) const ENTRA: Platform = Platform {
    issuer: Some(Issuer::new(
        "Entra",
        &["https://login.microsoftonline.com/"],
        &[
            "login.microsoftonline.com",
            "sts.windows.net",
            "login.microsoftonline.us",
            "login.partner.microsoftonline.cn",
        ],
    )),
    subjects: Subjects {
        // Other subjects exist: a managed identity's is its object id.
        beginnings: &[Beginning { text: "/eid1/", differ_after: "/sc/" }],
        never: &["sc://", "p://"],
        ..Subjects::NONE
    },
    claims: Claims {
        documented: &[
            "aio", "appid", "azp", "azpacr", "idtyp", "oid", "rh", "roles", "tid", "uti", "ver",
            "xms_",
        ],
        is_complete: true,
        personal: &["aio", "azpacr", "rh", "roles", "uti", "xms_"],
        per_run: &["uti"],
        values: &[("idtyp", &["app", "user"]), ("ver", &["1.0", "2.0"])],
        ..Claims::NONE
    },
    kinds: Some(kind::KINDS),
    log: LogMarks { keys: &["/discovery/v2.0/keys"], ..LogMarks::NONE },
    ..Platform::new(Id::Entra, "Entra")
};

/// The variables with a service connection's id, from AzureCLI and AzurePowerShell, and for the
/// azurerm and azuread providers (azidentity reads them all).
pub(super) const CONNECTION: &[&str] = &[
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
    "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID",
    "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID",
];

/// `oidctoken` of the job's plan. GET gives 405. A bad system token gives a redirect to a sign-in
/// page, unless that is suppressed (azidentity's `azure_pipelines_credential.go`).
pub(super) const OIDC_REQUEST: Http = Http {
    url: "SYSTEM_OIDCREQUESTURI",
    credential: "SYSTEM_ACCESSTOKEN",
    is_mapped: true,
    scheme: "Bearer",
    is_post: true,
    headers: &[
        ("Content-Type", "application/json"),
        ("Content-Length", "0"),
        ("X-TFS-FedAuthRedirect", "Suppress"),
    ],
    query: &[
        ("api-version", Parameter::Fixed("7.1")),
        ("serviceConnectionId", Parameter::Id(CONNECTION, "service connection")),
    ],
    member: "oidcToken",
};

/// Decodes Entra's subject of a service connection.
fn decode_subject(subject: &str) -> Option<Parts> {
    let entra = EntraSubject::parse(subject)?;
    Some(entra.parts().map(|(name, value)| (name, value.to_owned())).to_vec())
}

/// AzureCLI sets `idToken` only for its own script, and only with addSpnToEnvironment
/// (Tasks/AzureCLIV2 of microsoft/azure-pipelines-tasks).
fn step(values: &StepValues) -> String {
    let script_type = match values.shell {
        Shell::Posix => "bash",
        Shell::PowerShell => "pscore",
    };
    format!(
        r#"# Azure Pipelines: a task for the job that logs in, after the one that does. It runs if the job has
# failed, and does not change its result. If the task that logs in has an env: block, repeat it here.
{note}- task: AzureCLI@2
  displayName: Why the login to Pulumi Cloud fails
  condition: failed()
  inputs:
    azureSubscription: my-service-connection  # the one that the login uses
    addSpnToEnvironment: true  # puts the token into idToken
    scriptType: {script_type}
    scriptLocation: inlineScript
    inlineScript: |
      {command}
"#,
        note = values.note,
        command = values.pipx(),
    )
}
