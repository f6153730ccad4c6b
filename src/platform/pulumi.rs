//! Pulumi Deployments and Pulumi ESC, which share an issuer.

use super::kind::{GivenJob, Variant, text};
use super::{
    Audience, Claims, Id, Issuer, JobClaims, Kind, Kinds, Note, Platform, Shape, Shared, Subjects,
    TokenSource, Way, subject,
};
use crate::policy::template::{Open, Template};

pub(super) const DEPLOYMENTS: Platform = Platform {
    marker: Some("PULUMI_DEPLOYMENTS_RUN_ID"),
    marked_by: Some(("PULUMI_CI_SYSTEM", "Pulumi Deployments")),
    sources: &[
        TokenSource::Variable("PULUMI_OIDC_TOKEN", ""),
        TokenSource::File("/mnt/pulumi/pulumi.oidc"),
    ],
    sources_for_manual: "PULUMI_OIDC_TOKEN, /mnt/pulumi/pulumi.oidc",
    // The organization's name.
    audience: Audience::Fixed(&[]),
    issuer: Some(Issuer {
        shared: Some(Shared {
            everybody: "every stack and environment on Pulumi Cloud",
            owner: "organization",
            claims: &["org"],
            keys: &["org"],
            escaped: false,
        }),
        ..Issuer::new("Pulumi Deployments", &["https://api.pulumi.com/oidc"], &["api.pulumi.com"])
    }),
    subjects: Subjects {
        shapes: &[Shape {
            words: &["operation", "scope"],
            ..Shape::new(
                "pulumi:deploy:org:{organization}:project:{project}:stack:{stack}\
                 :operation:{operation}:scope:{scope}",
            )
        }],
        notes: &[Note::new(
            "operation",
            "Only this operation is let in. A preview, a refresh and a destroy have tokens of their \
             own: add an entry for each that is needed, for previews only if that is meant.",
        )],
        ..Subjects::NONE
    },
    claims: Claims {
        documented: &["operation", "org", "project", "scope", "stack"],
        job: Some(JobClaims {
            marks: &["org", "project", "stack"],
            ways: &[Way::new(&["org", "project", "stack", "operation", "scope"])],
            parts: &["stack", "project", "org"],
        }),
        ..Claims::NONE
    },
    kinds: Some(Kinds {
        others: kinds,
        unwanted: |given| given.has_value("operation", PREVIEW).then_some(Kind::Plan),
        parts: &[
            ("organization", "org", ""),
            ("project", "project", ""),
            ("stack", "stack", ""),
            ("operation", "operation", ""),
            ("scope", "scope", ""),
        ],
    }),
    ..Platform::new(Id::PulumiDeployments, "Pulumi Deployments")
};

pub(super) const ESC: Platform = Platform {
    subjects: Subjects {
        shapes: &[Shape::new("pulumi:environments:org:{organization}:env:{environment}")],
        ..Subjects::NONE
    },
    ..Platform::new(Id::PulumiEsc, "Pulumi ESC")
};

const PREVIEW: &str = "preview";
const STACK: Open = Open::new("stack", "another-stack", ":");
const ANY_STACK: Open = Open::new("any stack", "a-stack", ":");
const PROJECT: Open = Open::new("project", "another-project", ":");
const STRANGER: Open = Open::new("organization", "somebody-else", ":");
const OPERATION: Open = Open::new("operation", "update", ":");
const SCOPE: Open = Open::new("scope", "write", ":");

/// Pull requests start previews.
fn kinds(given: &GivenJob) -> Vec<Variant> {
    let subject = subject::describe("", given.subject());
    let part = |name: &str, claim: &str| {
        let known = subject.as_ref().and_then(|known| known.part(name));
        known.or_else(|| given.text(claim)).unwrap_or_default()
    };
    let (organization, project) = (part("organization", "org"), part("project", "project"));
    let (stack, own_scope) = (part("stack", "stack"), part("scope", "scope"));
    let job = |kind,
               org: Template,
               project: Template,
               stack: Template,
               operation: Template,
               scope: Template| {
        let sub = text("pulumi:deploy:org:").then(org.clone()).text(":project:");
        let sub = sub.then(project.clone()).text(":stack:").then(stack.clone());
        let sub = sub.text(":operation:").then(operation.clone()).text(":scope:");
        let job = Variant::new(kind).set("sub", sub.then(scope.clone())).set("org", org);
        let job = job.set("project", project).set("stack", stack);
        job.set("operation", operation).set("scope", scope)
    };
    let any = |open: Open| Template::default().open(open);
    let other =
        |kind, org, project, stack| job(kind, org, project, stack, any(OPERATION), any(SCOPE));
    let (here, own) = (text(&organization), text(&project));
    let stranger = any(STRANGER.excluding(&organization));
    vec![
        job(Kind::Plan, here.clone(), own.clone(), text(&stack), text(PREVIEW), text(own_scope)),
        other(Kind::Owner, here.clone(), own, any(STACK.excluding(&stack))),
        other(Kind::Owner, here, any(PROJECT.excluding(&project)), any(ANY_STACK)),
        // The audience is the organization's name.
        other(Kind::Stranger, stranger.clone(), any(PROJECT), any(ANY_STACK)).set("aud", stranger),
    ]
}
