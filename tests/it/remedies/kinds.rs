//! The kinds of job that a policy may let in. This table is independent of the program's.

use super::jobs::{Job, Model};

/// Other jobs of the platform, with their kinds.
pub fn other_jobs(model: &Model, job: &Job) -> Vec<(&'static str, Job)> {
    let can = model.can;
    let plain =
        Job { is_pull_request: false, environment: None, is_plan: job.is_plan, ..job.clone() };
    let on = |name: &str, is_protected: bool| Job {
        branch: name.to_owned(),
        is_tag: false,
        is_protected,
        ..plain.clone()
    };
    let table = [
        ("branch", can.branch, on("some-branch", false)),
        ("protected-branch", can.branch, on("release", true)),
        ("tag", can.tag, Job { branch: "v9".to_owned(), is_tag: true, ..plain.clone() }),
        (
            "pull-request",
            can.pull_request,
            Job { is_pull_request: true, ..on("some-branch", false) },
        ),
        ("plan", can.plan, Job { is_plan: true, ..plain.clone() }),
        (
            "environment",
            can.environment,
            Job { environment: Some("some-environment".to_owned()), ..plain.clone() },
        ),
        ("owner", true, Job { project: "other-project".to_owned(), ..job.clone() }),
        ("stranger", true, Job { owner: "mallory".to_owned(), ..job.clone() }),
        ("audience", can.audience, Job { audience: "sts.amazonaws.com".to_owned(), ..job.clone() }),
    ];
    let known = table.into_iter().filter(|(_, exists, _)| *exists);
    known
        .map(|(kind, _, other)| (kind, other))
        .filter(|(_, other)| !is_same(model, job, other))
        .collect()
}

/// Whether the tokens of two jobs have the same issuer, subject and audience.
pub fn is_same(model: &Model, job: &Job, other: &Job) -> bool {
    let identity = |job: &Job| {
        let claims = model.claims(job);
        (claims["iss"].clone(), claims["sub"].clone(), claims["aud"].clone())
    };
    identity(job) == identity(other)
}
