//! The CI platforms as the harness knows them: which token a job gets, and what of it a job can choose.
//! Written from the platforms' documentation, with nothing of the program.

use serde_json::{Map, Value, json};

use crate::support::object;

/// A job, as far as a token tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub owner: String,
    pub project: String,
    /// A branch, or a tag.
    pub branch: String,
    pub is_tag: bool,
    pub is_protected: bool,
    pub is_pull_request: bool,
    /// A plan, a proposed run, a preview.
    pub is_plan: bool,
    pub environment: Option<String>,
    /// What the job asks for, where it can.
    pub audience: String,
    /// GitHub's subject with ids.
    pub has_ids: bool,
    /// What is another one in every run: the run, and the person who starts it.
    pub run: u32,
}

/// A platform.
pub struct Model {
    pub name: &'static str,
    pub issuer: fn(&Job) -> String,
    /// The claims, but for `iss` and times.
    mint: fn(&Job) -> Value,
    pub can: Can,
}

/// What a job of the platform can choose.
#[derive(Default, Clone, Copy)]
pub struct Can {
    pub audience: bool,
    pub branch: bool,
    pub tag: bool,
    pub environment: bool,
    pub pull_request: bool,
    pub plan: bool,
    pub protection: bool,
}

pub const ORGANIZATION: &str = "acme";

/// The audience that a platform's tokens have unless the job asks for another one.
pub const DEFAULT: &str = "default";

impl Job {
    pub fn new(model: &Model) -> Self {
        let audience = if model.can.audience { "urn:pulumi:org:acme" } else { DEFAULT };
        Self {
            owner: "acme".to_owned(),
            project: "web-shop".to_owned(),
            branch: "main".to_owned(),
            is_tag: false,
            is_protected: true,
            is_pull_request: false,
            is_plan: false,
            environment: None,
            audience: audience.to_owned(),
            has_ids: false,
            run: 1,
        }
    }

    /// A number that differs with the text.
    fn id(text: &str) -> u32 {
        text.bytes().fold(7, |sum, byte| (sum * 31 + u32::from(byte)) % 100_000)
    }

    fn uuid(text: &str) -> String {
        let id = Self::id(text);
        format!("{id:08x}-2c4f-4e0a-9c35-{id:012x}")
    }

    fn git_ref(&self) -> String {
        match (self.is_pull_request, self.is_tag) {
            (true, _) => format!("refs/pull/{}/merge", self.run),
            (_, true) => format!("refs/tags/{}", self.branch),
            _ => format!("refs/heads/{}", self.branch),
        }
    }
}

impl Model {
    pub fn claims(&self, job: &Job) -> Map<String, Value> {
        let mut claims = object((self.mint)(job));
        claims.insert("iss".to_owned(), (self.issuer)(job).into());
        claims.insert("iat".to_owned(), 1_790_000_000_u32.into());
        claims.insert("exp".to_owned(), 1_790_003_600_u32.into());
        claims
    }

    /// The job that gets a token with this claim; `None` where no job of this project can.
    pub fn with_claim(&self, job: &Job, claim: &str, value: &str) -> Option<Job> {
        if claim == "aud" {
            return self.can.audience.then(|| Job { audience: value.to_owned(), ..job.clone() });
        }
        let has = |job: &Job| {
            crate::reference::rule_matches(&self.claims(job), claim, &Value::from(value))
        };
        let candidates = self.candidates(job, claim, value);
        candidates.into_iter().find(has)
    }

    /// Jobs of the same project that run elsewhere.
    fn candidates(&self, job: &Job, claim: &str, value: &str) -> Vec<Job> {
        let last = |separator: char| value.rsplit(separator).next().unwrap_or(value).to_owned();
        let names = [
            value.to_owned(),
            last(':'),
            last('/'),
            value
                .split("refs/heads/")
                .last()
                .unwrap_or_default()
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned(),
            value
                .split("refs/tags/")
                .last()
                .unwrap_or_default()
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned(),
        ];
        let mut all = vec![job.clone()];
        for name in names {
            let plain = Job { is_pull_request: false, ..job.clone() };
            if self.can.branch {
                let on = Job { branch: name.clone(), is_tag: false, ..plain.clone() };
                all.push(Job { environment: None, ..on.clone() });
                all.push(on);
            }
            if self.can.tag {
                all.push(Job {
                    branch: name.clone(),
                    is_tag: true,
                    environment: None,
                    ..plain.clone()
                });
            }
            if self.can.environment {
                all.push(Job { environment: Some(name.clone()), ..plain.clone() });
            }
        }
        if self.can.protection {
            all.push(Job { is_protected: !job.is_protected, ..job.clone() });
        }
        if self.can.plan {
            all.push(Job { is_plan: !job.is_plan, ..job.clone() });
        }
        if self.can.pull_request {
            all.push(Job { is_pull_request: !job.is_pull_request, ..job.clone() });
        }
        // A job that merely happens to have the claim is none that was asked for.
        all.retain(|one| claim != "sub" || one.owner == job.owner);
        all
    }
}

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
    let (owner_id, project_id) = (Job::id(owner), Job::id(project));
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
        DEFAULT => format!("https://github.com/{owner}"),
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
        "project_id": Job::id(project).to_string(),
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
        "aud": if job.audience == DEFAULT { &own } else { &job.audience },
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
                "aud": if job.audience == DEFAULT { json!(default) } else { json!([default, job.audience]) },
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
                "aud": if job.audience == DEFAULT { &default } else { &job.audience },
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
            let audience = if job.audience == DEFAULT {
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
                "terraform_workspace_id": format!("ws-{}", Job::id(&job.project)),
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
