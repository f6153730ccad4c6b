//! Kubernetes: projected tokens of service accounts, and the issuers of EKS, GKE and AKS.

use super::kind::{GivenJob, Variant, text};
use super::{
    Audience, Beginning, Claims, Id, Issuer, JobClaims, Kind, Kinds, LogMarks, Platform, Shape,
    Subjects, TokenSource, Way, subject,
};
use crate::policy::template::{Open, Template};

use crate::text;

const NAMESPACE: &str = "\"kubernetes.io\".namespace";
const ACCOUNT_NAME: &str = "\"kubernetes.io\".serviceaccount.name";
const ACCOUNT_ID: &str = "\"kubernetes.io\".serviceaccount.uid";

/// Requests a projected token (Kubernetes documentation, "Projected volumes", serviceAccountToken).
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
    sources_for_manual: "projected tokens under /var/run/secrets",
    audience: Audience::Chosen { request: Some(request), default: None },
    issuer: Some(Issuer::new(
        "Kubernetes",
        &[],
        &[
            // EKS, also in China.
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
    kinds: Some(Kinds {
        others: kinds,
        unwanted: |_| None,
        parts: &[("namespace", NAMESPACE, ""), ("service account", ACCOUNT_NAME, "")],
    }),
    log: LogMarks { keys: &["/openid/v1/jwks"], ..LogMarks::NONE },
    ..Platform::new(Id::Kubernetes, "Kubernetes")
};

const OTHER: Open = Open::new("service account", "another-account", ":");
const ANY_ACCOUNT: Open = Open::new("any account", "an-account", ":");
const STRANGER: Open = Open::new("namespace", "another-namespace", ":");
const ID: Open = Open::new("account's id", "00000000-0000-4000-8000-000000000001", "");

/// Service accounts of the same namespace have the same owner. Other namespaces belong to
/// strangers.
fn kinds(given: &GivenJob) -> Vec<Variant> {
    let subject = subject::describe("", given.subject());
    let part = |name: &str, claim: &str| {
        subject.as_ref().and_then(|known| known.part(name)).or_else(|| given.text(claim))
    };
    let namespace = part("namespace", NAMESPACE).unwrap_or_default();
    let account = part("service account", ACCOUNT_NAME).unwrap_or_default();
    let strangers = Template::default().open(STRANGER.excluding(&namespace));
    [
        (Kind::Owner, text(&namespace), OTHER.excluding(&account)),
        (Kind::Stranger, strangers, ANY_ACCOUNT),
    ]
    .into_iter()
    .map(|(kind, namespace, account)| {
        let subject = text("system:serviceaccount:").then(namespace.clone()).text(":");
        Variant::new(kind)
            .set("sub", subject.open(account.clone()))
            .set(NAMESPACE, namespace)
            .open(ACCOUNT_NAME, account)
            .other_id(given, ACCOUNT_ID, ID)
    })
    .collect()
}
