//! Pipeline steps to paste that run the doctor when the login fails. The platforms' files have their
//! text.

use crate::cli::commands::StepPlatform;
use crate::pulumi::urn;

/// Replaces an organization that is not given.
const PLACEHOLDER: &str = "ORG";

/// The step, as YAML that ends with a line break. Without an organization, or with an empty name,
/// it holds a placeholder and says so.
pub(super) fn step(platform: StepPlatform, organization: Option<&str>) -> String {
    let named = organization.filter(|name| !name.is_empty());
    let note = match named {
        Some(_) => "",
        None => "# ORG stands for the organization in Pulumi Cloud.\n",
    };
    let name = named.unwrap_or(PLACEHOLDER);
    (platform.0.yaml)(note, name, &urn::organization(name))
}
