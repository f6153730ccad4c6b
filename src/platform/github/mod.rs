//! GitHub Actions.

pub(crate) mod job;
mod kind;
mod subject;

use serde_json::{Map, Value};

use super::audience::DefaultAudience;
use super::claims::{BOOLEANS, VISIBILITIES};
use super::{
    Audience, Beginning, Claims, Http, Id, Issuer, JobClaims, LogMarks, Note, Parameter, Platform,
    Shape, Shared, StepTemplate, StepValues, Subjects, TokenSource, Varying, Way,
};
use crate::text::command::Shell;

pub(super) const GITHUB_ACTIONS: Platform = Platform {
    marker: Some("GITHUB_ACTIONS"),
    sources: &[TokenSource::Http(&ID_TOKEN_REQUEST)],
    sources_for_manual: "ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    audience: Audience::Chosen {
        request: Some(|audience| format!("audience={audience}")),
        default: Some(DefaultAudience { prefix: "https://github.com/", possessive: "GitHub's" }),
    },
    issuer: Some(Issuer {
        // An issuer URL that ends with an enterprise's name belongs to that enterprise.
        shared: Some(Shared {
            everybody: "every repository on GitHub",
            owner: "repository or owner",
            // `actor` only says who started the run, in any repository.
            claims: &[
                "enterprise",
                "enterprise_id",
                "job_workflow_ref",
                "repository",
                "repository_id",
                "repository_owner",
                "repository_owner_id",
                "workflow_ref",
            ],
            keys: &["repo"],
            escaped: true,
        }),
        ..Issuer::new(
            "GitHub Actions",
            &["https://token.actions.githubusercontent.com"],
            // The second one is for enterprises with data residency.
            &["token.actions.githubusercontent.com", "token.actions.*.ghe.com"],
        )
    }),
    subjects: Subjects {
        shapes: &[
            shape("repo:{repository}:environment:{environment}"),
            Shape {
                varying: &[QUEUED],
                ..shape(
                    "repo:{repository}:ref:refs/heads/gh-readonly-queue/{branch}/pr-{queued change}",
                )
            },
            shape("repo:{repository}:ref:refs/heads/{branch}"),
            shape("repo:{repository}:ref:refs/tags/{tag}"),
            Shape {
                words: &["context"],
                is_customisable: true,
                ..shape("repo:{repository}:{context}")
            },
        ],
        beginnings: &[Beginning::new("repo:")],
        has_no_other: true,
        mismatches: &[subject::immutable_ids, subject::differing_parts, subject::customised],
        mismatches_name_parts: true,
        renew: Some(subject::renew),
        notes: &[
            Note::new(
                "tag",
                "Only this tag is let in. For every tag, end the rule on sub with :ref:refs/tags/*.",
            ),
            Note {
                value: Some("pull_request"),
                ..Note::new(
                    "context",
                    "sub is the same for every pull request of the repository: each of them is \
                     let in.",
                )
            },
        ],
        ..Subjects::NONE
    },
    claims: Claims {
        documented: &[
            "actor",
            "actor_id",
            "base_ref",
            "check_run_id",
            "enterprise",
            "enterprise_id",
            "environment",
            "environment_node_id",
            "event_name",
            "head_ref",
            "issuer_scope",
            "job_workflow_ref",
            "job_workflow_sha",
            "ref",
            "ref_protected",
            "ref_type",
            "repo_property_",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "repository_visibility",
            "run_attempt",
            "run_id",
            "run_number",
            "runner_environment",
            "sha",
            "workflow",
            "workflow_ref",
            "workflow_sha",
        ],
        is_complete: true,
        personal: &["check_run_id", "repo_property_"],
        per_run: &["run_id", "run_number", "run_attempt", "sha", "workflow_sha", "check_run_id"],
        names: &[
            "actor",
            "enterprise",
            "environment",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "workflow",
        ],
        values: &[
            ("event_name", EVENTS),
            ("ref_protected", BOOLEANS),
            ("ref_type", &["branch", "tag"]),
            ("repository_visibility", VISIBILITIES),
            ("runner_environment", &["github-hosted", "self-hosted"]),
        ],
        job: Some(JobClaims {
            marks: &["repository_id", "repository_owner"],
            ways: &[
                Way { applies: has_environment, claims: &["repository_id", "environment_node_id"] },
                Way { applies: has_environment, claims: &["repository_id", "environment"] },
                Way { applies: has_stable_ref, claims: &["repository_id", "ref"] },
            ],
            parts: &["repository_id", "repository", "job_workflow_ref", "repository_owner_id"],
        }),
        ..Claims::NONE
    },
    kinds: Some(kind::KINDS),
    secrets: &["ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN"],
    log: LogMarks {
        platform: &["##[group]Run ", "GITHUB_TOKEN Permissions"],
        commands: &["[command]"],
        prefixes: &[
            "##[error]",
            "##[warning]",
            "##[notice]",
            "##[debug]",
            "##[group]",
            "::error::",
            "::warning::",
            "::debug::",
        ],
        step: &["Post job cleanup"],
        script: &["##[group]Run "],
        script_end: &["##[endgroup]"],
        exchange_step: &["##[group]Run pulumi/auth-actions"],
        login_step: &[
            "##[group]Run pulumi/esc-action",
            "Download action repository 'pulumi/auth-actions",
        ],
        failed: &["##[error]"],
        token_request: &["/idtoken/", "ACTIONS_ID_TOKEN_REQUEST_URL"],
        ..LogMarks::NONE
    },
    step: Some(StepTemplate {
        argument: "github",
        about: "GitHub Actions: a step that runs when an earlier one failed",
        shells: &[Shell::Posix, Shell::PowerShell],
        yaml: step,
    }),
    ..Platform::new(Id::GitHubActions, "GitHub Actions")
};

