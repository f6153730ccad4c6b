//! CircleCI.

use super::kind::{GivenJob, Variant, text};
use super::{
    Audience, Beginning, Claims, Id, Issuer, JobClaims, Kind, Kinds, LogMarks, Platform, RELEASE,
    Shape, StepTemplate, StepValues, Subjects, TokenSource, Varying, Way,
};
use crate::policy::template::{Open, Template};
use crate::text;
use crate::text::command::Shell;

const PROJECT: &str = "\"oidc.circleci.com/project-id\"";
const ORIGIN: &str = "\"oidc.circleci.com/vcs-origin\"";
const REF: &str = "\"oidc.circleci.com/vcs-ref\"";

pub(super) const CIRCLECI: Platform = Platform {
    marker: Some("CIRCLECI"),
    sources: &[
        TokenSource::Variable("CIRCLE_OIDC_TOKEN_V2", ""),
        TokenSource::Variable("CIRCLE_OIDC_TOKEN", ""),
    ],
    sources_for_manual: "CIRCLE_OIDC_TOKEN_V2, CIRCLE_OIDC_TOKEN",
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
        mismatches: &[token_versions],
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
    kinds: Some(Kinds {
        others: kinds,
        unwanted,
        parts: &[
            ("project", PROJECT, ""),
            ("repository", ORIGIN, ""),
            ("ref", REF, ""),
            ("pull request", REF, "refs/pull/"),
        ],
    }),
    log: LogMarks {
        platform: &["CIRCLE_"],
        token_request: &["circleci run oidc get"],
        ..LogMarks::NONE
    },
    missing_token: Some(|login| {
        (
            "CircleCI sets CIRCLE_OIDC_TOKEN_V2 in its jobs, for an audience of its own. Request a \
             token for Pulumi Cloud in the job:",
            request(&login.audience),
        )
    }),
    step: Some(StepTemplate {
        argument: "circleci",
        about: "CircleCI: a step that runs when an earlier one failed",
        shells: &[Shell::Posix],
        yaml: step,
    }),
    ..Platform::new(Id::CircleCi, "CircleCI")
};

// The pattern has a fixed length, so that it cannot match into a branch's name.
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

/// CircleCI's own tokens have another audience, so the step requests one, as the login must.
fn step(values: &StepValues) -> String {
    format!(
        r#"# CircleCI: a step for the job that logs in, after the one that does. It runs if the job has failed, and
# does not change its result. The executor needs python3 with pip. Request the token as the login does.
{note}- run:
    name: Why the login to Pulumi Cloud fails
    when: on_fail
    command: |
      packages="$(mktemp -d)"
      python3 -m pip install --quiet --target "$packages" {RELEASE}
      PULUMI_TOKEN="$({request})"
      export PULUMI_TOKEN
      "$packages/bin/doctor" --token-env PULUMI_TOKEN --oidc-org {word}
"#,
        note = values.note,
        request = request(values.audience),
        word = values.organization,
    )
}

/// Explains a mismatch between the two token versions: V2 adds the source of the change to `sub`.
fn token_versions(rule: &str, subject: &str) -> Option<String> {
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
            "The rule has the subject of {wanted}, the token is {has}: the subject of V2 continues with \
             {SOURCE}REPOSITORY/vcs-ref/REF."
        )
    })
}

const BRANCH: Open = Open::new("branch", "another-branch", "");
const TAG: Open = Open::new("tag", "v1.0.0", "");
const OTHER: Open = Open::new("project", "00000000-0000-4000-8000-000000000001", "/");
const ANY_USER: Open = Open::new("user", "00000000-0000-4000-8000-000000000002", "/");
const ANY_REPOSITORY: Open = Open::new("repository", "github.com/acme/another", "");

/// Its tokens do not show pull requests: they are built like their branch.
fn kinds(given: &GivenJob) -> Vec<Variant> {
    let mut segments = given.subject().split('/');
    let (Some("org"), Some(organization), Some("project"), Some(own)) =
        (segments.next(), segments.next(), segments.next(), segments.next())
    else {
        return Vec::new();
    };
    let is_second = given.subject().contains("/vcs-origin/");
    let origin = given.text(ORIGIN).unwrap_or_default();
    let own_ref = given.text(REF).unwrap_or_default();
    let job = |kind, project: Template, origin: Template, reference: Template| {
        let subject = text(format!("org/{organization}/project/"));
        let mut subject = subject.then(project.clone()).text("/user/").open(ANY_USER);
        if is_second {
            let source = subject.text("/vcs-origin/").then(origin.clone());
            subject = source.text("/vcs-ref/").then(reference.clone());
        }
        let job = Variant::new(kind).set("sub", subject).set(PROJECT, project);
        job.set(ORIGIN, origin).set(REF, reference)
    };
    let here = |kind, folder: &str, open: Open| {
        let open = own_ref.strip_prefix(folder).into_iter().fold(open, Open::excluding);
        job(kind, text(own), text(&origin), text(folder).open(open))
    };
    let other = |reference: Template| {
        let project = Template::default().open(OTHER.excluding(own));
        let contexts = "\"oidc.circleci.com/context-ids\"";
        job(Kind::Owner, project, Template::default().open(ANY_REPOSITORY), reference)
            .unknown(&[contexts])
    };
    vec![
        here(Kind::Branch, "refs/heads/", BRANCH),
        here(Kind::PullRequest, "refs/heads/", BRANCH),
        here(Kind::Tag, "refs/tags/", TAG),
        other(text(&own_ref)),
        other(text("refs/heads/").open(BRANCH)),
        other(text("refs/tags/").open(TAG)),
    ]
}

/// Recognises builds of forks, which have such branches.
fn unwanted(given: &GivenJob) -> Option<Kind> {
    let is_pull =
        |name: String| name.starts_with("refs/heads/pull/") || name.starts_with("refs/pull/");
    given.text(REF).is_some_and(is_pull).then_some(Kind::PullRequest)
}
