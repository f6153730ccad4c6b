//! Bitbucket Pipelines.

use super::audience::DefaultAudience;
use super::kind::{Change, GivenJob, Variant, text};
use super::{
    Audience, Claims, Id, Issuer, JobClaims, Kind, Kinds, LogMarks, Platform, Shape, Subjects,
    TokenSource, Varying, Way,
};
use crate::policy::template::{Open, Template};
use crate::text;

pub(super) const BITBUCKET: Platform = Platform {
    marker: Some("BITBUCKET_BUILD_NUMBER"),
    sources: &[TokenSource::Variable(TOKEN, "the step needs oidc: true")],
    sources_for_manual: TOKEN,
    audience: Audience::Chosen {
        request: Some(request),
        default: Some(DefaultAudience {
            prefix: "ari:cloud:bitbucket::workspace/",
            possessive: "Bitbucket's",
        }),
    },
    issuer: Some(Issuer::new(
        "Bitbucket Pipelines",
        &["https://api.bitbucket.org/"],
        &["api.bitbucket.org"],
    )),
    subjects: Subjects {
        shapes: &[
            shape("{repository}:{environment}:{step}", &[]),
            shape("{repository}:{step}", &["branchName"]),
        ],
        ..Subjects::NONE
    },
    claims: Claims {
        documented: &[
            "branchName",
            "deploymentEnvironmentUuid",
            "repositoryUuid",
            "stepUuid",
            "workspaceUuid",
        ],
        per_run: &["stepUuid"],
        job: Some(JobClaims {
            marks: &["repositoryUuid", "workspaceUuid"],
            ways: &[
                Way::new(&["repositoryUuid", "deploymentEnvironmentUuid"]),
                Way {
                    applies: |claims| !claims.contains_key("deploymentEnvironmentUuid"),
                    claims: &["repositoryUuid", "branchName"],
                },
            ],
            parts: &["repositoryUuid", "workspaceUuid"],
        }),
        ..Claims::NONE
    },
    kinds: Some(Kinds {
        others: kinds,
        unwanted: |_| None,
        parts: &[
            ("repository", "repositoryUuid", ""),
            ("environment", "deploymentEnvironmentUuid", ""),
            ("step", "stepUuid", ""),
        ],
    }),
    log: LogMarks { platform: &["BITBUCKET_"], ..LogMarks::NONE },
    variable: Some(TOKEN),
    missing_token: Some(|login| {
        (
            "Bitbucket gives a token to the steps that ask for one:",
            format!("- step:\n    oidc: true\n    script:\n      - {}", text::yaml(&login.command)),
        )
    }),
    ..Platform::new(Id::Bitbucket, "Bitbucket Pipelines")
};

fn request(audience: &str) -> String {
    format!("- step:\n    oidc:\n      audiences:\n        - {}", text::yaml(audience))
}

const TOKEN: &str = "BITBUCKET_STEP_OIDC_TOKEN";

/// The pattern has a fixed length, so that it cannot match across an environment.
const STEP: Varying = Varying {
    name: "step",
    pattern: "{........-....-....-....-............}",
    why: "changes in every run",
};

const fn shape(template: &'static str, beside: &'static [&'static str]) -> Shape {
    Shape { needs_issuer: true, varying: &[STEP], beside, ..Shape::new(template) }
}

const BRANCH: Open = Open::new("branch", "another-branch", "");
const ENVIRONMENT: Open = Open::new("environment", "{00000000-0000-4000-8000-000000000001}", ":");
const REPOSITORY: Open = Open::new("repository", "{00000000-0000-4000-8000-000000000002}", ":");
const ANY_STEP: Open = Open::new("step", "{00000000-0000-4000-8000-000000000003}", ":");

/// Its tokens do not show pull requests: they are built like their branch.
fn kinds(given: &GivenJob) -> Vec<Variant> {
    let in_subject = given.subject().split(':').next().unwrap_or_default().to_owned();
    let own = given.text("repositoryUuid").unwrap_or(in_subject);
    let environment = given.text("deploymentEnvironmentUuid");
    let job = |kind, repository: Template, environment: Option<Template>| {
        let place = environment.clone().map(|template| template.text(":")).unwrap_or_default();
        let subject = repository.clone().text(":").then(place).open(ANY_STEP);
        let job = Variant::new(kind).set("sub", subject).set("repositoryUuid", repository);
        job.change("deploymentEnvironmentUuid", environment.map_or(Change::Absent, Change::To))
            .open("stepUuid", ANY_STEP)
    };
    let branch = match given.text("branchName") {
        Some(own) if environment.is_none() => BRANCH.excluding(own),
        _ => BRANCH,
    };
    let others = |open: Open| Template::default().open(open);
    let other = environment.iter().fold(ENVIRONMENT, Open::excluding);
    let another = || others(REPOSITORY.excluding(&own));
    vec![
        job(Kind::Branch, text(&own), None).open("branchName", branch.clone()),
        job(Kind::PullRequest, text(&own), None).open("branchName", branch),
        job(Kind::Environment, text(&own), Some(others(other))),
        job(Kind::Owner, another(), environment.map(text)),
        job(Kind::Owner, another(), None).open("branchName", BRANCH),
        job(Kind::Owner, another(), Some(others(ENVIRONMENT))).open("branchName", BRANCH),
    ]
}
