//! The claims of each platform's tokens, and what its jobs can choose.

use serde_json::{Value, json};

use super::jobs::{Can, DEFAULT_AUDIENCE, Job, Model};

const GITHUB_CAN: Can = Can {
    audience: true,
    branch: true,
    tag: true,
    environment: true,
    pull_request: true,
    plan: false,
    protection: true,
};

fn github(job: &Job) -> Value {
    let Job { owner, project, .. } = job;
    let (owner_id, project_id) = (Job::numeric_id(owner), Job::numeric_id(project));
    let repository = match job.has_ids {
        true => format!("{owner}@{owner_id}/{project}@{project_id}"),
        false => format!("{owner}/{project}"),
    };
    let context = match &job.environment {
        Some(environment) => format!("environment:{environment}"),
        None if job.is_pull_request => "pull_request".to_owned(),
        None => format!("ref:{}", job.git_ref()),
    };
    let audience = match job.audience.as_str() {
        DEFAULT_AUDIENCE => format!("https://github.com/{owner}"),
        chosen => chosen.to_owned(),
    };
    let mut claims = json!({
        "aud": audience,
        "sub": format!("repo:{repository}:{context}"),
        "actor": format!("user-{}", job.run),
        "event_name": if job.is_pull_request { "pull_request" } else { "push" },
        "job_workflow_ref": format!("{owner}/{project}/.github/workflows/up.yml@{}", job.git_ref()),
        "ref": job.git_ref(),
        "ref_protected": job.is_protected.to_string(),
        "ref_type": if job.is_tag { "tag" } else { "branch" },
        "repository": format!("{owner}/{project}"),
        "repository_id": project_id.to_string(),
        "repository_owner": owner,
        "repository_owner_id": owner_id.to_string(),
        "run_id": job.run.to_string(),
        "sha": format!("{:040x}", job.run),
        "workflow": "up",
    });
    if let Some(environment) = &job.environment {
        claims["environment"] = environment.clone().into();
    }
    claims
}

fn gitlab(job: &Job) -> Value {
    let Job { owner, project, branch, .. } = job;
    let kind = if job.is_tag { "tag" } else { "branch" };
    let mut claims = json!({
        "aud": job.audience,
        "sub": format!("project_path:{owner}/{project}:ref_type:{kind}:ref:{branch}"),
        "namespace_path": owner,
        "pipeline_id": job.run.to_string(),
        "pipeline_source": if job.is_pull_request { "merge_request_event" } else { "push" },
        "project_id": Job::numeric_id(project).to_string(),
        "project_path": format!("{owner}/{project}"),
        "ref": branch,
        "ref_protected": job.is_protected.to_string(),
        "ref_type": kind,
        "user_login": format!("user-{}", job.run),
    });
    if let Some(environment) = &job.environment {
        claims["environment"] = environment.clone().into();
    }
    claims
}

fn circle_subject(job: &Job) -> String {
    format!(
        "org/{}/project/{}/user/{}",
        Job::uuid(&job.owner),
        Job::uuid(&job.project),
        Job::uuid(&format!("user-{}", job.run))
    )
}

fn circle_claims(job: &Job, sub: String) -> Value {
    let own = Job::uuid(&job.owner);
    json!({
        "aud": if job.audience == DEFAULT_AUDIENCE { &own } else { &job.audience },
        "sub": sub,
        "oidc.circleci.com/job-id": Job::uuid(&format!("job-{}", job.run)),
        "oidc.circleci.com/project-id": Job::uuid(&job.project),
        "oidc.circleci.com/vcs-origin": format!("github.com/{}/{}", job.owner, job.project),
        "oidc.circleci.com/vcs-ref": job.git_ref(),
    })
}

fn circle_issuer(job: &Job) -> String {
    format!("https://oidc.circleci.com/org/{}", Job::uuid(&job.owner))
}

