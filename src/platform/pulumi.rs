//! Pulumi Deployments and Pulumi ESC, whose tokens have one issuer.

use super::{
    Audience, Claims, Id, Issuer, JobClaims, Note, Platform, Shape, Shared, Subjects, TokenSource,
    Way,
};

pub(super) const DEPLOYMENTS: Platform = Platform {
    marker: Some("PULUMI_DEPLOYMENTS_RUN_ID"),
    sources: &[
        TokenSource::Variable("PULUMI_OIDC_TOKEN", ""),
        TokenSource::File("/mnt/pulumi/pulumi.oidc"),
    ],
    sources_in_words: "PULUMI_OIDC_TOKEN, /mnt/pulumi/pulumi.oidc",
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
            "Only this operation is let in; a preview, a refresh and a destroy have their own. For \
             every operation, end the rule on sub with :operation:*:scope:*.",
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
    ..Platform::new(Id::PulumiDeployments, "Pulumi Deployments")
};

pub(super) const ESC: Platform = Platform {
    subjects: Subjects {
        shapes: &[Shape::new("pulumi:environments:org:{organization}:env:{environment}")],
        ..Subjects::NONE
    },
    ..Platform::new(Id::PulumiEsc, "Pulumi ESC")
};
