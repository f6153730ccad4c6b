//! The kinds of job that each platform has, and why it lacks the others.

#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::platform::{ALL, Id};
use crate::policy::template::Values;

use Kind::{Branch, Environment, Fork, Plan, ProtectedBranch, PullRequest, Stranger, Tag, This};

/// The claims of a job on this platform.
fn sample(id: Id) -> Option<Map<String, Value>> {
    let claims = match id {
        Id::GitHubActions => json!({
            "aud": "urn:pulumi:org:acme", "sub": "repo:acme/web:ref:refs/heads/main",
            "repository": "acme/web", "repository_id": "74", "repository_owner": "acme",
            "repository_owner_id": "65", "ref": "refs/heads/main", "ref_type": "branch",
            "ref_protected": "true", "event_name": "push",
            "job_workflow_ref": "acme/web/.github/workflows/up.yml@refs/heads/main",
        }),
        Id::GitLab => json!({
            "aud": "urn:pulumi:org:acme", "sub": "project_path:acme/web:ref_type:branch:ref:main",
            "project_path": "acme/web", "namespace_path": "acme", "project_id": "22",
            "namespace_id": "7", "ref": "main", "ref_type": "branch", "ref_protected": "true",
            "pipeline_source": "push",
        }),
        Id::CircleCi => json!({
            "aud": "o", "sub": "org/o/project/p/user/u/vcs-origin/github.com/acme/web/vcs-ref/refs/heads/main",
            "oidc.circleci.com/project-id": "p",
            "oidc.circleci.com/vcs-origin": "github.com/acme/web",
            "oidc.circleci.com/vcs-ref": "refs/heads/main",
        }),
        Id::Bitbucket => json!({
            "aud": ["urn:pulumi:org:acme"], "sub": "{r}:{s}", "repositoryUuid": "{r}",
            "stepUuid": "{s}", "workspaceUuid": "{w}", "branchName": "main",
        }),
        Id::Buildkite => json!({
            "aud": "urn:pulumi:org:acme",
            "sub": "organization:acme:pipeline:web:ref:refs/heads/main:commit:c0ffee:step:up",
            "organization_slug": "acme", "pipeline_slug": "web", "build_branch": "main",
            "step_key": "up",
        }),
        Id::HcpTerraform => json!({
            "aud": "urn:pulumi:org:acme",
            "sub": "organization:acme:project:web:workspace:prod:run_phase:apply",
            "terraform_organization_name": "acme", "terraform_project_name": "web",
            "terraform_workspace_name": "prod", "terraform_run_phase": "apply",
        }),
        Id::Spacelift => json!({
            "aud": "acme.app.spacelift.io",
            "sub": "space:prod:stack:web:run_type:TRACKED:scope:write",
            "spaceId": "prod", "callerId": "web", "callerType": "stack", "runType": "TRACKED",
            "scope": "write",
        }),
        Id::PulumiDeployments => json!({
            "aud": "acme",
            "sub": "pulumi:deploy:org:acme:project:web:stack:prod:operation:update:scope:write",
            "org": "acme", "project": "web", "stack": "prod", "operation": "update",
            "scope": "write",
        }),
        Id::Kubernetes => json!({
            "aud": ["urn:pulumi:org:acme"], "sub": "system:serviceaccount:ci:deployer",
            "kubernetes.io": {"namespace": "ci", "serviceaccount": {"name": "deployer", "uid": "7c"}},
        }),
        Id::AzurePipelines => json!({
            "aud": "api://AzureADTokenExchange", "sub": "sc://acme/web/production",
        }),
        Id::Entra => json!({
            "aud": "fb60f99c-7a34-4190-8149-302f77469936",
            "sub": "/eid1/c/pub/t/TSw7jmAffkqbUsDU5vihsw/a/rISbSSETf0KqFyZ8ppdXmA/sc/5a1c/c3f0",
        }),
        _ => return None,
    };
    Some(claims.as_object().unwrap().clone())
}

const NO_PLAN: (Kind, &str) = (Plan, "it has no speculative plans");
const NO_PROTECTED: (Kind, &str) = (ProtectedBranch, "its tokens do not tell which are protected");
const NO_FORK: (Kind, &str) = (Fork, "its tokens do not tell forks: one is built as its branch is");
const NO_ENVIRONMENT: (Kind, &str) = (Environment, "its tokens name none");
const ONE_OWNER: (Kind, &str) = (Stranger, "the issuer's URL is that of one customer");
const FIXED: (Kind, &str) = (Kind::Audience, "the audience cannot be chosen");
const NO_GIT: [(Kind, &str); 5] = [
    (Branch, "its tokens tell no branch"),
    (ProtectedBranch, "its tokens tell no branch"),
    (Tag, "its tokens tell no tag"),
    (PullRequest, "a pull request starts a plan"),
    (Fork, "a pull request starts a plan"),
];

