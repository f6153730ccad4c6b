//! HCP Terraform.

use super::kind::{GivenJob, Variant, text};
use super::{
    Audience, Beginning, Claims, Id, Issuer, JobClaims, Kind, Kinds, Note, Platform, Shape, Shared,
    Subjects, TokenSource, Way, subject,
};
use crate::policy::template::{Open, Template};

pub(super) const HCP_TERRAFORM: Platform = Platform {
    marker: Some("TFC_RUN_ID"),
    sources: &[TokenSource::Variables(
        "TFC_WORKLOAD_IDENTITY_TOKEN",
        "the workspace needs the variable TFC_WORKLOAD_IDENTITY_AUDIENCE",
    )],
    sources_for_manual: "TFC_WORKLOAD_IDENTITY_TOKEN, and with a suffix",
    audience: Audience::Chosen { request: Some(request), default: None },
    issuer: Some(Issuer {
        shared: Some(Shared {
            everybody: "every workspace on HCP Terraform",
            owner: "organization",
            claims: &["terraform_organization_", "terraform_project_id", "terraform_workspace_id"],
            keys: &["organization"],
            escaped: false,
        }),
        ..Issuer::new(
            "HCP Terraform",
            &["https://app.terraform.io", "https://app.eu.terraform.io"],
            &["app.terraform.io", "app.eu.terraform.io"],
        )
    }),
    subjects: Subjects {
        shapes: &[Shape {
            id: Some(("workspace", "terraform_workspace_id")),
            words: &["run phase"],
            ..Shape::new(
                "organization:{organization}:project:{project}:workspace:{workspace}\
                 :run_phase:{run phase}",
            )
        }],
        beginnings: &[Beginning::new("organization:")],
        notes: &[
            Note {
                value: Some("apply"),
                ..Note::new(
                    "run phase",
                    "Only the apply phase is let in. The plan of the same run has a token of its \
                     own, with run_phase:plan: add an entry for it only if that is meant.",
                )
            },
            Note {
                value: Some("plan"),
                ..Note::new(
                    "run phase",
                    "Speculative plans are let in as well, so only if that is meant. The apply of \
                     the same run has a token of its own, with run_phase:apply: it needs an entry \
                     too.",
                )
            },
        ],
        ..Subjects::NONE
    },
    claims: Claims {
        documented: &[
            "terraform_full_workspace",
            "terraform_organization_id",
            "terraform_organization_name",
            "terraform_project_id",
            "terraform_project_name",
            "terraform_run_id",
            "terraform_run_phase",
            "terraform_workspace_id",
            "terraform_workspace_name",
        ],
        per_run: &["terraform_run_id"],
        names: &[
            "terraform_full_workspace",
            "terraform_organization_name",
            "terraform_project_name",
            "terraform_workspace_name",
        ],
        values: &[("terraform_run_phase", &["plan", "apply"])],
        job: Some(JobClaims {
            marks: &["terraform_workspace_name"],
            ways: &[
                Way::new(&["terraform_workspace_id"]),
                Way::new(&[
                    "terraform_organization_name",
                    "terraform_project_name",
                    "terraform_workspace_name",
                ]),
            ],
            parts: &["terraform_project_id", "terraform_organization_name"],
        }),
        ..Claims::NONE
    },
    kinds: Some(Kinds {
        others: kinds,
        unwanted: |given| given.has_value("terraform_run_phase", PLAN).then_some(Kind::Plan),
        parts: &[
            ("organization", "terraform_organization_name", ""),
            ("project", "terraform_project_name", ""),
            ("workspace", "terraform_workspace_name", ""),
            ("run phase", "terraform_run_phase", ""),
        ],
    }),
    missing_token: Some(|login| {
        (
            "Set this environment variable on the workspace, or in a variable set:",
            request(&login.audience),
        )
    }),
    ..Platform::new(Id::HcpTerraform, "HCP Terraform")
};

fn request(audience: &str) -> String {
    format!("TFC_WORKLOAD_IDENTITY_AUDIENCE={audience}")
}

const PLAN: &str = "plan";
const OTHER: Open = Open::new("workspace", "another-workspace", ":");
const ANY_WORKSPACE: Open = Open::new("any workspace", "a-workspace", ":");
const OTHER_PROJECT: Open = Open::new("project", "another-project", ":");
const STRANGER: Open = Open::new("organization", "somebody-else", ":");
const PHASE_OF_OTHERS: Open = Open::new("run phase", "apply", ":");
const ID: Open = Open::new("workspace's id", "ws-another", "");
const PROJECT_ID: Open = Open::new("project's id", "prj-another", "");
const ORGANIZATION_ID: Open = Open::new("organization's id", "org-another", "");

fn kinds(given: &GivenJob) -> Vec<Variant> {
    let subject = subject::describe("", given.subject());
    let part = |name: &str, claim: &str| {
        subject.as_ref().and_then(|known| known.part(name)).or_else(|| given.text(claim))
    };
    let organization = part("organization", "terraform_organization_name").unwrap_or_default();
    let project = part("project", "terraform_project_name").unwrap_or_default();
    let workspace = part("workspace", "terraform_workspace_name").unwrap_or_default();
    let job =
        |kind, organization: Template, project: Template, workspace: Template, phase: Template| {
            let variant = Variant::new(kind);
            let full = text("organization:").then(organization.clone()).text(":project:");
            let full = full.then(project.clone()).text(":workspace:").then(workspace.clone());
            let sub = full.clone().text(":run_phase:").then(phase.clone());
            let variant =
                if given.subject().is_empty() { variant } else { variant.set("sub", sub) };
            variant
                .set("terraform_organization_name", organization)
                .set("terraform_project_name", project)
                .set("terraform_workspace_name", workspace)
                .set("terraform_full_workspace", full)
                .set("terraform_run_phase", phase)
        };
    let any = |open: Open| Template::default().open(open);
    let phase = || any(PHASE_OF_OTHERS);
    let (here, own) = (text(&organization), text(&project));
    let in_project =
        job(Kind::Owner, here.clone(), own.clone(), any(OTHER.excluding(&workspace)), phase())
            .other_id(given, "terraform_workspace_id", ID);
    let in_organization = job(
        Kind::Owner,
        here.clone(),
        any(OTHER_PROJECT.excluding(&project)),
        any(ANY_WORKSPACE),
        phase(),
    )
    .other_id(given, "terraform_workspace_id", ID)
    .other_id(given, "terraform_project_id", PROJECT_ID);
    let strangers = any(STRANGER.excluding(&organization));
    let stranger = job(Kind::Stranger, strangers, any(OTHER_PROJECT), any(ANY_WORKSPACE), phase())
        .other_id(given, "terraform_workspace_id", ID)
        .other_id(given, "terraform_project_id", PROJECT_ID)
        .other_id(given, "terraform_organization_id", ORGANIZATION_ID);
    vec![
        job(Kind::Plan, here, own, text(&workspace), text(PLAN)),
        in_project,
        in_organization,
        stranger,
    ]
}