pub const ALL: &[Model] = &[
    Model {
        name: "GitHub Actions",
        issuer: |_| "https://token.actions.githubusercontent.com".to_owned(),
        mint: github,
        can: GITHUB_CAN,
    },
    Model {
        name: "GitLab",
        issuer: |_| "https://gitlab.com".to_owned(),
        mint: gitlab,
        can: GITHUB_CAN,
    },
    Model {
        name: "self-hosted GitLab",
        issuer: |_| "https://gitlab.acme.example".to_owned(),
        mint: gitlab,
        can: GITHUB_CAN,
    },
    Model {
        name: "CircleCI",
        issuer: circle_issuer,
        mint: |job| circle_claims(job, circle_subject(job)),
        can: Can { audience: true, branch: true, ..NOTHING },
    },
    Model {
        name: "CircleCI (V2)",
        issuer: circle_issuer,
        mint: |job| {
            let origin = format!("github.com/{}/{}", job.owner, job.project);
            let subject = circle_subject(job);
            circle_claims(job, format!("{subject}/vcs-origin/{origin}/vcs-ref/{}", job.git_ref()))
        },
        can: Can { audience: true, branch: true, tag: true, pull_request: true, ..NOTHING },
    },
    Model {
        name: "Bitbucket",
        issuer: |job| {
            format!(
                "https://api.bitbucket.org/2.0/workspaces/{}/pipelines-config/identity/oidc",
                job.owner
            )
        },
        mint: |job| {
            let workspace = format!("{{{}}}", Job::uuid(&job.owner));
            let repository = format!("{{{}}}", Job::uuid(&job.project));
            let step = format!("{{{}}}", Job::uuid(&format!("step-{}", job.run)));
            let default = format!("ari:cloud:bitbucket::workspace/{}", Job::uuid(&job.owner));
            json!({
                "aud": if job.audience == DEFAULT_AUDIENCE { json!(default) } else { json!([default, job.audience]) },
                "sub": format!("{repository}:{step}"),
                "branchName": job.branch,
                "repositoryUuid": repository,
                "stepUuid": step,
                "workspaceUuid": workspace,
            })
        },
        can: Can { audience: true, branch: true, ..NOTHING },
    },
    Model {
        name: "Buildkite",
        issuer: |_| "https://agent.buildkite.com".to_owned(),
        mint: |job| {
            let Job { owner, project, .. } = job;
            let commit = format!("{:040x}", job.run);
            let default = format!("https://buildkite.com/{owner}");
            json!({
                "aud": if job.audience == DEFAULT_AUDIENCE { &default } else { &job.audience },
                "sub": format!(
                    "organization:{owner}:pipeline:{project}:ref:{}:commit:{commit}:step:deploy",
                    job.git_ref()
                ),
                "build_branch": job.branch,
                "build_commit": commit,
                "build_number": job.run,
                "organization_slug": owner,
                "pipeline_slug": project,
                "step_key": "deploy",
            })
        },
        can: Can { audience: true, branch: true, tag: true, ..NOTHING },
    },
    Model {
        name: "Kubernetes",
        issuer: |_| "https://oidc.eks.eu-west-1.amazonaws.com/id/0D58D1E9C7F6B5A4".to_owned(),
        mint: |job| {
            let audience = if job.audience == DEFAULT_AUDIENCE {
                "https://kubernetes.default.svc"
            } else {
                &job.audience
            };
            json!({
                "aud": [audience],
                "sub": format!("system:serviceaccount:{}:{}", job.owner, job.project),
                "kubernetes.io": {
                    "namespace": job.owner,
                    "pod": {"name": format!("deploy-{}", job.run)},
                    "serviceaccount": {"name": job.project, "uid": Job::uuid(&format!("{}/{}", job.owner, job.project))},
                },
            })
        },
        can: Can { audience: true, ..NOTHING },
    },
    Model {
        name: "HCP Terraform",
        issuer: |_| "https://app.terraform.io".to_owned(),
        mint: |job| {
            let phase = if job.is_plan { "plan" } else { "apply" };
            json!({
                "aud": job.audience,
                "sub": format!(
                    "organization:{}:project:web:workspace:{}:run_phase:{phase}",
                    job.owner, job.project
                ),
                "terraform_organization_name": job.owner,
                "terraform_project_name": "web",
                "terraform_run_id": format!("run-{}", job.run),
                "terraform_run_phase": phase,
                "terraform_workspace_id": format!("ws-{}", Job::numeric_id(&job.project)),
                "terraform_workspace_name": job.project,
            })
        },
        can: Can { audience: true, plan: true, ..NOTHING },
    },
    Model {
        name: "Spacelift",
        issuer: |job| format!("https://{}.app.spacelift.io", job.owner),
        mint: |job| {
            let (kind, scope) =
                if job.is_plan { ("PROPOSED", "read") } else { ("TRACKED", "write") };
            json!({
                "aud": format!("{}.app.spacelift.io", job.owner),
                "sub": format!("space:root:stack:{}:run_type:{kind}:scope:{scope}", job.project),
                "callerId": job.project,
                "callerType": "stack",
                "runId": format!("01HQ{}", job.run),
                "runType": kind,
                "scope": scope,
                "spaceId": "root",
            })
        },
        can: Can { plan: true, ..NOTHING },
    },
    Model {
        name: "Pulumi Deployments",
        issuer: |_| "https://api.pulumi.com/oidc".to_owned(),
        mint: |job| {
            let operation = if job.is_plan { "preview" } else { "update" };
            json!({
                "aud": job.owner,
                "sub": format!(
                    "pulumi:deploy:org:{}:project:web:stack:{}:operation:{operation}:scope:write",
                    job.owner, job.project
                ),
                "operation": operation,
                "org": job.owner,
                "project": "web",
                "scope": "write",
                "stack": job.project,
            })
        },
        can: Can { plan: true, ..NOTHING },
    },
    Model {
        name: "Azure DevOps",
        issuer: |job| format!("https://vstoken.dev.azure.com/{}", Job::uuid(&job.owner)),
        mint: |job| {
            json!({
                "aud": "api://AzureADTokenExchange",
                "sub": format!("sc://{}/shop/{}", job.owner, job.project),
            })
        },
        can: NOTHING,
    },
    Model {
        name: "Azure DevOps (Entra)",
        issuer: |_| ENTRA.to_owned(),
        mint: |job| {
            json!({
                "aud": "fb60f99c-7a34-4190-8149-302f77469936",
                "sub": format!(
                    "/eid1/c/pub/t/TSw7jmAffkqbUsDU5vihsw/a/rISbSSETf0KqFyZ8ppdXmA/sc/{}/{}",
                    Job::uuid(&job.owner),
                    Job::uuid(&job.project)
                ),
                "azp": "499b84ac-1321-427f-aa17-267ca6975798",
                "idtyp": "app",
                "oid": "2f7d6a10-94c3-4b58-a1e6-d05b8c3e7f42",
                "tid": "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3",
                "uti": format!("uti-{}", job.run),
                "ver": "2.0",
            })
        },
        can: NOTHING,
    },
];

const ENTRA: &str = "https://login.microsoftonline.com/8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3/v2.0";

const NOTHING: Can = Can {
    audience: false,
    branch: false,
    tag: false,
    environment: false,
    pull_request: false,
    plan: false,
    protection: false,
};
