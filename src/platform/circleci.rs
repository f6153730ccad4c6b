//! CircleCI.

use super::{
    Audience, Beginning, Claims, Id, Issuer, JobClaims, LogMarks, Platform, Shape, Subjects,
    TokenSource, Varying, Way,
};
use crate::text;

const PROJECT: &str = "\"oidc.circleci.com/project-id\"";
const ORIGIN: &str = "\"oidc.circleci.com/vcs-origin\"";
const REF: &str = "\"oidc.circleci.com/vcs-ref\"";

pub(super) const CIRCLECI: Platform = Platform {
    marker: Some("CIRCLECI"),
    sources: &[
        TokenSource::Variable("CIRCLE_OIDC_TOKEN_V2", ""),
        TokenSource::Variable("CIRCLE_OIDC_TOKEN", ""),
    ],
    sources_in_words: "CIRCLE_OIDC_TOKEN_V2, CIRCLE_OIDC_TOKEN",
    audience: Audience::Chosen { request: Some(request), default: None },
    issuer: Some(Issuer::new(
        "CircleCI",
        &["https://oidc.circleci.com/org/"],
        &["oidc.circleci.com"],
    )),
    subjects: Subjects {
        shapes: &[
            Shape {
                varying: &[USER, PULL_REQUEST],
                ..Shape::new(
                    "org/{organization}/project/{project}/user/{user}/vcs-origin/{repository}\
                     /vcs-ref/refs/pull/{pull request}",
                )
            },
            Shape {
                varying: &[USER],
                ..Shape::new(
                    "org/{organization}/project/{project}/user/{user}/vcs-origin/{repository}\
                     /vcs-ref/{ref}",
                )
            },
            Shape {
                varying: &[USER],
                beside: &[ORIGIN, REF],
                ..Shape::new("org/{organization}/project/{project}/user/{user}")
            },
        ],
        beginnings: &[Beginning { text: "org/", differ_after: "/project/" }],
        mismatches: &[versions],
        ..Subjects::NONE
    },
    claims: Claims {
        documented: &[
            "\"oidc.circleci.com/context-ids\"",
            "\"oidc.circleci.com/job-id\"",
            "\"oidc.circleci.com/org-id\"",
            "\"oidc.circleci.com/pipeline-id\"",
            PROJECT,
            ORIGIN,
            REF,
            "\"oidc.circleci.com/workflow-id\"",
        ],
        per_run: &[
            "\"oidc.circleci.com/job-id\"",
            "\"oidc.circleci.com/pipeline-id\"",
            "\"oidc.circleci.com/workflow-id\"",
        ],
        dotted: &["oidc.circleci.com/"],
        job: Some(JobClaims {
            marks: &[PROJECT],
            ways: &[Way::new(&[PROJECT, ORIGIN, REF])],
            parts: &[PROJECT],
        }),
        ..Claims::NONE
    },
    log: LogMarks {
        platform: &["CIRCLE_"],
        token_request: &["circleci run oidc get"],
        ..LogMarks::NONE
    },
    missing_token: Some(|login| {
        (
            "CircleCI sets CIRCLE_OIDC_TOKEN_V2 in its jobs, for an audience of its own. A token \
             for Pulumi Cloud, the job requests:",
            request(&login.audience),
        )
    }),
    ..Platform::new(Id::CircleCi, "CircleCI")
};

// Of fixed length, so that its pattern cannot reach into a branch's name.
const USER: Varying = Varying {
    name: "user",
    pattern: "........-....-....-....-............",
    why: "is whoever starts the run",
};

const PULL_REQUEST: Varying =
    Varying { name: "pull request", pattern: "*", why: "is another one for the next change" };

fn request(audience: &str) -> String {
    let claims = text::json_line(&serde_json::json!({ "aud": audience }));
    format!("circleci run oidc get --claims {}", text::shell(claims.trim_end()))
}

/// The second token has the source of the change at the end of its subject.
fn versions(rule: &str, subject: &str) -> Option<String> {
    const SOURCE: &str = "/vcs-origin/";
    if !rule.starts_with("org/") || !subject.starts_with("org/") {
        return None;
    }
    let named = |text: &str| match text.contains(SOURCE) {
        true => "CIRCLE_OIDC_TOKEN_V2",
        false => "CIRCLE_OIDC_TOKEN",
    };
    let (wanted, has) = (named(rule), named(subject));
    (wanted != has && !rule.ends_with('*')).then(|| {
        format!(
            "The rule has the subject of {wanted}, the token is {has}: that of V2 goes on with \
             {SOURCE}REPOSITORY/vcs-ref/REF."
        )
    })
}
