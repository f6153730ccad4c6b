//! Buildkite.

use super::audience::DefaultAudience;
use super::kind::{GivenJob, Variant, text};
use super::{
    Audience, Beginning, Claims, Id, Issuer, JobClaims, Kind, Kinds, LogMarks, Platform, Program,
    Shape, Shared, Subjects, TokenSource, Varying, Way, subject,
};
use crate::policy::template::{Open, Template};
use crate::text;

pub(super) const BUILDKITE: Platform = Platform {
    marker: Some(MARKER),
    sources: &[TokenSource::Program(&AGENT)],
    sources_for_manual: "asked of buildkite-agent",
    audience: Audience::Chosen {
        request: Some(request),
        default: Some(DefaultAudience {
            prefix: "https://buildkite.com/",
            possessive: "Buildkite's",
        }),
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
    kinds: Some(Kinds {
        others: kinds,
        unwanted: |_| None,
        parts: &[
            ("organization", "organization_slug", ""),
            ("pipeline", "pipeline_slug", ""),
            ("step", "step_key", ""),
        ],
    }),
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
    // A commit hash. For `HEAD` the rule uses `*`.
    pattern: "........................................",
    why: "changes with every build",
};

/// The agent (`clicommand/oidc_request_token.go`), with the variables for the job's identity, the
/// claims of its tokens, and the redaction of tokens in the log.
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

const BRANCH: Open = Open::new("branch", "another-branch", ":");
const TAG: Open = Open::new("tag", "v1.0.0", ":");
const ANY_COMMIT: Open = Open::new("commit", "0123456789abcdef0123456789abcdef01234567", ":");
const ANY_STEP: Open = Open::new("step", "a-step", ":");
const PIPELINE: Open = Open::new("pipeline", "another-pipeline", ":");
const STRANGER: Open = Open::new("organization", "somebody-else", ":");
const ID: Open = Open::new("pipeline's id", "00000000-0000-4000-8000-000000000001", "");
const ORGANIZATION_ID: Open =
    Open::new("organization's id", "00000000-0000-4000-8000-000000000002", "");

/// Its tokens do not show pull requests: they are built like their branch.
fn kinds(given: &GivenJob) -> Vec<Variant> {
    let subject = subject::describe("", given.subject());
    let part = |name: &str, claim: &str| {
        subject.as_ref().and_then(|known| known.part(name)).or_else(|| given.text(claim))
    };
    let organization = part("organization", "organization_slug").unwrap_or_default();
    let pipeline = part("pipeline", "pipeline_slug").unwrap_or_default();
    let step = part("step", "step_key").unwrap_or_default();
    let own_ref = part("ref", "build_branch").unwrap_or_default();
    let own = own_ref.strip_prefix("refs/heads/").unwrap_or(&own_ref);
    let job =
        |kind, organization: Template, pipeline: Template, reference: Template, step: Template| {
            let variant = Variant::new(kind);
            let sub = text("organization:").then(organization.clone()).text(":pipeline:");
            let sub = sub.then(pipeline.clone()).text(":ref:").then(reference).text(":commit:");
            let sub = sub.open(ANY_COMMIT).text(":step:").then(step);
            let variant = match given.subject() {
                "" => variant,
                // The agent can be configured to put an id into `sub`.
                _ if subject.is_none() => variant.unknown(&["sub"]),
                _ => variant.set("sub", sub),
            };
            variant.set("organization_slug", organization).set("pipeline_slug", pipeline)
        };
    let (here, this) = (text(&organization), text(&pipeline));
    let branch = |kind, open: Open| {
        let reference = text("refs/heads/").open(open.clone());
        job(kind, here.clone(), this.clone(), reference, text(&step)).open("build_branch", open)
    };
    let any = |open: Open| Template::default().open(open);
    let others = [
        (Kind::Owner, here.clone(), PIPELINE.excluding(&pipeline)),
        (Kind::Stranger, any(STRANGER.excluding(&organization)), PIPELINE),
    ];
    let mut all = vec![
        branch(Kind::Branch, BRANCH.excluding(own)),
        branch(Kind::PullRequest, BRANCH.excluding(own)),
        job(Kind::Tag, here.clone(), this.clone(), text("refs/tags/").open(TAG), text(&step))
            .open("build_tag", TAG)
            .unknown(&["build_branch"]),
    ];
    for (kind, organization, pipeline) in others {
        let reference = text("refs/heads/").open(BRANCH);
        let variant = job(kind, organization, any(pipeline), reference, any(ANY_STEP));
        let variant = variant.open("build_branch", BRANCH).open("step_key", ANY_STEP);
        let variant = variant.other_id(given, "pipeline_id", ID);
        all.push(match kind {
            Kind::Stranger => variant
                .other_id(given, "organization_id", ORGANIZATION_ID)
                .unknown(&["agent_id", "cluster_id"]),
            _ => variant,
        });
    }
    all
}
