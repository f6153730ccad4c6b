//! Spacelift.

use super::kind::{GivenJob, Variant, text};
use super::{
    Audience, Beginning, Claims, Id, Issuer, JobClaims, Kind, Kinds, Note, Platform, Shape,
    Subjects, TokenSource, Way, subject,
};
use crate::policy::template::{Open, Template};

pub(super) const SPACELIFT: Platform = Platform {
    marker: Some("SPACELIFT_OIDC_TOKEN"),
    sources: &[
        TokenSource::Variable("SPACELIFT_OIDC_TOKEN", ""),
        TokenSource::File("/mnt/workspace/spacelift.oidc"),
    ],
    sources_for_manual: "SPACELIFT_OIDC_TOKEN, /mnt/workspace/spacelift.oidc",
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
            "Only runs of this type and scope are let in. A proposed run has a token of its own: add \
             an entry for it only if that is meant.",
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
    kinds: Some(Kinds {
        others: kinds,
        unwanted: |given| given.has_value("runType", PROPOSED).then_some(Kind::Plan),
        parts: &[
            ("space", "spaceId", ""),
            ("stack", "callerId", ""),
            ("module", "callerId", ""),
            ("run type", "runType", ""),
            ("scope", "scope", ""),
        ],
    }),
    ..Platform::new(Id::Spacelift, "Spacelift")
};

const fn shape(template: &'static str) -> Shape {
    Shape { words: &["run type", "scope"], ..Shape::new(template) }
}

/// The type of the preview runs that a pull request starts.
const PROPOSED: &str = "PROPOSED";
const STACK: Open = Open::new("stack", "another-stack", ":");
const ANY_STACK: Open = Open::new("any stack", "a-stack", ":");
const SPACE: Open = Open::new("space", "another-space", ":");
const TYPE: Open = Open::new("run type", "TRACKED", ":");
const SCOPE: Open = Open::new("scope", "write", ":");

fn kinds(given: &GivenJob) -> Vec<Variant> {
    let subject = subject::describe("", given.subject());
    let part = |name: &str| subject.as_ref().and_then(|known| known.part(name));
    let space = part("space").or_else(|| given.text("spaceId")).unwrap_or_default();
    let own = part("stack").or_else(|| part("module")).or_else(|| given.text("callerId"));
    let own = own.unwrap_or_default();
    let caller = if part("module").is_some() { "module" } else { "stack" };
    let job = |kind, space: Template, stack: Template, run: Template, scope: Template| {
        let sub = text("space:").then(space.clone()).text(format!(":{caller}:"));
        let sub = sub.then(stack.clone()).text(":run_type:").then(run.clone());
        let job = Variant::new(kind).set("sub", sub.text(":scope:").then(scope.clone()));
        job.set("spaceId", space).set("callerId", stack).set("runType", run).set("scope", scope)
    };
    let any = |open: Open| Template::default().open(open);
    let other = |space, stack| job(Kind::Owner, space, stack, any(TYPE), any(SCOPE));
    vec![
        job(Kind::Plan, text(&space), text(&own), text(PROPOSED), text("read")),
        other(text(&space), any(STACK.excluding(&own))),
        other(any(SPACE.excluding(&space)), any(ANY_STACK)),
    ]
}
