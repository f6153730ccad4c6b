//! Tokens in the shape of the CI platforms, each with a policy entry that allows it.

use doctor::platform::Id;
use serde_json::{Map, Value, json};

use super::object;

/// A platform's tokens.
pub struct Platform {
    pub id: Id,
    pub name: &'static str,
    /// The path of the issuer's URL.
    pub path: &'static str,
    /// Makes the shape of a token that the issuer with this URL issued five seconds ago.
    pub shape: fn(&str) -> Shape,
}

/// A token's header and claims, and a policy entry on `aud`, `sub` and one more claim that allows
/// it.
#[derive(Clone)]
pub struct Shape {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    pub entry: Value,
}

impl Shape {
    /// Shifts `iat`, `nbf` and `exp` by seconds; a negative number shifts into the past.
    pub fn shift(&mut self, seconds: i64) {
        for claim in ["iat", "nbf", "exp"] {
            self.claims[claim] = json!(self.claims[claim].as_i64().unwrap() + seconds);
        }
    }
}

/// Every platform.
pub const ALL: [&Platform; 13] = [
    &AZURE_DEVOPS,
    &AZURE_ENTRA,
    &GITHUB,
    &GITHUB_IMMUTABLE,
    &GITLAB,
    &CIRCLECI,
    &CIRCLECI_V2,
    &BITBUCKET,
    &BUILDKITE,
    &KUBERNETES,
    &HCP_TERRAFORM,
    &SPACELIFT,
    &PULUMI_DEPLOYMENTS,
];

/// The times of a platform's tokens, in seconds.
struct Times {
    /// From `iat` to `exp`.
    life: i64,
    /// From `nbf` to `iat`.
    nbf: i64,
}

fn shape(issuer: &str, times: Times, claims: Value, rules: Value) -> Shape {
    let issued = jiff::Timestamp::now().as_second() - 5;
    let mut all = object(json!({
        "iss": issuer,
        "iat": issued,
        "nbf": issued - times.nbf,
        "exp": issued + times.life,
        "jti": "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
    }));
    all.extend(object(claims));
    let entry = json!({
        "decision": "allow",
        "tokenType": "organization",
        "authorizedPermissions": [],
        "roleID": "b9d5b6a0-3b7f-4c52-9a55-0f2f1b8a6f3e",
        "rules": rules,
    });
    Shape { header: Map::new(), claims: all, entry }
}

/// A service connection with Azure DevOps' own issuer.
pub const AZURE_DEVOPS: Platform = Platform {
    id: Id::AzurePipelines,
    name: "Azure DevOps",
    path: "/5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815",
    shape: |issuer| {
        let (aud, sub) = ("api://AzureADTokenExchange", "sc://acme/web-shop/pulumi-production");
        let mut shape = shape(
            issuer,
            Times { life: 300, nbf: 600 },
            json!({"aud": aud, "sub": sub}),
            json!({"aud": aud, "sub": sub, "iss": issuer}),
        );
        shape.header.insert("x5t".to_owned(), json!("q2F8mXw3nT0GvYb5RkLsPA"));
        shape
    },
};

/// A service connection with the Entra issuer.
pub const AZURE_ENTRA: Platform = Platform {
    id: Id::AzurePipelines,
    name: "Azure DevOps (Entra)",
    path: "/8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3/v2.0",
    shape: |issuer| {
        let tenant = "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3";
        let aud = "fb60f99c-7a34-4190-8149-302f77469936";
        let sub = "/eid1/c/pub/t/TSw7jmAffkqbUsDU5vihsw/a/rISbSSETf0KqFyZ8ppdXmA\
            /sc/5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815/c3f0b8d6-71a2-4e95-8d04-6b2e5f19a7c8";
        shape(
            issuer,
            Times { life: 86_700, nbf: 0 },
            json!({
                "aud": aud,
                "sub": sub,
                "azp": "499b84ac-1321-427f-aa17-267ca6975798",
                "idtyp": "app",
                "oid": "2f7d6a10-94c3-4b58-a1e6-d05b8c3e7f42",
                "tid": tenant,
                "uti": "q8ZkXw3nT0GvYb5RkLsPAA",
                "ver": "2.0",
            }),
            json!({"aud": aud, "sub": sub, "tid": tenant}),
        )
    },
};

/// A push to a branch, with the subject of repositories created before 15 July 2026.
pub const GITHUB: Platform = Platform {
    id: Id::GitHubActions,
    name: "GitHub Actions",
    path: "",
    shape: |issuer| github(issuer, "repo:acme/web-shop:ref:refs/heads/main"),
};

