//! Spacelift.

use super::{
    Audience, Beginning, Claims, Id, Issuer, JobClaims, Note, Platform, Shape, Subjects,
    TokenSource, Way,
};

pub(super) const SPACELIFT: Platform = Platform {
    marker: Some("SPACELIFT_OIDC_TOKEN"),
    sources: &[
        TokenSource::Variable("SPACELIFT_OIDC_TOKEN", ""),
        TokenSource::File("/mnt/workspace/spacelift.oidc"),
    ],
    sources_in_words: "SPACELIFT_OIDC_TOKEN, /mnt/workspace/spacelift.oidc",
    // The account's host name.
    audience: Audience::Fixed(&[]),
    issuer: Some(Issuer::new("Spacelift", &[], &["*.app.spacelift.io"])),
    subjects: Subjects {
        shapes: &[
            shape("space:{space}:stack:{stack}:run_type:{run type}:scope:{scope}"),
            shape("space:{space}:module:{module}:run_type:{run type}:scope:{scope}"),
        ],
        beginnings: &[Beginning::new("space:")],
        notes: &[Note::new(
            "run type",
            "Only runs of this type and scope are let in; a proposed run has its own. For every \
             run, end the rule on sub with :run_type:*:scope:*.",
        )],
        ..Subjects::NONE
    },
    claims: Claims {
        documented: &["callerId", "callerType", "runId", "runType", "scope", "spaceId"],
        personal: &["runId"],
        per_run: &["runId"],
        job: Some(JobClaims {
            marks: &["spaceId", "callerId"],
            ways: &[Way::new(&["spaceId", "callerType", "callerId", "runType", "scope"])],
            parts: &["callerId", "spaceId"],
        }),
        ..Claims::NONE
    },
    ..Platform::new(Id::Spacelift, "Spacelift")
};

const fn shape(template: &'static str) -> Shape {
    Shape { words: &["run type", "scope"], ..Shape::new(template) }
}
