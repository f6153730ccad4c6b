//! Bitbucket Pipelines.

use super::audience::DefaultAudience;
use super::{
    Audience, Claims, Id, Issuer, JobClaims, LogMarks, Platform, Shape, Subjects, TokenSource,
    Varying, Way,
};
use crate::text;

pub(super) const BITBUCKET: Platform = Platform {
    marker: Some("BITBUCKET_BUILD_NUMBER"),
    sources: &[TokenSource::Variable(TOKEN, "the step needs oidc: true")],
    sources_in_words: TOKEN,
    audience: Audience::Chosen {
        request: Some(request),
        default: Some(DefaultAudience {
            prefix: "ari:cloud:bitbucket::workspace/",
            whose: "Bitbucket's",
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

/// Of fixed length, so that its pattern cannot reach over an environment.
const STEP: Varying = Varying {
    name: "step",
    pattern: "{........-....-....-....-............}",
    why: "is another one in every run",
};

const fn shape(template: &'static str, beside: &'static [&'static str]) -> Shape {
    Shape { needs_issuer: true, varying: &[STEP], beside, ..Shape::new(template) }
}