/// A push to a branch, with the immutable subject of repositories created or renamed since.
pub const GITHUB_IMMUTABLE: Platform = Platform {
    id: Id::GitHubActions,
    name: "GitHub Actions (immutable subject)",
    path: "",
    shape: |issuer| github(issuer, "repo:acme@1042/web-shop@778899:ref:refs/heads/main"),
};

fn github(issuer: &str, sub: &str) -> Shape {
    let aud = "urn:pulumi:org:acme";
    shape(
        issuer,
        Times { life: 300, nbf: 600 },
        json!({
            "aud": aud,
            "sub": sub,
            "actor": "octocat",
            "event_name": "push",
            "job_workflow_ref": "acme/web-shop/.github/workflows/up.yml@refs/heads/main",
            "ref": "refs/heads/main",
            "ref_type": "branch",
            "repository": "acme/web-shop",
            "repository_id": "778899",
            "repository_owner": "acme",
            "repository_owner_id": "1042",
            "run_id": "1234567890",
            "sha": "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
            "workflow": "up",
        }),
        json!({"aud": aud, "sub": sub, "repository_owner": "acme"}),
    )
}

/// A job on a branch.
pub const GITLAB: Platform = Platform {
    id: Id::GitLab,
    name: "GitLab",
    path: "",
    shape: |issuer| {
        let (aud, sub) =
            ("urn:pulumi:org:acme", "project_path:acme/web-shop:ref_type:branch:ref:main");
        shape(
            issuer,
            Times { life: 3600, nbf: 5 },
            json!({
                "aud": aud,
                "sub": sub,
                "namespace_path": "acme",
                "pipeline_source": "push",
                "project_id": "22",
                "project_path": "acme/web-shop",
                "ref": "main",
                "ref_protected": "true",
                "ref_type": "branch",
                "user_login": "octocat",
            }),
            json!({"aud": aud, "sub": sub, "ref_protected": "true"}),
        )
    },
};

/// `CIRCLE_OIDC_TOKEN`.
pub const CIRCLECI: Platform = Platform {
    id: Id::CircleCi,
    name: "CircleCI",
    path: "/org/b9917b05-2c4f-4e0a-9c35-11ad4b6e7d20",
    shape: |issuer| circleci(issuer, ""),
};

/// `CIRCLE_OIDC_TOKEN_V2`.
pub const CIRCLECI_V2: Platform = Platform {
    id: Id::CircleCi,
    name: "CircleCI (V2)",
    path: "/org/b9917b05-2c4f-4e0a-9c35-11ad4b6e7d20",
    shape: |issuer| {
        circleci(issuer, "/vcs-origin/github.com/acme/web-shop/vcs-ref/refs/heads/main")
    },
};

fn circleci(issuer: &str, origin: &str) -> Shape {
    let aud = "b9917b05-2c4f-4e0a-9c35-11ad4b6e7d20";
    let project = "5d9a7c31-0e82-4b6f-a4d3-7f1c2e9b8a60";
    let sub =
        format!("org/{aud}/project/{project}/user/e4c1d7f2-6a3b-49d8-b05e-8c2f7a1d9e34{origin}");
    shape(
        issuer,
        Times { life: 3600, nbf: 0 },
        json!({
            "aud": aud,
            "sub": sub,
            "oidc.circleci.com/context-ids": ["a74579f1-2e7d-451e-b009-5c082ad2729e"],
            "oidc.circleci.com/project-id": project,
            "oidc.circleci.com/ssh-rerun": false,
            "oidc.circleci.com/vcs-origin": "github.com/acme/web-shop",
            "oidc.circleci.com/vcs-ref": "refs/heads/main",
        }),
        json!({"aud": aud, "sub": sub, "\"oidc.circleci.com/project-id\"": project}),
    )
}

/// A step with a chosen audience, which makes `aud` a list.
pub const BITBUCKET: Platform = Platform {
    id: Id::Bitbucket,
    name: "Bitbucket",
    path: "/2.0/workspaces/acme/pipelines-config/identity/oidc",
    shape: |issuer| {
        let aud = "urn:pulumi:org:acme";
        let repository = "{3c5f9a1e-72d4-4b08-9e6a-d1f2c8b7a450}";
        let step = "{9b1e4d70-5a2c-4f83-8d96-0c7e3f5a2b18}";
        shape(
            issuer,
            Times { life: 3600, nbf: 0 },
            json!({
                "aud": ["ari:cloud:bitbucket::workspace/6e0d3b5c-4f17-4a92-b8c3-2a9d1e7f0c64", aud],
                "sub": format!("{repository}:{step}"),
                "branchName": "main",
                "repositoryUuid": repository,
                "stepUuid": step,
                "workspaceUuid": "{6e0d3b5c-4f17-4a92-b8c3-2a9d1e7f0c64}",
            }),
            // The step's id changes with every run.
            json!({"aud": aud, "sub": format!("{repository}:*"), "branchName": "main"}),
        )
    },
};