/// The kinds that a platform leaves out, and why.
fn left_out(id: Id) -> Vec<(Kind, &'static str)> {
    let no_git = |more: &[(Kind, &'static str)]| [&NO_GIT, more].concat();
    match id {
        Id::GitHubActions => vec![NO_PLAN],
        Id::GitLab => vec![NO_PLAN, (Fork, "it runs in the fork's project, or as a merge request")],
        Id::CircleCi => vec![NO_PLAN, NO_PROTECTED, NO_FORK, NO_ENVIRONMENT, ONE_OWNER],
        Id::Bitbucket => {
            vec![NO_PLAN, NO_PROTECTED, NO_FORK, ONE_OWNER, (Tag, "its tokens tell branches alone")]
        }
        Id::Buildkite => vec![NO_PLAN, NO_PROTECTED, NO_FORK, NO_ENVIRONMENT],
        Id::HcpTerraform => no_git(&[NO_ENVIRONMENT]),
        Id::Spacelift => no_git(&[NO_ENVIRONMENT, ONE_OWNER, FIXED]),
        Id::PulumiDeployments => no_git(&[NO_ENVIRONMENT, FIXED]),
        Id::Kubernetes => no_git(&[NO_ENVIRONMENT, NO_PLAN]),
        Id::AzurePipelines => vec![
            NO_PLAN,
            NO_PROTECTED,
            NO_FORK,
            NO_ENVIRONMENT,
            ONE_OWNER,
            FIXED,
            (Tag, "a service connection's token is the same for every ref: branch says so"),
        ],
        Id::Entra => vec![
            NO_PLAN,
            NO_PROTECTED,
            NO_FORK,
            NO_ENVIRONMENT,
            FIXED,
            (Tag, "a service connection's token is the same for every ref: branch says so"),
        ],
        _ => Vec::new(),
    }
}

#[test]
fn missing_kinds_have_reasons() {
    for platform in ALL {
        let Some(claims) = sample(platform.id) else {
            assert!(platform.kinds.is_none(), "{}: a token is missing", platform.name);
            continue;
        };
        let has: BTreeSet<Kind> =
            kinds(Some(platform), &claims).into_iter().map(|variant| variant.kind).collect();
        let reasons = left_out(platform.id);
        for kind in Kind::ALL {
            let reason = reasons.iter().find(|(known, _)| *known == kind).map(|(_, why)| why);
            match (has.contains(&kind), reason) {
                (false, None) => panic!("{}: say how {} differs", platform.name, kind.name()),
                (true, Some(why)) => panic!("{} has {}: {why}", platform.name, kind.name()),
                _ => {}
            }
        }
    }
}

/// All changed claims exist, and every kind's tokens differ from the given one, unless the
/// platform's tokens do not show the kind.
#[test]
fn kinds_change_existing_claims() {
    for platform in ALL {
        let Some(claims) = sample(platform.id) else { continue };
        for variant in kinds(Some(platform), &claims) {
            for (claim, change) in &variant.changes {
                let key = ClaimPath::parse(claim).unwrap().keys()[0].clone();
                let is_known = |known: &&str| {
                    ClaimPath::parse(known).is_ok_and(|known| known.keys()[0] == key)
                };
                let standard = crate::platform::STANDARD_CLAIMS;
                let shared = platform.issuer.as_ref().and_then(|own| own.shared.as_ref());
                let shared = shared.map(|shared| shared.claims).unwrap_or_default();
                let mut all = standard.iter().chain(platform.claims.documented).chain(shared);
                // Entra's and Azure DevOps' claims are listed apart, and their kinds together.
                let is_azure = matches!(platform.id, Id::AzurePipelines | Id::Entra);
                assert!(is_azure || all.any(is_known), "{}: {claim}", platform.name);
                if let Change::To(template) = change {
                    assert!(!template.fill(&Values::new()).is_empty(), "{claim}");
                }
            }
            let says_nothing = variant.changes.iter().all(|(_, to)| *to == Change::Unknown);
            let is_told = !says_nothing || variant.kind == This;
            let is_azure = matches!(platform.id, Id::AzurePipelines | Id::Entra);
            assert!(is_told || is_azure, "{} {}", platform.name, variant.kind.name());
        }
    }
}

#[test]
fn unwanted_kind_is_recognised() {
    let unwanted_with = |id: Id, changes: Value| {
        let mut claims = sample(id).unwrap();
        claims.extend(changes.as_object().unwrap().clone());
        (id.platform().kinds.as_ref().unwrap().unwanted)(&GivenJob { claims: &claims })
    };
    let cases = [
        (Id::GitHubActions, json!({}), None),
        (Id::GitHubActions, json!({"ref_protected": "false"}), Some(Branch)),
        (Id::GitHubActions, json!({"event_name": "pull_request"}), Some(PullRequest)),
        (Id::GitHubActions, json!({"sub": "repo:acme/web:pull_request"}), Some(PullRequest)),
        (Id::GitHubActions, json!({"event_name": "pull_request_target"}), Some(Fork)),
        (Id::GitLab, json!({"pipeline_source": "merge_request_event"}), Some(PullRequest)),
        (Id::GitLab, json!({"ref_protected": "false"}), Some(Branch)),
        (
            Id::CircleCi,
            json!({"oidc.circleci.com/vcs-ref": "refs/heads/pull/7"}),
            Some(PullRequest),
        ),
        (Id::HcpTerraform, json!({"terraform_run_phase": "plan"}), Some(Plan)),
        (Id::Spacelift, json!({"runType": "PROPOSED"}), Some(Plan)),
        (Id::PulumiDeployments, json!({"operation": "preview"}), Some(Plan)),
        (Id::AzurePipelines, json!({"rpo_ref": "refs/pull/7/merge"}), Some(PullRequest)),
        (Id::Kubernetes, json!({}), None),
    ];
    for (id, changes, expected) in cases {
        assert_eq!(unwanted_with(id, changes.clone()), expected, "{} {changes}", id.name());
    }
}
