//! GitLab CI.

use serde::{Deserialize, Serialize};

use super::claims::{BOOLEANS, VISIBILITIES};
use super::{
    Audience, Beginning, Cause, Claims, Explanation, Id, Issuer, JobClaims, LogMarks, Login, Note,
    Platform, Remedy, Shape, Shared, StepTemplate, Subjects, TokenSource, Way,
};
use crate::text;

pub(super) const GITLAB: Platform = Platform {
    marker: Some("GITLAB_CI"),
    sources: &[TokenSource::AnyOfIssuer(SERVER)],
    sources_in_words: "any variable of id_tokens",
    audience: Audience::Chosen { request: Some(id_tokens), default: None },
    issuer: Some(Issuer {
        shared: Some(Shared {
            everybody: "every project on gitlab.com",
            owner: "project or group",
            // Claims of the user say who started the pipeline, wherever that is.
            claims: &["job_namespace_", "job_project_", "namespace_", "project_id", "project_path"],
            keys: &["project_path"],
            escaped: false,
        }),
        ..Issuer::new("GitLab", &["https://gitlab.com"], &["gitlab.com"])
    }),
    subjects: Subjects {
        shapes: &[Shape {
            id: Some(("project", "project_id")),
            words: &["kind of ref"],
            ..Shape::new("project_path:{project}:ref_type:{kind of ref}:ref:{ref}")
        }],
        beginnings: &[Beginning::new("project_path:")],
        has_no_other: true,
        notes: &[Note {
            value: Some("tag"),
            ..Note::new(
                "kind of ref",
                "Only this tag is let in. For every tag, end the rule on sub with \
                 :ref_type:tag:ref:*.",
            )
        }],
        ..Subjects::NONE
    },
    claims: Claims {
        documented: &[
            "ci_config_ref_uri",
            "ci_config_sha",
            "deployment_tier",
            "environment",
            "environment_action",
            "environment_protected",
            "groups_direct",
            "job_id",
            "job_namespace_id",
            "job_namespace_path",
            "job_project_id",
            "job_project_path",
            "namespace_id",
            "namespace_path",
            "pipeline_id",
            "pipeline_source",
            "project_id",
            "project_path",
            "project_visibility",
            "ref",
            "ref_path",
            "ref_protected",
            "ref_type",
            "runner_environment",
            "runner_id",
            "sha",
            "user_access_level",
            "user_email",
            "user_id",
            "user_identities",
            "user_login",
        ],
        is_complete: true,
        personal: &[
            "environment_action",
            "groups_direct",
            "job_namespace_id",
            "job_namespace_path",
            "job_project_id",
            "job_project_path",
            "user_access_level",
            "user_email",
            "user_identities",
        ],
        per_run: &["ci_config_sha", "job_id", "pipeline_id", "sha"],
        names: &["environment", "namespace_path", "project_path", "user_login"],
        values: &[
            ("environment_protected", BOOLEANS),
            (
                "pipeline_source",
                &[
                    "api",
                    "chat",
                    "external",
                    "external_pull_request_event",
                    "merge_request_event",
                    "parent_pipeline",
                    "pipeline",
                    "push",
                    "schedule",
                    "security_orchestration_policy",
                    "trigger",
                    "web",
                    "webide",
                ],
            ),
            ("project_visibility", VISIBILITIES),
            ("ref_protected", BOOLEANS),
            ("ref_type", &["branch", "tag"]),
            ("runner_environment", &["gitlab-hosted", "self-hosted"]),
        ],
        job: Some(JobClaims {
            marks: &["project_id", "project_path"],
            ways: &[Way::new(&["project_id", "ref_type", "ref"])],
            parts: &["project_id", "project_path", "namespace_id"],
        }),
        ..Claims::NONE
    },
    secrets: &["CI_JOB_TOKEN"],
    log: LogMarks {
        platform: &["section_start:", "Running with gitlab-runner"],
        commands: &["$ "],
        failed: &["ERROR: Job failed"],
        keys: &["/oauth/discovery/keys"],
        ..LogMarks::NONE
    },
    variable: Some(VARIABLE),
    step: Some(StepTemplate {
        argument: "gitlab",
        about: "GitLab CI: a job whose after_script looks at what failed",
        yaml: step,
    }),
    ..Platform::new(Id::GitLab, "GitLab CI")
};

/// What the variables of a job show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// `CI_SERVER_URL`.
    pub server: Option<String>,
    /// `CI_JOB_NAME`.
    pub job: Option<String>,
    /// Variables with a token of another issuer: the variable, then the issuer.
    pub others: Vec<(String, String)>,
}

/// The variable that holds the issuer.
const SERVER: &str = "CI_SERVER_URL";

/// What the variables that are set show. `others` finds the variables with a token of another
/// issuer than this.
pub(crate) fn environment<'a>(
    variables: impl Fn(&str) -> Option<&'a str>,
    others: impl FnOnce(Option<&str>) -> Vec<(String, String)>,
) -> Environment {
    let server = variables(SERVER);
    Environment {
        others: others(server),
        server: server.map(str::to_owned),
        job: variables("CI_JOB_NAME").map(str::to_owned),
    }
}

/// The variable that the advice names.
const VARIABLE: &str = "PULUMI_ID_TOKEN";

/// The block of a job that requests a token.
fn id_tokens(audience: &str) -> String {
    format!("  id_tokens:\n    {VARIABLE}:\n      aud: {}", text::yaml(audience))
}

/// Why there is no token.
pub(crate) fn explain(environment: &Environment, login: &Login) -> Explanation {
    let Environment { server, job, others } = environment;
    let server = server.as_deref().unwrap_or("this GitLab (CI_SERVER_URL is not set)");
    let remedy = others.iter().fold(Remedy::default(), |remedy, (name, issuer)| {
        remedy.proof("another issuer's", issuer, format!("env:{name}"))
    });
    Explanation::new(
        Cause::IdTokenMissing,
        format!("No environment variable holds a token issued by {server}."),
        remedy.announce("Add the block to the job, and pass the variable that it names:").command(
            format!(
                "{}:\n{}\n  script:\n    - {}",
                text::yaml(job.as_deref().unwrap_or("JOB")),
                id_tokens(&login.audience),
                text::yaml(&login.command),
            ),
        ),
    )
}

/// Some runners leave CI_JOB_STATUS at `running`: it is compared with what needs no doctor.
fn step(note: &str, organization: &str, audience: &str) -> String {
    let word = text::shell(organization);
    format!(
        r#"# GitLab CI: id_tokens and after_script for the job that logs in.
# doctor has to be on PATH in the job. after_script runs whether or not the job failed.
{note}login:
  id_tokens:
    PULUMI_TOKEN:
      aud: {audience}
  script:
    - |
      pulumi login https://api.pulumi.com --oidc-token "$PULUMI_TOKEN" --oidc-org {word}
  after_script:
    - |
      if [ "$CI_JOB_STATUS" != success ]; then
        doctor login https://api.pulumi.com --oidc-token "$PULUMI_TOKEN" --oidc-org {word}
      fi
"#,
        audience = text::yaml(audience),
    )
}
