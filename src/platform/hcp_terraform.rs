//! HCP Terraform.

use super::{
    Audience, Beginning, Claims, Id, Issuer, JobClaims, Platform, Shape, Shared, Subjects,
    TokenSource, Varying, Way,
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
            varying: &[PHASE],
            id: Some(("workspace", "terraform_workspace_id")),
            words: &["run phase"],
            ..Shape::new(
                "organization:{organization}:project:{project}:workspace:{workspace}\
                 :run_phase:{run phase}",
            )
        }],
        beginnings: &[Beginning::new("organization:")],
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
        per_run: &["terraform_run_id", "terraform_run_phase"],
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

const PHASE: Varying =
    Varying { name: "run phase", pattern: "*", why: "is plan, then apply of the same run" };

fn request(audience: &str) -> String {
    format!("TFC_WORKLOAD_IDENTITY_AUDIENCE={audience}")
}