/// `buildkite-agent oidc request-token`.
pub const BUILDKITE: Platform = Platform {
    id: Id::Buildkite,
    name: "Buildkite",
    path: "",
    shape: |issuer| {
        let aud = "urn:pulumi:org:acme";
        let commit = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12";
        let pipeline = "organization:acme:pipeline:web-shop:ref:refs/heads/main";
        shape(
            issuer,
            Times { life: 300, nbf: 0 },
            json!({
                "aud": aud,
                "sub": format!("{pipeline}:commit:{commit}:step:deploy"),
                "build_branch": "main",
                "build_commit": commit,
                "build_number": 42,
                "organization_slug": "acme",
                "pipeline_slug": "web-shop",
                "step_key": "deploy",
            }),
            json!({"aud": aud, "sub": format!("{pipeline}:*"), "build_number": "42"}),
        )
    },
};

/// A projected service account token.
pub const KUBERNETES: Platform = Platform {
    id: Id::Kubernetes,
    name: "Kubernetes",
    path: "/id/EXAMPLE0D58D1E9C7F6B5A4938271605",
    shape: |issuer| {
        let (aud, sub) = ("urn:pulumi:org:acme", "system:serviceaccount:ci:deployer");
        shape(
            issuer,
            Times { life: 3600, nbf: 0 },
            json!({
                "aud": [aud],
                "sub": sub,
                "kubernetes.io": {
                    "namespace": "ci",
                    "pod": {"name": "deploy-7d9f", "uid": "d3a1f6c8-5b20-4e97-8c4d-1f0e9b7a6532"},
                    "serviceaccount": {
                        "name": "deployer",
                        "uid": "7c2e9d14-8f65-4a03-b1d7-e5a0c3f89b26",
                    },
                },
            }),
            json!({"aud": aud, "sub": sub, "\"kubernetes.io\".serviceaccount.name": "deployer"}),
        )
    },
};

/// `TFC_WORKLOAD_IDENTITY_TOKEN`.
pub const HCP_TERRAFORM: Platform = Platform {
    id: Id::HcpTerraform,
    name: "HCP Terraform",
    path: "",
    shape: |issuer| {
        let aud = "urn:pulumi:org:acme";
        let workspace = "organization:acme:project:web:workspace:production";
        shape(
            issuer,
            Times { life: 3600, nbf: 0 },
            json!({
                "aud": aud,
                "sub": format!("{workspace}:run_phase:apply"),
                "terraform_organization_name": "acme",
                "terraform_project_name": "web",
                "terraform_run_phase": "apply",
                "terraform_workspace_name": "production",
            }),
            json!({
                "aud": aud,
                "sub": format!("{workspace}:run_phase:*"),
                "terraform_workspace_name": "production",
            }),
        )
    },
};

/// `SPACELIFT_OIDC_TOKEN`. Its `scope` is no Pulumi scope.
pub const SPACELIFT: Platform = Platform {
    id: Id::Spacelift,
    name: "Spacelift",
    path: "",
    shape: |issuer| {
        let aud = "acme.app.spacelift.io";
        let sub = "space:production-01HQ:stack:web-shop:run_type:TRACKED:scope:write";
        shape(
            issuer,
            Times { life: 3600, nbf: 0 },
            json!({
                "aud": aud,
                "sub": sub,
                "callerId": "web-shop",
                "callerType": "stack",
                "runId": "01HQ7Z9X3T5V8W2Y4A6B0C1D2E",
                "runType": "TRACKED",
                "scope": "write",
                "spaceId": "production-01HQ",
            }),
            json!({"aud": aud, "sub": sub, "spaceId": "production-01HQ"}),
        )
    },
};

/// `PULUMI_OIDC_TOKEN`.
pub const PULUMI_DEPLOYMENTS: Platform = Platform {
    id: Id::PulumiDeployments,
    name: "Pulumi Deployments",
    path: "/oidc",
    shape: |issuer| {
        let stack = "pulumi:deploy:org:acme:project:web:stack:production";
        shape(
            issuer,
            Times { life: 3600, nbf: 0 },
            json!({
                "aud": "acme",
                "sub": format!("{stack}:operation:update:scope:write"),
                "operation": "update",
                "org": "acme",
                "project": "web",
                "scope": "write",
                "stack": "production",
            }),
            json!({"aud": "acme", "sub": format!("{stack}:*"), "stack": "production"}),
        )
    },
};
