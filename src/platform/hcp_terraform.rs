//! HCP Terraform.

use super::{
    Audience, Beginning, Claims, Id, Issuer, JobClaims, Note, Platform, Shape, Shared, Subjects,
    TokenSource, Way,
};

pub(super) const HCP_TERRAFORM: Platform = Platform {
    marker: Some("TFC_RUN_ID"),
    sources: &[TokenSource::Variables(
        "TFC_WORKLOAD_IDENTITY_TOKEN",
        "the workspace needs the variable TFC_WORKLOAD_IDENTITY_AUDIENCE",
    )],
    sources_in_words: "TFC_WORKLOAD_IDENTITY_TOKEN, and with a suffix",
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
