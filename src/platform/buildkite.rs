//! Buildkite.

use super::audience::DefaultAudience;
use super::{
    Audience, Beginning, Claims, Id, Issuer, JobClaims, LogMarks, Platform, Program, Shape, Shared,
    Subjects, TokenSource, Varying, Way,
};
use crate::text;

pub(super) const BUILDKITE: Platform = Platform {
    marker: Some(MARKER),
    sources: &[TokenSource::Program(&AGENT)],
    sources_in_words: "asked of buildkite-agent",
    audience: Audience::Chosen {
        request: Some(request),
        default: Some(DefaultAudience { prefix: "https://buildkite.com/", whose: "Buildkite's" }),
    },
    issuer: Some(Issuer {
        shared: Some(Shared {
            everybody: "every pipeline on Buildkite",
            owner: "organization",
            claims: &[
                "agent_id",
                "cluster_id",
                "organization_id",
                "organization_slug",
                "pipeline_id",
            ],
            keys: &["organization"],
            escaped: false,
        }),
        ..Issuer::new("Buildkite", &["https://agent.buildkite.com"], &["agent.buildkite.com"])
    }),
    subjects: Subjects {
        shapes: &[
            shape(
                "organization:{organization}:pipeline:{pipeline}:ref:{ref}:commit:{commit}\
                 :step:{step}",
            ),
            // A step may have no key.
            shape(
                "organization:{organization}:pipeline:{pipeline}:ref:{ref}:commit:{commit}:step:",
            ),
        ],
        beginnings: &[Beginning::new("organization:")],
        ..Subjects::NONE
    },
    claims: Claims {
        documented: &[
            "build_branch",
            "build_commit",
            "build_number",
            "build_tag",
            "job_id",
            "organization_id",
            "organization_slug",
            "pipeline_id",
            "pipeline_slug",
            "runner_environment",
            "step_key",
        ],
        per_run: &["build_commit", "build_number", "job_id"],
        names: &["organization_slug", "pipeline_slug"],
        job: Some(JobClaims {
            marks: &["organization_slug", "pipeline_slug"],
            ways: &[
                Way::new(&["organization_slug", "pipeline_id", "build_branch", "step_key"]),
                Way::new(&["organization_slug", "pipeline_slug", "build_branch", "step_key"]),
            ],
            parts: &["pipeline_id", "pipeline_slug", "organization_slug"],
        }),
        ..Claims::NONE
    },
    secrets: &["BUILDKITE_AGENT_ACCESS_TOKEN"],
    log: LogMarks {
        platform: &["buildkite-agent"],
        token_request: &["oidc request-token"],
        ..LogMarks::NONE
    },
    missing_token: Some(|login| {
        ("The agent gives the job a token when it is asked:", request(&login.audience))
    }),
    ..Platform::new(Id::Buildkite, "Buildkite")
};

const MARKER: &str = "BUILDKITE";

const fn shape(template: &'static str) -> Shape {
    Shape { varying: &[COMMIT], ..Shape::new(template) }
}

const COMMIT: Varying = Varying {
    name: "commit",
    // A hash; `HEAD` leaves it open.
    pattern: "........................................",
    why: "is whichever is built",
};

/// The agent's `clicommand/oidc_request_token.go`: who the job is, which claims its tokens have,
/// and how to have a token redacted in the log.
const AGENT: Program = Program {
    marker: MARKER,
    name: "buildkite-agent",
    arguments: &["oidc", "request-token", "--audience"],
    variables: &[
        "BUILDKITE_AGENT_ACCESS_TOKEN",
        "BUILDKITE_AGENT_ENDPOINT",
        "BUILDKITE_NO_HTTP2",
        "BUILDKITE_JOB_ID",
        "BUILDKITE_OIDC_TOKEN_SUBJECT_CLAIM",
        "BUILDKITE_OIDC_TOKEN_CLAIMS",
        "BUILDKITE_OIDC_TOKEN_AWS_SESSION_TAGS",
        "BUILDKITE_AGENT_OIDC_REQUEST_TOKEN_SKIP_TOKEN_REDACTION",
        "BUILDKITE_AGENT_JOB_API_SOCKET",
        "BUILDKITE_AGENT_JOB_API_TOKEN",
    ],
};

fn request(audience: &str) -> String {
    format!("buildkite-agent oidc request-token --audience {}", text::shell(audience))
}
