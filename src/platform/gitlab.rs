//! GitLab CI.

use serde::{Deserialize, Serialize};

use super::claims::{BOOLEANS, VISIBILITIES};
use super::kind::{GivenJob, Variant, text};
use super::{
    Audience, Beginning, Cause, Claims, Explanation, Id, Issuer, JobClaims, Kind, Kinds, LogMarks,
    Login, Note, Platform, RELEASE, Remedy, Shape, Shared, StepTemplate, StepValues, Subjects,
    TokenSource, Way, subject,
};
use crate::policy::template::{Open, Template};
use crate::text;
use crate::text::command::Shell;

pub(super) const GITLAB: Platform = Platform {
    marker: Some("GITLAB_CI"),
    sources: &[TokenSource::AnyOfIssuer(SERVER)],
    sources_for_manual: "any variable of id_tokens",
    audience: Audience::Chosen { request: Some(id_tokens), default: None },
    issuer: Some(Issuer {
        shared: Some(Shared {
            everybody: "every project on gitlab.com",
            owner: "project or group",
            // The user claims only say who started the pipeline, in any project.
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
    kinds: Some(Kinds {
        others: kinds,
        unwanted,
        parts: &[
            ("project", "project_path", ""),
            ("kind of ref", "ref_type", ""),
            ("ref", "ref", ""),
        ],
    }),
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
        about: "GitLab CI: an after_script that runs when the job failed",
        shells: &[Shell::Posix],
        yaml: step,
    }),
    ..Platform::new(Id::GitLab, "GitLab CI")
};

/// The facts that a job's variables show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// `CI_SERVER_URL`.
    pub server: Option<String>,
    /// `CI_JOB_NAME`.
    pub job: Option<String>,
    /// The variables with another issuer's token, each with that issuer.
    pub others: Vec<(String, String)>,
}

/// The variable that holds the issuer.
const SERVER: &str = "CI_SERVER_URL";

/// Reads the job's variables. `others` finds the variables with tokens of other issuers than the
/// given one.
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

/// The block of a job that requests a token. GitLab expands variables in `aud`, where `$$` means
/// `$`.
fn id_tokens(audience: &str) -> String {
    let audience = text::yaml(&audience.replace('$', "$$"));
    format!("  id_tokens:\n    {VARIABLE}:\n      aud: {audience}")
}

/// Explains why there is no token.
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

/// Compares CI_JOB_STATUS with `success`, because some runners leave it at `running`. GitLab
/// ignores the exit status of after_script.
fn step(values: &StepValues) -> String {
    format!(
        r#"# GitLab CI: after_script for the job that logs in (here: login). It runs the doctor if the job has
# failed, and does not change its result. The job's image needs python3 with pip.
{note}login:
  after_script:
    - |
      if [ "$CI_JOB_STATUS" != success ]; then
        packages="$(mktemp -d)"
        python3 -m pip install --quiet --target "$packages" {RELEASE} &&
          "$packages/bin/doctor" --oidc-org {word}
      fi
"#,
        note = values.note,
        word = values.organization,
    )
}

const REF: Open = Open::new("ref", "another-branch", ":");
const TAG: Open = Open::new("tag", "v1.0.0", ":");
const OTHER: Open = Open::new("project", "another-project", "/:");
const SUBGROUP: Open = Open::new("subgroup", "a-group", ":");
const STRANGER: Open = Open::new("stranger", "somebody-else", "/:");
const ANY_PROJECT: Open = Open::new("any project", "a-project", ":");
const ENVIRONMENT: Open = Open::new("environment", "another-environment", "");
const ID: Open = Open::new("id", "900001", "");
const GROUP_ID: Open = Open::new("group's id", "900002", "");
const PROTECTED: Open = Open::new("ref_protected", "true", "");
const PROTECTED_ENVIRONMENT: Open = Open::new("environment_protected", "true", "");
const SOURCE: Open = Open::new("pipeline_source", "push", "");

const MERGE_REQUESTS: [&str; 2] = ["merge_request_event", "external_pull_request_event"];

/// A merge request from a fork runs in the fork's project, as a stranger's job. If a member starts
/// it in this project, it is a merge request.
fn kinds(given: &GivenJob) -> Vec<Variant> {
    let subject = subject::describe("", given.subject());
    let part = |name: &str| subject.as_ref().and_then(|known| known.part(name));
    // Rules may name the group alone.
    let named = || given.text("namespace_path").unwrap_or_else(|| "a-group".to_owned());
    let project = part("project").or_else(|| given.text("project_path"));
    let project = project.unwrap_or_else(|| format!("{}/a-project", named()));
    let own = part("ref").or_else(|| given.text("ref")).unwrap_or_default();
    // Sets the ref's kind and name, and the claims that repeat them.
    let set_ref = |variant: Variant, project: &Template, kind: &str, name: Template| {
        let folder = if kind == "tag" { "refs/tags/" } else { "refs/heads/" };
        let variant = match given.subject() {
            "" => variant,
            _ if subject.is_none() => variant.unknown(&["sub"]),
            _ => variant.set(
                "sub",
                text("project_path:")
                    .then(project.clone())
                    .text(format!(":ref_type:{kind}:ref:"))
                    .then(name.clone()),
            ),
        };
        variant
            .set_text("ref_type", kind)
            .set("ref_path", text(folder).then(name.clone()))
            .set("ref", name)
    };
    let here = text(&project);
    let branch = || Template::default().open(REF.excluding(&own));
    let source = || MERGE_REQUESTS.into_iter().fold(SOURCE, Open::excluding);
    let pushed = |kind| Variant::new(kind).open("pipeline_source", source());
    let mut all = vec![
        set_ref(pushed(Kind::Branch).set_text("ref_protected", "false"), &here, "branch", branch()),
        set_ref(
            pushed(Kind::ProtectedBranch).set_text("ref_protected", "true"),
            &here,
            "branch",
            branch(),
        ),
        set_ref(
            pushed(Kind::Tag).open("ref_protected", PROTECTED),
            &here,
            "tag",
            // A tag may have the name of the given branch.
            Template::default().open(if given.has_value("ref_type", "tag") {
                TAG.excluding(&own)
            } else {
                TAG
            }),
        ),
        Variant::new(Kind::Environment)
            .open(
                "environment",
                given.text("environment").into_iter().fold(ENVIRONMENT, Open::excluding),
            )
            .open("environment_protected", PROTECTED_ENVIRONMENT)
            .unknown(&["deployment_tier"]),
    ];
    for source in MERGE_REQUESTS {
        let variant = Variant::new(Kind::PullRequest).set_text("pipeline_source", source);
        let variant = variant.set_text("ref_protected", "false");
        all.push(set_ref(variant, &here, "branch", branch()));
    }
    let (group, name) = project.rsplit_once('/').unwrap_or(("", &project));
    let top = group.split('/').next().unwrap_or_default();
    let others = [
        (Kind::Owner, text(group), OTHER.excluding(name)),
        (Kind::Owner, text(format!("{top}/")).open(SUBGROUP), ANY_PROJECT),
        (Kind::Stranger, Template::default().open(STRANGER.excluding(top)), ANY_PROJECT),
    ];
    for (kind, namespace, name) in others {
        let project = namespace.clone().text("/").open(name);
        let other = || {
            let variant = Variant::new(kind)
                .set("project_path", project.clone())
                .set("namespace_path", namespace.clone())
                .other_id(given, "project_id", ID)
                .open("ref_protected", PROTECTED)
                .open("environment_protected", PROTECTED_ENVIRONMENT)
                .unknown(&["ci_config_ref_uri", "project_visibility"])
                .unknown(&["user_login", "user_id", "user_email", "user_identities", "runner_id"]);
            match kind {
                Kind::Stranger => variant.other_id(given, "namespace_id", GROUP_ID),
                _ if namespace == text(group) => variant,
                _ => variant.unknown(&["namespace_id"]),
            }
        };
        let any = |open: Open| Template::default().open(open);
        all.push(set_ref(other(), &project, "branch", any(REF)));
        all.push(set_ref(other(), &project, "tag", any(TAG)));
        let with_environment = other().open("environment", ENVIRONMENT);
        all.push(set_ref(with_environment, &project, "branch", any(REF)));
    }
    all
}

fn unwanted(given: &GivenJob) -> Option<Kind> {
    if MERGE_REQUESTS.iter().any(|source| given.has_value("pipeline_source", source)) {
        return Some(Kind::PullRequest);
    }
    given.has_value("ref_protected", "false").then_some(Kind::Branch)
}