/// The merge queue creates a branch for each change.
const QUEUED: Varying = Varying {
    name: "queued change",
    pattern: "*",
    why: "is another one for every change in the merge queue",
};

const fn shape(template: &'static str) -> Shape {
    Shape { id: Some(("repository", "repository_id")), ..Shape::new(template) }
}

/// `getIDToken` of actions/toolkit (packages/core/src/oidc-utils.ts).
pub(super) const ID_TOKEN_REQUEST: Http = Http {
    url: "ACTIONS_ID_TOKEN_REQUEST_URL",
    credential: "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    is_mapped: false,
    scheme: "bearer",
    is_post: false,
    headers: &[("Accept", "application/json")],
    query: &[("audience", Parameter::Audience)],
    member: "value",
};

/// The subject of a job with an environment has the environment instead of the branch.
fn has_environment(claims: &Map<String, Value>) -> bool {
    claims.contains_key("environment")
}

/// Whether `ref` is a branch or tag. Refs of pull requests and of the merge queue differ between
/// runs.
fn has_stable_ref(claims: &Map<String, Value>) -> bool {
    let stable = |name: &str| {
        name.starts_with("refs/tags/")
            || name.starts_with("refs/heads/") && !name.contains("/gh-readonly-queue/")
    };
    !has_environment(claims) && claims.get("ref").and_then(Value::as_str).is_some_and(stable)
}

/// The events that start workflows.
pub(crate) const EVENTS: &[&str] = &[
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "fork",
    "gollum",
    "issue_comment",
    "issues",
    "label",
    "merge_group",
    "milestone",
    "page_build",
    "public",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_target",
    "push",
    "registry_package",
    "release",
    "repository_dispatch",
    "schedule",
    "status",
    "watch",
    "workflow_call",
    "workflow_dispatch",
    "workflow_run",
];

/// The doctor requests the token itself, because a step cannot pass its token to the next.
fn step(values: &StepValues) -> String {
    let shell = match values.shell {
        Shell::Posix => "bash",
        Shell::PowerShell => "pwsh",
    };
    format!(
        r#"# GitHub Actions: a step for the job that logs in, after the one that does. It runs if the job has
# failed, and does not change its result. If the step that logs in has an env: block, repeat it here.
# GitHub gives a token only to a job with this permission:
#   permissions:
#     id-token: write
#     contents: read  # what is not listed is not allowed
{note}- name: Why the login to Pulumi Cloud fails
  if: failure()
  shell: {shell}
  run: |
    {command}
"#,
        note = values.note,
        command = values.pipx(),
    )
}
