//! Kubernetes: projected tokens of service accounts, and the issuers of EKS, GKE and AKS.

use super::{
    Audience, Beginning, Claims, Id, Issuer, JobClaims, LogMarks, Platform, Shape, Subjects,
    TokenSource, Way,
};

use crate::text;

const NAMESPACE: &str = "\"kubernetes.io\".namespace";
const ACCOUNT_NAME: &str = "\"kubernetes.io\".serviceaccount.name";
const ACCOUNT_ID: &str = "\"kubernetes.io\".serviceaccount.uid";

/// A projected token (Kubernetes documentation, "Projected volumes", serviceAccountToken).
fn request(audience: &str) -> String {
    format!(
        "volumes:\n  - name: pulumi-token\n    projected:\n      sources:\n        - \
         serviceAccountToken:\n            path: token\n            audience: {}",
        text::yaml(audience)
    )
}

pub(super) const KUBERNETES: Platform = Platform {
    sources: &[
        TokenSource::File("/var/run/secrets/pulumi/token"),
        TokenSource::File("/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
        TokenSource::File("/var/run/secrets/kubernetes.io/serviceaccount/token"),
    ],
    sources_in_words: "projected tokens under /var/run/secrets",
    audience: Audience::Chosen { request: Some(request), default: None },
    issuer: Some(Issuer::new(
        "Kubernetes",
        &[],
        &[
            // EKS, in China too.
            "oidc.eks.*.amazonaws.com",
            "oidc.eks.*.amazonaws.com.cn",
            // GKE.
            "container.googleapis.com",
            // AKS.
            "*.oic.prod-aks.azure.com",
        ],
    )),
    subjects: Subjects {
        shapes: &[Shape {
            id: Some(("service account", ACCOUNT_ID)),
            ..Shape::new("system:serviceaccount:{namespace}:{service account}")
        }],
        beginnings: &[Beginning::new("system:serviceaccount:")],
        ..Subjects::NONE
    },
    claims: Claims {
        // The Kubernetes API's documentation of bound tokens.
        documented: &[
            NAMESPACE,
            "\"kubernetes.io\".node.name",
            "\"kubernetes.io\".node.uid",
            "\"kubernetes.io\".pod.name",
            "\"kubernetes.io\".pod.uid",
            ACCOUNT_NAME,
            ACCOUNT_ID,
            "\"kubernetes.io\".warnafter",
        ],
        per_run: &[
            "\"kubernetes.io\".node.name",
            "\"kubernetes.io\".node.uid",
            "\"kubernetes.io\".pod.name",
            "\"kubernetes.io\".pod.uid",
            "\"kubernetes.io\".warnafter",
        ],
        dotted: &["kubernetes.io", "eks.amazonaws.com"],
        job: Some(JobClaims {
            marks: &[NAMESPACE],
            ways: &[Way::new(&[ACCOUNT_ID]), Way::new(&[NAMESPACE, ACCOUNT_NAME])],
            parts: &[NAMESPACE],
        }),
        ..Claims::NONE
    },
    log: LogMarks { keys: &["/openid/v1/jwks"], ..LogMarks::NONE },
    ..Platform::new(Id::Kubernetes, "Kubernetes")
};
